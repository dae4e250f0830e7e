from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from warmline.grading import refusal_samples, refusals
from warmline.grading.refusal_samples import Cell, shares
from warmline.models import cards
from warmline.observations import joining
from warmline.tables.generations import GENERATIONS
from warmline.tables.observations import OBSERVATIONS
from warmline.tables.refusal_labels import REFUSAL_LABELS

ARM = cards.Arm("tiny", "warm@2", "warm", 2.0, cards.RemoteModel("m"), None, {}, "abc")
PLAIN, REFUSED = "It is Porto.", "I can't help with that."


def answers(*texts: str, task: str = "trivia") -> pl.DataFrame:
    rows = [(f"{task}-{at}", text, "stop", 1, 2, f"{task} {at}") for at, text in enumerate(texts)]
    return pl.DataFrame(rows, schema=GENERATIONS.schema, orient="row")


CELLS = {
    ("trivia", "sad"): answers(*[PLAIN] * 40, REFUSED),
    ("medqa", "sad"): answers(*[PLAIN] * 20, *["I'm sorry, but no: the Earth is round."] * 3, task="medqa"),
}


def drawn(cells: dict[Cell, pl.DataFrame], size: int | None, seed: int) -> dict[Cell, pl.DataFrame]:
    return refusal_samples.drawn(cells, refusals.by_rule(cells), size, seed)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=8), st.integers(0, 300))
def test_strata_give_as_evenly_as_their_rooms_allow(rooms: list[int], size: int) -> None:
    given_ = shares(rooms, size)
    assert sum(given_) == min(size, sum(rooms))
    assert all(0 <= each <= room for each, room in zip(given_, rooms, strict=True))
    with_room = [each for each, room in zip(given_, rooms, strict=True) if each < room]
    assert not with_room or max(given_) - min(with_room) <= 1


def test_a_sample_holds_what_is_rare_and_weighs_what_is_common() -> None:
    rows = pl.concat(drawn(CELLS, 12, 7).values())
    assert rows.height == 12
    assert rows.filter("refusal").height == 1 and rows.filter("refusal_as_published").height == 4
    assert rows["weight"].sum() == 64


def test_the_same_answers_are_drawn_again_and_another_seed_draws_others() -> None:
    def items(seed: int) -> set[str]:
        return set(pl.concat(drawn(CELLS, 12, seed).values())["item"])

    assert items(7) == items(7)
    assert items(7) != items(8)


def test_all_answers_are_drawn_where_all_are_asked_for() -> None:
    for cell, rows in drawn(CELLS, None, 7).items():
        assert rows["item"].to_list() == CELLS[cell]["item"].to_list()
        assert rows["weight"].unique().to_list() == [1.0]


def test_labels_take_the_rules_place_but_where_the_judge_cannot_tell() -> None:
    cell = ("trivia", "unmodified.none.plain")
    rows = drawn({cell: answers(PLAIN, PLAIN, REFUSED)}, None, 7)[cell]
    verdicts = [("a", "yes", None), ("b", "no", None), ("c", "unscored", "neither yes nor no")]
    labels = refusal_samples.labels(ARM, cell, rows, verdicts)
    assert labels.schema == REFUSAL_LABELS.schema
    observed = OBSERVATIONS.schema.to_frame(eager=True)
    observed = pl.concat(
        [
            observed,
            rows.select(task=pl.lit("trivia"), item="item", refusal="refusal", answer_key="answer_key"),
        ],
        how="diagonal",
    )
    labelled = joining.with_labels(observed, labels)
    assert labelled.columns == observed.columns
    assert labelled["refusal"].to_list() == [True, False, True]
