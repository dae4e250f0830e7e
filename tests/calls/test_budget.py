from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmline.calls import budget as budgets
from warmline.calls.budget import CALLS_CLAIMED_AT_ONCE, Budget, spent_by_job
from warmline.lineage.errors import UserError

LIMIT = 20.0
SPENDER = """
import random, sys
from pathlib import Path
from warmline.calls.budget import Budget
folder, name = Path(sys.argv[1]), sys.argv[2]
amount, limit = map(float, sys.argv[3:])
budget = Budget(limit, folder / f"{name}.json")
while len(list(folder.glob("*.json"))) < 4:
    pass
on_their_way = []
while budget.reserve(amount):
    on_their_way.append(amount)
    if random.random() < 0.7:
        budget.settle(on_their_way.pop(), amount * random.random())
for reserved in on_their_way:
    budget.settle(reserved, reserved)
budget.close()
"""


def test_jobs_that_claim_at_once_never_spend_more_than_the_limit(tmp_path: Path) -> None:
    amounts = [0.01, 0.013, 0.02, 0.007]
    jobs = [
        subprocess.Popen([sys.executable, "-c", SPENDER, str(tmp_path), f"job{number}", str(amount), str(LIMIT)])
        for number, amount in enumerate(amounts)
    ]
    assert [job.wait(120) for job in jobs] == [0] * len(jobs)
    spent = sum(spent_by_job(tmp_path).values())
    # Each stops only when not even one more call of its own fits beside what the others hold.
    assert 0.9 * LIMIT < spent <= LIMIT


STEPS = st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["reserve", "settle", "close"]), st.integers(1, 40)))


@given(STEPS, st.integers(0, 100))
@settings(max_examples=200)
def test_in_any_order_what_is_spent_and_on_its_way_stays_within_the_limit(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, str, int]], limit: int
) -> None:
    folder = tmp_path_factory.mktemp("spending")
    jobs = [Budget(limit, folder / f"{number}.json") for number in range(3)]
    on_their_way: list[list[int]] = [[], [], []]
    spent = 0
    for number, step, amount in steps:
        calls = on_their_way[number]
        if step == "reserve" and jobs[number].reserve(amount):
            calls.append(amount)
        elif step == "settle" and calls:
            reserved = calls.pop()
            jobs[number].settle(reserved, reserved // 2)
            spent += reserved // 2
        elif step == "close" and not calls:
            jobs[number].close()
            jobs[number] = Budget(limit, folder / f"{number}.json")
        assert spent + sum(map(sum, on_their_way)) <= limit
    assert sum(job.spent for job in jobs) == spent


def test_one_job_alone_can_spend_the_whole_limit(tmp_path: Path) -> None:
    budget = Budget(10, tmp_path / "job.json")
    calls = 0
    while budget.reserve(1):
        budget.settle(1, 1)
        calls += 1
    assert calls == 10


def test_what_calls_did_not_use_is_there_for_others(tmp_path: Path) -> None:
    one, other = (Budget(10, tmp_path / f"{name}.json") for name in ("one", "other"))
    assert one.reserve(10)
    assert not other.reserve(1)
    one.settle(10, 4)
    one.close()
    assert other.reserve(6)
    assert not other.reserve(0.5)


def test_what_a_job_spent_in_earlier_runs_counts(tmp_path: Path) -> None:
    first = Budget(10, tmp_path / "job.json")
    assert first.reserve(7)
    first.settle(7, 7)
    first.close()
    again = Budget(10, tmp_path / "job.json")
    assert (again.spent, again.reserve(3), again.reserve(1)) == (7, True, False)


def test_a_limit_below_what_is_spent_leaves_room_for_nothing(tmp_path: Path) -> None:
    first = Budget(None, tmp_path / "job.json")
    first.settle(0, 8)
    first.close()
    lower = Budget(5, tmp_path / "other.json")
    assert not lower.reserve(0.01)
    assert lower.taken() == 8


def test_a_killed_job_leaves_behind_what_it_had_spent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "SECONDS_BETWEEN_NOTES", 0.0)
    killed = Budget(100, tmp_path / "job.json")
    for _ in range(5):
        assert killed.reserve(1)
        killed.settle(1, 1)
    assert Budget(100, tmp_path / "job.json").spent == 5


def test_calls_claim_for_several_at_a_time(tmp_path: Path) -> None:
    budget = Budget(1000, tmp_path / "job.json")
    assert budget.reserve(1)
    written = (tmp_path / "job.json").stat().st_mtime_ns
    for _ in range(CALLS_CLAIMED_AT_ONCE - 1):
        assert budget.reserve(1)
    assert (tmp_path / "job.json").stat().st_mtime_ns == written


def test_a_deleted_file_is_a_job_that_spent_nothing(tmp_path: Path) -> None:
    one, other = (Budget(10, tmp_path / f"{name}.json") for name in ("one", "other"))
    assert one.reserve(10)
    (tmp_path / "one.json").unlink()
    assert other.reserve(10)
    assert spent_by_job(tmp_path / "nowhere") == {}


@pytest.mark.parametrize("text", ["", '{"spent": 1', '{"spent": 1}', "[]", '{"spent": "much", "claimed": 2}'])
def test_a_torn_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "torn.json").write_text(text)
    with pytest.raises(UserError, match=r"torn\.json: expected .spent, claimed. in US dollars"):
        Budget(10, tmp_path / "other.json").reserve(1)
    with pytest.raises(UserError, match=r"torn\.json"):
        spent_by_job(tmp_path)


def test_a_file_holds_dollars_and_nothing_else(tmp_path: Path) -> None:
    budget = Budget(10, tmp_path / "job.json")
    budget.reserve(0.25)
    budget.settle(0.25, 0.125)
    budget.close()
    assert json.loads((tmp_path / "job.json").read_text()) == {"spent": 0.125, "claimed": 0.125}
    assert [path.name for path in tmp_path.iterdir()] == ["job.json"]
