"""The synthetic NAS-Bench-101 table: its formula by hand, and what it is like to search."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ganas
from ganas.spaces.encodings import graph_arrays
from ganas.spaces.registry import load_place

FILE = Path(__file__).parents[2] / "examples" / "synthetic_nasbench101.py"


def of_example(name):
    return load_place("example", f"{FILE}:{name}")


@pytest.fixture(scope="module")
def table():
    return ganas.load_benchmark(f"{FILE}:table")


@pytest.fixture(scope="module")
def values(table):
    return table.query_many(np.arange(table.num_rows))[:, 0]


@pytest.mark.parametrize(
    "cell,expected",
    [
        # The input straight to the output: one path of depth 0.
        ("0100:input,output", 50.0),
        # A 1x1 that feeds a 3x3, and a shortcut: depth 1.35, two paths, the shallowest of depth 0.
        (
            "0101001000010000:input,conv1x1-bn-relu,conv3x3-bn-relu,output",
            50 + 16 * 1.35 / 2.35 + 2.5 + 3 * 0.675 + 1.5 + 1.2 * 1.35 - 0.25 * (1 + 1 / 9) ** 2,
        ),
        # Two poolings in a row: depth 0.4, one path.
        ("0100001000010000:input,maxpool3x3,maxpool3x3,output", 50 + 16 * 0.4 / 1.4 - 1.5),
    ],
)
def test_formula(table, cell, expected):
    space = table.space
    architecture = space.parse(cell)
    (score,) = of_example("structure_scores")(space, graph_arrays(space, [architecture]))
    assert score == pytest.approx(expected)
    noise = float(of_example("noise")(np.array([space.identity_key(architecture)], dtype=np.uint64))[0])
    assert table.query(architecture).value == pytest.approx(expected + 0.5 * noise, abs=1e-6)


def test_isomorphic_cells_have_one_score(table):
    space = table.space
    one = space.parse("0110001100010000:input,conv3x3-bn-relu,maxpool3x3,output")
    crossed = "0110000100010000:input,conv3x3-bn-relu,maxpool3x3,output"
    swapped = "0110000100010000:input,maxpool3x3,conv3x3-bn-relu,output"
    assert table.query(space.parse(crossed)).value == table.query(space.parse(swapped)).value
    assert table.query(one).value != table.query(space.parse(crossed)).value


def test_every_cell_has_a_score_and_the_top_has_no_ties(table, values):
    assert table.num_rows == table.space.size == 423_624
    best = np.sort(values)[::-1]
    assert len(np.unique(best[:100])) == 100
    assert table.optimum().value == best[0] == pytest.approx(73.568159, abs=1e-9)


def test_the_largest_cells_are_not_the_best(table, values):
    most = max(
        value
        for cell, value in zip(table.space.enumerate(), values.tolist(), strict=True)
        if cell.operations.count("conv3x3-bn-relu") == 5
    )
    assert (values > most).mean() > 0.1
    convolutions = [best.architecture.operations.count("conv3x3-bn-relu") for best in table.top(100)]
    assert 1 < np.mean(convolutions) < 3 and min(convolutions) < max(convolutions)


def test_noise_is_fixed_and_centred():
    noise = of_example("noise")(np.arange(100_000, dtype=np.uint64))
    assert noise.min() >= -1 and noise.max() <= 1
    # Triangular on -1 to 1: mean 0, variance 1/6; five standard errors.
    assert abs(noise.mean()) < 5 * np.sqrt(1 / 6 / 100_000)
    assert noise.var() == pytest.approx(1 / 6, rel=0.03)
    assert abs(np.corrcoef(noise[:-1], noise[1:])[0, 1]) < 5 / np.sqrt(100_000)
    # Pinned: a change of these changes every score.
    assert noise[:3].round(6).tolist() == [0.503273, 0.423323, 0.167703]


def test_searches_get_far_and_not_all_the_way(table, values):
    ordered = np.sort(values)

    def median_rank(strategy):
        best = [ganas.search(table, strategy, budget=1000, seed=seed).best.values["score"] for seed in range(10)]
        return np.median(len(ordered) - np.searchsorted(ordered, best, side="right") + 1)

    evolution, random = median_rank("regularized-evolution"), median_rank("random-search")
    assert 1 < evolution < 40 < random
    assert 1 < median_rank("local-search") < random
