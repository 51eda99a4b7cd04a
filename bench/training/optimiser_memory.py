"""What an optimiser of torch remembers of its steps, for checkpoints and roll-backs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ganas.bench.training.checkpoint import as_tensors

if TYPE_CHECKING:
    import torch

__all__ = ["optimiser_memory", "restore_memory"]


def optimiser_memory(optimiser: torch.optim.Optimizer) -> dict[str, Any]:
    """What it remembers of each weight, with text as keys; the tensors in it are its own."""
    remembered = optimiser.state_dict()["state"]
    return {
        str(number): {name: value for name, value in values.items() if value is not None}
        for number, values in remembered.items()
    }


def restore_memory(optimiser: torch.optim.Optimizer, remembered: Mapping[str, Any]) -> None:
    """Take what :func:`optimiser_memory` gave; learning rates and the like stay as they are."""
    whole = optimiser.state_dict()
    whole["state"] = {int(number): as_tensors(values) for number, values in remembered.items()}
    optimiser.load_state_dict(whole)
