from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmline.conversations import json_lists
from warmline.lineage.errors import UserError

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


def items(folder: Path, text: str, chunk: int = json_lists.CHUNK) -> list[Any]:
    path = folder / "list.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    return list(json_lists.items(path, "a list", chunk))


@settings(max_examples=300)
@given(st.lists(VALUES), st.integers(1, 40), st.booleans(), st.sampled_from([None, 1]))
def test_a_list_is_read_as_json_reads_it_whatever_the_chunks(
    tmp_path_factory: pytest.TempPathFactory, values: list[Any], chunk: int, ascii_only: bool, indent: int | None
) -> None:
    text = json.dumps(values, ensure_ascii=ascii_only, indent=indent)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(values, indent=indent)
    assert items(tmp_path_factory.mktemp("list"), f" {text}\n", chunk) == values


@settings(max_examples=300)
@given(st.lists(VALUES, min_size=1), st.data())
def test_a_damaged_list_is_refused_where_json_refuses_it(
    tmp_path_factory: pytest.TempPathFactory, values: list[Any], data: st.DataObject
) -> None:
    text = json.dumps(values, indent=data.draw(st.sampled_from([None, 1])))
    at = data.draw(st.integers(0, len(text) - 1))
    damaged = text[:at] + data.draw(st.sampled_from(["", ",", "]", "x", '"', "\n"])) + text[at + 1 :]
    try:
        known = json.loads(damaged)
    except json.JSONDecodeError:
        known = None
    folder = tmp_path_factory.mktemp("list")
    for chunk in (1, 7, 4096):
        if isinstance(known, list):
            assert items(folder, damaged, chunk) == known
        else:
            with pytest.raises(UserError, match=r"list\.json(, line \d+, column \d+: not JSON|: expected a list)"):
                items(folder, damaged, chunk)


@pytest.mark.parametrize("chunk", [1, 3, 4096])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[\n{"id": ]', "line 2, column 8: not JSON"),
        ("", "line 1, column 1: not JSON"),
        ("[1, 2", "line 1, column 6: not JSON"),
        ("[1\n 2]", "line 2, column 2: not JSON"),
        ("[1,\n]", "line 2, column 1: not JSON"),
        ("[1] [2]", "line 1, column 5: not JSON"),
        ('[1,\n"abc]', "line 2, column 1: not JSON"),
        ('{"id": "a"}', r"list\.json: expected a list"),
    ],
)
def test_the_place_of_a_mistake_is_named(tmp_path: Path, text: str, message: str, chunk: int) -> None:
    with pytest.raises(UserError, match=message):
        items(tmp_path, text, chunk)


def test_a_file_of_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_bytes('["Köln"]'.encode("latin-1"))
    with pytest.raises(UserError, match=r"list\.json, line 1: not UTF-8"):
        list(json_lists.items(tmp_path / "list.json", "a list"))


def test_items_come_before_the_rest_of_the_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text("[1, 2, oops")
    reader = json_lists.items(tmp_path / "list.json", "a list", chunk=4)
    assert next(reader) == 1
