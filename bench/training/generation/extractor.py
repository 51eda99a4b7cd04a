"""What images are compared in: the features and class probabilities of a network that is trained already."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import torch

__all__ = ["Extracted", "Extractor"]


class Extracted(NamedTuple):
    """What a network says of images.

    Attributes:
        features: (count, features).
        probabilities: Of the classes, (count, classes).
    """

    features: torch.Tensor
    probabilities: torch.Tensor


class Extractor(ABC):
    """A network that is trained already. Scores compare only where they come from the same one.

    Attributes:
        distance_name: What a Frechet distance in its features is called.
        score_name: What an Inception Score from its classes is called.
        features: How many features it has.
        classes: How many classes it has.
    """

    distance_name: str
    score_name: str
    features: int
    classes: int

    @property
    @abstractmethod
    def weights_digest(self) -> str:
        """Hexadecimal SHA-256 of its weights."""

    @abstractmethod
    def extract(self, pixels: torch.Tensor) -> Extracted:
        """Look at images; nothing is random, and no image changes what is said of another.

        Args:
            pixels: Bytes, (count, channels, size, size).

        Raises:
            DataError: They have another size or number of channels than the network reads.
        """

    def move_to(self, device: str) -> None:  # noqa: B027  a small network computes on the CPU anyway
        """Compute on a device of torch, where that pays."""

    def facts(self) -> dict[str, Any]:
        """What is to be known beside every score, as JSON values."""
        return {"extractor_weights_sha256": self.weights_digest}
