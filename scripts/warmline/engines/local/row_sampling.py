"""Drawing the next token of every slot by its own row's temperature, nucleus and noise (lineage rule 7)."""

from __future__ import annotations

import torch
from transformers import TopPLogitsWarper

from warmline.calls.requests import Sampling
from warmline.engines.local import noise

GREEDY = Sampling(0.0, 0)


class RowSampler:
    """The sampling of each slot, and how many tokens its row has drawn."""

    def __init__(self, slots: int, device: torch.device) -> None:
        self._samplings = [GREEDY] * slots
        self._temperatures = torch.ones(slots, device=device)
        self._keys = torch.zeros(slots, dtype=torch.int64, device=device)
        self._drawn = torch.zeros(slots, dtype=torch.int64, device=device)
        self._arrange()

    def take(self, rows: dict[int, tuple[Sampling, int]]) -> None:
        """From now on, each of these slots draws by a row's sampling and seed, from the row's first token on."""
        for slot, (sampling, seed) in rows.items():
            self._samplings[slot] = sampling
            self._temperatures[slot] = sampling.temperature or 1.0
            self._keys[slot] = seed
            self._drawn[slot] = 0
        self._arrange()

    def leave(self, slots: list[int]) -> None:
        """These slots are empty: whatever they draw is not used, and costs no noise."""
        for slot in slots:
            self._samplings[slot] = GREEDY
        self._arrange()

    def _arrange(self) -> None:
        """Tell apart the slots that draw at random, and among them those of each nucleus."""
        sampled = [slot for slot, sampling in enumerate(self._samplings) if sampling.temperature > 0]
        nuclei: dict[float, list[int]] = {}
        for slot in sampled:
            if (top_p := self._samplings[slot].top_p) < 1:
                nuclei.setdefault(top_p, []).append(slot)
        device = self._keys.device
        self._sampled = torch.tensor(sampled, dtype=torch.int64, device=device)
        self._nuclei = [
            (TopPLogitsWarper(top_p), torch.tensor(slots, device=device)) for top_p, slots in sorted(nuclei.items())
        ]

    def __call__(self, logits: torch.Tensor) -> torch.Tensor:
        """The next token of every slot, from logits of shape (slots, vocabulary).

        Taking the largest of scores with Gumbel noise draws from their softmax; without noise it is greedy.
        """
        scores = logits.float() / self._temperatures[:, None]
        for warp, slots in self._nuclei:
            scores[slots] = warp(slots, scores[slots])
        if len(self._sampled):
            keys, positions = self._keys[self._sampled], self._drawn[self._sampled]
            scores[self._sampled] += noise.gumbel(keys, positions, scores.shape[1])
        self._drawn += 1
        return scores.argmax(1)
