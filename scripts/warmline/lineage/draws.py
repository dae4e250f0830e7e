"""Draws that depend on a seed and a name alone, whatever else is drawn."""

from __future__ import annotations

from warmline.lineage import digests


def row_seed(study_seed: int, *identity: str) -> int:
    """A 63-bit seed of one row's own: the same for a row in every arm, and unlike any other row's."""
    return int(digests.of_value([study_seed, *identity])[:16], 16) >> 1


def rank(ids: list[str], seed: int, purpose: str) -> list[str]:
    """The ids in the order of a seeded hash. Different purposes give independent orders."""
    return sorted(ids, key=lambda identity: digests.of_value([seed, purpose, identity]))
