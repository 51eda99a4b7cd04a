"""The models that a surrogate may be made of, by name."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from ganas.bench.surrogate.regressor import Regressor
from ganas.spaces.errors import unknown_name
from ganas.spaces.space import Space

__all__ = ["DEFAULT_MODEL", "MODELS", "make_model"]

MODELS = {
    "gaussian-process": "ganas.bench.surrogate.gaussian_process:GaussianProcess",
}
"""Name of a model to where its class is; nothing is imported before it is used."""

DEFAULT_MODEL = "gaussian-process"


def make_model(name: str, space: Space, blocks: Sequence[slice], trusted: int | None) -> Regressor:
    """A model that has not learnt yet.

    Raises:
        UnknownName: No model has this name.
        MissingDependency: Its package is not installed.
    """
    if name not in MODELS:
        raise unknown_name("surrogate model", name, MODELS)
    module, _, attribute = MODELS[name].partition(":")
    model: Regressor = getattr(importlib.import_module(module), attribute)(blocks, trusted)
    return model
