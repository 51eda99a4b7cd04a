"""What docs/convergence.md claims, on spaces small enough to sum over."""

import numpy as np
import pytest

import ganas
from ganas.adversarial.basic import GANASBasic
from ganas.adversarial.generator import Generator
from ganas.adversarial.search import GANAS
from ganas.bench.metric import Evaluation
from ganas.bench.toy import ToyBenchmark
from ganas.strategies import drawing
from ganas.study import Study

torch = pytest.importorskip("torch", reason="the networks need torch")

EPSILON = 0.1
BASIC = {"hidden": 8, "layers": 1, "adversarial_rounds": 1, "fakes": 16, "initial_samples": 4}
RANKING = {
    "initial_samples": 2,
    "gaussian_process_weight": 0.0,
    "training_steps": 1,
    "pool_size": 40,
    "new_proposals": 20,
    "neighbour_share": 0.5,
    "generator_share": 0.0,
    "crossover_share": 0.0,
}


@pytest.fixture
def wiring(spaces, monkeypatch):
    """The space of 21 wirings with faster draws, and fewer of them before it is searched in order."""
    space = spaces["wiring"]
    members = tuple(space.enumerate())
    monkeypatch.setattr(space, "sample", lambda n, rng: [members[i] for i in rng.integers(len(members), size=n)])
    monkeypatch.setattr(drawing, "_MOST_DRAWS", 200)
    return space


def floors(space, sequences, epsilon):
    """The product of epsilon / (legal choices) over the decisions where there is a choice, (count,)."""
    builder = space.builder(len(sequences))
    product = np.ones(len(sequences))
    for choices in np.asarray(sequences).T:
        legal = builder.mask().sum(axis=1)
        product *= np.where(legal > 1, epsilon / legal, 1.0)
        builder.apply(choices)
    return product


@pytest.fixture
def collapsed(seeded, shaken):
    """A generator whose networks are all but certain of every choice: the floor is all that is left of the others."""

    def make(space):
        generator = shaken(Generator(space, hidden=8, layers=1, generator=seeded(0)), scale=1.0)
        with torch.no_grad():
            for head in (generator.operation_head[-1], generator.edge_head):
                head.weight.mul_(1000.0)
        return generator

    return make


def probabilities(generator, sequences, epsilon):
    with torch.no_grad():
        return generator.log_probability(sequences, epsilon=epsilon).double().exp().numpy()


# --- the floor ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["wiring", "nasbench201", "chain"])
def test_every_architecture_has_at_least_the_floor(name, spaces, collapsed):
    space = spaces[name]
    sequences = space.building_sequences(list(space.enumerate()))
    floor = floors(space, sequences, EPSILON)
    exact = probabilities(generator := collapsed(space), sequences, EPSILON)
    assert exact.sum() == pytest.approx(1, abs=1e-4)
    assert (exact >= floor * (1 - 1e-4)).all()
    # The floor is attained, so it cannot be raised; and without the share of uniform choices there is none.
    assert exact.min() <= 1.01 * floor[exact.argmin()]
    assert (probabilities(generator, sequences, 0.0) < floor).any()


def test_the_floor_of_nasbench201_is_that_of_the_page(spaces):
    space = spaces["nasbench201"]
    floor = floors(space, space.building_sequences(space.sample(50, rng=np.random.default_rng(0))), 0.02)
    assert floor == pytest.approx(0.004**6)


def test_the_floor_holds_for_cells_of_nasbench101(spaces, collapsed):
    space = spaces["nasbench101"]
    sequences = space.building_sequences(space.sample(500, rng=np.random.default_rng(0)))
    assert (probabilities(collapsed(space), sequences, EPSILON) >= floors(space, sequences, EPSILON) * (1 - 1e-3)).all()


# --- hitting --------------------------------------------------------------------------------------------------------


def standard_error(share, count):
    return np.sqrt(max(share * (1 - share), 1 / count) / count)


def test_a_round_of_ganas_basic_hits_as_often_as_the_bound_says(wiring, collapsed, monkeypatch):
    """Draws of a generator that is against it, no uniform ones: the unlikeliest architecture is found none the less."""
    space = wiring
    members = list(space.enumerate())
    study = Study(ToyBenchmark(space), GANASBasic, budget=90, seed=0, settings={**BASIC, "evaluations_per_round": 6})
    strategy = study.strategy
    generator = strategy._training.actor.generator = collapsed(space)
    exact = probabilities(generator, space.building_sequences(members), 0.4)
    target = space.identity_key(members[exact.argmin()])
    floor = floors(space, space.building_sequences(members), 0.4)[exact.argmin()]
    monkeypatch.setattr(strategy, "_draw_uniform", lambda count: 0)
    rounds, hits = 800, 0
    for _ in range(rounds):
        strategy._seen, strategy._queue = set(), []
        strategy._draw_generated(0.4)
        hits += target in strategy._seen
    bound = 1 - (1 - floor) ** 6
    assert bound < 0.2
    assert hits / rounds >= bound - 4 * standard_error(bound, rounds)


def hitting_bound(size, queries, initial, exploration):
    """P(one wanted architecture is not evaluated within 0, 1, ... queries), at most."""
    steps = np.arange(queries)
    share = np.where(steps < initial, 1.0, exploration)
    return np.cumprod(np.r_[1.0, 1 - share / (size - steps)])


def test_ganas_hits_what_its_ranking_avoids_as_soon_as_the_bound_says(wiring, monkeypatch):
    """The ensemble ranks one architecture last, whatever it learns: only the exploration share finds it."""
    space, runs, exploration = wiring, 100, 0.3
    bench = ToyBenchmark(space)
    wanted = next(iter(space.enumerate()))
    settings = {**RANKING, "exploration": exploration}
    times = []
    for seed in range(runs):
        study = Study(bench, GANAS, budget=space.size, seed=seed, settings=settings)
        monkeypatch.setattr(
            study.strategy._ensemble,
            "score",
            lambda architectures, rows, optimism=0.0: np.array([-float(a == wanted) for a in architectures]),
        )
        study.run()
        times.append(next(i for i, e in enumerate(study.entries, 1) if e.evaluation.architecture == wanted))
    bound = hitting_bound(space.size, space.size, 2, exploration)
    late = (np.array(times)[:, None] > np.arange(space.size + 1)).mean(axis=0)
    tolerance = np.array([4 * standard_error(share, runs) for share in bound])
    assert (late <= bound + tolerance).all()
    # With everything else against it, it is found hardly sooner: the bound is no looser than the loop.
    assert (late[:12] >= bound[:12] - tolerance[:12]).all()
    assert np.mean(times) <= bound[:-1].sum() + 4 * np.std(times) / np.sqrt(runs)


@pytest.mark.parametrize(
    ("strategy", "settings"),
    [
        (GANASBasic, {**BASIC, "epsilon_first": 0.0, "epsilon_last": 0.0}),
        (GANAS, {**RANKING, "exploration": 0.0, "epsilon": 0.0}),
    ],
)
def test_without_a_floor_the_space_is_used_up(strategy, settings, wiring):
    space = wiring
    study = ganas.search(ToyBenchmark(space), strategy, budget=100, seed=0, settings=settings)
    keys = [space.identity_key(entry.evaluation.architecture) for entry in study.entries]
    assert len(keys) == len(set(keys)) == space.size
    assert study.stop == "exhausted"


# --- the k-th best --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("higher", [True, False])
@pytest.mark.parametrize(
    ("strategy", "settings", "size"),
    [
        (GANASBasic, {**BASIC, "initial_samples": 12, "truth_size": 6, "evaluations_per_round": 5}, 6),
        (GANAS, {**RANKING, "truth_size": 6, "generator_share": 0.2, "generator_hidden": 8, "generator_layers": 1}, 6),
    ],
)
def test_the_kth_best_never_gets_worse(strategy, settings, size, higher, spaces):
    bench = ToyBenchmark(spaces["nasbench201"], higher_is_better=higher)
    trace = ganas.search(bench, strategy, budget=60, seed=1, settings=settings).trace
    recorded = trace["kth_best"].dropna()
    sign = 1 if higher else -1
    assert len(recorded) >= 6
    assert recorded.nunique() >= 3
    assert (sign * recorded).is_monotonic_increasing
    # It is what it says: of everything told before the query at which it stands.
    for row, value in recorded.items():
        assert value == sign * np.sort(sign * trace["value"].to_numpy()[:row])[-size]


def test_what_failed_is_no_member(spaces):
    """So it neither counts as k-th best nor is it missing from it."""
    study = Study(ToyBenchmark(spaces["nasbench201"]), GANASBasic, budget=90, seed=0, settings=BASIC)
    strategy = study.strategy
    cells = strategy.ask(4)
    strategy.tell([Evaluation(cell, {}, failure="diverged", query=n) for n, cell in enumerate(cells, 1)])
    assert strategy._truth() == []
