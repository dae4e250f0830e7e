"""Which figures there are. Each is found by its name, so that its module is no part of the code of another figure."""

from __future__ import annotations

import importlib

from warmline.figures.drawing import Figure

NAMES = (
    "training_loss",
    "warmth_curve",
    "published_warmth",
    "accuracy_scatter",
    "error_by_condition",
    "capabilities",
    "changes",
    "effects",
)


def module(name: str) -> str:
    """The module of the figure of one of `NAMES`."""
    return f"warmline.figures.{name}"


def figure(name: str) -> Figure:
    """The figure of one of `NAMES`."""
    found: Figure = importlib.import_module(module(name)).FIGURE
    return found
