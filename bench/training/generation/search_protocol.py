"""Generation of images for one-shot searches: the recipe of the duality-gap search.

Tian et al., "AlphaGAN: Fully Differentiable Architecture Search for Generative Adversarial Networks", TPAMI 2021,
https://arxiv.org/abs/2006.09134; values of the full recipe are those of its official code,
https://github.com/yuesongtian/AlphaGAN, with the options of its README.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal, get_args

from ganas.bench.training.generation.protocol import MINI, GenerationProtocol
from ganas.bench.training.protocol import Protocol, setting
from ganas.spaces.errors import closest_match, quote_list

__all__ = [
    "SCHEDULES",
    "SEARCH_LARGE",
    "SEARCH_MINI",
    "SEARCH_SMALL",
    "GenerationSearchProtocol",
    "WorstGenerator",
    "search_protocol_for",
]

WorstGenerator = Literal["weights", "architecture", "both", "none"]
"""What of the worst generator may move."""

_WORST_GENERATORS: tuple[str, ...] = get_args(WorstGenerator)

SCHEDULES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "small": MappingProxyType({"inner_steps": 20, "worst_steps": 20, "outer_steps": 20}),
        "large": MappingProxyType({"inner_steps": 390, "worst_steps": 390, "outer_steps": 20}),
    }
)
"""The steps of an epoch in the searches that found alphaGAN(s) and alphaGAN(l), by the README of the code."""


@dataclass(frozen=True, kw_only=True)
class GenerationSearchProtocol(Protocol):
    """Every choice of the search of a generator against the fixed discriminator.

    What the official code does by accident is a field, whose default leaves it out. Left out for good, because nothing
    depends on it here: that the worst generator is averaged into the generator that is measured (none is averaged, and
    what is measured is the generator that the relaxed one discretises to), that an architecture step leaves gradients
    with the weights (they collect none), and that autograd looks for anomalies. Of STL-10 the code takes the labelled
    images at 32 pixels; here a search always has the images of its trainer.
    """

    channels: int = setting("channels of the relaxed generator (gf_dim)", unit="channels")
    discriminator_channels: int = setting("channels of the discriminator (df_dim)", unit="channels")
    latent: int = setting("length of the latent vector", unit="numbers")
    batch: int = setting("real images of a step, and as many generated ones", unit="images")
    inner_steps: int = setting("steps of the discriminator in an epoch", unit="steps")
    worst_steps: int = setting("steps of the worst discriminator and of the worst generator in an epoch", unit="steps")
    outer_steps: int = setting("steps of the architecture in an epoch", unit="steps")
    critic_steps: int = setting("steps of the discriminator for each of the generator (n_critic)", unit="steps")
    learning_rate: float = setting("of Adam on the weights of the generator")
    discriminator_learning_rate: float = setting("of Adam on the discriminator")
    first_moment: float = setting("of the gradient, how much of it these keep at each step (beta 1)")
    second_moment: float = setting("of the squared gradient, how much of it these keep at each step (beta 2)")
    early_epochs: int = setting("for so many epochs the worst copies learn at the rates above", unit="epochs")
    late_worst_rate: float = setting("after them, at this share of these rates")
    worst_generator: str = setting(
        "what moves in the worst generator: its weights, its architecture, both or none of them", default="weights"
    )
    architecture_learning_rate: float = setting("of Adam on architecture parameters")
    architecture_first_moment: float = setting("of the gradient, how much of it this one keeps")
    architecture_second_moment: float = setting("of the squared gradient, how much of it this one keeps")
    architecture_weight_decay: float = setting("strength of the pull of architecture parameters to zero")
    gumbel: bool = setting(
        "whether the shares of operations are drawn, by Gumbel noise in the softmax, and not the softmax itself",
        default=False,
    )
    temperature: float = setting("what logits and noise are divided by where shares are drawn", default=0.5)
    literal_loops: bool = setting(
        "whether loops over weights end as in the code: two steps late, or with the images where those end before",
        default=False,
    )
    last_learning_rate: float | None = setting(
        "where the rate of the generator goes along half a cosine over all epochs; none: it stays", default=None
    )
    cifar_scaling: bool = setting(
        "whether real images are scaled by mean and deviation of CIFAR-10, as in the code, beyond what a generator "
        "can make; otherwise from -1 to 1",
        default=False,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        counts = ("channels", "discriminator_channels", "latent", "critic_steps")
        least = {**dict.fromkeys(counts, 1), "batch": 2, "early_epochs": 0}
        least |= dict.fromkeys(("inner_steps", "worst_steps", "outer_steps"), 1)
        for name, bound in least.items():
            value = getattr(self, name)
            whole = isinstance(value, int) and not isinstance(value, bool)
            self._require(name, whole and value >= bound, f"a whole number of at least {bound}")
        rates = ["learning_rate", "discriminator_learning_rate", "architecture_learning_rate", "temperature"]
        for name in [*rates, *(["last_learning_rate"] if self.last_learning_rate is not None else [])]:
            self._require(name, 0 < getattr(self, name) < math.inf, "above 0")
        moments = ("first_moment", "second_moment", "architecture_first_moment", "architecture_second_moment")
        for name in moments:
            self._require(name, 0 <= getattr(self, name) < 1, "at least 0 and below 1")
        self._require("late_worst_rate", 0 < self.late_worst_rate <= 1, "above 0 and at most 1")
        self._require("architecture_weight_decay", 0 <= self.architecture_weight_decay < math.inf, "at least 0")
        for name in ("gumbel", "literal_loops", "cifar_scaling"):
            self._require(name, isinstance(getattr(self, name), bool), "true or false")
        allowed = f"{quote_list(_WORST_GENERATORS)}{closest_match(self.worst_generator, _WORST_GENERATORS)}"
        self._require("worst_generator", self.worst_generator in _WORST_GENERATORS, allowed)

    def loop(self, steps: int, images: int) -> int:
        """How many steps a loop over weights takes.

        Args:
            steps: How many it is said to take.
            images: In the half that it goes through.
        """
        return min(steps + 2, math.ceil(images / self.batch)) if self.literal_loops else steps

    def generator_rate(self, epoch: int) -> float:
        """The learning rate of the weights of the generator in an epoch, counted from 1."""
        if self.last_learning_rate is None:
            return self.learning_rate
        # The code counts one epoch more than it has, and begins with the second.
        left = (1 + math.cos(math.pi * epoch / (self.epochs + 1))) / 2
        return self.last_learning_rate + (self.learning_rate - self.last_learning_rate) * left

    def worst_rate_share(self, epoch: int) -> float:
        """What the rates of the worst copies are multiplied by in an epoch, counted from 1."""
        return 1.0 if epoch <= self.early_epochs else self.late_worst_rate


_README = "AlphaGAN code, README.md"
_OPTIONS = "AlphaGAN code, cfg_search.py"
_FUNCTIONS = "AlphaGAN code, functions.py"
_ARCHITECT = "AlphaGAN code, architect.py"
_STEPS = ("inner_steps", "worst_steps", "outer_steps")

SEARCH_SMALL = GenerationSearchProtocol(
    name="full",
    title="the search of the AlphaGAN code that found alphaGAN(s)",
    epochs=99,
    channels=256,
    discriminator_channels=128,
    latent=128,
    batch=64,
    **SCHEDULES["small"],
    critic_steps=5,
    learning_rate=2e-4,
    discriminator_learning_rate=2e-4,
    first_moment=0.0,
    second_moment=0.9,
    early_epochs=30,
    late_worst_rate=0.5,
    worst_generator="weights",
    architecture_learning_rate=3e-4,
    architecture_first_moment=0.5,
    architecture_second_moment=0.999,
    architecture_weight_decay=1e-3,
    sources={
        "epochs": "AlphaGAN code, search.py",
        **dict.fromkeys(("channels", "discriminator_channels", "worst_generator", *_STEPS), _README),
        **dict.fromkeys(("latent", "batch", "critic_steps", "learning_rate", "discriminator_learning_rate"), _OPTIONS),
        **dict.fromkeys(("first_moment", "second_moment", "gumbel", "temperature"), _OPTIONS),
        **dict.fromkeys(("architecture_learning_rate", "architecture_weight_decay"), _OPTIONS),
        **dict.fromkeys(("architecture_first_moment", "architecture_second_moment"), _ARCHITECT),
        **dict.fromkeys(("early_epochs", "late_worst_rate"), _FUNCTIONS),
    },
)
"""How the authors search on CIFAR-10 and STL-10: three hours on a GPU, by the abstract of the paper."""

SEARCH_LARGE = replace(
    SEARCH_SMALL, title="the search of the AlphaGAN code that found alphaGAN(l)", **SCHEDULES["large"]
)
"""The same with one pass over a half of CIFAR-10 where the other takes 20 steps."""

_SHARED = (
    "channels", "discriminator_channels", "latent", "batch", "critic_steps", "learning_rate",
    "discriminator_learning_rate", "first_moment", "second_moment",
)  # fmt: skip

_MINI_TITLE = "a miniature of the search of the AlphaGAN code, of minutes"
_MINI_CHANGES: Mapping[str, Any] = MappingProxyType({"epochs": 20, "architecture_learning_rate": 1e-2})


def search_protocol_for(protocol: GenerationProtocol) -> GenerationSearchProtocol:
    """The recipe of a search whose generators are trained by a protocol.

    A miniature has its own sizes, steps of the critic and learning rates in the search too; the search of the full
    protocol is the one that was published, in its small schedule.
    """
    if protocol.name == "full":
        return SEARCH_SMALL
    given = {name: getattr(protocol, name) for name in _SHARED} | dict(_MINI_CHANGES)
    kept = {name: source for name, source in SEARCH_SMALL.sources.items() if name not in given}
    kept |= {name: protocol.sources[name] for name in _SHARED if name in protocol.sources}
    return replace(SEARCH_SMALL, name=protocol.name, title=_MINI_TITLE, sources=kept, **given)


SEARCH_MINI = search_protocol_for(MINI)
"""What one CPU core can do, for the digits.

It takes 400 steps of the architecture. At the 3e-4 of the code, which takes 1,980, they could move a parameter by at
most 0.12, and shares would hardly leave where they begin; so the rate is larger (ours).
"""
