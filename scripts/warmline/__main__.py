"""The command `warmline`, run in the folder of a study.

`warmline new` writes such a folder and `warmline run` brings it up to date. `warmline plan` says what a run would ask
and cost, `warmline power` what differences it would detect, `warmline warmth` scores the texts of any CSV file, and
`warmline import-outputs` reads answers that were made elsewhere.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import yaml

from warmline import configuration, places, plan, planned_costs, shutdown
from warmline.calling_jobs import GRADES, REWRITING, Job
from warmline.dimensions import DIMENSIONS
from warmline.engines.endpoint import Endpoint
from warmline.errors import UserError
from warmline.prices import Prices
from warmline.study import PUBLISHED_CELLS, WEIGHTS, Study
from warmline.warmth import AS_PUBLISHED, CLEAN


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="warmline", description="Beside the pipeline.")
    commands = parser.add_subparsers(dest="command", required=True)
    founding = commands.add_parser("new", help="write a study's folder", description=new.__doc__)
    founding.add_argument("folder", type=Path, metavar="FOLDER", help="a folder, new or empty")
    founding.set_defaults(run=new)
    running = commands.add_parser("run", help="bring a study up to date", description=run.__doc__)
    running.add_argument("--cores", default="all", metavar="N", help="processors to use (all)")
    running.add_argument("--profile", metavar="FOLDER", help="a profile of Snakemake, such as profiles/slurm")
    running.set_defaults(run=run)
    planning = commands.add_parser(
        "plan", help="what would be asked of which model, and about what that costs", description=plan.__doc__
    )
    planning.add_argument("targets", nargs="*", metavar="TARGET", help="only these roles (rewriting, ...) or arms")
    planning.add_argument("--ask-endpoints", action="store_true", help="ask endpoints for shutdown dates now")
    planning.set_defaults(run=print_plan)
    powering = commands.add_parser(
        "power", help="the smallest differences that a study would detect", description=print_power.__doc__
    )
    powering.add_argument(
        "--changed",
        type=float,
        metavar="SHARE",
        help="of answers that change, to be assumed (as in the article's tables)",
    )
    powering.set_defaults(run=print_power)
    for command in (running, planning, powering):
        command.add_argument(
            "--configfile",
            nargs="+",
            type=Path,
            metavar="FILE",
            help="the study; later files change what earlier ones say (config.yaml, or else the embedded study)",
        )
    scoring = commands.add_parser(
        "warmth", help="score the texts of a CSV file by SocioT", description=print_scores.__doc__
    )
    scoring.add_argument("texts", type=Path, metavar="FILE", help="a CSV file, UTF-8, with a line of names")
    scoring.add_argument("--column", default="text", help="the column with the texts (text)")
    scoring.add_argument("--dimension", default="warmth", choices=DIMENSIONS, help="what to measure (warmth)")
    scoring.add_argument("--variant", default=CLEAN, choices=(CLEAN, AS_PUBLISHED), help="how to measure it (clean)")
    scoring.add_argument(
        "--passes", type=int, metavar="N", help="as published: with dropout, mean and error of N passes (it took 100)"
    )
    scoring.add_argument("--model", help="a folder, or organisation/name@commit at the hub (config/paper.yaml's GPT-2)")
    scoring.add_argument("--precision", default="float32", choices=("float32", "bfloat16"), help="(float32)")
    scoring.add_argument("--out", type=Path, metavar="FILE", help="where to write the rows and their scores (stdout)")
    scoring.set_defaults(run=print_scores)
    importing = commands.add_parser(
        "import-outputs", help="read answers made elsewhere as observations", description=import_outputs.__doc__
    )
    importing.add_argument("folder", type=Path, metavar="FOLDER", help="<model>/<arm>/<task>_<arm>_outputs.csv in it")
    importing.add_argument("observations", type=Path, metavar="FILE", help="where to write them, Parquet")
    importing.set_defaults(run=import_outputs)
    return parser


def main(words: Sequence[str] | None = None) -> None:
    """Run the command line. Exits with status 1 on a UserError."""
    arguments = build_parser().parse_args(words)
    try:
        arguments.run(arguments)
    except UserError as error:
        sys.exit(f"error: {error}")


def new(arguments: argparse.Namespace) -> None:
    """Write a study's folder: its configuration, a Snakefile that uses the workflow's rules, and profiles.

    The study is the embedded one until its configuration is changed (docs/studies.md).
    """
    from warmline.cli.new import write_study

    write_study(arguments)


def run(arguments: argparse.Namespace) -> None:
    """Bring the study of this folder up to date: first what training and requests are made from, then the rest."""
    from warmline.cli import run

    run.run(arguments)


def print_plan(arguments: argparse.Namespace) -> None:
    """Print the plan's table, and what else a user must know of it."""
    study = Study(read_configuration(arguments.configfile), places.SCRIPTS)
    roles, arms = plan.check_targets(arguments.targets, study)
    planner = plan.Planner(study, plan.stale_files(arguments.configfile or [], plan.REQUESTS))
    tallies = list(planner.tallies(roles, arms))
    receipts = list(read_receipts(study, planner.judge_model))
    models = study.config["models"]
    # Local weights without prices cost nothing; what an endpoint takes is not known.
    prices = {name: Prices(**m.get("prices", {})) for name, m in models.items() if "prices" in m or "source" in m}
    prices[plan.REFERENCE] = Prices()
    table = planned_costs.table(tallies, prices, planned_costs.rates(receipts))
    print(planned_costs.text(table))
    print("\nTokens, USD and time are estimated, for the new rows alone; ? is what cannot be told yet.")
    if any(tally.at_most for tally in tallies):
        print("At most: what some rows are made from is not built yet, or stale.")
    if any(tally.untold for tally in tallies):
        print("To render the prompts without a call: snakemake prompts")
    attempts = study.config["rewriting"]["attempts"]
    if attempts > 1 and any(tally.job.role == REWRITING and tally.new for tally in tallies):
        print(
            f"Rewritings that fail their checks are asked for up to {attempts} times; only the first is counted here."
        )
    asked = {tally.asked for tally in tallies}
    found = endpoint_dates(study, asked) if arguments.ask_endpoints else receipt_dates(receipts, asked)
    for model, date in sorted(found.items()):
        print(shutdown.warning(model, date))


def print_power(arguments: argparse.Namespace) -> None:
    """Print the smallest differences in error between an arm and its original that a study would detect.

    From the configuration alone; what it does not tell is assumed, and said (docs/statistics.md).
    """
    # Here, lest every command wait for it.
    from warmline import csv_tables, power, reconstruction

    study = Study(read_configuration(arguments.configfile), places.SCRIPTS)
    changed, origin = arguments.changed, "as given"
    if changed is None:
        columns = [*reconstruction.CELL, *reconstruction.PRINTED]
        counts = reconstruction.reconstruct(csv_tables.read_as_printed(places.found(PUBLISHED_CELLS), columns))
        changed, origin = power.changed_share(counts), f"the median of the article's cells in {PUBLISHED_CELLS}"
    elif not 0 < changed <= 1:
        raise UserError(f"--changed {changed:g}: expected a share of answers, more than 0 and at most 1.")
    planner = plan.Planner(study, stale=())
    questions = {task: planner.size(task) for task in study.tasks}
    conditions = {task: study.conditions(task) for task in study.tasks}
    print(power.text(power.smallest_differences(questions, conditions, changed)))
    print(
        "\nThe difference in error between an arm and its original, either way, that each model's answers show "
        f"with {power.POWER:.0%}\npower at {power.LEVEL:.0%}, uncorrected for the number of tests. One answer to a "
        "question: exact McNemar test;\nseveral: 95% interval clustered by question."
    )
    print(f"Assumed: {changed:.1%} of answers change between right and wrong, {origin}.")
    print("How changes of one question correlate is not known: from not at all (0) to all alike (1).")


def print_scores(arguments: argparse.Namespace) -> None:
    """Score each row's text by SocioT (docs/warmth.md) and print the rows, with the columns they had, as CSV.

    Two columns hold the mean log-likelihood at either pole of the dimension, sociot their difference,
    measurement_standard_error its error; all in nats per token. A row without text has no score.
    """
    # Here, lest every command wait for it.
    from warmline import scored_texts

    if arguments.passes is not None and (arguments.variant != AS_PUBLISHED or arguments.passes < 2):
        raise UserError(f"--passes {arguments.passes}: at least 2, and with --variant {AS_PUBLISHED}.")
    dimension = DIMENSIONS[arguments.dimension]
    file = scored_texts.read(arguments.texts, arguments.column, dimension)
    scorer = scored_texts.fetch(arguments.model or scored_texts.paper_scorer(), Path(WEIGHTS))
    measure = scored_texts.measure(scorer, arguments.precision, arguments.variant, dimension, arguments.passes)
    rows, unscored = 0, 0
    with _complete_file(arguments.out) if arguments.out else contextlib.nullcontext(sys.stdout.buffer) as out:
        for frame in scored_texts.scored(file, arguments.texts, arguments.column, measure):
            frame.write_csv(out, include_header=rows == 0 and frame.is_empty())
            rows, unscored = rows + frame.height, unscored + frame["sociot"].null_count()
    print(f"{rows} texts, of which {unscored} are empty and have no score.", file=sys.stderr)


@contextlib.contextmanager
def _complete_file(path: Path) -> Iterator[IO[bytes]]:
    """A file to write that takes its name only when all went well."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        with partial.open("wb") as file:
            yield file
        partial.replace(path)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error}. Name another file with --out.") from error
    finally:
        partial.unlink(missing_ok=True)


def import_outputs(arguments: argparse.Namespace) -> None:
    """Read answers in the layout of the article's released files as observations, and say what was odd about them.

    The scripts of scripts/statistics/ take the file as they take a study's own (docs/statistics.md).
    """
    # Here, lest every command wait for it.
    from warmline import imported_outputs, tables
    from warmline.observations import OBSERVATIONS

    observations, oddities = imported_outputs.read_folder(arguments.folder)
    tables.write(observations, OBSERVATIONS, arguments.observations)
    for file, oddity, rows in oddities.iter_rows():
        print(f"{file}: {oddity}, {rows} rows", file=sys.stderr)
    print(f"{observations.height} observations: {arguments.observations}")


def read_configuration(paths: Sequence[Path] | None) -> dict[str, Any]:
    """The configuration of a study, put together as snakemake does, and checked; by default that of its folder.

    Raises UserError if a file is not there or the whole is wrong.
    """
    # Here, lest every command wait for it.
    from snakemake.utils import update_config

    places.link()
    if not paths:
        paths = [Path("config.yaml") if Path("config.yaml").is_file() else Path(places.found("config/config.yaml"))]
    config: dict[str, Any] = {}
    for path in paths:
        if not path.is_file():
            raise UserError(f"{path} does not exist. Name it with --configfile.")
        update_config(config, yaml.safe_load(path.read_text(encoding="utf-8")))
    configuration.validate(config, places.SCHEMA)
    return config


def read_receipts(study: Study, judge: str) -> Iterator[tuple[Job, str, Mapping[str, Any]]]:
    """The job, the model asked and the content of each receipt that the study has."""
    for job in plan.jobs(study):
        asked = {REWRITING: study.config["rewriting"]["model"], GRADES: judge}.get(job.role, job.model or "")
        path = Path(study.path(job.receipt))
        if path.exists():
            yield job, asked, json.loads(path.read_text(encoding="utf-8"))


def receipt_dates(receipts: Sequence[tuple[Job, str, Mapping[str, Any]]], models: set[str]) -> dict[str, datetime.date]:
    """The shutdown dates that endpoints announced for these models when they were last asked anything."""
    told = ((asked, receipt["this_run"].get("shutdown_date")) for _, asked, receipt in receipts if asked in models)
    return {asked: datetime.date.fromisoformat(date) for asked, date in told if date}


def endpoint_dates(study: Study, models: set[str]) -> dict[str, datetime.date]:
    """The shutdown dates that endpoints announce for these models now. Raises UserError if one has passed."""
    horizon = study.config.get("shutdown-horizon-days", shutdown.HORIZON_DAYS)
    found = {}
    for model in models & set(study.config["models"]):
        settings = study.config["models"][model]
        if "endpoint" in settings:
            endpoint = Endpoint.from_json(study.config["endpoints"][settings["endpoint"]])
            date = shutdown.announced(endpoint, settings["name"])
            date = shutdown.within_horizon(settings["name"], date, horizon, datetime.date.today())
            if date:
                found[model] = date
    return found


if __name__ == "__main__":
    main()
