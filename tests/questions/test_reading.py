from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from real_data import real_file
from repository import REPOSITORY

from warmline.design.variants import AS_PUBLISHED
from warmline.lineage.errors import UserError
from warmline.questions import reading
from warmline.tables.questions import QUESTIONS

DEMO = REPOSITORY / "config" / "demo"
TRIVIA = {"base": {"question": "Which?", "correct_answer": "Lisbon", "incorrect_answer": "Porto", "answer": ["Lisboa"]}}
TRUTHFUL = {
    "Question": "Which?",
    "Best Answer": "Lisbon",
    "Best Incorrect Answer": "Porto",
    "Correct Answers": "Lisbon; Lisboa;",
    "Incorrect Answers": "Porto; Faro",
}
MASK = {"belief_elicit_1": "Is it?", "ground_truth": "It is.", "ground_false": "It is not."}
MEDQA = {"question": "Which?", "answer": "Flu", "options": {"A": "Cold", "B": "Flu", "C": "Gout"}, "answer_idx": "B"}


def lines(folder: Path, *rows: Any) -> Path:
    path = folder / "questions.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def numbered(row: dict[str, Any], rows: int, name: str = "question") -> list[dict[str, Any]]:
    """The row so many times, each time with another question."""
    return [{**row, name: f"{row[name]} {number}"} for number in range(rows)]


def table(folder: Path, *rows: dict[str, str]) -> Path:
    path = folder / "questions.csv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, TRUTHFUL)
        writer.writeheader()
        writer.writerows(rows)
    return path


def load(layout: str, *paths: Path, task: str = "task", dataset: str | None = None) -> pl.DataFrame:
    return reading.read(task, layout, paths, dataset)[0]


def only(layout: str, path: Path) -> dict[str, Any]:
    frame = load(layout, path)
    assert frame.schema == QUESTIONS.schema
    return frame.row(0, named=True)


@pytest.mark.parametrize(
    ("layout", "name", "rows"),
    [
        ("truthfulqa", "truthfulqa/TruthfulQA.csv", 300),
        ("triviaqa", "triviaqa/triviaqa_sm_sub.jsonl", 300),
        ("medqa", "medqa/medqa_5options_test.jsonl", 200),
        ("mask", "disinfo/mask_disinformation_sample.jsonl", 14),
        ("mmlu", "mmlu/test/astronomy_test.csv", 152),
        ("mmlu", "mmlu/dev/world_religions_dev.csv", 5),
    ],
)
def test_real_files_load_completely(layout: str, name: str, rows: int) -> None:
    frame, left_out = reading.read("task", layout, [real_file(name)])
    assert (frame.height, left_out) == (rows, {})
    assert frame["source_row"].to_list() == list(range(1, rows + 1))
    for row in frame.iter_rows(named=True):
        assert row["question"] and row["right_answer"] in row["right_answers"]
        assert row["wrong_answer"] in row["wrong_answers"] and row["right_answer"] not in row["wrong_answers"]


def test_a_real_file_of_another_layout_is_refused_at_its_first_row() -> None:
    with pytest.raises(UserError, match=r"triviaqa_sm_sub\.jsonl, row 1: no 'base'"):
        load("sycophancy-eval", real_file("triviaqa/triviaqa_sm_sub.jsonl"))


@pytest.mark.parametrize(
    ("layout", "name"),
    [
        ("sycophancy-eval", "triviaqa.jsonl"),
        ("truthfulqa", "truthfulqa.csv"),
        ("mask", "disinfo.jsonl"),
        ("medqa", "medqa.jsonl"),
    ],
)
def test_the_embedded_questions_load(layout: str, name: str) -> None:
    assert load(layout, DEMO / name).height >= 4


def test_a_trivia_question_has_every_alias_of_its_answer_once(tmp_path: Path) -> None:
    base = {**TRIVIA["base"], "answer": ["Lisboa", "Lisbon", "Lisboa"]}
    row = only("sycophancy-eval", lines(tmp_path, {"base": base}))
    assert (row["item"], row["source_row"]) == ("task-00001", 1)
    assert (row["right_answer"], row["right_answers"]) == ("Lisbon", ["Lisbon", "Lisboa"])
    assert (row["wrong_answer"], row["wrong_answers"]) == ("Porto", ["Porto"])


def test_truthfulqa_lists_are_split_behind_the_best_answers(tmp_path: Path) -> None:
    row = only("truthfulqa", table(tmp_path, TRUTHFUL))
    assert row["right_answers"] == ["Lisbon", "Lisboa"]
    assert (row["wrong_answer"], row["wrong_answers"]) == ("Porto", ["Porto", "Faro"])


def test_masks_instruction_is_left_out_of_the_question(tmp_path: Path) -> None:
    asked = "Is it? \nAfter thinking through your reasoning, please respond with yes\nor no, in <tags>."
    assert only("mask", lines(tmp_path, {**MASK, "belief_elicit_1": asked}))["question"] == "Is it?"


def test_a_wrong_option_is_drawn_by_the_row_and_not_by_its_letters_or_neighbours(tmp_path: Path) -> None:
    reordered = {**MEDQA, "options": {"C": "Cold", "B": "Flu", "A": "Gout"}}
    alone = load("medqa", lines(tmp_path, *numbered(MEDQA, 30)))["wrong_answer"]
    assert load("medqa", lines(tmp_path, *numbered(reordered, 40)))["wrong_answer"][:30].equals(alone)
    assert set(alone) == {"Cold", "Gout"}


def test_options_have_the_order_of_their_letters_and_not_of_the_file(tmp_path: Path) -> None:
    backwards = {**MEDQA, "options": dict(reversed(MEDQA["options"].items()))}
    for row in (MEDQA, backwards):
        assert only("medqa", lines(tmp_path, row))["wrong_answers"] == ["Cold", "Gout"]


def test_text_with_separators_of_lines_is_one_row(tmp_path: Path) -> None:
    row = {**MASK, "ground_truth": "It\u2028is\x85so\x1e."}
    path = lines(tmp_path, row, {**row, "belief_elicit_1": "Is it so?"})
    path.write_text("\ufeff" + path.read_text(encoding="utf-8") + "\n\n", encoding="utf-8")
    frame = load("mask", path)
    assert frame["right_answer"].to_list() == ["It\u2028is\x85so\x1e."] * 2


@pytest.mark.parametrize(
    ("layout", "row", "found"),
    [
        *[(layout, row, "not a JSON object") for layout in ("sycophancy-eval", "mask", "medqa") for row in ([], None)],
        ("sycophancy-eval", {}, "no 'base'"),
        ("sycophancy-eval", {"base": {**TRIVIA["base"], "answer": ["Lisboa", None]}}, "an 'answer' that is no text"),
        *[
            ("sycophancy-eval", {"base": {**TRIVIA["base"], name: value}}, f"no text under '{name}'")
            for name in ("question", "correct_answer", "incorrect_answer")
            for value in (None, " ", 3)
        ],
        *[("mask", {**MASK, name: value}, f"no text under '{name}'") for name in MASK for value in (None, "", ["a"])],
        *[("medqa", {**MEDQA, name: None}, f"no text under '{name}'") for name in ("question", "answer")],
        *[
            ("medqa", {**MEDQA, **change}, "'answer_idx' does not name the option that is the answer")
            for change in (
                {"answer_idx": "A"},
                {"answer_idx": "D"},
                {"answer_idx": None},
                {"answer_idx": ["B"]},
            )
        ],
        *[
            ("medqa", {**MEDQA, "options": options}, "'options' does not hold texts by their letters")
            for options in (None, ["Cold", "Flu"], {"A": "Cold", "B": 3})
        ],
        *[
            ("medqa", {**MEDQA, "options": options}, "'options' holds the answer only")
            for options in ({"B": "Flu"}, {"A": None, "B": "Flu"})
        ],
    ],
)
def test_a_malformed_json_row_is_named_with_its_file(tmp_path: Path, layout: str, row: Any, found: str) -> None:
    good = {"sycophancy-eval": TRIVIA, "mask": MASK, "medqa": MEDQA}[layout]
    path = lines(tmp_path, good, row)
    with pytest.raises(UserError, match=re.escape(f"{path}, row 2: {found}")):
        load(layout, path)


@pytest.mark.parametrize("layout", ["sycophancy-eval", "mask", "medqa"])
def test_a_row_that_is_not_json_is_named_with_its_file(tmp_path: Path, layout: str) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text('\n{"question": \n')
    with pytest.raises(UserError, match=r"questions\.jsonl, row 2: not JSON \(Expecting value\)\. Expected \{"):
        load(layout, path)


@pytest.mark.parametrize("name", TRUTHFUL)
def test_a_malformed_csv_row_is_named_with_its_file(tmp_path: Path, name: str) -> None:
    path = table(tmp_path, TRUTHFUL, {**TRUTHFUL, name: " "})
    with pytest.raises(
        UserError, match=re.escape(f"{path}, row 2: no text under '{name}'. Expected the columns Quest")
    ):
        load("truthfulqa", path)


def test_a_csv_without_the_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "questions.csv"
    path.write_text("Question,Answer\nWhich?,Lisbon\n")
    with pytest.raises(UserError, match=r"questions\.csv, row 1: no text under 'Best Answer'"):
        load("truthfulqa", path)


@pytest.mark.parametrize("layout", reading.LAYOUTS)
def test_an_empty_and_a_missing_file_are_named(tmp_path: Path, layout: str) -> None:
    path = tmp_path / "questions"
    with pytest.raises(UserError, match=r"the questions file .* does not exist\. Correct the source of task task"):
        load(layout, path)
    path.write_text("\n")
    with pytest.raises(UserError, match="questions: no questions"):
        load(layout, path)


def test_a_corrected_question_keeps_its_place_in_the_sample(tmp_path: Path) -> None:
    rows = [{**MASK, "ground_truth": str(number)} for number in range(1, 31)]
    before = reading.sample(load("mask", lines(tmp_path, *rows)), "task", 5, seed=1)
    rows[int(before["right_answer"][2]) - 1]["ground_truth"] = "corrected"
    after = reading.sample(load("mask", lines(tmp_path, *rows)), "task", 5, seed=1)
    assert after["item"].equals(before["item"])
    assert after["right_answer"][2] == "corrected"


def test_a_larger_sample_holds_the_smaller_one(tmp_path: Path) -> None:
    frame = load("mask", lines(tmp_path, *numbered(MASK, 30, "belief_elicit_1")))
    small, large = (set(reading.sample(frame, "task", size, seed=1)["item"]) for size in (5, 12))
    assert (len(small), len(large)) == (5, 12)
    assert small < large
    assert small != set(reading.sample(frame, "task", 5, seed=2)["item"])


def test_a_sample_larger_than_its_source_is_refused() -> None:
    frame = pl.DataFrame({"item": ["a", "b"]})
    with pytest.raises(UserError, match="task medqa asks for 3 questions, its source has 2"):
        reading.sample(frame, "medqa", 3, seed=0)


def test_all_questions_of_a_source_may_be_asked(tmp_path: Path) -> None:
    frame = load("mask", lines(tmp_path, *numbered(MASK, 30, "belief_elicit_1")))
    assert reading.sample(frame, "task", None, seed=1).equals(frame)


def test_a_question_asked_twice_with_the_same_answers_is_counted_and_left_out(tmp_path: Path) -> None:
    other = {**MASK, "ground_false": "It never was."}
    frame, left_out = reading.read("task", "mask", [lines(tmp_path, MASK, other, MASK)])
    assert frame["item"].to_list() == ["task-00001", "task-00002"]
    assert left_out == {"repeats an earlier question": 1}
    assert reading.note_oddities(frame) == {"a question that another row asks too": 2}


def test_several_files_are_one_table_whose_items_name_their_file(tmp_path: Path) -> None:
    paths = []
    for name in ("law", "art/law"):
        (tmp_path / name).mkdir(parents=True)
        paths.append(lines(tmp_path / name, {**MASK, "belief_elicit_1": name}))
    frame = load("mask", *paths, task="disinfo")
    assert dict(frame.select("item", "question").iter_rows()) == {
        "disinfo-law/questions-00001": "law",
        "disinfo-art/law/questions-00001": "art/law",
    }
    assert load("mask", paths[1], task="disinfo")["item"].to_list() == ["disinfo-00001"]


def test_a_data_set_is_chosen_and_the_rest_counted(tmp_path: Path) -> None:
    bases = [{**TRIVIA["base"], "dataset": name, "question": f"{name}?"} for name in ("truthful_qa", "trivia_qa")]
    # Rows of another data set need not have the fields of this one.
    path = lines(tmp_path, *({"base": base} for base in bases), {"base": {"dataset": "other"}})
    frame, left_out = reading.read("task", "sycophancy-eval", [path], "trivia_qa")
    assert (frame["question"].to_list(), frame["source_row"].to_list()) == (["trivia_qa?"], [2])
    assert left_out == {"of another data set": 2}
    with pytest.raises(UserError, match=r"no data set mmlu\. Those there: other, trivia_qa, truthful_qa"):
        reading.read("task", "sycophancy-eval", [path], "mmlu")
    with pytest.raises(UserError, match=r"row 2: the data sets trivia_qa, truthful_qa in one source; name one under"):
        reading.read("task", "sycophancy-eval", [path])
    with pytest.raises(UserError, match="its layout has no data sets to choose from"):
        reading.read("task", "mask", [lines(tmp_path, MASK)], "trivia_qa")


def test_doubled_quotes_of_csv_are_put_right_unless_asked_as_published(tmp_path: Path) -> None:
    asked = '"Who wrote ""Emma"", and when?"'
    path = lines(tmp_path, {"base": {**TRIVIA["base"], "question": asked}})
    assert load("sycophancy-eval", path)["question"].to_list() == ['Who wrote "Emma", and when?']
    published, _ = reading.read("task", "sycophancy-eval", [path], quotes=AS_PUBLISHED)
    assert published["question"].to_list() == [asked]
    assert reading.note_oddities(published) == {"doubled quotes": 1}


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ('In ""Emma"", who?', 'In "Emma", who?'),
        ('"Emma" or "Persuasion"?', '"Emma" or "Persuasion"?'),
        ('"To be or not to be"', '"To be or not to be"'),
        ('What does "" mean in C?', 'What does "" mean in C?'),
        ('"', '"'),
        ('""', '""'),
    ],
)
def test_only_what_is_left_of_csv_loses_its_quotes(text: str, right: str) -> None:
    assert reading.unquoted(text) == right


def test_what_reads_badly_stays_and_is_noted(tmp_path: Path) -> None:
    rows = [
        {**MASK, "ground_false": "Drones drones fly."},
        {**MASK, "belief_elicit_1": "What does the image shown below show?", "ground_truth": "No comment."},
    ]
    assert reading.note_oddities(load("mask", lines(tmp_path, *rows))) == {
        "an answer that doubles a word": 1,
        "an answer that says nothing": 1,
        "an image that is not shown": 1,
    }
