"""ESS: differentiable search of recurrent cells and of the connections between them, one alone or both together.

Y. Li et al., "Learning Architectures from an Extended Search Space for Language Modeling", ACL 2020,
https://arxiv.org/abs/2005.02593. What is known to this project of the paper are its two spaces and that both are
searched together in a differentiable system; the algorithm is that of H. Liu, K. Simonyan and Y. Yang, "DARTS:
Differentiable Architecture Search", ICLR 2019, https://arxiv.org/abs/1806.09055, with the code of its authors, applied
to both. Everything else is ours (ESS-style).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import InvalidSetting, NotSupported
from ganas.spaces.rnn.genotype import PLAIN, Connections, RecurrentCell
from ganas.spaces.rnn.published import PUBLISHED
from ganas.spaces.rnn.space import RecurrentSpace
from ganas.strategies.one_shot.ess_settings import VANILLA, ESSSettings
from ganas.strategies.one_shot.one_shot_search import OneShotSearch
from ganas.strategy import Problem, Settings

if TYPE_CHECKING:
    from ganas.bench.training.devices import Compute
    from ganas.bench.training.language.searching import LanguageSearchProtocol, LanguageTrainingTask
    from ganas.strategies.one_shot.relaxed_language_model import RelaxedLanguageModel

__all__ = ["ESS"]


class ESS(OneShotSearch):
    """Trains one relaxed language model, and proposes what it discretises to.

    Every ``ask`` trains it for an epoch (``epochs_per_proposal``) and gives one architecture, whatever the count
    asked for; after the last epoch it gives none. Values are not learned from: what it is told changes nothing. All
    that is random comes from ``rng``, so the same seed gives the same search on one kind of processor.
    """

    name: ClassVar[str] = "ess"
    title: ClassVar[str] = "ESS-style: differentiable search of recurrent cells and their connections (Li et al., 2020)"
    settings_class: ClassVar[type[Settings]] = ESSSettings
    diagnostic_titles: ClassVar[Mapping[str, str]] = {
        "weight_loss": "Loss of the relaxed network on the half that its weights learn from, nats a word",
        "architecture_loss": "Loss of the relaxed network on the half that the architecture learns from, nats a word",
        "entropy": "Entropy of the choices, 1 when undecided and 0 when decided",
    }
    diagnostic_note: ClassVar[str] = (
        "Both losses are means over an epoch with dropout. An architecture loss that rises while the weight loss falls "
        "says that the weights learn their half by heart; an entropy near 1 at the end, that hardly anything was "
        "decided and that the discretised architecture says little about the relaxed one."
    )

    _task: LanguageTrainingTask
    _recipe: LanguageSearchProtocol

    def __init__(self, problem: Problem, *, rng: np.random.Generator, settings: Settings | None = None) -> None:
        super().__init__(problem, rng=rng, settings=settings)
        space, part = self._space, self._chosen.part
        if part == "sequential" and self._recipe.epochs < 2:
            raise InvalidSetting(f"a sequential search needs at least 2 epochs, not {self._recipe.epochs}")
        for name, fixed, only in (
            ("cell", space.fixed_cell, "inter"),
            ("connections", space.fixed_connections, "intra"),
        ):
            if fixed is not None and part != only:
                raise InvalidSetting(
                    f"{space.name!r} has only one choice of {name}: part must be {only!r}, not {part!r}"
                )
        if part == "inter":
            self._fixed_cell()
        self._found_cell: RecurrentCell | None = None
        self._model: RelaxedLanguageModel | None = None

    def _supported(self, problem: Problem) -> LanguageTrainingTask:
        from ganas.bench.training.language.searching import LanguageTrainingTask

        task, space = problem.training_task, problem.space
        if not isinstance(space, RecurrentSpace):
            raise NotSupported(f"ess searches recurrent spaces, such as rnn, and not {space.name!r}")
        if not isinstance(task, LanguageTrainingTask):
            raise NotSupported("ess learns from the training text of a trainer, such as train-rnn-bbcnews")
        self._space, self._chosen = space, cast("ESSSettings", self.settings)
        return task

    # --- training ----------------------------------------------------------------------------------------------------

    def _train(self, compute: Compute) -> dict[str, float]:
        """Losses of an epoch, and how undecided the architecture then is."""
        model = self._prepared(compute)
        before = model.state()
        losses = self._until_finite(lambda: model.epoch(rng=self.rng), lambda: model.load_state(before))
        if self._chosen.part == "sequential" and self._done + 1 == self._switch:
            self._found_cell = model.genotype().cell
        return {
            "weight_loss": losses.weights,
            "architecture_loss": losses.architecture,
            "entropy": model.entropy(),
        }

    def _proposal(self) -> Architecture:
        """What the relaxed network discretises to."""
        assert self._model is not None  # an epoch was trained
        return self._space.from_genotype(self._model.genotype())

    @property
    def _switch(self) -> int:
        """The epoch after which a sequential search goes on with the cell that it found."""
        return self._recipe.epochs // 2

    def _prepared(self, compute: Compute) -> RelaxedLanguageModel:
        """The network for the next epoch."""
        if self._model is None or (self._chosen.part == "sequential" and self._done == self._switch):
            self._model = self._new_model(compute)
        return self._model

    def _new_model(self, compute: Compute) -> RelaxedLanguageModel:
        """A network for the part of the search that has come to; its weights are drawn from the generator."""
        import torch

        from ganas.strategies.one_shot.relaxed_language_model import Relaxation, RelaxedLanguageModel

        cell, connections = self._kept()
        relaxation = Relaxation(
            self._space.layout,
            cell,
            connections,
            self._chosen.softmax,
            self._chosen.batch_norm,
            self._chosen.order,
            self._chosen.part == "alternating",
        )
        torch.manual_seed(int(self.rng.integers(2**63)))
        return RelaxedLanguageModel(self._task.halves(), self._recipe, relaxation, compute)

    def _kept(self) -> tuple[RecurrentCell | None, Connections | None]:
        """The cell and the connections that are not searched now."""
        part = self._chosen.part
        if part == "inter":
            return self._fixed_cell(), None
        if part == "intra" or (part == "sequential" and self._done < self._switch):
            return None, self._space.fixed_connections or PLAIN
        return self._found_cell, None

    def _fixed_cell(self) -> RecurrentCell:
        """The cell of a search of connections only."""
        if self._space.fixed_cell is not None:
            return self._space.fixed_cell
        layout, name = self._space.layout, self._chosen.cell
        if name == VANILLA:
            nodes: tuple[tuple[str, int], ...] = tuple(("tanh", node) for node in range(layout.nodes))
        else:
            nodes = PUBLISHED[name].nodes[: layout.nodes]
        if len(nodes) < layout.nodes:
            raise InvalidSetting(
                f"the cell {name!r} has {len(nodes)} nodes, and those of {self._space.name!r} have {layout.nodes}: "
                f"set cell to ENAS or {VANILLA}"
            )
        return RecurrentCell(nodes, layout.concat)

    # --- saving ------------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """The network with its optimisers, and how far the search is."""
        return {
            **super().state(),
            "found_cell": None if self._found_cell is None else [list(pair) for pair in self._found_cell.nodes],
            "model": None if self._model is None else self._model.state(),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on with a saved network; see :meth:`OneShotSearch.load_state`."""
        super().load_state(state)
        nodes = state["found_cell"]
        self._found_cell = (
            None
            if nodes is None
            else RecurrentCell(tuple((str(name), int(source)) for name, source in nodes), self._space.layout.concat)
        )
        self._model = None
        if state["model"] is None:
            return
        with self._restoring() as compute:
            done = self._done
            # The network that was saved was made before the epoch that came last.
            self._done = max(0, done - 1)
            self._model = self._new_model(compute)
            self._done = done
        self._model.load_state(state["model"])
