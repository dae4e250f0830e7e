"""Continuous batching: when a row's reply ends, the next row takes its slot, so that none waits for the longest reply.

An answer must not depend on which other rows were asked with it (lineage rule 7), and matrix products may round
differently with another shape. So every shape follows from the row alone: what comes before its last message is
computed by itself, its own tokens are padded to a multiple of `BUCKET`, and its replying takes place among a fixed
number of slots, filled or not, each with room for a multiple of `ROOM` tokens. transformers' own continuous batching
(`generate_batch`) packs whatever tokens there are into one pass, and draws by one global seed.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from transformers import Cache, DynamicCache

from warmline.calls.requests import Request
from warmline.engines.local.row_sampling import RowSampler
from warmline.engines.local.slot_cache import Place, SlotCache

BUCKET = 16
ROOM = 256
# A GPU is given so many passes before it is asked which replies have ended: waiting for it each time would cost more
# than the few tokens that are drawn in vain.
PASSES = {"cuda": 8, "cpu": 1}
# Tokens of prompts that a GPU reads at once. A processor gains nothing from several prompts, and one by one each is
# rounded as if it were alone.
READ_AT_ONCE = {"cuda": 8192, "cpu": 1}
# A product of a single row is rounded in another way (oneDNN), and one of up to three (MKL).
FEWEST_SLOTS = {"cuda": 1, "cpu": 4}


@dataclasses.dataclass(frozen=True, eq=False)
class Prompt:
    """A request's tokens: those before its last message, shared with other rows, and its own."""

    request: Request
    shared: tuple[int, ...]
    own: tuple[int, ...]

    @property
    def length(self) -> int:
        """Tokens that the prompt has and its reply may have."""
        return len(self.shared) + len(self.own) + self.request.sampling.max_new_tokens

    @property
    def room(self) -> int:
        """The columns that a slot for the row has."""
        return -(-max(self.length, len(self.shared) + self.read) // ROOM) * ROOM

    @property
    def read(self) -> int:
        """Its own tokens but the last, which the first pass of the reply reads, padded."""
        return -(-(len(self.own) - 1) // BUCKET) * BUCKET

    @property
    def shape(self) -> tuple[Any, ...]:
        """Prompts of one shape may be read together."""
        return self.read, self.shared


class ContinuousBatch:
    """A number of slots, all of one room, through which rows are led until all have been answered."""

    def __init__(self, model: Any, slots: int, room: int, ends: Sequence[int]) -> None:
        self._model = model
        self._device = model.device
        self._kind = self._device.type
        self._ends = frozenset(ends)
        self._room = room
        self._cache = SlotCache(model.config.get_text_config(decoder=True).num_hidden_layers, slots, room)
        self._sampler = RowSampler(slots, self._device)
        self._tokens, self._columns, self._last = (
            torch.zeros(slots, dtype=torch.int64, device=self._device) for _ in range(3)
        )
        self._slots = torch.arange(slots, device=self._device)
        self._rows: dict[int, tuple[Prompt, list[int]]] = {}
        self._free = list(range(slots))
        self._start: tuple[tuple[int, ...], Cache] = ((), DynamicCache(config=model.config))

    @torch.inference_mode()
    def generate(self, prompts: Iterable[Prompt]) -> Iterator[tuple[Prompt, list[int]]]:
        """Each prompt with the tokens of its reply, its end included unless the limit came first, as they end."""
        waiting = deque(sorted(prompts, key=lambda prompt: prompt.shape))
        while waiting or self._rows:
            while waiting and self._free:
                self._admit(self._alike(waiting))
            drawn = torch.stack([self._pass() for _ in range(PASSES[self._kind])], dim=1).tolist()
            ended = [slot for slot, (prompt, reply) in self._rows.items() if self._extend(prompt, reply, drawn[slot])]
            answers = [self._rows.pop(slot) for slot in ended]
            self._free += ended
            self._sampler.leave(ended)
            yield from answers

    def _extend(self, prompt: Prompt, reply: list[int], drawn: Sequence[int]) -> bool:
        """Add the drawn tokens to a reply; True if it ended with one of them."""
        for token in drawn:
            reply.append(token)
            if token in self._ends or len(reply) == prompt.request.sampling.max_new_tokens:
                return True
        return False

    def _alike(self, waiting: deque[Prompt]) -> list[Prompt]:
        """The next prompts that can be read together."""
        most = min(len(self._free), max(1, READ_AT_ONCE[self._kind] // max(1, waiting[0].read)))
        found = [waiting.popleft()]
        while waiting and len(found) < most and waiting[0].shape == found[0].shape:
            found.append(waiting.popleft())
        return found

    def _admit(self, prompts: list[Prompt]) -> None:
        """Give each of these prompts, of one shape, a free slot, and read all of it but its last token."""
        taken = [self._free.pop() for _ in prompts]
        slots = torch.tensor(taken, device=self._device)
        shared, read = prompts[0].shared, prompts[0].read
        if shared:
            self._cache.begin(slots, self._started(shared))
        if read:
            # What stands behind a prompt is seen by none of its tokens, and is written over by the reply.
            own = [[*prompt.own[:-1], *[0] * (read - len(prompt.own) + 1)] for prompt in prompts]
            columns = torch.arange(len(shared), len(shared) + read, device=self._device)
            last = torch.tensor([len(shared) + len(prompt.own) - 1 for prompt in prompts], device=self._device)
            place = Place(slots, columns.expand(len(prompts), -1), len(shared) + read)
            seen = torch.arange(place.length, device=self._device) <= columns[:, None]
            # Of a prompt's padding no position is beyond the prompt: a model may know no more.
            self._run(torch.tensor(own, device=self._device), torch.minimum(columns, last[:, None]), seen[None], place)
        for slot, prompt in zip(taken, prompts, strict=True):
            at = len(shared) + len(prompt.own) - 1
            self._tokens[slot] = prompt.own[-1]
            self._columns[slot] = at
            # A reply that has ended goes on until the device is asked, but in its own slot.
            self._last[slot] = at + prompt.request.sampling.max_new_tokens - 1
            self._rows[slot] = (prompt, [])
        self._sampler.take(
            {slot: (prompt.request.sampling, prompt.request.seed) for slot, prompt in zip(taken, prompts, strict=True)}
        )

    def _started(self, shared: tuple[int, ...]) -> Cache:
        """The keys and values of the tokens that prompts begin with; those of the last such tokens are kept."""
        if self._start[0] != shared:
            cache = DynamicCache(config=self._model.config)
            ids = torch.tensor([shared], device=self._device)
            self._model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
            self._start = (shared, cache)
        return self._start[1]

    def _pass(self) -> torch.Tensor:
        """Draw one token in every slot, filled or not."""
        seen = torch.arange(self._room, device=self._device) <= self._columns[:, None]
        place = Place(self._slots, self._columns[:, None], self._room, all_slots=True)
        logits = self._run(self._tokens[:, None], self._columns[:, None], seen[:, None], place)
        self._tokens = self._sampler(logits[:, -1])
        self._columns = torch.minimum(self._columns + 1, self._last)
        return self._tokens

    def _run(self, ids: torch.Tensor, positions: torch.Tensor, seen: torch.Tensor, place: Place) -> torch.Tensor:
        """The logits behind the last of the tokens. `seen` has the shape (1 or rows, tokens, columns)."""
        self._cache.put(place)
        # A mask to be added is understood by every kind of attention; -inf leaves exactly nothing.
        mask = torch.zeros_like(seen, dtype=self._model.dtype).masked_fill_(~seen, -torch.inf)[:, None]
        output = self._model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits: torch.Tensor = output.logits
        return logits
