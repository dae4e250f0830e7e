"""The reference engine: grades by comparison with the reference answers; no model, no network."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from warmline.calls.requests import Outcome, Request, Respondent, Response
from warmline.grading import reference_match, verdicts


class ReferenceEngine:
    """Answers grading requests, whose message is the JSON that judging.requests writes."""

    def __init__(self, respondent: Respondent) -> None:
        self.respondent = respondent

    def answer(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Outcome]]:
        for request in requests:
            case = json.loads(request.messages[-1]["content"])
            verdict = reference_match.grade(case["response"], case["right"], case["wrong"], case["rule"], case["steps"])
            yield request, Response(verdicts.as_text(verdict), "stop", 0, 0)
