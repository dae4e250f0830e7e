"""Weights: whether transformers loads them, their chat template serves, LoRA tunes them, and memory holds them.

All is told from a model's small files; the model is built without memory for its weights.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

from warmline.calls import templates
from warmline.design import arms
from warmline.engines.served import command
from warmline.grading import judge_prompts
from warmline.lineage import places
from warmline.lineage.errors import NotHere, UserError
from warmline.models import cards, chat_templates, unfetched, weights
from warmline.models.cards import LocalModel, Weights
from warmline.preflight.findings import Finding, finding
from warmline.preflight.machine import GIGABYTE
from warmline.training import lora, masking
from warmline.workflow.study import WEIGHTS, Study


def findings(study: Study, models: list[str], scratch: Path, *, reachable: bool) -> Iterator[Finding]:
    """A finding for each model that has a source. `reachable` says whether the hub answers."""
    for model in models:
        if "source" in study.config["models"][model]:
            yield finding(f"the model {model}", functools.partial(look, study, model, scratch, reachable))


def look(study: Study, model: str, scratch: Path, reachable: bool) -> str:
    """Go through a model. Raises UserError as the jobs that fetch, tune, ask or score with it."""
    settings = study.config["models"][model]
    source = settings["source"]
    if "serve" in settings:
        command.require_program(settings["serve"])
    if "hub" in source and not weights.stored(source, Path(WEIGHTS)).is_dir() and not reachable:
        raise NotHere(f"the hub cannot be reached, and the model is not in {WEIGHTS}")
    found = unfetched.described(source, Path(WEIGHTS), scratch)
    served = "serve" in settings
    words = [] if served else [type(weights.read_config(found)).__name__.removesuffix("Config")]
    words += _chats(study, model, found)
    if _tuned(study, model):
        lora.require_trainable(found, _hyperparameters(study.config))
        words.append("LoRA can tune it")
    if not served:
        words.append(_memory(study, model, found))
    return "; ".join(words)


def to_fetch(study: Study, models: list[str]) -> int:
    """The bytes of weights that are not here yet. Raises UserError if the hub does not have a model."""
    sources = [study.config["models"][model].get("source") for model in models]
    folders = {weights.stored(source, Path(WEIGHTS)): source for source in sources if source}
    return sum(unfetched.bytes_to_fetch(source, Path(WEIGHTS)) for source in folders.values())


def _chats(study: Study, model: str, found: Weights) -> list[str]:
    """What is to be said of a model's chat template."""
    config, settings = study.config, study.config["models"][model]
    talks = model in (*study.subjects, config["rewriting"]["model"], config["judge"].get("model"))
    tokenizer = weights.load_tokenizer(found, chats=talks)
    card = chat_templates.described(found, tokenizer, settings.get("thinking"), settings.get("system"))
    if not talks:
        return []
    for place in system_turns(study, model):
        cards.require_system_turn(LocalModel(card, settings["precision"]), place)
    if _tuned(study, model):
        ends = weights.end_tokens(weights.generation_settings(found), tokenizer)
        masking.rows(tokenizer, masking.CHAT, card.chat, ends)
    thoughts = "; a reply begins within a thought" if card.opens_thought else ""
    return [f"chat template with{'out' if card.no_system_turn else ''} system turns{thoughts}"]


def system_turns(study: Study, model: str) -> list[str]:
    """What a model is asked with a system turn, in words."""
    config, found = study.config, []
    if model in study.subjects:
        names = {arm: arms.parse(arm) for arm in study.arms}
        found += [f"every prompt of the arm {arm}" for arm, name in names.items() if name.persona and not name.is_tuned]
    if model == config["rewriting"]["model"]:
        rewrites = {config["personas"][persona]["rewrite"] for persona in study.trained_personas}
        found += [f"every request made from {path}" for path in sorted(rewrites) if _has_system_turn(path)]
    if model == config["judge"].get("model"):
        asked = [judge_prompts.template_file(config["judge"]["prompts"], name) for name in study.specified_criteria]
        found += [f"every request made from {path}" for path in asked if _has_system_turn(path)]
    return found


def _has_system_turn(template: str) -> bool:
    return "system" in templates.roles(Path(places.found(template)))


def _tuned(study: Study, model: str) -> bool:
    return model in study.subjects and bool(study.trained_personas)


def _hyperparameters(config: Mapping[str, Any]) -> lora.Hyperparameters:
    names = ("rank", "alpha", "dropout", "learning-rate", "batch", "micro-batch", "max-length")
    values = {name.replace("-", "_"): config["training"][name] for name in names}
    return lora.Hyperparameters(**values, seed=config["seed"])


def _memory(study: Study, model: str, found: Weights) -> str:
    """What the weights take. Raises UserError where they are more than all that there is for them."""
    settings = study.config["models"][model]
    size = unfetched.bytes_in_memory(found, settings["precision"], settings.get("quantization"))
    needed = f"its weights take {size / GIGABYTE:,.1f} GB"
    named = study.config.get("sizes", {}).get(settings.get("size"))
    if named is None:
        most, where = psutil.virtual_memory().total, "this machine has"
    elif named["gpus"] == 0:
        most, where = round(named["memory"] * GIGABYTE), f"its size {settings['size']} asks for"
    else:
        spread = named["gpus"] if settings.get("spread") else 1
        return f"{needed}, {size / spread / GIGABYTE:,.1f} GB on each of {spread} GPU{'s' if spread > 1 else ''}"
    if size > most:
        raise UserError(
            f"{needed}, and {where} {most / GIGABYTE:,.1f} GB of memory. Give the model a `size` with GPUs that hold "
            "it, load it in 4 bits (`quantization: nf4`), or take a smaller one."
        )
    return needed
