"""The pool of proposals: what comes in, what stays, what is left out; mutants and crossovers."""

import numpy as np
import pytest

import ganas
from ganas.bench.surrogate.features import Features
from ganas.bench.toy import ToyBenchmark
from ganas.spaces.errors import NotSupported
from ganas.strategies.proposals import ProposalPool, crossovers, mutants
from ganas.strategy import PredicateConstraint, Problem

SPACES = ("nasbench101", "nasbench201")


@pytest.fixture(scope="module")
def spaces():
    return {name: ganas.load_space(name) for name in SPACES}


@pytest.fixture
def pool_of():
    def make(space, size=20, constraints=()):
        problem = Problem(space, (ToyBenchmark(space).metric(None),), 60, constraints=tuple(constraints))
        return ProposalPool(
            problem, Features(space, ("structure", "live", "genotype"), rng=np.random.default_rng(0)), size
        )

    return make


def drawn(space, count, seed=1):
    """Different architectures in the order of their first draw."""
    found = {space.identity_key(a): a for a in space.sample(3 * count, rng=np.random.default_rng(seed))}
    return list(found.values())[:count]


def keys(space, architectures):
    return [space.identity_key(architecture) for architecture in architectures]


def require_consistent(pool):
    """Architectures, keys and rows of a pool belong together, whatever was done to it."""
    space = pool.problem.space
    assert pool._keys == keys(space, pool.architectures)
    assert len(set(pool._keys)) == len(pool) == len(pool.rows)
    assert np.array_equal(pool.rows, pool._features.rows(pool.architectures))


@pytest.mark.parametrize("name", SPACES)
def test_what_was_seen_and_what_is_there_is_not_taken_in(spaces, pool_of, name):
    space = spaces[name]
    cells, pool = drawn(space, 12), pool_of(spaces[name])
    seen = set(keys(space, cells[:4]))
    pool.add([*cells[:8], *cells[2:6]], seen)
    pool.add(cells[6:], seen)
    assert pool.architectures == cells[4:]
    require_consistent(pool)


def test_isomorphic_cells_are_one_proposal(spaces, pool_of):
    space = spaces["nasbench101"]
    pool = pool_of(space)
    written = [
        space.from_matrix(matrix, ["input", *labels, "output"])
        for matrix, labels in (
            ([[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0]], ["conv1x1-bn-relu", "maxpool3x3"]),
            ([[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0]], ["maxpool3x3", "conv1x1-bn-relu"]),
        )
    ]
    pool.add(written, set())
    assert len(pool) == 1


@pytest.mark.parametrize("name", SPACES)
def test_only_what_is_allowed_is_taken_in(spaces, pool_of, name):
    space = spaces[name]
    banned = space.operations[2]
    pool = pool_of(space, constraints=[PredicateConstraint("without it", lambda a: banned not in a.operations)])
    cells = drawn(space, 200)
    pool.add(cells, set())
    assert pool.architectures == [cell for cell in cells if banned not in cell.operations]
    assert 0 < len(pool) < 200
    require_consistent(pool)


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("count", [0, 1, 5, 30, 100])
def test_the_best_are_taken_and_the_best_of_the_rest_kept(spaces, pool_of, name, count):
    cells, pool = drawn(spaces[name], 40), pool_of(spaces[name], size=20)
    pool.add(cells, set())
    scores = np.random.default_rng(2).standard_normal(40)
    ordered = [cells[number] for number in np.argsort(-scores)]
    assert pool.take(scores, count) == ordered[:count]
    assert pool.architectures == ordered[count : count + 20]
    require_consistent(pool)


def test_the_earlier_one_is_taken_among_equals(spaces, pool_of):
    cells, pool = drawn(spaces["nasbench201"], 10), pool_of(spaces["nasbench201"], size=4)
    pool.add(cells, set())
    assert pool.take(np.zeros(10), 3) == cells[:3]
    assert pool.architectures == cells[3:7]


def test_the_pool_stays_bounded(spaces, pool_of):
    space = spaces["nasbench101"]
    pool, rng = pool_of(space, size=15), np.random.default_rng(0)
    for _ in range(10):
        pool.add(space.sample(30, rng=rng), set())
        pool.take(rng.standard_normal(len(pool)), 1)
        assert len(pool) == 15
        require_consistent(pool)


@pytest.mark.parametrize("name", SPACES)
def test_what_is_evaluated_elsewhere_is_discarded(spaces, pool_of, name):
    space = spaces[name]
    cells, pool = drawn(space, 8), pool_of(space)
    pool.add(cells[:6], set())
    pool.discard(space.identity_key(cells[2]))
    pool.discard(space.identity_key(cells[7]))
    assert pool.architectures == [*cells[:2], *cells[3:6]]
    require_consistent(pool)


def test_an_empty_pool(spaces, pool_of):
    pool = pool_of(spaces["nasbench201"])
    pool.add([], set())
    pool.discard(17)
    assert pool.take(np.zeros(0), 3) == [] and len(pool) == 0
    assert pool.state().shape == (0, 6)
    pool.load_state(pool.state())
    require_consistent(pool)


@pytest.mark.parametrize("name", SPACES)
def test_a_saved_pool_is_the_same(spaces, pool_of, name):
    space = spaces[name]
    pool, other = pool_of(space), pool_of(space)
    pool.add(drawn(space, 15), set())
    other.add(drawn(space, 5, seed=9), set())
    other.load_state(pool.state())
    assert other.architectures == pool.architectures
    require_consistent(other)


def test_without_features_rows_are_empty(spaces):
    space = spaces["nasbench201"]
    pool = ProposalPool(Problem(space, (ToyBenchmark(space).metric(None),)), None, 20)
    pool.add(drawn(space, 6), set())
    assert pool.rows.shape == (6, 0)
    assert pool.take(np.arange(6.0), 2) == drawn(space, 6)[:-3:-1]
    assert pool.rows.shape == (4, 0)


# --- sources ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SPACES)
def test_mutants_are_neighbours_of_every_parent(spaces, name):
    space = spaces[name]
    parents = drawn(space, 3)
    found = mutants(space, parents, 120, rng=np.random.default_rng(3))
    assert len(found) == 120
    around = [set(keys(space, space.neighbours(parent))) for parent in parents]
    children = keys(space, found)
    assert all(any(key in neighbours for neighbours in around) for key in children)
    assert all(20 < sum(key in neighbours for key in children) < 80 for neighbours in around)


def test_a_parent_without_a_neighbour_gives_none(spaces, monkeypatch):
    space = spaces["nasbench201"]
    lonely, other = drawn(space, 2)
    mutate = space.mutate

    def refuse(parent, *, rng):
        if parent == lonely:
            raise NotSupported("it has no neighbour")
        return mutate(parent, rng=rng)

    monkeypatch.setattr(space, "mutate", refuse)
    assert mutants(space, [lonely], 10, rng=np.random.default_rng(0)) == []
    found = mutants(space, [lonely, other], 40, rng=np.random.default_rng(0))
    assert 10 < len(found) < 30


@pytest.mark.parametrize("name", SPACES)
def test_crossovers_mix_two_parents(spaces, name):
    space = spaces[name]
    parents = drawn(space, 2)
    found = crossovers(space, parents, 60, rng=np.random.default_rng(3))
    assert len(found) == 60
    for child in found:
        space.check(child)
    if name == "nasbench201":  # where every mixture is a genotype of the space as it is
        for child in found:
            genes = zip(*map(space.encode, (child, *parents)), strict=True)
            assert all(gene in both for gene, *both in genes)
    assert len(set(keys(space, found))) > 5


def test_no_children_where_none_are_wanted(spaces):
    space = spaces["nasbench101"]
    rng = np.random.default_rng(0)
    assert mutants(space, drawn(space, 2), 0, rng=rng) == crossovers(space, drawn(space, 2), 0, rng=rng) == []
