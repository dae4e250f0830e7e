from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmline.lineage import digests

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(ANY_TEXT, JSON, max_size=4), st.randoms())
def test_the_order_of_keys_does_not_matter(value: dict[str, Any], random: Any) -> None:
    items = list(value.items())
    random.shuffle(items)
    assert digests.of_value(dict(items)) == digests.of_value(value)


@given(JSON, JSON)
def test_two_values_share_a_digest_only_if_they_are_equal(one: Any, other: Any) -> None:
    if digests.of_value(one) == digests.of_value(other):
        assert one == other


def test_a_value_has_one_known_digest() -> None:
    text = '{"a":[1,2.5,null],"b":"ü\u2028"}'
    assert digests.of_value({"b": "ü\u2028", "a": [1, 2.5, None]}) == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_json_lacks_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        digests.of_value({"x": number})


def test_files_are_identified_by_name_and_content_and_not_by_place(tmp_path: Path) -> None:
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    for path in paths:
        path.write_bytes(path.name.encode() * 100_000)
    assert digests.of_file(paths[0]) == hashlib.sha256(b"a.json" * 100_000).hexdigest()
    assert digests.of_files(paths) == digests.of_files(reversed(paths))
    moved = shutil.copytree(tmp_path, tmp_path / "elsewhere")
    assert digests.of_files(moved.iterdir()) == digests.of_files(paths)
    (moved / "b.json").rename(moved / "c.json")
    assert digests.of_files(moved.iterdir()) != digests.of_files(paths)
