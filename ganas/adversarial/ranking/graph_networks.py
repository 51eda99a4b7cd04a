"""Rankers that read the labelled graph alone, by a graph convolution or a recurrent network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganas.adversarial.discriminator import Discriminator
from ganas.adversarial.saved_state import load_state_arrays, state_arrays
from ganas.bench.graph_encoder.batch import GraphTensors
from ganas.spaces.architecture import Architecture
from ganas.spaces.space import Space

if TYPE_CHECKING:
    from ganas.adversarial.search_settings import GANASSettings

__all__ = ["GraphNetworks"]


class GraphNetworks:
    """Several discriminators of :class:`~ganas.adversarial.discriminator.Discriminator`, read as rankers.

    Args:
        space: The space.
        settings: Of the strategy: the encoder, how many networks, and their sizes.
        random: Draws the first weights.
    """

    def __init__(self, space: Space, settings: GANASSettings, *, random: torch.Generator) -> None:
        if settings.encoder == "features":
            raise ValueError("networks on graphs need a graph encoder")
        self.space = space
        self._networks = [
            Discriminator(
                space,
                hidden=settings.network_hidden,
                layers=settings.generator_layers,
                encoder=settings.encoder,
                kind="unary",
                generator=random,
            )
            for _ in range(settings.networks)
        ]
        parameters = [parameter for network in self._networks for parameter in network.parameters()]
        self._optimizer = torch.optim.Adam(parameters, lr=1e-3)

    def _forward(self, graphs: GraphTensors) -> torch.Tensor:
        return torch.stack([network.rank(graphs) for network in self._networks])

    def step(
        self,
        architectures: Sequence[Architecture],
        gradient_of: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    ) -> None:
        """Take one step of Adam; ``gradient_of`` gives the gradient of the loss by the scores, (networks, count)."""
        scores = self._forward(GraphTensors.from_architectures(self.space, architectures))
        self._optimizer.zero_grad()
        scores.backward(torch.from_numpy(gradient_of(scores.detach().numpy())))  # type: ignore[no-untyped-call]
        self._optimizer.step()

    @torch.no_grad()
    def score(self, architectures: Sequence[Architecture]) -> NDArray[np.float32]:
        """Scores, (networks, count)."""
        scores: NDArray[np.float32] = self._forward(GraphTensors.from_architectures(self.space, architectures)).numpy()
        return scores

    def state(self) -> dict[str, Any]:
        """Weights and optimizer."""
        return {
            "networks": [state_arrays(network) for network in self._networks],
            "optimizer": state_arrays(self._optimizer),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state."""
        for network, saved in zip(self._networks, state["networks"], strict=True):
            load_state_arrays(network, saved)
        load_state_arrays(self._optimizer, state["optimizer"])
