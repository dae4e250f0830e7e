"""Rates and paired tests of errors, refusals and warmth. It imports `observations`, `warmth` and what lies below."""
