"""What the Snakefile reads: a study's files and options, and which jobs are to be carried out. No heavy import.

It imports the rooms below that its configuration names.
"""
