from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from repository import REPOSITORY

from warmline.calls import templates
from warmline.lineage.errors import UserError

PROMPTS = REPOSITORY / "config" / "prompts"
HOSTILE = st.lists(
    st.sampled_from(
        ["# system", "# user\n", "\n# assistant\n", "\n", "\r\n", "{{ reply }}", "{% raw %}", "{#", "\u2028"]
    )
    | st.text(max_size=5)
).map("".join)
WHOLE = """# system
Be kind.

# user
Asked: {{ user_message }}
Replied: {{ reply }}!

# assistant
Yes.

# user
Again: {{ reply }}
"""


def template(folder: Path, text: str) -> Path:
    path = folder / "template.md"
    path.write_text(text, encoding="utf-8")
    return path


@given(HOSTILE, HOSTILE)
def test_text_that_is_filled_in_opens_no_section_and_stays_as_it_is(question: str, reply: str) -> None:
    messages = templates.render_messages(WHOLE, user_message=question, reply=reply)
    assert messages == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": f"Asked: {question}\nReplied: {reply}!"},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": f"Again: {reply}".strip()},
    ]


@given(HOSTILE.map(str.strip))
def test_a_filled_in_text_is_not_read_as_a_template(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    question = template(tmp_path_factory.getbasetemp(), "{{ framing }} {{ question }}\n")
    assert templates.render(question, framing="", question=text) == text


def test_a_heading_inside_a_section_is_its_text() -> None:
    messages = templates.render_messages("# user\n# users\n## user\n # user\n# user: me\n")
    assert messages == [{"role": "user", "content": "# users\n## user\n # user\n# user: me"}]


@pytest.mark.parametrize("text", ["", "Rewrite this.", "Words before.\n# user\nRewrite this."])
def test_a_template_of_a_request_begins_with_a_section(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match=r"template\.md: expected it to begin with a line '# system' or '# user'"):
        templates.check_messages(template(tmp_path, text), ())


def test_an_unknown_placeholder_is_named_with_its_file(tmp_path: Path) -> None:
    path = template(tmp_path, "{{ reply }} {{ replyy }} {% if mood %}{% endif %}")
    message = r"template\.md: unknown placeholder mood, replyy\. This template may use: reply, user_message\.$"
    with pytest.raises(UserError, match=message):
        templates.check(path, templates.REWRITE_PLACEHOLDERS)
    with pytest.raises(UserError, match="may use: none"):
        templates.check(path, ())


@pytest.mark.parametrize("text", ["\n{{ reply", "\n{% if reply %}", "\n{{ reply | nothing }}"])
def test_a_malformed_template_is_named_with_its_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match=r"template\.md, line 2: "):
        templates.check(template(tmp_path, text), templates.REWRITE_PLACEHOLDERS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Rewrite {{ reply }}.", r"expected it to begin with a line '# system' or '# user'"),
        ("# user\n{% if reply %}\n# assistant\n{% endif %}", r"template\.md, line 2: .*Expected a Jinja template"),
        ("# system\n\n# user\n\n{{ reply", r"template\.md, line 5: .*Expected a Jinja template"),
        ("# system\nBe {{ kind }}.\n# user\n{{ reply }}", r"unknown placeholder kind"),
    ],
    ids=["no section", "a block across sections", "the line in the file", "a placeholder of a later section"],
)
def test_every_section_of_a_request_is_checked_by_itself(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        templates.check_messages(template(tmp_path, text), templates.REWRITE_PLACEHOLDERS)


def test_a_missing_template_is_named(tmp_path: Path) -> None:
    for read in (lambda path: templates.check(path, ()), templates.render, templates.read):
        with pytest.raises(UserError, match=r"template .*nothing\.md does not exist"):
            read(tmp_path / "nothing.md")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Lisbon", "Lisbon."),
        ("It is round.", "It is round."),
        ("Washington, D.C.", "Washington, D.C."),
        (".5", ".5."),
        ("Who knows?", "Who knows?"),
        ('He said "no."', 'He said "no."'),
        ('the film "Jaws"', 'the film "Jaws".'),
        ("(a hoax.)", "(a hoax.)"),
    ],
)
def test_a_sentence_ends_in_one_stop(tmp_path: Path, text: str, sentence: str) -> None:
    path = template(tmp_path, "I think it is {{ right_answer | stopped }}")
    assert templates.render(path, right_answer=text) == f"I think it is {sentence}"


def test_a_statement_as_published_loses_its_first_capital_only(tmp_path: Path) -> None:
    path = template(tmp_path, "I think {{ right_answer | lower_first }}")
    assert templates.render(path, right_answer="NASA Found It") == "I think nASA Found It"


def test_the_templates_of_the_repository_are_well_formed() -> None:
    rewrites, systems, beliefs = (sorted(PROMPTS.glob(f"{name}/**/*.md")) for name in ("rewrite", "system", "beliefs"))
    assert rewrites and systems and beliefs
    for path in rewrites:
        templates.check_messages(path, templates.REWRITE_PLACEHOLDERS)
        messages = templates.render_messages(
            templates.read(path), user_message="WHAT WAS ASKED", reply="WHAT WAS REPLIED"
        )
        assert messages[-1]["role"] == "user"
        assert "WHAT WAS ASKED" in messages[-1]["content"] and "WHAT WAS REPLIED" in messages[-1]["content"]
    for path in (*systems, PROMPTS / "framing.md"):
        templates.check(path, ())
    for path in beliefs:
        templates.check(path, templates.QUESTION_PLACEHOLDERS)
