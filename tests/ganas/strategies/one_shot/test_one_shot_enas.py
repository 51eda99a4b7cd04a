"""ENAS on made-up documents: what the controller draws and learns, what is proposed, resumed and refused."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

import ganas
from ganas import testing
from ganas.bench.toy import ToyBenchmark
from ganas.bench.training.benchmark import TrainerBenchmark
from ganas.bench.training.classification.shared_training import SharedTextTraining
from ganas.bench.training.classification.task import ClassificationTask
from ganas.bench.training.classification.texts import ClassifiedText
from ganas.bench.training.running import Machine
from ganas.bench.training.task import Step
from ganas.plugins import make_settings
from ganas.spaces.errors import InvalidSetting, NotSupported, TrainingFailed
from ganas.spaces.textnas.genotype import num_offsets
from ganas.spaces.textnas.wiring import make_layout
from ganas.strategies.one_shot.enas import ENAS
from ganas.strategies.one_shot.enas_controller import TextController
from ganas.strategies.one_shot.enas_learner import ControllerLearner
from ganas.strategies.one_shot.enas_settings import ENASSettings
from ganas.strategy import PredicateConstraint
from tests.bench.shared_weights.shared_texts import benchmark_in
from tests.bench.training.classification.text_corpus import TINY, without_counts, write_as_agnews

SPACE = ganas.load_space("textnas-mini")
QUICK = {"controller_steps": 2, "samples": 3, "controller_hidden": 8}


@testing.parametrize_strategy_checks(["enas"])
def test_kit(subject, check):
    check(subject)


@pytest.fixture(scope="module")
def toy():
    return ToyBenchmark(SPACE)


def make(toy, seed=0, constraints=(), **settings):
    problem = ganas.Problem(toy.space, (toy.metric(),), constraints=constraints, training_task=toy.training_task())
    return ENAS(problem, rng=np.random.default_rng(seed), settings=ENASSettings(**{**QUICK, **settings}))


def controller(layers, **options):
    generator = torch.Generator().manual_seed(0)
    given = {"hidden": 16, "tanh_constant": 1.5, "skip_target": 0.4, **options}
    return TextController(make_layout(layers), generator=generator, **given)


def drawn(layers, count, **options):
    made, rng = controller(layers, **options), np.random.default_rng(0)
    with torch.no_grad():
        return [made.draw(rng=rng) for _ in range(count)]


# --- the controller --------------------------------------------------------------------------------------------------


def test_no_offset_lies_outside_the_window_and_every_code_is_one_of_the_space():
    space = ganas.load_space("textnas")
    rows = space.layout.rows
    largest = np.zeros(24, dtype=int)
    for each in drawn(24, 60):
        space.check(space.decode(each.code))
        assert len(each.code) == 324
        largest = np.maximum(largest, [each.code[row][0] for row in rows])
    assert (largest < [num_offsets(layer) for layer in range(24)]).all()
    # All of them come up: 60 draws of five nearly equal alternatives.
    assert (largest[5:] == 4).all()


def test_half_of_the_skip_connections_are_drawn_at_first():
    rates = [each.skip_rate for each in drawn(12, 40, hidden=64)]
    assert abs(np.mean(rates) - 0.5) < 0.06
    assert min(each.undecided for each in drawn(12, 5)) > 0.98


def test_the_probabilities_of_all_architectures_add_up_to_one():
    # With two layers no layer has more than one skip bit, so the mean over bits is the probability itself.
    found = {each.code: float(each.log_probability.double().exp()) for each in drawn(2, 1500)}
    assert len(found) == 8 * 8 * 2
    assert sum(found.values()) == pytest.approx(1, abs=1e-4)


def test_the_divergence_is_that_of_the_target_summed_over_bits_and_averaged_over_layers():
    made = controller(3)
    with torch.no_grad():
        made.to_skip.weight.zero_()
    (each,) = [made.draw(rng=np.random.default_rng(0))]
    of_one_bit = 0.5 * math.log(0.5 / 0.4) + 0.5 * math.log(0.5 / 0.6)
    assert float(each.divergence.detach()) == pytest.approx((1 + 2) / 2 * of_one_bit, rel=1e-5)
    assert float(controller(1).draw(rng=np.random.default_rng(0)).divergence.detach()) == 0


def test_logits_are_bounded():
    made = controller(4, tanh_constant=0.5)
    with torch.no_grad():
        for weight in made.parameters():
            weight.mul_(1000)
    each = made.draw(rng=np.random.default_rng(0))
    least = math.log(math.exp(-0.5) / (math.exp(-0.5) + 7 * math.exp(0.5)))
    terms = 3 * 4 - 1
    assert float(each.log_probability.detach()) >= terms * least
    assert each.log_probability.isfinite() and each.divergence.isfinite()


class OfOperator:
    """Shared weights that find an architecture the better, the more of its layers have an operator."""

    def __init__(self, operator):
        self.operator = operator

    def measure(self, architecture):
        layers = SPACE.genotype(architecture).layers
        return {"shared_accuracy": 100 * sum(layer.operator == self.operator for layer in layers) / len(layers)}


def share_of(learner, operator, rng):
    with torch.no_grad():
        codes = [learner.controller.draw(rng=rng).code for _ in range(60)]
    layers = [layer.operator for code in codes for layer in SPACE.layout.genotype(code).layers]
    return layers.count(operator) / len(layers)


def test_the_controller_learns_what_is_rewarded_and_how_many_skip_connections_are_wanted():
    rng = np.random.default_rng(0)
    settings = ENASSettings(controller_steps=80, controller_learning_rate=0.03, controller_hidden=16, skip_weight=0.5)
    learner = ControllerLearner(SPACE, settings, seed=0)
    before = share_of(learner, "gru", rng)
    first = learner.learn(OfOperator("gru"), rng=rng)
    said = learner.learn(OfOperator("gru"), rng=rng)
    assert before < 0.25
    assert share_of(learner, "gru", rng) > 2 * before
    assert said["reward"] > first["reward"]
    assert said["skip_rate"] < 0.45


def test_the_baseline_follows_the_reward_with_its_entropy():
    learner = ControllerLearner(SPACE, ENASSettings(entropy_weight=0.01, baseline_decay=0.9), seed=0)
    each = learner.controller.draw(rng=np.random.default_rng(0))
    assert each.action_entropy > 0
    learner.step(each, 0.5)
    assert learner.baseline == pytest.approx(0.1 * (0.5 + 0.01 * each.action_entropy))


def test_an_output_that_is_no_number_is_worth_nothing():
    class Broken:
        def measure(self, architecture):
            return {"shared_accuracy": float("nan")}

    learner = ControllerLearner(SPACE, ENASSettings(controller_steps=1), seed=0)
    assert learner.learn(Broken(), rng=np.random.default_rng(0))["reward"] == 0


# --- the search ------------------------------------------------------------------------------------------------------


def proposals(strategy):
    found = []
    while asked := strategy.ask(5):
        found += asked
    return found


@pytest.mark.parametrize(("every", "count"), [(1, 3), (2, 2), (9, 1)])
def test_so_many_epochs_make_a_proposal(toy, every, count):
    assert len(proposals(make(toy, epochs_per_proposal=every))) == count


def test_of_the_samples_the_best_is_proposed(toy, monkeypatch):
    scored = []
    measure = SharedTextTraining.measure

    def spied(self, architecture):
        found = measure(self, architecture)
        scored.append((architecture, found["shared_accuracy"]))
        return found

    monkeypatch.setattr(SharedTextTraining, "measure", spied)
    strategy = make(toy, samples=4)
    (proposed,) = strategy.ask()
    assert len(scored) == 2 + 4
    assert proposed == max(scored[2:], key=lambda pair: pair[1])[0]
    said = strategy.diagnostics()
    assert said["reward"] == pytest.approx(np.mean([value for _, value in scored[:2]]))
    assert set(said) == set(ENAS.diagnostic_titles)
    assert 0 <= said["skip_rate"] <= 1


def test_a_predicate_leaves_samples_out(toy):
    first = make(toy, samples=12).ask()[0]
    constraint = PredicateConstraint("another", lambda architecture: architecture != first)
    assert make(toy, samples=12, constraints=[constraint]).ask()[0] != first


def test_every_batch_has_an_architecture_of_the_controller(toy, monkeypatch):
    seen = []
    learn = SharedTextTraining.learn

    def spied(self, architecture):
        seen.append(architecture)
        return learn(self, architecture)

    monkeypatch.setattr(SharedTextTraining, "learn", spied)
    strategy = make(toy, epochs=1)
    strategy.ask()
    # Twelve documents in batches of six; the last call finds the epoch at its end.
    assert len(seen) == 3
    assert len(set(seen)) == 3


def test_a_broken_epoch_is_begun_again_and_then_the_search_has_failed(toy, monkeypatch):
    learn, broken = SharedTextTraining.learn, [1]

    def breaks(self, architecture):
        step = learn(self, architecture)
        if broken and broken.pop():
            return Step(torch.tensor(float("nan")), 1)
        return step

    monkeypatch.setattr(SharedTextTraining, "learn", breaks)
    strategy = make(toy)
    assert len(strategy.ask()) == 1
    assert strategy.state()["rollbacks"] == 1
    broken += [1] * 4
    with pytest.raises(TrainingFailed, match="the search broke down in epoch 2"):
        strategy.ask()


def test_settings_change_the_recipe(toy):
    strategy = make(toy, epochs=2, channels=8, learning_rate=0.01)
    assert len(proposals(strategy)) == 2
    assert strategy._weights.model.encoder.channels == 8
    other = make(toy, epochs=2)
    state = strategy.state()
    with pytest.raises(InvalidSetting, match="was saved with"):
        other.load_state(state)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"samples": 0}, "samples must be at least 1"),
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"channels": 6}, "multiple of 4"),
        ({"skip_target": 1.0}, "skip_target must be above 0 and below 1"),
        ({"baseline_decay": 1.5}, "baseline_decay must be from 0 to 1"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0"),
        ({"sampels": 3}, "did you mean 'samples'"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, message):
    with pytest.raises(InvalidSetting, match=message):
        make_settings(ENAS, settings)


def test_what_it_cannot_search_is_refused(toy):
    with pytest.raises(NotSupported, match="enas searches text spaces"):
        ganas.Study(ToyBenchmark(ganas.load_space("rnn-mini")), "enas", budget=2, seed=0)
    with pytest.raises(NotSupported, match="trains a network of its own"):
        ganas.Study("nasbench201-cifar10", "enas", budget=2, seed=0)
    with pytest.raises(NotSupported, match="learns from the training texts"):
        ENAS(ganas.Problem(SPACE, (toy.metric(),)), rng=np.random.default_rng(0))


@pytest.mark.parametrize("kind", ["trainer", "shared"])
def test_a_study_on_a_trainer_and_on_shared_weights(tmp_path, monkeypatch, kind):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path / "home"))
    without_counts(monkeypatch)
    write_as_agnews(tmp_path)
    if kind == "trainer":
        task = ClassificationTask(SPACE, ClassifiedText("agnews", tmp_path), replace(TINY, epochs=1))
        benchmark = TrainerBenchmark("train-tiny", task, machine=Machine("cpu"))
    else:
        benchmark = benchmark_in(tmp_path)
    settings = {**QUICK, "epochs": 2}
    study = ganas.Study(benchmark, "enas", budget=5, seed=0, settings=settings).run()
    assert study.stop == "exhausted"
    assert 1 <= len(study.entries) <= 2
    assert study.ledger.search_seconds > 0
    whole = [entry.evaluation for entry in study.entries]
    cut = ganas.Study(benchmark, "enas", budget=5, seed=0, settings=settings).run(1)
    cut.save(tmp_path / "state.npz")
    resumed = ganas.Study(benchmark, "enas", budget=5, seed=0, settings=settings).load(tmp_path / "state.npz").run()
    assert [entry.evaluation for entry in resumed.entries] == whole
    assert set(ENAS.diagnostic_titles) <= set(study.trace.columns)
