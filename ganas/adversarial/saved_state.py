"""Weights, optimizers and random states as JSON values and numpy arrays, as the state of a strategy must be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["load_state_arrays", "state_arrays"]

Stateful = nn.Module | torch.optim.Optimizer | torch.Generator


def state_arrays(source: Stateful) -> dict[str, Any]:
    """Everything that :func:`load_state_arrays` needs to restore ``source`` exactly.

    Args:
        source: A module (its weights and buffers), an optimizer (moments, step counts and settings) or a
            ``torch.Generator``.

    Returns:
        A dict of JSON values and copies as numpy arrays; every key is text.
    """
    if isinstance(source, torch.Generator):
        return {"generator": source.get_state().numpy().copy()}
    if isinstance(source, nn.Module):
        return {name: _array(tensor) for name, tensor in source.state_dict().items()}
    saved = source.state_dict()
    return {
        "state": {
            str(number): {name: _array(value) for name, value in values.items()}
            for number, values in saved["state"].items()
        },
        "param_groups": [{name: _plain(value) for name, value in group.items()} for group in saved["param_groups"]],
    }


def load_state_arrays(target: Stateful, state: Mapping[str, Any]) -> None:
    """Restore what :func:`state_arrays` saved, into an object that was built in the same way."""
    if isinstance(target, torch.Generator):
        target.set_state(torch.from_numpy(np.array(state["generator"], dtype=np.uint8)))
    elif isinstance(target, nn.Module):
        target.load_state_dict({name: _tensor(value) for name, value in state.items()})
    else:
        target.load_state_dict(
            {
                "state": {
                    int(number): {name: _tensor(value) for name, value in values.items()}
                    for number, values in state["state"].items()
                },
                # JSON has no tuples; the pairs among the settings (Adam's betas) are tuples in torch.
                "param_groups": [
                    {
                        name: tuple(value) if isinstance(value, list) and name != "params" else value
                        for name, value in group.items()
                    }
                    for group in state["param_groups"]
                ],
            }
        )


def _array(value: Any) -> Any:
    return value.detach().cpu().numpy().copy() if isinstance(value, Tensor) else _plain(value)


def _tensor(value: Any) -> Any:
    return torch.from_numpy(value.copy()) if isinstance(value, np.ndarray) else value


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
