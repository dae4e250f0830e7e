"""Who can answer: cards, weights and adapters, for engines, training and the scores of warmth. It imports `calls` and
what lies below.
"""
