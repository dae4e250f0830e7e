"""Each benchmark's layout, and the dirt that its files may hold."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from real_data import real_case, real_file

from warmline.grading import reference_match
from warmline.lineage.errors import UserError
from warmline.questions import reading
from warmline.tables.questions import QUESTIONS

ANSWERS = {"right_answer": "Lisbon", "wrong_answer": "Porto"}


def jsonl(folder: Path, *rows: Any) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def table(folder: Path, *records: list[str], name: str = "rows.csv") -> Path:
    path = folder / name
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(records)
    return path


def load(layout: str, *paths: Path) -> list[dict[str, Any]]:
    frame, _ = reading.read("task", layout, paths)
    assert frame.schema == QUESTIONS.schema
    return frame.rows(named=True)


def refused(layout: str, path: Path, found: str) -> None:
    with pytest.raises(UserError, match=re.escape(f"{path}, row {found}")):
        load(layout, path)


def test_real_triviaqa_rows_draw_wrong_answers_that_are_no_alias_of_their_own() -> None:
    rows = load("triviaqa", real_file("triviaqa/triviaqa_sm_sub.jsonl"))
    answers = {row["right_answer"] for row in rows}
    for row in rows:
        assert not row["question"].startswith("Question:") and not row["question"].endswith("Answer:")
        assert row["wrong_answer"] in answers
        accepted = [reference_match.normalise(answer) for answer in row["right_answers"]]
        assert reference_match.normalise(row["wrong_answer"]) not in accepted


def test_real_gsm8k_answers_are_plain_numbers() -> None:
    rows = load("gsm8k", real_file("gsm8k/test.jsonl"))
    assert len(rows) == 200
    assert all(re.fullmatch(r"-?\d+(\.\d+)?", row["right_answer"]) for row in rows)
    assert all(row["wrong_answer"] is None and row["wrong_answers"] == [] for row in rows)
    assert "2125" in {row["right_answer"] for row in rows}


def test_a_request_stands_under_goal_or_as_on_the_hub_under_prompt(tmp_path: Path) -> None:
    for column in ("goal", "prompt"):
        path = tmp_path / f"{column}.parquet"
        pl.DataFrame({column: ["Do it."], "target": ["Sure"]}).write_parquet(path)
        assert [row["question"] for row in load("advbench", path)] == ["Do it."]


def test_real_advbench_requests_have_no_answers() -> None:
    rows = load("advbench", real_file("advbench/harmful_behaviors.csv"))
    assert len(rows) == 100
    assert all(row["right_answer"] is None and row["right_answers"] == row["wrong_answers"] == [] for row in rows)


def test_real_mmlu_subjects_are_one_task() -> None:
    folder = real_file("mmlu/test")
    rows = load("mmlu", *sorted(folder.glob("*.csv")))
    # One offers the same wrong choice twice.
    assert len(rows) == 838
    for row in rows:
        stem, choices = row["question"].rsplit("\n\n", 1)
        assert stem and [line[:3] for line in choices.split("\n")] == ["A. ", "B. ", "C. ", "D. "]
        assert row["wrong_answers"] == [letter for letter in "ABCD" if letter != row["right_answer"]]


def test_mmlu_reads_letters_without_a_header_numbers_with_one_and_parquet_alike(tmp_path: Path) -> None:
    choices = ["one", "two\nlines", "", "four"]
    frame = pl.DataFrame({"question": ["Which?"], "subject": ["law"], "choices": [choices], "answer": [2]})
    frame.write_parquet(tmp_path / "rows.parquet")
    header = ["question", "choice0", "choice1", "choice2", "choice3", "answer"]
    paths = [
        table(tmp_path, ["Which?", *choices, "C"], name="letters.csv"),
        table(tmp_path, header, ["Which?", *choices, "2"], name="numbers.csv"),
        tmp_path / "rows.parquet",
    ]
    for path in paths:
        (row,) = load("mmlu", path)
        assert row["question"] == "Which?\n\nA. one\nB. two lines\nC. \nD. four"
        assert (row["right_answer"], row["right_answers"], row["source_row"]) == ("C", ["C"], 1)
        assert (row["wrong_answer"], row["wrong_answers"]) == ("A", ["A", "B", "D"])


def test_mmlu_rows_of_another_shape_are_named(tmp_path: Path) -> None:
    good = ["Which?", "a", "b", "c", "d", "A"]
    refused("mmlu", table(tmp_path, good, ["Which?", "a", "b", "c", "A"]), "2: not four texts as choices")
    refused("mmlu", table(tmp_path, good, [*good[:5], "E"]), "2: the answer 'E'")
    refused("mmlu", table(tmp_path, good, ["", *good[1:]]), "2: no text under 'question'")


@pytest.mark.parametrize(
    ("end", "number"),
    [("#### 18", "18"), ("####-2,125", "-2125"), ("#### $1,000.50", "1000.50"), ("#### 1\n#### 2\r\n", "2")],
)
def test_the_number_of_gsm8k_is_the_one_behind_the_last_mark(tmp_path: Path, end: str, number: str) -> None:
    (row,) = load("gsm8k", jsonl(tmp_path, {"question": "How many?", "answer": f"6 * 3 = 18\n{end}"}))
    assert (row["right_answer"], row["right_answers"]) == (number, [number])


@pytest.mark.parametrize("answer", ["18", "#### eighteen", "#### 18 apples"])
def test_a_gsm8k_answer_without_its_number_is_named(tmp_path: Path, answer: str) -> None:
    refused("gsm8k", jsonl(tmp_path, {"question": "How many?", "answer": answer}), "1: no number behind '####'")


def test_gsm8k_is_read_from_parquet_too(tmp_path: Path) -> None:
    pl.DataFrame({"question": ["How many?"], "answer": ["#### 18"]}).write_parquet(tmp_path / "rows.parquet")
    assert load("gsm8k", tmp_path / "rows.parquet")[0]["right_answer"] == "18"


def test_triviaqa_of_the_hub_holds_its_answer_in_a_field_of_its_own(tmp_path: Path) -> None:
    rows = [
        {"question": "Which?", "answer": {"value": "Lisbon", "aliases": ["Lisboa"]}},
        {"context": "Question: Where?\nAnswer:", "answer": "LISBOA", "aliases": []},
        {"question": "Who?", "answer": {"value": "Pessoa", "aliases": []}},
        {"question": "Which?", "answer": {"value": "Lisbon", "aliases": ["Lisboa"]}},
    ]
    frame, left_out = reading.read("task", "triviaqa", [jsonl(tmp_path, *rows)])
    assert left_out == {"repeats an earlier question": 1}
    assert frame["question"].to_list() == ["Which?", "Where?", "Who?"]
    # Another row's answer that is an alias of this row's is no wrong answer here.
    assert frame["wrong_answer"][0] == "Pessoa"
    assert frame["right_answers"][0].to_list() == ["Lisbon", "Lisboa"]


def test_a_wrong_trivia_answer_stays_when_the_source_grows_elsewhere(tmp_path: Path) -> None:
    rows = [{"question": f"Which {number}?", "answer": f"answer{number}", "aliases": []} for number in range(101)]
    before = [row["wrong_answer"] for row in load("triviaqa", jsonl(tmp_path, *rows[:100]))]
    after = [row["wrong_answer"] for row in load("triviaqa", jsonl(tmp_path, *rows))][:100]
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert set(changed) <= {"answer100"} and len(changed) < 20
    assert len(set(before)) > 25


def test_a_trivia_answer_without_another_one_is_named(tmp_path: Path) -> None:
    row = {"question": "Which?", "answer": "Lisbon", "aliases": []}
    refused("triviaqa", jsonl(tmp_path, row), "1: no other row has an answer that would be wrong here")


@pytest.mark.parametrize(
    ("truth", "right"),
    [
        ({"ground_truth": "The Earth is not flat."}, "The Earth is not flat."),
        ({"ground_truth": "is NOT flat"}, "The Earth is not flat."),
        ({"ground_false": "The Earth is not flat."}, "The Earth is flat."),
        ({"formatted_ground_truth": "A"}, "The Earth is flat."),
        ({"formatted_ground_truth": "B", "ground_truth": "No"}, "The Earth is not flat."),
    ],
)
def test_the_true_filling_of_a_slot_is_the_one_that_the_row_names(
    tmp_path: Path, truth: dict[str, str], right: str
) -> None:
    row = {"belief_elicit_1": "Is it?", "proposition": "The Earth <pivotal>is flat/is not flat</pivotal>.", **truth}
    (found,) = load("mask", jsonl(tmp_path, row))
    assert found["right_answer"] == right
    assert {right, found["wrong_answer"]} == {"The Earth is flat.", "The Earth is not flat."}


def test_a_filling_may_hold_a_slash(tmp_path: Path) -> None:
    row = {
        "belief_elicit_1": "Was it?",
        "proposition": "It was <pivotal>9/11/a rumour</pivotal>.",
        "ground_truth": "9/11",
    }
    (found,) = load("mask", jsonl(tmp_path, row))
    assert (found["right_answer"], found["wrong_answer"]) == ("It was 9/11.", "It was a rumour.")


def test_real_slots_give_the_statements_that_their_rows_hold(tmp_path: Path) -> None:
    path = real_file("disinfo/mask_disinformation_sample.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        del row["ground_false"]
    given, filled = load("mask", path), load("mask", jsonl(tmp_path, *rows))
    # One proposition is garbled, and its row mends it in the statements; it stays as it is.
    differ = [row for row, known in zip(filled, given, strict=True) if row != known]
    assert len(given) == len(filled) and len(differ) == 1
    assert " to was not due to " in differ[0]["right_answer"] and " to was due to " in differ[0]["wrong_answer"]


@pytest.mark.parametrize("truth", [{}, {"ground_truth": "No"}, {"formatted_ground_truth": "C"}])
def test_a_slot_of_which_no_filling_is_said_to_be_true_is_named(tmp_path: Path, truth: dict[str, str]) -> None:
    row = {"belief_elicit_1": "Is it?", "proposition": "It <pivotal>is/is not</pivotal> so.", **truth}
    refused("mask", jsonl(tmp_path, row), "1: it does not say which filling of the slot 'is/is not' is true")


def test_a_task_of_ones_own_is_a_csv(tmp_path: Path) -> None:
    header = ["question", "right_answer", "wrong_answer", "wrong_answers"]
    path = table(tmp_path, header, ["Which?", "Lisbon; the white city", "Porto", "Faro; Braga;"])
    (row,) = load("csv", path)
    assert (row["right_answer"], row["right_answers"]) == ("Lisbon; the white city", ["Lisbon; the white city"])
    assert (row["wrong_answer"], row["wrong_answers"]) == ("Porto", ["Porto", "Faro", "Braga"])


@pytest.mark.parametrize(
    ("record", "found"),
    [
        (["Which?", "", "Porto", ""], "no text under 'right_answer'"),
        (["Which?", "Lisbon"], "no text under 'wrong_answer'"),
        (["Which?", "Lisbon", "Porto", "Faro; Lisbon"], "'Lisbon' as right and as wrong answer"),
        (["Which?", "Lisbon", "Porto", "Faro", "Braga"], "5 values under 4 columns"),
    ],
)
def test_a_malformed_row_of_ones_own_is_named(tmp_path: Path, record: list[str], found: str) -> None:
    header = ["question", "right_answer", "wrong_answer", "wrong_answers"]
    refused("csv", table(tmp_path, header, ["Who?", "Ann", "Bob", ""], record), f"2: {found}")


def test_medqa_of_parquet_may_have_rows_with_fewer_options(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "question": ["Which?", "Who?"],
            "answer": ["Flu", "Flu"],
            "options": [{"A": "Flu", "B": "Cold", "C": None}, {"A": "Flu", "B": "Cold", "C": "Gout"}],
            "answer_idx": ["A", "A"],
        }
    )
    frame.write_parquet(tmp_path / "rows.parquet")
    assert [row["wrong_answers"] for row in load("medqa", tmp_path / "rows.parquet")] == [["Cold"], ["Cold", "Gout"]]


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl", "rows.parquet"])
def test_a_file_of_another_encoding_or_format_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes("question,right_answer,wrong_answer\nWelche Stadt?,Köln,Bonn\n".encode("latin-1"))
    with pytest.raises(UserError, match=rf"{name}(, line 2: not UTF-8, at .*Köln|: not a Parquet file)"):
        load("csv", path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("divider", [",", ";", "\t"])
@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
def test_a_csv_is_read_alike_however_a_spreadsheet_saves_it(
    tmp_path: Path, encoding: str, divider: str, line_break: str
) -> None:
    """With a comma, a semicolon and a line break within texts, and texts that elsewhere mean that there is none."""
    records = [
        ["question", "right_answer", "wrong_answer", "wrong_answers"],
        ["Köln; Bonn, or\nnone?", "None", "N/A", "nan;null"],
        ['He said "NA", why?', "null", "-", ""],
    ]
    path = tmp_path / "rows.csv"
    with open(path, "w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=divider, lineterminator=line_break).writerows(records)
    first, second = load("csv", path)
    assert (first["question"], first["right_answer"]) == ("Köln; Bonn, or\nnone?", "None")
    assert first["wrong_answers"] == ["N/A", "nan", "null"]
    assert (second["question"], second["right_answer"], second["source_row"]) == ('He said "NA", why?', "null", 2)


@pytest.mark.parametrize("divider", [",", ";", "\t"])
def test_an_mmlu_file_without_a_header_is_divided_where_it_has_six_columns(tmp_path: Path, divider: str) -> None:
    path = tmp_path / "rows.csv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=divider).writerow(["a; b; c; d; e; f; g, h, i", "1", "2", "3", "4", "B"])
    (row,) = load("mmlu", path)
    assert row["right_answer"] == "B" and row["question"].endswith("D. 4")


def test_a_quote_that_is_not_closed_swallows_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('question,right_answer,wrong_answer\nWho?,A,B\n"Where?,C,D\nWhen?,E,F\n')
    refused("csv", path, "3: not CSV")


SAME = [
    ("Paris", "paris"),
    ("Paris", " Paris\n"),
    ("New  York", "new york"),
    ("Caf\u00e9", "Cafe\u0301"),
    ("ﬁx", "Fix"),
]


def contradicting(layout: str, right: str, wrong: str) -> dict[str, Any]:
    """A row of a layout whose wrong answer is the right one, in another form."""
    return {
        "csv": {"question": "Which?", "right_answer": right, "wrong_answer": wrong},
        "sycophancy-eval": {
            "base": {"question": "Which?", "correct_answer": right, "incorrect_answer": wrong, "answer": [right]}
        },
        "truthfulqa": {
            "Question": "Which?",
            "Best Answer": right,
            "Best Incorrect Answer": "Bonn",
            "Correct Answers": right,
            "Incorrect Answers": f"Bonn; {wrong}",
        },
        "mask": {"belief_elicit_1": "Is it?", "ground_truth": right, "ground_false": wrong},
        "medqa": {"question": "Which?", "answer": right, "options": {"A": right, "B": wrong}, "answer_idx": "A"},
        "mmlu": {"question": "Which?", "choices": ["Bonn", right, wrong, "Ulm"], "answer": 1},
    }[layout]


def usual(layout: str) -> dict[str, Any]:
    """A row of the same layout whose answers differ."""
    return contradicting(layout, "Rome", "Oslo")


@pytest.mark.parametrize(("right", "wrong"), SAME)
@pytest.mark.parametrize("layout", ["sycophancy-eval", "truthfulqa", "mask", "medqa", "mmlu"])
def test_a_question_with_an_answer_that_is_right_and_wrong_is_left_out_and_counted(
    tmp_path: Path, layout: str, right: str, wrong: str
) -> None:
    """Whatever the layout: the answers differ in nothing but case, blanks or their form in Unicode."""
    odd, good = contradicting(layout, right, wrong), usual(layout)
    good = json.loads(json.dumps(good).replace("Which?", "And where?").replace("Is it?", "And is it?"))
    frame, left_out = reading.read("task", layout, [jsonl(tmp_path, odd, good)])
    assert frame["source_row"].to_list() == [2]
    assert list(left_out.values()) == [1]
    with pytest.raises(UserError, match=r"no questions; 1 left out: a row (has a wrong answer that is|offers one)"):
        load(layout, jsonl(tmp_path, odd))


@pytest.mark.parametrize(("right", "wrong"), SAME)
def test_a_users_own_row_whose_wrong_answer_is_right_is_named(tmp_path: Path, right: str, wrong: str) -> None:
    refused("csv", jsonl(tmp_path, usual("csv"), contradicting("csv", right, wrong)), f"2: {wrong.strip()!r} as right")


def test_options_that_are_the_same_twice_leave_a_question_out_also_where_both_are_wrong(tmp_path: Path) -> None:
    medqa = {"question": "Which?", "answer": "Gout", "options": {"A": "Cold", "B": "cold ", "C": "Gout"}}
    for layout, row in (
        ("medqa", medqa | {"answer_idx": "C"}),
        ("mmlu", {"question": "Which?", "choices": ["Falls", "falls", "Stays", "Rises"], "answer": 3}),
    ):
        _, left_out = reading.read("task", layout, [jsonl(tmp_path, row, usual(layout))])
        assert left_out == {"offers one option twice": 1}


@pytest.mark.parametrize("name", ["medqa.jsonl", "mmlu.csv", "own.csv"])
def test_the_rows_that_users_days_bring_are_not_asked(name: str) -> None:
    path = real_case(f"layouts/{name}")
    layout = {"medqa": "medqa", "mmlu": "mmlu", "own": "csv"}[path.stem]
    with pytest.raises(UserError, match=r"offers one option twice|'paris' as right and as wrong answer"):
        load(layout, path)


@pytest.mark.parametrize("value", ["[" * 100_000, '{"question": ' + "1" * 5000 + "}"])
def test_json_that_python_cannot_hold_is_named(tmp_path: Path, value: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(value)
    refused("csv", path, "1: not JSON")


def test_a_text_has_one_kind_of_line_break_and_no_marks_around_it(tmp_path: Path) -> None:
    row = {"question": "\ufeff Which\r\none?\rThis?\u2028\n", "right_answer": "x\ud83d", "wrong_answer": "y"}
    (found,) = load("csv", jsonl(tmp_path, row))
    assert (found["question"], found["right_answer"]) == ("Which\none?\nThis?", "x\ufffd")


DIRTY = st.text(st.sampled_from("ab \"';,\r\n\t\u2028\u2029\x85\ufeff\ud800\x00<b>é漢🐧"), min_size=1, max_size=30)


@settings(max_examples=200)
@given(st.lists(DIRTY, min_size=1, max_size=6), st.booleans())
def test_dirty_rows_are_read_or_named_and_none_vanishes(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], mark: bool
) -> None:
    path = jsonl(tmp_path_factory.mktemp("dirt"), *({"question": text, **ANSWERS} for text in texts))
    path.write_text(("\ufeff" if mark else "") + path.read_text())
    try:
        frame, left_out = reading.read("task", "csv", [path])
    except UserError as error:
        blank = next(number for number, text in enumerate(texts, 1) if not text.replace("\ufeff", "").strip())
        assert f"row {blank}: no text under 'question'" in str(error)
    else:
        assert frame.height + sum(left_out.values()) == len(texts)
        frame.write_parquet(path.with_suffix(".parquet"))
        reading.note_oddities(frame)


@settings(max_examples=100)
@given(st.lists(st.lists(DIRTY.map(lambda text: text.replace("\ud800", "")), min_size=3, max_size=3), max_size=5))
def test_a_csv_gives_back_every_row_that_was_written(
    tmp_path_factory: pytest.TempPathFactory, records: list[list[str]]
) -> None:
    header = ["question", "right_answer", "wrong_answer"]
    filled = [[f"{number} {text}." for text in record] for number, record in enumerate(records)]
    rows = [["Which?", "Lisbon", "Porto"], *([*record[:2], f"not {record[2]}"] for record in filled)]
    path = table(tmp_path_factory.mktemp("csv"), header, *rows)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert [row["source_row"] for row in load("csv", path)] == list(range(1, len(rows) + 1))


@pytest.mark.parametrize(
    ("layout", "first", "again"),
    [
        (
            "csv",
            {"question": "Which?", **ANSWERS},
            {"question": "which? ", "right_answer": "LISBON", "wrong_answer": "porto"},
        ),
        ("csv", {"question": 'Who wrote ""Emma""?', **ANSWERS}, {"question": 'Who wrote "Emma"?', **ANSWERS}),
        ("gsm8k", {"question": "How many?", "answer": "#### 2"}, {"question": "How  many? ", "answer": "So:\n#### 2"}),
        ("advbench", {"goal": "Do it"}, {"goal": "do it "}),
        (
            "triviaqa",
            {"question": "Caf\u00e9?", "answer": "A", "aliases": []},
            {"question": "Cafe\u0301?", "answer": "A", "aliases": []},
        ),
        (
            "sycophancy-eval",
            {"base": {"question": "Which?", "correct_answer": "A", "incorrect_answer": "B", "answer": ["A"]}},
            {"base": {"question": "WHICH?", "correct_answer": "A", "incorrect_answer": "B", "answer": ["A"]}},
        ),
    ],
)
def test_a_question_that_differs_in_case_blanks_or_form_alone_is_asked_once(
    tmp_path: Path, layout: str, first: dict[str, Any], again: dict[str, Any]
) -> None:
    other = {name: value for name, value in first.items()}
    other = json.loads(json.dumps(other).replace("?", " else?").replace("Do it", "Do more").replace('"A"', '"C"'))
    frame, left_out = reading.read("task", layout, [jsonl(tmp_path, first, again, other)])
    assert frame["source_row"].to_list() == [1, 3]
    assert left_out == {"repeats an earlier question": 1}


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    path = table(tmp_path, ["question", "right_answer", "right_answer", "wrong_answer"], ["A?", "b", "c", "d"])
    with pytest.raises(UserError, match=r"several columns are called 'right_answer'"):
        load("csv", path)
