from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from configured_study import parsed, study, wildcards
from repository import REPOSITORY

from warmline.calls import costs
from warmline.calls.jobs import ANSWERS, GRADES, REWRITING, Job, job_of
from warmline.calls.prices import Prices
from warmline.lineage.errors import UserError
from warmline.tables import csv_tables
from warmline.tables.audit_counts import COSTS

JOBS = {
    Job(REWRITING, None, "warm"): "rewrites/warm.json",
    Job(ANSWERS, "llama-3.1", "warm@0.5", "questions"): "answers/llama-3.1/warm@0.5/questions.json",
    Job(GRADES, "llama-3.1", "warm@0.5", "questions"): "grades/llama-3.1/warm@0.5/questions.json",
}
ASKED = {REWRITING: "gpt", GRADES: "gpt"}


def receipt(**last: Any) -> dict[str, Any]:
    counts = {"rows": 12, "answers": 10, "prompt_tokens": 3_000_000, "completion_tokens": 500_000, "finish_reasons": {}}
    return {**counts, "this_run": {"new": 4, "from_ledger": 6, "seconds": 2.5, "usd": 1.0, **last}}


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.role)
def test_a_job_and_the_path_of_its_receipt_tell_each_other(job: Job) -> None:
    assert job.receipt == JOBS[job]
    assert job_of(Path("results/demo") / job.receipt) == job
    assert job_of(Path(job.receipt)) == job


def test_spending_is_found_under_the_names_that_jobs_are_given() -> None:
    tiny = study()
    ids = wildcards(model="smollm2-135m", arm="warm@2", suite="questions", persona="warm")
    judged = study(judge={"model": "smollm2-135m"})
    assert parsed(tiny.rewriting.calls(ids))["label"] == [Job(REWRITING, None, "warm").label]
    assert parsed(tiny.answers.calls(ids))["label"] == [Job(ANSWERS, ids.model, ids.arm, ids.suite).label]
    assert parsed(judged.grading.calls(ids))["label"] == [Job(GRADES, ids.model, ids.arm, ids.suite).label]


@pytest.mark.parametrize("path", ["statistics/accuracy.csv", "warm.json", "results/demo/arms/llama/warm@1.json"])
def test_another_file_is_no_receipt(path: str) -> None:
    with pytest.raises(UserError, match="expected a receipt"):
        job_of(Path(path))


def test_answers_are_worth_the_prices_of_the_model_that_gave_them() -> None:
    prices = {"gpt": Prices(2.5, 10.0), "llama-3.1": Prices(0.1, 0.2)}
    table = costs.table(dict.fromkeys(JOBS, receipt()), ASKED, prices, {})
    assert table["asked"].to_list() == ["gpt", "llama-3.1", "gpt"]
    assert table["usd"].to_list() == pytest.approx([12.5, 0.4, 12.5])


def test_answers_of_a_model_without_prices_are_worth_nothing_that_is_known() -> None:
    table = costs.table(dict.fromkeys(JOBS, receipt()), ASKED, {}, {})
    assert table["usd"].null_count() == 3
    assert table["usd_spent"].to_list() == [0.0, 0.0, 0.0]


def test_a_receipt_that_lacks_a_number_is_named() -> None:
    with pytest.raises(UserError, match=r"rewrites/warm\.json: 'seconds' is missing"):
        costs.table({Job(REWRITING, None, "warm"): receipt() | {"this_run": {"new": 1}}}, ASKED, {}, {})


def test_the_script_writes_a_row_for_each_receipt_with_what_its_job_spent(tmp_path: Path) -> None:
    spent = {"rewriting,warm": 1.25, "answers,llama-3.1,warm@0.5,questions": 0.5, "another,job": 7}
    for job, name in JOBS.items():
        (tmp_path / name).parent.mkdir(parents=True)
        last = {"shutdown_date": "2027-01-20"} if job.role == GRADES else {}
        (tmp_path / name).write_text(json.dumps(receipt(**last)))
    (tmp_path / "spending").mkdir()
    for label, usd in spent.items():
        (tmp_path / f"spending/{label}.json").write_text(json.dumps({"spent": usd, "claimed": usd}))
    words = ["--receipts", *JOBS.values(), "--rewriter", "gpt", "--judge", "reference", "--spending", "spending"]
    words += ["--prices", '{"gpt":{"prompt":1,"completion":2}}', "--costs", "audit/costs.csv"]
    script = REPOSITORY / "scripts/calls/tabulate_costs.py"
    environment = {"PYTHONPATH": str(REPOSITORY / "scripts")}
    subprocess.run([sys.executable, script, *words], cwd=tmp_path, env=environment, check=True)
    table = csv_tables.read(tmp_path / "audit/costs.csv", COSTS)
    assert table.schema == COSTS.schema
    assert table["usd_spent"].to_list() == [1.25, 0.5, 0.0]
    assert table["usd"].to_list() == [4.0, None, None]
    assert table["shutdown_date"].to_list() == [None, None, "2027-01-20"]
    assert table.select("rows", "answers", "new", "seconds").unique().row(0) == (12, 10, 4, 2.5)
    assert pl.Series(table["suite"]).to_list() == [None, "questions", "questions"]
