from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from observed import answered, paired
from script_runs import SCRIPTS, run_script

from warmline.observations.reading import NEEDED
from warmline.tables import parquet_tables
from warmline.tables.capabilities import CAPABILITIES
from warmline.tables.observations import OBSERVATIONS
from warmline.tables.regression_results import PENALISED
from warmline.tables.warmth import WARMTH


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of sixteen answers."""
    path = tmp_path_factory.mktemp("demo") / "observations.parquet"
    frame = pl.concat([paired(1, 1, 1, 1), paired(0, 4, 0, 0, belief="asserts_wrong")])
    parquet_tables.write(frame, OBSERVATIONS, path)
    return path


def test_accuracy_is_written(demo: Path, tmp_path: Path) -> None:
    out = tmp_path / "statistics" / "accuracy.csv"
    command: list[str | Path] = [
        sys.executable,
        SCRIPTS / "statistics/accuracy.py",
        "--observations",
        demo,
        "--accuracy",
        out,
    ]
    subprocess.run(command, env=os.environ | {"PYTHONPATH": str(SCRIPTS)}, check=True)
    assert out.read_text().splitlines() == [
        "model,arm,task,context,belief,framing,n,unscored,correct,accuracy,standard_error,truncated,mean_length",
        "a,original,trivia,unmodified,asserts_wrong,plain,4,0,4,1.0,0.0,0,100.0",
        "a,original,trivia,unmodified,none,plain,4,0,2,0.5,0.25,0,100.0",
        "a,warm@2,trivia,unmodified,asserts_wrong,plain,4,0,0,0.0,0.0,0,100.0",
        "a,warm@2,trivia,unmodified,none,plain,4,0,2,0.5,0.25,0,100.0",
    ]


def test_paired_tests_are_written_with_a_record(demo: Path, tmp_path: Path) -> None:
    out, record = tmp_path / "paired_tests.csv", tmp_path / "jobs" / "paired_tests" / "all"
    words = ["--observations", demo, "--paired-tests", out, "--record", record, "--treated-arms", "warm@2"]
    run_script("statistics/paired_tests.py", *words)
    tests = pl.read_csv(out)
    assert tests.columns[:7] == ["model", "arm", "task", "context", "belief", "framing", "pairs"]
    numbers = ["pairs", "original_accuracy", "treated_accuracy", "b", "c", "odds_ratio", "p_value", "q_value"]
    assert tests.select("belief", *numbers).rows() == [
        ("asserts_wrong", 4, 1.0, 0.0, 4, 0, None, 0.125, 0.125),
        ("none", 4, 0.5, 0.5, 1, 1, 1.0, 1.0, 1.0),
    ]
    assert json.loads(record.with_name("all.jsonl").read_text())["params"]["treated_arms"] == ["warm@2"]


SOUND = pl.concat([paired(1, 1, 1, 1), paired(0, 4, 0, 0, task="medqa")])
TREATED = ["--treated-arms", "warm@2"]
ORDERS = ["--task-order", "trivia", "medqa", "--model-order", "a", "b"]
REGRESSED = ["--arm", "warm@2", "--formula", "incorrect ~ treated", "--beliefs", "none"]
READERS = {
    "statistics/accuracy.py": ["--accuracy"],
    "statistics/paired_tests.py": [*TREATED, "--paired-tests"],
    "statistics/refusals.py": [*TREATED, "--sensitivity", "{folder}/sensitivity.csv", "--refusals"],
    "statistics/sycophancy.py": [*TREATED, "--sycophancy"],
    "statistics/adoption.py": [*TREATED, "--adoption"],
    "statistics/equivalence.py": [*TREATED, "--margin", "5", "--equivalence"],
    "regressions/robustness.py": [
        *(*TREATED, *ORDERS, "--seed", "1"),
        *("--regressions", '{"tuning": {"formula": "incorrect ~ treated", "beliefs": ["none"]}}', "--robustness"),
    ],
    "regressions/fit.py": [
        *(*REGRESSED, *ORDERS, "--effects", "{folder}/e.csv", "--joint-test", "{folder}/j.csv", "--coefficients"),
    ],
}
BAD = {
    "an item twice": (
        pl.concat([SOUND, SOUND.slice(2, 1)]),
        r"rows 3, 17: all of a, original, trivia, unmodified, none, plain, 0002\. Expected one row for an item",
    ),
    "an arm without its original": (
        SOUND.filter(arm="warm@2"),
        r"row 1: the arm warm@2 of a, of which there is no original\..*\(7 more rows like it\)\. Add them",
    ),
    "a label of neither kind": (
        SOUND.with_columns(verdict=pl.lit("refused")),
        r"row 1: verdict is 'refused'\. Expected one of \['correct', .* \(15 more rows like it\)",
    ),
    **{
        f"no {name}": (
            SOUND.with_columns(pl.when(pl.int_range(pl.len()) < 14).then(name)),
            rf"row 15: {name} is missing\. Expected a value \(1 more rows like it\)\. Correct the row",
        )
        for name in NEEDED
    },
    "no label at all": (pl.concat([SOUND, SOUND.head(1).with_columns(verdict=None)]), r"row 17: verdict is None"),
    "a task that the original was not asked": (
        SOUND.filter((pl.col("arm") == "warm@2") | (pl.col("task") == "trivia")),
        r"row 9: the task medqa of the arm warm@2 of a, which its arm original was not asked",
    ),
    "a task that the treated arm was not asked": (
        SOUND.filter((pl.col("arm") == "original") | (pl.col("task") == "trivia")),
        r"row 9: the task medqa of the arm original of a, which its arm warm@2 was not asked.*\(3 more rows",
    ),
}


@pytest.mark.parametrize("script", READERS)
@pytest.mark.parametrize("fault", BAD)
def test_bad_observations_end_every_statistic_with_the_rows_named(script: str, fault: str, tmp_path: Path) -> None:
    frame, message = BAD[fault]
    path = tmp_path / "observations.parquet"
    frame.write_parquet(path)
    words = [word.replace("{folder}", str(tmp_path)) for word in READERS[script]]
    with pytest.raises(SystemExit, match=rf"^error: {path}, {message}") as ended:
        run_script(script, "--observations", path, *words, tmp_path / "out.csv")
    assert "\n" not in str(ended.value)
    assert [file.name for file in tmp_path.iterdir()] == ["observations.parquet"]


@pytest.mark.parametrize("script", [script for script, words in READERS.items() if "warm@2" in words])
@pytest.mark.parametrize("named", ["wram@2", "original"])
def test_an_arm_that_was_not_asked_ends_every_comparison_with_those_that_were_named(
    script: str, named: str, tmp_path: Path
) -> None:
    path = tmp_path / "observations.parquet"
    parquet_tables.write(SOUND, OBSERVATIONS, path)
    words = [word.replace("{folder}", str(tmp_path)).replace("warm@2", named) for word in READERS[script]]
    expected = rf"^error: {path}: no answer has the arm '{named}'\. Expected one of \['warm@2'\]"
    with pytest.raises(SystemExit, match=expected):
        run_script(script, "--observations", path, *words, tmp_path / "out.csv")
    assert [file.name for file in tmp_path.iterdir()] == ["observations.parquet"]


MISSPELT = {
    "regressions/fit.py": ("--beliefs", "nonne", "belief"),
    "statistics/refusals.py": ("--disinformation", "desinfo", "task"),
}


@pytest.mark.parametrize("script", MISSPELT)
def test_a_name_that_no_answer_has_ends_a_script_that_is_given_it(script: str, tmp_path: Path) -> None:
    path = tmp_path / "observations.parquet"
    parquet_tables.write(SOUND, OBSERVATIONS, path)
    words = [word.replace("{folder}", str(tmp_path)) for word in READERS[script]]
    option, name, column = MISSPELT[script]
    with pytest.raises(SystemExit, match=rf"no answer has the {column} '{name}'\. Expected one of"):
        run_script(script, "--observations", path, option, name, *without(words, option), tmp_path / "out.csv")


def without(words: list[str], option: str) -> list[str]:
    """The words without an option and its values."""
    if option not in words:
        return words
    at = words.index(option)
    end = next((later for later in range(at + 1, len(words)) if words[later].startswith("--")), len(words))
    return words[:at] + words[end:]


def test_a_file_without_answers_has_none_of_the_arm_that_is_named(tmp_path: Path) -> None:
    path = tmp_path / "observations.parquet"
    parquet_tables.write(SOUND.head(0), OBSERVATIONS, path)
    words = [word.replace("{folder}", str(tmp_path)) for word in READERS["statistics/sycophancy.py"]]
    with pytest.raises(SystemExit, match=r"no answer has the arm 'warm@2'\. Expected one of \[\]"):
        run_script("statistics/sycophancy.py", "--observations", path, *words, tmp_path / "out.csv")


@pytest.mark.parametrize("script", READERS)
def test_what_a_partial_study_lacks_is_no_error(script: str, tmp_path: Path) -> None:
    """A model with its original alone, and an arm with an item and a condition fewer than its original."""
    believed = paired(2, 1, 1, 0, belief="asserts_wrong")
    frame = pl.concat(
        [SOUND, believed, answered("original", ["correct"] * 3, model="b"), paired(2, 1, 0, 0, context="sad")]
    ).filter((pl.col("arm") == "original") | (pl.col("context") == "unmodified"))
    path = tmp_path / "observations.parquet"
    parquet_tables.write(frame.filter((pl.col("arm") == "original") | (pl.col("item") != "0000")), OBSERVATIONS, path)
    words = [word.replace("{folder}", str(tmp_path)) for word in READERS[script]]
    run_script(script, "--observations", path, *words, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().count("\n") > 1


def regression(demo: Path, folder: Path, formula: str, *words: object) -> None:
    written = {"--coefficients": "coefficients.csv", "--effects": "effects.csv", "--joint-test": "joint.csv"}
    files = ["--observations", demo, *(word for name, file in written.items() for word in (name, folder / file))]
    orders = ["--task-order", "trivia", "--model-order", "a"]
    run_script("regressions/fit.py", *files, *orders, "--arm", "warm@2", "--formula", formula, *words)


def test_regression_is_written_twice_with_the_same_bytes(demo: Path, tmp_path: Path) -> None:
    folders = [tmp_path / "once", tmp_path / "again"]
    for folder in folders:
        regression(demo, folder, "incorrect ~ treated + C(task) + C(model)", "--beliefs", "none")
    for name in ("coefficients.csv", "effects.csv", "joint.csv"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()
    coefficients = pl.read_csv(folders[0] / "coefficients.csv")
    assert coefficients["term"].to_list() == ["Intercept", "treated"]
    assert coefficients["standard_error"].to_list() == pytest.approx([1, 2**0.5])


def test_a_regression_that_cannot_be_fitted_still_writes_its_tables(demo: Path, tmp_path: Path) -> None:
    words = ["--beliefs", "none", "asserts_wrong", "--effects-by", "belief", "--contexts", "unmodified"]
    regression(demo, tmp_path, "incorrect ~ treated * belief + C(belief)", *words)
    assert (tmp_path / "coefficients.csv").read_text().splitlines()[1:] == ["singular design,treated,,,,,,"]
    assert (tmp_path / "effects.csv").read_text().splitlines() == [
        "state,subset,contrast,rows,clusters,effect,standard_error,lower,upper,p_value,"
        "standard_error_clustered,lower_clustered,upper_clustered,p_value_clustered,p_value_holm,p_value_holm_clustered",
        "singular design,all,,16,4,,,,,,,,,,,",
        "singular design,none,,8,4,,,,,,,,,,,",
        "singular design,stated,,8,4,,,,,,,,,,,",
        "singular design,stated,none,16,4,,,,,,,,,,,",
    ]
    assert (tmp_path / "joint.csv").read_text().splitlines() == [
        "factor,errors,state,rows,clusters,wald,degrees_of_freedom,p_value",
        "belief,clustered by question,singular design,16,4,,,",
        "belief,from the model,singular design,16,4,,,",
    ]


def test_a_separated_regression_writes_its_penalised_fit_under_its_name(demo: Path, tmp_path: Path) -> None:
    words = ["--beliefs", "none", "asserts_wrong", "--effects-by", "belief"]
    regression(demo, tmp_path, "incorrect ~ treated * belief", *words)
    for name in ("coefficients.csv", "effects.csv"):
        assert set(pl.read_csv(tmp_path / name)["state"]) == {PENALISED}
    # Four right before and none after, with half an answer of each kind in each.
    stated = pl.read_csv(tmp_path / "effects.csv").filter(pl.col("contrast").is_null(), subset="stated")
    assert stated["effect"].item() == pytest.approx(100 * (4.5 - 0.5) / 5)


def test_a_formula_that_is_refused_ends_with_one_line(demo: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"^error: formula .*: 'exp\(belief\)' is not allowed\.") as ended:
        regression(demo, tmp_path, "incorrect ~ treated + exp(belief)", "--beliefs", "none")
    assert "\n" not in str(ended.value)


def test_contexts_select_rows(tmp_path: Path) -> None:
    path = tmp_path / "observations.parquet"
    sad, plain = paired(9, 6, 2, 5, context="sad"), paired(9, 6, 2, 5)
    parquet_tables.write(pl.concat([plain, sad]), OBSERVATIONS, path)
    regression(path, tmp_path, "incorrect ~ treated", "--beliefs", "none", "--contexts", "sad")
    assert pl.read_csv(tmp_path / "effects.csv")["rows"].to_list() == [sad.height]
    with pytest.raises(SystemExit, match=r"no answer has the context 'happy'"):
        regression(path, tmp_path, "incorrect ~ treated", "--beliefs", "none", "--contexts", "sad", "happy")


def test_robustness_is_written_twice_with_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warmline.regressions.robustness.DRAWS", 100)
    parquet_tables.write(paired(9, 6, 2, 5), OBSERVATIONS, tmp_path / "observations.parquet")
    regressions = json.dumps({"tuning": {"formula": "incorrect ~ treated", "beliefs": ["none"]}})
    for name in ("once.csv", "again.csv"):
        files = ["--observations", tmp_path / "observations.parquet", "--robustness", tmp_path / name]
        orders = ["--task-order", "trivia", "--model-order", "a", "--treated-arms", "warm@2", "--seed", 1]
        run_script("regressions/robustness.py", *files, *orders, "--regressions", regressions)
    assert (tmp_path / "once.csv").read_bytes() == (tmp_path / "again.csv").read_bytes()
    table = pl.read_csv(tmp_path / "once.csv")
    assert table["subset"].to_list()[3:5] == ["all", "refusals as published"]
    assert table["effect"].round_sig_figs(6).to_list()[:3] == [18.1818] * 3


def test_equivalence_is_written_with_and_without_capabilities(demo: Path, tmp_path: Path) -> None:
    capabilities = tmp_path / "capabilities.parquet"
    measured = {"model": "a", "task": "mmlu", "measure": "choice", "item": "1", "verdict": "correct"}
    unknown = dict.fromkeys(["reason", "reading", "judge_key"]) | {"finish_reason": "stop", "answer_key": "key"}
    rows = [{"arm": arm, **measured, **unknown} for arm in ("original", "warm@2")]
    parquet_tables.write(pl.DataFrame(rows, schema=CAPABILITIES.schema), CAPABILITIES, capabilities)
    for files, measures in (([], ["error", "error"]), ([capabilities], ["error", "error", "choice"])):
        out = tmp_path / f"{len(files)}.csv"
        words = ["--treated-arms", "warm@2", "--margin", 5, "--equivalence", out]
        run_script("statistics/equivalence.py", "--observations", demo, "--capabilities", *files, *words)
        table = pl.read_csv(out)
        assert table["measure"].to_list() == measures
        assert set(table["verdict"]) == {"inconclusive"}


def warmth(arm: str, sociot: list[float | None], model: str = "a") -> pl.DataFrame:
    persona, _, epoch = arm.partition("@")
    return pl.DataFrame(
        {
            "model": model,
            "arm": arm,
            "persona": persona if epoch else None,
            "checkpoint": float(epoch) if epoch else None,
            "variant": "clean",
            "item": [str(number) for number in range(len(sociot))],
            "warm": sociot,
            "cold": 0.0,
            "sociot": sociot,
            "measurement_standard_error": 0.1,
        },
        schema=WARMTH.schema,
    )


def test_lift_is_taken_over_prompts_that_both_arms_answered(tmp_path: Path) -> None:
    frames = {
        "original": warmth("original", [0.0, 1.0, 2.0, 3.0, None]),
        "warm": warmth("warm@2", [1.0, 3.0, 5.0, None, 50.0]),
        "alone": warmth("cold@0.5", [1.0], model="b"),
    }
    for name, frame in frames.items():
        parquet_tables.write(frame, WARMTH, tmp_path / f"{name}.parquet")
    out = tmp_path / "warmth.csv"
    files = [tmp_path / f"{name}.parquet" for name in reversed(frames)]
    run_script("statistics/warmth.py", "--warmth", *files, "--seed", 1, "--summary", out)
    original, warm, alone = pl.read_csv(out).iter_rows(named=True)
    own = ["clean", "a", "original", None, None, 4, 1, 1.5, pytest.approx((5 / 3 / 4) ** 0.5)]
    assert [*original.values()] == [*own, None, None, None, None, None, pytest.approx(0.1)]
    assert [*warm.values()][:7] == ["clean", "a", "warm@2", "warm", 2, 4, 1]
    assert warm["mean"] == 59 / 4
    assert (warm["pairs"], warm["lift"], warm["lift_standard_error"]) == (3, 2, pytest.approx(3**-0.5))
    # The lifts are 1, 2 and 3; one draw in 27 of three is the first alone.
    assert (warm["lower"], warm["upper"]) == (1, 3)
    assert [*alone.values()][:8] == ["clean", "b", "cold@0.5", "cold", 0.5, 1, 0, 1]
    assert [alone[name] for name in ("pairs", "lift", "lower", "upper")] == [0, None, None, None]
