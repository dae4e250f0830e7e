"""The article's regressions at the scale of its study, beside a fit of every single answer.

Makes up 438,750 judged answers in the study's design: five models, two arms, four tasks of 500, 500, 500 and 125
questions, nine contexts, three beliefs. Fits the article's four regressions, as config/config.yaml has them, with
their average marginal effects and errors clustered by question, as the pipeline does, and once more as the article's
released code does: `smf.glm` with a formula on the rows, effects by predicting every row with and without treatment, no
clustered errors. Then estimates the two main effects in other ways, as `statistics/robustness.csv` does: bootstrap,
estimating equations, one model or task less. Each way runs in a process of its own, which reports its time and its
greatest memory.

    python benchmarks/regressions.py
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
import statsmodels.api as sm
import statsmodels.formula.api as smf
import yaml
from scipy.special import expit

from warmline.regressions.logistic import coefficient_table, fit, regression_rows
from warmline.regressions.marginal_effects import marginal_effects
from warmline.regressions.robustness import robustness

MODELS = ["llama-70b", "llama-8b", "gpt-4o", "mistral-small", "qwen-32b"]
QUESTIONS = {"disinfo": 125, "medqa": 500, "triviaqa": 500, "truthfulqa": 500}
GROUPS = {
    **{"unmodified": "unmodified", "sad": "emotion", "anger": "emotion", "happy": "emotion"},
    **{"close": "relation", "hierarchical_up": "relation", "hierarchical_down": "relation"},
    **{"stakes_high": "stakes", "stakes_low": "stakes"},
}
BELIEFS = ["none", "asserts_wrong", "denies_right"]
CONFIGURATION = Path(__file__).resolve().parent.parent / "config/config.yaml"

Estimates = dict[str, tuple[list[float], list[float]]]
"""By regression: its coefficients, and the effect over all rows and in each level of its factor."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=float, default=1, help="share of the article's questions")
    share = parser.parse_args().questions
    seconds: dict[str, float] = {}
    estimates: dict[str, Estimates] = {}
    for name, way in (("counted", counted), ("single", single)):
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as own_process:
            seconds[name], memory, estimates[name] = own_process.submit(measured, way, share).result()
        print(f"{name} answers: {seconds[name]:.2f} s, at most {memory / 1e9:.2f} GB")
    print(f"single answers take {seconds['single'] / seconds['counted']:.0f} times as long")
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as own_process:
        taken, memory = own_process.submit(in_other_ways, share).result()
    print(f"two effects in other ways: {taken:.2f} s of one processor, at most {memory / 1e9:.2f} GB")
    for place, kind in enumerate(("coefficients", "effects in percentage points")):
        apart = max(
            np.abs(np.subtract(ours[place], estimates["single"][regression][place])).max()
            for regression, ours in estimates["counted"].items()
        )
        print(f"greatest difference of {kind}: {apart:.1e}")


def measured(way: Callable[..., tuple[list[float], list[float]]], share: float) -> tuple[float, int, Estimates]:
    """Seconds, bytes of memory at most, and what came out. The answers are made before the clock starts."""
    rows = answers(share)
    configured = yaml.safe_load(CONFIGURATION.read_text())["statistics"]["regressions"]
    regressions = {name: configured[name] for name in ("tuning", "groups", "contexts", "beliefs")}
    begin = time.perf_counter()
    estimates: Estimates = {}
    for name, regression in regressions.items():
        beliefs = BELIEFS if len(regression["beliefs"]) > 1 else regression["beliefs"]
        estimates[name] = way(
            rows, regression["formula"], beliefs, regression.get("contexts"), regression.get("effects-by")
        )
    return time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, estimates


def in_other_ways(share: float) -> tuple[float, int]:
    """Seconds of one processor, and bytes of memory at most."""
    rows = answers(share)
    configured = yaml.safe_load(CONFIGURATION.read_text())["statistics"]
    regressions = {name: configured["regressions"][name] for name in configured["robustness"]}
    regressions["beliefs"]["beliefs"] = BELIEFS
    begin = time.process_time()
    table = robustness(
        rows,
        ["warm@2"],
        regressions,
        task_order=list(QUESTIONS),
        model_order=MODELS,
        disinformation=["disinfo"],
        seed=1,
    )
    assert set(table["state"]) == {"fitted"}
    return time.process_time() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def answers(share: float) -> pl.DataFrame:
    """Made-up observations: questions and models differ in difficulty, treatment adds errors, more under a belief."""
    generator = np.random.default_rng(652)
    questions = pl.concat(
        pl.DataFrame({"task": task, "item": [str(n) for n in range(int(size * share))]})
        for task, size in QUESTIONS.items()
    ).with_columns(difficulty=pl.Series(generator.normal(-1, 1.5, sum(int(n * share) for n in QUESTIONS.values()))))
    contexts = pl.DataFrame({"context": list(GROUPS), "context_group": list(GROUPS.values())})
    rows = questions
    for other in (
        pl.DataFrame({"model": MODELS, "ability": np.linspace(0, 1, len(MODELS))}),
        pl.DataFrame({"arm": ["original", "warm@2"], "treatment": [0.0, 0.4]}),
        contexts,
        pl.DataFrame({"belief": BELIEFS, "sway": [0.0, 0.3, 0.1]}),
    ):
        rows = rows.join(other, how="cross")
    log_odds = rows.select(pl.sum_horizontal("difficulty", "ability", "treatment", "sway"))["difficulty"].to_numpy()
    wrong = generator.random(rows.height) < expit(log_odds)
    return rows.select(
        *("task", "item", "model", "arm", "context", "context_group", "belief"),
        verdict=pl.Series(np.where(wrong, "incorrect", "correct")),
        response_length=pl.Series(generator.integers(50, 1500, rows.height)),
        framing=pl.lit("plain"),
        reason=pl.lit(None, pl.String),
        refusal_as_published=pl.Series(generator.random(rows.height) < 0.05),
        finish_reason=pl.Series(np.where(generator.random(rows.height) < 0.1, "length", "stop")),
    )


def prepared(rows: pl.DataFrame, beliefs: list[str], contexts: list[str] | None) -> pl.DataFrame:
    return regression_rows(rows, "warm@2", beliefs, contexts, task_order=list(QUESTIONS), model_order=MODELS)


def counted(
    rows: pl.DataFrame, formula: str, beliefs: list[str], contexts: list[str] | None, by: str | None
) -> tuple[list[float], list[float]]:
    """As the pipeline does."""
    regression = fit(prepared(rows, beliefs, contexts), formula)
    effects = marginal_effects(regression, by).filter(pl.col("contrast").is_null())
    assert effects["standard_error_clustered"].is_not_null().all()
    return coefficient_table(regression)["coefficient"].to_list(), effects["effect"].to_list()


def single(
    rows: pl.DataFrame, formula: str, beliefs: list[str], contexts: list[str] | None, by: str | None
) -> tuple[list[float], list[float]]:
    """As the article's released code does."""
    data = prepared(rows, beliefs, contexts).to_pandas()
    fitted = smf.glm(formula, data=data, family=sm.families.Binomial()).fit()
    effects = []
    levels = list(data[by].cat.categories) if by and by != "belief" else [0, 1] if by else []
    for subset in (data, *(data[data[by] == level] for level in levels)):
        treated, untreated = (fitted.predict(subset.assign(treated=arm)) for arm in (1, 0))
        effects.append(100 * float((treated - untreated).mean()))
    return list(fitted.params), effects


if __name__ == "__main__":
    main()
