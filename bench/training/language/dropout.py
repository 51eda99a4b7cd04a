"""The dropout of recurrent networks: masks that stay the same along a sequence, whole words, single weights.

Gal and Ghahramani, "A Theoretically Grounded Application of Dropout in Recurrent Neural Networks", NIPS 2016 (masks,
words); Wan et al., "Regularization of Neural Networks using DropConnect", ICML 2013 (weights); all three as in Merity,
Keskar and Socher, "Regularizing and Optimizing LSTM Language Models", ICLR 2018, sections 2 and 4. What remains is
scaled up, so that the mean stays. Masks come from torch's global generator.
"""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["dropped_rows", "dropped_weights", "keep_mask", "locked"]


def keep_mask(like: Tensor, size: tuple[int, ...], probability: float) -> Tensor | None:
    """A mask of 0 and 1 / (1 - probability), of the type and on the device of a tensor; None where all is kept."""
    if not probability:
        return None
    return like.new_empty(size).bernoulli_(1 - probability).div_(1 - probability)


def locked(values: Tensor, probability: float, *, training: bool) -> Tensor:
    """Drop values, the same at every step, (steps, batch, n)."""
    mask = keep_mask(values, (1, *values.shape[1:]), probability) if training else None
    return values if mask is None else values * mask


def dropped_rows(weights: Tensor, probability: float, *, training: bool) -> Tensor:
    """Drop whole rows of an embedding, (words, n)."""
    mask = keep_mask(weights, (len(weights), 1), probability) if training else None
    return weights if mask is None else weights * mask


def dropped_weights(module: nn.Module, names: tuple[str, ...], probability: float) -> dict[str, Tensor]:
    """The named weights of a module with single ones dropped, for ``torch.func.functional_call``."""
    found = dict(module.named_parameters())
    dropped = {}
    for name in names:
        mask = keep_mask(found[name], tuple(found[name].shape), probability)
        if mask is not None:
            dropped[name] = found[name] * mask
    return dropped
