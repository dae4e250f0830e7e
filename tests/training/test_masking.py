from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import thinking_templates as thinking
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer

from warmline.calls.requests import Messages, Request, Sampling
from warmline.engines.local import transformers as engine
from warmline.lineage.errors import UserError
from warmline.models import rendered_chats
from warmline.models.chat_forms import FIRST_USER_TURN, PLAIN, ChatForm
from warmline.training import masking, packing
from warmline.training.masking import IGNORED, assistant_spans, encode

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# A system turn of its own where the chat has none.
DEFAULT_SYSTEM = (
    "{% if messages[0].role != 'system' %}<|im_start|>system\nYou are of help.<|im_end|>\n{% endif %}" + CHATML
)
# A dated system turn, and words without the blanks around them.
LLAMA = (
    "{% if not date_string is defined %}{% set date_string = '26 Jul 2024' %}{% endif %}"
    "{% if messages[0].role == 'system' %}{% set said = messages[0].content | trim %}{% set rest = messages[1:] %}"
    "{% else %}{% set said = '' %}{% set rest = messages %}{% endif %}"
    "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nToday: {{ date_string }}\n\n{{ said }}<|eot_id|>"
    "{% for message in rest %}<|start_header_id|>{{ message.role }}<|end_header_id|>\n\n"
    "{{ message.content | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
# No prompt for a reply, roles that must take turns, and the system turn folded into the last of the user.
MISTRAL = (
    "{% if messages[0].role == 'system' %}{% set said = messages[0].content %}{% set rest = messages[1:] %}"
    "{% else %}{% set said = '' %}{% set rest = messages %}{% endif %}<s>"
    "{% for message in rest %}{% if (message.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must take turns') }}{% endif %}"
    "{% if message.role == 'user' %}{% set last = loop.last or (loop.index0 == rest | length - 2) %}"
    "[INST] {% if last and said %}{{ said }}\n\n{% endif %}{{ message.content }}[/INST]"
    "{% else %} {{ message.content }}</s>{% endif %}{% endfor %}"
)
# Strips, and shows the reasoning of the last reply only.
REASONING = (
    "{% for message in messages %}{% set words = message.content %}"
    "{% if message.role == 'assistant' and not loop.last and '</think>' in words %}"
    "{% set words = words.split('</think>')[-1] %}{% endif %}"
    "<|im_start|>{{ message.role }}\n{{ words | trim }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}"
)
# Each with what it writes for an assistant's words.
TEMPLATES = {
    "SmolLM2": (CHATML, "{}<|im_end|>"),
    "Qwen2.5": (DEFAULT_SYSTEM, "{}<|im_end|>"),
    "Llama 3.1": (LLAMA, "{}<|eot_id|>"),
    "Mistral": (MISTRAL, " {}</s>"),
    "reasoning": (REASONING, "{}<|im_end|>"),
}
MARKS = ["<|im_start|>", "<|im_end|>", "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
# With what templates write, what stands for a message while it is looked for, and words that stand in templates too.
PIECES = st.sampled_from(
    [*MARKS, "</s>", "[/INST]", "assistant", "user\n", rendered_chats.MARK, "You are of help.", " "]
)
# As a tokenizer that merges a space or line break with its neighbours might join them to the template's own.
WORDS = (
    st.lists(
        PIECES | st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=12), min_size=1, max_size=4
    )
    .map(lambda pieces: "".join(pieces).strip())
    .filter(bool)
)
CHATS = st.builds(
    lambda system, pairs: (
        [{"role": "system", "content": text} for text in system]
        + [
            message
            for user, assistant in pairs
            for message in ({"role": "user", "content": user}, {"role": "assistant", "content": assistant})
        ]
    ),
    st.lists(WORDS, max_size=1),
    st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=3),
)
CHAT = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "What is the answer?"},
    {"role": "assistant", "content": "The answer is Paris.\nI am sure."},
    {"role": "user", "content": "The answer is Paris.\nI am sure."},
    {"role": "assistant", "content": "assistant 🐧"},
]


@pytest.fixture(scope="module")
def tokenizer(tiny_weights: Path) -> Any:
    tokenizer = AutoTokenizer.from_pretrained(tiny_weights)
    tokenizer.add_special_tokens({"additional_special_tokens": [*MARKS, "<s>", "</s>", "[INST]", "[/INST]"]})
    return tokenizer


def labelled_runs(tokenizer: Any, messages: Messages) -> list[str]:
    """The decoded text of each run of tokens with a label, checking that labels repeat their tokens."""
    ids, labels = encode(tokenizer, messages)
    assert all(label in (token, IGNORED) for token, label in zip(ids, labels, strict=True))
    runs: list[list[int]] = [[]]
    for label in labels:
        if label == IGNORED:
            runs.append([])
        else:
            runs[-1].append(label)
    return [tokenizer.decode(run) for run in runs if run]


@pytest.mark.parametrize("name", TEMPLATES)
@given(CHATS)
def test_labelled_tokens_are_exactly_the_assistants_words_and_end_of_turn(
    tokenizer: Any, name: str, messages: Messages
) -> None:
    tokenizer.chat_template, turn = TEMPLATES[name]
    replies = [turn.format(message["content"]) for message in messages if message["role"] == "assistant"]
    assert labelled_runs(tokenizer, messages) == replies


@pytest.mark.parametrize("name", TEMPLATES)
def test_tokens_are_those_of_the_whole_rendered_chat(tokenizer: Any, name: str) -> None:
    tokenizer.chat_template, _ = TEMPLATES[name]
    whole = tokenizer.apply_chat_template(CHAT, tokenize=False)
    assert encode(tokenizer, CHAT)[0] == tokenizer(whole, add_special_tokens=False)["input_ids"]


def test_a_reply_is_learned_as_its_template_shows_it(tokenizer: Any) -> None:
    """Reasoning of earlier replies is dropped, and with it nothing is learned of a reply that was nothing else."""
    tokenizer.chat_template = REASONING
    replies = ["<think>Hm.</think> \nParis. ", "<think>Only this.</think>", "Rome.", "<think>\nSo.\n</think>\nBern."]
    messages = [
        message
        for reply in replies
        for message in ({"role": "user", "content": reply}, {"role": "assistant", "content": reply})
    ]
    expected = ["Paris.<|im_end|>", "Rome.<|im_end|>", "<think>\nSo.\n</think>\nBern.<|im_end|>"]
    assert labelled_runs(tokenizer, messages) == expected


@given(CHATS)
def test_control_tokens_come_from_the_template_only(tokenizer: Any, messages: Messages) -> None:
    """A message that spells one out is text: it neither ends its turn nor speaks as another."""
    tokenizer.chat_template = CHATML
    ids, _ = encode(tokenizer, messages)
    start, end = tokenizer.convert_tokens_to_ids(["<|im_start|>", "<|im_end|>"])
    assert [token for token in ids if token in tokenizer.all_special_ids] == [start, end] * len(messages)
    assert tokenizer.decode(ids) == tokenizer.apply_chat_template(messages, tokenize=False)


@pytest.mark.parametrize(
    ("template", "error"),
    [
        (
            CHATML.replace("<|im_end|>", "{% if loop.last %}<|im_end|>{% endif %}"),
            r"ends an assistant's turn with '<\|im_end\|>' where the chat ends and with '<\|im_start\|>user",
        ),
        (CHATML.replace("message.content }}", "message.content | upper }}"), "as it is 0 times instead of once"),
        (CHATML.replace("message.content }}", "message.content[:5] }}"), "as it is 0 times instead of once"),
        (CHATML.replace("message.content }}", "message.content * 2 }}"), "as it is 2 times instead of once"),
        (
            CHATML.replace("{{ message.role", "{{ message.content | length }} {{ message.role"),
            "changes other parts of a chat by the words of message 3, 'The answer is Paris",
        ),
        (MISTRAL.replace("!= (loop", "== (loop"), r"refuses a chat of system, user, .*roles must take turns"),
    ],
    ids=["ends the last turn only", "upper case", "cuts", "repeats", "counts", "refuses"],
)
def test_a_template_whose_replies_cannot_be_told_apart_is_refused(tokenizer: Any, template: str, error: str) -> None:
    tokenizer.chat_template = template
    with pytest.raises(UserError, match=re.compile(error, re.DOTALL)):
        assistant_spans(tokenizer, CHAT)


def test_a_chat_without_replies_has_no_label(tokenizer: Any) -> None:
    tokenizer.chat_template = CHATML
    assert set(encode(tokenizer, CHAT[:2])[1]) == {IGNORED}


OFF, VARIABLE, WORDS = ChatForm({"enable_thinking": False}), ChatForm({"thinking": False}), ChatForm(None, "/no_think")
# Each with the form of chats, and what is learned of a reply {}.
THINKING = {
    "an empty thought before the last reply": (thinking.EMPTY_THOUGHT, PLAIN, "<think>\n\n</think>\n\n{}<|im_end|>"),
    "the same, off": (thinking.EMPTY_THOUGHT, OFF, "{}<|im_end|>"),
    "an opened thought": (thinking.OPENED_THOUGHT, PLAIN, "\n</think>\n\n{}<|im_end|>"),
    "the same, switched off": (thinking.OPENED_THOUGHT, OFF, "{}<|im_end|>"),
    "a closed thought": (thinking.CLOSED_THOUGHT, PLAIN, "{}</s>"),
    "off by a variable": (thinking.CLOSED_THOUGHT, VARIABLE, "{}</s>"),
    "words that are taken out": (thinking.SYSTEM_WORDS, PLAIN, "{}<|im_end|>"),
    "the next turn ends": (thinking.NEXT_TURN_ENDS, PLAIN, "{}<|user|>"),
    "the next turn ends, thinking": (thinking.NEXT_TURN_ENDS_THINKING, PLAIN, "\n<think></think>\n{}<|user|>"),
    "the next turn ends, off": (thinking.NEXT_TURN_ENDS_THINKING, OFF, "\n{}<|user|>"),
    "without a system turn": (thinking.WITHOUT_SYSTEM, ChatForm(system=FIRST_USER_TURN), "{}<|im_end|>"),
}


@pytest.fixture(scope="module")
def thinker(tiny_weights: Path) -> Any:
    tokenizer = AutoTokenizer.from_pretrained(tiny_weights)
    tokenizer.add_special_tokens({"additional_special_tokens": thinking.CONTROL})
    return tokenizer


def learned(tokenizer: Any, messages: Messages, form: ChatForm) -> list[tuple[list[int], list[int]]]:
    """The context and the target of each reply, out of the rows of a chat."""
    ends = tokenizer.convert_tokens_to_ids(thinking.ENDS)
    found = []
    for ids, labels in masking.rows(tokenizer, messages, form, ends):
        assert all(label in (token, IGNORED) for token, label in zip(ids, labels, strict=True))
        begin = 0
        for at, label in enumerate([*labels, IGNORED]):
            if at and label == IGNORED and labels[at - 1] != IGNORED:
                found.append((ids[:begin], ids[begin:at]))
            if label != IGNORED and (at == 0 or labels[at - 1] == IGNORED):
                begin = at
    return found


@pytest.mark.parametrize("name", THINKING)
@given(CHATS)
def test_a_reply_is_learned_behind_the_very_prompt_that_asks_for_it_up_to_the_token_that_ends_it(
    thinker: Any, name: str, messages: Messages
) -> None:
    thinker.chat_template, form, target = THINKING[name]
    ends = thinker.convert_tokens_to_ids(thinking.ENDS)
    replies = [at for at, message in enumerate(messages) if message["role"] == "assistant"]
    found = learned(thinker, messages, form)
    assert len(found) == len(replies)
    for at, (context, learns) in zip(replies, found, strict=True):
        asked = engine.encode(thinker, Request(messages[:at], Sampling(0.0, 8), 0), form)
        assert context == [*asked.shared, *asked.own]
        assert thinker.decode(learns) == target.format(messages[at]["content"])
        assert learns[-1] in ends


@pytest.mark.parametrize("name", ["SmolLM2", "Qwen2.5", "Llama 3.1"])
@given(CHATS)
def test_a_template_that_does_not_think_keeps_the_one_row_that_it_had(
    tokenizer: Any, name: str, messages: Messages
) -> None:
    tokenizer.chat_template, turn = TEMPLATES[name]
    ends = [tokenizer.convert_tokens_to_ids(turn.removeprefix("{}"))]
    assert masking.rows(tokenizer, messages, PLAIN, ends) == [encode(tokenizer, messages)]


def test_a_prompt_keeps_its_tokens_where_the_reply_would_join_them(thinker: Any) -> None:
    joining = copy.deepcopy(thinker)
    joining.add_tokens(["\n\n"])
    joining.chat_template = thinking.OPENED_THOUGHT
    chat = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]
    [(context, target)] = learned(joining, chat, PLAIN)
    asked = engine.encode(joining, Request(chat[:1], Sampling(0.0, 8), 0))
    assert context == [*asked.shared, *asked.own]
    assert joining.decode(target) == "\n</think>\n\nSo.<|im_end|>"
    whole = joining(joining.apply_chat_template(chat, tokenize=False))["input_ids"]
    assert whole[: len(context)] != context


def test_a_row_goes_on_while_the_next_prompt_begins_with_it(thinker: Any) -> None:
    chat = [message for _ in range(3) for message in ({"role": "user", "content": "Why?"}, CHAT[2])]
    counts = {"the next turn ends": 1, "an empty thought before the last reply": 3, "a closed thought": 1}
    for name, expected in counts.items():
        thinker.chat_template, form, _ = THINKING[name]
        ends = thinker.convert_tokens_to_ids(thinking.ENDS)
        assert len(masking.rows(thinker, chat, form, ends)) == expected


@pytest.mark.parametrize(
    ("template", "ends", "error"),
    [
        (
            thinking.DROPPED_THOUGHT,
            "</s>",
            r"in a context in which it is never asked\. From character \d+ on the prompt has '.*<\|assistant\|><think>"
            r"\\n' and the chat '.*<\|assistant\|>The answer is Paris.*`thinking: off`",
        ),
        (thinking.UNCLOSED_THOUGHT, "<|im_end|>", r"opens a thought, and the chat .* does not close it: .*<think>"),
        (thinking.PLAIN, "</s>", r"ends an assistant's turn with '.*<\|im_end\|>', and no token .*\('</s>'\) comes"),
        (thinking.NEXT_TURN_ENDS, "</s>", r"ends an assistant's turn with '.*sure\.', and no token .*\('</s>'\) comes"),
    ],
    ids=["drops the thought", "never closes it", "another end", "no end"],
)
def test_what_would_be_learned_in_vain_is_refused_with_what_differs(
    thinker: Any, template: str, ends: str, error: str
) -> None:
    thinker.chat_template = template
    with pytest.raises(UserError, match=re.compile(error, re.DOTALL)):
        masking.rows(thinker, CHAT[1:], PLAIN, [thinker.convert_tokens_to_ids(ends)])


def test_labels_and_loss_are_those_of_trl(tiny_weights: Path, tokenizer: Any, tmp_path: Path) -> None:
    """It needs the assistant's words marked in the template; elsewhere it has a list of templates that it knows."""
    # Their imports take seconds, which only the process that runs this test should spend.
    import datasets
    from trl import SFTConfig, SFTTrainer

    marked = copy.deepcopy(tokenizer)
    marked.chat_template = DEFAULT_SYSTEM.replace(
        "<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n",
        "<|im_start|>{{ message.role }}\n{% if message.role == 'assistant' %}"
        "{% generation %}{{ message.content }}<|im_end|>{% endgeneration %}"
        "{% else %}{{ message.content }}<|im_end|>{% endif %}{{ '\\n' }}",
    )
    tokenizer.chat_template = DEFAULT_SYSTEM
    chats = [CHAT, CHAT[1:3], CHAT[1:]]
    model = AutoModelForCausalLM.from_pretrained(tiny_weights)
    model.resize_token_embeddings(len(tokenizer))
    trainer = SFTTrainer(
        model,
        SFTConfig(str(tmp_path), assistant_only_loss=True, report_to="none", use_cpu=True, bf16=False, max_length=None),
        train_dataset=datasets.Dataset.from_list([{"messages": chat} for chat in chats]),
        processing_class=marked,
    )
    theirs = trainer.data_collator(list(trainer.train_dataset))
    rows = [dict(zip(("input_ids", "labels"), encode(tokenizer, chat), strict=True)) for chat in chats]
    for row, ids, labels in zip(rows, theirs["input_ids"], theirs["labels"], strict=True):
        size = len(row["input_ids"])
        assert ids[:size].tolist() == row["input_ids"]
        assert labels[:size].tolist() == row["labels"]
        assert set(labels[size:].tolist()) <= {IGNORED}
    with torch.no_grad():
        ours = model.eval()(**packing.collate(rows), use_cache=False).loss
        expected = trainer.compute_loss(model, {name: value for name, value in theirs.items()})
    assert ours.item() == pytest.approx(expected.item(), abs=1e-5)


@pytest.mark.parametrize(
    ("template", "form", "by_reply"),
    [
        (CHATML, PLAIN, False),
        (DEFAULT_SYSTEM, PLAIN, False),
        (thinking.EMPTY_THOUGHT, PLAIN, True),
        (thinking.NEXT_TURN_ENDS, PLAIN, True),
        (thinking.DROPPED_THOUGHT, PLAIN, True),
    ],
)
def test_a_card_tells_of_a_template_that_was_trained_on_otherwise_before(
    thinker: Any, template: str, form: ChatForm, by_reply: bool
) -> None:
    thinker.chat_template = template
    assert masking.is_reply_by_reply(thinker, form, thinker.convert_tokens_to_ids(thinking.ENDS)) == by_reply
