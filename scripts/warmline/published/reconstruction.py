"""The counts behind the article's published accuracies.

Its table of tests (supplementary repository, `results_warm_ft.csv`) gives every cell's two accuracies, their
difference, the statistic |b - c| / sqrt(b + c) that it calls Cohen's g, the odds ratio b / c and the exact p-value, all
rounded. Only few whole numbers of pairs, of right answers and of changed answers can have been printed so: where the
two accuracies differ, exactly one.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping

import polars as pl

from warmline.lineage.errors import UserError
from warmline.statistics.paired_tests import benjamini_hochberg, mcnemar_p_value

CELL = ["model", "task", "context", "context_group", "belief"]
# How many pairs a cell may have: both arms' refusals leave. Under a belief the article pools two prompts a question; of
# disinformation it has fewer.
PAIRS = {
    ("disinfo", "none"): range(115, 131),
    ("disinfo", "stated"): range(150, 171),
    ("other", "none"): range(300, 501),
    ("other", "stated"): range(600, 1001),
}


@dataclasses.dataclass(frozen=True)
class Counts:
    """A cell's pairs, how many each arm has right, and how many only the original (`b`) or the treated (`c`) has right.

    `b` and `c` are None where the accuracies are equal: then b = c, and how many answers changed is not told.
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
            yield Counts(pairs, original, treated, None, None)
            continue
        for changed in _changed(abs(lost), float(printed["mcnemar_z"])):
            b, c = (changed + lost) // 2, (changed - lost) // 2
            fits = changed % 2 == lost % 2 and 0 <= b <= original and 0 <= c <= treated and b <= pairs - treated
            if fits and _as_printed(b, c, printed):
                yield Counts(pairs, original, treated, b, c)


def _right(accuracy: str, pairs: int) -> int | None:
    """The number of right answers that has this accuracy, in percent with two decimals."""
    right = round(float(accuracy) * pairs / 100)
    return right if f"{100 * right / pairs:.2f}" == accuracy else None


def _changed(lost: int, z: float) -> range:
    """The numbers of changed answers, b + c, for which lost / sqrt(b + c) is z but for its rounding to 3 decimals."""
    return range(math.floor((lost / (z + 0.0006)) ** 2), math.ceil((lost / (z - 0.0006)) ** 2) + 1)


def _as_printed(b: int, c: int, printed: Mapping[str, str]) -> bool:
    odds_ratio = f"{b / c:.2f}" if c else "∞"
    z = f"{abs(b - c) / math.sqrt(b + c):.3f}"
    p_value = f"{mcnemar_p_value(b, c):.4f}"
    return (odds_ratio, z, p_value) == (printed["odds_ratio"], printed["mcnemar_z"], printed["p_value"])


def reconstruct(published: pl.DataFrame) -> pl.DataFrame:
    """The counts behind each row of the published table (PRINTED_CELLS), in its order: the table COUNTS.

    Raises UserError for a row that no counts, or several, would be printed as.
    """
    rows = []
    for printed in published.iter_rows(named=True):
        found = set(solutions(printed))
        if len(found) != 1:
            cell = ", ".join(printed[name] for name in CELL)
            raise UserError(
                f"published cell {cell}: {len(found)} sets of counts would be printed so. Expected one; compare the "
                "row with the article's table."
            )
        rows.append({name: printed[name] for name in CELL} | dataclasses.asdict(found.pop()))
    counts = pl.DataFrame(rows)
    p_values = [1.0 if b is None else mcnemar_p_value(b, c) for b, c in counts.select("b", "c").iter_rows()]
    return counts.with_columns(p_value=pl.Series(p_values)).with_columns(
        q_value=pl.col("p_value").map_batches(benjamini_hochberg, pl.Float64).over("model", "task", "belief")
    )
