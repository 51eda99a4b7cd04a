"""Settings of ``enas``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ganas.spaces.errors import InvalidSetting
from ganas.strategies.one_shot.one_shot_settings import OneShotSettings
from ganas.strategies.setting_checks import require_at_least, require_shares

__all__ = ["ENASSettings"]


@dataclass(frozen=True)
class ENASSettings(OneShotSettings):
    """Settings of ``enas``; a value of None is that of the recipe of the benchmark's training task.

    The official values are those of ``sst_macro_search_multi.sh`` and ``controller/rl_controller.py`` of
    https://github.com/microsoft/TextNAS. For a benchmark of the full protocol the recipe is the one of that script; for
    a miniature it is ours, with the sizes and dropout of the miniature itself.

    Attributes:
        epochs: Passes over the weight half (official: 150; miniature: 20). After the last the search is over.
        epochs_per_proposal: After how many of them an architecture is proposed; a number of at least ``epochs``
            proposes only the one of the end (ours: the official script proposes nothing, it prints samples). One that
            was proposed before is free, and no query.
        samples: How many architectures are drawn for a proposal, of which the one that the shared weights score best is
            proposed (official: 10 are printed).
        controller_steps: Steps of the controller after every epoch (official: 20).
        controller_hidden: Units of the LSTM (official: 64).
        controller_learning_rate: Of Adam (official: 1e-3).
        controller_epsilon: What Adam adds to the root of the second moment (official: 1e-3).
        controller_weight_decay: In the gradient (official: 1e-3).
        tanh_constant: Logits are so many times the hyperbolic tangent of what the controller computes (official: 1.5).
        baseline_decay: The share of the baseline that a step keeps (official: 0.99).
        skip_target: The share of skip connections that the controller is drawn to (official: 0.4).
        skip_weight: How strongly (official: 0.8).
        entropy_weight: Of the entropy in the reward (official: 1e-4).
        channels: Of every layer (official and miniature: 32); a multiple of 4.
        batch: Documents that are learned from together (official: 128; miniature: 64).
        learning_rate: Of the shared weights in the first epoch (official and miniature: 5e-3).
        clip: The greatest norm of a gradient of the shared weights, 0 for any (official: any; miniature: 5).
        weight_decay: Of the shared weights (official: 2e-5; miniature: 1e-6, as for the training of one architecture).
    """

    of_the_recipe: ClassVar[tuple[str, ...]] = (
        "epochs", "channels", "batch", "learning_rate", "clip", "weight_decay",
    )  # fmt: skip

    epochs: int | None = None
    epochs_per_proposal: int = 1
    samples: int = 10
    controller_steps: int = 20
    controller_hidden: int = 64
    controller_learning_rate: float = 1e-3
    controller_epsilon: float = 1e-3
    controller_weight_decay: float = 1e-3
    tanh_constant: float = 1.5
    baseline_decay: float = 0.99
    skip_target: float = 0.4
    skip_weight: float = 0.8
    entropy_weight: float = 1e-4
    channels: int | None = None
    batch: int | None = None
    learning_rate: float | None = None
    clip: float | None = None
    weight_decay: float | None = None

    def __post_init__(self) -> None:
        counts = ("epochs_per_proposal", "samples", "controller_steps", "controller_hidden")
        require_at_least(self, dict.fromkeys(counts, 1))
        require_at_least(self, dict.fromkeys(("controller_weight_decay", "skip_weight", "entropy_weight"), 0.0))
        # Weights with less than two documents have no statistics of a batch.
        least = {"epochs": 1, "channels": 4, "batch": 2, "clip": 0.0, "weight_decay": 0.0}
        require_at_least(self, {name: value for name, value in least.items() if getattr(self, name) is not None})
        require_shares(self, ("baseline_decay",))
        for name in ("controller_learning_rate", "controller_epsilon", "tanh_constant", "learning_rate"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise InvalidSetting(f"{name} must be above 0, not {value}")
        if not 0 < self.skip_target < 1:
            raise InvalidSetting(f"skip_target must be above 0 and below 1, not {self.skip_target}")
        if self.channels is not None and self.channels % 4:
            raise InvalidSetting(f"channels must be a multiple of 4, the heads of attention, not {self.channels}")
