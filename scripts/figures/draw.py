"""Draw one figure: as PDF for print, as SVG for the report, and as a page with tooltips; none needs a network.

Beside them the figure's data are written: the rows that it shows, taken or averaged from the statistic.
"""

from __future__ import annotations

import argparse

from warmline.figures import registry
from warmline.figures.formats import to_html, to_pdf, to_svg
from warmline.lineage.script import Parser, run
from warmline.tables import csv_tables


def build_parser() -> Parser:
    parser = Parser(__doc__)
    parser.add_argument("--figure", choices=registry.NAMES, required=True, help="which figure to draw")
    parser.add_argument("--title", required=True, help="the figure's title")
    parser.reads("data", "the figure's statistic, CSV")
    parser.reads("library", "figures/vega.js, the library that draws in a browser")
    parser.writes("svg", "the drawing")
    parser.writes("pdf", "the drawing, for print")
    parser.writes("html", "the page with tooltips")
    parser.writes("data-used", "the rows that the figure shows, CSV")
    return parser


def main(arguments: argparse.Namespace) -> None:
    figure = registry.figure(arguments.figure)
    data = figure.prepare(csv_tables.read(arguments.data, figure.table))
    arguments.data_used.write_text(csv_tables.text(data), encoding="utf-8")
    drawn = figure.draw(data, arguments.title)
    svg = to_svg(drawn)
    arguments.svg.write_text(svg, encoding="utf-8")
    arguments.pdf.write_bytes(to_pdf(svg))
    arguments.html.write_text(to_html(drawn, arguments.library.read_text("utf-8")), encoding="utf-8")


if __name__ == "__main__":
    run(build_parser(), main, found=lambda arguments: [registry.module(arguments.figure)])
