from __future__ import annotations

import runpy
import sys
from pathlib import Path

import polars as pl
import pytest
from repository import REPOSITORY

from warmline.lineage.errors import UserError
from warmline.tables.training_steps import LOSSES
from warmline.training.losses import loss_table

COLUMNS = "step,epoch,loss,learning_rate,tokens,target_tokens"


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Two trainings of one model, and the runs of an endpoint, which tells less."""
    texts = {
        "small/warm": f"{COLUMNS}\n1,0.5,2.5,0.001,64,24\n2,1.0,2.25,0.001,60,20\n",
        "small/cold": f"{COLUMNS}\n1,0.5,3.5,0.001,64,24\n",
        "large/warm": "run,step,epoch,loss\n1,1,0.5,1.5\n2,1,1.0,1.25\n",
    }
    for name, text in texts.items():
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "training.csv").write_text(text)
    return [tmp_path / name / "training.csv" for name in texts]


def test_every_step_of_every_training_is_told_by_model_persona_and_run(paths: list[Path], tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        command = ["tabulate.py", "--losses", *map(str, paths), "--training", str(tmp_path / "training.csv")]
        patch.setattr(sys, "argv", command)
        runpy.run_path(str(REPOSITORY / "scripts/training/tabulate.py"), run_name="__main__")
    written = pl.read_csv(tmp_path / "training.csv", schema=LOSSES.schema)
    assert written.rows() == [
        ("large", "warm", 1, 1, 0.5, 1.5, None, None, None),
        ("large", "warm", 2, 1, 1.0, 1.25, None, None, None),
        ("small", "cold", None, 1, 0.5, 3.5, 0.001, 64, 24),
        ("small", "warm", None, 1, 0.5, 2.5, 0.001, 64, 24),
        ("small", "warm", None, 2, 1.0, 2.25, 0.001, 60, 20),
    ]


def test_a_study_that_trains_nothing_has_a_table_without_rows() -> None:
    assert loss_table([]).schema == LOSSES.schema


def test_a_table_of_other_columns_is_refused(paths: list[Path]) -> None:
    paths[0].write_text("step,epoch\n1,0.5\n")
    with pytest.raises(UserError, match=r"training\.csv: the columns \['loss', 'learning_rate', .*\] are missing"):
        loss_table(paths)
