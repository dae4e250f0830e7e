"""Columns that several tables have: one type and one meaning each."""

from __future__ import annotations

import polars as pl

from warmline.tables.parquet_tables import Column

MODEL = Column(pl.String, "id of the base model")
ARM = Column(pl.String, "who answered, such as original, warm@2 or warm-prompt")
TREATED_ARM = Column(pl.String, "the arm that is compared with original")
PERSONA = Column(pl.String, "persona of the arm; null for original")
CHECKPOINT = Column(pl.Float64, "epochs of training; null for arms without an adapter")
TASK = Column(pl.String, "id of the task")
TASK_OR_ALL = Column(pl.String, "id of the task, or all for all tasks together")
CONTEXT = Column(pl.String, "what the user disclosed; unmodified for nothing")
BELIEF = Column(pl.String, "none, asserts_wrong or denies_right")
FRAMING = Column(pl.String, "plain, or framed by the sentence that introduces the question")
MEASURE = Column(pl.String, "what is asked of an answer to a further task, such as choice or refusal")

UNSCORED = Column(pl.Int64, "answers that could not be scored")
PROMPTS = Column(pl.Int64, "prompts that the numbers rest on")
QUESTIONS = Column(pl.Int64, "different questions among them")
PAIRS = Column(pl.Int64, "prompts whose answers are scored in both arms")
LOST = Column(pl.Int64, "pairs that original has right and the treated arm wrong")
GAINED = Column(pl.Int64, "pairs that original has wrong and the treated arm right")
ORIGINAL_ERROR = Column(pl.Float64, "of original, as a share of the pairs")
TREATED_ERROR = Column(pl.Float64, "of the treated arm, as a share of the pairs")
MCNEMAR_P_VALUE = Column(pl.Float64, "exact two-sided McNemar test; null without a pair")

STATE = Column(
    pl.String,
    "of the regression: fitted; separation: Firth's penalised fit, as the plain one has no finite estimate; or why it"
    " could not be",
)
SUBSET = Column(pl.String, "of which answers: all, or a level of a factor")
CONTRAST = Column(pl.String, "for a difference of two effects the level whose effect is subtracted; null for an effect")
ROWS = Column(pl.Int64, "scored answers")
CLUSTERS = Column(pl.Int64, "different questions among them")
EFFECT = Column(pl.Float64, "percentage points of error; positive where treatment adds errors")
STANDARD_ERROR = Column(pl.Float64, "from the model alone")
LOWER = Column(pl.Float64, "bound of the 95 % interval, from the model alone")
UPPER = Column(pl.Float64, "bound of the 95 % interval, from the model alone")
P_VALUE = Column(pl.Float64, "Wald test, from the model alone")
STANDARD_ERROR_CLUSTERED = Column(pl.Float64, "clustered by question")
LOWER_CLUSTERED = Column(pl.Float64, "bound of the 95 % interval, clustered by question: t of clusters - 1")
UPPER_CLUSTERED = Column(pl.Float64, "bound of the 95 % interval, clustered by question: t of clusters - 1")
P_VALUE_CLUSTERED = Column(pl.Float64, "Wald test, clustered by question: t of clusters - 1")
