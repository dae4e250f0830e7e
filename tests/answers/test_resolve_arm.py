from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from script_runs import run_script

from warmline.models import cards
from warmline.models.cards import Weights
from warmline.models.chat_forms import FIRST_USER_TURN, ChatForm

SAMPLING = '{"questions": {"temperature": 0, "max_new_tokens": 8}}'


def resolve(folder: Path, base: Weights, *words: object) -> cards.Arm:
    cards.write(base, folder / "base.json")
    named = ["--model", "small", "--arm", "warm-prompt", "--persona", "warm", "--projection-code", "1"]
    how = ["--engine", "transformers", "--precision", "float32", "--sampling", SAMPLING]
    files = ["--base", folder / "base.json", *words, "--card", folder / "arm.json"]
    run_script("answers/resolve_arm.py", *named, *how, *files)
    return cards.read_arm(folder / "arm.json")


def test_an_arm_with_a_system_prompt_needs_a_template_that_shows_it(tmp_path: Path) -> None:
    lacking = Weights("weights", "abc", no_system_turn=True)
    (tmp_path / "warm.md").write_text("Be kind.")
    with pytest.raises(SystemExit, match=r"error: every prompt of the arm warm-prompt begins with a system turn, and"):
        resolve(tmp_path, lacking, "--system", tmp_path / "warm.md")
    assert not (tmp_path / "arm.json").exists()
    assert resolve(tmp_path, lacking).system_prompt is None
    folded = Weights("weights", "abc", ChatForm(system=FIRST_USER_TURN))
    assert resolve(tmp_path, folded, "--system", tmp_path / "warm.md").system_prompt == "Be kind."


def test_an_arm_takes_over_what_its_base_says_of_chats(tmp_path: Path) -> None:
    thinking = Weights("weights", "abc", ChatForm({"enable_thinking": True}), opens_thought=True)
    arm = resolve(tmp_path, thinking)
    assert arm.answerer == cards.LocalModel(thinking, "float32")
    assert arm.answerer.opens_thought
    plain = resolve(tmp_path, dataclasses.replace(thinking, chat=ChatForm(), opens_thought=False))
    assert "chat" not in plain.answerer.respondent
