"""A chat as its template renders it: where each message's words stand, and the tokens of the whole.

Words are found by what they do, not by what they are: the chat is rendered once more with a mark in a message's place,
and what changed is what the template shows of the message. So it does not matter whether the template strips words,
drops the reasoning in them, folds the system turn into another or adds one, nor what else in the chat looks like them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jinja2

from warmline.calls.requests import Messages
from warmline.lineage.errors import UserError
from warmline.models.chat_forms import ChatForm

Render = Callable[[Messages], str]
Span = tuple[int, int]
"""First character and the one after the last."""

MARK = "wordsofthisturn"


def renderer(tokenizer: Any, form: ChatForm, *, prompt: bool = False) -> Render:
    """What renders a chat in a form: as it stands, or with the `prompt` for the reply that is to follow.

    It raises UserError for a chat that the template refuses.
    """

    def render(messages: Messages) -> str:
        told = form.chat_template_kwargs or {}
        try:
            rendered: str = tokenizer.apply_chat_template(
                form.messages(messages), add_generation_prompt=prompt, tokenize=False, **told
            )
        except jinja2.TemplateError as error:
            roles = ", ".join(message["role"] for message in messages)
            raise UserError(
                f"the chat template refuses a chat of {roles}: {error}. Use another template; if it is the system turn "
                "that it refuses, set the model's `system: first-user-turn`."
            ) from error
        return rendered

    return render


def content_span(render: Render, messages: Messages, at: int) -> Span:
    """Where the rendered chat shows what its template leaves of the message at position `at`.

    Raises UserError for a template that does not show a message once, or shows others by what its words are.
    """
    text = render(messages)
    before, after = around(render, messages, at)
    if not (text.startswith(before) and text.endswith(after) and len(before) + len(after) <= len(text)):
        raise UserError(
            f"the chat template changes other parts of a chat by the words of message {at + 1}, "
            f"{messages[at]['content'][:60]!r}, so these cannot be told apart. Leave the chat out, or use a template "
            "that renders every message by itself."
        )
    return len(before), len(text) - len(after)


def around(render: Render, messages: Messages, at: int) -> tuple[str, str]:
    """What the template writes before and after a message, whatever the message says."""
    mark = MARK
    while any(mark in message["content"] for message in messages):
        mark += MARK
    parts = render([*messages[:at], {**messages[at], "content": mark}, *messages[at + 1 :]]).split(mark)
    if len(parts) != 2:
        raise UserError(
            f"the chat template changes the text of its messages: it shows message {at + 1} of a chat as it is "
            f"{len(parts) - 1} times instead of once. Use another template."
        )
    return parts[0], parts[1]


def spells_control(tokenizer: Any, messages: Messages) -> bool:
    """Whether a message spells out a control token of the model."""
    return any(control in message["content"] for message in messages for control in tokenizer.get_added_vocab())


def encode(
    tokenizer: Any, render: Render, messages: Messages, begin: int = 0, until: int | None = None
) -> tuple[list[int], list[Span]]:
    """The tokens of a rendered chat, from one character of it up to another, and the characters that each stands for.

    What the template writes may be control tokens, a message's words never: otherwise a message that spells out the end
    of its turn would end it, and could speak as another.
    """
    text = render(messages)[:until]
    if not spells_control(tokenizer, messages):
        return _encode(tokenizer, text[begin:], begin)
    ids: list[int] = []
    spans: list[Span] = []
    done = begin
    for first, last in sorted(content_span(render, messages, at) for at in range(len(messages))):
        if first < begin:
            continue
        for part, start, plain in ((text[done:first], done, False), (text[first:last], first, True)):
            part_ids, part_spans = _encode(tokenizer, part, start, split_special_tokens=plain)
            ids += part_ids
            spans += part_spans
        done = last
    part_ids, part_spans = _encode(tokenizer, text[done:], done)
    return ids + part_ids, spans + part_spans


def _encode(tokenizer: Any, text: str, start: int, **options: bool) -> tuple[list[int], list[Span]]:
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, **options)
    return encoded["input_ids"], [(start + begin, start + end) for begin, end in encoded["offset_mapping"]]
