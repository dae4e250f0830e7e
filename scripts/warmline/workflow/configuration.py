"""The configuration: checked whole before any job starts, with errors that name the offending key."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema

from warmline.calls import parameters, templates
from warmline.design import arms, measures
from warmline.design.conditions import UNMODIFIED, belief_template, context_file, parse
from warmline.design.variants import AS_PUBLISHED
from warmline.engines.served import command
from warmline.grading import judge_prompts, judge_replies
from warmline.lineage import places
from warmline.lineage.errors import UserError
from warmline.prompts import contexts
from warmline.sources import origins
from warmline.workflow.study import PUBLISHED_WARMTH

# The layouts whose right answers are letters, and numbers.
EXTRACTED = {measures.CHOICE: "mmlu", measures.NUMBER: "gsm8k"}
PRECISIONS = ("float32", "bfloat16", "float16")


def validate(config: Mapping[str, Any], schema: Path) -> None:
    """Raise UserError for the first thing wrong with a configuration.

    Checked are the schema (unknown and mistyped keys), that whatever is used is defined, and that every file that the
    configuration names exists and every template names known placeholders only.
    """
    _check_schema(config, schema)
    _check_references(config)
    _check_files(config)


def _check_schema(config: Mapping[str, Any], schema: Path) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(schema.read_text(encoding="utf-8")))
    error = jsonschema.exceptions.best_match(validator.iter_errors(config))
    if error is None:
        return
    place = ".".join(str(step) for step in error.absolute_path) or "the top level"
    if error.validator == "additionalProperties" and isinstance(error.schema, dict) and "properties" in error.schema:
        known = error.schema["properties"]
        unknown = sorted(set(error.instance) - set(known))
        raise UserError(
            f"configuration, {place}: unknown key {', '.join(unknown)}. Known keys there: {', '.join(sorted(known))}."
        )
    expected = error.schema.get("description", "") if isinstance(error.schema, dict) else ""
    # What stands in an endpoint's settings may be a key that does not belong there: it is not repeated.
    found = "" if place.startswith("endpoints") and error.validator == "pattern" else f"{error.message}. "
    raise UserError(f"configuration, {place}: {found}{expected}".strip())


def _check_references(config: Mapping[str, Any]) -> None:
    _check_roles(config)
    _check_conditions(config)
    for name in config["models"]:
        _check_model(config, name)
    for name, endpoint in config.get("endpoints", {}).items():
        _check_parameters(name, endpoint.get("parameters", {}))
    _check_scorer(config)
    _check_rewriting(config["rewriting"], config["personas"])
    _check_judge(config["judge"], config["models"], config.get("endpoints", {}), config["warmth"].get("judged", False))
    _check_capabilities(config)
    _check_published(config)
    _check_batches(config["training"])
    _check_arms(config)
    _check_regressions(config)


def _check_roles(config: Mapping[str, Any]) -> None:
    """Raise UserError unless every model that is studied, rewrites or scores warmth is defined."""
    for subject in config["subjects"]:
        _require(subject, config["models"], "subjects", "models")
    for place in ("rewriting", "warmth"):
        _require(config[place]["model"], config["models"], f"{place}.model", "models")


def _check_conditions(config: Mapping[str, Any]) -> None:
    """Raise UserError if the condition that effects are measured from is missing, or a further one is not defined."""
    if UNMODIFIED not in config["contexts"] or "none" not in config["beliefs"]:
        raise UserError(
            f"configuration: contexts must hold {UNMODIFIED} and beliefs none; effects are measured from them."
        )
    for identity in config.get("further-conditions", []):
        condition = parse(identity)
        _require(condition.context, config["contexts"], f"further-conditions, {identity}", "contexts")
        _require(condition.belief, config["beliefs"], f"further-conditions, {identity}", "beliefs")


def _check_model(config: Mapping[str, Any], name: str) -> None:
    """Raise UserError if a model's keys do not fit the place where it answers: the job, a server, an endpoint."""
    model = config["models"][name]
    if "batch-size" in model:
        _require(model["precision"], PRECISIONS, f"models.{name}.precision", "precisions")
    elif loaded := [key for key in ("quantization", "spread") if key in model]:
        raise UserError(
            f"configuration, models.{name}.{loaded[0]}: it says how weights are loaded in the job itself, with a "
            "`batch-size`. Leave it out; what a server is given stands in `serve` and `precision`."
        )
    if "thinking" in model and "tuning" in model:
        raise UserError(
            f"configuration, models.{name}.thinking: {name} is tuned at its endpoint, which trains on chats as it "
            "will, so that training and answers might differ in their thoughts. Leave it out."
        )
    if "context-length" in model and "endpoint" not in model:
        raise UserError(
            f"configuration, models.{name}.context-length: the weights of {name} say how many tokens they take. It is "
            "for models at an endpoint. Leave it out."
        )
    if "endpoint" in model:
        _require(model["endpoint"], config.get("endpoints", {}), f"models.{name}.endpoint", "endpoints")
    if "size" in model:
        _require(model["size"], config.get("sizes", {}), f"models.{name}.size", "sizes")
        if "endpoint" in model:
            raise UserError(
                f"configuration, models.{name}.size: {name} answers at an endpoint, so no job holds its weights. "
                "Leave it out."
            )
    if "serve" in model:
        tuned = name in config["subjects"] and any(arms.parse(arm).is_tuned for arm in config["arms"])
        command.check(model["serve"], f"configuration, models.{name}.serve", tuned)


def _check_parameters(endpoint: str, values: Mapping[str, Any]) -> None:
    """Raise UserError for parameters of an endpoint that no request can hold."""
    problem = parameters.problem(values)
    for name, value in values.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            problem = f"{name} has a value, {value}, that JSON has no word for"
    if problem:
        raise UserError(f"configuration, endpoints.{endpoint}.parameters: {problem}. Correct it.")


def _check_scorer(config: Mapping[str, Any]) -> None:
    """Raise UserError if the likelihoods of texts cannot be had from the model that scores warmth."""
    scorer = config["warmth"]["model"]
    if "endpoint" in config["models"][scorer]:
        raise UserError(
            f"configuration, warmth.model: {scorer} answers at an endpoint, and the likelihood of a given text cannot "
            "be asked for there. Name a model with a source."
        )


def _check_batches(training: Mapping[str, Any]) -> None:
    """Raise UserError unless a batch is made of whole micro-batches."""
    if training["batch"] % training["micro-batch"]:
        raise UserError(
            f"configuration, training.micro-batch: {training['micro-batch']} does not divide the batch of "
            f"{training['batch']}. Choose a divisor."
        )


def _check_arms(config: Mapping[str, Any]) -> None:
    """Raise UserError if the original is missing, or an arm's persona or checkpoint is not made."""
    if arms.ORIGINAL not in config["arms"]:
        raise UserError("configuration, arms: the arm original is missing; every other arm is compared with it.")
    for arm in config["arms"]:
        name = arms.parse(arm)
        if name.persona is None:
            continue
        _require(name.persona, config["personas"], f"arms, {arm}", "personas")
        if name.by_rule and config["personas"][name.persona]["warmth"] == "none":
            raise UserError(
                f"configuration, arms, {arm}: {name.persona} should move warmth neither up nor down, so there is no "
                f"plateau to find. Set personas.{name.persona}.warmth, or name an epoch."
            )
        if name.is_tuned:
            for model in config["subjects"]:
                _check_checkpoint(config, model, arm, name.persona, name.checkpoint)


def _check_checkpoint(config: Mapping[str, Any], model: str, arm: str, persona: str, checkpoint: float | None) -> None:
    """Raise UserError unless the model is tuned into the persona and a checkpoint of the epoch, if any, is kept."""
    settings = config["models"][model]
    place, epochs = "training.epochs", config["training"]["epochs"]
    if "endpoint" in settings:
        if "tuning" not in settings:
            raise UserError(
                f"configuration, arms, {arm}: {model} answers at an endpoint and has no `tuning`. Say there how its "
                "endpoint tunes it, or take a model with open weights under `source`."
            )
        place, epochs = f"models.{model}.tuning.epochs", settings["tuning"]["epochs"]
        multiplier = settings["tuning"]["learning-rate-multiplier"]
        if isinstance(multiplier, Mapping):
            _require(persona, multiplier, f"arms, {arm}", f"models.{model}.tuning.learning-rate-multiplier")
    if checkpoint is not None and checkpoint not in epochs:
        raise UserError(
            f"configuration, arms, {arm}: no adapter is saved at epoch {checkpoint:g}. "
            f"Add it to {place}, which holds {epochs}."
        )


def _check_regressions(config: Mapping[str, Any]) -> None:
    """Raise UserError if a regression's conditions, or a regression to be varied, are not defined."""
    regressions = config["statistics"]["regressions"]
    for name, regression in regressions.items():
        for level in regression["beliefs"]:
            _require(level, config["beliefs"], f"statistics.regressions.{name}.beliefs", "beliefs")
        for level in regression.get("contexts", []):
            _require(level, config["contexts"], f"statistics.regressions.{name}.contexts", "contexts")
    for name in config["statistics"]["robustness"]:
        _require(name, regressions, "statistics.robustness", "statistics.regressions")


def _check_rewriting(rewriting: Mapping[str, Any], personas: Mapping[str, Any]) -> None:
    if rewriting["attempts"] > 1 and rewriting["temperature"] == 0:
        raise UserError(
            "configuration, rewriting.attempts: at temperature 0 every attempt gives the same rewriting. Set attempts "
            "to 1, or a temperature above 0."
        )
    least, greatest = rewriting["checks"]["length-ratio"]
    if least >= greatest:
        raise UserError(
            f"configuration, rewriting.checks.length-ratio: {least:g} is not below {greatest:g}. Expected the least "
            "ratio and the greatest, such as [0.3, 3]."
        )
    for name in personas:
        seen, at = [name], name
        while "from" in personas[at]:
            basis = personas[at]["from"]
            _require(basis, personas, f"personas.{at}.from", "personas")
            if basis in seen:
                raise UserError(
                    f"configuration, personas.{at}.from: {' from '.join([*seen, basis])} never comes to the original "
                    "replies. Remove one `from`."
                )
            seen.append(at := basis)


def _check_judge(
    judge: Mapping[str, Any], models: Mapping[str, Any], endpoints: Mapping[str, Any], compares_warmth: bool
) -> None:
    if compares_warmth and "model" not in judge:
        raise UserError(
            "configuration, warmth.judged: the reference judge compares no warmth. Have a model judge, or leave it out."
        )
    if "model" in judge:
        _require(judge["model"], models, "judge.model", "models")
        if judge["reply"] == "schema" and "batch-size" in models[judge["model"]]:
            raise UserError(
                f"configuration, judge.reply: {judge['model']} answers in the job itself, where nothing binds a reply "
                "to a schema. Use text, or have the model served."
            )
        endpoint = endpoints.get(models[judge["model"]].get("endpoint"), {})
        if judge["reply"] == "schema" and endpoint.get("parameters", {}).get("response_format", "") is None:
            raise UserError(
                f"configuration, judge.reply: the endpoint of {judge['model']} is sent no response_format, which binds "
                "a reply to a schema. Use text."
            )


def _check_capabilities(config: Mapping[str, Any]) -> None:
    """Raise UserError for a task of two suites or named like a measure, an undecidable measure, or a figure of none."""
    for name in config["tasks"]:
        if name in measures.OF_A_JUDGE:
            raise UserError(f"configuration, tasks.{name}: {name} is the name of a measure. Choose another.")
    further = config.get("capabilities", {}).get("tasks", {})
    if "capabilities" in config["figures"] and not further:
        raise UserError(
            "configuration, figures.capabilities: the study has no capabilities to draw. Name tasks under "
            "capabilities.tasks, or leave the figure out."
        )
    for name, task in further.items():
        place = f"configuration, capabilities.tasks.{name}"
        if name in config["tasks"]:
            raise UserError(f"{place}: `tasks` has a task of this name. Choose another for one of both.")
        open_measures = sorted({*measures.named(task["measure"])} & {*measures.JUDGED} - {measures.REFUSAL})
        if open_measures and "model" not in config["judge"]:
            raise UserError(
                f"{place}.measure: the reference judge cannot decide {', '.join(open_measures)}. Have a model judge, "
                "or leave it out."
            )
        layout = EXTRACTED.get(task["measure"]) if isinstance(task["measure"], str) else None
        if layout and task["layout"] != layout:
            raise UserError(f"{place}.measure: {task['measure']} needs the layout {layout}, not {task['layout']}.")


def _check_published(config: Mapping[str, Any]) -> None:
    """Raise UserError for a published model that the file does not have, or a figure of it without any."""
    named = {model: config["models"][model].get("published") for model in config["subjects"]}
    if any(named.values()):
        with open(places.found(PUBLISHED_WARMTH), encoding="utf-8", newline="") as file:
            known = {row["model"] for row in csv.DictReader(file)}
        for model, published in named.items():
            if published:
                _require(published, sorted(known), f"models.{model}.published", "published models")
    elif "published_warmth" in config["figures"]:
        raise UserError(
            "configuration, figures.published_warmth: no subject has a published counterpart to draw. Name one under "
            "models.<model>.published, or leave the figure out."
        )


def _require(value: str, defined: Any, place: str, table: str) -> None:
    if value not in defined:
        raise UserError(
            f"configuration, {place}: {value} is used but not defined. Defined {table}: {', '.join(map(str, defined))}."
        )


def _check_files(config: Mapping[str, Any]) -> None:
    _check_templates(config)
    if "prompts" in config["judge"]:
        _check_judge_templates(config)
    _check_context_files(config)
    _check_sources(config)
    _check_classifier(config["conversations"])


def _check_templates(config: Mapping[str, Any]) -> None:
    """Raise UserError for a template of a persona or a question that is missing or has other placeholders."""
    for name, persona in config["personas"].items():
        templates.check_messages(_found(persona["rewrite"]), templates.REWRITE_PLACEHOLDERS)
        if f"{name}-prompt" in config["arms"]:
            templates.check(_found(persona["system"]), ())
    for task in config["tasks"].values():
        for belief in config["beliefs"]:
            templates.check(_found(belief_template(task["templates"], belief)), templates.QUESTION_PLACEHOLDERS)
    for task in config.get("capabilities", {}).get("tasks", {}).values():
        templates.check(_found(task["template"]), ("question",))


def _check_judge_templates(config: Mapping[str, Any]) -> None:
    """Raise UserError for a template of the judge that is missing or has other placeholders."""
    judge, further = config["judge"], config.get("capabilities", {}).get("tasks", {}).values()
    asked = {measure for task in further for measure in measures.named(task["measure"])}
    asked |= {measures.REFUSAL} if judge.get("refusals") else set()
    asked |= {measures.WARMER} if config["warmth"].get("judged") else set()
    for criterion in (*config["tasks"], *sorted(asked)):
        scale = judge_replies.scale_of(criterion)
        templates.check(_found(judge_prompts.instruction_file(judge["prompts"], judge["reply"], scale)), ())
        judge_prompts.check(_found(judge_prompts.template_file(judge["prompts"], criterion)), scale)


def _check_context_files(config: Mapping[str, Any]) -> None:
    """Raise UserError for what a user says before the question, if its file is missing or cannot be read."""
    framed = any(parse(identity).framing == "framed" for identity in config.get("further-conditions", []))
    if framed or config["framings"] == AS_PUBLISHED or "framed" in config["framings"]:
        templates.check(_found(config["framing-sentence"]), ())
    for context in config["contexts"]:
        if context != UNMODIFIED:
            contexts.read(_found(context_file(config["statements"], context)))


def _check_sources(config: Mapping[str, Any]) -> None:
    """Raise UserError for a source that is not pinned, or a file of one that is not there."""
    origins.check_pins(origins.configured(config))
    for source in origins.configured(config):
        origins.inputs(source)


def _check_classifier(conversations: Mapping[str, Any]) -> None:
    """Raise UserError if the classifier's weights are not there, or are given to a classifier that takes none."""
    checkpoint = conversations.get("checkpoint")
    if checkpoint and not conversations["classifier"].startswith("detoxify-"):
        raise UserError(
            "configuration, conversations.checkpoint: it is a file of Detoxify's weights, but the classifier is "
            f"{conversations['classifier']}. Leave it out, or choose a classifier detoxify-..."
        )
    if checkpoint:
        places.found(checkpoint)


def _found(path: str) -> Path:
    return Path(places.found(path))
