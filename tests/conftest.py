"""What several test files share."""

from __future__ import annotations

import os
import random
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import entered
import pytest
import tiny_model
import torch
from filelock import FileLock
from hypothesis import settings
from openai_simulator.client import Simulator
from repository import REPOSITORY
from study_copy import StudyCopy

# As the pipeline's own jobs; and several test processes that each take all cores stand in each other's way.
torch.set_num_threads(1)

# A busy machine fails no test.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


SECONDS_OF_LONG_TESTS = 900
"""How long the long tests of a run may take in one process; all take nearly two hours."""
SEED = "WARMLINE_SEED"


def pytest_configure(config: pytest.Config) -> None:
    """A run of the whole suite takes a sample of the long tests; its processes must draw alike."""
    whole = config.args_source == pytest.Config.ArgsSource.TESTPATHS and not config.option.keyword
    if whole and "WARMLINE_SOAK" not in os.environ:
        os.environ.setdefault(SEED, str(secrets.randbelow(10**6)))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take as many tests marked `long(seconds)` as fit, in an order that the seed decides, and put them first."""
    if SEED not in os.environ:
        return
    marked = {item: mark.args[0] for item in items if (mark := item.get_closest_marker("long"))}
    taken, seconds = [], 0
    for item in random.Random(int(os.environ[SEED])).sample(list(marked), len(marked)):
        if seconds + marked[item] <= SECONDS_OF_LONG_TESTS:
            taken.append(item)
            seconds += marked[item]
    taken.sort(key=lambda item: -marked[item])
    left = [item for item in marked if item not in taken]
    config.hook.pytest_deselected(items=left)
    items[:] = [*taken, *(item for item in items if item not in marked)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if SEED in os.environ:
        terminalreporter.write_line(
            f"Of the long tests a sample was run: {SEED}={os.environ[SEED]} repeats it, make soak runs all."
        )


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny random chat model."""
    return tiny_model.save(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def study_copy(tmp_path: Path, tiny_weights: Path) -> StudyCopy:
    """A copy of the repository with a tiny study that has not been built."""
    return StudyCopy.create(REPOSITORY, tmp_path / "repository", tiny_weights)


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    """A simulator of the OpenAI API in a process of its own."""
    with Simulator.start(tmp_path) as started:
        yield started


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, tiny_weights: Path, worker_id: str) -> StudyCopy:
    """A study built once for all test processes; tests work on copies of it."""
    own = tmp_path_factory.getbasetemp()
    shared = own if worker_id == "master" else own.parent
    copy, done = StudyCopy(shared / "finished"), shared / "finished.done"
    with FileLock(shared / "finished.lock"):
        if not done.exists():
            shutil.rmtree(copy.folder, ignore_errors=True)
            StudyCopy.create(REPOSITORY, copy.folder, tiny_weights)
            entered.install(copy.folder / "scripts")
            (measured := shared / "measured").mkdir()
            copy.run(variables={entered.MEASURED: str(measured)})
            done.touch()
    return copy


@pytest.fixture(scope="session")
def measured(finished: StudyCopy) -> dict[str, dict[str, set[int]]]:
    """The lines of the library that each script of the finished study ran (entered.lines)."""
    return entered.lines(finished.folder.parent / "measured", finished.folder / "scripts")


@pytest.fixture
def study(finished: StudyCopy, tmp_path: Path) -> StudyCopy:
    """A copy of the finished study, with the times of its files."""
    shutil.copytree(finished.folder, tmp_path / "repository", symlinks=True)
    return StudyCopy(tmp_path / "repository")
