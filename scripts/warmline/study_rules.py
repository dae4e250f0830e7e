"""What the rules ask of a study: by a job's wildcards its inputs, the options of its script, and how it calls models.

Nothing here imports a heavy package: every job of a cluster parses the Snakefile again.
"""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from warmline import arm_names, conditions, digests, job_resources, judge_prompts, judge_replies, sources
from warmline.calling_jobs import ANSWERS, GRADES, REWRITING, Job
from warmline.job_resources import Needs
from warmline.study import CAPABILITIES, LEDGER, QUESTIONS, STATES, VALIDATION, WEIGHTS, Study, any_of, filled

# What a classifier's network and tokenizer are made from, beside its checkpoint.
ARCHITECTURE_FILES = (
    *("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"),
    *("vocab.txt", "vocab.json", "merges.txt"),
)

# What says how adapters are trained, and nothing of what comes of it.
TRAINING_EXECUTION = ("save-every", "gradient-checkpointing", "report-to")


def options(values: Mapping[str, Any]) -> str:
    """Command-line options from names and values, sorted by name, so that equal settings are equal text.

    A list becomes several values, an empty one a flag; None leaves the option out.
    """
    words: list[str] = []
    for name, value in sorted(values.items()):
        if value is not None:
            listed = value if isinstance(value, list | tuple) else [value]
            words += [f"--{name}", *(_word(item) for item in listed)]
    return shlex.join(words)


def _word(value: Any) -> str:
    if isinstance(value, Mapping):
        return digests.canonical_json(value)
    # 2.0 and 2 are one text; a float keeps all its digits.
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


def named_inputs(_wildcards: Any, input: Any) -> str:
    """A job's input files as options named like the inputs, for rules whose inputs depend on the wildcards."""
    return options(dict(input.items()))


class StudyRules(Study):
    """A study as the Snakefile sees it."""

    def conversation_source(self) -> list[str]:
        """The files that conversations are read from."""
        return sources.paths(self.config["conversations"]["source"])

    def conversation_options(self) -> str:
        """The option that says where the conversations came from."""
        return options({"origin": sources.origin(self.config["conversations"]["source"])})

    def toxicity_inputs(self, _wildcards: Any) -> dict[str, Any]:
        """The conversations, and the classifier's checkpoint with what lies beside it, if one is named."""
        settings = self.config["conversations"]
        inputs: dict[str, Any] = {"conversations": self.conversation_source()}
        if "checkpoint" in settings:
            inputs["checkpoint"] = settings["checkpoint"]
            beside = [Path(settings["checkpoint"]).with_name(name) for name in ARCHITECTURE_FILES]
            if found := [str(path) for path in beside if path.is_file()]:
                inputs["architecture"] = found
        return inputs

    def fetched_files(self) -> str:
        """A regular expression of the files of the hub that the study reads."""
        return any_of([file.stored for file in self._hub_files()])

    def fetched_sources(self) -> list[str]:
        """The files of the hub that the study reads, where they are put."""
        return [file.path for file in self._hub_files()]

    def source_options(self, wildcards: Any) -> str:
        """The options that fetch a file from the hub."""
        path = f"{sources.STORE}/{wildcards.repository}/{wildcards.revision}/{wildcards.file}"
        file = next(file for file in self._hub_files() if file.path == path)
        return options(dataclasses.asdict(file))

    def _hub_files(self) -> list[sources.HubFile]:
        """The files of the hub that the study reads, those with a SHA-256 first."""
        found = [file for source in sources.configured(self.config) for file in sources.hub_files(source)]
        return sorted(found, key=lambda file: file.sha256 is None)

    def fetch_options(self, wildcards: Any) -> str:
        """The options that fetch a model's weights, or name a model that an endpoint has."""
        settings = self.config["models"][wildcards.model]
        if "endpoint" in settings:
            return options({"name": settings["name"]})
        return options({"source": settings["source"], "store": WEIGHTS})

    def rewrite_inputs(self, wildcards: Any) -> dict[str, str]:
        """The template that rewrites replies into a persona's style, and the rewritings it starts from, if any."""
        persona = self.config["personas"][wildcards.persona]
        basis = {"basis": self.path(f"rewrites/{persona['from']}.parquet")} if "from" in persona else {}
        return {"template": str(persona["rewrite"]), **basis}

    def rewriting_options(self) -> str:
        """The options that decide how replies are rewritten."""
        rewriting = self.config["rewriting"]
        return options(
            {
                "engine": self.engine(rewriting["model"]),
                **self.numerics(rewriting["model"]),
                "temperature": rewriting["temperature"],
                "max-new-tokens": rewriting["max-new-tokens"],
                "attempts": rewriting["attempts"],
                "length-ratio": rewriting["checks"]["length-ratio"],
                "exclude": sorted(rewriting["checks"]["exclude"]),
                "seed": self.config["seed"],
            }
        )

    def training_options(self, wildcards: Any) -> str:
        """The options that decide what comes of the training of one model into one persona."""
        settings = {name: value for name, value in self.config["training"].items() if name not in TRAINING_EXECUTION}
        numerics = self.numerics(wildcards.model)
        label = f"{wildcards.model} {wildcards.persona}"
        return options({**settings, **numerics, "epochs": self.epochs, "seed": self.config["seed"], "label": label})

    def training_execution(self, wildcards: Any) -> str:
        """The options that say how a training is carried out."""
        training = self.config["training"]
        return options(
            {
                "states": STATES,
                "code": self.code("training/train.py"),
                "save-every": training.get("save-every", 50),
                "gradient-checkpointing": [] if training.get("gradient-checkpointing") else None,
                "report-to": training.get("report-to") or None,
                "spread": [] if self.config["models"][wildcards.model].get("spread") else None,
            }
        )

    def tuning_options(self, wildcards: Any) -> str:
        """The options of the tuning of one model into one persona at the model's endpoint."""
        tuning = self.config["models"][wildcards.model]["tuning"]
        multiplier = tuning["learning-rate-multiplier"]
        return options(
            {
                "epochs": self.model_epochs(wildcards.model),
                "batch-size": tuning["batch-size"],
                "learning-rate-multiplier": multiplier[wildcards.persona]
                if isinstance(multiplier, Mapping)
                else multiplier,
                "seed": self.config["seed"],
                "label": f"{wildcards.model} {wildcards.persona}",
            }
        )

    def question_source(self, wildcards: Any) -> list[str]:
        """The files that a task's questions are read from."""
        return sources.paths(self.task_settings(wildcards.task)["source"])

    def question_options(self, wildcards: Any) -> str:
        """The options that sample a task's questions."""
        task = self.task_settings(wildcards.task)
        return options(
            {
                "task": wildcards.task,
                "layout": task["layout"],
                "size": task["questions"],
                "conversion": task.get("conversion"),
                "seed": self.config["seed"],
                "dataset": task.get("dataset"),
                "quotes": task.get("quotes"),
                "origin": sources.origin(task["source"]),
            }
        )

    def prompt_inputs(self, wildcards: Any) -> dict[str, str]:
        """The files that the prompts of a condition are rendered from."""
        condition = conditions.parse(wildcards.condition)
        task = self.task_settings(wildcards.task)
        inputs = {
            "questions": self.path(f"questions/{wildcards.task}.parquet"),
            "belief": task["template"]
            if wildcards.task in self.capabilities
            else conditions.belief_template(task["templates"], condition.belief),
        }
        if condition.context != conditions.UNMODIFIED:
            inputs["context"] = conditions.context_file(self.config["statements"], condition.context)
        if condition.framing == "framed":
            inputs["framing"] = self.config["framing-sentence"]
        return inputs

    def prompt_options(self, wildcards: Any) -> str:
        """The options that render the prompts of a condition; where nothing is disclosed, no statement is drawn."""
        disclosed = conditions.parse(wildcards.condition).context != conditions.UNMODIFIED
        draw = self.config["statement-draw"] if disclosed else None
        return options({"seed": self.config["seed"], "draw": draw})

    def arm_inputs(self, wildcards: Any) -> dict[str, str]:
        """The files that an arm is resolved from: weights, and adapter or system prompt if it has one."""
        name = arm_names.parse(wildcards.arm)
        inputs = {"base": self.path(f"models/{wildcards.model}.json")}
        if name.by_rule:
            inputs["choice"] = self.path(f"adapters/{wildcards.model}/{name.persona}/{arm_names.PLATEAU}.json")
        elif name.checkpoint is not None:
            inputs["adapter"] = self.path(f"adapters/{wildcards.model}/{name.persona}/epoch-{name.checkpoint:g}.json")
        elif name.persona is not None:
            inputs["system"] = self.config["personas"][name.persona]["system"]
        return inputs

    def arm_options(self, wildcards: Any) -> str:
        """The options that resolve an arm."""
        name = arm_names.parse(wildcards.arm)
        return options(
            {
                "model": wildcards.model,
                "arm": wildcards.arm,
                "persona": name.persona,
                "checkpoint": name.checkpoint,
                "engine": self.engine(wildcards.model),
                **self.numerics(wildcards.model),
                "sampling": self.sampling(),
                "projection-code": self.code("answers/project.py"),
            }
        )

    def warmth_of_model(self, wildcards: Any) -> list[str]:
        """The warmth of every arm of a model, the original's among them."""
        return self.model_files(wildcards.model, self.path("warmth/{model}/{arm}.parquet"))

    def warmth_of_checkpoints(self, wildcards: Any) -> list[str]:
        """The warmth of the original and of every checkpoint of a model that is tuned into a persona."""
        epochs = self.model_epochs(wildcards.model)
        arms = [arm_names.ORIGINAL, *(arm_names.tuned(wildcards.persona, float(epoch)) for epoch in epochs)]
        return [self.path(f"warmth/{wildcards.model}/{arm}.parquet") for arm in arms]

    def checkpoint_cards(self, wildcards: Any) -> list[str]:
        """The cards of a model's checkpoints in the order of `plateau_options`."""
        folder = f"adapters/{wildcards.model}/{wildcards.persona}"
        return [self.path(f"{folder}/epoch-{epoch}.json") for epoch in self.model_epochs(wildcards.model)]

    def plateau_options(self, wildcards: Any) -> str:
        """The options of the rule that chooses a checkpoint."""
        return options(
            {
                "persona": wildcards.persona,
                "direction": self.config["personas"][wildcards.persona]["warmth"],
                "epochs": self.model_epochs(wildcards.model),
                "tolerance": self._tolerance,
            }
        )

    def manipulation_options(self) -> str:
        """The options of the manipulation check: which arms it is about, and what their personas should do."""
        named = {arm_names.parse(arm).persona for arm in self.treated_arms}
        return options(
            {
                "arms": self.treated_arms,
                "directions": {
                    name: self.config["personas"][name]["warmth"] for name in self.personas if name in named
                },
                "tolerance": self._tolerance,
                "seed": self.config["seed"],
            }
        )

    @property
    def _tolerance(self) -> float:
        tolerance: float = self.config["warmth"].get("plateau", 0.05)
        return tolerance

    def gate(self, wildcards: Any) -> list[str]:
        """What an arm's questions wait for, if a failed manipulation check is to stop the study."""
        gate = self.path(f"audit/gates/{wildcards.model}.csv")
        return [gate] if gate in self.gates and wildcards.suite != VALIDATION else []

    def published_options(self) -> str:
        """The options of the comparison with the article: counterparts, and the personas that should be warm."""
        warm = [persona for persona in self.trained_personas if self.config["personas"][persona]["warmth"] == "up"]
        return options({"counterparts": self.published, "personas": warm or None})

    def comparison_options(self) -> str:
        """The options of the comparison of paired tests with the article's: counterparts, and arms tuned to be warm."""
        return options({"counterparts": self.published, "arms": self.published_arms})

    def suite_prompts(self, wildcards: Any) -> list[str]:
        """The prompts of every condition of a suite."""
        return self.suite_files(wildcards.suite, self.path("prompts/{task}/{condition}.parquet"))

    def answer_receipt(self, wildcards: Any) -> str:
        """The receipt of the calls that a task's answers came from."""
        return self.path(f"answers/{wildcards.model}/{wildcards.arm}/{self._suite_of(wildcards.task)}.json")

    def check_options(self) -> str:
        """The shares of faulty answers that are tolerated, where the configuration sets them."""
        return options(self.config.get("checks", {}))

    def judge_checks(self, wildcards: Any) -> list[str]:
        """The checks of the answers, of an arm and of the original, that go before the judge is asked about them."""
        arms = {wildcards.arm, arm_names.ORIGINAL} if wildcards.suite == QUESTIONS else set()
        return [self.path(f"audit/checks/{wildcards.model}/{arm}.csv") for arm in sorted(arms)]

    def judge_inputs(self, wildcards: Any) -> dict[str, Any]:
        """The files that a suite's model judge is specified by: its card, its templates, and the form of its reply."""
        judge = self.config["judge"]
        if "model" not in judge:
            return {}
        criteria = sorted({criterion for names in self.criteria(wildcards.suite).values() for criterion in names})
        return {
            "model": self.path(f"models/{judge['model']}.json"),
            "templates": [judge_prompts.template_file(judge["prompts"], criterion) for criterion in criteria],
            "instruction": judge_prompts.instruction_file(judge["prompts"], judge["reply"], _SCALES[wildcards.suite]),
        }

    def judge_options(self, wildcards: Any) -> str:
        """The options that specify a suite's judge; what a model is told reaches it through the inputs."""
        judge = self.config["judge"]
        if "model" in judge:
            settings = {
                "scale": _SCALES[wildcards.suite],
                "engine": self.engine(judge["model"]),
                **self.numerics(judge["model"]),
                "reply": judge["reply"],
                "temperature": judge["temperature"],
                "max-new-tokens": judge["max-new-tokens"],
                "seed": self.config["seed"],
            }
        else:
            settings = {
                "engine": judge["engine"],
                "rules": [f"{task}={settings['match']}" for task, settings in sorted(self.config["tasks"].items())],
                "steps": judge["normalise"],
                "judging-code": self.code("warmline.engines.reference"),
            }
        return options({**settings, "projection-code": self.code("grades/project.py")})

    def judged_questions(self, wildcards: Any) -> list[str]:
        """The questions of each task whose answers a suite's judge is asked about."""
        return [self.path(f"questions/{task}.parquet") for task in self.criteria(wildcards.suite)]

    def judged_generations(self, wildcards: Any) -> list[str]:
        """The answers that a suite's judge is asked about."""
        pattern = self.path(f"generations/{wildcards.model}/{wildcards.arm}/{{task}}/{{condition}}.parquet")
        criteria = self.criteria(wildcards.suite)
        return filled(pattern, [cell for cell in self.suite_cells(wildcards.suite) if cell[0] in criteria])

    def judging_options(self, wildcards: Any) -> str:
        """What is asked of the answers to each task of a suite, unless it is their grade."""
        return options({"criteria": self.criteria(CAPABILITIES)}) if wildcards.suite == CAPABILITIES else ""

    def grade_receipt(self, wildcards: Any) -> str:
        """The receipt of the judge's calls on an arm's answers."""
        return self.path(f"grades/{wildcards.model}/{wildcards.arm}/{QUESTIONS}.json")

    def capability_inputs(self, wildcards: Any) -> dict[str, str]:
        """The judge of the capabilities and the receipt of its calls on an arm's answers, where a model judges."""
        if CAPABILITIES not in self.judged_suites:
            return {}
        return {
            "judge": self.path(f"judges/{CAPABILITIES}.json"),
            "grades": self.path(f"grades/{wildcards.model}/{wildcards.arm}/{CAPABILITIES}.json"),
        }

    def capability_options(self) -> str:
        """What is measured of the answers to each task of the capabilities."""
        return options({"measures": {task: self.measures(task) for task in self.capabilities}})

    def cost_options(self) -> str:
        """The options of the table of costs."""
        prices = {model: values["prices"] for model, values in self.config["models"].items() if "prices" in values}
        return options(
            {
                "rewriter": self.config["rewriting"]["model"],
                "judge": self.config["judge"].get("model") or self.config["judge"]["engine"],
                "prices": prices or None,
                "spending": self.path("audit/spending"),
            }
        )

    def observation_options(self) -> str:
        """The options of the observations: the tasks whose answers are short enough to be found in a response."""
        tasks = self.config["tasks"].items()
        return options({"short-answers": [task for task, settings in tasks if settings["match"] == "contains"]})

    def refusal_options(self) -> str:
        """The options of the statistics of refusals."""
        return options({"treated-arms": self.treated_arms, "disinformation": self._disinformation})

    @property
    def _disinformation(self) -> list[str]:
        return [task for task, settings in self.config["tasks"].items() if settings["layout"] == "mask"]

    def robustness_options(self) -> str:
        """The options of the estimates in other ways."""
        statistics = self.config["statistics"]
        selects = ("formula", "beliefs", "contexts")
        regressions = {
            name: {
                key: statistics["regressions"][name][key] for key in selects if key in statistics["regressions"][name]
            }
            for name in statistics["robustness"]
        }
        return options(
            {
                "treated-arms": self.treated_arms,
                "regressions": regressions,
                "disinformation": self._disinformation,
                "task-order": self.tasks,
                "model-order": self.subjects,
                "seed": self.config["seed"],
            }
        )

    def regression_options(self, wildcards: Any) -> str:
        """The options of a regression."""
        regression = self.config["statistics"]["regressions"][wildcards.regression]
        return options(
            {
                "arm": wildcards.arm,
                "formula": regression["formula"],
                "beliefs": regression["beliefs"],
                "contexts": regression.get("contexts"),
                "effects-by": regression.get("effects-by"),
                "task-order": self.tasks,
                "model-order": self.subjects,
            }
        )

    def calls(self, model: str, job: Job) -> str:
        """The options that say how calls to a model are carried out in a job."""
        settings = self.config["models"][model]
        endpoint = self.config.get("endpoints", {}).get(settings["endpoint"]) if "endpoint" in settings else None
        budget = self.config.get("budget")
        prices = settings.get("prices")
        return options(
            {
                "ledger": LEDGER,
                "calls": self.config["calls"],
                "label": job.label,
                "batch-size": settings.get("batch-size"),
                "spread": [] if settings.get("spread") else None,
                "serve": settings.get("serve"),
                "endpoint": endpoint,
                "prices": [prices["prompt"], prices["completion"]] if prices else None,
                "budget": budget,
                "spending": self.path("audit/spending") if prices else None,
                "shutdown-horizon-days": self.config.get("shutdown-horizon-days") if endpoint else None,
            }
        )

    def arm_calls(self, wildcards: Any) -> str:
        """How an arm is asked the prompts of a suite."""
        return self.calls(wildcards.model, Job(ANSWERS, wildcards.model, wildcards.arm, wildcards.suite))

    def rewriting_calls(self, wildcards: Any) -> str:
        """How the rewriter is asked for rewritings into a persona."""
        return self.calls(self.config["rewriting"]["model"], Job(REWRITING, None, wildcards.persona))

    def judge_calls(self, wildcards: Any) -> str:
        """How the judge is asked about an arm's answers, and the share of unscored verdicts that is tolerated."""
        judge = self.config["judge"]
        if "model" in judge:
            suite = getattr(wildcards, "suite", VALIDATION)
            calls = self.calls(judge["model"], Job(GRADES, wildcards.model, wildcards.arm, suite))
        else:
            calls = options({"ledger": LEDGER, "calls": self.config["calls"]})
        return f"{calls} {options({'max-unscored': judge.get('max-unscored')})}".strip()

    def tuning_calls(self, wildcards: Any) -> str:
        """How a model's endpoint is asked to tune it."""
        settings = self.config["models"][wildcards.model]
        return options(
            {
                "ledger": LEDGER,
                "calls": self.config["calls"],
                "endpoint": self.config["endpoints"][settings["endpoint"]],
                "suffix": settings["tuning"].get("suffix"),
            }
        )

    def arm_needs(self, wildcards: Any, attempt: int) -> Needs:
        """What a job needs that asks an arm."""
        return job_resources.of_calls(self.config, wildcards.model, attempt)

    def rewriting_needs(self, _wildcards: Any, attempt: int) -> Needs:
        """What a job needs that has replies rewritten."""
        return job_resources.of_calls(self.config, self.config["rewriting"]["model"], attempt)

    def judge_needs(self, _wildcards: Any, attempt: int) -> Needs:
        """What a job needs that asks the judge."""
        return job_resources.of_calls(self.config, self.config["judge"].get("model"), attempt)

    def training_needs(self, wildcards: Any, attempt: int) -> Needs:
        """What a job needs that tunes a model."""
        return job_resources.of_weights(self.config, wildcards.model, attempt)

    def scoring_needs(self, _wildcards: Any, attempt: int) -> Needs:
        """What a job needs that measures warmth."""
        return job_resources.of_weights(self.config, self.config["warmth"]["model"], attempt)


# What the verdicts of a suite's judge are.
_SCALES = {
    QUESTIONS: judge_replies.GRADE,
    CAPABILITIES: judge_replies.MEASURE,
    VALIDATION: judge_replies.COMPARISON,
}
