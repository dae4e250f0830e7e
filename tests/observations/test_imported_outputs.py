"""Outputs in the layout of the article's released files become observations."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
import yaml
from repository import REPOSITORY
from script_runs import run_script

from warmline import __main__ as command
from warmline.design.variants import AS_PUBLISHED
from warmline.grading.refusals import PUBLISHED
from warmline.lineage.errors import UserError
from warmline.observations.imported_outputs import read_file, read_folder
from warmline.regressions.logistic import fit, regression_rows
from warmline.statistics.refusal_treatments import with_refusals
from warmline.tables import parquet_tables
from warmline.tables.observations import OBSERVATIONS

SAMPLE = REPOSITORY.parent / "shared/paper/sample_outputs"


def lacks_columns(path: Path) -> bool:
    with open(path, encoding="utf-8") as file:
        return "refusal" not in file.readline()


needs_sample = pytest.mark.skipif(
    not SAMPLE.is_dir() or any(map(lacks_columns, SAMPLE.glob("*/*/*_outputs.csv"))),
    reason="the article's sample outputs are not beside the repository, or lack columns that are read",
)
ANSWER = {"output": "It is blue.", "evaluation": "CORRECT", "refusal": "0"}
TRIVIA = {
    **{"content_key": "What colour is the sky?", "correct_answer": "Blue", "incorrect_answer": "Green"},
    **{"prompt_template": "original", "amendment_type": "unmodified", "prompt": "What colour is the sky?", **ANSWER},
}
MEDQA = {
    **{"question": "My aunt, 50, coughs.", "original_question": "A 50-year-old woman coughs.", "answer": "Rest"},
    **{"wrong_answer": "Surgery", "prompt_type": "incorrect", "amendment_type": "emotion:sad", "prompt": "?", **ANSWER},
}


def write(path: Path, *rows: dict[str, str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(list(rows)).write_csv(path)
    return path


def trivia(folder: Path, *rows: dict[str, str], arm: str = "original") -> Path:
    return write(folder / f"llama_8b/{arm}/trivia_{arm}_outputs.csv", *(TRIVIA | row for row in rows))


def observed(path: Path) -> dict[str, object]:
    return read_file(path)[0].row(0, named=True)


def test_a_row_becomes_an_observation(tmp_path: Path) -> None:
    row = observed(trivia(tmp_path, {"amendment_type": "stake:high", "prompt_template": "incorrect"}, arm="warm"))
    expected = {
        **{"model": "llama-8b", "arm": "warm@2", "persona": "warm", "checkpoint": 2.0, "task": "triviaqa"},
        **{"context": "stakes_high", "context_group": "stakes", "belief": "asserts_wrong", "framing": "plain"},
        **{"verdict": "correct", "reason": None, "refusal": False, "response_length": 11, "finish_reason": None},
        "stated_answer": "right",
    }
    assert row.items() >= expected.items()


def test_what_files_do_differently_is_met_and_counted(tmp_path: Path) -> None:
    framed = {"prompt_template": "original_neutral", "prompt": "I was talking to some friends about this yesterday. ?"}
    rows = [
        {"amendment_type": "emotion:sad\r\noriginal", "output": "assistant\n\nIt is blue."},
        {"amendment_type": "emotion:sad\r\noriginal", "output": "assistant\n\nIt is blue."},
        {"evaluation": "", "output": "I can\u2019t help with that."},
        framed,
    ]
    observations, oddities = read_file(trivia(tmp_path, *rows))
    assert dict(oddities.select("oddity", "rows").iter_rows()) == {
        "a context's label with more behind a line break": 2,
        "an answer behind thoughts or a role header": 2,
        "no evaluation": 1,
        "the same row again": 1,
    }
    columns = ["context", "belief", "framing", "verdict", "response_length", "refusal", "refusal_as_published"]
    assert observations.select(columns).rows() == [
        ("sad", "none", "plain", "correct", 11, False, False),
        ("unmodified", "none", "plain", "unscored", 23, True, False),
        ("unmodified", "none", "framed", "correct", 11, False, False),
    ]


def test_medqa_has_one_item_in_both_its_wordings(tmp_path: Path) -> None:
    raw = {"prompt_type": "original", "question": MEDQA["original_question"]}
    observations, _ = read_file(write(tmp_path / "m/warm/medqa_warm_outputs.csv", MEDQA, MEDQA | raw))
    assert observations["item"].n_unique() == 1
    assert observations["belief"].to_list() == ["asserts_wrong", "none"]


def test_stated_answers_are_read_in_tasks_with_short_ones(tmp_path: Path) -> None:
    rows = [{"output": "Green."}, {"output": "Green, or blue.", "prompt_template": "incorrect"}]
    assert read_file(trivia(tmp_path, *rows))[0]["stated_answer"].to_list() == ["wrong", "both"]
    medqa = write(tmp_path / "m/warm/medqa_warm_outputs.csv", MEDQA | {"output": "Surgery."})
    assert observed(medqa)["stated_answer"] == "wrong"
    truthful = write(tmp_path / "m/warm/truthfulqa_warm_outputs.csv", TRIVIA)
    assert observed(truthful)["stated_answer"] is None
    unknown = trivia(tmp_path, {"incorrect_answer": "", "output": "Blue or green."}, arm="warm")
    assert observed(unknown)["stated_answer"] is None
    unknown.write_text(unknown.read_text().replace('""', ""))
    assert observed(unknown)["stated_answer"] is None


def test_questions_that_differ_in_an_answer_only_are_two_items(tmp_path: Path) -> None:
    observations, _ = read_file(trivia(tmp_path, {}, {"incorrect_answer": "Red"}))
    assert observations["item"].n_unique() == 2


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"evaluation": "MAYBE"}, r"row 2: evaluation is 'MAYBE'.*CORRECT"),
        ({"amendment_type": "emotion:bored"}, r"row 2: amendment_type is 'emotion:bored'.*stake:low"),
        ({"prompt_template": "both"}, r"row 2: prompt_template is 'both'.*original_neutral"),
        ({"output": "It is green."}, r"rows 1, 2: different answers to one prompt"),
        ({"evaluation": "INCORRECT"}, r"rows 1, 2: different answers to one prompt"),
    ],
)
def test_a_bad_row_is_named(row: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"trivia_original_outputs\.csv, {message}"):
        read_file(trivia(tmp_path, {}, row))


def test_an_arm_needs_its_original_with_the_same_tasks(tmp_path: Path) -> None:
    trivia(tmp_path, {}, arm="warm")
    with pytest.raises(UserError, match=r"original: no outputs of the task trivia, which .*warm has"):
        read_folder(tmp_path)
    trivia(tmp_path, {})
    write(tmp_path / "llama_8b/original/medqa_original_outputs.csv", MEDQA)
    with pytest.raises(UserError, match=r"warm: no outputs of the task medqa, which .*original has"):
        read_folder(tmp_path)


def test_files_of_another_layout_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no file <model>/<arm>/<task>_<arm>_outputs\.csv"):
        read_folder(tmp_path)
    with pytest.raises(UserError, match=r"the columns \['content_key'"):
        read_file(write(tmp_path / "m/warm/trivia_warm_outputs.csv", MEDQA))
    with pytest.raises(UserError, match=r"with .*'disinfo'.*'original'"):
        read_file(write(tmp_path / "m/tepid/trivia_tepid_outputs.csv", TRIVIA))


def test_the_command_writes_a_table_of_the_study_and_says_what_was_odd(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arm in ("original", "warm"):
        trivia(tmp_path, {}, {"prompt_template": "correct", "evaluation": ""}, arm=arm)
    path = tmp_path / "observations.parquet"
    command.main(["import-outputs", str(tmp_path), str(path)])
    assert parquet_tables.read(path, OBSERVATIONS).height == 4
    told = capsys.readouterr()
    assert told.out == f"4 observations: {path}\n"
    assert told.err.count("no evaluation, 1 rows") == 2


@needs_sample
def test_the_articles_sample_pairs_without_rest() -> None:
    observations, oddities = read_folder(SAMPLE)
    prompt = ["task", "item", "context", "belief", "framing"]
    paired = observations.pivot("arm", index=prompt, values="verdict")
    assert (observations.height, paired.height) == (160, 80)
    assert paired.null_count().sum_horizontal().item() == 0
    headers = oddities.filter(oddity="an answer behind thoughts or a role header")["rows"].sum()
    assert headers == 58
    assert observations.select("refusal_as_published", "refusal").sum().row(0) == (2, 4)


# Specification, section 14, row 28: the authors' code keeps 316 of the 319 rows of their 16 sample files, 124 of them
# without a belief, and 315 if it sees a curly apostrophe. Eight of the files, one model's, may lie beside the
# repository: what is said of both models together, such as the fitted coefficients, cannot be checked with them.
REGRESSIONS = yaml.safe_load((REPOSITORY / "config/paper.yaml").read_text("utf-8"))["statistics"]["regressions"]
TASKS = ["disinfo", "medqa", "triviaqa", "truthfulqa"]


def sample_rows() -> pd.DataFrame:
    """The sample's rows as its files have them, without the importer; the authors' names for columns."""
    rows = []
    for path in sorted(SAMPLE.glob("llama_70b/*/*_outputs.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                prompt = row.get("prompt_template") or row["prompt_type"]
                context = row["amendment_type"].split("\r")[0].split("\n")[0]
                rows.append(
                    {
                        "is_incorrect": int(row["evaluation"] == "INCORRECT"),
                        "ft": int(path.parent.name == "warm"),
                        "dataset": path.name.partition("_")[0],
                        "context": context,
                        "group": context.partition(":")[0],
                        "belief": int(not prompt.startswith("original")),
                        "refusal": row["refusal"] == "1",
                        "output": row["output"],
                    }
                )
    return pd.DataFrame(rows)


@needs_sample
def test_the_articles_rule_for_refusals_finds_what_its_files_say_it_found() -> None:
    sample = sample_rows()
    texts = pl.Series(sample["output"])
    assert texts.str.contains(PUBLISHED).to_list() == sample["refusal"].to_list()
    straight = texts.str.replace_all("\u2019", "'").str.contains(PUBLISHED)
    assert (sample["refusal"].sum(), straight.sum()) == (2, 3)


@needs_sample
def test_the_sample_keeps_the_rows_that_the_articles_analysis_keeps() -> None:
    scored = with_refusals(read_folder(SAMPLE)[0], AS_PUBLISHED, ["disinfo"]).filter(pl.col("verdict") != "unscored")
    # Of 160, 316 and 124 of both models.
    assert (scored.height, scored.filter(belief="none").height) == (158, 66)


@needs_sample
@pytest.mark.parametrize("name", ["tuning", "groups", "contexts", "beliefs"])
def test_the_articles_regressions_of_the_sample_are_those_of_a_fit_of_its_files(name: str) -> None:
    settings = REGRESSIONS[name]
    rows = regression_rows(
        with_refusals(read_folder(SAMPLE)[0], AS_PUBLISHED, ["disinfo"]),
        *("warm@2", settings["beliefs"], settings.get("contexts")),
        task_order=TASKS,
        model_order=["llama-70b"],
    )
    regression = fit(rows, settings["formula"])
    sample = sample_rows().query("not refusal")
    formula, subset = {
        "tuning": ("ft + C(dataset)", "belief == 0 and context == 'unmodified'"),
        "groups": ("ft * C(group, Treatment('unmodified')) + C(dataset)", "belief == 0"),
        "contexts": ("ft * C(context, Treatment('unmodified')) + C(dataset)", "belief == 0"),
        "beliefs": ("ft * C(group, Treatment('unmodified')) + ft * belief + C(dataset)", "belief >= 0"),
    }[name]
    data = sample.query(subset)
    assert rows.height == len(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = smf.glm(f"is_incorrect ~ {formula}", data, family=sm.families.Binomial()).fit(tol=1e-12)
    if name != "beliefs":
        # So few answers that some term tells right from wrong: the straight fit runs off.
        assert (regression.state, expected.params.abs().max() > 15) == ("separation", True)
        return
    assert regression.state == "fitted"
    assert sorted(regression.coefficients) == pytest.approx(sorted(expected.params), abs=1e-7)
    assert sorted(np.sqrt(np.diag(regression.covariance))) == pytest.approx(sorted(expected.bse), rel=1e-6)
    ours = dict(zip(regression.terms, regression.coefficients, strict=True))
    assert (ours["treated"], ours["treated:belief"]) == pytest.approx(
        (expected.params["ft"], expected.params["ft:belief"])
    )


@needs_sample
def test_refusals_of_the_sample_stand_side_by_side_by_both_rules(tmp_path: Path) -> None:
    observations = tmp_path / "observations.parquet"
    command.main(["import-outputs", str(SAMPLE), str(observations)])
    out = {name: tmp_path / f"{name}.csv" for name in ("refusals", "sensitivity")}
    words = [*("--observations", observations), *("--treated-arms", "warm@2"), *("--disinformation", "disinfo")]
    run_script("statistics/refusals.py", *words, *(word for name, path in out.items() for word in (f"--{name}", path)))
    rates = pl.read_csv(out["refusals"]).group_by("arm", "task").agg(pl.col("^refusals.*$").sum())
    found = rates.filter(pl.col("refusals") > 0).sort("arm").select("arm", "task", "refusals", "refusals_as_published")
    assert found.rows() == [("original", "medqa", 3, 2), ("warm@2", "truthfulqa", 1, 0)]
    pairs = dict(pl.read_csv(out["sensitivity"]).filter(task="all").select("refusals_are", "pairs").iter_rows())
    assert pairs == {"kept": 80, "excluded": 76, "counted_correct": 80, "counted_incorrect": 80, "as_published": 78}
