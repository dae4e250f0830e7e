from __future__ import annotations

from warmline.engines.options import elsewhere

HERE = "http://127.0.0.1:8000/v1"


def test_answers_given_elsewhere_are_named_and_those_of_the_endpoint_are_not() -> None:
    assert elsewhere({}, HERE) == ""
    assert elsewhere({HERE + "/": 12}, HERE) == ""
    told = elsewhere({HERE: 2, "http://127.0.0.1:9000/v1": 1010}, HERE)
    assert f"elsewhere than at {HERE}: 1,010 at http://127.0.0.1:9000/v1." in told and "`identity`" in told
