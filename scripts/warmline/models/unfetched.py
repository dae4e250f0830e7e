"""What can be told of models before their weights are fetched, for the check of a study."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import huggingface_hub
import torch
from transformers import AutoModelForCausalLM

from warmline.lineage.errors import NotHere
from warmline.models import weights
from warmline.models.cards import IDENTIFYING_FILES, Weights

NF4_BYTES = (4 + 0.127) / 8
"""Of a weight and its share of the constants (Dettmers et al., 2023, section 3)."""
WEIGHT_FILES = "*.safetensors"


def described(source: dict[str, Any], store: Path, scratch: Path) -> Weights:
    """A model with its small files, which are brought to `scratch` if its weights are not here yet.

    It has no digest. Raises NotHere for the weights of a package, which come as one file, and UserError as `fetch`.
    """
    folder = weights.stored(source, store)
    if not folder.is_dir() and "package" in source:
        raise NotHere(f"{source['package']} {source['version']} is to be downloaded, which tells what it holds.")
    if not folder.is_dir() and "hub" in source:
        folder = scratch / folder.name
        weights.download_snapshot(source, folder, [name for name in IDENTIFYING_FILES if name != WEIGHT_FILES])
    return Weights(str(folder), "")


def bytes_to_fetch(source: dict[str, Any], store: Path) -> int:
    """The bytes of a repository of the hub that are not in `store`; none for another source. Raises UserError as
    `fetch`.
    """
    if "hub" not in source or weights.stored(source, store).is_dir():
        return 0
    with weights.explained(source):
        files = huggingface_hub.HfApi().model_info(source["hub"], revision=source["revision"], files_metadata=True)
    wanted = [file for file in files.siblings or [] if any(fnmatch(file.rfilename, name) for name in IDENTIFYING_FILES)]
    return sum(file.size or 0 for file in wanted)


def bytes_in_memory(of: Weights, precision: str, quantization: str | None) -> int:
    """What the parameters of a model take once they are loaded, by its config.json alone."""
    with torch.device("meta"):
        classes: Any = AutoModelForCausalLM
        model = classes.from_config(weights.read_config(of))
    linear = {module.weight for module in model.modules() if isinstance(module, torch.nn.Linear)}
    in_bits = linear - {model.get_output_embeddings().weight} if quantization else set()
    size = getattr(torch, precision).itemsize
    return sum(round(value.numel() * (NF4_BYTES if value in in_bits else size)) for value in model.parameters())
