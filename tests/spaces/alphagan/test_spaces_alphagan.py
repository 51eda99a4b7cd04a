"""The spaces of AlphaGAN: sizes, published generators, notation, the DAG, building, counts."""

import numpy as np
import pytest

from ganas.spaces.alphagan.counts import (
    discriminator_parameters,
    fixed_discriminator_parameters,
    generator_multiply_accumulates,
    generator_parameters,
    supernet_parameters,
)
from ganas.spaces.alphagan.genotype import DISCRIMINATOR as DISCRIMINATOR_CHOICES
from ganas.spaces.alphagan.genotype import GENERATOR as GENERATOR_CHOICES
from ganas.spaces.alphagan.genotype import NORMAL_OPERATIONS, UP_OPERATIONS
from ganas.spaces.alphagan.published import PUBLISHED
from ganas.spaces.alphagan.space import AlphaGAN, AlphaGANDiscriminator
from ganas.spaces.alphagan.wiring import DISCRIMINATOR, GENERATOR
from ganas.spaces.architecture import Architecture
from ganas.spaces.building import build_at_random
from ganas.spaces.errors import InvalidArchitecture, InvalidSetting, MalformedArchitecture
from ganas.spaces.registry import load_space

SMALL, LARGE = PUBLISHED["alphaGAN_s"], PUBLISHED["alphaGAN_l"]
# As the official code writes them (models/genotypes.py).
OFFICIAL_SMALL = (
    "alphaGAN_s = Genotype_gen(normal={'1': [('conv_1x1', 0), ('sep_conv_3x3', 1), ('conv_1x1', 2)], "
    "'2': [('sep_conv_5x5', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 2)], "
    "'3': [('sep_conv_5x5', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 2)]}, "
    "up={'1': [('bilinear', 0), ('deconv', 1)], '2': [('deconv', 0), ('deconv', 1)], "
    "'3': [('deconv', 0), ('nearest', 1)]}, skip_2=[('nearest', 0)], skip_3=[('deconv', 0), ('bilinear', 1)])"
)
OFFICIAL_DISCRIMINATOR = (
    "Genotype_dis_Auto(normal={'channels_raise': [('conv_3x3', 0)], '1': [('conv_5x5_SN', 0)], "
    "'2': [('none', 0), ('skip_connect', 1)], '3': [('conv_1x1_SN', 0), ('conv_3x3_SN', 1)], "
    "'4': [('conv_3x3_SN', 0), ('conv_3x3_SN', 1)]})"
)


@pytest.fixture(params=[AlphaGAN, AlphaGANDiscriminator])
def space(request):
    return request.param()


# --- sizes and published generators ----------------------------------------------------------------------------------


def test_sizes():
    assert AlphaGAN.size == 6**9 * 3**9 == 198_359_290_368
    assert AlphaGAN.choices == (3, 3, 6, 6, 6) * 3 + (3, 3, 3)
    assert AlphaGANDiscriminator.size == 3 * 5**7 == 234_375
    assert load_space("alphagan") == AlphaGAN() and load_space("alphagan-discriminator") == AlphaGANDiscriminator()


def test_neighbours():
    assert len(AlphaGAN().neighbours(AlphaGAN().decode(SMALL))) == 9 * 5 + 9 * 2 == 63
    assert len(AlphaGANDiscriminator().neighbours(AlphaGANDiscriminator().decode([0] * 8))) == 2 + 7 * 4


def test_published_generators():
    space = AlphaGAN()
    small = space.parse("alphaGAN_s")
    assert space.encode(small) == SMALL == (2, 0, 0, 3, 0, 0, 0, 4, 3, 3, 0, 1, 4, 3, 3, 1, 0, 2)
    assert space.encode(space.parse("ALPHAGAN_L")) == LARGE == (0, 2, 2, 2, 4, 0, 2, 2, 0, 1, 1, 2, 0, 2, 3, 1, 2, 1)
    assert space.parse(OFFICIAL_SMALL) == small
    assert space.parse(space.format_official(small)) == small
    assert space.format(small) == (
        "bilinear,deconv,conv_1x1,sep_conv_3x3,conv_1x1|deconv,deconv,sep_conv_5x5,sep_conv_3x3,sep_conv_3x3|"
        "deconv,nearest,sep_conv_5x5,sep_conv_3x3,sep_conv_3x3|nearest,deconv,bilinear"
    )


# --- counts ----------------------------------------------------------------------------------------------------------


def test_parameters_of_published_generators():
    space = AlphaGAN()
    small, large = space.parse("alphaGAN_s"), space.parse("alphaGAN_l")
    assert [space.parameter_count(small, bottom_width=width) for width in (4, 6)] == [2_952_707, 3_613_187]
    assert [space.parameter_count(large, bottom_width=width) for width in (4, 6)] == [8_618_499, 9_278_979]


def test_other_parameters():
    assert supernet_parameters() == 27_469_571
    assert fixed_discriminator_parameters() == 1_053_824
    # An output less or more is a row of the last layer.
    genotype = [0, *[1] * 7]
    assert discriminator_parameters(genotype, outputs=3) - discriminator_parameters(genotype) == 2 * 128


def test_multiplications_of_published_generators():
    space = AlphaGAN()
    counts = [space.multiply_accumulates(space.parse(name)) for name in ("alphaGAN_s", "alphaGAN_l")]
    assert [round(count / 1e9, 3) for count in counts] == [0.745, 2.718]


def test_multiplications_of_an_operation():
    base = [1] * 2 + [0] * 3 + [1] * 2 + [0] * 3 + [1] * 2 + [0] * 3 + [1] * 3  # nearest and conv_1x1 everywhere
    sizes = {"channels": 8, "bottom_width": 1, "image_channels": 1, "latent": 4}

    def more(position, number):
        changed = [*base[:position], number, *base[position + 1 :]]
        return generator_multiply_accumulates(changed, **sizes) - generator_multiply_accumulates(base, **sizes)

    frame = 4 * 8 + 8 * 8 * 9 * 8
    assert generator_multiply_accumulates(base, **sizes) == frame + 3 * (4 + 16 + 64) * 64
    assert more(2, 1) == 4 * 64 * 8  # conv_3x3 in the first cell: 2 by 2 pixels
    assert more(12, 5) == 64 * (2 * 8 * (49 + 8) - 64)  # sep_conv_7x7 in the third
    assert more(0, 0) == 4 * 64  # deconv: one product for each pixel and pair of channels
    assert more(15, 0) == 16 * 64
    assert more(16, 0) == (16 + 64) * 64  # twice, to 4 by 4 and to 8 by 8 pixels
    assert more(16, 2) == 0


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"channels": 0}, "channels must be a whole number of at least 1, not 0"),
        ({"latent": 1.5}, "latent must be a whole number of at least 1, not 1.5"),
        ({"bottom_width": True}, "bottom_width must be a whole number of at least 1, not True"),
        ({"image_channels": "3"}, "image_channels must be a whole number of at least 1, not '3'"),
    ],
)
def test_sizes_that_are_none(sizes, message):
    for count in (generator_parameters, generator_multiply_accumulates):
        with pytest.raises(InvalidSetting, match=message):
            count(SMALL, **sizes)


# --- the DAG ---------------------------------------------------------------------------------------------------------


def test_nodes_of_a_generator():
    architecture = AlphaGAN().decode(SMALL)
    assert architecture.num_nodes == 23
    assert architecture.operations[:7] == ("input", "bilinear", "deconv", "conv_1x1", "sep_conv_3x3", "conv_1x1", "add")
    assert architecture.operations[12:14] == ("nearest", "add")
    assert architecture.operations[19:] == ("deconv", "bilinear", "add", "output")
    assert [architecture.cells.count(cell) for cell in range(3)] == [7, 7, 9]
    # The edges of the specification, of the operations: what each reads, and where it leads.
    into = {node: [source for source, target in architecture.edges if target == node] for node in range(23)}
    assert [into[node] for node in range(1, 7)] == [[0], [0], [1], [3], [2], [4, 5]]
    assert [into[node] for node in range(7, 14)] == [[6], [6], [7], [9], [8], [1], [10, 11, 12]]
    assert [into[node] for node in range(14, 23)] == [[13], [13], [14], [16], [15], [1], [7], [17, 18, 19, 20], [21]]


def test_resolutions():
    assert [GENERATOR.places[node].resolution for node in GENERATOR.searched] == [2] * 5 + [4] * 5 + [8] * 5 + [4, 8, 8]
    factors = [GENERATOR.factor(node) for node in GENERATOR.searched]
    assert factors == [2, 2, 1, 1, 1] * 3 + [2, 4, 2]
    assert [place.resolution for place in DISCRIMINATOR.places] == [4] * 3 + [2] * 5 + [1] * 10


def test_every_choice_has_its_node(space):
    skeleton = space.skeleton
    for position, count in enumerate(space.choices):
        genotypes = [[0] * position + [value] + [0] * (len(space.choices) - position - 1) for value in range(count)]
        labels = [space.decode(genotype).operations for genotype in genotypes]
        assert {one[skeleton.searched[position]] for one in labels} == set(skeleton.choices.operations[position])
        assert len(set(labels)) == count


def test_no_two_genotypes_are_isomorphic(space):
    found = space.sample(50, rng=np.random.default_rng(0))
    found += [other for one in found[:2] for other in space.neighbours(one)]
    assert len({space.canonical_key(one) for one in found}) == len({space.encode(one) for one in found})


def test_functional_twins_among_discriminators():
    space = AlphaGANDiscriminator()
    rest = [1, 2, 2, 2]
    dead = [space.functional_key(space.decode([*rest, *pair, 2, 2])) for pair in ((0, 2), (3, 0), (0, 0))]
    assert len(set(dead)) == 1
    assert space.functional_key(space.decode([*rest, 2, 3, 2, 2])) != dead[0]
    # A ReLU stands before a skip, so it does not commute with a convolution.
    pairs = [space.functional_key(space.decode([*rest, *pair, 2, 2])) for pair in ((4, 2), (2, 4), (2, 2))]
    assert len(set(pairs)) == 3


def test_graphs_that_are_none(space):
    labels, edges, cells = (lambda a: (a.operations, a.edges, a.cells))(space.decode([0] * len(space.choices)))
    for wrong in (
        Architecture(space.name, labels, edges[:-1], cells),
        Architecture(space.name, labels, edges),
        Architecture(space.name, labels[:-1], edges[:-1], cells[:-1]),
    ):
        with pytest.raises(InvalidArchitecture, match="does not have the nodes and edges"):
            space.check(wrong)


def test_random_building_takes_every_operation(space):
    built = build_at_random(space, 300, rng=np.random.default_rng(0))
    codes = space.encode_many(built)
    for position, count in enumerate(space.choices):
        assert set(codes[:, position].tolist()) == set(range(count))


def test_masks_are_of_the_node():
    builder = AlphaGAN().builder(2)
    names = AlphaGAN.operations
    seen = []
    while builder.decision is not None:
        legal = builder.mask()
        allowed = {names[number] for number in np.flatnonzero(legal[0])}
        seen.append("up" if allowed == set(UP_OPERATIONS) else "normal" if allowed == set(NORMAL_OPERATIONS) else "?")
        builder.apply(legal.argmax(axis=1))
    cell = ["up"] * 2 + ["normal"] * 3
    assert seen == [*cell, *cell, "up", *cell, "up", "up"]


# --- notation --------------------------------------------------------------------------------------------------------


def test_official_genotypes_round_trip(space):
    for architecture in space.sample(20, rng=np.random.default_rng(1)):
        text = space.format_official(architecture)
        assert space.parse(text) == space.parse(f"mine = {text}") == architecture


def test_an_official_discriminator():
    space = AlphaGANDiscriminator()
    architecture = space.parse(OFFICIAL_DISCRIMINATOR)
    assert space.encode(architecture) == (1, 3, 0, 4, 1, 2, 2, 2)
    assert space.format_official(architecture) == OFFICIAL_DISCRIMINATOR


def test_fields_of_an_official_genotype_by_position():
    text = OFFICIAL_SMALL
    for field in ("normal", "up", "skip_2", "skip_3"):
        text = text.replace(f"{field}=", "")
    assert AlphaGAN().parse(text) == AlphaGAN().parse("alphaGAN_s")


LINE = AlphaGAN().format(AlphaGAN().decode(SMALL))


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("", MalformedArchitecture, "'' is not an architecture: wanted is deconv,deconv,conv_1x1"),
        ("alphaGAN_m", MalformedArchitecture, "did you mean 'alphaGAN_"),
        (LINE.rpartition("|")[0], MalformedArchitecture, "has 5, 5, 5 operations .* wanted are 5, 5, 5, 3"),
        (LINE.replace("bilinear,deconv,", "bilinear,", 1), MalformedArchitecture, "has 4, 5, 5, 3 operations"),
        (LINE.replace("sep_conv_5x5", "sep_conv_5x", 1), MalformedArchitecture, "did you mean 'sep_conv_5x5'"),
        (
            LINE.replace("nearest,deconv,bilinear", "nearest,deconv,conv_1x1"),
            InvalidArchitecture,
            "'conv_1x1' in .* none",
        ),
        (LINE.replace("bilinear", "conv_3x3", 1), InvalidArchitecture, "they are deconv, nearest, bilinear"),
        (OFFICIAL_SMALL.replace("Genotype_gen", "print"), MalformedArchitecture, "is not a Genotype_gen"),
        (OFFICIAL_SMALL.replace("('deconv', 1)", "('deconv', 0)", 1), MalformedArchitecture, "is not a Genotype_gen"),
        (
            OFFICIAL_SMALL.replace("('deconv', 1)", "('deconv', True)", 1),
            MalformedArchitecture,
            "is not a Genotype_gen",
        ),
        (OFFICIAL_SMALL.replace("'2':", "'4':", 1), MalformedArchitecture, "is not a Genotype_gen"),
        (OFFICIAL_SMALL.replace("up={", "up={'4': [], ", 1), MalformedArchitecture, "is not a Genotype_gen"),
        (OFFICIAL_SMALL.replace("skip_2=", "skip_4=", 1), MalformedArchitecture, "is not a Genotype_gen"),
        (OFFICIAL_SMALL.replace("('nearest', 0)", "'nearest'", 1), MalformedArchitecture, "is not a Genotype_gen"),
        (OFFICIAL_SMALL.replace("[('nearest', 0)]", "open('x')", 1), MalformedArchitecture, "is not a Genotype_gen"),
        (OFFICIAL_SMALL.replace("'nearest'", "['nearest']", 1), InvalidArchitecture, "none of the operations"),
        (OFFICIAL_SMALL.replace("'nearest'", "'skip_connect'", 1), InvalidArchitecture, "none of the operations"),
        (OFFICIAL_SMALL[:-1], MalformedArchitecture, "is not a Genotype_gen"),
        (OFFICIAL_DISCRIMINATOR, MalformedArchitecture, "is not a Genotype_gen"),
        ("(" * 3_000, MalformedArchitecture, "is not a Genotype_gen"),
        ("Genotype_gen(" + "1," * 4_000 + ")", MalformedArchitecture, "is not a Genotype_gen"),
        ("Genotype_gen('\\d')", MalformedArchitecture, "is not a Genotype_gen"),
    ],
)
def test_texts_that_are_none(text, error, message):
    with pytest.raises(error, match=message) as caught:
        AlphaGAN().parse(text)
    assert type(caught.value) is error
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("genotype", "message"),
    [
        ([0] * 17, "18 whole numbers here, not 17"),
        ([3] + [0] * 17, "number 0 of a genotype can be 0 to 2, not 3"),
        ([0] * 17 + [-1], "number 17 of a genotype can be 0 to 2, not -1"),
        ([0.5] + [0] * 17, "is not a sequence of whole numbers"),
    ],
)
def test_genotypes_that_are_none(genotype, message):
    with pytest.raises(InvalidArchitecture, match=message):
        GENERATOR_CHOICES.names(genotype)
    with pytest.raises(InvalidArchitecture, match="is not a genotype of 'alphagan'"):
        AlphaGAN().decode(genotype)


def test_names_of_a_genotype():
    assert DISCRIMINATOR_CHOICES.names(np.array([0, 4, 0, 0, 0, 0, 0, 3])) == (
        *("conv_1x1", "skip_connect"),
        *("none",) * 5,
        "conv_5x5_SN",
    )
