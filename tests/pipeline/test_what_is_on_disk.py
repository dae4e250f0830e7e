"""What is on disk is right, or it is made again: lost, damaged, replaced and moved files of a finished study.

A sample of files and faults is drawn with a seed; `make soak` takes every kind of file with every fault.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny_model
import yaml
from study_copy import StudyCopy
from tiny_study import edit_statement

from warmline.lineage import records
from warmline.workflow import holding

SOAK = "WARMLINE_SOAK" in os.environ
SEED = int(os.environ.get("WARMLINE_SEED", "16"))
LONG_AGO = 1_000_000_000


def deleted(path: Path) -> str:
    path.unlink()
    return holding.MISSING


def truncated(path: Path) -> str:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return holding.CHANGED


def one_byte_changed_with_its_time_kept(path: Path) -> str:
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=times)
    return holding.CHANGED


def replaced_by_an_older_version_with_its_time(path: Path) -> str:
    older = path.with_name("older")
    older.write_bytes(path.read_bytes() + b"\n")
    os.utime(older, (LONG_AGO, LONG_AGO))
    os.replace(older, path)
    return holding.CHANGED


FAULTS: list[Callable[[Path], str]] = [
    deleted,
    truncated,
    one_byte_changed_with_its_time_kept,
    replaced_by_an_older_version_with_its_time,
]


def reasons(copy: StudyCopy, *targets: str) -> dict[str, str]:
    """Why each job is planned, by its message."""
    said = copy.run("-n", *targets).stdout
    return dict(re.findall(r"^Job \d+: (.*)\nReason: (.*)$", said, re.MULTILINE))


def outputs(copy: StudyCopy) -> dict[str, list[str]]:
    """Every file that a job made, by its rule."""
    found: dict[str, list[str]] = {}
    for path in sorted(copy.path("audit/jobs").glob("*/*.jsonl")):
        record = records.last(str(path.with_suffix("")))
        assert record
        files = [file for named in record["outputs"].values() for file in named]
        found.setdefault(record["rule"], []).extend(files)
    return found


@pytest.mark.long(170)
@pytest.mark.parametrize("draw", range(12) if SOAK else [SEED])
def test_whatever_happened_to_a_file_of_each_rule_it_is_made_again(study: StudyCopy, draw: int) -> None:
    contents, calls = study.contents(), study.calls()["transformers"]
    drawn = random.Random(draw)
    expected = {}
    for number, files in enumerate(outputs(study).values()):
        file = drawn.choice(files)
        if SOAK:
            file, fault = files[draw % len(files)], FAULTS[(number + draw) % len(FAULTS)]
        else:
            fault = drawn.choice(FAULTS)
        if (study.folder / file).stat().st_size:
            expected[file] = fault(study.folder / file)
    planned = reasons(study)
    for file, reason in expected.items():
        assert f"{file} {reason}" in planned.values(), (file, reason)
    study.run()
    assert study.contents() == contents
    assert study.calls()["transformers"] == calls
    assert study.planned() == set()


def test_a_single_fault_plans_what_follows_from_its_file_and_no_more(study: StudyCopy) -> None:
    for fault in FAULTS:
        path = study.path("figures/changes.svg")
        kept = path.read_bytes()
        reason = fault(path)
        planned = reasons(study)
        assert planned.pop("Drawing changes") == f"results/tiny/figures/changes.svg {reason}"
        assert planned.keys() == {"Writing the report"}
        # What has the bytes of before is right, whatever its time.
        path.write_bytes(kept)
        assert study.planned() == set()


def test_a_lost_intermediate_is_made_for_any_target_and_in_steps_trains_nothing(study: StudyCopy) -> None:
    study.path("rewrites/warm.parquet").unlink()
    missing = "results/tiny/rewrites/warm.parquet is missing"
    assert reasons(study, "results/tiny/arms/tiny/warm@1/questions.json")["Rewriting replies into warm"] == missing
    study.run("chats")
    assert study.path("rewrites/warm.parquet").exists()
    # The receipt says that nothing was new this time.
    assert study.planned() == {"Adding up what the calls cost", "Writing the report"}


@pytest.mark.long(40)
def test_an_answer_that_was_lost_is_asked_for_under_a_target_that_hangs_on_it(study: StudyCopy) -> None:
    """Snakemake passes over ancient edges."""
    calls = study.calls()
    receipt = study.path("answers/tiny/warm@1/questions.json")
    receipt.unlink()
    target = "results/tiny/generations/tiny/warm@1/triviaqa/sad.none.plain.parquet"
    assert reasons(study, target)["Asking warm@1 of tiny: questions"].endswith("questions.json is missing")
    study.run()
    assert receipt.exists()
    assert study.calls() == calls


TEMPLATE = "config/prompts/rewrite/warm.md"


def test_an_older_template_put_back_with_its_old_time_counts(study: StudyCopy) -> None:
    path = study.folder / TEMPLATE
    kept = path.with_name("kept.md")
    shutil.copy2(path, kept)
    os.utime(kept, (LONG_AGO, LONG_AGO))
    study.edit(TEMPLATE, path.read_text(), path.read_text() + "\nBriefly.\n")
    study.run("results/tiny/rewrites/warm.parquet")
    assert "Rewriting replies into warm" not in study.planned("chats")
    os.replace(kept, path)
    assert reasons(study, "chats")["Rewriting replies into warm"] == f"{TEMPLATE} {holding.OTHER_CONTENT}"


def test_an_input_that_nobody_makes_is_an_error_even_if_what_is_made_of_it_is_there(study: StudyCopy) -> None:
    """Snakemake takes the files that are there and says that nothing is to be done."""
    asked = "parts=expand(rules.observe_arm.output.observations"
    study.edit("rules/observations.smk", asked, f'other="results/nobody.txt",\n        {asked}')
    done = study.run("-n", check=False)
    assert done.returncode and "results/nobody.txt" in done.stdout + done.stderr


def test_clocks_decide_nothing(study: StudyCopy) -> None:
    """The machine's clock was ahead while the study was made, and something was edited when it was right again."""
    for path in study.path("").rglob("*"):
        if path.is_file():
            os.utime(path, (4_000_000_000, 4_000_000_000))
    said = study.run("-n")
    assert "Nothing to be done" in said.stdout
    assert "with a time to come" in said.stderr
    statement = edit_statement(study)
    for path in (study.folder / "config").rglob("*"):
        os.utime(path, (LONG_AGO, LONG_AGO))
    assert any(holding.OTHER_CONTENT in reason for reason in reasons(study, "requests").values()), statement


def test_weights_that_were_replaced_in_the_same_folder_are_noticed(study: StudyCopy, tmp_path: Path) -> None:
    other = tiny_model.save(tmp_path / "other", seed=1)
    path = study.folder / "weights/model.safetensors"
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    shutil.copyfile(other / "model.safetensors", path)
    os.utime(path, ns=times)
    planned = reasons(study)
    (study.folder / "weights/added_tokens.json").write_text("{}")
    said = reasons(study)["Bringing the weights of tiny to disk"]
    assert said == f"{holding.OTHER_INPUTS}: weights/added_tokens.json"
    assert planned["Bringing the weights of tiny to disk"] == f"weights/model.safetensors {holding.OTHER_CONTENT}"
    assert "Tuning tiny into warm" in planned and "Asking original of tiny: questions" in planned


def test_snakemakes_notes_are_a_cache_and_a_study_can_be_moved(study: StudyCopy, tmp_path: Path) -> None:
    def edit(copy: StudyCopy) -> None:
        copy.configure(lambda config: config["statistics"].update({"equivalence-margin": 3}))
        copy.edit("scripts/warmline/statistics/mean_errors.py", "def mean_errors(", "def mean_errors(  # edited\n")

    moved = StudyCopy(tmp_path / "mit Leerstelle é")
    # Without the times of files.
    shutil.copytree(study.folder, moved.folder, copy_function=shutil.copyfile, symlinks=True)
    shutil.rmtree(moved.folder / ".snakemake")
    assert moved.planned() == set()
    edit(study)
    shutil.rmtree(moved.folder / ".snakemake")
    edit(moved)
    assert reasons(moved) == reasons(study) != {}


def as_floats(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: as_floats(part) for name, part in value.items()}
    if isinstance(value, list):
        return [as_floats(part) for part in value]
    return float(value) if type(value) is int else value


def test_one_and_one_point_nothing_are_one_number(study: StudyCopy) -> None:
    before = (study.folder / "config/config.yaml").read_text()

    def change(config: dict[str, Any]) -> None:
        for section in ("rewriting", "training", "answers", "warmth", "statistics", "checks", "conversations"):
            for name, value in config[section].items():
                if type(value) is not int:
                    config[section][name] = as_floats(value)
        config["training"]["epochs"] = [1.0]

    study.configure(change)
    assert (study.folder / "config/config.yaml").read_text() != before
    assert reasons(study) == {}


def in_another_order(config: dict[str, Any]) -> None:
    for section in ("personas", "figures", "arms", "contexts", "tasks", "models"):
        values = config[section]
        config[section] = values[::-1] if isinstance(values, list) else dict(reversed(values.items()))
    regressions = config["statistics"]["regressions"]
    config["statistics"]["regressions"] = dict(reversed(regressions.items()))


@pytest.mark.long(60)
def test_an_order_counts_where_it_is_seen_and_nowhere_else(study: StudyCopy) -> None:
    study.configure(in_another_order)
    # Regressions take the first task and the first model as those that others are compared with.
    seen = {message for message in reasons(study) if not message.startswith("Fitting the regression")}
    assert seen == {
        "Adding up what the calls cost",
        "Gathering all effects",
        "Estimating the main effects in other ways",
        "Writing tables for print",
        "Writing the report",
    }
    study.run()
    incremental = study.contents()
    # All that is drawn and tabulated is made anew.
    study.run("--forcerun", "combine_observations")
    assert study.contents() == incremental


FAILING = """
import os, sys
from pathlib import Path

words = " ".join(sys.orig_argv)
for name in filter(None, os.environ.get("WARMLINE_FAILING", "").split(",")):
    done = Path(f"failed-{name.replace('/', '-')}")
    if f"scripts/{name}.py" in words and not done.exists():
        done.touch()
        sys.exit(f"{name} fails once")
"""


@pytest.mark.long(480)
def test_jobs_that_fail_after_an_edit_leave_nothing_of_the_old_state(study: StudyCopy) -> None:
    """Snakemake deletes what a failed job made before, and makes no intermediate whose readers exist."""
    (study.folder / "scripts/sitecustomize.py").write_text(FAILING)
    scripts = {path.parent.name: path for path in study.path("audit/jobs").glob("*/*.jsonl")}
    commands = {str((records.last(str(path.with_suffix(""))) or {})["command"]).split()[0] for path in scripts.values()}
    names = sorted(re.sub(r".*/scripts/(.*)\.py", r"\1", command) for command in commands)
    path = study.folder / TEMPLATE
    study.edit(TEMPLATE, path.read_text(), path.read_text() + "\nBriefly.\n")
    edit_statement(study)
    failing = names if SOAK else [*random.Random(SEED).sample(names, 4), "rewriting/rewrite"]
    variables = {"WARMLINE_FAILING": ",".join(failing), "WARMLINE_FORK": "off"}
    for _ in range(len(failing) + 1):
        if study.run("--keep-going", check=False, variables=variables).returncode == 0:
            break
    assert study.planned() == set()
    incremental = study.contents()
    shutil.rmtree(study.path(""))
    study.run()
    assert study.contents() == incremental


def test_a_record_of_each_run_is_kept(study: StudyCopy) -> None:
    name = str(study.path("audit/jobs/ask_arm/model=tiny,arm=original,suite=questions"))
    (first,) = records.history(name)
    assert "torch" in first["packages"] and first["device"]
    original = (study.folder / "config/prompts/contexts/sad.yaml").read_text()
    edit_statement(study)
    study.run("requests")
    (study.folder / "config/prompts/contexts/sad.yaml").write_text(original)
    study.run("results/tiny/answers/tiny/original/questions.json")
    assert records.history(name)[0] == first
    last = records.last(name)
    assert last and last["parents"]
    for parent, digest in last["parents"].items():
        assert digest in map(records.digest, records.history(str(study.folder / parent))), parent
    configuration = study.path(f"audit/configurations/{last['configuration']}.json")
    assert json.loads(configuration.read_text())["study"] == yaml.safe_load("tiny")


def test_a_second_run_is_refused_and_a_dry_run_is_not(study: StudyCopy) -> None:
    holder = {"host": "node7", "pid": 1, "started": 0.0, "since": "2026-01-01"}
    study.path(".run.json").write_text(json.dumps(holder))
    study.path("report/index.html").unlink()
    refused = study.run(check=False)
    assert refused.returncode == 1
    assert "worked on by process 1 of node7" in refused.stderr
    assert "Writing the report" in study.planned()
    study.run("--unlock")
    study.run()
    assert study.path("report/index.html").exists()
    assert not study.path(".run.json").exists()
