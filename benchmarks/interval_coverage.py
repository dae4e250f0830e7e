"""How often the 95 % intervals of effects contain the true effect, in simulated studies.

A simulated study asks 200 questions of five models, untreated and treated, under nine contexts: 18,000 answers.
Questions differ in difficulty and in what the treatment adds to their errors; the true effects are means over a million
questions. The regression is the article's third. Its intervals come from the model alone, as in the article, and
clustered by question. Then, in studies of fewer and of as many questions in which no context changes the effect: how
often the joint test of all contexts says at the 5 % level that one does.

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

FORMULA = "incorrect ~ treated * C(context) + C(model)"
CONTEXTS = {"unmodified": 0.0, "sad": 0.35} | {f"context {number}": 0.1 for number in range(7)}
MODELS = {"a": 0.0, "b": 0.2, "c": 0.4, "d": 0.6, "e": 0.8}
QUESTIONS = 200
FEWER_QUESTIONS = (30, 60, 200)
# Log-odds of an error: mean and standard deviation over questions; what sadness adds to the treatment's effect.
DIFFICULTY, TREATMENT, SAD = (-1.0, 1.5), (0.4, 0.8), 0.3
ERRORS = {"": "from the model alone", "_clustered": "clustered by question"}

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
    if arguments.figure:
        drawing(shares, arguments.studies).save(arguments.figure)


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


def drawing(shares: pl.DataFrame, studies: int) -> alt.Chart | alt.LayerChart:
    """The shares as points, with a line at 95 %."""
    points = (
        alt.Chart(shares.to_pandas())
        .mark_point(size=90, filled=True)
        .encode(
            x=alt.X("contained:Q", title=f"Share of {studies} intervals that contain the true effect")
            .axis(format="%")
            .scale(domain=[0.5, 1]),
            y=alt.Y("effect:N", title=None, sort=None),
            color=alt.Color("errors:N", title="Errors").scale(range=["#b45309", "#0b5394"]),
            shape=alt.Shape("errors:N", title="Errors"),
        )
    )
    nominal = alt.Chart(alt.InlineData([{"share": 0.95}])).mark_rule(strokeDash=[4, 4]).encode(x="share:Q")
    chart: alt.LayerChart = (nominal + points).properties(width=480, height=120)
    return chart


if __name__ == "__main__":
    main()
