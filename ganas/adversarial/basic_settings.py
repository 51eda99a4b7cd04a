"""Settings of ``ganas-basic``; reading them needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

from ganas.adversarial.kinds import DiscriminatorKind, EncoderKind, Method
from ganas.spaces.errors import InvalidSetting
from ganas.strategies.setting_checks import require_at_least, require_kinds, require_shares
from ganas.strategy import Settings

__all__ = ["GANASBasicSettings"]


@dataclass(frozen=True)
class GANASBasicSettings(Settings):
    """Settings of ``ganas-basic``.

    The structure is that of Rezaei et al., IJCAI 2021, https://arxiv.org/abs/2105.09356. None of its settings were
    found, so every default is a proposal of this project.

    Attributes:
        initial_samples: How many architectures are drawn from the space's own distribution first; at most a third of
            the budget where there is one.
        evaluations_per_round: How many generated architectures are evaluated between two trainings.
        truth_size: How many of the best evaluated architectures the truth set has; at most half of the initial sample.
        adversarial_rounds: Rounds of one training; in each, discriminator and generator learn in turn.
        fakes: How many architectures the generator draws in each of these rounds.
        discriminator: ``"pairwise"``, ``"relativistic"``, or ``"unary"`` (for ablation: it reads no pair).
        discriminator_epochs: Its passes through the pairs, a round.
        discriminator_batch_size: Pairs in a minibatch. With the defaults and 25 members it takes 5 steps a round; with
            38 it was soon right about every pair, and what it paid told samples apart no more.
        discriminator_learning_rate: Of its Adam.
        method: How the generator learns: ``"ppo"``, ``"reinforce"`` or ``"maximum-likelihood"``, which fits the truth
            set and reads no reward.
        ppo_epochs: Passes of PPO over the samples of a round.
        ppo_batch_size: Samples in a minibatch of PPO.
        generator_learning_rate: Of its Adam; None for 7e-4, or 3e-3 with REINFORCE.
        entropy_coefficient: Weight of the entropy bonus, in nats a step.
        encoder: Of generator, critic and discriminator: ``"kgnn"`` or ``"lstm"``.
        hidden: Length of every embedding.
        layers: How many graph convolutions each encoder has.
        epsilon_first: Share of uniform choices of the generator at the first training.
        epsilon_last: The share at training number ``epsilon_trainings`` and after; linear between.
        epsilon_trainings: See ``epsilon_last``; 1 for the last share from the start.
        keep_generator: Whether generator and critic go on from the last training, rather than start anew.
        keep_discriminator: Whether the discriminator does. Otherwise the first rounds of every training pay at random.
    """

    initial_samples: int = 50
    evaluations_per_round: int = 15
    truth_size: int = 25
    adversarial_rounds: int = 10
    fakes: int = 64
    discriminator: DiscriminatorKind = "pairwise"
    discriminator_epochs: int = 1
    discriminator_batch_size: int = 256
    discriminator_learning_rate: float = 1e-3
    method: Method = "ppo"
    ppo_epochs: int = 4
    ppo_batch_size: int = 64
    generator_learning_rate: float | None = None
    entropy_coefficient: float = 0.02
    encoder: EncoderKind = "kgnn"
    hidden: int = 32
    layers: int = 3
    epsilon_first: float = 0.1
    epsilon_last: float = 0.02
    epsilon_trainings: int = 7
    keep_generator: bool = True
    keep_discriminator: bool = True

    def __post_init__(self) -> None:
        counts = {
            "initial_samples": 2,
            "evaluations_per_round": 1,
            "truth_size": 2,
            "adversarial_rounds": 1,
            "fakes": 1,
            "discriminator_epochs": 1,
            "discriminator_batch_size": 2,
            "ppo_epochs": 1,
            "ppo_batch_size": 1,
            "hidden": 1,
            "layers": 1,
            "epsilon_trainings": 1,
        }
        require_at_least(self, counts)
        require_kinds(self, {"discriminator": DiscriminatorKind, "method": Method, "encoder": EncoderKind})
        for name in ("discriminator_learning_rate", "generator_learning_rate"):
            rate = getattr(self, name)
            if rate is not None and not rate > 0:
                raise InvalidSetting(f"{name} must be above 0, not {rate}")
        if not self.entropy_coefficient >= 0:
            raise InvalidSetting(f"entropy_coefficient must not be negative, not {self.entropy_coefficient}")
        require_shares(self, ("epsilon_first", "epsilon_last"))

    def epsilon(self, training: int) -> float:
        """The generator's share of uniform choices at a training, numbered from 1.

        >>> [round(GANASBasicSettings(epsilon_trainings=3).epsilon(number), 3) for number in (1, 2, 3, 4)]
        [0.1, 0.06, 0.02, 0.02]
        """
        done = 1.0 if training >= self.epsilon_trainings else (training - 1) / (self.epsilon_trainings - 1)
        return self.epsilon_first + (self.epsilon_last - self.epsilon_first) * done
