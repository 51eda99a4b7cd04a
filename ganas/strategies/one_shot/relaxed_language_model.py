"""A relaxed language model in training: weights on one half of the text, the architecture on the other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ganas.adversarial.saved_state import load_state_arrays, state_arrays
from ganas.bench.training.devices import Compute
from ganas.bench.training.language.batching import columns, draw_length
from ganas.bench.training.language.model import LanguageModel, State
from ganas.bench.training.language.recurrent import RecurrentCore
from ganas.bench.training.language.searching import LanguageHalves, LanguageSearchProtocol
from ganas.spaces.errors import DataError
from ganas.spaces.rnn.genotype import Connections, RecurrentCell, RecurrentGenotype
from ganas.spaces.rnn.layer import INITIAL_RANGE
from ganas.spaces.rnn.supernet import RecurrentSupernet
from ganas.spaces.rnn.wiring import Layout
from ganas.strategies.one_shot.bilevel import gradients, unrolled_gradients

__all__ = ["EpochLosses", "Relaxation", "RelaxedLanguageModel"]


@dataclass(frozen=True, slots=True)
class Relaxation:
    """What is relaxed, and how.

    Attributes:
        layout: Nodes and window.
        cell: A cell to keep; None to search it.
        connections: Connections to keep; None to search them.
        softmax: Whether operations compete on an ``"edge"`` or on all edges into a ``"node"``.
        batch_norm: Whether what is searched is normalised over the batch.
        order: Of the architecture step.
        alternating: Whether cell and connections take turns, batch by batch, and not every step together.
    """

    layout: Layout
    cell: RecurrentCell | None
    connections: Connections | None
    softmax: Literal["edge", "node"]
    batch_norm: bool
    order: Literal["first", "second"]
    alternating: bool


class EpochLosses(NamedTuple):
    """Means over an epoch, in nats a word, dropout included.

    Attributes:
        weights: On the half that weights are trained on.
        architecture: On the half that architecture parameters are trained on, before each step of the weights; after
            the unrolled step where the architecture step is of second order.
    """

    weights: float
    architecture: float


class _Batch(NamedTuple):
    words: Tensor
    targets: Tensor
    state: State


class _Stream:
    """One half of the text, read in columns; at its end it begins again with a state of zeros."""

    def __init__(self, rows: Tensor, model: LanguageModel) -> None:
        self.rows, self._model = rows, model
        self.begin()

    def begin(self) -> None:
        self.position = 0
        self.state = self._model.begin(self.rows.shape[1])

    @property
    def left(self) -> int:
        """How many words of each column can still be predicted."""
        return len(self.rows) - 1 - self.position

    def batch(self, length: int) -> _Batch:
        start, stop = self.position, self.position + length
        return _Batch(self.rows[start:stop], self.rows[start + 1 : stop + 1], self.state)

    def advance(self, length: int, state: State) -> None:
        self.position += length
        self.state = state


class RelaxedLanguageModel:
    """The network, both optimisers and both halves of the text.

    For every batch of the weight half first the architecture parameters take a step of Adam on a batch of the
    architecture half, then the weights one of theirs (DARTS, algorithm 1). Each half carries a hidden state of its own
    from batch to batch. Initial weights come from torch's global generator, dropout masks from seeds that :meth:`epoch`
    draws.

    Args:
        halves: The text.
        recipe: Sizes, dropout and optimisers.
        relaxation: What is searched.
        compute: Device and precision.

    Raises:
        DataError: A half has too few words for its columns.
    """

    def __init__(
        self, halves: LanguageHalves, recipe: LanguageSearchProtocol, relaxation: Relaxation, compute: Compute
    ) -> None:
        self._recipe, self._relaxation, self._compute = recipe, relaxation, compute
        # The official code leaves both penalties out where it trains the architecture.
        self._unpenalised = replace(recipe, activation_penalty=0.0, temporal_penalty=0.0)
        layout = relaxation.layout
        self.net = RecurrentSupernet(
            recipe.hidden,
            nodes=layout.nodes,
            window=layout.window,
            concat=layout.concat,
            cell=relaxation.cell,
            connections=relaxation.connections,
            softmax=relaxation.softmax,
            batch_norm=relaxation.batch_norm,
        )
        if recipe.initial != INITIAL_RANGE:
            for weight in self.net.weight_parameters():
                nn.init.uniform_(weight, -recipe.initial, recipe.initial)
        self.model = LanguageModel(RecurrentCore(self.net), halves.words, recipe).to(compute.device)
        self.architecture: list[nn.Parameter] = self.net.architecture_parameters()
        searched = {id(parameter) for parameter in self.architecture}
        # What has no number, as projections where none is kept, is not trained.
        learned = [parameter for parameter in self.model.parameters() if parameter.requires_grad and len(parameter)]
        self.weights = [parameter for parameter in learned if id(parameter) not in searched]
        decay = recipe.weight_decay
        self._weight_optimiser: torch.optim.Optimizer = (
            torch.optim.SGD(self.weights, lr=recipe.learning_rate, weight_decay=decay)
            if recipe.optimiser == "sgd"
            else torch.optim.Adam(self.weights, lr=recipe.learning_rate, weight_decay=decay)
        )
        self._architecture_optimiser = torch.optim.Adam(
            self.architecture, lr=recipe.architecture_learning_rate, weight_decay=recipe.architecture_weight_decay
        )
        self._weight_half, self._architecture_half = (
            _Stream(self._columns(stream, what), self.model)
            for stream, what in ((halves.weights, "weight"), (halves.architecture, "architecture"))
        )

    def _columns(self, stream: np.ndarray, what: str) -> Tensor:
        rows = columns(stream, self._recipe.batch, f"the {what} half of the training text")
        if len(rows) < 3:
            raise DataError(
                f"the {what} half of the training text has {len(stream):,} words: too few for "
                f"{self._recipe.batch} columns of at least 3 words"
            )
        return rows.to(self._compute.device)

    # --- training ----------------------------------------------------------------------------------------------------

    def epoch(self, *, rng: np.random.Generator) -> EpochLosses | None:
        """Go through the weight half once; None once a loss or an architecture parameter is no finite number."""
        recipe = self._recipe
        ours, theirs = self._weight_half, self._architecture_half
        ours.begin()
        theirs.begin()
        self.model.train()
        losses, items, number = [], [], 0
        # A single last row would have no successive hidden states.
        while ours.left > 1:
            length = min(draw_length(recipe, rng=rng), ours.left, len(theirs.rows) - 1)
            if theirs.left < length:
                theirs.begin()
            batch, held = ours.batch(length), theirs.batch(length)
            seed, held_seed = rng.integers(2**63, size=2).tolist()
            rate = recipe.learning_rate * length / recipe.bptt
            held_loss, held_state = self._architecture_step(batch, held, seed, held_seed, rate, number)
            loss, state = self._weight_step(batch, seed, rate)
            ours.advance(length, state)
            theirs.advance(length, held_state)
            losses.append(torch.stack([loss, held_loss]))
            items.append(length)
            number += 1
        means = np.average(torch.stack(losses).double().cpu().numpy(), axis=0, weights=items)
        finite = all(bool(logits.isfinite().all()) for logits in self.architecture)
        return EpochLosses(float(means[0]), float(means[1])) if finite and np.isfinite(means).all() else None

    def _architecture_step(
        self, batch: _Batch, held: _Batch, seed: int, held_seed: int, rate: float, number: int
    ) -> tuple[Tensor, State]:
        """A step of the architecture parameters; the loss before it, and the state to be carried on."""
        if self._relaxation.order == "first":
            loss, mean, state = self._loss(held, held_seed, penalised=False)
            found = gradients(loss, self.architecture)
        else:
            found, mean, state = unrolled_gradients(
                lambda: self._loss(batch, seed, penalised=False)[0],
                lambda: self._loss(held, held_seed, penalised=False)[::2],
                self.weights,
                self.architecture,
                rate=rate,
                weight_decay=self._recipe.weight_decay,
                clip=self._recipe.clip,
            )
        turn = number % len(self.architecture)
        for place, (logits, gradient) in enumerate(zip(self.architecture, found, strict=True)):
            logits.grad = gradient if not self._relaxation.alternating or place == turn else None
        self._architecture_optimiser.step()
        return mean, state

    def _weight_step(self, batch: _Batch, seed: int, rate: float) -> tuple[Tensor, State]:
        """A step of the weights, as in :class:`ganas.bench.training.language.training.LanguageTraining`."""
        loss, mean, state = self._loss(batch, seed, penalised=True)
        for weight, gradient in zip(self.weights, gradients(loss, self.weights), strict=True):
            weight.grad = gradient
        nn.utils.clip_grad_norm_(self.weights, self._recipe.clip)
        for group in self._weight_optimiser.param_groups:
            group["lr"] = rate
        self._weight_optimiser.step()
        return mean, state

    def _loss(self, batch: _Batch, seed: int, *, penalised: bool) -> tuple[Tensor, Tensor, State]:
        # The same seed draws the same masks: the step that is unrolled is then the one that follows.
        torch.manual_seed(seed)
        self.model.protocol = self._recipe if penalised else self._unpenalised
        with self._compute.autocast():
            found: tuple[Tensor, Tensor, State] = self.model(*batch)
        return found

    # --- results -----------------------------------------------------------------------------------------------------

    def genotype(self) -> RecurrentGenotype:
        """The architecture that the relaxed one discretises to."""
        return self.net.genotype()

    def entropy(self) -> float:
        """Mean entropy of what is chosen from, as a share of the largest: 1 when undecided, 0 when decided."""
        shares = []
        for probabilities in self._choices():
            parts = probabilities.double().clamp_min(1e-300)
            shares.append(float(-(parts * parts.log()).sum()) / math.log(len(parts)))
        return float(np.mean(shares))

    def _choices(self) -> Sequence[Tensor]:
        """The distributions, (alternatives,) each: of an edge, or of all edges into a node."""
        first_edges = [node * (node - 1) // 2 for node in range(1, self.net.nodes + 1)]
        with torch.no_grad():
            cell, connections = self.net.cell_probabilities(), self.net.connection_probabilities()
            if self.net.softmax == "edge":
                edges = [part.flatten(0, -2) for part in (cell, connections) if part is not None]
                return torch.cat(edges).cpu().unbind()
            found = (
                []
                if cell is None
                else [cell[first : first + node].flatten().cpu() for node, first in enumerate(first_edges, start=1)]
            )
            return [*found, *([] if connections is None else connections.cpu().flatten(1).unbind())]

    # --- state -------------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Weights, architecture parameters and what the optimisers remember, as JSON values and numpy arrays."""
        return {
            "model": state_arrays(self.model),
            "weight_optimiser": state_arrays(self._weight_optimiser),
            "architecture_optimiser": state_arrays(self._architecture_optimiser),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what :meth:`state` returned."""
        load_state_arrays(self.model, state["model"])
        load_state_arrays(self._weight_optimiser, state["weight_optimiser"])
        load_state_arrays(self._architecture_optimiser, state["architecture_optimiser"])
