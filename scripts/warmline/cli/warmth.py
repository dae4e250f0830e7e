"""`warmline warmth`: the texts of a CSV file, scored by SocioT."""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path
from typing import IO

from warmline.design.variants import AS_PUBLISHED
from warmline.lineage import complete_files
from warmline.lineage.errors import UserError
from warmline.warmth import scored_texts
from warmline.warmth.dimensions import DIMENSIONS
from warmline.workflow.study import WEIGHTS


def print_scores(arguments: argparse.Namespace) -> None:
    """Print or write the rows with their scores, and say how many have none.

    Raises UserError for options that do not go together, a file that cannot be read, or one that cannot be written.
    """
    if arguments.passes is not None and (arguments.variant != AS_PUBLISHED or arguments.passes < 2):
        raise UserError(f"--passes {arguments.passes}: at least 2, and with --variant {AS_PUBLISHED}.")
    dimension = DIMENSIONS[arguments.dimension]
    file = scored_texts.read(arguments.texts, arguments.column, dimension)
    scorer = scored_texts.fetch(arguments.model or scored_texts.paper_scorer(), Path(WEIGHTS))
    measure = scored_texts.measure(scorer, arguments.precision, arguments.variant, dimension, arguments.passes)
    rows, unscored = 0, 0
    with contextlib.ExitStack() as stack:
        out: IO[bytes] = sys.stdout.buffer
        if arguments.out:
            out = stack.enter_context(stack.enter_context(complete_files.replacing(arguments.out)).open("wb"))
        for frame in scored_texts.scored(file, arguments.texts, arguments.column, measure):
            frame.write_csv(out, include_header=rows == 0 and frame.is_empty())
            rows, unscored = rows + frame.height, unscored + frame["sociot"].null_count()
    print(f"{rows} texts, of which {unscored} are empty and have no score.", file=sys.stderr)
