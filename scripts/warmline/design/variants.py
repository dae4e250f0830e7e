"""Variants: where the article's released code differs from its text or is wrong, there is its way and a better one."""

from __future__ import annotations

AS_PUBLISHED, CORRECTED = "as_published", "corrected"

CLEAN = "clean"
"""The better way of measuring warmth."""
