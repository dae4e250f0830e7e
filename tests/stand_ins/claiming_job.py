"""A process that asks questions at an endpoint: `python claiming_job.py URL LEDGER JSON`.

JSON: `questions`, their numbers in order; `times`, the arguments of Times; `place`, where it seems to run; `at_once`,
how many calls may be on their way. It begins when it is sent a line, and prints its receipt or the error that it ended
with.
"""

from __future__ import annotations

import json
import sys

from warmline.calls import claims
from warmline.calls.ask import ask
from warmline.calls.ledger import Ledger
from warmline.calls.requests import Request, Sampling
from warmline.engines.remote.chat import ChatEngine
from warmline.engines.remote.endpoint import Endpoint
from warmline.lineage import processes
from warmline.lineage.errors import UserError
from warmline.models.cards import RemoteModel

MODEL = RemoteModel("m")


def question(number: int) -> Request:
    return Request([{"role": "user", "content": f"question {number}"}], Sampling(0.0, 24), seed=7)


def main(url: str, folder: str, options: str) -> None:
    given = json.loads(options)
    if "place" in given:
        processes.place = lambda: given["place"]
    engine = ChatEngine(MODEL.respondent, MODEL.name, Endpoint(url, max_concurrency=given["at_once"]), first_pause=0.01)
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        asked = map(question, given["questions"])
        receipt = ask(asked, engine, Ledger(folder), times=claims.Times(**given["times"]))
        print(json.dumps(receipt.as_json()))
    except UserError as error:
        print(json.dumps({"error": str(error)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
