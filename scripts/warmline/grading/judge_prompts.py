"""What a model that judges is shown: the question as it was before anyone amended it, its reference answers, and the
response, or two to compare, between delimiters. Nothing tells it who responded, or under which condition.

A response is hostile text: it may try to instruct the judge. So it stands between two lines with a mark that is derived
from the response itself and that it can therefore not contain, and it never reaches the template's own structure: the
sections are separated before anything is filled in, and what is filled in is not read as a template.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from warmline.calls import templates
from warmline.calls.requests import Messages
from warmline.design import measures
from warmline.grading import judge_replies
from warmline.lineage import digests
from warmline.lineage.errors import UserError

_ONE_ANSWER = ("question", "right_answers", "wrong_answers", "response", "mark", "reply_instruction")
_READ = ("question", "response", "mark", "reply_instruction")
_TWO_ANSWERS = ("question", "first_response", "first_mark", "second_response", "second_mark", "reply_instruction")
PLACEHOLDERS = {
    judge_replies.GRADE: _ONE_ANSWER,
    judge_replies.MEASURE: _ONE_ANSWER,
    judge_replies.COMPARISON: _TWO_ANSWERS,
    **dict.fromkeys(measures.READ, _READ),
}
NEEDED = {
    judge_replies.GRADE: frozenset(_ONE_ANSWER) - {"wrong_answers"},
    judge_replies.MEASURE: frozenset(_ONE_ANSWER) - {"right_answers", "wrong_answers"},
    judge_replies.COMPARISON: frozenset(_TWO_ANSWERS),
    **dict.fromkeys(measures.READ, frozenset(_READ)),
}
# 128 bits: no one can write a response that holds its own.
MARK_DIGITS = 32


def template_file(folder: str, criterion: str) -> str:
    """The judge's template for grading the answers to a task, or for a measure."""
    return f"{folder}/{criterion}.md"


def instruction_file(folder: str, reply: str, scale: str) -> str:
    """The file that says in which form (`schema` or `text`) the judge must reply, and with which words of a scale."""
    return f"{folder}/{'reply' if scale == judge_replies.GRADE else scale}-{reply}.md"


def check(path: Path, scale: str) -> None:
    """Raise UserError unless a judge's template is well-formed and shows all that a judge needs."""
    templates.check_messages(path, PLACEHOLDERS[scale])
    missing = sorted(NEEDED[scale] - templates.placeholders_of(templates.read(path)))
    if missing:
        raise UserError(f"{path}: the placeholder {', '.join(missing)} is missing; a judge's template must use it.")


def render(
    template: str, instruction: str, question: str, right: Sequence[str], wrong: Sequence[str], response: str
) -> Messages:
    """The chat that asks for a verdict, from the text of a template and of the instruction on the reply's form."""
    return templates.render_messages(
        template,
        question=question,
        right_answers=_listed(right),
        wrong_answers=_listed(wrong),
        response=delimited(response, mark := mark_of(response)),
        mark=mark,
        reply_instruction=instruction.strip(),
    )


def render_two(template: str, instruction: str, question: str, first: str, second: str) -> Messages:
    """The chat that asks which of two responses it is, from the text of a template and of the instruction."""
    return templates.render_messages(
        template,
        question=question,
        first_response=delimited(first, first_mark := mark_of(first)),
        first_mark=first_mark,
        second_response=delimited(second, second_mark := mark_of(second)),
        second_mark=second_mark,
        reply_instruction=instruction.strip(),
    )


def mark_of(response: str) -> str:
    """The mark of a response: the first digits of its SHA-256."""
    return digests.of_value(response)[:MARK_DIGITS]


def delimited(response: str, mark: str) -> str:
    """A response between two lines that hold its mark."""
    return f"<<<{mark}\n{response}\n{mark}>>>"


def _listed(answers: Sequence[str]) -> str:
    return "\n".join(f"- {answer}" for answer in answers) or "(none known)"
