"""A study as its configuration lays it out: its files and its ids of models, arms, tasks and conditions.

Nothing here imports a heavy package: every job of a cluster parses the Snakefile again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from warmline.design import arms, conditions, measures
from warmline.design.published_arms import counterpart
from warmline.design.suites import CAPABILITIES, PLAIN_CONDITION, QUESTIONS, REFUSALS, VALIDATION
from warmline.lineage.code_digests import CodeDigests
from warmline.workflow import earlier

RESULTS = "results"
LEDGER = f"{RESULTS}/ledger"
WEIGHTS = f"{RESULTS}/models"
STATES = f"{RESULTS}/training"
PUBLISHED_CELLS = "config/published/cells.csv"
PUBLISHED_WARMTH = "config/published/sociot.csv"


class Study:
    """The configuration of a study, read as paths and ids. `scripts` is the folder of the command-line scripts."""

    def __init__(self, config: Mapping[str, Any], scripts: Path) -> None:
        self.config = config
        self.code_digests = CodeDigests(scripts)
        self.programs: dict[str, str] = {}
        """The digest of each program by the name that it has in parameters."""
        self.folder = study_folder(config)
        self.ledger: str = config.get("ledger", LEDGER)
        self.personas: list[str] = list(config["personas"])
        self.tasks: list[str] = list(config["tasks"])
        self.capabilities: dict[str, Any] = dict(config.get("capabilities", {}).get("tasks", {}))
        self.suites = [QUESTIONS, *([CAPABILITIES] if self.capabilities else [])]
        self.arms: list[str] = list(config["arms"])
        self.subjects: list[str] = list(config["subjects"])
        self.treated_arms = [arm for arm in self.arms if arm != arms.ORIGINAL]
        self.epochs: list[str] = [f"{epoch:g}" for epoch in config["training"]["epochs"]]
        self.regressions: list[str] = list(config["statistics"]["regressions"])

    def conditions(self, task: str) -> list[str]:
        """The ids of the conditions in which a task's questions are asked."""
        config = self.config
        cells = conditions.design(
            config["contexts"],
            config["beliefs"],
            config["framings"],
            config.get("further-conditions", ()),
            vignettes="conversion" in config["tasks"][task],
        )
        return [cell.id for cell in cells]

    def model_epochs(self, model: str) -> list[str]:
        """The epochs at which a model's checkpoints are kept."""
        tuning = self.config["models"][model].get("tuning")
        return [f"{epoch:g}" for epoch in tuning["epochs"]] if tuning else self.epochs

    def model_arms(self, model: str) -> list[str]:
        """The arms of a model whose warmth is measured: those that answer questions, and every checkpoint."""
        epochs = self.model_epochs(model)
        checkpoints = [arms.tuned(persona, float(e)) for persona in self.trained_personas for e in epochs]
        return list(dict.fromkeys([*self.arms, *checkpoints]))

    @property
    def warmth_arms(self) -> list[str]:
        """The arms whose warmth is measured, of any model."""
        return list(dict.fromkeys(arm for model in self.subjects for arm in self.model_arms(model)))

    def arm_files(self, pattern: str) -> list[str]:
        """The pattern, of `{model}` and `{arm}`, for every model and each arm of it whose warmth is measured."""
        return [file for model in self.subjects for file in self.model_files(model, pattern)]

    def model_files(self, model: str, pattern: str) -> list[str]:
        """The pattern, of `{model}` and `{arm}`, for each arm of a model whose warmth is measured."""
        return [pattern.replace("{model}", model).replace("{arm}", arm) for arm in self.model_arms(model)]

    @property
    def gates(self) -> list[str]:
        """The files that say that a model's manipulation check was passed, if questions wait for it."""
        stops = self.config["warmth"].get("gate") == "stop"
        return [self.path(f"audit/gates/{model}.csv") for model in self.subjects] if stops else []

    @property
    def published(self) -> dict[str, str]:
        """The article's counterpart of each subject that has one."""
        named = {model: self.config["models"][model].get("published") for model in self.subjects}
        return {model: name for model, name in named.items() if name}

    @property
    def published_arms(self) -> dict[str, str]:
        """The article's arm beside each treated arm that has one.

        None if no subject has a counterpart in the article.
        """
        warmth = {name: settings["warmth"] for name, settings in self.config["personas"].items()}
        found = {arm: counterpart(arm, warmth[str(arms.parse(arm).persona)]) for arm in self.treated_arms}
        return {arm: name for arm, name in found.items() if name and self.published}

    def used_models(self) -> list[str]:
        """The models that some step of the study uses, each once."""
        config = self.config
        used = [*self.subjects, config["rewriting"]["model"], config["warmth"]["model"], config["judge"].get("model")]
        return list(dict.fromkeys(model for model in used if model))

    def tuned_here(self) -> str:
        """A regular expression of the models whose weights are at hand."""
        return any_of([model for model, settings in self.config["models"].items() if "source" in settings])

    def tuned_at_endpoint(self) -> str:
        """A regular expression of the models that their endpoint tunes."""
        return any_of([model for model, settings in self.config["models"].items() if "tuning" in settings])

    @property
    def trained_personas(self) -> list[str]:
        """The personas that some arm is tuned into."""
        names = {arms.parse(arm) for arm in self.arms}
        tuned = {name.persona for name in names if name.is_tuned}
        return [persona for persona in self.personas if persona in tuned]

    def path(self, name: str) -> str:
        """A file of the study."""
        return f"{self.folder}/{name}"

    def code(self, script: str, *found: str) -> str:
        """The digest of what a script covers, with the modules that it finds by names (warmline.lineage.reach)."""
        digest = self.code_digests.of(script, *found).digest
        named = earlier.code(digest)
        self.programs[named] = digest
        return named

    @property
    def ask_again(self) -> bool:
        """Whether requests that were turned down for good are asked once more."""
        return bool(self.config.get("calls") == "ask-again")

    def engine(self, model: str) -> str:
        """Who asks a model: `transformers` in the job itself, `openai` for an endpoint or a server of the job's own."""
        return "transformers" if "batch-size" in self.config["models"][model] else "openai"

    def numerics(self, model: str) -> dict[str, str | None]:
        """The torch dtype of a model's weights, and the fewer bits that they are loaded in; None at an endpoint."""
        settings = self.config["models"][model]
        return {name: settings.get(name) for name in ("precision", "quantization")}

    def sampling(self) -> dict[str, dict[str, Any]]:
        """How an arm samples its answers to each suite."""
        sections = {QUESTIONS: "answers", VALIDATION: "warmth", CAPABILITIES: "capabilities"}
        return {
            suite: {
                "temperature": self.config[sections[suite]]["temperature"],
                "max_new_tokens": self.config[sections[suite]]["max-new-tokens"],
            }
            for suite in (*self.suites, VALIDATION)
        }

    def suite_cells(self, suite: str) -> list[tuple[str, str]]:
        """Every task and condition of a suite."""
        if suite in (QUESTIONS, REFUSALS):
            return [(task, condition) for task in self.tasks for condition in self.conditions(task)]
        tasks = [VALIDATION] if suite == VALIDATION else self.capabilities
        return [(task, PLAIN_CONDITION) for task in tasks]

    def suite_files(self, suite: str, pattern: str) -> list[str]:
        """The pattern, of `{task}` and `{condition}`, for every task and condition of a suite."""
        return filled(pattern, self.suite_cells(suite))

    def task_settings(self, task: str) -> Mapping[str, Any]:
        """The settings of a task of any suite."""
        settings: Mapping[str, Any] = (
            self.capabilities[task] if task in self.capabilities else self.config["tasks"][task]
        )
        return settings

    def measures(self, task: str) -> list[str]:
        """What is measured of the answers to a task of the capabilities."""
        return measures.named(self.capabilities[task]["measure"])

    def criteria(self, suite: str) -> dict[str, list[str]]:
        """What the judge is asked of the answers to each task: their grade, measures that need a model, or warmth.

        Of the measures `choice` and `number` it is asked only about the answers that no rule can read.
        """
        if suite == QUESTIONS:
            return {task: [task] for task in self.tasks}
        if suite == REFUSALS:
            return {task: [measures.REFUSAL] for task in self.tasks} if self.config["judge"].get("refusals") else {}
        if suite == VALIDATION:
            return {VALIDATION: [measures.WARMER]} if self.compared_arms else {}
        if "model" not in self.config["judge"]:
            return {}
        return {task: self.measures(task) for task in self.capabilities}

    @property
    def compared_arms(self) -> list[str]:
        """The arms whose warmth the judge compares with the original's."""
        return self.treated_arms if self.config["warmth"].get("judged") else []

    @property
    def judged_suites(self) -> list[str]:
        """The suites whose answers the judge is asked about."""
        return [suite for suite in (*self.suites, REFUSALS) if self.criteria(suite)]

    @property
    def labels_refusals(self) -> bool:
        """Whether the judge, and no rule, says of every answer whether it declines."""
        return bool(self.config["judge"].get("refusals") == "all")

    def suite_criteria(self, *suites: str) -> list[str]:
        """The criteria of some suites, each once; for each there is a judge's specification."""
        by_task = [names for suite in suites for names in self.criteria(suite).values()]
        return sorted({criterion for names in by_task for criterion in names})

    @property
    def specified_criteria(self) -> list[str]:
        """All that the judge is asked of answers and of responses to the validation prompts."""
        return self.suite_criteria(*self.judged_suites, VALIDATION)


def study_folder(config: Mapping[str, Any]) -> str:
    """Where the files of a study are."""
    return f"{RESULTS}/{config['study']}"


def any_of(names: Iterable[str]) -> str:
    """A regular expression of the names; without any, of nothing."""
    return "|".join(map(re.escape, names)) or "(?!)"


def filled(pattern: str, cells: Sequence[tuple[str, str]]) -> list[str]:
    """The pattern, of `{task}` and `{condition}`, for each of these."""
    return [pattern.replace("{task}", task).replace("{condition}", condition) for task, condition in cells]
