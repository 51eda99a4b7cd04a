"""The strategy ``ganas``: what it proposes and when, what it says of itself, and that a resumed search is the same."""

import dataclasses
import logging

import numpy as np
import pytest

from ganas.adversarial import search
from ganas.adversarial.actor import Actor
from ganas.adversarial.diagnostics import DIAGNOSTIC_TITLES
from ganas.adversarial.samples import Samples
from ganas.adversarial.search import GANAS
from ganas.adversarial.search_settings import GANASSettings
from ganas.bench.metric import Evaluation
from ganas.bench.toy import ToyBenchmark
from ganas.conformance import STRATEGY_CHECKS
from ganas.spaces.checks import SeededCheck
from ganas.spaces.errors import ArchitectureNotMeasured, InvalidSetting
from ganas.spaces.nasbench201.space import NASBench201
from ganas.strategies import drawing
from ganas.strategy import MeasuredConstraint, PredicateConstraint, Problem
from ganas.study import Study

# Every setting that these tests depend on; the defaults may change.
FAST = {
    "initial_samples": 10,
    "batch_size": 1,
    "truth_size": 8,
    "truth_schedule": "constant",
    "encoder": "features",
    "network_hidden": 4,
    "training_steps": 2,
    "exploration": 0.1,
    "proposals": "mixed",
    "pool_size": 30,
    "new_proposals": 16,
    "neighbour_share": 0.4,
    "generator_share": 0.3,
    "crossover_share": 0.1,
    "generator_hidden": 4,
    "generator_layers": 1,
    "generator_every": 10,
    "generator_rounds": 1,
    "generator_samples": 8,
}
SPACES = ("nasbench101", "nasbench201")
# Rankings are what a study takes; the many studies of the kit do with fewer.
KIT = FAST | {"batch_size": 5, "generator_every": 20}
FastSettings = dataclasses.make_dataclass(
    "FastSettings", [(name, type(value), value) for name, value in KIT.items()], bases=(GANASSettings,), frozen=True
)


def fast(**changes):
    return GANASSettings(**(FAST | changes))


def study_of(benchmark, *, budget=40, seed=1, settings=None, **more):
    return Study(benchmark, GANAS, budget=budget, seed=seed, settings=settings or fast(), **more)


def strategy_of(space, *, budget=40, settings=None, **more):
    problem = Problem(space, (ToyBenchmark(space).metric(None),), budget, **more)
    return GANAS(problem, rng=np.random.default_rng(0), settings=settings or fast())


def watched(study, *, after=None):
    """Run the study to its end; what it says of itself, with the number of queries before."""
    seen, original = [], study.strategy.ask

    def ask(count=1):
        proposals = original(count)
        if study.strategy.diagnostics():
            seen.append((study.ledger.queries, dict(study.strategy.diagnostics())))
        if after is not None:
            after(study.strategy)
        return proposals

    study.strategy.ask = ask
    study.run()
    return seen


def keys(study):
    key = study.problem.space.identity_key
    return [key(entry.evaluation.architecture) for entry in study.entries]


def truth_of(strategy):
    return [strategy._evaluated[number] for number in strategy._truth(np.array(strategy._scores))]


@pytest.mark.parametrize(
    "check", [c for c in STRATEGY_CHECKS if "random_search" not in c.__name__], ids=lambda check: check.__name__
)
def test_kit_with_small_settings(check):
    class Small(GANAS):
        settings_class = FastSettings

    SeededCheck(check)(Small)


# --- when it proposes what -------------------------------------------------------------------------------


@pytest.mark.parametrize(("budget", "expected"), [(300, 10), (30, 10), (29, 9), (12, 4), (2, 1)])
def test_the_initial_sample_is_at_most_a_third_of_the_budget(spaces, budget, expected):
    strategy = strategy_of(spaces["nasbench201"], budget=budget)
    assert len(strategy.ask(100)) == expected
    assert strategy._trained_at == -1 and not len(strategy._pool)


def test_without_a_budget_the_sample_is_the_whole_one(spaces):
    strategy = strategy_of(spaces["nasbench101"], budget=None, settings=fast(truth_schedule="shrinking"))
    sample = strategy.ask(100)
    assert len(sample) == 10
    strategy.tell([Evaluation(a, {"toy_value": float(number)}) for number, a in enumerate(sample)])
    assert len(strategy._truth(np.array(strategy._scores))) == 5, "nor does anything shrink"


@pytest.mark.parametrize("budget", [1, 2, 3, 5, 8])
def test_small_budgets_are_used_up(spaces, budget):
    study = study_of(ToyBenchmark(spaces["nasbench101"]), budget=budget).run()
    assert study.stop == "budget"
    assert len(set(keys(study))) == budget


@pytest.mark.parametrize("batch_size", [1, 4, 7])
def test_a_batch_is_chosen_by_one_ranking(spaces, batch_size):
    study = study_of(ToyBenchmark(spaces["nasbench201"]), settings=fast(batch_size=batch_size))
    strategy, fits = study.strategy, []
    fit = strategy._ensemble.fit

    def fit_and_note(evaluated, *arguments):
        fits.append(len(evaluated))
        return fit(evaluated, *arguments)

    strategy._ensemble.fit = fit_and_note
    study.run()
    assert fits == list(range(10, 40, batch_size))
    assert study.stop == "budget" and len(set(keys(study))) == 40


def test_asked_for_several_it_gives_at_most_the_batch(spaces):
    study = study_of(ToyBenchmark(spaces["nasbench101"]), settings=fast(batch_size=6))
    sizes = []
    for _ in range(6):
        proposals = study.strategy.ask(4)
        sizes.append(len(proposals))
        study.strategy.tell([study.ledger.evaluate(architecture) for architecture in proposals])
    assert sizes == [4, 4, 2, 4, 2, 4]


@pytest.mark.parametrize("name", SPACES)
def test_its_history_is_what_the_ledger_counted(spaces, name):
    """The counter of acceptance test 4 of GA-NAS, and trap 6: |H| is the number of counted queries."""
    study = study_of(ToyBenchmark(spaces[name])).run()
    strategy = study.strategy
    assert len(strategy._evaluated) == len(strategy._scores) == len(set(keys(study))) == study.ledger.queries == 40
    assert strategy._seen == set(keys(study))
    assert not strategy._seen & set(strategy._pool._keys)
    assert np.array_equal(strategy._rows, strategy._ensemble.features.rows(strategy._evaluated))


@pytest.mark.parametrize("exploration", [0.0, 1.0])
def test_the_exploration_share_is_the_share_of_uniform_draws(spaces, monkeypatch, exploration):
    drawn, original = [], search.draw_allowed

    def draw_and_note(problem, **named):
        drawn.append(problem)
        return original(problem, **named)

    monkeypatch.setattr(search, "draw_allowed", draw_and_note)
    study_of(ToyBenchmark(spaces["nasbench201"]), settings=fast(exploration=exploration, batch_size=5)).run()
    assert len(drawn) == 10 + exploration * 30


def test_everything_can_be_reached(spaces):
    """The exploration floor: whatever the ranking says, a uniform draw comes once in a while."""
    study = study_of(ToyBenchmark(spaces["wiring"]), budget=21, settings=fast(proposals="crossover", exploration=0.5))
    assert study.run().stop == "budget"
    assert len(set(keys(study))) == 21


def test_the_space_need_not_be_enumerable(spaces):
    """It ranks proposals only, so the same code runs where nobody can list the architectures."""

    class Endless(NASBench201):
        def enumerate(self):
            raise AssertionError("the whole space was asked for")

    study = study_of(ToyBenchmark(Endless()), settings=fast(exploration=0.0)).run(10)
    sizes = []
    watched(study, after=lambda strategy: sizes.append(len(strategy._pool)))
    assert study.stop == "budget" and len(set(keys(study))) == 40
    assert 0 < max(sizes) <= 30


def test_a_space_is_used_up(spaces, monkeypatch):
    monkeypatch.setattr(drawing, "_MOST_DRAWS", 100)
    study = study_of(ToyBenchmark(spaces["wiring"]), budget=100).run()
    assert study.stop == "exhausted"
    assert len(set(keys(study))) == 21


def test_proposals_go_on_where_uniform_draws_find_nothing(spaces, monkeypatch):
    study = study_of(ToyBenchmark(spaces["nasbench101"]), settings=fast(exploration=1.0)).run(10)
    monkeypatch.setattr(search, "draw_allowed", lambda *arguments, **named: None)
    assert study.run().stop == "budget"
    assert len(set(keys(study))) == 40


# --- constraints and failures ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", SPACES)
def test_a_predicate_costs_no_query(spaces, name):
    benchmark = ToyBenchmark(spaces[name])
    excluded = benchmark.space.operations[2]
    predicate = PredicateConstraint("without it", lambda a: excluded not in a.operations)
    study = study_of(benchmark, constraints=[predicate])
    refused, refuse = [], study.ledger._refuse

    def refuse_and_note(architecture):
        refused.append(refuse(architecture))
        return refused[-1]

    study.ledger._refuse = refuse_and_note
    said = watched(study)
    assert study.stop == "budget"
    assert refused == [None] * 40
    assert not any(excluded in entry.evaluation.architecture.operations for entry in study.entries)
    # The generator is told of it by its pay.
    assert said and min(values["reward_generated"] for _, values in said) < 0.3


def test_a_sample_that_violates_a_predicate_is_paid_minus_one(spaces):
    space = spaces["nasbench201"]
    predicate = PredicateConstraint("no pooling", lambda a: "avg_pool_3x3" not in a.operations)
    study = study_of(ToyBenchmark(space), constraints=[predicate]).run(15)
    strategy = study.strategy
    members, samples = truth_of(strategy), space.sample(60, rng=np.random.default_rng(4))
    paid, _ = strategy._rewards(members, strategy._ensemble.features.rows(members), samples)
    allowed = np.array([strategy.problem.allows(sample) for sample in samples])
    assert (paid[~allowed] == -1).all() and 5 < allowed.sum() < 55
    assert (paid[allowed] > 0).all() and (paid[allowed] < 1).all()


def test_what_is_ranked_higher_is_paid_more(spaces):
    space = spaces["nasbench101"]
    strategy = study_of(ToyBenchmark(space)).run(20).strategy
    members, samples = truth_of(strategy), space.sample(50, rng=np.random.default_rng(4))
    rows = strategy._ensemble.features.rows
    paid, of_truth = strategy._rewards(members, rows(members), samples)
    scores = strategy._ensemble.score([*members, *samples], rows([*members, *samples]))
    assert np.array_equal(np.argsort(paid, kind="stable"), np.argsort(scores[len(members) :], kind="stable"))
    # Members beat each other half of the time, as one of two wins.
    assert of_truth == pytest.approx(0.5)
    expected = [1 / (1 + np.exp(scores[: len(members)] - score)) for score in scores[len(members) :]]
    assert paid == pytest.approx(np.mean(expected, axis=1))


def test_a_measured_bound_shapes_the_truth_set_and_nothing_else(spaces):
    benchmark = ToyBenchmark(spaces["nasbench101"])
    study = study_of(benchmark, constraints=[MeasuredConstraint(benchmark.metrics["toy_size"], high=6.0)])
    largest = []

    def note(strategy):
        largest.append(max((a.num_nodes for a in truth_of(strategy)), default=0))

    said = watched(study, after=note)
    strategy = study.strategy
    sizes = [architecture.num_nodes for architecture in strategy._evaluated]
    assert max(sizes) == 7, "violators are evaluated, for nobody knows before"
    assert max(largest) == 6
    feasible = sorted((s for s, size in zip(strategy._scores, sizes, strict=True) if size <= 6), reverse=True)
    numbers = strategy._truth(np.array(strategy._scores))
    assert [strategy._scores[number] for number in numbers] == feasible[:8]
    # The k-th best is not known before there are k.
    for queries, values in said:
        assert ("kth_best" in values) == (min(sum(size <= 6 for size in sizes[:queries]), queries // 2) >= 8)


def test_a_bound_that_nothing_meets_leaves_random_draws(spaces):
    benchmark = ToyBenchmark(spaces["nasbench201"])
    study = study_of(benchmark, constraints=[MeasuredConstraint(benchmark.metrics["toy_size"], high=1.0)])
    assert watched(study) == []
    assert study.stop == "budget"


def test_failures_are_neither_members_nor_proposed_again(spaces):
    class Holes(ToyBenchmark):
        def query(self, architecture, *arguments, **named):
            if self.space.identity_key(architecture) % 3 == 0:
                raise ArchitectureNotMeasured("a hole")
            return super().query(architecture, *arguments, **named)

    for name in SPACES:
        key = spaces[name].identity_key
        failed = []
        study = study_of(Holes(spaces[name]))
        watched(study, after=lambda s, key=key, f=failed: f.append(any(key(a) % 3 == 0 for a in truth_of(s))))
        assert study.stop == "budget" and len(set(keys(study))) == 40
        assert any(number % 3 == 0 for number in keys(study)) and not any(failed)


def test_the_first_among_equals_is_the_member(spaces):
    strategy = strategy_of(spaces["nasbench201"], budget=60, settings=fast(initial_samples=16, truth_size=6))
    values = [1.0, 3.0, 2.0, 2.0, 2.0, 0.0, 3.0, 2.0, 2.0, 2.0, 2.0, 1.0, 1.0, 1.0]
    proposals = strategy.ask(14)
    strategy.tell([Evaluation(a, {"toy_value": v}) for a, v in zip(proposals, values, strict=True)])
    assert strategy._truth(np.array(strategy._scores)) == [1, 6, 2, 3, 4, 7]


def test_a_repeat_and_a_refusal_teach_nothing(spaces):
    strategy = strategy_of(spaces["nasbench201"])
    known, refused = strategy.ask(2)
    strategy.tell([Evaluation(known, {"toy_value": 3.0})])
    strategy.tell([Evaluation(known, {"toy_value": 3.0}, counted=False)])
    strategy.tell([Evaluation(refused, counted=False, failure="violates a constraint")])
    assert strategy._scores == [3.0] and len(strategy._rows) == 1


def test_a_benchmark_that_says_the_same_of_all(spaces):
    class Constant(ToyBenchmark):
        def query(self, *arguments, **named):
            return dataclasses.replace(super().query(*arguments, **named), value=5.0)

    for name in SPACES:
        study = study_of(Constant(spaces[name]), budget=30, settings=fast(network_weight=1.0)).run()
        assert study.stop == "budget" and len(set(keys(study))) == 30


# --- diagnostics -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "higher_is_better", "schedule"),
    [
        ("nasbench101", True, "constant"),
        ("nasbench201", False, "constant"),
        ("nasbench101", False, "shrinking"),
        ("nasbench201", True, "shrinking"),
    ],
)
def test_diagnostics_say_what_the_history_says(spaces, name, higher_is_better, schedule):
    benchmark = ToyBenchmark(spaces[name], higher_is_better=higher_is_better)
    study = study_of(benchmark, budget=60, settings=fast(truth_schedule=schedule))
    said = watched(study)
    # After the initial sample, and then only when the generator was trained.
    assert [queries for queries, _ in said] == [10, 20, 30, 40, 50]
    values = np.array([entry.evaluation.values["toy_value"] for entry in study.entries])
    for queries, told in said:
        size = round(8 * (1 - 0.8 * queries / 60)) if schedule == "shrinking" else 8
        full = {"kth_best"} if queries // 2 >= size else set()
        assert told.keys() == DIAGNOSTIC_TITLES.keys() - {"kth_best"} | full
        if full:
            ordered = np.sort(values[:queries])
            assert told["kth_best"] == (ordered[-size] if higher_is_better else ordered[size - 1])
        for share in ("discriminator_accuracy", "share_new", "share_unique", "reward_truth", "reward_generated"):
            assert 0 <= told[share] <= 1
        assert 0 < told["entropy"] < np.log(benchmark.space.size) + 3
        assert np.isfinite(told["divergence"])
        assert told["filled"] == 0
    kth = [told["kth_best"] for _, told in said if "kth_best" in told]
    assert len(kth) >= 4
    # The k-th best never falls: the truth set is of everything so far, and never grows once it has its size.
    assert (np.diff(kth) >= 0).all() if higher_is_better else (np.diff(kth) <= 0).all()


@pytest.mark.parametrize("name", SPACES)
def test_the_kth_best_never_falls(spaces, name):
    """At every ranking, whether or not the generator is trained there."""
    study, kth = study_of(ToyBenchmark(spaces[name]), budget=60), []

    def note(strategy):
        if len(strategy._scores) >= 16:
            kth.append(strategy._scores[strategy._truth(np.array(strategy._scores))[7]])

    watched(study, after=note)
    assert len(kth) > 40 and (np.diff(kth) >= 0).all() and kth[-1] > kth[0]


def test_without_a_generator_it_has_nothing_to_say(spaces):
    study = study_of(ToyBenchmark(spaces["nasbench201"]), settings=fast(proposals="neighbours"))
    assert watched(study) == [] and study.strategy._actor is None


def test_uniform_draws_fill_up_what_a_settled_generator_repeats(spaces, caplog, monkeypatch):
    settings = fast(proposals="generator", exploration=0.0, batch_size=3)
    study = study_of(ToyBenchmark(spaces["nasbench201"]), settings=settings).run(10)
    known = study.entries[0].evaluation.architecture
    original = Actor.sample

    def settled(actor, count, *, epsilon):
        drawn = original(actor, count, epsilon=epsilon)
        return Samples([known] * count, drawn.sequences, drawn.decision_log_probabilities, epsilon, 1.0)

    monkeypatch.setattr(Actor, "sample", settled)
    with caplog.at_level(logging.INFO, logger="ganas.adversarial"):
        study.run(11)
    said = study.strategy.diagnostics()
    assert (said["filled"], said["share_new"]) == (3, 0)
    assert caplog.messages == ["ganas: after 10 queries 3 proposals were missing: uniform draws"]
    monkeypatch.undo()
    assert study.run().stop == "budget"
    assert len(set(keys(study))) == 40


def test_a_generator_that_is_not_kept_starts_anew(spaces):
    for kept in (True, False):
        study = study_of(ToyBenchmark(spaces["nasbench201"]), settings=fast(keep_generator=kept))
        actors = []
        watched(study, after=lambda strategy, a=actors: a.append(strategy._actor))
        assert len({id(actor) for actor in actors if actor is not None}) == (1 if kept else 3)


# --- resuming --------------------------------------------------------------------------------------------

SWITCHES = [
    ("nasbench101", {"batch_size": 4, "network_weight": 1.0, "truth_schedule": "shrinking"}),
    ("nasbench201", {"encoder": "kgnn", "method": "reinforce", "keep_generator": False}),
    pytest.param(
        "nasbench101",
        {"encoder": "lstm", "generator_encoder": "lstm", "method": "maximum-likelihood"},
        marks=pytest.mark.slow,
    ),
    ("nasbench201", {"warm_start": False, "network_weight": 1.0, "selection": "plain", "discriminator": "unary"}),
]


@pytest.mark.parametrize(("name", "switches"), SWITCHES, ids=["batches", "kgnn", "lstm", "cold-plain-unary"])
def test_every_switch_resumes_at_any_query(tmp_path, spaces, name, switches):
    benchmark, settings = ToyBenchmark(spaces[name]), fast(**switches)
    whole = study_of(benchmark, budget=30, settings=settings)
    said = watched(whole)
    assert [queries for queries, _ in said] == ([10, 22] if "batch_size" in switches else [10, 20])
    for stop in (9, 23):
        study_of(benchmark, budget=30, settings=settings).run(stop).save(tmp_path / "study.npz")
        resumed = study_of(benchmark, budget=30, settings=settings).load(tmp_path / "study.npz")
        later = watched(resumed)
        assert keys(resumed) == keys(whole)
        assert later == [told for told in said if told[0] >= stop]


@pytest.mark.parametrize("changes", [{"encoder": "kgnn"}, {"features": "live"}, {"generator_hidden": 5}])
def test_a_state_of_other_settings_is_refused(spaces, changes):
    state = study_of(ToyBenchmark(spaces["nasbench201"])).run(25).strategy.state()
    other = strategy_of(spaces["nasbench201"], settings=fast(**changes))
    before = other.state()
    with pytest.raises(InvalidSetting, match="the state was saved with settings"):
        other.load_state(state)
    assert other.state()["rng"] == before["rng"] and not other._evaluated
