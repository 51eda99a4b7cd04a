"""The trainable network of a NATS-Bench size architecture.

Dong, Liu, Musial and Gabrys, "NATS-Bench: Benchmarking NAS Algorithms for Architecture Topology and Size", IEEE TPAMI
2021, section 3, https://arxiv.org/abs/2009.00437; the order of the layers is that of its official code
(``infer.shape.tiny``). A stem, a cell, a residual block of stride 2, a cell, a residual block of stride 2, a cell, and
a linear classifier on the average of the last feature map. Cells and blocks are those of NAS-Bench-201
(:mod:`ganas.spaces.nasbench201.network`), the cell always the same.

This module imports torch; :meth:`ganas.spaces.natsbench_size.space.NATSBenchSize.network` imports it when it is called.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ganas.spaces.errors import InvalidSetting
from ganas.spaces.nasbench201.network import CellNetwork, build_cell_network
from ganas.spaces.nasbench201.space import NASBench201
from ganas.spaces.natsbench_size.space import CELL, LAYERS

if TYPE_CHECKING:
    import torch

__all__ = ["build_network"]


def build_network(
    channels: Sequence[int], *, num_classes: int = 10, generator: torch.Generator | None = None
) -> CellNetwork:
    """Build the network whose five layers have these channels.

    The weights are drawn from the distributions that torch uses by default. The network takes images
    (batch, 3, height, width) and gives logits (batch, num_classes), as
    :func:`ganas.spaces.nasbench201.network.build_network` says. Where a cell has other channels than the layer before
    it, the skip in it is a convolution of kernel 1 and a batch normalisation.

    Args:
        channels: Feature maps that the five layers give, as ``NATSBenchSize.channels`` gives them. Any positive counts
            may stand here, also such as the benchmark does not have.
        num_classes: Outputs of the classifier: 10, 100 and 120 in the benchmark.
        generator: Where the weights are drawn from, and on whose device they lie; None for torch's global generator
            and default device.

    Raises:
        InvalidSetting: There are not five counts, or a count is below 1.
    """
    if len(channels) != len(LAYERS):
        raise InvalidSetting(f"channels must be {len(LAYERS)} counts, one for each layer, not {len(channels)}")
    space = NASBench201()
    return build_cell_network(space.encode(space.parse(CELL)), channels, num_classes=num_classes, generator=generator)
