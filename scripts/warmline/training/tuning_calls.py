"""Calls of an endpoint's fine-tuning: training files, jobs, their events and checkpoints."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import openai
from openai.types import FileObject
from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent
from openai.types.fine_tuning.jobs import FineTuningJobCheckpoint

from warmline.engines.remote.faults import details
from warmline.engines.remote.repeated_calls import RepeatedCalls, checked
from warmline.lineage.errors import UserError

LABEL = "warmline"
"""Under this name a job's metadata holds what we call it."""
ENDED = {"succeeded", "failed", "cancelled"}
CLOSED = "training_not_available"


class TuningCalls(RepeatedCalls):
    """An endpoint's training files and jobs."""

    def __enter__(self) -> TuningCalls:
        return self

    def upload(self, content: bytes, name: str) -> str:
        """Upload a training file and return its id. The name is one that no other file has."""

        async def call(repeated: bool) -> str:
            if repeated and (found := await self._file_named(name)):
                return found
            return checked(await self.client.files.create(file=(name, content), purpose="fine-tune"), FileObject).id

        return self.repeat(call)

    def file_named(self, name: str) -> str | None:
        """The id of the training file with a name, if there is one."""
        return self.repeat(lambda _: self._file_named(name))

    def has_file(self, file: str) -> bool:
        """Whether there still is a file with this id."""

        async def call(repeated: bool) -> bool:
            try:
                return bool(checked(await self.client.files.retrieve(file), FileObject))
            except openai.NotFoundError:
                return False

        return self.repeat(call)

    def create(
        self, label: str, file: str, hyperparameters: dict[str, Any], others: Collection[str], **values: Any
    ) -> FineTuningJob:
        """Create a job of supervised fine-tuning, under a label that no other job has; `others` as in `job_labelled`.

        Raises UserError if the endpoint trains no models, or not this one.
        """
        method = {"type": "supervised", "supervised": {"hyperparameters": hyperparameters}}

        async def call(repeated: bool) -> FineTuningJob:
            if repeated and (found := await self._job_labelled(label, file, hyperparameters["n_epochs"], others)):
                return found
            try:
                creation: Any = self.client.fine_tuning.jobs.create(
                    training_file=file,
                    method=method,  # type: ignore[arg-type]
                    metadata={LABEL: label},
                    **values,
                )
                return checked(await creation, FineTuningJob)
            except openai.PermissionDeniedError as error:
                if details(error).get("code") != CLOSED:
                    raise
                said = self.endpoint.scrub(str(details(error).get("message")))[:500]
                raise UserError(
                    f"{self.endpoint.url} does not train models for this account ({CLOSED}): {said} Tune a model with "
                    "open weights instead: give it a `source` in place of its `endpoint`."
                ) from error

        return self.repeat(call)

    def retrieve(self, job: str) -> FineTuningJob | None:
        """A job as it stands; None if there is none with this id."""

        async def call(repeated: bool) -> FineTuningJob | None:
            try:
                return checked(await self.client.fine_tuning.jobs.retrieve(job), FineTuningJob)
            except openai.NotFoundError:
                return None

        return self.repeat(call)

    def job_labelled(self, label: str, file: str, epochs: int, others: Collection[str]) -> FineTuningJob | None:
        """The job with a label, if there is one.

        An endpoint may keep no labels: there it is the job of so many epochs on the training file that is none of
        `others`.
        """
        return self.repeat(lambda _: self._job_labelled(label, file, epochs, others))

    def events(self, job: str, known: Collection[str]) -> list[FineTuningJobEvent]:
        """What a job has reported since the events with the ids `known`, the earliest first."""

        async def call(repeated: bool) -> list[FineTuningJobEvent]:
            found: list[FineTuningJobEvent] = []
            async for event in self.client.fine_tuning.jobs.list_events(job, limit=100):
                if event.id in known:
                    break
                found.append(event)
            return found[::-1]

        return self.repeat(call)

    def checkpoints(self, job: str) -> list[FineTuningJobCheckpoint]:
        """The checkpoints that exist of a job."""

        async def call(repeated: bool) -> list[FineTuningJobCheckpoint]:
            return [each async for each in self.client.fine_tuning.jobs.checkpoints.list(job, limit=100)]

        return self.repeat(call)

    async def _file_named(self, name: str) -> str | None:
        async for file in self.client.files.list(purpose="fine-tune"):
            if file.filename == name:
                return file.id
        return None

    async def _job_labelled(self, label: str, file: str, epochs: int, others: Collection[str]) -> FineTuningJob | None:
        async for job in self.client.fine_tuning.jobs.list(limit=100):
            ran = getattr(job.hyperparameters, "n_epochs", None)
            unlabelled = job.training_file == file and ran == epochs and job.id not in others
            if job.metadata.get(LABEL) == label if job.metadata else unlabelled:
                return job
        return None
