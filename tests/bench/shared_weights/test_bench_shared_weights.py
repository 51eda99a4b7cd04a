"""Shared weights as a benchmark: the kit, what is kept and found again, costs, failures and studies."""

import json
import os
import pickle
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from ganas.bench.shared_weights.benchmark import SharedWeightsBenchmark
from ganas.bench.shared_weights.names import LISTED, shared_builders
from ganas.bench.testing import check_benchmark
from ganas.bench.training.running import Machine
from ganas.spaces.errors import (
    ArchitectureNotMeasured,
    DataError,
    InvalidSetting,
    NotSupported,
    TrainingFailed,
    TrialNotMeasured,
)
from ganas.spaces.registry import load_space
from ganas.study import Study
from tests.bench.shared_weights.shared_texts import SPACE, benchmark_in, task_in
from tests.bench.training.classification.text_corpus import without_counts, write_as_agnews

torch = pytest.importorskip("torch", reason="training needs torch")

from ganas.bench.training.classification.shared_training import SharedTextTraining  # noqa: E402
from ganas.bench.training.task import Step  # noqa: E402

ROOT = Path(__file__).parents[3]
FIRST, SECOND = SPACE.sample(2, rng=np.random.default_rng(0))


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a small corpus in the files of AG News, which is taken for it."""
    without_counts(monkeypatch)
    write_as_agnews(tmp_path)
    return tmp_path


@pytest.fixture
def counted(monkeypatch):
    """How often batches were learned from, and architectures measured."""
    counts = {"learn": 0, "measure": 0}

    def count(name):
        original = getattr(SharedTextTraining, name)

        def counting(self, *arguments):
            counts[name] += 1
            return original(self, *arguments)

        monkeypatch.setattr(SharedTextTraining, name, counting)

    for name in counts:
        count(name)
    return counts


@pytest.mark.parametrize("seeds", [(0,), (3, 1)])
def test_kit(folder, seeds):
    check_benchmark(benchmark_in(folder, seeds=seeds))


def test_an_answer_says_what_it_is(folder):
    benchmark = benchmark_in(folder)
    result = benchmark.query(FIRST)
    assert (benchmark.kind, result.metric, result.unit, result.split) == (
        "shared",
        "shared_accuracy",
        "percent",
        "valid",
    )
    assert result.source == f"shared:{benchmark.protocol.label}"
    assert "training data" in benchmark.metric().description
    assert 0 <= result.value <= 100
    assert result.cost_seconds > 0
    parameters = benchmark.query(FIRST, "parameters")
    assert (parameters.trials, parameters.cost_seconds) == ((), 0.0)


def test_shared_weights_learn_what_can_be_learned(folder):
    write_as_agnews(folder, train=400)
    benchmark = benchmark_in(folder, epochs=6, batch=8, channels=16, word_width=16)
    # One of four classes is right by chance.
    assert benchmark.query_many([FIRST, SECOND]).mean() > 50
    history = benchmark.place(0).finished()
    losses = [epoch.values["train_loss"] for epoch in history.epochs]
    assert losses[-1] < 0.8 * losses[0]
    assert history.final == {}


def test_the_supernet_is_trained_once_and_answers_are_kept(folder, counted):
    first = benchmark_in(folder).query(FIRST)
    learned, measured = counted["learn"], counted["measure"]
    assert learned > 0
    assert measured > 0
    for again in (benchmark_in(folder), pickle.loads(pickle.dumps(benchmark_in(folder)))):
        assert again.query(FIRST) == first
        assert again.as_measured().query(FIRST) == first
    assert counted == {"learn": learned, "measure": measured}
    benchmark_in(folder).query(SECOND)
    assert counted == {"learn": learned, "measure": measured + 1}


def test_the_same_seed_gives_the_same_answers_on_another_disk(folder, tmp_path, monkeypatch):
    given = [FIRST, SECOND]
    values = benchmark_in(folder, seeds=(0, 5)).query_many(given)
    monkeypatch.setenv("GANAS_HOME", str(tmp_path / "elsewhere"))
    torch.manual_seed(99)
    assert np.array_equal(benchmark_in(folder, seeds=(0, 5)).query_many(given[::-1]), values[::-1])


def test_trials_are_supernets_of_other_seeds(folder):
    both = benchmark_in(folder, seeds=(0, 5))
    singles = [benchmark_in(folder, seeds=(seed,)).query(FIRST).value for seed in (0, 5)]
    assert singles[0] != singles[1]
    assert [both.query(FIRST, seed=seed).value for seed in (0, 5)] == singles
    assert both.query(FIRST).value == sum(singles) / 2
    assert both.query(FIRST, reduction="max").value == max(singles)


def test_nothing_is_trained_for_numbers_of_parameters(folder, home):
    benchmark = benchmark_in(folder)
    assert benchmark.query(FIRST, "parameters").value > 0
    assert benchmark.preparation_seconds(["parameters"]) == 0
    assert not home.exists()


def test_what_was_not_asked_before_is_not_measured_by_the_one_that_only_reads(folder):
    reads = benchmark_in(folder, trains=False)
    with pytest.raises(ArchitectureNotMeasured, match="are not trained"):
        reads.query(FIRST)
    benchmark_in(folder).query(FIRST)
    assert reads.query(FIRST).value == benchmark_in(folder).query(FIRST).value
    with pytest.raises(ArchitectureNotMeasured, match="was not measured by shared-tiny"):
        reads.query(SECOND)


@pytest.mark.parametrize("space", ["textnas"])
def test_the_space_of_the_paper_has_shared_weights_too(folder, space):
    benchmark = benchmark_in(folder, space=load_space(space), epochs=1)
    deep = benchmark.space.parse("released")
    assert 0 <= benchmark.query(deep).value <= 100
    assert benchmark_in(folder, space=load_space(space), epochs=1, trains=False).query(deep) == benchmark.query(deep)


# --- what is on the disk ---------------------------------------------------------------------------------------------


def files(home, pattern):
    return sorted(home.glob(f"trainings/shared-tiny/mini-*/{pattern}"))


def test_weights_that_were_removed_are_trained_again(folder, home):
    value = benchmark_in(folder).query(FIRST).value
    (weights,) = files(home, "*-weights.safetensors")
    content = weights.read_bytes()
    weights.unlink()
    with pytest.raises(DataError, match="are gone"):
        benchmark_in(folder, trains=False).query(FIRST)
    assert benchmark_in(folder).query(SECOND).value >= 0
    assert weights.read_bytes() == content
    assert benchmark_in(folder).query(FIRST).value == value


def test_what_other_weights_answered_is_measured_anew(folder, home, counted):
    result = benchmark_in(folder).query(FIRST)
    (answer,) = files(home, "*-answers/*.json")
    kept = json.loads(answer.read_bytes())
    answer.write_text(json.dumps({**kept, "weights": "of before", "values": {"shared_accuracy": -1.0}}))
    before = counted["measure"]
    assert benchmark_in(folder).query(FIRST).value == result.value
    assert counted["measure"] == before + 1


@pytest.mark.parametrize("content", [b"", b"[]", b'{"values": {}}', b"\xff"])
def test_a_damaged_answer_is_named(folder, home, content):
    benchmark_in(folder).query(FIRST)
    (answer,) = files(home, "*-answers/*.json")
    answer.write_bytes(content)
    with pytest.raises(DataError, match=r"\.json is damaged: remove it to measure anew"):
        benchmark_in(folder).query(FIRST)


def test_damaged_weights_are_named(folder, home):
    benchmark_in(folder).query(FIRST)
    (weights,) = files(home, "*-weights.safetensors")
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"weights\.safetensors are damaged, remove .*\.json to train them anew"):
        benchmark_in(folder).query(SECOND)


KILLED = """
    import os, signal, sys
    from pathlib import Path
    import pytest
    from ganas.bench.shared_weights import benchmark
    from ganas.bench.training.classification.shared_training import SharedTextTraining
    from tests.bench.shared_weights.shared_texts import SPACE, benchmark_in
    from tests.bench.training.classification.text_corpus import without_counts

    without_counts(pytest.MonkeyPatch())
    benchmark._EVERY_STEPS = 2
    learn, done = SharedTextTraining.learn, 0

    def learn_and_die(self, architecture):
        global done
        done += 1
        if done == 7:
            os.kill(os.getpid(), signal.SIGKILL)
        return learn(self, architecture)

    SharedTextTraining.learn = learn_and_die
    benchmark_in(Path(sys.argv[1])).query(SPACE.parse("0 1; 0 4 1; 0 5 0 1; 0 4 1 0 0; 0 0 0 0 0 1; 0 5 1 0 0 0 0"))
"""


@pytest.mark.skipif(os.name != "posix", reason="processes are killed by a signal")
def test_a_killed_training_of_the_supernet_goes_on_to_the_same_answers(folder, home, tmp_path, counted, monkeypatch):
    code = textwrap.dedent(KILLED)
    ran = subprocess.run(
        [sys.executable, "-c", code, str(folder)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == -signal.SIGKILL, ran.stderr
    assert files(home, "*.safetensors") == files(home, "0-0.safetensors") != []
    assert not files(home, "*.json")
    resumed = benchmark_in(folder)
    values = resumed.query_many([FIRST, SECOND])
    learned_after = counted["learn"]
    monkeypatch.setenv("GANAS_HOME", str(tmp_path / "whole"))
    counted["learn"] = 0
    assert np.array_equal(benchmark_in(folder).query_many([FIRST, SECOND]), values)
    assert learned_after < counted["learn"]


# --- costs, failures and studies -------------------------------------------------------------------------------------


def test_a_study_pays_for_the_supernet_once(folder):
    benchmark = benchmark_in(folder)
    study = Study(benchmark, "random-search", budget=3, seed=0).run()
    paid = benchmark.preparation_seconds([benchmark.objective])
    assert paid > 0
    assert study.ledger.search_seconds == paid
    costs = [entry.evaluation.cost_seconds for entry in study.entries]
    assert [entry.simulated_seconds for entry in study.entries] == pytest.approx(list(paid + np.cumsum(costs)))
    static = Study(benchmark, "random-search", budget=2, seed=0, metric="parameters").run()
    assert static.ledger.simulated_seconds == 0


@pytest.mark.parametrize("strategy", ["ganas", "random-search", "regularized-evolution"])
def test_a_study_goes_on_to_the_same_trace(folder, tmp_path, strategy):
    settings = {"population_size": 3, "tournament_size": 2} if strategy == "regularized-evolution" else {}
    make = lambda: Study(benchmark_in(folder), strategy, budget=6, seed=1, settings=settings)  # noqa: E731
    whole = make().run()
    cut = make().run(3)
    cut.save(tmp_path / "state.npz")
    resumed = make().load(tmp_path / "state.npz").run()
    columns = ["architecture", "value", "simulated_seconds"]
    assert resumed.trace[columns].equals(whole.trace[columns])
    assert whole.best.values["shared_accuracy"] == max(whole.trace["value"])


def test_a_supernet_that_breaks_down_is_said_to_have(folder, monkeypatch):
    def broken(self, architecture):
        return Step(torch.tensor(float("nan")), 1)

    monkeypatch.setattr(SharedTextTraining, "learn", broken)
    benchmark = benchmark_in(folder, rollbacks=1)
    with pytest.raises(TrainingFailed, match=r"the shared weights of shared-tiny: .* broke down in epoch 1"):
        benchmark.query(FIRST)
    study = Study(benchmark, "random-search", budget=2, seed=0).run()
    assert [entry.evaluation.failure is not None for entry in study.entries] == [True, True]


def test_an_output_that_is_no_number_fails_alone(folder, monkeypatch):
    benchmark = benchmark_in(folder)
    benchmark.query(FIRST)
    monkeypatch.setattr(SharedTextTraining, "measure", lambda self, architecture: {"shared_accuracy": float("nan")})
    with pytest.raises(TrainingFailed, match="no finite number"):
        benchmark.query(SECOND)
    assert benchmark.query(FIRST).value >= 0


# --- bad input -------------------------------------------------------------------------------------------------------


def test_what_cannot_be_is_refused(folder, tmp_path):
    with pytest.raises(InvalidSetting, match="different seeds"):
        benchmark_in(folder, seeds=(1, 1))
    with pytest.raises(TrialNotMeasured, match="has 1 trials"):
        benchmark_in(folder).query(FIRST, trial=1)
    with pytest.raises(NotSupported, match="knows no best value"):
        benchmark_in(folder).optimum()
    with pytest.raises(DataError, match=r"agnews needs train\.csv and test\.csv"):
        benchmark_in(tmp_path / "nowhere").query(FIRST)
    compiled = SharedWeightsBenchmark("shared-tiny", task_in(folder), machine=Machine("cpu", compiled=True))
    with pytest.raises(InvalidSetting, match="not compiled"):
        compiled.query(FIRST)


def test_the_registered_ones_are_made_without_torch_or_data():
    code = "import sys, ganas; [ganas.load_benchmark(n) for n in sys.argv[1:]]; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code, *shared_builders()], cwd=ROOT, check=True)
    assert ("textnas", "bbcnews") in LISTED
