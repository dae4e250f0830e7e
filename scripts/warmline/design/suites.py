"""The names of the suites that arms are asked."""

from __future__ import annotations

from warmline.design import conditions

VALIDATION = "validation"


QUESTIONS = "questions"


CAPABILITIES = "capabilities"


REFUSALS = "refusals"
"""No suite that is asked: answers to the questions that the judge is asked about once more, whether they decline."""


# Neither validation prompts nor tasks of the capabilities are amended.
PLAIN_CONDITION = conditions.Condition(conditions.UNMODIFIED, "none", "plain").id
