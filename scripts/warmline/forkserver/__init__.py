"""Jobs that run beside Snakemake, forked from a process that has the imports of other packages done.

For the command lines of the rules, which call `python`: the one in this folder. Imports nothing of the library, and is
imported by nothing of it: the modules are programs of their own.
"""
