from __future__ import annotations

import datetime
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import tiny_model
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer
from transformers.utils import chat_template_utils

from warmline.calls.requests import Request, Sampling
from warmline.engines.local.transformers import encode
from warmline.models import chat_dates, weights
from warmline.training import masking

DATED_TEMPLATE = """\
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}{% set date_string = strftime_now("%d %b %Y") %}
    {%- else %}{% set date_string = "1 Jan 2000" %}{% endif %}
{%- endif %}
{{- "<|start|>system\\nIt is " + date_string + ", in " + strftime_now("%Y") + ".<|end|>\\n" }}
{%- for message in messages %}{{ "<|start|>" + message.role + "\\n" + message.content + "<|end|>\\n" }}{% endfor %}
{%- if add_generation_prompt %}{{ "<|start|>assistant\\n" }}{% endif %}"""


def test_a_template_that_tells_the_date_renders_a_chat_alike_on_every_day(
    tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = shutil.copytree(tiny_weights, tmp_path / "model")
    (model / "chat_template.jinja").write_text(DATED_TEMPLATE)
    tokenizer, unpinned = weights.load_tokenizer(tiny_model.card(model)), AutoTokenizer.from_pretrained(model)
    question, reply = {"role": "user", "content": "Hello."}, {"role": "assistant", "content": "Hi."}
    asked, taught, dated = set(), set(), set()
    for date in (datetime.datetime(2026, 11, 21), datetime.datetime(2031, 1, 2)):
        monkeypatch.setattr(chat_template_utils, "datetime", SimpleNamespace(now=lambda date=date: date))
        prompt = encode(tokenizer, Request([question], Sampling(0.0, 1), 0))
        asked.add((*prompt.shared, *prompt.own))
        taught.add(tuple(masking.encode(tokenizer, [question, reply])[0]))
        dated.add(unpinned.apply_chat_template([question], tokenize=False))
    assert (len(asked), len(taught), len(dated)) == (1, 1, 2)
    assert tokenizer.decode(asked.pop()).startswith("<|start|>system\nIt is 26 Jul 2024, in 2024.<|end|>\n")


@given(st.sampled_from(["", "\n", "  ", "  {% if true %}a{% endif %}\n", "{{ 1 }}\n"]), st.text(max_size=5))
def test_a_pinned_template_renders_everything_else_as_it_did(beginning: str, text: str) -> None:
    rest = "{{ messages[0].content }}{% if false %}{{ strftime_now('%d') }}{% endif %}"
    chat = [{"role": "user", "content": text}]
    plain, pinned = (
        chat_template_utils.render_jinja_template([chat], chat_template=template)[0]
        for template in (beginning + rest, chat_dates.pinned(beginning + rest))
    )
    assert pinned == plain


@pytest.mark.parametrize("form", ["%d %b %Y", "%Y-%m-%d", "%A, %B %d, %Y", "%H:%M", "no date", "%x %X %j"])
def test_the_clock_in_a_template_writes_what_strftime_writes(form: str) -> None:
    template = chat_dates.pinned("{{ strftime_now(messages[0].content) }}")
    rendered = chat_template_utils.render_jinja_template([[{"role": "user", "content": form}]], chat_template=template)
    assert rendered[0] == [chat_dates.TODAY.strftime(form)]
