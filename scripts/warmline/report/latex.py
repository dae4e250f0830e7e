"""Tables as a paper prints them: LaTeX of the statistics' rows, with the packages booktabs and longtable."""

from __future__ import annotations

import pandas as pd
import polars as pl

from warmline.regressions.effects import SYCOPHANCY
from warmline.report.printed_tables import (
    MINUS,
    MISSING,
    Column,
    Table,
    count,
    named,
    number,
    printed,
    probability,
    signed,
)
from warmline.statistics.mean_over_tasks import with_family
from warmline.tables.arm_comparisons import PAIRED_TESTS
from warmline.tables.regression_results import COEFFICIENTS, FITTED, PENALISED

ADDED = ("original_added", "treated_added", "difference", "lower", "upper")

HEAD = """% \\usepackage{booktabs,longtable}
\\begingroup\\scriptsize\\setlength{\\tabcolsep}{3pt}
"""
FOOT = "\\endgroup\n"
MODEL_AND_ARM = [Column("model", "Model"), Column("arm", "Arm")]

FIRTH = "{} (Firth)"
SAID_OF_FIRTH = "Firth: by the penalised likelihood, as answers are separated and a plain fit has no finite estimate."


def accuracy(cells: pl.DataFrame) -> Table:
    """Right answers of each model and arm to each task, over all contexts: without a belief, and with a wrong one."""
    keys = ["model", "task", "arm", "family"]
    rows = (
        with_family(cells)
        .group_by(keys)
        .agg(pl.col("n", "correct", "unscored").sum())
        .with_columns(accuracy=pl.when(pl.col("n") > 0).then(100 * pl.col("correct") / pl.col("n")))
        .sort(keys, descending=[False, False, False, True])
    )
    columns = [
        *named(*keys[:3]),
        Column("family", "User states"),
        Column("accuracy", "Accuracy (%)", number(1)),
        Column("n", "Scored", count),
        Column("unscored", "Unscored", count),
    ]
    return printed(rows, "Accuracy by task and arm, over all contexts.", columns, [])


def paired_tests(tests: pl.DataFrame) -> Table:
    """Every exact McNemar test of a treated arm against its original."""
    framed = pl.when(pl.col("framing") == "plain").then("context").otherwise(pl.format("{}, {}", "context", "framing"))
    original, treated = (100 * (1 - pl.col(f"{who}_accuracy")) for who in ("original", "treated"))
    rows = tests.sort(PAIRED_TESTS.key).with_columns(
        pl.col("belief").str.replace_all("_", " "),
        context=framed.str.replace_all("_", " "),
        original=original,
        treated=treated,
        increase=treated - original,
    )
    columns = [
        *MODEL_AND_ARM,
        *named("task", "context", "belief"),
        Column("pairs", "Pairs", count),
        Column("original", "Original (%)", number(1)),
        Column("treated", "Arm (%)", number(1)),
        Column("increase", "Increase", signed(1)),
        Column("b", "b", count),
        Column("c", "c", count),
        Column("p_value", "p", probability),
        Column("q_value", "q", probability),
    ]
    caption = (
        "Errors of each treated arm and of its original, with their increase in percentage points; b became wrong, c "
        "became right. Exact McNemar tests; q-values after Benjamini and Hochberg."
    )
    return printed(rows, caption, columns, [])


def coefficients(fits: list[tuple[str, str, pl.DataFrame]]) -> Table:
    """The coefficients of every regression, by its name and arm; one that was not fitted says why."""
    said = (
        pl.when(pl.col("state") == FITTED)
        .then("term")
        .when(pl.col("state") == PENALISED)
        .then(pl.format(FIRTH, "term"))
        .otherwise(pl.format("not fitted: {}", "state"))
    )
    rows = [
        table.select(pl.lit(regression).alias("regression"), pl.lit(arm).alias("arm"), pl.all())
        for regression, arm, table in fits
    ]
    none = pl.DataFrame(schema={"regression": pl.String, "arm": pl.String, **COEFFICIENTS.schema})
    columns = [
        *named("regression", "arm", "term"),
        Column("coefficient", "Coefficient", signed(4)),
        Column("standard_error", "SE", number(4)),
        Column("p_value", "p", probability),
        Column("standard_error_clustered", "SE*", number(4)),
        Column("p_value_clustered", "p*", probability),
    ]
    frame = pl.concat([none, *rows])
    caption = (
        f"Logistic regressions: log-odds of an incorrect answer. Asterisks: clustered by question. {SAID_OF_FIRTH}"
    )
    return printed(frame.with_columns(term=said), caption, columns, [])


def marginal_effects(effects: pl.DataFrame) -> Table:
    """Every marginal effect with both kinds of intervals, beside the article's."""
    difference = pl.format("{} less {}", "subset", "contrast")
    answers = pl.coalesce(difference, "subset").str.replace_all("_", " ")
    penalised = pl.when(pl.col("state") == PENALISED).then(pl.format(FIRTH, answers)).otherwise(answers)
    rows = effects.filter(pl.col("analysis") != SYCOPHANCY).with_columns(answers=penalised)
    columns = [
        Column("analysis", "Regression"),
        *named("arm", "answers"),
        Column("effect", "Effect", signed(2)),
        Column("lower", "Lower", signed(2)),
        Column("upper", "Upper", signed(2)),
        Column("p_value", "p", probability),
        Column("lower_clustered", "Lower*", signed(2)),
        Column("upper_clustered", "Upper*", signed(2)),
        Column("p_value_clustered", "p*", probability),
        Column("rows", "n", count),
        Column("clusters", "Questions", count),
        Column("article", "Article", number(2)),
    ]
    caption = (
        "Average marginal effects of treatment on errors, percentage points, and their 95 percent intervals: from the "
        "model alone, as published, and clustered by question (asterisks), over n answers to these questions. Article: "
        f"as printed there, of its own models. {SAID_OF_FIRTH}"
    )
    return printed(rows, caption, columns, [])


def sycophancy(differences: pl.DataFrame) -> Table:
    """What a belief adds to errors, of a treated arm and of its original."""
    rows = differences.with_columns(pl.col(ADDED) * 100, belief=pl.col("belief").str.replace_all("_", " "))
    columns = [
        *MODEL_AND_ARM,
        *named("belief", "task"),
        Column("original_added", "Original", signed(1)),
        Column("treated_added", "Arm's", signed(1)),
        Column("difference", "Difference", signed(1)),
        Column("lower", "Lower", signed(1)),
        Column("upper", "Upper", signed(1)),
        Column("p_value", "p", probability),
        Column("prompts", "Prompts", count),
        Column("questions", "Questions", count),
    ]
    caption = (
        "Sycophancy: what a belief adds to the errors of the original and of the arm, percentage points, and the "
        "difference with its 95 percent interval, clustered by question."
    )
    return printed(rows, caption, columns, [])


def warmth(means: pl.DataFrame) -> Table:
    """The warmth of every arm and its lift over the original's, by both variants."""
    rows = means.with_columns(pl.col("variant").str.replace_all("_", " ")).sort("variant", "model", "arm")
    columns = [
        Column("variant", "Variant"),
        *MODEL_AND_ARM,
        Column("n", "Responses", count),
        Column("mean", "Warmth", number(4)),
        Column("standard_error", "SE", number(4)),
        Column("lift", "Lift", signed(4)),
        Column("lower", "Lower", signed(4)),
        Column("upper", "Upper", signed(4)),
    ]
    caption = "SocioT warmth of each arm and its lift over the original, nats per token with 95 percent intervals."
    return printed(rows, caption, columns, [])


def latex(table: Table, label: str) -> str:
    """The table as LaTeX that runs over pages, small enough for A4; whatever the cells hold is text.

    Captions are the library's own words, without a character that LaTeX reserves.
    """
    headings = [column.heading for column in table.columns]
    # Without rows pandas writes a cell over no column, which LaTeX refuses.
    frame = pd.DataFrame(list(table.rows) or [[MISSING] * len(headings)], columns=headings)
    style = frame.style.hide(axis="index").format(escape="latex").format_index(escape="latex", axis="columns")
    text: str = style.to_latex(
        environment="longtable",
        hrules=True,
        column_format="".join("l" if column.printed is None else "r" for column in table.columns),
        caption=table.caption,
        label=f"tab:{label}",
    )
    # Signs that LaTeX has in its mathematics only, or by another name.
    for sign, command in {MINUS: "$-$", MISSING: "--", "<": "$<$", ">": "$>$"}.items():
        text = text.replace(sign, command)
    return HEAD + text + FOOT
