"""The recurrent spaces: the cell of DARTS together with what of the history it reads.

The parts, their sources, and what of them is this project's own are in :mod:`ganas.spaces.rnn.genotype`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from operator import index
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.architecture import Architecture
from ganas.spaces.building import Builder, Decision
from ganas.spaces.errors import InvalidArchitecture, InvalidSetting, WrongSpace
from ganas.spaces.rnn import notation
from ganas.spaces.rnn.builder import RecurrentBuilder, schedule, sequences_of_codes
from ganas.spaces.rnn.genotype import PLAIN, Connections, RecurrentCell, RecurrentGenotype, num_parameters
from ganas.spaces.rnn.published import PUBLISHED
from ganas.spaces.rnn.wiring import Layout, make_layout
from ganas.spaces.space import Genotype, Space, positive_count

if TYPE_CHECKING:
    import torch

__all__ = ["RNN", "RNNENAS", "RNNMini", "RecurrentSpace"]


class RecurrentSpace(Space):
    """Recurrent architectures of one size.

    A subclass says which::

        class OneStepBack(RecurrentSpace, name="one-step-back", title="...", nodes=4, window=1): ...

    Its arguments are ``name``, ``title``, ``nodes`` (of the cell, N), ``window`` (how many steps back it reads, m) and
    ``concat`` (the nodes whose mean is the output, by default all). A part of the architecture may be fixed: with
    ``cell`` only connections are searched, with ``connections`` only cells; with
    ``connections=ganas.spaces.rnn.genotype.PLAIN`` it is the space of DARTS.

    The genotype lists the activation of node 1, then for each further node its activation and the node that it reads,
    then one number for each of the four terms (:class:`~ganas.spaces.rnn.wiring.Layout`); fixed parts are left out.
    All are valid, and their number is 4^N N! (4 m)^2 (4 m + 1)^2. Two architectures are the same entry only if their
    genotypes are equal; ``canonical_key`` is also the same for cells that differ in the order of their nodes.

    :meth:`sample` draws uniformly from all genotypes. Every identity is an operation of its own: with the gate of a
    node it is no skip.
    """

    layout: ClassVar[Layout]
    """Where everything is in the DAG and in a code."""
    fixed_cell: ClassVar[RecurrentCell | None]
    """The cell of every architecture, if there is only one."""
    fixed_connections: ClassVar[Connections | None]
    """The connections of every architecture, if there are only these."""
    zero_operations: ClassVar[frozenset[str]] = frozenset({"none"})
    has_parameter_count: ClassVar[bool] = True

    def __init_subclass__(
        cls,
        *,
        name: str = "",
        title: str = "",
        nodes: int = 8,
        window: int = 2,
        concat: tuple[int, ...] | None = None,
        cell: RecurrentCell | None = None,
        connections: Connections | None = None,
        **keywords: Any,
    ) -> None:
        """Set the class attributes; a subclass that gives no ``name`` keeps those of its base.

        Raises:
            InvalidSetting: A count is out of range, or both parts are fixed.
            InvalidArchitecture: A fixed part does not fit the sizes.
        """
        super().__init_subclass__(**keywords)
        if not name:
            return
        layout = make_layout(nodes, window, concat)
        if cell is not None and connections is not None:
            raise InvalidSetting(f"{name!r} fixes both the cell and the connections: there is nothing to search")
        filler = RecurrentCell((("tanh", 0),) * nodes, layout.concat)
        notation.require_fit(RecurrentGenotype(cell or filler, connections or PLAIN), layout, f"what {name!r} fixes")
        cls.name, cls.title = name, title
        cls.layout, cls.fixed_cell, cls.fixed_connections = layout, cell, connections
        cls.operations, cls.max_nodes, cls.longest_path = layout.operations, layout.num_nodes, nodes + 3
        cell_choices, connection_choices = layout.choices[: layout.cell_choices], layout.choices[layout.cell_choices :]
        cls.choices = (() if cell is not None else cell_choices) + (
            () if connections is not None else connection_choices
        )
        cls.size = math.prod(cls.choices)

    # --- notation and genotype -------------------------------------------------------------------------------

    def parse(self, text: str) -> Architecture:
        """Read a line, a recurrent genotype of DARTS, or a published name: see :mod:`ganas.spaces.rnn.notation`.

        Raises:
            MalformedArchitecture: It is none of these.
            InvalidArchitecture: It is of another size, or differs from what the space fixes.
        """
        return self.from_genotype(notation.parse_genotype(text, self.layout))

    def format(self, architecture: Architecture) -> str:
        """Write a line such as ``tanh.0,relu.1/h=identity.h1/x=identity.x0``."""
        return notation.format_genotype(self.genotype(architecture))

    def genotype(self, architecture: Architecture) -> RecurrentGenotype:
        """The cell and the connections, as networks take them."""
        return self.layout.genotype(self.full_code(self.encode(architecture)))

    def from_genotype(self, genotype: RecurrentGenotype) -> Architecture:
        """The architecture with this cell and these connections.

        Raises:
            InvalidArchitecture: It is of another size, has an unknown operation, or differs from what the space fixes.
        """
        notation.require_fit(genotype, self.layout, "the genotype")
        try:
            code = self.layout.code(genotype)
        except ValueError:
            raise InvalidArchitecture(f"the genotype has an unknown operation: {genotype}") from None
        for part, own, fixed in (
            ("cell", genotype.cell, self.fixed_cell),
            ("connections", genotype.connections, self.fixed_connections),
        ):
            if fixed is not None and own != fixed:
                raise InvalidArchitecture(f"{self.name!r} has only one choice of {part}, which is another one")
        return self.decode(self.free_code(code))

    def encode(self, architecture: Architecture) -> Genotype:
        """The choices that are not fixed."""
        if architecture.space != self.name:
            raise WrongSpace(f"an architecture of {self.name!r} is wanted, not of {architecture.space!r}")
        if architecture.identity is not None:
            rank = architecture.identity
            return tuple([rank // place % count for place, count in zip(self.radix, self.choices, strict=True)])
        code = self.layout.code_of_graph(architecture.operations, architecture.edges)
        if code is not None and architecture.cells == self.layout.cells:
            found = self.free_code(code)
            if self.layout.graph(self.full_code(found)) == (architecture.operations, architecture.edges):
                return found
        raise InvalidArchitecture(f"{architecture!r} does not have the nodes and edges of {self.name!r}")

    def decode(self, genotype: Sequence[int]) -> Architecture:
        """The architecture with these choices."""
        try:
            # Plain ints: the rank overflows the small integers of numpy.
            values = tuple([index(value) for value in genotype])
        except TypeError:
            values = ()
        if not self.is_valid(values):
            raise InvalidArchitecture(f"{genotype!r} is not a genotype of {self.name!r}: choices are {self.choices}")
        labels, edges = self.layout.graph(self.full_code(values))
        rank = sum(value * place for value, place in zip(values, self.radix, strict=True))
        return Architecture.trusted(self.name, labels, edges, self.layout.cells, rank)

    def full_code(self, genotype: Sequence[int]) -> tuple[int, ...]:
        """The code of a genotype, what is fixed put in."""
        fixed = self._fixed_code
        place = self.layout.cell_choices
        if self.fixed_cell is not None:
            return (*fixed[:place], *genotype)
        if self.fixed_connections is not None:
            return (*genotype, *fixed[place:])
        return tuple(genotype)

    def free_code(self, code: tuple[int, ...]) -> Genotype:
        """The genotype of a code."""
        place = self.layout.cell_choices
        if self.fixed_cell is not None:
            return code[place:]
        return code[:place] if self.fixed_connections is not None else code

    @cached_property
    def _fixed_code(self) -> tuple[int, ...]:
        cell = self.fixed_cell or RecurrentCell((("tanh", 0),) * self.layout.nodes, self.layout.concat)
        return self.layout.code(RecurrentGenotype(cell, self.fixed_connections or PLAIN))

    # --- counting and drawing ----------------------------------------------------------------------------------

    def enumerate(self) -> Iterator[Architecture]:
        """All architectures in the order of their genotypes."""
        return map(self.decode, itertools.product(*map(range, self.choices)))

    def sample(self, count: int, *, rng: np.random.Generator) -> list[Architecture]:
        """Draw uniformly from all genotypes, with replacement."""
        genotypes = rng.integers(self.choices, size=(positive_count(count), len(self.choices))).tolist()
        return [self.decode(genotype) for genotype in genotypes]

    # --- keys ----------------------------------------------------------------------------------------------------

    def functional_key(self, architecture: Architecture) -> bytes:
        """A certificate of the function: absent terms and nodes that do not reach the output are left out."""
        layout = self.layout
        if len(layout.concat) == layout.nodes:
            return super().functional_key(architecture)
        # A node that is neither joined nor read looks like an output, and is none.
        labels = architecture.operations
        live = {node for node, label in enumerate(labels) if label == "output"}
        for source, target in reversed(architecture.edges):  # numbered in topological order: one pass is enough
            if target in live:
                live.add(source)
        number = {node: place for place, node in enumerate(sorted(live))}
        return super().functional_key(
            Architecture(
                architecture.space,
                [labels[node] for node in number],
                [(number[source], number[target]) for source, target in architecture.edges if target in live],
                [architecture.cells[node] for node in number],
            )
        )

    # --- building step by step ---------------------------------------------------------------------------------------

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        """For each term and each node its operation, then one bit for each source that it may read."""
        return schedule(self)

    def builder(self, batch_size: int) -> Builder:
        """Start a batch with the sources placed; see :mod:`ganas.spaces.rnn.builder`."""
        return RecurrentBuilder(self, batch_size)

    def building_sequences(self, architectures: Sequence[Architecture]) -> NDArray[np.int64]:
        """The choices that build each architecture, (count, len(decisions))."""
        codes = np.array([self.full_code(self.encode(one)) for one in architectures], dtype=np.int64)
        return sequences_of_codes(self, codes.reshape(len(architectures), len(self.layout.choices)))

    # --- network -----------------------------------------------------------------------------------------------------

    def parameter_count(self, architecture: Architecture, *, num_classes: int = 10_000, hidden: int = 850) -> int:
        """Parameters of :meth:`network`."""
        return num_parameters(self.genotype(architecture), vocabulary=num_classes, hidden=hidden)

    def network(self, architecture: Architecture, *, num_classes: int = 10_000, hidden: int = 850) -> torch.nn.Module:
        """The language model, by default of the size that DARTS trains on the Penn Treebank.

        Args:
            architecture: The architecture.
            num_classes: Words of the vocabulary.
            hidden: Size of the embedding and of the hidden state.

        See :mod:`ganas.spaces.rnn.network` for more settings.
        """
        from ganas.spaces.rnn.network import build_network

        return build_network(
            self.genotype(architecture), vocabulary=num_classes, hidden=hidden, window=self.layout.window
        )


class RNN(
    RecurrentSpace,
    name="rnn",
    title="Recurrent cells of DARTS, 8 nodes, and their connections through 2 steps (ESS-style; Li et al., 2020)",
):
    """The joint space: cells of 8 nodes, as in DARTS, and connections through two steps.

    >>> space = RNN()
    >>> space.size == 2_642_411_520 * 5_184
    True
    >>> space.format(space.parse("DARTS_V2"))
    'sigmoid.0,relu.1,relu.1,identity.1,tanh.2,sigmoid.5,tanh.3,relu.5/h=identity.h1/x=identity.x0'
    """


class RNNMini(
    RecurrentSpace,
    name="rnn-mini",
    title="Recurrent cells of 3 nodes, and their connections through 2 steps: the joint space in miniature",
    nodes=3,
):
    """The joint space in miniature, for training in seconds: cells of 3 nodes and connections through two steps.

    >>> RNNMini().size
    1990656
    """


class RNNENAS(
    RecurrentSpace,
    name="rnn-enas",
    title="Recurrent cells of 11 nodes, the output that of the ENAS cell, and their connections through 2 steps",
    nodes=11,
    concat=PUBLISHED["ENAS"].concat,
):
    """Cells of the size of the published ENAS cell, whose output is the mean of six nodes, in the joint space.

    >>> RNNENAS().format(RNNENAS().parse("ENAS")).split("/")[0]
    'tanh.0,tanh.1,relu.1,tanh.3,tanh.3,relu.3,relu.4,relu.7,relu.8,relu.8,relu.8'
    """
