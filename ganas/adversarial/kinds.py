"""The alternatives that settings of GA-NAS name; no torch, so that settings can be read without it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

__all__ = [
    "FEATURE_BLOCKS",
    "DiscriminatorKind",
    "EncoderKind",
    "FeatureView",
    "Method",
    "ProposalSource",
    "RankerEncoder",
    "RankingLoss",
    "Selection",
    "TruthSchedule",
]

DiscriminatorKind = Literal["pairwise", "relativistic", "unary"]
"""See :class:`ganas.adversarial.discriminator.Discriminator`."""

EncoderKind = Literal["kgnn", "lstm"]
"""See :func:`ganas.bench.graph_encoder.encoder.make_encoder`, whose kinds these are."""

Method = Literal["ppo", "reinforce", "maximum-likelihood"]
"""How the generator learns: proximal policy optimization, REINFORCE, or the step of the cross-entropy method."""

RankerEncoder = Literal["features", "kgnn", "lstm"]
"""What the discriminator ensemble of ``ganas`` reads: structural features, or the labelled graph by a network."""

FeatureView = Literal["adaptive", "structure", "live", "genotype"]
"""One block of features, or all three for the evidence to choose between; see :data:`FEATURE_BLOCKS`."""

FEATURE_BLOCKS: Mapping[FeatureView, tuple[str, ...]] = {
    "adaptive": ("structure", "live", "genotype"),
    "structure": ("structure",),
    "live": ("live",),
    "genotype": ("genotype",),
}
"""The blocks of :class:`ganas.bench.surrogate.features.Features` that a view stands for."""

RankingLoss = Literal["pairwise", "unary"]
"""See :func:`ganas.adversarial.ranking.targets.score_gradient`."""

ProposalSource = Literal["mixed", "generator", "neighbours", "crossover", "random"]
"""Where the proposals of ``ganas`` come from."""

Selection = Literal["discriminator", "plain"]
"""Which proposals ``ganas`` evaluates: those that the ensemble ranks first, or any."""

TruthSchedule = Literal["constant", "shrinking"]
"""Whether the truth set keeps its size, or shrinks to a fifth of it towards the end of the budget."""
