"""`warmline import-outputs`: answers that were made elsewhere, as observations."""

from __future__ import annotations

import argparse
import sys

from warmline.observations import imported_outputs
from warmline.tables import parquet_tables
from warmline.tables.observations import OBSERVATIONS


def write_observations(arguments: argparse.Namespace) -> None:
    """Write the observations of a folder of outputs, and say what was odd about them."""
    answers, oddities = imported_outputs.read_folder(arguments.folder)
    observations = answers.drop_nulls("framing")
    parquet_tables.write(observations, OBSERVATIONS, arguments.observations)
    for file, oddity, rows in oddities.iter_rows():
        print(f"{file}: {oddity}, {rows} rows", file=sys.stderr)
    left_out = answers.height - observations.height
    if left_out:
        print(
            f"{left_out} answers left out: without a framing it is not known to which condition they belong, and no "
            "answer of the original pairs with them",
            file=sys.stderr,
        )
    print(f"{observations.height} observations: {arguments.observations}")
