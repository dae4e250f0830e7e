"""A check of a study names what will fail, before a call is paid; a whole study, and one with each of many faults."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import thinking_templates
from hub_server import COMMIT, serving
from openai_simulator.client import Simulator
from study_copy import StudyCopy, environment

from warmline.cli import configured
from warmline.preflight import machine, whole
from warmline.preflight.findings import FAILS, FINE, UNKNOWN, Finding

Config = dict[str, Any]
KEY = "WARMLINE_TEST_KEY"


@pytest.fixture
def found(study_copy: StudyCopy, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Finding]]:
    """The findings of the tiny study once its configuration is changed."""

    def check(change: Callable[[Config], None], *, profile: Path | None = None, begun: bool = False) -> list[Finding]:
        monkeypatch.chdir(study_copy.folder)
        study_copy.configure(change)
        return list(whole.findings(configured.study(None), profile, begun=begun))

    return check


def at_endpoint(config: Config, url: str, **endpoint: Any) -> None:
    """Have a model at an endpoint rewrite and judge."""
    config["endpoints"] = {"near": {"url": url, "mode": "chat", **endpoint}}
    config["models"]["far"] = {"endpoint": "near", "name": "sim-small"}
    config["rewriting"]["model"] = "far"
    config["judge"] = {
        **{"model": "far", "prompts": "config/prompts/judge", "reply": "schema"},
        **{"temperature": 0, "max-new-tokens": 50, "max-unscored": 1},
    }


def test_a_sound_study_has_no_fault_and_one_call_for_each_kind_of_request(
    found: Callable[..., list[Finding]], simulator: Simulator
) -> None:
    findings = found(lambda config: at_endpoint(config, simulator.url))
    assert {one.state for one in findings} == {FINE}
    assert [one.place for one in findings] == [
        *("the configuration", "the key of near", "the disk"),
        *("the questions of triviaqa", "the questions of disinfo", "the questions of mmlu"),
        *("the model tiny", "the conversations"),
        *("far at its endpoint, rewriting", "far at its endpoint, judging"),
    ]
    assert simulator.counts()["chat"] == 2


def settings(**changes: Any) -> Callable[[Config], None]:
    """Values by the path of their key, with two underscores between its steps and one for a hyphen."""

    def change(config: Config) -> None:
        for place, value in changes.items():
            *sections, name = place.replace("__", ".").replace("_", "-").split(".")
            section = config
            for step in sections:
                section = section[step]
            section[name] = value

    return change


def file(name: str, edit: Callable[[str], str]) -> Callable[[Config], None]:
    return lambda _config: Path(name).write_text(edit(Path(name).read_text())) and None


def in_json(name: str, **values: Any) -> Callable[[Config], None]:
    return file(name, lambda text: json.dumps(json.loads(text) | values))


def chat_template(text: str) -> Callable[[Config], None]:
    return file("weights/chat_template.jinja", lambda _: text)


def too_small(config: Config) -> None:
    config["sizes"] = {"small": {"gpus": 0, "memory": 0.0001, "hours": 1}}
    config["models"]["tiny"]["size"] = "small"


def served_by_nothing(config: Config) -> None:
    del config["models"]["tiny"]["batch-size"]
    config["models"]["tiny"]["serve"] = "no-such-server {model} --port {port} [--adapter {arm}={adapter}]"


SOURCE = "config/demo/triviaqa.jsonl"
FAULTS: dict[str, tuple[Callable[[Config], None], str, str]] = {
    "fewer questions": (
        settings(tasks__triviaqa__questions=500),
        "the questions of triviaqa",
        "asks for 500 questions, its source has 28",
    ),
    "a broken row": (
        file(SOURCE, lambda text: text.replace("{", "", 1)),
        "the questions of triviaqa",
        "triviaqa.jsonl, row 1: not JSON",
    ),
    "another layout": (
        settings(tasks__triviaqa__layout="gsm8k"),
        "the questions of triviaqa",
        "row 1: no text under 'answer'",
    ),
    "another file": (
        settings(tasks__triviaqa__source={"path": SOURCE, "sha256": "0" * 64}),
        "the questions of triviaqa",
        "the file has changed",
    ),
    "fewer conversations": (
        settings(conversations__training_size=600),
        "the conversations",
        "the training sample needs 83 more conversations of type refusal",
    ),
    "conversations of another layout": (
        file("config/demo/conversations.json", lambda _: '[{"id": "a", "text": "Why?"}]'),
        "the conversations",
        "row 1: no list under 'conversations'",
    ),
    "a model of another class": (
        in_json("weights/config.json", model_type="t5", architectures=["T5ForConditionalGeneration"]),
        "the model tiny",
        "which transformers does not load as a model of text alone",
    ),
    "a class of another version": (
        in_json("weights/config.json", model_type="llama99"),
        "the model tiny",
        "cannot be read by transformers here",
    ),
    "no chat template": (
        lambda _config: Path("weights/chat_template.jinja").unlink(),
        "the model tiny",
        "has no chat template",
    ),
    "no system turn": (
        chat_template(thinking_templates.WITHOUT_SYSTEM),
        "the model tiny",
        "every prompt of the arm warm-prompt begins with a system turn",
    ),
    "no switch for thoughts": (
        settings(models__tiny__thinking=False),
        "the model tiny",
        "has no switch for thoughts",
    ),
    "no end of turn": (
        chat_template(thinking_templates.NEXT_TURN_ENDS),
        "the model tiny",
        "the model would not learn to end",
    ),
    "weights that LoRA cannot tune": (
        in_json("weights/config.json", quantization_config={"quant_method": "gptq", "bits": 4}),
        "the model tiny",
        "no adapter is trained here",
    ),
    "too little memory": (too_small, "the model tiny", "its size small asks for 0.0 GB of memory"),
    "no server": (served_by_nothing, "the model tiny", "there is no program no-such-server"),
    "no tokenizer": (
        lambda _config: [path.unlink() for path in Path("weights").glob("token*")] and None,
        "the model tiny",
        "Error: ",
    ),
    "no weights": (
        settings(models__tiny__source={"folder": "elsewhere"}),
        "the model tiny",
        "the weights folder elsewhere is gone",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_before_a_call_is_paid(
    found: Callable[..., list[Finding]], simulator: Simulator, fault: str
) -> None:
    change, place, text = FAULTS[fault]

    def faulty(config: Config) -> None:
        at_endpoint(config, simulator.url)
        change(config)

    failing = [one for one in found(faulty) if one.state == FAILS]
    assert [one.place for one in failing] == [place]
    assert text in failing[0].text
    assert simulator.counts()["chat_received"] == 0


def test_a_key_that_is_not_set_is_named_and_nothing_sent(
    found: Callable[..., list[Finding]], simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY, raising=False)
    findings = found(lambda config: at_endpoint(config, simulator.url, key=KEY))
    failing = [one for one in findings if one.state == FAILS]
    assert [one.place for one in failing] == ["the key of near"]
    assert f"the environment variable {KEY} is not set" in failing[0].text
    assert simulator.counts()["chat_received"] == 0


def test_what_an_endpoint_refuses_is_named_after_one_call_each(
    found: Callable[..., list[Finding]], simulator: Simulator
) -> None:
    simulator.order("/v1/chat", "status", times=9, status=400, message="no such parameter: seed")
    failing = [one for one in found(lambda config: at_endpoint(config, simulator.url)) if one.state == FAILS]
    assert [one.place for one in failing] == ["far at its endpoint, rewriting", "far at its endpoint, judging"]
    assert all("no such parameter: seed" in one.text for one in failing)
    assert simulator.counts()["chat_received"] == 2


@pytest.mark.parametrize("fault", ["no_choices", "no_usage", "drop"])
def test_a_reply_that_cannot_be_used_is_asked_for_once(
    found: Callable[..., list[Finding]], simulator: Simulator, fault: str
) -> None:
    simulator.order("/v1/chat", fault, times=9)
    failing = [one for one in found(lambda config: at_endpoint(config, simulator.url)) if one.state == FAILS]
    assert [one.called for one in failing] == [True, True]
    assert simulator.counts()["chat_received"] <= 2


@pytest.mark.parametrize("status", [429, 503])
def test_of_an_endpoint_that_is_busy_nothing_is_told(
    found: Callable[..., list[Finding]], simulator: Simulator, status: int
) -> None:
    simulator.order("/v1/chat", "status", times=9, status=status)
    states = [one.state for one in found(lambda config: at_endpoint(config, simulator.url)) if one.called]
    assert states == [UNKNOWN, UNKNOWN]


def test_a_server_that_is_down_is_not_waited_for(found: Callable[..., list[Finding]]) -> None:
    failing = [one for one in found(lambda config: at_endpoint(config, "http://127.0.0.1:9/v1")) if one.state == FAILS]
    assert len(failing) == 2
    assert "127.0.0.1:9" in failing[0].text


def test_a_model_that_was_shut_down_is_named(found: Callable[..., list[Finding]], simulator: Simulator) -> None:
    simulator.set(shutdown_dates={"sim-small": "2020-01-01"})
    failing = [one for one in found(lambda config: at_endpoint(config, simulator.url)) if one.state == FAILS]
    assert all("was shut down on 2020-01-01" in one.text for one in failing) and len(failing) == 2


def test_a_replayed_study_needs_neither_keys_nor_calls(found: Callable[..., list[Finding]]) -> None:
    def replayed(config: Config) -> None:
        at_endpoint(config, "http://127.0.0.1:9/v1", key=KEY)
        config["calls"] = "replay"

    (told,) = [one for one in found(replayed) if one.state != FINE]
    assert (told.place, told.state) == ("the ledger", FAILS)
    Path("results/ledger").mkdir(parents=True)
    assert {one.state for one in found(lambda _config: None)} == {FINE}


HUB_SOURCE = {"hub": "org/questions", "revision": COMMIT, "file": "triviaqa.jsonl"}


def test_what_the_hub_has_is_fetched_for_a_look_and_what_it_has_not_is_named(
    study_copy: StudyCopy, tmp_path: Path
) -> None:
    """In a process of its own, since huggingface_hub reads the hub's address when it is imported."""

    def at_the_hub(config: Config) -> None:
        config["tasks"]["triviaqa"]["source"] = HUB_SOURCE
        config["tasks"]["disinfo"]["source"] = HUB_SOURCE | {"revision": COMMIT[::-1]}
        config["capabilities"]["tasks"]["mmlu"]["source"] = HUB_SOURCE | {"file": "nothing.jsonl"}

    study_copy.configure(at_the_hub)
    with serving(study_copy.folder / "config/demo", "datasets/org/questions") as hub:
        printed = check(study_copy, tmp_path, hub)
    assert printed.returncode == 1
    assert "the questions of triviaqa: 28 there, 2 asked" in printed.stdout
    assert "the disk: cannot be told here" in printed.stdout
    faults = [line for line in printed.stderr.splitlines() if line[:2] in ("1.", "2.", "3.")]
    assert len(faults) == 2
    assert faults[0].startswith("1. the questions of disinfo: ") and "the dataset has no such commit" in faults[0]
    assert faults[1].startswith("2. the questions of mmlu: ") and "there is no such file at that commit" in faults[1]
    assert not list(study_copy.folder.glob("results/sources/*"))


def test_without_a_network_what_can_be_told_is_told(study_copy: StudyCopy, tmp_path: Path) -> None:
    study_copy.configure(settings(tasks__triviaqa__source=HUB_SOURCE))
    printed = check(study_copy, tmp_path, "http://127.0.0.1:9")
    assert "the questions of triviaqa: cannot be told here: the hub cannot be reached" in printed.stdout
    assert "the questions of disinfo: 26 there, 2 asked" in printed.stdout
    assert "the model tiny: Llama; chat template with system turns; LoRA can tune it" in printed.stdout
    assert printed.returncode == 0


def check(copy: StudyCopy, folder: Path, hub: str) -> subprocess.CompletedProcess[str]:
    variables = {"HF_ENDPOINT": hub, "HF_HOME": str(folder / "home"), "HF_HUB_DISABLE_XET": "1"}
    path = {"PYTHONPATH": str(copy.folder / "scripts")}
    words = [sys.executable, "-m", "warmline", "check"]
    env = environment() | variables | path
    return subprocess.run(words, cwd=copy.folder, env=env, capture_output=True, text=True)


def test_of_a_study_that_has_begun_only_what_is_not_made_is_looked_at(
    study: StudyCopy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(study.folder)
    assert list(whole.findings(configured.study(None), None, begun=True)) == []
    study.path("questions/disinfo.parquet").unlink()
    places = [one.place for one in whole.findings(configured.study(None), None, begun=True)]
    assert places == ["the configuration", "the disk", "the questions of disinfo"]


def test_screened_conversations_are_those_that_count(study: StudyCopy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(study.folder)
    (told,) = [one for one in whole.findings(configured.study(None), None) if one.place == "the conversations"]
    assert "passed the screening" in told.text


def test_a_run_that_would_fail_does_not_begin(study_copy: StudyCopy) -> None:
    study_copy.configure(settings(tasks__triviaqa__questions=500))
    words = [sys.executable, "-m", "warmline", "run", "--cores", "2"]
    env = environment() | {"PYTHONPATH": str(study_copy.folder / "scripts")}
    result = subprocess.run(words, cwd=study_copy.folder, env=env, capture_output=True, text=True)
    assert result.returncode == 1
    assert "1. the questions of triviaqa: task triviaqa asks for 500 questions" in result.stderr
    assert not study_copy.path("models").exists() and not study_copy.path(".run.json").exists()


@pytest.mark.parametrize(
    ("limit", "hours"),
    [("1-12:00:00", 36), ("30:00", 0.5), ("2:30:00", 2.5), ("infinite", float("inf")), ("45", 45 / 3600)],
)
def test_a_partitions_limit_is_read_as_slurm_writes_it(limit: str, hours: float) -> None:
    assert machine.hours(limit) == hours


def test_a_partition_that_slurm_does_not_have_is_named(
    found: Callable[..., list[Finding]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sinfo").write_text("#!/bin/sh\necho 'cpu 2-00:00:00'\necho 'gpu 1-00:00:00'\n")
    (tmp_path / "sinfo").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{environment()['PATH']}")
    site = tmp_path / "site.yaml"
    sized = settings(sizes={"8b": {"gpus": 1, "memory": 64, "hours": 30}})
    for names, hours, text in (
        ("gpu", 24, None),
        ("gpus", 24, "slurm has no partition gpus, but cpu, gpu"),
        ("gpu", 30, "sizes.8b.hours: 30, and the partitions of"),
    ):
        site.write_text(f"partitions:\n  {names}: {{max_gpu: 8}}\n")
        sized = settings(sizes={"8b": {"gpus": 1, "memory": 64, "hours": hours}})
        (told,) = [one for one in found(sized, profile=tmp_path) if one.place.startswith("the partitions")]
        assert told.state == (FAILS if text else FINE)
        assert text is None or text in told.text


def test_a_profile_that_is_not_there_is_named(found: Callable[..., list[Finding]]) -> None:
    (told,) = [one for one in found(lambda _config: None, profile=Path("profiles/slum")) if one.state == FAILS]
    assert told.place == "the profile profiles/slum"


def test_what_the_disk_cannot_hold_is_named() -> None:
    assert machine.disk(lambda: 10**18, reachable=True).state == FAILS
    assert machine.disk(lambda: 1, reachable=True).state == FINE
    assert machine.disk(lambda: 10**18, reachable=False).state == UNKNOWN
