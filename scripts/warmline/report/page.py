"""The report of a study: one self-contained page, in which every number comes from a file that it links to.

Whatever the files say is text to the page, never markup: names and reasons may hold a language model's words.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from warmline.report import (
    answer_tables,
    audit_tables,
    drawings,
    inference_tables,
    pages,
    regression_tables,
    test_tables,
    training_tables,
    warmth_tables,
)
from warmline.report.printed_tables import Frame, Source

TEMPLATE = Path(__file__).parent / "templates_html/report.html"


@dataclasses.dataclass(frozen=True)
class Warmth:
    """What is known of each arm's warmth. `judged` and `published` hold one table, or none in a study without them."""

    manipulation: Sequence[Frame]
    scores: Frame
    markers: Frame
    judged: Sequence[Frame]
    published: Sequence[Frame]


@dataclasses.dataclass(frozen=True)
class Answers:
    """Rates and tests of the answers.

    `refusal_errors` and `capabilities` hold one table, or none in a study whose judge labels no refusals, or without
    further tasks.
    """

    accuracy: Frame
    mean_errors: Frame
    paired_tests: Frame
    sycophancy: Frame
    adoption: Frame
    equivalence: Frame
    refusals: Frame
    sensitivity: Frame
    refusal_errors: Sequence[Frame]
    capabilities: Sequence[Frame]


@dataclasses.dataclass(frozen=True)
class Regressions:
    """The regressions of errors. The last two parts of a path name the regression and the arm, except in robustness."""

    effects: Sequence[Frame]
    coefficients: Sequence[Frame]
    joint_tests: Sequence[Frame]
    robustness: Frame


@dataclasses.dataclass(frozen=True)
class Training:
    """What the adapters were trained on."""

    realised: Frame
    facts: Sequence[Frame]
    labels: Frame


@dataclasses.dataclass(frozen=True)
class Audit:
    """What left the study, what was found in its answers, what it asked of models, and what that is worth."""

    counts: Sequence[Frame]
    checks: Sequence[Frame]
    receipts: Sequence[Source[Mapping[str, Any]]]
    costs: Frame


@dataclasses.dataclass(frozen=True)
class Prints:
    """Figures as SVG, and tables for print.

    A figure's page, data and print lie beside its drawing, under its name with .html, .csv and .pdf.
    """

    figures: Sequence[Source[str]]
    tables: Sequence[Source[None]]


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A figure of the page, and its file."""

    markup: Markup
    title: str
    source: Source[str]


def page(
    study: str,
    note: str,
    warmth: Warmth,
    answers: Answers,
    regressions: Regressions,
    training: Training,
    audit: Audit,
    prints: Prints,
    template: str,
    base: str,
) -> str:
    """The report as HTML; the same contents and paths give the same text.

    `note` says what the numbers are worth; an empty line in it starts a paragraph. The frames are declared tables.

    Raises UserError if a receipt lacks a number or a figure is not a plain drawing.
    """
    return pages.render(
        template,
        base,
        study=study,
        note=re.split(r"\n\s*\n", note.strip()),
        failures=warmth_tables.failures(warmth.manipulation),
        successes=warmth_tables.successes(warmth.manipulation),
        manipulation=warmth_tables.check_table(warmth.manipulation),
        warmth=[warmth_tables.warmth_table(warmth.scores), warmth_tables.persona_table(warmth.scores)],
        published=[warmth_tables.published_table(curve) for curve in warmth.published],
        markers=warmth_tables.marker_table(warmth.markers),
        judged=[warmth_tables.judged_table(verdicts) for verdicts in warmth.judged],
        accuracy=[
            test_tables.difference_table(answers.mean_errors),
            test_tables.plain_table(answers.paired_tests),
        ],
        sycophancy=answer_tables.sycophancy_table(answers.sycophancy),
        adoption=answer_tables.adoption_table(answers.adoption),
        equivalence=inference_tables.equivalence_table(answers.equivalence),
        tests=test_tables.test_folds(answers.paired_tests),
        refusals=answer_tables.refusal_table(answers.refusals),
        refusal_errors=[answer_tables.refusal_error_table(errors) for errors in answers.refusal_errors],
        sensitivity=answer_tables.sensitivity_table(answers.sensitivity),
        refusal_folds=[
            answer_tables.refusal_rates(answers.refusals),
            *answer_tables.sensitivity_folds(answers.sensitivity),
        ],
        capabilities=[
            table(rates)
            for rates in answers.capabilities
            for table in (answer_tables.capability_table, answer_tables.reading_table)
        ],
        regressions=regression_tables.regression_folds(regressions.effects, regressions.coefficients),
        joint_tests=inference_tables.joint_table(regressions.joint_tests),
        robustness=inference_tables.robustness_folds(regressions.robustness),
        short_types=training_tables.short_types(training.realised),
        training_data=[
            training_tables.realised_table(training.realised),
            training_tables.fact_table(training.facts),
            training_tables.label_table(training.labels),
        ],
        left=[audit_tables.count_table(audit.counts), audit_tables.answer_table(answers.accuracy)],
        checks=answer_tables.check_table(audit.checks),
        calls=audit_tables.call_table(audit.receipts),
        costs=audit_tables.cost_table(audit.costs),
        shutdowns=audit_tables.shutdowns(audit.costs.content),
        figures=[drawing(figure) for figure in prints.figures],
        tables=prints.tables,
    )


def drawing(figure: Source[str]) -> Drawing:
    """A figure as part of the page."""
    markup, title = drawings.inline(figure.content, figure.name)
    return Drawing(Markup(markup), title, figure)
