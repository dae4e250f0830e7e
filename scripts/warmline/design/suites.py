"""The names of the suites that arms are asked."""

from __future__ import annotations

from warmline.design import conditions

VALIDATION = "validation"


QUESTIONS = "questions"


CAPABILITIES = "capabilities"


# Neither validation prompts nor tasks of the capabilities are amended.
PLAIN_CONDITION = conditions.Condition(conditions.UNMODIFIED, "none", "plain").id
