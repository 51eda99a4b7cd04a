"""FID and Inception Score in the network that defines them, whose weights the user brings.

FID: Heusel et al. 2017; Inception Score: Salimans et al. 2016. Both are of the frozen graph of Inception of 5 December
2015; the weights are those that pytorch-fid publishes of it. Nothing is downloaded here. Where the graph of TensorFlow
resizes and scales images, pytorch-fid is followed: ``bilinear`` with ``align_corners=False``, and from -1 to 1.
Probabilities for the Inception Score leave out the bias of the last layer, as the official code of that score does.
Distance and score are computed by :mod:`ganas.bench.training.generation.frechet` and
:mod:`ganas.bench.training.generation.class_scores`, not by torchmetrics: statistics that stream, the symmetric form of
the distance and the refusal of singular covariances are then the same for this network and for the classifier that is
trained here, and no image is resized twice. This module imports torch.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganas.bench.training.devices import Compute
from ganas.bench.training.generation.extractor import Extracted, Extractor
from ganas.bench.training.generation.inception_blocks import (
    Convolution,
    NarrowBlock,
    ReducingBlock,
    ReducingNarrowBlock,
    SmallBlock,
    WideBlock,
)
from ganas.bench.training.generation.pixels import as_numbers
from ganas.bench.training.generation.weights_file import DIGEST_BEGINS, WEIGHTS_URL, missing_inception, weights_path
from ganas.bench.training.generators import generators_of_torch
from ganas.data.images.standard_images import read_file
from ganas.spaces.errors import DataError

__all__ = ["InceptionExtractor", "InceptionNetwork", "load_inception"]

_CLASSES = 1008
_FEATURES = 2048
_SIDE = 299
_AT_ONCE = 50

# The published file has 95.6 million bytes.
_MAX_BYTES = 256 << 20


class InceptionNetwork(nn.Module):
    """The network, without weights of its own: (images, 3, 299, 299) from -1 to 1 to features and logits."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Convolution(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = Convolution(32, 32, 3)
        self.Conv2d_2b_3x3 = Convolution(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = Convolution(64, 80, 1)
        self.Conv2d_4a_3x3 = Convolution(80, 192, 3)
        self.Mixed_5b = SmallBlock(192, 32)
        self.Mixed_5c = SmallBlock(256, 64)
        self.Mixed_5d = SmallBlock(288, 64)
        self.Mixed_6a = ReducingBlock(288)
        self.Mixed_6b = NarrowBlock(768, 128)
        self.Mixed_6c = NarrowBlock(768, 160)
        self.Mixed_6d = NarrowBlock(768, 160)
        self.Mixed_6e = NarrowBlock(768, 192)
        self.Mixed_7a = ReducingNarrowBlock(768)
        self.Mixed_7b = WideBlock(1280, takes_maximum=False)
        self.Mixed_7c = WideBlock(_FEATURES, takes_maximum=True)
        self.fc = nn.Linear(_FEATURES, _CLASSES)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features, (images, 2048), and logits without the bias, (images, 1008)."""
        values = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(images)))
        values = functional.max_pool2d(values, 3, stride=2)
        values = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(values))
        values = functional.max_pool2d(values, 3, stride=2)
        values = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(values)))
        values = self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(values)))
        values = self.Mixed_7a(self.Mixed_6e(self.Mixed_6d(values)))
        features = self.Mixed_7c(self.Mixed_7b(values)).mean(dim=(2, 3))
        return features, functional.linear(features, self.fc.weight)


class InceptionExtractor(Extractor):
    """The network with its weights.

    Args:
        network: The network.
        weights_sha256: Of the file of its weights.
    """

    distance_name = "fid"
    score_name = "inception_score"
    features = _FEATURES
    classes = _CLASSES

    def __init__(self, network: InceptionNetwork, weights_sha256: str) -> None:
        # Faster on a CPU than channels first.
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._network = network.eval().requires_grad_(False)
        self._device = "cpu"
        self._digest = weights_sha256

    def move_to(self, device: str) -> None:
        """Compute on a device of torch."""
        self._network.to(device)
        self._device = device

    @property
    def weights_digest(self) -> str:
        """Hexadecimal SHA-256 of the file of its weights."""
        return self._digest

    def extract(self, pixels: Tensor) -> Extracted:
        """Features and probabilities of images of any size, as bytes; grey ones become colour images first."""
        if pixels.dim() != 4 or pixels.shape[1] not in (1, 3):
            raise DataError(f"Inception reads images of one or three channels, not {tuple(pixels.shape)}")
        features, probabilities = [], []
        with torch.inference_mode():
            for start in range(0, len(pixels), _AT_ONCE):
                images = as_numbers(pixels[start : start + _AT_ONCE].to(self._device)).expand(-1, 3, -1, -1)
                images = functional.interpolate(images, (_SIDE, _SIDE), mode="bilinear", align_corners=False)
                found, logits = self._network(images.contiguous(memory_format=torch.channels_last))
                features.append(found)
                probabilities.append(logits.softmax(dim=1))
        return Extracted(torch.cat(features), torch.cat(probabilities))


def load_inception(path: Path | None = None) -> InceptionExtractor:
    """Load the network with the published weights.

    Args:
        path: The file of the weights; None for where it is looked for.

    Raises:
        DataError: The file is not there, is not the published one, or is damaged.
    """
    problem = missing_inception(path)
    if problem is not None:
        raise DataError(problem)
    place = weights_path() if path is None else path
    content = read_file(place, _MAX_BYTES)
    digest = hashlib.sha256(content).hexdigest()
    if not digest.startswith(DIGEST_BEGINS):
        raise DataError(
            f"{place} is not the published file: its SHA-256 begins with {digest[:8]} and should with {DIGEST_BEGINS}; "
            f"get it again from {WEIGHTS_URL}"
        )
    return InceptionExtractor(_with_weights(place, content), digest)


def _with_weights(path: Path, content: bytes) -> InceptionNetwork:
    # Initial weights, for which these take the place, are not drawn from the generators of who asks.
    with generators_of_torch(Compute(), 0):
        network = InceptionNetwork()
    try:
        weights = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        # How many batches were seen says nothing in evaluation, and old files do not hold it.
        counts = {name: value for name, value in network.state_dict().items() if name.endswith("num_batches_tracked")}
        network.load_state_dict({**counts, **weights})
    except Exception as error:
        # A damaged file raises almost anything: the reader of torch pops stacks and indexes memos as the file says.
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{path} has no weights of this network: {reason:.160}") from None
    return network
