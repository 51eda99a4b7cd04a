"""A small classifier, trained here, in whose features images are compared where there is nothing better.

For data without weights of a published network: a distance in its features is called ``classifier_frechet_distance``
and is no FID, it compares only with others from the same weights, whose digest stands beside it. Network and recipe are
ours. It learns from the training half of the labelled images, in one thread and from one seed, and is kept below
``$GANAS_HOME/classifiers``; it is made anew where it is absent.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ganas.bench.single_thread import one_thread
from ganas.bench.training.checkpoint import as_tensors, read_checkpoint, write_checkpoint
from ganas.bench.training.devices import Compute
from ganas.bench.training.generation.extractor import Extracted, Extractor
from ganas.bench.training.generation.pixels import as_numbers, image_tensor
from ganas.bench.training.generators import generators_of_torch
from ganas.data.catalog import home
from ganas.data.images.image_set import ImageSet
from ganas.spaces.errors import DataError, missing_torch

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["RECIPE", "ClassifierExtractor", "ClassifierRecipe", "classifier_path", "trained_classifier"]

_FORMAT = 1
_FEATURES = 64
_SMALLEST = 8
_AT_ONCE = 500
"""Images that are looked at together."""


@dataclass(frozen=True, slots=True)
class ClassifierRecipe:
    """How the classifier is trained, by Adam with a learning rate that falls to 0 in a line.

    Attributes:
        batch: Images of a step.
        learning_rate: At the beginning.
        least_epochs: So many at least.
        least_steps: So many at least; small data sets have more epochs.
        seed: Of weights and order.
    """

    batch: int = 64
    learning_rate: float = 2e-3
    least_epochs: int = 10
    least_steps: int = 400
    seed: int = 20_200_616

    @property
    def label(self) -> str:
        """A short digest, for the name of the file."""
        return hashlib.sha256(f"{_FORMAT} {sorted(asdict(self).items())}".encode()).hexdigest()[:8]


RECIPE = ClassifierRecipe()
"""What every score is made with."""


class ClassifierExtractor(Extractor):
    """The trained classifier; its features are the 64 rectified numbers before the last layer.

    Args:
        network: Of two parts, the features and the last layer; it is on the CPU and stays there.
        images: The data set that it was trained on.
        accuracy_percent: Of the held-out half.

    Attributes:
        accuracy_percent: Of the held-out half.
    """

    distance_name = "classifier_frechet_distance"
    score_name = "classifier_score"
    features = _FEATURES

    def __init__(self, network: nn.Sequential, images: ImageSet, accuracy_percent: float) -> None:
        self.classes = len(images.classes)
        self.accuracy_percent = accuracy_percent
        self._network = network.eval().requires_grad_(False)
        self._shape = images.images.shape[1:]
        self._digest = _weights_digest(network)

    @property
    def weights_digest(self) -> str:
        """Hexadecimal SHA-256 of its weights."""
        return self._digest

    def facts(self) -> dict[str, Any]:
        """Digest and accuracy."""
        return {**super().facts(), "classifier_accuracy_percent": self.accuracy_percent}

    def extract(self, pixels: torch.Tensor) -> Extracted:
        """Features and probabilities of images, as bytes of the size that it was trained on."""
        import torch

        if tuple(pixels.shape[1:]) != tuple(self._shape):
            raise DataError(f"the classifier reads images of shape {self._shape}, not {tuple(pixels.shape[1:])}")
        first, last = self._network
        with one_thread(), torch.inference_mode():
            starts = range(0, len(pixels), _AT_ONCE)
            features = torch.cat([first(as_numbers(pixels[start : start + _AT_ONCE].cpu())) for start in starts])
            return Extracted(features, last(features).softmax(dim=1))


def classifier_path(images: ImageSet, recipe: ClassifierRecipe = RECIPE) -> Path:
    """Where the classifier of a data set is kept; images of another size have another one."""
    return home() / "classifiers" / f"{images.name}-{images.size}-{images.digest()[:12]}-{recipe.label}.safetensors"


def trained_classifier(images: ImageSet, recipe: ClassifierRecipe = RECIPE) -> ClassifierExtractor:
    """The classifier of a data set: the one that is kept, or a new one that is kept from now on.

    Args:
        images: The whole data set; the classifier learns from its training half.
        recipe: How it is trained.

    Raises:
        DataError: There are fewer than two classes in the training half, no labelled image in the other, the images are
            too small, the kept file is damaged, or the disk is full.
        MissingDependency: torch is not installed.
    """
    try:
        import torch  # noqa: F401
    except ImportError:
        raise missing_torch("the classifier that images are compared with") from None
    if images.size < _SMALLEST:
        raise DataError(
            f"{images.name} has images of {images.size} pixels, and the classifier needs {_SMALLEST}: resize them"
        )
    train, held_out = (half.labelled() for half in images.halves())
    if len(np.unique(train.labels)) < 2:
        raise DataError(f"{images.name} has images of one class only: a classifier has nothing to learn from them")
    path = classifier_path(images, recipe)
    return _kept(path, images) or _train(path, images, train, held_out, recipe)


def _kept(path: Path, images: ImageSet) -> ClassifierExtractor | None:
    found = read_checkpoint(path)
    if found is None:
        return None
    summary, state = found
    # Initial weights, for which these take the place, are not drawn from the generators of who asks.
    with generators_of_torch(Compute(), RECIPE.seed):
        network = _build(images)
    try:
        network.load_state_dict(as_tensors(state["weights"]))
        kept = ClassifierExtractor(network, images, float(summary["accuracy_percent"]))
        if (summary["data_sha256"], summary["weights_sha256"]) != (images.digest(), kept.weights_digest):
            raise ValueError("its digests are not those of its content")
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"the classifier {path} is damaged, remove it to train anew: {reason:.120}") from None
    return kept


def _train(
    path: Path, images: ImageSet, train: ImageSet, held_out: ImageSet, recipe: ClassifierRecipe
) -> ClassifierExtractor:
    import torch
    from torch.nn import functional

    pixels, labels = image_tensor(train), torch.from_numpy(train.labels)
    rng = np.random.default_rng(recipe.seed)
    batches = ceil(len(train) / recipe.batch)
    epochs = max(recipe.least_epochs, ceil(recipe.least_steps / batches))
    with one_thread(), generators_of_torch(Compute(), recipe.seed):
        network = _build(images).train()
        optimiser = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 - step / (epochs * batches))
        for _ in range(epochs):
            # Pieces of nearly one size, because the statistics of a batch of one image are none.
            for rows in np.array_split(rng.permutation(len(train)), batches):
                chosen = torch.from_numpy(rows)
                optimiser.zero_grad()
                loss = functional.cross_entropy(network(as_numbers(pixels[chosen])), labels[chosen])
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                schedule.step()
    trained = ClassifierExtractor(network, images, 0.0)
    chosen_classes = trained.extract(image_tensor(held_out)).probabilities.argmax(dim=1).numpy()
    trained.accuracy_percent = 100.0 * float((chosen_classes == held_out.labels).mean())
    summary = {
        "format": _FORMAT,
        "dataset": images.name,
        "data_sha256": images.digest(),
        "recipe": asdict(recipe),
        "accuracy_percent": trained.accuracy_percent,
        "weights_sha256": trained.weights_digest,
        "torch": torch.__version__,
    }
    write_checkpoint(path, summary, {"weights": network.state_dict()})
    return trained


def _build(images: ImageSet) -> nn.Sequential:
    """Three convolutions over 3 x 3 pixels, the image halved after the first two, a layer of features and the last."""
    from torch import nn

    layers: list[nn.Module] = []
    widths = (images.channels, 32, 64, 64)
    for stage, (inputs, outputs) in enumerate(pairwise(widths)):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
        if stage < 2:
            layers.append(nn.MaxPool2d(2))
    grid = min(images.size // 4, 4)
    layers += [nn.AdaptiveAvgPool2d(grid), nn.Flatten(), nn.Linear(widths[-1] * grid**2, _FEATURES), nn.ReLU()]
    return nn.Sequential(nn.Sequential(*layers), nn.Linear(_FEATURES, len(images.classes)))


def _weights_digest(network: nn.Module) -> str:
    digest = hashlib.sha256()
    for name, values in sorted(network.state_dict().items()):
        digest.update(f"{name} {tuple(values.shape)}\0".encode() + values.numpy().tobytes())
    return digest.hexdigest()
