from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmline.conversations.query_types import QUERY_TYPES
from warmline.conversations.sampling import balanced, realised
from warmline.lineage.draws import rank
from warmline.lineage.errors import UserError

IDS = st.lists(st.text(max_size=5), unique=True, max_size=12)


def labelled(each: int, turns: int = 2) -> pl.DataFrame:
    rows = [
        (f"{kind}-{at}", turn, f"{kind} {at}, {turn}", kind)
        for kind in QUERY_TYPES
        for at in range(each)
        for turn in range(turns)
    ]
    return pl.DataFrame(rows, schema=["conversation", "turn", "text", "query_type"], orient="row")


@given(IDS, st.integers(0, 99), st.randoms())
def test_the_order_of_the_source_does_not_matter(ids: list[str], seed: int, random: Any) -> None:
    ranked = rank(ids, seed, "question")
    assert sorted(ranked) == sorted(ids)
    assert rank(random.sample(ids, len(ids)), seed, "question") == ranked


@given(IDS, st.text(min_size=6, max_size=7), st.integers(0, 99), st.integers(0, 12))
def test_one_more_row_displaces_at_most_one_of_the_sample(ids: list[str], new: str, seed: int, size: int) -> None:
    before, after = rank(ids, seed, "question")[:size], rank([*ids, new], seed, "question")[:size]
    assert set(before) - set(after) <= set(before[-1:])
    assert [identity for identity in after if identity != new] == before[: len(after) - (new in after)]


def test_seeds_and_purposes_give_orders_of_their_own() -> None:
    ids = [str(number) for number in range(20)]
    assert len({tuple(rank(ids, seed, purpose)) for seed in (1, 2) for purpose in ("question", "conversation")}) == 4


def test_every_place_is_reached_equally_often() -> None:
    first = [rank(["a", "b", "c"], seed, "question")[0] for seed in range(600)]
    assert all(160 < first.count(identity) < 240 for identity in "abc")


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 9))
def test_training_and_validation_are_disjoint_and_balanced(training: int, validation: int, seed: int) -> None:
    chosen = balanced(labelled(8), training=training, validation=validation, seed=seed)
    assert [len(part) for part in chosen] == [training, validation]
    assert not set(chosen[0]) & set(chosen[1])
    for part, size in zip(chosen, (training, validation), strict=True):
        kinds = [identity.split("-")[0] for identity in part]
        counts = [kinds.count(kind) for kind in QUERY_TYPES]
        assert counts == sorted(counts, reverse=True)
        assert set(counts) <= {size // 6, size // 6 + 1}


@given(st.randoms())
def test_the_sample_does_not_depend_on_the_order_of_rows(random: Any) -> None:
    frame = labelled(4)
    shuffled = frame[random.sample(range(frame.height), frame.height)]
    sizes = {"training": 9, "validation": 7, "seed": 1}
    assert balanced(shuffled, **sizes) == balanced(frame, **sizes)


def test_more_validation_changes_no_training() -> None:
    few, many = (balanced(labelled(9), training=12, validation=size, seed=3) for size in (6, 30))
    assert few[0] == many[0]
    assert set(few[1]) <= set(many[1])


def test_a_type_with_too_few_conversations_is_named() -> None:
    frame = labelled(3).filter(pl.col("conversation") != "technical-0")
    with pytest.raises(
        UserError, match="the validation sample needs 1 more conversations of type technical: 2 passed the screening"
    ):
        balanced(frame, training=12, validation=6, seed=0)


def test_what_was_drawn_is_counted_by_type() -> None:
    rows = [("a", 0, "user", "other"), ("a", 1, "assistant", "other"), ("a", 2, "user", "other")]
    rows += [(name, turn, ("user", "assistant")[turn], "refusal") for name in ("b", "c") for turn in (0, 1)]
    frame = pl.DataFrame(rows, schema=["conversation", "turn", "role", "query_type"], orient="row")
    counted = realised(frame, ["a", "b"], ["c"])
    assert counted["query_type"].to_list() == list(QUERY_TYPES)
    assert counted.row(0) == ("refusal", 2, 1, 1, 1)
    assert counted.row(5) == ("other", 1, 1, 1, 0)
    assert counted.drop("query_type").sum().row(0) == (3, 2, 2, 1)


def test_pieces_of_one_conversation_are_not_drawn_twice() -> None:
    number = pl.int_range(pl.len()) // 2
    pieces = labelled(8).with_columns(conversation=pl.format("split{}_{}", number // 2 + 10, number % 2))
    chosen = balanced(pieces, training=12, validation=6, seed=4)
    whole = [identity.split("_")[0] for ids in chosen for identity in ids]
    assert len(whole) == 18 == len(set(whole))


SHORT = {"refusal": 5, "factual": 40, "creative": 12, "technical": 40, "advice": 40, "other": 40}


def of_types(sizes: dict[str, int]) -> pl.DataFrame:
    return labelled(max(sizes.values())).filter(
        pl.col("conversation").str.extract(r"-(\d+)$").cast(pl.Int64) < pl.col("query_type").replace_strict(sizes)
    )


def by_type(identities: list[str]) -> dict[str, int]:
    return {kind: sum(identity.startswith(f"{kind}-") for identity in identities) for kind in QUERY_TYPES}


def test_a_short_type_is_filled_evenly_from_the_others() -> None:
    training, validation = balanced(of_types(SHORT), training=90, validation=18, seed=0, short="fill")
    # 15 of each are wanted; 10 refusals and 3 creative ones are missing, and so four others give three or four more.
    assert [*by_type(training).values()] == [5, 19, 12, 18, 18, 18]
    assert [*by_type(validation).values()] == [0, 5, 0, 5, 4, 4]
    assert not set(training) & set(validation)


def test_a_short_type_may_leave_the_sample_smaller() -> None:
    training, validation = balanced(of_types(SHORT), training=90, validation=18, seed=0, short="fewer")
    assert by_type(training) == {**dict.fromkeys(QUERY_TYPES, 15), "refusal": 5, "creative": 12}
    assert by_type(validation) == {**dict.fromkeys(QUERY_TYPES, 3), "refusal": 0, "creative": 0}


def test_what_all_types_together_lack_is_an_error_also_where_types_are_filled() -> None:
    with pytest.raises(UserError, match="the validation sample needs 3 more conversations: 177 of all types passed"):
        balanced(of_types(SHORT), training=90, validation=90, seed=0, short="fill")


@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 9), st.sampled_from(["fill", "fewer"]))
def test_where_no_type_is_short_it_does_not_matter_what_would_be_done(
    training: int, validation: int, seed: int, short: str
) -> None:
    sizes = {"training": training, "validation": validation, "seed": seed}
    assert balanced(labelled(10), **sizes, short=short) == balanced(labelled(10), **sizes)


@given(st.fixed_dictionaries({kind: st.integers(1, 9) for kind in QUERY_TYPES}), st.integers(1, 40))
def test_a_filled_sample_is_as_even_as_its_types_allow(sizes: dict[str, int], training: int) -> None:
    training = min(training, sum(sizes.values()))
    drawn = by_type(balanced(of_types(sizes), training=training, validation=0, seed=1, short="fill")[0])
    assert sum(drawn.values()) == training
    # A type has one less than the largest at most, or all that there are of it.
    most = max(drawn.values())
    assert all(number >= most - 1 or number == sizes[kind] for kind, number in drawn.items())


def test_an_empty_sample_is_an_error_whatever_is_to_be_done() -> None:
    for short in ("fill", "fewer", "stop"):
        with pytest.raises(UserError, match="sample needs"):
            balanced(
                of_types({**dict.fromkeys(QUERY_TYPES, 0), "creative": 1}),
                training=1,
                validation=1,
                seed=0,
                short=short,
            )
