from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
from openai_simulator.client import Simulator

from warmline.calls.receipts import Receipt
from warmline.calls.requests import Request, Sampling
from warmline.engines import options
from warmline.engines.options import elsewhere
from warmline.lineage.script import Parser
from warmline.models.cards import RemoteModel

HERE = "http://127.0.0.1:8000/v1"


def test_answers_given_elsewhere_are_named_and_those_of_the_endpoint_are_not() -> None:
    assert elsewhere({}, HERE) == ""
    assert elsewhere({HERE + "/": 12}, HERE) == ""
    told = elsewhere({HERE: 2, "http://127.0.0.1:9000/v1": 1010}, HERE)
    assert f"elsewhere than at {HERE}: 1,010 at http://127.0.0.1:9000/v1." in told and "`identity`" in told


def asked(ledger: Path, url: str, questions: list[str]) -> Receipt:
    """The receipt of a job that asks an endpoint."""
    parser = Parser("Ask.")
    options.add_arguments(parser)
    endpoint = json.dumps({"url": url, "mode": "chat"})
    known = ["--ledger", str(ledger), "--calls", "ask", "--endpoint", endpoint]
    arguments: argparse.Namespace = parser.parse_args(known)
    arguments.written_by = {}
    requests = [Request([{"role": "user", "content": text}], Sampling(0.0, 24), seed=7) for text in questions]
    return options.ask(arguments, requests, len(requests), RemoteModel("large"))


def test_a_job_tells_which_answers_another_server_of_the_same_model_gave(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    with Simulator.start(tmp_path / "one") as one, Simulator.start(tmp_path / "other") as other:
        asked(tmp_path / "ledger", one.url, ["a", "b"])
        assert "elsewhere" not in capfd.readouterr().err
        receipt = asked(tmp_path / "ledger", other.url, ["a", "b", "c"])
        assert (receipt.new, dict(receipt.endpoints)) == (1, {one.url: 2, other.url: 1})
        assert f"elsewhere than at {other.url}: 2 at {one.url}" in capfd.readouterr().err
