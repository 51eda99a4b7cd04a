"""Stochastic gradient descent that averages its weights once it no longer improves (NT-ASGD).

Merity et al., "Regularizing and Optimizing LSTM Language Models", ICLR 2018, section 3 and algorithm 1: when the
validation is worse than the best of those before the last n, averaging begins, and from then on the mean of the weights
after each further step is what is evaluated and kept. Here the mean begins with the weights after the first such step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ganas.bench.training.checkpoint import as_tensors
from ganas.bench.training.language.protocol import LanguageProtocol
from ganas.bench.training.optimiser_memory import optimiser_memory, restore_memory

__all__ = ["AveragingOptimiser", "begins_to_average"]


def begins_to_average(losses: Sequence[float], patience: int) -> bool:
    """Whether averaging begins after the last of these validations.

    Args:
        losses: Of every epoch so far, in order.
        patience: How many of the last are not compared with.

    >>> [begins_to_average(losses, 1) for losses in ([4.0, 5.0, 4.5], [5.0, 4.0, 4.5], [4.0, 5.0])]
    [True, False, False]
    """
    *before, last = losses
    return len(before) > patience and last > min(before[:-patience])


class AveragingOptimiser:
    """Steps of gradients, clipped, and the mean of the weights.

    Args:
        module: Whose weights are learned.
        protocol: Optimiser, learning rate, weight decay and clipping.
    """

    def __init__(self, module: nn.Module, protocol: LanguageProtocol) -> None:
        self._named = dict(module.named_parameters())
        self._clip, self._rate = protocol.clip, protocol.learning_rate
        parameters, decay = list(self._named.values()), protocol.weight_decay
        self._optimiser: torch.optim.Optimizer
        if protocol.optimiser == "sgd":
            self._optimiser = torch.optim.SGD(parameters, lr=self._rate, weight_decay=decay)
        else:
            self._optimiser = torch.optim.Adam(parameters, lr=self._rate, weight_decay=decay)
        self._means: dict[str, Tensor] = {}
        self._averaging, self._steps = False, 0

    @property
    def averages(self) -> bool:
        """Whether averaging has begun."""
        return self._averaging

    def begin_averaging(self) -> None:
        """Average the weights from the next step on."""
        self._averaging = True

    def zero_gradients(self) -> None:
        """Forget the gradients."""
        self._optimiser.zero_grad(set_to_none=True)

    def step(self, scale: float) -> None:
        """Take a step with the learning rate times ``scale``."""
        nn.utils.clip_grad_norm_(self._named.values(), self._clip)
        for group in self._optimiser.param_groups:
            group["lr"] = self._rate * scale
        self._optimiser.step()
        if not self._averaging:
            return
        self._steps += 1
        with torch.no_grad():
            for name, weights in self._named.items():
                if self._steps == 1:
                    self._means[name] = weights.detach().clone()
                else:
                    self._means[name].add_(weights - self._means[name], alpha=1 / self._steps)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Put the means in place of the weights, where there are any, and the weights back afterwards."""
        if not self._means:
            yield
            return
        kept = {name: weights.detach().clone() for name, weights in self._named.items()}
        self._set(self._means)
        try:
            yield
        finally:
            self._set(kept)

    def _set(self, values: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            for name, weights in self._named.items():
                weights.copy_(values[name])

    def state(self) -> dict[str, Any]:
        """Weights, means, and what the optimiser remembers."""
        return {
            "weights": self._named,
            "means": self._means,
            "averaging": self._averaging,
            "steps": self._steps,
            "moments": optimiser_memory(self._optimiser),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state`."""
        device = str(next(iter(self._named.values())).device)
        self._set(as_tensors(state["weights"], device))
        self._means = as_tensors(state["means"], device)
        self._averaging, self._steps = bool(state["averaging"]), int(state["steps"])
        restore_memory(self._optimiser, state["moments"])
