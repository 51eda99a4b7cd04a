"""Scores of the images that a generator makes, against real ones, while the images pass by in batches.

Of images only sums are kept, and of some of them the features. Beside every score stand what is needed to read it: the
network that the images were compared in, and the floor, what real images get when they are compared with real ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganas.bench.single_thread import one_thread
from ganas.bench.training.generation.class_scores import ClassScoreStream
from ganas.bench.training.generation.collapse import Diversity, PixelVariance
from ganas.bench.training.generation.extractor import Extractor
from ganas.bench.training.generation.frechet import Gaussian, MomentStream, frechet_distance
from ganas.bench.training.generation.neighbours import NeighbourScores, neighbour_scores
from ganas.bench.training.generation.pixels import as_bytes, image_tensor
from ganas.data.images.image_set import ImageSet
from ganas.spaces.errors import DataError, InvalidSetting, TrainingFailed

if TYPE_CHECKING:
    import torch

__all__ = ["SampleScorer", "SampleScores"]

_NEIGHBOUR_SAMPLES = 2_000
"""Of so many images of each kind the neighbours are looked for."""

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class SampleScores:
    """What is known of the samples of a generator.

    Attributes:
        samples: How many there were.
        distance_name: What the distance is called: ``"classifier_frechet_distance"``, or ``"fid"``.
        distance: The Frechet distance to real images; lower is better.
        floor: The same distance of other real images.
        score_name: What the score is called: ``"classifier_score"``, or ``"inception_score"``.
        score: Mean of the score over ten parts of the samples; higher is better.
        score_deviation: Its standard deviation over the parts.
        neighbours: Precision, recall, density and coverage.
        diversity: How much the samples differ.
        facts: What is to be known of the network, as JSON values.
    """

    samples: int
    distance_name: str
    distance: float
    floor: float
    score_name: str
    score: float
    score_deviation: float
    neighbours: NeighbourScores
    diversity: Diversity
    facts: dict[str, Any]

    def values(self) -> dict[str, float]:
        """The numbers by name; ``collapsed`` is 1 of a collapsed generator and 0 of others."""
        return {
            self.distance_name: self.distance,
            self.score_name: self.score,
            f"{self.score_name}_deviation": self.score_deviation,
            "precision": self.neighbours.precision,
            "recall": self.neighbours.recall,
            "density": self.neighbours.density,
            "coverage": self.neighbours.coverage,
            "pixel_variance_share": self.diversity.pixel_share,
            "feature_variance_share": self.diversity.feature_share,
            "collapsed": float(self.diversity.collapse is not None),
        }

    def record(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            "samples": self.samples,
            **self.values(),
            "real_floor": self.floor,
            "collapse": self.diversity.collapse,
            **self.facts,
        }

    def __str__(self) -> str:
        accuracy = self.facts.get("classifier_accuracy_percent")
        network = "" if accuracy is None else f", accuracy {accuracy:.1f} %"
        text = (
            f"{self.distance_name} {self.distance:.2f} (real images {self.floor:.2f}{network}), {self.score_name} "
            f"{self.score:.2f} ± {self.score_deviation:.2f}, density {self.neighbours.density:.2f}, coverage "
            f"{self.neighbours.coverage:.2f}, {self.samples:,} samples"
        )
        reason = self.diversity.collapse
        return text if reason is None else f"{text}; collapsed: {reason}"


class _Real(NamedTuple):
    """What real images are compared by."""

    gaussian: Gaussian
    floor: float
    neighbours: NDArray[np.float32]
    pixel_variance: float


class SampleScorer:
    """Scores samples against real images, which are looked at once, when the first score is wanted.

    Args:
        extractor: The network that images are compared in.
        reference: The real images that samples are compared with.
        others: Real images that are not among them, whose distance is the floor.
    """

    def __init__(self, extractor: Extractor, reference: ImageSet, others: ImageSet) -> None:
        self.extractor = extractor
        self._reference, self._others = reference, others

    @property
    def floor(self) -> float:
        """The distance between the reference and the other real images.

        Raises:
            InvalidSetting: Either has no more images than there are features.
        """
        return self._real.floor

    def score(self, batches: Iterable[torch.Tensor], count: int) -> SampleScores:
        """Score samples.

        Args:
            batches: Images with numbers from -1 to 1, (images, channels, size, size); what is beyond ``count`` is left.
            count: How many images are scored.

        Raises:
            InvalidSetting: These are no more than there are features, or the real images are.
            DataError: There are fewer images than that, or of another size or number of channels.
            TrainingFailed: An image has a value that is no finite number.
        """
        extractor, real = self.extractor, self._real
        if count <= extractor.features:
            raise InvalidSetting(
                f"{extractor.distance_name} needs more than {extractor.features:,} samples, not {count:,}: the "
                "covariance of fewer is singular"
            )
        moments, variance = MomentStream(extractor.features), PixelVariance()
        classes = ClassScoreStream(extractor.classes, count)
        kept: list[NDArray[np.float32]] = []
        for batch in batches:
            pixels = as_bytes(batch.detach()[: count - moments.count])
            features, probabilities = (tensor.cpu().numpy() for tensor in extractor.extract(pixels))
            if not (np.isfinite(features).all() and np.isfinite(probabilities).all()):
                raise TrainingFailed("the generator makes images that have no finite features")
            with one_thread():
                moments.add(features)
            variance.add(pixels.cpu().numpy())
            classes.add(probabilities)
            if sum(map(len, kept)) < _NEIGHBOUR_SAMPLES:
                kept.append(features)
            if moments.count == count:
                break
        if moments.count < count:
            raise DataError(f"{count:,} samples were to be scored, and there are {moments.count:,}")
        made = moments.gaussian()
        score, deviation = classes.score()
        with one_thread():
            distance = frechet_distance(real.gaussian, made)
            neighbours = neighbour_scores(real.neighbours, np.concatenate(kept)[:_NEIGHBOUR_SAMPLES])
        return SampleScores(
            samples=count,
            distance_name=extractor.distance_name,
            distance=distance,
            floor=real.floor,
            score_name=extractor.score_name,
            score=score,
            score_deviation=deviation,
            neighbours=neighbours,
            diversity=Diversity(
                _share(variance.total(), real.pixel_variance),
                _share(made.total_variance, real.gaussian.total_variance),
            ),
            facts=extractor.facts(),
        )

    @cached_property
    def _real(self) -> _Real:
        variance = PixelVariance()
        moments, of_others = MomentStream(self.extractor.features), MomentStream(self.extractor.features)
        neighbours = self._look(self._reference, moments, variance)
        self._look(self._others, of_others, PixelVariance())
        gaussian = moments.gaussian()
        with one_thread():
            floor = frechet_distance(of_others.gaussian(), gaussian)
        return _Real(gaussian, floor, neighbours, variance.total())

    def _look(self, images: ImageSet, moments: MomentStream, variance: PixelVariance) -> NDArray[np.float32]:
        """Take in real images; the features of some of them, evenly spaced because files are often sorted by class."""
        wanted = np.unique(np.linspace(0, len(images) - 1, min(len(images), _NEIGHBOUR_SAMPLES)).astype(np.int64))
        kept = []
        for start in range(0, len(images), _AT_ONCE):
            pixels = image_tensor(images)[start : start + _AT_ONCE]
            features = self.extractor.extract(pixels).features.cpu().numpy()
            with one_thread():
                moments.add(features)
            variance.add(pixels.numpy())
            rows = wanted[(wanted >= start) & (wanted < start + len(pixels))]
            kept.append(features[rows - start])
        return np.concatenate(kept)


def _share(of_samples: float, of_real: float) -> float:
    # Real images that are all the same leave nothing to compare with.
    return of_samples / of_real if of_real > 0 else 1.0
