"""What the Snakefile reads: the study's files, options and edges, without a heavy import. It imports the rooms below
that its configuration names.
"""
