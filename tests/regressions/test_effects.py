from __future__ import annotations

import polars as pl
import pytest
import small_study
from repository import REPOSITORY

from warmline.regressions import effects
from warmline.tables import csv_tables
from warmline.tables.published_numbers import ARTICLE
from warmline.tables.regression_results import EFFECTS, MARGINAL_EFFECTS


def test_every_effect_of_every_fit_is_there_in_order_and_sycophancy_over_all_tasks_last() -> None:
    table = small_study.effects()
    assert table.schema == EFFECTS.schema
    assert table["analysis"].unique(maintain_order=True).to_list() == ["contexts", "tuning", "sycophancy"]
    fit = table.filter(analysis="contexts", arm="warm@2")
    shared = [name for name in MARGINAL_EFFECTS.columns if name in EFFECTS.columns]
    assert fit.select(shared).equals(small_study.marginal_effects().select(shared))
    by_task = small_study.sycophancy().with_columns(task=pl.lit("triviaqa"))
    differences = pl.concat([small_study.sycophancy(), by_task])
    assert effects.gather([], differences, small_study.article()).height == small_study.sycophancy().height


def test_sycophancy_is_in_percentage_points_and_clustered_only() -> None:
    (row,) = small_study.effects().filter(subset="asserts_wrong").iter_rows(named=True)
    assert [row[name] for name in ("effect", "lower_clustered", "upper_clustered", "p_value_clustered")] == (
        pytest.approx([5.0, 1.0, 9.0, 0.0137])
    )
    assert (row["model"], row["rows"], row["clusters"]) == ("small", 240, 120)
    assert row["lower"] is row["p_value"] is row["state"] is None


def test_the_articles_numbers_stand_beside_the_effects_that_they_are_about_and_its_arm_alone() -> None:
    printed = small_study.effects().drop_nulls("article")
    assert printed.select("analysis", "arm", "subset", "contrast", "article").rows() == [
        ("contexts", "warm@2", "sad", None, 11.9),
        ("tuning", "warm@2", "all", None, 7.43),
    ]


def test_all_of_the_articles_marginal_effects_find_their_place() -> None:
    article = csv_tables.read(REPOSITORY / "config/published/article.csv", ARTICLE)
    levels = {
        "tuning": ["all"],
        "groups": ["emotion", "relation", "stakes"],
        "contexts": ["sad", "hierarchical_up"],
        "beliefs": ["none", "stated"],
    }
    empty = MARGINAL_EFFECTS.schema.to_frame()
    fits = [
        (regression, "warm@2", pl.concat([empty, pl.DataFrame({"subset": subsets})], how="diagonal"))
        for regression, subsets in levels.items()
    ]
    table = effects.gather(fits, small_study.sycophancy().clear(), article)
    assert table["article"].to_list() == [7.43, 8.87, 6.55, 7.42, 11.9, 5.24, 7.6, 11.0]


def test_a_study_without_a_fit_has_a_table_without_effects() -> None:
    table = effects.gather([], small_study.sycophancy().clear(), small_study.article())
    assert (table.height, table.schema) == (0, EFFECTS.schema)
