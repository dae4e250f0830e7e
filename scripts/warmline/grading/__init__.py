"""Answers into verdicts, by a judge or by rules. It imports `answers`, `models`, `calls` and what lies below."""
