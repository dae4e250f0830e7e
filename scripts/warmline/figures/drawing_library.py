"""The library that draws a figure in a browser: Vega, Vega-Lite and what embeds them, as one text of JavaScript."""

from __future__ import annotations

import altair as alt
import vl_convert


def bundle() -> str:
    """The library, for charts of the version of Vega-Lite that altair writes. It takes seconds to put together."""
    version = "_".join(alt.SCHEMA_VERSION.split(".")[:2])
    # Its types want a snippet, which altair and its own documentation leave out.
    return vl_convert.javascript_bundle(vl_version=version)  # type: ignore[call-arg]
