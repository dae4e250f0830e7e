"""From a study's tables to its effects and the tables for print, as the rules call the scripts."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import polars as pl
import pytest
import small_study
from repository import REPOSITORY

from warmline.tables import csv_tables
from warmline.tables.regression_results import EFFECTS

NAMES = ("accuracy", "paired_tests", "coefficients", "marginal_effects", "sycophancy", "warmth")


def run(name: str, *words: object) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [str(REPOSITORY / "scripts" / name), *map(str, words)])
        runpy.run_path(sys.argv[0], run_name="__main__")


@pytest.fixture
def statistics(tmp_path: Path) -> Path:
    folder = tmp_path / "statistics"
    (folder / "marginal_effects/contexts").mkdir(parents=True)
    for arm, state in {"warm@2": "fitted", "cold@2": "separation"}.items():
        small_study.marginal_effects(state).write_csv(folder / f"marginal_effects/contexts/{arm}.csv")
    for name in ("accuracy", "paired_tests", "sycophancy", "warmth"):
        getattr(small_study, name)().write_csv(folder / f"{name}.csv")
    return folder


def gather(statistics: Path) -> pl.DataFrame:
    fits = sorted((statistics / "marginal_effects").glob("*/*.csv"), reverse=True)
    run(
        *("regressions/gather_effects.py", "--marginal-effects", *fits, "--sycophancy", statistics / "sycophancy.csv"),
        *("--article", REPOSITORY / "config/published/article.csv", "--effects", statistics / "effects.csv"),
    )
    return csv_tables.read(statistics / "effects.csv", EFFECTS)


def test_effects_are_gathered_by_the_names_of_their_files(statistics: Path) -> None:
    table = gather(statistics)
    assert table.schema == EFFECTS.schema
    named = table.select("analysis", "arm").unique(maintain_order=True).rows()
    assert named == [("contexts", "warm@2"), ("contexts", "cold@2"), ("sycophancy", "warm@2")]
    assert table.filter(arm="cold@2")["state"].unique().to_list() == ["separation"]
    assert table.drop_nulls("article").select("subset", "article").rows() == [("sad", 11.9)]


def test_tables_for_print_are_written_from_the_statistics(statistics: Path, tmp_path: Path) -> None:
    gather(statistics)
    files = {"accuracy": "accuracy", "paired-tests": "paired_tests", "effects": "effects"}
    files |= {name: name for name in ("sycophancy", "warmth")}
    read = [word for name, file in files.items() for word in (f"--{name}", statistics / f"{file}.csv")]
    written = [word for name in NAMES for word in (f"--{name.replace('_', '-')}-table", tmp_path / f"{name}.tex")]
    run("report/write_tables.py", *read, *written)
    for name in NAMES:
        assert f"\\label{{tab:{name.replace('_', '-')}}}" in (tmp_path / f"{name}.tex").read_text()
