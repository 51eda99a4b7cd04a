"""Settings of ``duality-gap``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from ganas.bench.training.generation.search_protocol import SCHEDULES, WorstGenerator
from ganas.spaces.errors import InvalidSetting
from ganas.strategies.one_shot.one_shot_settings import OneShotSettings
from ganas.strategies.setting_checks import require_at_least, require_kinds

__all__ = ["DualityGapSettings", "Schedule"]

Schedule = Literal["small", "large"]


@dataclass(frozen=True)
class DualityGapSettings(OneShotSettings):
    """Settings of ``duality-gap``; a value of None is that of the recipe of the benchmark's training task.

    The official values are those of https://github.com/yuesongtian/AlphaGAN with the options of its README. For a
    benchmark of the full protocol the recipe is that one; for a miniature it is ours, with the sizes, the steps of the
    critic and the learning rates of the miniature itself.

    Attributes:
        schedule: ``"small"`` takes 20 steps of weights and of the worst copies in an epoch, as the search that found
            alphaGAN(s); ``"large"`` takes 390, as the one that found alphaGAN(l). Both take 20 of the architecture
            (full and miniature: small).
        epochs: Of the search (official: 99; miniature: 20). After the last it is over.
        epochs_per_proposal: After how many of them an architecture is proposed (official: after every fourth the
            relaxed generator is measured); a number of at least ``epochs`` proposes only the one of the end. One that
            was proposed before is free, and no query.
        inner_steps: Steps of the discriminator in an epoch; of ``schedule`` where that is given.
        worst_steps: Steps of the worst discriminator and of the worst generator in an epoch; the same.
        outer_steps: Steps of the architecture in an epoch; the same.
        critic_steps: Steps of the discriminator for each of the generator (official: 5; miniature: that of training).
        channels: Of the relaxed generator (official: 256; miniature: that of training).
        batch: Images of a step (official: 64; miniature: that of training); at least 2.
        learning_rate: Of Adam on the weights of the generator (official: 2e-4; miniature: that of training).
        discriminator_learning_rate: Of Adam on the discriminator (official: 2e-4; miniature: that of training).
        architecture_learning_rate: Of Adam on architecture parameters (official: 3e-4; miniature, which takes far fewer
            steps: 1e-2).
        architecture_weight_decay: Of the architecture parameters (official and miniature: 1e-3).
        worst_generator: What moves in the worst generator: its ``"weights"`` (official), its ``"architecture"``,
            ``"both"``, or ``"none"`` of them.
        gumbel: Whether the shares of operations are drawn by Gumbel noise (official and miniature: no).
        temperature: Of such drawing (official and miniature: 0.5).
        literal_loops: Whether loops over weights end as in the code, where 20 means 22 and 390 means 391, the batches
            of a half of CIFAR-10 (official: yes; full and miniature: no).
        last_learning_rate: Where the learning rate of the generator goes along half a cosine (official: it rises to
            1e-3; full and miniature: it stays).
        cifar_scaling: Whether real images are scaled by mean and deviation of CIFAR-10, colour images only (official:
            yes on CIFAR-10; full and miniature: no).
    """

    of_the_recipe: ClassVar[tuple[str, ...]] = (
        "epochs", "inner_steps", "worst_steps", "outer_steps", "critic_steps", "channels", "batch", "learning_rate",
        "discriminator_learning_rate", "architecture_learning_rate", "architecture_weight_decay", "worst_generator",
        "gumbel", "temperature", "literal_loops", "last_learning_rate", "cifar_scaling",
    )  # fmt: skip

    schedule: Schedule | None = None
    epochs: int | None = None
    epochs_per_proposal: int = 4
    inner_steps: int | None = None
    worst_steps: int | None = None
    outer_steps: int | None = None
    critic_steps: int | None = None
    channels: int | None = None
    batch: int | None = None
    learning_rate: float | None = None
    discriminator_learning_rate: float | None = None
    architecture_learning_rate: float | None = None
    architecture_weight_decay: float | None = None
    worst_generator: WorstGenerator | None = None
    gumbel: bool | None = None
    temperature: float | None = None
    literal_loops: bool | None = None
    last_learning_rate: float | None = None
    cifar_scaling: bool | None = None

    def __post_init__(self) -> None:
        kinds = {"schedule": Schedule, "worst_generator": WorstGenerator}
        require_kinds(self, {name: kind for name, kind in kinds.items() if getattr(self, name) is not None})
        require_at_least(self, {"epochs_per_proposal": 1})
        counts = ("epochs", "inner_steps", "worst_steps", "outer_steps", "critic_steps", "channels")
        least = {**dict.fromkeys(counts, 1), "batch": 2, "architecture_weight_decay": 0.0}
        require_at_least(self, {name: value for name, value in least.items() if getattr(self, name) is not None})
        rates = ("learning_rate", "discriminator_learning_rate", "architecture_learning_rate", "last_learning_rate")
        for name in (*rates, "temperature"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise InvalidSetting(f"{name} must be above 0, not {value}")

    @property
    def changes(self) -> dict[str, Any]:
        """The fields of the recipe that are given, with their values; a single one goes before the schedule."""
        return {**(SCHEDULES[self.schedule] if self.schedule else {}), **super().changes}
