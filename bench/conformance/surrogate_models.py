"""Checks of the models of surrogates: what the surrogate that is made of one must keep, on three unlike spaces."""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganas.bench.surrogate.artefact import pack, read_artefact, write_files
from ganas.bench.surrogate.functional_features import FUNCTIONAL_BLOCKS
from ganas.bench.surrogate.groups import functional_groups
from ganas.bench.surrogate.regressor import Regressor
from ganas.bench.surrogate.surrogate import Surrogate
from ganas.bench.toy import ToyBenchmark
from ganas.spaces.architecture import Architecture
from ganas.spaces.checks import Check, raises, require
from ganas.spaces.errors import DataError, InvalidSetting, WrongSpace
from ganas.spaces.registry import load_space

__all__ = ["SURROGATE_CHECKS"]

Model = type[Regressor]
Vector = NDArray[np.float64]

_KIT_SPACES = ("nasbench201", "darts", "graphnas")
_LEARNT, _ASKED = 60, 40
_PAIRS = 30
_DRAWS = 2000
# What a model says of a row may differ by rounding, no more, according to what it is asked together with.
_ROUNDING = 1e-5


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    """A surrogate that learnt from a toy benchmark of one space; checks ask it and do not change it."""

    where: str
    surrogate: Surrogate
    learnt: list[Architecture]
    labels: Vector
    asked: list[Architecture]
    truth: Vector


def _toy(space_name: str) -> tuple[list[Architecture], Vector, list[Architecture], Vector]:
    """Architectures with labels to learn from, and others with theirs."""
    space = load_space(space_name)
    toy = ToyBenchmark(space)
    drawn = space.sample(_LEARNT + _ASKED, rng=np.random.default_rng(1))
    values = toy.query_many(drawn)[:, 0]
    return drawn[:_LEARNT], values[:_LEARNT], drawn[_LEARNT:], values[_LEARNT:]


@lru_cache(maxsize=len(_KIT_SPACES))
def _fitted(model: Model, space_name: str) -> _Fitted:
    learnt, labels, asked, truth = _toy(space_name)
    surrogate = Surrogate(load_space(space_name), model, seed=1).fit(learnt, labels)
    return _Fitted(f"on {space_name}", surrogate, learnt, labels, asked, truth)


def _on_all_spaces(model: Model) -> Iterator[_Fitted]:
    for name in _KIT_SPACES:
        yield _fitted(model, name)


def check_declaration(model: Model, *, rng: np.random.Generator) -> None:
    """It is a subclass of Regressor with a name, a title and blocks of features that there are."""
    require(isinstance(model, type) and issubclass(model, Regressor), f"{model!r:.80} is not a subclass of Regressor")
    for attribute in ("name", "title"):
        text = getattr(model, attribute, None)
        require(isinstance(text, str) and text.strip() and "\n" not in text, f"{attribute} is {text!r:.80}")
    require(model.name == "".join(model.name.split()), f"the name {model.name!r} has spaces")
    unknown = [name for name in model.reads if name not in FUNCTIONAL_BLOCKS]
    require(model.reads and not unknown, f"reads is {model.reads}; there are {', '.join(FUNCTIONAL_BLOCKS)}")


def check_predictions(model: Model, *, rng: np.random.Generator) -> None:
    """A finite mean and a standard deviation above 0 for each architecture, of none as of many."""
    for fitted in _on_all_spaces(model):
        surrogate, where = fitted.surrogate, fitted.where
        for asked in ([], fitted.asked[:1], fitted.asked):
            said = surrogate.predict(asked)
            _require_moments(said.mean, said.standard_deviation, len(asked), f"predict {where}")
        raw = surrogate.regressor.predict(surrogate.features.rows(fitted.asked))
        require(isinstance(raw, tuple) and len(raw) == 2, f"predict of the model gives no pair {where}")
        _require_moments(*raw, len(fitted.asked), f"predict of the model {where}")
        noise = surrogate.regressor.noise_variance
        require(np.isfinite(noise) and noise >= 0, f"the variance of the noise is {noise} {where}")
        lower, upper = surrogate.interval(fitted.asked)
        require((lower < upper).all(), f"an interval is empty {where}")


def check_same_seed_same_bits(model: Model, *, rng: np.random.Generator) -> None:
    """The same labels and seed give the same bits, and nothing of the process is drawn from or changed."""
    fitted = _fitted(model, _KIT_SPACES[0])
    before = _process_state()
    again = Surrogate(fitted.surrogate.space, model, seed=1).fit(fitted.learnt, fitted.labels)
    first, second = fitted.surrogate.predict(fitted.asked), again.predict(fitted.asked)
    after = _process_state()
    require(np.array_equal(first.mean, second.mean), "two fits with one seed have different means")
    same = np.array_equal(first.standard_deviation, second.standard_deviation)
    require(same, "two fits with one seed have different standard deviations")
    for name, value in before.items():
        require(after[name] == value, f"it changes {name}")


def _process_state() -> dict[str, object]:
    """The generators and the threads that all code of a process shares."""
    numpy_state: Any = np.random.get_state()  # noqa: NPY002
    found: dict[str, object] = {
        "the state of random": random.getstate(),
        "the state of numpy.random": (numpy_state[1].tobytes(), numpy_state[2]),
    }
    torch: Any = sys.modules.get("torch")
    if torch is not None:
        found["the state of torch"] = torch.get_rng_state().numpy().tobytes()
        found["the number of threads of torch"] = torch.get_num_threads()
    return found


def check_answers_do_not_depend_on_the_list(model: Model, *, rng: np.random.Generator) -> None:
    """A row is predicted the same by itself, among others, in another order and twice; so are functional twins."""
    for fitted in _on_all_spaces(model):
        surrogate = fitted.surrogate
        rows = surrogate.features.rows(fitted.asked)
        predict = surrogate.regressor.predict
        mean, deviation = predict(rows)
        order = rng.permutation(len(rows))
        doubled = predict(np.concatenate([rows[order], rows]))
        alone = [predict(rows[place : place + 1]) for place in range(5)]
        for one, several, what in ((mean, doubled[0], "mean"), (deviation, doubled[1], "standard deviation")):
            require(
                _close(several, np.concatenate([one[order], one])), f"the {what} depends on the list {fitted.where}"
            )
        require(
            _close(np.concatenate([part for part, _ in alone]), mean[:5])
            and _close(np.concatenate([part for _, part in alone]), deviation[:5]),
            f"an architecture by itself is predicted otherwise than among others {fitted.where}",
        )
    twins = _twins()
    space = load_space(_KIT_SPACES[0])
    said = _fitted(model, space.name).surrogate.predict([one for pair in twins for one in pair])
    require(_close(said.mean[::2], said.mean[1::2]), "functional twins are predicted differently")


def check_saved_and_opened(model: Model, *, rng: np.random.Generator) -> None:
    """Written to files without pickle and read again, it predicts the same bits."""
    for fitted in _on_all_spaces(model):
        content, digest = pack("kit", {}, {"surrogate": fitted.surrogate.state()})
        opened = Surrogate(fitted.surrogate.space, model, seed=1)
        with tempfile.TemporaryDirectory() as folder:
            write_files(Path(folder) / "kit", content)
            opened.load_state(read_artefact(Path(folder) / "kit").state()["surrogate"])
        first, second = fitted.surrogate.predict(fitted.asked), opened.predict(fitted.asked)
        require(
            np.array_equal(first.mean, second.mean)
            and np.array_equal(first.standard_deviation, second.standard_deviation),
            f"after saving and opening it predicts otherwise {fitted.where}",
        )
        lower, again = fitted.surrogate.interval(fitted.asked)[0], opened.interval(fitted.asked)[0]
        require(np.array_equal(lower, again), f"after saving and opening its intervals differ {fitted.where}")
        _, second_digest = pack("kit", {}, {"surrogate": opened.state()})
        require(digest == second_digest, f"saved again after opening it is another file {fitted.where}")


def check_left_out_leaves_groups_out(model: Model, *, rng: np.random.Generator) -> None:
    """Of a label nothing is known once it and those of its twins are left out.

    Each pair of twins has one label that is noise; who sees the label of the other twin knows it.
    """
    space = load_space(_KIT_SPACES[0])
    pairs = _twins()
    learnt = [one for pair in pairs for one in pair]
    labels = np.repeat(rng.standard_normal(len(pairs)), 2)
    surrogate = Surrogate(space, model, seed=1).fit(learnt, labels)
    means, deviations = surrogate.left_out
    require(means.shape == deviations.shape == labels.shape, f"left_out gives {means.shape} for {len(labels)} labels")
    used = np.isfinite(means)
    require(used.mean() > 0.5, f"left_out says nothing of {np.mean(~used):.0%} of {len(labels)} labels")
    _require_moments(means[used], deviations[used], int(used.sum()), "left_out")
    found = _correlation(means[used], labels[used])
    require(found < 0.6, f"labels of noise are predicted when left out, with a correlation of {found:.2f}")


def check_noise_of_labels(model: Model, *, rng: np.random.Generator) -> None:
    """Known standard deviations of labels are taken; a negative one is refused."""
    fitted = _fitted(model, _KIT_SPACES[0])
    noise = np.linspace(0, 2 * fitted.labels.std(), len(fitted.labels))
    noisy = Surrogate(fitted.surrogate.space, model, seed=1).fit(fitted.learnt, fitted.labels, noise)
    said = noisy.predict(fitted.asked)
    _require_moments(said.mean, said.standard_deviation, len(fitted.asked), "predict after a fit with noise")
    fresh = Surrogate(fitted.surrogate.space, model, seed=1)
    raises(DataError, lambda: fresh.fit(fitted.learnt, fitted.labels, -noise), "a fit with negative noise")


def check_known_values(model: Model, *, rng: np.random.Generator) -> None:
    """Values of another data set that rank all but truly are followed."""
    fitted = _fitted(model, _KIT_SPACES[0])
    spread = 0.05 * fitted.labels.std()
    known = [values + spread * rng.standard_normal(len(values)) for values in (fitted.labels, fitted.truth)]
    knowing = Surrogate(fitted.surrogate.space, model, seed=1)
    said = knowing.fit(fitted.learnt, fitted.labels, known=known[0]).predict(fitted.asked, known=known[1])
    found = _correlation(said.mean, fitted.truth)
    require(found > 0.8, f"told values that correlate by 0.99, it predicts with a correlation of {found:.2f}")


def check_samples(model: Model, *, rng: np.random.Generator) -> None:
    """Samples follow the generator, and have the moments of a fresh measurement."""
    for fitted in _on_all_spaces(model):
        surrogate, asked = fitted.surrogate, fitted.asked[:10]
        drawn = surrogate.sample(asked, _DRAWS, rng=np.random.default_rng(3))
        require(drawn.shape == (_DRAWS, len(asked)), f"sample gives an array {drawn.shape} {fitted.where}")
        again = surrogate.sample(asked, _DRAWS, rng=np.random.default_rng(3))
        require(np.array_equal(drawn, again), f"one generator gives two samples {fitted.where}")
        lower, upper = surrogate.interval(asked, 0.8)
        inside = ((drawn >= lower) & (drawn <= upper)).mean(axis=0)
        require(
            (abs(inside - 0.8) < 0.05).all(), f"intervals of 80 % hold {inside.min():.0%} of samples {fitted.where}"
        )


def check_better_than_chance(model: Model, *, rng: np.random.Generator) -> None:
    """It ranks architectures that it did not learn from, roughly."""
    for fitted in _on_all_spaces(model):
        found = _correlation(fitted.surrogate.predict(fitted.asked).mean, fitted.truth)
        require(found > 0.4, f"predictions correlate with the truth by {found:.2f} {fitted.where}")


def check_bad_input(model: Model, *, rng: np.random.Generator) -> None:
    """What cannot be learnt from is refused before anything is fitted, and so is a question before that."""
    learnt, labels, asked, _ = _toy(_KIT_SPACES[0])
    space = load_space(_KIT_SPACES[0])

    def fit(architectures: list[Architecture], values: Vector) -> Callable[[], object]:
        return partial(Surrogate(space, model).fit, architectures, values)

    for wrong in (np.nan, np.inf, -np.inf):
        raises(DataError, fit(learnt, np.append(labels[:-1], wrong)), f"a label of {wrong}")
    raises(DataError, fit(learnt[:4], labels[:4]), "a fit on four labels")
    raises(DataError, fit(learnt, np.full(len(learnt), 7.0)), "a fit on labels that are all equal")
    raises(DataError, fit(learnt, labels[:-1]), "one label too few")
    foreign = Architecture("a-space-of-the-conformance-kit", ["input", "output"], [(0, 1)])
    raises(WrongSpace, fit([*learnt[:-1], foreign], labels), "an architecture of another space")
    fresh = Surrogate(space, model)
    raises(InvalidSetting, lambda: fresh.predict(asked), "a question before the fit")
    fitted = _fitted(model, space.name).surrogate
    raises(WrongSpace, lambda: fitted.predict([foreign]), "a question about an architecture of another space")


@lru_cache(maxsize=1)
def _twins() -> list[tuple[Architecture, Architecture]]:
    """Pairs of functional twins, each pair of another function."""
    space = load_space(_KIT_SPACES[0])
    drawn = space.sample(3000, rng=np.random.default_rng(2))
    by_group: dict[int, dict[int, Architecture]] = {}
    for group, architecture in zip(functional_groups(space, drawn).tolist(), drawn, strict=True):
        by_group.setdefault(group, {})[space.identity_key(architecture)] = architecture
    pairs = [tuple(members.values())[:2] for members in by_group.values() if len(members) > 1]
    return [(first, second) for first, second in pairs[:_PAIRS]]


def _require_moments(mean: Vector, deviation: Vector, count: int, what: str) -> None:
    for values, name in ((mean, "mean"), (deviation, "standard deviation")):
        require(isinstance(values, np.ndarray) and values.shape == (count,), f"the {name} of {what} has another shape")
        require(np.isfinite(values).all(), f"a {name} of {what} is not finite")
    require((deviation > 0).all(), f"a standard deviation of {what} is {deviation.min(initial=np.inf)}")


def _correlation(one: Vector, other: Vector) -> float:
    """0 where one of the two is constant."""
    return float(np.corrcoef(one, other)[0, 1]) if np.ptp(one) > 0 and np.ptp(other) > 0 else 0.0


def _close(one: Vector, other: Vector) -> bool:
    return bool(np.allclose(one, other, rtol=_ROUNDING, atol=_ROUNDING))


SURROGATE_CHECKS: tuple[Check, ...] = (
    check_declaration,
    check_bad_input,
    check_predictions,
    check_better_than_chance,
    check_same_seed_same_bits,
    check_answers_do_not_depend_on_the_list,
    check_saved_and_opened,
    check_left_out_leaves_groups_out,
    check_noise_of_labels,
    check_known_values,
    check_samples,
)
"""The checks of the kit, each a function ``check_...(model, *, rng)``, in the order in which they are run."""
