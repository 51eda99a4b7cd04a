"""The metrics of a table: found by name, and chosen as objective and cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ganas.bench.metric import Metric
from ganas.bench.table_columns import whole_number
from ganas.data.page_words import listed
from ganas.spaces.errors import (
    DuplicateName,
    InvalidSetting,
    RunNotMeasured,
    SplitNotMeasured,
    UnknownMetric,
    quote_list,
    unknown_name,
)

__all__ = ["by_run", "choose_cost", "choose_objective", "find_metric", "find_run", "longest_runs"]

_SPLITS = ("train", "valid", "test")


def by_run(metrics: Sequence[Metric]) -> dict[str, dict[int | None, Metric]]:
    """Metrics by name, and each by its run, the longest last.

    Raises:
        DuplicateName: Two of one run have one name.
        InvalidSetting: A metric is of a run and of none.
    """
    named: dict[str, dict[int | None, Metric]] = {}
    for metric in metrics:
        runs = named.setdefault(metric.name, {})
        if metric.run in runs:
            of_run = "" if metric.run is None else f" in the run over {metric.run} epochs"
            raise DuplicateName(f"two metrics are named {metric.name!r}{of_run}")
        if runs and None in (metric.run, *runs):
            raise InvalidSetting(f"{metric.name!r} is given with a run and without one")
        runs[metric.run] = metric
    return {name: dict(sorted(runs.items(), key=lambda item: item[0] or 0)) for name, runs in named.items()}


def longest_runs(runs: Mapping[str, Mapping[int | None, Metric]]) -> dict[str, Metric]:
    """The metric of the longest run under each name."""
    return {name: [*of_name.values()][-1] for name, of_name in runs.items()}


def find_run(table: str, runs: Mapping[int | None, Metric], metric: Metric, run: object) -> Metric:
    """The metric of another run.

    Raises:
        RunNotMeasured: There is no such run, or the metric is not of a run.
        InvalidSetting: It is not a whole number.
    """
    wanted = whole_number(run, "run")
    if wanted in runs:
        return runs[wanted]
    if metric.run is None:
        raise RunNotMeasured(f"{metric.name!r} of {table!r} does not belong to a run, so not to one of {wanted} epochs")
    raise RunNotMeasured(
        f"{table!r} holds {metric.name!r} in runs of {quote_list(runs)} epochs, not of {wanted}; what a run measured "
        "on the way is asked for with epoch="
    )


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
        were = f"{siblings[0]!r} was" if len(siblings) == 1 else f"{listed(map(repr, siblings))} were"
        raise SplitNotMeasured(f"{table!r} holds no {prefix} values: {name!r} was not measured; {were}")
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
