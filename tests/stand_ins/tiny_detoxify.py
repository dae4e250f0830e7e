"""A tiny checkpoint of Detoxify's own format, with the configuration and tokenizer that it needs beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForSequenceClassification,
)

SPECIAL = {"unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"}
SIZES: dict[str, Any] = {
    **{"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2},
    **{"initializer_range": 0.5, "pad_token_id": 3},
}
ORIGINAL = ["toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate"]
UNBIASED = ["toxicity", "severe_toxicity", "obscene", "identity_attack", "insult", "threat", "sexual_explicit"]
NETWORKS: dict[str, tuple[Any, Any, str, list[str], int, int]] = {
    "original": (BertForSequenceClassification, BertConfig, "bert-base-uncased", ORIGINAL, 6, 24),
    "unbiased": (RobertaForSequenceClassification, RobertaConfig, "roberta-base", UNBIASED, 16, 28),
}


def save(folder: Path, variant: str, **changed: Any) -> Path:
    """Write the checkpoint of a variant; `changed` replaces top-level entries of the file."""
    network, configuration, base, labels, outputs, positions = NETWORKS[variant]
    folder.mkdir(parents=True, exist_ok=True)
    backend = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.WordLevelTrainer(special_tokens=list(SPECIAL.values()))
    backend.train_from_iterator(["you are a kind friend and I boil an egg for ten minutes today"], trainer)
    backend.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    PreTrainedTokenizerFast(tokenizer_object=backend, **SPECIAL).save_pretrained(folder)
    torch.manual_seed(1)
    config = configuration(
        vocab_size=backend.get_vocab_size(), num_labels=outputs, max_position_embeddings=positions, **SIZES
    )
    model = network(config)
    config.save_pretrained(folder)
    arguments = {
        "num_classes": outputs,
        "model_type": base,
        "model_name": network.__name__,
        "tokenizer_name": "PreTrainedTokenizerFast",
    }
    path = folder / f"toxic_{variant}.ckpt"
    # Older versions kept the positions' numbers among the weights.
    state = {**model.state_dict(), f"{model.base_model_prefix}.embeddings.position_ids": torch.arange(positions)[None]}
    content = {
        "config": {"arch": {"args": arguments}, "dataset": {"args": {"classes": labels}}},
        "state_dict": state,
    }
    torch.save({**content, **changed}, path)
    return path
