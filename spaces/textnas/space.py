"""The space of TextNAS: layers of eight operators on text, each with one input and skip connections.

Sources and terms are in :mod:`ganas.spaces.textnas.genotype`, the notation in :mod:`ganas.spaces.textnas.notation`, the
DAG in :mod:`ganas.spaces.textnas.wiring`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from operator import index, mul
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.architecture import Architecture
from ganas.spaces.building import Builder, Decision
from ganas.spaces.errors import InvalidArchitecture, WrongSpace
from ganas.spaces.space import Genotype, Space, positive_count
from ganas.spaces.textnas import notation
from ganas.spaces.textnas.builder import TextBuilder, schedule, sequences_of_codes
from ganas.spaces.textnas.genotype import WINDOW, TextGenotype, num_offsets
from ganas.spaces.textnas.parameters import num_parameters
from ganas.spaces.textnas.wiring import LABELS, Layout, make_layout

if TYPE_CHECKING:
    import torch

__all__ = ["TextNAS", "TextNASMini", "TextSpace"]


class TextSpace(Space):
    """Text networks of one size.

    A subclass says which::

        class Deep(TextSpace, name="deep", title="...", layers=48): ...

    Its arguments are ``name``, ``title``, ``layers`` (L) and ``window`` (how many layers back an operator may read).

    The genotype is the code of the official files: for each layer i, from 0, its offset, its operator and i skip bits
    (:class:`~ganas.spaces.textnas.wiring.Layout`), L (L + 3) / 2 numbers. All are valid, and their number is
    8^L 2^(L (L - 1) / 2) times the product of min(i, window) over the layers i from 1. Two architectures are the same
    entry only if their genotypes are equal: a skip connection from the layer that the operator reads is another network
    than none. ``canonical_key`` is also the same for networks that differ in the order of their layers.

    :meth:`sample` draws uniformly from all genotypes, so half of the skip bits are set.
    """

    layout: ClassVar[Layout]
    """Where everything is in the DAG and in a code."""
    operations: ClassVar[tuple[str, ...]] = LABELS
    has_parameter_count: ClassVar[bool] = True

    def __init_subclass__(
        cls, *, name: str = "", title: str = "", layers: int = 24, window: int = WINDOW, **keywords: Any
    ) -> None:
        """Set the class attributes; a subclass that gives no ``name`` keeps those of its base.

        Raises:
            InvalidSetting: A number is out of range.
        """
        super().__init_subclass__(**keywords)
        if not name:
            return
        cls.name, cls.title, cls.layout = name, title, make_layout(layers, window)
        cls.max_nodes = cls.layout.num_nodes
        cls.choices = cls.layout.choices
        cls.size = math.prod(cls.choices)

    # --- notation and genotype -------------------------------------------------------------------------------

    def parse(self, text: str) -> Architecture:
        """Read rows such as ``0 5; 1 7 0; 1 3 0 0``, or a published name; see :mod:`ganas.spaces.textnas.notation`.

        An offset beyond the first layer or outside the window is read as 0.

        Raises:
            MalformedArchitecture: It is neither, or a number is out of range.
            InvalidArchitecture: It has another number of layers.
        """
        return self.from_genotype(notation.parse_genotype(text, self.layout.window))

    def format(self, architecture: Architecture) -> str:
        """Write the rows in one line."""
        return notation.format_genotype(self.genotype(architecture))

    def genotype(self, architecture: Architecture) -> TextGenotype:
        """The layers, as networks take them."""
        return self.layout.genotype(self.encode(architecture))

    def from_genotype(self, genotype: TextGenotype) -> Architecture:
        """The architecture with these layers.

        Raises:
            InvalidArchitecture: It has another number of layers, or a layer reads what is not in the window.
        """
        if len(genotype.layers) != self.layout.layers:
            raise InvalidArchitecture(
                f"the number of layers is {len(genotype.layers)}, and that of {self.name!r} is {self.layout.layers}"
            )
        for number, layer in enumerate(genotype.layers):
            count = num_offsets(number, self.layout.window)
            if layer.offset >= count:
                raise InvalidArchitecture(
                    f"layer {number} has the offset {layer.offset}: in {self.name!r} it can have 0 to {count - 1}"
                )
        return self.decode(self.layout.code(genotype))

    def encode(self, architecture: Architecture) -> Genotype:
        """The code, row by row."""
        if architecture.space != self.name:
            raise WrongSpace(f"an architecture of {self.name!r} is wanted, not of {architecture.space!r}")
        labels, edges = architecture.operations, architecture.edges
        code = self.layout.code_of_graph(labels, edges)
        known = architecture.identity is not None
        if code is None or not (known or (not architecture.cells and self.layout.graph(code) == (labels, edges))):
            raise InvalidArchitecture(f"{architecture!r} does not have the nodes and edges of {self.name!r}")
        return code

    def decode(self, genotype: Sequence[int]) -> Architecture:
        """The architecture with this code."""
        try:
            # Plain ints: the rank overflows the integers of numpy.
            values = [index(value) for value in genotype]
        except TypeError:
            values = []
        if not self.is_valid(values):
            raise InvalidArchitecture(self._why_not(values))
        labels, edges = self.layout.graph(values)
        return Architecture.trusted(self.name, labels, edges, identity=sum(map(mul, values, self.radix)))

    def _why_not(self, values: Sequence[int]) -> str:
        """What is wrong with a genotype that is not valid."""
        if len(values) != len(self.choices):
            return f"a genotype of {self.name!r} has {len(self.choices)} whole numbers, not {len(values)}"
        place = next(place for place, value in enumerate(values) if not 0 <= value < self.choices[place])
        return (
            f"number {place} of a genotype of {self.name!r} can be 0 to {self.choices[place] - 1}, not {values[place]}"
        )

    # --- counting and drawing ----------------------------------------------------------------------------------

    def enumerate(self) -> Iterator[Architecture]:
        """All architectures in the order of their genotypes."""
        return map(self.decode, itertools.product(*map(range, self.choices)))

    def sample(self, count: int, *, rng: np.random.Generator) -> list[Architecture]:
        """Draw uniformly from all genotypes, with replacement."""
        genotypes = rng.integers(self.choices, size=(positive_count(count), len(self.choices))).tolist()
        return [self.decode(genotype) for genotype in genotypes]

    # --- variation -------------------------------------------------------------------------------------------------

    def mutate(self, architecture: Architecture, *, rng: np.random.Generator) -> Architecture:
        """Change one operator, one offset or one skip bit.

        Which of the three is drawn uniformly, then the place among those of that kind that have a choice, then the
        other value. A uniform place alone would be a skip bit 85 times in 100 with 24 layers. (Ours: no mutation is
        published.)
        """
        places = self._places_by_kind[int(rng.integers(len(self._places_by_kind)))]
        place = places[int(rng.integers(len(places)))]
        code = list(self.encode(architecture))
        value = int(rng.integers(self.choices[place] - 1))
        code[place] = value + (value >= code[place])
        return self.decode(code)

    def crossover(self, first: Architecture, second: Architecture, *, rng: np.random.Generator) -> Architecture:
        """Take each layer, its offset, operator and skip bits together, from one of two parents at random."""
        codes = (self.encode(first), self.encode(second))
        picks = rng.integers(2, size=self.layout.layers).tolist()
        return self.decode(
            [value for pick, row in zip(picks, self.layout.rows, strict=True) for value in codes[pick][row]]
        )

    @cached_property
    def _places_by_kind(self) -> list[list[int]]:
        """Where operators, offsets and skip bits stand in a code, without those that have one value."""
        starts = [row.start for row in self.layout.rows]
        offsets = [start for start in starts if self.choices[start] > 1]
        skips = [place for row in self.layout.rows for place in range(row.start + 2, row.stop)]
        return [places for places in ([start + 1 for start in starts], offsets, skips) if places]

    # --- building step by step ---------------------------------------------------------------------------------------

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        """For each layer its operator, a bit for each layer that this may read, a bit for each earlier layer."""
        return schedule(self.layout)

    def builder(self, batch_size: int) -> Builder:
        """Start a batch with the input placed; see :mod:`ganas.spaces.textnas.builder`."""
        return TextBuilder(self, batch_size)

    def building_sequences(self, architectures: Sequence[Architecture]) -> NDArray[np.int64]:
        """The choices that build each architecture, (count, len(decisions))."""
        return sequences_of_codes(self.layout, self.encode_many(architectures))

    # --- network -----------------------------------------------------------------------------------------------------

    def parameter_count(
        self, architecture: Architecture, *, num_classes: int = 5, channels: int = 256, inputs: int = 300
    ) -> int:
        """Parameters of :meth:`network`."""
        return num_parameters(self.genotype(architecture), channels=channels, inputs=inputs, num_classes=num_classes)

    def network(
        self, architecture: Architecture, *, num_classes: int = 5, channels: int = 256, inputs: int = 300
    ) -> torch.nn.Module:
        """The classifier of embedded words, by default of the size that the official scripts train on SST-5.

        Args:
            architecture: The architecture.
            num_classes: How many classes there are.
            channels: Of every layer.
            inputs: Length of the embedding of a word; the embedding itself is not part of the network.

        See :mod:`ganas.spaces.textnas.network` for more settings.
        """
        from ganas.spaces.textnas.network import build_network

        return build_network(self.genotype(architecture), num_classes=num_classes, channels=channels, inputs=inputs)


class TextNAS(
    TextSpace,
    name="textnas",
    title="TextNAS: 24 layers of 8 operators on text, inputs from 5 layers back, skips (Wang et al., 2020)",
):
    """The space of the paper: 24 layers.

    >>> space = TextNAS()
    >>> round(math.log10(space.size), 2), len(space.choices)
    (119.42, 324)
    >>> space.format(space.parse("released"))[:30]
    '0 5; 0 7 0; 1 3 0 0; 0 6 0 1 1'
    """


class TextNASMini(
    TextSpace,
    name="textnas-mini",
    title="The space of TextNAS in miniature: 6 layers",
    layers=6,
):
    """The space in miniature, for training in seconds: 6 layers.

    >>> TextNASMini().size
    1030792151040
    """
