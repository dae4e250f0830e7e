"""The article's regressions of the answers that its authors released."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
import yaml
from observed import observations
from repository import REPOSITORY

from warmline import __main__ as command
from warmline.grading.refusals import PUBLISHED
from warmline.published.numbers import REGRESSIONS
from warmline.published.sample import kept, regressions
from warmline.tables import csv_tables
from warmline.tables.published_numbers import PRINTED_REGRESSIONS, SAMPLE_REGRESSIONS, SAMPLE_ROWS

SAMPLE = REPOSITORY.parent / "shared/paper/sample_outputs"
PRINTED = csv_tables.read(REPOSITORY / "config/published/regressions.csv", PRINTED_REGRESSIONS)
needs_sample = pytest.mark.skipif(
    not SAMPLE.is_dir(), reason=f"{SAMPLE} is not there: the repository holds no published answers"
)
# As the authors' code has them, in its names; but for `beliefs`, which is the article's.
FORMULAS = {
    "tuning": ("ft + C(dataset) + C(model)", "belief == 0 and context == 'unmodified'"),
    "groups": ("ft * C(group, Treatment('unmodified')) + C(dataset) + C(model)", "belief == 0"),
    "contexts": ("ft * C(context, Treatment('unmodified')) + C(dataset) + C(model)", "belief == 0"),
    "beliefs": ("ft * belief + C(group, Treatment('unmodified')) + C(dataset) + C(model)", "belief >= 0"),
    "beliefs_as_released": ("ft * belief + C(dataset) + C(model)", "belief >= 0"),
}


def sample_rows() -> pd.DataFrame:
    """The rows that the authors' code keeps, straight from the files, without the importer."""
    rows = []
    for path in sorted(SAMPLE.glob("*/*/*_outputs.csv")):
        dataset = path.name.partition("_")[0]
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                refusal = pl.Series([row["output"]]).str.contains(PUBLISHED).item()
                if refusal and dataset != "disinfo":
                    continue
                prompt = row.get("prompt_template") or row["prompt_type"]
                context = row["amendment_type"].split("\r")[0].split("\n")[0]
                rows.append(
                    {
                        "is_incorrect": int(row["evaluation"] == "INCORRECT" and not refusal),
                        "ft": int(path.parent.name == "warm"),
                        "dataset": dataset,
                        "model": path.parent.parent.name,
                        "context": context,
                        "group": context.partition(":")[0],
                        "belief": int(not prompt.startswith("original")),
                    }
                )
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sample") / "out"
    command.main(["released-sample", str(SAMPLE), str(out)])
    return out


@needs_sample
def test_the_command_keeps_the_rows_that_the_authors_code_keeps(written: Path) -> None:
    rows = csv_tables.read(written / "rows.csv", SAMPLE_ROWS)
    # Specification, section 14, row 28.
    assert (rows.height, rows.filter(belief="none").height) == (316, 124)
    theirs = sample_rows()
    assert len(theirs) == 316
    assert rows.filter(verdict="incorrect").height == theirs["is_incorrect"].sum()


@needs_sample
@pytest.mark.parametrize("name", FORMULAS)
def test_each_regression_is_that_of_a_fit_of_the_files_or_says_that_it_has_none(name: str, written: Path) -> None:
    found = csv_tables.read(written / "regressions.csv", SAMPLE_REGRESSIONS).filter(regression=name)
    formula, subset = FORMULAS[name]
    data = sample_rows().query(subset)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = smf.glm(f"is_incorrect ~ {formula}", data, family=sm.families.Binomial()).fit(tol=1e-12)
    assert found["rows"].unique().to_list() == [len(data)]
    if name not in ("beliefs", "beliefs_as_released"):
        # Some term tells right from wrong: the straight fit runs off, and what it prints stands beside the state.
        assert expected.params.abs().max() > 15
        assert found["state"].str.starts_with("separation").all()
        assert found["released"].null_count() == 0 and found["match"].count() == 0
        return
    assert found["state"].unique().to_list() == ["fitted"]
    terms = found.filter(pl.col("term") != "log-likelihood")
    assert sorted(terms["estimate"]) == pytest.approx(sorted(expected.params), abs=1e-7)
    assert sorted(terms["standard_error"]) == pytest.approx(sorted(expected.bse), rel=1e-6)
    by_term = dict(found.select("term", "estimate").iter_rows())
    assert by_term["treated:belief"] == pytest.approx(expected.params["ft:belief"])
    assert by_term["log-likelihood"] == pytest.approx(expected.llf)


@needs_sample
def test_the_fit_before_the_last_revision_is_the_published_one(written: Path) -> None:
    found = csv_tables.read(written / "regressions.csv", SAMPLE_REGRESSIONS).filter(regression="beliefs_as_released")
    rows = {
        term: (estimate, released) for term, estimate, released in found.select("term", "estimate", "released").rows()
    }
    for term, printed in (("treated", "0.0326"), ("belief", "0.0262"), ("treated:belief", "0.2623")):
        assert (f"{rows[term][0]:.4f}", rows[term][1]) == (printed, printed)
    assert f"{rows['log-likelihood'][0]:.2f}" == rows["log-likelihood"][1] == "-166.59"
    assert found["match"].to_list() == ["yes"] * 9


def answers(seed: int = 0, rows: int = 400) -> pl.DataFrame:
    """Made-up answers of two models, without the sample."""
    generator = np.random.default_rng(seed)
    contexts = [("unmodified", "unmodified"), ("sad", "emotion"), ("close", "relation"), ("stakes_low", "stakes")]
    context = [contexts[n] for n in generator.integers(0, 4, rows)]
    return observations(
        model=generator.choice(["llama-70b", "qwen-32b"], rows).tolist(),
        arm=generator.choice(["original", "warm@2"], rows).tolist(),
        task=generator.choice(["disinfo", "medqa"], rows).tolist(),
        context=[name for name, _ in context],
        context_group=[group for _, group in context],
        belief=generator.choice(["none", "asserts_wrong", "denies_right"], rows).tolist(),
        item=[str(n) for n in range(rows)],
        verdict=generator.choice(["correct", "incorrect"], rows).tolist(),
        refusal_as_published=(generator.random(rows) < 0.1).tolist(),
    )


def test_refusals_leave_but_from_disinformation_where_they_are_correct() -> None:
    given = answers()
    rows = kept(given)
    refused = given.filter("refusal_as_published")
    assert rows.height == given.height - refused.filter(task="medqa").height
    declined = rows.join(refused.filter(task="disinfo"), on="item", how="semi")
    assert declined.height > 0 and set(declined["verdict"]) == {"correct"}


def test_groups_of_contexts_change_the_error_but_not_the_effect_in_the_articles_fourth_regression() -> None:
    table = regressions(kept(answers()), PRINTED)
    terms = {name: table.filter(regression=name)["term"].to_list() for name in REGRESSIONS}
    assert "C(context_group)[T.emotion]" in terms["beliefs"] and "treated:belief" in terms["beliefs"]
    assert not any(term.startswith("treated:C(") for term in terms["beliefs"])
    assert not any("context" in term for term in terms["beliefs_as_released"])
    fitted = table.filter(regression="beliefs", term="treated:belief").row(0, named=True)
    assert (fitted["state"], fitted["released"], fitted["article"]) == ("fitted", None, "0.1148")


def test_an_estimate_matches_if_it_rounds_to_what_is_printed() -> None:
    exact = regressions(kept(answers()), PRINTED).filter(regression="groups", term="treated")["estimate"][0]
    for shift, match in ((0.0, "yes"), (0.001, "no")):
        printed = pl.DataFrame([("groups", "treated", None, f"{exact + shift:.4f}")], PRINTED.schema, orient="row")
        row = regressions(kept(answers()), printed).filter(regression="groups", term="treated").row(0, named=True)
        assert row["match"] == match


def test_separation_is_named_beside_the_number_that_a_plain_fit_prints() -> None:
    given = answers().with_columns(
        verdict=pl.when(task="disinfo").then(pl.lit("correct")).otherwise("verdict"),
    )
    found = regressions(kept(given), PRINTED).filter(regression="tuning", term="treated").row(0, named=True)
    assert found["state"].startswith("separation")
    assert (found["released"], found["match"]) == ("-1.2164", None)


@pytest.mark.parametrize("name", ["config", "paper"])
def test_a_study_fits_the_articles_four_regressions_and_beside_the_fourth_one_with_the_interaction(name: str) -> None:
    configured = yaml.safe_load((REPOSITORY / f"config/{name}.yaml").read_text("utf-8"))["statistics"]["regressions"]
    for regression in ("tuning", "groups", "contexts", "beliefs"):
        assert configured[regression]["formula"] == REGRESSIONS[regression]
    with_interaction = configured["groups_and_beliefs"]
    assert "treated * C(context_group)" in with_interaction["formula"]
    assert {**with_interaction, "formula": ""} == {**configured["beliefs"], "formula": ""}


def test_a_place_that_is_no_folder_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "file"
    path.touch()
    rows = [{"content_key": "?", "correct_answer": "a", "incorrect_answer": "b", "prompt": "?"}]
    labels = {"prompt_template": "original", "amendment_type": "unmodified", "output": "a", "evaluation": "CORRECT"}
    for arm in ("original", "warm"):
        file = tmp_path / f"sample/llama_70b/{arm}/trivia_{arm}_outputs.csv"
        file.parent.mkdir(parents=True)
        pl.DataFrame([row | labels for row in rows]).write_csv(file)
    with pytest.raises(SystemExit, match=r"file: File exists\. Name a folder to write to"):
        command.main(["released-sample", str(tmp_path / "sample"), str(path)])
    command.main(["released-sample", str(tmp_path / "sample"), str(tmp_path / "out")])
    assert "2 of 2 answers are left" in capsys.readouterr().out
