"""Calls of an endpoint's files and batches, each repeated until it gets through or is refused."""

from __future__ import annotations

from typing import BinaryIO, Literal

import openai
from openai.types import Batch, FileObject

from warmline.calls.spool import nameless_file
from warmline.engines.remote.faults import InvalidReply
from warmline.engines.remote.repeated_calls import RepeatedCalls, checked
from warmline.lineage.errors import UserError

PATH: Literal["/v1/chat/completions"] = "/v1/chat/completions"
WINDOW: Literal["24h"] = "24h"
"""The only completion window there is (API reference of batches)."""
LABEL = "warmline"
"""Under this name a batch's metadata holds what we call it."""
ENDED = {"completed", "failed", "expired", "cancelled"}
# A reply that is cut short each time is not the connection's doing.
INCOMPLETE_DOWNLOADS = 6


class UnknownToEndpoint(Exception):
    """A batch or file that was there once is not, or not for this key."""


class BatchCalls(RepeatedCalls):
    """An endpoint's files and batches. Use it in a `with` statement; pauses are in seconds."""

    def upload(self, content: BinaryIO, name: str) -> str:
        """Upload a file of requests and return its id. The name is one that no other file has."""

        async def call(repeated: bool) -> str:
            if repeated and (found := await self._file_named(name)):
                return found
            content.seek(0)
            return checked(await self.client.files.create(file=(name, content), purpose="batch"), FileObject).id

        return self.repeat(call)

    def create(self, file: str, label: str) -> Batch:
        """Create a batch of an uploaded file. The label is one that no other batch has."""

        async def call(repeated: bool) -> Batch:
            if repeated and (found := await self._batch_labelled(label)):
                return found
            batch = await self.client.batches.create(
                input_file_id=file, endpoint=PATH, completion_window=WINDOW, metadata={LABEL: label}
            )
            return checked(batch, Batch)

        return self.repeat(call)

    def retrieve(self, batch: str) -> Batch:
        """A batch as it stands. Raises UnknownToEndpoint if there is none with this id."""

        async def call(repeated: bool) -> Batch:
            try:
                return checked(await self.client.batches.retrieve(batch), Batch)
            except openai.NotFoundError as error:
                raise UnknownToEndpoint(f"the batch {batch}") from error

        return self.repeat(call)

    def batch_labelled(self, label: str) -> Batch | None:
        """The batch with a label, if there is one."""
        return self.repeat(lambda _: self._batch_labelled(label))

    def file_named(self, name: str) -> str | None:
        """The id of the uploaded file with a name, if there is one."""
        return self.repeat(lambda _: self._file_named(name))

    def on_their_way(self) -> set[str]:
        """The ids of the labelled batches, whoever submitted them, that have not ended."""

        async def call(repeated: bool) -> set[str]:
            found = self.client.batches.list(limit=100)
            return {batch.id async for batch in found if LABEL in (batch.metadata or {}) and batch.status not in ENDED}

        return self.repeat(call)

    def download(self, file: str) -> BinaryIO:
        """A file's content, at its start. Raises UnknownToEndpoint if there is none with this id."""
        incomplete = 0

        async def call(repeated: bool) -> BinaryIO:
            nonlocal incomplete
            content = nameless_file()
            try:
                size = checked(await self.client.files.retrieve(file), FileObject).bytes or 0
                async with self.client.files.with_streaming_response.content(file) as reply:
                    async for part in reply.iter_bytes():
                        content.write(part)
            except openai.NotFoundError as error:
                raise UnknownToEndpoint(f"the file {file}") from error
            if content.tell() < size:
                incomplete += 1
                problem = f"sent {content.tell()} of the {size} bytes of the file {file}"
                if incomplete == INCOMPLETE_DOWNLOADS:
                    raise UserError(f"{self.endpoint.url} {problem}, again and again. Run again later.")
                raise InvalidReply(problem)
            content.seek(0)
            return content

        return self.repeat(call)

    async def _batch_labelled(self, label: str) -> Batch | None:
        async for batch in self.client.batches.list(limit=100):
            if (batch.metadata or {}).get(LABEL) == label:
                return batch
        return None

    async def _file_named(self, name: str) -> str | None:
        async for file in self.client.files.list(purpose="batch"):
            if file.filename == name:
                return file.id
        return None
