"""A gated recurrent unit in both directions over texts of unequal length.

The equations are those of ``torch.nn.GRU``; the two directions are added. For each direction, at a word x with the
previous hidden state h, and (.) the product of elements::

    r = sigmoid(x W_r + h U_r + b_r)        n = tanh(x W_n + a + r (.) (h U_n + b_n))
    z = sigmoid(x W_z + h U_z + b_z)        h' = n + z (.) (h - n)

At padding the hidden state is set to zero. So the direction that begins at the end of the padded texts is in its
initial state when it comes to the last word, and the result is that of packed sequences without packing them. Both
directions take their steps together, and the backward pass is written out: it leaves three small operations and one
product of each step, and weights get their gradients from one product over all steps.

This module imports torch.
"""

from __future__ import annotations

import math
from typing import Any

from ganas.spaces.errors import missing_torch
from ganas.spaces.textnas.masking import Words
from ganas.spaces.textnas.projection import convolve

try:
    import torch
    from torch import Tensor, nn
    from torch.autograd.function import once_differentiable
except ImportError as error:
    raise missing_torch("building networks") from error

__all__ = ["BidirectionalGRU"]


class BidirectionalGRU(nn.Module):
    """Both directions, added.

    Attributes:
        input_weight: For each direction the weights of r, z and n one below the other, (2, 3 channels, channels).
        input_bias: (2, 3 channels).
        hidden_weight: Of the hidden state, (2, 3 channels, channels).
        hidden_bias: (2, 3 channels).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.input_weight = nn.Parameter(torch.empty(2, 3 * channels, channels))
        self.hidden_weight = nn.Parameter(torch.empty(2, 3 * channels, channels))
        self.input_bias = nn.Parameter(torch.empty(2, 3 * channels))
        self.hidden_bias = nn.Parameter(torch.empty(2, 3 * channels))
        self.reset()

    def reset(self, generator: torch.Generator | None = None) -> None:
        """Draw new weights as torch does, from plus to minus 1 / sqrt(channels)."""
        bound = 1 / math.sqrt(self.input_weight.shape[2])
        for weight in self.parameters():
            nn.init.uniform_(weight, -bound, bound, generator=generator)

    def forward(self, values: Tensor, words: Words) -> Tensor:
        """Values (batch, time, channels) to hidden states of the same shape, zero at padding."""
        batch, time, _ = values.shape
        projected = convolve(values, self.input_weight.flatten(0, 1).unsqueeze(2), self.input_bias.flatten())
        # What is carried from word to word would lose too much in the half precision of autocast.
        steps = projected.to(values.dtype).view(batch, time, 2, -1).permute(1, 2, 0, 3)
        inputs = torch.stack([steps[:, 0], steps[:, 1].flip(0)], dim=1)
        hidden: Tensor = _Recurrence.apply(  # type: ignore[no-untyped-call]
            inputs, words.steps, self.hidden_weight, self.hidden_bias
        )
        return (hidden[:, 0] + hidden[:, 1].flip(0)).transpose(0, 1).contiguous()


class _Recurrence(torch.autograd.Function):
    """All steps of both directions.

    Inputs (time, 2, batch, 3 n), what is kept (time, 2, batch, 1), weight (2, 3 n, n) and bias (2, 3 n) to hidden
    states (time, 2, batch, n).
    """

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, keep: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        time, _, batch, columns = inputs.shape
        size = columns // 3
        hidden = inputs.new_zeros(time + 1, 2, batch, size)
        products = torch.empty_like(inputs)
        gates = inputs.new_empty(time, 2, batch, 2 * size)
        candidates = inputs.new_empty(time, 2, batch, size)
        # Views of all steps are made in one go: one by one they would cost as much as the arithmetic.
        steps = zip(
            *(hidden[:-1].unbind(), hidden[1:].unbind(), keep.unbind(), products.unbind(), gates.unbind()),
            *(part.unbind() for part in inputs.split([2 * size, size], dim=-1)),
            *(part.unbind() for part in products.split([2 * size, size], dim=-1)),
            *(gates[..., :size].unbind(), gates[..., size:].unbind(), candidates.unbind()),
            strict=True,
        )
        rows, columns_first = bias.unsqueeze(1), weight.transpose(1, 2)
        with torch.autocast(inputs.device.type, enabled=False):
            for last, state, is_word, product, gate, in_gate, in_new, of_gate, of_new, reset, update, new in steps:
                torch.baddbmm(rows, last, columns_first, out=product)
                torch.add(in_gate, of_gate, out=gate).sigmoid_()
                torch.addcmul(in_new, reset, of_new, out=new).tanh_()
                torch.lerp(new, last, update, out=state).mul_(is_word)
        ctx.save_for_backward(hidden, products, gates, candidates, keep, weight)
        return hidden[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_outputs: Tensor) -> tuple[Tensor, None, Tensor, Tensor]:
        hidden, products, gates, new, keep, weight = ctx.saved_tensors
        time, _, batch, columns = products.shape
        size = columns // 3
        reset, update = gates[..., :size], gates[..., size:]
        # For all steps: what the gradient of a hidden state is multiplied by on its way to each product.
        to_input = (1 - new * new) * (1 - update) * keep
        factors = products.new_empty(time, 2, batch, 3, size)
        torch.mul(to_input * products[..., 2 * size :], reset * (1 - reset), out=factors[..., 0, :])
        torch.mul((hidden[:-1] - new) * keep, update * (1 - update), out=factors[..., 1, :])
        torch.mul(to_input, reset, out=factors[..., 2, :])
        kept = update * keep
        grads, product_grads = torch.empty_like(kept), torch.empty_like(products)
        steps = zip(
            *(grad_outputs.unbind(), grads.unsqueeze(3).unbind(), grads.unbind(), factors.unbind(), kept.unbind()),
            *(product_grads.view(factors.shape).unbind(), product_grads.unbind()),
            strict=True,
        )
        carried = torch.zeros_like(grads[0])
        with torch.autocast(hidden.device.type, enabled=False):
            for given, grad_column, grad, factor, stays, triple, product_grad in reversed(list(steps)):
                torch.add(given, carried, out=grad)
                torch.mul(grad_column, factor, out=triple)
                carried = torch.baddbmm(grad * stays, product_grad, weight)
            by_direction = product_grads.transpose(0, 1).reshape(2, time * batch, columns)
            read = hidden[:-1].transpose(0, 1).reshape(2, time * batch, size)
            weight_grad = by_direction.transpose(1, 2) @ read
            bias_grad = by_direction.sum(1)
        # Inputs enter as products do, but for n, where the gate r is on the product alone.
        torch.mul(grads, to_input, out=product_grads[..., 2 * size :])
        return product_grads, None, weight_grad, bias_grad
