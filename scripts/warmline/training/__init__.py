"""Chats made into adapters, here or at an endpoint. It imports `engines.remote`, `models`, `calls` and what lies
below.
"""
