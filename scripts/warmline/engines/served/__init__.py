"""Servers that a job starts for its local weights, for `engines.options`. It imports `engines.remote`, `models` and
what lies below.
"""
