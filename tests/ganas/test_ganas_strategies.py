"""Built-in strategies: the conformance kit over the registry, and what each promises beyond it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import ganas
from ganas import testing
from ganas.bench.toy import ToyBenchmark
from ganas.plugins import STRATEGIES, load_strategy, make_settings
from ganas.spaces.errors import InvalidSetting, UnknownName
from ganas.strategies.local_search import LocalSearch
from ganas.strategies.random_search import RandomSearch
from ganas.strategies.regularized_evolution import RegularizedEvolution, RegularizedEvolutionSettings

# The control fails one check; what learns a model is slow and has its kit beside its own tests.
ELSEWHERE = ("duality-gap", "ess", "ganas", "ganas-basic", "gp-local", "largest-first", "predictor-guided")


@testing.parametrize_strategy_checks([name for name in STRATEGIES.entries() if name not in ELSEWHERE])
def test_kit(subject, check):
    check(subject)


@testing.parametrize_strategy_checks(
    ["largest-first"],
    {"check_beats_random_search": "a control that learns nothing, on a toy that does not reward size"},
)
def test_kit_on_the_control(subject, check):
    check(subject)


@pytest.fixture(scope="module")
def space():
    return ganas.load_space("nasbench201")


@pytest.fixture(scope="module")
def toy(space):
    return ToyBenchmark(space)


def test_random_search_never_repeats_and_uses_up_a_small_space(space):
    class Corner(type(space)):
        """The 25 cells whose first four operations are fixed."""

        name = "nasbench201"
        size = 25

        def sample(self, count, *, rng):
            return [self.decode((3, 3, 3, 3, *rng.integers(5, size=2).tolist())) for _ in range(count)]

        def enumerate(self):
            return (self.decode((3, 3, 3, 3, a, b)) for a in range(5) for b in range(5))

    study = ganas.Study(ToyBenchmark(Corner()), RandomSearch, budget=100, seed=0).run()
    assert study.stop == "exhausted"
    assert len({entry.evaluation.architecture for entry in study.entries}) == len(study.entries) == 25


def test_local_search_moves_only_upwards_and_restarts(toy, space):
    study = ganas.Study(toy, LocalSearch, budget=400, seed=3)
    positions = []
    while study.stop is None:
        study._advance()
        positions.append((study.strategy._current, study.strategy._current_score))
    restarts = 0
    for (before, low), (after, high) in itertools.pairwise(positions):
        if after != before:
            neighbours = before is not None and after in space.neighbours(before)
            assert not neighbours or high > low
            restarts += not neighbours
    assert restarts >= 1
    # At every restart the search had looked at all neighbours of where it stood.
    scores = study.strategy._scores
    best = max(positions, key=lambda position: position[1])[0]
    assert all(space.identity_key(neighbour) in scores for neighbour in space.neighbours(best))


def test_regularized_evolution_ages_out_the_oldest_and_lets_repeats_in(toy):
    settings = RegularizedEvolutionSettings(population_size=6, tournament_size=3)
    study = ganas.Study(toy, RegularizedEvolution, budget=120, seed=0, settings=settings)
    told = []
    original = study.strategy.tell

    def tell(evaluations):
        told.extend(evaluations)
        original(evaluations)

    study.strategy.tell = tell
    study.run()
    repeats = [evaluation for evaluation in told if not evaluation.counted]
    assert repeats, "the seed shows no repeat"
    expected = [evaluation.architecture for evaluation in told[-6:]]
    assert [architecture for architecture, _ in study.strategy._population] == expected
    assert len(told) - len(repeats) == study.ledger.queries == 120


def test_tournament_takes_the_best_of_distinct_members(toy):
    settings = RegularizedEvolutionSettings(population_size=8, tournament_size=8)
    study = ganas.Study(toy, RegularizedEvolution, budget=8, seed=0, settings=settings).run()
    best = max(study.strategy._population, key=lambda member: member[1])[0]
    # Without replacement a tournament of the whole population always finds its best.
    assert {study.strategy._tournament() for _ in range(20)} == {best}


@pytest.mark.parametrize("population,tournament", [(0, 1), (5, 6), (5, 0), (-1, -1)])
def test_settings_out_of_range(population, tournament):
    with pytest.raises(InvalidSetting, match="tournament_size"):
        RegularizedEvolutionSettings(population_size=population, tournament_size=tournament)


def test_settings_from_names_and_texts():
    made = make_settings(RegularizedEvolution, {"population_size": "30"})
    assert made == RegularizedEvolutionSettings(population_size=30)
    with pytest.raises(InvalidSetting, match="did you mean 'population_size'"):
        make_settings(RegularizedEvolution, {"populaton_size": 30})
    with pytest.raises(InvalidSetting, match="population_size"):
        make_settings(RegularizedEvolution, {"population_size": "many"})
    with pytest.raises(InvalidSetting, match="tournament_size"):
        make_settings(RegularizedEvolution, {"population_size": 2})


def test_settings_of_another_strategy_are_refused(toy):
    with pytest.raises(InvalidSetting, match="settings of 'local-search'"):
        ganas.Study(toy, LocalSearch, budget=5, seed=0, settings=RegularizedEvolutionSettings())


def test_unknown_strategy_names_the_closest():
    with pytest.raises(UnknownName, match="did you mean 'local-search'"):
        load_strategy("local_serch")


@pytest.mark.parametrize("dataset", ["cifar10", "cifar100", "imagenet16"])
def test_figures_of_the_baselines(dataset):
    """Within noise of figures measured independently with a plain implementation on 400 seeds (here 60)."""
    bench = ganas.load_benchmark(f"nasbench201-{dataset}")
    optimum = bench.optimum().value

    def by_100(strategy):
        studies = [ganas.search(bench, strategy, budget=100, seed=seed) for seed in range(60)]
        best = np.array([study.best.values["valid_accuracy"] for study in studies])
        return float(np.mean(best >= optimum)), float(np.mean(optimum - best))

    share, regret = {"cifar10": (0.81, 0.059), "cifar100": (0.88, 0.188), "imagenet16": (0.10, 0.387)}[dataset]
    reached, mean_regret = by_100("local-search")
    # Four standard errors of a share over 60 seeds; the regret within half of it.
    assert abs(reached - share) <= 4 * np.sqrt(share * (1 - share) / 60)
    assert abs(mean_regret - regret) <= 0.5 * regret
    share = {"cifar10": 0.23, "cifar100": 0.30, "imagenet16": 0.12}[dataset]
    reached, _ = by_100("regularized-evolution")
    assert abs(reached - share) <= 4 * np.sqrt(share * (1 - share) / 60)
