from __future__ import annotations

import polars as pl
import pytest
from real_data import real_file

from warmline.conversations import sampling, screening, sharegpt, toxicity
from warmline.conversations.query_types import QUERY_TYPES, RULES, compare, label
from warmline.design.variants import AS_PUBLISHED, CORRECTED
from warmline.tables.messages import LABELLED, MESSAGES


def messages(*conversations: tuple[str, ...]) -> pl.DataFrame:
    rows = [
        (f"c{number}", turn, ("user", "assistant")[turn % 2], text)
        for number, texts in enumerate(conversations)
        for turn, text in enumerate(texts)
    ]
    return pl.DataFrame(rows, schema=MESSAGES.schema, orient="row")


def query_type(user: str, reply: str, rules: str) -> str:
    (found,) = label(messages((user, reply)), rules)["query_type"].unique()
    return str(found)


@pytest.mark.parametrize(
    ("user", "reply", "expected"),
    [
        ("What is a poem?", "I'm sorry, I cannot say.", "refusal"),
        ("Tell me.", "That is against my rules.", "refusal"),
        ("Tell me.", "UNFORTUNATELY, no.", "other"),
        ("I'm sorry, but tell me.", "Yes.", "other"),
        ("Where is it? Write it down.", "There.", "factual"),
        ("Please EXPLAIN this code.", "Well.", "factual"),
        ("Whatever. Go on.", "Well.", "other"),
        ("Tell me What it is.", "Well.", "other"),
        ("what is it", "Well.", "other"),
        ("Write a function.", "```\nf()\n```", "creative"),
        ("Imagine that.", "Well.", "creative"),
        ("Do it.", "```\nf()\n```", "technical"),
        ("Debug it and recommend a book.", "Well.", "technical"),
        ("Help me choose.", "Well.", "advice"),
        ("Do you recommend it?", "Well.", "advice"),
        ("Hello.", "Do you need advice on a program? I can explain and write.", "other"),
    ],
)
def test_the_first_matching_rule_of_the_article_decides(user: str, reply: str, expected: str) -> None:
    assert query_type(user, reply, AS_PUBLISHED) == expected


DIFFERENCES = [
    # Whole words.
    ("Decode this for me.", "Done.", "technical", "other"),
    ("Tell me of the history of Rome.", "Long ago.", "creative", "other"),
    ("This value is undefined, is it?", "Yes.", "factual", "other"),
    ("List the guidelines, please.", "Here.", "advice", "other"),
    ("Is it multifunctional?", "Yes.", "technical", "other"),
    ("Rewritten already?", "Yes.", "other", "other"),
    # Code before creative, unless it is a story.
    ("Write a function that sorts.", "Sure.", "creative", "technical"),
    ("Create a web page.", "```html\n```", "creative", "technical"),
    ("Write a story about a program.", "Once upon a time.", "creative", "creative"),
    # Question words in any case, contracted, behind quotation marks.
    ("what is it", "Well.", "other", "factual"),
    ("What\u2019s the time?", "Noon.", "other", "factual"),
    ('"Who wrote it?" she asked.', "He did.", "other", "factual"),
    ("However it is, go on.", "Well.", "other", "other"),
    # Refusals begin the reply and say that something is not done.
    ("Tell me.", "Unfortunately, it rained all day.", "refusal", "other"),
    ("Tell me.", "Use a spoon. A fork is not able to hold soup.", "refusal", "other"),
    ("Tell me.", "He is unable to walk.", "refusal", "other"),
    ("Tell me.", "I can't wait to tell you.", "refusal", "other"),
    ("Tell me.", "I cannot stress enough how good it is.", "refusal", "other"),
    ("Tell me.", "I'm sorry to hear that. Rest well.", "refusal", "other"),
    ("Tell me.", "I apologize for the confusion. Here is the list.", "refusal", "other"),
    ("Tell me.", "I\u2019m sorry, but I can\u2019t say.", "other", "refusal"),
    ("Tell me.", "As an AI language model, I don't have access to that.", "other", "refusal"),
    ("Tell me.", "Sorry, but no.", "other", "refusal"),
    ("Tell me.", "I won't do that.", "other", "refusal"),
    ("Tell me.", "i cannot say.", "other", "refusal"),
]


@pytest.mark.parametrize(("user", "reply", "as_published", "corrected"), DIFFERENCES)
def test_the_corrected_rules_differ_where_the_published_go_wrong(
    user: str, reply: str, as_published: str, corrected: str
) -> None:
    assert query_type(user, reply, AS_PUBLISHED) == as_published
    assert query_type(user, reply, CORRECTED) == corrected


@pytest.mark.parametrize(
    ("user", "reply", "expected"),
    [
        ("What is a poem?", "I'm sorry, but I cannot say.", "refusal"),
        ("Go.", "Unfortunately, I cannot say.", "refusal"),
        ("Go.", "I apologize for any trouble, but that is private.", "refusal"),
        ("Go.", "I'm really not able to look that up.", "refusal"),
        ("Go.", "  I can't do that.", "refusal"),
        ("Write it.", "Fake reviews are against my guidelines.", "refusal"),
        ("Explain the difference between the two.", "Well.", "factual"),
        ("Debugging is hard, recommend a book.", "Well.", "technical"),
        ("Imagine poems.", "Well.", "creative"),
        ("Any recommendations or suggestions?", "Well.", "advice"),
        ("Help me choose.", "Well.", "advice"),
        ("\u00bfQu\u00e9 hora es?", "Son las tres.", "other"),
    ],
)
def test_the_corrected_rules_keep_what_the_article_means(user: str, reply: str, expected: str) -> None:
    assert query_type(user, reply, CORRECTED) == expected


@pytest.mark.parametrize("rules", RULES)
def test_only_the_first_exchange_decides_and_every_message_is_labelled(rules: str) -> None:
    labelled = label(messages(("Hello.", "Hello.", "Write a poem.", "I cannot."), ("Write.", "Yes.")), rules)
    assert labelled.schema == LABELLED.schema
    types = labelled.sort("conversation", "turn")["query_type"].to_list()
    assert types == ["other"] * 4 + ["creative"] * 2


@pytest.mark.parametrize("rules", RULES)
def test_labels_do_not_depend_on_the_order_of_rows(rules: str) -> None:
    frame = messages(("Why me?", "So."), ("So.", "```"), ("Define it.", "I can't."))
    labelled = label(frame, rules).sort("conversation", "turn")
    assert label(frame.reverse(), rules).sort("conversation", "turn").equals(labelled)
    assert labelled["query_type"].to_list() == ["factual"] * 2 + ["technical"] * 2 + ["refusal"] * 2


def test_both_sets_of_rules_are_compared_conversation_by_conversation() -> None:
    frame = messages(*[("Write a function.", "Sure.")] * 2, ("Hello.", "Hello."), ("Write a poem.", "Rose."))
    expected = [("creative", "creative", 1), ("creative", "technical", 2), ("other", "other", 1)]
    assert compare(frame).rows() == expected
    assert compare(frame.reverse()).rows() == expected


@pytest.mark.parametrize("rules", RULES)
def test_real_conversations_are_screened_labelled_and_sampled(rules: str) -> None:
    read, left_out, _ = sharegpt.read([real_file("sharegpt/sharegpt_150.json")])
    scores = toxicity.score(screening.texts_to_score(read, 2000), toxicity.classifier("alt-profanity-check"))
    screened, outcomes = screening.screen(read, left_out, scores, threshold=0.5, turns=20)
    assert sum(outcomes.values()) == 150
    assert outcomes["kept"] > 20
    labelled = label(screened, rules)
    types = labelled.unique("conversation")["query_type"].value_counts()
    assert types["count"].sum() == screened["conversation"].n_unique()
    assert set(types["query_type"]) <= set(QUERY_TYPES)
    fewest = types["count"].min() if types.height == len(QUERY_TYPES) else 0
    assert isinstance(fewest, int)
    sizes = {"training": 6 * (fewest - fewest // 2), "validation": 6 * (fewest // 2)}
    training, validation = sampling.balanced(labelled, **sizes, seed=1)
    assert (len(training), len(validation)) == tuple(sizes.values()) > (0, 0)
    assert not set(training) & set(validation)
