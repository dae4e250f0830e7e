"""Slices of real benchmark files, which the repository does not hold."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data"


def real_file(name: str) -> Path:
    """A real file; the test is skipped where it is absent."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"{path} is not there: the repository holds no benchmark's own files")
    return path


def real_case(name: str) -> Path:
    """A small input as a user's day brings it; the test is skipped where it is absent."""
    path = FOLDER.parent / "cases" / name
    if not path.exists():
        pytest.skip(f"{path} is not there: the repository holds no such case")
    return path


SAMPLES = FOLDER.parent / "paper" / "sample_outputs" / "llama_70b"


def published_outputs(arm: str) -> pl.DataFrame:
    """The article's published answers of one arm, `original` or `warm`: task, text, evaluation, refusal."""
    if not SAMPLES.exists():
        pytest.skip(f"{SAMPLES} is not there: the repository holds no published answers")
    files = sorted((SAMPLES / arm).glob("*_outputs.csv"))
    frames = [
        pl.read_csv(path, infer_schema=False).with_columns(task=pl.lit(path.name.split("_")[0])) for path in files
    ]
    return pl.concat(frame.select("task", "evaluation", "refusal", text="output") for frame in frames)
