"""The page of the article's numbers: each beside the one its tables give, and beside a study's own if it has any."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from warmline.report import pages
from warmline.report.printed_tables import (
    Column,
    Fold,
    Source,
    Table,
    count,
    named,
    number,
    printed,
    probability,
    signed,
)

TEMPLATE = Path(__file__).parent / "templates_html/published.html"

CELL = ("task", "context", "belief")
OWN = ("pairs", "b", "c", "risk_difference", "difference", "lower", "upper", "p_value", "q_value", "beliefs", "state")

COMPARED = "compared"
FALSE_DISCOVERY_RATE = 0.05

Frame = Source[pl.DataFrame]


def page(
    numbers: Frame,
    counts: Frame,
    errors: Frame,
    cells: Sequence[Frame],
    estimates: Sequence[Frame],
    template: str,
    base: str,
) -> str:
    """The page as HTML.

    The tables are NUMBERS, COUNTS and CELL_ERRORS; `cells` and `estimates` are one table COMPARED_CELLS and
    COMPARED_NUMBERS each, or none for a study without a model of the article.
    """
    matches = numbers.content["match"].to_list()
    return pages.render(
        template,
        base,
        matches={match: matches.count(match) for match in ("yes", "no", "not derivable")},
        total=len(matches),
        numbers=number_table(numbers, estimates),
        verdicts=[verdict for frame in cells for verdict in verdicts(frame)],
        summaries=[verdict for frame in estimates for verdict in verdicts(frame)],
        cell_sources=cells,
        estimate_sources=estimates,
        errors=[
            error_table(errors, arm, *division)
            for arm in errors.content["arm"].unique(maintain_order=True)
            for division in (("by context", ("context", "group", "all")), ("by model", ("model",)))
        ],
        cells=counts.content.height,
        told=counts.content["pairs"].count(),
        counts=cell_folds(counts, cells),
    )


def verdicts(compared: Frame) -> list[dict[str, str]]:
    """Of each arm: how many rows were compared with the article, how many differ, and how many could not be."""
    rows = compared.content.group_by("arm").agg(
        compared=(pl.col("state") == COMPARED).sum(),
        other=(pl.col("state") != COMPARED).sum(),
        differ=(pl.col("q_value") < FALSE_DISCOVERY_RATE).sum(),
    )
    return [
        {name: value if name == "arm" else count(value) for name, value in row.items()}
        for row in rows.sort("arm").iter_rows(named=True)
    ]


def number_table(numbers: Frame, estimates: Sequence[Frame]) -> Table:
    """Each number of the article, what follows from its tables, and why not; then what each arm of the study has."""
    columns = [
        Column("statement", "Number"),
        Column("value", "Article", str),
        Column("derived", "From its tables", str),
        *named("unit", "match"),
    ]
    rows = numbers.content
    for frame in estimates:
        for (arm,), found in frame.content.partition_by("arm", as_dict=True, maintain_order=True).items():
            renamed = found.drop("arm").rename(
                {name: f"{arm} {name}" for name in found.columns if name not in ("arm", "id")}
            )
            rows = rows.join(renamed, on="id", how="left", maintain_order="left")
            columns += [
                Column(f"{arm} published_estimate", "Article, the same cells", signed(2)),
                Column(f"{arm} estimate", f"{arm} of this study", signed(2)),
                *_tested(f"{arm} ", 2),
                Column(f"{arm} state", "State"),
            ]
    columns += [Column("note", "Why not, or how", prose=True), Column("part", "Where")]
    caption = "Numbers of the article, as printed and as its tables give them"
    return printed(rows, caption, columns, [numbers, *estimates])


def error_table(errors: Frame, arm: str, caption: str, over: Sequence[str]) -> Table:
    """Mean errors of one of the article's arms and of its originals over some divisions of the cells."""
    columns = [
        Column("belief", "Belief"),
        Column("level", "Cells of"),
        Column("cells", "Cells", count),
        Column("original", "Error of the originals (%)", number(1)),
        Column("treated", f"Error of {arm} (%)", number(1)),
        Column("increase", "Difference (percentage points)", signed(1)),
    ]
    order = pl.col("over").cast(pl.Enum(over))
    rows = errors.content.filter(pl.col("over").is_in(over), arm=arm).sort("belief", order, maintain_order=True)
    return printed(rows, f"Mean errors of {arm} in the article, {caption}", columns, [errors])


def cell_folds(counts: Frame, cells: Sequence[Frame]) -> list[Fold]:
    """The counts behind the published cells, a fold for each arm and model; where the study has it, beside its own."""
    folds = []
    published_cells = counts.content.partition_by("arm", "model", as_dict=True, maintain_order=True)
    for (published_arm, model), published in published_cells.items():
        lost, pairs = pl.col("original_right") - pl.col("treated_right"), pl.col("pairs")
        as_printed = (pl.col("original_accuracy") - pl.col("treated_accuracy")) / 100
        shown = published.with_columns(difference=pl.coalesce(lost / pairs, as_printed))
        own = [
            (frame, *group)
            for frame in cells
            for group in frame.content.filter(published=model, published_arm=published_arm)
            .partition_by("model", "arm", as_dict=True, maintain_order=True)
            .items()
        ]
        if not own:
            title = f"{model}, {published_arm}"
            folds.append(Fold(title, [_cell_table(shown, title, [], [counts])]))
        for frame, (name, arm), compared in own:
            renamed = compared.select(*CELL, **{f"own {column}": column for column in OWN})
            beside = shown.join(renamed, on=CELL, how="left", maintain_order="left")
            title = f"{model}, {published_arm}, beside {arm} of {name}"
            folds.append(Fold(title, [_cell_table(beside, title, _own(str(arm)), [counts, frame])]))
    return folds


def _cell_table(rows: pl.DataFrame, title: str, own: Sequence[Column], sources: Sequence[Frame]) -> Table:
    columns = [
        *named(*CELL),
        Column("solutions", "Sets of counts", count),
        Column("pairs", "Pairs", count),
        Column("b", "Became wrong", count),
        Column("c", "Became right", count),
        Column("difference", "Difference (percentage points)", signed(1)),
        Column("p_value", "Exact p", probability),
        Column("q_value", "q", probability),
        *own,
    ]
    shown = rows.with_columns(pl.col("^(own )?(difference|lower|upper|risk_difference)$") * 100)
    return printed(shown, f"Counts behind the published cells of {title}", columns, sources)


def _own(arm: str) -> list[Column]:
    return [
        Column("own pairs", f"Pairs, {arm} of this study", count),
        Column("own b", "Became wrong", count),
        Column("own c", "Became right", count),
        Column("own risk_difference", "Difference (percentage points)", signed(1)),
        *_tested("own ", 1),
        Column("own beliefs", "Beliefs pooled"),
        Column("own state", "State"),
    ]


def _tested(prefix: str, digits: int) -> list[Column]:
    return [
        Column(f"{prefix}difference", "This study less the article", signed(digits)),
        Column(f"{prefix}lower", "Lower", signed(digits)),
        Column(f"{prefix}upper", "Upper", signed(digits)),
        Column(f"{prefix}p_value", "p", probability),
        Column(f"{prefix}q_value", "q", probability),
    ]
