"""Judging: the requests that ask for a verdict on each answer, and the table of verdicts.

Two kinds of judge answer to one shape: `request` asks for the verdict on an answer, `verdict` reads what came back.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl

from warmline.answers.generations import GRADED, why_ungraded
from warmline.calls.requests import Request, Respondent, Response, Sampling
from warmline.grading import judge_prompts, judge_replies, verdicts
from warmline.grading.verdicts import Verdict
from warmline.lineage import complete_files, digests, json_files
from warmline.lineage.draws import row_seed
from warmline.lineage.errors import UserError
from warmline.models import cards
from warmline.tables.judgements import JUDGEMENTS


@dataclasses.dataclass(frozen=True)
class ReferenceJudge:
    """A judge that compares answers with the references.

    A judge's specification is the funnel through which all of it reaches the verdicts on one criterion (lineage rules 5
    and 12), here the answers to one task. `rule` names the comparison, `steps` the normalisation. `code` is the digest
    of the comparing code: this judge is its code, so the digest is part of the ledger key. `projection_code` is the
    digest of the code that writes the verdicts down.
    """

    engine: str
    rule: str
    steps: list[str]
    code: str
    projection_code: str

    @property
    def respondent(self) -> Respondent:
        return {"engine": self.engine, "code": self.code}

    def request(self, row: dict[str, Any]) -> Request:
        """The request to compare an answer, `row` holding it and its question."""
        case = {
            "response": row["text"],
            "right": row["right_answers"],
            "wrong": row["wrong_answers"],
            "rule": self.rule,
            "steps": self.steps,
        }
        message = {"role": "user", "content": digests.canonical_json(case)}
        return Request([message], Sampling(temperature=0.0, max_new_tokens=16), seed=0)

    def verdict(self, response: Response) -> Verdict:
        """The verdict in the engine's response."""
        return verdicts.read(response.text)


@dataclasses.dataclass(frozen=True)
class ModelJudge:
    """A language model that judges; what it is asked on one criterion is a funnel too.

    `template` is the text of the criterion's template. `scale` says in which words to reply
    (warmline.grading.judge_replies.scale_of), `instruction` is the text that says so to the model, and `reply` the form
    of the reply: `schema` or `text`.
    """

    model: cards.Model
    template: str
    instruction: str
    scale: str
    reply: str
    sampling: Sampling
    seed: int
    projection_code: str

    @property
    def respondent(self) -> Respondent:
        return self.model.respondent

    def request(self, row: dict[str, Any]) -> Request:
        """The request to judge an answer, `row` holding it and its question.

        Equal answers to a question, by whichever arm, are one request: the seed is the question's.
        """
        messages = judge_prompts.render(
            self.template,
            self.instruction,
            row["question"],
            row["right_answers"],
            row["wrong_answers"],
            row["text"],
        )
        schema = judge_replies.schema(self.scale) if self.reply == "schema" else None
        return Request(messages, self.sampling, row_seed(self.seed, "judge", row["item"]), schema)

    def verdict(self, response: Response) -> Verdict:
        """The verdict in the model's response."""
        return judge_replies.read(response, self.reply, self.scale, self.model.opens_thought)


Judge = ReferenceJudge | ModelJudge


def write_judge(judge: Judge, path: Path) -> None:
    """Write the judge's specification as JSON."""
    text = json.dumps(cards.as_json(judge), indent=1, sort_keys=True, ensure_ascii=False)
    complete_files.write_text(path, text + "\n")


def read_judge(path: Path) -> Judge:
    """The judge's specification."""
    values: dict[str, Any] = json_files.read(path)
    if "model" not in values:
        return ReferenceJudge(**values)
    model, sampling = cards.model_from_json(values.pop("model")), Sampling(**values.pop("sampling"))
    return ModelJudge(model=model, sampling=sampling, **values)


def read_judges(paths: Iterable[Path]) -> dict[str, Judge]:
    """The specifications of a judge by criterion, which is what their files are named by."""
    return {path.stem: read_judge(path) for path in paths}


def read_model_judge(path: Path) -> ModelJudge:
    """The specification of a judge that is a model. Raises UserError for another."""
    judge = read_judge(path)
    if not isinstance(judge, ModelJudge):
        raise UserError(f"{path}: the {judge.engine} judge compares no two answers. Expected a model that judges.")
    return judge


def requests(generations: pl.DataFrame, questions: pl.DataFrame, judge: Judge) -> list[Request]:
    """One request to the judge for each answer that is graded, in the order of the rows."""
    graded = generations.filter(pl.col("finish_reason").is_in(GRADED))
    joined = graded.join(questions, on="item", how="left", validate="1:1", maintain_order="left")
    return [judge.request(row) for row in joined.iter_rows(named=True)]


def verdicts_on(
    generations: pl.DataFrame, answers: Iterable[tuple[str, Response]], judge: Judge
) -> list[tuple[str | None, Verdict]]:
    """The ledger key of the judge's response and the verdict for every answer; no key where none was asked for.

    `answers` holds the ledger key and the judge's response for each of `requests`.
    """
    asked = iter(answers)
    found: list[tuple[str | None, Verdict]] = []
    for finish_reason in generations["finish_reason"]:
        if reason := why_ungraded(finish_reason):
            found.append((None, Verdict("unscored", reason)))
        else:
            key, response = next(asked)
            found.append((key, judge.verdict(response)))
    return found


def judgements(generations: pl.DataFrame, answers: Iterable[tuple[str, Response]], judge: Judge) -> pl.DataFrame:
    """The table JUDGEMENTS from the ledger key and the judge's response for each of `requests`."""
    rows = [
        {
            "item": item,
            "verdict": verdict.verdict,
            "reason": verdict.reason,
            "answer_key": answer_key,
            "judge_key": judge_key,
        }
        for (item, answer_key), (judge_key, verdict) in zip(
            generations.select("item", "answer_key").iter_rows(),
            verdicts_on(generations, answers, judge),
            strict=True,
        )
    ]
    return pl.DataFrame(rows, schema=JUDGEMENTS.schema)


class Unscored:
    """The unscored among an arm's verdicts, counted by reason; too many of them mean that the judge does not work."""

    def __init__(self) -> None:
        self.rows = 0
        self.reasons: Counter[str] = Counter()
        self.first_key: str | None = None

    def count(self, judged: pl.DataFrame) -> None:
        """Count the verdicts in a table JUDGEMENTS."""
        judged = judged.filter(pl.col("judge_key").is_not_null())
        unscored = judged.filter(pl.col("verdict") == "unscored")
        self.rows += judged.height
        self.reasons.update(unscored["reason"])
        if self.first_key is None and unscored.height:
            self.first_key = unscored["judge_key"][0]

    def check(self, limit: float, place: Path) -> None:
        """Raise UserError if their share is above the limit; `place` is the folder of the judge's replies."""
        unscored = self.reasons.total()
        if unscored <= limit * self.rows:
            return
        reasons = "; ".join(f"{count} x {reason}" for reason, count in self.reasons.most_common(5))
        raise UserError(
            f"{unscored} of {self.rows} verdicts ({unscored / self.rows:.2%}) are unscored, the limit is {limit:.2%}: "
            f"{reasons}. The judge's replies are kept in {place}; the first of these has the key {self.first_key}. "
            "Read some, then mend the judge's template, its `max-new-tokens` or its `reply`; or raise `max-unscored`."
        )
