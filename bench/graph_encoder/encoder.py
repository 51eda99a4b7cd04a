"""Encoders of labelled DAGs: a vector for every node, and one for the graph."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from ganas.bench.graph_encoder.batch import GraphTensors
from ganas.bench.graph_encoder.components import column_ranges, distinct_graphs
from ganas.bench.graph_encoder.layers import GraphConvolution, neighbour_operators
from ganas.bench.graph_encoder.weights import draw_weights, without_weights
from ganas.spaces.errors import InvalidSetting, closest_match, quote_list
from ganas.spaces.space import Space

__all__ = ["Encoder", "EncoderKind", "GraphEncoder", "Readout", "SequenceEncoder", "make_encoder"]

EncoderKind = Literal["kgnn", "lstm"]
Readout = Literal["mean", "sum", "max", "last"]


class Encoder(nn.Module, ABC):
    """Encodes batches of graphs of one space.

    Padding never matters: graphs may be padded with any number of empty nodes, up to ``max_nodes`` in all.

    Attributes:
        hidden: Length of every embedding.
        max_nodes: The most columns that a batch may have.
        readout: How the embedding of the graph follows from those of its nodes; ``"last"`` is that of its last node.
    """

    operation: nn.Embedding
    """Embeddings of the labels."""

    def __init__(self, hidden: int, max_nodes: int, readout: Readout) -> None:
        super().__init__()
        for name, value in (("hidden", hidden), ("max_nodes", max_nodes)):
            if value < 1:
                raise InvalidSetting(f"{name} must be at least 1, not {value}")
        _require_known("readout", readout, get_args(Readout))
        self.hidden = hidden
        self.max_nodes = max_nodes
        self.readout = readout
        self._encoded: dict[tuple[int, int], tuple[Tensor, Tensor, Tensor]] | None = None

    @contextmanager
    def remembering(self) -> Iterator[None]:
        """Within this, a part of a batch that was also in the batch before is not encoded again.

        For who builds graphs of several components step by step: those that are finished do not change. The weights
        must not change meanwhile, and no gradient flows.
        """
        self._encoded = {}
        try:
            with torch.no_grad():
                yield
        finally:
            self._encoded = None

    def forward(
        self, operation_ids: Tensor, adjacency: Tensor, node_mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Encode a batch.

        Args:
            operation_ids: (batch, nodes) int64, -1 where no node is.
            adjacency: 1 or true at ``[b, source, target]``, (batch, nodes, nodes).
            node_mask: Where nodes are, (batch, nodes) bool; by default wherever ``operation_ids`` is not -1.
                Labels and edges of the others have no effect.

        Returns:
            Embeddings of the nodes, (batch, nodes, hidden), zero where no node is, and of the graphs,
            (batch, hidden), zero for a graph without nodes.

        Raises:
            InvalidSetting: There are more than ``max_nodes`` columns.
        """
        nodes = operation_ids.shape[1]
        if nodes > self.max_nodes:
            raise InvalidSetting(f"a batch has {nodes} columns of nodes, this encoder takes {self.max_nodes}")
        present = operation_ids >= 0
        if node_mask is not None:
            present = present & node_mask
        weight = present.to(self.operation.weight.dtype)
        edges = adjacency.to(weight.dtype) * weight[:, :, None] * weight[:, None, :]
        return self._encode(operation_ids.where(present, -1), edges)

    def encode(self, graphs: GraphTensors) -> tuple[Tensor, Tensor]:
        """Embeddings of the nodes, (batch, nodes, hidden), and of the graphs, (batch, hidden)."""
        encoded: tuple[Tensor, Tensor] = self(graphs.operation_ids, graphs.adjacency)
        return encoded

    def _encode(self, operation_ids: Tensor, edges: Tensor) -> tuple[Tensor, Tensor]:
        """What :meth:`forward` returns, given operation ids that are -1 where no node is and edges between nodes."""
        present = operation_ids >= 0
        encoded = self._encode_nodes(operation_ids.clamp(min=0), edges) * present.to(edges.dtype)[:, :, None]
        return encoded, _read_out(encoded, present, self.readout)

    @abstractmethod
    def _encode_nodes(self, labels: Tensor, edges: Tensor) -> Tensor:
        """Labels (batch, nodes), 0 where no node is, and edges between nodes only, to (batch, nodes, hidden)."""


class GraphEncoder(Encoder):
    """A k-GNN with k = 1: graph convolutions along the edges and against them, tanh after each.

    Sizes and readout are proposals of this project; what is known of GA-NAS (Rezaei et al., IJCAI 2021,
    https://arxiv.org/abs/2105.09356) is that its encoder is a multi-layer k-GNN.

    Args:
        num_operations: Size of the vocabulary.
        hidden: Length of every embedding.
        layers: How many graph convolutions.
        readout: ``"mean"``, ``"sum"``, ``"max"`` or ``"last"``.
        bidirectional: Whether edges are walked backwards as well.
        position_embedding: Whether nodes know their number, which tells nodes of one label apart where the wiring is
            fixed. Then isomorphic graphs that are numbered differently have different embeddings.
        max_nodes: The most nodes of a graph.
        generator: Where the weights are drawn from, and on whose device they lie.
    """

    def __init__(
        self,
        num_operations: int,
        *,
        max_nodes: int,
        hidden: int = 64,
        layers: int = 4,
        readout: Readout = "mean",
        bidirectional: bool = True,
        position_embedding: bool = True,
        generator: torch.Generator,
    ) -> None:
        super().__init__(hidden, max_nodes, readout)
        if layers < 1:
            raise InvalidSetting(f"layers must be at least 1, not {layers}")
        self.bidirectional = bidirectional
        with without_weights():
            self.operation = nn.Embedding(num_operations, hidden)
            self.position = nn.Embedding(max_nodes, hidden) if position_embedding else None
        self.convolutions = nn.ModuleList(
            GraphConvolution(hidden, hidden, bidirectional=bidirectional, generator=generator) for _ in range(layers)
        )
        draw_weights(self, generator)

    def _encode_nodes(self, labels: Tensor, edges: Tensor) -> Tensor:
        return self._encode_columns(labels, edges, 0)

    def _encode(self, operation_ids: Tensor, edges: Tensor) -> tuple[Tensor, Tensor]:
        ranges = column_ranges(edges)
        if len(ranges) == 1 or self.readout not in ("mean", "sum"):
            return super()._encode(operation_ids, edges)
        nodes, graphs = [], []
        for start, stop in ranges:
            labels, inside = operation_ids[:, start:stop], edges[:, start:stop, start:stop]
            first, which = distinct_graphs(labels, inside)
            encoded = self._encode_part(labels[first], inside[first], start)
            nodes.append(encoded.index_select(0, which))
            graphs.append(encoded.sum(dim=1).index_select(0, which))
        total = torch.stack(graphs).sum(dim=0)
        if self.readout == "mean":
            total = total / (operation_ids >= 0).sum(dim=1, keepdim=True).clamp(min=1)
        return torch.cat(nodes, dim=1), total

    def _encode_part(self, labels: Tensor, edges: Tensor, start: int) -> Tensor:
        """Encode distinct parts of graphs, unless they are those of the batch before; zero where no node is."""
        place = start, start + labels.shape[1]
        if self._encoded is not None and place in self._encoded:
            known_labels, known_edges, known = self._encoded[place]
            if torch.equal(known_labels, labels) and torch.equal(known_edges, edges):
                return known
        encoded = self._encode_columns(labels.clamp(min=0), edges, start) * (labels >= 0)[:, :, None]
        if self._encoded is not None:
            self._encoded[place] = labels, edges, encoded
        return encoded

    def _encode_columns(self, labels: Tensor, edges: Tensor, start: int) -> Tensor:
        """Encode graphs whose first column is column ``start`` of the batch."""
        nodes: Tensor = self.operation(labels)
        if self.position is not None:
            nodes = nodes + self.position.weight[start : start + labels.shape[1]]
        operators = neighbour_operators(edges, bidirectional=self.bidirectional)
        for convolution in self.convolutions:
            nodes = torch.tanh(convolution(nodes, operators))
        return nodes


class SequenceEncoder(Encoder):
    """An LSTM over the nodes in order, each given as its label and its edges in: the plain alternative to a GNN.

    Args:
        num_operations: Size of the vocabulary.
        hidden: Length of every embedding.
        layers: How many LSTM layers.
        readout: ``"mean"``, ``"sum"``, ``"max"`` or ``"last"``.
        max_nodes: The most nodes of a graph.
        generator: Where the weights are drawn from, and on whose device they lie.
    """

    def __init__(
        self,
        num_operations: int,
        *,
        max_nodes: int,
        hidden: int = 64,
        layers: int = 1,
        readout: Readout = "last",
        generator: torch.Generator,
    ) -> None:
        super().__init__(hidden, max_nodes, readout)
        if layers < 1:
            raise InvalidSetting(f"layers must be at least 1, not {layers}")
        with without_weights():
            self.operation = nn.Embedding(num_operations, hidden)
            self.edges_in = nn.Linear(max_nodes, hidden)
            self.recurrent = nn.LSTM(hidden, hidden, num_layers=layers, batch_first=True)
        draw_weights(self, generator)

    def _encode_nodes(self, labels: Tensor, edges: Tensor) -> Tensor:
        sources = edges.transpose(1, 2)
        sources = nn.functional.pad(sources, (0, self.max_nodes - sources.shape[2]))
        encoded: Tensor = self.recurrent(self.operation(labels) + self.edges_in(sources))[0]
        return encoded


def make_encoder(
    kind: EncoderKind,
    space: Space,
    *,
    hidden: int = 64,
    layers: int = 4,
    readout: Readout | None = None,
    bidirectional: bool = True,
    position_embedding: bool = True,
    generator: torch.Generator,
) -> Encoder:
    """The encoder of a kind for graphs of a space.

    ``layers``, ``bidirectional`` and ``position_embedding`` are of the k-GNN; the LSTM has one layer, reads edges as
    they are, and always knows the order. ``readout`` defaults to the mean for the k-GNN and the last node for the LSTM.

    Raises:
        InvalidSetting: The kind or the readout is not known, or a size is below 1.
    """
    _require_known("encoder", kind, get_args(EncoderKind))
    kinds = len(space.operations)
    if kind == "lstm":
        return SequenceEncoder(
            kinds, max_nodes=space.max_nodes, hidden=hidden, readout=readout or "last", generator=generator
        )
    return GraphEncoder(
        kinds,
        max_nodes=space.max_nodes,
        hidden=hidden,
        layers=layers,
        readout=readout or "mean",
        bidirectional=bidirectional,
        position_embedding=position_embedding,
        generator=generator,
    )


def _read_out(nodes: Tensor, present: Tensor, readout: Readout) -> Tensor:
    """Embeddings of nodes, zero where none is, to one of the graph, (batch, hidden)."""
    if readout == "sum":
        return nodes.sum(dim=1)
    count = present.sum(dim=1, keepdim=True)
    if readout == "mean":
        return nodes.sum(dim=1) / count.clamp(min=1)
    if readout == "max":
        highest = nodes.masked_fill(~present[:, :, None], -torch.inf).amax(dim=1)
        return torch.where(count > 0, highest, 0.0)
    numbers = torch.arange(present.shape[1], device=present.device)
    last = torch.where(present, numbers, 0).amax(dim=1)
    return nodes[torch.arange(len(nodes), device=nodes.device), last]


def _require_known(what: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        raise InvalidSetting(f"{what} {given!r} is not known: use {quote_list(known)}{closest_match(given, known)}")
