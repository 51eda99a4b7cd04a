"""Drawing the weights of a module from a generator that is passed, never from torch's global one."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch
from torch import nn

__all__ = ["draw_weights", "without_weights"]


def without_weights() -> AbstractContextManager[object]:
    """Build modules inside this context, then call :func:`draw_weights`.

    Modules draw their weights from the global generator when they are built; on the meta device they draw nothing.
    """
    return torch.device("meta")


def draw_weights(module: nn.Module, generator: torch.Generator) -> None:
    """Give the parameters that have no memory yet their values, on the generator's device.

    The distributions are torch's defaults: standard normal for embeddings, otherwise uniform within one over the
    square root of the inputs (of the hidden units for recurrent layers). Parameters that have values keep them.
    """
    for part in module.modules():
        own = list(part.parameters(recurse=False))
        if not any(parameter.is_meta for parameter in own):
            continue
        part.to_empty(device=generator.device, recurse=False)
        with torch.no_grad():
            for parameter in part.parameters(recurse=False):
                if isinstance(part, nn.Embedding):
                    parameter.normal_(generator=generator)
                else:
                    fan_in = part.hidden_size if isinstance(part, nn.RNNBase) else part.in_features
                    bound = float(fan_in) ** -0.5  # type: ignore[arg-type]
                    parameter.uniform_(-bound, bound, generator=generator)
