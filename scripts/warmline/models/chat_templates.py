"""What a model's chat template can do: be told whether to think, open a thought, show a system turn.

Nothing here goes by a model's name. The template renders a short chat in two ways, and what changes tells.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from warmline.calls.requests import Messages
from warmline.lineage.errors import UserError
from warmline.models import rendered_chats
from warmline.models.cards import Weights
from warmline.models.chat_forms import ChatForm

OPENED = "<think>"
CLOSED = "</think>"

# The values that stop and start thoughts, by the variable that a template may have for them.
VARIABLES: dict[str, tuple[Any, Any]] = {
    "enable_thinking": (False, True),
    "thinking": (False, True),
    "reasoning_effort": ("none", "high"),
}
# The words that do in the system turn of a template without such a variable.
WORDS = (("/no_think", "/think"), ("/nothink", "/think"), ("detailed thinking off", "detailed thinking on"))

QUESTION: Messages = [{"role": "user", "content": "Which river runs through Rome?"}]
SAID = "Name the river alone."


def described(weights: Weights, tokenizer: Any, thinking: bool | None, system: str | None) -> Weights:
    """The card of weights with the form in which chats are put to them, and what comes of it.

    `thinking` is off or on, or None for the template's own choice; `system` as in ChatForm. Raises UserError where the
    template has no switch for thoughts, or does not show what a user says.
    """
    if not tokenizer.chat_template:
        if thinking is not None or system:
            raise UserError(
                f"{weights.folder}: the tokenizer has no chat template, so there is nothing that `thinking` or "
                "`system` could change. Leave both out."
            )
        return weights
    plain = _prompt(tokenizer, ChatForm(), QUESTION)
    if plain and QUESTION[0]["content"] not in plain:
        raise UserError(
            f"{weights.folder}: its chat template shows nothing of what a user says in words alone, as templates do "
            "that want messages in parts, for images. Take another model, or another template."
        )
    switch = ChatForm() if thinking is None else _switch(weights, tokenizer, thinking)
    form = dataclasses.replace(switch, system=system)
    return dataclasses.replace(
        weights,
        chat=form,
        opens_thought=ends_in_thought(_prompt(tokenizer, form, QUESTION)),
        no_system_turn=not _shows_system(tokenizer, form),
    )


def ends_in_thought(prompt: str) -> bool:
    """Whether a prompt ends with the mark that opens a thought, so that the reply begins within it."""
    return prompt.rstrip().endswith(OPENED)


def _switch(weights: Weights, tokenizer: Any, thinking: bool) -> ChatForm:
    """The form that stops or starts thoughts. Raises UserError if the template has no switch."""
    for name, values in VARIABLES.items():
        off, on = (ChatForm(chat_template_kwargs={name: value}) for value in values)
        if _is_switch(tokenizer, off, on, str(values[0]), str(values[1])):
            return on if thinking else off
    for stop, start in WORDS:
        off, on = ChatForm(system_words=stop), ChatForm(system_words=start)
        if _is_switch(tokenizer, off, on, stop, start):
            return on if thinking else off
    raise UserError(
        f"{weights.folder}: `thinking: {'on' if thinking else 'off'}` cannot be had from this model, whose chat "
        f"template has no switch for thoughts: none of the variables {', '.join(VARIABLES)} changes a prompt in that "
        f"way, nor do {', '.join(off for off, _ in WORDS)} in a system turn. Leave `thinking` out."
    )


def _is_switch(tokenizer: Any, off: ChatForm, on: ChatForm, off_text: str, on_text: str) -> bool:
    """Whether two forms make prompts that differ in more than what each is shown to be: its value or its words."""
    stopped, started = (_prompt(tokenizer, form, QUESTION) for form in (off, on))
    return bool(stopped and started) and stopped.replace(off_text, on_text) != started


def _shows_system(tokenizer: Any, form: ChatForm) -> bool:
    """Whether what a system turn says reaches the prompt."""
    return SAID in _prompt(tokenizer, form, [{"role": "system", "content": SAID}, *QUESTION])


def _prompt(tokenizer: Any, form: ChatForm, messages: Messages) -> str:
    """The prompt for a reply; nothing where the template refuses the chat."""
    try:
        return rendered_chats.renderer(tokenizer, form, prompt=True)(messages)
    except UserError:
        return ""
