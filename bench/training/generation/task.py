"""Generation of images as a task for trainers."""

from __future__ import annotations

from copy import copy
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ganas.bench.training.generation.images import GENERATION_DATASETS, GeneratedImages
from ganas.bench.training.generation.protocol import CLASSIFIER, INCEPTION, GenerationProtocol, generation_protocol
from ganas.bench.training.task import Task, TaskMetric, Training
from ganas.data.images.digits import DIGITS
from ganas.spaces.alphagan.published import PUBLISHED
from ganas.spaces.alphagan.space import AlphaGAN, AlphaGANDiscriminator
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import InvalidSetting, NotSupported, missing_torch
from ganas.spaces.space import Space

if TYPE_CHECKING:
    from torch import nn

    from ganas.bench.training.devices import Compute
    from ganas.bench.training.generation.searching import GenerationTrainingTask
    from ganas.bench.training.running import Machine

__all__ = ["GENERATION_DATASETS", "OPPONENT", "GenerationTask", "generation_task", "metrics_of"]

OPPONENT = "alphaGAN_s"
"""The generator that discriminators of a searched space are trained against; ours."""

_DISTANCES = {
    CLASSIFIER: ("classifier_frechet_distance", "in a classifier trained here, which is not FID"),
    INCEPTION: ("fid", "in Inception of 2015"),
}
_SCORES = {CLASSIFIER: "classifier_score", INCEPTION: "inception_score"}

_NEIGHBOURS = (
    ("precision", "samples that lie among real images"),
    ("recall", "real images that lie among samples"),
    ("density", "how many real images a sample has around it, as a share of what real ones have"),
    ("coverage", "real images that have a sample around them"),
)


def metrics_of(protocol: GenerationProtocol) -> tuple[TaskMetric, ...]:
    """What is measured; names of distance and score say which network they are of."""
    distance, network = _DISTANCES[protocol.extractor]
    score = _SCORES[protocol.extractor]
    found = [
        TaskMetric(f"valid_{distance}", "distance", "valid", False, f"to real images, {network}; best so far", "kept"),
        TaskMetric(
            f"epoch_valid_{distance}", "distance", "valid", False, "of this evaluation", "epoch", f"valid_{distance}"
        ),
        # Generators do not settle, and the mean over a training tells architectures apart more reliably than its best.
        TaskMetric(
            f"mean_valid_{distance}",
            "distance",
            "valid",
            False,
            "mean of all evaluations so far: how fast it learns",
            "mean",
            f"valid_{distance}",
        ),
        TaskMetric(f"test_{distance}", "distance", "test", False, "by the weights of the best evaluation", "end"),
        TaskMetric(f"last_test_{distance}", "distance", "test", False, "by the last weights", "end"),
    ]
    kinds: tuple[tuple[Literal["valid", "test"], Literal["kept", "end"]], ...] = (("valid", "kept"), ("test", "end"))
    for split, when in kinds:
        found.append(
            TaskMetric(f"{split}_{score}", "score", split, True, "how sure and how varied the classes are", when)
        )
        found += [
            TaskMetric(f"{split}_{name}", "share", split, True, description, when) for name, description in _NEIGHBOURS
        ]
    found += [
        TaskMetric(
            "epoch_valid_collapsed",
            "share",
            "valid",
            False,
            "1 where samples have hardly any variance after this evaluation, else 0",
            "epoch",
            "valid_collapsed",
        ),
        TaskMetric("train_loss", "hinge loss", "train", False, "mean of the discriminator, over images", "epoch"),
        TaskMetric("parameters", "count", None, False, "of the network whose architecture it is", "static"),
    ]
    return tuple(found)


class GenerationTask(Task):
    """Generators of images against the fixed discriminator, or discriminators against one generator.

    Args:
        space: Of the architectures: of generators or of discriminators.
        source: The data set.
        protocol: The recipe.
    """

    measures_last = True

    def __init__(
        self, space: AlphaGAN | AlphaGANDiscriminator, source: GeneratedImages, protocol: GenerationProtocol
    ) -> None:
        self.space: AlphaGAN | AlphaGANDiscriminator = space
        self.protocol: GenerationProtocol = protocol
        self.source, self.dataset = source, source.dataset
        self.metrics = metrics_of(protocol)
        self.objective = self.metrics[0].name

    def with_source(self, source: GeneratedImages) -> GenerationTask:
        """The same task with files that lie elsewhere."""
        changed = copy(self)
        changed.source = source
        return changed

    def start(self, architecture: Architecture | None, *, seed: int, compute: Compute) -> Training:
        """Make a generator and a discriminator; see :meth:`Task.start`."""
        try:
            from ganas.bench.training.generation.training import GeneratorTraining
        except ImportError:
            raise missing_torch("training a generator of images") from None
        images = self.source.read(self.protocol)
        generator, discriminator = self.networks(architecture, images.bottom_width, images.train.channels)
        return GeneratorTraining(
            generator,
            discriminator,
            images,
            self.protocol,
            seed=seed,
            compute=compute,
            measured="generator" if isinstance(self.space, AlphaGAN) else "discriminator",
        )

    def networks(
        self, architecture: Architecture | None, bottom_width: int, image_channels: int
    ) -> tuple[nn.Module, nn.Module]:
        """The generator and the discriminator; weights come from torch's global generator."""
        from ganas.spaces.alphagan.discriminator import build_fixed_discriminator
        from ganas.spaces.alphagan.discriminator_network import build_discriminator
        from ganas.spaces.alphagan.network import build_network

        genotype = self.space.encode(self._required(architecture))
        protocol = self.protocol
        generates = isinstance(self.space, AlphaGAN)
        generator = build_network(
            genotype if generates else PUBLISHED[OPPONENT],
            channels=protocol.channels,
            bottom_width=bottom_width,
            image_channels=image_channels,
            latent=protocol.latent,
        )
        channels = protocol.discriminator_channels
        if generates:
            return generator, build_fixed_discriminator(channels=channels, image_channels=image_channels)
        return generator, build_discriminator(genotype, channels=channels, image_channels=image_channels)

    def static(self, architecture: Architecture | None) -> dict[str, float]:
        """The number of parameters of the generator, or of the discriminator where that is searched."""
        given, protocol, source = self._required(architecture), self.protocol, self.source
        image_channels = source.channels(protocol)
        if isinstance(self.space, AlphaGAN):
            count = self.space.parameter_count(
                given,
                num_classes=image_channels,
                channels=protocol.channels,
                bottom_width=source.bottom_width(protocol),
                latent=protocol.latent,
            )
        else:
            channels = protocol.discriminator_channels
            count = self.space.parameter_count(given, channels=channels, image_channels=image_channels)
        return {"parameters": float(count)}

    def _required(self, architecture: Architecture | None) -> Architecture:
        if architecture is None:
            raise InvalidSetting(f"an architecture of {self.space.name!r} is to be trained, and none is given")
        return architecture

    def data_facts(self) -> dict[str, Any]:
        """The splits, the network that compares, and the distances of real images and of noise."""
        return self.source.read(self.protocol).facts(self.protocol.samples)

    def training_task(self, machine: Machine) -> GenerationTrainingTask:
        """The training images, for searches with a relaxed generator.

        Args:
            machine: Device, precision and the like.

        Raises:
            NotSupported: It is the space of discriminators.
        """
        from ganas.bench.training.generation.search_protocol import search_protocol_for
        from ganas.bench.training.generation.searching import GenerationTrainingTask, training_images

        if not isinstance(self.space, AlphaGAN):
            raise NotSupported(f"there is no relaxed discriminator of {self.space.name!r}: search alphagan instead")
        read = partial(training_images, partial(self.source.read, self.protocol))
        return GenerationTrainingTask(self.space, self.dataset, search_protocol_for(self.protocol), machine, read)

    def missing(self) -> str | None:
        """None where the files are there, else one line on what to do."""
        return self.source.missing(self.protocol)

    def digest(self) -> str:
        """Digest of all that is read."""
        return self.source.read(self.protocol).digest


def generation_task(space: Space, dataset: str, protocol: str, folder: Path | None = None) -> GenerationTask:
    """Generation of images with the architectures of a space of AlphaGAN; nothing is read yet.

    Args:
        space: The space.
        dataset: One of :data:`GENERATION_DATASETS`.
        protocol: ``"full"`` or ``"mini"``.
        folder: Where the files of the data set lie; None for where they are looked for by default.

    Raises:
        NotSupported: It is another space.
        UnknownName: There is no such data set or protocol.
        InvalidSetting: A folder is given for a data set that has no files.
    """
    if not isinstance(space, AlphaGAN | AlphaGANDiscriminator):
        raise NotSupported(f"{space.name!r} is no space of AlphaGAN: its architectures generate no images")
    if folder is not None and dataset == DIGITS:
        raise InvalidSetting(f"{DIGITS} come with scikit-learn and have no files: leave the folder out")
    return GenerationTask(space, GeneratedImages(dataset, folder), generation_protocol(protocol, dataset))
