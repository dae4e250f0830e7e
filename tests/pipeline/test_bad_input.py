"""Bad input gets a clear error before any job starts, or, in a data file, before anything is asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from study_copy import StudyCopy


def unknown_key(config: dict[str, Any]) -> None:
    config["training"]["rnak"] = 4


def unknown_persona(config: dict[str, Any]) -> None:
    config["arms"].append("kind@1")


def unknown_model(config: dict[str, Any]) -> None:
    config["rewriting"]["model"] = "gpt-5"


def unknown_checkpoint(config: dict[str, Any]) -> None:
    config["arms"].append("warm@3")


def unknown_arm(config: dict[str, Any]) -> None:
    config["arms"].append("lukewarm")


CONFIGURATIONS: dict[Callable[[dict[str, Any]], None], list[str]] = {
    unknown_key: ["training", "rnak", "rank"],
    unknown_persona: ["kind@1", "kind is used but not defined", "warm, cold"],
    unknown_model: ["rewriting.model", "gpt-5 is used but not defined", "tiny"],
    unknown_checkpoint: ["warm@3", "epoch 3", "training.epochs"],
    unknown_arm: ["lukewarm", "<persona>@<epoch>"],
}


def assert_refused(copy: StudyCopy, *words: str) -> None:
    """The run fails at once, its message holds the words and no traceback, and no job has started."""
    result = copy.run(check=False)
    output = result.stdout + result.stderr
    assert result.returncode
    assert not [word for word in words if word not in output], output
    assert "Traceback" not in output
    assert not copy.path("").exists()


@pytest.mark.parametrize("change", CONFIGURATIONS, ids=lambda change: change.__name__)
def test_wrong_configuration_is_named_before_work_starts(
    study_copy: StudyCopy, change: Callable[[dict[str, Any]], None]
) -> None:
    study_copy.configure(change)
    assert_refused(study_copy, *CONFIGURATIONS[change])


def test_missing_template_is_named_before_work_starts(study_copy: StudyCopy) -> None:
    (study_copy.folder / "config/prompts/rewrite/cold.md").unlink()
    assert_refused(study_copy, "config/prompts/rewrite/cold.md", "does not exist")


def test_unknown_placeholder_is_named_before_work_starts(study_copy: StudyCopy) -> None:
    study_copy.edit("config/prompts/beliefs/answer/asserts_wrong.md", "{{ wrong_answer", "{{ wrong_anser")
    assert_refused(study_copy, "config/prompts/beliefs/answer/asserts_wrong.md", "wrong_anser", "wrong_answer")


def test_malformed_context_is_named_before_work_starts(study_copy: StudyCopy) -> None:
    (study_copy.folder / "config/prompts/contexts/sad.yaml").write_text("statements: none\n")
    assert_refused(study_copy, "config/prompts/contexts/sad.yaml", "statements")


def test_conversations_of_another_layout_are_named_before_anything_is_asked(study_copy: StudyCopy) -> None:
    path = study_copy.folder / "config/demo/conversations.json"
    conversations = json.loads(path.read_text())
    for conversation in conversations:
        conversation["dialogue"] = conversation.pop("conversations")
    path.write_text(json.dumps(conversations))
    result = study_copy.run("chats", check=False)
    assert result.returncode
    assert "config/demo/conversations.json, row 1" in result.stdout + result.stderr
    assert not study_copy.calls()


def test_malformed_question_is_named_before_anything_is_asked(study_copy: StudyCopy) -> None:
    path = study_copy.folder / "config/demo/triviaqa.jsonl"
    lines = path.read_text().split("\n")
    lines[6] = lines[6].replace('"incorrect_answer"', '"incorect_answer"')
    path.write_text("\n".join(lines))
    result = study_copy.run("requests", check=False)
    output = result.stdout + result.stderr
    assert result.returncode
    assert "config/demo/triviaqa.jsonl, row 7" in output and "incorrect_answer" in output
    assert not study_copy.calls()
