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
from warmline.calls.receipts import elsewhere
from warmline.cli import configured
from warmline.lineage import places
from warmline.planning import costs, currency, plan
from warmline.planning.material import Material, targets
from warmline.workflow.rules.study import StudyRules
from warmline.workflow.study import Study


def print_plan(arguments: argparse.Namespace) -> None:
    """Print the plan's table, and what else a user must know of it."""
    study = StudyRules(configured.read(arguments.configfile), places.SCRIPTS)
    roles, arms = plan.check_targets(arguments.targets, study)
    material = Material(study, currency.stale_files(arguments.configfile or [], targets(study)))
    planner = plan.Planner(study, material)
    tallies = list(planner.tallies(roles, arms))
    receipts = list(read_receipts(study, planner.judge_model))
    models = study.config["models"]
    # Local weights without prices cost nothing; what an endpoint takes is not known.
    prices = {name: Prices(**m.get("prices", {})) for name, m in models.items() if "prices" in m or "source" in m}
    prices[plan.REFERENCE] = Prices()
    table = costs.table(tallies, prices, costs.rates(receipts))
    print(costs.text(table))
    print(f"\n{costs.told(table)} Tokens, USD and time are estimated, for these alone; ? is what cannot be known yet.")
    if any(tally.awaiting for tally in tallies):
        print("At most: what some rows are made from comes with the run: answers, adapters, weights or data.")
    if any(tally.if_trained_again for tally in tallies):
        print("(+ rows): asked besides if an adapter that is made again comes out another; not among the estimates.")
    if material.uncounted:
        print(
            f"Not counted: {', '.join(sorted(material.uncounted))}, which ask all questions of sources that are not "
            "here. To fetch them: snakemake fetched"
        )
    attempts = study.config["rewriting"]["attempts"]
    if attempts > 1 and any(tally.job.role == REWRITING and tally.most for tally in tallies):
        print(
            f"Rewritings that fail their checks are asked for up to {attempts} times; only the first is counted here."
        )
    if any(tally.job.role == ANSWERS and tally.most and study.engine(tally.asked) == "openai" for tally in tallies):
        print("Before a server is asked, a probe makes a few short calls.")
    asked = {tally.asked for tally in tallies}
    for model in sorted(asked & models.keys()):
        if "endpoint" in models[model]:
            rows = sum((tally.endpoints for tally in tallies if tally.asked == model), Counter[str]())
            if given := elsewhere(rows, study.config["endpoints"][models[model]["endpoint"]]["url"]):
                print(f"{model}, of the answers looked at: {given}")
    found = endpoint_dates(study, asked) if arguments.ask_endpoints else receipt_dates(receipts, asked)
    if found:
        from warmline.engines.remote import shutdown

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
    # A second to import, and only here an endpoint is asked.
    from warmline.engines.remote import shutdown
    from warmline.engines.remote.endpoint import Endpoint

    horizon = study.config.get("shutdown-horizon-days", shutdown.HORIZON_DAYS)
    found = {}
    for model in models & set(study.config["models"]):
        settings = study.config["models"][model]
        if "endpoint" in settings:
            endpoint = Endpoint.from_json(study.config["endpoints"][settings["endpoint"]])
            if date := shutdown.soon(endpoint, settings["name"], horizon):
                found[model] = date
    return found
