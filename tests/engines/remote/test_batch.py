from __future__ import annotations

import http.server
import json
import math
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import llmock_server
import pytest
from batch_job import MODEL, engine, question, questions
from hypothesis import given
from hypothesis import strategies as st
from openai_simulator.client import Simulator
from repository import REPOSITORY
from study_copy import calls_in

from warmline.calls.ask import ask
from warmline.calls.ledger import Ledger, kept_answers
from warmline.calls.receipts import Receipt
from warmline.calls.requests import Request, Sampling
from warmline.calls.spool import nameless_file
from warmline.engines import options
from warmline.engines.remote import batch
from warmline.engines.remote.batch import RESUBMISSIONS, open_submissions
from warmline.engines.remote.batch_calls import BatchCalls
from warmline.engines.remote.chat import ChatEngine
from warmline.engines.remote.chunks import chunks
from warmline.engines.remote.endpoint import Endpoint
from warmline.lineage.errors import UserError
from warmline.lineage.script import Parser

TOKEN_LIMIT = {"code": "token_limit_exceeded", "message": "Enqueued token limit reached"}


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


def run(simulator: Simulator, ledger: Ledger, number: int, **limits: int) -> Receipt:
    return ask(questions(number), engine(simulator.url, ledger, **limits), ledger)


def interrupt(simulator: Simulator, ledger: Ledger, number: int, **limits: int) -> None:
    """A run that submits its batches and stops while it waits for them."""
    simulator.order("/v1/batches/", "status", status=401)
    with pytest.raises(UserError, match="refuses all calls, with status 401"):
        run(simulator, ledger, number, **limits)


def submitted(simulator: Simulator) -> tuple[int, int]:
    counts = simulator.counts()
    return counts["files"], counts["batches"]


def each_answered_once(simulator: Simulator, number: int) -> bool:
    return list(simulator.counts()["answered"].values()) == [1] * number


def answer_lines(ledger: Ledger) -> list[dict[str, Any]]:
    return calls_in(ledger.part(MODEL.respondent))


def test_every_row_gets_the_answer_that_a_single_call_gets(
    simulator: Simulator, ledger: Ledger, tmp_path: Path
) -> None:
    run(simulator, ledger, 7)
    singly = Ledger(tmp_path / "singly")
    ask(questions(7), ChatEngine(MODEL.respondent, MODEL.name, Endpoint(simulator.url)), singly)
    batched, single = (kept_answers(questions(7), MODEL.respondent, kept) for kept in (ledger, singly))
    assert batched == single
    assert len({response.text for _, response in batched}) == 7


def test_batches_hold_so_many_rows_and_no_more(simulator: Simulator, ledger: Ledger) -> None:
    assert run(simulator, ledger, 10, most_rows=4).new == 10
    assert submitted(simulator) == (3, 3)
    assert each_answered_once(simulator, 10)


def test_batches_hold_so_many_bytes_and_no_more(simulator: Simulator, ledger: Ledger) -> None:
    small, large = [question(number) for number in range(2)], question(2, words=500)
    asked = ask([*small, large], engine(simulator.url, ledger, most_bytes=4000), ledger)
    assert (asked.new, submitted(simulator)) == (3, (2, 2))


def test_a_row_that_no_batch_can_hold_is_the_only_one_that_fails(simulator: Simulator, ledger: Ledger) -> None:
    hopeless = [question(1, words=500), Request([{"role": "user", "content": "\ud83d"}], Sampling(0.0, 24), seed=7)]
    with pytest.raises(UserError, match=r"2 requests .* failed: .* a batch holds 1000; .* not Unicode: "):
        ask([question(0), *hopeless, question(2)], engine(simulator.url, ledger, most_bytes=1000), ledger)
    assert each_answered_once(simulator, 2)


@given(st.lists(st.integers(1, 40)), st.integers(1, 10), st.integers(40, 100))
def test_chunks_hold_every_line_once_in_order_and_within_their_limits(
    sizes: list[int], most_rows: int, most_bytes: int
) -> None:
    lines = [(bytes([number % 256]), b"x" * (size - 1) + b"\n") for number, size in enumerate(sizes)]
    cut = list(chunks(lines, most_rows, most_bytes))
    contents = []
    for chunk in cut:
        chunk.file.seek(0)
        contents.append(chunk.file.read())
        chunk.file.close()
    assert b"".join(contents) == b"".join(line for _, line in lines)
    assert [key for chunk in cut for key in chunk.keys] == [key for key, _ in lines]
    assert all(len(chunk.keys) == content.count(b"\n") for chunk, content in zip(cut, contents, strict=True))
    assert all(0 < len(chunk.keys) <= most_rows and chunk.size <= most_bytes for chunk in cut)
    # None could have taken the next one's first line.
    firsts = [len(content.split(b"\n")[0]) + 1 for content in contents[1:]]
    for chunk, first in zip(cut, firsts, strict=False):
        assert len(chunk.keys) == most_rows or chunk.size + first > most_bytes


def test_rows_that_met_a_passing_fault_are_submitted_again(simulator: Simulator, ledger: Ledger) -> None:
    simulator.next_batch("completed", row_errors={0: 429, 2: 503, 3: 408})
    assert run(simulator, ledger, 5).new == 5
    assert simulator.counts()["batch_rows"] == 5 + 3
    assert each_answered_once(simulator, 5)


def test_a_row_that_is_turned_down_becomes_a_row_without_text_once_others_were_answered(
    simulator: Simulator, ledger: Ledger
) -> None:
    simulator.next_batch("completed", row_errors={1: 400})
    assert run(simulator, ledger, 3).finish_reasons == {"stop": 2, "unanswerable": 1}
    assert submitted(simulator) == (1, 1)
    assert run(simulator, ledger, 3).new == 0
    again = ask(questions(3), engine(simulator.url, ledger), ledger, again=True)
    assert (again.new, again.finish_reasons) == (1, {"stop": 3})
    assert each_answered_once(simulator, 3)


def test_what_all_rows_of_a_batch_are_turned_down_for_is_stored_for_none(simulator: Simulator, ledger: Ledger) -> None:
    simulator.next_batch("completed", row_errors={0: 400, 1: 400})
    with pytest.raises(UserError, match=r"2 requests .* status 400: This row meets status 400"):
        run(simulator, ledger, 2)
    assert run(simulator, ledger, 2).finish_reasons == {"stop": 2}


def test_a_row_that_comes_back_again_and_again_is_given_up(simulator: Simulator, ledger: Ledger) -> None:
    simulator.next_batch("completed", row_errors={1: 500})
    for _ in range(RESUBMISSIONS):
        simulator.next_batch("completed", row_errors={0: 500})
    with pytest.raises(UserError, match=r"1 requests .* unanswered in 4 batches: status 500: This row"):
        run(simulator, ledger, 3)
    assert submitted(simulator) == (4, 4)


def test_a_refusal_that_concerns_all_rows_stops_the_run_and_the_next_one_asks_the_rest(
    simulator: Simulator, ledger: Ledger
) -> None:
    simulator.next_batch("completed", row_errors={1: 403})
    with pytest.raises(UserError, match="refuses all calls, with status 403"):
        run(simulator, ledger, 3)
    assert run(simulator, ledger, 3).new == 1
    assert each_answered_once(simulator, 3)


def test_what_an_expired_batch_answered_is_used_and_the_rest_submitted_again(
    simulator: Simulator, ledger: Ledger
) -> None:
    simulator.next_batch("expired", done=0.6)
    assert run(simulator, ledger, 5).new == 5
    assert simulator.counts()["batch_rows"] == 5 + 2
    assert each_answered_once(simulator, 5)


def test_a_cancelled_batch_stops_the_run_and_the_next_one_asks_the_rest(simulator: Simulator, ledger: Ledger) -> None:
    simulator.next_batch("cancelled", done=0.5)
    with pytest.raises(UserError, match=r"was cancelled before 2 of its 4 rows .* run again to ask the rest"):
        run(simulator, ledger, 4)
    again = run(simulator, ledger, 4)
    assert (again.answers, again.new) == (4, 2)
    assert each_answered_once(simulator, 4)


def test_rows_that_a_finished_batch_does_not_mention_are_submitted_again(
    simulator: Simulator, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Forgetful(BatchCalls):
        forgets = True

        def download(self, file: str) -> BinaryIO:
            with super().download(file) as lines:
                kept = lines.readlines()[1 if self.forgets else 0 :]
            self.forgets = False
            content = nameless_file()
            content.writelines([b"not JSON\n", b'{"custom_id": 5}\n', b'["custom_id"]\n', *kept])
            content.seek(0)
            return content

    monkeypatch.setattr(batch, "BatchCalls", Forgetful)
    assert run(simulator, ledger, 4).new == 4
    assert simulator.counts()["batch_rows"] == 4 + 1


def test_a_batch_that_exceeds_the_token_limit_waits_until_another_has_ended(
    simulator: Simulator, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    simulator.next_batch("completed")
    simulator.next_batch("failed", **TOKEN_LIMIT)
    simulator.set(batch_seconds=2)

    def stream() -> Iterator[Request]:
        for number in range(8):
            # The first four are then submitted.
            if number == 5:
                simulator.set(batch_seconds=0)
            yield question(number)

    assert len(list(engine(simulator.url, ledger, most_rows=4).answer(stream()))) == 8
    said = [line.split() for line in capsys.readouterr().err.splitlines()]
    waited_for, refused, again = [words[1] for words in said if words[-1] == "validating"]
    assert [words[1] for words in said if words[-1] in ("completed", "failed")] == [refused, waited_for, again]
    assert each_answered_once(simulator, 8)


def test_a_batch_that_exceeds_the_token_limit_by_itself_is_halved(simulator: Simulator, ledger: Ledger) -> None:
    simulator.next_batch("failed", **TOKEN_LIMIT)
    simulator.next_batch("failed", **TOKEN_LIMIT)
    assert run(simulator, ledger, 6).new == 6
    # 6, 3, 1, 2 and 3 rows.
    assert (simulator.counts()["batches"], simulator.counts()["batch_rows"]) == (5, 6)
    assert each_answered_once(simulator, 6)


def test_a_request_that_exceeds_the_token_limit_by_itself_fails(simulator: Simulator, ledger: Ledger) -> None:
    for _ in range(2):
        simulator.next_batch("failed", **TOKEN_LIMIT)
    with pytest.raises(UserError, match=r"1 requests .* failed: 1 x Enqueued token limit reached"):
        run(simulator, ledger, 2)
    assert each_answered_once(simulator, 1)


def test_a_token_limit_that_is_too_low_for_any_request_stops_the_run(simulator: Simulator, ledger: Ledger) -> None:
    for _ in range(6):
        simulator.next_batch("failed", **TOKEN_LIMIT)
    with pytest.raises(UserError, match=r"rejected 3 batches of a single request each: Enqueued token limit"):
        run(simulator, ledger, 4)


def test_a_rejected_file_is_told_with_the_keys_of_its_lines(
    simulator: Simulator, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = engine(simulator.url, ledger)
    unknown.name = "unknown-model"
    key = question(1).key(MODEL.respondent)
    with pytest.raises(UserError, match=rf"'unknown-model' is not supported\. \(line 2, the row with key {key}\)"):
        ask(questions(2), unknown, ledger)
    assert run(simulator, ledger, 2).new == 2


def test_the_key_is_in_no_error_and_no_file(
    simulator: Simulator, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BATCH_KEY", "sk-secret")
    simulator.order("/v1/files", "status", times=5, status=500, message="no service for sk-secret")
    simulator.next_batch("failed", code="billing", message="no money for sk-secret")
    with pytest.raises(UserError, match=r"no money for \[key\]") as error:
        ask(questions(2), engine(simulator.url, ledger, key="BATCH_KEY"), ledger)
    assert simulator.counts()["authorization"] == ["Bearer sk-secret"]
    said = capsys.readouterr().err
    assert "still trying after InternalServerError" in said
    kept = [path.read_text(errors="replace") for path in ledger.folder.rglob("*") if path.is_file()]
    assert not any("sk-secret" in text for text in [str(error.value), said, *kept])


def test_a_wrong_key_stops_at_once(tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATCH_KEY", "sk-wrong")
    with Simulator.start(tmp_path, key="right") as simulator:
        with pytest.raises(UserError, match=r"status 401: Incorrect API key provided: \[key\]"):
            ask(questions(2), engine(simulator.url, ledger, key="BATCH_KEY"), ledger)
        assert submitted(simulator) == (0, 0)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", ["/v1/files", "/v1/batches"])
def test_calls_are_repeated_until_they_get_through(
    simulator: Simulator, ledger: Ledger, path: str, method: str
) -> None:
    simulator.order(path, "drop", 8, method=method)
    simulator.order(path, "status", 2, method=method, status=503)
    simulator.order(path, "status", 2, method=method, status=429, retry_after=0.01)
    simulator.order(path, "hang", method=method, seconds=3)
    assert run(simulator, ledger, 3).new == 3
    assert submitted(simulator) == (1, 1)


@pytest.mark.parametrize("path", ["/v1/files", "/v1/batches"])
@pytest.mark.parametrize("fault", [{"fault": "drop", "carried_out": True}, {"fault": "truncate"}])
def test_what_was_carried_out_without_a_reply_is_found_again(
    simulator: Simulator, ledger: Ledger, path: str, fault: dict[str, Any]
) -> None:
    simulator.order(path, method="POST", **fault)
    assert run(simulator, ledger, 3).new == 3
    assert submitted(simulator) == (1, 1)


def test_what_was_carried_out_is_found_behind_many_others(simulator: Simulator, ledger: Ledger) -> None:
    with BatchCalls(Endpoint(simulator.url), 0.01, 0.01) as endpoint:
        with nameless_file() as file:
            file.write(b"{}\n")
            uploaded = endpoint.upload(file, "warmline-first.jsonl")
        created = [endpoint.create(uploaded, str(number)).id for number in range(101)]
        found = endpoint.batch_labelled("0")
        assert found and found.id == created[0]
        assert endpoint.batch_labelled("101") is None
        assert endpoint.file_named("warmline-first.jsonl") == uploaded


def test_a_download_that_is_cut_short_is_repeated(simulator: Simulator, ledger: Ledger) -> None:
    for fault in ("truncate", "drop"):
        # What is asked about a file comes before its content.
        simulator.order("/v1/files/", "slow", seconds=0)
        simulator.order("/v1/files/", fault)
    assert run(simulator, ledger, 4).new == 4
    assert submitted(simulator) == (1, 1)
    assert len(answer_lines(ledger)) == 4


def test_a_download_that_is_cut_short_each_time_stops_the_run_and_keeps_the_batch(
    simulator: Simulator, ledger: Ledger
) -> None:
    for _ in range(6):
        simulator.order("/v1/files/", "slow", seconds=0)
        simulator.order("/v1/files/", "truncate")
    with pytest.raises(UserError, match=r"sent \d+ of the \d+ bytes .* Run again later"):
        run(simulator, ledger, 4)
    check_everything_once(simulator, ledger, 4, most_rows=4)


def test_a_download_that_is_broken_off_is_repeated() -> None:
    content = b"answers\n" * 1000
    broken_off = []

    class Server(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            about = json.dumps({"id": "file-1", "bytes": len(content)}).encode()
            reply = content if self.path.endswith("/content") else about
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            if reply is content and not broken_off:
                broken_off.append(self.path)
                reply = reply[:5000]
            self.wfile.write(reply)

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        with BatchCalls(Endpoint(url), 0.01, 0.01) as endpoint, endpoint.download("file-1") as lines:
            assert lines.read() == content
        server.shutdown()
    assert broken_off


def test_an_uploaded_file_with_rows_that_are_no_longer_asked_for_is_not_submitted(
    simulator: Simulator, ledger: Ledger
) -> None:
    simulator.order("/v1/batches", "status", method="POST", status=401)
    with pytest.raises(UserError, match="401"):
        run(simulator, ledger, 3)
    assert run(simulator, ledger, 2).new == 2
    assert submitted(simulator) == (2, 1)
    assert each_answered_once(simulator, 2)


def test_rows_in_a_batch_of_an_earlier_run_are_awaited_not_submitted(simulator: Simulator, ledger: Ledger) -> None:
    interrupt(simulator, ledger, 6, most_rows=3)
    assert run(simulator, ledger, 8, most_rows=3).new == 8
    assert submitted(simulator) == (3, 3)
    assert each_answered_once(simulator, 8)


def test_rows_of_a_batch_that_nobody_asked_for_yet_stay_there_for_a_later_run(
    simulator: Simulator, ledger: Ledger
) -> None:
    simulator.next_batch("completed", row_errors={0: 500})
    interrupt(simulator, ledger, 4)
    # Row 0 comes back and goes into a batch of its own, row 3 is not asked for.
    assert run(simulator, ledger, 3).new == 3
    assert run(simulator, ledger, 4).new == 1
    assert submitted(simulator) == (2, 2)
    assert each_answered_once(simulator, 4)


def test_a_batch_whose_rows_were_submitted_again_is_not_read_again(simulator: Simulator, ledger: Ledger) -> None:
    simulator.next_batch("expired", done=0.5)
    simulator.order("/v1/batches/", "slow", seconds=0)
    simulator.order("/v1/batches/", "status", status=401)
    with pytest.raises(UserError, match="401"):
        run(simulator, ledger, 4)
    assert submitted(simulator) == (2, 2)
    assert run(simulator, ledger, 4).new == 2
    assert submitted(simulator) == (2, 2)
    assert each_answered_once(simulator, 4)


def test_a_batch_that_the_endpoint_no_longer_knows_stops_the_run(
    simulator: Simulator, ledger: Ledger, tmp_path: Path
) -> None:
    with ledger.writer(MODEL.respondent) as notes:
        notes.note(batch="a", url=simulator.url, keys=[question(0).key(MODEL.respondent)])
        notes.note(batch="a", id="batch_gone")
    with pytest.raises(UserError, match=r"does not know the batch batch_gone, .* delete .*\.notes\.jsonl"):
        run(simulator, ledger, 2)


def test_batches_at_other_endpoints_and_notes_of_others_do_not_count() -> None:
    key = "ab" * 32
    notes = [
        {"time": "1", "batch": "a", "url": "http://one/v1", "keys": [key]},
        {"time": "2", "batch": "b", "url": "http://two/v1", "keys": [key]},
        {"time": "3", "job": "tuning"},
        # By a clock that is behind.
        {"time": "0", "batch": "b", "id": "batch_1"},
    ]
    assert [found.id for found in open_submissions(notes, "http://two/v1")] == ["batch_1"]
    ended = {"time": "0", "batch": "b", "ended": "completed", "left": []}
    assert open_submissions([*notes, ended], "http://two/v1") == []


def start(simulator: Simulator, ledger: Ledger, number: int, most_rows: int) -> subprocess.Popen[str]:
    """A process of its own that asks, and is about to."""
    script = REPOSITORY / "tests/stand_ins/batch_job.py"
    command = [sys.executable, str(script), simulator.url, str(ledger.folder), str(number), str(most_rows)]
    paths = {"PYTHONPATH": str(REPOSITORY / "scripts"), "PATH": "/usr/bin:/bin"}
    process = subprocess.Popen(command, env=paths, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout and process.stdout.readline() == "begins\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    if process.stdout:
        process.stdout.close()


def check_everything_once(simulator: Simulator, ledger: Ledger, number: int, most_rows: int) -> None:
    assert run(simulator, ledger, number, most_rows=most_rows).answers == number
    batches = math.ceil(number / most_rows)
    assert submitted(simulator) == (batches, batches)
    assert each_answered_once(simulator, number)
    assert sorted(line["key"] for line in answer_lines(ledger)) == sorted(
        request.key(MODEL.respondent) for request in questions(number)
    )


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param([("/v1/files", "POST", "hang")], id="before the upload"),
        pytest.param([("/v1/files", "POST", "drop"), ("/v1/files", "GET", "hang")], id="after the upload"),
        pytest.param([("/v1/batches", "POST", "hang")], id="before the batch is created"),
        pytest.param([("/v1/batches", "POST", "drop"), ("/v1/batches", "GET", "hang")], id="after it is created"),
        pytest.param([("/v1/batches/", "GET", "hang")], id="while it is awaited"),
        pytest.param([("/v1/files/", "GET", "hang")], id="before its results are read"),
    ],
)
def test_a_killed_job_goes_on_where_it_was(
    simulator: Simulator, ledger: Ledger, faults: list[tuple[str, str, str]]
) -> None:
    for path, method, fault in faults:
        details = {"seconds": 60} if fault == "hang" else {"carried_out": True}
        simulator.order(path, fault, method=method, **details)
    # The last request on its way hangs until the process is killed.
    job = start(simulator, ledger, 6, most_rows=6)
    time.sleep(1.0)
    assert job.poll() is None
    kill(job)
    check_everything_once(simulator, ledger, 6, most_rows=6)


@pytest.mark.parametrize("seed", range(6))
def test_a_job_that_is_killed_at_any_moment_pays_for_nothing_twice(
    simulator: Simulator, ledger: Ledger, seed: int
) -> None:
    chance = random.Random(seed)
    simulator.set(batch_seconds=0.2)
    for _ in range(3):
        job = start(simulator, ledger, 300, most_rows=70)
        time.sleep(chance.uniform(0.0, 0.6))
        kill(job)
    check_everything_once(simulator, ledger, 300, most_rows=70)


def test_calling_scripts_ask_in_batches_where_the_endpoint_says_so(simulator: Simulator, ledger: Ledger) -> None:
    parser = Parser("asks")
    options.add_arguments(parser)
    endpoint = json.dumps({"url": simulator.url, "mode": "batch"})
    arguments = parser.parse_args(["--ledger", str(ledger.folder), "--calls", "ask", "--endpoint", endpoint])
    assert options.ask(arguments, questions(2), 2, MODEL).new == 2
    assert submitted(simulator) == (1, 1)


def test_another_implementation_of_the_api_is_served_as_well(ledger: Ledger) -> None:
    with llmock_server.running() as llmock:
        assert ask(questions(5), engine(llmock.url, ledger, most_rows=3), ledger).new == 5
        assert ask(questions(5), engine(llmock.url, ledger, most_rows=3), ledger).new == 0
