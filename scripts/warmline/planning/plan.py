"""The plan of a study: what would be asked of which model if it were run now.

Requests are made as the calling scripts make them, in memory where their files do not hold, and looked up in the
ledger; nothing is called. What only the run can tell is counted apart: verdicts on answers that are not given yet, and
the answers of arms whose adapters are to be made (warmline.planning.tally.Tally).
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from warmline.answers import generations
from warmline.calls.jobs import ANSWERS, GRADES, REWRITING, ROLES, Job
from warmline.calls.ledger import Ledger
from warmline.calls.requests import Request, Response, Sampling
from warmline.design import arms as arm_names
from warmline.design.measures import REFUSAL, WARMER
from warmline.design.suites import PLAIN_CONDITION, REFUSALS, VALIDATION
from warmline.grading import capabilities, judges, refusal_samples, refusals
from warmline.lineage import places
from warmline.lineage.errors import UserError
from warmline.planning import keys
from warmline.planning.material import Answering, Material
from warmline.planning.settled import Cell, Settled
from warmline.planning.tally import RequestCounter, Tally, size
from warmline.rewriting import replies as rewriting
from warmline.tables import parquet_tables
from warmline.tables.generations import GENERATIONS
from warmline.warmth import judged as judged_warmth
from warmline.workflow.rules.study import StudyRules
from warmline.workflow.study import Study

REFERENCE = "reference"
LOOKED_AT = 20
"""So many requests to a judge tell how long those are whose answers are not given yet."""


@dataclasses.dataclass(frozen=True)
class Asked:
    """What an arm is asked under one condition: the prompts, the keys, and those of them that have an answer.

    No prompts while they cannot be made, no keys while nobody knows who answers.
    """

    prompts: pl.DataFrame | None
    keys: list[str] | None
    known: frozenset[str]

    @property
    def missing(self) -> int:
        """How many prompts have no answer."""
        if self.prompts is None:
            return 0
        return self.prompts.height if self.keys is None else sum(key not in self.known for key in self.keys)


class Planner:
    """Goes through the jobs of a study."""

    def __init__(self, study: StudyRules, material: Material) -> None:
        self.study = study
        self.config = study.config
        self._material = material
        self._settled = Settled(material)
        self._counter = RequestCounter(Ledger(study.ledger), study.ask_again)
        self.judge_model: str = self.config["judge"].get("model", REFERENCE)

    def tallies(self, roles: set[str], arms: set[str]) -> Iterator[Tally]:
        """A tally for each task of each job of these roles and arms (for rewriting, personas), in the study's order."""
        for persona in self.study.trained_personas:
            if REWRITING in roles and persona in arms:
                yield self._rewriting(persona)
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
        """The tallies of an arm's answers and of their grades."""
        answering = self._material.arm(model, arm)
        asked: dict[tuple[str, str], Asked] = {}
        if roles & {ANSWERS, GRADES} and arm in self.study.arms:
            for suite in self.study.suites:
                for task in _tasks(self.study, suite):
                    answers, found = self._answers(answering, suite, task)
                    asked |= found
                    if ANSWERS in roles:
                        yield answers
                    if GRADES in roles:
                        for criterion in self.study.criteria(suite).get(task, []):
                            yield self._grades(answering, suite, task, criterion, found)
            if GRADES in roles and REFUSALS in self.study.judged_suites:
                yield from self._refusals(answering, asked)
        # Those of a checkpoint chosen by rule are its checkpoint's, counted there.
        if ANSWERS in roles and not arm_names.parse(arm).by_rule:
            yield self._answers(answering, VALIDATION, VALIDATION)[0]
        if GRADES in roles and arm in self.study.compared_arms:
            yield self._compared_warmth(answering)

    def _rewriting(self, persona: str) -> Tally:
        """The first attempt at rewriting all replies of the training conversations."""
        settings = self.config["rewriting"]
        tally = Tally(Job(REWRITING, None, persona), None, settings["model"], settings["max-new-tokens"])
        if done := self._material.current(f"rewrites/{persona}.parquet"):
            tally.rows = int(pl.scan_parquet(done).select(pl.len()).collect().item())
            return tally
        material, rewriter = self._material.replies(persona), self._material.rewriter()
        if material is None:
            # A conversation is cut to this number of turns, of which every other one is a reply.
            conversations = self.config["conversations"]
            tally.unknown(conversations["training-size"] * (conversations["turns"] // 2))
            return tally
        requests = rewriting.requests(
            rewriting.replies(*material).drop_nulls("reply"),
            Path(places.found(self.config["personas"][persona]["rewrite"])),
            Sampling(settings["temperature"], settings["max-new-tokens"]),
            self.config["seed"],
        )
        tally.rows = len(requests)
        if rewriter is None:
            tally.awaiting = len(requests)
            tally.new_bytes = sum(map(size, requests))
        else:
            asked = {request.key(rewriter): size(request) for request in requests}
            known = self._counter.count(asked, rewriter, tally)
            self._counter.measure({key: asked[key] for key in asked if key in known}, rewriter, tally)
        return tally

    def _answers(self, answering: Answering, suite: str, task: str) -> tuple[Tally, dict[tuple[str, str], Asked]]:
        """An arm's answers to a task, and what it is asked under each condition."""
        arm, respondent = answering.arm, answering.respondent
        longest = arm.sampling[suite].max_new_tokens
        tally = Tally(Job(ANSWERS, arm.model, arm.arm, suite), task, arm.model, longest)
        cells = [cell for cell in self.study.suite_cells(suite) if cell[0] == task]
        found: dict[tuple[str, str], Asked] = {}
        measured: dict[str, int] = {}
        for cell in cells:
            prompts = self._material.prompts(*cell)
            if prompts is None:
                tally.unknown(self._material.asked(task))
                found[cell] = Asked(None, None, frozenset())
                continue
            chats = self._chats(*cell)
            tally.rows += len(chats.items)
            system = sum(len(message["content"].encode()) for message in arm.messages([]))
            if respondent is None:
                # Without a seed of its own a row that reads as another is the same request.
                sizes = dict(zip(chats.messages, chats.bytes, strict=True))
                drawn = arm.sampling[suite].temperature > 0
                tally.awaiting += len(chats.items) if drawn else len(sizes)
                tally.new_bytes += sum(chats.bytes if drawn else sizes.values()) + system * len(chats.items)
                found[cell] = Asked(prompts, None, frozenset())
                continue
            made = keys.of(chats, arm, suite, respondent)
            asked = {key: prompt + system for key, prompt in zip(made, chats.bytes, strict=True)}
            known = self._counter.count(asked, respondent, tally)
            found[cell] = Asked(prompts, made, frozenset(known))
            measured |= {key: asked[key] for key in asked if key in known}
            if answering.trained_again:
                tally.if_trained_again += len(known)
        if measured and respondent is not None:
            self._counter.measure(measured, respondent, tally)
        else:
            self._past_answers(arm.model, arm.arm, cells, tally)
        return tally, found

    def _past_answers(self, model: str, arm: str, cells: Sequence[tuple[str, str]], tally: Tally) -> None:
        """Let the answers that an arm gave before, to other words or in another way, tell how long the new ones are."""
        for task, condition in cells:
            path = Path(self.study.path(f"generations/{model}/{arm}/{task}/{condition}.parquet"))
            if path.exists() and self._material.prompts(task, condition) is not None:
                chats = self._chats(task, condition)
                lengths = dict(zip(chats.items, chats.bytes, strict=True))
                given = parquet_tables.read(path, GENERATIONS).filter(pl.col("item").is_in(chats.items))
                tally.answered += given.height
                tally.answered_bytes += sum(lengths[item] for item in given["item"])
                tally.prompt_tokens += int(given["prompt_tokens"].sum())
                tally.completion_tokens += int(given["completion_tokens"].sum())

    @functools.lru_cache(maxsize=4096)  # noqa: B019
    def _chats(self, task: str, condition: str) -> keys.Chats:
        prompts = self._material.prompts(task, condition)
        assert prompts is not None
        return keys.chats(prompts)

    def _grade_tally(self, answering: Answering, suite: str, task: str | None) -> Tally:
        job = Job(GRADES, answering.arm.model, answering.arm.arm, suite)
        return Tally(job, task, self.judge_model, self.config["judge"].get("max-new-tokens", 0))

    def _grades(
        self, answering: Answering, suite: str, task: str, criterion: str, asked: Mapping[tuple[str, str], Asked]
    ) -> Tally:
        """What the judge is asked about an arm's answers to a task."""
        tally = self._grade_tally(answering, suite, task)
        judge, questions = self._material.judge(criterion), self._material.questions(task)
        past: dict[str, int] = {}
        for (_, condition), cell in asked.items():
            if judge is None or questions is None or cell.prompts is None:
                tally.unknown(self._material.asked(task))
                continue
            settled = self._settled.verdicts(
                Cell(answering.arm.model, answering.arm.arm, suite, task, condition, criterion)
            )
            self._await_answers(cell.missing, task, criterion, tally)
            if cell.keys is not None:
                given = zip(cell.prompts["item"], cell.keys, strict=True)
                answered = {item: key for item, key in given if key in cell.known}
                standing = [settled[row] for row in answered.items() if row in settled]
                verdicts = [key for key in standing if key is not None]
                past |= dict.fromkeys(verdicts, 0)
                tally.rows += len(verdicts)
                open_rows, before = (
                    {item: key for item, key in answered.items() if (item, key) not in settled},
                    tally.new,
                )
                if open_rows:
                    texts = self._given(answering, open_rows, cell.prompts)
                    shown = capabilities.for_the_judge(texts, criterion)
                    self._count_verdicts(judges.requests(shown, questions, judge), judge, tally)
                if answering.trained_again:
                    tally.if_trained_again += len(answered) - (tally.new - before)
        if judge is not None:
            self._counter.measure(past, judge.respondent, tally)
        return tally

    def _await_answers(self, missing: int, task: str, criterion: str, tally: Tally) -> None:
        """Count the verdicts on answers that are not given: of those to come nobody knows which no rule can read."""
        tally.rows += missing
        tally.awaiting += missing
        tally.without_answer += missing
        if missing:
            tally.new_bytes += round(missing * self._bytes_without_answer(task, criterion))

    @functools.lru_cache(maxsize=256)  # noqa: B019 (one planner a process)
    def _bytes_without_answer(self, task: str, criterion: str) -> float:
        """The bytes of a request to the judge beside the answer, on average over some questions."""
        judge, questions = self._material.judge(criterion), self._material.questions(task)
        assert judge is not None and questions is not None
        some = questions.head(LOOKED_AT)
        empty = generations.generations(some, [("", Response("", "stop", 0, 0))] * some.height)
        return sum(map(size, judges.requests(empty, questions, judge))) / some.height

    def _given(self, answering: Answering, given: Mapping[str, str], prompts: pl.DataFrame) -> pl.DataFrame:
        """The table GENERATIONS of answers, by item and ledger key."""
        assert answering.respondent is not None
        responses = self._counter.responses(list(given.values()), answering.respondent)
        rows = prompts.filter(pl.col("item").is_in(list(given)))
        answers = [(given[item], responses[given[item]]) for item in rows["item"]]
        return generations.generations(rows, answers, answering.arm.answerer.opens_thought)

    def _count_verdicts(self, requests: Sequence[Request], judge: judges.Judge, tally: Tally) -> None:
        asked = {request.key(judge.respondent): size(request) for request in requests}
        tally.rows += len(requests)
        known = self._counter.count(asked, judge.respondent, tally)
        self._counter.measure({key: asked[key] for key in asked if key in known}, judge.respondent, tally)

    def _refusals(self, answering: Answering, asked: Mapping[tuple[str, str], Asked]) -> Iterator[Tally]:
        """What the judge is asked about which answers of an arm decline; of a sample it is known once all are there."""
        size = self.config["judge"]["refusals"]
        if size == "all":
            for task in self.study.tasks:
                of_task = {cell: found for cell, found in asked.items() if cell[0] == task}
                yield self._grades(answering, REFUSALS, task, REFUSAL, of_task)
            return
        tally = self._grade_tally(answering, REFUSALS, None)
        cells = {cell: asked[cell] for cell in self.study.suite_cells(REFUSALS)}
        judge = self._material.judge(REFUSAL)
        questions = {task: self._material.questions(task) for task in self.study.tasks}
        if judge is None or any(cell.keys is None or cell.missing for cell in cells.values()):
            answers = sum(self._material.asked(task) for task, _ in cells)
            tally.unknown(min(int(size), answers))
            if judge is not None:
                past = self._settled.labelled(answering.arm.model, answering.arm.arm)
                self._counter.measure(dict.fromkeys(past, 0), judge.respondent, tally)
        elif (stands := self._settled.sample(answering.arm.model, answering.arm.arm, _keys(cells))) is not None:
            tally.rows = len(stands)
            self._counter.measure(dict.fromkeys(stands, 0), judge.respondent, tally)
        else:
            frames = {cell: self._all_given(answering, found) for cell, found in cells.items()}
            drawn = refusal_samples.drawn(frames, refusals.by_rule(frames), int(size), self.config["seed"])
            for (task, _), rows in drawn.items():
                known = questions[task]
                assert known is not None
                self._count_verdicts(judges.requests(rows, known, judge), judge, tally)
        if answering.trained_again:
            tally.if_trained_again = tally.rows - tally.most
        yield tally

    def _all_given(self, answering: Answering, asked: Asked) -> pl.DataFrame:
        """The table GENERATIONS of a condition all of whose answers are there."""
        assert asked.prompts is not None and asked.keys is not None
        return self._given(answering, dict(zip(asked.prompts["item"], asked.keys, strict=True)), asked.prompts)

    def _compared_warmth(self, answering: Answering) -> Tally:
        """What the judge is asked about an arm's warmth, beside the original's; known once both have responded."""
        tally = self._grade_tally(answering, VALIDATION, VALIDATION)
        judge, original = self._material.judge(WARMER), self._material.arm(answering.arm.model, arm_names.ORIGINAL)
        cell = (VALIDATION, PLAIN_CONDITION)
        sides = [(who, self._answers(who, VALIDATION, VALIDATION)[1][cell]) for who in (answering, original)]
        prompts = sides[0][1].prompts
        if not isinstance(judge, judges.ModelJudge) or prompts is None:
            tally.unknown(2 * self._material.asked(VALIDATION))
            return tally
        given = [
            {item: key for item, key in zip(prompts["item"], asked.keys or (), strict=False) if key in asked.known}
            for _, asked in sides
        ]
        both = given[0].keys() & given[1].keys()
        tally.unknown(2 * (prompts.height - len(both)))
        if both:
            compared = prompts.filter(pl.col("item").is_in(list(both)))
            texts = [
                self._given(who, {item: known[item] for item in both}, compared)
                for (who, _), known in zip(sides, given, strict=True)
            ]
            requests = judged_warmth.requests(judged_warmth.pairs(compared, *texts), judge)
            self._count_verdicts(requests, judge, tally)
        if answering.trained_again:
            tally.if_trained_again = tally.rows - tally.most
        return tally


def _tasks(study: Study, suite: str) -> list[str]:
    return list(dict.fromkeys(task for task, _ in study.suite_cells(suite)))


def _keys(cells: Mapping[tuple[str, str], Asked]) -> dict[tuple[str, str], list[str]]:
    return {cell: found.keys for cell, found in cells.items() if found.keys is not None}


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
