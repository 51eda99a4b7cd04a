"""Trainers as benchmarks: the kit, what is kept and found again, failures, studies and several processes."""

import json
import os
import pickle
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ganas.bench.testing import parametrize_with_checks
from ganas.spaces.errors import (
    ArchitectureNotMeasured,
    DataError,
    EpochNotMeasured,
    InvalidSetting,
    NotSupported,
    TrainingFailed,
    TrialNotMeasured,
    UnknownName,
)
from ganas.study import Study

torch = pytest.importorskip("torch", reason="training needs torch")

from ganas.bench.training.benchmark import TrainerBenchmark  # noqa: E402
from ganas.bench.training.running import Machine  # noqa: E402
from tests.bench.training.toy_training import PROTOCOL, SPACE, ToyTask, architectures  # noqa: E402

ROOT = Path(__file__).resolve().parents[3]
ARCHITECTURE = architectures(1)[0]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def trainer(task=None, **options):
    return TrainerBenchmark("train-toy", task or ToyTask(), **{"machine": Machine("cpu"), **options})


def steps(log):
    return len(log.read_text().splitlines()) if log.exists() else 0


@parametrize_with_checks([trainer(), trainer(seeds=(3, 1))])
def test_kit(subject, check):
    check(subject)


# --- what is kept ----------------------------------------------------------------------------------------------------


def test_a_finished_training_is_not_trained_again(tmp_path, home):
    log = tmp_path / "log"
    first = trainer(ToyTask(log=log)).query(ARCHITECTURE)
    assert steps(log) == 24
    again = trainer(ToyTask(log=log)).query(ARCHITECTURE)
    assert again == first
    for metric in ("test_loss", "train_loss", "train_seconds", "epoch_valid_loss"):
        trainer(ToyTask(log=log)).query(ARCHITECTURE, metric)
    assert steps(log) == 24
    (record,) = home.glob("trainings/train-toy/mini-*/*.json")
    about = json.loads(record.read_text())
    assert about["architecture"] == SPACE.format(ARCHITECTURE)
    assert about["seed"] == 0
    assert about["device"] == "cpu"
    assert about["versions"]["torch"] == torch.__version__.partition("+")[0] or about["versions"]["torch"]
    assert not list(record.parent.glob("*.safetensors"))


def test_another_protocol_seed_or_architecture_is_another_training(tmp_path):
    log = tmp_path / "log"
    trainer(ToyTask(log=log)).query(ARCHITECTURE)
    trainer(ToyTask(replace(PROTOCOL, rollbacks=0), log=log)).query(ARCHITECTURE)
    trainer(ToyTask(log=log), seeds=(1,)).query(ARCHITECTURE)
    trainer(ToyTask(log=log)).query(architectures(2)[1])
    assert steps(log) == 4 * 24


def test_an_epoch_is_trained_up_to_it_and_gone_on_from_there(tmp_path):
    log = tmp_path / "log"
    first = trainer(ToyTask(log=log)).query(ARCHITECTURE, epoch=1)
    assert steps(log) == 8
    assert trainer(ToyTask(log=log)).query(ARCHITECTURE, epoch=1) == first
    assert steps(log) == 8
    trainer(ToyTask(log=log)).query(ARCHITECTURE, epoch=2)
    assert steps(log) == 16
    full = trainer(ToyTask(log=log)).query(ARCHITECTURE)
    assert steps(log) == 24
    assert (first.epoch, full.epoch) == (1, 3)
    assert first.cost_seconds < full.cost_seconds
    curve = trainer(ToyTask(log=log)).curve(ARCHITECTURE, "valid_loss")
    assert curve.values[0] == first.value
    assert np.all(np.diff(curve.values) <= 0)
    assert steps(log) == 24


def test_static_metrics_need_no_training(tmp_path):
    log = tmp_path / "log"
    result = trainer(ToyTask(log=log)).query(ARCHITECTURE, "parameters")
    assert (result.value, result.trials, result.cost_seconds, result.reduction) == (8.0, (), 0.0, "none")
    assert steps(log) == 0


def test_what_is_wrong_is_said_before_anything_is_trained(tmp_path):
    log = tmp_path / "log"
    bench = trainer(ToyTask(log=log))
    for error, options in [
        (EpochNotMeasured, {"epoch": 4}),
        (EpochNotMeasured, {"epoch": 0}),
        (EpochNotMeasured, {"epoch": 2, "metric": "test_loss"}),
        (EpochNotMeasured, {"epoch": 1, "metric": "parameters"}),
        (TrialNotMeasured, {"trial": 1}),
        (TrialNotMeasured, {"seed": 7}),
        (InvalidSetting, {"trial": 0, "seed": 0}),
        (InvalidSetting, {"reduction": "best"}),
        (InvalidSetting, {"trial": 0, "reduction": "max"}),
    ]:
        with pytest.raises(error):
            bench.query(ARCHITECTURE, **options)
    with pytest.raises(EpochNotMeasured):
        bench.query_many([ARCHITECTURE], ["valid_loss", "parameters"], epoch=1)
    with pytest.raises(NotSupported):
        bench.query_many(np.array([1, 2]))
    with pytest.raises(NotSupported):
        bench.optimum()
    assert steps(log) == 0


@pytest.mark.parametrize("seeds", [(), (0, 0), (-1,), (True,)])
def test_seeds_of_a_trainer_are_checked(seeds):
    with pytest.raises(InvalidSetting, match="seeds"):
        trainer(seeds=seeds)


def test_several_seeds_are_trials_and_cost_is_that_of_one():
    bench = trainer(seeds=(0, 5))
    both, first, second = (
        bench.query(ARCHITECTURE),
        bench.query(ARCHITECTURE, trial=0),
        bench.query(ARCHITECTURE, seed=5),
    )
    assert both.value == pytest.approx((first.value + second.value) / 2)
    assert (both.seeds, both.trials, second.trials) == ((0, 5), (0, 1), (1,))
    assert first.value == trainer().query(ARCHITECTURE).value
    seconds = [bench.query(ARCHITECTURE, "train_seconds", trial=trial).value for trial in (0, 1)]
    assert both.cost_seconds == first.cost_seconds == pytest.approx(sum(seconds) / 2)


@pytest.mark.parametrize(
    "content", ["", "[]", '{"format": 1}', '{"format": 99}', '{"format": 1, "history": {"epochs": [1]}}']
)
def test_a_damaged_record_is_one_clear_line(home, content):
    trainer().query(ARCHITECTURE)
    (record,) = home.glob("trainings/*/*/*.json")
    record.write_text(content)
    with pytest.raises(DataError) as caught:
        trainer().query(ARCHITECTURE)
    assert str(record) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("GANAS_HOME", str(tmp_path / "file"))
    with pytest.raises(DataError, match="cannot write"):
        trainer().query(ARCHITECTURE)


def test_a_report_trains_nothing(tmp_path):
    log = tmp_path / "log"
    bench = trainer(ToyTask(log=log))
    bench.query(ARCHITECTURE, epoch=2)
    held = bench.as_measured()
    assert held.query(ARCHITECTURE, epoch=2) == bench.query(ARCHITECTURE, epoch=2)
    for metric, epoch in (("valid_loss", None), ("test_loss", None), ("valid_loss", 3)):
        with pytest.raises(ArchitectureNotMeasured, match="was not trained by train-toy"):
            held.query(ARCHITECTURE, metric, epoch=epoch)
    assert steps(log) == 16
    bench.query(ARCHITECTURE)
    assert held.query(ARCHITECTURE, "test_loss") == bench.query(ARCHITECTURE, "test_loss")
    assert not pickle.loads(pickle.dumps(held)).trains


# --- failures --------------------------------------------------------------------------------------------------------


def test_a_failure_is_remembered_and_costs_what_it_took(tmp_path):
    log = tmp_path / "log"
    task = ToyTask(breaks={2: 9}, log=log)
    with pytest.raises(TrainingFailed, match="broke down in epoch 2") as caught:
        trainer(task).query(ARCHITECTURE)
    done = steps(log)
    with pytest.raises(TrainingFailed, match="broke down in epoch 2") as again:
        trainer(ToyTask(log=log)).query(ARCHITECTURE)
    assert steps(log) == done
    assert again.value.cost_seconds == caught.value.cost_seconds > 0
    assert pickle.loads(pickle.dumps(again.value)).cost_seconds == again.value.cost_seconds
    assert trainer(ToyTask(log=log)).query(ARCHITECTURE, epoch=1).epoch == 1


def test_in_a_study_a_failure_is_a_failed_evaluation():
    bench = trainer(ToyTask(breaks={1: 99}))
    study = Study(bench, "random-search", budget=2, seed=0).run()
    assert [entry.evaluation.values for entry in study.entries] == [{}, {}]
    assert all("broke down" in str(entry.evaluation.failure) for entry in study.entries)
    assert all(entry.evaluation.cost_seconds > 0 for entry in study.entries)


# --- studies ---------------------------------------------------------------------------------------------------------


def test_the_same_study_finds_everything_again(tmp_path):
    log = tmp_path / "log"
    first = Study(trainer(ToyTask(log=log)), "regularized-evolution", budget=6, seed=0).run()
    done = steps(log)
    assert done == 6 * 24
    again = Study(trainer(ToyTask(log=log)), "regularized-evolution", budget=6, seed=0).run()
    assert steps(log) == done
    columns = ["architecture", "value", "simulated_seconds"]
    assert first.trace[columns].equals(again.trace[columns])
    assert first.problem.objectives[0].name == "valid_loss"
    assert first.problem.fidelities == (1, 2, 3)


def test_a_search_may_not_improve_test_values():
    with pytest.raises(InvalidSetting, match="test metric"):
        Study(trainer(), "random-search", budget=2, seed=0, metric="test_loss")


def test_a_trainer_can_be_sent_to_a_process():
    sent = pickle.loads(pickle.dumps(trainer(seeds=(2,))))
    assert (sent.name, sent.seeds, sent.source) == ("train-toy", (2,), trainer().source)
    assert sent.query(ARCHITECTURE).value == trainer(seeds=(2,)).query(ARCHITECTURE).value


def test_protocols_are_printed_and_hashed():
    values = {item.field: item for item in PROTOCOL.values}
    assert (values["epochs"].value, values["epochs"].unit, values["epochs"].source) == (3, "epochs", "a test")
    assert values["rollbacks"].source == "ours"
    assert trainer().source == f"trainer:mini-{PROTOCOL.hash}"
    assert PROTOCOL.hash == replace(PROTOCOL, title="other words").hash != replace(PROTOCOL, epochs=4).hash
    with pytest.raises(InvalidSetting, match="source for 'epoch'"):
        replace(PROTOCOL, sources={"epoch": "x"})
    with pytest.raises(InvalidSetting, match="epochs"):
        replace(PROTOCOL, epochs=0)


def test_a_mean_is_over_all_epochs_so_far():
    bench = trainer()
    each = bench.curve(ARCHITECTURE, "epoch_valid_loss").values
    means = bench.curve(ARCHITECTURE, "mean_valid_loss").values
    np.testing.assert_allclose(means, np.cumsum(each) / np.arange(1, len(each) + 1))
    assert bench.query(ARCHITECTURE, "mean_valid_loss").value == means[-1]
    assert bench.query(ARCHITECTURE, "mean_valid_loss", epoch=2).value == means[1]


def test_values_of_a_protocol_can_be_given_as_text():
    changed = PROTOCOL.with_values(["epochs=7", "rollbacks=0"])
    assert (changed.epochs, changed.rollbacks, changed.name) == (7, 0, PROTOCOL.name)
    assert {item.source for item in changed.values} == {"ours"} and PROTOCOL.with_values([]) == PROTOCOL
    with pytest.raises(UnknownName, match="did you mean 'epochs'"):
        PROTOCOL.with_values(["epoch=7"])
    for text, message in (("epochs", "write name=value"), ("epochs=x", "no value of JSON"), ("epochs=0", "at least 1")):
        with pytest.raises(InvalidSetting, match=message):
            PROTOCOL.with_values([text])


ASK = """
    import sys
    from ganas.bench.training.benchmark import TrainerBenchmark
    from tests.bench.training.toy_training import ToyTask, architectures
    bench = TrainerBenchmark("train-toy", ToyTask(log=sys.argv[1], slow=0.01))
    print([bench.query(one).value for one in architectures(2)])
"""


def test_two_processes_train_an_architecture_once(tmp_path):
    log = tmp_path / "log"
    command = [sys.executable, "-c", textwrap.dedent(ASK), str(log)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    workers = [
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    first, second = (worker.communicate(timeout=300)[0] for worker in workers)
    assert [worker.returncode for worker in workers] == [0, 0]
    assert first == second == f"{[trainer().query(one).value for one in architectures(2)]}\n"
    assert steps(log) == 2 * 24
