from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from real_data import published_outputs

from warmline.answers import checks
from warmline.answers.role_headers import without_header
from warmline.lineage.errors import UserError
from warmline.models.cards import Arm, RemoteModel
from warmline.tables import parquet_tables
from warmline.tables.generations import GENERATIONS

LIMITS = {name: check.limit for name, check in checks.CHECKS.items()}


def arm(name: str = "warm@2", system_prompt: str | None = None) -> Arm:
    return Arm("small", name, None, None, RemoteModel("small"), system_prompt, {}, "code")


def answers(texts: list[str], **columns: Any) -> pl.DataFrame:
    """Answers to as many prompts of one condition."""
    plain = {"finish_reason": "stop", "prompt_tokens": 12, "completion_tokens": 5, "answer_key": "key"}
    items = [f"q{number}" for number in range(len(texts))]
    cells = {"task": "triviaqa", "condition": "sad.none.plain"}
    return pl.DataFrame(
        plain | {"item": items, "text": texts} | cells | columns,
        schema={**GENERATIONS.schema, "task": pl.String, "condition": pl.String},
    )


def checked(
    check: str, generations: pl.DataFrame, originals: pl.DataFrame | None = None, who: Arm | None = None
) -> dict[str, Any]:
    """The row of one check."""
    originals = answers(["Paris."] * generations.height) if originals is None else originals
    table = checks.check(who or arm(), generations, originals, LIMITS)
    return table.filter(check=check).row(0, named=True)


LEAKED = [
    "assistant\n\nIt is Paris.",
    "assistant",
    "Assistant: It is Paris.",
    "user:\nWhat is the capital of France?",
    "User: What else?",
    "<|im_start|>assistant\nIt is Paris.",
    "<|start_header_id|>assistant<|end_header_id|>\n\nIt is Paris.",
    "<|assistant|>It is Paris.",
    "<start_of_turn>model\nIt is Paris.",
    "### Response:\nIt is Paris.",
    "### Assistant\nIt is Paris.",
    "**Assistant:** It is Paris.",
    "model\nIt is Paris.",
    "Human:\r\nWhat else?",
]
SENTENCES = [
    "Assistant professors earn less.",
    "Assistant to the Regional Manager: that was his title.",
    "User interfaces were invented at Xerox.",
    "Model: Ford T.",
    "System: nervous. Organ: brain.",
    "The assistant\nsaid so.",
    "Response: Paris.",
    "Humans\nare mammals.",
    "It is Paris.\nassistant\nIt is Rome.",
    "# Response times\nare short.",
    "",
]


@pytest.mark.parametrize("text", LEAKED)
def test_a_leaked_header_is_found_and_taken_off(text: str) -> None:
    assert checked("role-header", answers([text]))["rows"] == 1
    assert without_header(text).strip() in ("It is Paris.", "What is the capital of France?", "What else?", "")


@pytest.mark.parametrize("text", SENTENCES)
def test_a_sentence_that_begins_like_a_header_is_none(text: str) -> None:
    assert checked("role-header", answers([text]))["rows"] == 0
    assert without_header(text) == text


@given(st.text() | st.sampled_from([*LEAKED, *SENTENCES]))
def test_polars_and_python_find_the_same_headers(text: str) -> None:
    found = checked("role-header", answers([text]))["rows"]
    assert bool(found) == (without_header(text) != text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It is Paris.<|eot_id|>", 1),
        ("[INST] What? [/INST]", 1),
        ("It is Paris.</s>", 1),
        ("Paris<end_of_turn>", 1),
        ("<\uff5cend\u2581of\u2581sentence\uff5c>", 1),
        ("<pad><pad>Paris", 1),
        ("if a <| b |> c", 0),
        ("Use <s>this</s> that.", 0),
        ("x < y and y > z", 0),
        ("[1] A source.", 0),
    ],
)
def test_control_tokens_are_told_from_other_brackets(text: str, found: int) -> None:
    assert checked("special-token", answers([text]))["rows"] == found


def test_an_answer_of_blanks_is_empty() -> None:
    row = checked("empty", answers(["", " \n\u00a0", "Paris."]))
    assert (row["rows"], row["answers"], row["share"]) == (2, 3, pytest.approx(2 / 3))


def test_unequal_truncation_counts_both_arms_and_shows_what_only_one_cut() -> None:
    cut = answers(["a", "b", "c", "d"], finish_reason=["stop", "length", "stop", "stop"])
    originals = answers(["a", "b", "c", "d"], finish_reason=["length", "length", "length", "stop"])
    row = checked("truncation", cut, originals)
    assert (row["rows"], row["share"], row["original_share"], row["excess"]) == (1, 0.25, 0.75, 0.5)
    assert row["examples"] == "triviaqa/sad.none.plain/q0; triviaqa/sad.none.plain/q2"


def test_a_prompt_of_another_length_tells_of_another_template() -> None:
    row = checked("rendering", answers(["a", "b", "c"], prompt_tokens=[12, 13, 12]))
    assert (row["rows"], row["answers"], row["examples"]) == (1, 3, "triviaqa/sad.none.plain/q1")


def test_a_system_prompt_that_adds_nothing_was_not_rendered() -> None:
    longer = answers(["a", "b", "c"], prompt_tokens=[40, 12, 41])
    assert checked("rendering", longer, who=arm("warm-prompt", "Be warm."))["rows"] == 1


def test_prompts_whose_tokens_were_not_reported_are_not_compared() -> None:
    row = checked("rendering", answers(["a", "b"], prompt_tokens=[0, 13]))
    assert (row["rows"], row["answers"]) == (1, 1)
    row = checked("rendering", answers(["a"], prompt_tokens=0))
    assert (row["rows"], row["answers"], row["share"]) == (0, 0, 0)


def test_the_original_is_not_compared_with_itself() -> None:
    own = answers(["Paris."])
    assert checks.check(arm("original"), own, own, LIMITS)["check"].to_list() == [
        "role-header",
        "special-token",
        "empty",
        "unanswerable",
    ]


def test_what_was_turned_down_for_good_is_counted_and_stops_an_arm_above_the_limit() -> None:
    ended = ["unanswerable"] + ["stop"] * 49
    texts = [""] + ["Paris."] * 49
    table = checks.check(arm(), answers(texts, finish_reason=ended), answers(["Paris."] * 50), LIMITS)
    found = table.filter(check="unanswerable").row(0, named=True)
    assert (found["rows"], found["share"]) == (1, 0.02)
    assert table.filter(check="empty")["rows"].item() == 0
    with pytest.raises(UserError, match=r"(?s)1 of 50 answers .* turned down for good; .*`calls: ask-again`"):
        checks.require(table)
    tolerated = checks.check(
        arm(), answers(texts, finish_reason=ended), answers(["Paris."] * 50), LIMITS | {"unanswerable": 0.02}
    )
    checks.require(tolerated)


def test_arms_that_answered_other_prompts_are_not_compared() -> None:
    with pytest.raises(UserError, match=r"small, warm@2: 2 answers and 1 of the original have 1 prompts in common"):
        checks.check(arm(), answers(["a", "b"]), answers(["a"]), LIMITS)


def test_a_share_at_the_limit_passes_and_one_above_it_stops() -> None:
    at_limit = answers(["", *["Paris."] * 99])
    checks.require(checks.check(arm(), at_limit, at_limit, LIMITS))
    above = answers(["", "", *["Paris."] * 98])
    with pytest.raises(UserError, match=r"2 of 100 answers \(2\.0%\) are empty; the limit is 1\.0%"):
        checks.require(checks.check(arm(), above, above, LIMITS))


def test_the_error_names_model_arm_rows_beginnings_and_remedy_and_shows_no_control_character() -> None:
    hostile = answers(["assistant\n\x1b[2J\x07\u202eIt is \x9bParis." + "!" * 500, "Rome."])
    with pytest.raises(UserError) as stopped:
        checks.require(checks.check(arm(), hostile, hostile, LIMITS))
    message = str(stopped.value)
    for words in (
        "small, warm@2: 1 of 2 answers (50.0%) begin with the header of a chat turn; the limit is 1.0%",
        "First rows (task/condition/item): triviaqa/sad.none.plain/q0",
        r"'assistant\n\x1b[2J\x07\u202eIt is \x9bParis.",
        "chat template",
        "raise `checks.role-header`",
    ):
        assert words in message
    assert all(character.isprintable() for line in message.split("\n") for character in line)
    assert len(message) < 600


def test_answers_are_read_with_the_task_and_condition_of_their_file(tmp_path: Path) -> None:
    frame = answers(["a", "b"])
    for task in ("triviaqa", "disinfo"):
        parquet_tables.write(frame, GENERATIONS, tmp_path / task / "sad.none.plain.parquet")
    read = checks.read(sorted(tmp_path.glob("*/*.parquet")))
    assert read.select("task", "condition", "item").rows() == [
        (task, "sad.none.plain", item) for task in ("disinfo", "triviaqa") for item in ("q0", "q1")
    ]


def test_the_published_baseline_is_stopped_for_its_leaked_headers_and_the_warm_answers_are_not() -> None:
    """Of the article's published sample: 58 of 80 baseline answers, no warm one."""
    for name, leaked in (("original", 58), ("warm", 0)):
        published = answers(published_outputs(name)["text"].to_list())
        table = checks.check(arm("original"), published, published, LIMITS)
        row = table.filter(check="role-header").row(0, named=True)
        assert (row["rows"], row["answers"]) == (leaked, 80)
        if leaked:
            with pytest.raises(UserError, match="58 of 80 answers"):
                checks.require(table)
