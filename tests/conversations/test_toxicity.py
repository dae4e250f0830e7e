from __future__ import annotations

import json
import os
from pathlib import Path

import polars as pl
import pytest
import tiny_detoxify
import torch
from script_runs import run_program

from warmline.conversations import toxicity
from warmline.conversations.toxicity import classifier
from warmline.lineage import digests, records
from warmline.lineage.errors import UserError
from warmline.tables import parquet_tables
from warmline.tables.toxicity import TOXICITY

HARMLESS, TOXIC = "How do I boil an egg?", "You are a fucking idiot, you piece of shit."
TEXTS = ["a kind friend", "", "you are a friend " * 40, "I boil an egg for ten minutes", "you", "egg"]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def test_each_text_has_its_own_score_in_order() -> None:
    texts = [HARMLESS, TOXIC, "Thank you, dear friend.", TOXIC, ""]
    scores = classifier("alt-profanity-check")(texts)["profanity"]
    assert [score > 0.5 for score in scores] == [False, True, False, True, False]
    assert all(type(score) is float and 0 <= score <= 1 for score in scores)


def test_no_texts_have_no_scores() -> None:
    assert classifier("alt-profanity-check")([]) == {"profanity": []}


def test_a_score_does_not_depend_on_other_texts() -> None:
    score = classifier("alt-profanity-check")
    assert score([TOXIC])["profanity"] == score([HARMLESS, TOXIC])["profanity"][1:]


@pytest.mark.parametrize(("variant", "labels"), [("original", 6), ("unbiased", 7)])
def test_a_local_checkpoint_scores_every_text_alone_as_in_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variant: str, labels: int
) -> None:
    monkeypatch.setattr(toxicity, "BATCH", 2)
    classify = classifier(f"detoxify-{variant}", tiny_detoxify.save(tmp_path, variant))
    scores = classify(TEXTS)
    assert len(scores) == labels
    assert {"toxicity", "identity_attack", "severe_toxicity"} <= set(scores)
    for at, text in enumerate(TEXTS):
        for label, values in classify([text]).items():
            assert scores[label][at] == pytest.approx(values[0], abs=1e-5)
    assert len({round(score, 4) for score in scores["toxicity"]}) == len(TEXTS)
    assert classify([]) == {label: [] for label in scores}


@pytest.mark.parametrize("variant", ["original", "unbiased"])
def test_scores_are_those_of_detoxify_itself(tmp_path: Path, variant: str) -> None:
    from detoxify import Detoxify

    content = torch.load(tiny_detoxify.save(tmp_path, variant), weights_only=True)
    # It asks the hub for the base model's configuration even where it is told of a local one.
    content["config"]["arch"]["args"]["model_type"] = str(tmp_path)
    path = tiny_detoxify.save(tmp_path, variant, **content)
    ours = classifier(f"detoxify-{variant}", path)(TEXTS[:2] + TEXTS[3:])
    theirs = Detoxify(checkpoint=str(path))
    expected = theirs.predict(TEXTS[:2] + TEXTS[3:])
    assert list(ours) == list(expected)
    for label, scores in expected.items():
        assert ours[label] == pytest.approx(scores, abs=1e-5)


def test_a_checkpoint_is_on_record_with_its_digest(tmp_path: Path) -> None:
    path = tiny_detoxify.save(tmp_path, "unbiased")
    turns = [{"from": "human", "value": "you are a friend"}, {"from": "gpt", "value": "I boil an egg"}]
    (tmp_path / "source.json").write_text(json.dumps([{"id": "a", "conversations": turns}]))
    outcome = run_program(
        *("conversations/score.py", tmp_path, "--conversations", "source.json", "--checkpoint", str(path)),
        *("--architecture", "config.json", "tokenizer.json", "--classifier", "detoxify-unbiased"),
        *("--characters", "20", "--toxicity", "toxicity.parquet", "--record", "audit/jobs/score_toxicity/study"),
    )
    assert outcome.returncode == 0, outcome.stderr
    inputs = records.history(str(tmp_path / "audit/jobs/score_toxicity/study"))[0]["inputs"]
    assert inputs["checkpoint"] == {str(path): digests.of_file(path)}
    assert inputs["architecture"]["config.json"] == digests.of_file(tmp_path / "config.json")
    expected = classifier("detoxify-unbiased", path)(["you are a friend\nI b"])
    scores = parquet_tables.read(tmp_path / "toxicity.parquet", TOXICITY)
    assert dict(scores.select("label", "score").rows()) == {
        label: pytest.approx(values[0], abs=1e-6) for label, values in expected.items()
    }


def test_scores_become_a_row_for_each_conversation_and_label() -> None:
    texts = pl.DataFrame({"conversation": ["b", "a"], "text": ["x", "yy"]})
    frame = toxicity.score(texts, lambda texts: {"insult": [len(t) / 3 for t in texts], "threat": [0.0, 1.0]})
    assert frame.select(*TOXICITY.columns).schema == TOXICITY.schema
    assert sorted(frame.rows()) == [
        ("a", "insult", 0.666667),
        ("a", "threat", 1.0),
        ("b", "insult", 0.333333),
        ("b", "threat", 0.0),
    ]


class Malice:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.marker}",)


def test_a_checkpoint_that_would_run_code_is_refused_unrun(tmp_path: Path) -> None:
    marker = tmp_path / "run"
    path = tiny_detoxify.save(tmp_path, "original", config=Malice(marker))
    with pytest.raises(UserError, match=r"toxic_original\.ckpt: .*could run code, and is refused unread"):
        classifier("detoxify-original", path)
    assert not marker.exists()


def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path) -> None:
    path = tmp_path / "weights.ckpt"
    for content, found in ((b"no weights", "weights.ckpt"), (b"", "weights.ckpt")):
        path.write_bytes(content)
        with pytest.raises(UserError, match=found):
            classifier("detoxify-original", path)
    torch.save({"state_dict": {}}, path)
    with pytest.raises(UserError, match=r"expected a checkpoint of Detoxify, with `config`"):
        classifier("detoxify-original", path)
    with pytest.raises(UserError, match=r"nothing\.ckpt does not exist"):
        classifier("detoxify-original", tmp_path / "nothing.ckpt")


def test_a_checkpoint_without_some_weights_is_refused(tmp_path: Path) -> None:
    state = torch.load(tiny_detoxify.save(tmp_path, "original"), weights_only=True)["state_dict"]
    del state["classifier.bias"]
    path = tiny_detoxify.save(tmp_path, "original", state_dict=state)
    with pytest.raises(UserError, match=r"lacks 1 weights, such as classifier\.bias"):
        classifier("detoxify-original", path)


def test_a_configuration_of_another_network_is_refused(tmp_path: Path) -> None:
    path = tiny_detoxify.save(tmp_path, "original")
    tiny_detoxify.save(tmp_path, "unbiased")
    with pytest.raises(UserError, match=r"it is a BertForSequenceClassification .* makes a RobertaForSequence"):
        classifier("detoxify-original", path)


def test_a_checkpoint_of_an_unknown_base_says_what_belongs_beside_it(tmp_path: Path) -> None:
    path = tiny_detoxify.save(tmp_path, "original")
    content = torch.load(path, weights_only=True)["config"]
    content["arch"]["args"]["model_type"] = "someone/else"
    path = tiny_detoxify.save(tmp_path, "original", config=content)
    (tmp_path / "config.json").unlink()
    with pytest.raises(UserError, match=r"someone/else, expected bert-base-uncased or roberta-base\. Put config\.json"):
        classifier("detoxify-original", path)


def test_without_network_a_checkpoint_alone_is_not_enough_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    path = tiny_detoxify.save(tmp_path / "weights", "original")
    (path.parent / "config.json").unlink()
    with pytest.raises(UserError, match=r"bert-base-uncased cannot be had: (?s:.*) beside the checkpoint"):
        classifier("detoxify-original", path)
