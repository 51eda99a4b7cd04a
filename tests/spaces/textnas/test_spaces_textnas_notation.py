"""How text networks are written: rows, the released architecture, the fallback rule, bad input."""

from collections import Counter

import pytest

from ganas.spaces.errors import InvalidArchitecture, MalformedArchitecture
from ganas.spaces.textnas.genotype import OPERATORS, TextGenotype, TextLayer, num_offsets
from ganas.spaces.textnas.notation import format_genotype, parse_genotype
from ganas.spaces.textnas.published import PUBLISHED
from ganas.spaces.textnas.space import TextNAS, TextNASMini, TextSpace

ROWS = [[int(entry) for entry in row.split()] for row in PUBLISHED["released"].strip().splitlines()]
LINE = "0 5; 0 7 1; 1 6 0 1"


class Three(TextSpace, name="text-three", title="Three layers", layers=3):
    """Small enough to be written."""


# --- the released architecture ---------------------------------------------------------------------------------------


def test_the_facts_of_the_released_rows():
    assert [len(row) for row in ROWS] == list(range(2, 26))
    assert sum(map(len, ROWS)) == 324
    assert sum(sum(row[2:]) for row in ROWS) == 101
    assert Counter(OPERATORS[row[1]] for row in ROWS) == {
        **{"conv_7": 5, "max_pool": 4, "attention": 4, "conv_3": 3},
        **{"conv_1": 2, "conv_5": 2, "gru": 2, "average_pool": 2},
    }
    # Beyond the first layer: these two rows fall back to the layer before.
    assert [number for number, row in enumerate(ROWS) if row[0] >= num_offsets(number)] == [1, 3]


def test_round_trip_of_the_released_architecture():
    space = TextNAS()
    released = space.parse("released")
    genotype = space.genotype(released)
    code = list(space.encode(released))
    assert len(code) == 324
    for number, row in enumerate(ROWS):
        own = code[space.layout.rows[number]]
        assert own[1:] == row[1:]
        assert own[0] == (0 if number in (1, 3) else row[0])
        assert list(map(int, genotype.layers[number].skips)) == row[2:]
        expected = -1 if number == 0 else number - 1 if number in (1, 3) else number - 1 - row[0]
        assert genotype.source(number) == expected
    text = space.format(released)
    assert text.startswith("0 5; 0 7 0; 1 3 0 0; 0 6 0 1 1; 1 1 0 1 0 0;")
    assert space.parse(text) == space.decode(code) == released
    assert space.format(space.parse(text)) == text


def test_texts_of_the_released_architecture():
    released = TextNAS().parse("released")
    rows = [" ".join(map(str, row)) for row in ROWS]
    for text in (
        *("Released", " RELEASED ", PUBLISHED["released"]),
        *(separator.join(rows) for separator in ("\n", "\r\n", ";", " ; ", "|", " \n\n")),
        "\n".join(rows) + "\n",
        # As the official scripts join them.
        " ".join(rows),
        " " + "  ".join(rows).replace(" ", "  "),
    ):
        assert TextNAS().parse(text) == released


# --- the fallback rule -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "offset", "source"),
    [
        (1, 0, 0),
        (1, 1, 0),
        (2, 1, 0),
        (2, 2, 1),
        (3, 2, 0),
        (3, 3, 2),
        (3, 4, 2),
        (5, 4, 0),
        (5, 5, 4),
        (7, 4, 2),
        (7, 5, 6),
    ],
)
def test_an_offset_beyond_the_window_stands_for_the_layer_before(number, offset, source):
    rows = ["0 0" + " 0" * layer for layer in range(number)] + [f"{offset} 0" + " 0" * number]
    genotype = parse_genotype(";".join(rows))
    assert genotype.source(number) == source
    assert genotype.layers[number].offset == number - 1 - source
    assert parse_genotype(format_genotype(genotype)) == genotype


def test_the_first_layer_reads_the_initial_convolution_whatever_its_offset():
    assert parse_genotype("3 6").layers == (TextLayer(0, "gru", ()),)
    assert parse_genotype("3 6").source(0) == -1


def test_a_smaller_window_moves_the_rule():
    assert parse_genotype("0 0; 0 0 0; 1 0 0 0", window=2).source(2) == 0
    assert parse_genotype("0 0; 0 0 0; 1 0 0 0", window=1).source(2) == 1


# --- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("", MalformedArchitecture, "'' is not a text network: wanted are rows such as 0 5; 1 7 0"),
        (";;|", MalformedArchitecture, "is not a text network"),
        ("relased", MalformedArchitecture, "one of released; did you mean 'released'"),
        ("released; 0 5", MalformedArchitecture, "is not a text network"),
        ("[0, 5]", MalformedArchitecture, "is not a text network"),
        ("released", InvalidArchitecture, "the number of layers is 24, and that of 'text-three' is 3"),
        ("0 5; 0 7 1", InvalidArchitecture, "the number of layers is 2, and that of 'text-three' is 3"),
        (f"{LINE}; 0 5 0 0 0", InvalidArchitecture, "the number of layers is 4"),
        ("0 5; ", MalformedArchitecture, "row 1 has 0 numbers: wanted are 3"),
        ("0 5;; 0 7 1; 1 6 0 1", MalformedArchitecture, "row 1 has 0 numbers"),
        ("0 5; 0 7; 1 6 0 1", MalformedArchitecture, "row 1 has 2 numbers: wanted are 3, .* and 1 skip"),
        ("0 5 0; 0 7 1; 1 6 0 1", MalformedArchitecture, "row 0 has 3 numbers: wanted are 2"),
        ("0 5 0 7 1 1 6 0", MalformedArchitecture, "row 2 has 3 numbers: wanted are 4"),
        ("0 5; 0 8 1; 1 6 0 1", MalformedArchitecture, "row 1 has the operator 8: .* 0 conv_1, .* 7 attention"),
        ("0 5; 0 7 1; 1 6 0 2", MalformedArchitecture, "row 2 has the skip bit 2 for layer 1: it can be 0 or 1"),
        ("0 5; -1 7 1; 1 6 0 1", MalformedArchitecture, "'-1' in row 1 is not a whole number"),
        ("-1 5; 0 7 1; 1 6 0 1", MalformedArchitecture, "'-1' in row 0 is not a whole number"),
        ("0 5; 0 7.0 1; 1 6 0 1", MalformedArchitecture, "'7.0' in row 1"),
        ("0 5; 0 gru 1; 1 6 0 1", MalformedArchitecture, "'gru' in row 1"),
        ("0 5; 0 7 1; 1 6 0 \u0661", MalformedArchitecture, "in row 2 is not a whole number"),
        ("0 99999; 0 7 1; 1 6 0 1", MalformedArchitecture, "'99999' in row 0 is not a whole number of at most four"),
        ("0 " * 1_000_000, MalformedArchitecture, "is not a text network"),
    ],
)
def test_texts_that_are_refused(text, error, message):
    with pytest.raises(error, match=message) as caught:
        Three().parse(text)
    assert type(caught.value) is error and "\n" not in str(caught.value) and len(str(caught.value)) < 300


def test_the_whole_of_the_released_rows_is_too_deep_for_the_miniature():
    with pytest.raises(InvalidArchitecture, match="the number of layers is 24, and that of 'textnas-mini' is 6"):
        TextNASMini().parse(PUBLISHED["released"])


# --- genotypes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ((), "without layers"),
        ((TextLayer(0, "grru", ()),), "unknown operator 'grru' in layer 0: .*did you mean 'gru'"),
        ((TextLayer(1, "gru", ()),), "layer 0 has the offset 1: it can have 0 to 0"),
        ((TextLayer(0, "gru", ()), TextLayer(1, "gru", (True,))), "layer 1 has the offset 1: it can have 0 to 0"),
        ((TextLayer(0, "gru", ()), TextLayer(-1, "gru", (True,))), "layer 1 has the offset -1"),
        ((TextLayer(0, "gru", ()), TextLayer(0, "gru", ())), "layer 1 has the skips .*: wanted are 1 of 0 or 1"),
        ((TextLayer(0, "gru", ()), TextLayer(0, "gru", (2,))), "layer 1 has the skips .*: wanted are 1 of 0 or 1"),
    ],
)
def test_genotypes_that_cannot_be(layers, message):
    with pytest.raises(InvalidArchitecture, match=message) as caught:
        TextGenotype(layers)
    assert "\n" not in str(caught.value)


def test_formatting_is_the_inverse_of_parsing():
    space = Three()
    for architecture in space.enumerate():
        text = space.format(architecture)
        assert format_genotype(parse_genotype(text)) == text
    assert space.format(space.parse(LINE)) == LINE
