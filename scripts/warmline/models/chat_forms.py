"""How chats are put to a model, beyond their messages: what its chat template is told, and where a system turn goes.

A form stands in the card of a base model, since the model's own template decides it (warmline.models.chat_templates),
and reaches from there who responds, the prompts of every engine, and training.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from warmline.calls.requests import Messages, Respondent

FIRST_USER_TURN = "first-user-turn"


@dataclasses.dataclass(frozen=True)
class ChatForm:
    """A form of chats; without any value, chats are put to the template as they are.

    `chat_template_kwargs` are values of the template's own variables, named as servers name them. `system_words` end
    the system turn, for templates that are switched by words there. `system` says where the text of a system turn
    goes: FIRST_USER_TURN, or None for a turn of its own.
    """

    chat_template_kwargs: dict[str, Any] | None = None
    system_words: str | None = None
    system: str | None = None

    @property
    def identity(self) -> dict[str, Any]:
        """The values that are set: a form that does nothing changes no ledger key."""
        return {name: value for name, value in vars(self).items() if value is not None}

    def messages(self, messages: Messages) -> Messages:
        """The messages of a chat as its template is given them."""
        own = bool(messages) and messages[0]["role"] == "system"
        words = [messages[0]["content"]] if own else []
        words += [self.system_words] if self.system_words else []
        rest = messages[1:] if own else messages
        if words and self.system == FIRST_USER_TURN and rest and rest[0]["role"] == "user":
            return [{**rest[0], "content": "\n\n".join([*words, rest[0]["content"]])}, *rest[1:]]
        return [{"role": "system", "content": "\n\n".join(words)}, *rest] if words else messages


PLAIN = ChatForm()


def form_of(respondent: Respondent) -> ChatForm:
    """The form in which a respondent is asked: it is part of who responds."""
    return ChatForm(**respondent.get("chat", {}))


def of_endpoint(thinking: bool | None, system: str | None) -> ChatForm:
    """The form of chats with a model at an endpoint, whose template is not at hand.

    The two names that templates commonly give the switch for thoughts are sent; a template takes no notice of a
    variable that it does not have.
    """
    switch = None if thinking is None else {"enable_thinking": thinking, "thinking": thinking}
    return ChatForm(chat_template_kwargs=switch, system=system)
