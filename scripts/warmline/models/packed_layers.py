"""Linear layers that keep their weights in the order in which oneDNN multiplies them.

torch's own layers keep rows, which oneDNN puts in order anew at every call: for a model of GPT-2's size that takes a
third of the time. The two operations are those that torch's compiler puts in place of a linear layer.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers.activations import NewGELUActivation
from transformers.pytorch_utils import Conv1D

# The rows of a product for which oneDNN chooses the order; others are multiplied as well in it.
TYPICAL_ROWS = 128


class PackedLinear(torch.nn.Module):
    """x @ weight.T + bias in fp32, for weights of outputs x inputs."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        super().__init__()
        self.weight: Any = torch.ops.mkldnn._reorder_linear_weight(weight.detach().contiguous(), TYPICAL_ROWS)
        self.bias = None if bias is None else bias.detach().clone()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, "none", [], "")
        return product


def put_in(model: torch.nn.Module) -> None:
    """Put packed layers in place of the model's linear layers, GPT-2's spelling of them included.

    The activation that GPT-2 spells out in eight steps is done in one. What is not packed is copied, so that nothing
    keeps the whole of a weights file in memory, as a single tensor mapped from it does.
    """
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, torch.nn.Linear):
                setattr(module, name, PackedLinear(child.weight, child.bias))
            elif isinstance(child, Conv1D):
                setattr(module, name, PackedLinear(child.weight.t(), child.bias))
            elif isinstance(child, NewGELUActivation):
                setattr(module, name, torch.nn.GELU(approximate="tanh"))
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()
