"""Fitted surrogates as a benchmark: where nothing was measured, they say what is expected."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ganas.bench.benchmark import Architectures, Benchmark
from ganas.bench.metric import REDUCTIONS, Metric, Optimum, Reduction, Result
from ganas.bench.surrogate.artefact import Artefact, pack, read_artefact, write_files
from ganas.bench.surrogate.card import SurrogateCard, card_record, read_card
from ganas.bench.surrogate.fitted import FittedSurrogates
from ganas.bench.surrogate.surrogate import Surrogate
from ganas.bench.table_metrics import find_metric
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import (
    EpochNotMeasured,
    InvalidSetting,
    NotSupported,
    TrialNotMeasured,
    closest_match,
    quote_list,
)
from ganas.spaces.registry import load_space

__all__ = ["SurrogateBenchmark"]

# In larger batches models are quicker and less exact, and an answer must not depend on what is asked with it.
_BATCH = 2048


class SurrogateBenchmark(Benchmark):
    """Answers with what surrogates expect, for every architecture of their space.

    :func:`ganas.bench.surrogate.fitting.fit_benchmark` makes one of measurements, :meth:`open` one of a saved folder,
    and :meth:`save` writes that folder. Each metric has a surrogate of its own. A query costs the seconds that a
    training is predicted to take, where trainings were measured to take some.

    Without ``noise_seed`` an answer is the value that a measurement should exceed as often as not. With it, each answer
    has the noise of one training, as strong as the surrogate learnt it to be: always the same for an architecture and
    a seed, whatever is asked before, and as often above the answer without noise as below. What the surrogate itself
    is unsure of is not in it: that would be the same at every training of an architecture.

    Args:
        name: Name of the benchmark.
        card: What it is.
        fitted: The surrogates, or a function that reads them when they are first asked.
        hash: Hexadecimal digest of everything that answers depend on.
        about: What is saved beside the card: versions and scores.
        noise_seed: Seed of the noise, at least 0; None for none.

    Raises:
        UnknownName: The space is not registered.
        InvalidSetting: The seed is not a whole number of at least 0.
    """

    kind: ClassVar[Literal["table", "surrogate", "trainer"]] = "surrogate"

    def __init__(
        self,
        name: str,
        card: SurrogateCard,
        fitted: FittedSurrogates | Callable[[], FittedSurrogates],
        *,
        hash: str,
        about: Mapping[str, Any],
        noise_seed: int | None = None,
    ) -> None:
        if noise_seed is not None and (
            isinstance(noise_seed, bool) or not isinstance(noise_seed, int | np.integer) or noise_seed < 0
        ):
            raise InvalidSetting(f"the seed of the noise must be a whole number of at least 0, not {noise_seed!r}")
        self.base_name = name
        self.name = name if noise_seed is None else f"{name}+noise-{noise_seed}"
        self.card = card
        self.space = load_space(card.space)
        self.metrics: Mapping[str, Metric] = MappingProxyType({part.name: part.metric() for part in card.metrics})
        self.objective = card.objective
        self.hash = hash
        self.source = f"surrogate:{hash[:12]}" + ("" if noise_seed is None else f"+noise-{noise_seed}")
        self.about = about
        self.noise_seed = noise_seed
        self._given = fitted

    # --- making, saving and opening --------------------------------------------------------------------------------

    @classmethod
    def of(
        cls, name: str, card: SurrogateCard, fitted: FittedSurrogates, about: Mapping[str, Any]
    ) -> SurrogateBenchmark:
        """Make the benchmark of surrogates that were just fitted; its hash is the one that its folder will have."""
        _, digest = pack(name, {**about, "card": card_record(card)}, fitted.state())
        return cls(name, card, fitted, hash=digest, about=about)

    @classmethod
    def open(cls, folder: str | Path, *, noise_seed: int | None = None) -> SurrogateBenchmark:
        """Open a saved surrogate; every file is checked now, the models are made when they are first asked.

        Args:
            folder: Where :meth:`save` wrote it.
            noise_seed: As for the class.

        Raises:
            DataError: There is none, it is of another version of the format, or a file was damaged or changed.
            UnknownName: Its space is not registered.
        """
        artefact = read_artefact(Path(folder))
        about = dict(artefact.about)
        card = read_card(about.pop("card", None), f"the card of the surrogate in {folder}")
        find_metric(artefact.name, {part.name: part.metric() for part in card.metrics}, card.objective)
        return cls(artefact.name, card, _reader(artefact, card), hash=artefact.hash, about=about, noise_seed=noise_seed)

    def save(self, folder: str | Path, *, overwrite: bool = False) -> Path:
        """Write a folder that :meth:`open` reads, whole or not at all; returns it.

        Args:
            folder: Where; its parents are made.
            overwrite: Whether a saved surrogate that is there may be replaced.

        Raises:
            DuplicateName: There is something in this place.
            DataError: It cannot be written.
            MissingDependency: The package safetensors is not installed.
        """
        about = {**self.about, "card": card_record(self.card)}
        content, _ = pack(self.base_name, about, self.fitted.state())
        write_files(Path(folder), content, overwrite=overwrite)
        return Path(folder)

    def with_noise(self, seed: int | None) -> SurrogateBenchmark:
        """The same surrogates with the noise of another seed, or with none."""
        return SurrogateBenchmark(
            self.base_name, self.card, lambda: self.fitted, hash=self.hash, about=self.about, noise_seed=seed
        )

    def __reduce__(self) -> tuple[Any, ...]:
        # Worker processes are handed the models, wherever they came from.
        return _rebuild, (self.base_name, self.card, self.fitted.state(), self.hash, dict(self.about), self.noise_seed)

    @cached_property
    def fitted(self) -> FittedSurrogates:
        """The surrogates.

        Raises:
            DataError: A file was damaged or changed, or a benchmark that must be known has other numbers now.
            MissingDependency: A package that a model needs is not installed.
        """
        return self._given if isinstance(self._given, FittedSurrogates) else self._given()

    def surrogate(self, metric: str | None = None) -> Surrogate:
        """The surrogate of a metric; None for the objective.

        Raises:
            UnknownMetric: No metric has this name.
        """
        return self.fitted.surrogates[self.metric(metric).name]

    # --- questions -------------------------------------------------------------------------------------------------

    def query(
        self,
        architecture: Architecture,
        metric: str | None = None,
        *,
        epoch: int | None = None,
        trial: int | None = None,
        seed: int | None = None,
        run: int | None = None,
        reduction: Reduction = "mean",
    ) -> Result:
        """Predict one value; see :meth:`Benchmark.query`. There are no epochs, trials or runs."""
        described = self.metric(metric, run=run)
        self._refuse_epoch(epoch)
        if trial is not None or seed is not None:
            raise TrialNotMeasured(
                f"{self.name!r} predicts and has no trials, {'trial' if seed is None else 'seed'} "
                f"{trial if seed is None else seed} was asked; with_noise(seed) answers as a single training would"
            )
        if reduction not in REDUCTIONS:
            allowed = f"{quote_list(REDUCTIONS)}, not {reduction!r}{closest_match(reduction, REDUCTIONS)}"
            raise InvalidSetting(f"reduction must be one of {allowed}")
        self.space.check(architecture)
        value = float(self._values([architecture], described.name)[0])
        return Result(
            value,
            described.name,
            described.unit,
            described.split,
            None,
            (),
            "none",
            float(self._costs([architecture])[0]),
            self.source,
        )

    def query_many(
        self,
        architectures: Architectures,
        metrics: Sequence[str] | None = None,
        *,
        epoch: int | None = None,
        run: int | None = None,
    ) -> NDArray[np.float64]:
        """Predictions for many architectures or genotypes, (number of architectures, number of metrics).

        Raises:
            NotSupported: Row indices are given.
            GanasError: As :meth:`query`.
        """
        names = [self.metric(name, run=run).name for name in ([self.objective] if metrics is None else metrics)]
        self._refuse_epoch(epoch)
        members = self.members(architectures)
        if not members or not names:
            return np.empty((len(members), len(names)))
        columns = {name: self._values(members, name) for name in dict.fromkeys(names)}
        return np.stack([columns[name] for name in names], axis=1)

    def _refuse_epoch(self, epoch: object) -> None:
        if epoch is not None:
            raise EpochNotMeasured(f"{self.name!r} predicts full trainings and has no epochs, epoch {epoch} was asked")

    def _values(self, architectures: Sequence[Architecture], name: str) -> NDArray[np.float64]:
        parts = [architectures[start : start + _BATCH] for start in range(0, len(architectures), _BATCH)]
        return np.concatenate([self._part(part, name) for part in parts])

    def _part(self, architectures: Sequence[Architecture], name: str) -> NDArray[np.float64]:
        surrogate, known = self.fitted.surrogates[name], self.fitted.known_columns(name, architectures)
        mean, _ = surrogate.on_scale(architectures, known=known)
        if self.noise_seed is not None:
            # As much wider or narrower as intervals had to become to hold left-out labels.
            spread = surrogate.width * float(np.sqrt(surrogate.regressor.noise_variance))
            stream = zlib.crc32(name.encode())
            drawn = [
                np.random.default_rng([self.noise_seed, stream, abs(key), key < 0]).standard_normal()
                for key in map(self.space.identity_key, architectures)
            ]
            mean = mean + spread * np.array(drawn)
        return surrogate.scale.to_labels(mean)

    def _costs(self, architectures: Sequence[Architecture]) -> NDArray[np.float64]:
        if self.card.cost != "predicted" or self.fitted.cost is None:
            return np.full(len(architectures), self.card.cost_seconds)
        mean, _ = self.fitted.cost.on_scale(architectures)
        return np.maximum(self.fitted.cost.scale.to_labels(mean), 0.0)

    def num_trials(self, architecture: Architecture, metric: str | None = None) -> int:
        """Always 0: a prediction is not of a trial."""
        self.metric(metric)
        self.space.check(architecture)
        return 0

    def optimum(self, metric: str | None = None) -> Optimum:
        """Not known: a surrogate has been asked about no architecture before it is."""
        raise NotSupported(f"{self.name!r} knows no best value of {self.metric(metric).name!r}: search for it")

    def metric(self, name: str | None = None, *, run: int | None = None) -> Metric:
        """The metric of this name; see :meth:`Benchmark.metric`."""
        if run is not None:
            return super().metric(name, run=run)
        return find_metric(self.name, self.metrics, self.objective if name is None else name)


def _reader(artefact: Artefact, card: SurrogateCard) -> Callable[[], FittedSurrogates]:
    return lambda: FittedSurrogates.from_state(card, artefact.state(), f"the surrogate in {artefact.folder}")


def _rebuild(
    name: str, card: SurrogateCard, state: Any, digest: str, about: dict[str, Any], noise_seed: int | None
) -> SurrogateBenchmark:
    fitted = FittedSurrogates.from_state(card, state, f"the surrogate {name!r}")
    return SurrogateBenchmark(name, card, fitted, hash=digest, about=about, noise_seed=noise_seed)
