"""Everything joined into the table that the statistics read, or imported from elsewhere. It imports `grading`,
`answers`, `models` and what lies below.
"""
