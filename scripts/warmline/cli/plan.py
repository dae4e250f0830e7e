"""`warmline plan`: what would be asked of which model, and about what that costs."""

from __future__ import annotations

import argparse
import datetime
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from warmline.calls.jobs import ANSWERS, GRADES, REWRITING, Job
from warmline.calls.prices import Prices
from warmline.cli import configured
from warmline.engines.options import elsewhere
from warmline.engines.remote import probe, shutdown
from warmline.engines.remote.endpoint import Endpoint
from warmline.planning import costs, plan
from warmline.workflow.study import Study


def print_plan(arguments: argparse.Namespace) -> None:
    """Print the plan's table, and what else a user must know of it."""
    study = configured.study(arguments.configfile)
    roles, arms = plan.check_targets(arguments.targets, study)
    planner = plan.Planner(study, plan.stale_files(arguments.configfile or [], plan.REQUESTS))
    tallies = list(planner.tallies(roles, arms))
    receipts = list(read_receipts(study, planner.judge_model))
    models = study.config["models"]
    # Local weights without prices cost nothing; what an endpoint takes is not known.
    prices = {name: Prices(**m.get("prices", {})) for name, m in models.items() if "prices" in m or "source" in m}
    prices[plan.REFERENCE] = Prices()
    table = costs.table(tallies, prices, costs.rates(receipts))
    print(costs.text(table))
    print("\nTokens, USD and time are estimated, for the new rows alone; ? is what cannot be known yet.")
    if any(tally.at_most for tally in tallies):
        print("At most: what some rows are made from is not built yet, or stale.")
    if planner.uncounted:
        print(
            f"Not counted: {', '.join(sorted(planner.uncounted))}, which ask all questions of sources that are not "
            "here. To fetch them: snakemake fetched"
        )
    if any(tally.unrendered for tally in tallies):
        print("To render the prompts without a call: snakemake prompts")
    attempts = study.config["rewriting"]["attempts"]
    if attempts > 1 and any(tally.job.role == REWRITING and tally.new for tally in tallies):
        print(
            f"Rewritings that fail their checks are asked for up to {attempts} times; only the first is counted here."
        )
    if any(tally.job.role == ANSWERS and tally.new and study.engine(tally.asked) == "openai" for tally in tallies):
        print(f"Before a server is asked, a probe makes up to {probe.CALLS} calls of up to {probe.LIMIT} tokens.")
    asked = {tally.asked for tally in tallies}
    for model in sorted(asked & models.keys()):
        if "endpoint" in models[model]:
            rows = sum((tally.endpoints for tally in tallies if tally.asked == model), Counter[str]())
            if given := elsewhere(rows, study.config["endpoints"][models[model]["endpoint"]]["url"]):
                print(f"{model}: {given}")
    found = endpoint_dates(study, asked) if arguments.ask_endpoints else receipt_dates(receipts, asked)
    for model, date in sorted(found.items()):
        print(shutdown.warning(model, date))


def read_receipts(study: Study, judge: str) -> Iterator[tuple[Job, str, Mapping[str, Any]]]:
    """The job, the model asked and the content of each receipt that the study has."""
    for job in plan.jobs(study):
        asked = {REWRITING: study.config["rewriting"]["model"], GRADES: judge}.get(job.role, job.model or "")
        path = Path(study.path(job.receipt))
        if path.exists():
            yield job, asked, json.loads(path.read_text(encoding="utf-8"))


def receipt_dates(receipts: Sequence[tuple[Job, str, Mapping[str, Any]]], models: set[str]) -> dict[str, datetime.date]:
    """The shutdown dates that endpoints announced for these models when they were last asked anything."""
    announced = ((asked, receipt["this_run"].get("shutdown_date")) for _, asked, receipt in receipts if asked in models)
    return {asked: datetime.date.fromisoformat(date) for asked, date in announced if date}


def endpoint_dates(study: Study, models: set[str]) -> dict[str, datetime.date]:
    """The shutdown dates that endpoints announce for these models now. Raises UserError if one has passed."""
    horizon = study.config.get("shutdown-horizon-days", shutdown.HORIZON_DAYS)
    found = {}
    for model in models & set(study.config["models"]):
        settings = study.config["models"][model]
        if "endpoint" in settings:
            endpoint = Endpoint.from_json(study.config["endpoints"][settings["endpoint"]])
            if date := shutdown.soon(endpoint, settings["name"], horizon):
                found[model] = date
    return found
