"""The discriminator: tells the architectures of the truth set from generated ones.

Rezaei et al., "Generative Adversarial Neural Architecture Search", IJCAI 2021, https://arxiv.org/abs/2105.09356, have a
pairwise discriminator with one shared GNN encoder (Siamese) and an MLP, which reads a member of the truth set beside
either another member or a generated architecture. What is not known of it, and so is ours: how two embeddings are
combined, the sizes, the sampling of pairs, and that the reward is the mean over the truth set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import torch
from torch import Tensor, nn

from ganas.adversarial.kinds import DiscriminatorKind, EncoderKind
from ganas.bench.graph_encoder.batch import GraphTensors
from ganas.bench.graph_encoder.encoder import make_encoder
from ganas.bench.graph_encoder.weights import draw_weights, without_weights
from ganas.spaces.errors import InvalidSetting, closest_match, quote_list
from ganas.spaces.space import Space

__all__ = ["Discriminator", "DiscriminatorFit", "reward", "train_discriminator"]


class Discriminator(nn.Module):
    """Says how much an architecture y looks like one of the truth set, next to a member x of it.

    The logit is, with u and v the embeddings of x and y by one encoder,

    - ``"pairwise"``: an MLP of u, v and ``|u - v|``;
    - ``"relativistic"``: c(v) - c(u) with a critic c, the form of Jolicoeur-Martineau, "The relativistic
      discriminator", ICLR 2019, https://arxiv.org/abs/1807.00734;
    - ``"unary"``: c(v), which reads no pair: for ablation.

    Higher is more like the truth set, for every kind.

    Args:
        space: The space.
        hidden: Length of every embedding.
        layers: How many graph convolutions the encoder has.
        encoder: ``"kgnn"`` or ``"lstm"``.
        kind: How the logit is made.
        generator: Where the weights are drawn from, and on whose device they lie.
    """

    def __init__(
        self,
        space: Space,
        *,
        hidden: int = 64,
        layers: int = 4,
        encoder: EncoderKind = "kgnn",
        kind: DiscriminatorKind = "pairwise",
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        known = get_args(DiscriminatorKind)
        if kind not in known:
            raise InvalidSetting(
                f"discriminator kind {kind!r} is not known: use {quote_list(known)}{closest_match(kind, known)}"
            )
        self.kind = kind
        self.encoder = make_encoder(encoder, space, hidden=hidden, layers=layers, generator=generator)
        with without_weights():
            inputs = 3 * hidden if kind == "pairwise" else hidden
            self.head = nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, 1))
        draw_weights(self, generator)

    def forward(self, truth: GraphTensors, others: GraphTensors) -> Tensor:
        """Logits of aligned pairs: member ``i`` of the truth set beside ``others[i]``, (count,)."""
        return self.compare(self.embed(truth), self.embed(others))

    def embed(self, graphs: GraphTensors) -> Tensor:
        """Embeddings, (count, hidden)."""
        return self.encoder.encode(graphs)[1]

    def rank(self, graphs: GraphTensors) -> Tensor:
        """The critic c of each graph alone, (count,); only of the kinds ``"relativistic"`` and ``"unary"``."""
        return self._score(self.embed(graphs))

    def compare(self, truth: Tensor, others: Tensor) -> Tensor:
        """Logits of pairs of embeddings, (..., hidden) each, which may broadcast, to (...)."""
        if self.kind == "pairwise":
            difference = (truth - others).abs()
            truth, others = truth.expand_as(difference), others.expand_as(difference)
            return self._score(torch.cat([truth, others, difference], dim=-1))
        score = self._score(others)
        if self.kind == "relativistic":
            return score - self._score(truth)
        return score + torch.zeros_like(truth[..., 0])

    def _score(self, features: Tensor) -> Tensor:
        scores: Tensor = self.head(features).squeeze(-1)
        return scores


@dataclass(frozen=True, slots=True)
class DiscriminatorFit:
    """How a training of the discriminator went, over its last pass through the pairs (or all of a shorter one).

    Attributes:
        loss: Mean binary cross-entropy of the minibatches, each before its own step, in nats.
        accuracy: Share of pairs on the right side of a logit of 0.
        steps: How many minibatches.
    """

    loss: float
    accuracy: float
    steps: int


def train_discriminator(
    discriminator: Discriminator,
    truth: GraphTensors,
    fakes: GraphTensors,
    *,
    epochs: int = 2,
    steps: int | None = None,
    batch_size: int = 64,
    learning_rate: float = 1e-3,
    optimizer: torch.optim.Optimizer | None = None,
    generator: torch.Generator,
) -> DiscriminatorFit:
    """Train on balanced pairs: two different members of the truth set (label 1), a member and a fake (label 0).

    A pass takes every ordered pair of different members once, in random order, and as many random pairs of a member
    and a fake. Binary cross-entropy, Adam. A relativistic discriminator learns from the second half alone: one order
    of two members contradicts the other.

    Args:
        discriminator: What is trained, in place.
        truth: The truth set; at least 2 graphs.
        fakes: Generated graphs; at least 1.
        epochs: Passes through the pairs.
        steps: How many minibatches instead, whatever part of a pass or number of passes that is.
        batch_size: Pairs in a minibatch.
        learning_rate: Of Adam, where no optimizer is given.
        optimizer: One that goes on from earlier trainings.
        generator: The only source of randomness.

    Raises:
        InvalidSetting: A setting is out of range, or there are too few graphs.
    """
    if len(truth) < 2 or len(fakes) < 1:
        raise InvalidSetting(f"2 members of the truth set and 1 fake are needed, not {len(truth)} and {len(fakes)}")
    for name, value in (("epochs", epochs), ("steps", 1 if steps is None else steps), ("batch_size", batch_size)):
        if value < 1:
            raise InvalidSetting(f"{name} must be at least 1, not {value}")
    optimizer = optimizer or torch.optim.Adam(discriminator.parameters(), lr=learning_rate)
    graphs = GraphTensors.concatenate([truth, fakes])
    in_pass = -(-2 * len(truth) * (len(truth) - 1) // batch_size)
    total = epochs * in_pass if steps is None else steps
    losses, accuracies = [], []
    left: list[tuple[Tensor, Tensor, Tensor]] = []
    for _ in range(total):
        if not left:
            left = _pairs(len(truth), len(fakes), batch_size, generator)
        first, second, label = (part.to(graphs.operation_ids.device) for part in left.pop())
        if discriminator.kind == "relativistic":
            first, second, label = (part[label == 0] for part in (first, second, label))
        used, places = torch.unique(torch.cat([first, second]), return_inverse=True)
        embedded = discriminator.embed(graphs[used])[places]
        logits = discriminator.compare(embedded[: len(first)], embedded[len(first) :])
        loss = nn.functional.binary_cross_entropy_with_logits(logits, label)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.detach())
        accuracies.append(((logits > 0) == (label > 0)).to(torch.float32).mean())
    last = slice(-min(in_pass, total), None)
    return DiscriminatorFit(float(torch.stack(losses[last]).mean()), float(torch.stack(accuracies[last]).mean()), total)


def _pairs(
    members: int, fakes: int, batch_size: int, generator: torch.Generator
) -> list[tuple[Tensor, Tensor, Tensor]]:
    """The minibatches of one pass: numbers of both graphs, fakes counted after the members, and labels.

    Both halves of a minibatch have the same size, so that each is balanced.
    """
    device = generator.device
    count = members * (members - 1)
    order = torch.randperm(count, generator=generator, device=device)
    first = order // (members - 1)
    second = order % (members - 1)
    second = second + (second >= first)
    beside = torch.randint(members, (count,), generator=generator, device=device)
    fake = members + torch.randint(fakes, (count,), generator=generator, device=device)
    half = max(batch_size // 2, 1)
    batches = []
    for start in range(0, count, half):
        rows = slice(start, start + half)
        positive = len(first[rows])
        label = torch.cat([torch.ones(positive, device=device), torch.zeros(positive, device=device)])
        batches.append((torch.cat([first[rows], beside[rows]]), torch.cat([second[rows], fake[rows]]), label))
    return batches


@torch.no_grad()
def reward(
    discriminator: Discriminator, truth: GraphTensors, samples: GraphTensors, *, as_logit: bool = False
) -> Tensor:
    """What the generator is paid for each sample: the mean over the truth set of the discriminator's output.

    Args:
        discriminator: The judge.
        truth: The truth set; at least 1 graph.
        samples: What is judged.
        as_logit: Whether the outputs are logits; by default probabilities, from 0 to 1.

    Returns:
        (samples,), without gradient.
    """
    if not len(truth):
        raise InvalidSetting("a reward needs a truth set of at least 1 architecture")
    logits = discriminator.compare(discriminator.embed(truth)[:, None], discriminator.embed(samples)[None])
    return (logits if as_logit else torch.sigmoid(logits)).mean(dim=0)
