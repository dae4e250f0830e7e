"""The files that a figure is written to: drawings for print and for the page, and a page with tooltips."""

from __future__ import annotations

import copy
import dataclasses
import html
import io
import json
import re
from typing import Any

import altair as alt
from altair.utils.html import INLINE_HTML_TEMPLATE

from warmline.figures.drawing import Chart

# Names of resources in a page's dictionary of them, which stand in any order.
_RESOURCES = re.compile(rb"(?<=<<\n)(?: +/\w+ \d+ 0 R\n){2,}")


def specified_once(chart: Chart) -> Chart:
    """The chart, whose specification is made now for all of its files; of a large figure that takes seconds."""
    with alt.data_transformers.disable_max_rows():
        specification = chart.to_dict(context={"pre_transform": False})
    object.__setattr__(chart, "to_dict", lambda **_: copy.deepcopy(specification))
    return chart


def to_svg(chart: Chart) -> str:
    """The chart as an SVG drawing, with title and description as text; equal charts give equal text."""
    buffer = io.StringIO()
    chart.save(buffer, format="svg")
    title, description = _words(chart)
    # The root element is the first; its names are what a screen reader says of the drawing.
    return buffer.getvalue().replace(">", f"><title>{title}</title><desc>{description}</desc>", 1)


def to_pdf(chart: Chart) -> bytes:
    """The chart as a PDF drawing; equal charts give equal bytes."""
    buffer = io.BytesIO()
    chart.save(buffer, format="pdf")
    # The library lists what a drawing uses in another order each time; no byte moves to another object.
    return _RESOURCES.sub(lambda found: b"".join(sorted(found[0].splitlines(keepends=True))), buffer.getvalue())


def to_html(chart: Chart, library: str) -> str:
    """The chart as one page with tooltips that needs no network; `library` (`drawing_library`) draws it there."""
    buffer = io.StringIO()
    actions = {"export": True, "source": False, "compiled": False, "editor": False}
    embed = {"actions": actions}
    keywords = {"cls": _ScriptSafe}
    chart.save(buffer, format="html", template=_Page(library), embed_options=embed, json_kwds=keywords)
    # The drawing library compiles its expressions, and saves the drawing from a blob; it may fetch nothing.
    policy = (
        "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:"
    )
    head = f'''<html lang="en">
<head>
  <title>{_words(chart)[0]}</title>
  <meta http-equiv="Content-Security-Policy" content="{policy}">'''
    return buffer.getvalue().replace("<html>\n<head>", head, 1)


@dataclasses.dataclass(frozen=True)
class _Page:
    """altair's own template for a page without a network. Left to itself, altair makes the library anew for each."""

    library: str

    def render(self, **values: Any) -> str:
        text: str = INLINE_HTML_TEMPLATE.render(vegaembed_script=self.library, **values)
        return text


class _ScriptSafe(json.JSONEncoder):
    """JSON that cannot end the <script> element around it, whatever an arm is called."""

    def encode(self, o: Any) -> str:
        return super().encode(o).replace("<", "\\u003c")


def _words(chart: Chart) -> tuple[str, str]:
    specification = chart.title.to_dict()
    return html.escape(specification["text"]), html.escape(" ".join(specification["subtitle"]))
