"""The trainable network of a NAS-Bench-201 cell.

Dong and Yang, "NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search", ICLR 2020, section 2
and figure 1, https://arxiv.org/abs/2001.00326. A stem, three stages of equal cells at one, two and four times the
channels, a residual block of stride 2 before the second and the third stage, and a linear classifier on the average of
the last feature map. The size search space of NATS-Bench (:mod:`ganas.spaces.natsbench_size.network`) is built from the
same layers, with channel counts of its own.

This module imports torch; :meth:`ganas.spaces.nasbench201.space.NASBench201.network` imports it when it is called.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ganas.spaces.errors import InvalidSetting, missing_torch
from ganas.spaces.nasbench201.space import EDGE_OPERATIONS, EDGES, NASBench201

try:
    import torch
    from torch import Tensor, nn
except ImportError as error:
    raise missing_torch("building networks") from error

__all__ = ["Cell", "CellNetwork", "ReductionBlock", "build_cell_network", "build_network", "draw_weights"]


def build_network(
    genotype: Sequence[int],
    *,
    num_classes: int = 10,
    channels: int = 16,
    cells_per_stage: int = 5,
    generator: torch.Generator | None = None,
) -> CellNetwork:
    """Build the network of a cell, with the defaults of the benchmark.

    The weights are drawn from the distributions that torch uses by default. The network takes images
    (batch, 3, height, width) of any height and width of at least 8 and gives logits (batch, num_classes). On even
    sizes the arithmetic is the paper's; on odd ones, which the paper's network does not take, the shortcut of a
    reduction averages the rest of a window at the border.

    Args:
        genotype: The operation number on each edge, as ``NASBench201.encode`` gives it.
        num_classes: Outputs of the classifier: 10, 100 and 120 in the benchmark.
        channels: Feature maps of the first stage, 16 in the benchmark.
        cells_per_stage: 5 in the benchmark.
        generator: Where the weights are drawn from, and on whose device they lie; None for torch's global generator
            and default device.

    Raises:
        InvalidArchitecture: The genotype is not six operation numbers from 0 to 4.
        InvalidSetting: A count is below 1.
    """
    for name, value in (("channels", channels), ("cells_per_stage", cells_per_stage)):
        if value < 1:
            raise InvalidSetting(f"{name} must be at least 1, not {value}")
    # A reduction gives the channels of the stage that it leads to.
    later_stages = [factor * channels for factor in (2, 4) for _ in range(1 + cells_per_stage)]
    widths = [channels] * cells_per_stage + later_stages
    return build_cell_network(genotype, widths, num_classes=num_classes, generator=generator)


def build_cell_network(
    genotype: Sequence[int], channels: Sequence[int], *, num_classes: int = 10, generator: torch.Generator | None = None
) -> CellNetwork:
    """Build a network of equal cells whose layers may have any channel counts; otherwise as :func:`build_network`.

    Args:
        genotype: The operation number on each edge.
        channels: Feature maps that each layer gives, in order: n cells, a reduction, n cells, a reduction, n cells.
            The stem gives as many as the first layer.
        num_classes: Outputs of the classifier.
        generator: As for :func:`build_network`.

    Raises:
        InvalidArchitecture: The genotype is not six operation numbers from 0 to 4.
        InvalidSetting: A count is below 1, or ``channels`` has not 3 n + 2 entries.
    """
    space = NASBench201()
    genotype = space.encode(space.decode(genotype))
    for name, value in (("num_classes", num_classes), *(("a channel count", count) for count in channels)):
        if value < 1:
            raise InvalidSetting(f"{name} must be at least 1, not {value}")
    if len(channels) % 3 != 2 or len(channels) < 5:
        raise InvalidSetting(f"channels must have 3 n + 2 entries for n cells a stage, 5 or more, not {len(channels)}")
    if generator is None:
        return CellNetwork(genotype, num_classes, channels)
    # Modules draw their weights from the global generator when they are built; on the meta device they draw nothing.
    with torch.device("meta"):
        network = CellNetwork(genotype, num_classes, channels)
    network.to_empty(device=generator.device)
    draw_weights(network, generator)
    return network


class CellNetwork(nn.Module):
    """Stem, three stages of cells, global average, linear classifier; made by :func:`build_cell_network`."""

    def __init__(self, genotype: Sequence[int], num_classes: int, channels: Sequence[int]) -> None:
        super().__init__()
        inputs = channels[0]
        layers: list[nn.Module] = [
            nn.Conv2d(3, inputs, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(inputs),
        ]
        cells_per_stage = len(channels) // 3
        for position, outputs in enumerate(channels):
            is_reduction = position % (cells_per_stage + 1) == cells_per_stage
            layers.append(ReductionBlock(inputs, outputs) if is_reduction else Cell(genotype, inputs, outputs))
            inputs = outputs
        layers += [nn.BatchNorm2d(inputs), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(inputs, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Images (batch, 3, height, width) to logits (batch, num_classes)."""
        logits: Tensor = self.classifier(self.features(images).mean(dim=(2, 3)))
        return logits


class Cell(nn.Module):
    """Four feature maps of one size; each is the sum over the earlier ones of the operation on their edge.

    The first has ``inputs`` channels, the others ``outputs``. Where these differ, a skip or a pooling of the first
    projects it; a convolution does so itself.

    Every convolution is built, so that the parameters are the benchmark's. What cannot reach the output is not
    computed: ``none`` edges, and edges into a feature map from which only ``none`` leads on.
    """

    def __init__(self, genotype: Sequence[int], inputs: int, outputs: int) -> None:
        super().__init__()
        self._outputs = outputs
        names = [EDGE_OPERATIONS[number] for number in genotype]
        reaches_output = {3}
        for (source, target), name in zip(reversed(EDGES), reversed(names), strict=True):
            # Reversed, an edge comes after every edge that leaves its target.
            if name != "none" and target in reaches_output:
                reaches_output.add(source)
        self.edges = nn.ModuleDict()
        self._incoming: dict[int, list[tuple[int, str, str]]] = {1: [], 2: [], 3: []}
        for (source, target), name in zip(EDGES, names, strict=True):
            key = f"{source}_{target}"
            operation = _edge_operation(name, inputs if source == 0 else outputs, outputs)
            if operation is not None:
                self.edges[key] = operation
            if name != "none" and target in reaches_output:
                self._incoming[target].append((source, name, key))

    def forward(self, features: Tensor) -> Tensor:
        """Features (batch, inputs, height, width) to (batch, outputs, height, width)."""
        # None stands for zeros, which are made only for a convolution: its normalisation shifts them.
        values: dict[int, Tensor | None] = {0: features}
        for target, incoming in self._incoming.items():
            total: Tensor | None = None
            for source, name, key in incoming:
                term = values[source]
                if term is None and name.startswith("nor_conv"):
                    term = self._zeros(features)
                if term is not None:
                    term = self.edges[key](term) if key in self.edges else term
                    total = term if total is None else total + term
            values[target] = total
        output = values[3]
        return self._zeros(features) if output is None else output

    def _zeros(self, features: Tensor) -> Tensor:
        batch, _, height, width = features.shape
        return features.new_zeros(batch, self._outputs, height, width)


class ReductionBlock(nn.Module):
    """Halve height and width: two convolutions beside an averaged and projected shortcut."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            _convolution(inputs, outputs, kernel_size=3, stride=2),
            _convolution(outputs, outputs, kernel_size=3),
        )
        self.shortcut = nn.Sequential(
            # ceil_mode changes nothing on even sizes; on odd ones it gives the size that the convolution gives.
            nn.AvgPool2d(kernel_size=2, stride=2, ceil_mode=True),
            nn.Conv2d(inputs, outputs, kernel_size=1, bias=False),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Features (batch, inputs, height, width) to (batch, outputs, height / 2, width / 2), rounded up."""
        total: Tensor = self.convolutions(features) + self.shortcut(features)
        return total


def _edge_operation(name: str, inputs: int, outputs: int) -> nn.Module | None:
    """The module of an operation; None for those that compute nothing."""
    if name == "nor_conv_1x1":
        return _convolution(inputs, outputs, kernel_size=1)
    if name == "nor_conv_3x3":
        return _convolution(inputs, outputs, kernel_size=3)
    if name == "avg_pool_3x3":
        pool = nn.AvgPool2d(kernel_size=3, stride=1, padding=1, count_include_pad=False)
        return pool if inputs == outputs else nn.Sequential(_convolution(inputs, outputs, kernel_size=1), pool)
    if name == "skip_connect" and inputs != outputs:
        # The official FactorizedReduce at stride 1: it has a ReLU, which it applies at stride 2 only.
        return nn.Sequential(nn.Conv2d(inputs, outputs, kernel_size=1, bias=False), nn.BatchNorm2d(outputs))
    return None


def _convolution(inputs: int, outputs: int, *, kernel_size: int, stride: int = 1) -> nn.Sequential:
    """ReLU, convolution without bias, batch normalisation."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(inputs, outputs, kernel_size, stride=stride, padding=kernel_size // 2, bias=False),
        nn.BatchNorm2d(outputs),
    )


def draw_weights(network: nn.Module, generator: torch.Generator) -> None:
    """Draw every weight as torch does by default: uniform within plus and minus 1 / sqrt(inputs of a unit)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            bound = 1.0 / math.sqrt(module.weight[0].numel())
            nn.init.uniform_(module.weight, -bound, bound, generator=generator)
            if module.bias is not None:
                nn.init.uniform_(module.bias, -bound, bound, generator=generator)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
