"""The command `warmline`, run in the folder of a study.

`warmline new` writes such a folder, `warmline run` brings it up to date, and `warmline upgrade` brings over what an
earlier version made. `warmline check` says what of it will fail, `warmline plan` what a run would ask and cost,
`warmline ledger` what was answered so far,
`warmline power` what differences it would detect, and `warmline explain-code` what a script's code digest covers.
`warmline warmth` scores the texts of any CSV file, `warmline import-outputs` reads answers that were made elsewhere,
and `warmline released-sample` fits the article's regressions to those that its authors released.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from warmline.design.variants import AS_PUBLISHED, CLEAN
from warmline.lineage.errors import UserError
from warmline.warmth.dimensions import DIMENSIONS


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="warmline", description="Beside the pipeline.")
    commands = parser.add_subparsers(dest="command", required=True)
    founding = commands.add_parser("new", help="write a study's folder", description=new.__doc__)
    founding.add_argument("folder", type=Path, metavar="FOLDER", help="where to write it; nothing there is overwritten")
    founding.set_defaults(run=new)
    running = commands.add_parser("run", help="bring a study up to date", description=run.__doc__)
    running.add_argument("--cores", default="all", metavar="N", help="processors to use (all)")
    running.add_argument("--profile", metavar="FOLDER", help="a profile of Snakemake, such as profiles/slurm")
    running.set_defaults(run=run)
    upgrading = commands.add_parser(
        "upgrade", help="bring over a study of an earlier version", description=upgrade.__doc__
    )
    upgrading.set_defaults(run=upgrade, cores="all", profile=None)
    checking = commands.add_parser("check", help="what of a study will fail", description=check.__doc__)
    checking.add_argument("--profile", metavar="FOLDER", help="a profile of Snakemake, whose partitions are looked for")
    checking.set_defaults(run=check)
    planning = commands.add_parser(
        "plan", help="what would be asked of which model, and about what that costs", description=plan.__doc__
    )
    planning.add_argument("targets", nargs="*", metavar="TARGET", help="only these roles (rewriting, ...) or arms")
    planning.add_argument("--ask-endpoints", action="store_true", help="ask endpoints for shutdown dates now")
    planning.set_defaults(run=plan)
    powering = commands.add_parser(
        "power", help="the smallest differences that a study would detect", description=power.__doc__
    )
    powering.add_argument(
        "--changed",
        type=float,
        metavar="SHARE",
        help="of answers that change, to be assumed (as in the article's tables)",
    )
    powering.set_defaults(run=power)
    keeping = commands.add_parser(
        "ledger", help="what the ledger holds, and whether it is sound", description=ledger.__doc__
    )
    keeping.add_argument(
        "--check", action="store_true", help="read every line, and compute its digest and its key anew"
    )
    keeping.add_argument(
        "--keep-only", nargs="+", type=Path, metavar="STUDY", help="drop what no table of these refers to: results/mine"
    )
    keeping.set_defaults(run=ledger)
    for command in (running, upgrading, checking, planning, powering, keeping):
        command.add_argument(
            "--configfile",
            nargs="+",
            type=Path,
            metavar="FILE",
            help="the study; later files change what earlier ones say (config.yaml, or else the embedded study)",
        )
    scoring = commands.add_parser("warmth", help="score the texts of a CSV file by SocioT", description=warmth.__doc__)
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
    scoring.set_defaults(run=warmth)
    explaining = commands.add_parser(
        "explain-code", help="what a script's code digest covers", description=explain_code.__doc__
    )
    explaining.add_argument("script", metavar="SCRIPT", help="a path in scripts/, such as answers/ask.py")
    explaining.add_argument("--since", metavar="COMMIT", help="only what changed since this commit")
    explaining.add_argument("--until", metavar="COMMIT", help="and until this one (the files as they are)")
    explaining.set_defaults(run=explain_code)
    importing = commands.add_parser(
        "import-outputs", help="read answers made elsewhere as observations", description=import_outputs.__doc__
    )
    importing.add_argument("folder", type=Path, metavar="FOLDER", help="<model>/<arm>/<task>_<arm>_outputs.csv in it")
    importing.add_argument("observations", type=Path, metavar="FILE", help="where to write them, Parquet")
    importing.set_defaults(run=import_outputs)
    sampling = commands.add_parser(
        "released-sample", help="the article's regressions of its released sample", description=released_sample.__doc__
    )
    sampling.add_argument("folder", type=Path, metavar="FOLDER", help="sample_data of the authors' repository")
    sampling.add_argument("out", type=Path, metavar="OUT", help="where to write rows.csv and regressions.csv")
    sampling.set_defaults(run=released_sample)
    return parser


def main(words: Sequence[str] | None = None) -> None:
    """Run the command line. Exits with status 1 on a UserError."""
    arguments = build_parser().parse_args(words)
    try:
        arguments.run(arguments)
    except UserError as error:
        sys.exit(f"error: {error}")
    except BrokenPipeError:
        # Whoever reads this, such as `head`, has read enough; Python would complain once more when it ends.
        os._exit(0)


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


def upgrade(arguments: argparse.Namespace) -> None:
    """Bring over a study that an earlier version finished: nothing is trained or asked again, new tables are made."""
    from warmline.cli import upgrade

    upgrade.upgrade(arguments)


def check(arguments: argparse.Namespace) -> None:
    """Say what of a study will fail, before anything is spent, by the checks that its run makes.

    What is small is fetched for a look. If nothing else will fail, each model at an endpoint gets one short call of
    each kind that it is sent. Status 1 if anything will fail.
    """
    from warmline.cli.check import print_check

    print_check(arguments)


def plan(arguments: argparse.Namespace) -> None:
    """Say what would be asked of which model if the study were run now, and about what that costs.

    Requests are made as the calling scripts make them, in memory where their files are missing or stale, and looked up
    in the ledger; nothing is called or written. What only the run can know is told apart: `at most` of verdicts on
    answers that are not given yet, `(+ rows)` if an adapter that is made again comes out another.
    """
    # Each command imports its own module: what one needs, the others and --help do not wait for.
    from warmline.cli.plan import print_plan

    print_plan(arguments)


def ledger(arguments: argparse.Namespace) -> None:
    """Say what the ledger of a study holds, respondent by respondent; it may be shared by several studies.

    What was dropped is asked again, and paid again, by whoever needs it.
    """
    from warmline.cli.ledger import print_ledger

    print_ledger(arguments)


def power(arguments: argparse.Namespace) -> None:
    """Print the smallest differences in error between an arm and its original that a study would detect.

    From the configuration alone; what it does not say is assumed, and named (docs/statistics.md).
    """
    from warmline.cli.power import print_power

    print_power(arguments)


def warmth(arguments: argparse.Namespace) -> None:
    """Score each row's text by SocioT (docs/warmth.md) and print the rows, with the columns they had, as CSV.

    Two columns hold the mean log-likelihood at either pole of the dimension, sociot their difference,
    measurement_standard_error its error; all in nats per token. A row without text has no score.
    """
    from warmline.cli.warmth import print_scores

    print_scores(arguments)


def explain_code(arguments: argparse.Namespace) -> None:
    """Print each definition that a script's code digest covers, or what changed of it between two commits."""
    from warmline.cli.explain_code import print_reach

    print_reach(arguments)


def import_outputs(arguments: argparse.Namespace) -> None:
    """Read answers in the layout of the article's released files as observations, and say what was odd about them.

    The scripts of scripts/statistics/ take the file as they take a study's own (docs/statistics.md).
    """
    from warmline.cli.import_outputs import write_observations

    write_observations(arguments)


def released_sample(arguments: argparse.Namespace) -> None:
    """Derive the rows that the article's analysis keeps of its released sample, and fit its models 1 to 4 to them.

    Each term stands beside what the authors' released code prints for it, and beside the article's own over all answers
    (docs/published.md).
    """
    from warmline.cli.released_sample import write_regressions

    write_regressions(arguments)


if __name__ == "__main__":
    main()
