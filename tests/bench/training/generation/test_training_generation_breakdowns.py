"""Trainings of generators that break down, are cut off, or show what they make."""

from math import isfinite

import numpy as np
import pytest
from PIL import Image

from ganas.bench.training.finished import TrainingPlace
from ganas.spaces.errors import DataError
from tests.bench.training.generation.tiny_generation import (
    TINY,
    loop_of,
    run_epoch,
    same_weights,
    task_of,
    training,
    values_of,
)

torch = pytest.importorskip("torch")

from ganas.bench.training.checkpoint import picture_path  # noqa: E402
from ganas.bench.training.generation.training import GeneratorTraining  # noqa: E402

pytestmark = pytest.mark.usefixtures("classifier_at_hand")


# --- numbers that are none --------------------------------------------------------------------------------------------


def breaking(monkeypatch, player, times, at=5):
    """Let weights of a player become no numbers after so many steps; returns a list of when."""
    plain, broken = GeneratorTraining.step, []

    def step(self):
        found = plain(self)
        if self._steps == at and found is not None and len(broken) < times:
            broken.append(self._steps)
            with torch.no_grad():
                next(getattr(self, player).parameters()).fill_(float("nan"))
        return found

    monkeypatch.setattr(GeneratorTraining, "step", step)
    return broken


@pytest.mark.parametrize("player", ["generator", "discriminator", "averaged"])
def test_weights_that_are_no_numbers_bring_back_the_best(monkeypatch, player):
    undisturbed = loop_of(task_of()).run()
    # The averaged weights break in the last step: only what is measured tells.
    broken = breaking(monkeypatch, player, 1, at=6 if player == "averaged" else 5)
    loop = loop_of(task_of())
    history = loop.run()
    assert len(broken) == 1
    assert history.rollbacks == [2] and history.failure is None and history.finished
    assert history.epochs[0].values == undisturbed.epochs[0].values
    assert all(isfinite(value) for epoch in history.epochs for value in epoch.values.values())
    assert all(map(isfinite, history.final.values()))
    assert all(values.isfinite().all() for values in loop.kept_weights().values())


def test_weights_that_are_no_numbers_again_and_again_are_a_failure(monkeypatch):
    broken = breaking(monkeypatch, "generator", 99)
    history = loop_of(task_of(rollbacks=2)).run()
    assert history.finished and history.rollbacks == [2, 2, 2] and len(broken) == 3
    assert history.failure == (
        "training with seed 0 broke down in epoch 2: the loss was no finite number, for the 3. time"
    )
    assert len(history.epochs) == 1 and history.final == {}


# --- checkpoints and pictures -----------------------------------------------------------------------------------------


def test_a_training_that_was_cut_off_ends_with_the_same_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr("ganas.bench.training.loop._TOLD", 0.0)
    task = task_of(steps=5, first_moment=0.5, decay_from=0.0)
    whole = loop_of(task, checkpoint=tmp_path / "whole.safetensors")
    expected = values_of(whole.run())

    class Cut(Exception):
        pass

    def cut_in(epoch, after):
        told = []

        def cut(progress):
            told.append(progress.epoch)
            if told.count(epoch) > after:
                raise Cut

        return cut

    checkpoint = tmp_path / "cut.safetensors"
    # In the middle of an epoch, twice, once where the generator had its turn and once where it had not.
    for every_steps, epoch, after in ((1, 1, 2), (3, 2, 3), (1, 2, 0)):
        with pytest.raises(Cut):
            loop_of(task, checkpoint=checkpoint, every_steps=every_steps, progress=cut_in(epoch, after)).run()
    resumed = loop_of(task, checkpoint=checkpoint)
    assert values_of(resumed.run()) == expected
    assert same_weights(whole.kept_weights(), resumed.kept_weights())
    for epoch in (1, 2):
        first, other = (picture_path(path, epoch) for path in (whole.checkpoint, checkpoint))
        assert first.read_bytes() == other.read_bytes()


def test_a_checkpoint_of_other_images_or_another_recipe_is_refused(tmp_path):
    checkpoint = tmp_path / "x.safetensors"
    loop_of(task_of(), checkpoint=checkpoint).run(1)
    with pytest.raises(DataError, match="is of another training, with protocol"):
        loop_of(task_of(batch=9), checkpoint=checkpoint).run()
    task = task_of()
    task.digest = lambda: "others"
    with pytest.raises(DataError, match="was begun with other data of digits"):
        loop_of(task, checkpoint=checkpoint).run()


def test_every_evaluation_has_its_picture_and_forgetting_removes_them():
    place = TrainingPlace.of("train-alphagan-digits", TINY.label, 5, 0)
    other = TrainingPlace.of("train-alphagan-digits", TINY.label, 5, 10)
    loop_of(task_of(epochs=3), checkpoint=place.checkpoint).run()
    loop_of(task_of(epochs=1), checkpoint=other.checkpoint).run()
    assert [path.name for path in place.pictures] == [f"5-0-epoch-00{epoch}.png" for epoch in (1, 2, 3)]
    shown = [np.array(Image.open(path)) for path in place.pictures]
    # Eight images a side, four times as large, with lines between them.
    assert {picture.shape for picture in shown} == {(8 * 33 + 1, 8 * 33 + 1)}
    assert not np.array_equal(shown[0], shown[1])
    place.forget()
    assert place.pictures == () and not place.checkpoint.exists()
    assert len(other.pictures) == 1


def test_pictures_show_the_averaged_generator_and_the_same_latents(tmp_path):
    made = training()
    run_epoch(made)
    state = torch.get_rng_state()
    for name in ("a.png", "b.png"):
        made.save_picture(tmp_path / name)
    assert torch.equal(torch.get_rng_state(), state)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    first = next(made._samples("valid", TINY.samples))[0, 0]
    pixels = (first * 127.5 + 127.5).clamp(0, 255).to(torch.uint8).numpy()
    picture = np.array(Image.open(tmp_path / "a.png"))
    assert np.abs(picture[1:33:4, 1:33:4].astype(int) - pixels).max() <= 1
    with torch.no_grad():
        made.averaged.head.weight.fill_(float("nan"))
    made.save_picture(tmp_path / "c.png")
    assert not (tmp_path / "c.png").exists()


def test_without_a_checkpoint_there_is_no_picture(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.rglob("*.png"))
    loop_of(task_of(epochs=1)).run()
    assert set(tmp_path.rglob("*.png")) == before == set()
