"""A tiny, randomly initialised chat model: the whole pipeline runs on it in seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from warmline.models.cards import Weights
from warmline.models.weights import identify

CHAT_TEMPLATE = (
    "{% for message in messages %}<|start|>{{ message['role'] }}\n{{ message['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)
END_SCALE = 1.0
SHAPE: dict[str, Any] = {
    **{"vocab_size": 400, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2},
    **{"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 256},
    **{"pad_token_id": 0, "bos_token_id": None, "eos_token_id": 0},
}
"""Of a model of any class that is as small."""
TEXT = [
    "The capital of France is Paris. My friend said that the answer is not easy, but we can find it together.",
    "What is the boiling point of water? I think the answer is one hundred degrees, and I am sure about this.",
    "Today has worn me out completely. Birds are living things; the stranger said no. Please explain how it works.",
]


def save(folder: Path, *, seed: int = 0, end_scale: float = END_SCALE, hidden_size: int = 32) -> Path:
    """Write the model and its tokenizer as `save_pretrained` does, and return the folder.

    The smaller `end_scale`, the longer the replies. NF4 needs a `hidden_size` of 64.
    """
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    special = ["<|end|>", "<|start|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    backend.train_from_iterator(
        TEXT, trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet)
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|end|>", pad_token="<|end|>")
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden_size,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
        # Large enough that the likeliest tokens differ between prompts.
        initializer_range=0.2,
    )
    model = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        # Padding's row starts as zeros; so large a row makes most replies end before the token limit.
        model.get_input_embeddings().weight[tokenizer.eos_token_id] = end_scale * torch.randn(config.hidden_size)
    model.save_pretrained(folder)
    return folder


def card(folder: Path) -> Weights:
    """The card of a model that lies in a folder."""
    return Weights(str(folder), identify(folder))
