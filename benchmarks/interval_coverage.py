"""How often the 95 % intervals of effects contain the true effect, in simulated studies.

A simulated study asks 200 questions of five models, untreated and treated, under nine contexts: 18,000 answers.
Questions differ in difficulty and in what the treatment adds to their errors; the true effects are means over a million
questions. The regression is the article's third. Its intervals come from the model alone, as in the article, and
clustered by question. Then, in studies of fewer and of as many questions in which no context changes the effect: how
often the joint test of all contexts says at the 5 % level that one does.

Then in studies of 5, 10 and 30 questions of one model, under nine contexts, without and with a belief, on which errors
are many or few: intervals by the t distribution, as the statistics have them, and by the normal one with the same
errors. A regression that is separated has Firth's estimates, and counts.

    python benchmarks/interval_coverage.py --figure docs/images/coverage.svg
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

import altair as alt
import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import expit
from tqdm import trange

from warmline.regressions.logistic import Regression, fit, regression_rows
from warmline.regressions.marginal_effects import joint_test, marginal_effects
from warmline.statistics.clustered_means import clustered_means
from warmline.statistics.paired_tests import LOST, pair
from warmline.statistics.sycophancy import sycophancy
from warmline.statistics.wald import QUANTILE
from warmline.tables.regression_results import PENALISED

FORMULA = "incorrect ~ treated * C(context) + C(model)"
CONTEXTS = {"unmodified": 0.0, "sad": 0.35} | {f"context {number}": 0.1 for number in range(7)}
MODELS = {"a": 0.0, "b": 0.2, "c": 0.4, "d": 0.6, "e": 0.8}
QUESTIONS = 200
FEWER_QUESTIONS = (30, 60, 200)
# Log-odds of an error: mean and standard deviation over questions; what sadness adds to the treatment's effect.
DIFFICULTY, TREATMENT, SAD = (-1.0, 1.5), (0.4, 0.8), 0.3
ERRORS = {"": "from the model alone", "_clustered": "clustered by question"}
FEW = (5, 10, 30)
MANY_ERRORS, FEW_ERRORS = "many errors", "few errors"
DIFFICULTIES = {MANY_ERRORS: DIFFICULTY, FEW_ERRORS: (-5.0, 1.5)}
WARM = "warm@2"
# Log-odds of an error that a belief adds, to both arms and to the treated one.
BELIEVED, YIELDING = 0.8, 0.4
BELIEFS = {"none": 0, "asserts_wrong": 1}

Array = npt.NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--figure", type=Path, help="where to draw the result")
    arguments = parser.parse_args()
    truth = true_effects()
    generator = np.random.default_rng(652)
    found = pl.concat(
        contained(marginal_effects(regression(generator), "context"), truth) for _ in trange(arguments.studies)
    )
    shares = found.group_by("effect", "errors", maintain_order=True).agg(pl.col("contained").mean())
    for effect, errors, share in shares.iter_rows():
        print(f"{effect} ({truth[effect]:.2f} pp), {errors}: {share:.1%} of {arguments.studies} intervals contain it")
    for questions in FEWER_QUESTIONS:
        tests = pl.concat(
            joint_test(regression(generator, questions, sad=0.0), "context") for _ in trange(arguments.studies)
        )
        for errors, share in tests.group_by("errors").agg((pl.col("p_value") < 0.05).mean()).sort("errors").iter_rows():
            print(f"{questions} questions, {errors}: {share:.1%} of {arguments.studies} joint tests reject")
    few = pl.concat(few_questions(errors, arguments.studies) for errors in DIFFICULTIES)
    for errors, estimate, questions, quantile, share in few.iter_rows():
        print(f"{errors}, {estimate}, {questions} questions, by {quantile}: {share:.1%} of intervals contain the truth")
    if arguments.figure:
        drawing(shares, few.filter(errors=MANY_ERRORS), arguments.studies).save(arguments.figure)


def probabilities(
    generator: np.random.Generator, questions: int, sad: float = SAD
) -> Iterator[tuple[str, str, int, Array]]:
    """Model, context, treatment, and the probability of an error on each of the questions drawn."""
    difficulty, addition = (generator.normal(*moments, questions) for moments in (DIFFICULTY, TREATMENT))
    for model, weakness in MODELS.items():
        for context, burden in CONTEXTS.items():
            for treated in (0, 1):
                treatment = treated * (addition + sad * (context == "sad"))
                yield model, context, treated, expit(difficulty + weakness + burden + treatment)


def true_effects() -> dict[str, float]:
    """Differences of the mean probability of an error, percentage points."""
    errors: dict[tuple[str, int], list[float]] = {}
    for _, context, treated, probability in probabilities(np.random.default_rng(1), 1_000_000):
        errors.setdefault((context, treated), []).append(100 * float(probability.mean()))
    by_context = {context: fmean(errors[context, 1]) - fmean(errors[context, 0]) for context in CONTEXTS}
    return {
        "all contexts": fmean(by_context.values()),
        "sad": by_context["sad"],
        "sad less plain": by_context["sad"] - by_context["unmodified"],
    }


def regression(generator: np.random.Generator, questions: int = QUESTIONS, sad: float = SAD) -> Regression:
    """The fit of one simulated study."""
    answers = pl.concat(
        pl.DataFrame({"wrong": generator.random(questions) < probability}).select(
            model=pl.lit(model),
            context=pl.lit(context),
            context_group=pl.lit(context),
            arm=pl.lit("warm@2" if treated else "original"),
            task=pl.lit("questions"),
            item=pl.int_range(pl.len()).cast(pl.String),
            belief=pl.lit("none"),
            verdict=pl.when("wrong").then(pl.lit("incorrect")).otherwise(pl.lit("correct")),
            response_length=pl.lit(0),
        )
        for model, context, treated, probability in probabilities(generator, questions, sad)
    )
    rows = regression_rows(answers, "warm@2", ["none"], task_order=["questions"], model_order=list(MODELS))
    return fit(rows, FORMULA)


def contained(effects: pl.DataFrame, truth: dict[str, float]) -> pl.DataFrame:
    """Whether the two intervals of each effect contain the true one: columns effect, errors, contained."""
    names = {("all", None): "all contexts", ("sad", None): "sad", ("sad", "unmodified"): "sad less plain"}
    chosen = [
        (name, row) for row in effects.iter_rows(named=True) if (name := names.get((row["subset"], row["contrast"])))
    ]
    return pl.DataFrame(
        {
            "effect": name,
            "errors": errors,
            "contained": row[f"lower{suffix}"] <= truth[name] <= row[f"upper{suffix}"],
        }
        for name, row in chosen
        for suffix, errors in ERRORS.items()
    )


def answers_to_few(errors: str, questions: int, studies: int) -> pl.DataFrame:
    """Observations of so many studies, each a model of its own."""
    generator, shape = np.random.default_rng(questions), (studies, questions)
    difficulty, addition = (generator.normal(*moments, shape) for moments in (DIFFICULTIES[errors], TREATMENT))
    study, item = (index.ravel().astype(str) for index in np.indices(shape))
    return pl.concat(
        pl.DataFrame({"model": study, "item": item, "wrong": generator.random(shape).ravel() < chance.ravel()}).select(
            "model",
            "item",
            arm=pl.lit(WARM if treated else "original"),
            task=pl.lit("questions"),
            context=pl.lit(context),
            context_group=pl.lit(context),
            belief=pl.lit(belief),
            framing=pl.lit("plain"),
            verdict=pl.when("wrong").then(pl.lit("incorrect")).otherwise(pl.lit("correct")),
            response_length=pl.lit(0),
        )
        for context, burden in CONTEXTS.items()
        for belief, believed in BELIEFS.items()
        for treated in (0, 1)
        for chance in [expit(difficulty + burden + believed * BELIEVED + treated * (addition + believed * YIELDING))]
    )


def true_values(errors: str) -> dict[str, float]:
    """What the estimates of a study of few questions are of, percentage points."""
    generator = np.random.default_rng(1)
    difficulty, addition = (generator.normal(*moments, 1_000_000) for moments in (DIFFICULTIES[errors], TREATMENT))

    def error(believed: int, treated: int) -> float:
        log_odds = difficulty + believed * BELIEVED + treated * (addition + believed * YIELDING)
        return 100 * fmean(float(expit(log_odds + burden).mean()) for burden in CONTEXTS.values())

    added = [error(believed, 1) - error(believed, 0) for believed in (0, 1)]
    return {
        "error of the arm": (error(0, 1) + error(1, 1)) / 2,
        "difference of two arms": fmean(added),
        "what a belief adds to it": added[1] - added[0],
        "marginal effect": fmean(added),
        "difference of two effects": added[1] - added[0],
    }


def few_questions(errors: str, studies: int) -> pl.DataFrame:
    """Columns errors, estimate, questions, quantile, and the share of intervals that contain the true value.

    Of studies that have one; how many do, and how many regressions are penalised, is printed.
    """
    truth, parts = true_values(errors), []
    names = ("mean", "standard_error", "lower", "upper")
    for questions in FEW:
        answers = answers_to_few(errors, questions, studies)
        wrong = answers.filter(arm=WARM).with_columns(wrong=(pl.col("verdict") == "incorrect").cast(pl.Int64))
        lost = pair(answers, [WARM]).with_columns(lost=LOST)
        differences = sycophancy(answers, [WARM]).filter(task="all").rename({"difference": "mean"})
        effects = [
            marginal_effects(one_model(part), "belief") for part in answers.partition_by("model", maintain_order=True)
        ]
        penalised = fmean(effect["state"][0] == PENALISED for effect in effects)
        print(f"{errors}, {questions} questions: {penalised:.1%} of {studies} regressions are penalised")
        regressed = pl.concat(effects).rename(
            {
                "effect": "mean",
                **{f"{name}_clustered": name for name in names[1:]},
                **{name: f"_{name}" for name in names[1:]},
            }
        )
        shares = {
            "error of the arm": clustered_means(wrong, "wrong", ["model"], ["item"], limit=1),
            "difference of two arms": clustered_means(lost, "lost", ["model"], ["item"], limit=1),
            "what a belief adds to it": differences,
        }
        found = {name: table.select(pl.col(names) * 100) for name, table in shares.items()}
        found["marginal effect"] = regressed.filter(subset="all").select(names)
        found["difference of two effects"] = regressed.filter(pl.col("contrast").is_not_null()).select(names)
        for name, table in found.items():
            known = table.drop_nulls()
            print(f"{errors}, {questions} questions, {name}: {known.height} of {studies} have an interval")
            normal = (known["mean"] - truth[name]).abs() <= QUANTILE * known["standard_error"]
            student = (known["lower"] <= truth[name]) & (known["upper"] >= truth[name])
            parts += [
                (errors, name, questions, "t", student.mean()),
                (errors, name, questions, "normal", normal.mean()),
            ]
    columns = ["errors", "estimate", "questions", "quantile", "contained"]
    return pl.DataFrame(parts, schema=columns, orient="row")


def one_model(answers: pl.DataFrame) -> Regression:
    """The fit of one study of few questions."""
    model = answers["model"][0]
    rows = regression_rows(answers, WARM, list(BELIEFS), task_order=["questions"], model_order=[model])
    return fit(rows, "incorrect ~ treated * belief")


def drawing(shares: pl.DataFrame, few: pl.DataFrame, studies: int) -> alt.VConcatChart:
    """The shares as points, with a line at 95 %: of two kinds of errors, and of few questions by two quantiles."""
    named = few.with_columns(effect=pl.format("{}, {} questions", "estimate", "questions"))
    return alt.vconcat(
        _points(shares, "errors", "Errors", "").properties(height=120),
        _points(named, "quantile", "Quantile of", f"Share of {studies} intervals that contain the truth").properties(
            height=260
        ),
    ).resolve_scale(color="independent", shape="independent")


def _points(shares: pl.DataFrame, told_apart: str, title: str, below: str) -> alt.LayerChart:
    points = (
        alt.Chart(shares.to_pandas())
        .mark_point(size=90, filled=True)
        .encode(
            x=alt.X("contained:Q", title=below).axis(format="%").scale(domain=[0.7, 1]),
            y=alt.Y("effect:N", title=None, sort=None).axis(labelLimit=300),
            color=alt.Color(f"{told_apart}:N", title=title).scale(range=["#0b5394", "#b45309"]),
            shape=alt.Shape(f"{told_apart}:N", title=title),
        )
    )
    nominal = alt.Chart(alt.InlineData([{"share": 0.95}])).mark_rule(strokeDash=[4, 4]).encode(x="share:Q")
    chart: alt.LayerChart = (nominal + points).properties(width=480)
    return chart


if __name__ == "__main__":
    main()
