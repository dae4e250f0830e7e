from __future__ import annotations

import re

import polars as pl
import pytest
import small_study

from warmline.report import latex
from warmline.report.printed_tables import Column, Table, printed, signed
from warmline.tables.regression_results import COEFFICIENTS, PENALISED


def coefficient_rows(state: str = "fitted") -> pl.DataFrame:
    rows = [("treated", 0.4266, 0.027, 0.0004), ("C(task)[T.medqa]", -2.3927, 0.089, 0.2)]
    table = pl.DataFrame(rows, schema=["term", "coefficient", "standard_error", "p_value"], orient="row")
    columns = {"state": pl.lit(state), "standard_error_clustered": pl.lit(0.05), "p_value_clustered": pl.lit(0.01)}
    return small_study.declared(table.with_columns(**columns), COEFFICIENTS)


def all_tables() -> dict[str, Table]:
    return {
        "accuracy": latex.accuracy(small_study.accuracy()),
        "paired_tests": latex.paired_tests(small_study.paired_tests()),
        "coefficients": latex.coefficients([("tuning", "warm@2", coefficient_rows())]),
        "marginal_effects": latex.marginal_effects(small_study.effects()),
        "sycophancy": latex.sycophancy(small_study.sycophancy()),
        "warmth": latex.warmth(small_study.warmth()),
    }


def lines(text: str) -> list[list[str]]:
    """The cells of the rows between the foot and the end of a longtable."""
    body = re.search(r"\\endlastfoot\n(.*)\\end\{longtable\}", text, re.DOTALL)
    assert body
    return [re.split(r"(?<!\\) & ", line.removesuffix(" \\\\")) for line in body[1].splitlines()]


@pytest.mark.parametrize("name", all_tables())
def test_every_row_fills_the_columns_and_every_group_is_closed(name: str) -> None:
    table = all_tables()[name]
    text = latex.latex(table, name)
    begun, ended = (re.findall(rf"\\{word}\{{(\w+)\}}", text) for word in ("begin", "end"))
    assert begun == ended == ["longtable"]
    assert text.count("\\begingroup") == text.count("\\endgroup") == 1
    assert [len(cells) for cells in lines(text)] == [len(table.columns)] * len(table.rows)
    (alignment,) = re.findall(r"\\begin\{longtable\}\{([lr]+)\}", text)
    assert len(alignment) == len(table.columns)
    # Beyond these, plain LaTeX has no sign for a character.
    assert text.isascii()
    assert text.count("\\toprule") == 2 and "\\label{tab:" in text


def test_whatever_a_cell_holds_is_text() -> None:
    hostile = r"\input{secret} 100% of a_b & #1 $x$ ~ ^ {"
    table = printed(pl.DataFrame({"arm": [hostile]}), "A caption.", [Column("arm", "Arm")], [])
    (cells,) = lines(latex.latex(table, "hostile"))
    assert cells == [
        r"\textbackslash input\{secret\} 100\% of a\_b \& \#1 \$x\$ \textasciitilde \space \textasciicircum \space \{"
    ]


def test_signs_and_missing_numbers_are_latex() -> None:
    frame = pl.DataFrame({"arm": ["a", "b"], "effect": [-1.5, None]})
    table = printed(frame, "A caption.", [Column("arm", "Arm"), Column("effect", "Effect", signed(1))], [])
    assert lines(latex.latex(table, "signs")) == [["a", "$-$1.5"], ["b", "--"]]


def test_a_table_without_rows_is_one_of_dashes() -> None:
    text = latex.latex(latex.coefficients([]), "coefficients")
    assert lines(text) == [["--"] * 8]
    assert "\\multicolumn{8}" in text


def test_accuracy_is_pooled_over_contexts_by_task_and_arm_without_and_with_a_belief() -> None:
    rows = [row for row in all_tables()["accuracy"].rows if row[:3] == ["small", "triviaqa", "warm@2"]]
    # 50 and 40 of 100 right in every cell, of which there are two without and four with a belief.
    assert rows == [
        ["small", "triviaqa", "warm@2", "no belief", "50.0", "200", "2"],
        ["small", "triviaqa", "warm@2", "belief", "40.0", "400", "4"],
    ]


def test_a_framed_test_is_told_from_a_plain_one() -> None:
    contexts = {row[3] for row in all_tables()["paired_tests"].rows}
    assert contexts == {"sad", "unmodified", "sad, framed"}


def test_a_regression_that_was_not_fitted_says_why_instead_of_its_terms() -> None:
    table = latex.coefficients([("tuning", "cold@2", coefficient_rows("separation").head(1))])
    assert table.rows[0][:3] == ["tuning", "cold@2", "not fitted: separation"]


def test_a_penalised_fit_is_printed_under_its_name() -> None:
    table = latex.coefficients([("tuning", "cold@2", coefficient_rows(PENALISED).head(1))])
    assert table.rows[0][2].endswith(" (Firth)") and table.rows[0][3] != "\u2013"
    effects = small_study.effects().filter(analysis="contexts").with_columns(state=pl.lit(PENALISED))
    assert {row[2].endswith(" (Firth)") for row in latex.marginal_effects(effects).rows} == {True}
    assert "Firth" in table.caption


def test_effects_stand_beside_the_articles_and_without_sycophancy() -> None:
    table = all_tables()["marginal_effects"]
    assert {row[0] for row in table.rows} == {"contexts", "tuning"}
    (sad,) = (row for row in table.rows if row[:3] == ["contexts", "warm@2", "sad"])
    assert sad[3:] == ["+12.00", "+11.00", "+13.00", "0.001", "+10.00", "+14.00", "0.020", "160", "40", "11.90"]
