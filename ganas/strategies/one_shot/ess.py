"""ESS: differentiable search of recurrent cells and of the connections between them, one alone or both together.

Y. Li et al., "Learning Architectures from an Extended Search Space for Language Modeling", ACL 2020,
https://arxiv.org/abs/2005.02593. What is known to this project of the paper are its two spaces and that both are
searched together in a differentiable system; the algorithm is that of H. Liu, K. Simonyan and Y. Yang, "DARTS:
Differentiable Architecture Search", ICLR 2019, https://arxiv.org/abs/1806.09055, with the code of its authors, applied
to both. Everything else is ours (ESS-style).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from ganas.bench.metric import Evaluation
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import InvalidSetting, NotSupported, TrainingFailed, missing_torch
from ganas.spaces.rnn.genotype import PLAIN, Connections, RecurrentCell
from ganas.spaces.rnn.published import PUBLISHED
from ganas.spaces.rnn.space import RecurrentSpace
from ganas.strategies.one_shot.ess_settings import VANILLA, ESSSettings
from ganas.strategy import Problem, Settings, Strategy

if TYPE_CHECKING:
    from ganas.bench.training.language.searching import LanguageSearchProtocol
    from ganas.strategies.one_shot.relaxed_language_model import EpochLosses, RelaxedLanguageModel

__all__ = ["ESS"]


class ESS(Strategy):
    """Trains one relaxed language model, and proposes what it discretises to.

    Every ``ask`` trains it for an epoch (``epochs_per_proposal``) and gives one architecture, whatever the count
    asked for; after the last epoch it gives none. Values are not learned from: what it is told changes nothing. All
    that is random comes from ``rng``, so the same seed gives the same search on one kind of processor.
    """

    name: ClassVar[str] = "ess"
    title: ClassVar[str] = "ESS-style: differentiable search of recurrent cells and their connections (Li et al., 2020)"
    settings_class: ClassVar[type[Settings]] = ESSSettings
    needs_training_task: ClassVar[bool] = True
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

    def __init__(self, problem: Problem, *, rng: np.random.Generator, settings: Settings | None = None) -> None:
        super().__init__(problem, rng=rng, settings=settings)
        from ganas.bench.training.language.searching import LanguageTrainingTask

        task, space = problem.training_task, problem.space
        if not isinstance(space, RecurrentSpace):
            raise NotSupported(f"ess searches recurrent spaces, such as rnn, and not {space.name!r}")
        if not isinstance(task, LanguageTrainingTask):
            raise NotSupported("ess learns from the training text of a trainer, such as train-rnn-bbcnews")
        try:
            import torch  # noqa: F401
        except ImportError:
            raise missing_torch("ess") from None
        self._space, self._task, self._chosen = space, task, cast("ESSSettings", self.settings)
        changes: dict[str, Any] = self._chosen.changes
        self._recipe: LanguageSearchProtocol = replace(task.protocol, **changes)
        part = self._chosen.part
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
        self._done = 0
        self._rollbacks = 0
        self._found_cell: RecurrentCell | None = None
        self._model: RelaxedLanguageModel | None = None
        self._said: dict[str, float] = {}

    # --- asking ------------------------------------------------------------------------------------------------------

    def ask(self, count: int = 1) -> Sequence[Architecture]:
        """Train, and give the architecture that the relaxed one discretises to; none after the last epoch.

        Raises:
            DataError: The training text is missing, damaged or too short.
            TrainingFailed: The loss was no finite number, more often than the recipe allows.
            NotEnoughMemory: The network does not fit into the memory of the device.
        """
        self._said = {}
        epochs = min(self._chosen.epochs_per_proposal, self._recipe.epochs - self._done)
        if epochs < 1:
            return []
        from ganas.strategies.one_shot.training_place import training_place

        with training_place(self._task, "ess") as compute:
            for _ in range(epochs):
                model = self._prepared(compute)
                losses = self._epoch(model)
                self._done += 1
                if self._chosen.part == "sequential" and self._done == self._switch:
                    self._found_cell = model.genotype().cell
            self._said = {
                "weight_loss": losses.weights,
                "architecture_loss": losses.architecture,
                "entropy": model.entropy(),
            }
        return [self._space.from_genotype(model.genotype())]

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Nothing to learn: the architecture is learned from the training data."""

    def diagnostics(self) -> Mapping[str, float]:
        """Losses of the last epoch, and how undecided the architecture is."""
        return dict(self._said)

    @property
    def _switch(self) -> int:
        """The epoch after which a sequential search goes on with the cell that it found."""
        return self._recipe.epochs // 2

    def _prepared(self, compute: Any) -> RelaxedLanguageModel:
        """The network for the next epoch."""
        if self._model is None or (self._chosen.part == "sequential" and self._done == self._switch):
            self._model = self._new_model(compute)
        return self._model

    def _new_model(self, compute: Any) -> RelaxedLanguageModel:
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

    def _epoch(self, model: RelaxedLanguageModel) -> EpochLosses:
        """Train for an epoch, again with other draws where a loss is no number."""
        before = model.state()
        while True:
            losses = model.epoch(rng=self.rng)
            if losses is not None:
                return losses
            self._rollbacks += 1
            if self._rollbacks > self._recipe.rollbacks:
                raise TrainingFailed(
                    f"the search broke down in epoch {self._done + 1}: the loss was no finite number, for the "
                    f"{self._rollbacks}. time; a smaller learning_rate may help"
                )
            model.load_state(before)

    # --- saving ------------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """The network with its optimisers, and how far the search is."""
        return {
            **super().state(),
            "recipe": self._recipe.label,
            "done": self._done,
            "rollbacks": self._rollbacks,
            "found_cell": None if self._found_cell is None else [list(pair) for pair in self._found_cell.nodes],
            "model": None if self._model is None else self._model.state(),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on with a saved network.

        Raises:
            InvalidSetting: The state is of other settings or of another recipe.
        """
        if state["recipe"] != self._recipe.label:
            raise InvalidSetting(f"the state was saved with the recipe {state['recipe']}, not {self._recipe.label}")
        super().load_state(state)
        self._done, self._rollbacks = int(state["done"]), int(state["rollbacks"])
        nodes = state["found_cell"]
        self._found_cell = (
            None
            if nodes is None
            else RecurrentCell(tuple((str(name), int(source)) for name, source in nodes), self._space.layout.concat)
        )
        self._said, self._model = {}, None
        if state["model"] is None:
            return
        from ganas.strategies.one_shot.training_place import training_place

        drawn = self.rng.bit_generator.state
        with training_place(self._task, "ess") as compute:
            done = self._done
            # The network that was saved was made before the epoch that came last.
            self._done = max(0, done - 1)
            self._model = self._new_model(compute)
            self._done = done
        self._model.load_state(state["model"])
        self.rng.bit_generator.state = drawn
