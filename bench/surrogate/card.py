"""The card of a fitted surrogate: what it predicts, what it learnt from, and what it needs to answer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any, Literal

from ganas.bench.metric import Metric
from ganas.data.toml_record import read_record
from ganas.spaces.errors import DataError

__all__ = ["KnownColumn", "PredictedMetric", "SurrogateCard", "TrainingData", "card_record", "read_card", "versions"]

# Packages on which the numbers of some model may depend.
_PACKAGES = ("ganas", "numpy", "scipy", "scikit-learn", "lightgbm", "torch")


@dataclass(frozen=True, slots=True)
class PredictedMetric:
    """A metric that is predicted; the attributes are those of :class:`ganas.bench.metric.Metric`."""

    name: str
    unit: str
    higher_is_better: bool
    description: str
    split: Literal["train", "valid", "test"] | None = None

    @classmethod
    def of(cls, metric: Metric) -> PredictedMetric:
        """The same metric as a prediction: of the full training, so without epochs, runs and seeds."""
        after = f"after {metric.epochs[-1]} epochs" if metric.epochs else ""
        words = ": ".join(part for part in ("predicted", metric.description or after) if part)
        return cls(metric.name, metric.unit, metric.higher_is_better, words, metric.split)

    def metric(self) -> Metric:
        """As benchmarks declare it."""
        return Metric(self.name, self.unit, self.split, self.higher_is_better, (), self.description)


@dataclass(frozen=True, slots=True)
class KnownColumn:
    """What another benchmark says of an architecture and a surrogate takes in.

    Attributes:
        predicted: The metric that is predicted from it.
        benchmark: Name of the other benchmark.
        metric: Name of its metric.
        source: Its numbers, as they were when the surrogate was fitted.
        table: Whether the surrogate took in the whole table; otherwise it asks the benchmark at every query.
    """

    predicted: str
    benchmark: str
    metric: str
    source: str
    table: bool


@dataclass(frozen=True, slots=True)
class TrainingData:
    """What a surrogate learnt from.

    Attributes:
        benchmark: Where it was measured.
        source: The numbers of that benchmark, such as ``table:<hash>``.
        run: Whether a search or a collection made the measurements, and not a random sample.
        architectures: How many different ones there are.
        labels: How many measurements there are of each metric.
        signal: Whether a label is a mean over trials or one trial.
        digest: Hexadecimal SHA-256 over architectures and labels.
    """

    benchmark: str
    source: str
    run: bool
    architectures: int
    labels: int
    signal: Literal["mean", "random"]
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SurrogateCard:
    """What is known about a fitted surrogate.

    Attributes:
        space: Name of the space of its architectures.
        model: Name of the model.
        seed: Of everything random in the fit.
        objective: The metric that a search improves unless told otherwise.
        metrics: What it predicts.
        training: What it learnt from.
        known: What it must be told by other benchmarks to predict.
        cost: Whether the seconds of a training are predicted, the same for all, or not known.
        cost_seconds: The seconds that are the same for all.
    """

    space: str
    model: str
    seed: int
    objective: str
    metrics: tuple[PredictedMetric, ...]
    training: TrainingData
    known: tuple[KnownColumn, ...] = ()
    cost: Literal["predicted", "constant", "unknown"] = "unknown"
    cost_seconds: float = 0.0

    @property
    def title(self) -> str:
        """One line."""
        learnt = self.training
        metrics = ", ".join(metric.name for metric in self.metrics)
        known = "".join(f", knowing {name}" for name in dict.fromkeys(column.benchmark for column in self.known))
        return f"Surrogate of {learnt.benchmark}: {metrics} from {learnt.labels:,} labels by {self.model}{known}"


def card_record(card: SurrogateCard) -> dict[str, Any]:
    """The card as JSON values; what is None is left out."""
    record: dict[str, Any] = _without_none(asdict(card))
    return record


def read_card(record: object, label: str) -> SurrogateCard:
    """Undo :func:`card_record`.

    Args:
        record: JSON values.
        label: What is read, for the message of an error.

    Raises:
        DataError: A field is lacking or unknown, a value has the wrong type, or a name is a place of code.
    """
    card: SurrogateCard = read_record(SurrogateCard, record, label)
    for name in (card.space, card.model, *(column.benchmark for column in card.known)):
        # What is asked for by place is imported, and a file must not say which code is run.
        if ":" in name:
            raise DataError(f"{label} names {name!r:.80}: a saved surrogate needs what is registered under a name")
    return card


def versions() -> dict[str, str]:
    """Versions of the installed packages on which predictions may depend."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_none(item) for item in value]
    return value
