from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    GPT2Config,
    Lfm2Config,
    LlamaConfig,
    MistralConfig,
    PreTrainedConfig,
    Qwen2Config,
    Qwen2MoeConfig,
)

from warmline.lineage.errors import UserError
from warmline.training import packing
from warmline.training.masking import IGNORED

SHAPE: dict[str, Any] = {
    **{"vocab_size": 97, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "head_dim": 8},
    **{"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64, "initializer_range": 0.2},
    **{"pad_token_id": None, "bos_token_id": None, "eos_token_id": None},
}
EXPERTS: dict[str, Any] = {
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 16,
    "shared_expert_intermediate_size": 16,
}
ISOLATING = {
    "Llama": LlamaConfig(**SHAPE),
    "Llama, eager": LlamaConfig(**SHAPE, attn_implementation="eager"),
    # A window shorter than the chats.
    "Mistral": MistralConfig(**SHAPE, sliding_window=4),
    "Qwen2": Qwen2Config(**SHAPE),
    "Qwen2 with experts": Qwen2MoeConfig(**SHAPE, **EXPERTS),
    "Gemma2": Gemma2Config(**SHAPE, sliding_window=4),
    "GPT-2": GPT2Config(vocab_size=97, n_embd=32, n_layer=2, n_head=4, n_positions=64, initializer_range=0.2),
}
LENGTHS = (9, 5, 14, 1)


def model_of(config: PreTrainedConfig) -> Any:
    torch.manual_seed(0)
    model: Any = AutoModelForCausalLM.from_config(config)
    return model.eval()


def rows() -> list[dict[str, list[int]]]:
    """Chats of which the first half is not learned from."""
    torch.manual_seed(1)
    drawn = [torch.randint(97, (length,)).tolist() for length in LENGTHS]
    return [{"input_ids": ids, "labels": [IGNORED] * (len(ids) // 2) + ids[len(ids) // 2 :]} for ids in drawn]


def gradients(model: Any, *batches: list[dict[str, list[int]]]) -> tuple[float, torch.Tensor]:
    """The loss, summed over target tokens, and the gradient of all parameters, of chats that went together."""
    model.zero_grad()
    total = 0.0
    for batch in batches:
        loss = model(**packing.collate(batch), use_cache=False, num_items_in_batch=1).loss
        loss.backward()
        total += loss.item()
    return total, torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


@pytest.mark.parametrize("name", ISOLATING)
def test_chats_that_go_together_are_learned_from_as_if_each_went_alone(name: str) -> None:
    model = model_of(ISOLATING[name])
    packing.require_isolation(model, rows())
    (loss, gradient), (alone, expected) = gradients(model, rows()), gradients(model, *([row] for row in rows()[:-1]))
    assert loss == pytest.approx(alone, rel=1e-5)
    torch.testing.assert_close(gradient, expected, atol=1e-5 * expected.abs().max().item(), rtol=1e-4)


def test_no_token_is_padding() -> None:
    batch = packing.collate(rows())
    assert {name: tuple(tensor.shape) for name, tensor in batch.items()} == {
        name: (1, sum(LENGTHS)) for name in ("input_ids", "labels", "position_ids")
    }
    assert batch["position_ids"][0].tolist() == [at for length in LENGTHS for at in range(length)]


def test_a_model_that_mixes_chats_is_refused() -> None:
    """Its convolutions run over the whole row."""
    config = Lfm2Config(**SHAPE, layer_types=["conv", "full_attention"])
    with pytest.raises(UserError, match=r"Lfm2ForCausalLM: chats .* not told apart .* Set training.micro-batch to 1"):
        packing.require_isolation(model_of(config), rows())


def test_the_parts_of_a_chat_are_told_apart_as_chats_are() -> None:
    one, two, three, four = ((row["input_ids"], row["labels"]) for row in rows())
    joined = [packing.example([one, two]), packing.example([three]), packing.example([four])]
    assert set(joined[1]) == {"input_ids", "labels"}
    expected, found = packing.collate(rows()), packing.collate(joined)
    assert {name: tensor.tolist() for name, tensor in found.items()} == {
        name: tensor.tolist() for name, tensor in expected.items()
    }
