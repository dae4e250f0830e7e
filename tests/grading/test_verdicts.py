from __future__ import annotations

import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmline.calls.requests import Response
from warmline.grading import judge_replies
from warmline.grading.judge_replies import GRADE, MEASURE
from warmline.grading.verdicts import UNSCORED, Verdict, as_text, read


@given(st.text())
def test_a_stated_verdict_is_read_back(reason: str) -> None:
    for verdict in (Verdict("correct"), Verdict("incorrect"), Verdict("unscored", reason)):
        assert read(as_text(verdict)) == verdict


@given(st.text())
def test_any_text_is_read_as_one_of_three_verdicts(text: str) -> None:
    verdict = read(text)
    assert verdict.verdict in ("correct", "incorrect", "unscored")
    assert (verdict.reason is None) == (text in ("correct", "incorrect"))
    if not text.startswith(UNSCORED) and verdict.reason is not None:
        assert verdict.reason == "the judge's text is no verdict"


@pytest.mark.parametrize("text", ["", "Correct", "correct.", "incorrect, I think", "unscored", "not correct"])
def test_what_is_no_verdict_is_never_guessed(text: str) -> None:
    assert read(text) == Verdict("unscored", "the judge's text is no verdict")


def said(text: str, finish_reason: str = "stop") -> Response:
    return Response(text, finish_reason, 1, 1)


STATED = {
    "correct": Verdict("correct"),
    "incorrect": Verdict("incorrect"),
    "unclear": Verdict("unscored", "neither right nor wrong"),
}
LINES = st.sampled_from(
    ["VERDICT: CORRECT", "VERDICT: INCORRECT", "Verdict: correct", "**VERDICT: CORRECT**", "VERDICT:", "", " ", "So."]
)
PARTS = st.sampled_from(["VERDICT: CORRECT", "VERDICT: INCORRECT", "\n", "\r", "\u2028", " ", "*", "a"])


@given(st.lists(LINES | st.text(max_size=8), max_size=6).map("\n".join) | st.lists(PARTS, max_size=6).map("".join))
def test_text_holds_a_verdict_only_in_its_one_and_last_line(text: str) -> None:
    verdict = judge_replies.read(said(text), "text", GRADE)
    last = text.strip().split("\n")[-1]
    if verdict.verdict != "unscored":
        assert last == f"VERDICT: {verdict.verdict.upper()}"
        assert text.upper().count("VERDICT:") == 1
    elif text.upper().count("VERDICT") == 1 and last in ("VERDICT: CORRECT", "VERDICT: INCORRECT"):
        raise AssertionError(verdict)


@given(st.text(), st.sampled_from(sorted(STATED)))
def test_a_reply_in_its_form_is_read(reason: str, verdict: str) -> None:
    assert (
        judge_replies.read(said(json.dumps({"reason": reason, "verdict": verdict})), "schema", GRADE) == STATED[verdict]
    )
    assert judge_replies.read(said(f"So it is.\n\nVERDICT: {verdict.upper()}\n"), "text", GRADE) == STATED[verdict]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(sorted(STATED)),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["reason", "verdict", "a"]), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(JSON.map(json.dumps) | st.text())
def test_an_object_holds_a_verdict_only_if_it_follows_the_schema(text: str) -> None:
    if judge_replies.read(said(text), "schema", GRADE).verdict != "unscored":
        jsonschema.validate(json.loads(text), judge_replies.schema(GRADE))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "judge's reply is not JSON"),
        ("correct", "judge's reply is not JSON"),
        ('"correct"', "judge's reply does not follow the schema"),
        ('["correct"]', "judge's reply does not follow the schema"),
        ('{"verdict": "correct"}', "judge's reply does not follow the schema"),
        ('{"reason": "a", "verdict": "Correct"}', "judge's reply does not follow the schema"),
        ('{"reason": "a", "verdict": ["correct"]}', "judge's reply does not follow the schema"),
        ('{"reason": null, "verdict": "correct"}', "judge's reply does not follow the schema"),
        ('{"reason": "a", "verdict": "correct", "sure": true}', "judge's reply does not follow the schema"),
        ('{"reason": "a", "reason": "b", "verdict": "correct"}', "judge's reply does not follow the schema"),
        ('{"reason": "a", "verdict": "incorrect", "verdict": "correct"}', "contradictory verdicts"),
        ('```json\n{"reason": "a", "verdict": "correct"}\n```', "judge's reply is not JSON"),
        ('{"reason": "a", "verdict": "correct"} {"reason": "a", "verdict": "correct"}', "judge's reply is not JSON"),
        ("[" * 100_000, "judge's reply is not JSON"),
    ],
)
def test_what_does_not_follow_the_schema_is_unscored(text: str, reason: str) -> None:
    assert judge_replies.read(said(text), "schema", GRADE) == Verdict("unscored", reason)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no verdict"),
        ("It is correct.", "no verdict"),
        ("The verdict is: CORRECT", "no verdict"),
        ("Right. VERDICT: CORRECT", "no verdict"),
        ("VERDICT: CORRECT\nI am sure.", "no verdict at the end"),
        ("Verdict: Correct", "no verdict at the end"),
        ("VERDICT: CORRECT.", "no verdict at the end"),
        ("VERDICT: MOSTLY CORRECT", "no verdict at the end"),
        ("Right.\u2028VERDICT: CORRECT", "no verdict at the end"),
        ("VERDICT: CORRECT\nVERDICT: INCORRECT", "contradictory verdicts"),
        ("**Final verdict:** incorrect\nVERDICT: CORRECT", "contradictory verdicts"),
        ("\uff36\uff25\uff32\uff24\uff29\uff23\uff34\uff1a no\nVERDICT: CORRECT", "contradictory verdicts"),
        ("VERDICT: CORRECT\n\nVERDICT: CORRECT", "repeated verdicts"),
    ],
)
def test_text_without_one_last_line_of_verdict_is_unscored(text: str, reason: str) -> None:
    assert judge_replies.read(said(text), "text", GRADE) == Verdict("unscored", reason)


@pytest.mark.parametrize(
    ("finish_reason", "reason"),
    [
        ("length", "judge's reply cut"),
        ("content_filter", "judge's reply withheld by a content filter"),
        ("refusal", "judge refused"),
        ("tool_calls", "judge's reply did not end as it should"),
    ],
)
def test_a_reply_that_did_not_end_by_itself_is_unscored_whatever_it_says(finish_reason: str, reason: str) -> None:
    for text, reply in (("VERDICT: CORRECT", "text"), ('{"reason": "a", "verdict": "correct"}', "schema")):
        assert judge_replies.read(said(text, finish_reason), reply, GRADE) == Verdict("unscored", reason)


@pytest.mark.parametrize(("word", "verdict"), [("yes", "yes"), ("no", "no"), ("unclear", "unscored")])
def test_a_measure_is_answered_by_yes_or_no_and_by_no_word_of_a_grade(word: str, verdict: str) -> None:
    reply = json.dumps({"reason": "It declines.", "verdict": word})
    assert judge_replies.read(said(reply), "schema", MEASURE).verdict == verdict
    jsonschema.validate(json.loads(reply), judge_replies.schema(MEASURE))
    assert judge_replies.read(said(f"It declines.\nVERDICT: {word.upper()}"), "text", MEASURE).verdict == verdict
    assert judge_replies.read(said("So.\nVERDICT: CORRECT"), "text", MEASURE).verdict == "unscored"
    if verdict != "unscored":
        assert judge_replies.read(said(reply), "schema", GRADE).verdict == "unscored"


def test_a_judge_that_thinks_is_read_behind_its_thought() -> None:
    verdict = judge_replies.read(Response("VERDICT: NO\n</think>\nVERDICT: YES", "stop", 0, 0), "text", MEASURE, True)
    assert verdict.verdict == "yes"
    thought = '<think>Hm. {"verdict": "no"}</think>{"reason": "So.", "verdict": "yes"}'
    assert judge_replies.read(Response(thought, "stop", 0, 0), "schema", MEASURE).verdict == "yes"
