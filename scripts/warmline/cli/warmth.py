"""`warmline warmth`: the texts of a CSV file, scored by SocioT."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from warmline import scored_texts
from warmline.dimensions import DIMENSIONS
from warmline.errors import UserError
from warmline.study import WEIGHTS
from warmline.warmth import AS_PUBLISHED


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
