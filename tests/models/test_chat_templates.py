from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
import thinking_templates as templates
import tiny_model
from script_runs import run_script
from transformers import AutoTokenizer

from warmline.lineage.errors import UserError
from warmline.models import cards, chat_dates
from warmline.models.cards import Weights
from warmline.models.chat_forms import FIRST_USER_TURN, PLAIN, ChatForm
from warmline.models.chat_templates import described

CARD = Weights("weights", "abc")
ENABLE, VARIABLE = {"enable_thinking": False}, {"thinking": False}


@pytest.fixture(scope="module")
def tokenizer(tiny_weights: Path) -> Any:
    tokenizer = AutoTokenizer.from_pretrained(tiny_weights)
    tokenizer.add_special_tokens({"bos_token": "<s>"})
    return tokenizer


def with_template(tokenizer: Any, template: str) -> Any:
    tokenizer.chat_template = chat_dates.pinned(template)
    return tokenizer


def published(name: str) -> str:
    """A template that trl brings along, found without importing it."""
    spec = importlib.util.find_spec("trl")
    assert spec and spec.submodule_search_locations
    return (Path(spec.submodule_search_locations[0]) / f"chat_templates/{name}.jinja").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("template", "off"),
    [
        (templates.EMPTY_THOUGHT, ChatForm(ENABLE)),
        (templates.OPENED_THOUGHT, ChatForm(ENABLE)),
        (templates.NEXT_TURN_ENDS_THINKING, ChatForm(ENABLE)),
        (templates.CLOSED_THOUGHT, ChatForm(VARIABLE)),
        (templates.SYSTEM_WORDS, ChatForm(system_words="/no_think")),
        (published("qwen3"), ChatForm(ENABLE)),
        (published("qwen3_5_think"), ChatForm(ENABLE)),
        (published("glm4moe"), ChatForm(ENABLE)),
        (published("nemotron_3_nano"), ChatForm(ENABLE)),
    ],
)
def test_thoughts_are_switched_as_the_template_itself_has_it(tokenizer: Any, template: str, off: ChatForm) -> None:
    found = [described(CARD, with_template(tokenizer, template), thinking, None) for thinking in (False, True, None)]
    assert found[0].chat == off
    assert found[1].chat not in (off, PLAIN)
    assert found[2].chat == PLAIN
    assert not found[0].opens_thought


@pytest.mark.parametrize(
    "template",
    [
        templates.PLAIN,
        templates.DROPPED_THOUGHT,
        templates.SHOWN_EFFORT,
        published("deepseekv3"),
        published("gptoss"),
        published("qwen2_5"),
    ],
)
@pytest.mark.parametrize("thinking", [False, True])
def test_a_template_without_a_switch_is_refused_with_the_reason(tokenizer: Any, template: str, thinking: bool) -> None:
    with pytest.raises(UserError, match=r"weights: `thinking: o.+has no switch for thoughts: .*Leave `thinking` out"):
        described(CARD, with_template(tokenizer, template), thinking, None)


@pytest.mark.parametrize(
    ("template", "thinking", "opened"),
    [
        (templates.OPENED_THOUGHT, None, True),
        (templates.OPENED_THOUGHT, False, False),
        (templates.DROPPED_THOUGHT, None, True),
        (templates.UNCLOSED_THOUGHT, None, True),
        (templates.EMPTY_THOUGHT, None, False),
        (templates.CLOSED_THOUGHT, None, False),
        (templates.CLOSED_THOUGHT, True, True),
        (published("deepseek_r1_distill"), None, True),
        (published("qwen3_5_think"), None, True),
        (published("qwen3"), None, False),
        (published("llama3_1"), None, False),
    ],
)
def test_it_is_known_whether_a_reply_begins_within_a_thought(
    tokenizer: Any, template: str, thinking: bool | None, opened: bool
) -> None:
    assert described(CARD, with_template(tokenizer, template), thinking, None).opens_thought == opened


@pytest.mark.parametrize(
    "template", [templates.WITHOUT_SYSTEM, templates.SILENT_SYSTEM, published("gemma")], ids=["refuses", "drops", "gem"]
)
def test_a_template_without_a_system_turn_is_known_and_may_have_its_text_in_the_users(
    tokenizer: Any, template: str
) -> None:
    found = [described(CARD, with_template(tokenizer, template), None, system) for system in (None, FIRST_USER_TURN)]
    assert [card.no_system_turn for card in found] == [True, False]
    own, folded = (cards.untuned(card, "float32", "transformers") for card in found)
    with pytest.raises(UserError, match=r"the arm begins with a system turn, .* weights has none\. Set `system: first"):
        cards.require_system_turn(own, "the arm")
    cards.require_system_turn(folded, "the arm")
    assert own.respondent == cards.untuned(CARD, "float32", "transformers").respondent
    assert folded.respondent == {**own.respondent, "chat": {"system": FIRST_USER_TURN}}


def test_templates_that_do_neither_leave_the_card_as_it_is(tokenizer: Any) -> None:
    for template in (templates.PLAIN, tiny_model.CHAT_TEMPLATE, published("llama3"), published("qwen2_5"), None):
        tokenizer.chat_template = template
        assert described(CARD, tokenizer, None, None) == CARD


def test_a_template_that_shows_nothing_of_plain_words_is_refused(tokenizer: Any) -> None:
    with pytest.raises(UserError, match=r"weights: its chat template shows nothing of what a user says in words alone"):
        described(CARD, with_template(tokenizer, published("smolvlm")), None, None)


def test_without_a_template_there_is_nothing_to_switch(tokenizer: Any) -> None:
    tokenizer.chat_template = None
    for asked in ((False, None), (None, FIRST_USER_TURN)):
        with pytest.raises(UserError, match="no chat template, so there is nothing that `thinking` or `system` could"):
            described(CARD, tokenizer, *asked)


def test_a_models_card_says_how_chats_are_put_to_it(tmp_path: Path) -> None:
    """From the model's files, without loading its weights; a plain card has nothing but place and digest."""
    folder = tiny_model.save(tmp_path / "model")
    fetch = ["models/fetch.py", "--source", json.dumps({"folder": str(folder)}), "--card", tmp_path / "card.json"]
    run_script(*map(str, fetch))
    assert set(json.loads((tmp_path / "card.json").read_text())) == {"folder", "digest"}
    (folder / "chat_template.jinja").write_text(templates.OPENED_THOUGHT)
    run_script(*map(str, fetch))
    assert cards.read_weights(tmp_path / "card.json").opens_thought
    run_script(*map(str, fetch), "--thinking", "off", "--system", FIRST_USER_TURN)
    card = cards.read_weights(tmp_path / "card.json")
    assert card.chat == ChatForm(ENABLE, system=FIRST_USER_TURN) and not card.opens_thought
    run_script("models/fetch.py", "--name", "large", "--thinking", "on", "--card", tmp_path / "card.json")
    remote = cards.read_base(tmp_path / "card.json")
    assert isinstance(remote, cards.RemoteModel)
    assert remote.respondent["chat"] == {"chat_template_kwargs": {"enable_thinking": True, "thinking": True}}
