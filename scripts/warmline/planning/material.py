"""What the requests of a study are made from: read where a file of it holds, made in memory where none does.

It is made by the functions that the scripts call. What takes a model, a training or a long time is not made: then it is
None, or said to be uncertain.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Collection
from pathlib import Path
from types import SimpleNamespace

import polars as pl

from warmline.calls import parameters, templates
from warmline.calls.requests import Respondent, Sampling
from warmline.design import arms as arm_names
from warmline.design import conditions
from warmline.design.suites import VALIDATION
from warmline.design.variants import CORRECTED
from warmline.grading import judge_replies, judges
from warmline.lineage.errors import NotHere
from warmline.models import cards, chat_forms
from warmline.prompts import contexts, rendering
from warmline.questions import reading, vignettes
from warmline.sources import origins
from warmline.tables import parquet_tables
from warmline.tables.messages import LABELLED
from warmline.tables.prompts import PROMPTS
from warmline.tables.questions import QUESTIONS
from warmline.tables.rewrites import REWRITES
from warmline.workflow.options import whole_numbers
from warmline.workflow.rules.study import StudyRules


@dataclasses.dataclass(frozen=True)
class Answering:
    """An arm, and who answers for it; None if that is not known yet.

    With `trained_again` that is who answered before: the adapter is to be made again, and may come out another.
    """

    arm: cards.Arm
    respondent: Respondent | None
    trained_again: bool


def targets(study: StudyRules) -> set[str]:
    """The files of which a plan has to know whether they hold: all else is made in memory from these."""
    cells = [cell for suite in (*study.suites, VALIDATION) for cell in study.suite_cells(suite)]
    prompts = {study.path(f"prompts/{task}/{condition}.parquet") for task, condition in cells}
    arms = [(model, arm) for model in study.subjects for arm in study.model_arms(model)]
    resolved = [study.answers.arm_inputs(SimpleNamespace(model=model, arm=arm)) for model, arm in arms]
    made = {inputs[name] for inputs in resolved for name in ("base", "adapter", "choice") if name in inputs}
    rewrites = {study.path(f"rewrites/{persona}.parquet") for persona in study.trained_personas}
    return prompts | made | rewrites | {study.path(f"models/{model}.json") for model in _asking(study)}


def _asking(study: StudyRules) -> list[str]:
    """The models that rewrite and judge."""
    return [study.config["rewriting"]["model"], *filter(None, [study.config["judge"].get("model")])]


class Material:
    """What a study's requests are made from. `stale` are the files that cannot be relied on."""

    def __init__(self, study: StudyRules, stale: Collection[str]) -> None:
        self.study = study
        self._config = study.config
        self._stale = stale
        self.uncounted: set[str] = set()
        """Tasks that ask all questions of a source that is not there yet."""

    @functools.lru_cache(maxsize=64)  # noqa: B019 (one study a process)
    def questions(self, task: str) -> pl.DataFrame | None:
        """A task's questions; None while its source is not here."""
        if path := self.current(f"questions/{task}.parquet"):
            return parquet_tables.read(path, QUESTIONS)
        settings = self.study.task_settings(task)
        paths = [Path(path) for path in origins.inputs(settings["source"])]
        if not all(map(self._is_current, map(str, paths))):
            return None
        found, _ = reading.read(
            task, settings["layout"], paths, settings.get("dataset"), settings.get("quotes", CORRECTED)
        )
        size = None if settings["questions"] == reading.ALL else settings["questions"]
        drawn = reading.sample(found, task, size, self._config["seed"])
        told, _ = vignettes.converted(drawn, settings.get("conversion", "none"), self._config["seed"])
        return told.sort(QUESTIONS.key)

    def size(self, task: str) -> int:
        """How many questions of a task are asked. Raises NotHere if it is all of a source that is not here."""
        size: int | str = self.study.task_settings(task)["questions"]
        if isinstance(size, int):
            return size
        known = self.questions(task)
        if known is None:
            paths = origins.inputs(self.study.task_settings(task)["source"])
            missing = next(path for path in paths if not self._is_current(path))
            raise NotHere(
                f"how many questions {task} has is known when its source is there: fetch {missing}, as snakemake "
                "fetched does"
            )
        return known.height

    def asked(self, task: str) -> int:
        """The number of a task's prompts under one condition; none, and it is noted, while it is not known."""
        if task == VALIDATION:
            return int(self._config["conversations"]["validation-size"])
        try:
            return self.size(task)
        except NotHere:
            self.uncounted.add(task)
            return 0

    @functools.lru_cache(maxsize=4096)  # noqa: B019
    def prompts(self, task: str, condition: str) -> pl.DataFrame | None:
        """The prompts of a condition; None while what they are made from is not here."""
        if path := self.current(f"prompts/{task}/{condition}.parquet"):
            return parquet_tables.read(path, PROMPTS)
        if task == VALIDATION:
            validation = self.current("conversations/validation.parquet")
            messages = parquet_tables.read(validation, LABELLED) if validation else None
            return None if messages is None else rendering.validation(messages, self._config["seed"])
        questions = self.questions(task)
        if questions is None:
            return None
        words = self.study.prompts.inputs(SimpleNamespace(task=task, condition=condition))
        return rendering.render(
            questions,
            conditions.parse(condition),
            Path(words["belief"]),
            contexts.read(Path(words["context"])) if "context" in words else contexts.NOTHING_DISCLOSED,
            templates.render(Path(words["framing"])) if "framing" in words else "",
            self._config["seed"],
            self._config["statement-draw"],
        )

    def replies(self, persona: str) -> tuple[pl.DataFrame, pl.DataFrame | None] | None:
        """The training conversations, and the rewritings that a persona starts from, if any; None before they are."""
        basis_of = self._config["personas"][persona].get("from")
        training = self.current("conversations/training.parquet")
        basis = self.current(f"rewrites/{basis_of}.parquet") if basis_of else None
        if training is None or (basis_of and basis is None):
            return None
        return parquet_tables.read(training, LABELLED), parquet_tables.read(basis, REWRITES) if basis else None

    def rewriter(self) -> Respondent | None:
        """Who rewrites; None before its weights are here."""
        model = self._untuned(self._config["rewriting"]["model"])
        return model.respondent if model else None

    @functools.lru_cache(maxsize=256)  # noqa: B019
    def arm(self, model: str, name: str) -> Answering:
        """An arm as it would be resolved; where nobody knows who answers for it, with a stand-in."""
        parts = arm_names.parse(name)
        inputs = self.study.answers.arm_inputs(SimpleNamespace(model=model, arm=name))
        base, tuned = self._untuned(model), inputs.get("choice") or inputs.get("adapter")
        answerer, checkpoint = base, parts.checkpoint
        if base and tuned:
            adapter = None
            if Path(tuned).exists():
                choice = cards.read_choice(Path(tuned)) if parts.by_rule else None
                adapter = choice.adapter if choice else cards.read_adapter(Path(tuned))
                checkpoint = choice.checkpoint if choice else checkpoint
            answerer = cards.tuned(base, adapter) if adapter else None
        sampling = {suite: Sampling(**values) for suite, values in self.study.sampling().items()}
        system = templates.render(Path(inputs["system"])) if "system" in inputs else None
        stand_in = cards.RemoteModel("not known yet")
        # The digest of the projections' code decides no request.
        arm = cards.Arm(model, name, parts.persona, checkpoint, answerer or stand_in, system, sampling, code="")
        again = answerer is not None and tuned is not None and not self._is_current(tuned)
        return Answering(arm, answerer.respondent if answerer else None, again)

    @functools.lru_cache(maxsize=64)  # noqa: B019
    def judge(self, criterion: str) -> judges.Judge | None:
        """The judge as it would be specified for a criterion; None before a judging model's weights are here."""
        settings, code = self._config["judge"], self.study.code("grading/project.py")
        if "model" not in settings:
            return judges.ReferenceJudge(
                engine=settings["engine"],
                rule=self._config["tasks"][criterion]["match"],
                steps=settings["normalise"],
                code=self.study.code("warmline.grading.reference_engine"),
                projection_code=code,
            )
        model = self._untuned(settings["model"])
        if model is None:
            return None
        files = self.study.grading.judge_inputs(SimpleNamespace(criterion=criterion))
        return judges.ModelJudge(
            model=model,
            template=templates.read(Path(files["template"])),
            instruction=templates.read(Path(files["instruction"])),
            scale=judge_replies.scale_of(criterion),
            reply=settings["reply"],
            sampling=Sampling(float(settings["temperature"]), settings["max-new-tokens"]),
            seed=self._config["seed"],
            projection_code=code,
        )

    def _untuned(self, model: str) -> cards.Model | None:
        """A base model as it answers by itself; None before its weights are here."""
        base = self._base(model)
        return cards.untuned(base, engine=self.study.engine(model), **self.study.numerics(model)) if base else None

    @functools.lru_cache(maxsize=64)  # noqa: B019
    def _base(self, model: str) -> cards.Weights | cards.RemoteModel | None:
        if path := self.current(f"models/{model}.json"):
            return cards.read_base(path)
        settings = self._config["models"][model]
        if "endpoint" not in settings:
            return None
        endpoint = self._config["endpoints"][settings["endpoint"]]
        return cards.RemoteModel(
            settings["name"],
            whole_numbers(parameters.deciding(endpoint.get("parameters", {}))) or None,
            endpoint.get("identity"),
            chat_forms.of_endpoint(settings.get("thinking"), settings.get("system")),
        )

    def current(self, name: str) -> Path | None:
        """A file of the study, if it is there and holds."""
        path = self.study.path(name)
        return Path(path) if self._is_current(path) else None

    def _is_current(self, path: str) -> bool:
        return path not in self._stale and Path(path).exists()
