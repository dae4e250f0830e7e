from __future__ import annotations

import pytest

from warmline.lineage.errors import UserError
from warmline.report import drawings

SHAPES = '<rect width="3" height="2"/><text>5 &lt; 6</text>'


def svg(content: str, root: str = "") -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 3 2"{root}>{content}</svg>'


def test_a_drawing_is_one_image_with_a_name() -> None:
    markup, title = drawings.inline(svg(f"<title>One &lt; two</title><desc>Bars.</desc>{SHAPES}"), "a.svg")
    assert title == "One < two"
    assert 'role="img" aria-label="One &lt; two. Bars."' in markup
    assert "<title>" not in markup
    assert "<text>5 &lt; 6</text>" in markup


@pytest.mark.parametrize(
    "drawing",
    [
        svg("<script>alert(1)</script>"),
        svg("<foreignObject><p xmlns='http://www.w3.org/1999/xhtml'>words</p></foreignObject>"),
        svg("<image href='http://example.org/a.png'/>"),
        svg("<g onclick='alert(1)'/>"),
        svg("<rect style='fill: red'/>"),
        svg("<rect fill='url(http://example.org/)'/>"),
        svg(SHAPES, " onload='alert(1)'"),
        "<html></html>",
        "no drawing",
    ],
)
def test_anything_but_a_plain_drawing_is_refused(drawing: str) -> None:
    with pytest.raises(UserError, match=r"a\.svg.*Draw it again"):
        drawings.inline(drawing, "a.svg")
