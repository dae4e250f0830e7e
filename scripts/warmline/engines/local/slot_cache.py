"""A cache of keys and values in which every row has a slot of its own, filled from its first column on.

transformers' own caches write one column for all rows. Here each row is at its own, so that a row can take the slot of
one that has ended, and its tokens stand in the same columns whichever rows are beside it (lineage rule 7).
"""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from transformers import Cache
from transformers.cache_utils import CacheLayerMixin


@dataclasses.dataclass(frozen=True)
class Place:
    """Where the tokens of a pass through the model stand.

    `slots` has the shape (rows,), `columns` (rows, tokens). Attention sees the first `length` columns of these slots;
    with `all_slots` the rows are those of every slot in order, and nothing needs copying.
    """

    slots: torch.Tensor
    columns: torch.Tensor
    length: int
    all_slots: bool = False


class SlotLayer(CacheLayerMixin):
    """A layer's keys and values: each of shape (slots, heads, capacity, head dimension)."""

    is_sliding = False

    def __init__(self, slots: int, capacity: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.slots = slots
        self.capacity = capacity
        self.place: Place | None = None

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        # Zeros, not whatever the memory held: what is masked is multiplied by 0, and 0 times NaN is NaN.
        self.keys, self.values = (
            states.new_zeros((self.slots, states.shape[1], self.capacity, states.shape[3]))
            for states in (key_states, value_states)
        )
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_args: Any, **_kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Keep the keys and values of a pass at its place, and give back those that its tokens may attend to."""
        assert self.place is not None
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        assert self.keys is not None and self.values is not None
        # Layers may lie on several devices.
        slots, columns = (where.to(key_states.device) for where in (self.place.slots, self.place.columns))
        self.keys[slots[:, None], :, columns] = key_states.transpose(1, 2)
        self.values[slots[:, None], :, columns] = value_states.transpose(1, 2)
        if self.place.all_slots:
            return self.keys, self.values
        return self.keys[slots, :, : self.place.length], self.values[slots, :, : self.place.length]

    def begin(self, slots: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> None:
        """Copy the keys and values of one row to the first columns of several slots."""
        if not self.is_initialized:
            self.lazy_initialization(keys, values)
        assert self.keys is not None and self.values is not None
        self.keys[slots, :, : keys.shape[2]] = keys
        self.values[slots, :, : values.shape[2]] = values

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.capacity, 0

    def get_seq_length(self) -> int:
        return 0

    def get_max_length(self) -> int:
        return self.capacity


class SlotCache(Cache):
    """The cache of a whole model. `put` says where the next pass stands; positions and mask must say the same."""

    def __init__(self, layers: int, slots: int, capacity: int) -> None:
        self._slot_layers = [SlotLayer(slots, capacity) for _ in range(layers)]
        super().__init__(layers=[*self._slot_layers])

    def put(self, place: Place) -> None:
        """Have the next pass through the model read and write there."""
        for layer in self._slot_layers:
            layer.place = place

    def begin(self, slots: torch.Tensor, start: Cache) -> None:
        """Copy what several rows begin with, the cache of one row, to the first columns of their slots."""
        begun: Any
        for layer, begun in zip(self._slot_layers, start.layers, strict=True):
            layer.begin(slots.to(begun.keys.device), begun.keys, begun.values)
