"""Settings of ``ganas``, which are the switches of its ablation; reading them needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

from ganas.adversarial.kinds import (
    EncoderKind,
    FeatureView,
    Method,
    ProposalSource,
    RankerEncoder,
    RankingLoss,
    Selection,
    TruthSchedule,
)
from ganas.spaces.errors import InvalidSetting, quote_list
from ganas.strategies.setting_checks import require_at_least, require_kinds, require_shares
from ganas.strategy import Settings

__all__ = ["GANASSettings"]


@dataclass(frozen=True)
class GANASSettings(Settings):
    """Settings of ``ganas``; every default is a choice of this project. docs/ablations.md measures the switches.

    Attributes:
        initial_samples: How many architectures are drawn from the space's own distribution first; at most a third of
            the budget where there is one.
        batch_size: How many architectures are evaluated between two rankings.
        truth_size: How many of the best evaluated architectures the truth set has, once twice as many are evaluated.
        truth_schedule: ``"constant"``, or ``"shrinking"`` linearly to a fifth over the budget.
        encoder: What the discriminator ensemble reads: structural ``"features"``, or the labelled graph alone by
            ``"kgnn"`` or ``"lstm"``.
        features: Which blocks of features: ``"structure"``, ``"live"``, ``"genotype"``; or ``"adaptive"`` for the
            first, with one of the others where the evidence asks for it.
        discriminator: ``"pairwise"``, graded over all pairs of evaluated architectures, or ``"unary"``, the truth set
            against the rest.
        linear_weight: Weight of the linear ranker in the ensemble; 0 leaves it out.
        network_weight: Weight of the small networks on features together; 0 leaves them out.
        networks: How many networks there are, on features or on graphs.
        network_hidden: Their hidden units.
        gaussian_process_weight: Weight of the Gaussian process; 0 leaves it out.
        training_steps: Steps of the linear ranker and the networks at each ranking (three times as many at the first).
        training_subset: How many evaluated architectures a step sees: the best, and others at random.
        warm_start: Whether the rankers go on from the last training, rather than start anew.
        selection: Whether the proposals that rank first are evaluated (``"discriminator"``), or any (``"plain"``).
        optimism: How many standard deviations the Gaussian process adds to what it expects.
        exploration: Share of queries that are drawn from the space's own distribution, whatever the ranking.
        proposals: ``"mixed"`` as the three shares say and the rest random; or all from one source: ``"generator"``,
            ``"neighbours"`` of the truth set, ``"crossover"`` in it, or ``"random"`` (the discriminator as a filter).
        pool_size: How many proposals stay for the next ranking at most: those that ranked first.
        new_proposals: How many proposals are added at each ranking.
        neighbour_share: Share of mutants of the truth set among the new proposals.
        generator_share: Share drawn from the generator.
        crossover_share: Share of crossovers of two members of the truth set.
        method: How the generator learns: ``"ppo"``, ``"reinforce"`` or ``"maximum-likelihood"`` (the step of the
            cross-entropy method).
        generator_encoder: Of the generator: ``"kgnn"`` or ``"lstm"``.
        generator_hidden: Length of its embeddings.
        generator_layers: How many graph convolutions a graph encoder has.
        generator_every: After how many evaluations the generator is trained again.
        generator_rounds: Batches that it learns from each time.
        generator_samples: Architectures in such a batch.
        epsilon: Its share of uniform choices.
        keep_generator: Whether it goes on from the last training, rather than start anew.
    """

    initial_samples: int = 6
    batch_size: int = 1
    truth_size: int = 25
    truth_schedule: TruthSchedule = "constant"
    encoder: RankerEncoder = "features"
    features: FeatureView = "adaptive"
    discriminator: RankingLoss = "pairwise"
    linear_weight: float = 0.5
    network_weight: float = 0.0
    networks: int = 2
    network_hidden: int = 32
    gaussian_process_weight: float = 1.0
    training_steps: int = 40
    training_subset: int = 64
    warm_start: bool = True
    selection: Selection = "discriminator"
    optimism: float = 1.5
    exploration: float = 0.02
    proposals: ProposalSource = "mixed"
    pool_size: int = 800
    new_proposals: int = 200
    neighbour_share: float = 0.6
    generator_share: float = 0.2
    crossover_share: float = 0.1
    method: Method = "ppo"
    generator_encoder: EncoderKind = "kgnn"
    generator_hidden: int = 32
    generator_layers: int = 3
    generator_every: int = 5
    generator_rounds: int = 1
    generator_samples: int = 64
    epsilon: float = 0.1
    keep_generator: bool = True

    def __post_init__(self) -> None:
        positive = (
            "batch_size",
            "networks",
            "network_hidden",
            "training_steps",
            "pool_size",
            "new_proposals",
            "generator_hidden",
            "generator_layers",
            "generator_every",
            "generator_rounds",
            "generator_samples",
        )
        weights = ("linear_weight", "network_weight", "gaussian_process_weight")
        require_at_least(
            self,
            {
                "initial_samples": 2,
                "truth_size": 2,
                "training_subset": 4,
                **dict.fromkeys(positive, 1),
                **dict.fromkeys((*weights, "optimism"), 0),
            },
        )
        kinds = {
            "truth_schedule": TruthSchedule,
            "encoder": RankerEncoder,
            "features": FeatureView,
            "discriminator": RankingLoss,
            "selection": Selection,
            "proposals": ProposalSource,
            "method": Method,
            "generator_encoder": EncoderKind,
        }
        require_kinds(self, kinds)
        require_shares(self, ("exploration", "neighbour_share", "generator_share", "crossover_share", "epsilon"))
        if self.neighbour_share + self.generator_share + self.crossover_share > 1 + 1e-9:
            raise InvalidSetting("neighbour_share, generator_share and crossover_share must not be above 1 together")
        if not any(getattr(self, name) for name in weights):
            raise InvalidSetting(f"one of {quote_list(weights)} must be above 0: the ensemble would be empty")

    def shares(self) -> dict[str, float]:
        """Share of each source among the new proposals, random last."""
        mixed = self.proposals == "mixed"
        shares = {
            "neighbours": self.neighbour_share,
            "generator": self.generator_share,
            "crossover": self.crossover_share,
            "random": max(1 - self.neighbour_share - self.generator_share - self.crossover_share, 0.0),
        }
        return shares if mixed else {name: float(name == self.proposals) for name in shares}
