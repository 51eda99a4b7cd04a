"""The recipe of a generator of images: that of the official code of AlphaGAN, and a miniature of it.

Tian et al., "AlphaGAN: Fully Differentiable Architecture Search for Generative Adversarial Networks", TPAMI 2021,
https://arxiv.org/abs/2006.09134; code at https://github.com/yuesongtian/AlphaGAN, ``train_geno_gan.py`` with the
options of its README. It has recipes for CIFAR-10 and STL-10; what is not of these is ours.

The official code compares with the images that it trains on, and reports the best of all evaluations. ``full`` does so
for validation, which chooses; test images are looked at once, at the end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ganas.bench.training.protocol import Protocol, setting
from ganas.data.images.catalog import IMAGE_SETS
from ganas.data.images.cifar10 import CIFAR10
from ganas.data.images.digits import DIGITS
from ganas.data.images.png_folder import PNG_FOLDER
from ganas.data.images.stl10 import STL10
from ganas.spaces.errors import unknown_name

__all__ = ["CLASSIFIER", "FULL", "INCEPTION", "MINI", "GenerationProtocol", "generation_protocol"]

CLASSIFIER, INCEPTION = "classifier", "inception"


@dataclass(frozen=True, kw_only=True)
class GenerationProtocol(Protocol):
    """Every choice of the training of a generator against a discriminator.

    Values that are no fields: the hinge loss; real images from -1 to 1, in a new order every time all were seen, not
    reflected; latent vectors from the standard normal distribution; weights of the averaged generator are measured,
    with the batch statistics of the trained one; samples of every measurement come from the same latent vectors.
    """

    epochs: int = setting("evaluations, after equally many steps each", unit="evaluations")
    steps: int = setting("steps of the discriminator between two evaluations", unit="steps")
    image_size: int | None = setting("images are resized to it; none for their own", unit="pixels", default=None)
    channels: int = setting("channels of the generator (gf_dim)", unit="channels")
    discriminator_channels: int = setting("channels of the discriminator (df_dim)", unit="channels")
    latent: int = setting("length of the latent vector", unit="numbers")
    batch: int = setting("real images of a step of the discriminator, and as many generated ones", unit="images")
    generator_batch: int = setting("generated images of a step of the generator", unit="images")
    critic_steps: int = setting("steps of the discriminator for each of the generator (n_critic)", unit="steps")
    learning_rate: float = setting("of Adam on the generator")
    discriminator_learning_rate: float = setting("of Adam on the discriminator")
    first_moment: float = setting("of the gradient, how much of it Adam keeps at each step (beta 1)")
    second_moment: float = setting("of the squared gradient, how much of it Adam keeps at each step (beta 2)")
    decay_from: float = setting("after this share of all steps both learning rates fall in a line; 1 for never")
    last_rate: float = setting("where that line ends, as a share of the learning rate")
    averaging: float = setting("of the averaged generator, how much of it each step of the generator keeps")
    whole: bool = setting(
        "whether it learns from all images published to train on, as the official code, and validation compares with "
        "these, where others are published for the test; otherwise from half of them, and validation and test compare "
        "with a quarter each"
    )
    extractor: str = setting("the network in which images are compared: classifier or inception")
    samples: int = setting("images that every measurement generates", unit="images")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("steps", "channels", "discriminator_channels", "latent", "critic_steps", "samples"):
            self._require(name, self._is_whole(name, 1), "a whole number of at least 1")
        for name in ("batch", "generator_batch"):
            # Batch normalisation of one image of one pixel has nothing to normalise by.
            self._require(name, self._is_whole(name, 2), "a whole number of at least 2")
        size = self.image_size
        fits = size is None or (self._is_whole("image_size", 8) and size % 8 == 0)
        self._require("image_size", fits, "a multiple of 8, or none")
        for name in ("learning_rate", "discriminator_learning_rate"):
            self._require(name, 0 < getattr(self, name) < float("inf"), "above 0")
        for name in ("first_moment", "second_moment", "averaging"):
            self._require(name, 0 <= getattr(self, name) < 1, "at least 0 and below 1")
        for name in ("decay_from", "last_rate"):
            self._require(name, 0 <= getattr(self, name) <= 1, "from 0 to 1")
        self._require("whole", isinstance(self.whole, bool), "true or false")
        self._require("extractor", self.extractor in (CLASSIFIER, INCEPTION), f"{CLASSIFIER!r} or {INCEPTION!r}")

    def _is_whole(self, name: str, least: int) -> bool:
        value = getattr(self, name)
        return isinstance(value, int) and not isinstance(value, bool) and value >= least

    def rate_share(self, step: int) -> float:
        """What both learning rates are multiplied by at a step of the discriminator, counted from 0."""
        done = step / (self.epochs * self.steps)
        if done <= self.decay_from or self.decay_from == 1:
            return 1.0
        return 1.0 - (1.0 - self.last_rate) * (done - self.decay_from) / (1.0 - self.decay_from)


_MAIN = "AlphaGAN code, train_geno_gan.py"
_README = "AlphaGAN code, README.md"
_OPTIONS = "AlphaGAN code, cfg_train.py"
_FUNCTIONS = "AlphaGAN code, functions.py"

FULL = GenerationProtocol(
    name="full",
    title="the recipe of the AlphaGAN code, on CIFAR-10",
    # 320 passes over the images, measured after every 20.
    epochs=16,
    steps=15_625,
    channels=256,
    discriminator_channels=128,
    latent=128,
    batch=64,
    generator_batch=128,
    critic_steps=5,
    learning_rate=2e-4,
    discriminator_learning_rate=2e-4,
    first_moment=0.0,
    second_moment=0.9,
    decay_from=1.0,
    last_rate=0.01,
    averaging=0.999,
    whole=True,
    extractor=INCEPTION,
    samples=50_000,
    sources={
        **dict.fromkeys(("last_rate", "whole"), _MAIN),
        **dict.fromkeys(("epochs", "steps", "image_size"), _README),
        **dict.fromkeys(("channels", "discriminator_channels", "latent", "batch", "generator_batch"), _README),
        **dict.fromkeys(("critic_steps", "learning_rate", "discriminator_learning_rate"), _README),
        **dict.fromkeys(("first_moment", "second_moment"), _README),
        **dict.fromkeys(("averaging", "extractor"), _FUNCTIONS),
        **dict.fromkeys(("samples", "decay_from"), _OPTIONS),
    },
)
"""How the authors train a generator on CIFAR-10: a day on a GPU."""

_STL10 = FULL.changed(
    "the recipe of the AlphaGAN code, on STL-10, measured 16 times",
    # The code measures after every 20 passes there too, which are no whole number of these 400,000 steps.
    {"epochs": 16, "steps": 25_000, "image_size": 48, "first_moment": 0.5},
    dict.fromkeys(("image_size", "first_moment"), _README),
)

MINI = FULL.changed(
    "a miniature of seconds: its distances compare only with each other",
    {
        "name": "mini",
        "epochs": 5,
        "steps": 160,
        "image_size": 8,
        "channels": 16,
        "discriminator_channels": 32,
        "latent": 32,
        "batch": 32,
        "generator_batch": 64,
        # With the rates and the five steps of the code, images were still farther from digits than noise after a
        # thousand steps.
        "critic_steps": 1,
        "learning_rate": 1e-3,
        "discriminator_learning_rate": 2e-3,
        "decay_from": 0.0,
        "last_rate": 0.0,
        "averaging": 0.99,
        "whole": False,
        "extractor": CLASSIFIER,
        "samples": 1000,
    },
    {},
)
"""What one CPU core can do, for the digits: images of 8 pixels (16 of other data sets), narrow networks, a step of the
generator for each of the discriminator, larger rates that fall to nothing."""


def generation_protocol(name: str, dataset: str) -> GenerationProtocol:
    """The protocol of a name for a data set.

    Raises:
        UnknownName: There is no protocol of this name.
    """
    if name == "mini":
        return MINI if dataset == DIGITS else replace(MINI, image_size=16)
    if name != "full":
        raise unknown_name("protocol", name, ("full", "mini"))
    if dataset == CIFAR10:
        return FULL
    if dataset == STL10:
        return _STL10
    # Grey images are nothing that Inception was trained on.
    extractor = INCEPTION if dataset == PNG_FOLDER else CLASSIFIER
    whole = IMAGE_SETS[dataset].has_test_part
    changes: dict[str, Any] = {"image_size": 32, "extractor": extractor, "whole": whole}
    return FULL.changed(f"the recipe of the AlphaGAN code for CIFAR-10, on {dataset}", changes, {})
