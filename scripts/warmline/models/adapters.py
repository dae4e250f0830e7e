"""Putting an arm's adapter on its base model, and the proof that it is this adapter that answers.

peft only warns of tensors that it could not place, and a LoRA layer without its tensors answers as the base model does.
"""

from __future__ import annotations

from typing import Any

import torch
from peft import PeftModel, get_peft_model_state_dict
from peft.utils import load_peft_weights
from transformers import PreTrainedModel

from warmline.lineage.errors import UserError
from warmline.models.cards import Adapter, verify


def attach(model: PreTrainedModel, adapter: Adapter) -> Any:
    """The model with the adapter in it, every tensor of which is the one in the file that the card names by digest.

    In float32 the adapter is merged into the weights. In fewer bits it stays beside them: what training has moved is
    often smaller than the distance between two weights in bfloat16 or NF4, and merging would round it away. Raises
    UserError if the file is not the card's, or if the model does not hold all of it and nothing else.
    """
    verify(adapter)
    tuned = PeftModel.from_pretrained(model, adapter.folder)
    _prove(tuned, adapter)
    if model.dtype == torch.float32 and not getattr(model, "is_quantized", False):
        return tuned.merge_and_unload()
    return tuned.get_base_model()


def _prove(tuned: PeftModel, adapter: Adapter) -> None:
    """Raise UserError unless the model holds the adapter's very tensors."""
    saved = load_peft_weights(adapter.folder, device="cpu")
    held = get_peft_model_state_dict(tuned)
    # peft may hold in float32 what the file has in fewer bits, which loses nothing.
    differing = sorted(
        name
        for name in saved.keys() | held.keys()
        if name not in saved or name not in held or not torch.equal(held[name].cpu().float(), saved[name].float())
    )
    if not saved or differing:
        raise UserError(
            f"{adapter.folder}: the model does not hold this adapter: {len(differing)} of {len(saved)} tensors differ, "
            f"are missing or are too many{f', first {differing[0]}' if differing else ''}. It was made for another "
            "model or by another version of peft; train it again."
        )
