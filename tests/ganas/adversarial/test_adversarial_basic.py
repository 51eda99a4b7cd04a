"""The strategy ``ganas-basic``: what it proposes, when it trains, and that a resumed search is the same search."""

import dataclasses
import logging

import numpy as np
import pytest

import ganas
from ganas.adversarial.basic import GANASBasic
from ganas.adversarial.basic_settings import GANASBasicSettings
from ganas.adversarial.diagnostics import DIAGNOSTIC_TITLES
from ganas.adversarial.samples import Samples
from ganas.bench.metric import Evaluation
from ganas.bench.toy import ToyBenchmark
from ganas.conformance import STRATEGY_CHECKS
from ganas.spaces.checks import SeededCheck
from ganas.strategies import drawing
from ganas.strategy import MeasuredConstraint, PredicateConstraint, Problem
from ganas.study import Study

FAST = {"hidden": 8, "layers": 1, "adversarial_rounds": 2, "fakes": 24, "initial_samples": 20, "truth_size": 8}
SPACES = ("nasbench101", "nasbench201")
FastSettings = dataclasses.make_dataclass(
    "FastSettings", [(name, int, value) for name, value in FAST.items()], bases=(GANASBasicSettings,), frozen=True
)


def fast(**changes):
    return GANASBasicSettings(**(FAST | changes))


def study_of(benchmark, *, budget=60, seed=1, settings=None, **more):
    return Study(benchmark, GANASBasic, budget=budget, seed=seed, settings=settings or fast(), **more)


def watched(study):
    """Run the study to its end; the diagnostics with the number of queries before each."""
    seen, original = [], study.strategy.ask

    def ask(count=1):
        proposals = original(count)
        if study.strategy.diagnostics():
            seen.append((study.ledger.queries, dict(study.strategy.diagnostics())))
        return proposals

    study.strategy.ask = ask
    study.run()
    return seen


def keys(study):
    key = study.problem.space.identity_key
    return [key(entry.evaluation.architecture) for entry in study.entries]


@pytest.mark.parametrize(
    "check", [c for c in STRATEGY_CHECKS if "random_search" not in c.__name__], ids=lambda check: check.__name__
)
def test_kit_with_small_networks(check):
    class Small(GANASBasic):
        settings_class = FastSettings

    SeededCheck(check)(Small)


SWITCHES = [
    {"method": "reinforce", "discriminator": "relativistic"},
    {"method": "maximum-likelihood", "discriminator": "unary", "keep_generator": False},
    {"encoder": "lstm", "keep_discriminator": False},
    {"keep_generator": False, "keep_discriminator": False},
]


@pytest.mark.parametrize("switches", SWITCHES, ids=lambda switches: "-".join(map(str, switches.values())))
@pytest.mark.parametrize("name", SPACES)
def test_every_switch_resumes_in_the_middle_of_a_round(tmp_path, spaces, name, switches):
    benchmark, settings = ToyBenchmark(spaces[name]), fast(**switches)
    whole = study_of(benchmark, settings=settings)
    diagnostics = watched(whole)
    # 20 random ones, then rounds of 15: the second has begun.
    interrupted = study_of(benchmark, settings=settings).run(41)
    assert 0 < len(interrupted.strategy._queue) < 15
    interrupted.save(tmp_path / "study.npz")
    resumed = study_of(benchmark, settings=settings).load(tmp_path / "study.npz")
    later = watched(resumed)
    assert keys(resumed) == keys(whole)
    assert [queries for queries, _ in diagnostics] == [20, 35, 50]
    assert later == diagnostics[2:]


@pytest.mark.parametrize(("budget", "expected"), [(300, 20), (60, 20), (40, 13), (12, 4)])
def test_the_initial_sample_is_at_most_a_third_of_the_budget(spaces, budget, expected):
    study = study_of(ToyBenchmark(spaces["nasbench201"]), budget=budget)
    study.run(expected)
    assert study.strategy._trainings == 0
    assert not study.strategy._queue
    study.run(expected + 1)
    assert study.strategy._trainings == 1
    assert study.strategy._truth_size == max(2, min(8, expected // 2))


@pytest.mark.parametrize("budget", [1, 2, 3, 5, 8])
def test_small_budgets_are_used_up(spaces, budget):
    study = study_of(ToyBenchmark(spaces["nasbench101"]), budget=budget).run()
    assert study.stop == "budget"
    assert len(set(keys(study))) == budget


def test_without_a_budget_the_sample_is_the_whole_one(spaces):
    benchmark = ToyBenchmark(spaces["nasbench201"])
    problem = Problem(benchmark.space, (benchmark.metric(None),))
    strategy = GANASBasic(problem, rng=np.random.default_rng(0))
    assert [len(strategy.ask(40)), len(strategy.ask(40))] == [40, 10]


def test_a_batch_is_at_most_what_is_left_of_a_round(spaces):
    study = study_of(ToyBenchmark(spaces["nasbench201"]))
    sizes = []
    for _ in range(7):
        proposals = study.strategy.ask(8)
        sizes.append(len(proposals))
        study.strategy.tell([study.ledger.evaluate(architecture) for architecture in proposals])
    assert sizes == [8, 8, 4, 8, 7, 8, 7]


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("higher_is_better", [True, False])
def test_diagnostics_say_what_the_history_says(spaces, name, higher_is_better):
    benchmark = ToyBenchmark(spaces[name], higher_is_better=higher_is_better)
    study = study_of(benchmark, budget=80)
    diagnostics = watched(study)
    values = np.array([entry.evaluation.values["toy_value"] for entry in study.entries])
    assert [queries for queries, _ in diagnostics] == [20, 35, 50, 65]
    for queries, said in diagnostics:
        assert said.keys() == GANASBasic.diagnostic_titles.keys() == DIAGNOSTIC_TITLES.keys()
        ordered = np.sort(values[:queries])
        assert said["kth_best"] == (ordered[-8] if higher_is_better else ordered[7])
        for share in ("discriminator_accuracy", "share_new", "share_unique", "reward_truth", "reward_generated"):
            assert 0 <= said[share] <= 1
        assert 0 < said["entropy"] < np.log(benchmark.space.size) + 3
        assert np.isfinite(said["divergence"])
        assert said["filled"] == 0
    steps = np.diff([said["kth_best"] for _, said in diagnostics])
    assert (steps >= 0).all() if higher_is_better else (steps <= 0).all()


@pytest.mark.parametrize("name", SPACES)
def test_its_history_is_what_the_ledger_counted(spaces, name):
    """The counter of acceptance test 4 of GA-NAS, and trap 6: |H| is the number of counted queries."""
    study = study_of(ToyBenchmark(spaces[name])).run()
    strategy = study.strategy
    assert len(strategy._evaluated) == len(set(keys(study))) == study.ledger.queries == 60
    assert strategy._seen - {study.problem.space.identity_key(a) for a in strategy._queue} == set(keys(study))


def test_a_cell_written_in_another_order_does_not_change_the_history(spaces):
    """Acceptance test 5 of GA-NAS."""
    space = spaces["nasbench101"]
    study = study_of(ToyBenchmark(space)).run(40)
    strategy, relabelled = study.strategy, 0
    for entry in list(study.entries):
        original = entry.evaluation.architecture
        for node in range(1, original.num_nodes - 2):
            # Neighbours in the order can change places where no edge joins them.
            if (node, node + 1) in original.edges:
                continue
            places = list(range(original.num_nodes))
            places[node], places[node + 1] = node + 1, node
            labels = [original.operations[place] for place in places]
            edges = [(places[source], places[target]) for source, target in original.edges]
            other = ganas.Architecture(space.name, labels, edges)
            relabelled += other != original
            evaluation = study.ledger.evaluate(other)
            assert not evaluation.counted
            strategy.tell([evaluation])
    assert relabelled > 20
    assert len(strategy._evaluated) == study.ledger.queries == 40
    assert len(strategy._seen) == 40 + len(strategy._queue)


def test_a_predicate_costs_no_query(spaces):
    for name in SPACES:
        benchmark = ToyBenchmark(spaces[name])
        excluded = benchmark.space.operations[2]
        predicate = PredicateConstraint("without it", lambda a, excluded=excluded: excluded not in a.operations)
        study = study_of(benchmark, constraints=[predicate])
        refused = []
        refuse = study.ledger._refuse
        study.ledger._refuse = lambda a, refuse=refuse, refused=refused: refused.append(refuse(a)) or refuse(a)
        study.run()
        assert study.stop == "budget"
        assert refused == [None] * 60
        assert not any(excluded in entry.evaluation.architecture.operations for entry in study.entries)


def test_a_measured_bound_shapes_the_truth_set_and_nothing_else(spaces):
    benchmark = ToyBenchmark(spaces["nasbench101"])
    bound = MeasuredConstraint(benchmark.metrics["toy_size"], high=6.0)
    study = study_of(benchmark, constraints=[bound])
    said = watched(study)
    strategy = study.strategy
    sizes = [architecture.num_nodes for architecture in strategy._evaluated]
    assert max(sizes) == 7, "violators are evaluated, for nobody knows before"
    truth = strategy._truth()
    assert 2 <= len(truth) <= 8
    assert max(sizes[number] for number in truth) <= 6
    feasible = sorted((score for score, size in zip(strategy._scores, sizes, strict=True) if size <= 6), reverse=True)
    assert [strategy._scores[number] for number in truth] == feasible[:8]
    # The k-th best is not known before there are k.
    for queries, values in said:
        assert ("kth_best" in values) == (sum(size <= 6 for size in sizes[:queries]) >= 8)


def test_a_bound_that_nothing_meets_leaves_random_draws(spaces):
    benchmark = ToyBenchmark(spaces["nasbench201"])
    study = study_of(benchmark, budget=40, constraints=[MeasuredConstraint(benchmark.metrics["toy_size"], high=1.0)])
    assert watched(study) == []
    assert study.stop == "budget"


def test_failures_are_neither_members_nor_proposed_again(spaces):
    benchmark = ToyBenchmark(spaces["nasbench201"])
    strategy = GANASBasic(
        Problem(benchmark.space, (benchmark.metric(None),), 60), rng=np.random.default_rng(0), settings=fast()
    )
    told = []
    while len(told) < 60:
        (architecture,) = strategy.ask(1)
        assert architecture not in told
        fails = len(told) % 3 == 0
        values = {} if fails else {"toy_value": 100.0 if fails else benchmark.query(architecture).value}
        strategy.tell([Evaluation(architecture, values, failure="it broke" if fails else None)])
        told.append(architecture)
    assert not {strategy._evaluated[number] for number in strategy._truth()} & set(told[::3])
    assert len(strategy._evaluated) == 40
    assert strategy._trainings == 3


def test_the_first_among_equals_is_the_member(spaces):
    benchmark = ToyBenchmark(spaces["nasbench201"])
    strategy = GANASBasic(
        Problem(benchmark.space, (benchmark.metric(None),), 60), rng=np.random.default_rng(0), settings=fast()
    )
    values = [1.0, 3.0, 2.0, 2.0, 2.0, 0.0, 3.0, 2.0, 2.0, 2.0, 2.0]
    strategy.tell([Evaluation(a, {"toy_value": v}) for a, v in zip(strategy.ask(11), values, strict=True)])
    assert strategy._truth() == [1, 6, 2, 3, 4, 7, 8, 9]


def test_uniform_draws_fill_up_what_a_settled_generator_repeats(spaces, caplog):
    study = study_of(ToyBenchmark(spaces["nasbench201"])).run(20)
    strategy = study.strategy
    known = study.entries[0].evaluation.architecture
    actor = strategy._training.actor
    original = actor.sample

    def settled(count, *, epsilon):
        drawn = original(count, epsilon=epsilon)
        return Samples([known] * count, drawn.sequences, drawn.decision_log_probabilities, epsilon, 1.0)

    actor.sample = settled
    with caplog.at_level(logging.INFO, logger="ganas.adversarial"):
        study.run(21)
    said = strategy.diagnostics()
    assert (said["filled"], said["share_new"], said["share_unique"]) == (15, 0, 1 / 24)
    assert caplog.messages == [
        "training 1 of ganas-basic: the generator drew 0 of 15 new architectures in 240; uniform draws: 15"
    ]
    actor.sample = original
    assert study.run().stop == "budget"
    assert len(set(keys(study))) == 60


def test_a_space_is_used_up(spaces, monkeypatch, caplog):
    monkeypatch.setattr(drawing, "_MOST_DRAWS", 100)
    study = study_of(ToyBenchmark(spaces["wiring"]), budget=100, settings=fast(initial_samples=6, fakes=4))
    with caplog.at_level(logging.INFO, logger="ganas.adversarial"):
        study.run()
    assert study.stop == "exhausted"
    assert len(set(keys(study))) == 21
    assert caplog.messages
