"""The loop of trainings: the same seed the same numbers, kills and resumes, roll-backs, checkpoints."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ganas.spaces.errors import DataError, InvalidSetting, NotEnoughMemory

torch = pytest.importorskip("torch", reason="training needs torch")

from ganas.bench.training.checkpoint import read_checkpoint, read_summary, write_checkpoint  # noqa: E402
from ganas.bench.training.devices import Compute  # noqa: E402
from ganas.bench.training.history import History  # noqa: E402
from ganas.bench.training.loop import TrainingLoop  # noqa: E402
from tests.bench.training.toy_training import PROTOCOL, ToyTask, architectures  # noqa: E402

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def global_generator_is_left_alone():
    before = torch.random.get_rng_state()
    yield
    assert torch.equal(before, torch.random.get_rng_state())


def loop(task=None, **options):
    return TrainingLoop(task or ToyTask(), architectures(1)[0], **{"seed": 0, "compute": Compute(), **options})


def numbers(history):
    """Everything but the clock."""
    return [epoch.values for epoch in history.epochs], history.final, history.best, history.rollbacks


def test_same_seed_same_numbers_and_another_seed_others():
    first, again, other = loop().run(), loop().run(), loop(seed=1).run()
    assert numbers(first) == numbers(again) != numbers(other)
    assert first.finished
    assert len(first.epochs) == 3
    assert first.final.keys() == {"test_loss"}
    assert first.final["test_loss"] == first.epochs[first.best - 1].values["valid_loss"] + 1
    assert [epoch.seconds for epoch in first.epochs] == sorted(epoch.seconds for epoch in first.epochs)


def test_numbers_do_not_depend_on_the_generator_outside():
    first = loop().run()
    with torch.random.fork_rng():
        torch.manual_seed(99)
        assert numbers(loop().run()) == numbers(first)


@pytest.mark.parametrize("every_steps", [None, 3])
def test_a_run_in_pieces_is_the_whole_run(tmp_path, every_steps):
    whole = loop().run()
    checkpoint = tmp_path / "deep" / "state.safetensors"
    for until in (1, 2, 3):
        history = loop(checkpoint=checkpoint, every_steps=every_steps).run(until)
        assert len(history.epochs) == until
    assert numbers(history) == numbers(whole)
    assert [path.name for path in checkpoint.parent.iterdir()] == [checkpoint.name]


def test_within_an_epoch_it_goes_on_where_it_stopped(tmp_path):
    class Stop(Exception):
        pass

    class Impatient(TrainingLoop):
        def _save(self, training):
            super()._save(training)
            if self._learning and self._steps == 5:
                raise Stop

    whole, log, checkpoint = loop().run(), tmp_path / "log", tmp_path / "state"
    task = ToyTask(log=log)
    with pytest.raises(Stop):
        Impatient(task, architectures(1)[0], seed=0, compute=Compute(), checkpoint=checkpoint, every_steps=5).run()
    assert log.read_text().splitlines()[-1] == "1 40"
    assert numbers(loop(task, checkpoint=checkpoint, every_steps=5).run()) == numbers(whole)
    assert len(log.read_text().splitlines()) == 3 * 8


KILLED = """
    import sys
    from ganas.bench.training.devices import Compute
    from ganas.bench.training.loop import TrainingLoop
    from tests.bench.training.toy_training import ToyTask, architectures
    from pathlib import Path
    task = ToyTask(log=sys.argv[2], stops_after=13)
    options = {"seed": 0, "compute": Compute(), "checkpoint": Path(sys.argv[1]), "every_steps": 3}
    TrainingLoop(task, architectures(1)[0], **options).run()
"""


def test_kill_and_resume_give_the_same_numbers(tmp_path):
    checkpoint, log = tmp_path / "state", tmp_path / "log"
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(checkpoint), str(log)]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"})
    deadline = time.monotonic() + 500
    while time.monotonic() < deadline and not (log.exists() and len(log.read_text().splitlines()) >= 13):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert len(log.read_text().splitlines()) == 13
    assert len(read_summary(checkpoint)["history"]["epochs"]) == 1
    assert numbers(loop(checkpoint=checkpoint, every_steps=3).run()) == numbers(loop().run())


def test_a_broken_epoch_is_begun_again_from_the_best():
    history = loop(ToyTask(breaks={2: 1})).run()
    assert history.rollbacks == [2]
    assert history.failure is None
    assert len(history.epochs) == 3
    assert numbers(history)[0][0] == numbers(loop().run())[0][0]
    assert all(np.isfinite(list(epoch.values.values())).all() for epoch in history.epochs)


def test_in_the_first_epoch_it_goes_back_to_the_beginning():
    history = loop(ToyTask(breaks={1: 2})).run()
    assert history.rollbacks == [1, 1]
    assert history.finished
    assert history.failure is None


def test_after_too_many_it_has_failed_and_says_so(tmp_path):
    history = loop(ToyTask(breaks={2: 9}), checkpoint=tmp_path / "state").run()
    assert history.finished
    assert len(history.epochs) == 1
    assert history.rollbacks == [2, 2, 2]
    assert "epoch 2" in history.failure
    assert "\n" not in history.failure
    assert loop(ToyTask(), checkpoint=tmp_path / "state").run().failure == history.failure


def test_no_rollback_allowed():
    history = loop(ToyTask(replace(PROTOCOL, rollbacks=0), breaks={1: 1})).run()
    assert history.failure is not None
    assert history.epochs == []


def test_a_rollback_in_pieces_is_that_of_the_whole(tmp_path):
    whole = loop(ToyTask(breaks={2: 1})).run()
    loop(ToyTask(), checkpoint=tmp_path / "state").run(1)
    assert numbers(loop(ToyTask(breaks={2: 1}), checkpoint=tmp_path / "state").run()) == numbers(whole)


def test_progress_is_told(monkeypatch):
    monkeypatch.setattr("ganas.bench.training.loop._TOLD", 0.0)
    told = []
    loop(progress=told.append).run()
    assert [one.epoch for one in told] == sorted(one.epoch for one in told)
    assert {one.epoch for one in told} == {1, 2, 3}
    assert told[-1].done == pytest.approx(1.0)
    assert all(one.items_per_second > 0 and one.seconds_left >= 0 and one.item == "rows" for one in told)
    assert told[0].values == {}
    assert "valid_loss" in told[-1].values


# --- checkpoints -----------------------------------------------------------------------------------------------------


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    loop(checkpoint=tmp_path / "state").run(1)
    for other in ({"seed": 1}, {"task": ToyTask(replace(PROTOCOL, epochs=5))}):
        with pytest.raises(DataError, match="of another training"):
            loop(checkpoint=tmp_path / "state", **other).run()


def test_a_checkpoint_that_was_begun_with_other_data_is_refused(tmp_path, monkeypatch):
    loop(checkpoint=tmp_path / "state").run(1)
    monkeypatch.setattr(ToyTask, "digest", lambda self: "other")
    with pytest.raises(DataError, match="begun with other data"):
        loop(checkpoint=tmp_path / "state").run()


@pytest.mark.parametrize("cut", [0, 4, 100, -1])
def test_a_damaged_checkpoint_is_one_clear_line(tmp_path, cut):
    loop(checkpoint=tmp_path / "state").run(1)
    content = (tmp_path / "state").read_bytes()
    (tmp_path / "state").write_bytes(content[:cut])
    with pytest.raises(DataError, match=r"state is damaged, remove it to begin anew") as caught:
        loop(checkpoint=tmp_path / "state").run()
    assert "\n" not in str(caught.value)


def test_state_comes_back_as_it_was(tmp_path):
    state = {"a": {"b": torch.arange(3), "c": [1, 2.5, "x", None, True]}, "big": 2**127, "n": np.float32(3)}
    write_checkpoint(tmp_path / "state", {"history": 1}, state)
    summary, found = read_checkpoint(tmp_path / "state")
    assert summary == read_summary(tmp_path / "state") == {"history": 1}
    assert found["a"]["b"].tolist() == [0, 1, 2]
    assert found["a"]["c"] == [1, 2.5, "x", None, True]
    assert found["big"] == 2**127
    assert read_checkpoint(tmp_path / "none") is None


def test_a_full_disk_keeps_the_checkpoint_of_before(tmp_path, monkeypatch):
    path = tmp_path / "state"
    write_checkpoint(path, {"n": 1}, {"x": 1})

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match="no space left to write"):
        write_checkpoint(path, {"n": 2}, {"x": 2})
    assert read_summary(path) == {"n": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_histories_are_checked():
    record = loop().run().record()
    assert History.from_record(json.loads(json.dumps(record)), "it").record() == record
    for broken in (None, {}, {**record, "epochs": 3}, {**record, "finished": 1}, {**record, "more": 1}):
        with pytest.raises(DataError, match="it is damaged"):
            History.from_record(broken, "it")
    record["epochs"][0]["best"] = 2
    with pytest.raises(DataError, match="it is damaged"):
        History.from_record(record, "it")


# --- settings and limits ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [-1, True, 1.5, 2**63])
def test_seeds_are_checked(seed):
    with pytest.raises(InvalidSetting, match="seed"):
        loop(seed=seed)


def test_steps_between_checkpoints_are_checked():
    with pytest.raises(InvalidSetting, match="every 0"):
        loop(every_steps=0)


@pytest.mark.parametrize(
    "error",
    [MemoryError(), torch.OutOfMemoryError("x"), RuntimeError("DefaultCPUAllocator: not enough memory: you tried")],
)
def test_too_little_memory_is_one_clear_line(monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(ToyTask, "start", fail)
    with pytest.raises(NotEnoughMemory, match="more memory than there is on cpu"):
        loop().run()


def test_other_errors_are_not_hidden(monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("a bug")

    monkeypatch.setattr(ToyTask, "start", fail)
    with pytest.raises(RuntimeError, match="a bug"):
        loop().run()
