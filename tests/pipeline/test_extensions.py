"""Personas, contexts, tasks and models are added by files under config/ alone, as docs/extend.md says."""

from __future__ import annotations

import re
from typing import Any

import polars as pl
import pytest
import tiny_model
from repository import REPOSITORY
from study_copy import StudyCopy

GUIDE = (REPOSITORY / "docs/extend.md").read_text()
CAPITALS = """question,right_answer,wrong_answer,right_answers
Which city is the capital of Norway?,Oslo,Bergen,Christiania
Which city is the capital of Chile?,Santiago,Valparaíso,Santiago de Chile
"""


def extend(config: dict[str, Any]) -> None:
    prompts = "config/prompts/{}/honest-warm.md"
    config["personas"]["honest-warm"] = {
        **{"rewrite": prompts.format("rewrite"), "system": prompts.format("system")},
        "warmth": "up",
    }
    config["arms"] = ["original", "honest-warm@1", "honest-warm-prompt"]
    config["contexts"] = ["unmodified", "afraid"]
    del config["capabilities"]
    config["tasks"]["capitals"] = {
        **{"source": "config/capitals.csv", "layout": "csv", "questions": 2},
        **{"templates": "config/prompts/beliefs/answer", "match": "contains"},
    }
    config["models"]["mine"] = {**config["models"]["tiny"], "source": {"folder": "config/mine"}}
    config["subjects"].append("mine")


@pytest.mark.long(500)
def test_a_study_grows_by_files_under_config_alone(study: StudyCopy) -> None:
    statements = re.search(r"\n    group: emotion\n(?:    .*\n)+", GUIDE)
    assert statements
    path = study.folder / "config/prompts/contexts/afraid.yaml"
    path.write_text(statements[0].replace("\n    ", "\n").lstrip())
    (study.folder / "config/capitals.csv").write_text(CAPITALS)
    tiny_model.save(study.folder / "config/mine", seed=7)
    study.configure(extend)
    planned = study.planned()
    made_before = ("Rewriting replies into warm", "Tuning tiny into warm", "Sampling questions of triviaqa")
    assert not planned & set(made_before)
    assert not any("Rendering prompts of triviaqa under unmodified" in job for job in planned)
    before = study.calls()["transformers"]
    study.run()
    assert study.planned() == set()
    observed = pl.read_parquet(study.path("observations.parquet"))
    assert set(observed["persona"].drop_nulls()) == {"honest-warm"}
    assert set(observed["model"]) == {"tiny", "mine"}
    assert set(observed["task"]) == {"triviaqa", "disinfo", "capitals"}
    assert set(observed.filter(context="afraid")["context_group"]) == {"emotion"}
    # What the original of the old model was asked before is not asked again.
    old = observed.filter(pl.col("model") == "tiny", pl.col("arm") == "original")
    known = old.filter(pl.col("task") != "capitals", pl.col("context") != "afraid").height
    rewritten = pl.read_parquet(study.path("rewrites/honest-warm.parquet"))["attempt"].sum()
    validation = 6 * len({"original", "honest-warm@1", "honest-warm-prompt"}) * 2 - 6
    assert known
    assert study.calls()["transformers"] - before == observed.height - known + rewritten + validation
