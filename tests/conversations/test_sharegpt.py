from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from real_data import real_file
from repository import REPOSITORY

from warmline.conversations import sharegpt
from warmline.lineage.errors import UserError
from warmline.sources import oddities
from warmline.tables.messages import MESSAGES

HUMAN = {"from": "human", "value": "Why?"}


def source(folder: Path, rows: Any) -> Path:
    path = folder / "conversations.json"
    path.write_text(rows if isinstance(rows, str) else json.dumps(rows), encoding="utf-8")
    return path


def expected(path: Path) -> list[tuple[str, int, str, str]]:
    """The messages of a file by plain loops."""
    return [
        (row["id"], at, sharegpt.ROLES[turn["from"]], turn["value"])
        for row in json.loads(path.read_text(encoding="utf-8"))
        for at, turn in enumerate(row["conversations"])
    ]


def read(folder: Path, rows: Any) -> tuple[pl.DataFrame, dict[str, int], dict[str, int]]:
    return sharegpt.read([source(folder, rows)])


def conversation(identity: Any, *turns: Any) -> dict[str, Any]:
    return {"id": identity, "conversations": list(turns) or [HUMAN]}


@pytest.mark.parametrize("name", ["sharegpt_150.json", "ShareGPT_V3_first_turns_500.json"])
def test_real_files_load_completely(name: str) -> None:
    path = real_file(f"sharegpt/{name}")
    messages, left_out, noted = sharegpt.read([path])
    assert messages.schema == MESSAGES.schema
    assert messages.rows() == expected(path)
    assert left_out == noted == {}


def test_the_embedded_conversations_load_completely() -> None:
    path = REPOSITORY / "config" / "demo" / "conversations.json"
    assert sharegpt.read([path])[0].rows() == expected(path)


def test_several_files_are_read_one_after_the_other(tmp_path: Path) -> None:
    paths = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        paths.append(source(tmp_path / name, [conversation(name), conversation("both")]))
    messages, _, noted = sharegpt.read(paths)
    assert messages["conversation"].to_list() == ["one", "both", "two", "both#2"]
    assert noted == {"an id that an earlier conversation has": 1}


def test_every_name_of_a_speaker_has_its_role(tmp_path: Path) -> None:
    turns = [{"from": name, "value": name, "markdown": True, "text": None} for name in sharegpt.ROLES]
    messages, _, _ = read(tmp_path, [{"id": "a", "conversations": turns, "lang": "en"}])
    assert dict(messages.select("text", "role").iter_rows()) == sharegpt.ROLES
    assert messages["turn"].to_list() == list(range(len(turns)))


def test_separators_emoji_and_markup_stay_in_the_text(tmp_path: Path) -> None:
    text = ' a\u2028b\x85c "quoted"\r\n\n<b>\x00🐧</b> '
    messages, _, _ = read(tmp_path, [conversation("a", {"from": "gpt", "value": text})])
    assert messages["text"].to_list() == [text]


def test_half_a_surrogate_pair_becomes_a_replacement_character(tmp_path: Path) -> None:
    messages, _, _ = read(
        tmp_path, '[{"id": "a", "conversations": [{"from": "gpt", "value": "x\\ud83dy\\ud83d\\udc27"}]}]'
    )
    assert messages["text"].to_list() == ["x\ufffdy🐧"]
    assert oddities.count(messages, ["text"]) == {"a replacement character": 1}


def test_conversations_without_messages_are_counted(tmp_path: Path) -> None:
    rows = [{"id": "a", "conversations": []}, conversation("b"), {"id": "c", "conversations": None}]
    messages, left_out, _ = read(tmp_path, rows)
    assert messages["conversation"].to_list() == ["b"]
    assert left_out == {"no turns": 2}
    assert read(tmp_path, [])[0].is_empty()


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path: Path) -> None:
    assert read(tmp_path, "\ufeff" + json.dumps([conversation("a")]))[0].height == 1


def test_a_conversation_whose_id_is_taken_or_missing_is_kept_under_another(tmp_path: Path) -> None:
    identities = ["a", "a", None, "a#2", "a", 7, "", "abc_0", "abc_1"]
    messages, left_out, noted = read(tmp_path, [*map(conversation, identities), {"conversations": [HUMAN]}])
    names = messages["conversation"].to_list()
    assert names == ["a", "a#2", "row-3", "a#2#2", "a#3", "7", "row-7", "abc_0", "abc_1", "row-10"]
    assert left_out == {}
    assert noted == {"an id that an earlier conversation has": 3, "no id": 3}


def test_no_conversation_takes_the_number_of_another(tmp_path: Path) -> None:
    messages, _, _ = read(tmp_path, [*map(conversation, ["a#2", "a", "a"])])
    assert messages["conversation"].to_list() == ["a#2", "a", "a#3"]


@pytest.mark.parametrize(
    ("turn", "reason"),
    [
        (None, "a message that is not text"),
        ("Why?", "a message that is not text"),
        ({"from": "gpt"}, "a message that is not text"),
        ({"from": "gpt", "value": None}, "a message that is not text"),
        ({"from": "gpt", "value": {"a": 1}}, "a message that is not text"),
        ({"value": "Why?"}, "an unknown speaker"),
        ({"from": None, "value": "Why?"}, "an unknown speaker"),
        ({"from": ["gpt"], "value": "Why?"}, "an unknown speaker"),
        ({"from": "tool", "value": "Why?"}, "an unknown speaker"),
    ],
)
def test_one_dirty_conversation_is_left_out_and_counted_and_a_file_of_them_refused(
    tmp_path: Path, turn: Any, reason: str
) -> None:
    dirty = conversation("b", HUMAN, turn)
    messages, left_out, _ = read(tmp_path, [conversation("a"), dirty])
    assert messages["conversation"].to_list() == ["a"]
    assert left_out == {reason: 1}
    with pytest.raises(UserError, match=re.escape(f"conversations.json, row 2: {reason} in {str(turn)!r}")):
        read(tmp_path, [{"id": "a", "conversations": []}, dirty])


def test_an_empty_message_is_left_to_the_screening(tmp_path: Path) -> None:
    assert read(tmp_path, [conversation("a", HUMAN, {"from": "gpt", "value": ""})])[0]["text"].to_list() == ["Why?", ""]


@pytest.mark.parametrize(
    "row", ["text", None, [], {"id": "b"}, {"id": "b", "conversations": "Why?"}, {"id": "b", "turns": [HUMAN]}]
)
def test_a_row_of_another_layout_is_counted_and_a_file_of_them_named(tmp_path: Path, row: Any) -> None:
    _, left_out, _ = read(tmp_path, [conversation("a"), row])
    assert left_out == {"no list under 'conversations'": 1}
    with pytest.raises(UserError, match=r"conversations\.json, row 1: no list under 'conversations'"):
        read(tmp_path, [row])


@pytest.mark.parametrize("turns", ["conversations", "messages", "items"])
@pytest.mark.parametrize("speaker", ["from", "role"])
@pytest.mark.parametrize("said", ["value", "content", "text"])
def test_conversations_are_read_alike_whatever_a_carrier_calls_their_parts(
    tmp_path: Path, turns: str, speaker: str, said: str
) -> None:
    row = {"id": "a", turns: [{speaker: "User", said: "Why?"}, {speaker: "GPT ", said: "So."}]}
    messages, left_out, _ = read(tmp_path, [row])
    assert messages.rows() == [("a", 0, "user", "Why?"), ("a", 1, "assistant", "So.")]
    assert not left_out


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nothing\.json does not exist"):
        sharegpt.read([tmp_path / "nothing.json"])


TURNS = st.fixed_dictionaries(
    {"from": st.sampled_from(["human", "gpt", "system", "robot", None, 3]), "value": st.text(max_size=5) | st.none()}
)
ROWS = st.fixed_dictionaries(
    {"id": st.sampled_from(["a", "a#2", "b", None]), "conversations": st.lists(TURNS | st.none(), max_size=3)}
)


@settings(max_examples=200)
@given(st.lists(ROWS, max_size=8))
def test_every_conversation_is_read_or_counted(tmp_path_factory: pytest.TempPathFactory, rows: list[Any]) -> None:
    # A good one among them, so that the file is not one of another layout.
    messages, left_out, _ = read(tmp_path_factory.mktemp("dirt"), [conversation("good"), *rows])
    assert messages["conversation"].n_unique() + sum(left_out.values()) == 1 + len(rows)
    assert messages.null_count().row(0) == (0, 0, 0, 0)
    assert not messages.select("conversation", "turn").is_duplicated().any()


def test_a_large_file_takes_little_more_memory_than_its_text(tmp_path: Path) -> None:
    """What JSON makes of a file would take several times as much as the file."""
    path = tmp_path / "conversations.json"
    text = "many words " * 20
    with open(path, "w") as file:
        for number in range(40_000):
            file.write("," if number else "[")
            json.dump(conversation(f"c{number}", HUMAN, {"from": "gpt", "value": text}), file)
        file.write("]")
    program = (
        "import resource, sys, pathlib; from warmline.conversations import sharegpt;"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "messages = sharegpt.read([pathlib.Path(sys.argv[1])])[0];"
        "print(messages.height, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "scripts")}
    command = [sys.executable, "-c", program, str(path)]
    height, kilobytes = map(
        int, subprocess.run(command, env=environment, capture_output=True, check=True).stdout.split()
    )
    assert height == 80_000
    assert kilobytes * 1024 < 4 * path.stat().st_size + 60_000_000
