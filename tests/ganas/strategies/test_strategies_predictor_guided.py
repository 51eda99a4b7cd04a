"""predictor-guided: what it learns from, what it ranks by, and what it proposes."""

import numpy as np
import pytest

import ganas
from ganas import testing
from ganas.bench.metric import Evaluation
from ganas.bench.surrogate.models import MODELS
from ganas.bench.surrogate.surrogate import Surrogate
from ganas.bench.toy import ToyBenchmark
from ganas.spaces.errors import InvalidSetting, MissingDependency
from ganas.spaces.nasbench201.space import NASBench201
from ganas.strategies.gp_local import GPLocal
from ganas.strategies.model_based import best_and_spread, finite_labels
from ganas.strategies.predictor_guided import PredictorGuided, PredictorGuidedSettings, log_expected_improvement
from ganas.strategy import PredicateConstraint, Problem

SPACES = ("darts", "graphnas", "graphnas-proteins", "nasbench101", "nasbench201", "natsbench-size")
ACQUISITIONS = ("mean", "ucb", "expected-improvement", "thompson")
BOTH = (GPLocal, PredictorGuided)


@pytest.fixture(scope="module")
def space():
    return ganas.load_space("nasbench201")


@pytest.fixture(scope="module")
def toy(space):
    return ToyBenchmark(space)


def keys(study):
    return [study.benchmark.space.identity_key(entry.evaluation.architecture) for entry in study.entries]


@pytest.mark.slow
@testing.parametrize_strategy_checks(["predictor-guided"])
def test_kit(subject, check):
    check(subject)


# --- what is ranked, and how -------------------------------------------------------------------------------------


@pytest.mark.parametrize("acquisition", ACQUISITIONS)
def test_the_proposal_with_the_highest_acquisition_is_asked(toy, acquisition):
    study = ganas.Study(toy, PredictorGuided, budget=60, seed=0, settings={"acquisition": acquisition}).run(15)
    strategy = study.strategy
    ranked = []
    original = strategy._pool.take

    def take(wanted, count):
        ranked.append((wanted, list(strategy._pool.architectures)))
        return original(wanted, count)

    strategy._pool.take = take
    (asked,) = strategy.ask(1)
    ((wanted, pool),) = ranked
    mean, deviation = strategy._surrogate.on_scale(pool)
    assert len(pool) > 200 and asked == pool[int(np.argmax(wanted))]
    if acquisition == "mean":
        assert np.allclose(wanted, mean, atol=1e-4)
    elif acquisition == "ucb":
        assert np.allclose(wanted, mean + 1.5 * deviation, atol=1e-4)
    elif acquisition == "expected-improvement":
        incumbent = strategy._surrogate.on_scale(strategy._best)[0].max()
        assert np.allclose(wanted, log_expected_improvement(mean - incumbent, deviation), atol=1e-3)
    else:
        drawn = (wanted - mean) / deviation
        assert abs(drawn.mean()) < 0.3 and 0.8 < drawn.std() < 1.2


def test_expected_improvement_is_that_of_an_integral():
    rng = np.random.default_rng(0)
    gain, deviation = rng.uniform(-3, 3, 40), rng.uniform(0.2, 2, 40)
    grid = np.linspace(-10, 10, 200_001)
    density = np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi) * (grid[1] - grid[0])
    expected = [float((np.maximum(g + d * grid, 0) * density).sum()) for g, d in zip(gain, deviation, strict=True)]
    assert np.allclose(np.exp(log_expected_improvement(gain, deviation)), expected, rtol=1e-5, atol=1e-8)


def test_expected_improvement_rises_with_the_gain_however_small():
    gain = np.concatenate([np.linspace(-900, -20, 500), np.linspace(-19.9, 20, 2000)])
    logarithm = log_expected_improvement(gain, np.ones(len(gain)))
    assert np.isfinite(logarithm).all() and (np.diff(logarithm) > 0).all()


def test_proposals_come_from_every_source(toy, space):
    settings = {"new_proposals": 100, "mutant_share": 0.5, "crossover_share": 0.2, "neighbours_of": 2, "parents": 4}
    study = ganas.Study(toy, PredictorGuided, budget=60, seed=0, settings=settings).run(12)
    strategy = study.strategy
    sources = {}
    original = strategy._pool.add

    def add(architectures, seen):
        sources[len(sources)] = list(architectures)
        original(architectures, seen)

    strategy._pool.add = add
    strategy._lent.clear()
    strategy.ask(1)
    first, second, mutated, crossed, random = sources.values()
    best = strategy._best
    assert len(best) == 4
    assert [first, second] == [space.neighbours(parent) for parent in best[:2]]
    around = {space.identity_key(one) for parent in best for one in space.neighbours(parent)}
    assert len(mutated) == 50 and {space.identity_key(one) for one in mutated} <= around
    assert len(crossed) == 20 and len(random) == 30
    genes = [set(column) for column in zip(*map(space.encode, best), strict=True)]
    assert all(gene in column for one in crossed for gene, column in zip(space.encode(one), genes, strict=True))
    asked_later = [len(sources[number]) for number in range(5)]
    strategy.ask(1)
    assert len(sources) == 5 + 3 and asked_later[0] == 24, "neighbours are lent once"


def test_expected_improvement_of_what_is_certain_is_the_gain():
    logarithm = log_expected_improvement(np.array([2.0, 0.5, 0.0, -0.5]), np.zeros(4))
    assert np.allclose(np.exp(logarithm), [2, 0.5, 0, 0], atol=1e-8) and (np.diff(logarithm) < 0).all()


# --- what is learnt from -----------------------------------------------------------------------------------------


def test_the_surrogate_is_fitted_as_often_and_on_as_much_as_is_set(toy, monkeypatch):
    fitted = []
    original = Surrogate.fit

    def fit(self, architectures, values, *args, **named):
        fitted.append(len(values))
        return original(self, architectures, values, *args, **named)

    monkeypatch.setattr(Surrogate, "fit", fit)
    ganas.search(toy, "predictor-guided", budget=31, seed=0, settings={"refit_every": 4, "training_size": 20})
    assert fitted == [6, 10, 14, 18, 20, 20, 20]


def test_failures_count_as_the_worst_of_the_others(space, monkeypatch):
    learnt = []
    original = Surrogate.fit

    def fit(self, architectures, values, *args, **named):
        learnt.append(np.array(values))
        return original(self, architectures, values, *args, **named)

    monkeypatch.setattr(Surrogate, "fit", fit)
    objective = ToyBenchmark(space).metrics["toy_value"]
    strategy = PredictorGuided(Problem(space, (objective,)), rng=np.random.default_rng(0))
    for number in range(7):
        (asked,) = strategy.ask(1)
        failed = number in (1, 3)
        strategy.tell(
            [Evaluation(asked, failure="it diverged") if failed else Evaluation(asked, {"toy_value": 5.0 - number})]
        )
    assert learnt[0].tolist() == [5, 0, 3, 0, 1, 0]
    (asked,) = strategy.ask(1)
    failing = {space.identity_key(one) for one in (strategy._evaluated[1], strategy._evaluated[3])}
    assert strategy._scores[1] == -np.inf and space.identity_key(asked) not in failing
    assert not any(one in strategy._best for one in (strategy._evaluated[1], strategy._evaluated[3]))


@pytest.mark.parametrize("strategy", BOTH)
@pytest.mark.parametrize("value", [None, 7.0])
def test_where_nothing_can_be_learnt_it_draws_at_random(space, strategy, value):
    objective = ToyBenchmark(space).metrics["toy_value"]
    one = strategy(Problem(space, (objective,)), rng=np.random.default_rng(0))
    seen = set()
    for _ in range(15):
        (asked,) = one.ask(1)
        seen.add(space.identity_key(asked))
        one.tell([Evaluation(asked, failure="failed") if value is None else Evaluation(asked, {"toy_value": value})])
    assert len(seen) == 15


def test_labels_to_learn_from():
    bad = -np.inf
    assert finite_labels(np.array([1.0, 2, 3, 4])) is None
    assert finite_labels(np.full(9, bad)) is None
    assert finite_labels(np.array([2.0, bad, bad, bad, bad])) is None
    assert finite_labels(np.array([2.0, bad, 1, bad, bad])).tolist() == [2, 1, 1, 1, 1]


@pytest.mark.parametrize("count,size", [(5, 5), (6, 5), (40, 7), (301, 300)])
def test_best_and_spread_keep_the_best_half_and_both_ends(count, size):
    labels = np.random.default_rng(0).permutation(count).astype(float)
    kept = best_and_spread(labels, size)
    assert len(set(kept.tolist())) == len(kept) == size and (np.diff(kept) > 0).all()
    assert set(range(count - (size - size // 2), count)) | {0} <= set(labels[kept].tolist())


# --- as a strategy -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SPACES)
def test_it_runs_on_every_space(name):
    study = ganas.Study(ToyBenchmark(ganas.load_space(name)), PredictorGuided, budget=12, seed=0).run()
    assert study.stop == "budget" and len(set(keys(study))) == 12


class Corner(NASBench201):
    """The 25 cells whose first four operations are fixed."""

    size = 25

    def sample(self, count, *, rng):
        return [self.decode((3, 3, 3, 3, *rng.integers(5, size=2).tolist())) for _ in range(count)]

    def enumerate(self):
        return (self.decode((3, 3, 3, 3, a, b)) for a in range(5) for b in range(5))

    def is_valid(self, genotype):
        return super().is_valid(genotype) and tuple(genotype[:4]) == (3, 3, 3, 3)


@pytest.mark.parametrize("strategy", BOTH)
def test_a_tiny_space_is_used_up(strategy):
    study = ganas.Study(ToyBenchmark(Corner()), strategy, budget=100, seed=0).run()
    assert study.stop == "exhausted" and len(keys(study)) == len(set(keys(study))) == 25


@pytest.mark.parametrize("strategy", BOTH)
@pytest.mark.parametrize("budget", [1, 3, 7])
def test_small_budgets(toy, strategy, budget):
    study = ganas.Study(toy, strategy, budget=budget, seed=0).run()
    assert study.stop == "budget" and len(study.entries) == budget


@pytest.mark.parametrize("strategy", BOTH)
def test_several_at_once_differ_and_keep_to_the_predicate(space, toy, strategy):
    heeded = PredicateConstraint("no 3x3", lambda cell: "nor_conv_3x3" not in cell.operations)
    study = ganas.Study(toy, strategy, budget=100, seed=0, constraints=[heeded])
    asked = []
    for count in (5, 3, 7, 7, 2):
        batch = study.strategy.ask(count)
        assert 0 < len(batch) <= count
        study.strategy.tell([study.ledger.evaluate(cell) for cell in batch])
        asked += batch
    assert len({space.identity_key(cell) for cell in asked}) == len(asked) == study.ledger.queries >= 22
    # Nothing is told of these yet, and still they are not asked again.
    ahead = [*study.strategy.ask(4), *study.strategy.ask(4)]
    assert len({space.identity_key(cell) for cell in asked + ahead}) == len(asked) + 8
    assert all(heeded.allows(cell) for cell in asked + ahead)


@pytest.mark.parametrize("acquisition", ACQUISITIONS)
def test_a_loaded_state_goes_on_as_if_nothing_had_happened(toy, tmp_path, acquisition):
    # The surrogate is of 6, 11, 16 evaluations: in between, that of a loaded study is fitted on what was told before.
    settings = {"acquisition": acquisition, "refit_every": 5, "new_proposals": 60}

    def new():
        return ganas.Study(toy, PredictorGuided, budget=20, seed=3, settings=settings)

    whole = keys(new().run())
    for stop in (2, 9, 14):
        new().run(stop).save(tmp_path / "study.npz")
        assert keys(new().load(tmp_path / "study.npz").run()) == whole


@pytest.mark.parametrize(
    "settings,message",
    [
        ({"model": "gausian-process"}, "did you mean 'gaussian-process'"),
        ({"acquisition": "max"}, "acquisition must be"),
        ({"refit_every": 0}, "refit_every"),
        ({"training_size": 4}, "training_size"),
        ({"optimism": -0.1}, "optimism"),
        ({"mutant_share": 1.2}, "mutant_share"),
        ({"mutant_share": 0.7, "crossover_share": 0.4}, "above 1 together"),
    ],
)
def test_settings_out_of_range(settings, message):
    with pytest.raises(InvalidSetting, match=message):
        PredictorGuidedSettings(**settings)


@pytest.mark.slow
@pytest.mark.parametrize("model", sorted(MODELS))
def test_every_model_guides(toy, model):
    settings = {"model": model, "refit_every": 10, "new_proposals": 50, "pool_size": 100}
    guided = []
    for seed in range(3):
        try:
            study = ganas.Study(toy, PredictorGuided, budget=60, seed=seed, settings=settings)
        except MissingDependency as error:
            pytest.skip(str(error))
        guided.append(study.run().best.values["toy_value"])
    # One random search may be lucky, so it is the mean of many.
    random = [ganas.search(toy, "random-search", budget=60, seed=seed).best.values["toy_value"] for seed in range(20)]
    assert np.mean(guided) > np.mean(random), (guided, np.mean(random))
