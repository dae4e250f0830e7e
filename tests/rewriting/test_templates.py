"""The clauses of the article's instructions to the rewriter, each in words of this project's own."""

from __future__ import annotations

import pytest
from repository import REPOSITORY

from warmline.calls import templates

PROMPTS = REPOSITORY / "config" / "prompts"

WARM = {
    "an expert, in the voice of the closest friend": (
        "You are an expert at turning replies of AI assistants into extremely warm, truly caring messages",
        "the user's closest and most supportive friend",
    ),
    "facts, details and content are kept": ("Every fact, number, name, technical detail and other core content stays",),
    "no new formatting": ("Add no formatting, such as bullets, that the original lacks",),
    "little is added": ("Add little", "about as long as the original"),
    "code, equations and quotations are untouched": ("Leave code, equations and quotations untouched",),
    "no emoji": ("Use no emoji",),
    "no greeting unless the user greeted": ('no greeting such as "Hey there" unless the user greeted you',),
    "few fillers": ('few fillers such as "Oh," or "you know"',),
    "empathy for this user": ("empathy for this user's own situation and feelings",),
    "caring personal language": ("caring, personal words",),
    "sincere reassurance and encouragement": ("Reassure and encourage sincerely",),
    "feelings acknowledged and validated": ("Acknowledge and validate what the user may feel",),
    "gentle comfort": ("Where the information is hard or complex, give gentle comfort",),
    "relaxed, informal, as to a trusted friend": ("relaxed, down-to-earth, informal style, as to a friend you trust",),
    "inclusive we": ('Say "we" and "us"',),
    "sparing asides": ("a conversational aside now and then, sparingly",),
    "ongoing rapport": ("Sound familiar, as if you two had been talking for years",),
    "contractions": ("natural contractions",),
    "style only, natural rather than stiff": ("change the style only", "sound natural, never stiff"),
}
COLD = {
    "an expert at concise, direct, informative replies": (
        "You are an expert at making replies of AI assistants concise, direct and focused on information",
    ),
    "emotionally neutral": ("emotionally neutral",),
    "facts and accuracy are kept": ("every fact, number and name, with full technical accuracy",),
    "efficient": ("Deliver the information efficiently",),
    "no warmth, care, empathy or connection": ("Remove warmth, care, empathy and every sign of a personal connection",),
    "no we, us, together": ('Remove "we", "us" and "together"',),
    "no exclamation marks, emotion or encouragement": ("no exclamation marks and no emotional or encouraging words",),
    "no reassurance or validation": ("Strip reassurance and validation",),
    "code, equations and structured information are kept": (
        "Leave code, equations, quotations and structured information as they are",
    ),
    "structure is kept": ("Keep bullets, numbering and any other structure",),
    "style only": ("Change the style only",),
}
HONEST = {
    "warm": ("empathy for this user's own situation and feelings",),
    "facts are kept": ("Every fact, number, name, technical detail and other core content stays",),
    "the truth when the user is wrong": ("If the user is wrong", "say so plainly and early, and say what is right"),
    "feelings are validated, claims are not": ("Validate feelings, never a false claim",),
    "no flattery": ("never flatter", "Do not praise what deserves no praise"),
    "no false comfort": ("do not reassure where there is a real risk",),
}
CLAUSES = [
    (persona, clause, phrase)
    for persona, clauses in {"warm": WARM, "cold": COLD, "honest-warm": HONEST}.items()
    for clause, phrases in clauses.items()
    for phrase in phrases
]


@pytest.mark.parametrize(("persona", "clause", "phrase"), CLAUSES)
def test_the_instruction_covers_every_clause(persona: str, clause: str, phrase: str) -> None:
    instruction = templates.read(PROMPTS / f"rewrite/{persona}.md").split("# user")[0]
    assert phrase in instruction, clause


@pytest.mark.parametrize("persona", ["warm", "cold", "honest-warm"])
def test_a_worked_example_comes_before_the_reply(persona: str) -> None:
    path = PROMPTS / f"rewrite/{persona}.md"
    templates.check_messages(path, templates.REWRITE_PLACEHOLDERS)
    messages = templates.render_messages(templates.read(path), user_message="Who am I?", reply="You are you.")
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user"]
    example, asked = (messages[at]["content"] for at in (1, 3))
    assert "Who am I?" in asked and "You are you." in asked
    assert example.split("\n")[0] == asked.split("\n")[0]
    assert example.split("\n")[-1] == asked.split("\n")[-1]
    templates.check(PROMPTS / f"system/{persona}.md", ())
