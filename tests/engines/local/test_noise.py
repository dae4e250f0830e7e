from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from warmline.engines.local.noise import gumbel, philox

ROW_KEYS = st.integers(0, 2**63 - 1)


def words(text: str) -> tuple[torch.Tensor, ...]:
    return tuple(torch.tensor(int(word, 16)) for word in text.split())


@pytest.mark.parametrize(
    ("counters", "keys", "expected"),
    [
        ("0 0 0 0", "0 0", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_philox_gives_the_known_answers_of_random123(counters: str, keys: str, expected: str) -> None:
    assert philox(words(counters), words(keys)) == words(expected)


@given(st.lists(ROW_KEYS, min_size=1, max_size=9), st.integers(0, 2000), st.integers(1, 50))
def test_a_rows_noise_is_its_own_whatever_rows_are_beside_it(keys: list[int], position: int, size: int) -> None:
    together = gumbel(torch.tensor(keys), torch.full((len(keys),), position), size)
    assert together.shape == (len(keys), size)
    for row, key in zip(together, keys, strict=True):
        assert torch.equal(row, gumbel(torch.tensor([key]), torch.tensor([position]), size)[0])


def test_rows_positions_and_both_halves_of_the_key_have_noise_of_their_own() -> None:
    keys = torch.tensor([1, 2, 1 + 2**32, 2**62])
    rows = torch.cat([gumbel(keys, torch.full((4,), position), 64) for position in range(3)])
    assert len({tuple(row.tolist()) for row in rows}) == 12


def test_extreme_bits_give_finite_noise() -> None:
    # The random words of row 0 at position 7 and 5 begin with 24 set bits, and with 24 zeros, at these tokens.
    highest, lowest = (
        gumbel(torch.tensor([0]), torch.tensor([position]), size)[0, -1]
        for position, size in ((7, 663_871), (5, 1_781_417))
    )
    assert highest.isfinite() and lowest.isfinite()
    assert highest > 16 and lowest < -2.7


def test_noise_follows_the_gumbel_distribution() -> None:
    sample = gumbel(torch.tensor([652]), torch.tensor([3]), 20_000)[0].numpy()
    assert stats.kstest(sample, stats.gumbel_r.cdf).pvalue > 0.01


@pytest.mark.parametrize("rows", [4000, 1], ids=["over rows", "over positions"])
def test_the_largest_score_with_noise_is_drawn_by_the_softmax(rows: int) -> None:
    scores = torch.tensor([0.0, 1.0, -1.0, 2.0, 0.5, 0.5, -3.0])
    keys = torch.arange(rows) * 7_919 + 3
    drawn = torch.cat(
        [(scores + gumbel(keys, torch.full((rows,), position), 7)).argmax(1) for position in range(4000 // rows)]
    )
    expected = scores.softmax(0).double() * 4000
    assert stats.chisquare(drawn.bincount(minlength=7), expected / expected.sum() * 4000).pvalue > 0.01
