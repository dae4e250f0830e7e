from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny_model
import torch
from bitsandbytes.nn import Linear4bit
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import LoraLayer
from safetensors.torch import load_file, save_file

from warmline.calls.requests import Request, Response, Sampling
from warmline.engines.local.transformers import TransformersEngine
from warmline.lineage.errors import UserError
from warmline.models import adapters, cards, weights
from warmline.models.cards import Adapter, LocalModel, Weights

CPU = torch.device("cpu")
TOKENS = torch.arange(40).reshape(2, 20)
Tensors = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    """A tiny model that may be loaded in 4 bits."""
    folder = tmp_path_factory.mktemp("models") / "wide"
    return tiny_model.card(tiny_model.save(folder, hidden_size=weights.NF4_BLOCK, end_scale=0.35))


@pytest.fixture
def adapter(base: Weights, tmp_path: Path) -> Adapter:
    """An adapter with random weights, of which only some layers have any."""
    torch.manual_seed(0)
    lora = LoraConfig(r=4, target_modules=["q_proj", "up_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
    get_peft_model(weights.load_model(base, "float32", CPU), lora).save_pretrained(tmp_path / "adapter")
    return cards.identify_adapter(tmp_path / "adapter")


def rewritten(adapter: Adapter, change: Callable[[Tensors], Tensors]) -> Adapter:
    """The adapter with other tensors in its file, and a card that names it by its digest."""
    path = Path(adapter.folder) / "adapter_model.safetensors"
    save_file(change(load_file(path)), path)
    return cards.identify_adapter(Path(adapter.folder))


def logits(model: Any) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = model(TOKENS).logits
    return found


def test_in_float32_an_adapter_is_merged(base: Weights, adapter: Adapter) -> None:
    tuned = adapters.attach(weights.load_model(base, "float32", CPU), adapter)
    expected = PeftModel.from_pretrained(weights.load_model(base, "float32", CPU), adapter.folder)
    assert not any(isinstance(module, LoraLayer) for module in tuned.modules())
    torch.testing.assert_close(logits(tuned), logits(expected), atol=1e-3, rtol=1e-3)
    assert not torch.allclose(logits(tuned), logits(weights.load_model(base, "float32", CPU)), atol=0.1)


@pytest.mark.parametrize(("precision", "quantization"), [("bfloat16", None), ("float32", "nf4")])
def test_where_merging_would_round_an_adapter_away_it_stays_beside_the_weights(
    base: Weights, adapter: Adapter, precision: str, quantization: str | None
) -> None:
    plain, model = (weights.load_model(base, precision, CPU, quantization) for _ in range(2))
    tuned = adapters.attach(model, adapter)
    layers = [module for module in tuned.modules() if isinstance(module, LoraLayer)]
    assert len(layers) == 4
    assert all(isinstance(layer.get_base_layer(), Linear4bit) for layer in layers) == (quantization == "nf4")
    assert not torch.allclose(logits(tuned), logits(plain), atol=0.1)


def test_a_small_adapter_moves_a_model_in_bfloat16(base: Weights, adapter: Adapter) -> None:
    """Merged, an adapter that moves weights as little as a low learning rate does would leave most as they were."""
    small = rewritten(adapter, lambda tensors: {name: tensor * 0.02 for name, tensor in tensors.items()})
    plain, tuned = (weights.load_model(base, "bfloat16", CPU) for _ in range(2))
    merged: Any = PeftModel.from_pretrained(weights.load_model(base, "bfloat16", CPU), small.folder)
    layer = "model.layers.0.self_attn.q_proj.weight"
    kept = merged.merge_and_unload().get_parameter(layer) == plain.get_parameter(layer)
    assert kept.float().mean() > 0.5
    beside = adapters.attach(tuned, small).model.layers[0].self_attn.q_proj
    assert (beside.get_delta_weight("default") != 0).float().mean() > 0.99


def renamed(tensors: Tensors) -> Tensors:
    """As another version of peft, or the adapter of another model, names them: peft warns and loads nothing."""
    return {name.replace("model.layers", "decoder.layers"): tensor for name, tensor in tensors.items()}


def halved(tensors: Tensors) -> Tensors:
    return dict(list(tensors.items())[: len(tensors) // 2])


def extended(tensors: Tensors) -> Tensors:
    return {**tensors, "base_model.model.model.layers.7.mlp.up_proj.lora_A.weight": torch.zeros(4, 64)}


@pytest.mark.parametrize(
    ("change", "found"),
    [(renamed, "16 of 8 tensors"), (halved, "4 of 4 tensors"), (extended, "1 of 9 tensors"), (lambda _: {}, "8 of 0")],
    ids=["none is loaded", "half is missing", "one has no layer", "an empty file"],
)
@pytest.mark.filterwarnings("ignore:Found missing adapter keys")
def test_an_adapter_that_is_not_loaded_whole_is_refused(
    base: Weights, adapter: Adapter, change: Callable[[Tensors], Tensors], found: str
) -> None:
    wrong = rewritten(adapter, change)
    with pytest.raises(UserError, match=rf"adapter: the model does not hold this adapter: {found}"):
        adapters.attach(weights.load_model(base, "float32", CPU), wrong)


def test_an_adapter_that_changes_while_it_is_loaded_is_refused(
    base: Weights, adapter: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = PeftModel.from_pretrained

    def loaded(model: Any, folder: str) -> Any:
        tuned = load(model, folder)
        tuned.get_parameter("base_model.model.model.layers.0.mlp.up_proj.lora_B.default.weight").data[0, 0] += 1e-6
        return tuned

    monkeypatch.setattr(PeftModel, "from_pretrained", loaded)
    message = r"1 of 8 tensors .*first base_model\.model\.model\.layers\.0\.mlp\.up_proj\.lora_B"
    with pytest.raises(UserError, match=message):
        adapters.attach(weights.load_model(base, "float32", CPU), adapter)


def test_a_model_in_4_bits_answers_alike_whatever_is_asked_with_it_and_as_its_adapter_says(
    base: Weights, adapter: Adapter
) -> None:
    chats = [[{"role": "user", "content": "My friend said so. " * (1 + at)}] for at in range(6)]
    asked = [Request(chat, Sampling(0.8 * (at % 2), 12), at) for at, chat in enumerate(chats)]

    def texts(rows: list[Request], tuned: Adapter | None, batch_size: int) -> dict[int, str]:
        engine = TransformersEngine(LocalModel(base, "float32", tuned, quantization="nf4"), batch_size)
        return {row.seed: result.text for row, result in engine.answer(rows) if isinstance(result, Response)}

    together = texts(asked, adapter, 8)
    assert texts(asked[::-1], adapter, 4) == together
    assert texts(asked[2:3], adapter, 4) == {2: together[2]}
    assert texts(asked, None, 8) != together
