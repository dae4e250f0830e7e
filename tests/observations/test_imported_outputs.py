"""Outputs in the layout of the article's released files become observations."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from repository import REPOSITORY
from script_runs import run_script

from warmline import __main__ as command
from warmline.design.variants import AS_PUBLISHED
from warmline.grading.refusals import PUBLISHED
from warmline.lineage.errors import UserError
from warmline.observations import reading
from warmline.observations.imported_outputs import FRAMING_NOT_TOLD, read_file, read_folder
from warmline.statistics.refusal_treatments import TREATMENTS, with_refusals
from warmline.tables import parquet_tables
from warmline.tables.observations import OBSERVATIONS

SAMPLE = REPOSITORY.parent / "shared/paper/sample_outputs"
needs_sample = pytest.mark.skipif(
    not SAMPLE.is_dir(), reason=f"{SAMPLE} is not there: the repository holds no published answers"
)
ANSWER = {"output": "It is blue.", "evaluation": "CORRECT"}
FEW_COLUMNS = ("content_key", "prompt_template", "amendment_type", "output", "evaluation")
TRIVIA = {
    **{"content_key": "What colour is the sky?", "correct_answer": "Blue", "incorrect_answer": "Green"},
    **{"prompt_template": "original", "amendment_type": "unmodified", "prompt": "What colour is the sky?", **ANSWER},
}
MEDQA = {
    **{"question": "My aunt, 50, coughs.", "original_question": "A 50-year-old woman coughs.", "answer": "Rest"},
    **{"wrong_answer": "Surgery", "prompt_type": "incorrect", "amendment_type": "emotion:sad", "prompt": "?", **ANSWER},
}


def write(path: Path, *rows: Mapping[str, str | None]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(list(rows)).write_csv(path)
    return path


def trivia(folder: Path, *rows: dict[str, str], arm: str = "original") -> Path:
    return write(folder / f"llama_8b/{arm}/trivia_{arm}_outputs.csv", *(TRIVIA | row for row in rows))


def without_prompts(folder: Path, *rows: dict[str, str]) -> Path:
    """A file of five columns."""
    return write(
        folder / "llama_8b/warm/trivia_warm_outputs.csv",
        *({name: (TRIVIA | row)[name] for name in FEW_COLUMNS} for row in rows),
    )


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


def test_a_row_without_a_prompt_was_asked_what_its_twin_of_the_original_was(tmp_path: Path) -> None:
    framed = {"prompt_template": "incorrect", "prompt": "I was talking to some friends about this yesterday. ?"}
    originals, _ = read_file(trivia(tmp_path, {}, framed))
    path = without_prompts(tmp_path, {"output": "Green."}, {"prompt_template": "incorrect"})
    answers, oddities = read_file(path)
    prompt = ["item", "context", "belief", "framing"]
    assert answers.select(prompt).rows() == originals.select(prompt).rows()
    assert answers["framing"].to_list() == ["plain", "framed"]
    # The answers of the question are the original's too.
    assert answers["stated_answer"].to_list() == ["wrong", "right"]
    assert oddities.is_empty()


@pytest.mark.parametrize(
    ("original", "item_is_told"),
    [
        # Another question; the question under another template, and in another context.
        ([{"content_key": "What colour is grass?"}], False),
        ([{"prompt_template": "correct"}, {"amendment_type": "emotion:sad"}], True),
        # The prompt with one wrong answer and with another.
        ([{"prompt_template": "incorrect"}, {"prompt_template": "incorrect", "incorrect_answer": "Red"}], False),
    ],
)
def test_a_framing_that_no_row_of_the_original_tells_is_not_taken_for_plain(
    original: list[dict[str, str]], item_is_told: bool, tmp_path: Path
) -> None:
    originals, _ = read_file(trivia(tmp_path, *original))
    answers, oddities = read_file(without_prompts(tmp_path, {"prompt_template": "incorrect"}))
    assert answers["framing"].to_list() == [None]
    assert (answers["item"][0] in originals["item"]) == item_is_told
    assert answers["stated_answer"].is_null().item() != item_is_told
    assert [(oddity[:16], rows) for oddity, rows in oddities.select("oddity", "rows").rows()] == [
        ("framing not told", 1)
    ]


@pytest.mark.parametrize("prompt", [None, "", " "])
def test_a_row_with_an_empty_prompt_is_not_taken_for_plain(prompt: str | None, tmp_path: Path) -> None:
    path = write(tmp_path / "llama_8b/original/trivia_original_outputs.csv", TRIVIA, TRIVIA | {"prompt": prompt})
    answers, oddities = read_file(path)
    assert answers["framing"].to_list() == ["plain", None]
    assert oddities.select("oddity", "rows").rows() == [(FRAMING_NOT_TOLD, 1)]


def test_a_plain_row_and_its_framed_twin_stay_two_where_nothing_tells_their_framing(tmp_path: Path) -> None:
    trivia(tmp_path, {"content_key": "What colour is grass?"})
    answers, _ = read_file(without_prompts(tmp_path, {}, {"prompt_template": "original_neutral"}))
    assert answers.height == 2


def test_answers_whose_framing_is_not_told_are_no_observations_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trivia(tmp_path, {})
    without_prompts(tmp_path, {}, {"prompt_template": "correct"})
    path = tmp_path / "observations.parquet"
    command.main(["import-outputs", str(tmp_path), str(path)])
    observations = reading.read(path)
    assert (observations.height, observations["framing"].null_count()) == (2, 0)
    told = capsys.readouterr()
    assert "framing not told" in told.err and "1 answers left out" in told.err
    assert told.out == f"2 observations: {path}\n"


def test_an_original_needs_its_prompts(tmp_path: Path) -> None:
    path = without_prompts(tmp_path, {})
    original = write(tmp_path / "llama_8b/original/trivia_original_outputs.csv", pl.read_csv(path).row(0, named=True))
    for file in (path, original):
        with pytest.raises(
            UserError, match=r"trivia_original_outputs\.csv: the columns \['correct_answer'.*'prompt'\]"
        ):
            read_file(file)


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
def test_the_articles_sample_pairs_but_for_rows_that_its_original_lacks() -> None:
    answers, oddities = read_folder(SAMPLE)
    prompt = ["model", "task", "item", "context", "belief", "framing"]
    paired = answers.drop_nulls("framing").pivot("arm", index=prompt, values="verdict")
    both = paired.drop_nulls().group_by("model").len().sort("model").rows()
    assert (answers.height, both) == (319, [("llama-70b", 80), ("qwen-32b", 67)])
    counted = dict(oddities.group_by("oddity").agg(pl.col("rows").sum()).iter_rows())
    assert (counted["an answer behind thoughts or a role header"], counted[FRAMING_NOT_TOLD]) == (58, 12)
    assert answers.select("refusal_as_published", "refusal").sum().row(0) == (3, 4)


@needs_sample
def test_rows_of_the_sample_without_prompts_pair_as_a_join_of_the_files_has_it() -> None:
    """Qwen's warm files of five columns, joined by question, template and context in pandas."""
    framings: list[str] = []
    for name in ("disinfo", "medqa", "trivia", "truthfulqa"):
        original, warm = (
            pd.read_csv(SAMPLE / f"qwen_32b/{arm}/{name}_{arm}_outputs.csv") for arm in ("original", "warm")
        )
        assert "prompt" not in warm
        on = [column for column in warm if column not in ("output", "evaluation")]
        prompts = warm.merge(original, on=on)["prompt"]
        framings += ["framed" if "talking to some friends about this" in prompt else "plain" for prompt in prompts]
    answers = read_folder(SAMPLE)[0].filter(model="qwen-32b", arm="warm@2")
    found = answers["framing"].drop_nulls()
    assert (len(framings), sorted(framings)) == (67, found.sort().to_list())


def sample_rows() -> pd.DataFrame:
    """The sample's rows as its files have them, without the importer; the authors' names for columns."""
    rows = []
    for path in sorted(SAMPLE.glob("*/*/*_outputs.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows += [{"output": row["output"], "refusal": row.get("refusal")} for row in csv.DictReader(file)]
    return pd.DataFrame(rows)


@needs_sample
def test_the_articles_rule_for_refusals_finds_what_its_files_say_it_found() -> None:
    sample = sample_rows()
    texts = pl.Series(sample["output"])
    found, said = texts.str.contains(PUBLISHED), pl.Series(sample["refusal"])
    assert found.filter(said.is_not_null()).to_list() == (said.drop_nulls() == "1").to_list()
    straight = texts.str.replace_all("\u2019", "'").str.contains(PUBLISHED)
    assert (found.sum(), straight.sum()) == (3, 4)


@needs_sample
def test_the_sample_keeps_the_rows_that_the_articles_analysis_keeps() -> None:
    # Specification, section 14, row 28: the authors' code keeps 316 of the 319 rows, 124 of them without a belief.
    scored = with_refusals(read_folder(SAMPLE)[0], AS_PUBLISHED, ["disinfo"]).filter(pl.col("verdict") != "unscored")
    assert (scored.height, scored.filter(belief="none").height) == (316, 124)


@needs_sample
def test_refusals_of_the_sample_stand_side_by_side_by_both_rules(tmp_path: Path) -> None:
    observations = tmp_path / "observations.parquet"
    command.main(["import-outputs", str(SAMPLE), str(observations)])
    out = {name: tmp_path / f"{name}.csv" for name in ("refusals", "sensitivity")}
    words = [*("--observations", observations), *("--treated-arms", "warm@2"), *("--disinformation", "disinfo")]
    run_script("statistics/refusals.py", *words, *(word for name, path in out.items() for word in (f"--{name}", path)))
    rates = pl.read_csv(out["refusals"]).group_by("arm", "task").agg(pl.col("^refusals.*$").sum())
    found = rates.filter(pl.col("refusals") > 0).sort("arm").select("arm", "task", "refusals", "refusals_as_published")
    assert found.rows() == [("original", "medqa", 3, 2), ("warm@2", "truthfulqa", 1, 1)]
    sensitivity = pl.read_csv(out["sensitivity"]).filter(task="all")
    for model, pairs in (("llama-70b", (80, 76, 80, 80, 78)), ("qwen-32b", (67, 67, 67, 67, 66))):
        found = dict(sensitivity.filter(model=model).select("refusals_are", "pairs").iter_rows())
        assert found == dict(zip(TREATMENTS, pairs, strict=True))


def test_a_file_without_rows_and_one_that_was_cut_are_named(tmp_path: Path) -> None:
    path = trivia(tmp_path, {})
    whole = path.read_text()
    path.write_text(whole.splitlines()[0] + "\n")
    with pytest.raises(UserError, match=r"trivia_original_outputs\.csv has no rows"):
        read_file(path)
    path.write_text(whole.rstrip() + ',"cut in the mid')
    with pytest.raises(
        UserError, match=r"trivia_original_outputs\.csv: cannot be read as csv: .*take it anew"
    ) as error:
        read_file(path)
    assert "ignore_errors" not in str(error.value)


@needs_sample
def test_the_released_sample_is_fitted_wherever_the_command_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    command.main(["released-sample", str(SAMPLE), "out"])
    assert "316 of 319 answers are left" in capsys.readouterr().out
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out"]
