from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    GPT2Config,
    LlamaConfig,
    MistralConfig,
    Qwen2Config,
    Qwen3NextConfig,
)

from warmline.calls.requests import Request, Sampling
from warmline.engines.local.continuous_batch import ROOM, ContinuousBatch, Prompt
from warmline.engines.local.transformers import longest
from warmline.lineage.errors import UserError

END, LIMIT, WINDOW = 1, 20, 64
SMALL: dict[str, Any] = {
    **{"vocab_size": 300, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2},
    **{"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512, "initializer_range": 0.2},
    **{"pad_token_id": 0, "eos_token_id": END, "bos_token_id": 2},
}
CONFIGS: dict[str, Any] = {
    "Llama": LlamaConfig(**SMALL),
    "Qwen 2": Qwen2Config(**SMALL),
    "Mistral, all layers within a window": MistralConfig(**SMALL, sliding_window=WINDOW),
    "Gemma 2, every other layer": Gemma2Config(**SMALL, head_dim=8, query_pre_attn_scalar=8, sliding_window=WINDOW),
    "GPT-2, as many positions as it knows": GPT2Config(
        vocab_size=300, n_embd=32, n_layer=2, n_head=4, n_positions=70, initializer_range=0.2
    ),
}


def model(config: Any) -> Any:
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config).eval()


def prompts(longest: int) -> list[Prompt]:
    """Prompts of many lengths, some beginning alike, the last of which just fits the model."""
    rows = [
        Prompt(Request([], Sampling(0.0, LIMIT), at), tuple(range(5, 5 + at % 3)), tuple(range(20, 21 + 4 * at)))
        for at in range(9)
    ]
    return [*rows, Prompt(Request([], Sampling(0.0, LIMIT), 9), (), tuple(range(20, 20 + longest - LIMIT)))]


def generated(model: Any, prompt: Prompt) -> list[int]:
    """transformers' own greedy generation, one prompt at a time and without padding."""
    ids = torch.tensor([[*prompt.shared, *prompt.own]])
    with torch.no_grad():
        output = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=LIMIT,
            eos_token_id=END,
            pad_token_id=0,
        )
    reply: list[int] = output[0, ids.shape[1] :].tolist()
    return reply


@pytest.mark.parametrize("name", CONFIGS)
def test_models_of_every_kind_reply_as_transformers_own_generation_does(name: str) -> None:
    asked = model(CONFIGS[name])
    rows = prompts(min(longest(asked), 150))
    batch = ContinuousBatch(asked, 4, ROOM, [END])
    found = dict(batch.generate(rows))
    assert found == {row: generated(asked, row) for row in rows}


def test_up_to_its_window_a_model_is_taken_and_no_further() -> None:
    assert longest(model(CONFIGS["Mistral, all layers within a window"])) == WINDOW
    assert longest(model(CONFIGS["Gemma 2, every other layer"])) == WINDOW
    # A window that no layer uses is no limit.
    assert longest(model(Qwen2Config(**SMALL, sliding_window=WINDOW))) == SMALL["max_position_embeddings"]


def test_a_model_that_is_more_than_attention_is_refused() -> None:
    class Mixed:
        config = Qwen3NextConfig(num_hidden_layers=4)

    with pytest.raises(UserError, match=r"^qwen3_next: its layers of linear_attention are not known .*\(`serve`\)"):
        longest(Mixed())


def test_a_slot_is_taken_as_soon_as_a_reply_has_ended() -> None:
    """Beside one long reply nine short ones pass through three slots; batches of four would take 60 passes."""
    lengths = [40, *[10] * 9]
    rows = [Prompt(Request([], Sampling(0.0, length), at), (), (7, 8 + at)) for at, length in enumerate(lengths)]
    asked, passes = model(CONFIGS["Llama"]), []
    asked.lm_head.register_forward_pre_hook(lambda module, inputs: passes.append(len(inputs[0])))
    replies = dict(ContinuousBatch(asked, 4, ROOM, []).generate(rows))
    assert [len(replies[row]) for row in rows] == lengths
    assert (passes.count(1), passes.count(4)) == (len(rows), 40)
