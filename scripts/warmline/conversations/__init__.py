"""What is trained on: conversations read, screened, labelled and drawn. It imports `tables`, `sources` and what lies
below.
"""
