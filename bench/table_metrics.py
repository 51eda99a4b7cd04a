"""The metrics of a table: found by name, and chosen as objective and cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ganas.bench.metric import Metric
from ganas.spaces.errors import (
    DuplicateName,
    InvalidSetting,
    SplitNotMeasured,
    UnknownMetric,
    quote_list,
    unknown_name,
)

__all__ = ["by_name", "choose_cost", "choose_objective", "find_metric"]

_SPLITS = ("train", "valid", "test")


def by_name(metrics: Sequence[Metric]) -> dict[str, Metric]:
    """Metrics by name.

    Raises:
        DuplicateName: Two have one name.
    """
    named: dict[str, Metric] = {}
    for metric in metrics:
        if metric.name in named:
            raise DuplicateName(f"two metrics are named {metric.name!r}")
        named[metric.name] = metric
    return named


def find_metric(table: str, metrics: Mapping[str, Metric], name: object) -> Metric:
    """The metric of this name.

    Raises:
        SplitNotMeasured: The table holds this metric on another split of the data.
        UnknownMetric: No metric has this name.
    """
    if isinstance(name, str) and name in metrics:
        return metrics[name]
    prefix, _, rest = str(name).partition("_")
    siblings = [
        held.name
        for held in metrics.values()
        if held.split is not None and held.split != prefix and held.name.removeprefix(f"{held.split}_") == rest
    ]
    if prefix in _SPLITS and siblings:
        raise SplitNotMeasured(
            f"{table!r} holds no {prefix} values: {name!r} was not measured; {quote_list(siblings)} was"
        )
    raise unknown_name(f"metric of {table!r}", name, metrics, UnknownMetric)


def choose_objective(table: str, metrics: Mapping[str, Metric], name: str | None) -> str:
    """The objective: ``name``, or by default the first validation metric, or else the first that is not of test.

    Raises:
        UnknownMetric: No metric has this name.
        InvalidSetting: It is a test metric, or there is no other.
    """
    if name is None:
        seen = [metric for metric in metrics.values() if metric.split != "test"]
        if not seen:
            raise InvalidSetting(f"{table!r} has only test metrics, and a search may not see those")
        return next((metric.name for metric in seen if metric.split == "valid"), seen[0].name)
    if name not in metrics:
        raise unknown_name(f"metric of {table!r}", name, metrics, UnknownMetric)
    if metrics[name].split == "test":
        raise InvalidSetting(f"{name!r} is a test metric: it cannot be the objective of {table!r}")
    return name


def choose_cost(table: str, metrics: Mapping[str, Metric], name: str | None) -> str | None:
    """The cost metric ``name``, in seconds; None where the table does not say what a training costs.

    Raises:
        UnknownMetric: No metric has this name.
        InvalidSetting: It is not in seconds.
    """
    if name is None:
        return None
    if name not in metrics:
        raise unknown_name(f"metric of {table!r}", name, metrics, UnknownMetric)
    if metrics[name].unit != "seconds":
        raise InvalidSetting(f"the cost metric {name!r} must be in seconds, not in {metrics[name].unit!r}")
    return name
