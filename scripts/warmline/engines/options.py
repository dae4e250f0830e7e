"""The command-line arguments that say how calls are carried out, and the asking that they describe.

None of them decides an answer, so none is in a ledger key, and a change of them rebuilds nothing.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import itertools
import json
import sys
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from warmline.calls import ask as asking
from warmline.calls import turned_down
from warmline.calls.budget import Budget
from warmline.calls.ledger import Ledger
from warmline.calls.prices import Prices
from warmline.calls.progress import Progress
from warmline.calls.receipts import Receipt, elsewhere
from warmline.calls.requests import UNANSWERABLE, Outcome, Request, Respondent
from warmline.engines.remote import shutdown
from warmline.engines.remote.chat import ChatEngine
from warmline.engines.remote.endpoint import Endpoint
from warmline.engines.remote.probe import PROPERTIES, Probed, probed
from warmline.engines.replay import ReplayEngine
from warmline.lineage import records
from warmline.lineage.errors import UserError
from warmline.lineage.script import Parser
from warmline.models.cards import LocalModel, Model, require_system_turn


def add_arguments(parser: Parser) -> None:
    """Declare what every script that calls models takes."""
    parser.add_argument("--ledger", required=True, type=Path, help="folder of the ledger")
    how = "ask-again: also what was unanswerable in earlier runs; replay: the ledger only"
    parser.add_argument("--calls", required=True, choices=["ask", "ask-again", "replay"], help=how)
    parser.add_argument("--label", default="calls", help="the job's name in progress and in the study's spending")
    parser.add_argument("--batch-size", type=int, default=16, help="rows that go through local weights together")
    parser.add_argument("--spread", action="store_true", help="spread local weights over all GPUs of the job")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads; more than 1 may round differently")
    parser.add_argument("--endpoint", type=json.loads, help="where a remote model answers, and its limits, as JSON")
    parser.add_argument(
        "--probe", action="store_true", help="see first whether a server draws replies as it is told to"
    )
    known = "what the model's server is known to do otherwise than it is told (warmline.engines.remote.probe)"
    parser.add_argument("--known", nargs="+", default=[], choices=PROPERTIES, help=known)
    parser.add_argument("--serve", help="command that serves local weights for the length of the job")
    parser.add_argument("--prices", type=float, nargs=2, help="US dollars per million tokens: prompt, completion")
    parser.add_argument("--budget", type=float, help="US dollars that all jobs of the study may spend together")
    parser.add_argument("--spending", type=Path, help="folder where the study's jobs keep what they spent")
    horizon = "days before its shutdown from which a remote model is warned of"
    parser.add_argument("--shutdown-horizon-days", type=int, default=shutdown.HORIZON_DAYS, help=horizon)


def ask(
    arguments: argparse.Namespace,
    requests: Iterable[Request],
    rows: int,
    model: Model,
    kept: Collection[bytes] = (),
) -> Receipt:
    """Have a model answer; `rows` is the number of requests, for the progress, and `kept` are keys of further ones."""
    prices = Prices(*arguments.prices) if arguments.prices else Prices()
    spending = arguments.spending / f"{arguments.label}.json" if arguments.spending else None
    asked = engine(arguments, model)
    receipt = asking.ask(
        requests,
        asked,
        ledger(arguments),
        prices=prices,
        budget=Budget(arguments.budget, spending) if spending else None,
        progress=Progress(rows + len(kept), arguments.label),
        again=arguments.calls == "ask-again",
        kept=kept,
    )
    turned_down.add(arguments, receipt.finish_reasons[UNANSWERABLE])
    if isinstance(asked, LazyEngine):
        receipt.batch_size = asked.batch_size
        receipt.probe = dataclasses.asdict(asked.probed) if asked.probed else None
        receipt.shutdown_date = asked.shutdown_date.isoformat() if asked.shutdown_date else None
    if arguments.endpoint and (given := elsewhere(receipt.endpoints, arguments.endpoint["url"])):
        print(f"warning: {arguments.label}: {given}", file=sys.stderr, flush=True)
    return receipt


def projection(arguments: argparse.Namespace, rule: str, table: Path) -> str | None:
    """The name of the record of a projection in the job's study, by <model>/<arm>/<task>/<condition> of its table.

    None where what it made before is not to be relied on.
    """
    if not arguments.record or arguments.calls == "ask-again":
        return None
    cell = zip(("model", "arm", "task", "condition"), table.with_suffix("").parts[-4:], strict=True)
    return records.beside(arguments.record, rule, **dict(cell))


def ledger(arguments: argparse.Namespace) -> Ledger:
    """The ledger, whose files are to say which job wrote them, and which endpoint it asked."""
    asked = {"endpoint": arguments.endpoint["url"]} if arguments.endpoint else {}
    return Ledger(arguments.ledger, {**arguments.written_by, **asked})


def engine(arguments: argparse.Namespace, model: Model) -> asking.Engine:
    """The engine that the arguments describe."""
    if arguments.calls == "replay":
        return ReplayEngine(model.respondent)
    return LazyEngine(arguments, model)


class LazyEngine:
    """An engine that is made when a request comes that the ledger does not hold: loading it takes seconds or more."""

    def __init__(self, arguments: argparse.Namespace, model: Model) -> None:
        self.respondent: Respondent = model.respondent
        self._arguments = arguments
        self._model = model
        self.shutdown_date: datetime.date | None = None
        self.batch_size: int | None = None
        self.probed: Probed | None = None

    def answer(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Outcome]]:
        stream = iter(requests)
        first = next(stream, None)
        if first is not None:
            if first.messages[0]["role"] == "system":
                require_system_turn(self._model, f"what is asked in {self._arguments.label}")
            yield from self._answer(itertools.chain([first], stream))

    def _answer(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Outcome]]:
        if isinstance(self._model, LocalModel) and self._model.engine == "transformers":
            import torch

            from warmline.engines.local.transformers import TransformersEngine

            torch.set_num_threads(self._arguments.threads)
            arguments = self._arguments
            engine = TransformersEngine(self._model, arguments.batch_size, spread=arguments.spread)
            try:
                yield from engine.answer(requests)
            finally:
                # What memory did not hold, it will not hold in the job's next round either.
                self.batch_size = arguments.batch_size = engine.batch_size
        elif isinstance(self._model, LocalModel):
            from warmline.engines.served.server import serve

            if not self._arguments.serve:
                raise UserError("a server is to answer with these weights: pass the command that starts it as --serve.")
            with serve(self._arguments.serve, self._model) as served:
                yield from self._remote(served.name, served.endpoint, self._arguments.serve, requests)
        else:
            endpoint = Endpoint.from_json(self._arguments.endpoint)
            self._heed_shutdown(endpoint, self._model.name)
            yield from self._remote(self._model.name, endpoint, endpoint.url, requests)

    def _remote(
        self, name: str, endpoint: Endpoint, place: str, requests: Iterable[Request]
    ) -> Iterator[tuple[Request, Outcome]]:
        """Ask an endpoint; with `probe`, once its calls have shown that the server at `place` does as it is told."""
        asking, stream = ChatEngine(self.respondent, name, endpoint), iter(requests)
        if self._arguments.probe:
            first = next(stream)
            stream = itertools.chain([first], stream)
            sampled = first.sampling.temperature > 0
            asking, self.probed = probed(asking, ledger(self._arguments), place, sampled, self._arguments.known)
        if endpoint.mode == "batch":
            from warmline.engines.remote.batch import BatchEngine

            yield from BatchEngine(self.respondent, name, asking.endpoint, ledger(self._arguments)).answer(stream)
        else:
            yield from asking.answer(stream)

    def _heed_shutdown(self, endpoint: Endpoint, name: str) -> None:
        """Warn of a model that will be shut down soon. Raises UserError if it was already."""
        self.shutdown_date = shutdown.soon(endpoint, name, self._arguments.shutdown_horizon_days)
        if self.shutdown_date:
            print(f"warning: {shutdown.warning(name, self.shutdown_date)}", file=sys.stderr, flush=True)
