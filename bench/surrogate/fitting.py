"""From measurements to a benchmark: a surrogate of each metric, one of the cost, and how good they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ganas.bench.benchmark import Benchmark
from ganas.bench.measured_table import MeasuredTable
from ganas.bench.surrogate.artefact import require_name
from ganas.bench.surrogate.benchmark import SurrogateBenchmark
from ganas.bench.surrogate.card import KnownColumn, PredictedMetric, SurrogateCard, TrainingData, versions
from ganas.bench.surrogate.fitted import COST_MODEL, FittedSurrogates, known_values
from ganas.bench.surrogate.known_table import KnownTable
from ganas.bench.surrogate.labels import Labels
from ganas.bench.surrogate.models import DEFAULT_MODEL, require_registered_model
from ganas.bench.surrogate.surrogate import Surrogate
from ganas.spaces.errors import InvalidSetting, WrongSpace

__all__ = ["fit_benchmark", "left_out_scores"]


def fit_benchmark(
    name: str,
    labels: Labels,
    *,
    model: str = DEFAULT_MODEL,
    known: Sequence[Benchmark] = (),
    seed: int = 0,
) -> SurrogateBenchmark:
    """Fit a surrogate of each metric, and one of the seconds of a training where these were measured and differ.

    Args:
        name: Name of the benchmark.
        labels: What to learn from.
        model: Which model, by a name of :data:`ganas.bench.surrogate.models.SURROGATES`.
        known: Benchmarks of the same space that hold every architecture: each metric is predicted from their metric of
            the same name, or from their objective, beside the architecture. A table is taken in as a whole
            (:class:`ganas.bench.surrogate.known_table.KnownTable`, which needs torch); what is no table must be
            registered, and is asked again at every query.
        seed: Of everything random.

    Returns:
        The benchmark; ``about["scores"]`` says how well each metric is predicted for left-out architectures.

    Raises:
        DataError: There are too few labels, all are equal, or one is not a finite number.
        NotMeasured: A known benchmark lacks an architecture.
        MissingDependency: A package that the model or a known table needs is not installed.
        WrongSpace: A known benchmark is of another space.
        InvalidSetting: The name is not allowed, the model is a place and no name, or a known benchmark is given twice.
        UnknownName: There is no such model, or a known benchmark is not registered.

    >>> import ganas
    >>> from ganas.bench.surrogate.labels import sample_labels
    >>> table = ganas.load_benchmark("nasbench201-cifar100")
    >>> labels = sample_labels(table, 100, rng=np.random.default_rng(0))
    >>> predicted = fit_benchmark("mine", labels, model="gaussian-process")
    >>> predicted.kind, predicted.about["scores"]["valid_accuracy"]["kendall_tau"] > 0.5
    ('surrogate', True)
    """
    require_name(name)
    require_registered_model(model)
    space = labels.space
    columns = _known_columns(labels, known)
    given = {benchmark.name: benchmark for benchmark in known}
    asked = {
        metric.name: [
            (given[one.benchmark], one.metric) for one in columns if one.predicted == metric.name and not one.table
        ]
        for metric in labels.metrics
    }
    surrogates: dict[str, Surrogate] = {}
    scores: dict[str, dict[str, float | int | None]] = {}
    for number, metric in enumerate(labels.metrics):
        values = labels.values[:, number]
        tables = [
            _known_table(given[one.benchmark], one.metric, seed)
            for one in columns
            if one.predicted == metric.name and one.table
        ]
        surrogate = Surrogate(space, model, seed=seed, tables=tables)
        surrogate.fit(labels.architectures, values, known=known_values(asked[metric.name], labels.architectures))
        surrogates[metric.name] = surrogate
        scores[metric.name] = left_out_scores(surrogate, values)
    kind, seconds, cost = _cost(labels, seed)
    trained = tuple({space.identity_key(one): one for one in labels.architectures}.values())
    card = SurrogateCard(
        space=space.name,
        model=model,
        seed=int(seed),
        objective=labels.objective,
        metrics=tuple(PredictedMetric.of(metric) for metric in labels.metrics),
        training=TrainingData(
            labels.benchmark,
            labels.source,
            labels.run,
            len(trained),
            len(labels.architectures),
            labels.signal,
            labels.digest,
        ),
        known=columns,
        cost=kind,
        cost_seconds=seconds,
    )
    about = {"versions": versions(), "scores": scores}
    return SurrogateBenchmark.of(name, card, FittedSurrogates(surrogates, cost, asked, trained), about)


def left_out_scores(surrogate: Surrogate, values: NDArray[np.float64]) -> dict[str, float | int | None]:
    """How well each label is predicted from those of other functional classes.

    The same predictions set the width of the intervals. They say nothing about architectures unlike those that were
    learnt from; ``ganas surrogate evaluate`` does.

    Args:
        surrogate: A fitted surrogate.
        values: The labels that it was fitted with, (count,).

    Returns:
        ``kendall_tau``, ``spearman``, ``r2``, ``rmse`` (in the unit of the labels) and ``labels``, on how many; None
        for what is not defined, such as a correlation of predictions that are all equal.
    """
    from scipy.stats import kendalltau, spearmanr

    predicted = surrogate.scale.to_labels(surrogate.left_out[0])
    used = np.isfinite(predicted)
    predicted, measured = predicted[used], values[used]
    error = float(np.mean((predicted - measured) ** 2))
    spread = float(np.var(measured))
    defined = np.ptp(predicted) > 0 and np.ptp(measured) > 0
    return {
        "kendall_tau": float(kendalltau(predicted, measured).statistic) if defined else None,
        "spearman": float(spearmanr(predicted, measured).statistic) if defined else None,
        "r2": 1.0 - error / spread if spread > 0 else None,
        "rmse": float(np.sqrt(error)),
        "labels": int(used.sum()),
    }


def _known_columns(labels: Labels, known: Sequence[Benchmark]) -> tuple[KnownColumn, ...]:
    from ganas.bench.registry import load_benchmark

    columns: list[KnownColumn] = []
    for benchmark in known:
        if benchmark.space != labels.space:
            raise WrongSpace(f"{benchmark.name!r} is of {benchmark.space.name!r}, and {labels.space.name!r} is wanted")
        if [one.name for one in known].count(benchmark.name) > 1:
            raise InvalidSetting(f"{benchmark.name!r} is given as known twice")
        table = isinstance(benchmark, MeasuredTable)
        if not table:
            # A saved surrogate finds it again by its name.
            load_benchmark(benchmark.name)
        for metric in labels.metrics:
            if benchmark.name == labels.benchmark:
                raise InvalidSetting(f"{metric.name!r} of {benchmark.name!r} cannot be predicted from itself")
            name = metric.name if metric.name in benchmark.metrics else benchmark.objective
            columns.append(KnownColumn(metric.name, benchmark.name, name, benchmark.source, table))
    return tuple(columns)


def _known_table(benchmark: Benchmark, metric: str, seed: int) -> KnownTable:
    held = benchmark.frame()
    values = held[metric].to_numpy(dtype=np.float64)
    rows = np.flatnonzero(np.isfinite(values))
    architectures = [benchmark.space.parse(text) for text in held["architecture"].iloc[rows]]
    return KnownTable(benchmark.space, architectures, values[rows], seed=seed)


def _cost(labels: Labels, seed: int) -> tuple[Literal["predicted", "constant", "unknown"], float, Surrogate | None]:
    seconds = labels.cost_seconds
    if not len(seconds) or not np.isfinite(seconds).all() or not seconds.any():
        return "unknown", 0.0, None
    # Differences of running totals are equal but for rounding where every training costs the same.
    if np.ptp(seconds) <= 1e-9 * float(np.abs(seconds).max()) * len(seconds):
        return "constant", float(np.median(seconds)), None
    return "predicted", 0.0, Surrogate(labels.space, COST_MODEL, seed=seed).fit(labels.architectures, seconds)
