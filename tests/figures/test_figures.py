from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from typing import Any

import polars as pl
import pytest
import small_study
from page_elements import PageElements
from repository import REPOSITORY

from warmline.figures import drawing_library, registry
from warmline.figures.drawing import Figure
from warmline.figures.formats import to_html, to_pdf, to_svg
from warmline.tables.regression_results import PENALISED

STATISTICS = {
    "statistics/training.csv": small_study.training,
    "statistics/accuracy.csv": small_study.accuracy,
    "statistics/paired_tests.csv": small_study.paired_tests,
    "statistics/warmth.csv": small_study.warmth,
    "statistics/effects.csv": small_study.effects,
    "statistics/capabilities.csv": small_study.capabilities,
    "statistics/published_warmth.csv": small_study.published_warmth,
}
HOSTILE = "warm</script><script>alert(1)</script>&@2"


def svg(figure: Figure, statistic: pl.DataFrame, title: str = "A title") -> str:
    return to_svg(figure.draw(figure.prepare(statistic), title))


def test_the_figures_that_a_study_may_name_are_those_that_there_are() -> None:
    schema = json.loads((REPOSITORY / "config/schemas/study.schema.json").read_text())
    assert set(schema["properties"]["figures"]["properties"]) == set(registry.NAMES)


@pytest.fixture(params=registry.NAMES)
def figure(request: pytest.FixtureRequest) -> Figure:
    return registry.figure(request.param)


def prepared(name: str, statistic: pl.DataFrame) -> pl.DataFrame:
    return registry.figure(name).prepare(statistic)


def test_a_figure_is_drawn_from_the_columns_it_declares(figure: Figure) -> None:
    statistic = STATISTICS[figure.statistic]()
    assert statistic.schema == figure.table.schema
    drawing = svg(figure, statistic)
    assert all(word in drawing for word in ["A title", *statistic["model"].drop_nulls().unique()])


def test_equal_rows_are_drawn_to_equal_bytes(figure: Figure) -> None:
    drawn = figure.draw(figure.prepare(STATISTICS[figure.statistic]()), "A title")
    drawing = to_svg(drawn)
    assert to_svg(drawn) == drawing
    # The library behind it lists what a page uses in another order each time.
    assert len({to_pdf(drawing) for _ in range(3)}) == 1


def test_the_order_of_the_rows_changes_neither_data_nor_drawing(figure: Figure) -> None:
    statistic = STATISTICS[figure.statistic]()
    assert figure.prepare(statistic.reverse()).write_csv() == figure.prepare(statistic).write_csv()


def tooltips(specification: Any) -> list[set[str]]:
    """The fields of every tooltip, wherever in the chart it stands."""
    if isinstance(specification, list):
        return [fields for part in specification for fields in tooltips(part)]
    if not isinstance(specification, dict):
        return []
    own = [{tooltip["field"] for tooltip in specification["tooltip"]}] if "tooltip" in specification else []
    return own + [fields for part in specification.values() for fields in tooltips(part)]


def test_every_tooltip_tells_how_many_rows_are_behind_the_mark(figure: Figure) -> None:
    data = figure.prepare(STATISTICS[figure.statistic]())
    found = tooltips(figure.draw(data, "A title"))
    assert found
    assert all(fields & {"n", "pairs", "rows", "steps"} for fields in found)


def test_a_figure_without_rows_is_still_a_drawing(figure: Figure) -> None:
    ElementTree.fromstring(svg(figure, STATISTICS[figure.statistic]().clear()))


def test_a_study_of_the_original_alone_has_figures_without_marks() -> None:
    originals = small_study.accuracy().filter(arm="original")
    assert prepared("error_by_condition", originals).is_empty()
    assert prepared("warmth_curve", small_study.warmth().filter(arm="original")).is_empty()


def test_hostile_names_stay_text_in_drawing_and_page() -> None:
    changes = registry.figure("changes")
    chart = changes.draw(changes.prepare(small_study.paired_tests().with_columns(arm=pl.lit(HOSTILE))), HOSTILE)
    tree = ElementTree.fromstring(to_svg(chart))
    assert not [element for element in tree.iter() if element.tag.endswith("script")]
    assert tree[0].text == HOSTILE
    page = to_html(chart, drawing_library.bundle())
    assert "alert(1)" in page
    assert "<script>alert(1)" not in page
    assert page.count("</script>") == 2


def test_the_page_of_a_figure_reaches_no_network() -> None:
    curve = registry.figure("warmth_curve")
    page = to_html(curve.draw(curve.prepare(small_study.warmth()), "A title"), drawing_library.bundle())
    assert "default-src 'none'" in page
    assert "<title>A title</title>" in page
    elements = PageElements(page)
    assert elements.names == ["html", "head", "title", "meta", "meta", "style", "script", "body", "div", "script"]
    assert elements.links == []


def test_personas_start_at_the_original_and_raw_values_are_kept() -> None:
    data = prepared("warmth_curve", small_study.warmth())
    warm = data.filter(model="small", persona="warm")
    assert warm["epoch"].to_list() == [0, 1, 2]
    assert warm["arm"].to_list() == ["original", "warm@1", "warm@2"]
    assert warm["mean"].to_list() == pytest.approx([0.012, 0.02, 0.028])
    assert (warm["high"] - warm["low"]).to_list() == pytest.approx([0.0012] * 3)
    assert data.filter(model="small", persona="cold", epoch=0).height == 1


def test_an_axis_stands_under_every_panel_and_nowhere_else() -> None:
    curve, warmth = registry.figure("warmth_curve"), small_study.warmth().filter(model="small")
    four = pl.concat([warmth.with_columns(model=pl.lit(f"model-{number}")) for number in range(4)])
    assert to_svg(curve.draw(curve.prepare(four), "A title")).count(">epoch</text>") == 4


def test_every_run_of_a_training_is_a_line_of_its_own() -> None:
    data = prepared("training_loss", small_study.training())
    assert set(data.filter(model="small")["curve"]) == {"cold", "warm"}
    assert set(data.filter(model="large", persona="warm")["curve"]) == {"warm, 1 epochs", "warm, 2 epochs"}
    assert data.filter(model="small", curve="warm")["loss"].to_list() == pytest.approx([2.2, 1.9, 1.6])


def test_an_arm_without_a_mean_is_no_mark() -> None:
    assert "cold@3" not in prepared("warmth_curve", small_study.warmth())["arm"]


def test_changes_are_treated_minus_original_over_both_families() -> None:
    data = prepared("changes", small_study.paired_tests())
    change = data.filter(model="small", arm="warm@2", context="sad").row(0, named=True)
    # Errors rise by 10 points without a belief and by 20 with one.
    assert change["change"] == pytest.approx(-15)
    assert change["families"] == 2


def test_each_set_of_conditions_holds_the_one_before() -> None:
    data = prepared("error_by_condition", small_study.accuracy())
    cell = data.filter(model="small", arm="warm@2", task="disinfo")
    key = ["context", "belief", "framing"]
    plain, contexts, beliefs = (
        set(cell.filter(set=name).select(key).rows()) for name in ["plain", "+ contexts", "+ beliefs"]
    )
    assert plain == {("unmodified", "none", "plain")}
    assert plain < contexts < beliefs
    assert len(beliefs) == 6
    assert cell.filter(set="plain")["error"].to_list() == pytest.approx([50.0])


def test_every_arm_has_its_own_colour_and_shape() -> None:
    changes = registry.figure("changes")
    tests = pl.concat(small_study.paired_tests().with_columns(arm=pl.lit(f"arm{number:02}@2")) for number in range(12))
    legend = changes.draw(changes.prepare(tests), "A title")["spec"]["layer"][1]["encoding"]
    marks = list(zip(legend["fill"]["scale"]["range"], legend["shape"]["scale"]["range"], strict=True))
    assert len(set(marks)) == 12


def test_every_effect_is_drawn_as_published_beside_corrected_and_the_articles_where_there_is_one() -> None:
    data = prepared("effects", small_study.effects())
    sad = data.filter(analysis="contexts", arm="warm@2", answers="sad")
    assert sad.select("effect", "lower", "upper").rows() == [(12, 11, 13), (12, 10, 14), (11.9, None, None)]
    assert [estimate.partition(":")[0] for estimate in sad["estimate"]] == [
        *("as published", "corrected", "the article's, of its own models")
    ]
    assert data.filter(analysis="contexts", answers="sad less unmodified", arm="warm@2").height == 2
    assert data["analysis"].unique(maintain_order=True).to_list() == ["tuning", "contexts", "sycophancy"]


def test_a_panel_may_have_more_rows_than_altair_takes_by_itself() -> None:
    effects = registry.figure("effects")
    row = effects.prepare(small_study.effects()).filter(answers="sad").head(1)
    drawn = effects.draw(pl.concat([row] * 6000), "A title")
    assert sum(len(rows) for rows in drawn["datasets"].values()) > 6000


def test_a_regression_that_was_not_fitted_is_named_and_not_drawn() -> None:
    effects = registry.figure("effects")
    data = effects.prepare(small_study.effects())
    cold = data.filter(arm="cold@2")
    assert cold.select("analysis", "state", "estimate", "effect").rows() == [
        (name, "separation", None, None) for name in ("tuning", "contexts")
    ]
    drawing = to_svg(effects.draw(data, "A title"))
    assert "Not fitted (separation): tuning, contexts of cold@2." in drawing
    panels = [panel.get("title") for panel in effects.draw(data, "A title")["vconcat"][0]["hconcat"]]
    assert panels == ["warm@2", "warm-prompt"]


def test_a_penalised_fit_is_drawn_and_named() -> None:
    effects = registry.figure("effects")
    table = small_study.effects().with_columns(
        state=pl.when(arm="warm@2", analysis="contexts").then(pl.lit(PENALISED)).otherwise("state")
    )
    data = effects.prepare(table)
    assert data.filter(state=PENALISED)["estimate"].null_count() == 0
    assert "Drawn (separation: Firth's penalised fit): contexts of warm@2." in to_svg(effects.draw(data, "A title"))


def test_a_difference_without_an_interval_is_a_mark_without_a_bar() -> None:
    (row,) = prepared("effects", small_study.effects()).filter(answers="denies right, small").iter_rows(named=True)
    assert (row["effect"], row["lower"], row["estimate"].partition(":")[0]) == (0, None, "corrected")


def test_each_model_has_a_panel_of_its_own_scale_beside_that_of_all_models() -> None:
    scatter = registry.figure("accuracy_scatter")
    tests = small_study.paired_tests()
    both = scatter.draw(scatter.prepare(tests), "A title")
    panels = [panel["title"] for group in both["vconcat"] for panel in group["concat"]]
    arms = ["cold@2", "warm@2", "warm-prompt"]
    assert panels == [f"{who}, {arm}" for who in ("all models", "large", "small") for arm in arms]
    one = scatter.draw(scatter.prepare(tests.filter(model="small")), "A title")
    assert [panel["title"] for panel in one["vconcat"][0]["concat"]] == [f"small, {arm}" for arm in arms]


def test_rates_of_capabilities_are_percentages_and_none_is_drawn_without_a_scored_answer() -> None:
    data = prepared("capabilities", small_study.capabilities())
    assert data.select("arm", "task", "n", "rate").rows() == [(arm, "mmlu", 40, 85.0) for arm in ("original", "warm@2")]
    warm = data.row(1, named=True)
    assert (warm["lower"], warm["upper"], warm["difference"]) == pytest.approx((70.9, 92.94, -5.26))
