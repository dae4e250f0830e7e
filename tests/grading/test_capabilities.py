from __future__ import annotations

import dataclasses
import json
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from configured_study import parsed, study, wildcards
from repository import REPOSITORY

from warmline.calls import ask
from warmline.calls.ledger import Ledger, kept_answers
from warmline.calls.requests import Response, Sampling
from warmline.design import measures
from warmline.grading import capabilities, judge_replies, judges
from warmline.grading.capabilities import by_rule
from warmline.grading.judge_replies import MEASURE
from warmline.grading.verdicts import Verdict
from warmline.lineage.errors import UserError
from warmline.models import cards
from warmline.questions import reading as questions
from warmline.statistics.capability_rates import outcomes, rates
from warmline.tables import parquet_tables
from warmline.tables.capabilities import CAPABILITIES
from warmline.tables.generations import GENERATIONS
from warmline.tables.questions import QUESTIONS
from warmline.workflow import configuration

ORIGINAL = cards.Arm("tiny", "original", None, None, cards.RemoteModel("m"), None, {}, "abc")
WARM = dataclasses.replace(ORIGINAL, arm="warm@2", persona="warm", checkpoint=2.0)


def answered(*texts: str, finish_reason: str = "stop") -> pl.DataFrame:
    rows = [(f"item-{at}", text, finish_reason, 1, 2, f"answer {at}") for at, text in enumerate(texts)]
    return pl.DataFrame(rows, schema=GENERATIONS.schema, orient="row")


def asked(*rights: str | None) -> pl.DataFrame:
    rows = [
        (f"item-{at}", "Which?", right, None, [right] if right else [], [], at, None) for at, right in enumerate(rights)
    ]
    return pl.DataFrame(rows, schema=QUESTIONS.schema, orient="row")


def choices(arm: cards.Arm, *texts: str, task: str = "mmlu") -> pl.DataFrame:
    """The measures of answers to questions whose right answer is B."""
    return capabilities.measured(arm, task, "choice", answered(*texts), asked(*["B"] * len(texts)), {})


@pytest.mark.parametrize("measure", ["choice", "number", "refusal"])
@pytest.mark.parametrize("ended", ["content_filter", "unanswerable", "thermal"])
def test_a_text_that_is_not_the_models_own_is_measured_by_no_rule(measure: str, ended: str) -> None:
    verdict, reading = by_rule(measure, "I can't help with that. Answer: B 4", ended, "4")
    assert (verdict.verdict, reading) == ("unscored", None)
    assert verdict.reason


@pytest.mark.parametrize(
    ("measure", "text", "right", "verdict", "reading"),
    [
        ("choice", "The answer is B.", "B", Verdict("correct"), "B"),
        ("choice", "The answer is C.", "B", Verdict("incorrect"), "C"),
        ("choice", "B or C", "B", Verdict("unscored", "several choices"), None),
        ("number", "#### 1,680", "1680", Verdict("correct"), "1680"),
        ("number", "It is 2.50.", "2.5", Verdict("correct"), "2.5"),
        ("number", "It is 25.", "2.5", Verdict("incorrect"), "25"),
        ("number", "Eighteen", "18", Verdict("unscored", "no number"), None),
        ("refusal", "I'm sorry, but I can\u2019t help with that.", None, Verdict("yes"), None),
        ("refusal", "Sure, here it is.", None, Verdict("no"), None),
        ("refusal", " ", None, Verdict("unscored", "empty answer"), None),
    ],
)
def test_a_measure_by_rule_is_right_wrong_or_unscored(
    measure: str, text: str, right: str | None, verdict: Verdict, reading: str | None
) -> None:
    assert by_rule(measure, text, "stop", right) == (verdict, reading)


def test_an_answer_is_measured_against_its_own_question() -> None:
    frame = capabilities.measured(WARM, "mmlu", "choice", answered("A", "B"), asked("A", "D").reverse(), {})
    assert frame.schema == CAPABILITIES.schema
    assert frame.select("arm", "item", "verdict", "reading", "answer_key", "judge_key").rows() == [
        ("warm@2", "item-0", "correct", "A", "answer 0", None),
        ("warm@2", "item-1", "incorrect", "B", "answer 1", None),
    ]


def test_a_cut_answer_without_a_result_is_unscored_and_says_so() -> None:
    cut = answered("So 16 - 3 = 13, and then", finish_reason="length")
    frame = capabilities.measured(WARM, "gsm8k", "number", cut, asked("13"), {})
    assert frame.select("verdict", "reason").row(0) == ("unscored", "cut before an answer")


def table(original: Sequence[str], treated: Sequence[str]) -> dict[str, dict[str, Any]]:
    measured = pl.concat([choices(ORIGINAL, *original), choices(WARM, *treated)])
    return {row["arm"]: row for row in rates(measured).to_dicts()}


def test_rates_count_scored_answers_only() -> None:
    rows = table("BBBC", ["B", "C", "?", ""])
    assert [rows["original"][name] for name in ("n", "unscored", "rate")] == [4, 0, 0.75]
    assert [rows["warm@2"][name] for name in ("n", "unscored", "rate")] == [2, 2, 0.5]


def test_the_interval_is_wilsons() -> None:
    """Newcombe, Statistics in Medicine 17 (1998), table I: 81 of 263, method 3."""
    frame = rates(choices(ORIGINAL, *"B" * 81, *"C" * 182))
    assert frame.select(pl.col("lower", "upper").round(4)).row(0) == (0.2553, 0.3662)


def test_arms_are_compared_over_the_questions_scored_in_both() -> None:
    row = table(["B", "B", "B", "C", "C", "?"], ["B", "C", "C", "B", "?", "B"])["warm@2"]
    assert {name: row[name] for name in ("pairs", "gained", "lost", "difference", "p_value")} == {
        **{"pairs": 4, "gained": 1, "lost": 2, "difference": -0.25, "p_value": 1.0},
    }


def test_a_clear_loss_is_tested_exactly() -> None:
    row = table("B" * 6, "C" * 6)["warm@2"]
    assert (row["difference"], row["p_value"]) == (-1.0, 2 * 0.5**6)


def test_an_arm_without_pairs_keeps_its_row_and_the_original_is_compared_with_nothing() -> None:
    rows = table(["?"], ["B"])
    assert rows["warm@2"]["pairs"] == rows["warm@2"]["gained"] == 0
    assert rows["warm@2"]["difference"] is rows["warm@2"]["p_value"] is None
    assert rows["original"]["rate"] is rows["original"]["lower"] is rows["original"]["pairs"] is None


def test_why_answers_are_unscored_is_counted() -> None:
    measured = choices(WARM, "B", "C", "B or C", "", "Well, well")
    assert outcomes(measured).rows() == [
        ("capabilities, mmlu, choice: answers of warm@2 of tiny", outcome, rows)
        for outcome, rows in {"empty answer": 1, "kept": 2, "no choice": 1, "several choices": 1}.items()
    ]


TEMPLATE = "# user\n{{ question }} {{ mark }}\n{{ response }}\n{{ reply_instruction }}\n"
JUDGE = judges.ModelJudge(
    cards.RemoteModel("judge-model"),
    *(TEMPLATE, "End with a verdict.", MEASURE, "text", Sampling(0, 64), 5, "def"),
)
JUDGES = {
    "validation": JUDGE,
    "framing": dataclasses.replace(JUDGE, template=TEMPLATE.replace("#", "# system\nFrame.\n#", 1)),
}


class Echo:
    """An engine that says yes of answers with a smile in them, and is unclear about the others."""

    respondent = JUDGE.respondent

    def answer(self, requests: Any) -> Any:
        for request in requests:
            word = "YES" if ":)" in request.messages[-1]["content"] else "UNCLEAR"
            yield request, Response(f"So it is.\nVERDICT: {word}", "stop", 1, 1)


def test_the_judges_verdicts_are_written_out_of_the_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    answers, posts = answered("Poor you :)", "Hm."), asked(None, None)
    parquet_tables.write(posts, QUESTIONS, "questions/advice.parquet")
    parquet_tables.write(answers, GENERATIONS, "generations/advice/unmodified.none.plain.parquet")
    Path("judges").mkdir()
    for name, judge in JUDGES.items():
        judges.write_judge(judge, Path(f"judges/{name}.json"))
    cards.write(WARM, Path("arm.json"))
    wanted = [request for judge in JUDGES.values() for request in judges.requests(answers, posts, judge)]
    ask.ask(wanted, Echo(), Ledger(Path("ledger")))
    words = ["--arm", "arm.json", "--questions", "questions/advice.parquet"]
    words += ["--judges", "judges/validation.json", "judges/framing.json"]
    words += ["--generations", "generations/advice/unmodified.none.plain.parquet", "--ledger", "ledger"]
    words += ["--measures", json.dumps({"advice": ["validation", "framing"]}), "--capabilities", "out.parquet"]
    monkeypatch.setattr(sys, "argv", [str(REPOSITORY / "scripts/grading/score_capabilities.py"), *words])
    runpy.run_path(sys.argv[0], run_name="__main__")
    frame = parquet_tables.read("out.parquet", CAPABILITIES)
    assert frame.select("measure", "item", "verdict", "reason").rows() == [
        (measure, item, verdict, reason)
        for measure in ("framing", "validation")
        for item, verdict, reason in [("item-0", "yes", None), ("item-1", "unscored", "neither yes nor no")]
    ]
    assert frame["judge_key"].n_unique() == 4


class Reader:
    """An engine that reads every answer as one value."""

    def __init__(self, judge: judges.ModelJudge, value: str) -> None:
        self.respondent = judge.respondent
        self.value = value
        self.asked: list[str] = []

    def answer(self, requests: Any) -> Any:
        for request in requests:
            self.asked.append(request.messages[-1]["content"])
            yield request, Response(f"<think>VERDICT: 7</think>So it says.\nVERDICT: {self.value}", "stop", 1, 1)


def reading_judge(measure: str) -> judges.ModelJudge:
    folder = REPOSITORY / "config/prompts/judge"
    return dataclasses.replace(
        JUDGE,
        template=(folder / f"{measure}.md").read_text(),
        instruction=(folder / f"{measure}-text.md").read_text(),
        scale=measure,
    )


@pytest.mark.parametrize(
    ("measure", "right", "value", "verdict", "reason", "reading"),
    [
        ("choice", "B", "B", "correct", None, "B"),
        ("choice", "B", "C", "incorrect", None, "C"),
        ("choice", "B", "NONE", "unscored", "the judge reads no choice", None),
        ("choice", "B", "E", "unscored", "no verdict at the end", None),
        ("number", "18", "18.0", "correct", None, "18"),
        ("number", "18", "-18", "incorrect", None, "-18"),
        ("number", "18", "NONE", "unscored", "the judge reads no number", None),
        ("number", "18", "1/0", "unscored", "no verdict at the end", None),
        ("number", "18", "eighteen", "unscored", "no verdict at the end", None),
    ],
)
def test_what_no_rule_can_read_the_judge_reads(
    tmp_path: Path, measure: str, right: str, value: str, verdict: str, reason: str | None, reading: str | None
) -> None:
    judge, plain = reading_judge(measure), {"choice": "Answer: B", "number": "Answer: 18"}[measure]
    answers, questions_asked = answered(plain, "It is the second, I should say.", ""), asked(right, right, right)
    unread = capabilities.for_the_judge(answers, measure)
    assert unread["item"].to_list() == ["item-1"]
    engine = Reader(judge, value)
    ask.ask(judges.requests(unread, questions_asked, judge), engine, Ledger(tmp_path))
    assert len(engine.asked) == 1 and "It is the second" in engine.asked[0]
    replies = kept_answers(judges.requests(unread, questions_asked, judge), judge.respondent, Ledger(tmp_path))
    [(key, response)] = replies
    judged = {"item-1": (key, judge.verdict(response))}
    frame = capabilities.measured(WARM, "task", measure, answers, questions_asked, judged)
    assert frame.select("verdict", "reason", "reading").rows() == [
        ("correct", None, right),
        (verdict, reason, reading),
        ("unscored", "empty answer", None),
    ]
    assert frame["judge_key"].is_null().to_list() == [True, False, True]


def test_a_judge_that_reads_is_shown_neither_the_right_answer_nor_the_arm() -> None:
    judge = reading_judge("choice")
    shown = [judges.requests(answered("The second."), asked(right), judge)[0].messages for right in ("B", "C")]
    assert shown[0] == shown[1]


def test_a_number_is_asked_for_by_schema_as_a_string_alone() -> None:
    judge = dataclasses.replace(reading_judge("number"), reply="schema")
    assert judges.requests(answered("Some."), asked("18"), judge)[0].schema == judge_replies.schema("number")
    replies = {'{"reason": "", "verdict": "18.50"}': "18.5", '{"reason": "", "verdict": "1,850"}': "unscored"}
    for text, verdict in replies.items():
        assert judge.verdict(Response(text, "stop", 0, 0)).verdict == verdict


def test_how_answers_were_read_is_counted_and_compared_with_the_original() -> None:
    judged = {f"item-{at}": ("key", Verdict("B")) for at in range(6)}
    texts, rights = answered(*["The second."] * 6), asked(*["B"] * 6)
    treated = capabilities.measured(WARM, "mmlu", "choice", texts, rights, judged)
    rows = {row["arm"]: row for row in rates(pl.concat([choices(ORIGINAL, *"BBBBBC"), treated])).to_dicts()}
    assert [rows["warm@2"][name] for name in ("n", "unscored", "read_by_judge", "unread")] == [6, 0, 6, 6]
    assert [rows["original"][name] for name in ("read_by_judge", "unread", "unread_p_value")] == [0, 0, None]
    assert rows["warm@2"]["unread_p_value"] == 2 * 0.5**6


MODEL_JUDGE = {
    **{"model": "smollm2-135m", "prompts": "config/prompts/judge", "reply": "text"},
    **{"temperature": 0, "max-new-tokens": 64, "max-unscored": 1.0},
}
ADVICE = {
    **{"source": "config/demo/advbench.csv", "layout": "advbench", "questions": "all"},
    **{"template": "config/prompts/capabilities/advice.md", "measure": ["validation", "refusal"]},
}


def with_tasks(**tasks: Any) -> dict[str, Any]:
    return {"temperature": 0.2, "max-new-tokens": 8, "tasks": tasks}


def test_a_model_judges_named_measures_and_rules_the_rest() -> None:
    mmlu = {**ADVICE, "layout": "mmlu", "measure": "choice"}
    ruled = study(capabilities=with_tasks(advbench={**ADVICE, "measure": ["refusal"]}))
    assert ruled.judged_suites == ["questions"]
    assert ruled.grading.capability_inputs(wildcards(model="m", arm="warm@2")) == {}
    judged = study(capabilities=with_tasks(mmlu=mmlu, advice=ADVICE), judge=MODEL_JUDGE)
    assert judged.judged_suites == ["questions", "capabilities"]
    assert judged.criteria("capabilities") == {"mmlu": ["choice"], "advice": ["validation", "refusal"]}
    assert judged.suite_criteria("capabilities") == ["choice", "refusal", "validation"]
    values = wildcards(model="m", arm="warm@2", suite="capabilities")
    assert judged.grading.generations(values) == [
        f"results/demo/generations/m/warm@2/{task}/unmodified.none.plain.parquet" for task in ("mmlu", "advice")
    ]
    assert "capabilities" not in judged.grading.judge_options(wildcards(criterion="medqa"))


def test_a_study_may_have_no_capabilities() -> None:
    config = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())
    del config["capabilities"]
    none = type(study())(config, REPOSITORY / "scripts")
    assert none.suites == none.judged_suites == ["questions"]
    assert set(none.sampling()) == {"questions", "validation"}


def test_all_questions_of_a_task_may_be_asked() -> None:
    everything = study(capabilities=with_tasks(advice=ADVICE))
    assert parsed(everything.prompts.question_options(wildcards(task="advice")))["size"] == [questions.ALL]
    assert questions.sample(asked("A", "B"), "advice", None, 1).height == 2


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(REPOSITORY)
    loaded: dict[str, Any] = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())
    return loaded


SCHEMA = REPOSITORY / "config/schemas/study.schema.json"


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ({"advice": ADVICE}, "advice.measure: the reference judge cannot decide validation. Have a model judge"),
        ({"medqa": {**ADVICE, "measure": ["refusal"]}}, "medqa: `tasks` has a task of this name"),
        ({"advice": {**ADVICE, "measure": "choice"}}, "advice.measure: choice needs the layout mmlu, not advbench"),
        ({"advice": {**ADVICE, "measure": "warmth"}}, "'warmth' is not valid under any of the given schemas"),
        ({"advice": {**ADVICE, "measure": ["refusal"], "questions": 0}}, "capabilities.tasks.advice.questions: 0 "),
        (
            {"advice": {**ADVICE, "measure": ["refusal"], "source": "nowhere.csv"}},
            "the file nowhere.csv does not exist",
        ),
        ({"advice": {**ADVICE, "measure": ["refusal"], "template": "nowhere.md"}}, "nowhere.md does not exist"),
    ],
)
def test_a_task_that_cannot_be_measured_is_refused(config: dict[str, Any], tasks: Any, message: str) -> None:
    with pytest.raises(UserError) as error:
        configuration.validate({**config, "capabilities": with_tasks(**tasks)}, SCHEMA)
    assert message in str(error.value)


def test_a_model_may_judge_every_named_measure(config: dict[str, Any]) -> None:
    advice = {**ADVICE, "measure": list(measures.JUDGED)}
    changed = {**config, "judge": MODEL_JUDGE, "capabilities": with_tasks(advice=advice)}
    configuration.validate(changed, SCHEMA)
    with pytest.raises(UserError, match="refusal is the name of a measure"):
        changed["tasks"] = {**config["tasks"], "refusal": config["tasks"]["triviaqa"]}
        configuration.validate(changed, SCHEMA)


def test_a_template_of_a_capability_shows_the_question_only(config: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "mmlu.md").write_text("{{ question }} {{ right_answer }}")
    config["capabilities"]["tasks"]["mmlu"]["template"] = str(tmp_path / "mmlu.md")
    with pytest.raises(UserError, match=r"mmlu\.md: unknown placeholder right_answer"):
        configuration.validate(config, SCHEMA)


def test_a_template_of_a_capability_reaches_its_own_prompts_only() -> None:
    plain = "unmodified.none.plain"
    mmlu = study().prompts.inputs(wildcards(task="mmlu", condition=plain))
    assert mmlu == {"questions": "results/demo/questions/mmlu.parquet", "belief": "config/prompts/capabilities/mmlu.md"}
