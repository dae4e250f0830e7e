"""Loss on the assistant's words only, for any chat template.

The assistant's words are located in the rendered chat (warmline.models.rendered_chats), and token offsets carry their
spans over to tokens, so that neither a list of known templates nor a change to a template is needed.
"""

from __future__ import annotations

from typing import Any

import jinja2

from warmline.calls.requests import Messages
from warmline.lineage.errors import UserError
from warmline.models import rendered_chats
from warmline.models.rendered_chats import Span

IGNORED = -100
"""The label that torch's cross-entropy leaves out of the loss."""


def assistant_spans(tokenizer: Any, messages: Messages) -> list[Span]:
    """The characters of the rendered chat that the assistant writes: its words, and what ends its turn.

    Where the template puts a space or a line break between its prompt for a reply and the reply, it is the assistant's
    too. A reply of which the template shows nothing has no span. Raises UserError for a template whose replies cannot
    be told apart from the rest.
    """
    text = _render(tokenizer, messages)
    spans: list[Span] = []
    for at, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        begin, end = rendered_chats.content_span(lambda chat: _render(tokenizer, chat), messages, at)
        if not text[begin:end].strip():
            continue
        # As the reply stands while it is the last: templates may write more than its end before the next turn.
        _, ending = rendered_chats.around(lambda chat: _render(tokenizer, chat), messages[: at + 1], at)
        ending = ending.rstrip()
        if not text.startswith(ending, end):
            raise UserError(
                f"the chat template ends an assistant's turn with {ending!r} where the chat ends and with "
                f"{text[end : end + 20]!r} where more turns follow, so the end that the model must learn cannot be "
                "told. Use a template that ends every turn alike."
            )
        prompt = _render(tokenizer, messages[:at], prompt=True) if at else text[:begin]
        spans.append((begin - _surplus_whitespace(text[:begin], prompt), end + len(ending)))
    return spans


def encode(tokenizer: Any, messages: Messages) -> tuple[list[int], list[int]]:
    """Token ids and labels of a chat. Labels repeat the ids of the assistant's tokens and are IGNORED elsewhere."""
    targets = assistant_spans(tokenizer, messages)
    ids, spans = rendered_chats.encode(tokenizer, lambda chat: _render(tokenizer, chat), messages)
    labels = [
        token if any(first <= begin and end <= last for first, last in targets) and end > begin else IGNORED
        for token, (begin, end) in zip(ids, spans, strict=True)
    ]
    return ids, labels


def _surplus_whitespace(before: str, prompt: str) -> int:
    """How many blanks and line breaks stand before a reply beyond those that the prompt for it ends with."""
    written, asked = before.rstrip(), prompt.rstrip()
    blanks, given = before[len(written) :], prompt[len(asked) :]
    same_header = written.split()[-1:] == asked.split()[-1:]
    return len(blanks) - len(given) if same_header and blanks.startswith(given) else 0


def _render(tokenizer: Any, messages: Messages, *, prompt: bool = False) -> str:
    try:
        rendered: str = tokenizer.apply_chat_template(messages, add_generation_prompt=prompt, tokenize=False)
    except jinja2.TemplateError as error:
        roles = ", ".join(message["role"] for message in messages)
        raise UserError(f"the chat template refuses a chat of {roles}: {error}. Use another template.") from error
    return rendered
