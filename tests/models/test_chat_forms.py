from __future__ import annotations

from warmline.models.chat_forms import FIRST_USER_TURN, PLAIN, ChatForm, form_of, of_endpoint

SYSTEM = {"role": "system", "content": "Be kind."}
USER = {"role": "user", "content": "Why?"}
REPLY = {"role": "assistant", "content": "Because."}


def test_a_plain_form_leaves_chats_and_respondents_as_they_are() -> None:
    for chat in ([USER], [SYSTEM, USER], []):
        assert PLAIN.messages(chat) == chat
    assert PLAIN.identity == {}


def test_the_text_of_a_system_turn_may_go_before_the_users_first() -> None:
    form = ChatForm(system=FIRST_USER_TURN)
    folded = {"role": "user", "content": "Be kind.\n\nWhy?"}
    assert form.messages([SYSTEM, USER, REPLY, USER]) == [folded, REPLY, USER]
    assert form.messages([USER, REPLY]) == [USER, REPLY]


def test_words_that_switch_thoughts_end_the_system_turn() -> None:
    form = ChatForm(system_words="/no_think")
    assert form.messages([SYSTEM, USER]) == [{**SYSTEM, "content": "Be kind.\n\n/no_think"}, USER]
    assert form.messages([USER]) == [{**SYSTEM, "content": "/no_think"}, USER]


def test_a_form_is_found_again_in_who_responds() -> None:
    for form in (PLAIN, ChatForm({"thinking": False}), ChatForm(system_words="/think", system=FIRST_USER_TURN)):
        assert form_of({"engine": "openai"} | ({"chat": form.identity} if form.identity else {})) == form


def test_an_endpoint_is_sent_the_names_that_templates_have_for_their_switch() -> None:
    assert of_endpoint(None, None) == PLAIN
    assert of_endpoint(False, None).chat_template_kwargs == {"enable_thinking": False, "thinking": False}
