"""The trainable network of a DARTS architecture on images of the size of CIFAR-10's.

Liu, Simonyan and Yang, "DARTS: Differentiable Architecture Search", ICLR 2019, section 3.2 and appendix A,
https://arxiv.org/abs/1806.09055; layers and their order are those of its official code (``cnn/model.py``). A stem, a
row of cells of which those at one and two thirds of the depth are reduction cells with twice the channels, and a linear
classifier on the average of the last feature map. In training there may be an auxiliary classifier after the second
reduction cell, and paths are dropped.

This module imports torch; :meth:`ganas.spaces.darts.space.DARTS.network` imports it when it is called.
"""

from __future__ import annotations

from ganas.spaces.darts.notation import Cell
from ganas.spaces.darts.parameters import STEM_FACTOR, Layer, layers_of, require_counts
from ganas.spaces.errors import InvalidSetting, missing_torch
from ganas.spaces.nasbench201.network import draw_weights

try:
    import torch
    from torch import Tensor, nn
except ImportError as error:
    raise missing_torch("building networks") from error

__all__ = ["AuxiliaryHead", "CellBlock", "CellsNetwork", "FactorizedReduction", "build_network", "drop_path"]


def build_network(
    normal: Cell,
    reduction: Cell,
    *,
    num_classes: int = 10,
    channels: int = 36,
    layers: int = 20,
    auxiliary: bool = False,
    drop_path_prob: float = 0.0,
    generator: torch.Generator | None = None,
    drop_path_generator: torch.Generator | None = None,
) -> CellsNetwork:
    """Build the network of two cells, with the depth and width of the DARTS paper by default.

    The paper trains it with an auxiliary head and a ``drop_path_prob`` that grows linearly from 0 to 0.2 over the
    epochs. NAS-Bench-301 takes 32 channels, 8 layers, the head and 0.2. The weights are drawn from the distributions
    that torch uses by default.

    Args:
        normal: The normal cell, as ``DARTS.cells`` gives it.
        reduction: The reduction cell.
        num_classes: Outputs of the classifiers.
        channels: Of each node in the first cell.
        layers: How many cells there are.
        auxiliary: Whether there is an auxiliary head; images must then be of 29 to 32 pixels a side.
        drop_path_prob: See :class:`CellsNetwork`.
        generator: Where the weights are drawn from, and on whose device they lie; None for torch's global generator
            and default device.
        drop_path_generator: Where dropped paths are drawn from; None for torch's global generator.

    Raises:
        InvalidSetting: A count is below 1, or the probability is not from 0 to below 1.
    """
    require_counts(num_classes=num_classes, channels=channels, layers=layers)

    def make() -> CellsNetwork:
        return CellsNetwork(
            (normal, reduction), num_classes, channels, layers, auxiliary, drop_path_prob, drop_path_generator
        )

    if generator is None:
        return make()
    # Modules draw their weights from the global generator when they are built; on the meta device they draw nothing.
    with torch.device("meta"):
        network = make()
    network.to_empty(device=generator.device)
    draw_weights(network, generator)
    return network


class CellsNetwork(nn.Module):
    """Stem, cells, global average, linear classifier; made by :func:`build_network`.

    In training, each operation but an identity loses its output for an image with the probability
    :attr:`drop_path_prob`, and what is left is scaled up so that its expectation stays. It may be set at any time, as
    training schedules do.

    Attributes:
        auxiliary_head: The auxiliary classifier, or None.
        drop_path_generator: Where dropped paths are drawn from; None for torch's global generator.
    """

    def __init__(
        self,
        cells: tuple[Cell, Cell],
        num_classes: int,
        channels: int,
        layers: int,
        auxiliary: bool,
        drop_path_prob: float,
        drop_path_generator: torch.Generator | None,
    ) -> None:
        super().__init__()
        stem = STEM_FACTOR * channels
        self.stem = nn.Sequential(nn.Conv2d(3, stem, kernel_size=3, padding=1, bias=False), nn.BatchNorm2d(stem))
        self.cells = nn.ModuleList()
        self.auxiliary_head: AuxiliaryHead | None = None
        self._auxiliary_after = -1
        outputs = stem
        for number, layer in enumerate(layers_of(channels, layers)):
            cell = CellBlock(cells[layer.is_reduction], layer)
            self.cells.append(cell)
            outputs = cell.outputs
            if auxiliary and layer.has_auxiliary_head:
                self.auxiliary_head = AuxiliaryHead(outputs, num_classes)
                self._auxiliary_after = number
        self.classifier = nn.Linear(outputs, num_classes)
        self.drop_path_generator = drop_path_generator
        self.drop_path_prob = drop_path_prob

    @property
    def drop_path_prob(self) -> float:
        """How often an operation's output is dropped for an image in training, from 0 to below 1."""
        return self._drop_path_prob

    @drop_path_prob.setter
    def drop_path_prob(self, value: float) -> None:
        if not 0 <= value < 1:
            raise InvalidSetting(f"drop_path_prob must be from 0 to below 1, not {value}")
        self._drop_path_prob = float(value)

    def forward(self, images: Tensor) -> Tensor:
        """Images (batch, 3, height, width) to logits (batch, num_classes); any height and width of at least 4."""
        return self._run(images, with_auxiliary=False)[0]

    def forward_with_auxiliary(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images (batch, 3, height, width) to the logits of the classifier and of the auxiliary head.

        The official code calls the auxiliary head in training alone; its loss there counts 0.4 times.

        Raises:
            InvalidSetting: There is no auxiliary head, or the images have another size than it was made for.
        """
        logits, auxiliary_logits = self._run(images, with_auxiliary=True)
        if auxiliary_logits is None:
            raise InvalidSetting("this network has no auxiliary head: build it with auxiliary=True")
        return logits, auxiliary_logits

    def _run(self, images: Tensor, *, with_auxiliary: bool) -> tuple[Tensor, Tensor | None]:
        before_last = last = self.stem(images)
        auxiliary_logits = None
        dropped = self.drop_path_prob if self.training else 0.0
        for number, cell in enumerate(self.cells):
            before_last, last = last, cell(before_last, last, dropped, self.drop_path_generator)
            if with_auxiliary and self.auxiliary_head is not None and number == self._auxiliary_after:
                auxiliary_logits = self.auxiliary_head(last)
        return self.classifier(last.mean(dim=(2, 3))), auxiliary_logits


class CellBlock(nn.Module):
    """One cell: both inputs projected to its channels, four sums of two operations each, joined along the channels.

    In a reduction cell the operations on the two inputs have stride 2.
    """

    def __init__(self, cell: Cell, layer: Layer) -> None:
        super().__init__()
        width = layer.channels
        self.outputs = len(cell) * width
        # After a reduction, the output of the layer before it is still twice as high and wide.
        self.first_input: nn.Module = (
            FactorizedReduction(layer.before_last, width)
            if layer.after_reduction
            else _projection(layer.before_last, width)
        )
        self.second_input = _projection(layer.last, width)
        self.operations = nn.ModuleList()
        self._sources: list[tuple[int, int]] = []
        for (first, lower), (second, higher) in cell:
            self._sources.append((lower, higher))
            for name, source in ((first, lower), (second, higher)):
                self.operations.append(_operation(name, width, stride=2 if layer.is_reduction and source < 2 else 1))

    def forward(
        self, before_last: Tensor, last: Tensor, drop_path_prob: float = 0.0, generator: torch.Generator | None = None
    ) -> Tensor:
        """Outputs of the two layers before, of one size or the first of twice the size, to the output of this one."""
        states = [self.first_input(before_last), self.second_input(last)]
        operations = iter(self.operations)
        for sources in self._sources:
            first, second = (
                self._apply_operation(next(operations), states[source], drop_path_prob, generator) for source in sources
            )
            states.append(first + second)
        return torch.cat(states[2:], dim=1)

    @staticmethod
    def _apply_operation(
        operation: nn.Module, features: Tensor, drop_path_prob: float, generator: torch.Generator | None
    ) -> Tensor:
        output: Tensor = operation(features)
        if drop_path_prob and not isinstance(operation, nn.Identity):
            return drop_path(output, drop_path_prob, generator)
        return output


class AuxiliaryHead(nn.Module):
    """The auxiliary classifier of the official code, on feature maps of 8 x 8."""

    def __init__(self, inputs: int, num_classes: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.ReLU(),
            nn.AvgPool2d(kernel_size=5, stride=3, count_include_pad=False),
            nn.Conv2d(inputs, 128, kernel_size=1, bias=False),
            nn.BatchNorm2d(128),
            nn.ReLU(),
            nn.Conv2d(128, 768, kernel_size=2, bias=False),
            nn.BatchNorm2d(768),
            nn.ReLU(),
        )
        self.classifier = nn.Linear(768, num_classes)

    def forward(self, features: Tensor) -> Tensor:
        """Features (batch, inputs, 8, 8) to logits (batch, num_classes)."""
        height, width = features.shape[2:]
        if (height, width) != (8, 8):
            raise InvalidSetting(
                f"the auxiliary head reads feature maps of 8 x 8, as images of 32 x 32 give, not of {height} x {width}"
            )
        logits: Tensor = self.classifier(self.features(features).flatten(1))
        return logits


class FactorizedReduction(nn.Module):
    """Halve height and width: two convolutions of kernel 1 and stride 2, one of them shifted by a pixel, joined."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        half = outputs // 2
        self.relu = nn.ReLU()
        self.even = nn.Conv2d(inputs, outputs - half, kernel_size=1, stride=2, bias=False)
        self.odd = nn.Conv2d(inputs, half, kernel_size=1, stride=2, bias=False) if half else None
        self.normalisation = nn.BatchNorm2d(outputs)

    def forward(self, features: Tensor) -> Tensor:
        """Features (batch, inputs, height, width) to (batch, outputs, height / 2, width / 2), rounded up."""
        features = self.relu(features)
        halves = [self.even(features)]
        if self.odd is not None:
            # Padding changes nothing on even sizes; on odd ones it gives the size that the other half has.
            halves.append(self.odd(nn.functional.pad(features, (-1, 1, -1, 1))))
        normalised: Tensor = self.normalisation(torch.cat(halves, dim=1))
        return normalised


def drop_path(features: Tensor, probability: float, generator: torch.Generator | None = None) -> Tensor:
    """Set the features of an image to zero with this probability, and divide the others by that of staying.

    Args:
        features: (batch, channels, height, width).
        probability: From 0 to below 1.
        generator: Where it is drawn from, on any device; None for torch's global generator.
    """
    device = features.device if generator is None else generator.device
    draws = torch.rand(len(features), generator=generator, device=device).to(features.device)
    kept = (draws >= probability).to(features.dtype) / (1 - probability)
    return features * kept[:, None, None, None]


def _operation(name: str, channels: int, *, stride: int) -> nn.Module:
    if name == "skip_connect":
        return nn.Identity() if stride == 1 else FactorizedReduction(channels, channels)
    if name == "max_pool_3x3":
        return nn.MaxPool2d(kernel_size=3, stride=stride, padding=1)
    if name == "avg_pool_3x3":
        return nn.AvgPool2d(kernel_size=3, stride=stride, padding=1, count_include_pad=False)
    kernel_size = int(name[-1])
    if name.startswith("dil_conv"):
        return nn.Sequential(*_depthwise(channels, kernel_size, stride=stride, dilation=2))
    return nn.Sequential(*_depthwise(channels, kernel_size, stride=stride), *_depthwise(channels, kernel_size))


def _depthwise(channels: int, kernel_size: int, *, stride: int = 1, dilation: int = 1) -> list[nn.Module]:
    """ReLU, a convolution on each channel for itself, one of kernel 1 across them, batch normalisation."""
    return [
        nn.ReLU(),
        nn.Conv2d(
            channels,
            channels,
            kernel_size,
            stride=stride,
            padding=dilation * (kernel_size // 2),
            dilation=dilation,
            groups=channels,
            bias=False,
        ),
        nn.Conv2d(channels, channels, kernel_size=1, bias=False),
        nn.BatchNorm2d(channels),
    ]


def _projection(inputs: int, outputs: int) -> nn.Sequential:
    """ReLU, convolution of kernel 1, batch normalisation."""
    return nn.Sequential(nn.ReLU(), nn.Conv2d(inputs, outputs, kernel_size=1, bias=False), nn.BatchNorm2d(outputs))
