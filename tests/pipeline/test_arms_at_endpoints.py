"""A study whose arms answer at an endpoint: what its keys rebuild, and rows that it turned down for good."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from openai_simulator.client import Simulator
from printed_plan import new, plan, rows
from study_copy import StudyCopy

BEFORE = (
    *("Scoring the toxicity", "Screening", "Labelling", "Sampling", "Making the validation prompts", "Rendering"),
    *("Bringing the weights of tiny", "Specifying the judge"),
)
"""How the messages of the jobs begin that do not hang on who answers."""


def far_config(config: dict[str, Any], url: str) -> None:
    """Two arms without tuning, under one context."""
    config["arms"] = ["original", "warm-prompt"]
    config["contexts"] = ["unmodified"]
    config["endpoints"] = {"api": {"url": url, "mode": "chat"}}
    config["models"]["far"] = {"endpoint": "api", "name": "large"}
    config["subjects"] = ["far"]
    config["checks"]["unanswerable"] = 1
    config["figures"] = {}
    del config["statistics"]["regressions"]["beliefs"]


def set_endpoint(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda config: config["endpoints"]["api"].update({key.replace("_", "-"): v for key, v in values.items()})


def set_model(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda config: config["models"]["far"].update(values)


def contents(copy: StudyCopy) -> dict[str, str]:
    """The study's files without the judge's receipts, which say how many verdicts the last run asked for."""
    return {name: digest for name, digest in copy.contents().items() if not name.startswith("grades/")}


def turned_down(copy: StudyCopy) -> int:
    """Rows of the study that are unscored because their requests were turned down for good."""
    observations = pl.read_parquet(copy.path("observations.parquet"))
    return observations.filter(verdict="unscored", reason="request turned down for good").height


@pytest.mark.long(200)
def test_rows_turned_down_for_good_are_asked_again_when_told(study_copy: StudyCopy, tmp_path: Path) -> None:
    with Simulator.start(tmp_path) as simulator:
        study_copy.configure(lambda config: far_config(config, simulator.url))
        study_copy.run()
        study_copy.configure(lambda config: config.update(contexts=["unmodified", "sad"]))
        simulator.order("/v1/chat/completions", "status", times=2, status=400, code="invalid_prompt", message="flagged")
        study_copy.run()
        assert turned_down(study_copy) == 2
        assert study_copy.planned() == set()

        asked = simulator.counts()["chat"]
        study_copy.configure(lambda config: config.update(calls="ask-again"))
        assert sum(map(int, new(rows(plan(study_copy).stdout), "answers", "questions").values())) == 2
        # The answers come in one run, and are written out in another.
        receipts = [f"results/tiny/answers/far/{arm}/questions.json" for arm in ("original", "warm-prompt")]
        study_copy.run(*receipts)
        study_copy.configure(lambda config: config.update(calls="ask"))
        assert simulator.counts()["chat"] == asked + 2
        study_copy.run()
        assert simulator.counts()["chat"] == asked + 2
        assert turned_down(study_copy) == 0
        assert study_copy.planned() == set()
        answered = contents(study_copy)

        # As in a study in which nothing was ever turned down.
        (study_copy.folder / "results").rename(study_copy.folder / "earlier")
        study_copy.run()
        assert contents(study_copy) == answered


@pytest.mark.long(150)
def test_keys_of_an_endpoint_rebuild_what_they_decide(study_copy: StudyCopy, tmp_path: Path) -> None:
    with Simulator.start(tmp_path) as simulator:
        study_copy.configure(lambda config: far_config(config, simulator.url))
        study_copy.run()
    finished = study_copy.config()
    elsewhere = "http://127.0.0.1:1/v1"
    study_copy.configure(set_endpoint(url=elsewhere))
    assert f"given elsewhere than at {elsewhere}" in plan(study_copy).stdout
    study_copy.write_config(finished)
    forced = study_copy.planned("--forcerun", "ask_arm", "project_answers")
    assert {job for job in study_copy.planned("--forceall") if job.startswith(("Asking", "Writing the ans"))} <= forced
    for change in (
        set_endpoint(parameters={"max_completion_tokens": "max_tokens"}),
        set_endpoint(parameters={"seed": None, "top_k": 0, "min_p": 0, "repetition_penalty": 1}),
        set_endpoint(model_prefix="openai/"),
        set_endpoint(wait_seconds=5, max_concurrency=3),
        set_endpoint(url="http://127.0.0.1:1/v1"),
        set_model(known=["seed"]),
    ):
        study_copy.configure(change)
        assert study_copy.planned() == set(), study_copy.config()["endpoints"]
        study_copy.write_config(finished)
    for change in (
        set_endpoint(parameters={"top_k": 5}),
        set_endpoint(parameters={"temperature": None}),
        set_endpoint(identity="lab"),
        set_model(thinking=False),
        set_model(system="first-user-turn"),
    ):
        study_copy.configure(change)
        planned = study_copy.planned()
        assert planned == {job for job in study_copy.planned("--forceall") if not job.startswith(BEFORE)}
        study_copy.write_config(finished)
