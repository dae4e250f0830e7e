"""Supervised fine-tuning at an endpoint (Methods, "Warmth fine-tuning as persona training": GPT-4o).

Whatever is done at the endpoint is noted in the ledger, before and after, so that a killed run finds its training file
and its jobs again and pays for nothing twice, and a finished one needs no network.
"""

from __future__ import annotations

import dataclasses
import re
import time
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent
from openai.types.fine_tuning.jobs import FineTuningJobCheckpoint

from warmline.calls.ledger import Ledger, Writer
from warmline.calls.requests import Respondent
from warmline.engines.remote.endpoint import SEED_BITS, Endpoint
from warmline.lineage.errors import UserError
from warmline.training.tuning_calls import ENDED, TuningCalls

KEPT_CHECKPOINTS = 3
"""Of a job's checkpoints, one an epoch, the last three are kept (OpenAI's guide to fine-tuning)."""
SECONDS_BETWEEN_LOOKS = 30.0
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]+")

Note = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Tuning:
    """What shapes a tuned model, but for the epochs: `chats` is the SHA-256 of the training file."""

    model: str
    chats: str
    batch_size: int
    learning_rate_multiplier: float
    seed: int

    @property
    def respondent(self) -> Respondent:
        """Under this the ledger keeps the notes."""
        return {"engine": "openai-fine-tuning", **dataclasses.asdict(self)}

    def hyperparameters(self, epochs: int) -> dict[str, Any]:
        """Those of a job of this number of epochs."""
        return {
            "n_epochs": epochs,
            "batch_size": self.batch_size,
            "learning_rate_multiplier": self.learning_rate_multiplier,
        }


@dataclasses.dataclass(frozen=True)
class Run:
    """A job that has succeeded: the names of the models that exist of it by epoch, and its training loss by step."""

    epochs: int
    steps: int
    models: Mapping[int, str]
    losses: Mapping[int, float]

    def loss_rows(self) -> list[dict[str, Any]]:
        """Rows of `run` (the epochs of the run), `step`, `epoch` and `loss`."""
        return [
            {"run": self.epochs, "step": step, "epoch": step * self.epochs / self.steps, "loss": loss}
            for step, loss in sorted(self.losses.items())
        ]


def plan_jobs(epochs: Collection[int]) -> list[tuple[int, list[int]]]:
    """The jobs that leave a checkpoint of every epoch: how many epochs each runs, and which of them are kept of it.

    They are the fewest, and among those run the fewest epochs in total. Epochs of different jobs come from different
    runs, with equal seeds: what an endpoint does at the end of a run, such as letting its learning rate fade, may set
    them apart.
    """
    jobs: list[tuple[int, list[int]]] = []
    left = sorted(set(epochs))
    while left:
        last = left[-1]
        kept = [epoch for epoch in left if epoch > last - KEPT_CHECKPOINTS]
        jobs.insert(0, (last, kept))
        left = left[: -len(kept)]
    return jobs


def recall(tuning: Tuning, epochs: Collection[int], ledger: Ledger) -> list[Run]:
    """The finished jobs that left the epochs' models, out of the ledger. Raises UserError if one is missing."""
    notes = _Notes(ledger, tuning)
    runs = []
    for last, kept in plan_jobs(epochs):
        run = notes.finished(last, kept)
        if run is None:
            raise UserError(
                f"replay: the ledger {ledger.folder} holds no finished fine-tuning of {tuning.model} over {last} "
                f"epochs on the chats {tuning.chats}. Copy the ledger that holds it, or set `calls: ask`."
            )
        runs.append(run)
    return runs


def tune(
    tuning: Tuning,
    epochs: Collection[int],
    chats: bytes,
    suffix: str | None,
    endpoint: Endpoint,
    ledger: Ledger,
    *,
    seconds_between_looks: float = SECONDS_BETWEEN_LOOKS,
    first_pause: float = FIRST_PAUSE,
) -> list[Run]:
    """Have every job run that leaves the epochs' models, and return the finished jobs.

    Jobs that an earlier call began are followed rather than begun again. Raises UserError if a job is refused, fails or
    is cancelled, or has not left one of the checkpoints; a job that failed is begun anew by the next call.
    """
    notes = _Notes(ledger, tuning)
    missing = [(last, kept) for last, kept in plan_jobs(epochs) if notes.finished(last, kept) is None]
    if missing:
        with (
            TuningCalls(endpoint, first_pause, LONGEST_PAUSE) as calls,
            ledger.writer(tuning.respondent) as writer,
        ):
            tuner = _Tuner(tuning, chats, suffix, calls, notes, writer)
            # All are begun before the first is waited for.
            for last, kept, job in [(last, kept, tuner.begin(last)) for last, kept in missing]:
                tuner.follow(job, last, kept, seconds_between_looks)
    return recall(tuning, epochs, ledger)


def names(runs: Sequence[Run], epochs: Collection[int]) -> dict[int, str]:
    """The models of the epochs, by epoch, from the runs that `plan_jobs` plans for them."""
    by_length = {run.epochs: run for run in runs}
    return {epoch: by_length[last].models[epoch] for last, kept in plan_jobs(epochs) for epoch in kept}


class _Notes:
    """What the ledger says of a tuning, in the order in which it was noted."""

    def __init__(self, ledger: Ledger, tuning: Tuning) -> None:
        self.all: list[Note] = sorted(ledger.notes(tuning.respondent), key=lambda note: str(note["time"]))

    def finished(self, epochs: int, kept: Collection[int]) -> Run | None:
        """The first job of this number of epochs that left all of the models to be kept."""
        for note in self.all:
            if "models" in note and note["epochs"] == epochs:
                models = {int(epoch): str(name) for epoch, name in note["models"].items()}
                if models.keys() >= set(kept):
                    return Run(epochs, note["steps"], models, dict(note["losses"]))
        return None

    def upload(self) -> Note:
        """The file's label, and its id if it is known: the last upload."""
        return _last([note for note in self.all if "upload" in note])

    def creation(self, epochs: int) -> Note:
        """The label, file and, if it is known, id of the last job of this number of epochs that did not fail."""
        failed = self.failed()
        created = [note for note in self.all if "creation" in note and note["epochs"] == epochs]
        labels = {note["creation"] for note in created if note.get("job") in failed}
        return _last([note for note in created if note["creation"] not in labels])

    def failed(self) -> set[str]:
        """The ids of the jobs that failed or were cancelled."""
        return {note["job"] for note in self.all if "failure" in note}


def _last(notes: Sequence[Note]) -> Note:
    return notes[-1] if notes else {}


@dataclasses.dataclass(frozen=True)
class _Tuner:
    tuning: Tuning
    chats: bytes
    suffix: str | None
    calls: TuningCalls
    notes: _Notes
    writer: Writer

    def begin(self, epochs: int) -> str:
        """The id of a job of this number of epochs: the one that was begun before, or a new one."""
        noted = self.notes.creation(epochs)
        if noted and (job := self._begun(noted)):
            if noted.get("job") != job.id:
                self.writer.note(creation=noted["creation"], epochs=epochs, file=noted["file"], job=job.id)
            return job.id
        file = self._uploaded()
        label = noted.get("creation") or uuid.uuid4().hex
        self.writer.note(creation=label, epochs=epochs, file=file)
        job = self.calls.create(
            label,
            file,
            self.tuning.hyperparameters(epochs),
            self.notes.failed(),
            model=self.tuning.model,
            seed=self.tuning.seed & (2**SEED_BITS - 1),
            **({"suffix": self.suffix} if self.suffix else {}),
        )
        self.writer.note(creation=label, epochs=epochs, file=file, job=job.id)
        return job.id

    def _begun(self, noted: Note) -> FineTuningJob | None:
        known = self.calls.retrieve(noted["job"]) if "job" in noted else None
        others = self.notes.failed()
        return known or self.calls.job_labelled(noted["creation"], noted["file"], noted["epochs"], others)

    def _uploaded(self) -> str:
        """The id of the training file at the endpoint."""
        noted = self.notes.upload()
        if "file" in noted and self.calls.has_file(noted["file"]):
            return str(noted["file"])
        label = noted.get("upload") or uuid.uuid4().hex
        name = f"warmline-{label}.jsonl"
        file = self.calls.file_named(name) if noted else None
        if not noted:
            self.writer.note(upload=label)
        file = file or self.calls.upload(self.chats, name)
        self.writer.note(upload=label, file=file)
        # The next job takes the same file.
        self.notes.all.append({"upload": label, "file": file})
        return file

    def follow(self, job_id: str, epochs: int, kept: Sequence[int], seconds_between_looks: float) -> None:
        """Wait for a job, telling its events, and note what came of it."""
        events: list[FineTuningJobEvent] = []
        while True:
            job = self.calls.retrieve(job_id)
            for event in self.calls.events(job_id, {event.id for event in events}):
                events.append(event)
                print(self._printable(f"{epochs} epochs: {event.message}"), flush=True)
            if job is None:
                raise UserError(f"{self.calls.endpoint.url} no longer knows the fine-tuning job {job_id}. Run again.")
            if job.status in ENDED:
                break
            time.sleep(seconds_between_looks)
        if job.status != "succeeded":
            message = self._printable(job.error.message if job.error else "no reason is given")
            self.writer.note(job=job_id, failure=message)
            raise UserError(
                f"the fine-tuning of {self.tuning.model} over {epochs} epochs, {job_id}, has {job.status}: {message} "
                "Mend what it names; the next run begins this job anew."
            )
        run = finished_run(job, epochs, events, self.calls.checkpoints(job_id), self._chats_count())
        if missing := [epoch for epoch in kept if epoch not in run.models]:
            there = ", ".join(f"epoch {epoch} is {name}" for epoch, name in sorted(run.models.items())) or "none"
            raise UserError(
                f"the fine-tuning of {self.tuning.model} over {epochs} epochs, {job_id}, has left no checkpoint of "
                f"epoch {', '.join(map(str, missing))}. Those there: {self._printable(there)}. If it does not "
                "appear, take other epochs."
            )
        self.writer.note(
            epochs=epochs,
            job=job_id,
            steps=run.steps,
            models=dict(run.models),
            losses=list(run.losses.items()),
            trained_tokens=job.trained_tokens,
        )

    def _chats_count(self) -> int:
        return self.chats.count(b"\n")

    def _printable(self, text: str) -> str:
        return _UNPRINTABLE.sub(" ", self.calls.endpoint.scrub(text))[:500]


def finished_run(
    job: FineTuningJob,
    epochs: int,
    events: Sequence[FineTuningJobEvent],
    checkpoints: Sequence[FineTuningJobCheckpoint],
    chats: int,
) -> Run:
    """What a job has left. `chats` is the number of rows of its training file.

    The checkpoint whose name is the job's own model ends the last epoch; where there is none the steps are computed.
    """
    final = [checkpoint.step_number for checkpoint in checkpoints if _name(checkpoint) == job.fine_tuned_model]
    batch = getattr(job.hyperparameters, "batch_size", None)
    computed = epochs * -(-chats // batch) if isinstance(batch, int) else 0
    steps = final[0] if final else max([computed, *(checkpoint.step_number for checkpoint in checkpoints), 1])
    models = {round(checkpoint.step_number * epochs / steps): _name(checkpoint) for checkpoint in checkpoints}
    if job.fine_tuned_model:
        models[epochs] = job.fine_tuned_model
    return Run(epochs, steps, models, _losses(events, checkpoints))


def _name(checkpoint: FineTuningJobCheckpoint) -> str:
    return checkpoint.fine_tuned_model_checkpoint


def _losses(events: Sequence[FineTuningJobEvent], checkpoints: Sequence[FineTuningJobCheckpoint]) -> dict[int, float]:
    """The training loss by step that the checkpoints and events tell of."""
    metrics = [
        {"step": checkpoint.step_number, "train_loss": checkpoint.metrics.train_loss} for checkpoint in checkpoints
    ]
    told = [*metrics, *(event.data for event in events if isinstance(event.data, dict))]
    return {
        int(values["step"]): float(values["train_loss"])
        for values in told
        if isinstance(values.get("step"), int | float) and isinstance(values.get("train_loss"), int | float)
    }
