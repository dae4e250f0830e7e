from __future__ import annotations

import dataclasses

import polars as pl

from warmline.answers.generations import generations, requests
from warmline.calls.requests import Response, Sampling
from warmline.models.cards import Adapter, Arm, LocalModel, Weights
from warmline.tables.generations import GENERATIONS
from warmline.tables.prompts import PROMPTS

ARM = Arm(
    model="small",
    arm="warm-prompt",
    persona="warm",
    checkpoint=None,
    answerer=LocalModel(Weights("weights", "abc"), "float32"),
    system_prompt="Be kind.",
    sampling={"questions": Sampling(0.8, 24), "validation": Sampling(0.0, 48)},
    code="def",
)
ROWS = [
    ("task-1", "unmodified", None, [{"role": "user", "content": "Why?"}], 11),
    ("task-2", "emotion", "1", [{"role": "user", "content": "How?"}], 12),
]
PROMPTED = pl.DataFrame(ROWS, schema=PROMPTS.schema, orient="row")


def test_an_arm_is_asked_row_by_row_behind_its_system_prompt() -> None:
    first, second = requests(PROMPTED, ARM, "questions")
    assert first.messages == [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Why?"}]
    assert (first.sampling, first.seed, second.seed) == (Sampling(0.8, 24), 11, 12)


def test_an_arm_without_system_prompt_gets_the_prompt_alone() -> None:
    original = dataclasses.replace(ARM, system_prompt=None)
    assert next(requests(PROMPTED, original, "questions")).messages == [{"role": "user", "content": "Why?"}]


def test_a_suite_has_its_own_sampling() -> None:
    assert next(requests(PROMPTED, ARM, "validation")).sampling == Sampling(0.0, 48)


def test_two_arms_of_one_respondent_share_their_answers_only_if_asked_the_same() -> None:
    renamed = dataclasses.replace(ARM, arm="kind-prompt", persona="kind", code="other")
    original = dataclasses.replace(ARM, system_prompt=None)
    tuned = dataclasses.replace(ARM, answerer=dataclasses.replace(ARM.answerer, adapter=Adapter("adapter", "123")))
    arms = (ARM, renamed, original, tuned)
    keys = [next(requests(PROMPTED, arm, "questions")).key(arm.answerer.respondent) for arm in arms]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_answers_stand_beside_their_items() -> None:
    answers = [("key 1", Response("So.", "stop", 5, 3)), ("key 2", Response("Thus", "length", 6, 24))]
    frame = generations(PROMPTED, answers)
    assert frame.schema == GENERATIONS.schema
    assert frame.rows() == [("task-1", "So.", "stop", 5, 3, "key 1"), ("task-2", "Thus", "length", 6, 24, "key 2")]
