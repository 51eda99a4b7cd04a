"""The recipes of generators: values and sources of the official code, rates, values that are refused."""

import pickle
from dataclasses import fields, replace
from math import ceil, inf, nan

import pytest

from ganas.bench.training.generation.protocol import (
    CLASSIFIER,
    FULL,
    INCEPTION,
    MINI,
    GenerationProtocol,
    generation_protocol,
)
from ganas.data.images.catalog import IMAGE_SETS
from ganas.spaces.errors import InvalidSetting, UnknownName

RETRAINING = {
    "channels": 256,
    "discriminator_channels": 128,
    "latent": 128,
    "batch": 64,
    "generator_batch": 128,
    "critic_steps": 5,
    "learning_rate": 2e-4,
    "discriminator_learning_rate": 2e-4,
    "first_moment": 0.0,
    "second_moment": 0.9,
    "decay_from": 1.0,
    "last_rate": 0.01,
    "averaging": 0.999,
    "whole": True,
    "extractor": INCEPTION,
    "samples": 50_000,
}


def updates(protocol):
    """Steps of the discriminator and of the generator."""
    steps = protocol.epochs * protocol.steps
    return steps, ceil(steps / protocol.critic_steps)


def test_the_full_recipe_is_that_of_the_official_code():
    assert {name: getattr(FULL, name) for name in RETRAINING} == RETRAINING
    assert updates(FULL) == (250_000, 50_000)
    # Measured after every 20 passes over 50,000 images.
    assert FULL.steps * FULL.batch == 20 * 50_000
    assert FULL.image_size is None and IMAGE_SETS["cifar10"].size == 32
    assert FULL.label.startswith("full-")


def test_the_full_recipe_of_stl10():
    protocol = generation_protocol("full", "stl10")
    assert {name: getattr(protocol, name) for name in RETRAINING} == RETRAINING | {"first_moment": 0.5}
    assert updates(protocol) == (400_000, 80_000)
    assert protocol.image_size == 48


def test_values_say_where_they_come_from():
    ours = {item.field for item in FULL.values if item.source == "ours"}
    assert ours == {"rollbacks"}
    assert all(item.source.startswith("AlphaGAN code, ") for item in FULL.values if item.field not in ours)
    stl10 = {item.field: item.source for item in generation_protocol("full", "stl10").values}
    assert stl10["epochs"] == stl10["steps"] == "ours"
    assert stl10["first_moment"] == stl10["image_size"] == "AlphaGAN code, README.md"
    mini = {item.field: item.source for item in MINI.values}
    assert {mini[name] for name in ("epochs", "steps", "channels", "critic_steps", "extractor", "whole")} == {"ours"}
    assert "miniature" in MINI.title
    assert all(item.meaning for item in MINI.values)


@pytest.mark.parametrize("dataset", IMAGE_SETS)
def test_every_data_set_has_both_recipes(dataset):
    full, mini = generation_protocol("full", dataset), generation_protocol("mini", dataset)
    assert (full.name, mini.name) == ("full", "mini")
    assert dataset == "cifar10" or full.title != FULL.title
    assert updates(full)[0] >= 250_000
    size = full.image_size or IMAGE_SETS[dataset].size
    assert size == (48 if dataset == "stl10" else 32)
    assert mini.image_size == (8 if dataset == "digits" else 16)
    assert (mini.extractor, mini.whole) == (CLASSIFIER, False)
    # Nothing is left for the test where no images are published for it.
    assert full.whole == IMAGE_SETS[dataset].has_test_part
    # Inception knows colours.
    assert full.extractor == (CLASSIFIER if IMAGE_SETS[dataset].channels == 1 else INCEPTION)


def test_other_recipes_are_not_known():
    with pytest.raises(UnknownName, match="unknown protocol 'half'"):
        generation_protocol("half", "digits")


# --- learning rates ---------------------------------------------------------------------------------------------------


def test_rates_of_the_full_recipe_never_fall():
    assert {FULL.rate_share(step) for step in (0, 1, 100_000, 249_999)} == {1.0}


def test_rates_fall_in_a_line_from_where_they_are_to():
    late = replace(MINI, epochs=4, steps=25, decay_from=0.5, last_rate=0.01)
    assert {late.rate_share(step) for step in (0, 25, 50)} == {1.0}
    assert [late.rate_share(step) for step in (75, 100)] == pytest.approx([0.505, 0.01])
    assert late.rate_share(51) == pytest.approx(1 - 0.99 / 50)
    early = replace(late, decay_from=0.0, last_rate=0.0)
    assert [early.rate_share(step) for step in range(100)] == pytest.approx([1 - step / 100 for step in range(100)])
    assert replace(early, last_rate=1.0).rate_share(99) == 1.0


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "values"),
    [
        *((name, (0, -1, 1.5, True)) for name in ("steps", "channels", "discriminator_channels", "latent")),
        *((name, (0, 2.0, "3")) for name in ("critic_steps", "samples")),
        *((name, (1, 0, 2.5, True)) for name in ("batch", "generator_batch")),
        ("epochs", (0, 1.5)),
        ("rollbacks", (-1,)),
        ("image_size", (0, 4, 12, 28, -8, 8.0)),
        *((name, (0.0, -1.0, inf, nan)) for name in ("learning_rate", "discriminator_learning_rate")),
        *((name, (1.0, -0.1, nan)) for name in ("first_moment", "second_moment", "averaging")),
        *((name, (1.1, -0.1, nan)) for name in ("decay_from", "last_rate")),
        ("whole", (None, 1)),
        ("extractor", ("fid", "")),
    ],
)
def test_values_out_of_range_are_refused(name, values):
    for value in values:
        with pytest.raises(InvalidSetting, match=f"^{name} of protocol 'mini' must be .*, not {value!r}$"):
            replace(MINI, **{name: value})


def test_the_limits_themselves_are_allowed():
    limits = {"steps": 1, "batch": 2, "critic_steps": 1, "samples": 1, "image_size": None, "averaging": 0.0}
    limits |= {"first_moment": 0.0, "decay_from": 0.0, "last_rate": 1.0, "rollbacks": 0}
    made = replace(MINI, **limits)
    assert {name: getattr(made, name) for name in limits} == limits


# --- identity ---------------------------------------------------------------------------------------------------------


def test_the_hash_is_of_every_value():
    others = {bool: lambda value: not value, int: lambda value: value + 8, float: lambda value: value * 0.5 + 0.1}
    hashes = {MINI.hash}
    names = [item.name for item in fields(GenerationProtocol) if item.name not in ("name", "title", "sources")]
    for name in names:
        value = getattr(MINI, name)
        other = INCEPTION if name == "extractor" else others[type(value)](value)
        hashes.add(replace(MINI, **{name: other}).hash)
    assert len(hashes) == 1 + len(names)
    assert replace(MINI, title="another", sources={}).hash == MINI.hash
    assert pickle.loads(pickle.dumps(MINI)) == MINI
