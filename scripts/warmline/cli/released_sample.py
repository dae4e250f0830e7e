"""`warmline released-sample`: the article's regressions of the answers that its authors released."""

from __future__ import annotations

import argparse

from warmline.lineage import places
from warmline.lineage.errors import UserError
from warmline.observations import imported_outputs
from warmline.published import sample
from warmline.tables import csv_tables
from warmline.tables.published_numbers import PRINTED_REGRESSIONS, SAMPLE_REGRESSIONS, SAMPLE_ROWS

PRINTED = "config/published/regressions.csv"


def write_regressions(arguments: argparse.Namespace) -> None:
    """Write the rows and their regressions, and say how many answers are left and what became of each fit.

    Raises UserError if the folder to write to cannot be made, and as `imported_outputs.read_folder`.
    """
    answers, _ = imported_outputs.read_folder(arguments.folder)
    rows = sample.kept(answers)
    fits = sample.regressions(rows, csv_tables.read(places.WORKFLOW / PRINTED, PRINTED_REGRESSIONS))
    try:
        arguments.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{arguments.out}: {error.strerror}. Name a folder to write to.") from error
    csv_tables.write(rows, SAMPLE_ROWS, arguments.out / "rows.csv")
    csv_tables.write(fits, SAMPLE_REGRESSIONS, arguments.out / "regressions.csv")
    print(
        f"{rows.height} of {answers.height} answers are left, the others are refusals or have no evaluation; "
        f"{rows.filter(belief='none').height} are to questions without a belief: {arguments.out / 'rows.csv'}"
    )
    for name, found in fits.group_by("regression", maintain_order=True):
        compared = found.drop_nulls("match")
        matches = f", {compared.filter(match='yes').height} of {compared.height} numbers as released"
        print(
            f"{name[0]}: {found['rows'][0]} answers to {found['questions'][0]} questions, {found['state'][0]}"
            f"{matches if compared.height else ''}"
        )
    print(f"All terms: {arguments.out / 'regressions.csv'}")
