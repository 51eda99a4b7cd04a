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
from ganas.spaces.rnn.mixing import require_first_derivative
from ganas.spaces.textnas.masking import Words
from ganas.spaces.textnas.projection import convolve

try:
    import torch
    from torch import Tensor, nn
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
        inputs = projected.to(values.dtype).view(batch, time, 2, -1)
        outputs: Tensor = _Recurrence.apply(  # type: ignore[no-untyped-call]
            inputs, words.steps, self.hidden_weight, self.hidden_bias
        )
        return outputs


def _as_read(values: Tensor, out: Tensor) -> Tensor:
    """Values of both directions, (2, batch, time, ...), in the order in which they are read, (2, time, batch, ...)."""
    out[0].copy_(values[0].transpose(0, 1))
    out[1].copy_(values[1].transpose(0, 1).flip(0))
    return out


class _Recurrence(torch.autograd.Function):
    """All steps of both directions.

    Inputs (batch, time, 2, 3 n), what is kept (2, time, batch, 1), weight (2, 3 n, n) and bias (2, 3 n) to the sum of
    the hidden states, (batch, time, n).
    """

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, keep: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        batch, time, _, columns = inputs.shape
        size = columns // 3
        # What comes from the inputs turns into r, z and n in its place: fresh memory takes as long as the arithmetic.
        mixed = _as_read(inputs.permute(2, 0, 1, 3), inputs.new_empty(2, time, batch, columns))
        hidden, of_new = inputs.new_zeros(2, time + 1, batch, size), inputs.new_empty(2, time, batch, size)
        product = inputs.new_empty(2, batch, columns)
        gate_product, new_product = product[..., : 2 * size], product[..., 2 * size :]
        gates, new = mixed[..., : 2 * size], mixed[..., 2 * size :]
        # Views of all steps are made in one go: one by one they would cost as much as the arithmetic.
        parts = (hidden[:, :-1], hidden[:, 1:], keep, gates, *gates.chunk(2, dim=-1), new, of_new)
        steps = zip(*(part.unbind(1) for part in parts), strict=True)
        rows, columns_first = bias.unsqueeze(1), weight.transpose(1, 2)
        with torch.autocast(inputs.device.type, enabled=False):
            for last, state, is_word, gate, reset, update, candidate, kept_product in steps:
                torch.baddbmm(rows, last, columns_first, out=product)
                kept_product.copy_(new_product)
                gate.add_(gate_product).sigmoid_()
                candidate.addcmul_(reset, new_product).tanh_()
                torch.lerp(candidate, last, update, out=state).mul_(is_word)
        ctx.save_for_backward(hidden, of_new, mixed, keep, weight)
        outputs = hidden[1, 1:].flip(0).add_(hidden[0, 1:])
        return outputs.transpose(0, 1).contiguous()

    @staticmethod
    def backward(ctx: Any, grad_outputs: Tensor) -> tuple[Tensor, None, Tensor, Tensor]:
        require_first_derivative()
        hidden, of_new, mixed, keep, weight = ctx.saved_tensors
        _, time, batch, columns = mixed.shape
        size = columns // 3
        reset, update, new = mixed.chunk(3, dim=-1)
        product_grads = torch.empty_like(mixed)
        factors = product_grads.view(2, time, batch, 3, size)
        to_reset, to_update, to_new = factors.unbind(3)
        # For all steps: what the gradient of a hidden state is multiplied by on its way to each product, written where
        # the gradients of the products will be.
        stays, grads = update * keep, hidden[:, :-1] - new
        torch.neg(update, out=to_update).add_(1)
        torch.mul(new, new, out=to_new).neg_().add_(1)
        to_input = (to_update * to_new).mul_(keep)
        to_update.mul_(stays).mul_(grads)
        torch.mul(to_input, reset, out=to_new)
        torch.neg(reset, out=to_reset).add_(1).mul_(to_new).mul_(of_new)
        _as_read(grad_outputs.expand(2, -1, -1, -1), grads)
        parts = (grads, grads.unsqueeze(3), factors, stays, product_grads)
        steps = list(zip(*(part.unbind(1) for part in parts), strict=True))
        carried = torch.zeros_like(grads[:, 0])
        with torch.autocast(hidden.device.type, enabled=False):
            for grad, grad_column, factor, stay, product_grad in reversed(steps):
                grad += carried
                factor *= grad_column
                carried = torch.baddbmm(grad * stay, product_grad, weight)
            by_direction = product_grads.view(2, time * batch, columns)
            weight_grad = by_direction.transpose(1, 2) @ hidden[:, :-1].reshape(2, time * batch, size)
            bias_grad = by_direction.sum(1)
        # Inputs enter as products do, but for n, where the gate r is on the product alone.
        torch.mul(grads, to_input, out=product_grads[..., 2 * size :])
        input_grads = mixed.new_empty(batch, time, 2, columns)
        input_grads[:, :, 0] = product_grads[0].transpose(0, 1)
        input_grads[:, :, 1] = product_grads[1].flip(0).transpose(0, 1)
        return input_grads, None, weight_grad, bias_grad
