"""A study in a folder of its own, with the workflow installed from a wheel: the one build here serves all tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml
from filelock import FileLock
from repository import REPOSITORY
from study_copy import PLANNED, StudyCopy, calls_in

from warmline import __main__ as command

OWN_WARM = "config/prompts/system/warm.md"
EDIT = ("Use no emoji", "Never use emoji")


def run(words: list[str], folder: Path, python: Path, **variables: str) -> str:
    """What a command prints in a folder, with the programs of a Python first and no other library of Warmline."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment = {**inherited, "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}", **variables}
    result = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-6000:]
    return result.stdout + result.stderr


def planned(folder: Path, python: Path, *options: str, **variables: str) -> set[str]:
    """The messages of the jobs that bare snakemake plans in a folder."""
    return set(PLANNED.findall(run([str(python), "-m", "snakemake", "-n", *options], folder, python, **variables)))


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all test processes have in common."""
    own = tmp_path_factory.getbasetemp()
    return own if worker_id == "master" else own.parent


@pytest.fixture(scope="session")
def installed(shared: Path) -> Path:
    """A Python with Warmline from its wheel and all other packages of this environment, in an empty repository."""
    home = shared / "installed"
    python = home / "environment/bin/python"
    with FileLock(shared / "installed.lock"):
        if not python.exists():
            run(["git", "init", "-q", str(home)], shared, Path(sys.executable))
            identity = ["-c", "user.name=Someone", "-c", "user.email=someone@example.org"]
            run(["git", *identity, "commit", "-q", "--allow-empty", "-m", "Mine"], home, Path(sys.executable))
            pip = [sys.executable, "-m", "pip", "-q"]
            wheel = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(home), str(REPOSITORY)]
            subprocess.run([*pip, *wheel], check=True)
            run([sys.executable, "-m", "venv", "--without-pip", "environment"], home, Path(sys.executable))
            packages = next((home / "environment").glob("lib/python*/site-packages"))
            (packages / "shared.pth").write_text(sysconfig.get_path("purelib") + "\n")
            found = [str(path) for path in home.glob("*.whl")]
            subprocess.run([*pip, "--python", str(python), "install", "--no-deps", "--no-index", *found], check=True)
    return python


@pytest.fixture(scope="session")
def built(shared: Path, installed: Path, finished: StudyCopy) -> Path:
    """The folder of the tiny study, founded and run by the installed workflow, with the calls of the finished study."""
    folder = shared / "own/mine"
    with FileLock(shared / "own.lock"):
        if not (shared / "own.done").exists():
            shutil.rmtree(shared / "own", ignore_errors=True)
            (shared / "own").mkdir()
            warmline = str(installed.with_name("warmline"))
            run([warmline, "new", "mine"], shared / "own", installed)
            shutil.copytree(finished.folder / "results/ledger", shared / "own/ledger")
            shutil.copytree(finished.folder / "weights", folder / "weights")
            config = {**finished.config(), "ledger": "../ledger"}
            (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
            run([warmline, "run", "--cores", "2"], folder, installed)
            (shared / "own.done").touch()
    return folder


@pytest.fixture
def mine(built: Path, tmp_path: Path) -> Path:
    """A copy of the built folder beside its ledger, with the times of its files."""
    shutil.copytree(built.parent, tmp_path / "own", symlinks=True)
    return tmp_path / "own/mine"


@pytest.mark.long(190)
def test_a_study_of_an_installed_workflow_ends_as_in_a_checkout_and_asks_nothing_twice(
    built: Path, installed: Path, finished: StudyCopy
) -> None:
    assert StudyCopy(built).contents() == finished.contents()
    lines = [
        sum(len(calls_in(part)) for part in ledger.glob("*"))
        for ledger in (built.parent / "ledger", finished.folder / "results/ledger")
    ]
    assert lines[0] == lines[1] > 0
    assert not (built / "results/ledger").exists()
    # All code was the installed one's, and the repository around it says nothing of it.
    assert (built / ".snakemake/workflow").readlink().is_relative_to(installed.parents[1])
    records = [json.loads(path.read_text()) for path in built.glob("results/tiny/audit/jobs/*/*.jsonl")]
    assert {record["git"] for record in records} == {None}
    assert planned(built, installed) == set()


def test_another_place_of_the_workflow_makes_nothing_stale(mine: Path, study: StudyCopy) -> None:
    """A checkout instead of an installed workflow, and a checkout that was moved with the study in it."""
    assert planned(mine, Path(sys.executable), PYTHONPATH=str(REPOSITORY / "scripts")) == set()
    assert (mine / ".snakemake/workflow").readlink() == REPOSITORY
    assert study.planned() == set()
    assert (study.folder / ".snakemake/workflow").readlink() == study.folder


def test_a_prompt_of_the_studys_own_makes_stale_what_an_edit_of_the_workflows_would(
    mine: Path, installed: Path, study: StudyCopy
) -> None:
    (mine / OWN_WARM).parent.mkdir(parents=True)
    (mine / OWN_WARM).write_text((REPOSITORY / OWN_WARM).read_text().replace(*EDIT))
    study.edit(OWN_WARM, *EDIT)
    assert planned(mine, installed) == study.planned() != set()
    (mine / OWN_WARM).unlink()
    assert planned(mine, installed) == set()


def test_a_studys_snakefile_may_change_one_rule(mine: Path, installed: Path) -> None:
    with (mine / "Snakefile").open("a") as file:
        file.write('\n\nuse rule count_markers from warmline with:\n    params:\n        code="mine",\n')
    plan = planned(mine, installed)
    arms = ("original", "warm@1", "cold@1", "warm-prompt")
    assert {f"Counting lexical markers of {arm} of tiny" for arm in arms} <= plan
    assert plan - {f"Counting lexical markers of {arm} of tiny" for arm in arms} == {
        "Summarising lexical markers",
        "Writing the report",
    }


def test_where_calls_are_kept_makes_nothing_stale(mine: Path, installed: Path) -> None:
    (mine.parent / "ledger").rename(mine.parent / "calls")
    config = yaml.safe_load((mine / "config.yaml").read_text())
    (mine / "config.yaml").write_text(yaml.safe_dump({**config, "ledger": "../calls"}, sort_keys=False))
    assert planned(mine, installed) == set()


def test_the_workflow_runs_in_any_folder_by_its_snakefile(tmp_path: Path) -> None:
    """Without a file of the study's own: the embedded study, in a folder that was empty."""
    snakefile = ["--snakefile", str(REPOSITORY / "Snakefile"), "--directory", str(tmp_path)]
    assert "Writing the report" in planned(REPOSITORY, Path(sys.executable), *snakefile)
    assert (tmp_path / ".snakemake/workflow").readlink() == REPOSITORY


def test_a_studys_folder_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "Of My Own"
    folder.mkdir()
    (folder / "config.yaml").write_text("study: mine\n")
    with pytest.raises(SystemExit, match=r"already has config\.yaml"):
        command.main(["new", str(folder)])
    assert [path.name for path in folder.iterdir()] == ["config.yaml"]
    (folder / "config.yaml").unlink()
    command.main(["new", str(folder)])
    config, embedded = (
        yaml.safe_load(path.read_text()) for path in (folder / "config.yaml", REPOSITORY / "config/config.yaml")
    )
    assert config == {**embedded, "study": "of-my-own"}
