"""The ensemble ``gnn-ensemble``: graph networks on what an architecture computes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ganas.bench.graph_encoder.encoder import GraphEncoder
from ganas.bench.graph_encoder.weights import draw_weights, without_weights
from ganas.bench.surrogate.cross_fitted import CrossFitted
from ganas.bench.surrogate.networks import member_rows, seeded
from ganas.spaces.errors import InvalidSetting

__all__ = ["GraphNetworkEnsemble"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

_HIDDEN = 48
_LAYERS = 3
_STEPS = 300
_BATCH = 64
_LEARNING_RATE = 5e-3
_WEIGHT_DECAY = 1e-3
# Graphs that are answered at once: what is in the cache of a processor.
_CHUNK = 256


class _Network(nn.Module):
    """A graph convolution network, read out by its mean and its largest entries, and a head that sees further columns.

    Nodes do not know their number, so graphs that are numbered differently are embedded alike.
    """

    def __init__(self, labels: int, nodes: int, further: int, generator: torch.Generator) -> None:
        super().__init__()
        self.encoder = GraphEncoder(
            labels,
            max_nodes=nodes,
            hidden=_HIDDEN,
            layers=_LAYERS,
            readout="max",
            position_embedding=False,
            generator=generator,
        )
        with without_weights():
            self.hidden = nn.Linear(2 * _HIDDEN + further, _HIDDEN)
            self.out = nn.Linear(_HIDDEN, 1)
        draw_weights(self, generator)

    def forward(self, labels: Tensor, edges: Tensor, further: Tensor) -> Tensor:
        """Values, (batch,)."""
        nodes, highest = self.encoder(labels, edges)
        count = (labels >= 0).sum(dim=1, keepdim=True).clamp(min=1)
        # A sum in float64 is the same to the last bit of float32 however the nodes are numbered.
        mean = (nodes.double().sum(dim=1) / count).float()
        hidden = torch.nn.functional.silu(self.hidden(torch.cat([mean, highest, further], dim=1)))
        value: Tensor = self.out(hidden)[:, 0]
        return value


class GraphNetworkEnsemble(CrossFitted):
    """Five graph networks, each without a fifth of the groups, on functional graphs alone.

    The network is the k-GNN of :mod:`ganas.bench.graph_encoder` (Morris et al., "Weisfeiler and Leman Go Neural",
    AAAI 2019, https://arxiv.org/abs/1810.02244), where an edge that is read twice counts twice. Columns beyond the
    graph, such as values from another data set, join at its head.

    Raises:
        InvalidSetting: The first two blocks are not ``operations`` and ``adjacency``.
    """

    name: ClassVar[str] = "gnn-ensemble"
    title: ClassVar[str] = "Ensemble of graph networks on the labelled DAG (Morris et al., 2019)"
    reads: ClassVar[tuple[str, ...]] = ("operations", "adjacency")

    def __init__(self, blocks: Sequence[slice], trusted: int | None = None, learnt: Sequence[int] = ()) -> None:
        super().__init__(blocks, trusted, learnt)
        widths = [block.stop - block.start for block in self.blocks]
        nodes = round(widths[1] ** 0.5) if len(widths) > 1 else 0
        if not nodes or nodes**2 != widths[1] or widths[0] % nodes:
            raise InvalidSetting(f"{self.name!r} reads graphs, so its features must be {', '.join(self.reads)}")
        self._nodes, self._labels = nodes, widths[0] // nodes
        self._further = sum(widths[2:])

    def _learn(
        self,
        rows: NDArray[np.float32],
        residuals: Vector,
        weights: Vector,
        folds: NDArray[np.int64],
        *,
        rng: np.random.Generator,
    ) -> None:
        generator = seeded(rng)
        kept = [np.flatnonzero(folds != fold) for fold in range(int(folds.max()) + 1)]
        self._networks = [_Network(self._labels, self._nodes, self._further, generator) for _ in kept]
        parameters = [parameter for network in self._networks for parameter in network.parameters()]
        optimizer = torch.optim.AdamW(parameters, lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
        rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, _LEARNING_RATE, total_steps=_STEPS)
        inputs = self._inputs(rows)
        goal = torch.from_numpy(residuals.astype(np.float32))
        weight = torch.from_numpy(weights.astype(np.float32))
        for _ in range(_STEPS):
            optimizer.zero_grad()
            drawn = member_rows(kept, _BATCH, generator=generator)
            for network, places in zip(self._networks, drawn, strict=True):
                off = network(*(part[places] for part in inputs)) - goal[places]
                (weight[places] * off.square()).mean().backward()
            optimizer.step()
            rate.step()

    def _inputs(self, rows: NDArray[np.float32]) -> tuple[Tensor, Tensor, Tensor]:
        """Labels (count, nodes), -1 where no node is, edges (count, nodes, nodes) and further columns."""
        count = len(rows)
        one_hot = rows[:, self.blocks[0]].reshape(count, self._nodes, self._labels)
        labels = np.where(one_hot.any(axis=2), one_hot.argmax(axis=2), -1)
        edges = rows[:, self.blocks[1]].reshape(count, self._nodes, self._nodes)
        further = rows[:, self.blocks[1].stop :]
        return tuple(torch.from_numpy(np.ascontiguousarray(part)) for part in (labels, edges, further))  # type: ignore[return-value]

    @torch.no_grad()
    def _say(self, rows: NDArray[np.float32]) -> tuple[Matrix, Matrix]:
        if not len(rows):
            return np.zeros((len(self._networks), 0)), np.zeros((len(self._networks), 0))
        means = np.empty((len(self._networks), len(rows)))
        for start in range(0, len(rows), _CHUNK):
            inputs = self._inputs(rows[start : start + _CHUNK])
            for number, network in enumerate(self._networks):
                means[number, start : start + _CHUNK] = network(*inputs).numpy()
        return means, np.zeros_like(means)

    def _parts_state(self) -> list[dict[str, Any]]:
        return [
            {name: value.numpy().copy() for name, value in network.state_dict().items()} for network in self._networks
        ]

    def _load_parts(self, state: Any) -> None:
        generator = torch.Generator()
        self._networks = [_Network(self._labels, self._nodes, self._further, generator) for _ in state]
        for network, saved in zip(self._networks, state, strict=True):
            network.load_state_dict(
                {name: torch.from_numpy(np.array(value, dtype=np.float32)) for name, value in saved.items()}
            )
