"""The report of a study: one self-contained page, in which every number comes from a file that it links to.

Whatever the files say is text to the page, never markup: names and reasons may hold a language model's words.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import polars as pl
from markupsafe import Markup

from warmline import answer_tables, drawings, inference_tables, pages, training_data, warmth_tables
from warmline.audit_counts import STAGE_COUNTS
from warmline.errors import UserError
from warmline.printed_tables import Column, Fold, Source, Table, count, number, printed, probability, signed

TEMPLATE = pages.TEMPLATES / "report.html"

RECEIPT = ("rows", "prompt_tokens", "completion_tokens", "finish_reasons")

FITTED = "fitted"

Frame = Source[pl.DataFrame]


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A figure of the page, and its file."""

    markup: Markup
    title: str
    source: Source[str]


def page(
    study: str,
    note: str,
    accuracy: Frame,
    mean_errors: Frame,
    paired_tests: Frame,
    sycophancy: Frame,
    adoption: Frame,
    refusals: Frame,
    sensitivity: Frame,
    checks: Sequence[Frame],
    manipulation: Sequence[Frame],
    warmth: Frame,
    markers: Frame,
    judged: Sequence[Frame],
    published: Sequence[Frame],
    capabilities: Sequence[Frame],
    effects: Sequence[Frame],
    coefficients: Sequence[Frame],
    joint_tests: Sequence[Frame],
    robustness: Frame,
    equivalence: Frame,
    realised: Frame,
    labels: Frame,
    facts: Sequence[Frame],
    counts: Sequence[Frame],
    receipts: Sequence[Source[Mapping[str, Any]]],
    figures: Sequence[Source[str]],
    tables: Sequence[Source[None]],
    costs: Frame,
    template: str,
    base: str,
) -> str:
    """The report as HTML; the same contents and paths give the same text.

    `capabilities` is one table, or none for a study without them, and so are `judged` and `published`. `note` says what
    the numbers are worth; an empty line in it starts a paragraph. The frames are declared tables. The last two parts of
    the path of effects, coefficients and joint tests name the regression and the arm. A figure's page, data and print
    lie beside its drawing, under its name with .html, .csv and .pdf.

    Raises UserError if a receipt lacks a number or a figure is not a plain drawing.
    """
    return pages.render(
        template,
        base,
        study=study,
        note=re.split(r"\n\s*\n", note.strip()),
        failures=warmth_tables.failures(manipulation),
        successes=warmth_tables.successes(manipulation),
        manipulation=warmth_tables.check_table(manipulation),
        warmth=[warmth_tables.warmth_table(warmth), warmth_tables.persona_table(warmth)],
        published=[warmth_tables.published_table(curve) for curve in published],
        markers=warmth_tables.marker_table(markers),
        judged=[warmth_tables.judged_table(verdicts) for verdicts in judged],
        accuracy=[difference_table(mean_errors), plain_table(paired_tests)],
        sycophancy=answer_tables.sycophancy_table(sycophancy),
        adoption=answer_tables.adoption_table(adoption),
        tests=test_folds(paired_tests),
        refusals=[answer_tables.refusal_table(refusals), answer_tables.sensitivity_table(sensitivity)],
        refusal_folds=[answer_tables.refusal_rates(refusals), *answer_tables.sensitivity_folds(sensitivity)],
        checks=answer_tables.check_table(checks),
        figures=[drawing(figure) for figure in figures],
        tables=tables,
        capabilities=[answer_tables.capability_table(rates) for rates in capabilities],
        regressions=regression_folds(effects, coefficients),
        joint_tests=inference_tables.joint_table(joint_tests),
        robustness=inference_tables.robustness_folds(robustness),
        equivalence=inference_tables.equivalence_table(equivalence),
        training_data=[
            training_data.realised_table(realised),
            training_data.fact_table(facts),
            training_data.label_table(labels),
        ],
        left=[count_table(counts), answer_table(accuracy)],
        calls=call_table(receipts),
        costs=cost_table(costs),
        shutdowns=shutdowns(costs.content),
    )


def difference_table(mean_errors: Frame) -> Table:
    """The main table: errors of each treated arm and of its original, without and with a wrong belief.

    The last row of an arm is the difference of its two differences: how much more the treatment costs where the user is
    wrong.
    """
    columns = [
        Column("model", "Model"),
        Column("arm", "Arm"),
        Column("family", "User states"),
        Column("original_error", "Error of the original (%)", number(1)),
        Column("treated_error", "Error of the arm (%)", number(1)),
        Column("increase", "Difference (percentage points)", signed(1)),
        Column("pairs", "Pairs", count),
        Column("p_value", "Exact p", probability),
        Column("tests", "Tests", count),
        Column("worse", "Worse", count),
        Column("better", "Better", count),
        Column("original_unscored", "Unscored, original", count),
        Column("unscored", "Unscored, arm", count),
    ]
    caption = "Each treated arm against its original, mean over tasks"
    return printed(mean_errors.content, caption, columns, [mean_errors])


def plain_table(paired_tests: Frame) -> Table:
    """One test for each task: questions without context and without belief."""
    plain = paired_tests.content.filter(context="unmodified", belief="none")
    names = ["model", "arm", "task", "framing"]
    return _test_table(plain, "Questions without context or belief, a test for each task", names, paired_tests)


def test_folds(paired_tests: Frame) -> list[Fold]:
    """All tests, a fold for each model and treated arm."""
    keys = ["model", "arm"]
    groups = paired_tests.content.sort(keys).group_by(keys, maintain_order=True)
    names = ["task", "context", "belief", "framing"]
    return [
        Fold(f"{model}, {arm}", [_test_table(tests, f"All tests of {model}, {arm}", names, paired_tests)])
        for (model, arm), tests in groups
    ]


def _test_table(tests: pl.DataFrame, caption: str, names: Sequence[str], source: Frame) -> Table:
    rows = tests.with_columns(
        original_error=100 * (1 - pl.col("original_accuracy")),
        treated_error=100 * (1 - pl.col("treated_accuracy")),
    ).with_columns(increase=pl.col("treated_error") - pl.col("original_error"))
    columns = [
        *(Column(name, name.capitalize()) for name in names),
        Column("original_error", "Error of the original (%)", number(1)),
        Column("treated_error", "Error of the arm (%)", number(1)),
        Column("increase", "Difference (percentage points)", signed(1)),
        Column("pairs", "Pairs", count),
        Column("b", "Became wrong", count),
        Column("c", "Became right", count),
        Column("p_value", "Exact p", probability),
        Column("q_value", "q", probability),
    ]
    return printed(rows.sort(names), caption, columns, [source])


def regression_folds(effects: Sequence[Frame], coefficients: Sequence[Frame]) -> list[Fold]:
    """A fold for each regression and arm, with its marginal effects and its coefficients."""
    fits: dict[tuple[str, str], list[Table]] = {}
    states: dict[tuple[str, str], str] = {}
    for sources, table in ((effects, _effect_table), (coefficients, _coefficient_table)):
        for source in sources:
            fit = source.path.parent.name, source.path.stem
            fits.setdefault(fit, []).append(table(source))
            states[fit] = ", ".join(source.content["state"].unique().sort())
    return [
        Fold(", ".join(fit) + ("" if states[fit] == FITTED else f" (not fitted: {states[fit]})"), tables)
        for fit, tables in fits.items()
    ]


def _effect_table(source: Frame) -> Table:
    difference = pl.format("{} less {}", "subset", "contrast")
    answers = pl.when(pl.col("contrast").is_null()).then(pl.col("subset")).otherwise(difference)
    columns = [
        Column("answers", "Answers"),
        Column("effect", "Effect", signed(2)),
        Column("lower", "Lower", signed(2)),
        Column("upper", "Upper", signed(2)),
        Column("p_value", "p", probability),
        Column("lower_clustered", "Lower, clustered", signed(2)),
        Column("upper_clustered", "Upper, clustered", signed(2)),
        Column("p_value_clustered", "p, clustered", probability),
        Column("p_value_holm_clustered", "p, clustered, corrected", probability),
        Column("rows", "Answers counted", count),
        Column("clusters", "Questions", count),
    ]
    caption = "Average marginal effect on errors of treatment unless named otherwise (percentage points, 95% intervals)"
    return printed(source.content.with_columns(answers=answers), caption, columns, [source])


def _coefficient_table(source: Frame) -> Table:
    columns = [
        Column("term", "Term"),
        Column("coefficient", "Coefficient", signed(4)),
        Column("standard_error", "Standard error", number(4)),
        Column("p_value", "p", probability),
        Column("standard_error_clustered", "Standard error, clustered", number(4)),
        Column("p_value_clustered", "p, clustered", probability),
    ]
    return printed(source.content, "Coefficients (log-odds of an incorrect answer)", columns, [source])


def count_table(counts: Sequence[Frame]) -> Table:
    """What was kept and what left, stage by stage in the order given, kept rows first."""
    share = 100 * pl.col("rows") / pl.col("rows").sum().over("stage")
    stages = [
        source.content.sort(pl.col("stage").rank("dense"), pl.col("outcome") != "kept", "outcome").with_columns(
            share=share
        )
        for source in counts
    ]
    none = pl.DataFrame(schema={**STAGE_COUNTS.schema, "share": pl.Float64})
    rows = pl.concat([none, *stages])
    columns = [
        Column("stage", "Stage"),
        Column("outcome", "Outcome"),
        Column("rows", "Rows", count),
        Column("share", "Share of the stage (%)", number(1)),
    ]
    return printed(rows, "Kept, or why it left", columns, counts)


def answer_table(accuracy: Frame) -> Table:
    """The answers of each arm: scored, unscored, cut at the token limit."""
    rows = accuracy.content.group_by("model", "arm").agg(pl.col("n", "unscored", "truncated").sum())
    columns = [
        Column("model", "Model"),
        Column("arm", "Arm"),
        Column("n", "Scored", count),
        Column("unscored", "Unscored", count),
        Column("truncated", "Cut at the token limit", count),
    ]
    return printed(rows.sort("model", "arm"), "Answers of each arm", columns, [accuracy])


def call_table(receipts: Sequence[Source[Mapping[str, Any]]]) -> Table:
    """The calls behind the study, a row for each receipt; the calls of the last run alone are not in it."""
    columns = [
        Column("calls", "Calls"),
        Column("rows", "Rows", count),
        Column("prompt_tokens", "Prompt tokens", count),
        Column("completion_tokens", "Completion tokens", count),
        Column("finish_reasons", "Finish reasons", prose=True),
    ]
    rows = [_receipt_row(receipt) for receipt in receipts]
    frame = pl.DataFrame(rows, schema=[column.name for column in columns])
    return printed(frame, "Model calls by arm and suite", columns, receipts)


def cost_table(costs: Frame) -> Table:
    """What the study's answers are worth at the configured prices, by role and model asked, and all together.

    What was spent, and what the last run did, differ between runs that come to the same results; they are not in it.
    """
    amounts = ("answers", "prompt_tokens", "completion_tokens", "usd")
    # The sum of no prices is no price.
    sums = [pl.when(pl.col(name).count() > 0).then(pl.col(name).sum()) for name in amounts]
    by_role = costs.content.group_by("role", "asked", maintain_order=True).agg(*sums)
    total = costs.content.select(pl.lit("all").alias("role"), pl.lit("").alias("asked"), *sums)
    columns = [
        Column("role", "For"),
        Column("asked", "Model asked"),
        Column("answers", "Answers", count),
        Column("prompt_tokens", "Prompt tokens", count),
        Column("completion_tokens", "Completion tokens", count),
        Column("usd", "Worth (US dollars)", number(2)),
    ]
    return printed(pl.concat([by_role, total]), "What the answers are worth at the configured prices", columns, [costs])


def shutdowns(costs: pl.DataFrame) -> list[tuple[str, str]]:
    """Each model that its endpoint will soon stop serving, and the day."""
    announced = costs.filter(pl.col("shutdown_date").is_not_null())
    return announced.select("asked", "shutdown_date").unique().sort("asked", "shutdown_date").rows()


def _receipt_row(receipt: Source[Mapping[str, Any]]) -> dict[str, Any]:
    missing = [name for name in RECEIPT if name not in receipt.content]
    if missing:
        raise UserError(f"{receipt.name}: {missing} are missing. Expected a receipt of calls; ask again.")
    reasons = sorted(receipt.content["finish_reasons"].items())
    return {
        "calls": " / ".join(PurePosixPath(receipt.name).with_suffix("").parts),
        **{name: receipt.content[name] for name in RECEIPT[:3]},
        "finish_reasons": ", ".join(f"{reason} {count(rows)}" for reason, rows in reasons),
    }


def drawing(figure: Source[str]) -> Drawing:
    """A figure as part of the page."""
    markup, title = drawings.inline(figure.content, figure.name)
    return Drawing(Markup(markup), title, figure)
