"""Models at an endpoint, for `engines.options` and for training at an endpoint. It imports `models`, `calls` and what
lies below.
"""
