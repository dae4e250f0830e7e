from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from warmline.calls.jobs import ANSWERS, GRADES, Job
from warmline.calls.prices import Prices
from warmline.planning import costs
from warmline.planning.costs import Rate
from warmline.planning.plan import REFERENCE
from warmline.planning.tally import Tally

WARM = Job(ANSWERS, "gpt", "warm@2", "questions")
COLD = Job(ANSWERS, "gpt", "cold@2", "questions")


def tally(job: Job = WARM, asked: str = "gpt", most: int = 300, **counts: Any) -> Tally:
    return Tally(job, None, asked, most, **counts)


def estimates(*tallies: Tally, prices: Prices | None = None, **rates: Rate) -> list[dict[str, Any]]:
    by_job = {(ANSWERS, model): rate for model, rate in rates.items()}
    return costs.table(tallies, {"gpt": prices} if prices else {}, by_job).to_dicts()


def test_without_answers_a_token_is_four_bytes_and_replies_are_as_long_as_they_may_be() -> None:
    (row,) = estimates(tally(rows=10, new=10, new_bytes=4000))
    assert (row["prompt_tokens"], row["completion_tokens"]) == (1000, 3000)


def test_what_the_role_has_answered_says_how_long_its_new_rows_are() -> None:
    known = tally(COLD, rows=2, answered=2, answered_bytes=600, prompt_tokens=100, completion_tokens=80)
    _, row = estimates(known, tally(rows=10, new=10, new_bytes=1200))
    assert (row["prompt_tokens"], row["completion_tokens"]) == (200, 400)


def test_the_arms_own_answers_to_the_task_go_before_those_of_others() -> None:
    lengths = {"answered_bytes": 400, "prompt_tokens": 100}
    others = tally(COLD, rows=1, answered=1, completion_tokens=90, **lengths)
    own = tally(rows=4, new=3, new_bytes=1200, answered=1, completion_tokens=20, **lengths)
    _, row = estimates(others, own)
    assert (row["prompt_tokens"], row["completion_tokens"]) == (300, 60)


def test_verdicts_are_as_long_as_those_on_the_same_task_where_no_prompt_is_at_hand() -> None:
    (row,) = estimates(tally(rows=9, new=4, new_bytes=9999, answered=2, prompt_tokens=300, completion_tokens=10))
    assert (row["prompt_tokens"], row["completion_tokens"]) == (600, 20)


def test_a_job_has_lines_for_the_tasks_that_it_asks_where_only_some_of_it_is_new() -> None:
    def lines(*tallies: Tally) -> list[list[str]]:
        return [line.split() for line in costs.text(costs.table(tallies, {}, {})).splitlines()[2:-2]]

    def of(task: str, rows: int, new: int) -> Tally:
        return dataclasses.replace(tally(rows=rows, new=new, new_bytes=4 * new), task=task)

    whole, first, second = of("a", 7, 7), of("b", 8, 3), of("c", 9, 0)
    assert [line[:7] for line in lines(whole)] == [["answers", "gpt", "warm@2", "questions", "7", "0", "7"]]
    found = lines(first, second, dataclasses.replace(tally(COLD, rows=5), task="b"))
    assert [line[:7] for line in found[:2]] == [
        ["answers", "gpt", "warm@2", "questions", "17", "14", "3"],
        ["b", "8", "5", "3", "3", "900", "?"],
    ]
    assert " ".join(found[2]).startswith("1 jobs without new 5 5 0")


def test_a_sentence_tells_apart_what_is_certain() -> None:
    judged = tally(Job(GRADES, "gpt", "warm@2"), rows=9, new=1, awaiting=4)
    again = tally(COLD, rows=30, new=2, if_trained_again=28)
    assert costs.told(costs.table([tally(rows=9, new=3), again, judged], {}, {})) == (
        "A run would ask for 5 answers, at most 5 verdicts; "
        "at most 28 answers more if the adapters that are made again come out others."
    )
    assert costs.told(costs.table([tally(rows=9)], {}, {})) == (
        "A run would ask for nothing that the ledger does not hold."
    )


def test_a_reply_is_never_estimated_longer_than_it_may_be() -> None:
    known = tally(COLD, rows=1, answered=1, answered_bytes=6, prompt_tokens=1, completion_tokens=250)
    _, row = estimates(known, tally(rows=10, new=10, most=100))
    assert row["completion_tokens"] == 1000


def test_rows_without_a_text_are_as_long_as_those_of_their_role_that_have_one() -> None:
    unrendered = tally(COLD)
    unrendered.unknown(5)
    _, row = estimates(tally(rows=10, new=10, new_bytes=4000), unrendered)
    assert row["prompt_tokens"] == 500
    assert (row["new"], row["awaiting"]) == (0, 5)


def test_what_cannot_be_estimated_is_left_open() -> None:
    unrendered = tally()
    unrendered.unknown(5)
    (row,) = estimates(unrendered, prices=Prices(1, 1))
    assert (row["prompt_tokens"], row["usd"], row["seconds"]) == (None, None, None)
    printed = costs.text(costs.table([unrendered], {}, {}))
    assert printed.splitlines()[-1].split()[-4:] == ["?", "1,500", "?", "?"]


def test_a_grade_that_awaits_its_answer_is_longer_by_the_answer() -> None:
    answers = tally(rows=3, new=1, answered=2, answered_bytes=8, prompt_tokens=2, completion_tokens=60)
    grades = tally(Job(GRADES, "gpt", "warm@2"), most=5, rows=1, awaiting=1, new_bytes=400, without_answer=1)
    _, row = estimates(answers, grades)
    assert row["prompt_tokens"] == 100 + 30


def test_the_reference_judge_takes_no_tokens_and_no_money() -> None:
    grades = tally(Job(GRADES, "gpt", "warm@2"), REFERENCE, most=16, rows=9, new=9, new_bytes=900)
    (row,) = costs.table([grades], {REFERENCE: Prices()}, {}).to_dicts()
    assert (row["prompt_tokens"], row["completion_tokens"], row["usd"]) == (0, 0, 0)


def test_new_rows_cost_the_price_and_take_the_time_of_earlier_ones() -> None:
    (row,) = estimates(tally(rows=20, new=10, new_bytes=4000), prices=Prices(2.5, 10), gpt=Rate(4, 2.0))
    assert row["usd"] == pytest.approx((1000 * 2.5 + 3000 * 10) / 1e6)
    assert row["seconds"] == 5.0


def test_only_runs_that_asked_something_say_how_fast_a_model_is() -> None:
    def receipt(new: int, seconds: float) -> dict[str, Any]:
        return {"this_run": {"new": new, "seconds": seconds}}

    receipts = [(WARM, "gpt", receipt(0, 9.0)), (COLD, "gpt", receipt(30, 2.0)), (WARM, "gpt", receipt(10, 6.0))]
    assert costs.rates(receipts) == {(ANSWERS, "gpt"): Rate(40, 8.0)}


@pytest.mark.parametrize(("seconds", "printed"), [(0, "0 s"), (119, "119 s"), (600, "10 min"), (9000, "2.5 h")])
def test_a_duration_is_readable(seconds: float, printed: str) -> None:
    assert costs.duration(seconds) == printed
