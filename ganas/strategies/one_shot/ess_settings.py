"""Settings of ``ess``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from ganas.spaces.errors import InvalidSetting, unknown_name
from ganas.spaces.rnn.published import PUBLISHED
from ganas.strategies.one_shot.one_shot_settings import OneShotSettings
from ganas.strategies.setting_checks import require_at_least, require_kinds

__all__ = ["VANILLA", "ESSSettings", "Order", "Part", "Softmax"]

Part = Literal["intra", "inter", "sequential", "alternating", "joint"]
Order = Literal["first", "second"]
Softmax = Literal["edge", "node"]

VANILLA = "vanilla"
"""The cell whose nodes are a chain of tanh, each reading the one before."""


@dataclass(frozen=True)
class ESSSettings(OneShotSettings):
    """Settings of ``ess``; a value of None is that of the recipe of the benchmark's training task.

    For a benchmark of the full protocol the recipe is that of ``rnn/train_search.py`` of
    https://github.com/quark0/darts (DARTS below); for a miniature it is ours, with the sizes and dropout of the
    miniature itself. Dropout and the lengths of batches are always those of the recipe. Of the search of ESS itself no
    value is known to this project.

    Attributes:
        part: What is searched: ``"intra"`` the cell, with the connections of every plain recurrent network; ``"inter"``
            the connections, with the cell ``cell``; ``"sequential"`` the cell in the first half of the epochs and, with
            that cell and new weights, the connections in the second; ``"alternating"`` both, in turns from batch to
            batch; ``"joint"`` both in every step.
        order: Of the architecture step: ``"first"`` takes the weights as they are (the default of DARTS), ``"second"``
            goes through one step of their training, which costs three more passes a batch.
        softmax: Whether operations compete on an ``"edge"`` (DARTS) or on all edges into a ``"node"`` (Jiang et al.,
            EMNLP 2019, D19-1367).
        batch_norm: Whether states and summaries that are searched are normalised over the batch (DARTS: yes).
        cell: The cell of ``"inter"``: a published one, cut to the nodes of the space, or ``"vanilla"``, a chain of
            tanh.
        epochs: Passes over the weight half (DARTS: 50; miniature: 10). After the last the search is over.
        epochs_per_proposal: After how many of them an architecture is proposed; a number of at least ``epochs``
            proposes only the one of the end. One that was proposed before is free, and no query.
        hidden: Size of embedding and hidden state (DARTS: 300; miniature: 64).
        batch: Columns that are learned from together (DARTS: 256; miniature: 32).
        bptt: Mean length of a batch in words (DARTS: 35; miniature: 20).
        learning_rate: Of the steps of gradient descent on weights, for a batch of mean length; it is in proportion to
            the length (DARTS and miniature: 20).
        clip: The greatest norm of a gradient of the weights (DARTS and miniature: 0.25).
        weight_decay: Of the weights (DARTS: 5e-7; miniature: 8e-7, as for the training of one architecture).
        architecture_learning_rate: Of the steps of Adam on architecture parameters (DARTS: 3e-3; miniature, which takes
            far fewer: 3e-2).
        architecture_weight_decay: Of the architecture parameters (DARTS and miniature: 1e-3).
    """

    of_the_recipe: ClassVar[tuple[str, ...]] = (
        "epochs", "hidden", "batch", "bptt", "learning_rate", "clip", "weight_decay", "architecture_learning_rate",
        "architecture_weight_decay",
    )  # fmt: skip

    part: Part = "joint"
    order: Order = "first"
    softmax: Softmax = "edge"
    batch_norm: bool = True
    cell: str = "DARTS_V2"
    epochs: int | None = None
    epochs_per_proposal: int = 1
    hidden: int | None = None
    batch: int | None = None
    bptt: int | None = None
    learning_rate: float | None = None
    clip: float | None = None
    weight_decay: float | None = None
    architecture_learning_rate: float | None = None
    architecture_weight_decay: float | None = None

    def __post_init__(self) -> None:
        require_kinds(self, {"part": Part, "order": Order, "softmax": Softmax})
        if self.cell not in (*PUBLISHED, VANILLA):
            raise unknown_name("cell", self.cell, (*PUBLISHED, VANILLA))
        require_at_least(self, {"epochs_per_proposal": 1})
        # Batch normalisation needs two columns.
        least = {"epochs": 1, "hidden": 1, "batch": 2, "bptt": 2, "weight_decay": 0.0, "architecture_weight_decay": 0.0}
        require_at_least(self, {name: value for name, value in least.items() if getattr(self, name) is not None})
        for name in ("learning_rate", "clip", "architecture_learning_rate"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise InvalidSetting(f"{name} must be above 0, not {value}")
        if self.part == "sequential" and self.epochs == 1:
            raise InvalidSetting("a sequential search needs at least 2 epochs, not 1")
