"""A study that an earlier version finished is brought over: nothing is trained or asked again, and it replays.

tests/earlier/0.1.0.tar.xz holds what version 0.1.0 left of two tiny studies in one checkout: one of the tiny model with
the reference judge, and one whose rewriter and judge answered at a simulated endpoint.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml
from openai_simulator.client import Simulator
from repository import REPOSITORY
from study_copy import COPIED, PLANNED, StudyCopy, environment

from warmline.grading import capabilities
from warmline.tables import parquet_tables
from warmline.tables.generations import GENERATIONS

STUDIES = {"tiny": "config/config.yaml", "served": "config/served.yaml"}
# Receipts tell of the run that wrote them, cards and judges of code, and scores of warmth are rounded as the processor
# rounds; all else stays as it was.
MADE = (
    "adapters",
    "generations",
    "judgements",
    "rewrites",
    "training",
    "observations",
    "observations.parquet",
)
# What follows from the ledger on any machine; scores of warmth are rounded as the processor rounds.
DERIVED = ("generations", "judgements", "capabilities", "observations", "observations.parquet")


@pytest.fixture
def earlier(tmp_path: Path) -> StudyCopy:
    """The checkout of the earlier version, with this version's code."""
    for name in COPIED:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path / name)
    with tarfile.open(REPOSITORY / "tests/earlier/0.1.0.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    return StudyCopy(tmp_path)


def planned(copy: StudyCopy, configuration: str) -> set[str]:
    return set(PLANNED.findall(copy.run("-n", "--configfile", configuration).stdout))


def digests(copy: StudyCopy, study: str, *names: str) -> dict[str, str]:
    root = copy.folder / "results" / study
    paths = [path for name in names for path in [root / name, *(root / name).rglob("*")] if path.is_file()]
    # Responses to validation prompts are read for warmth alone, which stays.
    paths = [path for path in paths if "validation" not in path.parts]
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def warmline(copy: StudyCopy, *words: str) -> str:
    variables = {**environment(), "PYTHONPATH": str(copy.folder / "scripts")}
    command = [sys.executable, "-m", "warmline", *words]
    result = subprocess.run(command, cwd=copy.folder, env=variables, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
    return result.stdout + result.stderr


def made(copy: StudyCopy, study: str) -> dict[str, str]:
    return {
        name: digest
        for name, digest in digests(copy, study, *MADE).items()
        if not name.startswith("rewrites/") or name.endswith(".parquet")
    }


def unread(copy: StudyCopy, study: str) -> int:
    """How many answers no rule can read, about which this version asks a model that judges."""
    paths = (copy.folder / "results" / study / "generations").glob("*/*/mmlu/*.parquet")
    return sum(capabilities.for_the_judge(parquet_tables.read(path, GENERATIONS), "choice").height for path in paths)


@pytest.mark.long(570)
def test_a_study_of_an_earlier_version_is_brought_over(earlier: StudyCopy, simulator: Simulator) -> None:
    calls, before = earlier.calls(), {study: made(earlier, study) for study in STUDIES}
    assert all(before.values()) and calls["openai"] and calls["transformers"] and calls["reference"]
    # Records tell all that is needed.
    shutil.rmtree(earlier.folder / ".snakemake", ignore_errors=True)
    warmline(earlier, "upgrade", "--configfile", STUDIES["tiny"])
    assert earlier.calls() == calls
    # Its judge is asked what no rule can read; all else is made without a call.
    path = earlier.folder / STUDIES["served"]
    config = yaml.safe_load(path.read_text())
    config["endpoints"]["api"]["url"] = simulator.url
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    warmline(earlier, "run", "--configfile", STUDIES["served"])
    calls["openai"] += unread(earlier, "served")
    assert earlier.calls() == calls
    assert [planned(earlier, configuration) for configuration in STUDIES.values()] == [set(), set()]
    assert {study: made(earlier, study) for study in STUDIES} == before
    for study, configuration in STUDIES.items():
        results = digests(earlier, study, *DERIVED)
        for name in DERIVED:
            path = earlier.folder / "results" / study / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        config = yaml.safe_load((earlier.folder / configuration).read_text())
        (earlier.folder / configuration).write_text(yaml.safe_dump({**config, "calls": "replay"}, sort_keys=False))
        earlier.run("--configfile", configuration)
        assert digests(earlier, study, *DERIVED) == results
    assert earlier.calls() == calls


@pytest.mark.long(40)
def test_a_training_is_not_made_again_unasked(earlier: StudyCopy) -> None:
    """Only what is known to make the same counts as made."""
    path = earlier.folder / "config/config.yaml"
    config = yaml.safe_load(path.read_text())
    config["training"]["learning-rate"] = 0.002
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    variables = {**environment(), "PYTHONPATH": str(earlier.folder / "scripts")}
    command = [sys.executable, "-m", "warmline", "upgrade"]
    result = subprocess.run(command, cwd=earlier.folder, env=variables, capture_output=True, text=True)
    assert result.returncode and "train_adapters would run" in result.stderr, result.stderr[-2000:]
