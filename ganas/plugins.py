"""The registered strategies, and settings from text and mappings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from ganas.spaces.errors import InvalidSetting, closest_match, quote_list
from ganas.spaces.registry import Registry
from ganas.strategy import Settings, Strategy

__all__ = ["STRATEGIES", "load_strategy", "make_settings", "register_strategy"]

STRATEGIES = Registry(
    "strategy",
    "ganas.strategies",
    lambda: {
        "duality-gap": "ganas.strategies.one_shot.duality_gap:DualityGap",
        "enas": "ganas.strategies.one_shot.enas:ENAS",
        "ess": "ganas.strategies.one_shot.ess:ESS",
        "ganas": "ganas.adversarial.search:GANAS",
        "ganas-basic": "ganas.adversarial.basic:GANASBasic",
        "gp-local": "ganas.strategies.gp_local:GPLocal",
        "largest-first": "ganas.strategies.largest_first:LargestFirst",
        "local-search": "ganas.strategies.local_search:LocalSearch",
        "predictor-guided": "ganas.strategies.predictor_guided:PredictorGuided",
        "random-search": "ganas.strategies.random_search:RandomSearch",
        "regularized-evolution": "ganas.strategies.regularized_evolution:RegularizedEvolution",
    },
)
"""The registered strategies; each entry is a subclass of :class:`~ganas.strategy.Strategy`."""

_Class = TypeVar("_Class", bound=type[Strategy])


def register_strategy(strategy_class: _Class) -> _Class:
    """Register a subclass of Strategy under its ``name`` for this process; use it as a decorator.

    Raises:
        DuplicateName: The name is taken.
        InvalidSetting: The class has no ``name``.
    """
    return STRATEGIES.register(getattr(strategy_class, "name", ""))(strategy_class)


def load_strategy(name: str) -> type[Strategy]:
    """Return the strategy class of this name.

    Raises:
        UnknownName: No strategy has this name.
        InvalidSetting: What is registered is not a strategy.
    """
    strategy_class = STRATEGIES.load(name)
    if not (isinstance(strategy_class, type) and issubclass(strategy_class, Strategy)):
        raise InvalidSetting(f"{name!r} is given as a strategy and is not a subclass of ganas.Strategy")
    return strategy_class


def make_settings(strategy_class: type[Strategy], values: Mapping[str, Any] | None) -> Settings:
    """Build the settings of a strategy from names and values; text is converted to the type of its field.

    Raises:
        InvalidSetting: A field does not exist, or its value has the wrong type or is out of range.
    """
    if not values:
        return strategy_class.settings_class()
    known = [field.name for field in fields(strategy_class.settings_class)]
    for name in values:
        if name not in known:
            raise InvalidSetting(
                f"{strategy_class.name!r} has no setting {name!r}: known are {quote_list(known)}"
                f"{closest_match(name, known)}"
            )
    import pydantic

    try:
        return pydantic.TypeAdapter(strategy_class.settings_class).validate_python(dict(values))
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:  # the dataclass itself objects, to how its fields fit together
            objection = first["msg"].removeprefix("Value error, ")
            raise InvalidSetting(f"settings of {strategy_class.name!r}: {objection}") from None
        name = ".".join(str(part) for part in first["loc"])
        raise InvalidSetting(
            f"setting {name!r} of {strategy_class.name!r} cannot be {first['input']!r}: {first['msg']}"
        ) from None
