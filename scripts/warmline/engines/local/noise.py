"""Random numbers that belong to a row: counter-based, so that they do not depend on any other row (lineage rule 7).

Philox4x32-10 (Salmon et al., SC 2011, "Parallel random numbers: as easy as 1, 2, 3") turns (row key, position, token)
into 32 random bits. There is no state: a row's numbers are the same in any batch, in any order, on CPU and GPU.
"""

from __future__ import annotations

import torch

WORD = 0xFFFFFFFF
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
CPU_ROWS = 4


def philox(counters: tuple[torch.Tensor, ...], keys: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    """Philox4x32-10: four 32-bit counters and two 32-bit keys to four random 32-bit words.

    All tensors are int64 holding values below 2^32 and broadcast against each other.
    """
    c0, c1, c2, c3 = counters
    k0, k1 = keys
    for _ in range(ROUNDS):
        # Products wrap around modulo 2^64, which keeps exactly the 64 bits wanted; the mask undoes the sign.
        product0 = c0 * MULTIPLIERS[0]
        product1 = c2 * MULTIPLIERS[1]
        c0, c1, c2, c3 = (
            ((product1 >> 32) & WORD) ^ c1 ^ k0,
            product1 & WORD,
            ((product0 >> 32) & WORD) ^ c3 ^ k1,
            product0 & WORD,
        )
        k0 = (k0 + KEY_STEPS[0]) & WORD
        k1 = (k1 + KEY_STEPS[1]) & WORD
    return c0, c1, c2, c3


def gumbel(row_keys: torch.Tensor, positions: torch.Tensor, size: int) -> torch.Tensor:
    """Standard Gumbel noise for one position of every row: float32, shape (rows, size).

    `row_keys` and `positions`, which count each row's generated tokens, are int64 tensors of shape (rows,); `size` is
    the vocabulary. Adding it to log-probabilities and taking the largest draws from them (the Gumbel-max trick).
    """
    # A processor's cache holds the numbers of a few rows: half the time of all rows at once.
    rows = CPU_ROWS if row_keys.device.type == "cpu" else len(row_keys)
    parts = zip(torch.split(row_keys, rows), torch.split(positions, rows), strict=True)
    return torch.cat([_gumbel(keys, at, size) for keys, at in parts])


def _gumbel(row_keys: torch.Tensor, positions: torch.Tensor, size: int) -> torch.Tensor:
    blocks = torch.arange((size + 3) // 4, device=row_keys.device).unsqueeze(0)
    zero = torch.zeros_like(blocks)
    keys = ((row_keys & WORD).unsqueeze(1), ((row_keys >> 32) & WORD).unsqueeze(1))
    words = philox((blocks, positions.unsqueeze(1), zero, zero), keys)
    bits = torch.stack(words, dim=-1).flatten(1)[:, :size]
    # 23 bits and a half step are what float32 holds exactly; the half step keeps the value off 0 and 1.
    uniform = ((bits >> 9).float() + 0.5) * 2.0**-23
    return -torch.log(-torch.log(uniform))
