"""Outputs in the layout of the article's released files become observations."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from conftest import REPOSITORY

from warmline import __main__ as command
from warmline import tables
from warmline.errors import UserError
from warmline.imported_outputs import read_file, read_folder
from warmline.observations import OBSERVATIONS

SAMPLE = REPOSITORY.parent / "shared/paper/sample_outputs"
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
        "an answer behind a role header": 2,
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
    assert tables.read(path, OBSERVATIONS).height == 4
    told = capsys.readouterr()
    assert told.out == f"4 observations: {path}\n"
    assert told.err.count("no evaluation, 1 rows") == 2


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="the article's sample outputs are not beside the repository")
def test_the_articles_sample_pairs_without_rest() -> None:
    observations, oddities = read_folder(SAMPLE)
    prompt = ["task", "item", "context", "belief", "framing"]
    paired = observations.pivot("arm", index=prompt, values="verdict")
    assert (observations.height, paired.height) == (160, 80)
    assert paired.null_count().sum_horizontal().item() == 0
    headers = oddities.filter(oddity="an answer behind a role header")["rows"].sum()
    assert headers == 58
    assert observations.select("refusal_as_published", "refusal").sum().row(0) == (2, 4)
