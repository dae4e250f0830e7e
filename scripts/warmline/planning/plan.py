"""The plan of a study: what would be asked of which model if it were run now.

Requests are made as the calling scripts make them and looked up in the ledger; nothing is called. Where what they are
made from is missing or stale, the rows that the configuration leads to are counted as new. That is the most there can
be: a row may come out the same as one that was answered before. Requests stream; only the keys of new ones are kept.
"""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import polars as pl

from warmline.answers import generations
from warmline.calls import templates as prompt_templates
from warmline.calls.jobs import ANSWERS, GRADES, REWRITING, ROLES, Job
from warmline.calls.ledger import Ledger
from warmline.calls.requests import Respondent, Response, Sampling
from warmline.design import arms as arm_names
from warmline.design.measures import REFUSAL, WARMER
from warmline.design.suites import PLAIN_CONDITION, REFUSALS, VALIDATION
from warmline.grading import capabilities, judges, refusal_samples
from warmline.lineage import places
from warmline.lineage.errors import NotHere, UserError
from warmline.models import cards
from warmline.planning.tally import RequestCounter, Tally
from warmline.questions import reading
from warmline.rewriting import replies as rewriting
from warmline.sources import origins
from warmline.tables import parquet_tables
from warmline.tables.generations import GENERATIONS
from warmline.tables.messages import LABELLED
from warmline.tables.prompts import PROMPTS
from warmline.tables.questions import QUESTIONS
from warmline.tables.rewrites import REWRITES
from warmline.warmth import judged as judged_warmth
from warmline.workflow.study import Study

# The target of the Snakefile that all requests are made from.
REQUESTS = "requests"

REFERENCE = "reference"


def stale_files(configfiles: Sequence[Path], target: str) -> set[str]:
    """The files behind a target that snakemake would make again, or for the first time.

    Raises UserError, with what snakemake says, if it cannot tell.
    """
    configured = ["--configfile", *map(str, configfiles)] if configfiles else []
    words = ["--snakefile", places.found("Snakefile"), *configured, "--cores", "1", "--nocolor", "--summary", target]
    result = subprocess.run([sys.executable, "-m", "snakemake", *words], capture_output=True, text=True)
    if result.returncode:
        raise UserError(f"snakemake cannot tell what is up to date:\n{(result.stderr or result.stdout)[-2000:]}")
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    return {fields[0] for fields in lines if fields[-1] == "update pending"}


class Planner:
    """Goes through the jobs of a study. `stale` are the files that cannot be relied on."""

    def __init__(self, study: Study, stale: Collection[str]) -> None:
        self.study = study
        self.config = study.config
        self._stale = stale
        self.uncounted: set[str] = set()
        """Tasks that ask all questions of a source that is not there yet."""
        self._counter = RequestCounter(Ledger(study.ledger), study.ask_again)
        self.judge_model: str = self.config["judge"].get("model", REFERENCE)

    def tallies(self, roles: set[str], arms: set[str]) -> Iterator[Tally]:
        """A tally for each job of these roles and arms (for rewriting, personas), in the order of the study."""
        for persona in self.study.trained_personas:
            if REWRITING in roles and persona in arms:
                yield self.rewriting(persona)
        grades = []
        for model in self.study.subjects:
            for arm in self.study.model_arms(model):
                if arm in arms:
                    for tally in self._of_arm(model, arm, roles):
                        if tally.job.role == GRADES:
                            grades.append(tally)
                        else:
                            yield tally
        yield from grades

    def _of_arm(self, model: str, arm: str, roles: set[str]) -> Iterator[Tally]:
        """A tally for each job of these roles that an arm's answers and their grades come from."""
        if roles & {ANSWERS, GRADES} and arm in self.study.arms:
            for suite in self.study.suites:
                judged = GRADES in roles and suite in self.study.judged_suites
                answers, graded = self.answers_and_grades(model, arm, suite, judged)
                if judged:
                    yield graded
                if ANSWERS in roles:
                    yield answers
            if GRADES in roles and REFUSALS in self.study.judged_suites:
                yield self.refusals(model, arm)
        # Those of a checkpoint chosen by rule are its checkpoint's, counted there.
        if ANSWERS in roles and not arm_names.parse(arm).by_rule:
            yield self.validation(model, arm)
        if GRADES in roles and arm in self.study.compared_arms:
            yield self.compared_warmth(model, arm)

    def rewriting(self, persona: str) -> Tally:
        """The first attempt at rewriting all replies of the training conversations."""
        settings = self.config["rewriting"]
        tally = Tally(Job(REWRITING, None, persona), settings["model"], settings["max-new-tokens"])
        training = self._current("conversations/training.parquet")
        basis_of = self.config["personas"][persona].get("from")
        basis = self._current(f"rewrites/{basis_of}.parquet") if basis_of else None
        if training is None or (basis_of and basis is None):
            # A conversation is cut to this number of turns, of which every other one is a reply.
            size = self.config["conversations"]
            tally.unknown(size["training-size"] * (size["turns"] // 2))
            return tally
        replies = rewriting.replies(
            parquet_tables.read(training, LABELLED),
            parquet_tables.read(basis, REWRITES) if basis else None,
        )
        requests = rewriting.requests(
            replies.drop_nulls("reply"),
            Path(places.found(self.config["personas"][persona]["rewrite"])),
            Sampling(settings["temperature"], settings["max-new-tokens"]),
            self.config["seed"],
        )
        self._counter.count(requests, self._rewriter(), tally)
        return tally

    def _rewriter(self) -> Respondent | None:
        """Who rewrites; None before the model's card is made."""
        model = self.config["rewriting"]["model"]
        card = self._current(f"models/{model}.json")
        if card is None:
            return None
        engine, numerics = self.study.engine(model), self.study.numerics(model)
        return cards.untuned(cards.read_base(card), engine=engine, **numerics).respondent

    def validation(self, model: str, arm: str) -> Tally:
        """An arm's answers to the validation prompts."""
        tally = Tally(Job(ANSWERS, model, arm, VALIDATION), model, self.config["warmth"]["max-new-tokens"])
        path = self._current(f"prompts/{VALIDATION}/{PLAIN_CONDITION}.parquet")
        if path is None:
            tally.unknown(self.config["conversations"]["validation-size"])
        else:
            card, respondent = self._arm(model, arm, VALIDATION)
            asked = parquet_tables.read(path, PROMPTS)
            self._counter.count(generations.requests(asked, card, VALIDATION), respondent, tally)
        return tally

    def compared_warmth(self, model: str, arm: str) -> Tally:
        """What the judge is asked about an arm's warmth, beside the original's; known once both have responded."""
        tally = Tally(Job(GRADES, model, arm, VALIDATION), self.judge_model, self.config["judge"]["max-new-tokens"])
        cell = f"{VALIDATION}/{PLAIN_CONDITION}.parquet"
        judge = self._current(f"judges/{WARMER}.json")
        asked = self._current(f"prompts/{cell}")
        responses = [self._current(f"generations/{model}/{who}/{cell}") for who in (arm, arm_names.ORIGINAL)]
        if judge and asked and all(responses):
            answered = [parquet_tables.read(path, GENERATIONS) for path in responses if path]
            pairs = judged_warmth.pairs(parquet_tables.read(asked, PROMPTS), *answered)
            comparing = judges.read_model_judge(judge)
            self._counter.count(judged_warmth.requests(pairs, comparing), comparing.respondent, tally)
        else:
            tally.unknown(2 * self.config["conversations"]["validation-size"])
        return tally

    def refusals(self, model: str, arm: str) -> Tally:
        """What the judge is asked about which answers of an arm decline; known once all are there."""
        tally = Tally(Job(GRADES, model, arm, REFUSALS), self.judge_model, self.config["judge"]["max-new-tokens"])
        judge, size = self._judge(REFUSAL), self.config["judge"]["refusals"]
        cells = self.study.suite_cells(REFUSALS)
        paths = [self._current(f"generations/{model}/{arm}/{task}/{condition}.parquet") for task, condition in cells]
        known = {task: self._questions(task) for task in self.study.tasks}
        sample = None if size == "all" else int(size)
        if judge and all(paths) and all(asked is not None for asked in known.values()):
            frames = (parquet_tables.read(path, GENERATIONS) for path in paths if path)
            drawn = refusal_samples.drawn(dict(zip(cells, frames, strict=True)), sample, self.config["seed"])
            for (task, _), rows in drawn.items():
                questions = known[task]
                assert questions is not None
                asked = judges.requests(rows, questions, judge)
                self._counter.count(asked, judge.respondent, tally)
        else:
            answers = sum(self._asked(task) for task, _ in cells)
            tally.unknown(answers if sample is None else min(sample, answers))
        return tally

    def answers_and_grades(self, model: str, arm: str, suite: str, with_grades: bool) -> tuple[Tally, Tally]:
        """An arm's answers to a suite, and what the judge is asked about them; this stays empty unless asked for."""
        longest = self.study.sampling()[suite]["max_new_tokens"]
        answers = Tally(Job(ANSWERS, model, arm, suite), model, longest)
        grades = Tally(Job(GRADES, model, arm, suite), self.judge_model, self.config["judge"].get("max-new-tokens", 0))
        card, respondent = self._arm(model, arm, suite)
        criteria = self.study.criteria(suite) if with_grades else {}
        for task, condition in self.study.suite_cells(suite):
            asked_of_judge = criteria.get(task, [])
            path = self._current(f"prompts/{task}/{condition}.parquet")
            if path is None:
                size = self._asked(task)
                answers.unknown(size)
                grades.unknown(size * len(asked_of_judge))
                continue
            asked = parquet_tables.read(path, PROMPTS)
            responses = self._counter.count(generations.requests(asked, card, suite), respondent, answers)
            known = self._questions(task)
            for criterion in asked_of_judge:
                judge = self._judge(criterion)
                if judge and known is not None:
                    self._count_grades(asked, responses, known, card.answerer.opens_thought, criterion, judge, grades)
                else:
                    grades.unknown(asked.height)
        return answers, grades

    @functools.lru_cache(maxsize=32)  # noqa: B019 (one planner a process)
    def _questions(self, task: str) -> pl.DataFrame | None:
        source = self._current(f"questions/{task}.parquet")
        return parquet_tables.read(source, QUESTIONS) if source else None

    @functools.lru_cache(maxsize=32)  # noqa: B019 (one planner a process)
    def size(self, task: str) -> int:
        """How many questions of a task are asked. Raises NotHere if it is all of a source that is not here."""
        size: int | str = self.study.task_settings(task)["questions"]
        if isinstance(size, int):
            return size
        known = self._questions(task)
        return self._in_source(task) if known is None else known.height

    def _in_source(self, task: str) -> int:
        """How many questions the source of a task holds. Raises NotHere if it is not here."""
        settings = self.study.task_settings(task)
        paths = [Path(path) for path in origins.inputs(settings["source"])]
        if missing := [path for path in paths if not path.exists()]:
            raise NotHere(
                f"how many questions {task} has is known when its source is there: fetch {missing[0]}, as snakemake "
                "fetched does"
            )
        return reading.read(task, settings["layout"], paths, settings.get("dataset"))[0].height

    def _asked(self, task: str) -> int:
        """The number of a task's questions; none, and it is noted, while it is not known."""
        try:
            return self.size(task)
        except NotHere:
            self.uncounted.add(task)
            return 0

    def _count_grades(
        self,
        asked: pl.DataFrame,
        responses: Sequence[tuple[str, Response] | None],
        known: pl.DataFrame,
        opens_thought: bool,
        criterion: str,
        judge: judges.Judge,
        tally: Tally,
    ) -> None:
        there = [response is not None for response in responses]
        for present in (True, False):
            rows = asked.filter(pl.Series([at == present for at in there], dtype=pl.Boolean))
            # An answer that is not there yet is left empty: the rest of the request is known.
            empty = ("", Response("", "stop", 0, 0))
            kept = [response or empty for response in responses if (response is not None) == present]
            answered = generations.generations(rows, kept, opens_thought)
            # Which of the answers to come no rule can read, nobody knows yet.
            asked_about = capabilities.for_the_judge(answered, criterion) if present else answered
            requests = judges.requests(asked_about, known, judge)
            self._counter.count(requests, judge.respondent if present else None, tally)
            tally.awaiting += 0 if present else len(kept)

    def _arm(self, model: str, arm: str, suite: str) -> tuple[cards.Arm, Respondent | None]:
        """An arm's card for a suite, and who answers; before the card is made, a stand-in that says all but that."""
        path = self._current(f"arms/{model}/{arm}/{suite}.json")
        if path:
            card = cards.read_arm(path)
            return card, card.answerer.respondent
        name = arm_names.parse(arm)
        system = None
        if name.persona is not None and not name.is_tuned:
            system = prompt_templates.render(Path(places.found(self.config["personas"][name.persona]["system"])))
        sampling = {suite: Sampling(**self.study.sampling()[suite])}
        stand_in = cards.RemoteModel("not known yet")
        return cards.Arm(model, arm, name.persona, name.checkpoint, stand_in, system, sampling, ""), None

    @functools.lru_cache(maxsize=32)  # noqa: B019 (one planner a process)
    def _judge(self, criterion: str) -> judges.Judge | None:
        path = self._current(f"judges/{criterion}.json")
        return judges.read_judge(path) if path else None

    def _current(self, name: str) -> Path | None:
        """A file of the study, unless it is missing or stale."""
        path = self.study.path(name)
        return None if path in self._stale or not Path(path).exists() else Path(path)


def jobs(study: Study) -> Iterator[Job]:
    """Every job of the study that calls a model, in its order."""
    yield from (Job(REWRITING, None, persona) for persona in study.trained_personas)
    for model in study.subjects:
        yield from (Job(ANSWERS, model, arm, suite) for suite in study.suites for arm in study.arms)
        yield from (Job(ANSWERS, model, arm, VALIDATION) for arm in study.model_arms(model))
        yield from (Job(GRADES, model, arm, suite) for suite in study.judged_suites for arm in study.arms)
        yield from (Job(GRADES, model, arm, VALIDATION) for arm in study.compared_arms)


def check_targets(targets: Sequence[str], study: Study) -> tuple[set[str], set[str]]:
    """The roles and arms that the targets name; all where they name none. Raises UserError for an unknown one."""
    arms = {*study.warmth_arms, *study.trained_personas}
    unknown = [target for target in targets if target not in {*ROLES, *arms}]
    if unknown:
        raise UserError(
            f"unknown: {', '.join(unknown)}. Expected roles ({', '.join(ROLES)}), personas "
            f"({', '.join(study.trained_personas)}) or arms ({', '.join(study.warmth_arms)})."
        )
    return set(targets) & set(ROLES) or set(ROLES), set(targets) & arms or arms
