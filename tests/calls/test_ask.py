from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from warmline.calls.ask import CHUNK, ask
from warmline.calls.budget import Budget, spent_by_job
from warmline.calls.ledger import Ledger, kept_answers
from warmline.calls.prices import Prices
from warmline.calls.receipts import Receipt
from warmline.calls.requests import Failure, Request, Respondent, Response, Sampling
from warmline.lineage.errors import UserError

SHOUTING = {"engine": "shouting"}


class Shouting:
    """An engine that answers in capitals, last question first. It cannot answer some, and may break down at one."""

    def __init__(self, unable: Sequence[str] = (), breaks_at: str | None = None) -> None:
        self.respondent: Respondent = SHOUTING
        self.unable = unable
        self.breaks_at = breaks_at
        self.asked: list[str] = []

    def answer(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Response | Failure]]:
        for request in reversed(list(requests)):
            content = request.messages[-1]["content"]
            if content == self.breaks_at:
                raise ConnectionError("cut off")
            self.asked.append(content)
            able = content not in self.unable
            yield request, Response(content.upper(), "stop", 2, len(content)) if able else Failure("too hard")


def requests(*contents: str) -> list[Request]:
    return [Request([{"role": "user", "content": content}], Sampling(0.8, 24), seed=7) for content in contents]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


def test_every_request_gets_its_own_answer(ledger: Ledger) -> None:
    ask(requests("a", "bb", "c"), Shouting(), ledger)
    kept = kept_answers(requests("a", "bb", "c"), SHOUTING, ledger)
    assert [response.text for _, response in kept] == ["A", "BB", "C"]


def test_only_what_the_ledger_lacks_is_asked(ledger: Ledger) -> None:
    ask(requests("a", "b"), Shouting(), ledger)
    engine = Shouting()
    receipt = ask(requests("a", "b", "c"), engine, ledger)
    assert engine.asked == ["c"]
    assert (receipt.answers, receipt.new) == (3, 1)


def test_asking_again_asks_nothing(ledger: Ledger) -> None:
    ask(requests("a", "b"), Shouting(), ledger)
    engine = Shouting(breaks_at="a")
    ask(requests("b", "a"), engine, ledger)
    assert engine.asked == []


def test_equal_requests_are_asked_once(ledger: Ledger) -> None:
    engine = Shouting()
    receipt = ask(requests("a", "a", "b"), engine, ledger).as_json()
    assert sorted(engine.asked) == ["a", "b"]
    assert receipt["rows"] == 3
    assert receipt["this_run"]["new"] == 2


def test_an_interrupted_run_loses_no_answer(ledger: Ledger) -> None:
    with pytest.raises(ConnectionError):
        ask(requests("a", "b", "c"), Shouting(breaks_at="a"), ledger)
    engine = Shouting()
    ask(requests("a", "b", "c"), engine, ledger)
    assert engine.asked == ["a"]


def test_failures_are_told_after_all_else_was_asked_and_asked_again_next_time(ledger: Ledger) -> None:
    failed = r"2 requests to \{'engine': 'shouting'\} failed: 2 x too hard\. The first asks 'd'\."
    message = rf"{failed} The 2 answers are kept in .*ledger"
    with pytest.raises(UserError, match=message):
        ask(requests("a", "b", "c", "d"), Shouting(unable=["d", "b"]), ledger)
    engine = Shouting()
    assert ask(requests("a", "b", "c", "d"), engine, ledger).answers == 4
    assert sorted(engine.asked) == ["b", "d"]


def test_a_receipt_counts_the_same_whoever_asked_and_says_apart_what_this_run_did(ledger: Ledger) -> None:
    first = ask(requests("a", "bb"), Shouting(), ledger).as_json()
    again = ask(requests("a", "bb"), Shouting(), ledger).as_json()
    runs = first.pop("this_run"), again.pop("this_run")
    assert first == again
    tokens = {"prompt_tokens": 4, "completion_tokens": 3, "finish_reasons": {"stop": 2}}
    assert len(first.pop("root")) == 64
    assert first == {"rows": 2, "answers": 2, **tokens}
    assert [(run["new"], run["from_ledger"]) for run in runs] == [(2, 0), (0, 2)]


def test_requests_are_taken_only_as_the_engine_has_room_for_them(ledger: Ledger) -> None:
    taken = 0

    def stream() -> Iterator[Request]:
        nonlocal taken
        for request in requests(*map(str, range(10 * CHUNK))):
            taken += 1
            yield request

    class OneByOne(Shouting):
        def answer(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Response | Failure]]:
            for number, request in enumerate(requests):
                assert taken <= number + CHUNK
                yield request, Response("yes", "stop", 1, 1)

    assert ask(stream(), OneByOne(), ledger).new == 10 * CHUNK


def test_a_budget_stops_calls_before_it_is_exceeded_and_keeps_what_was_answered(ledger: Ledger, tmp_path: Path) -> None:
    prices = Prices(completion=10_000.0)

    class OneByOne(Shouting):
        def answer(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Response | Failure]]:
            for request in requests:
                yield from super().answer([request])

    def run(limit: float) -> Receipt:
        budget = Budget(limit, tmp_path / "spending/job.json")
        return ask(requests(*"abcdef"), OneByOne(), ledger, prices=prices, budget=budget)

    # An answer of one letter costs 0.01 dollars, and may cost 0.24 with all of its tokens.
    with pytest.raises(UserError, match=r"budget of 0\.27 US dollars .* has spent 0\.04\. The 4 answers are kept"):
        run(0.27)
    assert run(1.0).new == 2
    assert spent_by_job(tmp_path / "spending") == {"job": pytest.approx(0.06)}


def test_kept_answers_come_in_the_order_of_their_requests(ledger: Ledger) -> None:
    ask(requests("a", "b", "c"), Shouting(), ledger)
    wanted = requests("c", "a", "c", "b")
    kept = kept_answers(wanted, SHOUTING, ledger)
    assert [response.text for _, response in kept] == ["C", "A", "C", "B"]
    assert [key for key, _ in kept] == [request.key(SHOUTING) for request in wanted]


def test_a_kept_answer_that_is_missing_is_an_error(ledger: Ledger) -> None:
    ask(requests("a"), Shouting(), ledger)
    with pytest.raises(UserError, match=r"1 of 2 answers of .* are not in the ledger .* Rebuild the receipt"):
        kept_answers(requests("a", "b"), SHOUTING, ledger)


def test_the_receipts_of_two_rounds_add_up(ledger: Ledger) -> None:
    first = ask(requests("a", "bb"), Shouting(), ledger)
    second = ask(requests("bb", "ccc"), Shouting(), ledger, prices=Prices(1e6, 1e6))
    both = first + second
    assert (both.rows, both.answers, both.new) == (4, 4, 3)
    assert (both.prompt_tokens, both.completion_tokens) == (8, 1 + 2 + 2 + 3)
    assert both.finish_reasons == {"stop": 4}
    assert both.usd == first.usd + second.usd > 0
    assert Receipt() + first == first
    assert (Receipt(shutdown_date="2027-01-20") + first).shutdown_date == "2027-01-20"


def test_a_receipts_root_stands_for_all_its_lines_in_any_order(ledger: Ledger, tmp_path: Path) -> None:
    root = ask(requests("a", "bb", "a"), Shouting(), ledger).root()
    keys = [request.key(SHOUTING) for request in requests("a", "bb")]
    lines = ledger.answered(SHOUTING).lines(keys)
    whole = b"".join(sorted(bytes.fromhex(key) + lines[key].digest for key in keys))
    assert root == hashlib.sha256(whole).hexdigest()
    assert ask(requests("bb", "a"), Shouting(), Ledger(tmp_path / "other")).root() == root
    assert (ask(requests("a"), Shouting(), ledger) + ask(requests("bb", "a"), Shouting(), ledger)).root() == root
    assert ask(requests("a"), Shouting(), ledger).root() != root


def test_a_receipt_of_what_is_known_to_be_kept_is_that_of_its_requests(ledger: Ledger) -> None:
    ask(requests("a", "b", "c"), Shouting(), ledger)
    keys = [bytes.fromhex(request.key(SHOUTING)) for request in requests("a", "b", "b")]
    engine = Shouting()
    receipt = ask(requests("b", "c", "d"), engine, ledger, kept=keys).as_json()
    plain = ask(requests("a", "b", "b", "b", "c", "d"), Shouting(), ledger).as_json()
    assert engine.asked == ["d"]
    assert {**receipt, "this_run": None} == {**plain, "this_run": None}
    assert receipt["this_run"]["new"] == 1
