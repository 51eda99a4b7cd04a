"""The conformance kit of surrogate models: every built-in model passes, and each way to break one fails its check."""

import numpy as np
import pytest

from ganas.bench.conformance import surrogate_models
from ganas.bench.surrogate.models import MODELS, model_class, model_title
from ganas.bench.surrogate.networks import FeatureNetworks
from ganas.bench.surrogate.regressor import DEFAULT_BLOCKS, Regressor
from ganas.bench.surrogate.surrogate import Surrogate
from ganas.bench.testing import SURROGATE_CHECKS, check_surrogate_model, parametrize_surrogate_checks
from ganas.spaces.checks import check_outcomes, run_checks
from ganas.spaces.errors import CheckFailed, InvalidSetting, UnknownName
from ganas.spaces.registry import load_space

# Graph networks take seconds to fit however few steps there are.
QUICK = [name for name in MODELS if name != "gnn-ensemble"]
TRAINED = ["gnn-ensemble", "mlp-ensemble", "stacked"]
STEPS = 60


class TestModels:
    """Networks take fewer steps here."""

    @pytest.fixture(autouse=True, scope="class")
    @staticmethod
    def few_steps():
        surrogate_models._fitted.cache_clear()
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(FeatureNetworks.train.__kwdefaults__, "steps", STEPS)
            yield
        surrogate_models._fitted.cache_clear()

    @parametrize_surrogate_checks(QUICK)
    def test_model(self, subject, check):
        check(subject)


@pytest.mark.slow
@parametrize_surrogate_checks(TRAINED)
def test_trained_in_full(subject, check):
    check(subject)


@pytest.mark.parametrize("name", MODELS)
def test_titles_are_those_of_the_classes(name):
    assert model_title(name) == model_class(name).title
    assert model_class(name).name == name


# --- a model of a few lines, and what may go wrong in one ------------------------------------------------------------


class Ridge(Regressor):
    """Least squares with a penalty, left out in closed form: a sound model."""

    name = "ridge"
    title = "Least squares with a penalty"
    reads = DEFAULT_BLOCKS

    def fit(self, rows, targets, noise=None, *, groups=None, rng):
        weights = np.ones(len(targets)) if noise is None else 1 / (1 + np.square(noise))
        groups = np.arange(len(targets)) if groups is None else groups
        design = self.design(rows)
        self.coefficients = self.solved(design, targets, weights)
        self.means = np.empty(len(targets))
        for group in np.unique(groups):
            kept = groups != group
            self.means[~kept] = design[~kept] @ self.solved(design[kept], targets[kept], weights[kept])
        self.variance = float(np.square(targets - self.means).mean())
        return self

    def design(self, rows):
        scaled = np.array(rows, dtype=np.float64)
        if self.trusted is not None:
            scaled[:, self.blocks[self.trusted]] *= 30
        return np.column_stack([scaled, np.ones(len(rows))])

    def solved(self, design, targets, weights):
        penalty = 10 * np.eye(design.shape[1])
        return np.linalg.solve(design.T * weights @ design + penalty, design.T @ (weights * targets))

    def predict(self, rows):
        mean = (self.design(rows) * self.coefficients).sum(axis=1)
        return mean, np.full(len(rows), 0.5 * self.variance**0.5)

    def left_out(self):
        return self.means, np.full(len(self.means), self.variance**0.5)

    @property
    def noise_variance(self):
        return 0.75 * self.variance

    def state(self):
        return {"coefficients": self.coefficients, "variance": self.variance}

    def load_state(self, state):
        self.coefficients = np.asarray(state["coefficients"])
        self.variance = float(state["variance"])


def test_a_sound_model_of_ones_own_passes():
    check_surrogate_model(Ridge)


class NoTitle(Ridge):
    title = ""


class UnknownFeatures(Ridge):
    reads = ("pixels",)


class WrongShape(Ridge):
    def predict(self, rows):
        mean, deviation = super().predict(rows)
        return mean, deviation[:1]


class Certain(Ridge):
    def predict(self, rows):
        mean, _ = super().predict(rows)
        return mean, np.zeros(len(rows))


class SaysNaN(Ridge):
    def predict(self, rows):
        mean, deviation = super().predict(rows)
        return np.where(mean < np.median(mean), np.nan, mean), deviation


class GlobalDraws(Ridge):
    def fit(self, rows, targets, noise=None, *, groups=None, rng):
        np.random.random()  # what the kit must notice
        return super().fit(rows, targets, noise, groups=groups, rng=rng)


class FreshGenerator(Ridge):
    def fit(self, rows, targets, noise=None, *, groups=None, rng):
        drawn = np.random.default_rng().normal(targets, 0.01)
        return super().fit(rows, drawn, noise, groups=groups, rng=rng)


class ChangesThreads(Ridge):
    def fit(self, rows, targets, noise=None, *, groups=None, rng):
        torch = pytest.importorskip("torch")
        torch.set_num_threads(torch.get_num_threads() + 1)
        return super().fit(rows, targets, noise, groups=groups, rng=rng)


class RanksTheList(Ridge):
    def predict(self, rows):
        mean, deviation = super().predict(rows)
        return mean - mean.mean(), deviation


class Forgets(Ridge):
    def state(self):
        return {**super().state(), "coefficients": self.coefficients.astype(np.float32)}


class CannotBeWritten(Ridge):
    def state(self):
        return {"model": self}


class SeesTwins(Ridge):
    def fit(self, rows, targets, noise=None, *, groups=None, rng):
        super().fit(rows, targets, noise, groups=None, rng=rng)
        # The nearest other label: that of the twin.
        near = np.square(rows[:, None] - rows[None]).sum(axis=2) + 1e9 * np.eye(len(rows))
        self.means = targets[near.argmin(axis=1)]
        return self


class SaysNothingLeftOut(Ridge):
    def left_out(self):
        means, deviations = super().left_out()
        return np.where(np.arange(len(means)) < 5, means, np.nan), deviations


class NoNoise(Ridge):
    def fit(self, rows, targets, noise=None, *, groups=None, rng):
        if noise is not None:
            raise NotImplementedError("noise")
        return super().fit(rows, targets, noise, groups=groups, rng=rng)


class IgnoresKnown(Ridge):
    def design(self, rows):
        design = super().design(rows)
        if self.trusted is not None:
            design[:, self.blocks[self.trusted]] = 0
        return design


class Constant(Ridge):
    def predict(self, rows):
        mean, deviation = super().predict(rows)
        return 0 * mean, deviation


class Guesses(Ridge):
    def predict(self, rows):
        mean, deviation = super().predict(rows)
        return -mean, deviation


BROKEN = [
    (NoTitle, "check_declaration"),
    (UnknownFeatures, "check_declaration"),
    (WrongShape, "check_predictions"),
    (Certain, "check_predictions"),
    (SaysNaN, "check_predictions"),
    (GlobalDraws, "check_same_seed_same_bits"),
    (FreshGenerator, "check_same_seed_same_bits"),
    (RanksTheList, "check_answers_do_not_depend_on_the_list"),
    (Forgets, "check_saved_and_opened"),
    (CannotBeWritten, "check_saved_and_opened"),
    (SeesTwins, "check_left_out_leaves_groups_out"),
    (SaysNothingLeftOut, "check_left_out_leaves_groups_out"),
    (NoNoise, "check_noise_of_labels"),
    (IgnoresKnown, "check_known_values"),
    (Guesses, "check_better_than_chance"),
    (Constant, "check_better_than_chance"),
]


@pytest.mark.parametrize(("model", "check"), BROKEN, ids=lambda value: getattr(value, "__name__", value))
def test_what_is_broken_fails_its_check(model, check):
    with pytest.raises(CheckFailed, match=f"1 of 1 checks failed: {check}"):
        run_checks([one for one in SURROGATE_CHECKS if one.__name__ == check], model)


def test_a_model_that_changes_threads_changes_them_for_nobody_else():
    torch = pytest.importorskip("torch")
    space = load_space("nasbench201")
    cells = space.sample(20, rng=np.random.default_rng(0))
    before = torch.get_num_threads()
    Surrogate(space, ChangesThreads).fit(cells, np.arange(20.0))
    assert torch.get_num_threads() == before


def test_every_check_can_fail():
    """But for the two of the surrogate around the model: what it refuses, and the samples that it draws."""
    names = {check.__name__ for check in SURROGATE_CHECKS}
    assert names - {check for _, check in BROKEN} == {"check_bad_input", "check_samples"}


def test_the_checks_of_the_surrogate_itself_can_fail(monkeypatch):
    class Careless(Surrogate):
        def fit(self, architectures, values, noise=None, *, known=None):
            return super().fit(architectures, np.nan_to_num(values, posinf=0, neginf=0), noise, known=known)

        def sample(self, architectures, count=1, *, rng, known=None):
            return np.repeat(self.predict(architectures).mean[None], count, axis=0)

    surrogate_models._fitted.cache_clear()
    monkeypatch.setattr(surrogate_models, "Surrogate", Careless)
    outcomes = {one.check: one for one in check_outcomes(SURROGATE_CHECKS, Ridge)}
    surrogate_models._fitted.cache_clear()
    failed = {name for name, outcome in outcomes.items() if outcome.failed}
    assert failed == {"check_bad_input", "check_samples"}


def test_expected_failures_must_fail():
    check_surrogate_model(Guesses, {"check_better_than_chance": "it guesses", "check_known_values": "it guesses"})
    with pytest.raises(CheckFailed, match="passes, though it is expected to fail"):
        check_surrogate_model(Ridge, {"check_samples": "no reason"})


def test_names_that_are_no_models():
    with pytest.raises(UnknownName, match="did you mean 'stacked'"):
        check_surrogate_model("stackd")
    with pytest.raises(InvalidSetting, match="not a subclass"):
        check_surrogate_model("math:pi")
