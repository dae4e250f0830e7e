"""Texts that are the same but for case, blanks or their form in Unicode."""

from __future__ import annotations

import unicodedata

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from warmline.sources import sameness


@given(st.text(), st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_a_texts_form_is_that_of_its_other_forms(text: str, normal: str) -> None:
    assert sameness.form(unicodedata.normalize(normal, text)) == sameness.form(text)
    assert sameness.form(f" {text}\n") == sameness.form(text)


@given(st.lists(st.text(st.characters(codec="utf-8"))))
def test_texts_that_a_column_takes_for_the_same_are_the_same(texts: list[str]) -> None:
    forms = pl.select(sameness.forms(pl.lit(pl.Series(texts, dtype=pl.String)))).to_series()
    for one, form in zip(texts, forms, strict=True):
        for other, other_form in zip(texts, forms, strict=True):
            if form == other_form:
                assert sameness.form(one) == sameness.form(other)


def test_texts_that_differ_in_a_letter_or_a_sign_are_not_the_same() -> None:
    for one, other in (("Paris", "Pari"), ("AA", "Aab"), ("-1", "1"), ("1.0", "10"), ("a b", "ab"), ("", "a")):
        assert not sameness.any_same([one, other])
    assert sameness.any_same(["one", "two", "ONE "])
