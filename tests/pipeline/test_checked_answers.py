"""Faulty answers stop a study before its judge is asked, and it goes on from there once they are accepted."""

from __future__ import annotations

import re

import pytest
from study_copy import StudyCopy

VERDICTS = "results/tiny/grades/tiny/original/questions.json"


def set_empty(copy: StudyCopy, limit: float) -> None:
    copy.configure(lambda config: config["checks"].update(empty=limit))


@pytest.mark.long(40)
def test_empty_answers_stop_the_study_until_they_are_accepted(study_copy: StudyCopy) -> None:
    set_empty(study_copy, 0)
    stopped = study_copy.run(VERDICTS, check=False)
    output = stopped.stdout + stopped.stderr
    assert stopped.returncode
    assert re.search(r"tiny, original: [1-9]\d* of 16 answers \(\d+\.\d%\) are empty; the limit is 0\.0%\.", output)
    assert re.search(r"First rows \(task/condition/item\): (disinfo|triviaqa)/\w+\.\w+\.plain/\w+-\d{5}", output)
    assert "raise `checks.empty`" in output
    assert "Traceback" not in output
    assert study_copy.calls() == {"transformers": 16}
    assert not study_copy.path("grades/tiny").exists()

    set_empty(study_copy, 1)
    study_copy.run(VERDICTS)
    assert study_copy.calls()["transformers"] == 16
    assert study_copy.calls()["reference"] > 0
