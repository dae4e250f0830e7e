"""Replies rewritten into personas, and the checks of what came back. It imports `conversations`, `calls` and what lies
below.
"""
