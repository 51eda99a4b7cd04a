"""The recurrent networks of architectures, as language models use them."""

from __future__ import annotations

from torch import Tensor, nn

from ganas.bench.training.language.model import Core, LSTMCore, State
from ganas.bench.training.language.protocol import LanguageProtocol
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import NotSupported
from ganas.spaces.rnn.layer import INITIAL_RANGE, Masks, RecurrentLayer, RecurrentState, SequenceLayer
from ganas.spaces.rnn.space import RecurrentSpace
from ganas.spaces.space import Space

__all__ = ["RecurrentCore", "lstm_core", "recurrent_core"]


class RecurrentCore(Core):
    """A layer of :mod:`ganas.spaces.rnn.layer`; what it carries on are hidden states and inputs."""

    dropped = ("layer.node_weights",)

    def __init__(self, layer: SequenceLayer) -> None:
        super().__init__()
        self.layer = layer

    def begin(self, like: Tensor, batch: int) -> State:
        """Zeros."""
        return tuple(self.layer.initial_state(like.new_empty(1, batch, self.layer.size)))

    def forward(
        self, inputs: Tensor, state: State, x_mask: Tensor | None, h_mask: Tensor | None
    ) -> tuple[Tensor, State]:
        """Read a batch."""
        outputs, carried = self.layer(inputs, RecurrentState(*state), Masks(h_mask, x_mask))
        return outputs, tuple(carried)


def recurrent_core(space: Space, architecture: Architecture, protocol: LanguageProtocol) -> RecurrentCore:
    """The network of an architecture of a recurrent space, its weights drawn from torch's global generator.

    Raises:
        NotSupported: The space has other architectures.
    """
    if not isinstance(space, RecurrentSpace):
        raise NotSupported(f"{space.name!r} is no recurrent space: its architectures are no language models")
    layer = RecurrentLayer(space.genotype(architecture), protocol.hidden, window=space.layout.window)
    if protocol.initial != INITIAL_RANGE:
        for weights in layer.parameters():
            nn.init.uniform_(weights, -protocol.initial, protocol.initial)
    return RecurrentCore(layer)


def lstm_core(space: Space, architecture: Architecture | None, protocol: LanguageProtocol) -> LSTMCore:
    """An LSTM of the same size, to compare with; there is no architecture of it in a space."""
    return LSTMCore(protocol.hidden)
