"""The tables of a study, each declared apart from its maker, for whoever makes or reads one. It imports `lineage` and
`design`.
"""
