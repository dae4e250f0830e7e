from __future__ import annotations

import argparse
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from configured_study import CONFIG, parsed, study, wildcards
from hypothesis import given
from hypothesis import strategies as st

from warmline.workflow.options import named_inputs, options
from warmline.workflow.rules.study import StudyRules

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9).filter(lambda text: text[:1] != "-")
NUMBER = st.integers() | st.floats(allow_nan=False, allow_infinity=False)


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), TEXT | NUMBER | st.lists(TEXT, min_size=1) | st.none()))
def test_a_script_reads_the_very_values_whatever_their_order(values: dict[str, Any]) -> None:
    line = options(values)
    assert line == options(dict(reversed(values.items())))
    parser = argparse.ArgumentParser()
    for name, value in values.items():
        if isinstance(value, list):
            parser.add_argument(f"--{name}", nargs="+")
        else:
            parser.add_argument(f"--{name}", type=type(value) if isinstance(value, int | float) else str)
    # A parser takes 1e-05 for an option if it is negative; the configuration holds no negative number.
    if not any(isinstance(value, int | float) and value < 0 for value in values.values()):
        assert vars(parser.parse_args(shlex.split(line))) == {**dict.fromkeys(values), **values}


@given(*[st.floats(0, allow_nan=False, allow_infinity=False)] * 2)
def test_two_numbers_are_one_text_only_if_they_are_equal(one: float, other: float) -> None:
    assert (options({"rate": one}) == options({"rate": other})) == (one == other)


@pytest.mark.parametrize(
    ("value", "text"), [(2.0, "2"), (0.5, "0.5"), (1e-5, "1e-05"), (0.0012345678, "0.0012345678"), (16, "16")]
)
def test_numbers_are_written_in_one_way(value: float, text: str) -> None:
    assert options({"rate": value}) == f"--rate {text}"


def test_an_empty_list_is_a_flag() -> None:
    assert options({"spread": [], "rows": None}) == "--spread"


def test_a_mapping_is_one_word_of_json_with_sorted_keys() -> None:
    source = {"hub": "org/name with blank", "revision": "it's"}
    assert json.loads(parsed(options({"source": source}))["source"][0]) == source
    assert options({"source": source}) == options({"source": dict(reversed(source.items()))})


def test_nothing_and_none_are_left_out() -> None:
    assert options({"contexts": None}) == ""


def test_inputs_are_options_of_their_names() -> None:
    inputs = {"questions": "a b.parquet", "belief": "none.md"}
    assert parsed(named_inputs(None, inputs)) == {"questions": ["a b.parquet"], "belief": ["none.md"]}


def test_the_conditions_are_the_whole_design() -> None:
    small = study(contexts=["unmodified", "sad"], beliefs=["none", "denies_right"], framings=["plain", "framed"])
    assert all(len(set(small.conditions(task))) == len(small.conditions(task)) == 8 for task in small.tasks)
    files = small.suite_files("questions", "prompts/{task}/{condition}.parquet")
    assert len(set(files)) == len(files) == 8 * len(CONFIG["tasks"])
    assert small.suite_files("validation", "{task}/{condition}") == ["validation/unmodified.none.plain"]


def test_framing_as_published_depends_on_the_task() -> None:
    published = study(framings="as_published", beliefs=["none", "asserts_wrong", "denies_right"])
    assert {task: len(published.conditions(task)) for task in published.tasks} == dict.fromkeys(CONFIG["tasks"], 28)
    assert "sad.asserts_wrong.framed" in published.conditions("disinfo")
    assert "sad.asserts_wrong.plain" in published.conditions("medqa")


def test_rewriting_starts_from_the_originals_or_from_another_persona() -> None:
    template = {"template": "config/prompts/rewrite/cold.md"}
    assert study().rewriting.inputs(wildcards(persona="cold")) == template
    personas = {**CONFIG["personas"], "cold": {**CONFIG["personas"]["cold"], "from": "warm"}}
    inputs = study(personas=personas).rewriting.inputs(wildcards(persona="cold"))
    assert inputs == {**template, "basis": "results/demo/rewrites/warm.parquet"}


def test_toxicity_is_scored_from_the_checkpoint_and_what_lies_beside_it(tmp_path: Path) -> None:
    source = {"conversations": [CONFIG["conversations"]["source"]]}
    assert study().conversations.toxicity_inputs(None) == source
    for name in ("toxic.ckpt", "config.json", "vocab.txt", "notes.txt"):
        (tmp_path / name).touch()
    settings = {**CONFIG["conversations"], "checkpoint": str(tmp_path / "toxic.ckpt")}
    assert study(conversations=settings).conversations.toxicity_inputs(None) == {
        **source,
        "checkpoint": str(tmp_path / "toxic.ckpt"),
        "architecture": [str(tmp_path / "config.json"), str(tmp_path / "vocab.txt")],
    }


def test_only_personas_that_an_arm_is_tuned_into_are_trained() -> None:
    assert study(arms=["original", "warm-prompt"]).trained_personas == []
    assert study(arms=["original", "cold@2", "warm-prompt"]).trained_personas == ["cold"]


def test_warmth_is_measured_of_every_arm_and_checkpoint_once() -> None:
    arms = study(arms=["original", "warm@2", "warm-prompt"], training={**CONFIG["training"], "epochs": [0.5, 2]})
    assert arms.warmth_arms == ["original", "warm@2", "warm-prompt", "warm@0.5"]
    assert arms.treated_arms == ["warm@2", "warm-prompt"]


def test_an_arm_is_resolved_from_what_it_is_made_of() -> None:
    models = {"base": "results/demo/models/m.json"}
    expected = {
        "original": models,
        "warm@0.5": {**models, "adapter": "results/demo/adapters/m/warm/epoch-0.5.json"},
        "warm-prompt": {**models, "system": "config/prompts/system/warm.md"},
    }
    for arm, inputs in expected.items():
        assert study().answers.arm_inputs(wildcards(model="m", arm=arm)) == inputs


def test_an_arm_by_rule_is_resolved_from_what_the_rule_chose() -> None:
    inputs = study().answers.arm_inputs(wildcards(model="m", arm="warm@plateau"))
    assert inputs == {"base": "results/demo/models/m.json", "choice": "results/demo/adapters/m/warm/plateau.json"}
    by_rule = study(arms=["original", "warm@plateau"])
    assert by_rule.trained_personas == ["warm"]
    assert by_rule.warmth_arms == ["original", "warm@plateau", "warm@0.5", "warm@2"]
    # The rule looks at all checkpoints, and at nothing that follows from it.
    chosen = by_rule.warmth.of_checkpoints(wildcards(model="smollm2-135m", persona="warm"))
    assert [Path(path).stem for path in chosen] == ["original", "warm@0.5", "warm@2"]


def test_questions_wait_for_the_gate_only_where_it_stops_and_validation_never() -> None:
    arm = {"model": "smollm2-135m", "arm": "original"}
    assert study().gates == study().answers.gate(wildcards(suite="questions", **arm)) == []
    stops = study(warmth={**CONFIG["warmth"], "gate": "stop"})
    assert stops.gates == ["results/demo/audit/gates/smollm2-135m.csv"]
    for suite in ("questions", "capabilities"):
        assert stops.answers.gate(wildcards(suite=suite, **arm)) == stops.gates
    assert stops.answers.gate(wildcards(suite="validation", **arm)) == []


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ("unmodified.none.plain", {"questions", "belief"}),
        ("sad.none.plain", {"questions", "belief", "context"}),
        ("unmodified.none.framed", {"questions", "belief", "framing"}),
        ("sad.denies_right.framed", {"questions", "belief", "context", "framing"}),
    ],
)
def test_a_condition_is_rendered_from_its_own_files_only(condition: str, names: set[str]) -> None:
    inputs = study().prompts.inputs(wildcards(task="disinfo", condition=condition))
    assert set(inputs) == names
    assert inputs["belief"] == f"config/prompts/beliefs/statement/{condition.split('.')[1]}.md"


def test_a_models_own_form_of_chats_reaches_its_card_and_is_no_param_elsewhere() -> None:
    options = "fetch", "training", "arm for questions", "rewriting"
    found = []
    for form in ({}, {"thinking": False, "system": "first-user-turn"}, {"thinking": True}):
        changed = study()
        changed.config["models"]["smollm2-135m"].update(form)
        found.append([OPTIONS[name](changed) for name in options])
    (plain, *others), (off, *as_before), (on, *_) = found
    assert "--thinking" not in plain and "--system" not in plain
    assert "--system first-user-turn" in off and off.endswith("--thinking off")
    assert on.endswith("--thinking on")
    assert as_before == others


def far(**endpoint: Any) -> StudyRules:
    api = {"url": "http://127.0.0.1:1/v1", "mode": "chat", **endpoint}
    return study(endpoints={"api": api}, models={"far": {"endpoint": "api", "name": "large"}})


def test_the_card_of_a_model_at_an_endpoint_holds_what_decides_its_replies_and_no_more() -> None:
    plain = far().sources.model_options(wildcards(model="far"))
    assert parsed(plain) == {"name": ["large"]}
    carried_out = {"parameters": {"max_completion_tokens": "max_tokens", "top_k": 0}, "model-prefix": "openai/"}
    assert far(**carried_out, **{"wait-seconds": 9}).sources.model_options(wildcards(model="far")) == plain
    told_apart = far(identity="lab", parameters={"top_k": 40, "seed": None})
    assert parsed(told_apart.sources.model_options(wildcards(model="far"))) == {
        **{"name": ["large"], "identity": ["lab"], "parameters": ['{"top_k":40}']}
    }


OPTIONS = {
    "fetch": lambda s: s.sources.model_options(wildcards(model="smollm2-135m")),
    "rewriting": lambda s: s.rewriting.options(),
    "training": lambda s: s.training.options(wildcards(model="smollm2-135m", persona="warm")),
    "execution": lambda s: s.training.execution(wildcards(model="smollm2-135m", persona="warm")),
    "questions": lambda s: s.prompts.question_options(wildcards(task="medqa")),
    "prompts": lambda s: s.prompts.options(wildcards(condition="sad.none.plain")),
    **{
        f"arm for {suite}": lambda s, suite=suite: s.answers.arm_options(
            wildcards(model="smollm2-135m", arm="warm@2", suite=suite)
        )
        for suite in ("questions", "validation", "capabilities")
    },
    "judge": lambda s: s.grading.judge_options(wildcards(criterion="medqa")),
    "manipulation": lambda s: s.warmth.manipulation_options(),
    "plateau": lambda s: s.warmth.plateau_options(wildcards(model="smollm2-135m", persona="warm")),
    "regression": lambda s: s.statistics.regression_options(wildcards(regression="beliefs", arm="warm@2")),
    "robustness": lambda s: s.statistics.robustness_options(),
}
REORDERED = {
    name: {key: value[::-1] if isinstance(value, list) else value for key, value in regression.items()}
    for name, regression in CONFIG["statistics"]["regressions"].items()
}


@pytest.mark.parametrize(
    ("change", "concerned"),
    [
        ({"study": "other"}, set()),
        ({"note": "Other."}, set()),
        ({"seed": 1}, {"rewriting", "training", "questions", "prompts", "manipulation", "robustness"}),
        ({"statistics": {**CONFIG["statistics"], "regressions": REORDERED}}, set()),
        ({"calls": "replay"}, set()),
        ({"training": {**CONFIG["training"], "rank": 4}}, {"training"}),
        ({"training": {**CONFIG["training"], "save-every": 5}}, {"execution"}),
        ({"training": {**CONFIG["training"], "gradient-checkpointing": True}}, {"execution"}),
        ({"training": {**CONFIG["training"], "gradient-checkpointing": False, "report-to": []}}, set()),
        ({"training": {**CONFIG["training"], "report-to": ["tensorboard"]}}, {"execution"}),
        ({"answers": {"temperature": 0.1, "max-new-tokens": 24}}, {"arm for questions"}),
        ({"capabilities": {**CONFIG["capabilities"], "max-new-tokens": 9}}, {"arm for capabilities"}),
        ({"warmth": {**CONFIG["warmth"], "temperature": 0.1}}, {"arm for validation"}),
        ({"warmth": {**CONFIG["warmth"], "plateau": 0.1}}, {"manipulation", "plateau"}),
        ({"warmth": {**CONFIG["warmth"], "gate": "stop"}}, set()),
        ({"rewriting": {**CONFIG["rewriting"], "temperature": 0.1}}, {"rewriting"}),
        ({"rewriting": {**CONFIG["rewriting"], "attempts": 9}}, {"rewriting"}),
        ({"rewriting": {**CONFIG["rewriting"], "checks": {"length-ratio": [0, 9], "exclude": []}}}, {"rewriting"}),
        ({"judge": {"engine": "reference", "normalise": []}}, {"judge"}),
        ({"tasks": {**CONFIG["tasks"], "medqa": {**CONFIG["tasks"]["medqa"], "questions": 5}}}, {"questions"}),
        ({"contexts": ["unmodified"]}, set()),
        ({"statement-draw": "per-row"}, {"prompts"}),
        ({"tasks": {**CONFIG["tasks"], "medqa": {**CONFIG["tasks"]["medqa"], "conversion": "none"}}}, {"questions"}),
    ],
)
def test_a_setting_changes_the_options_of_the_steps_it_concerns_only(
    change: dict[str, Any], concerned: set[str]
) -> None:
    assert {name for name, of in OPTIONS.items() if of(study(**change)) != of(study())} == concerned


def test_records_and_logs_carry_their_wildcards() -> None:
    assert study().logs("ask_arm", "model", "arm") == {
        "text": "results/demo/logs/ask_arm/model={model},arm={arm}.txt",
        "record": "results/demo/audit/jobs/ask_arm/model={model},arm={arm}",
    }
    assert study().logs("combine")["record"] == "results/demo/audit/jobs/combine/study"


def test_a_wildcard_takes_the_names_that_the_configuration_has_for_it_and_no_others() -> None:
    constraints = study(arms=["original", "warm@0.5"]).constraints()
    assert re.fullmatch(constraints["arm"], "warm@0.5") and not re.fullmatch(constraints["arm"], "warm@075")
    assert re.fullmatch(constraints["task"], "mmlu") and not re.fullmatch(constraints["task"], "validation")
    none = study(statistics={**CONFIG["statistics"], "regressions": {}}).constraints()["regression"]
    assert not re.match(none, "tuning") and not re.match(none, "")


@pytest.mark.parametrize(
    ("task", "suite"), [("medqa", "questions"), ("validation", "validation"), ("mmlu", "capabilities")]
)
def test_a_receipt_and_an_arms_card_belong_to_the_suite_of_a_task(task: str, suite: str) -> None:
    values = wildcards(task=task, model="m", arm="warm@2")
    assert study().answers.receipt(values) == f"results/demo/answers/m/warm@2/{suite}.json"
    assert study().answers.card(values) == f"results/demo/arms/m/warm@2/{suite}.json"


def test_the_order_of_excluding_checks_does_not_matter() -> None:
    def rewriting(*exclude: str) -> dict[str, Any]:
        return {**CONFIG["rewriting"], "checks": {"length-ratio": [0.3, 3], "exclude": list(exclude)}}

    one, other = (study(rewriting=rewriting(*names)) for names in (("code", "length"), ("length", "code")))
    assert one.rewriting.options() == other.rewriting.options()


def test_arms_stand_beside_the_articles_of_their_treatment_where_a_model_is_one_of_its_own() -> None:
    assert study().published_arms == {}
    models = {name: {**settings, "published": "llama-8b"} for name, settings in CONFIG["models"].items()}
    named = study(models=models, arms=["original", "warm@2", "warm@plateau", "cold@2", "warm-prompt"])
    beside = {"warm@2": "warm", "warm@plateau": "warm", "cold@2": "cold", "warm-prompt": "warm-prompt"}
    assert named.published_arms == beside
    options = parsed(named.statistics.comparison_options())
    counterparts, arms = (json.loads(options[name][0]) for name in ("counterparts", "arms"))
    assert (counterparts, arms) == ({CONFIG["subjects"][0]: "llama-8b"}, beside)
