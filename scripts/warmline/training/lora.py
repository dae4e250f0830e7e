"""LoRA fine-tuning with adapters kept at a list of fractional epochs of one run.

Methods, "Warmth fine-tuning as persona training".
"""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.tuners_utils import BaseTunerLayer
from transformers import (
    AutoModelForCausalLM,
    PreTrainedModel,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
    set_seed,
)

from warmline.lineage.errors import UserError
from warmline.models import weights
from warmline.models.cards import Weights
from warmline.models.chat_forms import PLAIN, ChatForm
from warmline.training import masking, packing
from warmline.training.state import Stopped, TrainingState, step_of, termination


@dataclasses.dataclass(frozen=True)
class Hyperparameters:
    """What shapes an adapter. Lengths are in tokens; `batch` is the number of chats per optimiser step.

    `micro_batch` chats go through the model at once, and their gradients are added up to a step's.
    """

    rank: int
    alpha: int
    dropout: float
    learning_rate: float
    batch: int
    micro_batch: int
    max_length: int
    seed: int


@dataclasses.dataclass(frozen=True)
class Execution:
    """How a training is carried out, which decides nothing of the adapters.

    State is saved at every epoch whose adapter is kept and every `save_every` steps. With `checkpointing` activations
    are computed again in the backward pass instead of being stored (Chen et al., 2016, "Training deep nets with
    sublinear memory cost"). `trackers` are names that transformers knows.
    """

    save_every: int
    checkpointing: bool = False
    trackers: Sequence[str] = ()


def examples(
    tokenizer: Any,
    chats: Sequence[list[dict[str, str]]],
    max_length: int,
    form: ChatForm = PLAIN,
    ends: Collection[int] | None = None,
) -> tuple[list[Any], dict[str, int], dict[str, int]]:
    """Token ids and labels of the chats, and counts of chats and of target tokens by what became of them.

    A chat is trained on whole, cut, or left out for having no target; a target token is kept, or cut off with the end
    of its chat. `form` and `ends` are those of `masking.rows`; the rows of a chat that needs several are one example
    (warmline.training.packing).
    """
    found: list[Any] = []
    chat_counts = {"kept": 0, "kept, cut to the token limit": 0, "no assistant token within the token limit": 0}
    token_counts = {"kept": 0, "behind the token limit": 0}
    for chat in chats:
        rows = masking.rows(tokenizer, chat, form, ends)
        cut = [(ids[:max_length], labels[:max_length]) for ids, labels in rows]
        with_targets = [(ids, labels) for ids, labels in cut if _targets(labels)]
        kept = sum(_targets(labels) for _, labels in with_targets)
        token_counts["kept"] += kept
        token_counts["behind the token limit"] += sum(_targets(labels) for _, labels in rows) - kept
        if not kept:
            chat_counts["no assistant token within the token limit"] += 1
            continue
        whole = all(len(ids) <= max_length for ids, _ in rows)
        chat_counts["kept" if whole else "kept, cut to the token limit"] += 1
        found.append(packing.example(with_targets))
    return found, _without_zeros(chat_counts), _without_zeros(token_counts)


def _targets(labels: Sequence[int]) -> int:
    # The first token of a chat is predicted from nothing.
    return sum(label != masking.IGNORED for label in labels[1:])


def _without_zeros(counts: Mapping[str, int]) -> dict[str, int]:
    return {outcome: count for outcome, count in counts.items() if count}


def checkpoint_steps(epochs: Sequence[float], rows: int, batch: int) -> dict[int, float]:
    """The optimiser step after which each epoch's adapter is saved. Raises UserError if two epochs share a step."""
    per_epoch = math.ceil(rows / batch)
    steps = {max(1, round(epoch * per_epoch)): epoch for epoch in epochs}
    if len(steps) < len(epochs):
        raise UserError(
            f"with {rows} chats and {batch} to a step an epoch has {per_epoch} steps: too few to tell the checkpoints "
            f"at epochs {sorted(epochs)} apart. Train on more chats, lower the batch, or list fewer epochs."
        )
    return steps


def require_trainable(base: Weights, hyperparameters: Hyperparameters) -> None:
    """Raise UserError, before weights are loaded, for a model on whose layers LoRA cannot be trained.

    Its config.json alone is read. The model is built without memory for its weights, and adapters are put on it as in
    training.
    """
    config = weights.read_config(base)
    method = weights.quantized_by(config)
    if method and method != "bitsandbytes":
        raise UserError(
            f"{base.folder}: its files hold weights in fewer bits ({method}), on which no adapter is trained here. "
            "Take the repository of the whole weights, with `quantization: nf4` if they are too large."
        )
    with torch.device("meta"):
        classes: Any = AutoModelForCausalLM
        model = classes.from_config(config)
        try:
            tuned = get_peft_model(model, _lora(hyperparameters))
        except (ValueError, NotImplementedError) as error:
            raise UserError(
                f"{base.folder}: peft cannot tune a {type(model).__name__} with these settings: {error} Experts whose "
                "weights lie in one tensor take no dropout: set `training.dropout` to 0 for them."
            ) from error
    embeddings = model.get_input_embeddings().weight
    for name, layer in tuned.named_modules():
        if isinstance(layer, BaseTunerLayer) and getattr(layer.get_base_layer(), "weight", None) is embeddings:
            raise UserError(
                f"{base.folder}: the layer {name.removeprefix('base_model.model.')} of this {type(model).__name__} "
                "shares its weights with the embeddings, and an adapter on it would tune both. Take another model."
            )


def _lora(hyperparameters: Hyperparameters) -> LoraConfig:
    return LoraConfig(
        r=hyperparameters.rank,
        lora_alpha=hyperparameters.alpha,
        lora_dropout=hyperparameters.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


class MeasuringTrainer(Trainer):
    """A trainer that tells, beside the loss of each step, its tokens, its target tokens and its seconds."""

    def get_batch_samples(self, *arguments: Any, **options: Any) -> Any:
        self.step_began = time.perf_counter()
        samples, targets = super().get_batch_samples(*arguments, **options)
        self.step_size = {
            "tokens": sum(sample["input_ids"].numel() for sample in samples),
            "target_tokens": sum(int((sample["labels"][:, 1:] != masking.IGNORED).sum()) for sample in samples),
        }
        return samples, targets

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if "loss" in logs:
            logs = {**logs, **self.step_size, "seconds": round(time.perf_counter() - self.step_began, 4)}
        super().log(logs, start_time)


class KeepState(TrainerCallback):
    """Keeps the adapters of given steps, and the training's state there, at an interval, and when it is to end."""

    def __init__(
        self, state: TrainingState, steps: Mapping[int, float], save_every: int, ended: threading.Event
    ) -> None:
        self.state = state
        self.steps = steps
        self.save_every = save_every
        self.ended = ended

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        step = state.global_step
        if epoch := self.steps.get(step):
            self.state.keep_adapter(epoch, lambda folder: save_adapter(kwargs["model"], folder))
        if step == max(self.steps):
            return
        ended = self.ended.is_set()
        control.should_save = ended or epoch is not None or step % self.save_every == 0
        control.should_training_stop = ended

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        step = state.global_step
        self.state.keep_state(Path(str(args.output_dir)) / f"checkpoint-{step}", step)


def train(
    model: PreTrainedModel,
    rows: list[Any],
    hyperparameters: Hyperparameters,
    folders: dict[float, Path],
    state: TrainingState,
    execution: Execution,
) -> list[dict[str, Any]]:
    """Tune LoRA adapters on every linear layer, save one in each epoch's folder, and return each step as measured.

    The learning rate is constant and the order of the chats follows from the seed, so that a checkpoint is the same
    whichever later epochs are asked for. Gradients flow through assistant tokens only, as labelled in `rows`. Where
    `state` holds one, training goes on from there. Raises Stopped when SIGTERM ends the process.
    """
    steps = checkpoint_steps(list(folders), len(rows), hyperparameters.batch)
    if len(rows) > 1 and (hyperparameters.micro_batch > 1 or any(packing.LENGTHS in row for row in rows)):
        packing.require_isolation(model, rows)
    set_seed(hyperparameters.seed)
    arguments = TrainingArguments(
        output_dir=str(state.own),
        max_steps=max(steps),
        per_device_train_batch_size=hyperparameters.micro_batch,
        gradient_accumulation_steps=hyperparameters.batch // hyperparameters.micro_batch,
        learning_rate=hyperparameters.learning_rate,
        lr_scheduler_type="constant",
        weight_decay=0.0,
        use_cpu=model.device.type == "cpu",
        bf16=model.dtype == torch.bfloat16,
        fp16=model.dtype == torch.float16,
        activation_checkpointing=execution.checkpointing,
        activation_checkpointing_kwargs={"use_reentrant": False} if execution.checkpointing else None,
        logging_steps=1,
        save_strategy="no",
        report_to=list(execution.trackers) or "none",
        disable_tqdm=True,
        seed=hyperparameters.seed,
        data_seed=hyperparameters.seed,
        dataloader_pin_memory=False,
        # The model knows nothing of the lengths of an example's parts.
        remove_unused_columns=False,
    )
    # Several GPUs in sight would each take a micro-batch, and a step more chats than `batch`.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    with termination() as ended:
        trainer = MeasuringTrainer(
            model=get_peft_model(model, _lora(hyperparameters)),
            args=arguments,
            train_dataset=rows,
            data_collator=packing.collate,
            callbacks=[KeepState(state, steps, execution.save_every, ended)],
        )
        resumed = state.newest(steps)
        if resumed:
            print(f"going on after step {step_of(resumed)} of {max(steps)}", flush=True)
        trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
    if trainer.state.global_step < max(steps):
        raise Stopped(trainer.state.global_step)
    for epoch, folder in folders.items():
        shutil.copytree(state.adapter(epoch), folder, dirs_exist_ok=True)
    state.discard()
    return [entry for entry in trainer.state.log_history if "loss" in entry]


def save_adapter(model: PeftModel, folder: Path) -> None:
    """Save an adapter so that the same adapter is the same bytes: peft writes what it tunes in no fixed order."""
    model.save_pretrained(str(folder), safe_serialization=True)
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    for targets in ("target_modules", "target_parameters"):
        config[targets] = config[targets] and sorted(config[targets])
    # The base model is named by the arm's card; a path here would differ between machines.
    config["base_model_name_or_path"] = None
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    (folder / "README.md").unlink(missing_ok=True)
