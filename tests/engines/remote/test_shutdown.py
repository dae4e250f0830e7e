from __future__ import annotations

import argparse
import datetime
import json
from pathlib import Path

import pytest
from openai_simulator.client import Simulator

from warmline.calls.requests import Request, Sampling
from warmline.engines import options
from warmline.engines.remote import shutdown
from warmline.engines.remote.endpoint import Endpoint
from warmline.lineage.errors import UserError
from warmline.lineage.script import Parser
from warmline.models.cards import RemoteModel

TODAY = datetime.date(2026, 11, 21)
DATE = datetime.date(2027, 1, 20)


def in_days(days: int) -> str:
    return (datetime.date.today() + datetime.timedelta(days=days)).isoformat()


def arguments(url: str, folder: Path, *words: str) -> argparse.Namespace:
    parser = Parser(None)
    options.add_arguments(parser)
    endpoint = json.dumps({"url": url, "mode": "chat"})
    return parser.parse_args(["--ledger", str(folder / "ledger"), "--calls", "ask", "--endpoint", endpoint, *words])


def request(content: str = "hello") -> list[Request]:
    return [Request([{"role": "user", "content": content}], Sampling(0.0, 8), 0)]


def test_an_endpoint_tells_when_it_will_shut_a_model_down(simulator: Simulator) -> None:
    simulator.set(shutdown_dates={"old": "2027-01-20"})
    assert shutdown.announced(Endpoint(simulator.url), "old") == DATE
    assert shutdown.announced(Endpoint(simulator.url), "new") is None


@pytest.mark.parametrize("fault", ["status", "drop", "truncate"])
def test_an_endpoint_that_cannot_tell_has_announced_nothing(simulator: Simulator, fault: str) -> None:
    simulator.set(shutdown_dates={"old": "2027-01-20"})
    simulator.order(
        "/v1/models", fault, **({"status": 500, "code": None, "message": "no"} if fault == "status" else {})
    )
    assert shutdown.announced(Endpoint(simulator.url), "old") is None


@pytest.mark.parametrize("date", ["soon", "2027-13-45", ""])
def test_a_date_that_is_none_is_no_announcement(simulator: Simulator, date: str) -> None:
    simulator.set(shutdown_dates={"old": date})
    assert shutdown.announced(Endpoint(simulator.url), "old") is None


def test_only_a_date_within_the_horizon_is_told() -> None:
    assert shutdown.within_horizon("old", DATE, 60, TODAY) == DATE
    assert shutdown.within_horizon("old", DATE, 59, TODAY) is None
    assert shutdown.within_horizon("old", DATE, 0, DATE) == DATE
    assert shutdown.within_horizon("old", None, 60, TODAY) is None


def test_a_date_in_the_past_names_the_model_and_what_to_do() -> None:
    with pytest.raises(UserError, match=r"the model old was shut down on 2027-01-20.*Put another model's `name`"):
        shutdown.within_horizon("old", DATE, 60, DATE + datetime.timedelta(days=1))


def test_a_model_that_is_shut_down_soon_is_warned_of_and_noted_in_the_receipt(
    simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    simulator.set(shutdown_dates={"old": in_days(30)})
    receipt = options.ask(arguments(simulator.url, tmp_path), request(), 1, RemoteModel("old"))
    assert receipt.new == 1
    assert receipt.as_json()["this_run"]["shutdown_date"] == in_days(30)
    assert f"warning: the model old will be shut down on {in_days(30)}" in capsys.readouterr().err


def test_a_model_that_is_shut_down_later_than_the_horizon_is_not(
    simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    simulator.set(shutdown_dates={"old": in_days(30)})
    given = arguments(simulator.url, tmp_path, "--shutdown-horizon-days", "20")
    receipt = options.ask(given, request(), 1, RemoteModel("old"))
    assert "shutdown_date" not in receipt.as_json()["this_run"]
    assert "shut down" not in capsys.readouterr().err


def test_a_model_that_was_shut_down_is_not_asked(simulator: Simulator, tmp_path: Path) -> None:
    simulator.set(shutdown_dates={"old": in_days(-1)})
    with pytest.raises(UserError, match=f"the model old was shut down on {in_days(-1)}"):
        options.ask(arguments(simulator.url, tmp_path), request(), 1, RemoteModel("old"))
    assert simulator.counts()["chat"] == 0


def test_answers_of_a_model_that_was_shut_down_are_still_read(simulator: Simulator, tmp_path: Path) -> None:
    options.ask(arguments(simulator.url, tmp_path), request(), 1, RemoteModel("old"))
    simulator.set(shutdown_dates={"old": in_days(-1)})
    assert options.ask(arguments(simulator.url, tmp_path), request(), 1, RemoteModel("old")).new == 0
