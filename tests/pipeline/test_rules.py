"""The shape of the rule files: what the rules of lineage demand of every rule."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


def rules() -> dict[str, dict[str, str]]:
    """The text of each directive of each rule in rules/, but for targets, which run nothing."""
    found = {}
    for path in sorted({*(REPOSITORY / "rules").glob("*.smk")} - {REPOSITORY / "rules/targets.smk"}):
        for name, body in re.findall(r"^rule (\w+):\n((?:(?:    .*)?\n)+)", path.read_text(), re.MULTILINE):
            parts = re.split(r"^    (\w+):", body, flags=re.MULTILINE)
            found[name] = dict(zip(parts[1::2], parts[2::2], strict=True))
    return found


RULES = rules()
PROJECTIONS = [name for name, rule in RULES.items() if "ancient(" in rule.get("input", "")]


def test_rule_files_are_read() -> None:
    assert len(RULES) > 20
    assert PROJECTIONS == ["project_answers", "project_grades"]


@pytest.mark.parametrize("name", RULES)
def test_rule_calls_a_script_and_leaves_a_record(name: str) -> None:
    script = re.search(r"python \.snakemake/workflow/(scripts/\S+\.py)", RULES[name]["shell"])
    assert script and (REPOSITORY / script[1]).is_file()
    assert "--record {log.record}" in RULES[name]["shell"]
    assert f'**study.logs("{name}"' in RULES[name]["log"]


@pytest.mark.parametrize("name", RULES)
def test_a_rules_command_is_one_script_and_nothing_after_it(name: str) -> None:
    """With `exec` no shell stands between Snakemake and the script: slurm's SIGTERM would end the shell at once, and
    its job with it, while the script is saving. What came after the script would never be run."""
    assert RULES[name]["shell"].strip().startswith('"exec python .snakemake/workflow/scripts/')
    assert not re.search("[;|`]|&&|\\$", RULES[name]["shell"])


def test_whatever_holds_a_model_goes_to_the_queue_with_what_the_model_needs() -> None:
    """The others may run beside Snakemake; of these, one is enough to be thrown off a login node."""
    local = {name for name, rule in RULES.items() if "localrule" in rule}
    assert set(PROJECTIONS) <= local
    holding = {name for name, rule in RULES.items() if "envs/models.yaml" in rule.get("conda", "")} - {"fetch_model"}
    assert holding == {name for name, rule in RULES.items() if "job_resources.directive(" in rule.get("resources", "")}
    assert len(holding) == 7 and not holding & local


@pytest.mark.parametrize("name", RULES)
def test_a_rules_command_names_only_what_belongs_to_its_job(name: str) -> None:
    """Used as a module, it would look for a name of the Snakefile among those of the study's own Snakefile."""
    named = set(re.findall(r"{(\w+)", RULES[name]["shell"]))
    assert named <= {"input", "output", "log", "params", "resources", "threads", "wildcards"}


@pytest.mark.parametrize("name", [name for name in RULES if name not in PROJECTIONS])
def test_rule_carries_the_digest_of_its_script(name: str) -> None:
    script = re.search(r"/scripts/(\S+\.py)", RULES[name]["shell"])
    assert script and f'study.code("{script[1]}"' in RULES[name]["params"]


@pytest.mark.parametrize("name", PROJECTIONS)
def test_projection_depends_on_files_that_jobs_make_and_on_nothing_else(name: str) -> None:
    """Whatever else would concern every condition of an arm at once (lineage rule 5)."""
    assert "params" not in RULES[name]
    assert "config[" not in RULES[name]["input"]
    inputs = re.findall(r"^        (?!\s)(\w+)=(.*)$", RULES[name]["input"], re.MULTILINE)
    assert inputs
    for label, value in inputs:
        assert label == "receipt" or value.startswith(("rules.", "study.path(", "study.answers.card")), (label, value)


def test_readers_of_projections_read_the_receipt_too() -> None:
    """Then whatever stands below calls that are made again is made after them."""
    receipts = {"project_answers": "answers/{{model}}/{{arm}}/", "project_grades": "rules.ask_judge.output.receipt"}
    for name, rule in RULES.items():
        if name in ("project_grades", "observe_arm"):
            continue
        if "rules.project_answers" in rule.get("input", "") or "generations/{{model}}" in rule.get("input", ""):
            assert receipts["project_answers"] in rule["input"], name
    assert receipts["project_grades"] in RULES["observe_arm"]["input"]
    # Which answers the judge reads follows from the suite.
    assert 'answers=study.path("answers/{model}/{arm}/{suite}.json")' in RULES["ask_judge"]["input"]
    assert "answers=study.grading.answers" in RULES["ask_measures"]["input"]


def test_snakefile_imports_nothing_heavy() -> None:
    """Every job of a cluster parses the Snakefile again."""
    program = (
        "import sys, snakemake.cli; before = set(sys.modules);"
        "import warmline.workflow.configuration, warmline.workflow.dag, warmline.workflow.rules.study;"
        "heavy = {'torch', 'polars', 'transformers', 'pandas', 'statsmodels', 'altair'};"
        "print(sorted(heavy & (set(sys.modules) - before)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY / "scripts", capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
