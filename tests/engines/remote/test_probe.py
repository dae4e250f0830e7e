"""The probe against servers that do as they are told, and against those that do not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from openai_simulator.client import Simulator

from warmline.calls.ledger import ANSWERS, Ledger
from warmline.calls.receipts import Receipt
from warmline.calls.requests import Request, Sampling
from warmline.engines import options
from warmline.engines.remote.probe import CALLS, NEUTRAL
from warmline.lineage import digests
from warmline.lineage.errors import UserError
from warmline.lineage.script import Parser
from warmline.models.cards import RemoteModel

MODEL = RemoteModel("m")


def ask(
    simulator: Simulator,
    folder: Path,
    known: Sequence[str] = (),
    temperature: float = 0.8,
    row: int = 0,
    mode: str = "chat",
) -> Receipt:
    parser = Parser("")
    options.add_arguments(parser)
    endpoint = digests.canonical_json({"url": simulator.url, "mode": mode})
    words = ["--ledger", str(folder / "ledger"), "--calls", "ask", "--probe", "--endpoint", endpoint]
    arguments = parser.parse_args([*words, *(["--known", *known] if known else [])])
    arguments.written_by = {}
    requests = [Request([{"role": "user", "content": f"Question {row}?"}], Sampling(temperature, 24), seed=row)]
    return options.ask(arguments, requests, 1, MODEL)


def test_a_server_that_does_as_it_is_told_is_probed_once(simulator: Simulator, tmp_path: Path) -> None:
    receipt = ask(simulator, tmp_path)
    assert receipt.probe and receipt.probe["problems"] == {}
    # Two greedy replies, two of one seed, one of another, one with a small top_p; and top_k, which it does not know.
    assert (receipt.probe["calls"], receipt.probe["taken"], receipt.probe["narrowed"]) == (6, False, False)
    assert receipt.probe["completion_tokens"] > 0
    assert receipt.as_json()["this_run"]["probe"] == receipt.probe
    assert simulator.counts()["chat"] == 6 + 1

    assert ask(simulator, tmp_path, row=1).probe == receipt.probe
    assert simulator.counts()["chat"] == 6 + 2
    assert ask(simulator, tmp_path).probe is None
    assert simulator.counts()["chat"] == 6 + 2


def test_before_a_batch_single_calls_show_how_the_model_draws(simulator: Simulator, tmp_path: Path) -> None:
    simulator.set(habit="ignores_seeds")
    with pytest.raises(UserError, match=r"seed: two seeds give one reply\."):
        ask(simulator, tmp_path, mode="batch")
    assert (simulator.counts()["chat"], simulator.counts()["batches"]) == (6, 0)
    receipt = ask(simulator, tmp_path, known=["seed"], mode="batch")
    assert receipt.new == 1 and receipt.probe and receipt.probe["calls"] == 6
    assert (simulator.counts()["chat"], simulator.counts()["batches"]) == (6, 1)


def test_plain_sampling_is_not_said_in_words_that_make_a_server_greedy(simulator: Simulator, tmp_path: Path) -> None:
    simulator.set(habit="top_k_of_0_is_1")
    receipt = ask(simulator, tmp_path)
    assert receipt.probe and (receipt.probe["problems"], receipt.probe["calls"]) == ({}, CALLS)
    assert (receipt.probe["taken"], receipt.probe["narrowed"]) == (False, False)


def test_a_probe_that_saw_nothing_says_so(
    simulator: Simulator, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    simulator.set(chat_answer="")
    ask(simulator, tmp_path)
    assert "the replies to the probe hold no text" in capfd.readouterr().err


def test_of_greedy_requests_only_what_they_need_is_probed(simulator: Simulator, tmp_path: Path) -> None:
    simulator.set(habit="ignores_seeds")
    receipt = ask(simulator, tmp_path, temperature=0)
    assert receipt.probe and (receipt.probe["problems"], receipt.probe["calls"]) == ({}, 2)


@pytest.mark.parametrize(
    ("habit", "name", "told"),
    [
        ("greedy", "temperature", "temperature: replies at temperature 1.5 are those at temperature 0."),
        ("ignores_seeds", "seed", "seed: two seeds give one reply."),
        ("varies", "seed", "seed: one seed gives two replies."),
        ("ignores_top_p", "top_p", "top_p: a top_p of 0.0001 does not give the reply at temperature 0."),
    ],
)
def test_a_server_that_does_otherwise_is_told_by_what_it_does_and_nothing_is_asked_of_it(
    simulator: Simulator, tmp_path: Path, habit: str, name: str, told: str
) -> None:
    simulator.set(habit=habit)
    with pytest.raises(UserError, match=rf"does not draw replies of m as it is told to\. {re.escape(told)}"):
        ask(simulator, tmp_path)
    assert simulator.counts()["chat"] == 6
    assert not list((tmp_path / "ledger").rglob(f"*{ANSWERS}"))

    # Known, it is not looked at again; and where it was mended, it is.
    accepted = ask(simulator, tmp_path, known=[name])
    assert accepted.new == 1 and accepted.probe and accepted.probe["problems"].keys() == {name}
    assert simulator.counts()["chat"] == 6 + 1
    simulator.set(habit=None)
    assert ask(simulator, tmp_path, row=1).new == 1


def test_a_server_that_narrows_what_it_draws_from_is_sent_plain_sampling(
    simulator: Simulator, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    simulator.set(habit="narrows")
    receipt = ask(simulator, tmp_path)
    assert receipt.probe and (receipt.probe["taken"], receipt.probe["narrowed"]) == (True, True)
    assert receipt.probe["calls"] == CALLS
    assert f"{simulator.url} draws replies otherwise than from all tokens" in capfd.readouterr().err
    request = Request([{"role": "user", "content": "Question 0?"}], Sampling(0.8, 24), seed=0)
    body = {"model": "m", "messages": request.messages, "max_completion_tokens": 24, "temperature": 0.8, "top_p": 1.0}
    sent = digests.of_value({**body, "seed": 0, **NEUTRAL})
    assert simulator.counts()["answered"][sent] == 1
    # The key is that of plain sampling, whatever words it was asked for in.
    assert Ledger(tmp_path / "ledger").responses(MODEL.respondent, {request.key(MODEL.respondent)})
