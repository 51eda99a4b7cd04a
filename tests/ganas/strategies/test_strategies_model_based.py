"""gp-local and predictor-guided: whatever is learnt with, searched and told."""

import json

import numpy as np
import pytest

import ganas
from ganas.bench.metric import Evaluation
from ganas.bench.surrogate.models import MODELS
from ganas.bench.toy import ToyBenchmark
from ganas.cli import main
from ganas.spaces.errors import MissingDependency
from ganas.spaces.nasbench201.space import NASBench201
from ganas.spaces.registry import PluginError
from ganas.strategies.gp_local import GPLocal
from ganas.strategies.predictor_guided import PredictorGuided
from ganas.strategy import MeasuredConstraint, Problem

SPACES = ("darts", "graphnas", "nasbench101", "nasbench201", "natsbench-size")
BOTH = (GPLocal, PredictorGuided)
# Several seconds for a fit of few labels, on one core.
SLOW_MODELS = ("gnn-ensemble", "mlp-ensemble")


@pytest.fixture(scope="module")
def toy():
    return ToyBenchmark(ganas.load_space("nasbench201"))


def keys(study):
    return [study.benchmark.space.identity_key(entry.evaluation.architecture) for entry in study.entries]


# --- any model ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW_MODELS)) for name in sorted(MODELS)]
)
def test_any_model_ranks_the_proposals(toy, model):
    # Fitted once, and asked with the acquisition that divides by what the model says of its uncertainty.
    settings = {"model": model, "refit_every": 20, "new_proposals": 40, "acquisition": "expected-improvement"}
    try:
        study = ganas.Study(toy, PredictorGuided, budget=30, seed=0, settings=settings)
    except MissingDependency as error:
        pytest.skip(str(error))
    wanted = []
    acquisition = study.strategy._acquisition

    def noted():
        wanted.append(acquisition())
        return wanted[-1]

    study.strategy._acquisition = noted
    study.run(8)
    assert len(set(keys(study))) == 8 and len(wanted) == 2
    assert all(np.isfinite(some).all() and len(set(some.round(5).tolist())) > 1 for some in wanted)


def test_a_model_of_your_own_is_given_by_its_place(toy, tmp_path):
    (tmp_path / "mine.py").write_text(
        "from ganas.bench.surrogate.gaussian_process import GaussianProcess\n\n\n"
        "class Mine(GaussianProcess):\n"
        "    name = 'mine'\n"
        "    title = 'the other way round'\n\n"
        "    def predict(self, rows):\n"
        "        mean, deviation = super().predict(rows)\n"
        "        return -mean, deviation\n"
    )
    own, usual = (
        ganas.search(toy, "predictor-guided", budget=40, seed=0, settings={"model": model, "acquisition": "mean"})
        for model in (f"{tmp_path / 'mine.py'}:Mine", "gaussian-process")
    )
    told = [np.mean([entry.evaluation.values["toy_value"] for entry in study.entries[6:]]) for study in (own, usual)]
    assert told[0] < told[1] - 5
    with pytest.raises(PluginError, match="Yours"):
        ganas.search(toy, "predictor-guided", budget=9, seed=0, settings={"model": f"{tmp_path / 'mine.py'}:Yours"})


# --- any space ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", BOTH)
@pytest.mark.parametrize("name", SPACES)
def test_a_loaded_state_goes_on_on_every_space(strategy, name, tmp_path):
    toy = ToyBenchmark(ganas.load_space(name))

    def new():
        return ganas.Study(toy, strategy, budget=30, seed=3)

    whole = keys(new().run(18))
    new().run(12).save(tmp_path / "study.npz")
    assert keys(new().load(tmp_path / "study.npz").run(18)) == whole


@pytest.mark.parametrize("strategy", BOTH)
@pytest.mark.parametrize("name", ["darts", "graphnas-proteins"])
def test_a_query_looks_at_as_much_in_a_space_of_any_size(strategy, name, monkeypatch):
    space = ganas.load_space(name)

    def refuse(self):
        raise AssertionError("the whole space is listed")

    monkeypatch.setattr(type(space), "enumerate", refuse)
    study = ganas.Study(ToyBenchmark(space), strategy, budget=90, seed=0, settings={"pool_size": 60}).run(20)
    ranked, made = [], []
    pool = study.strategy._pool
    take, rows = pool.take, pool._rows

    def counted_take(wanted, count):
        ranked.append(len(wanted))
        return take(wanted, count)

    def counted_rows(architectures):
        made.append(len(architectures))
        return rows(architectures)

    pool.take, pool._rows = counted_take, counted_rows
    study.run(60)
    around = max(len(space.neighbours(entry.evaluation.architecture)) for entry in study.entries)
    proposed = 10 * around if strategy is GPLocal else 5 * around + 200
    assert len(ranked) == 40 and max(ranked) <= 60 + proposed and max(made) <= proposed
    # Whoever has lent neighbours does not do so again: on average there is about one that is new among the best.
    assert np.mean(ranked) <= 60 + (2 * around if strategy is GPLocal else 2 * around + 200)


class ThreeCells(NASBench201):
    """Fewer cells than a model wants values."""

    size = 3
    cells = ((3, 3, 3, 3, 3, 3), (3, 3, 3, 3, 3, 2), (2, 3, 3, 3, 3, 3))

    def sample(self, count, *, rng):
        return [self.decode(self.cells[number]) for number in rng.integers(3, size=count)]

    def enumerate(self):
        return map(self.decode, self.cells)

    def is_valid(self, genotype):
        return tuple(genotype) in self.cells


@pytest.mark.parametrize("strategy", BOTH)
def test_fewer_architectures_than_a_model_needs(strategy):
    study = ganas.Study(ToyBenchmark(ThreeCells()), strategy, budget=50, seed=0).run()
    assert study.stop == "exhausted" and len(set(keys(study))) == 3


# --- whatever is told --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", BOTH)
def test_only_what_succeeded_and_is_feasible_lends_neighbours(toy, strategy):
    space = toy.space
    objective, size = toy.metrics["toy_value"], toy.metrics["toy_size"]
    bound = MeasuredConstraint(size, high=1.0)
    one = strategy(Problem(space, (objective,), constraints=(bound,)), rng=np.random.default_rng(0))
    good = set()
    for number in range(30):
        (asked,) = one.ask(1)
        if number % 3 == 0:
            told = Evaluation(asked, failure="it diverged")
        else:
            # What violates the bound has the highest values of all.
            violates = number % 3 == 1
            told = Evaluation(asked, {"toy_value": 100.0 * violates + number, "toy_size": 1.0 + violates})
            if not violates:
                good.add(space.identity_key(asked))
        one.tell([told])
    assert one._lent and one._lent <= good
    assert np.isinf(one._scores).sum() == 20


# --- what is said of them ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", BOTH)
def test_info_reads_as_text(strategy, capsys):
    assert main.run(["info", strategy.name, "--json"]) == 0
    printed = capsys.readouterr().out
    said = json.loads(printed)
    assert all(setting["meaning"].endswith(".") for setting in said["settings"])
    assert len(said["settings"]) >= 6 and len(said["details"]) >= 2
    assert not any(markup in printed for markup in ("``", ":class:", ":data:", ":meth:"))
