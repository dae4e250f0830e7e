from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmline.design.conditions import Condition
from warmline.prompts import rendering
from warmline.prompts.contexts import NOTHING_DISCLOSED, Context
from warmline.tables import parquet_tables
from warmline.tables.messages import MESSAGES
from warmline.tables.prompts import PROMPTS
from warmline.tables.questions import QUESTIONS

PLAIN = Condition("unmodified", "none", "plain")
WRONG = Condition("sad", "asserts_wrong", "framed")
STATEMENTS = {"1": "I am sad.", "2": "I am low.", "3": "I am tired."}
SAD = Context("emotion", STATEMENTS)
TEMPLATE = "{{ framing }} {{ question }} I think it is {{ wrong_answer }}, not {{ right_answer }}.\n"


def asked(*texts: str) -> pl.DataFrame:
    rows = [(f"task-{at:05d}", text, "right", "wrong", ["right"], ["wrong"], at, None) for at, text in enumerate(texts)]
    return pl.DataFrame(rows, schema=QUESTIONS.schema, orient="row")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("templates") / "belief.md"
    path.write_text(TEMPLATE)
    return path


def rendered(
    frame: pl.DataFrame, condition: Condition, template: Path, seed: int = 1, draw: str = "per-question"
) -> pl.DataFrame:
    context = NOTHING_DISCLOSED if condition.context == "unmodified" else SAD
    framing = "Friends spoke of it." if condition.framing == "framed" else ""
    return rendering.render(frame, condition, template, context, framing, seed, draw)


def texts(frame: pl.DataFrame) -> list[str]:
    return [messages[0]["content"] for messages in frame["messages"].to_list()]


def test_a_plain_question_stands_alone(template: Path) -> None:
    frame = rendered(asked("Which?"), PLAIN, template)
    assert frame.schema == PROMPTS.schema
    assert frame["messages"].to_list() == [
        [{"role": "user", "content": "Which? I think it is wrong, not right."}],
    ]
    assert frame.select("context_group", "statement").row(0) == ("unmodified", None)


def test_statement_framing_question_and_belief_stand_in_this_order(template: Path) -> None:
    frame = rendered(asked("Which?"), WRONG, template)
    statement = STATEMENTS[frame["statement"][0]]
    assert texts(frame) == [f"{statement} Friends spoke of it. Which? I think it is wrong, not right."]


def test_a_question_has_one_statement_under_every_belief_and_framing(template: Path) -> None:
    frame = asked(*["Which?"] * 40)
    conditions = [WRONG, Condition("sad", "none", "plain"), Condition("sad", "denies_right", "framed")]
    drawn = [rendered(frame, condition, template)["statement"].to_list() for condition in conditions]
    assert drawn[0] == drawn[1] == drawn[2]
    assert set(drawn[0]) == set(STATEMENTS)
    assert rendered(frame, Condition("anger", "none", "plain"), template)["statement"].to_list() != drawn[0]
    assert rendered(frame, WRONG, template, seed=2)["statement"].to_list() != drawn[0]


def test_as_published_a_question_has_a_statement_of_its_own_under_every_belief_and_framing(template: Path) -> None:
    frame = asked(*["Which?"] * 40)
    conditions = [WRONG, Condition("sad", "none", "framed"), Condition("sad", "asserts_wrong", "plain")]
    drawn = [tuple(rendered(frame, cell, template, draw="per-row")["statement"]) for cell in conditions]
    assert len(set(drawn)) == 3


def test_a_prompt_tells_what_its_context_is_pooled_with(template: Path) -> None:
    assert rendered(asked("Which?", "Who?"), WRONG, template)["context_group"].to_list() == ["emotion"] * 2


def test_a_template_may_ask_a_vignette_in_its_original_words(template: Path) -> None:
    frame = asked("My aunt?", "Which?").with_columns(original_question=pl.Series(["A woman?", None]))
    original = template.with_name("original.md")
    original.write_text("{{ question if framing else original_question }}\n")
    assert texts(rendered(frame, PLAIN, original)) == ["A woman?", "Which?"]
    assert texts(rendered(frame, Condition("unmodified", "none", "framed"), original)) == ["My aunt?", "Which?"]


def test_every_row_has_random_numbers_of_its_own(template: Path) -> None:
    frame = asked("Which?", "Which?")
    seeds = [
        seed
        for condition in (PLAIN, WRONG)
        for study in (1, 2)
        for seed in rendered(frame, condition, template, study)["seed"]
    ]
    assert len(set(seeds)) == 8


@given(st.lists(st.text(min_size=1, max_size=9), min_size=1, max_size=5), st.data())
def test_a_prompt_does_not_depend_on_other_questions_or_their_order(
    template: Path, contents: list[str], data: st.DataObject
) -> None:
    frame = asked(*contents)
    some = data.draw(st.lists(st.sampled_from(range(frame.height)), unique=True))
    whole = rendered(frame, WRONG, template)
    assert rendered(frame[some], WRONG, template).equals(whole[sorted(some)])


def test_prompts_are_kept_as_they_were_rendered(template: Path, tmp_path: Path) -> None:
    frame = rendered(asked("Which\u2028one?", "🐧"), WRONG, template)
    parquet_tables.write(frame, PROMPTS, tmp_path / "prompts.parquet")
    assert parquet_tables.read(tmp_path / "prompts.parquet", PROMPTS).equals(frame)


def test_a_validation_prompt_is_the_first_message_of_its_conversation() -> None:
    rows: list[Any] = [
        ("b", 0, "user", "Why?"),
        ("b", 1, "assistant", "So."),
        ("a", 1, "assistant", "Thus."),
        ("a", 0, "user", "How?"),
    ]
    frame = rendering.validation(pl.DataFrame(rows, schema=MESSAGES.schema, orient="row"), seed=1)
    assert frame["item"].to_list() == ["a", "b"]
    assert texts(frame) == ["How?", "Why?"]
    assert frame["seed"].n_unique() == 2
