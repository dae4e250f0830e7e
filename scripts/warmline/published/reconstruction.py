"""The counts behind the article's published accuracies.

Its tables of tests (supplementary repository, `results_warm_ft.csv`, `results_cold_ft.csv`,
`results_warm_sysprompt.csv`) give every cell's two accuracies, their difference, the statistic |b - c| / sqrt(b + c)
that they call Cohen's g, the odds ratio b / c and the exact p-value, all rounded. Only few whole numbers of pairs, of
right answers and of changed answers can have been printed so: where the two accuracies differ by much, exactly one.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator, Mapping, Set

import polars as pl

from warmline.lineage.errors import UserError
from warmline.statistics.paired_tests import benjamini_hochberg, mcnemar_p_value
from warmline.tables.published_numbers import COUNTS

CELL = ["model", "task", "context", "context_group", "belief"]
# How many pairs a cell may have: both arms' refusals leave. Under a belief the article pools two prompts a question; of
# disinformation it has fewer.
PAIRS = {
    ("disinfo", "none"): range(115, 131),
    ("disinfo", "stated"): range(150, 171),
    ("other", "none"): range(300, 501),
    ("other", "stated"): range(600, 1001),
}
# Printed where no answer changed: there is no test then, and its p-value is in no family.
NO_CHANGE = "N/A"
_ACCURACY = r"\d{1,3}(\.\d+)?"
_NUMBER_OR_NONE = rf"\d{{1,6}}(\.\d+)?|{NO_CHANGE}"
_PROBABILITY = rf"0(\.\d+)?|1(\.0+)?|{NO_CHANGE}"
FORMS = {
    "belief": "none|stated",
    "original_accuracy": _ACCURACY,
    "treated_accuracy": _ACCURACY,
    "difference": rf"-?{_ACCURACY}",
    "mcnemar_z": _NUMBER_OR_NONE,
    "odds_ratio": rf"{_NUMBER_OR_NONE}|\u221e",
    "p_value": _PROBABILITY,
    "q_value": _PROBABILITY,
}
"""What may be printed in a cell, as regular expressions."""


@dataclasses.dataclass(frozen=True)
class Counts:
    """A cell's pairs, how many each arm has right, and how many only the original (`b`) or the treated (`c`) has right.

    `b` and `c` are None where the accuracies are equal and some answers changed: then b = c, and how many is not told.
    """

    pairs: int
    original_right: int
    treated_right: int
    b: int | None
    c: int | None


def solutions(printed: Mapping[str, str]) -> Iterator[Counts]:
    """All counts that would be printed as this row of the published table, whose values are text as printed."""
    task = "disinfo" if printed["task"] == "disinfo" else "other"
    for pairs in PAIRS[task, printed["belief"]]:
        original, treated = (_right(printed[f"{arm}_accuracy"], pairs) for arm in ("original", "treated"))
        if original is None or treated is None or f"{100 * (treated - original) / pairs:.2f}" != printed["difference"]:
            continue
        lost = original - treated
        if lost == 0:
            if _as_printed(0, 0, printed):
                yield Counts(pairs, original, treated, 0, 0)
            elif _as_printed(1, 1, printed):
                yield Counts(pairs, original, treated, None, None)
            continue
        for changed in _changed(abs(lost), printed["mcnemar_z"], pairs):
            b, c = (changed + lost) // 2, (changed - lost) // 2
            fits = changed % 2 == lost % 2 and 0 <= b <= original and 0 <= c <= treated and b <= pairs - treated
            if fits and _as_printed(b, c, printed):
                yield Counts(pairs, original, treated, b, c)


def _right(accuracy: str, pairs: int) -> int | None:
    """The number of right answers that has this accuracy, in percent with two decimals."""
    right = round(float(accuracy) * pairs / 100)
    return right if right <= pairs and f"{100 * right / pairs:.2f}" == accuracy else None


def _changed(lost: int, z: str, pairs: int) -> range:
    """The numbers of changed answers, b + c, for which lost / sqrt(b + c) is z but for its rounding to 3 decimals."""
    if z == NO_CHANGE:
        return range(0)
    most = (lost / (float(z) - 0.0006)) ** 2 if float(z) > 0.0006 else pairs
    return range(math.floor((lost / (float(z) + 0.0006)) ** 2), min(math.ceil(most), pairs) + 1)


def _as_printed(b: int, c: int, printed: Mapping[str, str]) -> bool:
    odds_ratio = f"{b / c:.2f}" if c else "\u221e"
    test = (odds_ratio, f"{abs(b - c) / math.sqrt(b + c):.3f}", f"{mcnemar_p_value(b, c):.4f}") if b + c else None
    return (test or (NO_CHANGE,) * 3) == (printed["odds_ratio"], printed["mcnemar_z"], printed["p_value"])


def reconstruct(published: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The counts behind each row of the published tables (PRINTED_CELLS) of the article's treated arms: COUNTS.

    The arms are those of warmline.design.published_arms.

    Rows are in their order. `solutions` says how many sets of counts would be printed as a row; the counts are given
    where it is one, and null otherwise. p-values are the exact ones if all sets have the same, or else as printed, and
    null where no answer changed.

    Raises UserError for a row with something else than what may be printed.
    """
    rows = [
        {"arm": arm} | _counts(printed) for arm, table in published.items() for printed in table.iter_rows(named=True)
    ]
    schema = {name: dtype for name, dtype in COUNTS.schema.items() if name != "q_value"}
    return pl.DataFrame(rows, schema=schema).with_columns(
        q_value=pl.col("p_value").map_batches(benjamini_hochberg, pl.Float64).over("arm", "model", "task", "belief")
    )


def _counts(printed: Mapping[str, str | None]) -> dict[str, object]:
    """A row of `reconstruct`, but for its q-value."""
    cell = ", ".join(str(printed[name]) for name in CELL)
    row: dict[str, str] = {}
    for name, value in printed.items():
        form = FORMS.get(name, "(?s).+")
        if value is None or not re.fullmatch(form, value):
            raise UserError(
                f"published cell {cell}: {name} is {value!r}. Expected it as the article prints it, {form}. Compare "
                "the row with the article's table."
            )
        row[name] = value
    found = set(solutions(row))
    counts = dict.fromkeys(field.name for field in dataclasses.fields(Counts))
    return {
        **{name: row[name] for name in CELL},
        **{name: float(row[name]) for name in ("original_accuracy", "treated_accuracy")},
        "solutions": len(found),
        **(dataclasses.asdict(next(iter(found))) if len(found) == 1 else counts),
        "p_value": _p_value(found, row["p_value"]),
    }


def _p_value(found: Set[Counts], printed: str) -> float | None:
    if printed == NO_CHANGE:
        return None
    exact = {1.0 if counts.b is None or counts.c is None else mcnemar_p_value(counts.b, counts.c) for counts in found}
    return exact.pop() if len(exact) == 1 else float(printed)
