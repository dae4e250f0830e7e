from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from warmline.calls.requests import Sampling
from warmline.lineage.errors import UserError
from warmline.models import cards
from warmline.models.cards import Adapter, Arm, LocalModel, RemoteModel, Weights
from warmline.models.chat_forms import ChatForm

WEIGHTS = Weights("results/models/small", "abc")
TUNED = LocalModel(WEIGHTS, "float32", Adapter("results/adapters/warm", "def"))
FORM = ChatForm({"enable_thinking": False}, system="first-user-turn")
THINKING = LocalModel(Weights("results/models/small", "abc", FORM, opens_thought=True), "float32")
ARM = Arm(
    model="small",
    arm="warm@0.5",
    persona="warm",
    checkpoint=0.5,
    answerer=TUNED,
    system_prompt=None,
    sampling={"questions": Sampling(0.8, 24, top_p=0.9), "validation": Sampling(0.0, 48)},
    code="123",
)


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    folder = tmp_path / "adapter"
    folder.mkdir()
    for name in cards.ADAPTER_FILES:
        (folder / name).write_text(name)
    return folder


def test_cards_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    remote = RemoteModel("large-2026-01-01")
    prompted = dataclasses.replace(ARM, answerer=LocalModel(WEIGHTS, "float32"), system_prompt="Sei nett \u2028🐧")
    cases: list[tuple[Any, Any]] = [
        (WEIGHTS, cards.read_base),
        (WEIGHTS, cards.read_weights),
        (remote, cards.read_base),
        (TUNED.adapter, cards.read_adapter),
        (remote, cards.read_adapter),
        (ARM, cards.read_arm),
        (prompted, cards.read_arm),
        (dataclasses.replace(ARM, answerer=dataclasses.replace(TUNED, quantization="nf4")), cards.read_arm),
        (dataclasses.replace(ARM, answerer=remote), cards.read_arm),
        (dataclasses.replace(WEIGHTS, chat=FORM, opens_thought=True), cards.read_base),
        (RemoteModel("large", chat=FORM), cards.read_base),
        (dataclasses.replace(ARM, answerer=RemoteModel("large", chat=FORM)), cards.read_arm),
        (dataclasses.replace(ARM, answerer=THINKING), cards.read_arm),
    ]
    for card, read in cases:
        cards.write(card, tmp_path / "card.json")
        assert read(tmp_path / "card.json") == card


@pytest.mark.parametrize("read", [cards.read_weights, cards.read_adapter, cards.read_arm])
def test_a_missing_card_is_named(tmp_path: Path, read: Any) -> None:
    with pytest.raises(UserError, match=r"nothing\.json does not exist\. Build it"):
        read(tmp_path / "nothing.json")


def test_the_same_weights_elsewhere_are_the_same_respondent() -> None:
    assert LocalModel(Weights("else", "abc"), "float32", Adapter("else", "def")).respondent == TUNED.respondent


@pytest.mark.parametrize(
    "change",
    [
        {"weights": Weights("results/models/small", "x")},
        {"adapter": None},
        {"adapter": Adapter("results", "x")},
        {"precision": "bfloat16"},
        {"engine": "openai"},
        {"quantization": "nf4"},
    ],
)
def test_other_weights_adapter_or_precision_are_another_respondent(change: dict[str, Any]) -> None:
    assert dataclasses.replace(TUNED, **change).respondent != TUNED.respondent


def test_a_form_of_chats_is_part_of_who_responds_and_its_absence_is_not() -> None:
    said = {"chat_template_kwargs": {"enable_thinking": False}, "system": "first-user-turn"}
    for formed, plain in ((THINKING, LocalModel(WEIGHTS, "float32")), (RemoteModel("m", chat=FORM), RemoteModel("m"))):
        assert formed.respondent == {**plain.respondent, "chat": said}


def test_a_card_without_a_form_has_no_field_of_one(tmp_path: Path) -> None:
    cards.write(ARM, tmp_path / "arm.json")
    written = json.loads((tmp_path / "arm.json").read_text())
    assert set(written["answerer"]) == {"weights", "precision", "adapter", "engine", "quantization"}
    assert written["answerer"]["weights"] == {"folder": "results/models/small", "digest": "abc"}
    assert written["answerer"]["quantization"] is None
    assert written["system_prompt"] is None


def test_what_an_endpoint_has_tuned_is_asked_in_the_form_of_its_base() -> None:
    assert cards.tuned(RemoteModel("large", chat=FORM), RemoteModel("ft:large")) == RemoteModel("ft:large", chat=FORM)


def test_only_an_engine_here_shows_the_thoughts_that_a_prompt_opens() -> None:
    assert THINKING.opens_thought
    served = dataclasses.replace(THINKING, engine="openai")
    assert not any(model.opens_thought for model in (served, TUNED, RemoteModel("large")))


def test_weights_as_they_are_keep_the_keys_they_had_before_there_was_a_quantization() -> None:
    assert set(TUNED.respondent) == {"engine", "weights", "adapter", "precision"}


def test_where_weights_are_needed_a_model_at_an_endpoint_is_refused(tmp_path: Path) -> None:
    cards.write(RemoteModel("large"), tmp_path / "card.json")
    with pytest.raises(UserError, match=r"card\.json: large answers at an endpoint; here a model with a `source`"):
        cards.read_weights(tmp_path / "card.json")


def test_a_base_model_is_tuned_by_an_adapter_or_by_its_endpoint() -> None:
    adapter, remote = Adapter("results/adapters/warm", "def"), RemoteModel("ft:large:warm")
    assert cards.tuned(cards.untuned(WEIGHTS, "float32", "transformers"), adapter) == TUNED
    assert cards.tuned(RemoteModel("large"), remote) == remote
    with pytest.raises(UserError, match=r"warm: an adapter on disk cannot tune large"):
        cards.tuned(RemoteModel("large"), adapter)


ELSEWHERE = RemoteModel("large", {"top_k": 40}, "lab")


def test_a_name_alone_is_written_and_keyed_as_before_there_was_anything_else(tmp_path: Path) -> None:
    cards.write(RemoteModel("large"), tmp_path / "card.json")
    assert json.loads((tmp_path / "card.json").read_text()) == {"name": "large"}
    assert RemoteModel("large").respondent == {"engine": "openai", "model": "large"}
    assert RemoteModel("large", {}).respondent == RemoteModel("large").respondent


def test_what_an_endpoint_is_sent_and_its_identity_tell_respondents_apart(tmp_path: Path) -> None:
    cards.write(ELSEWHERE, tmp_path / "card.json")
    assert cards.read_base(tmp_path / "card.json") == ELSEWHERE
    assert ELSEWHERE.respondent == {
        **{"engine": "openai", "model": "large", "parameters": {"top_k": 40}, "identity": "lab"}
    }
    arm = dataclasses.replace(ARM, answerer=cards.tuned(ELSEWHERE, RemoteModel("ft:large:warm")))
    cards.write(arm, tmp_path / "arm.json")
    tuned = RemoteModel("ft:large:warm", {"top_k": 40}, "lab")
    assert cards.read_arm(tmp_path / "arm.json").answerer == tuned


def test_an_adapter_is_identified_by_what_it_holds_and_not_by_its_place(adapter: Path) -> None:
    copy = shutil.copytree(adapter, adapter.parent / "copy")
    (copy / "README.md").write_text("not part of it")
    assert cards.identify_adapter(copy).digest == cards.identify_adapter(adapter).digest


@pytest.mark.parametrize("name", cards.ADAPTER_FILES)
def test_a_changed_adapter_is_refused(adapter: Path, name: str) -> None:
    card = cards.identify_adapter(adapter)
    cards.verify(card)
    (adapter / name).write_text("changed")
    with pytest.raises(UserError, match=r"adapter: the adapter's digest is .* run snakemake to resolve the arm again"):
        cards.verify(card)


def test_an_adapter_that_is_gone_is_refused(adapter: Path) -> None:
    card = cards.identify_adapter(adapter)
    shutil.rmtree(adapter)
    with pytest.raises(UserError, match=r"adapter: the adapter is gone\. Run snakemake to train it again"):
        cards.verify(card)
