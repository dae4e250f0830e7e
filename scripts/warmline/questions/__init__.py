"""Benchmarks read into questions, for the prompts. It imports `sources` and what lies below."""
