"""The models that a surrogate may be made of, by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from ganas.bench.surrogate.regressor import Regressor
from ganas.spaces.errors import InvalidSetting, unknown_name
from ganas.spaces.registry import Registry
from ganas.spaces.space import Space

__all__ = [
    "DEFAULT_MODEL",
    "MODELS",
    "SURROGATES",
    "make_model",
    "model_class",
    "model_title",
    "register_surrogate",
    "require_model",
    "require_registered_model",
]

MODELS = {
    "gaussian-process": "ganas.bench.surrogate.gaussian_process:GaussianProcess",
    "gnn-ensemble": "ganas.bench.surrogate.graph_networks:GraphNetworkEnsemble",
    "lightgbm": "ganas.bench.surrogate.boosting:BoostedTrees",
    "mlp-ensemble": "ganas.bench.surrogate.networks:NetworkEnsemble",
    "random-forest": "ganas.bench.surrogate.forest:RandomForest",
    "stacked": "ganas.bench.surrogate.stacked:Stacked",
    "weisfeiler-lehman": "ganas.bench.surrogate.weisfeiler_lehman:WeisfeilerLehman",
}
"""Name of a built-in model to where its class is; nothing is imported before it is used."""

DEFAULT_MODEL = "stacked"

# As the classes say; a list of names need not import torch, LightGBM and scikit-learn for them.
_TITLES = {
    "gaussian-process": "Gaussian process on structural features, its kernel chosen by the evidence",
    "gnn-ensemble": "Ensemble of graph networks on the labelled DAG (Morris et al., 2019)",
    "lightgbm": "Boosted trees of LightGBM on structural features, with quantiles",
    "mlp-ensemble": "Ensemble of small networks on structural features",
    "random-forest": "Random forest on structural features (Breiman, 2001)",
    "stacked": "Process, networks, trees and graph networks, weighted on what was left out (the default)",
    "weisfeiler-lehman": "Gaussian process with a Weisfeiler-Lehman kernel (after Ru et al., 2021)",
}

SURROGATES = Registry("surrogate model", "ganas.surrogates", lambda: MODELS)
"""The registered models; each entry is a subclass of :class:`~ganas.bench.surrogate.regressor.Regressor`."""

_Class = TypeVar("_Class", bound=type[Regressor])


def register_surrogate(model: _Class) -> _Class:
    """Register a subclass of Regressor under its ``name`` for this process; use it as a decorator.

    Raises:
        DuplicateName: The name is taken.
        InvalidSetting: The class has no ``name``.
    """
    return SURROGATES.register(getattr(model, "name", ""))(model)


def require_model(name: str) -> str:
    """Return ``name`` if a model is registered under it, or if it is a place; nothing is imported.

    Raises:
        UnknownName: No model has this name.
    """
    if not isinstance(name, str) or (":" not in name and name not in SURROGATES.entries()):
        raise unknown_name("surrogate model", name, SURROGATES.entries())
    return name


def require_registered_model(name: str) -> str:
    """As :func:`require_model`, and a place is refused: a saved surrogate names its model.

    Opening it would otherwise run whatever code its file names.

    Raises:
        UnknownName: No model has this name.
        InvalidSetting: It is a place.
    """
    if isinstance(name, str) and ":" in name:
        raise InvalidSetting(
            f"a surrogate that can be saved has a model that is registered under a name, not the place {name!r}: give "
            "it an entry point in the group 'ganas.surrogates', or register_surrogate"
        )
    return require_model(name)


def model_class(model: str | type[Regressor]) -> type[Regressor]:
    """The class of a model.

    Args:
        model: Its registered name, ``module:Class`` or ``file.py:Class``; or the class.

    Raises:
        UnknownName: No model has this name.
        MissingDependency: Its package is not installed.
        PluginError: It cannot be imported.
        InvalidSetting: What is there is not a model.
    """
    found = SURROGATES.load(model) if isinstance(model, str) else model
    if not (isinstance(found, type) and issubclass(found, Regressor)):
        wanted = f"{Regressor.__module__}.{Regressor.__qualname__}"
        raise InvalidSetting(f"{model!r} is given as a surrogate model and is not a subclass of {wanted}")
    return found


def model_title(name: str) -> str:
    """One line on a model; a built-in one is not imported for it."""
    return _TITLES.get(name) or model_class(name).title


def make_model(
    model: str | type[Regressor],
    space: Space,
    blocks: Sequence[slice],
    trusted: int | None,
    learnt: Sequence[int] = (),
) -> Regressor:
    """A model that has not learnt yet.

    Args:
        model: As for :func:`model_class`.
        space: The space of the architectures that it will see.
        blocks: Where the columns of each block of features are; the first ones are those that it reads.
        trusted: Number of the block whose columns are values measured on another data set; None for no such block.
        learnt: Numbers of the blocks that were learnt on other data sets.

    Raises:
        UnknownName: No model has this name.
        MissingDependency: A package that the model needs is not installed.
        PluginError: It cannot be imported.
        InvalidSetting: The blocks are not what the model reads, or what has the name is not a model.
    """
    return model_class(model)(blocks, trusted, learnt)
