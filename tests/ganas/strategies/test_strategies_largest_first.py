"""The control: its order, what it says where it cannot run, and how kit and experiment take that."""

from __future__ import annotations

import numpy as np
import pytest

import ganas
from ganas import testing
from ganas.bench.toy import ToyBenchmark
from ganas.spaces.errors import CheckFailed, NotSupported
from ganas.spaces.nasbench201.space import NASBench201
from ganas.strategies.largest_first import LargestFirst
from ganas.strategies.random_search import RandomSearch
from ganas.strategy import PredicateConstraint, Problem


@pytest.fixture(scope="module")
def space():
    return ganas.load_space("nasbench201")


def control(space, seed=0, constraints=()):
    objective = ToyBenchmark(space).metrics["toy_value"]
    problem = Problem(space, (objective,), constraints=tuple(constraints))
    return LargestFirst(problem, rng=np.random.default_rng(seed))


def size(space, cell):
    return space.parameter_count(cell), sum(operation in space.skip_operations for operation in cell.operations)


def test_order_is_by_parameters_then_skips_and_covers_the_space(space):
    strategy = control(space)
    cells = strategy.ask(space.size + 1)
    assert {space.identity_key(cell) for cell in cells} == set(range(space.size)) and len(cells) == space.size
    sizes = [size(space, cell) for cell in cells]
    assert sizes == sorted(sizes, reverse=True)
    assert strategy.ask(1) == []


def test_order_of_ties_is_drawn_from_the_seed(space):
    first, again, other = (control(space, seed).ask(100) for seed in (0, 0, 1))
    assert first == again != other
    assert [size(space, cell) for cell in first] == [size(space, cell) for cell in other]
    # The 15 cells with four 3x3, a 1x1 and no skip have equal sizes: over seeds any of them comes first.
    tied = [cell for cell in first if size(space, cell) == size(space, first[20])]
    assert len(tied) > 1
    assert len({control(space, seed).ask(100)[20] for seed in range(60)}) > len(tied) // 2


def test_a_predicate_is_heeded_for_free(space):
    def lacks(cell):
        return "nor_conv_3x3" not in cell.operations

    (first,) = control(space, constraints=[PredicateConstraint("no 3x3", lacks)]).ask(1)
    assert set(first.operations[1:-1]) == {"nor_conv_1x1"}


def test_a_state_goes_on_where_it_was_saved(space):
    strategy = control(space, seed=3)
    strategy.ask(57)
    resumed = control(space, seed=4)
    resumed.load_state(strategy.state())
    assert resumed.ask(300) == strategy.ask(300)


@pytest.mark.parametrize("dataset,low,high", [("cifar10", 41, 70), ("cifar100", 8, 13), ("imagenet16", 286, 345)])
def test_queries_to_the_optimum(dataset, low, high):
    """What learning nothing gives: the optima of both CIFAR are nearly the largest cells, that of ImageNet is not.

    Cells larger than the optimum come first (40, 7 and 285 of them); the optimum is anywhere among its 30, 6 and 60
    equals. A separate prototype had medians of 56, 11 and 318.
    """
    bench = ganas.load_benchmark(f"nasbench201-{dataset}")
    studies = [
        ganas.Study(bench, LargestFirst, budget=400, seed=seed, stop_at_optimum=True).run() for seed in range(100)
    ]
    queries = [study.ledger.queries for study in studies]
    assert {study.stop for study in studies} == {"optimum"}
    assert low <= min(queries) and max(queries) <= high
    # Five standard errors of the mean of 100 uniform draws.
    assert abs(np.mean(queries) - (low + high) / 2) <= 5 * (high - low + 1) / np.sqrt(12 * 100)


# --- where it cannot run ---------------------------------------------------------------------------------------------


def test_without_a_formula_it_says_which_spaces_have_one():
    with pytest.raises(NotSupported, match=r"'nasbench101' has no formula.*nasbench201") as caught:
        control(ganas.load_space("nasbench101"))
    assert "\n" not in str(caught.value)


def test_a_space_too_large_to_list_is_refused():
    class Huge(NASBench201):
        size = 10**18

    with pytest.raises(NotSupported, match="1,000,000,000,000,000,000 architectures"):
        control(Huge())


def test_kit_judges_it_on_the_other_space_and_says_so():
    outcomes = {outcome.check: outcome for outcome in testing.strategy_outcomes("largest-first")}
    assert outcomes["check_supports_a_space"].outcome == "passed"
    assert "not judged on nasbench101: 'largest-first' needs" in outcomes["check_supports_a_space"].message
    assert [check for check, outcome in outcomes.items() if outcome.failed] == ["check_beats_random_search"]
    assert all(not outcome.message for outcome in testing.strategy_outcomes("random-search"))


class Nowhere(RandomSearch):
    """Supports nothing."""

    def __init__(self, problem, *, rng, settings=None):
        raise NotSupported(f"not on {problem.space.name}")


def test_kit_fails_a_strategy_that_supports_no_space():
    failed = [outcome.check for outcome in testing.strategy_outcomes(Nowhere) if outcome.failed]
    assert "check_supports_a_space" in failed and "check_keeps_to_the_budget" in failed
    with pytest.raises(CheckFailed, match=r"supports no space of the kit .*nasbench101: not on nasbench101"):
        testing.check_strategy(Nowhere)


@pytest.mark.parametrize("jobs", [1, 2])
def test_experiment_refuses_the_pair_before_anything_runs(tmp_path, jobs):
    toys = [ToyBenchmark(ganas.load_space(name)) for name in ("nasbench201", "nasbench101")]
    out = tmp_path / "run"
    with pytest.raises(NotSupported, match="largest-first does not run on toy-nasbench101: ") as caught:
        ganas.compare(toys, ["random-search", "largest-first"], seeds=2, budget=5, out=out, jobs=jobs)
    assert "\n" not in str(caught.value)
    assert not out.exists()
    ganas.compare(toys[:1], ["random-search", "largest-first"], seeds=2, budget=5, out=out)
    assert out.exists()
