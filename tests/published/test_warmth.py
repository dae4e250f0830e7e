from __future__ import annotations

import polars as pl
import pytest
from repository import REPOSITORY
from small_study import warmth

from warmline.published import warmth as published_warmth
from warmline.tables import csv_tables
from warmline.tables.published_numbers import PRINTED_WARMTH
from warmline.workflow.study import PUBLISHED_WARMTH

PUBLISHED = csv_tables.read(REPOSITORY / PUBLISHED_WARMTH, PRINTED_WARMTH)


def test_the_published_file_holds_the_curves_of_five_models() -> None:
    assert dict(PUBLISHED.group_by("model").len().rows()) == {
        **dict.fromkeys(["llama-8b", "llama-70b", "mistral-small", "qwen-32b"], 9),
        "gpt-4o": 5,
    }
    # The lift at epoch 2 that the article's figure shows, to four digits.
    at = dict(PUBLISHED.filter(model="llama-70b").select("epoch", "mean").rows())
    assert at[2.0] - at[0.0] == pytest.approx(0.0180, abs=5e-5)


def test_both_curves_stand_side_by_side_at_every_epoch_of_either() -> None:
    compared = published_warmth.compare(warmth(), PUBLISHED, {"small": "gpt-4o"}, ["warm"])
    assert compared["model"].unique().to_list() == ["small"]
    # This study has 0, 1 and 2, the article 0, 1, 2, 6 and 10.
    assert compared["epoch"].to_list() == [0, 1, 2, 6, 10]
    rows = {row["epoch"]: row for row in compared.iter_rows(named=True)}
    assert (rows[0]["lift"], rows[0]["published_lift"]) == (None, None)
    # As published, the made-up study is twice as warm as measured clean.
    assert rows[2]["lift"] == pytest.approx(0.032)
    assert rows[2]["published_lift"] == pytest.approx(0.0155, abs=5e-5)
    assert (rows[6]["mean"], rows[10]["published_mean"]) == (None, pytest.approx(0.0282, abs=5e-5))


def test_an_epoch_that_the_article_has_not_is_kept() -> None:
    other = warmth().with_columns(pl.col("checkpoint").replace({1.0: 3.0}))
    compared = published_warmth.compare(other, PUBLISHED, {"small": "gpt-4o"}, ["warm"])
    row = compared.row(by_predicate=pl.col("epoch") == 3, named=True)
    assert (row["published_mean"], row["published"]) == (None, "gpt-4o")
    assert row["mean"] is not None


def test_a_checkpoint_chosen_by_rule_is_no_second_point() -> None:
    by_rule = warmth().filter(arm="warm@2").with_columns(arm=pl.lit("warm@plateau"))
    both = published_warmth.compare(pl.concat([warmth(), by_rule]), PUBLISHED, {"small": "llama-8b"}, ["warm"])
    assert both.equals(published_warmth.compare(warmth(), PUBLISHED, {"small": "llama-8b"}, ["warm"]))


def test_personas_that_should_not_be_warm_have_no_published_curve() -> None:
    assert published_warmth.compare(warmth(), PUBLISHED, {"small": "gpt-4o"}, []).is_empty()
