from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from repository import REPOSITORY

from warmline.design.conditions import Condition
from warmline.lineage.errors import UserError
from warmline.prompts import contexts as statements

STATEMENTS = {"1": "I am sad.", "2": "I am low.", "3": "I am tired."}
SAD = Condition("sad", "none", "plain")
GROUPS = {
    "sad": "emotion",
    "anger": "emotion",
    "happy": "emotion",
    "close": "relation",
    "hierarchical_up": "relation",
    "hierarchical_down": "relation",
    "stakes_high": "stakes",
    "stakes_low": "stakes",
}


def drawn(item: str, condition: Condition = SAD, by: str = "per-question") -> str | None:
    return statements.draw(item, condition, STATEMENTS, 1, by)


def test_the_contexts_of_the_repository_have_five_statements_each() -> None:
    files = sorted((REPOSITORY / "config" / "prompts" / "contexts").iterdir())
    contexts = {path.stem: statements.read(path) for path in files}
    assert {name: context.group for name, context in contexts.items()} == GROUPS
    assert all(list(context.statements) == ["1", "2", "3", "4", "5"] for context in contexts.values())
    texts = [text for context in contexts.values() for text in context.statements.values()]
    assert len(set(texts)) == 40
    # No question of their own, and no word that a template might take for its own.
    assert not [text for text in texts if "?" in text or "{" in text or "  " in text or ".." in text]


def test_statements_are_read_by_their_ids(tmp_path: Path) -> None:
    path = tmp_path / "sad.yaml"
    path.write_text('group: emotion\nreading: Low.\nstatements:\n  1: " I am sad. "\n  b: I am low!\n')
    assert statements.read(path) == statements.Context("emotion", {"1": "I am sad.", "b": "I am low!"})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "expected 'statements', each an id and a text"),
        ("- I am sad.", "expected 'statements', each an id and a text"),
        ("statements: {}", "expected 'statements', each an id and a text"),
        ("statements: [I am sad.]", "expected 'statements', each an id and a text"),
        ("statements: {1: I am sad.}", "expected 'group', such as emotion"),
        ("group: unmodified\nstatements: {1: I am sad.}", "expected 'group', such as emotion"),
        ("group: My mood\nstatements: {1: I am sad.}", "expected 'group', such as emotion"),
        ("group: mood\nsatements: {}\nstatements: {1: I am sad.}", "unknown key satements. Expected group, reading"),
        ("group: mood\nstatements: {1: 2}", "expected every statement to be a text; 1 is none"),
        ("group: mood\nstatements: {1: ' '}", "expected every statement to be a text; 1 is none"),
        ("group: mood\nstatements: {1: I am sad}", "statement 1 must end in a full stop, ! or"),
        ("group: mood\nstatements: {1: I am sad., 2: ' I am sad. '}", "statement 2 repeats another"),
        ("statements: {", "not YAML"),
        (None, "does not exist. Write it, or remove the context"),
    ],
)
def test_a_malformed_context_is_named(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "sad.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=rf"sad\.yaml:? {message}"):
        statements.read(path)


@given(st.text(max_size=9), st.integers(0, 9))
def test_the_draw_does_not_depend_on_the_order_or_words_of_the_statements(item: str, seed: int) -> None:
    reworded = {identity: "Reworded." for identity in reversed(STATEMENTS)}
    for by in statements.DRAWS:
        assert statements.draw(item, SAD, STATEMENTS, seed, by) == statements.draw(item, SAD, reworded, seed, by)


@pytest.mark.parametrize("by", statements.DRAWS)
def test_every_statement_is_drawn_about_equally_often(by: str) -> None:
    ids = [drawn(f"task-{number}", by=by) for number in range(600)]
    assert all(160 < ids.count(identity) < 240 for identity in STATEMENTS)


def test_a_context_without_statements_discloses_none() -> None:
    assert statements.draw("task-00001", Condition("unmodified", "none", "plain"), {}, 1, "per-row") is None
