"""Searches of generators: the recipe of the official code and its miniature, and which images a search may see."""

import math
import pickle
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ganas.bench.toy import ToyBenchmark  # noqa: E402
from ganas.bench.training.generation.protocol import FULL, MINI, generation_protocol  # noqa: E402
from ganas.bench.training.generation.search_protocol import (  # noqa: E402
    SCHEDULES,
    SEARCH_LARGE,
    SEARCH_MINI,
    SEARCH_SMALL,
    search_protocol_for,
)
from ganas.bench.training.generation.searching import GenerationTrainingTask, toy_training_task  # noqa: E402
from ganas.bench.training.running import Machine  # noqa: E402
from ganas.data.images.catalog import load_images  # noqa: E402
from ganas.data.images.image_set import ImageSet  # noqa: E402
from ganas.spaces.errors import DataError, InvalidSetting, NotSupported  # noqa: E402
from ganas.spaces.registry import load_space  # noqa: E402
from tests.bench.training.generation.tiny_generation import SPACE, TINY, task_of  # noqa: E402

# --- recipes ---------------------------------------------------------------------------------------------------------


def test_the_full_recipe_is_that_of_the_readme():
    recipe = search_protocol_for(FULL)
    assert recipe == SEARCH_SMALL == search_protocol_for(generation_protocol("full", "stl10"))
    assert (recipe.epochs, recipe.batch, recipe.critic_steps) == (99, 64, 5)
    assert (recipe.channels, recipe.discriminator_channels, recipe.latent) == (256, 128, 128)
    assert (recipe.inner_steps, recipe.worst_steps, recipe.outer_steps) == (20, 20, 20)
    assert (recipe.learning_rate, recipe.discriminator_learning_rate) == (2e-4, 2e-4)
    assert (recipe.first_moment, recipe.second_moment) == (0.0, 0.9)
    assert (recipe.architecture_learning_rate, recipe.architecture_weight_decay) == (3e-4, 1e-3)
    assert (recipe.architecture_first_moment, recipe.architecture_second_moment) == (0.5, 0.999)
    assert recipe.worst_generator == "weights"
    assert not (recipe.gumbel or recipe.literal_loops or recipe.cifar_scaling or recipe.last_learning_rate)
    large = {item.field: item.value for item in SEARCH_LARGE.values}
    small = {item.field: item.value for item in recipe.values}
    assert {name for name, value in large.items() if value != small[name]} == {"inner_steps", "worst_steps"}
    assert {name: large[name] for name in SCHEDULES["large"]} == dict(SCHEDULES["large"])
    assert (large["inner_steps"], large["worst_steps"]) == (390, 390)
    ours = {item.field for item in recipe.values if item.source == "ours"}
    assert ours == {"rollbacks", "literal_loops", "last_learning_rate", "cifar_scaling"}


def test_a_miniature_is_searched_with_its_own_sizes_and_rates():
    recipe = search_protocol_for(TINY)
    for name in ("channels", "discriminator_channels", "latent", "batch", "critic_steps", "learning_rate"):
        assert getattr(recipe, name) == getattr(TINY, name)
    assert (recipe.name, recipe.epochs, recipe.architecture_learning_rate) == ("mini", 20, 1e-2)
    assert search_protocol_for(MINI) == SEARCH_MINI
    assert "miniature" in SEARCH_MINI.title
    sources = {item.field: item.source for item in SEARCH_MINI.values}
    assert {sources["epochs"], sources["architecture_learning_rate"], sources["learning_rate"]} == {"ours"}
    assert sources["outer_steps"] == "AlphaGAN code, README.md"
    assert pickle.loads(pickle.dumps(recipe)) == recipe


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inner_steps": 0}, "inner_steps of protocol 'mini' must be a whole number of at least 1, not 0"),
        ({"batch": 1}, "batch of protocol 'mini' must be a whole number of at least 2"),
        ({"channels": True}, "channels of protocol"),
        ({"learning_rate": 0.0}, "learning_rate of protocol 'mini' must be above 0"),
        ({"last_learning_rate": -1.0}, "last_learning_rate of protocol"),
        ({"temperature": math.inf}, "temperature of protocol"),
        ({"second_moment": 1.0}, "second_moment of protocol 'mini' must be at least 0 and below 1"),
        ({"late_worst_rate": 0.0}, "late_worst_rate of protocol"),
        ({"architecture_weight_decay": -1e-3}, "architecture_weight_decay of protocol"),
        ({"gumbel": 1}, "gumbel of protocol 'mini' must be true or false"),
        ({"worst_generator": "weigths"}, "worst_generator of protocol .* did you mean 'weights'"),
    ],
)
def test_what_no_recipe_allows(changes, message):
    with pytest.raises(InvalidSetting, match=message):
        replace(SEARCH_MINI, **changes)


def test_loops_end_where_they_say_or_as_in_the_code():
    literal = replace(SEARCH_SMALL, literal_loops=True)
    half_of_cifar = 25_000
    assert [SEARCH_SMALL.loop(steps, half_of_cifar) for steps in (20, 390)] == [20, 390]
    # The second is cut short by the end of the images.
    assert [literal.loop(steps, half_of_cifar) for steps in (20, 390)] == [22, 391]
    assert (SEARCH_SMALL.loop(20, 100), literal.loop(20, 100)) == (20, 2)
    # Totals of the specification: 99 epochs of 20 steps of the architecture.
    assert SEARCH_SMALL.epochs * SEARCH_SMALL.outer_steps == SEARCH_LARGE.epochs * SEARCH_LARGE.outer_steps == 1_980


def test_the_rising_rate_is_that_of_the_scheduler_of_the_code():
    recipe = replace(SEARCH_SMALL, last_learning_rate=1e-3)
    optimiser = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], 2e-4)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 100.0, eta_min=1e-3)
    for epoch in range(1, 100):
        optimiser.step()
        scheduler.step()
        assert recipe.generator_rate(epoch) == pytest.approx(optimiser.param_groups[0]["lr"], rel=1e-9)
    assert 2e-4 < recipe.generator_rate(1) < recipe.generator_rate(99) < 1e-3
    assert {SEARCH_SMALL.generator_rate(epoch) for epoch in (1, 50, 99)} == {2e-4}


def test_worst_copies_learn_at_half_the_rate_after_thirty_epochs():
    assert [SEARCH_SMALL.worst_rate_share(epoch) for epoch in (1, 30, 31, 99)] == [1.0, 1.0, 0.5, 0.5]


# --- images ----------------------------------------------------------------------------------------------------------


def test_the_halves_are_those_of_the_images_that_a_trainer_learns_from(classifier_at_hand):
    task = task_of()
    prepared = task.source.read(task.protocol)
    searching = task.training_task(Machine("cpu"))
    assert isinstance(searching, GenerationTrainingTask)
    assert (searching.space, searching.dataset, searching.protocol) == (SPACE, "digits", search_protocol_for(TINY))
    halves = searching.halves()
    assert abs(len(halves.weights) - len(halves.architecture)) <= 1

    def rows(images):
        return sorted(image.tobytes() for image in images)

    both = np.concatenate([halves.weights.images, halves.architecture.images])
    assert rows(both) == rows(prepared.train.images)
    assert rows(halves.weights.images) == rows(searching.halves().weights.images)
    _, held_out = load_images("digits").halves()
    assert len(held_out) == prepared.counts["valid"] + prepared.counts["test"]
    # No two digits are the same image.
    assert not set(rows(both)) & set(rows(held_out.images))


def test_too_few_images_are_one_line():
    images = ImageSet("few", np.zeros((3, 1, 8, 8), np.uint8), np.zeros(3, np.int64), ("one",))
    task = replace(toy_training_task(SPACE), dataset="few", read=lambda: images)
    with pytest.raises(DataError, match="few has 3 images to learn from: too few for two halves"):
        task.halves()


def test_discriminators_have_no_relaxed_network():
    task = task_of(load_space("alphagan-discriminator"))
    with pytest.raises(NotSupported, match="no relaxed discriminator of 'alphagan-discriminator'"):
        task.training_task(Machine())


def test_the_toy_has_images_for_generators_only():
    halves = ToyBenchmark(SPACE).training_task().halves()
    assert halves.weights.images.shape == halves.architecture.images.shape == (12, 1, 8, 8)
    with pytest.raises(NotSupported):
        ToyBenchmark(load_space("alphagan-discriminator")).training_task()
