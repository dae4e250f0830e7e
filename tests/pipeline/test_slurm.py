"""The study on a real slurm: what reaches its queue, and that neither requeue nor cancelling changes a byte."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import slurm_cluster
from slurm_cluster import Cluster
from study_copy import StudyCopy, calls_in, environment

pytestmark = pytest.mark.skipif(slurm_cluster.missing() is not None, reason=slurm_cluster.missing() or "")

# All jobs are short.
PROFILE = ["--profile", "profiles/slurm", "--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "5"]
RECEIPT = "answers/tiny/warm@1/questions.json"
ANSWERS = "generations/tiny/warm@1/triviaqa/sad.none.plain.parquet"
ROWS = 16


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with slurm_cluster.started() as running:
        yield running


def longer(config: dict[str, Any]) -> None:
    """Enough steps and calls that there is time to interrupt."""
    config["models"]["tiny"]["batch-size"] = 1
    config["training"]["epochs"] = [1, 20]
    config["answers"]["max-new-tokens"] = 64


def with_gpus(copy: StudyCopy) -> None:
    """Have each job that holds the model ask for a GPU, on a cluster without accounts and with few processors."""
    copy.configure(lambda config: config.update(sizes={"toy": {"gpus": 1, "memory": 2, "hours": 1}}))
    copy.configure(lambda config: config["models"]["tiny"].update(size="toy"))
    copy.edit("profiles/slurm/site.yaml", "cpus-per-gpu: 4\n", "cpus-per-gpu: 1\n")
    copy.edit("profiles/slurm/site.yaml", "\nstatus-command:\n", "\nstatus-command: squeue\n")
    copy.edit(
        "profiles/slurm/site.yaml", "\npartitions:\n", f"\npartitions: {{main: {{max_gpu: {slurm_cluster.GPUS}}}}}\n"
    )


def wait_until(condition: Callable[[], Any], process: subprocess.Popen[bytes]) -> Any:
    """The condition's value as soon as it holds; until then the process must run."""
    deadline = time.monotonic() + 240
    while not (value := condition()):
        assert process.poll() is None, process.returncode
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return value


def answered(copy: StudyCopy) -> int:
    """How many calls the ledger holds, also while a job begins a part of it."""
    return sum(len(calls_in(part)) for part in (copy.folder / "results/ledger").glob("*"))


def relative(copy: StudyCopy, name: str) -> str:
    return str(copy.path(name).relative_to(copy.folder))


@pytest.mark.long(230)
def test_requeued_training_and_cancelled_calls_end_as_a_local_run_does(
    study: StudyCopy, cluster: Cluster, tmp_path: Path
) -> None:
    """After an edited template only what depends on it reaches the queue."""
    shutil.copytree(study.folder, tmp_path / "local", symlinks=True)
    local = StudyCopy(tmp_path / "local")
    for copy in (local, study):
        copy.configure(longer)
        copy.edit("config/prompts/rewrite/warm.md", "{{ reply }}\n\nRewrite the", "{{ reply }}\n\nNow rewrite the")
    with_gpus(study)
    command = study.command(*PROFILE, relative(study, RECEIPT))
    printed = tmp_path / "printed.txt"
    with (
        printed.open("w") as file,
        subprocess.Popen(command, cwd=study.folder, env=environment(), stdout=file, stderr=file) as process,
    ):
        training = wait_until(lambda: cluster.running("train_adapters"), process)
        wait_until(lambda: first_checkpoint(study), process)
        subprocess.run(["scontrol", "requeue", training], check=True)
        asking = wait_until(lambda: cluster.running("ask_arm"), process)
        known = answered(study)
        wait_until(lambda: answered(study) > known, process)
        subprocess.run(["scancel", asking], check=True)
        assert process.wait(240) == 0, printed.read_text()

    jobs = cluster.jobs()
    assert [job["Comment"].split("_wildcards_") for job in jobs] == [
        ["rule_rewrite_replies", "warm"],
        ["rule_train_adapters", "tiny_warm"],
        *[["rule_ask_arm", "tiny_warm@1_questions"]] * 2,
    ]
    assert [job["JobState"] for job in jobs] == ["COMPLETED", "COMPLETED", "CANCELLED", "COMPLETED"]
    assert [job["Restarts"] for job in jobs] == ["0", "1", "0", "0"]
    assert {job["TresPerJob"] for job in jobs} == {"gres:gpu:1"}
    # A second attempt asks for more.
    assert [job["MinMemoryNode"] for job in jobs] == ["2000M"] * 3 + ["4000M"]
    # Slurm's signal came in time for the state to be saved.
    assert "going on after step" in study.path("logs/train_adapters/model=tiny,persona=warm.txt").read_text()
    receipt = json.loads(study.path(RECEIPT).read_text())
    assert 0 < receipt["this_run"]["from_ledger"] < ROWS
    assert receipt["this_run"]["from_ledger"] + receipt["this_run"]["new"] == ROWS

    local.run(relative(local, RECEIPT))
    assert study.contents() == local.contents()
    assert answered(study) == answered(local)
    # Nothing is asked again: the answers themselves are compared as the projection writes them.
    for copy in (local, study):
        copy.run(relative(copy, ANSWERS))
    assert study.path(ANSWERS).read_bytes() == local.path(ANSWERS).read_bytes()


def first_checkpoint(copy: StudyCopy) -> bool:
    """Whether the training that now runs has come to its first checkpoint."""
    return any((copy.folder / "results").glob("training/*/epoch-1/adapter_model.safetensors"))


def test_more_gpus_than_there_are_is_said_in_plain_words(study: StudyCopy, cluster: Cluster) -> None:
    with_gpus(study)
    study.configure(lambda config: config["sizes"]["toy"].update(gpus=9))
    study.configure(lambda config: config["models"]["tiny"].update(spread=True))
    arguments = ["--retries", "0", "--forcerun", "score_warmth", "--"]
    result = study.run(*PROFILE, *arguments, relative(study, "warmth/tiny/original.parquet"), check=False)
    assert result.returncode
    assert "score_warmth: slurm has no node for what its job asks for: " in result.stderr
    assert "--gpus=9" in result.stderr.split("slurm has no node", 1)[1]


ACCOUNTS = slurm_cluster.missing(accounts=True)
SLEEPS = "import time\n\ntime.sleep(600)\n\n\n"
SQUEUE = ("status-command", "squeue")


@pytest.fixture
def accounting_cluster() -> Iterator[Cluster]:
    with slurm_cluster.started(accounts=True) as running:
        yield running


def fails(copy: StudyCopy, *site: tuple[str, str], meanwhile: Callable[[str], object] = lambda job: None) -> str:
    """What a run says at its end whose one job does not end well. It is given to `meanwhile` once it runs."""
    for old, new in site:
        copy.edit("profiles/slurm/site.yaml", f"\n{old}:\n", f"\n{old}: {new}\n")
    arguments = ["--retries", "0", "--forcerun", "score_warmth", "--"]
    command = copy.command(*PROFILE, *arguments, relative(copy, "warmth/tiny/original.parquet"))
    with subprocess.Popen(command, cwd=copy.folder, env=environment(), stderr=subprocess.PIPE, text=True) as process:
        job = wait_until(lambda: running_job(), process)
        meanwhile(job)
        _, said = process.communicate(timeout=120)
    assert process.returncode
    return said.rstrip().splitlines()[-1]


def running_job() -> str:
    words = ["squeue", "--noheader", "--states=RUNNING", "--format=%i"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def cancel(job: str) -> None:
    subprocess.run(["scancel", job], check=True)


with_accounts = pytest.mark.skipif(ACCOUNTS is not None, reason=ACCOUNTS or "")


@with_accounts
@pytest.mark.long(50)
def test_a_cancelled_job_is_told_where_there_are_accounts(study: StudyCopy, accounting_cluster: Cluster) -> None:
    study.edit("scripts/warmth/score.py", "def main(", f"{SLEEPS}def main(")
    assert "was cancelled by user 0. Run again." in fails(study, meanwhile=cancel)


@with_accounts
@pytest.mark.long(80)
def test_a_job_that_took_too_much_memory_is_told(study: StudyCopy, accounting_cluster: Cluster) -> None:
    study.edit("scripts/warmth/score.py", "def main(", f"taken = bytearray(b'1') * 3_000_000_000\n{SLEEPS}def main(")
    study.configure(lambda config: config.update(sizes={"toy": {"gpus": 0, "memory": 1, "hours": 1}}))
    study.configure(lambda config: config["models"]["tiny"].update(size="toy"))
    said = fails(study)
    assert "needed more memory than its 1.0 GiB. Raise `memory` of its model's size." in said


@pytest.mark.long(80)
def test_a_job_that_ran_out_of_time_is_told(study: StudyCopy, cluster: Cluster) -> None:
    study.edit("scripts/warmth/score.py", "def main(", f"{SLEEPS}def main(")
    study.configure(lambda config: config.update(sizes={"toy": {"gpus": 0, "memory": 1, "hours": 0.034}}))
    study.configure(lambda config: config["models"]["tiny"].update(size="toy"))
    assert "ran out of its time, 0:02:00. Raise `hours` of its model's size." in fails(study, SQUEUE)


@pytest.mark.long(115)
def test_a_job_that_is_preempted_for_good_does_not_keep_the_run_waiting(study: StudyCopy, cluster: Cluster) -> None:
    study.edit("scripts/warmth/score.py", "def main(", f"{SLEEPS}def main(")

    def preempt(job: str) -> None:
        subprocess.run(["sbatch", "--exclusive", "--wrap", "sleep 20"], check=True, cwd=cluster.folder)

    said = fails(study, SQUEUE, ("partitions", "{spare: {max_runtime: 1d}}"), meanwhile=preempt)
    assert "was preempted, and the cluster does not put such jobs back." in said
