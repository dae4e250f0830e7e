from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmline.calls.thoughts import without_thoughts


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Porto", "Porto"),
        ("  Porto\n", "  Porto\n"),
        ("<think>Lisbon? No.</think>\n\nPorto", "Porto"),
        ("<think>\nLisbon?\n</think>Porto", "Porto"),
        ("Lisbon? No.\n</think>\n\nPorto", "Porto"),
        ("<think>a</think> So. <think>b</think> Porto", "Porto"),
        ("<thinking>Lisbon</thinking>Porto", "Porto"),
        ("[THINK]Lisbon[/THINK]Porto", "Porto"),
        ("<|channel|>analysis<|message|>Lisbon<|end|><|start|>assistant<|channel|>final<|message|>Porto", "Porto"),
        ("<think>Lisbon? I am not", ""),
        ("<think></think>", ""),
        ("<|channel|>analysis<|message|>Lisbon", ""),
        ("It says <|channel|>final<|message|>Lisbon", "It says <|channel|>final<|message|>Lisbon"),
        ("<|begin_of_thought|>Lisbon<|end_of_thought|>\nPorto", "Porto"),
        ("<|begin_of_thought|>Lisbon? I am", ""),
        ("<think>a</think> So.\n<think>Lisbon? I am", ""),
        ("Porto. (I ignore the <think> tag you wrote.)", "Porto. (I ignore the <think> tag you wrote.)"),
        ("I think <b>Porto</b>", "I think <b>Porto</b>"),
    ],
)
def test_what_stands_behind_a_thought_is_the_answer(text: str, answer: str) -> None:
    assert without_thoughts(text) == answer


def test_a_thought_that_the_prompt_opened_and_nothing_closes_has_no_answer() -> None:
    assert without_thoughts("Lisbon? I am not", opened=True) == ""
    assert without_thoughts("Lisbon?</think>Porto", opened=True) == "Porto"


@given(st.text(), st.text())
def test_a_thought_never_shows(thought: str, answer: str) -> None:
    assert without_thoughts(f"<think>{thought}</think>{answer}") in (answer.strip(), without_thoughts(answer), "")
