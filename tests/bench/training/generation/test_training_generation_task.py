"""Generation of images as a task: trainers by name, what is measured, kept and found again."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest

from ganas.bench.registry import load_benchmark
from ganas.bench.training.generation.images import GeneratedImages
from ganas.bench.training.generation.protocol import INCEPTION, generation_protocol
from ganas.bench.training.generation.task import generation_task, metrics_of
from ganas.bench.training.trainers import datasets_for, family_of, task_for
from ganas.spaces.errors import (
    ArchitectureNotMeasured,
    DataError,
    InvalidSetting,
    NotSupported,
    TrainingFailed,
    UnknownName,
)
from ganas.spaces.registry import load_space
from tests.bench.training.generation.tiny_generation import ARCHITECTURE, DISTANCE, TINY, loop_of, task_of

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")

from ganas.bench.training import running  # noqa: E402
from ganas.bench.training.benchmark import TrainerBenchmark  # noqa: E402
from ganas.bench.training.devices import Compute  # noqa: E402
from ganas.bench.training.generation.training import GeneratorTraining  # noqa: E402
from ganas.bench.training.running import Machine  # noqa: E402

OPPONENTS = load_space("alphagan-discriminator")
OPPONENT_TEXT = "conv_3x3,conv_3x3_SN|conv_5x5_SN,none|skip_connect,conv_1x1_SN|none,none"

pytestmark = pytest.mark.usefixtures("classifier_at_hand")


def trainer(name="train-alphagan-digits", protocol=TINY, **options):
    """The registered trainer with another recipe."""
    known = load_benchmark(name)
    return TrainerBenchmark(name, known.task.with_protocol(protocol), machine=Machine("cpu"), **options)


# --- questions --------------------------------------------------------------------------------------------------------


def test_a_registered_trainer_answers():
    benchmark = trainer()
    result = benchmark.query(ARCHITECTURE)
    assert (result.metric, result.unit, result.split, result.epoch) == (f"valid_{DISTANCE}", "distance", "valid", 2)
    assert result.value > 0 and result.source == f"trainer:{TINY.label}"
    curve = benchmark.curve(ARCHITECTURE, f"epoch_valid_{DISTANCE}")
    assert result.value == curve.values.min()
    test, last = (benchmark.query(ARCHITECTURE, f"{name}test_{DISTANCE}") for name in ("", "last_"))
    assert (test.split, last.split) == ("test", "test")
    assert benchmark.query(ARCHITECTURE, "epoch_valid_collapsed").value in (0.0, 1.0)
    everything = benchmark.query_many([ARCHITECTURE], list(benchmark.metrics))
    assert np.isfinite(everything).all()


def test_metrics_say_their_split_and_are_all_measured():
    task = task_of(epochs=1)
    for metric in task.metrics:
        said = {split for split in ("train", "valid", "test") if split in metric.name.split("_")}
        assert said == ({metric.split} if metric.split else set())
    history = loop_of(task).run()
    measured = {**history.epochs[0].values, **history.final, **task.static(ARCHITECTURE)}
    assert {metric.source for metric in task.metrics} <= set(measured)
    assert task.objective == f"valid_{DISTANCE}" and not task.metrics[0].higher_is_better
    # Nobody takes it for FID; and it has that name where it is.
    assert not [metric.name for metric in task.metrics if "fid" in metric.name or "inception" in metric.name]
    names = [metric.name for metric in metrics_of(replace(TINY, extractor=INCEPTION))]
    assert {"valid_fid", "test_fid", "last_test_fid", "valid_inception_score"} <= set(names)
    assert not [name for name in names if "classifier" in name]


def test_a_finished_training_is_found_again_and_not_done_twice(classifier_at_hand, monkeypatch):
    benchmark = trainer()
    first = benchmark.query(ARCHITECTURE)
    place = benchmark.place(ARCHITECTURE, 0)
    record = json.loads(place.record.read_text())
    facts = benchmark.task.data_facts()
    assert facts.items() <= record.items()
    assert facts["images"] == {"train": 899, "valid": 449, "test": 449}
    assert facts["classifier_accuracy_percent"] > 95
    assert record["protocol"]["critic_steps"] == 2 and record["data"] == benchmark.task.digest()
    assert [path.name[-13:] for path in place.pictures] == ["epoch-001.png", "epoch-002.png"]
    monkeypatch.setattr(running, "TrainingLoop", None)
    again = trainer().query(ARCHITECTURE)
    assert again == first
    assert trainer(trains=False).query(ARCHITECTURE) == first
    with pytest.raises(ArchitectureNotMeasured):
        trainer(protocol=replace(TINY, steps=4), trains=False).query(ARCHITECTURE)
    place.forget()
    assert not list(classifier_at_hand.rglob("*.png")) and not place.record.exists()
    with pytest.raises(TypeError):
        trainer().query(ARCHITECTURE)


def test_an_evaluation_is_trained_up_to_and_gone_on_from():
    whole = trainer(seeds=(1,)).curve(ARCHITECTURE, f"epoch_valid_{DISTANCE}").values
    trainer(seeds=(1,)).place(ARCHITECTURE, 1).forget()
    first = trainer(seeds=(1,)).query(ARCHITECTURE, f"epoch_valid_{DISTANCE}", epoch=1)
    place = trainer(seeds=(1,)).place(ARCHITECTURE, 1)
    assert not place.record.exists() and len(place.pictures) == 1
    second = trainer(seeds=(1,)).query(ARCHITECTURE, f"epoch_valid_{DISTANCE}", epoch=2)
    assert [first.value, second.value] == whole.tolist()
    assert len(place.pictures) == 2


def test_a_training_that_breaks_down_is_remembered(monkeypatch):
    plain, broken = GeneratorTraining.step, []

    def step(self):
        broken.append(1)
        with torch.no_grad():
            self.generator.stem.weight.fill_(float("nan"))
        return plain(self)

    monkeypatch.setattr(GeneratorTraining, "step", step)
    for _ in range(2):
        with pytest.raises(TrainingFailed, match=r"train-alphagan-digits: training with seed 0 broke down in epoch 1"):
            trainer().query(ARCHITECTURE)
    assert len(broken) == 1 + TINY.rollbacks
    assert trainer().place(ARCHITECTURE, 0).pictures == ()


def test_discriminators_are_trained_against_one_generator():
    benchmark = trainer("train-alphagan-discriminator-digits")
    architecture = OPPONENTS.parse(OPPONENT_TEXT)
    assert benchmark.query(architecture).value > 0
    other = benchmark.query(OPPONENTS.decode((1,) * 8))
    assert other.value != benchmark.query(architecture).value
    task = benchmark.task
    made = task.start(architecture, seed=0, compute=Compute())
    assert task.static(architecture) == {"parameters": made.num_parameters}
    against = [task.networks(one, 1, 1)[0].edges for one in (architecture, OPPONENTS.decode((0,) * 8))]
    assert str(against[0]) == str(against[1])
    with pytest.raises(NotSupported, match="no relaxed discriminator"):
        task.training_task(Machine("cpu"))


# --- the network ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dataset", "name", "parameters"),
    [
        ("cifar10", "alphaGAN_s", 2_952_707),
        ("cifar10", "alphaGAN_l", 8_618_499),
        ("stl10", "alphaGAN_s", 3_613_187),
        ("stl10", "alphaGAN_l", 9_278_979),
    ],
)
def test_parameters_are_those_of_the_paper_and_need_no_files(dataset, name, parameters):
    benchmark = load_benchmark(f"train-alphagan-{dataset}-full")
    assert benchmark.task.missing() is not None
    state = torch.get_rng_state()
    assert benchmark.query(benchmark.space.parse(name), "parameters").value == parameters
    assert torch.equal(torch.get_rng_state(), state)


def test_parameters_are_those_that_are_trained():
    task = task_of(image_size=16)
    generator, discriminator = task.networks(ARCHITECTURE, task.source.bottom_width(task.protocol), 1)
    assert generator(torch.zeros(2, 8)).shape == (2, 1, 16, 16)
    assert discriminator(torch.zeros(2, 1, 16, 16)).shape == (2, 1)
    assert task.static(ARCHITECTURE) == {"parameters": sum(values.numel() for values in generator.parameters())}
    small = task_of()
    made = small.start(ARCHITECTURE, seed=0, compute=Compute())
    assert small.static(ARCHITECTURE) == {"parameters": made.num_parameters}
    assert small.static(ARCHITECTURE) != task.static(ARCHITECTURE)


# --- the task ---------------------------------------------------------------------------------------------------------


def test_what_is_missing_is_said_before_anything_is_trained(tmp_path, monkeypatch):
    home = tmp_path / "nothing"
    monkeypatch.setenv("GANAS_HOME", str(home))
    assert task_for(load_space("alphagan"), "digits").missing() is None
    benchmark = load_benchmark("train-alphagan-cifar10")
    line = str(benchmark.task.missing())
    assert str(home / "images" / "cifar10") in line and "\n" not in line
    with pytest.raises(DataError, match="CIFAR-10"):
        benchmark.query(ARCHITECTURE)
    assert not home.exists()
    named = task_for(load_space("alphagan"), "cifar10", folder=tmp_path / "mine")
    other = named.with_source(GeneratedImages("cifar10", tmp_path / "other"))
    assert [str(tmp_path / name) in str(task.missing()) for name, task in (("mine", named), ("other", other))] == [
        True
    ] * 2
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "scikit-learn" in str(task_for(load_space("alphagan"), "digits").missing())


def test_too_few_samples_are_said_before_anything_is_trained(classifier_at_hand):
    with pytest.raises(InvalidSetting, match=r"samples of protocol 'mini' must be more than 64, .* not 50"):
        trainer(protocol=replace(TINY, samples=50)).query(ARCHITECTURE)
    assert not (classifier_at_hand / "trainings").exists()


def test_facts_and_digest_are_of_what_is_read():
    task = task_of()
    facts = task.data_facts()
    assert json.loads(json.dumps(facts)) == facts
    assert facts["valid_distance_of_noise"] > facts["valid_distance_of_real_images"]
    assert task.digest() == task.source.read(TINY).digest
    assert pickle.loads(pickle.dumps(task)).digest() == task.digest()
    assert task.describe(ARCHITECTURE) == task.space.format(ARCHITECTURE)


def test_space_and_data_set_say_that_it_is_generation():
    generators, cells, texts = (load_space(name) for name in ("alphagan", "nasbench201", "textnas"))
    assert family_of(generators, "digits").name == family_of(OPPONENTS, "digits").name == "generation of images"
    assert set(datasets_for(generators)) == {"digits", "cifar10", "stl10", "fashionmnist", "png"}
    assert task_for(generators, "digits", "full").protocol == generation_protocol("full", "digits")
    with pytest.raises(NotSupported, match="'textnas' are not trained on digits"):
        family_of(texts, "digits")
    with pytest.raises(NotSupported, match="'nasbench201' is no space of AlphaGAN"):
        generation_task(cells, "digits", "mini")
    with pytest.raises(UnknownName, match="did you mean 'cifar10'"):
        task_for(generators, "cifar11")
    with pytest.raises(UnknownName, match="unknown protocol"):
        task_for(generators, "digits", "half")
    with pytest.raises(UnknownName, match="baseline"):
        task_for(generators, "digits", baseline="LSTM")
    with pytest.raises(InvalidSetting, match="an architecture of 'alphagan' is to be trained, and none is given"):
        task_of().start(None, seed=0, compute=Compute())
