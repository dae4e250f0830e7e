"""Pages that open without a network: a template, and the base that gives every page its look."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2

BASE = Path(__file__).parent / "templates_html/page.html"


def render(template: str, base: str, **contents: Any) -> str:
    """The page as HTML. `template` and `base` are the texts of the two; the template extends `page.html`, the base.

    Whatever the contents say is text to the page, never markup, unless it is a markupsafe.Markup.
    """
    environment = jinja2.Environment(
        loader=jinja2.DictLoader({BASE.name: base}),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.from_string(template).render(**contents)
