from __future__ import annotations

import hashlib
import importlib.metadata
import os
import shutil
import socket
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from repository import REPOSITORY

from warmline.lineage import orders, reach, records
from warmline.lineage.code_digests import KEPT, CodeDigests
from warmline.tables import parquet_tables
from warmline.tables.questions import QUESTIONS

RECORD = "audit/jobs/render_prompts/task=medqa,condition=unmodified.none.plain"
WORDS = ["--questions", "questions.parquet", "--belief", "none.md", "--condition", "unmodified.none.plain"]
OUTPUT = ["--seed", "7", "--draw", "per-question", "--prompts", "new/prompts.parquet"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a script's inputs, beside a copy of the scripts, outside any repository."""
    row = ("medqa-00001", "Which?", "Flu", "Cold", ["Flu"], ["Cold"], 1, None)
    parquet_tables.write(
        pl.DataFrame([row], schema=QUESTIONS.schema, orient="row"), QUESTIONS, tmp_path / "questions.parquet"
    )
    (tmp_path / "none.md").write_text("{{ question }}\n")
    shutil.copytree(REPOSITORY / "scripts", tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__", ".*"))
    return tmp_path


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Render prompts with the folder's scripts. Git looks for a repository in the folder and not above it."""
    environment = {**os.environ, "PYTHONPATH": "scripts", "GIT_CEILING_DIRECTORIES": str(folder.parent)}
    command = [sys.executable, "scripts/prompts/render.py", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def record(folder: Path) -> dict[str, Any]:
    outcome = run(folder, *WORDS, *OUTPUT, "--record", RECORD)
    assert outcome.returncode == 0, outcome.stderr
    content = records.last(str(folder / RECORD))
    assert content
    return content


def commit(folder: Path, tracked: dict[str, bytes]) -> str:
    """Make the folder a git repository with one commit, which holds the given files, and return the commit."""

    def keep(kind: str, content: bytes) -> str:
        stored = f"{kind} {len(content)}\0".encode() + content
        name = hashlib.sha1(stored).hexdigest()
        path = folder / ".git/objects" / name[:2] / name[2:]
        path.parent.mkdir(parents=True)
        path.write_bytes(zlib.compress(stored))
        return name

    blobs = {name: bytes.fromhex(keep("blob", content)) for name, content in tracked.items()}
    tree = keep("tree", b"".join(f"100644 {name}\0".encode() + blob for name, blob in blobs.items()))
    signed = "Somebody <somebody@example.org> 0 +0000"
    name = keep("commit", f"tree {tree}\nauthor {signed}\ncommitter {signed}\n\nFirst\n".encode())
    (folder / ".git/refs").mkdir()
    (folder / ".git/HEAD").write_text(f"{name}\n")
    return name


def test_a_record_says_who_made_what_from_what(folder: Path) -> None:
    found = record(folder)
    assert found["rule"] == "render_prompts"
    assert found["wildcards"] == {"task": "medqa", "condition": "unmodified.none.plain"}
    assert found["command"].startswith("scripts/prompts/render.py --questions questions.parquet --belief none.md")
    assert found["params"]["seed"] == 7
    assert set(found["params"]) == {"seed", "draw", "condition"}
    assert found["inputs"] == {
        "questions": {"questions.parquet": hashlib.sha256((folder / "questions.parquet").read_bytes()).hexdigest()},
        "belief": {"none.md": hashlib.sha256(b"{{ question }}\n").hexdigest()},
        "context": {},
        "framing": {},
    }
    prompts = (folder / "new/prompts.parquet").read_bytes()
    assert found["outputs"] == {"prompts": {"new/prompts.parquet": hashlib.sha256(prompts).hexdigest()}}
    assert found["code"] is None
    assert found["packages"]["polars"] == importlib.metadata.version("polars")
    assert "torch" not in found["packages"]
    assert found["python"] == sys.version.split()[0]
    assert found["git"] is None
    assert found["given"] is None
    assert found["host"] == socket.gethostname()
    assert 0 < found["cpu_seconds"] < 60
    assert 10_000_000 < found["peak_bytes"] < 10_000_000_000
    assert [path.name for path in (folder / RECORD).parent.iterdir()] == [f"{Path(RECORD).name}.jsonl"]


def test_a_record_holds_the_code_digest_that_the_snakefile_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    digests = CodeDigests(Path("scripts"))
    code = digests.of("prompts/render.py")
    digests.keep()
    assert record(folder)["code"] == {"digest": code.digest, "modules": code.modules}
    assert {"prompts/render.py", "warmline.prompts.rendering", "warmline.calls.templates"} <= set(code.modules)
    (folder / KEPT).touch()
    assert record(folder)["code"]["digest"] == code.digest


def test_code_digests_are_kept_for_a_copy_of_the_code(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    digests = CodeDigests(Path("scripts"))
    code = digests.of("prompts/render.py")
    digests.keep()
    shutil.move("scripts", "before")
    shutil.copytree("before", "scripts")
    assert record(folder)["code"]["digest"] == code.digest
    monkeypatch.setattr(reach, "of_script", None)
    digests = CodeDigests(Path("scripts"))
    assert digests.of("prompts/render.py") == code
    digests.keep()
    assert record(folder)["code"]["digest"] == code.digest


def test_code_that_was_edited_since_has_no_digest_on_record(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    digests = CodeDigests(Path("scripts"))
    before = digests.of("prompts/render.py")
    digests.keep()
    with open("scripts/prompts/render.py", "a") as file:
        file.write("print()\n")
    assert record(folder)["code"] is None
    assert CodeDigests(Path("scripts")).of("prompts/render.py") != before


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_a_record_names_the_commit_of_a_clean_repository(folder: Path) -> None:
    name = commit(folder, {})
    assert record(folder)["git"] == {"commit": name, "dirty": False}


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_a_record_says_that_tracked_files_differ_from_the_commit(folder: Path) -> None:
    name = commit(folder, {"none.md": b"before\n"})
    assert record(folder)["git"] == {"commit": name, "dirty": True}


def test_without_a_record_asked_for_there_is_none(folder: Path) -> None:
    assert run(folder, *WORDS, *OUTPUT).returncode == 0
    assert not (folder / "audit").exists()


def test_a_users_mistake_is_told_in_one_line_and_leaves_no_record(folder: Path) -> None:
    (folder / "questions.parquet").unlink()
    outcome = run(folder, *WORDS, *OUTPUT, "--record", RECORD)
    assert outcome.returncode == 1
    assert outcome.stderr == "error: questions.parquet does not exist. Build it with snakemake.\n"
    assert not (folder / "audit").exists()


def test_a_missing_argument_is_named(folder: Path) -> None:
    outcome = run(folder, *WORDS)
    assert outcome.returncode == 2
    assert "required: --seed, --prompts" in outcome.stderr


MEDDLING = """
import sys
from pathlib import Path
from warmline.lineage.script import Parser, run
from warmline.prompts import rendering

def build_parser():
    parser = Parser(None)
    parser.add_argument("--meddle", type=Path)
    parser.reads("source", "what is read")
    parser.finds("further")
    parser.writes("copy", "what is made")
    return parser

def main(arguments):
    assert rendering.render
    arguments.copy.write_text(arguments.source.read_text())
    arguments.further = [Path("none.md")]
    if arguments.meddle:
        arguments.meddle.write_text(arguments.meddle.read_text() + "\\n'''another'''\\nOTHER = 1\\n")

if __name__ == "__main__":
    run(build_parser(), main)
"""
COPIED = "audit/jobs/copy/study"
COMMAND = ["scripts/prompts/meddle.py", "--source", "source.txt", "--copy", "copy.txt", "--record", COPIED]


@pytest.fixture
def meddling(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with a script that changes a file while it runs, and what the Snakefile would have found out."""
    (folder / "scripts/prompts/meddle.py").write_text(MEDDLING)
    (folder / "source.txt").write_text("text\n")
    monkeypatch.chdir(folder)
    digests = CodeDigests(Path("scripts"))
    code = digests.of("prompts/meddle.py")
    digests.keep()
    parents = ["audit/jobs/parent/study", "audit/jobs/none/study"]
    records.append(parents[0], {"rule": "parent"})
    given = {
        "params": {"options": "--copy copy.txt", "code": "c0de"},
        "inputs": {"source": ["source.txt"]},
        "after": [],
        "command": "c",
    }
    shared = {"configuration": "c0nf", "git": {"commit": "abc", "dirty": False}}
    orders.write(COPIED, {"given": given, "code": code.digest, "parents": parents, **shared})
    return folder


def meddle(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": "scripts"}
    return subprocess.run(
        [sys.executable, *COMMAND, *words], cwd=folder, env=environment, capture_output=True, text=True
    )


def test_a_record_holds_what_the_workflow_gave_the_job_and_the_files_that_it_found(meddling: Path) -> None:
    outcome = meddle(meddling)
    assert outcome.returncode == 0, outcome.stderr
    found = records.last(COPIED)
    assert found
    assert found["given"]["inputs"] == {"source": ["source.txt"]}
    assert (found["configuration"], found["git"]) == ("c0nf", {"commit": "abc", "dirty": False})
    assert found["parents"] == {"audit/jobs/parent/study": records.digest({"rule": "parent"})}
    assert found["inputs"]["further"] == {"none.md": hashlib.sha256(b"{{ question }}\n").hexdigest()}
    # An order is for one job; whoever runs the command again by hand has none.
    assert meddle(meddling).returncode == 0
    assert [record["given"] is None for record in records.history(COPIED)] == [False, True]


def test_an_input_that_changes_meanwhile_fails_the_job_and_leaves_no_record(meddling: Path) -> None:
    outcome = meddle(meddling, "--meddle", "source.txt")
    assert outcome.returncode == 1
    assert "error: source.txt was changed while prompts/meddle.py was reading it" in outcome.stderr
    assert records.last(COPIED) is None


@pytest.mark.parametrize("edited", ["scripts/prompts/meddle.py", "scripts/warmline/prompts/rendering.py"])
def test_code_that_changes_meanwhile_fails_the_job_and_leaves_no_record(meddling: Path, edited: str) -> None:
    outcome = meddle(meddling, "--meddle", edited)
    assert outcome.returncode == 1
    assert "error: the code of prompts/meddle.py was edited while it ran" in outcome.stderr
    assert records.last(COPIED) is None


def test_code_that_the_job_does_not_reach_may_change_meanwhile(meddling: Path) -> None:
    assert meddle(meddling, "--meddle", "scripts/warmline/grading/refusals.py").returncode == 0
    assert records.last(COPIED)


def test_an_order_is_not_for_a_command_with_other_settings(meddling: Path) -> None:
    command = ["other.txt" if word == "copy.txt" else word for word in COMMAND]
    environment = {**os.environ, "PYTHONPATH": "scripts"}
    assert subprocess.run([sys.executable, *command], cwd=meddling, env=environment).returncode == 0
    found = records.last(COPIED)
    assert found and found["given"] is None


def test_code_that_was_edited_after_the_plan_fails_the_job_before_it_does_anything(meddling: Path) -> None:
    with open("scripts/prompts/meddle.py", "a") as file:
        file.write("OTHER = 1\n")
    outcome = meddle(meddling)
    assert outcome.returncode == 1
    assert "error: the code of prompts/meddle.py was edited after this run was planned" in outcome.stderr
    assert not (meddling / "copy.txt").exists()
