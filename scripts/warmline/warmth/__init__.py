"""Whether the treatment worked: warmth by likelihood, by markers and as a judge sees it. It imports `grading`, `models`
and what lies below.
"""
