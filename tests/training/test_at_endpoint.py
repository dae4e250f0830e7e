from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import openai
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.fine_tuning import FineTuningJob
from openai.types.fine_tuning.jobs import FineTuningJobCheckpoint
from openai_simulator.client import Simulator
from repository import REPOSITORY
from study_copy import StudyCopy

from warmline.calls.ledger import Ledger
from warmline.engines.remote.endpoint import Endpoint
from warmline.lineage import digests
from warmline.lineage.errors import UserError
from warmline.models import cards
from warmline.training import at_endpoint
from warmline.training.at_endpoint import Run, Tuning, finished_run, names, plan_jobs, recall, tune
from warmline.workflow import configuration

CHATS = b"".join(
    json.dumps(
        {"messages": [{"role": "user", "content": f"Is {n} odd?"}, {"role": "assistant", "content": "Ask."}]}
    ).encode()
    + b"\n"
    for n in range(12)
)
# Three steps an epoch.
TUNING = Tuning("gpt-small", digests.of_value(CHATS.decode()), 4, 0.25, 652)
EPOCHS = [1, 2, 6, 10]
JOBS = 3
PATIENCE = 60.0


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


def tuned(simulator: Simulator, ledger: Ledger, epochs: Collection[int] = EPOCHS, key: str | None = None) -> list[Run]:
    endpoint = Endpoint(simulator.url, key)
    return tune(TUNING, epochs, CHATS, "demo", endpoint, ledger, seconds_between_looks=0.05, first_pause=0.02)


def client(simulator: Simulator) -> openai.OpenAI:
    return openai.OpenAI(base_url=simulator.url, api_key="none")


def asked(simulator: Simulator) -> tuple[int, int]:
    """How many files were uploaded and jobs created."""
    counts = simulator.counts()
    return counts["files"], counts["tuning_jobs"]


def test_the_articles_epochs_take_three_jobs() -> None:
    assert plan_jobs(EPOCHS) == [(2, [1, 2]), (6, [6]), (10, [10])]


@given(st.sets(st.integers(1, 9), min_size=1))
def test_jobs_keep_every_epoch_once_and_are_the_fewest_and_shortest(epochs: set[int]) -> None:
    jobs = plan_jobs(epochs)
    assert [epoch for _, kept in jobs for epoch in kept] == sorted(epochs)
    assert all(last - 3 < epoch <= last for last, kept in jobs for epoch in kept)

    def cover(lengths: tuple[int, ...]) -> bool:
        return all(any(last - 3 < epoch <= last for last in lengths) for epoch in epochs)

    every = (some for count in range(1, 10) for some in itertools.combinations(range(1, 12), count))
    best = min((len(some), sum(some)) for some in every if cover(some))
    assert (len(jobs), sum(last for last, _ in jobs)) == best


def test_every_epoch_gets_the_model_that_its_checkpoint_is(simulator: Simulator, ledger: Ledger) -> None:
    found = names(tuned(simulator, ledger), EPOCHS)
    short = found[2]
    assert list(found) == EPOCHS
    assert short.startswith("ft:gpt-small:simulated:demo:")
    assert found[1] == f"{short}:ckpt-step-3"
    assert len(set(found.values())) == 4
    assert asked(simulator) == (1, JOBS)


def test_the_endpoint_is_told_what_shapes_the_model(simulator: Simulator, ledger: Ledger) -> None:
    tuned(simulator, ledger, [2])
    [job] = client(simulator).fine_tuning.jobs.list()
    assert job.method and job.method.type == "supervised" and job.seed == 652
    assert (job.hyperparameters.n_epochs, job.hyperparameters.batch_size) == (2, 4)
    assert job.hyperparameters.learning_rate_multiplier == 0.25
    assert client(simulator).files.content(job.training_file).content == CHATS


def test_losses_are_told_by_run_step_and_epoch(simulator: Simulator, ledger: Ledger) -> None:
    rows = [row for run in tuned(simulator, ledger, [1, 2]) for row in run.loss_rows()]
    assert rows == [
        {"run": 2, "step": 3, "epoch": 1.0, "loss": 1.0},
        {"run": 2, "step": 6, "epoch": 2.0, "loss": 0.6667},
    ]


def test_what_is_finished_needs_no_network(simulator: Simulator, ledger: Ledger) -> None:
    first = tuned(simulator, ledger)
    simulator.close()
    assert tuned(simulator, ledger) == first == recall(TUNING, EPOCHS, ledger)
    with pytest.raises(UserError, match=r"replay: .* no finished fine-tuning of gpt-small over 4 epochs"):
        recall(TUNING, [4], ledger)


def test_another_epoch_takes_one_more_job_and_no_more_files(simulator: Simulator, ledger: Ledger) -> None:
    tuned(simulator, ledger, [2])
    tuned(simulator, ledger, [2, 8])
    assert asked(simulator) == (1, 2)


def test_events_are_told_once(simulator: Simulator, ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    simulator.set(tuning_seconds=0.5)
    tuned(simulator, ledger, [2])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(set(lines))
    assert "2 epochs: Fine-tuning job started" in lines
    assert lines[-1] == "2 epochs: The job has successfully completed"


def test_a_failed_job_is_told_with_its_message_and_begun_anew(simulator: Simulator, ledger: Ledger) -> None:
    simulator.next_tuning("failed", message="The file violates the policy.")
    with pytest.raises(UserError, match=r"over 2 epochs, ftjob-\w+, has failed: The file violates the policy\."):
        tuned(simulator, ledger, [2])
    assert names(tuned(simulator, ledger, [2]), [2])
    assert asked(simulator) == (1, 2)


def test_a_cancelled_job_is_told(simulator: Simulator, ledger: Ledger) -> None:
    simulator.next_tuning("cancelled")
    with pytest.raises(UserError, match=r"has cancelled: no reason is given"):
        tuned(simulator, ledger, [2])


def test_a_closed_programme_is_told_with_the_alternative(simulator: Simulator, ledger: Ledger) -> None:
    simulator.next_tuning("closed")
    message = r"does not train models .*training_not_available.* not available to this .* open weights .* `source`"
    with pytest.raises(UserError, match=message):
        tuned(simulator, ledger, [2])


def test_a_model_that_cannot_be_tuned_is_told(simulator: Simulator, ledger: Ledger) -> None:
    unknown = Tuning("unknown-model", TUNING.chats, 4, 0.25, 652)
    with pytest.raises(UserError, match=r"status 400: Model unknown-model is not available for fine-tuning"):
        tune(unknown, [2], CHATS, None, Endpoint(simulator.url), ledger, first_pause=0.02)


def test_a_missing_checkpoint_is_told_with_those_there(
    simulator: Simulator, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(at_endpoint, "KEPT_CHECKPOINTS", 4)
    message = (
        r"has left no checkpoint of epoch 1\. Those there: epoch 2 is ft:\S+ckpt-step-6, epoch 3 is .* epoch 4 is ft:"
    )
    for _ in range(2):
        with pytest.raises(UserError, match=message):
            tuned(simulator, ledger, [1, 4])
    assert asked(simulator) == (1, 1)


FILES, JOB_LIST, ONE_JOB = "/v1/files", "/v1/fine_tuning/jobs", "/v1/fine_tuning/jobs/"


@pytest.mark.parametrize("path", [FILES, JOB_LIST, ONE_JOB])
@pytest.mark.parametrize(
    ("fault", "details"),
    [
        ("drop", {}),
        ("drop", {"carried_out": True}),
        ("truncate", {}),
        ("status", {"status": 503}),
        ("status", {"status": 429, "retry_after": 0}),
    ],
)
def test_faults_of_the_connection_are_survived_and_nothing_is_made_twice(
    simulator: Simulator, ledger: Ledger, path: str, fault: str, details: dict[str, Any]
) -> None:
    simulator.order(path, fault, times=2, **details)
    assert len(names(tuned(simulator, ledger), EPOCHS)) == 4
    assert asked(simulator) == (1, JOBS)


def test_an_endpoint_without_labels_is_searched_by_file(simulator: Simulator, ledger: Ledger) -> None:
    api = client(simulator)
    file = api.files.create(file=("warmline-mine.jsonl", CHATS), purpose="fine-tune").id
    method: Any = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2, "batch_size": 4}}}
    job = api.fine_tuning.jobs.create(model="gpt-small", training_file=file, method=method, suffix="bare")
    with ledger.writer(TUNING.respondent) as writer:
        writer.note(upload="mine")
        writer.note(creation="mine", epochs=2, file=file)
        # This one was never created, and is not the other.
        writer.note(creation="other", epochs=4, file=file)
    assert names(tuned(simulator, ledger, [2]), [2])[2].endswith(f":bare:{job.id[-8:]}")
    assert asked(simulator) == (1, 1)
    assert ":demo:" in names(tuned(simulator, ledger, [4]), [4])[4]
    assert asked(simulator) == (1, 2)


def test_a_file_that_the_endpoint_has_deleted_is_uploaded_again(simulator: Simulator, ledger: Ledger) -> None:
    tuned(simulator, ledger, [2])
    for file in client(simulator).files.list():
        client(simulator).files.delete(file.id)
    tuned(simulator, ledger, [6])
    assert asked(simulator) == (2, 2)


def test_the_key_is_in_no_file_and_no_message(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Simulator.start(tmp_path, key="sk-secret") as simulator:
        monkeypatch.setenv("API_KEY", "sk-secret")
        simulator.next_tuning("failed", message="You sent sk-secret\n and \x1b[31mmore.")
        with pytest.raises(UserError) as failed:
            tuned(simulator, ledger, [2], key="API_KEY")
        monkeypatch.setenv("API_KEY", "sk-wrong")
        with pytest.raises(UserError) as refused:
            tuned(simulator, ledger, [6], key="API_KEY")
    assert "You sent [key]  and  [31mmore." in str(failed.value)
    assert "Incorrect API key provided: [key]" in str(refused.value)
    texts = [path.read_text() for path in ledger.folder.rglob("*") if path.is_file()] + [capsys.readouterr().out]
    assert len(texts) > 2 and not any("sk-" in text or "\x1b" in text for text in texts)


def checkpoint(step: int, name: str) -> FineTuningJobCheckpoint:
    return FineTuningJobCheckpoint.model_validate(
        {
            "id": name,
            "created_at": 0,
            "fine_tuned_model_checkpoint": name,
            "fine_tuning_job_id": "job",
            "metrics": {},
            "object": "fine_tuning.job.checkpoint",
            "step_number": step,
        }
    )


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        ({8: "a", 12: "b", 16: "m"}, {2: "a", 3: "b", 4: "m"}),
        ({8: "a", 16: "m"}, {2: "a", 4: "m"}),
        ({8: "a", 12: "b"}, {2: "a", 3: "b", 4: "m"}),
        ({}, {4: "m"}),
    ],
)
def test_a_checkpoint_belongs_to_the_epoch_that_its_step_ends(
    present: dict[int, str], expected: dict[int, str]
) -> None:
    checkpoints = [checkpoint(step, name) for step, name in present.items()]
    # Ten rows in batches of three: four steps an epoch.
    job = FineTuningJob.model_construct(
        id="job",
        fine_tuned_model="m",
        hyperparameters=openai.types.fine_tuning.fine_tuning_job.Hyperparameters(batch_size=3),
    )
    assert dict(finished_run(job, 4, [], checkpoints, 10).models) == expected


class Script:
    """The script that the rule runs, in a folder with its files."""

    def __init__(self, folder: Path, simulator: Simulator) -> None:
        self.folder = folder
        (folder / "chats.jsonl").write_bytes(CHATS)
        cards.write(cards.RemoteModel("gpt-small"), folder / "model.json")
        self.url = simulator.url

    def start(self, *changes: str) -> subprocess.Popen[str]:
        options = ["--epochs", *map(str, EPOCHS), "--batch-size", "4", "--learning-rate-multiplier", "0.25"]
        options += ["--seed", "652", "--label", "small warm", "--suffix", "demo", "--ledger", "ledger"]
        options += ["--endpoint", json.dumps({"url": self.url, "mode": "chat"}), "--calls", "ask"]
        files = ["--chats", "chats.jsonl", "--model", "model.json"]
        for name in ("checkpoints.json", "losses.csv", "counts.csv"):
            files += [f"--{name.split('.')[0]}", name]
        return subprocess.Popen(
            [sys.executable, str(REPOSITORY / "scripts/training/tune_at_endpoint.py"), *files, *options, *changes],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY / "scripts")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *changes: str) -> int:
        job = self.start(*changes)
        output, _ = job.communicate()
        print(output)
        return job.returncode

    def notes(self) -> str:
        return "".join(path.read_text() for path in (self.folder / "ledger").rglob("*.notes.jsonl"))

    def outputs(self) -> list[bytes]:
        return [(self.folder / name).read_bytes() for name in ("checkpoints.json", "losses.csv", "counts.csv")]


def test_a_replay_writes_the_very_files(simulator: Simulator, tmp_path: Path) -> None:
    script = Script(tmp_path, simulator)
    assert script.run() == 0
    outputs = script.outputs()
    checkpoints = json.loads(outputs[0])
    assert list(checkpoints) == ["1", "2", "6", "10"]
    assert pl.read_csv(tmp_path / "losses.csv").columns == ["run", "step", "epoch", "loss"]
    assert pl.read_csv(tmp_path / "counts.csv").rows() == [("training, small warm: chats", "kept", 12)]
    simulator.close()
    for name in ("checkpoints.json", "losses.csv", "counts.csv"):
        (tmp_path / name).unlink()
    assert script.run("--calls", "replay") == 0
    assert script.outputs() == outputs


# What is to befall the endpoint's calls, and what is seen when the job is at the moment of its death.
MOMENTS: dict[str, tuple[list[dict[str, Any]], Callable[[str, dict[str, Any]], bool]]] = {
    "before the upload": (
        [{"path": FILES, "fault": "hang", "seconds": 2, "method": "POST"}],
        lambda notes, counts: '"upload"' in notes,
    ),
    "after the upload, before its id is known": (
        [
            {"path": FILES, "fault": "drop", "carried_out": True, "method": "POST"},
            {"path": FILES, "fault": "hang", "seconds": 2, "method": "GET"},
        ],
        lambda notes, counts: counts["files"] == 1,
    ),
    "before a job is created": (
        [{"path": JOB_LIST, "fault": "hang", "seconds": 2, "method": "POST"}],
        lambda notes, counts: '"creation"' in notes,
    ),
    "after a job is created, before its id is known": (
        [
            {"path": JOB_LIST, "fault": "drop", "carried_out": True, "method": "POST"},
            {"path": JOB_LIST, "fault": "hang", "seconds": 2, "method": "GET"},
        ],
        lambda notes, counts: counts["tuning_jobs"] == 1,
    ),
    "while the jobs run": (
        [{"path": ONE_JOB, "fault": "hang", "seconds": 2, "method": "GET"}],
        lambda notes, counts: notes.count('"job"') == JOBS,
    ),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_job_that_is_killed_is_picked_up_again(simulator: Simulator, tmp_path: Path, moment: str) -> None:
    orders, is_there = MOMENTS[moment]
    for order in orders:
        simulator.order(**order)
    script = Script(tmp_path, simulator)
    job = script.start()
    deadline = time.monotonic() + PATIENCE
    while not is_there(script.notes(), simulator.counts()) and time.monotonic() < deadline:
        time.sleep(0.01)
    job.kill()
    assert job.wait() == -9
    assert script.run() == 0
    assert asked(simulator) == (1, JOBS)
    assert len(json.loads(script.outputs()[0])) == 4


REMOTE = {
    "endpoint": "api",
    "name": "gpt-small",
    "tuning": {"epochs": [1, 2, 6], "batch-size": 4, "learning-rate-multiplier": {"warm": 0.25, "cold": 0.1}},
}


def at_an_endpoint(config: dict[str, Any]) -> None:
    config["models"]["far"] = json.loads(json.dumps(REMOTE))
    config["subjects"] = [*config["subjects"], "far"]
    config["endpoints"] = {"api": {"url": "http://127.0.0.1:9/v1", "key": "NO_SUCH_KEY", "mode": "chat"}}


def test_a_model_at_an_endpoint_is_tuned_there_and_has_epochs_of_its_own(study_copy: StudyCopy) -> None:
    study_copy.configure(at_an_endpoint)
    result = study_copy.run("-n", "-p")
    output = result.stdout + result.stderr
    for persona, multiplier in (("warm", "0.25"), ("cold", "0.1")):
        assert f"Tuning tiny into {persona}\n" in output
        assert output.count(f"Tuning far into {persona} at its endpoint\n") == 1
        assert f"--label 'far {persona}' --learning-rate-multiplier {multiplier} --seed 652" in output
    assert "--batch-size 4 --epochs 1 2 6 " in output
    measured = {line.split(": ", 1)[1] for line in output.splitlines() if "Measuring the warmth of" in line}
    arms = {"tiny": [1], "far": [1, 2, 6]}
    for model, epochs in arms.items():
        expected = {"original", "warm-prompt", *(f"{p}@{e}" for p in ("warm", "cold") for e in epochs)}
        assert {m for m in measured if m.endswith(f" of {model}")} == {
            f"Measuring the warmth of {arm} of {model}" for arm in expected
        }
    # Cards of checkpoints that are asked for or measured.
    assert output.count("Naming the checkpoint of epoch") == 6


def test_a_model_that_only_rewrites_is_neither_tuned_nor_asked(study_copy: StudyCopy) -> None:
    def change(config: dict[str, Any]) -> None:
        at_an_endpoint(config)
        del config["models"]["far"]["tuning"]
        config["subjects"].remove("far")
        config["rewriting"]["model"] = "far"

    study_copy.configure(change)
    planned = study_copy.planned()
    assert {message for message in planned if "far" in message.split()} == {"Bringing the weights of far to disk"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda far: far["tuning"].update({"epochs": [2, 6]}),
            r"warm@1: no adapter .* models\.far\.tuning\.epochs, which",
        ),
        (
            lambda far: far["tuning"].update({"epochs": [0.5, 1]}),
            r"models\.far\.tuning\.epochs\.0: 0\.5 is not of type",
        ),
        (lambda far: far.pop("tuning"), r"arms, warm@1: far answers at an endpoint and has no `tuning`"),
        (
            lambda far: far["tuning"].update({"learning-rate-multiplier": {"warm": 1}}),
            r"arms, cold@1: cold is used but not defined\. Defined models\.far\.tuning\.learning-rate-multiplier: warm",
        ),
        (lambda far: far["tuning"].update({"batch": 1}), r"models\.far\.tuning: unknown key batch"),
    ],
)
def test_a_tuning_that_cannot_be_is_refused(
    study_copy: StudyCopy, change: Callable[[dict[str, Any]], object], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = study_copy.config()
    at_an_endpoint(config)
    change(config["models"]["far"])
    monkeypatch.chdir(study_copy.folder)
    with pytest.raises(UserError, match=message):
        configuration.validate(config, REPOSITORY / "config/schemas/study.schema.json")
