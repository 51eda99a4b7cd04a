"""The blocks of the Inception network of 2015 that FID and Inception Score are defined by.

Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR 2016, as the frozen graph of
TensorFlow of 5 December 2015 computes it. That graph differs from the paper, and from the network in torchvision, in
three places: its average pools do not count the padding, the branch of pools in the very last block takes the maximum,
and there are 1,008 classes. Names of layers are those of the published weights. This module imports torch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Convolution", "NarrowBlock", "ReducingBlock", "ReducingNarrowBlock", "SmallBlock", "WideBlock"]

_Size = int | tuple[int, int]


class Convolution(nn.Module):
    """A convolution without bias, batch normalisation and a ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: _Size, stride: int = 1, padding: _Size = 0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, images: Tensor) -> Tensor:
        """Apply the three."""
        return functional.relu(self.bn(self.conv(images)), inplace=True)


def _mean_pool(images: Tensor) -> Tensor:
    return functional.avg_pool2d(images, 3, stride=1, padding=1, count_include_pad=False)


class SmallBlock(nn.Module):
    """Blocks of 35 x 35: one, three and five pixels wide; ``pooled`` channels of the branch of pools."""

    def __init__(self, inputs: int, pooled: int) -> None:
        super().__init__()
        self.branch1x1 = Convolution(inputs, 64, 1)
        self.branch5x5_1 = Convolution(inputs, 48, 1)
        self.branch5x5_2 = Convolution(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = Convolution(inputs, 64, 1)
        self.branch3x3dbl_2 = Convolution(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Convolution(96, 96, 3, padding=1)
        self.branch_pool = Convolution(inputs, pooled, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Four branches side by side."""
        fives = self.branch5x5_2(self.branch5x5_1(images))
        threes = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(images)))
        return torch.cat([self.branch1x1(images), fives, threes, self.branch_pool(_mean_pool(images))], dim=1)


class ReducingBlock(nn.Module):
    """From 35 x 35 to 17 x 17."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.branch3x3 = Convolution(inputs, 384, 3, stride=2)
        self.branch3x3dbl_1 = Convolution(inputs, 64, 1)
        self.branch3x3dbl_2 = Convolution(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Convolution(96, 96, 3, stride=2)

    def forward(self, images: Tensor) -> Tensor:
        """Two branches beside the maximum."""
        threes = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(images)))
        return torch.cat([self.branch3x3(images), threes, functional.max_pool2d(images, 3, stride=2)], dim=1)


class NarrowBlock(nn.Module):
    """Blocks of 17 x 17: seven pixels in one direction and then in the other, over ``width`` channels."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.branch1x1 = Convolution(inputs, 192, 1)
        self.branch7x7_1 = Convolution(inputs, width, 1)
        self.branch7x7_2 = Convolution(width, width, (1, 7), padding=(0, 3))
        self.branch7x7_3 = Convolution(width, 192, (7, 1), padding=(3, 0))
        self.branch7x7dbl_1 = Convolution(inputs, width, 1)
        self.branch7x7dbl_2 = Convolution(width, width, (7, 1), padding=(3, 0))
        self.branch7x7dbl_3 = Convolution(width, width, (1, 7), padding=(0, 3))
        self.branch7x7dbl_4 = Convolution(width, width, (7, 1), padding=(3, 0))
        self.branch7x7dbl_5 = Convolution(width, 192, (1, 7), padding=(0, 3))
        self.branch_pool = Convolution(inputs, 192, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Four branches side by side."""
        once = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(images)))
        twice = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(images)))
        twice = self.branch7x7dbl_5(self.branch7x7dbl_4(twice))
        return torch.cat([self.branch1x1(images), once, twice, self.branch_pool(_mean_pool(images))], dim=1)


class ReducingNarrowBlock(nn.Module):
    """From 17 x 17 to 8 x 8."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.branch3x3_1 = Convolution(inputs, 192, 1)
        self.branch3x3_2 = Convolution(192, 320, 3, stride=2)
        self.branch7x7x3_1 = Convolution(inputs, 192, 1)
        self.branch7x7x3_2 = Convolution(192, 192, (1, 7), padding=(0, 3))
        self.branch7x7x3_3 = Convolution(192, 192, (7, 1), padding=(3, 0))
        self.branch7x7x3_4 = Convolution(192, 192, 3, stride=2)

    def forward(self, images: Tensor) -> Tensor:
        """Two branches beside the maximum."""
        threes = self.branch3x3_2(self.branch3x3_1(images))
        sevens = self.branch7x7x3_2(self.branch7x7x3_1(images))
        sevens = self.branch7x7x3_4(self.branch7x7x3_3(sevens))
        return torch.cat([threes, sevens, functional.max_pool2d(images, 3, stride=2)], dim=1)


class WideBlock(nn.Module):
    """Blocks of 8 x 8: three pixels in one direction beside the other; ``takes_maximum`` in the branch of pools."""

    def __init__(self, inputs: int, *, takes_maximum: bool) -> None:
        super().__init__()
        self._takes_maximum = takes_maximum
        self.branch1x1 = Convolution(inputs, 320, 1)
        self.branch3x3_1 = Convolution(inputs, 384, 1)
        self.branch3x3_2a = Convolution(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3_2b = Convolution(384, 384, (3, 1), padding=(1, 0))
        self.branch3x3dbl_1 = Convolution(inputs, 448, 1)
        self.branch3x3dbl_2 = Convolution(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = Convolution(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = Convolution(384, 384, (3, 1), padding=(1, 0))
        self.branch_pool = Convolution(inputs, 192, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Six branches side by side."""
        once = self.branch3x3_1(images)
        twice = self.branch3x3dbl_2(self.branch3x3dbl_1(images))
        pooled = functional.max_pool2d(images, 3, stride=1, padding=1) if self._takes_maximum else _mean_pool(images)
        branches = [
            self.branch1x1(images),
            *(self.branch3x3_2a(once), self.branch3x3_2b(once)),
            *(self.branch3x3dbl_3a(twice), self.branch3x3dbl_3b(twice)),
            self.branch_pool(pooled),
        ]
        return torch.cat(branches, dim=1)
