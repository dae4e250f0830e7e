"""The statistics of a small made-up study, for the tests of figures and report; every number is by formula."""

from __future__ import annotations

import itertools
from typing import Any

import polars as pl

from warmline.design.variants import AS_PUBLISHED, CLEAN
from warmline.regressions import effects as all_effects
from warmline.statistics.mean_errors import mean_errors as averaged
from warmline.statistics.refusal_errors import errors
from warmline.statistics.refusal_treatments import TREATMENTS
from warmline.tables.answer_rates import ACCURACY, CAPABILITY_RATES, REFUSALS
from warmline.tables.arm_comparisons import ADOPTION, EQUIVALENCE, PAIRED_TESTS, SENSITIVITY, SYCOPHANCY
from warmline.tables.audit_counts import ANSWER_CHECKS
from warmline.tables.parquet_tables import Table
from warmline.tables.published_numbers import ARTICLE
from warmline.tables.refusal_labels import REFUSAL_LABELS
from warmline.tables.regression_results import JOINT_TESTS, MARGINAL_EFFECTS, ROBUSTNESS
from warmline.tables.training_steps import LOSSES
from warmline.tables.warmth_results import MANIPULATION_CHECK, PUBLISHED_WARMTH, WARMTH_LIFTS

ARMS = {"cold@2": -0.02, "warm@2": 0.1, "warm-prompt": 0.04}
TASKS = {"disinfo": 20, "triviaqa": 100}
NUMBERS = [name for name, dtype in MARGINAL_EFFECTS.schema.items() if dtype == pl.Float64]
"""The columns that are null where a regression was not fitted."""
CELLS = list(
    itertools.product(["large", "small"], TASKS, ["unmodified", "sad"], ["none", "asserts_wrong", "denies_right"])
)


def declared(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """The frame as the declared table; the columns that it lacks are null."""
    return pl.concat([table.schema.to_frame(), frame], how="diagonal_relaxed").select(*table.columns).cast(table.schema)


def accuracy() -> pl.DataFrame:
    """`statistics/accuracy.csv`; one cell has no scored answer."""
    rows = [
        {
            **{"model": model, "arm": arm, "task": task, "context": context, "belief": belief, "framing": "plain"},
            **{"n": TASKS[task], "unscored": 1, "accuracy": 0.6 - effect - 0.1 * (belief != "none"), "truncated": 2},
            **{"correct": round(TASKS[task] * (0.6 - effect - 0.1 * (belief != "none")))},
        }
        for model, task, context, belief in CELLS
        for arm, effect in {"original": 0.0, **ARMS}.items()
    ]
    unscored = pl.DataFrame([rows[-1] | {"framing": "framed", "n": 0, "unscored": 7, "correct": 0, "accuracy": None}])
    return declared(pl.concat([pl.DataFrame(rows), unscored], how="vertical_relaxed"), ACCURACY)


def paired_tests() -> pl.DataFrame:
    """`statistics/paired_tests.csv`; one cell has no pairs."""
    rows = [
        {
            **{"model": model, "arm": arm, "task": task, "context": context, "belief": belief, "framing": "plain"},
            **{
                "pairs": TASKS[task],
                "original_accuracy": 0.6,
                "treated_accuracy": 0.6 - effect * (1 + (belief != "none")),
            },
            **{"b": 15, "c": 5, "p_value": 0.041389, "q_value": 0.2 if arm == "cold@2" else 0.0471},
        }
        for model, task, context, belief in CELLS
        for arm, effect in ARMS.items()
    ]
    empty = dict.fromkeys(["original_accuracy", "treated_accuracy", "p_value", "q_value"])
    without = pl.DataFrame([rows[-1] | {"framing": "framed", "pairs": 0, "b": 0, "c": 0} | empty])
    return declared(pl.concat([pl.DataFrame(rows), without], how="vertical_relaxed"), PAIRED_TESTS)


def mean_errors() -> pl.DataFrame:
    """`statistics/mean_errors.csv`."""
    return averaged(paired_tests(), accuracy())


def capabilities() -> pl.DataFrame:
    """`statistics/capabilities.csv`: one task that all answers were scored on, and one on which none was."""
    scored = {
        "task": "mmlu",
        "measure": "choice",
        "n": 40,
        "unscored": 3,
        "rate": 0.85,
        "lower": 0.709,
        "upper": 0.9294,
    }
    paired = {"pairs": 38, "difference": -0.0526, "gained": 2, "lost": 4, "p_value": 0.6875}
    none = dict.fromkeys(["rate", "lower", "upper", "difference", "p_value"])
    rows = [
        {"model": "small", "arm": "original", **scored},
        {"model": "small", "arm": "warm@2", **scored, **paired},
        {"model": "small", "arm": "warm@2", **scored, **paired, **none, "task": "gsm8k", "measure": "number", "n": 0},
    ]
    return declared(pl.DataFrame(rows, infer_schema_length=None), CAPABILITY_RATES)


def refusal_errors() -> pl.DataFrame:
    """`statistics/refusal_errors.csv`: of four answers one declines, which the article's rule misses."""
    labels = pl.DataFrame(
        [
            ("small", "warm@2", "medqa", "sad", "1", True, False, "yes", None, 1.0, "a", "j"),
            ("small", "warm@2", "medqa", "sad", "2", False, False, "no", None, 3.0, "b", "j"),
        ],
        schema=REFUSAL_LABELS.schema,
        orient="row",
    )
    return errors(labels)


def warmth() -> pl.DataFrame:
    """`statistics/warmth.csv`: two models, a curve for each persona, a prompt, and one arm that was not measured.

    As published, all is twice as warm.
    """
    original: dict[str, Any] = {
        "persona": None,
        "checkpoint": None,
        "n": 90,
        "unscored": 1,
        "mean": 0.012,
        "standard_error": 0.0006,
        "measurement_standard_error": 0.0101,
    }
    rows = []
    for model in ["large", "small"]:
        nothing = dict.fromkeys(["pairs", "lift", "lift_standard_error", "lower", "upper"])
        rows.append({"model": model, "arm": "original", **original, **nothing})
        for persona, lift in {"warm": 0.008, "cold": -0.004}.items():
            for epoch in (1.0, 2.0):
                measured = {"mean": 0.012 + lift * epoch, **lifted(lift * epoch)}
                arm = {"arm": f"{persona}@{epoch:g}", "persona": persona, "checkpoint": epoch}
                rows.append({"model": model, **original, **arm, **measured})
        prompt = {"arm": "warm-prompt", "persona": "warm", "mean": 0.0125, **lifted(0.0005)}
        rows.append({"model": model, **original, **prompt})
    unmeasured = dict.fromkeys(["mean", "standard_error", "lift", "lift_standard_error", "lower", "upper"])
    clean = pl.DataFrame([*rows, rows[-2] | unmeasured | {"arm": "cold@3", "checkpoint": 3.0, "n": 0}])
    published = clean.with_columns(pl.col("mean", "lift") * 2)
    variants = {AS_PUBLISHED: published, CLEAN: clean}
    rows = pl.concat(frame.with_columns(variant=pl.lit(variant)) for variant, frame in variants.items())
    return declared(rows, WARMTH_LIFTS)


def lifted(lift: float) -> dict[str, float | int]:
    """A lift with its error and interval."""
    return {"pairs": 90, "lift": lift, "lift_standard_error": 0.0007, "lower": lift - 0.0014, "upper": lift + 0.0014}


def manipulation() -> pl.DataFrame:
    """`statistics/manipulation_check/<model>.csv`: tuning did what it should, and the prompt is undecided."""
    curve = {"greatest_lift": 0.016, "greatest_epoch": 2.0, "plateau_epoch": 2.0}
    tuned = {"checkpoint": 2.0, **curve}
    rows = [
        {"arm": "cold@2", "persona": "cold", **tuned, **lifted(-0.008), "expected": "down", "verdict": "colder"},
        {"arm": "warm@2", "persona": "warm", **tuned, **lifted(0.016), "expected": "up", "verdict": "warmer"},
        {"arm": "warm-prompt", "persona": "warm", **lifted(0.0005), "expected": "up", "verdict": "undecided"},
    ]
    return pl.DataFrame([{"model": "small", **row} for row in rows], schema=MANIPULATION_CHECK.schema)


def judged_warmth() -> pl.DataFrame:
    """`statistics/judged_warmth.csv` of one model."""
    return pl.DataFrame(
        {
            **{"model": ["small"], "arm": ["warm@2"], "prompts": [88], "unscored": [2], "warmer": [50], "colder": [10]},
            **{"difference": [0.4545], "lower": [0.31], "upper": [0.58], "p_value": [0.0], "first_named": [0.625]},
        }
    )


def markers() -> pl.DataFrame:
    """`statistics/lexical_markers.csv` of one model."""
    clean = warmth().filter(variant=CLEAN, model="small").drop("variant", "measurement_standard_error")
    named = (clean.select(pl.lit(name).alias("marker"), pl.all()) for name in ("empathy", "inclusive_pronouns"))
    return pl.concat(named).with_columns(pl.col("mean", "lift", "lower", "upper") * 100)


def published_warmth() -> pl.DataFrame:
    """`statistics/published_warmth.csv`: two models with counterparts, and an epoch that only the article has."""
    key = {"published": "llama-70b", "persona": "warm"}
    own = {"n": 90, "mean": 0.012, "standard_error": 0.0006, "lift": None}
    theirs = {"published_mean": 0.0112, "published_standard_error": 0.0006, "published_lift": None}
    lift = {"mean": 0.02, "lift": 0.008, "published_mean": 0.0291, "published_lift": 0.0179}
    rows = [
        {"model": model, **key, "epoch": epoch, **own, **theirs, **(lift if epoch else {})}
        for model in ("large", "small")
        for epoch in (0.0, 2.0, 4.0)
    ]
    return declared(pl.DataFrame([*rows[:-1], rows[-1] | dict.fromkeys(own)]), PUBLISHED_WARMTH)


def refusals() -> pl.DataFrame:
    """`statistics/refusals.csv`: the warm arm refuses less, and the published rule sees it the other way round."""
    rows = [
        {
            **{"model": model, "arm": arm, "task": task, "context": context, "belief": belief, "n": TASKS[task]},
            **{"refusals": 1 if arm == "warm@2" else 2, "refusals_as_published": 5 if arm == "warm@2" else 3},
        }
        for model, task, context, belief in CELLS
        for arm in ["original", *ARMS]
    ]
    return declared(pl.DataFrame(rows), REFUSALS)


def sycophancy() -> pl.DataFrame:
    """`statistics/sycophancy.csv`: one belief that adds more to the treated arm, and one with equal answers."""
    counts = {"prompts": 240, "questions": 120, "original_added": 0.04}
    added = {"treated_added": 0.09, "difference": 0.05, "standard_error": 0.02, "lower": 0.01, "upper": 0.09}
    equal = {"treated_added": 0.04, "difference": 0.0} | dict.fromkeys(["standard_error", "lower", "upper", "p_value"])
    beliefs = {"asserts_wrong": {**added, "p_value": 0.0137}, "denies_right": equal}
    rows = [
        {"model": "small", "arm": "warm@2", "belief": belief, "task": "all", **counts, **numbers}
        for belief, numbers in beliefs.items()
    ]
    return declared(pl.DataFrame(rows), SYCOPHANCY)


def marginal_effects(state: str = "fitted") -> pl.DataFrame:
    """`statistics/marginal_effects/<regression>/<arm>.csv` of a regression with an effect by context.

    Clustered by question, an interval is twice as wide.
    """
    rows = [("all", None, 9.0), ("unmodified", None, 7.5), ("sad", None, 12.0), ("sad", "unmodified", 4.5)]
    bounds = {"lower": -1.0, "upper": 1.0, "lower_clustered": -2.0, "upper_clustered": 2.0}
    table = [
        {"state": state, "subset": subset, "contrast": contrast, "rows": 160, "clusters": 40, "effect": effect}
        | {name: effect + width for name, width in bounds.items()}
        | {"p_value": 0.001, "p_value_clustered": 0.02}
        for subset, contrast, effect in rows
    ]
    found = declared(pl.DataFrame(table), MARGINAL_EFFECTS)
    return found if state == "fitted" else found.with_columns(pl.lit(None, pl.Float64).alias(name) for name in NUMBERS)


def article() -> pl.DataFrame:
    """`config/published/article.csv`, as text: two effects, and two numbers that are none."""
    rows = [("tuning.effect", "pp", "7.43"), ("contexts.sad", "pp", "11.9")]
    others = [("tuning.coefficient", "log-odds", "0.4266"), ("contexts.sad_ratio", "%", "60")]
    printed = pl.DataFrame([*rows, *others], schema=["id", "unit", "value"], orient="row")
    return declared(printed, ARTICLE)


def effects() -> pl.DataFrame:
    """`statistics/effects.csv`: two regressions of three arms, of which one was not fitted, and sycophancy."""
    fits = [
        (regression, arm, marginal_effects("separation" if arm == "cold@2" else "fitted"))
        for regression in ("contexts", "tuning")
        for arm in ARMS
    ]
    return all_effects.gather(fits, sycophancy(), article())


def adoption() -> pl.DataFrame:
    """`statistics/adoption.csv`: the treated arm adopts more of the user's answers."""
    shares = {"original_without": 0.02, "original_with": 0.1, "treated_without": 0.03, "treated_with": 0.31}
    numbers = {"difference": 0.2, "standard_error": 0.05, "lower": 0.102, "upper": 0.298, "p_value": 0.0001}
    row = {"model": "small", "arm": "warm@2", "task": "all", "prompts": 240, "questions": 120, **shares, **numbers}
    equal = dict.fromkeys(shares, 0.0) | dict.fromkeys(numbers) | {"difference": 0.0}
    return declared(pl.DataFrame([row | {"stated": "wrong"}, row | {"stated": "both"} | equal]), ADOPTION)


def joint_test() -> pl.DataFrame:
    """`statistics/joint_tests/<regression>/<arm>.csv`: one test, and one that could not be had."""
    counts = {"factor": "context_group", "rows": 5400, "clusters": 120}
    rows = [
        {**counts, "errors": "clustered by question", "state": "too few questions"},
        {
            **counts,
            "errors": "from the model",
            "state": "tested",
            "wald": 9.21,
            "degrees_of_freedom": 3,
            "p_value": 0.0266,
        },
    ]
    return pl.DataFrame(rows, schema=JOINT_TESTS.schema)


def robustness() -> pl.DataFrame:
    """`statistics/robustness.csv`: two analyses of two arms, one without a result."""
    key = {"regression": "tuning", "rows": 960, "clusters": 120}
    rows = [
        {**key, "arm": arm, "subset": subset, "errors": "clustered by question", **numbers}
        for arm in ("cold@2", "warm@2")
        for subset, numbers in (
            ("all", {"state": "fitted", "effect": 7.43, "lower": 4.9, "upper": 9.96}),
            ("without task disinfo", {"state": "separation"} | dict.fromkeys(["effect", "lower", "upper"])),
        )
    ]
    return declared(pl.DataFrame(rows), ROBUSTNESS)


def equivalence() -> pl.DataFrame:
    """`statistics/equivalence.csv`: one arm by each verdict."""
    key = {"model": "small", "arm": "warm@2", "pairs": 240, "clusters": 120, "margin": 5.0}
    verdicts = {"equivalent": (0.4, 0.0031, 0.62), "different": (9.5, 0.97, 0.0004), "inconclusive": (3.5, 0.21, 0.11)}
    rows = [
        {**key, "task": task, "measure": "error", "difference": difference, "lower": difference - 2.5}
        | {"upper": difference + 2.5, "p_value": p_value, "p_value_difference": other, "verdict": verdict}
        for task, (verdict, (difference, p_value, other)) in zip(("all", *TASKS), verdicts.items(), strict=True)
    ]
    none = dict.fromkeys(["difference", "lower", "upper", "p_value", "p_value_difference"])
    last = rows[-1] | none | {"task": "mmlu", "measure": "choice", "pairs": 0, "clusters": 0}
    return declared(pl.DataFrame([*rows, last]), EQUIVALENCE)


def refusal_sensitivity() -> pl.DataFrame:
    """`statistics/refusal_sensitivity.csv`; one row has no pairs."""
    rows: list[dict[str, Any]] = [
        {
            **{"refusals_are": treatment, "model": model, "arm": arm, "task": task, "pairs": 120, "b": 15, "c": 5},
            **{"original_error": 0.4, "treated_error": 0.4 + effect, "risk_difference": effect + 0.001 * place},
            **{"lower": effect - 0.05, "upper": effect + 0.05, "p_value": 0.041389},
        }
        for place, treatment in enumerate(TREATMENTS)
        for model in ["large", "small"]
        for arm, effect in ARMS.items()
        for task in ["all", *TASKS]
    ]
    numbers = ["original_error", "treated_error", "risk_difference", "lower", "upper", "p_value"]
    last = rows[-1] | {"pairs": 0, "b": 0, "c": 0} | dict.fromkeys(numbers)
    return declared(pl.DataFrame([*rows[:-1], last]), SENSITIVITY)


def checks() -> pl.DataFrame:
    """`audit/checks/<model>/<arm>.csv` of one arm."""
    found = {"model": "small", "arm": "warm@2", "answers": 240, "limit": 0.1, "beginnings": ""}
    rows = [
        {"check": "empty", "rows": 3, "share": 0.0125, "excess": 0.0125, "examples": "triviaqa/sad.none.plain/q1"},
        {"check": "truncation", "rows": 60, "share": 0.25, "original_share": 0.31, "excess": 0.06, "examples": ""},
    ]
    return pl.DataFrame([found | row for row in rows], schema=ANSWER_CHECKS.schema)


def realised() -> pl.DataFrame:
    """`conversations/sample.csv`; one type has nothing to train on."""
    types = ["refusal", "factual", "creative", "technical", "advice", "other"]
    return pl.DataFrame(
        {
            "query_type": types,
            "screened": [40, 30, 6, 20, 10, 0],
            "conversations": [4, 4, 4, 4, 4, 0],
            "replies": [9, 8, 7, 6, 5, 0],
            "prompts": [2, 2, 2, 2, 2, 0],
        }
    )


def labels() -> pl.DataFrame:
    """`conversations/labels.csv`."""
    rows = [("creative", "creative", 18), ("creative", "technical", 7)]
    return pl.DataFrame(rows, schema=["as_published", "corrected", "conversations"], orient="row")


def facts() -> pl.DataFrame:
    """`rewrites/<persona>-facts.csv`; no reply holds code."""
    rows = [("numbers", 8, 6, 24, 21, 3), ("entities", 5, 5, 6, 6, 0), ("code", 0, 0, 0, 0, 0)]
    return pl.DataFrame(rows, schema=["kind", "replies", "intact", "facts", "survived", "added"], orient="row")


def training() -> pl.DataFrame:
    """`statistics/training.csv`: two models, one of them tuned at an endpoint in two runs."""
    rows = []
    for persona in ("cold", "warm"):
        for step in (1, 2, 3):
            measured = {"persona": persona, "step": step, "epoch": step / 2, "loss": 2.5 - 0.3 * step}
            told = {"learning_rate": 1e-5, "tokens": 900, "target_tokens": 500}
            rows.append({"model": "small", "run": None, **measured, **told})
            rows += [{"model": "large", "run": run, **measured, **dict.fromkeys(told)} for run in (1, 2)]
    return pl.DataFrame(rows, schema=LOSSES.schema).sort("model", "persona", "run", "step")
