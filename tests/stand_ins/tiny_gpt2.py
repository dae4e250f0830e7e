"""A tiny, randomly initialised GPT-2 with a tokenizer, to score texts with."""

from __future__ import annotations

from typing import Any

import torch
from tiny_model import TEXT
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

CONTEXT = 1024


def model(**changes: Any) -> Any:
    """The model in evaluation mode; every time the same weights."""
    torch.manual_seed(0)
    size: Any = {"vocab_size": 400, "n_positions": CONTEXT, "n_embd": 32, "n_layer": 2, "n_head": 4}
    special: Any = {"bos_token_id": 0, "eos_token_id": 0}
    return GPT2LMHeadModel(GPT2Config(**size, **special, initializer_range=0.2, **changes)).eval()


def tokenizer() -> Any:
    """Trained on quotations, so that it takes a text's end and the closing quote for one token, as GPT-2's may."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    said = [f'{opening}, "{text}"' for text in TEXT for opening in ("My friend said", "The examiner said")]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    backend.train_from_iterator(
        said, trainers.BpeTrainer(vocab_size=400, special_tokens=["<|end|>"], initial_alphabet=alphabet)
    )
    return PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<|end|>", eos_token="<|end|>")
