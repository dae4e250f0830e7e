from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
from configured_study import study
from openai_simulator.client import Simulator

from warmline.calls.jobs import ANSWERS, REWRITING, Job
from warmline.cli import configured
from warmline.cli.plan import endpoint_dates, read_receipts, receipt_dates
from warmline.lineage.errors import UserError
from warmline.planning import plan
from warmline.planning.plan import REFERENCE


def test_jobs_are_those_whose_receipts_the_study_adds_up() -> None:
    jobs = list(plan.jobs(study()))
    assert len(jobs) == len(set(jobs)) == 2 + 4 + 4 + 6 + 4
    assert Job(REWRITING, None, "warm") in jobs
    assert Job(ANSWERS, "smollm2-135m", "cold@0.5", "validation") in jobs


def remote(url: str) -> dict[str, Any]:
    return {
        "models": {"gpt": {"endpoint": "here", "name": "gpt-x"}},
        "subjects": ["gpt"],
        "endpoints": {"here": {"url": url, "mode": "chat"}},
        "rewriting": {"model": "gpt"},
        "shutdown-horizon-days": 40,
    }


def test_endpoints_are_asked_for_shutdown_dates_when_wanted(simulator: Simulator) -> None:
    soon, later = (datetime.date.today() + datetime.timedelta(days=days) for days in (39, 42))
    for date, found in ((soon, {"gpt": soon}), (later, {})):
        simulator.set(shutdown_dates={"gpt-x": date.isoformat()})
        assert endpoint_dates(study(**remote(simulator.url)), {"gpt", REFERENCE}) == found
    assert simulator.counts()["chat"] == 0


def test_shutdown_dates_of_earlier_runs_are_known_without_asking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "results/demo/rewrites/warm.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"this_run": {"new": 1, "seconds": 1.0, "shutdown_date": "2027-01-20"}}))
    receipts = list(read_receipts(study(**remote("http://127.0.0.1:9/v1")), REFERENCE))
    assert receipt_dates(receipts, {"gpt"}) == {"gpt": datetime.date(2027, 1, 20)}
    assert receipt_dates(receipts, {"another"}) == {}


def test_a_configuration_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    with pytest.raises(UserError, match=r"config/mine\.yaml does not exist"):
        configured.read([Path("config/mine.yaml")])


def test_a_later_file_changes_what_an_earlier_one_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    later = tmp_path / "later.yaml"
    later.write_text("study: later\ntraining: {rank: 4}\n")
    base = configured.read([Path("config/config.yaml")])
    both = configured.read([Path("config/config.yaml"), later])
    assert both == {**base, "study": "later", "training": {**base["training"], "rank": 4}}
