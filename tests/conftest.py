"""What several test files share."""

from __future__ import annotations

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
