"""The figures of a study, a module each, for the script that draws one. It imports `regressions`, `warmth` and what
lies below.
"""
