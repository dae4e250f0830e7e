"""Toxicity classifiers behind one interface: texts in, the probability of each kind of toxicity out.

The article screens with Detoxify and names neither variant nor threshold (Methods, "Dataset construction"). Detoxify's
published checkpoints, and any local file of its format, are read here without its own loader, which unpickles whatever
a file holds. alt-profanity-check, a linear model inside its package, needs no download and knows profanity only.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from warmline.lineage.errors import UserError

Scores = dict[str, list[float]]
"""For each label, one number from 0 to 1 for each text, in the order of the texts."""

Classifier = Callable[[Sequence[str]], Scores]

BATCH = 64
DECIMALS = 6
"""What differs between batch shapes is far below."""

# The base models' configuration and tokenizer, which Detoxify's checkpoints name but do not hold, at fixed commits.
REVISIONS = {
    "bert-base-uncased": "86b5e0934494bd15c9632b12f734a8a67f723594",
    "roberta-base": "e2da8e2f811d1448a5b465c236feacd80ffbac7b",
}
# As Detoxify names the labels of its first model like those of its later ones.
LABELS = {"toxic": "toxicity", "identity_hate": "identity_attack", "severe_toxic": "severe_toxicity"}


def classifier(name: str, checkpoint: Path | None = None) -> Classifier:
    """The classifier that the configuration names: `detoxify-original`, `detoxify-unbiased` or `alt-profanity-check`.

    Detoxify's weights come from `checkpoint`, or else from its release, checked by the digest in the file's name. The
    base model's configuration and tokenizer are those beside the checkpoint (config.json and the tokenizer's files, as
    save_pretrained writes them), or else those of the Hugging Face hub.
    """
    return _profanity if name == "alt-profanity-check" else _detoxify(name.removeprefix("detoxify-"), checkpoint)


def score(texts: pl.DataFrame, classify: Classifier) -> pl.DataFrame:
    """The table TOXICITY from the columns conversation and text."""
    scores = pl.DataFrame({"conversation": texts["conversation"], **classify(texts["text"].to_list())})
    return scores.unpivot(index="conversation", variable_name="label", value_name="score").with_columns(
        pl.col("score").cast(pl.Float64).round(DECIMALS)
    )


def _profanity(texts: Sequence[str]) -> Scores:
    from profanity_check import predict_prob

    return {"profanity": [float(score) for score in predict_prob(list(texts))] if texts else []}


def _detoxify(variant: str, checkpoint: Path | None) -> Classifier:
    import torch

    loaded, place = _checkpoint(variant, checkpoint)
    model, tokenizer, labels = _model(loaded, place, checkpoint)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model.to(device).eval()
    longest = _longest(model.config)

    @torch.no_grad()
    def classify(texts: Sequence[str]) -> Scores:
        # Texts of like length go together, so that little is padding.
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]), reverse=True)
        rows: dict[int, list[float]] = {}
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            inputs = tokenizer(
                [texts[at] for at in batch], return_tensors="pt", truncation=True, max_length=longest, padding=True
            )
            scores = torch.sigmoid(model(**inputs.to(device)).logits.float()).tolist()
            rows |= dict(zip(batch, scores, strict=True))
        # The unbiased model has outputs for the identities that a text mentions, too: they are after its labels.
        return {label: [rows[at][column] for at in range(len(texts))] for column, label in enumerate(labels)}

    return classify


def _checkpoint(variant: str, checkpoint: Path | None) -> tuple[dict[str, Any], str]:
    """Detoxify's file, {"config": ..., "state_dict": ...}, and its name. Nothing but data is unpickled."""
    import torch

    place = str(checkpoint) if checkpoint else f"the released checkpoint of detoxify-{variant}"
    try:
        if checkpoint:
            loaded = torch.load(checkpoint, map_location="cpu", weights_only=True)
        else:
            from detoxify.detoxify import MODEL_URLS

            url = MODEL_URLS[variant]
            loaded = torch.hub.load_state_dict_from_url(url, map_location="cpu", check_hash=True, weights_only=True)
    except FileNotFoundError as error:
        raise UserError(f"{place} does not exist. Correct `conversations.checkpoint`.") from error
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"{place} cannot be read or downloaded: {error}. Download it where there is a network and name the file as "
            "`conversations.checkpoint`."
        ) from error
    except (pickle.UnpicklingError, EOFError) as error:
        raise UserError(
            f"{place}: expected a checkpoint of Detoxify that holds tensors and plain values only; anything else could "
            f"run code, and is refused unread ({error})."
        ) from error
    if not isinstance(loaded, dict) or not {"config", "state_dict"} <= set(loaded):
        raise UserError(f"{place}: expected a checkpoint of Detoxify, with `config` and `state_dict`.")
    return loaded, place


def _model(loaded: dict[str, Any], place: str, checkpoint: Path | None) -> tuple[Any, Any, list[str]]:
    """The network with its weights, its tokenizer, and the names of its first outputs."""
    from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

    try:
        architecture = loaded["config"]["arch"]["args"]
        base, network, outputs = (architecture[name] for name in ("model_type", "model_name", "num_classes"))
        labels = [LABELS.get(label, label) for label in loaded["config"]["dataset"]["args"]["classes"]]
    except (KeyError, TypeError) as error:
        raise UserError(f"{place}: its `config` lacks {error}. Expected a checkpoint of Detoxify.") from error
    options: dict[str, Any]
    if checkpoint and (checkpoint.parent / "config.json").is_file():
        base, options = str(checkpoint.parent), {"local_files_only": True}
    elif base in REVISIONS:
        options = {"revision": REVISIONS[base]}
    else:
        raise UserError(
            f"{place}: it is based on {base}, expected {' or '.join(REVISIONS)}. Put config.json and the files of its "
            "tokenizer beside the checkpoint."
        )
    try:
        config = AutoConfig.from_pretrained(base, num_labels=outputs, **options)
        tokenizer = AutoTokenizer.from_pretrained(base, **options)
    except (OSError, ValueError) as error:
        raise UserError(
            f"{place}: the configuration and tokenizer of {base} cannot be had: {error} Put config.json and the files "
            "of its tokenizer beside the checkpoint."
        ) from error
    model: Any = AutoModelForSequenceClassification.from_config(config)
    if type(model).__name__ != network or len(labels) > outputs:
        raise UserError(
            f"{place}: it is a {network} of {outputs} outputs with {len(labels)} labels, but the configuration of "
            f"{base} makes a {type(model).__name__}. Put the config.json that belongs to it beside the checkpoint."
        )
    try:
        missing = model.load_state_dict(loaded["state_dict"], strict=False).missing_keys
    except RuntimeError as error:
        raise UserError(f"{place}: its weights do not fit the configuration of {base}: {error}") from error
    # Weights that the network has no place for are buffers of older versions, such as position_ids.
    if missing:
        raise UserError(f"{place}: it lacks {len(missing)} weights, such as {missing[0]}. Download it again.")
    return model, tokenizer, labels


def _longest(config: Any) -> int:
    """Tokens that the network has positions for; RoBERTa numbers its positions from the one after padding."""
    return int(config.max_position_embeddings - (config.pad_token_id + 1 if "roberta" in config.model_type else 0))
