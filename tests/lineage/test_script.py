from __future__ import annotations

import hashlib
import importlib.metadata
import json
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

RECORD = "audit/jobs/render_prompts/task=medqa,condition=unmodified.none.plain.jsonl"
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
    content = records.last(folder / RECORD)
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
    assert [path.name for path in (folder / RECORD).parent.iterdir()] == [Path(RECORD).name]


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
    assert record(folder)["code"] is None
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
