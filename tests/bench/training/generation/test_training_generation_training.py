"""A generator in training: whose turn it is, averages, what is measured, other precision."""

from math import ceil, isfinite

import numpy as np
import pytest

from ganas.spaces.errors import InvalidSetting
from ganas.spaces.registry import load_space
from tests.bench.training.generation.tiny_generation import (
    DISTANCE,
    Part,
    loop_of,
    run_epoch,
    same,
    same_weights,
    task_of,
    training,
    values_of,
    weights_of,
)

torch = pytest.importorskip("torch")

from ganas.bench.training.checkpoint import snapshot  # noqa: E402
from ganas.bench.training.devices import Compute  # noqa: E402
from ganas.bench.training.generation import training as module  # noqa: E402
from ganas.bench.training.generation.training import GeneratorTraining, RealImages, samples_of  # noqa: E402

pytestmark = pytest.mark.usefixtures("classifier_at_hand")


# --- real images ------------------------------------------------------------------------------------------------------


def numbered(count):
    """Images whose bytes are their numbers."""
    return torch.arange(count, dtype=torch.uint8).reshape(count, 1, 1, 1)


def numbers(batch):
    return ((batch + 1) * 127.5).round().int().flatten().tolist()


def test_every_pass_has_every_image_in_another_order():
    real = RealImages(numbered(12), 4, seed=0, device="cpu")
    passes = [[number for _ in range(3) for number in numbers(real.next())] for _ in range(3)]
    assert all(sorted(seen) == list(range(12)) for seen in passes)
    assert passes[0] != passes[1] != passes[2]
    assert numbers(RealImages(numbered(12), 4, seed=1, device="cpu").next()) != passes[0][:4]
    batch = real.next()
    assert batch.dtype == torch.float32 and batch.shape == (4, 1, 1, 1)


def test_batches_are_all_of_one_size():
    real = RealImages(numbered(10), 4, seed=0, device="cpu")
    sizes = [len(numbers(real.next())) for _ in range(7)]
    assert sizes == [4] * 7
    assert RealImages(numbered(3), 64, seed=0, device="cpu").next().shape[0] == 3


def test_processes_share_a_batch():
    whole, *parts = (RealImages(numbered(30), 9, seed=2, device="cpu") for _ in range(4))
    for _ in range(5):
        batch = numbers(whole.next())
        shared = [numbers(real.next(rank, 3)) for rank, real in enumerate(parts)]
        assert sorted(number for part in shared for number in part) == sorted(batch)
        assert [len(part) for part in shared] == [3, 3, 3]


def test_the_place_among_the_images_is_taken_up_again():
    real = RealImages(numbered(30), 7, seed=2, device="cpu")
    for _ in range(6):
        real.next()
    other = RealImages(numbered(30), 7, seed=3, device="cpu")
    other.load_state(real.state())
    assert [numbers(real.next()) for _ in range(9)] == [numbers(other.next()) for _ in range(9)]


# --- steps ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("critic", [1, 2, 3, 5])
def test_a_generator_has_its_turn_every_so_many_steps(monkeypatch, critic):
    taken, plain = [], module.generator_step

    def counted(*given):
        taken.append(len(given[3]))
        return plain(*given)

    monkeypatch.setattr(module, "generator_step", counted)
    made = training(steps=7, critic_steps=critic)
    in_epochs = []
    for epoch in (1, 2):
        steps = run_epoch(made, epoch)
        assert [step.items for step in steps] == [8] * 7
        in_epochs.append(len(taken))
    # Also over the border between two evaluations, as in the official code.
    assert in_epochs == [ceil(7 / critic), ceil(14 / critic)]
    assert set(taken) == {6}
    assert made.step() is None and made.items_in_epoch == 56


def test_only_the_discriminator_moves_between_the_turns():
    made = training(steps=3, critic_steps=2)
    made.start_epoch(1)
    networks = (made.generator, made.discriminator, made.averaged)
    moved = []
    for _ in range(3):
        before = [weights_of(network) for network in networks]
        made.step()
        moved.append([not same(old, weights_of(network)) for old, network in zip(before, networks, strict=True)])
    assert moved == [[True, True, True], [False, True, False], [True, True, True]]


def test_averaged_weights_are_the_moving_average():
    made = training(steps=9, critic_steps=1, averaging=0.7, learning_rate=0.05)
    expected = weights_of(made.generator)
    assert same(expected, weights_of(made.averaged))
    made.start_epoch(1)
    for _ in range(9):
        made.step()
        expected = [0.7 * kept + 0.3 * now for kept, now in zip(expected, weights_of(made.generator), strict=True)]
    for kept, hand, now in zip(weights_of(made.averaged), expected, weights_of(made.generator), strict=True):
        assert torch.allclose(kept, hand, atol=1e-6)
        assert not torch.allclose(kept, now, atol=1e-4)


def test_batch_statistics_are_those_of_the_trained_generator():
    made = training(steps=4, critic_steps=3)
    made.start_epoch(1)
    agree = []
    for _ in range(4):
        made.step()
        agree.append(same(made.averaged.buffers(), made.generator.buffers()))
    # Steps of the discriminator change what the generator normalises by: at the end the latest is taken.
    assert agree == [True, False, False, True]
    made = training(steps=2, critic_steps=3)
    run_epoch(made)
    assert same(made.averaged.buffers(), made.generator.buffers())
    fresh = dict(training().generator.named_buffers())
    assert not same(fresh.values(), made.averaged.buffers())
    assert not made.averaged.training and not any(values.requires_grad for values in made.averaged.parameters())


def test_rates_are_those_of_the_protocol():
    made = training(
        epochs=2, steps=4, decay_from=0.25, last_rate=0.2, learning_rate=0.1, discriminator_learning_rate=0.3
    )
    rates = []
    for epoch in (1, 2):
        made.start_epoch(epoch)
        while made.step() is not None:
            rates.append([one.param_groups[0]["lr"] for one in (made._optimiser, made._other_optimiser)])
    shares = [made._protocol.rate_share(step) for step in range(8)]
    assert shares[2] == 1.0 and shares[3] < 1.0
    assert np.allclose(rates, [(0.1 * share, 0.3 * share) for share in shares])


def test_what_is_counted_is_the_network_whose_architecture_it_is():
    made = training()
    assert made.num_parameters == sum(values.numel() for values in made.generator.parameters())
    space = load_space("alphagan-discriminator")
    other = training(space=space, architecture=space.decode((0,) * 8))
    assert other.num_parameters == sum(values.numel() for values in other.discriminator.parameters())


def test_weights_that_nothing_depends_on_do_not_keep_processes_waiting():
    space = load_space("alphagan-discriminator")
    architecture = space.parse("conv_3x3,conv_3x3_SN|conv_5x5_SN,none|skip_connect,conv_1x1_SN|none,none")
    made = training(Part(processes=2), space, architecture)
    first = made.discriminator.blocks[1].first
    unused = [name for name, values in made.discriminator.named_parameters() if not values.requires_grad]
    assert unused == [f"blocks.1.first.{name}" for name, _ in first.named_parameters()]
    made.start_epoch(1)
    made.step()
    assert all(values.grad is not None for values in made.discriminator.parameters() if values.requires_grad)
    alone = training(None, space, architecture)
    assert all(values.requires_grad for values in alone.discriminator.parameters())
    assert alone.num_parameters == made.num_parameters
    run_epoch(alone)


def test_a_batch_has_an_image_for_every_process():
    training(Part(processes=8))
    with pytest.raises(InvalidSetting, match="9 processes cannot share batches of 8 images"):
        training(Part(processes=9))


# --- what is measured -------------------------------------------------------------------------------------------------


def test_evaluation_measures_the_averaged_weights_and_draws_nothing():
    made = training()
    run_epoch(made)
    state, kept = torch.get_rng_state(), snapshot(made.learned())
    first = made.evaluate("valid")
    assert made.evaluate("valid") == first
    assert torch.equal(torch.get_rng_state(), state)
    for name, network in made._networks.items():
        assert same_weights(network.state_dict(), kept[name])
    assert set(first) > {f"valid_{DISTANCE}", "valid_precision", "valid_collapsed", "valid_classifier_score"}
    assert all(map(isfinite, first.values()))
    test = made.evaluate("test")
    assert set(test) == {name.replace("valid_", "test_", 1) for name in first}
    assert test[f"test_{DISTANCE}"] != first[f"valid_{DISTANCE}"]
    assert same_weights(made.kept_weights(), made.averaged.state_dict())
    with torch.no_grad():
        made.generator.head.weight.zero_()
        assert made.evaluate("valid") == first
        made.averaged.head.weight.zero_()
        assert made.evaluate("valid") != first


def test_samples_are_the_same_for_every_generator_and_number():
    made = training().averaged
    whole, part = (torch.cat(list(samples_of(made, 8, count, seed=1, compute=Compute()))) for count in (600, 64))
    assert whole.shape == (600, 1, 8, 8) and torch.allclose(whole[:64], part, atol=1e-6)
    assert not torch.equal(part, next(samples_of(made, 8, 64, seed=2, compute=Compute())))
    assert not whole.requires_grad and whole.dtype == torch.float32


def test_the_same_seed_gives_the_same_numbers_and_another_one_others():
    first, again, other = (values_of(loop_of(task_of(), seed).run()) for seed in (3, 3, 4))
    assert first == again
    assert first[0][0]["train_loss"] != other[0][0]["train_loss"] and first[1] != other[1]


def test_last_and_best_are_both_measured(monkeypatch):
    task = task_of(learning_rate=0.01)
    last = loop_of(task).run().final
    first = loop_of(task_of(learning_rate=0.01, epochs=1)).run().final
    plain = GeneratorTraining.evaluate
    assert last[f"last_test_{DISTANCE}"] != first[f"test_{DISTANCE}"]

    def worse_afterwards(self, split):
        values = plain(self, split)
        if split == "valid" and self._steps > 3:
            values[f"valid_{DISTANCE}"] += 1e9
        return values

    monkeypatch.setattr(GeneratorTraining, "evaluate", worse_afterwards)
    loop = loop_of(task)
    history = loop.run()
    assert history.best == 1
    assert {name: value for name, value in history.final.items() if name.startswith("last_")} == {
        name: value for name, value in last.items() if name.startswith("last_")
    }
    assert history.final[f"test_{DISTANCE}"] == first[f"test_{DISTANCE}"] != history.final[f"last_test_{DISTANCE}"]
    # The weights of the best are what is kept.
    alone = loop_of(task_of(learning_rate=0.01, epochs=1))
    alone.run()
    assert same_weights(loop.kept_weights(), alone.kept_weights())


def test_a_collapse_is_recorded(monkeypatch):
    task = task_of(learning_rate=1e-12)
    plain = task.networks

    def constant(*given):
        generator, discriminator = plain(*given)
        torch.nn.init.zeros_(generator.head.weight)
        return generator, discriminator

    monkeypatch.setattr(task, "networks", constant)
    collapsed = loop_of(task).run()
    assert [epoch.values["valid_collapsed"] for epoch in collapsed.epochs] == [1.0, 1.0]
    assert collapsed.finished and collapsed.failure is None
    (metric,) = (metric for metric in task.metrics if metric.name == "epoch_valid_collapsed")
    assert collapsed.value(metric, 2) == 1.0


# --- other ways to compute --------------------------------------------------------------------------------------------


def test_half_precision_trains_on_the_cpu():
    half, single = (loop_of(task_of(), compute=Compute(precision=name)).run() for name in ("bfloat16", "float32"))
    losses = [history.epochs[0].values["train_loss"] for history in (half, single)]
    assert losses[0] != losses[1] and losses[0] == pytest.approx(losses[1], rel=0.05)
    assert all(map(isfinite, half.final.values()))
    made = training(Compute(precision="bfloat16"))
    run_epoch(made)
    dtypes = {values.dtype for network in made._networks.values() for values in network.state_dict().values()}
    assert dtypes == {torch.float32, torch.int64}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_trains_as_well():
    history = loop_of(task_of(), compute=Compute("cuda", "bfloat16")).run()
    assert history.finished and all(map(isfinite, history.final.values()))
