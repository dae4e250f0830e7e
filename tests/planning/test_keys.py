from __future__ import annotations

from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from warmline.answers import generations
from warmline.calls.requests import Sampling
from warmline.design.suites import QUESTIONS
from warmline.models.cards import Arm, LocalModel, RemoteModel, Weights
from warmline.models.chat_forms import ChatForm
from warmline.planning import keys
from warmline.tables.prompts import PROMPTS

# No surrogates: no table holds any.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
MESSAGES = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["system", "user", "assistant"]), "content": TEXTS}), min_size=1
)
ROWS = st.lists(
    st.fixed_dictionaries({"item": TEXTS, "messages": MESSAGES, "seed": st.integers(0, 2**63 - 1)}), max_size=4
)
ANSWERERS = st.one_of(
    st.builds(RemoteModel, TEXTS, st.none() | st.just({"top_k": 5, "temperature": None}), st.none() | TEXTS),
    st.builds(lambda text: LocalModel(Weights("folder", text, ChatForm(system_words=text)), "float32"), TEXTS),
)
SAMPLINGS = st.builds(
    Sampling, st.sampled_from([0, 0.0, 0.8, 1, 2.0]), st.integers(1, 9), st.sampled_from([1, 1.0, 0.9])
)


@given(ROWS, ANSWERERS, SAMPLINGS, st.none() | TEXTS)
def test_keys_are_those_under_which_a_run_asks(
    rows: list[dict[str, Any]], answerer: LocalModel | RemoteModel, sampling: Sampling, system: str | None
) -> None:
    prompts = pl.DataFrame(
        [{"context_group": "sad", "statement": None, **row} for row in rows], schema=PROMPTS.schema, orient="row"
    )
    arm = Arm("m", "warm-prompt", "warm", None, answerer, system, {QUESTIONS: sampling}, "")
    asked = list(generations.requests(prompts, arm, QUESTIONS))
    chats = keys.chats(prompts)
    assert keys.of(chats, arm, QUESTIONS, answerer.respondent) == [one.key(answerer.respondent) for one in asked]
    sizes = [sum(len(message["content"].encode()) for message in row["messages"]) for row in rows]
    assert chats.bytes == sizes
