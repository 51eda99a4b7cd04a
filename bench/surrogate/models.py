"""The models that a surrogate may be made of, by name."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from ganas.bench.surrogate.regressor import Regressor
from ganas.spaces.errors import unknown_name
from ganas.spaces.space import Space

__all__ = ["DEFAULT_MODEL", "MODELS", "make_model", "model_class"]

MODELS = {
    "gaussian-process": "ganas.bench.surrogate.gaussian_process:GaussianProcess",
    "gnn-ensemble": "ganas.bench.surrogate.graph_networks:GraphNetworkEnsemble",
    "lightgbm": "ganas.bench.surrogate.boosting:BoostedTrees",
    "mlp-ensemble": "ganas.bench.surrogate.networks:NetworkEnsemble",
    "random-forest": "ganas.bench.surrogate.forest:RandomForest",
    "stacked": "ganas.bench.surrogate.stacked:Stacked",
    "weisfeiler-lehman": "ganas.bench.surrogate.weisfeiler_lehman:WeisfeilerLehman",
}
"""Name of a model to where its class is; nothing is imported before it is used."""

DEFAULT_MODEL = "stacked"


def model_class(name: str) -> type[Regressor]:
    """The class of a model.

    Raises:
        UnknownName: No model has this name.
        MissingDependency: Its package is not installed.
    """
    if name not in MODELS:
        raise unknown_name("surrogate model", name, MODELS)
    module, _, attribute = MODELS[name].partition(":")
    found: type[Regressor] = getattr(importlib.import_module(module), attribute)
    return found


def make_model(
    name: str, space: Space, blocks: Sequence[slice], trusted: int | None, learnt: Sequence[int] = ()
) -> Regressor:
    """A model that has not learnt yet.

    Args:
        name: Its name.
        space: The space of the architectures that it will see.
        blocks: Where the columns of each block of features are; the first ones are those that it reads.
        trusted: Number of the block whose columns are values measured on another data set; None for no such block.
        learnt: Numbers of the blocks that were learnt on other data sets.

    Raises:
        UnknownName: No model has this name.
        MissingDependency: Its package is not installed.
        InvalidSetting: The blocks are not what the model reads.
    """
    return model_class(name)(blocks, trusted, learnt)
