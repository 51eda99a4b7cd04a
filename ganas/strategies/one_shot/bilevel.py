"""The gradient of architecture parameters: at the weights as they are, or through one step of their training.

H. Liu, K. Simonyan and Y. Yang, "DARTS: Differentiable Architecture Search", ICLR 2019, section 2.3, equations 6 to 8,
https://arxiv.org/abs/1806.09055, as in the code of the authors, ``rnn/architect.py``. With the loss L on the weight
half, the loss H on the architecture half, the weights w and the architecture parameters a::

    w' = w - r (c dL/dw + d w)          c clips the norm of dL/dw, d is the weight decay
    gradient = dH(w', a)/da - r c (dL(w + e v, a)/da - dL(w - e v, a)/da) / (2 e)
    v = dH(w', a)/dw', its norm clipped as well; e = 0.01 / |v|

In the code, c is above 1 where nothing is clipped, which scales the second term by a number that has no meaning; here
it is then 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

__all__ = ["clip_coefficient", "gradients", "unrolled_gradients"]

_Carried = TypeVar("_Carried")

_RADIUS = 1e-2
"""Length of the step of the finite difference."""


def gradients(loss: Tensor, parameters: Sequence[nn.Parameter]) -> list[Tensor]:
    """The gradient of a loss by each parameter, zeros where it does not depend on one."""
    found = torch.autograd.grad(loss, parameters, allow_unused=True)
    return [
        torch.zeros_like(parameter) if gradient is None else gradient
        for gradient, parameter in zip(found, parameters, strict=True)
    ]


def clip_coefficient(values: Sequence[Tensor], clip: float) -> float:
    """What gradients are multiplied by so that their norm is at most ``clip``."""
    return min(1.0, clip / (_norm(values) + 1e-6))


def unrolled_gradients(
    weight_loss: Callable[[], Tensor],
    architecture_loss: Callable[[], tuple[Tensor, _Carried]],
    weights: Sequence[nn.Parameter],
    architecture: Sequence[nn.Parameter],
    *,
    rate: float,
    weight_decay: float,
    clip: float,
) -> tuple[list[Tensor], Tensor, _Carried]:
    """The second-order gradient of architecture parameters.

    Args:
        weight_loss: The loss on a batch of the weight half, with the same dropout masks at every call: otherwise
            their difference would be taken for that of the weights.
        architecture_loss: The loss on a batch of the architecture half, and whatever else it computes.
        weights: What the step is of; the same afterwards as before.
        architecture: What the gradient is by.
        rate: Learning rate of the step.
        weight_decay: Of the step.
        clip: The greatest norm of a gradient.

    Returns:
        The gradient by each architecture parameter, the loss on the architecture half at the weights after the step,
        and what else it computed there.
    """
    before = [weight.detach().clone() for weight in weights]
    descent = gradients(weight_loss(), weights)
    shrunk = clip_coefficient(descent, clip)
    with torch.no_grad():
        for weight, gradient in zip(weights, descent, strict=True):
            weight.sub_(rate * (shrunk * gradient + weight_decay * weight))
    loss, carried = architecture_loss()
    both = gradients(loss, [*architecture, *weights])
    found, vector = both[: len(architecture)], both[len(architecture) :]
    of_vector = clip_coefficient(vector, clip)
    vector = [part * of_vector for part in vector]
    norm = _norm(vector)
    if norm > 0:
        step = _RADIUS / norm
        ahead, behind = (_at(weight_loss, before, vector, offset, weights, architecture) for offset in (step, -step))
        for gradient, plus, minus in zip(found, ahead, behind, strict=True):
            gradient.sub_(rate * shrunk * (plus - minus) / (2 * step))
    _place(weights, before)
    return found, loss.detach(), carried


def _at(
    loss: Callable[[], Tensor],
    before: Sequence[Tensor],
    vector: Sequence[Tensor],
    offset: float,
    weights: Sequence[nn.Parameter],
    architecture: Sequence[nn.Parameter],
) -> list[Tensor]:
    """The gradient by the architecture at weights that are so far along a vector."""
    _place(weights, [start + offset * part for start, part in zip(before, vector, strict=True)])
    return gradients(loss(), architecture)


def _place(weights: Sequence[nn.Parameter], values: Sequence[Tensor]) -> None:
    with torch.no_grad():
        for weight, value in zip(weights, values, strict=True):
            weight.copy_(value)


def _norm(values: Sequence[Tensor]) -> float:
    return float(torch.stack([value.float().norm() for value in values]).norm())
