"""Cards: the small JSON files that say which weights, adapter or arm something is, by content.

A base model's card stands at `models/<model>.json`, an adapter's at `adapters/<model>/<persona>/epoch-<e>.json`, a
checkpoint's that a rule chose at `adapters/<model>/<persona>/plateau.json`, and an arm's, one for each suite that it
answers, at `arms/<model>/<arm>/<suite>.json`. An arm's card is the funnel (lineage rule 5) through which everything
about who answers reaches the calls and the files made from them.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from warmline.calls.requests import Messages, Respondent, Sampling
from warmline.lineage import complete_files, digests, json_files
from warmline.lineage.errors import UserError
from warmline.models.chat_forms import FIRST_USER_TURN, PLAIN, ChatForm

# What decides a model's behaviour: weights, architecture, tokenizer, chat template, end-of-turn tokens.
IDENTIFYING_FILES = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.txt")

ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")

# Fields that stand in a card only where they say something, so that the cards of other models keep their bytes.
LEFT_OUT = (
    "parameters",
    "identity",
    "chat",
    "chat_template_kwargs",
    "system_words",
    "system",
    "opens_thought",
    "no_system_turn",
    "reply_by_reply",
)


@dataclasses.dataclass(frozen=True)
class Weights:
    """A base model on disk. `digest` covers the files of `folder` that decide what the model says.

    Of its chat template, in the form `chat` of chats: `opens_thought` if a prompt ends within a thought, which the
    reply then closes without having opened it; `no_system_turn` if no prompt shows what a system turn says;
    `reply_by_reply` if a finished chat is rendered otherwise than the prompts for its replies, so that a model is
    trained on each reply by itself (warmline.training.masking).
    """

    folder: str
    digest: str
    chat: ChatForm = PLAIN
    opens_thought: bool = False
    no_system_turn: bool = False
    reply_by_reply: bool = False


@dataclasses.dataclass(frozen=True)
class Adapter:
    """A PEFT adapter on disk. `digest` covers its configuration and weights; it was saved after `step` steps."""

    folder: str
    digest: str
    step: int | None = None


@dataclasses.dataclass(frozen=True)
class ChosenCheckpoint:
    """The checkpoint that a rule chose: epochs of training, what answers there, and the `curve` that it followed from.

    The curve holds the epochs, the lift of each in nats per token, and the rule's tolerance.
    """

    checkpoint: float
    adapter: Adapter | RemoteModel
    curve: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class LocalModel:
    """Weights in a precision, with or without an adapter.

    `engine` is transformers, or openai where a server that is started for the job answers with these weights.
    `quantization` is nf4 where they are loaded in 4 bits; `precision` is then what their products are taken in.
    """

    weights: Weights
    precision: str
    adapter: Adapter | None = None
    engine: str = "transformers"
    quantization: str | None = None

    @property
    def respondent(self) -> Respondent:
        """The same weights elsewhere on disk are the same respondent."""
        respondent = {
            "engine": self.engine,
            "weights": self.weights.digest,
            "adapter": self.adapter.digest if self.adapter else None,
            "precision": self.precision,
        }
        # Absent rather than null: weights as they are keep the keys they had before there was a quantization.
        quantized = {"quantization": self.quantization} if self.quantization else {}
        return respondent | quantized | _form(self.weights.chat)

    @property
    def opens_thought(self) -> bool:
        """Whether a reply begins within a thought. A server may take the thought out of what it hands on."""
        return self.engine == "transformers" and self.weights.opens_thought


@dataclasses.dataclass(frozen=True)
class RemoteModel:
    """A model that an endpoint knows by name.

    The same name at another endpoint is the same respondent, unless an `identity` tells them apart. `parameters` are
    those of the endpoint's that decide replies (warmline.calls.parameters.deciding).
    """

    name: str
    parameters: Mapping[str, Any] | None = None
    identity: str | None = None
    chat: ChatForm = PLAIN

    @property
    def respondent(self) -> Respondent:
        further = {"parameters": self.parameters, "identity": self.identity}
        # Absent rather than null: a name alone keeps the keys that it had before there was anything else.
        stated = {name: value for name, value in further.items() if value}
        return {"engine": "openai", "model": self.name} | stated | _form(self.chat)

    @property
    def opens_thought(self) -> bool:
        """Never, as far as anyone here can know."""
        return False


Model = LocalModel | RemoteModel


@dataclasses.dataclass(frozen=True)
class Arm:
    """Who answers. `sampling` has an entry for the suite of the card; `code` is the digest of the projections' code."""

    model: str
    arm: str
    persona: str | None
    checkpoint: float | None
    answerer: Model
    system_prompt: str | None
    sampling: dict[str, Sampling]
    code: str

    def messages(self, prompt: Messages) -> Messages:
        """A prompt as this arm receives it: behind the system prompt, if it has one."""
        system = [{"role": "system", "content": self.system_prompt}] if self.system_prompt else []
        return [*system, *prompt]


def untuned(base: Weights | RemoteModel, precision: str | None, engine: str, quantization: str | None = None) -> Model:
    """A base model as it answers by itself. Raises UserError if weights come without a precision."""
    if isinstance(base, RemoteModel):
        return base
    if precision is None:
        raise UserError(f"{base.folder}: weights need a precision, such as float32.")
    return LocalModel(base, precision, None, engine, quantization)


def tuned(base: Model, adapter: Adapter | RemoteModel) -> Model:
    """A base model with an adapter, or the model that an endpoint has tuned from it."""
    if isinstance(adapter, RemoteModel):
        # It answers at the endpoint of its base, and is asked as that is.
        return dataclasses.replace(base, name=adapter.name) if isinstance(base, RemoteModel) else adapter
    if isinstance(base, RemoteModel):
        raise UserError(f"{adapter.folder}: an adapter on disk cannot tune {base.name}, which answers at an endpoint.")
    return dataclasses.replace(base, adapter=adapter)


def require_system_turn(model: Model, place: str) -> None:
    """Raise UserError, naming `place`, if the model's template shows nothing of the system turn that is to be sent."""
    if isinstance(model, LocalModel) and model.weights.no_system_turn:
        raise UserError(
            f"{place} begins with a system turn, and the chat template of {model.weights.folder} has none. Set "
            f"`system: {FIRST_USER_TURN}` for this model to put the text before the user's first."
        )


def identifying(folder: Path) -> list[Path]:
    """The files of a folder that decide what the model says."""
    return sorted({path for pattern in IDENTIFYING_FILES for path in folder.glob(pattern)})


def identify_adapter(folder: Path, step: int | None = None) -> Adapter:
    """The adapter in a folder, with the SHA-256 over its configuration and weights."""
    return Adapter(str(folder), digests.of_files(folder / name for name in ADAPTER_FILES), step)


def verify(adapter: Adapter) -> None:
    """Raise UserError unless the folder still holds the very adapter that is named."""
    try:
        found = identify_adapter(Path(adapter.folder)).digest
    except FileNotFoundError as error:
        raise UserError(f"{adapter.folder}: the adapter is gone. Run snakemake to train it again.") from error
    if found != adapter.digest:
        raise UserError(
            f"{adapter.folder}: the adapter's digest is {found}, the arm names {adapter.digest}. "
            "The adapter was trained anew or changed by hand since; run snakemake to resolve the arm again."
        )


def write(card: Weights | RemoteModel | Adapter | ChosenCheckpoint | Arm, path: Path) -> None:
    """Write a card as JSON with sorted keys."""
    text = json.dumps(as_json(card), indent=1, sort_keys=True, ensure_ascii=False)
    complete_files.write_text(path, text + "\n")


def as_json(card: Any) -> dict[str, Any]:
    """A card, or what holds one, as JSON values."""

    def said(fields: list[tuple[str, Any]]) -> dict[str, Any]:
        return {name: value for name, value in fields if value or name not in LEFT_OUT}

    return dataclasses.asdict(card, dict_factory=said)


def read_base(path: Path) -> Weights | RemoteModel:
    """The card of a base model."""
    card = _read(path)
    return _remote(card) if "name" in card else _weights(card)


def read_weights(path: Path) -> Weights:
    """The card of a base model whose weights must be on disk. Raises UserError if it answers at an endpoint only."""
    base = read_base(path)
    if isinstance(base, RemoteModel):
        raise UserError(f"{path}: {base.name} answers at an endpoint; here a model with a `source` is needed.")
    return base


def read_adapter(path: Path) -> Adapter | RemoteModel:
    """The card of an adapter, or of a model that an endpoint has tuned."""
    return _adapter(_read(path))


def read_choice(path: Path) -> ChosenCheckpoint:
    """The card of a checkpoint that a rule chose."""
    card = _read(path)
    return ChosenCheckpoint(card["checkpoint"], _adapter(card["adapter"]), card["curve"])


def read_arm(path: Path) -> Arm:
    """The card of an arm."""
    card = _read(path)
    card["answerer"] = model_from_json(card["answerer"])
    card["sampling"] = {suite: Sampling(**sampling) for suite, sampling in card["sampling"].items()}
    return Arm(**card)


def model_from_json(values: dict[str, Any]) -> Model:
    """A model as `as_json` wrote it."""
    if "name" in values:
        return _remote(values)
    weights, adapter = _weights(values["weights"]), values["adapter"]
    local = {**values, "weights": weights, "adapter": Adapter(**adapter) if adapter else None}
    return LocalModel(**local)


def _adapter(card: dict[str, Any]) -> Adapter | RemoteModel:
    return _remote(card) if "name" in card else Adapter(**card)


def _weights(card: dict[str, Any]) -> Weights:
    return Weights(**{**card, "chat": ChatForm(**card.get("chat", {}))})


def _remote(card: dict[str, Any]) -> RemoteModel:
    return RemoteModel(**{**card, "chat": ChatForm(**card.get("chat", {}))})


def _form(chat: ChatForm) -> dict[str, Any]:
    """What a form of chats adds to a respondent."""
    return {"chat": chat.identity} if chat.identity else {}


def _read(path: Path) -> dict[str, Any]:
    card: dict[str, Any] = json_files.read(path)
    return card
