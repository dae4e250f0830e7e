"""Write the report: one page that opens without a network, with every number taken from a file and linked to it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import TypeVar

import polars as pl

from warmline.lineage import json_files
from warmline.lineage.script import Parser, run
from warmline.report import page as report
from warmline.report import pages
from warmline.report.printed_tables import Source
from warmline.tables import csv_tables
from warmline.tables.answer_rates import ACCURACY, CAPABILITY_RATES, REFUSALS
from warmline.tables.arm_comparisons import ADOPTION, EQUIVALENCE, MEAN_ERRORS, PAIRED_TESTS, SENSITIVITY, SYCOPHANCY
from warmline.tables.audit_counts import ANSWER_CHECKS, COSTS, STAGE_COUNTS
from warmline.tables.conversation_counts import LABELS, SAMPLE
from warmline.tables.parquet_tables import Table
from warmline.tables.refusal_labels import REFUSAL_ERRORS
from warmline.tables.regression_results import COEFFICIENTS, JOINT_TESTS, MARGINAL_EFFECTS, ROBUSTNESS
from warmline.tables.rewriting_results import FACT_COUNTS
from warmline.tables.warmth_results import (
    JUDGED_LIFTS,
    MANIPULATION_CHECK,
    MARKER_LIFTS,
    PUBLISHED_WARMTH,
    WARMTH_LIFTS,
)

Content = TypeVar("Content")


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.add_argument("--study", required=True, help="name of the study")
    parser.add_argument("--note", required=True, help="what the numbers are worth; an empty line starts a paragraph")
    parser.reads("accuracy", "statistics/accuracy.csv")
    parser.reads("mean-errors", "statistics/mean_errors.csv")
    parser.reads("paired-tests", "statistics/paired_tests.csv")
    parser.reads("sycophancy", "statistics/sycophancy.csv")
    parser.reads("adoption", "statistics/adoption.csv")
    parser.reads("refusals", "statistics/refusals.csv")
    parser.reads("sensitivity", "statistics/refusal_sensitivity.csv")
    parser.reads("checks", "audit/checks/<model>/<arm>.csv", several=True, required=False)
    parser.reads("manipulation", "statistics/manipulation_check/<model>.csv", several=True)
    parser.reads("warmth", "statistics/warmth.csv")
    parser.reads("markers", "statistics/lexical_markers.csv")
    parser.reads("judged", "statistics/judged_warmth.csv, if there is one", several=True, required=False)
    parser.reads("published", "statistics/published_warmth.csv, if there is one", several=True, required=False)
    parser.reads("refusal-errors", "statistics/refusal_errors.csv, if there is one", several=True, required=False)
    parser.reads("capabilities", "statistics/capabilities.csv, if there is one", several=True, required=False)
    parser.reads("effects", "statistics/marginal_effects/<regression>/<arm>.csv", several=True, required=False)
    parser.reads("coefficients", "statistics/regressions/<regression>/<arm>.csv", several=True, required=False)
    parser.reads("joint-tests", "statistics/joint_tests/<regression>/<arm>.csv", several=True, required=False)
    parser.reads("robustness", "statistics/robustness.csv")
    parser.reads("equivalence", "statistics/equivalence.csv")
    parser.reads("realised", "conversations/sample.csv")
    parser.reads("labels", "conversations/labels.csv")
    parser.reads("facts", "rewrites/<persona>-facts.csv", several=True, required=False)
    parser.reads("counts", "audit/counts/<stage>.csv, in the order of the study", several=True, required=False)
    parser.reads("receipts", "answers/<model>/<arm>/<suite>.json", several=True, required=False)
    parser.reads("costs", "audit/costs.csv")
    parser.reads("figures", "figures/<figure>.svg; .pdf, .html and .csv lie beside it", several=True, required=False)
    parser.reads("tables", "tables/<table>.tex", several=True, required=False)
    parser.reads("template", "the page's template, the library's own by default", required=False)
    parser.reads("base", "the template that it extends, the library's own by default", required=False)
    parser.set_defaults(template=report.TEMPLATE, base=pages.BASE)
    parser.writes("report", "the page")
    return parser


def main(arguments: argparse.Namespace) -> None:
    def source(path: Path, read: Callable[[Path], Content]) -> Source[Content]:
        relative = os.path.relpath(path, arguments.report.parent)
        return Source(PurePosixPath(Path(relative).as_posix()), read(path))

    def table(path: Path, declared: Table) -> Source[pl.DataFrame]:
        return source(path, lambda path: csv_tables.read(path, declared))

    def several(paths: Iterable[Path], declared: Table) -> list[Source[pl.DataFrame]]:
        return [table(path, declared) for path in paths]

    page = report.page(
        study=arguments.study,
        note=arguments.note,
        warmth=report.Warmth(
            manipulation=several(arguments.manipulation, MANIPULATION_CHECK),
            scores=table(arguments.warmth, WARMTH_LIFTS),
            markers=table(arguments.markers, MARKER_LIFTS),
            judged=several(arguments.judged, JUDGED_LIFTS),
            published=several(arguments.published, PUBLISHED_WARMTH),
        ),
        answers=report.Answers(
            accuracy=table(arguments.accuracy, ACCURACY),
            mean_errors=table(arguments.mean_errors, MEAN_ERRORS),
            paired_tests=table(arguments.paired_tests, PAIRED_TESTS),
            sycophancy=table(arguments.sycophancy, SYCOPHANCY),
            adoption=table(arguments.adoption, ADOPTION),
            equivalence=table(arguments.equivalence, EQUIVALENCE),
            refusals=table(arguments.refusals, REFUSALS),
            sensitivity=table(arguments.sensitivity, SENSITIVITY),
            refusal_errors=several(arguments.refusal_errors, REFUSAL_ERRORS),
            capabilities=several(arguments.capabilities, CAPABILITY_RATES),
        ),
        regressions=report.Regressions(
            effects=several(arguments.effects, MARGINAL_EFFECTS),
            coefficients=several(arguments.coefficients, COEFFICIENTS),
            joint_tests=several(arguments.joint_tests, JOINT_TESTS),
            robustness=table(arguments.robustness, ROBUSTNESS),
        ),
        training=report.Training(
            realised=table(arguments.realised, SAMPLE),
            facts=several(arguments.facts, FACT_COUNTS),
            labels=table(arguments.labels, LABELS),
        ),
        audit=report.Audit(
            counts=several(arguments.counts, STAGE_COUNTS),
            checks=several(arguments.checks, ANSWER_CHECKS),
            receipts=[source(path, json_files.read) for path in arguments.receipts],
            costs=table(arguments.costs, COSTS),
        ),
        prints=report.Prints(
            figures=[source(path, lambda path: path.read_text("utf-8")) for path in arguments.figures],
            tables=[source(path, lambda _: None) for path in arguments.tables],
        ),
        template=arguments.template.read_text("utf-8"),
        base=arguments.base.read_text("utf-8"),
    )
    arguments.report.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    run(build_parser(), main)
