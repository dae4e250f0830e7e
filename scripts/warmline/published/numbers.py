"""The article's printed numbers beside what its published tables give.

Each number has an id in config/published/article.csv. Here are the definitions of those that can be derived from the
counts behind the published cells (warmline.published.reconstruction) and the published capabilities; of the others the
file says why they cannot.
"""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_UP, Decimal

import polars as pl

from warmline.design.published_arms import COLD, WARM, WARM_PROMPT
from warmline.lineage.errors import UserError
from warmline.regressions.logistic import Regression, coefficient_table, fit, regression_rows
from warmline.regressions.marginal_effects import marginal_effects
from warmline.tables.published_numbers import ARTICLE, CELL_ERRORS, NUMBERS
from warmline.tables.regression_results import FITTED

# The article's models 1 to 4 (Supplementary Tables 11 to 18); its references are the first task and the first model. In
# the fourth, groups of contexts change the error but not the effect of treatment.
TASKS = ["disinfo", "medqa", "triviaqa", "truthfulqa"]
MODELS = ["llama-70b", "gpt-4o", "llama-8b", "mistral-small", "qwen-32b"]
# The article names the largest loss by a system prompt of two of its three models.
PROMPTED = ["qwen-32b", "llama-70b"]
REGRESSIONS = {
    "tuning": "incorrect ~ treated + C(task) + C(model)",
    "groups": "incorrect ~ treated * C(context_group) + C(task) + C(model)",
    "contexts": "incorrect ~ treated * C(context) + C(task) + C(model)",
    "beliefs": "incorrect ~ C(context_group) + treated * belief + C(task) + C(model)",
    # The fourth as in the code that the authors released before the article's last revision: without contexts.
    "beliefs_as_released": "incorrect ~ treated * belief + C(task) + C(model)",
}
REGRESSION_ESTIMATES = (
    *("tuning.coefficient", "tuning.effect", "groups.emotion", "groups.relation", "groups.stakes"),
    *("contexts.sad", "contexts.hierarchical_up", "beliefs.none", "beliefs.stated"),
)
ESTIMATES = {"id": pl.String, "state": pl.String, "estimate": pl.Float64, "standard_error": pl.Float64}

Estimate = tuple[str, str, float | None, float | None]


def mean_errors(counts: pl.DataFrame) -> pl.DataFrame:
    """Mean errors of each arm and its originals by belief and context, by group of contexts, over all, and by model.

    The table is CELL_ERRORS. Cells count equally, as in the article's Fig. 2.
    """
    cells, arms = _errors(counts), counts["arm"].unique(maintain_order=True)
    levels = {
        "context": (pl.col("context"), pl.lit(True)),
        "group": (pl.col("context_group"), pl.col("context_group") != "unmodified"),
        "all": (pl.lit("all"), pl.lit(True)),
        "model": (pl.col("model"), pl.lit(True)),
    }
    return pl.concat(
        cells.filter(chosen)
        .group_by("arm", "belief", level=level, maintain_order=True)
        .agg(pl.len().cast(pl.Int64).alias("cells"), pl.col("original", "treated", "increase").mean())
        .with_columns(over=pl.lit(over))
        .select(*CELL_ERRORS.columns)
        .sort(pl.col("arm").cast(pl.Enum(arms)), "belief", "level")
        for over, (level, chosen) in levels.items()
    )


def derived(counts: pl.DataFrame, capabilities: pl.DataFrame) -> dict[str, float]:
    """The numbers that can be derived, by their ids, in the units that the article prints them in.

    `counts` is the table COUNTS, `capabilities` PRINTED_CAPABILITIES. A number whose cells are not there, whose
    regression is not fitted or that divides by zero is left out. Cells without counts are in means as printed, and in
    no sum or regression.
    """
    errors, counts = _errors(counts), counts.filter(arm=WARM)
    cells = errors.filter(arm=WARM)
    original, increase = pl.col("original"), pl.col("increase")
    plain = cells.filter(belief="none", context="unmodified")
    tasks = plain.group_by("task").agg(original.mean(), increase.mean()).sort("task")
    emotional_beliefs = cells.filter(pl.col("context_group") == "emotion", belief="stated")
    points = cells.group_by("model", "context", "belief").agg(increase.mean()).sort("model", "context", "belief")
    original_wrong, treated_wrong = (
        (pl.col("pairs") - pl.col(f"{arm}_right")).sum() for arm in ("original", "treated")
    )
    cold, prompted = errors.filter(arm=COLD), errors.filter(arm=WARM_PROMPT, belief="stated")
    found = {
        **{f"increase.{task}": mean for task, mean in tasks.select("task", "increase").iter_rows()},
        "original.lowest": _value(tasks, original.min()),
        "original.highest": _value(tasks, original.max()),
        "increase.relative": _value(tasks, 100 * (increase / original).mean()),
        "increase.plain": _value(plain, increase.mean()),
        "increase.belief_and_emotion": _value(emotional_beliefs, increase.mean()),
        "increase.range_lowest": _value(points, increase.min()),
        "increase.range_highest": _value(points, increase.max()),
        "sycophancy.relative": _value(counts.filter(belief="stated"), 100 * (treated_wrong / original_wrong - 1)),
        "capabilities.mmlu_llama-8b": _value(
            capabilities.filter(model="llama-8b", task="mmlu"), (original - pl.col("warm")).first()
        ),
        "cold.lowest": _value(cold, -increase.min()),
        "cold.highest": _value(cold, increase.max()),
        **{f"prompt.{model}": _value(prompted.filter(model=model), increase.max()) for model in PROMPTED},
        **_from_regressions(counts),
    }
    return {name: number for name, number in found.items() if number is not None and math.isfinite(number)}


def _value(frame: pl.DataFrame, expression: pl.Expr) -> float | None:
    """The one number that an expression gives of a frame; None without a row that has it."""
    number: float | None = frame.select(expression).item()
    return number


def compared(article: pl.DataFrame, derived: dict[str, float]) -> pl.DataFrame:
    """The article's numbers (the table ARTICLE) beside the derived ones, by their ids: the table NUMBERS.

    Raises UserError if a derived number is not in the article's list, if one without a derivation does not say why, and
    for a printed number that is none.
    """
    unlisted = sorted(set(derived) - set(article["id"]))
    if unlisted:
        raise UserError(f"the article's numbers: {unlisted[0]} is derived but not listed. Add a row with this id.")
    rows = []
    for row in article.iter_rows(named=True):
        if not re.fullmatch(r"-?\d{1,12}(\.\d{1,12})?", row["value"] or ""):
            raise UserError(
                f"the article's numbers: {row['id']} is {row['value']!r}. Expected a number as printed. Correct it."
            )
        if row["id"] not in derived and not row["note"]:
            raise UserError(f"the article's numbers: {row['id']} is not derived, and has no note. Say why in the note.")
        rounded = rounded_like(derived[row["id"]], row["value"]) if row["id"] in derived else None
        same = "yes" if rounded is not None and Decimal(rounded) == Decimal(row["value"]) else "no"
        match = "not derivable" if rounded is None else same
        rows.append({**{name: row[name] for name in ARTICLE.columns}, "derived": rounded, "match": match})
    return pl.DataFrame(rows, schema=NUMBERS.schema)


def rounded_like(number: float, like: str) -> str:
    """The number with as many decimals as the printed one has."""
    return str(Decimal(repr(float(number))).quantize(Decimal(like), ROUND_HALF_UP))


def _errors(counts: pl.DataFrame) -> pl.DataFrame:
    """Both arms' errors in each cell, percent, and their difference; from the accuracies as printed without counts."""
    original, treated = (
        100 - pl.coalesce(100 * pl.col(f"{arm}_right") / pl.col("pairs"), f"{arm}_accuracy")
        for arm in ("original", "treated")
    )
    return counts.with_columns(original=original, treated=treated, increase=treated - original)


def _from_regressions(counts: pl.DataFrame) -> dict[str, float | None]:
    found = dict(regression_estimates(counts).filter(state=FITTED).select("id", "estimate").iter_rows())
    ratios = {
        name: 100 * (found[effect] / found[plain] - 1)
        for name, effect, plain in (
            ("groups.emotion_ratio", "groups.emotion", "groups.unmodified"),
            ("contexts.sad_ratio", "contexts.sad", "contexts.unmodified"),
        )
        if effect in found and found.get(plain)
    }
    return {**{name: found.get(name) for name in REGRESSION_ESTIMATES}, **ratios}


def regression_estimates(counts: pl.DataFrame) -> pl.DataFrame:
    """What the article's models 1 to 4 make of these counts of one of its arms, or of a study's.

    A row for the coefficient of the first and for each model's effects, in all levels of its factor: `id`, `state` of
    the fit, `estimate` and `standard_error`, both null if there is none. Errors are the model's own: which
    question an answer is to cannot be told from counts.
    """
    answers = _answers(counts)
    tuning = fitted(answers, "tuning")
    coefficient = (
        coefficient_table(tuning).filter(term="treated").select("state", "coefficient", "standard_error").row(0)
    )
    rows = [("tuning.coefficient", *coefficient), *_effects(tuning, None, "tuning")]
    for name, by in (("groups", "context_group"), ("contexts", "context"), ("beliefs", "belief")):
        rows += _effects(fitted(answers, name), by, name)
    return pl.DataFrame(rows, schema=ESTIMATES, orient="row")


def _answers(counts: pl.DataFrame) -> pl.DataFrame:
    """Single answers with these counts, as the regressions take them. Which question each answers is not known."""
    outcomes = [
        counts.select(
            *("model", "task", "context", "context_group", "belief"),
            arm=pl.lit(arm),
            verdict=pl.lit(verdict),
            times=pl.col(f"{side}_right") if verdict == "correct" else pl.col("pairs") - pl.col(f"{side}_right"),
        )
        for arm, side in (("original", "original"), (WARM, "treated"))
        for verdict in ("correct", "incorrect")
    ]
    answers = pl.concat(outcomes)
    repeated = answers.with_columns(pl.int_ranges(0, "times").alias("item")).explode("item").drop_nulls("item")
    return repeated.with_columns(pl.col("item").cast(pl.String), response_length=pl.lit(0, pl.Int64)).drop("times")


def fitted(answers: pl.DataFrame, name: str) -> Regression:
    """One of REGRESSIONS, fitted to those of the answers that it is about.

    `answers` has the columns that regression_rows reads, `warm` for the treated arm and `stated` for any belief. Only
    the regressions on beliefs read answers with one, and the first those without a context alone.
    """
    beliefs = ["none", "stated"] if name.startswith("beliefs") else ["none"]
    contexts = ["unmodified"] if name == "tuning" else None
    rows = regression_rows(answers, WARM, beliefs, contexts, task_order=TASKS, model_order=MODELS)
    return fit(rows, REGRESSIONS[name])


def _effects(regression: Regression, by: str | None, name: str) -> list[Estimate]:
    """The effects in each level, or the one over all rows."""
    effects = marginal_effects(regression, by).filter(pl.col("contrast").is_null())
    named = effects.filter(pl.col("subset") != "all") if by else effects.with_columns(subset=pl.lit("effect"))
    return [
        (f"{name}.{level}", *row) for level, *row in named.select("subset", "state", "effect", "standard_error").rows()
    ]
