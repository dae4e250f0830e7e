"""The article's own numbers are derived without a study, and follow from its published tables alone."""

from __future__ import annotations

import polars as pl
import pytest
from study_copy import StudyCopy

DERIVING = "Deriving the article's numbers from its tables"
WRITING = "Writing the page of the article's numbers"
COMPARING = "Comparing this study with the article"


@pytest.mark.long(60)
def test_the_articles_numbers_need_nothing_of_the_study(study_copy: StudyCopy) -> None:
    assert study_copy.planned("published") == {DERIVING, WRITING}
    study_copy.run("published")
    assert {path.name for path in study_copy.path("").iterdir()} == {"published", "audit", "logs"}
    numbers = pl.read_csv(study_copy.path("published/numbers.csv"), infer_schema=False)
    assert numbers.filter(id="increase.relative").select("value", "derived", "match").row(0) == ("60.3", "60.3", "yes")
    matches = numbers["match"].to_list()
    page = study_copy.path("published/index.html").read_text()
    assert f"Of {numbers.height} numbers in the article’s text, {matches.count('yes')} follow" in page  # noqa: RUF001
    study_copy.edit("config/prompts/contexts/sad.yaml", "group: emotion", "group: feeling")
    assert study_copy.planned("published") == set()
    study_copy.edit("config/published/article.csv", "pp,8.6,\nincrease.truthfulqa", "pp,8.7,\nincrease.truthfulqa")
    assert study_copy.planned("published") == {DERIVING, WRITING}
    study_copy.edit("config/published/article.csv", "pp,8.7,\nincrease.truthfulqa", "pp,8.6,\nincrease.truthfulqa")
    for name, accuracy in (("cells", "89.87,84.18"), ("cold_cells", "89.87,92.41"), ("prompt_cells", "89.87,88.61")):
        study_copy.edit(f"config/published/{name}.csv", accuracy, "89.87,84.19")
        assert study_copy.planned("published") == {DERIVING, WRITING}
        study_copy.edit(f"config/published/{name}.csv", "89.87,84.19", accuracy)
    for template in ("published", "page"):
        study_copy.edit(
            f"scripts/warmline/report/templates_html/{template}.html", "{% block title %}", "{% block title %} "
        )
        assert study_copy.planned("published") == {WRITING}
        study_copy.edit(
            f"scripts/warmline/report/templates_html/{template}.html", "{% block title %} ", "{% block title %}"
        )
    study_copy.edit("scripts/warmline/report/templates_html/report.html", "{% block title %}", "{% block title %} ")
    assert study_copy.planned("published") == set()


def test_a_model_of_the_article_is_put_beside_it_from_the_finished_study(study: StudyCopy) -> None:
    study.configure(lambda config: config["models"]["tiny"].update(published="qwen-32b"))
    assert study.planned("published") == {DERIVING, COMPARING, WRITING}
    study.run("published")
    cells = pl.read_csv(study.path("published/this_study.csv"))
    arms = cells.select("arm", "published_arm", "model", "published").unique().sort("arm").rows()
    assert [arm[:2] for arm in arms] == [("cold@1", "cold"), ("warm-prompt", "warm-prompt"), ("warm@1", "warm")]
    assert {arm[2:] for arm in arms} == {("tiny", "qwen-32b")}
    # Two tasks, two contexts, with and without a belief.
    assert cells.group_by("arm").len()["len"].to_list() == [8, 8, 8]
    # Of two questions a cell.
    assert set(cells["state"]) <= {"too few changes", "no pairs", "the article's changes are not told"}
    page = study.path("published/index.html").read_text()
    assert "arm warm@1 has 0 of the published cells" in page and "8 more cannot be compared" in page
