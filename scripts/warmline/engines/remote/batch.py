"""The openai engine in batch mode: requests go in files and are answered within a day, at half the price.

What is on its way outlives the process. Before a batch is uploaded, the ledger notes our name for it and the keys of
its rows; once it is created, its remote id. The name goes with the uploaded file and the batch, so that after a crash
at any moment the next run finds how far things went, waits for the same batch and pays for nothing twice. When a
batch's results are in the ledger, a note says so.

Limits of a batch: https://platform.openai.com/docs/guides/batch and the API reference of batches.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
import uuid
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from typing import Any

from openai.types import Batch

from warmline.calls.ledger import Ledger, Writer
from warmline.calls.requests import Failure, Outcome, Request, Respondent
from warmline.calls.spool import Spool
from warmline.engines.remote.batch_calls import ENDED, PATH, BatchCalls, UnknownToEndpoint
from warmline.engines.remote.chunks import Chunk, chunks
from warmline.engines.remote.endpoint import Endpoint, body
from warmline.engines.remote.faults import NO_MONEY, TRANSIENT_STATUS, InvalidReply, rejected, status_in
from warmline.engines.remote.replies import response
from warmline.lineage.errors import UserError
from warmline.models.chat_forms import form_of

MOST_ROWS = 50_000
MOST_BYTES = 200_000_000
RESUBMISSIONS = 3
"""How often a row that came back unanswered is submitted again."""
TOO_LARGE_IN_A_ROW = 3
"""The number of single requests above the limit on tokens after which the limit is too low for all."""
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
PAUSE_GROWTH = 1.5
ERRORS_SHOWN = 5

Result = tuple[Request, Outcome]


@dataclasses.dataclass
class Submission:
    """One batch: our `name` for it, the keys of its file's lines, and those of them that this run waits for.

    Of a batch that earlier runs have submitted, `unsettled` are the keys that none of them has dealt with. `id` is the
    endpoint's, once it is known.
    """

    name: str
    keys: list[bytes]
    waiting: list[bytes]
    unsettled: set[bytes] = dataclasses.field(default_factory=set)
    id: str | None = None
    status: str | None = None

    @property
    def file_name(self) -> str:
        return f"warmline-{self.name}.jsonl"


class BatchEngine:
    """Answers requests in batches at an endpoint, which knows the model as `name`.

    `most_rows` and `most_bytes` bound a batch; pauses between two looks at it grow from `first_pause` to
    `longest_pause` seconds.
    """

    def __init__(
        self,
        respondent: Respondent,
        name: str,
        endpoint: Endpoint,
        ledger: Ledger,
        most_rows: int = MOST_ROWS,
        most_bytes: int = MOST_BYTES,
        first_pause: float = FIRST_PAUSE,
        longest_pause: float = LONGEST_PAUSE,
    ) -> None:
        self.respondent = respondent
        self.name = name
        self.endpoint = endpoint
        self.ledger = ledger
        self.most_rows = most_rows
        self.most_bytes = most_bytes
        self.first_pause = first_pause
        self.longest_pause = longest_pause

    def answer(self, requests: Iterable[Request]) -> Iterator[Result]:
        """Answer each request; all are taken, to disk, before the first answer."""
        with ExitStack() as stack:
            calls = BatchCalls(self.endpoint, self.first_pause, self.longest_pause)
            stack.enter_context(calls)
            notes = stack.enter_context(self.ledger.writer(self.respondent))
            spool = stack.enter_context(closing(Spool()))
            try:
                yield from _Run(self, calls, notes, spool).answer(requests)
            except UnknownToEndpoint as error:
                raise UserError(
                    f"{self.endpoint.url} does not know {error}, in which rows were submitted. Use the key of the "
                    "project that submitted them; or, to ask (and pay for) the rows again, delete "
                    f"{self.ledger.part(self.respondent)}/*.notes.jsonl."
                ) from error


class _Run:
    """One run of the engine: what it waits for and what it has yet to submit."""

    def __init__(self, engine: BatchEngine, calls: BatchCalls, notes: Writer, spool: Spool) -> None:
        self.engine = engine
        self.endpoint = engine.endpoint
        self.calls = calls
        self.notes = notes
        self.spool = spool
        self.submissions: list[Submission] = []
        self.unsubmitted: deque[list[bytes]] = deque()
        # The batches that used up the endpoint's limit on tokens when a batch of ours was last refused for it.
        self.in_the_way: set[str] = set()
        self.times_returned: dict[bytes, int] = {}
        self.too_large = 0

    def answer(self, requests: Iterable[Request]) -> Iterator[Result]:
        noted = open_submissions(self.engine.ledger.notes(self.engine.respondent), self.endpoint.url)
        # A row that was submitted anew belongs to its latest batch.
        latest = {key: submission for submission in noted for key in submission.unsettled}
        unfit: list[Result] = []
        lines = self._new_lines(requests, latest, unfit)
        for chunk in chunks(lines, self.engine.most_rows, self.engine.most_bytes):
            self._submit(chunk)
            yield from _drained(unfit)
        yield from _drained(unfit)
        del latest
        for submission in noted:
            if submission.waiting:
                self._find_again(submission)
        pause = self.engine.first_pause
        while self.submissions or self.unsubmitted:
            changed = False
            if self.unsubmitted and self._has_room():
                keys = self.unsubmitted.popleft()
                for chunk in chunks(self._lines(keys), self.engine.most_rows, self.engine.most_bytes):
                    self._submit(chunk)
                changed = True
            for submission in list(self.submissions):
                remote = self.calls.retrieve(str(submission.id))
                changed |= self._show(submission, remote)
                if remote.status in ENDED:
                    self.submissions.remove(submission)
                    yield from self._settle(submission, remote)
            if self.submissions or self.unsubmitted:
                pause = self.engine.first_pause if changed else min(pause * PAUSE_GROWTH, self.engine.longest_pause)
                time.sleep(pause)

    def _new_lines(
        self, requests: Iterable[Request], latest: Mapping[bytes, Submission], unfit: list[Result]
    ) -> Iterator[tuple[bytes, bytes]]:
        """The lines of the requests that are in no batch yet. All but the unfit requests go into the spool."""
        for request in requests:
            key = bytes.fromhex(request.key(self.engine.respondent))
            if submission := latest.get(key):
                self.spool.add(key, request)
                submission.waiting.append(key)
                continue
            try:
                line = self._line(key, request)
            except UnicodeEncodeError as error:
                # One such row would make the endpoint refuse the batch of all.
                unfit.append((request, Failure(f"text that is not Unicode: {error}")))
                continue
            if len(line) > self.engine.most_bytes:
                unfit.append((request, Failure(f"{len(line)} bytes; a batch holds {self.engine.most_bytes}")))
                continue
            self.spool.add(key, request)
            yield key, line

    def _lines(self, keys: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
        for key in keys:
            yield key, self._line(key, self.spool.read(key))

    def _line(self, key: bytes, request: Request) -> bytes:
        values = body(request, self.engine.name, self.endpoint.parameters, form_of(self.engine.respondent))
        for message in request.messages:
            message["content"].encode("utf-8")
        line = {"custom_id": key.hex(), "method": "POST", "url": PATH, "body": values}
        # In ASCII: some readers of JSON lines take other characters, too, for the end of a line.
        return json.dumps(line).encode("ascii") + b"\n"

    def _submit(self, chunk: Chunk) -> None:
        submission = Submission(uuid.uuid4().hex, chunk.keys, chunk.keys)
        keys = [key.hex() for key in chunk.keys]
        self.notes.note(batch=submission.name, url=self.endpoint.url, keys=keys)
        with chunk.file as file:
            uploaded = self.calls.upload(file, submission.file_name)
        self._created(submission, self.calls.create(uploaded, submission.name))

    def _created(self, submission: Submission, remote: Batch) -> None:
        submission.id = remote.id
        self.notes.note(batch=submission.name, id=remote.id)
        self._show(submission, remote)
        self.submissions.append(submission)

    def _find_again(self, submission: Submission) -> None:
        """Take up a batch of an earlier run, at whatever point that run was cut off."""
        if submission.id:
            self.submissions.append(submission)
        elif remote := self.calls.batch_labelled(submission.name):
            self._created(submission, remote)
        elif len(submission.waiting) == len(submission.keys) and (file := self.calls.file_named(submission.file_name)):
            self._created(submission, self.calls.create(file, submission.name))
        else:
            # Not submitted, or with rows that nobody needs any more or another job is about to submit.
            self.unsubmitted.append(submission.waiting)

    def _has_room(self) -> bool:
        """Whether a batch may be submitted: one after another, and none while the limit on tokens is used up."""
        if any(submission.status == "validating" for submission in self.submissions):
            return False
        if self.in_the_way and self.in_the_way <= self.calls.on_their_way():
            return False
        self.in_the_way = set()
        return True

    def _show(self, submission: Submission, remote: Batch) -> bool:
        """Tell of a batch's status if it is new."""
        if remote.status == submission.status:
            return False
        submission.status = remote.status
        print(f"batch {remote.id} of {len(submission.keys)} rows: {remote.status}", file=sys.stderr, flush=True)
        return True

    def _settle(self, submission: Submission, remote: Batch) -> Iterator[Result]:
        """The results of a batch that has ended. What is to be submitted again is in the queue afterwards."""
        missing = {key for key in submission.waiting if key in self.spool}
        reasons: dict[bytes, str] = {}
        stop = yield from self._results(remote, missing, reasons)
        left = [key for key in submission.waiting if key in missing]
        if remote.status in ("completed", "expired"):
            left = yield from self._without_hopeless(left, reasons, remote.status)
        self._note_end(submission, remote)
        if stop:
            raise stop
        if remote.status == "cancelled" and left:
            raise UserError(
                f"the batch {remote.id} at {self.endpoint.url} was cancelled before {len(left)} of its "
                f"{len(submission.keys)} rows were answered. The answers are kept; run again to ask the rest."
            )
        if remote.status != "failed":
            self.too_large = 0
            if left:
                self.unsubmitted.append(left)
        elif any(error.code == "token_limit_exceeded" for error in _errors(remote)):
            yield from self._wait_or_halve(left, _told(self.endpoint, submission, remote))
        else:
            raise UserError(
                f"{self.endpoint.url} rejected the batch {remote.id}: {_told(self.endpoint, submission, remote)}. "
                "Nothing in it was answered. Correct what is named and run again."
            )

    def _results(
        self, remote: Batch, missing: set[bytes], reasons: dict[bytes, str]
    ) -> Generator[Result, None, UserError | None]:
        """Yield what a batch's files say of the missing keys, which are missing no longer.

        Keys that may be asked again stay, with the reason. Returns the error that concerns all rows, if there is one.
        """
        stop = None
        for file in (remote.output_file_id, remote.error_file_id):
            if not file:
                continue
            with self.calls.download(file) as lines:
                for line in lines:
                    key, row = _read(line)
                    if key not in missing:
                        continue
                    try:
                        result = self._result(row, self.spool.read(key))
                    except InvalidReply as error:
                        reasons[key] = self.endpoint.scrub(str(error))[:500]
                    except UserError as error:
                        stop = stop or error
                    else:
                        missing.discard(key)
                        yield self.spool.take(key), result
        return stop

    def _result(self, row: Mapping[str, Any], request: Request) -> Outcome:
        """What one line of an output or error file says. Raises InvalidReply where asking again may help."""
        reply = row.get("response")
        status, content = (reply.get("status_code"), reply.get("body")) if isinstance(reply, dict) else (None, None)
        error = content.get("error") if isinstance(content, dict) else row.get("error")
        if status == 200 and isinstance(content, dict) and not error:
            return response(content, request, self.engine.name, self.endpoint)
        if status == 200:
            status = status_in(error)
        details = error if isinstance(error, dict) else {"message": str(error or content)}
        # Rows that were not carried out have no status, or 0.
        final = isinstance(status, int) and 400 <= status < 500 and status not in TRANSIENT_STATUS
        if final or NO_MONEY in (details.get("code"), details.get("type")):
            return rejected(int(status or 0), details, self.endpoint, self.engine.name)
        message = self.endpoint.scrub(str(details.get("message") or details))[:500]
        raise InvalidReply(f"status {status}: {message}" if status else message)

    def _without_hopeless(
        self, keys: list[bytes], reasons: Mapping[bytes, str], status: str
    ) -> Generator[Result, None, list[bytes]]:
        """Yield a failure for each key that was submitted often enough, and return the others."""
        again = []
        for key in keys:
            returned = self.times_returned[key] = self.times_returned.get(key, 0) + 1
            if returned <= RESUBMISSIONS:
                again.append(key)
            else:
                reason = reasons.get(key, f"the batch was {status} without the row")
                yield self.spool.take(key), Failure(f"unanswered in {returned} batches: {reason}")
        return again

    def _wait_or_halve(self, keys: list[bytes], told: str) -> Iterator[Result]:
        """What to do with a batch that exceeds the tokens that may wait at the endpoint: wait until others have ended.

        Where there are none, the batch is too large by itself.
        """
        self.in_the_way = self.calls.on_their_way()
        if self.in_the_way:
            self.unsubmitted.appendleft(keys)
        elif len(keys) > 1:
            middle = len(keys) // 2
            self.unsubmitted.extendleft([keys[middle:], keys[:middle]])
        elif keys:
            self.too_large += 1
            yield self.spool.take(keys[0]), Failure(told)
            if self.too_large == TOO_LARGE_IN_A_ROW:
                raise UserError(
                    f"{self.endpoint.url} rejected {self.too_large} batches of a single request each: {told}. Run "
                    "again when its limit allows for more, or use `mode: chat`."
                )

    def _note_end(self, submission: Submission, remote: Batch) -> None:
        """Note that this run is done with a batch, and which of its rows it did not wait for."""
        waited_for = set(submission.waiting)
        left = [key.hex() for key in submission.unsettled if key not in waited_for]
        self.notes.note(batch=submission.name, ended=remote.status, left=left)


def open_submissions(notes: Iterable[Mapping[str, Any]], url: str) -> list[Submission]:
    """The batches at an endpoint with rows that no note says are settled, in the order of their submission."""
    found: dict[str, Submission] = {}
    later = []
    for note in sorted(notes, key=lambda note: str(note["time"])):
        if "keys" in note and note.get("url") == url:
            keys = [bytes.fromhex(key) for key in note["keys"]]
            found[note["batch"]] = Submission(note["batch"], keys, [], set(keys))
        elif "batch" in note:
            # Clocks of several machines differ: a batch's end may seem to come before its beginning.
            later.append(note)
    for note in later:
        if submission := found.get(note["batch"]):
            submission.id = note.get("id", submission.id)
            if "ended" in note:
                submission.unsettled &= {bytes.fromhex(key) for key in note["left"]}
    return [submission for submission in found.values() if submission.unsettled]


def _drained(results: list[Result]) -> Iterator[Result]:
    while results:
        yield results.pop(0)


def _read(line: bytes) -> tuple[bytes, dict[str, Any]]:
    """The key and the content of a line; no key if it is not one of ours."""
    try:
        row = json.loads(line)
        return bytes.fromhex(row["custom_id"]), row
    except (ValueError, KeyError, TypeError):
        return b"", {}


def _errors(remote: Batch) -> list[Any]:
    return list((remote.errors and remote.errors.data) or [])


def _told(endpoint: Endpoint, submission: Submission, remote: Batch) -> str:
    """What a failed batch says, with the keys of the lines that it speaks of."""
    texts = []
    for error in _errors(remote)[:ERRORS_SHOWN]:
        text = endpoint.scrub(str(error.message or error.code))[:500]
        if isinstance(error.line, int) and 0 < error.line <= len(submission.keys):
            text += f" (line {error.line}, the row with key {submission.keys[error.line - 1].hex()})"
        texts.append(text)
    return "; ".join(texts) or "without a reason"
