from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import tiny_model
from repository import REPOSITORY
from study_copy import StudyCopy

from warmline.calls.requests import Request, Response, Sampling
from warmline.engines.options import LazyEngine
from warmline.engines.remote.chat import ChatEngine
from warmline.engines.served import command as serve_command
from warmline.engines.served.server import serve
from warmline.lineage.errors import UserError
from warmline.models import cards
from warmline.models.cards import LocalModel

SERVER = f"{shlex.quote(sys.executable)} {shlex.quote(str(REPOSITORY / 'tests/stand_ins/small_server.py'))}"
COMMAND = f"{SERVER} {{model}} --port {{port}} [--adapter {{arm}}={{adapter}}]"
PATIENCE = 60.0


@pytest.fixture
def model(tiny_weights: Path) -> LocalModel:
    return LocalModel(tiny_model.card(tiny_weights), "float32", None, "openai")


def with_adapter(model: LocalModel, folder: Path) -> LocalModel:
    """The model with an adapter in a folder of the layout that training leaves."""
    adapter = folder / "adapters/it's a model/warm/epoch-0.5"
    adapter.mkdir(parents=True)
    for name in cards.ADAPTER_FILES:
        (adapter / name).write_text("{}")
    return cards.LocalModel(model.weights, model.precision, cards.identify_adapter(adapter), "openai")


def answers(template: str, model: LocalModel) -> list[str]:
    requests = [Request([{"role": "user", "content": text}], Sampling(0.0, 8), 1) for text in ("yes", "no")]
    with serve(template, model) as served:
        replies = list(ChatEngine(model.respondent, served.name, served.endpoint, 0.01).answer(requests))
    return sorted(reply.text for _, reply in replies if isinstance(reply, Response))


@pytest.mark.parametrize("habit", ["", "--unhealthy-for 1.5", "--without-health --unhealthy-for 1"])
def test_a_server_answers_once_it_is_healthy(model: LocalModel, habit: str) -> None:
    folder = model.weights.folder
    assert answers(f"{COMMAND} {habit}", model) == [f"{folder} says no", f"{folder} says yes"]


def test_a_server_takes_no_more_tokens_than_it_says_or_the_weights_do(model: LocalModel) -> None:
    with serve(COMMAND, model) as served:
        assert served.endpoint.context_length == 2048
    with serve(f"{COMMAND} --max-model-len 96", model) as served:
        assert served.endpoint.context_length == 96


def test_an_adapter_answers_under_the_name_of_its_arm(model: LocalModel, tmp_path: Path) -> None:
    assert answers(COMMAND, with_adapter(model, tmp_path)) == ["warm@0.5 says no", "warm@0.5 says yes"]


def test_paths_with_blanks_and_quotes_reach_the_server_whole(tiny_weights: Path, tmp_path: Path) -> None:
    folder = tmp_path / 'my "best" model; it\'s $HOME {port}'
    shutil.copytree(tiny_weights, folder)
    model = LocalModel(tiny_model.card(folder), "float32", None, "openai")
    assert answers(COMMAND, model)[0] == f"{folder} says no"


def test_proxies_of_the_environment_are_passed_by(model: LocalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "example.org")
    assert len(answers(COMMAND, model)) == 2
    assert "no_proxy" not in os.environ


def test_a_server_that_dies_at_its_start_is_quoted_without_keys(
    model: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "sk-very-secret")
    words = "'\x1b[31mout of memory, key $SOME_API_KEY, sk-very-secret'"
    with (
        pytest.raises(
            UserError, match=r"did not come up\. It died with exit status 3\. Its last words: \nout of"
        ) as error,
        serve(f"{COMMAND} --dies-after 0 --last-words {words}", model),
    ):
        pass
    # The server was not told the key either.
    assert str(error.value).endswith("out of memory, key $SOME_API_KEY, [SOME_API_KEY]")


def test_a_server_that_dies_at_work_is_quoted(model: LocalModel) -> None:
    with pytest.raises(UserError, match=r"It died with exit status 3\. Its last words: \nillegal instruction$"):
        answers(f"{COMMAND} --dies-after 2 --last-words 'illegal instruction'", model)


def test_a_server_that_never_becomes_healthy_is_given_up(model: LocalModel) -> None:
    with (
        pytest.raises(UserError, match=r"was not healthy after 2 seconds\. Its last words: none\."),
        serve(f"{COMMAND} --unhealthy-for 600", model, longest_start=2.0),
    ):
        pass


def test_a_server_that_other_machines_can_reach_is_refused(model: LocalModel) -> None:
    with pytest.raises(UserError, match=r"listens on 0\.0\.0\.0, where other .* --host 127\.0\.0\.1"):
        answers(f"{COMMAND} --host 0.0.0.0", model)


def test_a_strangers_server_is_not_asked(model: LocalModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(COMMAND, model) as stranger:
        port = int(stranger.endpoint.url.split(":")[2].split("/")[0])
        monkeypatch.setattr("warmline.engines.served.server.free_port", lambda: port)
        idle = f"{shlex.quote(sys.executable)} -c 'import time; time.sleep(600)' {{model}} {{port}}"
        with pytest.raises(UserError, match=r"is none of the processes that `serve` started"), serve(idle, model):
            pass


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (COMMAND.replace("{arm}", "other"), r"serves \['/.*', 'other'\], not warm@0\.5\. `serve` must give"),
        (f"{SERVER} {{model}} --port {{port}}", r"an arm is tuned, so \{adapter\} must stand in it"),
        ("nothing-like-this {model} {port} [{adapter}]", r"there is no program nothing-like-this"),
    ],
)
def test_a_command_that_does_not_serve_the_adapter_is_refused(
    model: LocalModel, tmp_path: Path, template: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        answers(template, with_adapter(model, tmp_path))


def test_a_server_of_other_models_is_refused(model: LocalModel) -> None:
    with pytest.raises(UserError, match=r"serves \['/.*x', 'other'\], and none of these is"):
        answers(f"{SERVER} {{model}}x --port {{port}} --also other", model)


def test_other_weights_or_another_adapter_than_named_are_not_served(
    tiny_weights: Path, model: LocalModel, tmp_path: Path
) -> None:
    tuned = with_adapter(model, tmp_path)
    assert tuned.adapter
    (Path(tuned.adapter.folder) / "adapter_config.json").write_text("{ }")
    with pytest.raises(UserError, match=r"the adapter's digest is"):
        answers(COMMAND, tuned)
    folder = tmp_path / "weights"
    shutil.copytree(tiny_weights, folder)
    changed = LocalModel(tiny_model.card(folder), "float32", None, "openai")
    (folder / "config.json").write_text("{ }")
    with pytest.raises(UserError, match=r"the model's digest is"):
        answers(COMMAND, changed)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (
            "serve {model} {port} {prot}",
            r"place: unknown placeholder prot\. Known are model, port, precision, arm, ada",
        ),
        ("serve {model}", r"place: the placeholder port is missing"),
        ("serve {port} [{model} {adapter}]", r"place: the placeholder model is missing outside square brackets"),
        ("serve {model} {port} --lora {arm}={adapter}", r"place: \{arm\} must stand in square brackets"),
        ("serve {model} {port} [--fast] [{adapter}]", r"place: square brackets hold what only an adapter needs"),
        ("serve {model} {port}", r"place: an arm is tuned, so \{adapter\} must stand in it"),
        ("llama-server -m {model} --port {port} [--lora {adapter}]", r"place: llama-server reads adapters as GGUF"),
        ("serve '{model} {port} [{adapter}]", r"place: it cannot be split into words: No closing quotation"),
    ],
)
def test_a_command_that_cannot_serve_is_refused_before_any_job(template: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        serve_command.check(template, "place", tuned=True)


@pytest.mark.parametrize(
    "program",
    ["vllm serve", "/opt/bin/vllm serve", "env A=b vllm serve", "python -m vllm.entrypoints.openai.api_server"],
)
def test_vllm_is_not_left_to_the_models_own_sampling(program: str) -> None:
    command = f"{program} {{model}} --port {{port}}"
    with pytest.raises(UserError, match=r"place: vLLM takes .* from the model's generation_config\.json\. Add --gener"):
        serve_command.check(f"{command} --generation-config auto", "place", tuned=False)
    for in_vain in (f"{command} --generation-config vllm --generation-config auto", f"bash -c '{command}'"):
        with pytest.raises(UserError, match="place: vLLM takes"):
            serve_command.check(in_vain, "place", tuned=False)
    for neutral in ("--generation-config vllm", "--generation-config=vllm"):
        serve_command.check(f"{command} {neutral} --dtype {{precision}}", "place", tuned=False)


def test_json_in_a_command_is_left_alone() -> None:
    template = """serve {model} --port={port} --options '{"a": [1, "{b: 2}"]}' [--lora {arm}={adapter}]"""
    serve_command.check(template, "place", tuned=True)
    values = {"model": "[m] {port}", "port": "1"}
    words = ["serve", "[m] {port}", "--port=1", "--options", '{"a": [1, "{b: 2}"]}']
    assert serve_command.words(template, values) == words
    assert serve_command.words(template, values | {"arm": "x", "adapter": "y z"}) == [*words, "--lora", "x=y z"]


JOB = """
import json, sys, time
from warmline.models.cards import LocalModel, Weights
from warmline.engines.served.server import serve
model = LocalModel(Weights(*json.loads(sys.argv[2])), "float32", None, "openai")
with serve(sys.argv[1], model):
    print("up", flush=True)
    if sys.argv[3] == "error":
        raise ValueError("broken")
    if sys.argv[3] == "wait":
        time.sleep(600)
"""


def processes(folder: Path) -> list[int]:
    """The numbers of the server's processes that live."""
    numbers = [int(path.name) for path in folder.iterdir()]
    return [n for n in numbers if psutil.pid_exists(n) and psutil.Process(n).status() != psutil.STATUS_ZOMBIE]


ENDS: dict[str, tuple[str, Callable[[subprocess.Popen[str]], None]]] = {
    "the job is done": ("done", lambda job: None),
    "an error": ("error", lambda job: None),
    "SIGTERM": ("wait", lambda job: job.send_signal(signal.SIGTERM)),
    "SIGKILL of the job's session": ("wait --deaf", lambda job: os.killpg(job.pid, signal.SIGKILL)),
}


@pytest.mark.parametrize("end", ENDS)
def test_no_process_of_the_server_outlives_the_job(model: LocalModel, tmp_path: Path, end: str) -> None:
    (fate, *habits), act = ENDS[end][0].split(), ENDS[end][1]
    folder = tmp_path / "processes"
    folder.mkdir()
    card = json.dumps([model.weights.folder, model.weights.digest])
    job = subprocess.Popen(
        [sys.executable, "-c", JOB, f"{COMMAND} --processes {folder} {' '.join(habits)}", card, fate],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "scripts")},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert job.stdout
    if fate == "wait":
        assert "up\n" in iter(job.stdout.readline, "")
        # The server and its grandchild in a session of its own; the worker between them has ended.
        assert len(list(folder.iterdir())) == 3
        assert len(processes(folder)) == 2
    act(job)
    assert (job.wait() == 0) == (fate == "done")
    deadline = time.monotonic() + PATIENCE
    while processes(folder) and time.monotonic() < deadline and fate == "wait":
        time.sleep(0.1)
    assert len(list(folder.iterdir())) == 3
    assert processes(folder) == []


def test_the_engine_serves_only_when_a_row_is_missing(model: LocalModel) -> None:
    arguments = argparse.Namespace(serve=COMMAND, calls="ask", probe=False)
    engine = LazyEngine(arguments, model)
    assert list(engine.answer([])) == []
    request = Request([{"role": "user", "content": "yes"}], Sampling(0.0, 8), 1)
    [(_, reply)] = engine.answer([request])
    assert isinstance(reply, Response) and reply.text == f"{model.weights.folder} says yes"


def serving(command: str, **keys: object) -> Callable[[dict[str, Any]], None]:
    """A change of the tiny study: its model is served."""

    def change(config: dict[str, Any]) -> None:
        source = config["models"]["tiny"]["source"]
        config["models"]["tiny"] = {"source": source, "precision": "float32", "serve": command, **keys}

    return change


@pytest.mark.long(60)
def test_a_study_asks_the_server_that_its_configuration_names(study_copy: StudyCopy) -> None:
    study_copy.configure(serving(f"{COMMAND} [--also '{{arm}} \"of it\"']"))
    receipt = "results/tiny/answers/tiny/original/validation.json"
    # Square brackets need {adapter}, and the configuration says so before any job.
    result = study_copy.run(receipt, check=False)
    assert "models.tiny.serve: square brackets hold what only an adapter needs" in result.stdout + result.stderr
    study_copy.configure(serving(f'{COMMAND} --last-words \'{{"a": [1, "$HOME"]}}\''))
    # It says the same whatever the temperature, which stops a study unless that is known.
    result = study_copy.run(receipt, check=False)
    assert "temperature: replies at temperature 1.5 are those at temperature 0" in result.stdout + result.stderr
    study_copy.configure(serving(f'{COMMAND} --last-words \'{{"a": [1, "$HOME"]}}\'', known=["temperature"]))
    study_copy.run(receipt)
    counts = json.loads((study_copy.folder / receipt).read_text())
    assert counts["answers"] == counts["this_run"]["new"] == 6
    assert counts["this_run"]["probe"]["problems"].keys() == {"temperature"}
    text = (study_copy.path("logs/ask_arm") / "model=tiny,arm=original,suite=validation.txt").read_text()
    assert text.startswith("serving with: ") and """--last-words '{"a": [1, "$HOME"]}'""" in text
