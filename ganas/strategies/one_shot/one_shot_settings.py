"""What the settings of one-shot searches share."""

from __future__ import annotations

from typing import Any, ClassVar

from ganas.strategy import Settings

__all__ = ["OneShotSettings"]


class OneShotSettings(Settings):
    """Settings of a one-shot search; a subclass is a frozen dataclass that declares the fields.

    Attributes:
        of_the_recipe: The fields that change the recipe of the training task where they are not None.
        epochs_per_proposal: After how many epochs an architecture is proposed.
    """

    of_the_recipe: ClassVar[tuple[str, ...]] = ()
    # Not a field of this class: a subclass says where among its own fields it stands, and its default.
    epochs_per_proposal: int

    @property
    def changes(self) -> dict[str, Any]:
        """The fields of the recipe that are given, with their values."""
        given = {name: getattr(self, name) for name in self.of_the_recipe}
        return {name: value for name, value in given.items() if value is not None}
