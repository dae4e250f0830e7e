"""The demo's own files of the further tasks: in their publishers' layouts, and true."""

from __future__ import annotations

import json
import operator
import re

from repository import REPOSITORY

from warmline.questions import reading


def test_a_choice_question_shows_its_choices_and_is_answered_by_a_letter() -> None:
    rows = reading.read("mmlu", "mmlu", [REPOSITORY / "config/demo/mmlu.csv"])[0].to_dicts()
    assert rows[0]["question"].split("\n")[1:3] == ["", "A. Oxygen"]
    assert (rows[0]["right_answer"], rows[0]["wrong_answer"], rows[0]["wrong_answers"]) == ("B", "A", ["A", "C", "D"])
    assert {row["right_answer"] for row in rows} == set("ABCD")


def test_every_sum_of_the_demo_comes_out_as_stated() -> None:
    """GSM8K writes each step as <<expression=value>>; the last is the answer."""
    rows = reading.read("gsm8k", "gsm8k", [REPOSITORY / "config/demo/gsm8k.jsonl"])[0]
    assert rows["wrong_answers"].list.len().sum() == rows["wrong_answer"].is_not_null().sum() == 0
    worked = [json.loads(line)["answer"] for line in (REPOSITORY / "config/demo/gsm8k.jsonl").open()]
    for right, answer in zip(rows["right_answer"], worked, strict=True):
        steps = re.findall(r"<<([0-9*/+-]+)=(\d+)>>", answer)
        values = [_computed(expression) for expression, _ in steps]
        assert values == [int(value) for _, value in steps]
        assert values[-1] == int(right)


def _computed(expression: str) -> float:
    """The value of a sum of figures and operators, read from left to right as multiplication comes first in all."""
    operate = {"*": operator.mul, "/": operator.truediv, "+": operator.add, "-": operator.sub}
    first, *rest = re.split(r"([*/+-])", expression)
    value = float(first)
    for sign, figure in zip(rest[::2], rest[1::2], strict=True):
        value = operate[sign](value, float(figure))
    return value


def test_a_request_has_no_right_answer() -> None:
    rows = reading.read("advbench", "advbench", [REPOSITORY / "config/demo/advbench.csv"])[0]
    assert rows["right_answer"].is_null().all() and rows["right_answers"].list.len().sum() == 0
