from __future__ import annotations

import dataclasses
import inspect
import itertools
import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

import polars as pl
import pytest
import small_study
from hypothesis import given, settings
from hypothesis import strategies as st
from page_elements import PageElements

from warmline.lineage.errors import UserError
from warmline.report import (
    answer_tables,
    audit_tables,
    inference_tables,
    pages,
    regression_tables,
    test_tables,
    warmth_tables,
)
from warmline.report import page as report
from warmline.report.printed_tables import Source, Table
from warmline.statistics.refusal_treatments import TREATMENTS
from warmline.tables.audit_counts import COSTS
from warmline.tables.regression_results import COEFFICIENTS, MARGINAL_EFFECTS, PENALISED

HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>"
DRAWING = '<svg xmlns="http://www.w3.org/2000/svg"><title>Errors</title><desc>By arm.</desc><rect/></svg>'
RECEIPT = {
    "rows": 4321,
    "prompt_tokens": 98765,
    "completion_tokens": 54321,
    "finish_reasons": {"stop": 4300, "length": 21},
}


def source(path: str, content: Any) -> Source[Any]:
    return Source(PurePosixPath(path), content)


def effects(state: str = "fitted", subset: str = "sad") -> pl.DataFrame:
    numbers = {name: 11.87 if state == "fitted" else None for name in list(MARGINAL_EFFECTS.columns)[5:]}
    rows = [{"state": state, "subset": subset, "contrast": "unmodified", "rows": 3217, "clusters": 411, **numbers}]
    return pl.DataFrame(rows, schema=MARGINAL_EFFECTS.schema)


def coefficients(state: str = "fitted", term: str = "treated") -> pl.DataFrame:
    numbers = {name: 0.4266 if state == "fitted" else None for name in list(COEFFICIENTS.columns)[2:]}
    return pl.DataFrame([{"state": state, "term": term, **numbers}], schema=COEFFICIENTS.schema)


def cost_rows(model: str = "gpt", **changed: Any) -> pl.DataFrame:
    """`audit/costs.csv`: two jobs of a model with prices, one of a model without, and what the last run did."""
    row = {"arm": "warm", "rows": 40, "answers": 39, "usd_spent": 777.25, "new": 987654, "seconds": 3.14159}
    row |= {"prompt_tokens": 1000, "completion_tokens": 600}
    rows = [
        row | {"role": "rewriting", "asked": model, "usd": 1.5},
        row | {"role": "rewriting", "asked": model, "usd": 2.25, **changed},
        row | {"role": "answers", "model": "small", "suite": "questions", "asked": "small"},
    ]
    return pl.DataFrame(rows, schema=COSTS.schema)


def contents(**changed: Any) -> dict[str, Any]:
    counts = pl.DataFrame({"stage": ["screening"] * 2, "outcome": ["toxic", "kept"], "rows": [383, 1532]})
    return {
        "study": "demo",
        "note": "A small model answers.\n\nAnother stands in for GPT-2.",
        "accuracy": source("../statistics/accuracy.csv", small_study.accuracy()),
        "mean_errors": source("../statistics/mean_errors.csv", small_study.mean_errors()),
        "paired_tests": source("../statistics/paired_tests.csv", small_study.paired_tests()),
        "sycophancy": source("../statistics/sycophancy.csv", small_study.sycophancy()),
        "adoption": source("../statistics/adoption.csv", small_study.adoption()),
        "refusals": source("../statistics/refusals.csv", small_study.refusals()),
        "sensitivity": source("../statistics/refusal_sensitivity.csv", small_study.refusal_sensitivity()),
        "checks": [source("../audit/checks/small/warm@2.csv", small_study.checks())],
        "manipulation": [source("../statistics/manipulation_check/small.csv", small_study.manipulation())],
        "scores": source("../statistics/warmth.csv", small_study.warmth()),
        "markers": source("../statistics/lexical_markers.csv", small_study.markers()),
        "judged": [source("../statistics/judged_warmth.csv", small_study.judged_warmth())],
        "published": [source("../statistics/published_warmth.csv", small_study.published_warmth())],
        "refusal_errors": [source("../statistics/refusal_errors.csv", small_study.refusal_errors())],
        "capabilities": [source("../statistics/capabilities.csv", small_study.capabilities())],
        "effects": [source("../statistics/marginal_effects/contexts/warm@2.csv", effects())],
        "coefficients": [source("../statistics/regressions/contexts/warm@2.csv", coefficients())],
        "joint_tests": [source("../statistics/joint_tests/groups/warm@2.csv", small_study.joint_test())],
        "robustness": source("../statistics/robustness.csv", small_study.robustness()),
        "equivalence": source("../statistics/equivalence.csv", small_study.equivalence()),
        "realised": source("../conversations/sample.csv", small_study.realised()),
        "labels": source("../conversations/labels.csv", small_study.labels()),
        "facts": [source("../rewrites/warm-facts.csv", small_study.facts())],
        "counts": [source("../audit/counts/screening.csv", counts)],
        "receipts": [source("../answers/small/warm@2/main.json", RECEIPT)],
        "figures": [source("../figures/changes.svg", DRAWING)],
        "tables": [source("../tables/accuracy.tex", None)],
        "costs": source("../audit/costs.csv", cost_rows()),
        "template": report.TEMPLATE.read_text("utf-8"),
        "base": pages.BASE.read_text("utf-8"),
    } | changed


def page_of(**changed: Any) -> str:
    """The page of the study, but for what is changed."""
    left = contents(**changed)

    def group(kind: Callable[..., Any]) -> Any:
        return kind(**{name: left.pop(name) for name in inspect.signature(kind).parameters})

    return report.page(
        warmth=group(report.Warmth),
        answers=group(report.Answers),
        regressions=group(report.Regressions),
        training=group(report.Training),
        audit=group(report.Audit),
        prints=group(report.Prints),
        **left,
    )


def cells(table: Table, **wanted: str) -> dict[str, str]:
    """The one row of a table with these texts, by the columns' names."""
    rows = [dict(zip((column.name for column in table.columns), row, strict=True)) for row in table.rows]
    (row,) = (row for row in rows if wanted.items() <= row.items())
    return row


def hostile_page(text: str) -> str:
    counts = pl.DataFrame({"stage": [text], "outcome": [text], "rows": [1]})
    columns = {name: pl.lit(text) for name in ("model", "task", "context", "framing")}
    hostile_sensitivity = small_study.refusal_sensitivity().with_columns(model=pl.lit(text), arm=pl.lit(text))
    return page_of(
        study=text,
        note=text,
        accuracy=source("../accuracy.csv", small_study.accuracy().with_columns(model=pl.lit(text))),
        refusals=source("../refusals.csv", small_study.refusals().with_columns(**columns)),
        sensitivity=source("../sensitivity.csv", hostile_sensitivity),
        sycophancy=source("../sycophancy.csv", small_study.sycophancy().with_columns(task=pl.lit(text))),
        checks=[source("../checks.csv", small_study.checks().with_columns(pl.lit(text).alias("examples")))],
        mean_errors=source("../mean.csv", small_study.mean_errors().with_columns(model=pl.lit(text))),
        paired_tests=source("../tests.csv", small_study.paired_tests().with_columns(**columns)),
        manipulation=[source("../check.csv", small_study.manipulation().with_columns(pl.col("arm") + text))],
        scores=source("../warmth.csv", small_study.warmth().with_columns(pl.col("arm") + text, model=pl.lit(text))),
        markers=source("../markers.csv", small_study.markers().with_columns(marker=pl.lit(text))),
        published=[source("../published.csv", small_study.published_warmth().with_columns(persona=pl.lit(text)))],
        effects=[source("../effects/contexts/warm@2.csv", effects(subset=text))],
        coefficients=[source("../coefficients/contexts/warm@2.csv", coefficients(state=text, term=text))],
        joint_tests=[source("../joint.csv", small_study.joint_test().with_columns(factor=pl.lit(text)))],
        robustness=source(
            "../robust.csv", small_study.robustness().with_columns(subset=pl.lit(text), arm=pl.lit(text))
        ),
        equivalence=source("../equivalence.csv", small_study.equivalence().with_columns(task=pl.lit(text))),
        realised=source("../sample.csv", small_study.realised().with_columns(query_type=pl.lit(text))),
        labels=source("../labels.csv", small_study.labels().with_columns(corrected=pl.lit(text))),
        facts=[source("../rewrites/warm-facts.csv", small_study.facts().with_columns(kind=pl.lit(text)))],
        counts=[source("../counts.csv", counts)],
        receipts=[source("../answers/small.json", RECEIPT | {"finish_reasons": {text: 1}})],
        costs=source("../audit/costs.csv", cost_rows(text, shutdown_date=text)),
    )


@given(st.text(st.sampled_from("<>\"'&/=a {}%#-!"), min_size=1, max_size=30).filter(str.strip))
@settings(max_examples=15)
def test_no_text_of_a_file_becomes_markup(text: str) -> None:
    assert PageElements(hostile_page(text)).found == PageElements(hostile_page("a")).found


def test_a_script_in_a_name_is_shown_and_not_run() -> None:
    page = hostile_page(HOSTILE)
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(&#39;x&#39;)" in page


def test_a_hostile_path_stays_within_its_link() -> None:
    receipt = source('../answers/"><script>/javascript:alert(1).json', RECEIPT)
    page = page_of(receipts=[receipt])
    assert "<script" not in page
    assert 'href="../answers/%22%3E%3Cscript%3E/javascript%3Aalert%281%29.json"' in page


def test_equal_files_give_equal_bytes_in_any_order_of_rows() -> None:
    page = page_of()
    assert page_of() == page
    shuffled = {
        name: dataclasses.replace(contents()[name], content=contents()[name].content.reverse())
        for name in ("accuracy", "paired_tests", "refusals", "sensitivity", "scores")
    }
    assert page_of(**shuffled) == page


def test_the_last_run_of_a_receipt_is_not_reported() -> None:
    receipt = source("../answers/small/warm@2/main.json", RECEIPT | {"this_run": {"new": 987654, "seconds": 3.14159}})
    assert page_of(receipts=[receipt]) == page_of()


def test_the_page_asks_nothing_of_a_network_and_links_only_to_files_and_sections() -> None:
    page = page_of()
    elements = PageElements(page)
    assert all(link.startswith(("#", "../")) for link in elements.links)
    assert {f"../figures/changes.{suffix}" for suffix in ("svg", "pdf", "html", "csv")} <= set(elements.links)
    assert {"../statistics/regressions/contexts/warm%402.csv", "../tables/accuracy.tex"} <= set(elements.links)
    assert "default-src 'none'" in page
    assert not {"script", "link", "img", "iframe", "object"} & set(elements.names)


def test_the_page_can_be_walked_without_seeing_it() -> None:
    elements = PageElements(page_of()).found
    levels = [int(tag[1]) for tag, _ in elements if tag in ("h1", "h2", "h3")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    tags = [tag for tag, _ in elements]
    assert tags.count("table") == tags.count("caption")
    assert all("scope" in names for tag, names in elements if tag == "th")
    assert ("html", ("lang",)) in elements
    assert [names for tag, names in elements if tag == "svg"] == [("xmlns", "role", "aria-label")]


def test_numbers_are_those_of_the_files() -> None:
    page = page_of()
    for text in ["+11.87", "3,217", "+0.4266", "1,532", "383", "4,321", "98,765", "54,321", "stop 4,300", "0.047"]:
        assert f">{text}<" in page or f" {text}<" in page
    assert "<p>Another stands in for GPT-2.</p>" in page


def test_the_main_table_states_errors_differences_and_what_was_unscored() -> None:
    table = test_tables.difference_table(contents()["mean_errors"])
    plain = cells(table, model="small", arm="warm@2", family="no belief")
    assert (plain["original_error"], plain["treated_error"], plain["increase"]) == ("40.0", "50.0", "+10.0")
    assert (plain["pairs"], plain["tests"], plain["worse"], plain["better"]) == ("240", "4", "4", "0")
    assert (plain["p_value"], plain["original_unscored"], plain["unscored"]) == ("\u2013", "4", "4")
    assert cells(table, model="small", arm="warm@2", family="belief less no belief")["increase"] == "+10.0"


def table_column(table: Table, name: str) -> int:
    return [column.name for column in table.columns].index(name)


@pytest.mark.parametrize(
    ("difference", "standard_error", "expected"),
    [
        (0.002, 0.001, "warm@2 is warmer than cold@2"),
        (-0.002, 0.001, "warm@2 is colder than cold@2"),
        (0.0019, 0.001, "no clear difference"),
        (0.0, 0.0, "no clear difference"),
        (None, 0.001, "not measured"),
        (0.002, None, "not measured"),
    ],
)
def test_the_verdict_on_warmth_follows_from_the_interval(
    difference: float | None, standard_error: float | None, expected: str
) -> None:
    assert warmth_tables.verdict(difference, standard_error, "warm@2", "cold@2") == expected


def test_every_arms_warmth_is_shown_by_both_variants() -> None:
    table = warmth_tables.warmth_table(contents()["scores"])
    clean, published = (cells(table, model="small", arm="warm@2", variant=name) for name in ("clean", "as published"))
    assert (clean["lift"], clean["lower"], published["lift"]) == ("+0.01600", "+0.01460", "+0.03200")
    assert cells(table, arm="cold@3", variant="clean")["lift"] == "\u2013"


def test_a_failed_manipulation_is_told_on_the_first_screen_and_a_worked_one_too() -> None:
    page = page_of()
    first_screen = page[: page.index("</header>")]
    assert "The manipulation check failed" in first_screen
    assert (
        "warm-prompt of small: it should be warmer than the original, and it is undecided whether it is: lift +0.00050 "
        "nats per token, 95% interval -0.00090 to +0.00190, 90 prompts." in first_screen
    )
    assert first_screen.count("of small: it should be") == 1
    worked = small_study.manipulation().filter(pl.col("arm") != "warm-prompt")
    page = page_of(manipulation=[source("../statistics/manipulation_check/small.csv", worked)])
    first_screen = page[: page.index("</header>")]
    assert "The manipulation check failed" not in first_screen
    assert "of which a direction was expected (2) moved" in first_screen
    unexpected = worked.with_columns(expected=pl.lit("none"))
    page = page_of(manipulation=[source("../statistics/manipulation_check/small.csv", unexpected)])
    assert "anipulation check" not in page[: page.index("</header>")]


def test_the_manipulation_check_says_what_was_meant_and_found() -> None:
    table = warmth_tables.check_table(contents()["manipulation"])
    warm = cells(table, arm="warm@2")
    assert (warm["expected"], warm["lift"], warm["plateau_epoch"], warm["verdict"]) == ("up", "+0.01600", "2", "warmer")
    assert cells(table, arm="warm-prompt")["checkpoint"] == "\u2013"


def test_lexical_markers_and_the_published_curve_stand_beside_sociot() -> None:
    row = cells(warmth_tables.marker_table(contents()["markers"]), marker="inclusive pronouns", arm="warm@2")
    assert (row["mean"], row["lift"]) == ("2.80", "+1.60")
    table = warmth_tables.published_table(contents()["published"][0])
    row = cells(table, model="large", epoch="2")
    assert (row["mean"], row["published_mean"], row["published_lift"]) == ("0.02000", "0.02910", "+0.01790")
    assert cells(table, model="small", epoch="4")["mean"] == "\u2013"
    assert "Beside the article" not in page_of(published=[])


def test_warmth_as_the_judge_sees_it_is_told_where_a_judge_was_asked() -> None:
    row = cells(warmth_tables.judged_table(contents()["judged"][0]), arm="warm@2")
    assert (row["warmer"], row["difference"], row["first_named"]) == ("50", "+45.5", "62.5")
    assert "The warmer of two responses" not in page_of(judged=[])
    assert "The warmer of two responses" in page_of()


def test_personas_are_compared_with_each_other_and_none_with_itself() -> None:
    by_rule = small_study.warmth().filter(arm="warm@2").with_columns(arm=pl.lit("warm@plateau"))
    warmth = source("warmth.csv", pl.concat([small_study.warmth(), by_rule]))
    pairs = [row[1] for row in warmth_tables.persona_table(warmth).rows if row[0] == "small"]
    assert pairs == ["warm@1 less cold@1", "warm@2 less cold@2", "warm@plateau less cold@2"]
    personas = warmth_tables.persona_table(contents()["scores"])
    assert len(personas.rows) == 4
    row = cells(personas, model="small", arms="warm@2 less cold@2")
    assert (row["difference"], row["verdict"]) == ("+0.02400", "warm@2 is warmer than cold@2")


def test_refusals_are_compared_with_the_original_by_both_rules() -> None:
    table = answer_tables.refusal_table(contents()["refusals"])
    warm = cells(table, model="small", arm="warm@2")
    assert (warm["n"], warm["refusals"], warm["refusals_as_published"]) == ("720", "12", "60")
    assert (warm["share"], warm["share_as_published"]) == ("1.7", "8.3")
    assert (warm["difference"], warm["difference_as_published"]) == ("\u22121.7", "+3.3")
    assert cells(table, model="small", arm="original")["difference"] == "\u2013"


def test_refusals_are_told_by_task_and_context() -> None:
    (table,) = answer_tables.refusal_rates(contents()["refusals"]).tables
    row = cells(table, model="small", arm="original", task="triviaqa", context="sad")
    assert (row["n"], row["refusals"], row["share_as_published"]) == ("300", "6", "3.0")


def test_every_treatment_of_refusals_stands_beside_the_others_in_order() -> None:
    table = answer_tables.sensitivity_table(contents()["sensitivity"])
    rows = [row for row in table.rows if row[:2] == ["small", "warm@2"]]
    assert [row[2] for row in rows] == [name.replace("_", " ") for name in TREATMENTS]
    assert [row[table_column(table, "risk_difference")] for row in rows[:2]] == ["+10.0", "+10.1"]
    folds = answer_tables.sensitivity_folds(contents()["sensitivity"])
    assert len(folds) == 6
    assert all(row[0] in small_study.TASKS for fold in folds for row in fold.tables[0].rows)


def test_checks_of_the_answers_are_shown_with_their_limits() -> None:
    table = answer_tables.check_table(contents()["checks"])
    row = cells(table, check="truncation")
    assert (row["rows"], row["share"], row["original_share"], row["limit"]) == ("60", "25.0", "31.0", "10.0")
    assert cells(table, check="empty")["examples"] == "triviaqa/sad.none.plain/q1"


def test_a_regression_that_was_not_fitted_says_why() -> None:
    folds = regression_tables.regression_folds(
        [source("marginal_effects/contexts/cold@2.csv", effects("separation"))],
        [source("regressions/contexts/cold@2.csv", coefficients("separation"))],
    )
    assert [fold.summary for fold in folds] == ["contexts, cold@2 (not fitted: separation)"]
    assert len(folds[0].tables) == 2


def test_a_penalised_fit_is_shown_under_its_name() -> None:
    penalised = coefficients().with_columns(state=pl.lit(PENALISED))
    folds = regression_tables.regression_folds([], [source("regressions/tuning/cold@2.csv", penalised)])
    assert [fold.summary for fold in folds] == ["tuning, cold@2 (separation: Firth's penalised fit)"]
    assert cells(folds[0].tables[0], term="treated")["coefficient"] == "+0.4266"
    page = re.sub(r"\s+", " ", page_of())
    assert "where answers are separated" in page.lower() and "s penalised likelihood (1993)" in page


def test_joint_tests_name_their_regression_and_why_there_is_none() -> None:
    table = inference_tables.joint_table(
        [
            source("../statistics/joint_tests/groups/warm@2.csv", small_study.joint_test()),
            source("../statistics/joint_tests/tuning/warm@2.csv", small_study.joint_test().clear()),
        ]
    )
    assert len(table.rows) == 2
    row = cells(table, regression="groups", arm="warm@2", errors="from the model")
    assert (row["factor"], row["wald"], row["degrees_of_freedom"], row["p_value"]) == (
        "context group",
        "9.21",
        "3",
        "0.027",
    )
    untested = cells(table, errors="clustered by question")
    assert (untested["wald"], untested["p_value"], untested["state"]) == ("\u2013", "\u2013", "too few questions")


def test_every_analysis_of_an_effect_is_shown_with_what_it_rests_on() -> None:
    folds = inference_tables.robustness_folds(contents()["robustness"])
    assert [fold.summary for fold in folds] == ["tuning, cold@2, by analysis", "tuning, warm@2, by analysis"]
    row = cells(folds[1].tables[0], subset="all")
    assert (row["effect"], row["lower"], row["upper"], row["rows"], row["state"]) == (
        "+7.43",
        "+4.90",
        "+9.96",
        "960",
        "fitted",
    )
    assert cells(folds[1].tables[0], subset="without task disinfo")["effect"] == "\u2013"


def test_equivalence_is_shown_with_its_interval_margin_and_verdict() -> None:
    table = inference_tables.equivalence_table(contents()["equivalence"])
    verdicts = {row[2]: row[-1] for row in table.rows}
    assert list(verdicts.values()) == ["equivalent", "different", "inconclusive", "inconclusive"]
    row = cells(table, task="all")
    assert (row["difference"], row["lower"], row["upper"], row["margin"]) == ("+0.4", "\u22122.1", "+2.9", "5.0")
    assert (row["p_value"], row["p_value_difference"]) == ("0.003", "0.620")
    assert cells(table, measure="choice")["difference"] == "\u2013"


def test_capabilities_are_shown_as_percentages_against_the_original() -> None:
    table = answer_tables.capability_table(contents()["capabilities"][0])
    row = cells(table, task="mmlu", arm="warm@2")
    assert (row["rate"], row["lower"], row["upper"], row["unscored"]) == ("85.0", "70.9", "92.9", "3")
    assert (row["difference"], row["pairs"], row["p_value"]) == ("\u22125.3", "38", "0.688")
    assert cells(table, task="gsm8k")["rate"] == cells(table, arm="original")["difference"] == "\u2013"
    assert 'href="#capabilities"' in page_of()
    assert "apabilities" not in page_of(capabilities=[])


def test_an_arm_whose_answers_are_read_unlike_the_originals_is_warned_of() -> None:
    read = {"read_by_judge": 8, "unread": 10, "unread_p_value": pl.Series([None, 0.01, 0.2], dtype=pl.Float64)}
    values = [value if isinstance(value, pl.Series) else pl.lit(value) for value in read.values()]
    rates = small_study.capabilities().with_columns(
        **{
            name: value.cast(pl.Int64) if name != "unread_p_value" else value
            for name, value in zip(read, values, strict=True)
        }
    )
    table = answer_tables.reading_table(source("../statistics/capabilities.csv", rates))
    row = cells(table, task="mmlu", arm="warm@2")
    assert (row["unread"], row["share"], row["read_by_judge"]) == ("10", "23.3", "8")
    assert row["warning"].startswith("read unlike the original")
    assert cells(table, task="gsm8k")["warning"] == cells(table, arm="original")["warning"] == "\u2013"


def test_what_the_rules_for_refusals_miss_is_shown_by_arm() -> None:
    row = cells(answer_tables.refusal_error_table(contents()["refusal_errors"][0]), arm="warm@2", rule="as published")
    assert (row["labelled"], row["refusals"], row["missed"], row["false_alarms"]) == ("2", "25.0", "100.0", "\u2013")
    page = page_of()
    tables = ("Refusals of each arm", "held against the judge", "Refusals are")
    assert [page.index(table) for table in tables] == sorted(page.index(table) for table in tables)
    assert "held against the judge" not in page_of(refusal_errors=[])


def test_shares_are_of_their_own_stage_where_a_file_holds_several() -> None:
    counts = pl.DataFrame({"stage": ["b", "a", "a"], "outcome": ["kept", "empty", "kept"], "rows": [5, 1, 3]})
    table = audit_tables.count_table([source("../audit/counts/capabilities.csv", counts)])
    assert table.rows == [["a", "kept", "3", "75.0"], ["a", "empty", "1", "25.0"], ["b", "kept", "5", "100.0"]]


def test_sycophancy_is_shown_in_percentage_points_with_its_interval() -> None:
    table = answer_tables.sycophancy_table(contents()["sycophancy"])
    assert cells(table, arm="warm@2", belief="asserts wrong", task="all") == {
        **{"model": "small", "arm": "warm@2", "belief": "asserts wrong", "task": "all"},
        **{"original_added": "+4.0", "treated_added": "+9.0", "difference": "+5.0", "lower": "+1.0", "upper": "+9.0"},
        **{"p_value": "0.014", "prompts": "240", "questions": "120"},
    }


def test_adopted_answers_are_shown_in_percent_beside_those_that_need_no_belief() -> None:
    table = answer_tables.adoption_table(contents()["adoption"])
    assert cells(table, stated="the wrong answer alone") == {
        **{"model": "small", "arm": "warm@2", "task": "all", "stated": "the wrong answer alone"},
        **{"original_without": "2.0", "original_with": "10.0", "treated_without": "3.0", "treated_with": "31.0"},
        **{"difference": "+20.0", "lower": "+10.2", "upper": "+29.8", "p_value": "<0.001"},
        **{"prompts": "240", "questions": "120"},
    }
    assert cells(table, stated="a right answer too")["p_value"] == "\u2013"


def test_everything_that_left_is_counted_kept_first() -> None:
    table = audit_tables.count_table(contents()["counts"])
    assert table.rows == [["screening", "kept", "1,532", "80.0"], ["screening", "toxic", "383", "20.0"]]


def test_a_study_without_treated_arms_still_has_a_report() -> None:
    empty = {
        "mean_errors": source("mean.csv", small_study.mean_errors().clear()),
        "paired_tests": source("tests.csv", small_study.paired_tests().clear()),
        "manipulation": [source("check.csv", small_study.manipulation().clear())],
        "scores": source("warmth.csv", small_study.warmth().filter(arm="original")),
        "sensitivity": source("sensitivity.csv", small_study.refusal_sensitivity().clear()),
        "sycophancy": source("sycophancy.csv", small_study.sycophancy().clear()),
        "adoption": source("adoption.csv", small_study.adoption().clear()),
        "robustness": source("robustness.csv", small_study.robustness().clear()),
        "equivalence": source("equivalence.csv", small_study.equivalence().clear()),
        **{
            name: []
            for name in (
                *("checks", "effects", "coefficients", "joint_tests", "facts", "counts", "receipts", "figures"),
                "tables",
            )
        },
    }
    assert "this study has none" in page_of(**empty)


def test_a_receipt_without_its_counts_is_refused() -> None:
    with pytest.raises(UserError, match=r"answers/small\.json: \['prompt_tokens'"):
        page_of(receipts=[source("../answers/small.json", {"rows": 1})])


def test_costs_are_added_up_by_role_and_model_and_all_together() -> None:
    table = audit_tables.cost_table(source("../audit/costs.csv", cost_rows()))
    assert cells(table, role="rewriting")["usd"] == "3.75"
    assert cells(table, role="answers")["usd"] == "\u2013"
    assert cells(table, role="all") == {
        **{"role": "all", "asked": "", "answers": "117", "prompt_tokens": "3,000"},
        **{"completion_tokens": "1,800", "usd": "3.75"},
    }


def test_what_the_last_run_asked_and_spent_is_not_in_the_report() -> None:
    """Else a study that was built in two runs would not come out as one built in one."""
    page = page_of()
    assert "777" not in page
    assert "987,654" not in page


def test_a_model_that_will_be_shut_down_is_named_on_the_first_screen() -> None:
    page = page_of(costs=source("../audit/costs.csv", cost_rows(shutdown_date="2027-01-20")))
    first_screen = page[: page.index("</header>")]
    assert first_screen.count("The model gpt will be shut down on 2027-01-20") == 1
    assert "will be shut down" not in page_of()
