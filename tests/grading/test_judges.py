from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
import yaml
from openai_simulator.client import Simulator
from repository import REPOSITORY

from warmline.calls.ask import ask
from warmline.calls.ledger import Ledger, kept_answers
from warmline.calls.requests import Response, Sampling
from warmline.grading.judges import ModelJudge, ReferenceJudge, Unscored, judgements, read_judge, requests, write_judge
from warmline.grading.reference_engine import ReferenceEngine
from warmline.lineage.errors import UserError
from warmline.models import cards
from warmline.tables import parquet_tables
from warmline.tables.generations import GENERATIONS
from warmline.tables.judgements import JUDGEMENTS
from warmline.tables.questions import QUESTIONS
from warmline.workflow import configuration
from warmline.workflow.rules.study import StudyRules

JUDGE = ReferenceJudge("reference", "contains", ["case", "punctuation", "articles"], "abc", "def")


def answered(*texts: str) -> pl.DataFrame:
    rows = [(f"item-{at}", text, "stop", 1, 2, f"answer {at}") for at, text in enumerate(texts)]
    return pl.DataFrame(rows, schema=GENERATIONS.schema, orient="row")


def asked(*rights: str) -> pl.DataFrame:
    rows = [(f"item-{at}", "Which?", right, "Porto", [right], ["Porto"], at, None) for at, right in enumerate(rights)]
    return pl.DataFrame(rows, schema=QUESTIONS.schema, orient="row")


def test_every_answer_gets_the_verdict_on_its_own_question(tmp_path: Path) -> None:
    answers, questions = answered("It is Rome.", "Porto", "Lisbon, Porto"), asked("Rome", "Oslo", "Lisbon")
    grading = requests(answers, questions.reverse(), JUDGE)
    keys = [request.key(JUDGE.respondent) for request in grading]
    ask(grading, ReferenceEngine(JUDGE.respondent), Ledger(tmp_path))
    frame = judgements(answers, kept_answers(grading, JUDGE.respondent, Ledger(tmp_path)), JUDGE)
    assert frame.schema == JUDGEMENTS.schema
    assert frame.rows() == [
        ("item-0", "correct", None, "answer 0", keys[0]),
        ("item-1", "incorrect", None, "answer 1", keys[1]),
        ("item-2", "unscored", "names a right and a wrong answer", "answer 2", keys[2]),
    ]


def test_the_judge_sees_the_answer_its_references_and_the_tasks_rule() -> None:
    judge = dataclasses.replace(JUDGE, rule="overlap")
    (request,) = requests(answered("It's Rome."), asked("Rome"), judge)
    assert json.loads(request.messages[0]["content"]) == {
        "response": "It's Rome.",
        "right": ["Rome"],
        "wrong": ["Porto"],
        "rule": "overlap",
        "steps": ["case", "punctuation", "articles"],
    }
    assert request.sampling.temperature == 0


def test_equal_answers_of_two_arms_are_judged_once() -> None:
    once, again = (requests(answered(text), asked("Rome"), JUDGE)[0] for text in ("Rome", "Rome"))
    assert once.key(JUDGE.respondent) == again.key(JUDGE.respondent)


def test_whatever_decides_a_verdict_is_in_its_key() -> None:
    judges = [JUDGE, *(dataclasses.replace(JUDGE, **change) for change in ({"code": "def"}, {"steps": ["case"]}))]
    judges.append(dataclasses.replace(JUDGE, rule="overlap"))
    grading = [(judge, requests(answered("Rome"), asked("Rome"), judge)[0]) for judge in judges]
    assert len({request.key(judge.respondent) for judge, request in grading}) == 4


def test_a_grade_that_cannot_be_read_is_unscored() -> None:
    frame = judgements(answered("Rome"), [("key", Response("Well, it is correct", "stop", 0, 0))], JUDGE)
    assert frame.row(0)[1:3] == ("unscored", "the judge's text is no verdict")


@pytest.mark.parametrize("ended", ["content_filter", "unanswerable", "thermal"])
def test_a_text_that_is_not_the_models_own_is_shown_to_no_judge_and_unscored(ended: str, tmp_path: Path) -> None:
    answers = answered("Rome", "Oslo, withheld in the mid", "Porto").with_columns(
        finish_reason=pl.Series(["stop", ended, "length"])
    )
    grading = requests(answers, asked("Rome", "Oslo", "Lisbon"), JUDGE)
    assert len(grading) == 2
    ask(grading, ReferenceEngine(JUDGE.respondent), Ledger(tmp_path))
    frame = judgements(answers, kept_answers(grading, JUDGE.respondent, Ledger(tmp_path)), JUDGE)
    assert frame["verdict"].to_list() == ["correct", "unscored", "incorrect"]
    assert frame["judge_key"].to_list()[1] is None and frame["reason"].to_list()[1]
    parquet_tables.write(frame, JUDGEMENTS, tmp_path / "judgements.parquet")
    unscored = Unscored()
    unscored.count(frame)
    unscored.check(0.0, tmp_path)


def test_a_judge_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    write_judge(JUDGE, tmp_path / "judge.json")
    assert read_judge(tmp_path / "judge.json") == JUDGE


TEMPLATES = {
    "trivia": "# system\nGrade.\n# user\n{{ question }} {{ right_answers }} {{ mark }}\n{{ response }}\n"
    "{{ reply_instruction }}\n",
    "disinfo": "# user\n{{ question }} {{ right_answers }} {{ mark }}\n{{ response }}\n{{ reply_instruction }}\n",
}
MODEL_JUDGE = ModelJudge(
    cards.RemoteModel("judge-model"),
    TEMPLATES["trivia"],
    "End with a verdict.",
    "grade",
    "schema",
    Sampling(0, 64),
    5,
    "def",
)


def model_request(judge: ModelJudge = MODEL_JUDGE) -> Any:
    return requests(answered("Rome"), asked("Rome"), judge)[0]


@pytest.mark.parametrize(
    "model",
    [
        cards.RemoteModel("judge-model"),
        cards.LocalModel(cards.Weights("weights", "1f"), "float32", None, "transformers"),
    ],
)
def test_a_model_judge_is_read_back_as_it_was_written(tmp_path: Path, model: cards.Model) -> None:
    judge = dataclasses.replace(MODEL_JUDGE, model=model)
    write_judge(judge, tmp_path / "judge.json")
    assert read_judge(tmp_path / "judge.json") == judge


def test_whatever_a_model_is_told_decides_its_key_and_nothing_else_does() -> None:
    key = model_request().key(MODEL_JUDGE.respondent)
    told: list[dict[str, Any]] = [
        {"template": "# user\n{{ response }}"},
        {"instruction": "Say it."},
        {"reply": "text"},
        {"sampling": Sampling(0, 65)},
    ]
    for change in told:
        assert model_request(dataclasses.replace(MODEL_JUDGE, **change)).key(MODEL_JUDGE.respondent) != key, change
    other = dataclasses.replace(MODEL_JUDGE, projection_code="abc", seed=6)
    assert model_request(other).key(MODEL_JUDGE.respondent) == key


def test_a_judge_that_samples_draws_anew_with_another_seed_but_once_for_equal_answers() -> None:
    sampling = dataclasses.replace(MODEL_JUDGE, sampling=Sampling(0.5, 64))
    assert model_request(sampling) == model_request(sampling)
    assert model_request(sampling) != model_request(dataclasses.replace(sampling, seed=6))


def test_a_schema_goes_with_the_request_only_where_it_is_asked_for() -> None:
    assert model_request().schema
    assert model_request(dataclasses.replace(MODEL_JUDGE, reply="text")).schema is None


def test_too_many_unscored_verdicts_are_an_error_that_says_why_and_where_to_look(tmp_path: Path) -> None:
    text = dataclasses.replace(MODEL_JUDGE, reply="text")
    replies = ["VERDICT: CORRECT", "Hm.", "Hm?", "VERDICT: UNCLEAR"]
    answers = [(f"key {at}", Response(reply, "stop", 0, 0)) for at, reply in enumerate(replies)]
    unscored = Unscored()
    unscored.count(judgements(answered(*"abcd"), answers, text))
    unscored.check(0.75, tmp_path)
    with pytest.raises(UserError) as error:
        unscored.check(0.74, tmp_path)
    message = str(error.value)
    assert "3 of 4 verdicts (75.00%) are unscored, the limit is 74.00%" in message
    assert "2 x no verdict; 1 x neither right nor wrong" in message
    assert str(tmp_path) in message and "key 1" in message


def test_no_verdicts_are_not_too_many_unscored(tmp_path: Path) -> None:
    Unscored().check(0.0, tmp_path)


@dataclasses.dataclass
class Grading:
    """The scripts of the stage, run as the pipeline runs them, with a model judge at the simulator."""

    folder: Path
    simulator: Simulator
    reply: str = "schema"
    limit: str = "1"

    def __post_init__(self) -> None:
        for task in ("trivia", "disinfo"):
            (self.folder / f"{task}.md").write_text(TEMPLATES[task])
            parquet_tables.write(asked("Rome", "Oslo", "Bonn"), QUESTIONS, self.folder / f"questions/{task}.parquet")
            parquet_tables.write(
                answered("Rome!", "Porto", "Bonn?"), GENERATIONS, self.folder / f"answers/{task}/sad.parquet"
            )
        (self.folder / "reply-schema.md").write_text("End with a verdict.\n")
        cards.write(cards.RemoteModel("judge-model"), self.folder / "model.json")

    def script(self, name: str, *words: object) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, str(REPOSITORY / "scripts/grading" / name), *map(str, words)]
        return subprocess.run(program, cwd=self.folder, capture_output=True, text=True)

    def specify(self) -> None:
        for task in TEMPLATES:
            done = self.script(
                "specify.py",
                *("--engine", "openai", "--projection-code", "abc", "--model", "model.json"),
                *("--template", f"{task}.md", "--instruction", "reply-schema.md", "--scale", "grade"),
                *("--reply", self.reply),
                *("--temperature", 0, "--max-new-tokens", 64, "--seed", 5, "--judge", f"judges/{task}.json"),
            )
            assert done.returncode == 0, done.stderr

    def ask(self) -> subprocess.CompletedProcess[str]:
        self.specify()
        return self.script(
            "ask.py",
            *("--judges", "judges/disinfo.json", "judges/trivia.json"),
            *("--questions", "questions/trivia.parquet", "questions/disinfo.parquet"),
            *("--generations", "answers/trivia/sad.parquet", "answers/disinfo/sad.parquet"),
            *("--ledger", "ledger", "--calls", "ask", "--max-unscored", self.limit, "--receipt", "receipt.json"),
            *("--endpoint", json.dumps({"url": self.simulator.url, "mode": "chat", "max-concurrency": 1})),
        )

    def verdicts(self, task: str) -> list[tuple[str, str | None]]:
        done = self.script(
            "project.py",
            *("--judge", f"judges/{task}.json", "--questions", f"questions/{task}.parquet", "--ledger", "ledger"),
            *("--generations", f"answers/{task}/sad.parquet", "--receipt", "receipt.json"),
            *("--judgements", f"judgements/{task}.parquet"),
        )
        assert done.returncode == 0, done.stderr
        return (
            parquet_tables.read(self.folder / f"judgements/{task}.parquet", JUDGEMENTS)
            .select("verdict", "reason")
            .rows()
        )


CHAT = "/v1/chat/completions"


def test_a_model_at_an_endpoint_judges_by_schema(tmp_path: Path, simulator: Simulator) -> None:
    grading = Grading(tmp_path, simulator)
    for verdict in ("correct", "incorrect", "unclear"):
        simulator.order(CHAT, "text", text=json.dumps({"reason": "So.", "verdict": verdict}))
    simulator.order(CHAT, "content_filter")
    simulator.order(CHAT, "length", text="A long reason")
    simulator.order(CHAT, "text", text="It is correct.")
    assert grading.ask().returncode == 0
    assert grading.verdicts("trivia") == [
        ("correct", None),
        ("incorrect", None),
        ("unscored", "neither right nor wrong"),
    ]
    assert grading.verdicts("disinfo") == [
        ("unscored", "judge's reply withheld by a content filter"),
        ("unscored", "judge's reply cut"),
        ("unscored", "judge's reply is not JSON"),
    ]


def test_a_server_that_follows_the_schema_leaves_nothing_unreadable(tmp_path: Path, simulator: Simulator) -> None:
    grading = Grading(tmp_path, simulator)
    assert grading.ask().returncode == 0
    reasons = {reason for task in TEMPLATES for _, reason in grading.verdicts(task)}
    assert reasons <= {None, "neither right nor wrong"}


def test_a_model_at_an_endpoint_judges_in_text(tmp_path: Path, simulator: Simulator) -> None:
    grading = Grading(tmp_path, simulator, reply="text")
    for text in ("Names Rome.\nVERDICT: CORRECT", "VERDICT: CORRECT\nVERDICT: INCORRECT", "Names Bonn."):
        simulator.order(CHAT, "text", text=text)
    assert grading.ask().returncode == 0
    assert grading.verdicts("trivia") == [
        ("correct", None),
        ("unscored", "contradictory verdicts"),
        ("unscored", "no verdict"),
    ]


def test_too_many_unscored_verdicts_stop_the_job_and_the_replies_are_kept(tmp_path: Path, simulator: Simulator) -> None:
    grading = Grading(tmp_path, simulator, reply="text", limit="0.5")
    simulator.set(chat_answer="I would rather not.")
    done = grading.ask()
    assert done.returncode == 1
    assert "6 of 6 verdicts (100.00%) are unscored, the limit is 50.00%: 6 x no verdict" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "receipt.json").exists()
    grading.limit = "1"
    assert grading.ask().returncode == 0
    assert simulator.counts()["chat"] == 6


def test_a_changed_template_asks_its_own_task_again_and_no_other(tmp_path: Path, simulator: Simulator) -> None:
    grading = Grading(tmp_path, simulator)
    assert grading.ask().returncode == 0
    before = grading.verdicts("disinfo")
    (tmp_path / "trivia.md").write_text(TEMPLATES["trivia"].replace("Grade.", "Grade well."))
    assert grading.ask().returncode == 0
    assert simulator.counts()["chat"] == 6 + 3
    assert json.loads((tmp_path / "receipt.json").read_text())["this_run"]["new"] == 3
    assert grading.verdicts("disinfo") == before


SCHEMA = REPOSITORY / "config/schemas/study.schema.json"
REMOTE = {
    "models": {"far": {"endpoint": "api", "name": "judge-model"}},
    "endpoints": {"api": {"url": "https://api.example.org/v1", "key": "API_KEY", "mode": "chat"}},
}
JUDGED = {
    "model": "far",
    "prompts": "config/prompts/judge",
    "reply": "schema",
    "temperature": 0,
    "max-new-tokens": 200,
    "max-unscored": 0.02,
}


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The embedded study with a model judge at an endpoint; paths are relative to the repository."""
    monkeypatch.chdir(REPOSITORY)
    loaded: dict[str, Any] = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())
    models = {**loaded["models"], **REMOTE["models"]}
    return {**loaded, "models": models, "endpoints": REMOTE["endpoints"], "judge": dict(JUDGED)}


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in JUDGED.items() if name not in names}


@pytest.mark.parametrize(
    "judge",
    [
        JUDGED,
        {**JUDGED, "model": "smollm2-135m", "reply": "text"},
        {"engine": "reference", "normalise": []},
        {"engine": "reference", "normalise": ["case"], "max-unscored": 0.1},
    ],
)
def test_a_reference_or_any_model_may_judge(config: dict[str, Any], judge: dict[str, Any]) -> None:
    configuration.validate({**config, "judge": judge}, SCHEMA)


@pytest.mark.parametrize(
    ("judge", "message"),
    [
        ({**JUDGED, "model": "gpt-5"}, "judge.model: gpt-5 is used but not defined. Defined models: smollm2-135m, far"),
        ({**JUDGED, "model": "smollm2-135m"}, "judge.reply: smollm2-135m answers in the job itself"),
        ({**JUDGED, "reply": "json"}, "judge.reply: 'json' is not one of"),
        ({**JUDGED, "max-unscored": 2}, "judge.max-unscored: 2 is greater than the maximum"),
        ({**JUDGED, "limit": 2}, "judge: unknown key limit. Known keys there: engine, max-new-tokens, "),
        ({**JUDGED, "engine": "reference"}, "A model that judges has prompts, reply, temperature, max-new-tokens"),
        (without("max-unscored"), "judge: 'max-unscored' is a required property. A model that judges has"),
        (without("model"), "The reference judge has engine, normalise and perhaps max-unscored"),
        ({**JUDGED, "prompts": "nowhere"}, "the file nowhere/reply-schema.md does not exist"),
    ],
)
def test_a_judge_that_cannot_be_is_refused(config: dict[str, Any], judge: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as error:
        configuration.validate({**config, "judge": judge}, SCHEMA)
    assert message in str(error.value)


def test_every_task_needs_a_template_of_its_own(config: dict[str, Any]) -> None:
    config["tasks"]["history"] = config["tasks"]["triviaqa"]
    with pytest.raises(UserError, match=r"the file config/prompts/judge/history\.md does not exist"):
        configuration.validate(config, SCHEMA)


def test_how_the_judge_is_called_and_its_limit_are_no_part_of_its_specification(config: dict[str, Any]) -> None:
    arm = SimpleNamespace(model="m", arm="warm@2", suite="questions", criterion="medqa")
    study = StudyRules(config, REPOSITORY / "scripts")
    other = StudyRules({**config, "judge": {**JUDGED, "max-unscored": 0.5}}, REPOSITORY / "scripts")
    assert study.grading.judge_options(arm) == other.grading.judge_options(arm)
    assert study.grading.judge_inputs(arm) == other.grading.judge_inputs(arm)
    assert study.grading.calls(arm).endswith("--max-unscored 0.02") and "--endpoint" in study.grading.calls(arm)
    assert other.grading.calls(arm).endswith("--max-unscored 0.5")


@pytest.mark.parametrize(
    ("criterion", "form"),
    [("medqa", "reply"), ("choice", "choice"), ("refusal", "measure"), ("warmer", "comparison")],
)
def test_a_judge_is_specified_by_its_card_a_template_and_the_form_of_its_reply(
    config: dict[str, Any], criterion: str, form: str
) -> None:
    folder = "config/prompts/judge"
    grading = StudyRules(config, REPOSITORY / "scripts").grading
    assert grading.judge_inputs(SimpleNamespace(criterion=criterion)) == {
        "model": "results/demo/models/far.json",
        "template": f"{folder}/{criterion}.md",
        "instruction": f"{folder}/{form}-schema.md",
    }


def test_a_job_that_asks_the_judge_reads_what_it_is_asked_of_every_task(config: dict[str, Any]) -> None:
    study = StudyRules(config, REPOSITORY / "scripts")
    names = ["disinfo", "medqa", "triviaqa", "truthfulqa"]
    assert study.grading.judges(SimpleNamespace(suite="questions")) == [
        f"results/demo/judges/{name}.json" for name in names
    ]
    assert study.specified_criteria == sorted([*names, *study.suite_criteria("capabilities")])


def test_how_one_tasks_answers_are_compared_specifies_the_reference_judge_of_that_task_alone(
    config: dict[str, Any],
) -> None:
    config["judge"] = {"engine": "reference", "normalise": []}
    tasks = {**config["tasks"], "disinfo": {**config["tasks"]["disinfo"], "match": "contains"}}
    studies = [StudyRules({**config, "tasks": each}, REPOSITORY / "scripts") for each in (config["tasks"], tasks)]
    other = {
        task
        for task in tasks
        if len({study.grading.judge_options(SimpleNamespace(criterion=task)) for study in studies}) == 2
    }
    assert other == {"disinfo"}
    assert studies[0].grading.judge_inputs(SimpleNamespace(criterion="disinfo")) == {}
