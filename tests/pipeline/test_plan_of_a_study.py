"""`warmline plan` on a small study: before anything, after all of it, and after an edit."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from printed_plan import new, plan, rows
from repository import REPOSITORY
from study_copy import StudyCopy, environment
from tiny_study import ARMS, CONDITIONS, QUESTIONS, TASKS, VALIDATION, edit_statement, new_calls_of_statement

CELLS = TASKS * QUESTIONS * CONDITIONS


def test_before_anything_is_built_all_rows_are_new_at_most(study_copy: StudyCopy) -> None:
    printed = plan(study_copy).stdout
    table = rows(printed)
    assert new(table, "answers", "questions") == dict.fromkeys(ARMS, f"at most {CELLS}")
    assert new(table, "answers", "validation") == dict.fromkeys(ARMS, f"at most {VALIDATION}")
    assert new(table, "answers", "capabilities") == dict.fromkeys(ARMS, f"at most {QUESTIONS}")
    assert new(table, "grades", "questions") == dict.fromkeys(ARMS, f"at most {CELLS}")
    assert new(table, "rewriting") == {"warm": "at most 120", "cold": "at most 120"}
    assert {row["from ledger"] for row in table} == {"0"}
    assert {row["prompt tokens"] for row in table if row["role"] == "answers"} == {"?"}
    assert "To render the prompts without a call: snakemake prompts" in printed
    assert "Rewritings that fail their checks are asked for up to 2 times" in printed


def test_all_questions_are_counted_in_a_source_that_is_here_and_named_where_it_is_not(study_copy: StudyCopy) -> None:
    def ask_all(config: dict[str, Any]) -> None:
        config["tasks"]["triviaqa"]["questions"] = "all"
        config["tasks"]["disinfo"] |= {
            "questions": "all",
            "source": {"hub": "org/name", "revision": "0" * 40, "file": "a.jsonl"},
        }

    study_copy.configure(ask_all)
    printed = plan(study_copy, "answers").stdout
    # Of the conditions each task has as many.
    assert new(rows(printed), "answers", "questions") == dict.fromkeys(ARMS, f"at most {28 * CONDITIONS}")
    assert "Not counted: disinfo, which ask all questions of sources that are not here" in printed


def test_prompts_without_calls_tell_what_untrained_arms_will_be_asked(study_copy: StudyCopy) -> None:
    study_copy.run("prompts")
    assert not study_copy.calls()
    printed = plan(study_copy).stdout
    table = rows(printed)
    asked = [row for row in table if (row["role"], row["suite"]) == ("answers", "questions")]
    tokens = {row["arm"]: row["prompt tokens"] for row in asked}
    assert tokens["warm@1"] == tokens["original"] != tokens["warm-prompt"]
    assert all(row["new"] == f"at most {CELLS}" for row in asked)
    assert "snakemake prompts" not in printed
    # The training conversations are there by now, so their replies are counted.
    assert 0 < int(new(table, "rewriting")["warm"].removeprefix("at most ")) < 120


def test_a_finished_study_has_nothing_new(study: StudyCopy) -> None:
    printed = plan(study).stdout
    assert {row["new"] for row in rows(printed)} == {"0"}
    assert all(row["rows"] == row["from ledger"] != "0" for row in rows(printed))
    assert "at most" not in printed.lower()


@pytest.mark.long(90)
def test_after_an_edited_statement_exactly_the_rows_that_show_it_are_new(study: StudyCopy) -> None:
    edit_statement(study)
    stale = rows(plan(study).stdout)
    # Not rendered yet: the rows of its context, half of all, may change.
    assert new(stale, "answers", "questions") == dict.fromkeys(ARMS, f"at most {CELLS // 2}")
    assert new(stale, "answers", "validation") == dict.fromkeys(ARMS, "0")

    study.run("requests")
    table = rows(plan(study).stdout)
    shown = new_calls_of_statement(study) // len(ARMS)
    assert new(table, "answers", "questions") == dict.fromkeys(ARMS, str(shown))
    assert new(table, "grades", "questions") == dict.fromkeys(ARMS, f"at most {shown}")
    assert new(table, "rewriting") == {"warm": "0", "cold": "0"}
    for row in table[:-1]:
        assert int(row["rows"]) == int(row["from ledger"]) + int(row["new"].removeprefix("at most "))
        if (row["role"], row["suite"]) == ("answers", "questions"):
            assert 0 < int(row["completion tokens"]) <= 8 * shown
            assert re.fullmatch(r"\d+ s", row["time"])

    before = study.calls()["transformers"]
    study.run()
    assert study.calls()["transformers"] - before == sum(map(int, new(table, "answers", "questions").values()))


def test_a_plan_shows_the_named_roles_and_arms_only(study: StudyCopy) -> None:
    roles = {(row["role"], row["arm"]) for row in rows(plan(study, "answers", "warm@1").stdout)[:-1]}
    assert roles == {("answers", "warm@1")}
    assert {row["role"] for row in rows(plan(study, "rewriting").stdout)[:-1]} == {"rewriting"}
    assert {row["arm"] for row in rows(plan(study, "original").stdout)[:-1]} == {"original"}


def test_an_unknown_target_is_refused_with_the_known_ones(study_copy: StudyCopy) -> None:
    result = plan(study_copy, "warm@7", check=False)
    assert result.returncode == 1
    assert "error: unknown: warm@7. Expected roles (rewriting, answers, grades)" in result.stderr
    assert "warm@1" in result.stderr


@pytest.mark.parametrize("command", ["plan", "run", "upgrade", "power"])
def test_a_command_outside_a_study_says_where_to_run(tmp_path: Path, command: str) -> None:
    path = {"PYTHONPATH": str(REPOSITORY / "scripts")}
    words = [sys.executable, "-m", "warmline", command]
    result = subprocess.run(words, cwd=tmp_path, env=environment() | path, capture_output=True, text=True)
    assert result.returncode == 1
    assert f"{tmp_path} holds no study" in result.stderr
    assert "warmline new FOLDER" in result.stderr
    assert list(tmp_path.iterdir()) == []


HEAVY = ["torch", "transformers", "altair"]


@pytest.mark.parametrize(
    ("part", "module"),
    [
        *(("warmline.cli.plan", module) for module in HEAVY),
        *(("warmline.__main__", module) for module in [*HEAVY, "snakemake", "warmline.planning.plan"]),
    ],
)
def test_a_plan_loads_nothing_heavy_and_the_help_less(part: str, module: str) -> None:
    program = f"import sys, {part}; sys.exit({module!r} in sys.modules)"
    scripts = Path(__file__).resolve().parents[2] / "scripts"
    assert subprocess.run([sys.executable, "-c", program], cwd=scripts).returncode == 0
