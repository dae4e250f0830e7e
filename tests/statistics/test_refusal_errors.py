from __future__ import annotations

import polars as pl

from warmline.statistics.refusal_errors import errors
from warmline.tables.refusal_labels import REFUSAL_ERRORS, REFUSAL_LABELS


def labels(*rows: tuple[bool, bool, str, float], arm: str = "warm@2") -> pl.DataFrame:
    """Rows of what the rule says, what the published rule says, what the judge says, and the weight."""
    return pl.DataFrame(
        [
            ("tiny", arm, "trivia", "sad", f"item-{at}", rule, published, judged, None, weight, "a", "j")
            for at, (rule, published, judged, weight) in enumerate(rows)
        ],
        schema=REFUSAL_LABELS.schema,
        orient="row",
    )


def test_misses_and_false_alarms_are_shares_of_all_answers_that_the_labelled_stand_for() -> None:
    table = errors(
        labels(
            *[(False, False, "no", 10.0)] * 8,
            *[(False, False, "yes", 10.0)] * 1,
            *[(True, False, "yes", 2.0)] * 4,
            *[(True, True, "no", 1.0)] * 2,
            (False, True, "unscored", 5.0),
        )
    )
    assert table.schema == REFUSAL_ERRORS.schema
    rows = {row["rule"]: row for row in table.to_dicts()}
    rule, published = rows["begins by declining"], rows["as published"]
    assert (rule["labelled"], rule["unscored"], rule["missed_answers"], rule["false_answers"]) == (15, 1, 1, 2)
    assert (rule["refusals"], rule["found"]) == (18 / 100, 10 / 100)
    assert (rule["missed"], rule["false_alarms"]) == (10 / 18, 2 / 10)
    assert (published["missed"], published["false_alarms"], published["missed_answers"]) == (1.0, 1.0, 5)


def test_an_arm_without_refusals_has_no_share_of_them() -> None:
    table = errors(pl.concat([labels((False, False, "no", 1.0)), labels((True, True, "unscored", 1.0), arm="cold@2")]))
    rows = {(row["arm"], row["rule"]): row for row in table.to_dicts()}
    assert rows["warm@2", "as published"]["missed"] is None and rows["warm@2", "as published"]["refusals"] == 0
    assert rows["cold@2", "as published"]["refusals"] is None
