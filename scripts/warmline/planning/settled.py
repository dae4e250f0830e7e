"""Verdicts that nobody has to be asked for again: those of a study's tables whose makings are as they were.

A verdict follows from the judge, the question and the answer. A table of verdicts names each answer by its ledger key,
and its record says which judge and which questions it was made with. So where both still are what they were, a verdict
on the same answer stands, and neither answer nor request has to be put together to know it.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from warmline.design.measures import REFUSAL
from warmline.design.suites import CAPABILITIES, QUESTIONS, REFUSALS
from warmline.grading import judges
from warmline.lineage import digests, records
from warmline.models import cards
from warmline.planning.material import Material
from warmline.tables import parquet_tables
from warmline.tables.capabilities import CAPABILITIES as MEASURES
from warmline.tables.generations import GENERATIONS
from warmline.tables.judgements import JUDGEMENTS
from warmline.tables.questions import QUESTIONS as SAMPLED
from warmline.tables.refusal_labels import REFUSAL_LABELS

Verdicts = dict[tuple[str, str], str | None]
"""By item and ledger key of the answer, the ledger key of the verdict; None where no judge was asked for it."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """Answers of an arm to a task under a condition, and what the judge is asked of them."""

    model: str
    arm: str
    suite: str
    task: str
    condition: str
    criterion: str


class Settled:
    """The verdicts of a study's tables that stand."""

    def __init__(self, material: Material) -> None:
        self._material = material
        self._study = material.study

    def verdicts(self, cell: Cell) -> Verdicts:
        """The verdicts on a cell that stand, whatever else changed."""
        # What was turned down for good is no verdict then; and another projection may show other texts.
        if self._study.ask_again or not self._is_same_projection(cell.model, cell.arm, cell.suite):
            return {}
        found = {QUESTIONS: self._of_questions, CAPABILITIES: self._of_capabilities, REFUSALS: self._of_refusals}[
            cell.suite
        ](cell)
        same = self._same_questions(cell.task)
        return found if same is None else {row: key for row, key in found.items() if row[0] in same}

    def _of_questions(self, cell: Cell) -> Verdicts:
        path = Path(self._study.path(f"judgements/{cell.model}/{cell.arm}/{cell.task}/{cell.condition}.parquet"))
        wildcards = {name: getattr(cell, name) for name in ("model", "arm", "task", "condition")}
        if not self._holds(path, self._record("project_grades", wildcards), cell, None):
            return {}
        return _by_answer(parquet_tables.read(path, JUDGEMENTS))

    def _of_capabilities(self, cell: Cell) -> Verdicts:
        path = Path(self._study.path(f"capabilities/{cell.model}/{cell.arm}.parquet"))
        record = self._record("score_capabilities", {"model": cell.model, "arm": cell.arm})
        # Which answers the judge is asked about is a matter of its code.
        if not self._holds(path, record, cell, self._study.code("grading/score_capabilities.py")):
            return {}
        measured = parquet_tables.read(path, MEASURES)
        return _by_answer(measured.filter(task=cell.task, measure=cell.criterion))

    def _of_refusals(self, cell: Cell) -> Verdicts:
        path = self._labels(cell.model, cell.arm)
        if not self._holds(path, self._record_of_labels(cell.model, cell.arm), cell, self._label_code):
            return {}
        labels = parquet_tables.read(path, REFUSAL_LABELS)
        return _by_answer(labels.filter(task=cell.task, condition=cell.condition))

    def sample(self, model: str, arm: str, answers: Mapping[tuple[str, str], Sequence[str]]) -> list[str] | None:
        """The keys of the verdicts on a sample of an arm's answers; None if another may be drawn, or none was.

        It is drawn from all answers, whose keys are given by task and condition.
        """
        path, record = self._labels(model, arm), self._record_of_labels(model, arm)
        if record is None or self._study.ask_again or not self._is_same_projection(model, arm, REFUSALS):
            return None
        if (record.get("given") or {}).get("params", {}).get("options") != self._study.grading.sample_options():
            return None
        for task, condition in answers:
            cell = Cell(model, arm, REFUSALS, task, condition, REFUSAL)
            if not self._holds(path, record, cell, self._label_code) or self._same_questions(task) is not None:
                return None
        given = {
            cell: Path(self._study.path(f"generations/{model}/{arm}/{'/'.join(cell)}.parquet")) for cell in answers
        }
        drawn_from, read_from = records.files(record, "inputs"), self._read_by_rule(model, arm, record)
        # Nor may it have been drawn from more.
        if set(record["inputs"].get("generations", {})) != set(map(str, given.values())):
            return None
        for cell_of, file in given.items():
            digest = digests.of_file(file) if file.exists() else None
            if digest is None or {drawn_from.get(str(file)), read_from.get(str(file))} != {digest}:
                return None
            if parquet_tables.read(file, GENERATIONS)["answer_key"].to_list() != list(answers[cell_of]):
                return None
        return self.labelled(model, arm)

    def _read_by_rule(self, model: str, arm: str, labels: dict[str, Any]) -> dict[str, str]:
        """The answers in which the rules found what labels were drawn by; none if they may find something else now."""
        record = self._record("find_refusals", {"model": model, "arm": arm})
        code = self._study.code("grading/find_refusals.py")
        if record is None or (record.get("given") or {}).get("params", {}).get("code") != code:
            return {}
        found, drawn_by = records.files(record, "outputs"), records.files(labels, "inputs")
        same = all(drawn_by.get(path) == digest for path, digest in found.items())
        return records.files(record, "inputs") if same else {}

    def labelled(self, model: str, arm: str) -> list[str]:
        """The keys of the verdicts on an arm's refusals that were written last, whether or not they stand."""
        path = self._labels(model, arm)
        return parquet_tables.read(path, REFUSAL_LABELS)["judge_key"].drop_nulls().to_list() if path.exists() else []

    def _labels(self, model: str, arm: str) -> Path:
        return Path(self._study.path(f"refusals/{model}/{arm}.parquet"))

    def _record_of_labels(self, model: str, arm: str) -> dict[str, Any] | None:
        return self._record("label_refusals", {"model": model, "arm": arm})

    @property
    def _label_code(self) -> str:
        return self._study.code("grading/label_refusals.py")

    def _record(self, rule: str, wildcards: dict[str, str]) -> dict[str, Any] | None:
        return records.last(self._study.logs(rule, *wildcards)["record"].format(**wildcards))

    def _holds(self, path: Path, record: dict[str, Any] | None, cell: Cell, code: str | None) -> bool:
        """Whether a table is what its record says, made with this judge, these questions and, if given, this code."""
        if record is None or not path.exists() or not {"inputs", "outputs"} <= record.keys():
            return False
        if code is not None and (record.get("given") or {}).get("params", {}).get("code") != code:
            return False
        outputs, inputs = (records.files(record, kind) for kind in ("outputs", "inputs"))
        judge, questions = f"judges/{cell.criterion}.json", f"questions/{cell.task}.parquet"
        return (
            outputs.get(str(path)) == digests.of_file(path)
            and self._is_same_judge(cell.criterion)
            and all(inputs.get(self._study.path(name)) == self._on_disk(name) for name in (judge, questions))
        )

    @functools.lru_cache(maxsize=64)  # noqa: B019 (one study a process)
    def _on_disk(self, name: str) -> str | None:
        path = Path(self._study.path(name))
        return digests.of_file(path) if path.exists() else "nothing"

    @functools.lru_cache(maxsize=64)  # noqa: B019
    def _is_same_judge(self, criterion: str) -> bool:
        """Whether the judge would be specified as it is on disk."""
        path = Path(self._study.path(f"judges/{criterion}.json"))
        return path.exists() and judges.read_judge(path) == self._material.judge(criterion)

    @functools.lru_cache(maxsize=256)  # noqa: B019
    def _is_same_projection(self, model: str, arm: str, suite: str) -> bool:
        """Whether answers would be written out by the code that wrote them."""
        asked = QUESTIONS if suite == REFUSALS else suite
        path = Path(self._study.path(f"arms/{model}/{arm}/{asked}.json"))
        return path.exists() and cards.read_arm(path).code == self._study.code("answers/project.py")

    @functools.lru_cache(maxsize=64)  # noqa: B019
    def _same_questions(self, task: str) -> frozenset[str] | None:
        """The items that are asked as they are on disk; None for all."""
        if self._material.current(f"questions/{task}.parquet"):
            return None
        path, now = Path(self._study.path(f"questions/{task}.parquet")), self._material.questions(task)
        if now is None or not path.exists():
            return frozenset()
        then = {row["item"]: row for row in parquet_tables.read(path, SAMPLED).iter_rows(named=True)}
        return frozenset(row["item"] for row in now.iter_rows(named=True) if then.get(row["item"]) == row)


def _by_answer(table: pl.DataFrame) -> Verdicts:
    return {(item, answer): verdict for item, answer, verdict in table.select("item", "answer_key", "judge_key").rows()}
