from __future__ import annotations

import dataclasses
import json
import runpy
import sys
from pathlib import Path

import polars as pl
import pytest
import small_study
from measured_warmth import CURVE, warmth
from repository import REPOSITORY

from warmline.models import cards
from warmline.models.cards import Adapter, LocalModel, RemoteModel, Weights
from warmline.tables import parquet_tables
from warmline.tables.warmth import WARMTH


def run_script(name: str, *words: object) -> None:
    """Run a script as its own program would, but without importing the libraries again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [str(REPOSITORY / "scripts" / name), *map(str, words)])
        runpy.run_path(sys.argv[0], run_name="__main__")


def resolve(folder: Path, arm: str, *words: object) -> cards.Arm:
    cards.write(Weights("results/models/small", "abc"), folder / "base.json")
    named = [
        "--model",
        "small",
        "--arm",
        arm,
        "--persona",
        "warm",
        "--engine",
        "transformers",
        "--projection-code",
        "1",
    ]
    sampling = json.dumps({"validation": {"temperature": 0.8, "max_new_tokens": 8}})
    files = ["--base", folder / "base.json", "--card", folder / "arm.json"]
    run_script("answers/resolve_arm.py", *named, "--precision", "float32", "--sampling", sampling, *files, *words)
    return cards.read_arm(folder / "arm.json")


@pytest.mark.parametrize("remote", [False, True])
def test_an_arm_by_rule_is_the_arm_of_the_chosen_epoch_but_for_its_name(tmp_path: Path, remote: bool) -> None:
    """So all its calls are the other's: a ledger key knows the respondent, the messages and the sampling."""
    parquet_tables.write(warmth(CURVE), WARMTH, tmp_path / "warmth.parquet")
    epochs = [arm.partition("@")[2] for arm in CURVE]
    paths = [tmp_path / f"epoch-{epoch}.json" for epoch in epochs]
    for path in paths:
        cards.write(RemoteModel(path.stem) if remote else Adapter(str(path.with_suffix("")), path.stem), path)
    words = ["--warmth", tmp_path / "warmth.parquet", "--adapters", *paths, "--epochs", *epochs, "--persona", "warm"]
    choice = tmp_path / "plateau.json"
    run_script("warmth/choose_checkpoint.py", *words, "--direction", "up", "--tolerance", 0.05, "--choice", choice)
    assert cards.read_choice(choice).checkpoint == 1
    fixed = resolve(tmp_path, "warm@1", "--adapter", tmp_path / "epoch-1.json", "--checkpoint", 1)
    by_rule = resolve(tmp_path, "warm@plateau", "--choice", choice)
    assert by_rule == dataclasses.replace(fixed, arm="warm@plateau")
    if not remote:
        assert isinstance(by_rule.answerer, LocalModel)
        assert by_rule.answerer.adapter == Adapter(str(tmp_path / "epoch-1"), "epoch-1")


def pass_gate(folder: Path, checked: pl.DataFrame) -> Path:
    checked.write_csv(folder / "check.csv")
    run_script("warmth/pass_gate.py", "--check", folder / "check.csv", "--gate", folder / "gate.csv")
    return folder / "gate.csv"


def test_a_gate_is_the_same_while_the_verdicts_are(tmp_path: Path) -> None:
    """So nothing that waits for it is stale because a treatment was made anew and worked again."""
    worked = small_study.manipulation().filter(pl.col("arm") != "warm-prompt")
    once = pass_gate(tmp_path, worked).read_bytes()
    assert (
        pass_gate(tmp_path, worked.with_columns(pl.col("lift", "lower", "upper", "plateau_epoch") * 2)).read_bytes()
        == once
    )


def test_a_gate_is_not_passed_by_an_arm_that_failed(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"^error: warm-prompt of small: it should be warmer") as ended:
        pass_gate(tmp_path, small_study.manipulation())
    assert "cold@2" not in str(ended.value)
    assert not (tmp_path / "gate.csv").exists()


def test_a_check_is_written_with_a_verdict_for_each_treated_arm(tmp_path: Path) -> None:
    parquet_tables.write(warmth({"warm@1": 0.01, "warm@2": 0.02, "cold@1": 0.0}), WARMTH, tmp_path / "warmth.parquet")
    arms = ["--arms", "warm@2", "cold@1", "--directions", json.dumps({"warm": "up", "cold": "down"})]
    files = ["--warmth", tmp_path / "warmth.parquet", "--check", tmp_path / "check.csv"]
    run_script("warmth/check_manipulation.py", *files, *arms, "--tolerance", 0.05, "--seed", 1)
    table = pl.read_csv(tmp_path / "check.csv").select("arm", "verdict", "plateau_epoch")
    assert table.filter(arm="warm@2").row(0) == ("warm@2", "warmer", 2)
    assert table["arm"].to_list() == ["cold@1", "warm@2"]
