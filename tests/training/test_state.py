"""A training that is killed at any moment goes on where it was saved, and ends with the same bytes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from warmline.models.cards import ADAPTER_FILES
from warmline.training import lora
from warmline.training.lora import Execution, Hyperparameters, examples
from warmline.training.state import Stopped, TrainingState, step_of

SETTINGS = Hyperparameters(
    rank=2, alpha=4, dropout=0.1, learning_rate=1e-2, batch=2, micro_batch=1, max_length=64, seed=3
)
# Three steps an epoch: the first adapter in the middle of one, the state also between adapters and between epochs.
EPOCHS = (0.6, 3.0)
STEPS = {2: 0.6, 9: 3.0}
CHATS = [
    [{"role": "user", "content": text}, {"role": "assistant", "content": f"We can find it: {text}"}]
    for text in ("Why?", "What is the answer?", "How does water work?", "Who said this?", "Is Paris a capital?")
]
EVENTS = ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree", "shutil.copytree")


class Job:
    """The same training, each time in a process of its own that can be killed."""

    def __init__(self, weights: Path, folder: Path) -> None:
        self.weights = weights
        self.folder = folder
        self.state = folder / "state"

    def run(self, signalled: int = 0, when: Callable[[int, str], bool] = lambda number, path: False) -> int | None:
        """Train, and signal the process at some event, told by number and path, on the state's files.

        Returns the exit code, 3 for a training that stopped.
        """
        process = multiprocessing.get_context("fork").Process(target=self._child, args=(signalled, when))
        process.start()
        process.join(120)
        return process.exitcode

    def _child(self, signalled: int, when: Callable[[int, str], bool]) -> None:
        events = 0

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal events
            if event in EVENTS and str(self.state) in str(arguments[0]):
                events += 1
                if when(events, str(arguments[0])):
                    os.kill(os.getpid(), signalled)

        sys.addaudithook(hook)
        try:
            steps = self.train()
        except Stopped:
            os._exit(3)
        (self.folder / "losses").write_text(repr([(step["step"], step["loss"]) for step in steps]))
        (self.folder / "events").write_text(str(events))
        os._exit(0)

    def train(self) -> list[dict[str, Any]]:
        rows, *_ = examples(AutoTokenizer.from_pretrained(self.weights), CHATS, SETTINGS.max_length)
        model = AutoModelForCausalLM.from_pretrained(self.weights)
        folders = {epoch: self.folder / f"epoch-{epoch:g}" for epoch in EPOCHS}
        return lora.train(model, rows, SETTINGS, folders, TrainingState(self.state), Execution(save_every=2))

    def results(self) -> list[bytes]:
        files = [f"epoch-{epoch:g}/{name}" for epoch in EPOCHS for name in ADAPTER_FILES]
        return [(self.folder / name).read_bytes() for name in (*files, "losses")]

    def states(self) -> list[int]:
        return sorted(step_of(path) for path in self.state.glob("step-*"))


@pytest.fixture(scope="module")
def undisturbed(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Job:
    job = Job(tiny_weights, tmp_path_factory.mktemp("undisturbed"))
    assert job.run() == 0
    return job


@pytest.fixture
def job(tiny_weights: Path, tmp_path: Path) -> Job:
    return Job(tiny_weights, tmp_path)


@pytest.mark.parametrize("moment", [0.1, 0.3, 0.5, 0.65, 0.8, 0.97])
def test_training_killed_at_any_moment_ends_with_the_same_bytes(undisturbed: Job, job: Job, moment: float) -> None:
    """The moments are spread over all that is done to the state's files: saving, placing, dropping, removing."""
    events = int((undisturbed.folder / "events").read_text())
    assert job.run(signal.SIGKILL, lambda number, _: number == round(moment * events)) == -signal.SIGKILL
    assert bool(job.states()) == (moment > 0.2)
    # Once more, as soon as it has gone on.
    assert job.run(signal.SIGKILL, lambda number, _: number == 40) == -signal.SIGKILL
    assert job.run() == 0
    assert job.results() == undisturbed.results()
    assert not job.state.exists()


def test_sigterm_saves_the_state_and_ends_the_job(undisturbed: Job, job: Job) -> None:
    assert job.run(signal.SIGTERM, lambda _, path: path.endswith("checkpoint-2/optimizer.pt")) == 3
    assert job.states() == [2, 3]
    # As the state is read again.
    assert job.run(signal.SIGTERM, lambda _, path: path.endswith("step-3/optimizer.pt")) == 3
    assert job.states() == [3, 4]
    assert job.run() == 0
    assert job.results() == undisturbed.results()


def test_only_the_newest_states_are_kept_and_the_newest_is_taken(job: Job) -> None:
    state = TrainingState(job.state)
    for step in (9, 10, 11):
        (state.own / "prepared").mkdir()
        (state.own / "prepared" / "file").write_text(str(step))
        state.keep_state(state.own / "prepared", step)
    assert job.states() == [10, 11]
    taken = state.newest({})
    assert taken and (taken / "file").read_text() == "11"
    assert taken.parent == state.own
    assert not list(state.own.glob("dropped-*"))


def test_a_state_whose_adapters_are_not_all_there_is_not_gone_on_from(job: Job) -> None:
    state = TrainingState(job.state)
    for step in (1, 3):
        (job.state / f"step-{step}").mkdir()
    taken = state.newest({2: 0.6, 9: 3.0})
    assert taken and step_of(taken) == 1

    def save(folder: Path) -> None:
        folder.mkdir()
        for name in ADAPTER_FILES:
            (folder / name).touch()

    state.keep_adapter(0.6, save)
    taken = state.newest({2: 0.6, 9: 3.0})
    assert taken and step_of(taken) == 3


def test_jobs_on_one_state_do_not_disturb_each_other(undisturbed: Job, job: Job) -> None:
    """A requeued job may start while the old one still runs."""
    jobs = [multiprocessing.get_context("fork").Process(target=job.run) for _ in range(2)]
    for process in jobs:
        process.start()
    for process in jobs:
        process.join(120)
    assert job.results() == undisturbed.results()
