"""What the rankers see: blocks that do not depend on the numbering, scaled by random architectures."""

import numpy as np
import pytest

import ganas
from ganas.adversarial.kinds import FEATURE_BLOCKS
from ganas.bench.surrogate.features import Features
from ganas.spaces.errors import InvalidSetting

VIEWS = ("adaptive", "structure", "live", "genotype")


def features_of(space, view="adaptive", seed=0):
    return Features(space, FEATURE_BLOCKS[view], rng=np.random.default_rng(seed))


def relabelled(space, cell):
    """The same cell written in other orders of its nodes."""
    for node in range(1, cell.num_nodes - 2):
        if (node, node + 1) in cell.edges:
            continue
        places = list(range(cell.num_nodes))
        places[node], places[node + 1] = node + 1, node
        labels = [cell.operations[place] for place in places]
        other = ganas.Architecture(space.name, labels, [(places[a], places[b]) for a, b in cell.edges])
        if other != cell:
            yield other


def test_isomorphic_cells_have_the_same_structure(spaces):
    space = spaces["nasbench101"]
    features = features_of(space, "structure")
    cells = space.sample(100, rng=np.random.default_rng(1))
    pairs = [(cell, other) for cell in cells for other in relabelled(space, cell)]
    assert len(pairs) > 50
    first, second = (features.rows(list(column)) for column in zip(*pairs, strict=True))
    assert np.array_equal(first, second)
    assert len(np.unique(features.rows(cells), axis=0)) > 80, "and others have another"


def test_the_block_of_places_does_tell_them_apart(spaces):
    space = spaces["nasbench101"]
    features = features_of(space, "live")
    pairs = [(c, o) for c in space.sample(50, rng=np.random.default_rng(1)) for o in relabelled(space, c)]
    first, second = (features.rows(list(column)) for column in zip(*pairs, strict=True))
    moved = np.array([cell.operations != other.operations for cell, other in pairs])
    assert np.array_equal((first != second).any(axis=1), moved)
    assert moved.sum() > 10


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", ["nasbench101", "nasbench201", "chain"])
def test_columns_are_scaled_by_random_architectures(spaces, name, view):
    space = spaces[name]
    features = features_of(space, view)
    rows = features.rows(space.sample(3000, rng=np.random.default_rng(7)))
    assert rows.shape == (3000, features.width) and rows.dtype == np.float32
    assert np.isfinite(rows).all()
    assert np.abs(rows.mean(axis=0)).max() < 0.3
    # No column is constant. Rare operations vary more in one sample than in another.
    assert rows.std(axis=0).min() > 0.3
    assert np.median(rows.std(axis=0)) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("name", ["nasbench101", "nasbench201", "chain", "wiring"])
def test_blocks_follow_each_other_and_fill_the_width(spaces, name):
    features = features_of(spaces[name])
    ends = [(block.start, block.stop) for block in features.blocks]
    assert all(start < stop for start, stop in ends)
    assert [start for start, _ in ends] == [0, *(stop for _, stop in ends[:-1])]
    assert ends[-1][1] == features.width


def test_constant_columns_are_left_out(spaces):
    """All cells of the wiring space have the same operations at the same places, so no block speaks of them."""
    space = spaces["wiring"]
    assert len(features_of(space).blocks) == 2
    assert features_of(space, "genotype").width == 10, "the first of six bits is always 1: its node has one source"
    with pytest.raises(InvalidSetting, match="features 'live' are the same for all architectures of 'wiring'"):
        features_of(space, "live")


def test_views_are_the_blocks_of_the_whole(spaces):
    space = spaces["nasbench201"]
    cells = space.sample(20, rng=np.random.default_rng(3))
    whole = features_of(space)
    rows = whole.rows(cells)
    for view, block in zip(VIEWS[1:], whole.blocks, strict=True):
        assert np.array_equal(features_of(space, view).rows(cells), rows[:, block])


def test_a_row_does_not_depend_on_the_others(spaces):
    for name in ("nasbench101", "nasbench201"):
        features = features_of(spaces[name])
        cells = spaces[name].sample(30, rng=np.random.default_rng(3))
        together = features.rows(cells)
        assert together.flags.c_contiguous
        assert np.array_equal(together, np.concatenate([features.rows([cell]) for cell in cells]))


def test_no_architectures_are_no_rows(spaces):
    features = features_of(spaces["nasbench201"])
    assert features.rows([]).shape == (0, features.width)


@pytest.mark.parametrize("name", ["nasbench101", "nasbench201", "chain", "wiring"])
def test_saved_features_are_the_same(spaces, name):
    space = spaces[name]
    cells = space.sample(10, rng=np.random.default_rng(3))
    features, other = features_of(space), features_of(space, seed=1)
    assert not np.array_equal(features.rows(cells), other.rows(cells)), "they are scaled by other architectures"
    other.load_state(features.state())
    assert other.blocks == features.blocks and other.width == features.width
    assert np.array_equal(features.rows(cells), other.rows(cells))
