"""The files that a figure is written to: drawings for print and for the page, and a page with tooltips."""

from __future__ import annotations

import html
import json
import re

import altair as alt
import vl_convert
from altair.utils.html import INLINE_HTML_TEMPLATE
from altair.utils.mimebundle import spec_to_mimebundle

from warmline.figures.drawing import Specification

# Names of resources in a page's dictionary of them, which stand in any order.
_RESOURCES = re.compile(rb"(?<=<<\n)(?: +/\w+ \d+ 0 R\n){2,}")


def to_svg(figure: Specification) -> str:
    """The figure as an SVG drawing, with title and description as text; equal figures give equal text."""
    drawing: str = spec_to_mimebundle(figure, "svg", mode="vega-lite")["image/svg+xml"]
    title, description = _words(figure)
    # The root element is the first; its names are what a screen reader says of the drawing.
    return drawing.replace(">", f"><title>{title}</title><desc>{description}</desc>", 1)


def to_pdf(svg: str) -> bytes:
    """An SVG drawing as PDF; equal drawings give equal bytes."""
    # The library lists what a drawing uses in another order each time; no byte moves to another object.
    return _RESOURCES.sub(
        lambda found: b"".join(sorted(found[0].splitlines(keepends=True))), vl_convert.svg_to_pdf(svg)
    )


def to_html(figure: Specification, library: str) -> str:
    """The figure as one page with tooltips that needs no network; `library` (`drawing_library`) draws it there."""
    actions = {"export": True, "source": False, "compiled": False, "editor": False}
    page: str = INLINE_HTML_TEMPLATE.render(
        vegaembed_script=library,
        vegalite_version=alt.VEGALITE_VERSION,
        output_div="vis",
        # Nothing in it may end the <script> element around it, whatever an arm is called.
        spec=json.dumps(figure).replace("<", "\\u003c"),
        embed_options=json.dumps({"actions": actions, "mode": "vega-lite"}),
    )
    # The drawing library compiles its expressions, and saves the drawing from a blob; it may fetch nothing.
    policy = (
        "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:"
    )
    head = f'''<html lang="en">
<head>
  <title>{_words(figure)[0]}</title>
  <meta http-equiv="Content-Security-Policy" content="{policy}">'''
    return page.replace("<html>\n<head>", head, 1)


def _words(figure: Specification) -> tuple[str, str]:
    return html.escape(figure["title"]["text"]), html.escape(" ".join(figure["title"]["subtitle"]))
