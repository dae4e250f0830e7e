"""The smallest detectable difference is found as often as it is said to be, by the study's own tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from observed import observations
from repository import REPOSITORY
from scipy.stats import nct, norm, t

from warmline import __main__ as command
from warmline.published.reconstruction import reconstruct
from warmline.statistics.clustered_means import clustered_means
from warmline.statistics.paired_tests import paired_tests
from warmline.statistics.power import (
    changed_share,
    power_in_pairs,
    smallest_differences,
    smallest_in_clusters,
    smallest_in_pairs,
)
from warmline.tables import csv_tables
from warmline.tables.published_numbers import PRINTED_CELLS

STUDIES = 1500
# Four standard errors of a share of 0.8 over so many simulated studies.
MONTE_CARLO = 4 * (0.8 * 0.2 / STUDIES) ** 0.5
SHARES = st.floats(0.02, 0.9)


def changes(generator: np.random.Generator, shape: tuple[int, ...], changed: float, difference: float) -> np.ndarray:
    """1 for an answer that turns wrong, -1 for one that turns right, 0 for one that does not change."""
    worse, better = (changed + difference) / 2, (changed - difference) / 2
    return generator.choice([1, -1, 0], size=shape, p=[worse, better, 1 - changed])


@pytest.mark.parametrize(("questions", "changed"), [(125, 0.21), (40, 0.5)])
def test_the_paired_test_finds_the_smallest_difference_four_times_in_five(questions: int, changed: float) -> None:
    difference = smallest_in_pairs(questions, changed)
    assert difference is not None
    drawn = changes(np.random.default_rng(1), (STUDIES, questions), changed, difference).ravel()
    study, item = np.divmod(np.arange(drawn.size), questions)
    keys = {"context": study.astype(str), "item": item.astype(str)}
    right = np.array(["correct", "incorrect"])
    frames = [
        observations(arm=arm, verdict=right[(drawn == turn).astype(int)], **keys)
        for arm, turn in (("original", -1), ("warm@2", 1))
    ]
    tests = paired_tests(pl.concat(frames), ["warm@2"])
    assert tests.height == STUDIES
    found = (tests["p_value"] < 0.05).mean()
    assert found == pytest.approx(0.8, abs=MONTE_CARLO)


@pytest.mark.parametrize(("questions", "correlation"), [(150, 0.0), (150, 0.5), (150, 1.0), (12, 0.0)])
def test_the_clustered_interval_finds_the_smallest_difference_four_times_in_five(
    questions: int, correlation: float
) -> None:
    conditions, changed = (4, 0.21) if questions > 100 else (20, 0.21)
    difference = smallest_in_clusters([(questions - 10, conditions), (10, conditions)], changed, correlation)
    assert difference is not None
    generator = np.random.default_rng(2)
    own = changes(generator, (STUDIES, questions, conditions), changed, difference)
    shared = changes(generator, (STUDIES, questions, 1), changed, difference)
    # Two answers that both are the question's own draw, which each is with probability sqrt(correlation), are alike.
    alike = generator.random(own.shape) < correlation**0.5
    drawn = np.where(alike, shared, own).ravel()
    study, item = np.divmod(np.arange(drawn.size) // conditions, questions)
    means = clustered_means(
        pl.DataFrame({"study": study, "item": item, "lost": drawn}), "lost", ["study"], ["item"], limit=1
    )
    assert means.height == STUDIES
    assert (means["lower"] > 0).mean() == pytest.approx(0.8, abs=MONTE_CARLO)


def test_questions_under_fewer_conditions_weigh_by_their_answers() -> None:
    """Ten under one condition and five under two that are all alike: a variance of 1 x 10 + 2 x 10 over 20 squared."""
    mixed = smallest_in_clusters([(10, 1), (5, 2)], 0.9, 1.0)
    error = ((0.9 - mixed**2) * 30 / 20**2) ** 0.5
    assert nct(14, mixed / error).sf(t(14).ppf(0.975)) == pytest.approx(0.8)


def test_many_questions_need_what_the_normal_distribution_says_and_few_ones_more() -> None:
    plain = norm.ppf(0.975) + norm.ppf(0.8)

    def errors(questions: int) -> float:
        difference = smallest_in_clusters([(questions, 1)], 0.9, 0.0)
        assert difference is not None
        return difference / ((0.9 - difference**2) / questions) ** 0.5

    assert errors(20_000) == pytest.approx(plain, rel=1e-4)
    assert errors(15) > 1.07 * plain


def test_connors_number_of_pairs_is_a_little_below_what_the_exact_test_needs() -> None:
    difference = smallest_in_pairs(500, 0.21)
    half, power = norm.ppf(0.975), norm.ppf(0.8)
    pairs = (half * 0.21**0.5 + power * (0.21 - difference**2) ** 0.5) ** 2 / difference**2
    assert 460 < pairs < 500


@pytest.mark.parametrize(("pairs", "changed"), [(0, 0.5), (5, 1.0), (20, 0.1)])
def test_what_too_few_questions_cannot_show_is_left_open(pairs: int, changed: float) -> None:
    assert smallest_in_pairs(pairs, changed) is None
    assert smallest_in_clusters([], changed, 0.5) is None
    assert smallest_in_clusters([(5, 3)], 0.1, 0.5) is None
    assert smallest_in_clusters([(1, 300)], 0.9, 0.0) is None


def test_six_answers_that_all_change_are_the_fewest_that_can_be_significant() -> None:
    assert power_in_pairs(5, 1.0, 1.0) == 0
    assert power_in_pairs(6, 1.0, 1.0) == pytest.approx(1)


@settings(max_examples=40)
@given(st.integers(1, 400), SHARES, st.floats(0, 1), st.floats(0, 1))
def test_power_never_exceeds_the_level_without_a_difference_and_grows_with_it(
    pairs: int, changed: float, one: float, other: float
) -> None:
    small, large = sorted((one * changed, other * changed))
    assert power_in_pairs(pairs, changed, 0) <= 0.05
    assert power_in_pairs(pairs, changed, small) <= power_in_pairs(pairs, changed, large) + 1e-9


def test_the_share_that_changes_is_the_articles_median() -> None:
    cells = pl.DataFrame({"pairs": [10, 100, 50, 70], "b": [2, 10, 20, None], "c": [1, 0, 0, None]})
    assert changed_share(cells) == pytest.approx(0.3)
    published = reconstruct({"warm": csv_tables.read(REPOSITORY / "config/published/cells.csv", PRINTED_CELLS)})
    told = published.drop_nulls("b").select("b", "c", "pairs").to_numpy()
    assert len(told) == 356
    assert changed_share(published) == pytest.approx(np.median((told[:, 0] + told[:, 1]) / told[:, 2]))


def test_a_model_has_a_row_for_each_task_all_plain_questions_and_all_conditions() -> None:
    conditions = {"short": ["unmodified.none.plain", "sad.none.plain"], "other": ["sad.none.plain"]}
    table = smallest_differences({"short": 400, "other": 200}, conditions, 0.21)
    assert table.select("answers_to", "questions", "answers").rows() == [
        ("short, one condition", 400, 400),
        ("other, one condition", 200, 200),
        ("plain questions of all tasks", 400, 400),
        *((f"all conditions, changes correlate by {correlation}", 600, 1000) for correlation in ("0", "0.5", "1")),
    ]
    assert table["difference"][0] == table["difference"][2] == smallest_in_pairs(400, 0.21)
    assert table["difference"][4] == smallest_in_clusters([(400, 2), (200, 1)], 0.21, 0.5)


def test_the_command_reads_a_configuration_and_says_what_it_assumes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(REPOSITORY)
    command.main(["power", "--configfile", "config/paper.yaml"])
    told = capsys.readouterr().out
    lines = [line.split() for line in told.splitlines()]
    assert ["disinfo,", "one", "condition", "125", "125", "11.8"] in lines
    assert ["plain", "questions", "of", "all", "tasks", "1,625", "1,625", "3.2"] in lines
    assert "Assumed: 20.9% of answers change" in told
    command.main(["power", "--configfile", "config/paper.yaml", "--changed", "0.1"])
    assert "Assumed: 10.0% of answers change between right and wrong, as given" in capsys.readouterr().out


def test_what_is_no_share_and_what_is_not_known_yet_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(REPOSITORY)
    with pytest.raises(SystemExit, match=r"--changed 1\.5: expected a share"):
        command.main(["power", "--changed", "1.5"])
    later = tmp_path / "later.yaml"
    later.write_text("study: never-built\ntasks: {triviaqa: {questions: all}}\n")
    command.main(["power", "--changed", "0.2", "--configfile", "config/config.yaml", str(later)])
    assert "triviaqa, one condition" in capsys.readouterr().out
    source = f"{{hub: org/name, revision: '{'0' * 40}', file: a.jsonl}}"
    later.write_text(f"study: never-built\ntasks: {{triviaqa: {{questions: all, source: {source}}}}}\n")
    with pytest.raises(SystemExit, match=r"how many questions triviaqa has is known when its source is there"):
        command.main(["power", "--changed", "0.2", "--configfile", "config/config.yaml", str(later)])
