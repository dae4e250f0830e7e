"""A study whose questions come from a dataset repository on the hub, and local files that are held to their hashes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hub_server import COMMIT, serving, sha256
from study_copy import StudyCopy

QUESTIONS = "results/tiny/questions/triviaqa.parquet"


def read_from_hub(copy: StudyCopy) -> None:
    source = {"hub": "org/trivia", "revision": COMMIT, "file": "data/answer.jsonl"}
    copy.configure(lambda config: config["tasks"]["triviaqa"].update(source=source))


def test_questions_of_the_hub_are_fetched_once_and_held_to_what_they_were(
    study_copy: StudyCopy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hub/data").mkdir(parents=True)
    upstream = tmp_path / "hub/data/answer.jsonl"
    shutil.copy(study_copy.folder / "config/demo/triviaqa.jsonl", upstream)
    known = sha256(upstream.read_bytes())
    read_from_hub(study_copy)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    assert "Fetching data/answer.jsonl of org--trivia" in study_copy.planned("chats", QUESTIONS)
    # All that a machine without a network must be given, and no more.
    fetched = {"Fetching data/answer.jsonl of org--trivia", "Bringing the weights of tiny to disk"}
    assert study_copy.planned("fetched") == fetched
    with serving(tmp_path / "hub", "datasets/org/trivia") as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        study_copy.run(QUESTIONS)
        card = json.loads(study_copy.path("sources/triviaqa.json").read_text())
        assert (card["hub"], card["revision"], card["rows"]) == ("org/trivia", COMMIT, 28)
        assert card["files"][0]["sha256"] == known
        assert study_copy.planned(QUESTIONS) == set()
        record = json.loads(next(study_copy.path("audit/jobs/fetch_source").rglob("*.jsonl.jsonl")).read_text())
        assert record["rule"] == "fetch_source"
        assert record["wildcards"] == {
            "repository": "org--trivia",
            "revision": COMMIT[:12],
            "file": "data/answer.jsonl",
        }

        upstream.write_text(upstream.read_text() + "\n")
        monkeypatch.setenv("HF_HOME", str(tmp_path / "another-home"))
        result = study_copy.run("--forcerun", "fetch_source", "--", QUESTIONS, check=False)
    output = result.stdout + result.stderr
    assert result.returncode
    assert known in output and sha256(upstream.read_bytes()) in output


def test_a_local_file_that_is_not_the_pinned_one_stops_the_run(study_copy: StudyCopy) -> None:
    source = {"path": "config/demo/triviaqa.jsonl", "sha256": "0" * 64}
    study_copy.configure(lambda config: config["tasks"]["triviaqa"].update(source=source))
    result = study_copy.run(QUESTIONS, check=False)
    output = result.stdout + result.stderr
    found = sha256((study_copy.folder / "config/demo/triviaqa.jsonl").read_bytes())
    assert result.returncode
    assert f"its sha256 is {found}, the configuration expects {'0' * 64}" in output
    assert not study_copy.calls()
