from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from repository import REPOSITORY

from warmline.engines.served import command
from warmline.lineage.errors import UserError
from warmline.rewriting.checks import CHECKS
from warmline.workflow.configuration import validate

SCHEMA = REPOSITORY / "config" / "schemas" / "study.schema.json"
Config = dict[str, Any]


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> Config:
    """The embedded study; the paths in it are relative to the repository."""
    monkeypatch.chdir(REPOSITORY)
    loaded: Config = yaml.safe_load((REPOSITORY / "config" / "config.yaml").read_text())
    return loaded


def set_to(value: Any, *path: str) -> Callable[[Config], None]:
    """A change that sets one key, given by its path."""

    def change(config: Config) -> None:
        for name in path[:-1]:
            config = config[name]
        config[path[-1]] = value

    return change


def test_the_configurations_of_the_repository_are_valid(config: Config) -> None:
    validate(config, SCHEMA)
    for path in sorted((REPOSITORY / "config").glob("*.yaml")):
        assert yaml.safe_load(path.read_text())["study"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_to(4, "rnak"), "configuration, the top level: unknown key rnak. Known keys there: answers, arms, "),
        (set_to(4, "training", "rnak"), "configuration, training: unknown key rnak. Known keys there: alpha, batch, "),
        (set_to("a", "tasks", "medqa", "soruce"), "configuration, tasks.medqa: unknown key soruce. Known keys there: "),
        (set_to("8", "training", "rank"), "configuration, training.rank: '8' is not of type 'integer'. LoRA rank."),
        (set_to(1.5, "conversations", "threshold"), "configuration, conversations.threshold: 1.5 is greater than the "),
        (set_to(["original", "warm"], "arms"), "configuration, arms.1: 'warm' does not match "),
        (set_to(["unmodified", "Sad"], "contexts"), "configuration, contexts.1: 'Sad' does not match "),
        (set_to("framed", "framings"), "configuration, framings: 'framed' is not valid"),
        (set_to(["sad.none"], "further-conditions"), "configuration, further-conditions.0: 'sad.none' does not match "),
        (set_to("corrected", "tasks", "triviaqa", "conversion"), "configuration, tasks.triviaqa: "),
        (set_to(["tone"], "rewriting", "checks", "exclude"), "configuration, rewriting.checks.exclude.0: 'tone' is no"),
        (set_to("mended", "conversations", "labels"), "configuration, conversations.labels: 'mended' is not one of "),
        (set_to("warm", "personas", "warm", "warmth"), "configuration, personas.warm.warmth: 'warm' is not one of "),
        (set_to("halt", "warmth", "gate"), "configuration, warmth.gate: 'halt' is not one of "),
        (set_to(1, "warmth", "plateau"), "configuration, warmth.plateau: 1 is greater than or equal to the maximum"),
        (set_to({"a-prompt": {}}, "personas"), "configuration, personas: 'a-prompt' does not match "),
        (set_to("Demo", "study"), "configuration, study: 'Demo' does not match "),
        (set_to(0, "tasks", "medqa", "questions"), "configuration, tasks.medqa.questions: 0 "),
        (set_to({"path": "a"}, "tasks", "medqa", "source"), "configuration, tasks.medqa.source: "),
        (
            set_to({"hub": "org/name", "revision": "main", "file": "a.csv"}, "conversations", "source"),
            "configuration, conversations.source",
        ),
        (
            set_to({"hub": "org/name", "revision": "0" * 40, "file": "../a.csv"}, "conversations", "source"),
            "configuration, conversations.source",
        ),
        (set_to({}, "models"), "configuration, models: {} "),
    ],
)
def test_a_key_that_is_unknown_or_mistyped_is_named(
    config: Config, change: Callable[[Config], None], message: str
) -> None:
    change(config)
    with pytest.raises(UserError) as error:
        validate(config, SCHEMA)
    assert str(error.value).startswith(message)


def at_an_endpoint(config: Config) -> None:
    config["endpoints"] = {"lab": {"url": "http://127.0.0.1:8000/v1", "mode": "chat"}}
    config["models"]["smollm2-135m"] = {"endpoint": "lab", "name": "large"}


@pytest.mark.parametrize(
    "endpoint",
    [
        {"url": "http://127.0.0.1/v1", "mode": "chat", "key": "sk-abcdef"},
        {"url": "https://me:sk-abc@example.org/v1", "mode": "chat"},
        {"url": "example.org", "mode": "batch"},
        {"url": "http://127.0.0.1/v1"},
    ],
    ids=["the key itself", "a key in the address", "no address", "no mode"],
)
def test_an_endpoint_is_an_address_and_the_name_of_a_keys_variable(config: Config, endpoint: Config) -> None:
    config["endpoints"] = {"lab": endpoint}
    with pytest.raises(UserError, match=r"^configuration, endpoints\.lab") as error:
        validate(config, SCHEMA)
    assert "sk-abc" not in str(error.value)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"seed": 7}, r"endpoints\.lab\.parameters\.seed: .* null to leave it out; its value is the study's"),
        ({"max_completion_tokens": None}, r"endpoints\.lab\.parameters\.max_completion_tokens: .*such as max_tokens"),
        ({"seed": "temperature"}, r"endpoints\.lab\.parameters: temperature is what every request holds"),
        ({"since": datetime.date(2026, 1, 1)}, r"endpoints\.lab\.parameters: since has a value, 2026-01-01, that JSON"),
        ({"top_k": float("nan")}, r"endpoints\.lab\.parameters: top_k has a value, nan, that JSON"),
        ({"messages": []}, r"endpoints\.lab\.parameters: .*other than model, messages, stream and n"),
    ],
)
def test_what_the_study_decides_is_no_endpoints_parameter(config: Config, parameters: Config, message: str) -> None:
    at_an_endpoint(config)
    config["endpoints"]["lab"]["parameters"] = parameters
    with pytest.raises(UserError, match=message):
        validate(config, SCHEMA)


def test_an_endpoint_that_is_sent_no_schema_binds_no_judge(config: Config) -> None:
    at_an_endpoint(config)
    config["models"]["large"] = {"endpoint": "lab", "name": "large"}
    config["warmth"]["model"] = "smollm2-135m"
    config["models"]["smollm2-135m"] = {"source": {"folder": "weights"}, "precision": "float32", "batch-size": 4}
    config["endpoints"]["lab"]["parameters"] = {"response_format": None}
    judge = {"model": "large", "prompts": "config/prompts/judge", "temperature": 0, "max-new-tokens": 9}
    config["judge"] = {**judge, "max-unscored": 1.0, "reply": "schema"}
    with pytest.raises(UserError, match=r"judge\.reply: the endpoint of large is sent no response_format"):
        validate(config, SCHEMA)


@pytest.mark.parametrize(
    "model",
    [
        {"endpoint": "lab", "name": "large", "batch-size": 4},
        {"endpoint": "lab"},
        {"source": {"folder": "weights"}, "precision": "float32"},
        {"source": {"folder": "weights"}, "precision": "float32", "batch-size": 4, "serve": "vllm serve {model}"},
    ],
)
def test_a_model_answers_in_exactly_one_way(config: Config, model: Config) -> None:
    at_an_endpoint(config)
    config["models"]["large"] = model
    with pytest.raises(UserError, match=r"^configuration, models\.large: .*A base model: source, precision and"):
        validate(config, SCHEMA)


def served_with(key: str, value: object) -> Callable[[Config], None]:
    """A model that a server of the job's own answers with, and a key that says how the job itself loads weights."""

    def change(config: Config) -> None:
        model = config["models"]["smollm2-135m"]
        del model["batch-size"]
        model |= {"serve": command.EXAMPLE, key: value}

    return change


def test_a_model_at_an_endpoint_has_no_size(config: Config) -> None:
    at_an_endpoint(config)
    config["sizes"] = {"8b": {"gpus": 1, "memory": 64, "hours": 8}}
    config["models"]["large"] = {"endpoint": "lab", "name": "large", "size": "8b"}
    with pytest.raises(UserError, match=r"^configuration, models\.large\.size: large answers at an endpoint"):
        validate(config, SCHEMA)


def test_thoughts_are_switched_by_off_and_on_as_yaml_reads_them(config: Config) -> None:
    for word in ("off", "on"):
        config["models"]["smollm2-135m"] |= yaml.safe_load(f"thinking: {word}\nsystem: first-user-turn")
        validate(config, SCHEMA)


def test_an_endpoint_that_tunes_a_model_is_not_asked_to_switch_its_thoughts(config: Config) -> None:
    at_an_endpoint(config)
    tuning = {"epochs": [2], "batch-size": 4, "learning-rate-multiplier": 1}
    config["models"]["large"] = {"endpoint": "lab", "name": "large", "tuning": tuning, "thinking": False}
    config["warmth"]["model"] = config["rewriting"]["model"] = config["subjects"][0]
    config["models"]["smollm2-135m"] = {"source": {"folder": "config"}, "precision": "float32", "batch-size": 4}
    with pytest.raises(UserError, match=r"^configuration, models\.large\.thinking: large is tuned at its endpoint"):
        validate(config, SCHEMA)


def test_a_missing_key_is_named(config: Config) -> None:
    del config["training"]["rank"]
    with pytest.raises(UserError, match=r"configuration, training: 'rank' is a required property"):
        validate(config, SCHEMA)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            set_to(["original", "kind@2"], "arms"),
            "arms, kind@2: kind is used but not defined. Defined personas: warm",
        ),
        (set_to(["original", "kind-prompt"], "arms"), "arms, kind-prompt: kind is used but not defined. Defined perso"),
        (set_to(["original", "warm@3"], "arms"), "arms, warm@3: no adapter is saved at epoch 3. Add it to training.ep"),
        (set_to(["warm@2"], "arms"), "arms: the arm original is missing"),
        (set_to(["gpt-5"], "subjects"), "subjects: gpt-5 is used but not defined. Defined models: smollm2-135m"),
        (set_to("gpt-5", "rewriting", "model"), "rewriting.model: gpt-5 is used but not defined. Defined models: smo"),
        (
            set_to("8b", "models", "smollm2-135m", "size"),
            "models.smollm2-135m.size: 8b is used but not defined. Defined",
        ),
        (set_to("gpt-2", "warmth", "model"), "warmth.model: gpt-2 is used but not defined. Defined models: smollm2"),
        (set_to("kind", "personas", "cold", "from"), "personas.cold.from: kind is used but not defined. Defined perso"),
        (set_to("cold", "personas", "cold", "from"), "personas.cold.from: cold from cold never comes to the original"),
        (set_to(0, "rewriting", "temperature"), "rewriting.attempts: at temperature 0 every attempt gives the same"),
        (set_to([3, 0.3], "rewriting", "checks", "length-ratio"), "rewriting.checks.length-ratio: 3 is not below 0.3"),
        (set_to("a.ckpt", "conversations", "checkpoint"), "conversations.checkpoint: it is a file of Detoxify's weig"),
        (set_to(["sad"], "contexts"), "contexts must hold unmodified and beliefs none"),
        (set_to(["tired.none.plain"], "further-conditions"), "further-conditions, tired.none.plain: tired is used but"),
        (
            set_to(["sad.denies_right.plain"], "further-conditions"),
            "further-conditions, sad.denies_right.plain: denies_right is used but not defined. Defined beliefs: none",
        ),
        (set_to(["asserts_wrong"], "beliefs"), "contexts must hold unmodified and beliefs none"),
        (
            set_to(["denies_right"], "statistics", "regressions", "tuning", "beliefs"),
            "statistics.regressions.tuning.beliefs: denies_right is used but not defined. Defined beliefs: none, ass",
        ),
        (
            set_to(["tuning", "other"], "statistics", "robustness"),
            "statistics.robustness: other is used but not defined. Defined statistics.regressions: tuning, length",
        ),
        (
            set_to({"endpoint": "lab", "name": "large"}, "models", "large"),
            "models.large.endpoint: lab is used but not defined. Defined endpoints:",
        ),
        (at_an_endpoint, "warmth.model: smollm2-135m answers at an endpoint, and the likelihood of a given text"),
        (
            served_with("quantization", "nf4"),
            "models.smollm2-135m.quantization: it says how weights are loaded in the job itself",
        ),
        (
            served_with("context-length", 2048),
            "models.smollm2-135m.context-length: the weights of",
        ),
        (served_with("spread", True), "models.smollm2-135m.spread: it says how weights are loaded in the job itself"),
        (
            set_to("fp8", "models", "smollm2-135m", "precision"),
            "models.smollm2-135m.precision: fp8 is used but not defined. Defined precisions: float32, bfloat16, float1",
        ),
        (set_to(3, "training", "micro-batch"), "training.micro-batch: 3 does not divide the batch of 4"),
        (set_to(["unmodified"], "contexts"), None),
    ],
)
def test_what_is_used_must_be_defined(config: Config, change: Callable[[Config], None], message: str | None) -> None:
    change(config)
    if message is None:
        validate(config, SCHEMA)
    else:
        with pytest.raises(UserError) as error:
            validate(config, SCHEMA)
        assert str(error.value).removeprefix("configuration").lstrip(",: ").startswith(message)


def test_an_arm_at_a_whole_epoch_finds_it_however_the_epoch_is_written(config: Config) -> None:
    config["training"]["epochs"] = [0.5, 2.0]
    config["arms"] = ["original", "warm@2", "cold@0.5"]
    validate(config, SCHEMA)


def test_an_arm_has_one_way_to_be_written(config: Config) -> None:
    config["arms"] = ["original", "warm@2.0"]
    with pytest.raises(UserError, match=r"write warm@2\.0 as warm@2"):
        validate(config, SCHEMA)


TEMPLATES = [
    ("personas", "warm", "rewrite"),
    ("personas", "warm", "system"),
    ("framing-sentence",),
]


@pytest.mark.parametrize("path", TEMPLATES, ids=".".join)
def test_a_missing_template_is_named(config: Config, tmp_path: Path, path: tuple[str, ...]) -> None:
    config["framings"] = ["plain", "framed"]
    set_to(str(tmp_path / "nothing.md"), *path)(config)
    with pytest.raises(UserError, match=r"the file .*nothing\.md does not exist"):
        validate(config, SCHEMA)


@pytest.mark.parametrize("path", TEMPLATES, ids=".".join)
def test_an_unknown_placeholder_is_named_with_its_file(config: Config, tmp_path: Path, path: tuple[str, ...]) -> None:
    config["framings"] = ["plain", "framed"]
    template = tmp_path / "template.md"
    template.write_text("# user\n{{ mood }}\n")
    set_to(str(template), *path)(config)
    with pytest.raises(UserError, match=r"template\.md: unknown placeholder mood\. This template may use: "):
        validate(config, SCHEMA)


def test_every_beliefs_template_of_every_task_is_checked(config: Config, tmp_path: Path) -> None:
    config["tasks"]["medqa"]["templates"] = str(tmp_path)
    (tmp_path / "none.md").write_text("{{ question }}")
    with pytest.raises(UserError, match=r"the file .*asserts_wrong\.md does not exist"):
        validate(config, SCHEMA)
    (tmp_path / "asserts_wrong.md").write_text("{{ question }} {{ answer }}")
    with pytest.raises(UserError, match=r"asserts_wrong\.md: unknown placeholder answer"):
        validate(config, SCHEMA)


def test_a_template_that_nothing_uses_may_be_missing(config: Config) -> None:
    config["framings"] = ["plain"]
    config["framing-sentence"] = config["personas"]["cold"]["system"] = "nothing.md"
    assert "cold-prompt" not in config["arms"]
    validate(config, SCHEMA)


@pytest.mark.parametrize(
    "change", [set_to("as_published", "framings"), set_to(["sad.none.framed"], "further-conditions")]
)
def test_a_framing_of_some_cells_needs_its_sentence(config: Config, change: Callable[[Config], None]) -> None:
    change(config)
    validate(config, SCHEMA)
    config["framing-sentence"] = "nothing.md"
    with pytest.raises(UserError, match=r"the file .*nothing\.md does not exist"):
        validate(config, SCHEMA)


@pytest.mark.parametrize("path", [("tasks", "medqa", "source"), ("conversations", "source")], ids=".".join)
def test_a_missing_source_is_named(config: Config, path: tuple[str, ...]) -> None:
    set_to("nothing.json", *path)(config)
    with pytest.raises(UserError, match=r"the file nothing\.json does not exist"):
        validate(config, SCHEMA)


def test_every_contexts_statements_are_checked(config: Config, tmp_path: Path) -> None:
    config["statements"] = str(tmp_path)
    config["contexts"] = ["unmodified", "sad"]
    with pytest.raises(UserError, match=r"the file .*sad\.yaml does not exist"):
        validate(config, SCHEMA)
    (tmp_path / "sad.yaml").write_text("statements: []")
    with pytest.raises(UserError, match=r"sad\.yaml: expected 'statements'"):
        validate(config, SCHEMA)


@pytest.mark.parametrize(
    "source",
    [
        ["config/demo/medqa.jsonl", "config/demo/disinfo.jsonl"],
        {"path": "config/demo/medqa.jsonl", "sha256": "0" * 64},
        {"hub": "org/name", "revision": "0" * 40, "file": "data/test-00000-of-00001.parquet"},
        {"hub": "org/name", "revision": "0" * 40, "file": ["a.csv", "b.csv"], "sha256": ["0" * 64, "1" * 64]},
    ],
)
def test_every_form_of_a_source_is_valid(config: Config, source: Any) -> None:
    config["tasks"]["medqa"] |= {"source": source, "questions": "all"}
    config["conversations"]["source"] = source
    validate(config, SCHEMA)


def test_each_file_of_a_source_must_exist(config: Config) -> None:
    config["tasks"]["medqa"]["source"] = ["config/demo/medqa.jsonl", "config/demo/nothing.jsonl"]
    with pytest.raises(UserError, match=r"the file config/demo/nothing\.jsonl does not exist"):
        validate(config, SCHEMA)


def test_personas_that_start_from_each_other_are_refused(config: Config) -> None:
    config["personas"]["warm"]["from"] = "cold"
    validate(config, SCHEMA)
    config["personas"]["cold"]["from"] = "warm"
    with pytest.raises(UserError, match=r"personas\.cold\.from: warm from cold from warm never comes to the original"):
        validate(config, SCHEMA)


def test_a_missing_checkpoint_of_the_classifier_is_named(config: Config) -> None:
    config["conversations"] |= {"classifier": "detoxify-original", "checkpoint": "nothing.ckpt"}
    with pytest.raises(UserError, match=r"the file nothing\.ckpt does not exist"):
        validate(config, SCHEMA)


def test_the_checks_of_the_schema_are_those_there_are(config: Config) -> None:
    config["rewriting"]["checks"]["exclude"] = list(CHECKS)
    validate(config, SCHEMA)


def test_what_a_persona_should_do_to_warmth_must_be_said(config: Config) -> None:
    del config["personas"]["warm"]["warmth"]
    with pytest.raises(UserError, match=r"personas\.warm: 'warmth' is a required property"):
        validate(config, SCHEMA)


def test_a_plateau_is_looked_for_in_the_direction_of_a_persona(config: Config) -> None:
    config["arms"] = ["original", "warm@plateau"]
    validate(config, SCHEMA)
    config["personas"]["warm"]["warmth"] = "none"
    with pytest.raises(UserError, match=r"arms, warm@plateau: warm should move warmth neither up nor down"):
        validate(config, SCHEMA)


def test_a_figure_of_capabilities_needs_some(config: Config) -> None:
    del config["capabilities"]
    with pytest.raises(UserError, match=r"figures\.capabilities: the study has no capabilities to draw"):
        validate(config, SCHEMA)
    del config["figures"]["capabilities"]
    validate(config, SCHEMA)


def test_a_published_counterpart_must_be_in_the_file_and_its_figure_needs_one(config: Config) -> None:
    config["figures"]["published_warmth"] = "Beside the article"
    with pytest.raises(UserError, match=r"figures\.published_warmth: no subject has a published counterpart"):
        validate(config, SCHEMA)
    config["models"]["smollm2-135m"]["published"] = "llama-8b"
    validate(config, SCHEMA)
    config["models"]["smollm2-135m"]["published"] = "smollm2"
    with pytest.raises(UserError, match=r"models\.smollm2-135m\.published: smollm2 is used but not defined\. .*qwen"):
        validate(config, SCHEMA)
