"""Chat templates that render a chat alike on every day.

A request is known by its messages (warmline.calls.requests), so its tokens may depend on nothing but these and the
model's files. The one thing else that transformers shows to a template is the clock, as `strftime_now`: here it has
stopped.
"""

from __future__ import annotations

import datetime

# The day that Llama 3's templates fall back to where there is no clock.
TODAY = datetime.date(2024, 7, 26)
DIRECTIVES = "aAbBcdHIjmMpSxXyY"


def pinned(template: str) -> str:
    """The template with a `strftime_now` of its own, for which it is always midnight of `TODAY`."""
    if "strftime_now" not in template:
        return template
    # transformers hands a template nothing that can be called, so the clock is written in the template's language.
    replaced = "".join(f"|replace('%{name}', '{TODAY.strftime(f'%{name}')}')" for name in DIRECTIVES)
    # The line break ends the macro's line and is not rendered, so that the template still begins one.
    return f"{{%- macro strftime_now(format) %}}{{{{ format{replaced} }}}}{{%- endmacro %}}\n{template}"
