"""`warmline power`: the smallest differences that a study would detect."""

from __future__ import annotations

import argparse

from warmline.cli import configured
from warmline.design.published_arms import WARM
from warmline.lineage import places
from warmline.lineage.errors import UserError
from warmline.planning.material import Material
from warmline.published import reconstruction
from warmline.statistics import power
from warmline.tables import csv_tables
from warmline.tables.published_numbers import PRINTED_CELLS
from warmline.workflow.rules.study import StudyRules
from warmline.workflow.study import PUBLISHED_CELLS


def print_power(arguments: argparse.Namespace) -> None:
    """Print the table of smallest differences. Raises UserError if `--changed` is not a share."""
    study = StudyRules(configured.read(arguments.configfile), places.SCRIPTS)
    changed, origin = arguments.changed, "as given"
    if changed is None:
        printed = csv_tables.read(places.found(PUBLISHED_CELLS), PRINTED_CELLS)
        counts = reconstruction.reconstruct({WARM: printed})
        changed, origin = power.changed_share(counts), f"the median of the article's cells in {PUBLISHED_CELLS}"
    elif not 0 < changed <= 1:
        raise UserError(f"--changed {changed:g}: expected a share of answers, more than 0 and at most 1.")
    material = Material(study, stale=())
    questions = {task: material.size(task) for task in study.tasks}
    conditions = {task: study.conditions(task) for task in study.tasks}
    print(power.text(power.smallest_differences(questions, conditions, changed)))
    print(
        "\nThe difference in error between an arm and its original, either way, that each model's answers show "
        f"with {power.POWER:.0%}\npower at {power.LEVEL:.0%}, uncorrected for the number of tests. One answer to a "
        "question: exact McNemar test;\nseveral: 95% interval clustered by question."
    )
    print(f"Assumed: {changed:.1%} of answers change between right and wrong, {origin}.")
    print("How changes of one question correlate is not known: from not at all (0) to all alike (1).")
