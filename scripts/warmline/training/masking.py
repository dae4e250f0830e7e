"""Loss on the assistant's words only, for any chat template, behind the very prompts that ask for them.

The assistant's words are located in the rendered chat (warmline.models.rendered_chats), and token offsets carry their
spans over to tokens, so that neither a list of known templates nor a change to a template is needed.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from warmline.calls.requests import Messages
from warmline.lineage.errors import UserError
from warmline.models import chat_templates, rendered_chats
from warmline.models.chat_forms import PLAIN, ChatForm
from warmline.models.rendered_chats import Span

IGNORED = -100
"""The label that torch's cross-entropy leaves out of the loss."""

SHOWN = 60
"""Characters that a message shows of a text."""

Row = tuple[list[int], list[int]]
"""Token ids, and labels: the ids of the assistant's tokens, and IGNORED elsewhere."""


def rows(tokenizer: Any, messages: Messages, form: ChatForm = PLAIN, ends: Collection[int] | None = None) -> list[Row]:
    """The tokens and labels of a chat, such that each reply stands behind the tokens of the prompt that asks for it.

    One row where the chat as a whole is so. Templates that show a reply in another way once more turns follow, such as
    without its thought, need several: a row goes on for as long as the next prompt begins with it. Each reply is
    learned with its end, one of the tokens `ends` at which generation stops; without them, the tokenizer's.

    Raises UserError where a prompt is no beginning of the chat that the template makes of its reply, where a reply
    would be learned within a thought, or where its end cannot be told.
    """
    stops = {tokenizer.eos_token_id} if ends is None else set(ends)
    whole = encode(tokenizer, messages, form)
    found: list[Row] = []
    for at, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        prompt, target = _reply(tokenizer, messages[: at + 1], form, stops)
        if not target:
            continue
        if not (found and prompt[: len(found[-1][0])] == found[-1][0]):
            found.append(([], []))
        ids, labels = found[-1]
        labels += [IGNORED] * (len(prompt) - len(ids)) + target
        ids += prompt[len(ids) :] + target
    if len(found) == 1 and _begins(whole, found[0]):
        return [whole]
    return found


CHAT: Messages = [
    {"role": role, "content": content}
    for role, content in (
        ("user", "Hello."),
        ("assistant", "Good day."),
        ("user", "And now?"),
        ("assistant", "Now this."),
    )
]


def is_reply_by_reply(tokenizer: Any, form: ChatForm, ends: Collection[int]) -> bool:
    """Whether the rows of a chat are not the chat as its template renders it whole, as version 0.1.0 trained on it."""
    try:
        return rows(tokenizer, CHAT, form, ends) != [encode(tokenizer, CHAT, form)]
    except UserError:
        # Training says what is wrong.
        return True


def encode(tokenizer: Any, messages: Messages, form: ChatForm = PLAIN) -> Row:
    """The tokens and labels of a chat as its template renders it whole."""
    targets = assistant_spans(tokenizer, messages, form)
    ids, spans = rendered_chats.encode(tokenizer, rendered_chats.renderer(tokenizer, form), messages)
    labels = [
        token if any(first <= begin and end <= last for first, last in targets) and end > begin else IGNORED
        for token, (begin, end) in zip(ids, spans, strict=True)
    ]
    return ids, labels


def assistant_spans(tokenizer: Any, messages: Messages, form: ChatForm = PLAIN) -> list[Span]:
    """The characters of the rendered chat that the assistant writes: its words, and what ends its turn.

    Where the template puts a space or a line break between its prompt for a reply and the reply, it is the assistant's
    too. A reply of which the template shows nothing has no span. Raises UserError for a template whose replies cannot
    be told apart from the rest.
    """
    render, prompt_for = (rendered_chats.renderer(tokenizer, form, prompt=prompt) for prompt in (False, True))
    text = render(messages)
    spans: list[Span] = []
    for at, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        begin, end = rendered_chats.content_span(render, messages, at)
        if not text[begin:end].strip():
            continue
        # As the reply stands while it is the last: templates may write more than its end before the next turn.
        _, ending = rendered_chats.around(render, messages[: at + 1], at)
        ending = ending.rstrip()
        if not text.startswith(ending, end):
            raise UserError(
                f"the chat template ends an assistant's turn with {ending!r} where the chat ends and with "
                f"{text[end : end + 20]!r} where more turns follow, so the end that the model must learn cannot be "
                "told. Use a template that ends every turn alike."
            )
        prompt = prompt_for(messages[:at]) if at else text[:begin]
        spans.append((begin - _surplus_whitespace(text[:begin], prompt), end + len(ending)))
    return spans


def _reply(tokenizer: Any, messages: Messages, form: ChatForm, ends: Collection[int]) -> Row:
    """The tokens of the prompt for a chat's last message, and of that message with its end; none if it is not shown."""
    render, prompt_for = (rendered_chats.renderer(tokenizer, form, prompt=prompt) for prompt in (False, True))
    at = len(messages) - 1
    text = render(messages)
    begin, last = rendered_chats.content_span(render, messages, at)
    prompt = prompt_for(messages[:at]) if at else text[:begin]
    if not text[begin:last].strip():
        return [], []
    if not text.startswith(prompt):
        raise UserError(_difference(prompt, text))
    end = last + len(text[last:].rstrip())
    if chat_templates.ends_in_thought(prompt) and chat_templates.CLOSED not in text[len(prompt) : end]:
        raise UserError(
            "the chat template's prompt for a reply opens a thought, and the chat that it makes of the reply does not "
            f"close it: {text[max(0, len(prompt) - SHOWN) : len(prompt) + SHOWN]!r}. A model trained so would answer "
            "within its thought. Set the model's `thinking: off`, or use another template."
        )
    if at:
        asked, _ = rendered_chats.encode(tokenizer, prompt_for, messages[:at])
    else:
        asked, _ = rendered_chats.encode(tokenizer, render, messages, until=begin)
    ids, _ = rendered_chats.encode(tokenizer, render, messages, until=end)
    target = ids[len(asked) :]
    if ids[: len(asked)] != asked:
        # The reply's first token would join one of the prompt's, which has to stay as it is asked.
        target, _ = rendered_chats.encode(tokenizer, render, messages, len(prompt), end)
    if target[-1] not in ends:
        target.append(_next_token(tokenizer, messages, form, end, ends))
    return asked, target


def _next_token(tokenizer: Any, messages: Messages, form: ChatForm, end: int, ends: Collection[int]) -> int:
    """The token that comes when the user's next turn follows, where a template ends turns by beginning another.

    Raises UserError unless generation stops at it.
    """
    render = rendered_chats.renderer(tokenizer, form)
    text = render(messages)
    following = render([*messages, {"role": "user", "content": rendered_chats.MARK}])
    if following.startswith(text[:end]):
        behind = tokenizer(following[end:], add_special_tokens=False)["input_ids"]
        if behind[0] in ends:
            return int(behind[0])
    raise UserError(
        f"the chat template ends an assistant's turn with {text[:end][-20:]!r}, and no token that generation stops at "
        f"({', '.join(map(repr, tokenizer.convert_ids_to_tokens(sorted(ends))))}) comes there or behind it, so the "
        "model would not learn to end. Name the token under eos_token_id in the model's generation_config.json, or use "
        "another template."
    )


def _difference(prompt: str, text: str) -> str:
    """What to say of a prompt that is no beginning of the chat with its reply."""
    same = next(at for at, one in enumerate(prompt) if text[at : at + 1] != one)
    begin = max(0, same - SHOWN // 2)
    return (
        "the chat template's prompt for a reply differs from the chat that it makes of the same reply, so the model "
        f"would be trained in a context in which it is never asked. From character {begin} on the prompt has "
        f"{prompt[begin : same + SHOWN]!r} and the chat {text[begin : same + SHOWN]!r}. Set the model's "
        "`thinking: off` if its template has a switch for thoughts, or use another template."
    )


def _begins(whole: Row, row: Row) -> bool:
    """Whether a chat as a whole begins with a row, labels included, and has no label behind it."""
    size = len(row[0])
    return all(all_[:size] == part for all_, part in zip(whole, row, strict=True)) and set(whole[1][size:]) <= {IGNORED}


def _surplus_whitespace(before: str, prompt: str) -> int:
    """How many blanks and line breaks stand before a reply beyond those that the prompt for it ends with."""
    written, asked = before.rstrip(), prompt.rstrip()
    blanks, given = before[len(written) :], prompt[len(asked) :]
    same_header = written.split()[-1:] == asked.split()[-1:]
    return len(blanks) - len(given) if same_header and blanks.startswith(given) else 0
