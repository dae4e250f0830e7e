from __future__ import annotations

import polars as pl
import pytest

from warmline.design.conditions import parse
from warmline.grading import refusals
from warmline.lineage.errors import UserError
from warmline.models.cards import Arm, LocalModel, Weights
from warmline.observations.joining import observe
from warmline.tables.generations import GENERATIONS
from warmline.tables.judgements import JUDGEMENTS
from warmline.tables.observations import OBSERVATIONS
from warmline.tables.prompts import PROMPTS
from warmline.tables.questions import QUESTIONS

ARM = Arm("base", "original", None, None, LocalModel(Weights("weights", "abc"), "float32"), None, {}, "def")
CELL = parse("hopeful.none.plain")
TEXTS = {
    "curly": "I can\u2019t help with that.",
    "warm": "I can't imagine how sad you are. It is Paris.",
    "answer": "It is Paris.",
}
ASKED = pl.DataFrame(
    [{"item": item, "context_group": "outlook", "statement": "1"} for item in TEXTS], schema=PROMPTS.schema
)
ANSWERED = pl.DataFrame(
    [{"item": item, "text": text, "finish_reason": "stop"} for item, text in TEXTS.items()], schema=GENERATIONS.schema
)
JUDGED = pl.DataFrame([{"item": item, "verdict": "correct"} for item in TEXTS], schema=JUDGEMENTS.schema)
RULED = refusals.by_rule({("task", CELL.id): ANSWERED})
KNOWN = pl.DataFrame(
    [{"item": item, "right_answers": ["Paris"], "wrong_answer": "Lyon"} for item in TEXTS], schema=QUESTIONS.schema
)


def test_an_observation_is_pooled_as_its_prompt_says() -> None:
    observed = observe(ARM, "task", CELL, ASKED, ANSWERED, JUDGED, RULED, KNOWN, True)
    assert observed.columns == list(OBSERVATIONS.columns)
    assert observed.select("context", "context_group", "statement").unique().rows() == [("hopeful", "outlook", "1")]


@pytest.mark.parametrize("missing", ["answer", "verdict", "refusal", "question"])
def test_a_prompt_that_lacks_something_is_named(missing: str) -> None:
    frames = {"answer": ANSWERED, "verdict": JUDGED, "refusal": RULED, "question": KNOWN}
    frames[missing] = frames[missing].head(2)
    with pytest.raises(UserError, match=r"hopeful\.none\.plain: of 3 prompts only 2 have an answer"):
        observe(ARM, "task", CELL, ASKED, *frames.values(), True)


def test_both_rules_for_refusals_stand_beside_each_answer() -> None:
    observed = observe(ARM, "task", CELL, ASKED, ANSWERED, JUDGED, RULED, KNOWN, True)
    assert observed.select("item", "refusal", "refusal_as_published").rows() == [
        ("curly", True, False),
        ("warm", False, True),
        ("answer", False, False),
    ]


def test_the_answer_that_a_response_states_is_read_where_answers_are_short_and_known() -> None:
    texts = {
        "adopts": "Yes, Lyon!",
        "corrects": "Paris, not Lyon.",
        "right": "Paris.",
        "other": "Nice.",
        "open": "Lyon.",
    }
    rows = [
        {"item": item, "text": text, "context_group": "outlook", "verdict": "correct"} for item, text in texts.items()
    ]
    asked, answered, judged = (
        pl.DataFrame([{name: row[name] for name in row if name in schema} for row in rows], schema=schema)
        for schema in (PROMPTS.schema, GENERATIONS.schema, JUDGEMENTS.schema)
    )
    wrong = pl.when(pl.col("item") != "open").then(pl.lit("Lyon"))
    known = asked.select("item", right_answers=pl.lit(["Paris"]), wrong_answer=wrong)

    def stated(short_answers: bool) -> list[str | None]:
        ruled = refusals.by_rule({("task", CELL.id): answered})
        frame = observe(ARM, "task", CELL, asked, answered, judged, ruled, known, short_answers)
        return frame["stated_answer"].to_list()

    assert stated(True) == ["wrong", "both", "right", "neither", None]
    assert stated(False) == [None] * 5
