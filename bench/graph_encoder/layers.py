"""The layer of a k-GNN with k = 1, on dense batches."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganas.bench.graph_encoder.weights import draw_weights, without_weights

__all__ = ["GraphConvolution", "neighbour_operators"]


def neighbour_operators(adjacency: Tensor, *, bidirectional: bool) -> Tensor:
    """What :class:`GraphConvolution` sums over: each node itself, its predecessors and, if asked for, its successors.

    Args:
        adjacency: 1 at ``[b, source, target]``, (batch, nodes, nodes) float.
        bidirectional: Whether edges are walked backwards as well.

    Returns:
        (batch, nodes, nodes * terms) with 2 or 3 terms, interleaved: term ``r`` of neighbour ``j`` of node ``i`` is at
        ``[b, i, j * terms + r]``, the order in which a layer's output for all terms lies in memory.
    """
    batch, nodes, _ = adjacency.shape
    itself = torch.eye(nodes, dtype=adjacency.dtype, device=adjacency.device).expand_as(adjacency)
    terms = [itself, adjacency.transpose(1, 2)] + ([adjacency] if bidirectional else [])
    return torch.stack(terms, dim=-1).reshape(batch, nodes, nodes * len(terms))


class GraphConvolution(nn.Module):
    """Sums over a node itself and over its neighbours, each with weights of its own.

    x'_i = W_1 x_i + W_2 sum_{j -> i} x_j + b, the operator of Morris et al., "Weisfeiler and Leman Go Neural",
    AAAI 2019, https://arxiv.org/abs/1810.02244, for k = 1, as in torch_geometric's ``GraphConv``. With
    ``bidirectional``, W_3 sum_{i -> j} x_j is added: the sum of one such layer on the edges and one on the reversed
    edges, whose W_1 and b are merged.

    Args:
        in_features: Length of x.
        out_features: Length of x'.
        bidirectional: Whether there is a W_3.
        generator: Where the weights are drawn from, and on whose device they lie.
    """

    def __init__(
        self, in_features: int, out_features: int, *, bidirectional: bool = False, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        terms = 3 if bidirectional else 2
        with without_weights():
            # The rows are W_1, W_2 and, if there is one, W_3.
            self.weight = nn.Parameter(torch.empty(terms * out_features, in_features))
            self.bias = nn.Parameter(torch.empty(out_features))
        draw_weights(self, generator)

    def forward(self, nodes: Tensor, operators: Tensor) -> Tensor:
        """Nodes (batch, nodes, in_features) to (batch, nodes, out_features); see :func:`neighbour_operators`."""
        terms = nn.functional.linear(nodes, self.weight)
        return torch.baddbmm(self.bias, operators, terms.reshape(len(nodes), -1, self.out_features))
