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
    number = len(ARMS) * (CELLS + VALIDATION + QUESTIONS)
    assert f"ask for at most 240 rewritings, at most {number} answers, at most" in printed
    assert "Rewritings that fail their checks are asked for up to 2 times" in printed
    # Prompts are rendered in memory, and what trained arms will be asked is what the original is asked.
    answers = [row for row in table if row["role"] == "answers"]
    tokens = {row["arm"]: row["prompt tokens"] for row in answers if row["suite"] == "questions"}
    assert tokens["warm@1"] == tokens["original"] != tokens["warm-prompt"]
    assert {row["prompt tokens"] for row in answers if row["suite"] == "validation"} == {"?"}


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


def test_a_finished_study_has_nothing_new(study: StudyCopy) -> None:
    printed = plan(study).stdout
    folded, total = rows(printed)
    assert folded["role"] == f"{2 + 5 * len(ARMS) - len(ARMS)} jobs without new"
    assert (total["new"], total["rows"]) == ("0", total["from ledger"]) and total["rows"] != "0"
    assert "A run would ask for nothing that the ledger does not hold." in printed
    assert "at most" not in printed.lower()


@pytest.mark.long(60)
def test_an_edited_statement_is_asked_about_in_the_rows_that_show_it(study: StudyCopy) -> None:
    edit_statement(study)
    table = rows(plan(study).stdout)
    study.run("prompts")
    shown = new_calls_of_statement(study) // len(ARMS)
    assert new(table, "answers", "questions") == dict.fromkeys(ARMS, str(shown))
    assert new(table, "grades", "questions") == dict.fromkeys(ARMS, f"at most {shown}")
    assert new(table, "answers", "validation") == new(table, "rewriting") == {}
    for row in table[:-1]:
        if row["role"] == "answers":
            assert int(row["rows"]) == int(row["from ledger"]) + int(row["new"])
            assert 0 < int(row["completion tokens"]) <= 8 * shown
            assert re.fullmatch(r"\d+ s", row["time"])


def test_answers_of_adapters_that_are_made_again_are_told_apart(study: StudyCopy) -> None:
    study.edit("config/prompts/rewrite/warm.md", "Use no emoji.", "Use no emoji, please.")
    printed = plan(study).stdout
    table = rows(printed)
    assert new(table, "rewriting") != {} and new(table, "rewriting").keys() == {"warm"}
    assert new(table, "answers", "questions") == {"warm@1": f"0 (+ {CELLS})"}
    assert new(table, "answers", "validation") == {"warm@1": f"0 (+ {VALIDATION})"}
    answers = CELLS + VALIDATION + QUESTIONS
    assert f"; at most {answers} answers and {CELLS} verdicts more if the adapters that are made again" in printed
    edit_statement(study)
    study.run("prompts")
    shown = new_calls_of_statement(study) // len(ARMS)
    assert new(rows(plan(study).stdout), "answers", "questions") == {
        **dict.fromkeys(ARMS, str(shown)),
        "warm@1": f"{shown} (+ {CELLS - shown})",
    }


def test_a_plan_shows_the_named_roles_and_arms_only(study_copy: StudyCopy) -> None:
    roles = {(row["role"], row["arm"]) for row in rows(plan(study_copy, "answers", "warm@1").stdout)[:-1]}
    assert roles == {("answers", "warm@1")}
    assert {row["role"] for row in rows(plan(study_copy, "rewriting").stdout)[:-1]} == {"rewriting"}
    assert {row["arm"] for row in rows(plan(study_copy, "original").stdout)[:-1]} == {"original"}


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
