"""Checks of what a space says about itself, of its notation, its genotypes and other forms of an architecture."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Callable

import numpy as np

from ganas.spaces.architecture import Architecture
from ganas.spaces.checks import raises, require
from ganas.spaces.conformance.drawing import describe, draw
from ganas.spaces.errors import InvalidArchitecture, MalformedArchitecture, WrongSpace
from ganas.spaces.space import Space

__all__ = ["NOTATION_CHECKS"]


def check_class_attributes(space: Space, *, rng: np.random.Generator) -> None:
    """Every class attribute of ``Space`` is there, has its type, and fits the others."""
    for attribute in ("name", "title"):
        text = getattr(space, attribute, None)
        require(isinstance(text, str) and text.strip(), f"{attribute} must be a non-empty string, not {text!r}")
    require(space.name == "".join(space.name.split()), f"name {space.name!r} must not hold spaces")
    labels = getattr(space, "operations", None)
    require(
        isinstance(labels, tuple) and labels and all(isinstance(label, str) and label for label in labels),
        f"operations must be a tuple of labels, not {labels!r}",
    )
    require(len(set(space.operations)) == len(space.operations), f"operations names a label twice: {labels}")
    choices = getattr(space, "choices", None)
    require(
        isinstance(choices, tuple) and choices and all(isinstance(count, int) and count >= 1 for count in choices),
        f"choices must be a tuple of positive ints, not {choices!r}",
    )
    for attribute in ("max_nodes", "size"):
        number = getattr(space, attribute, None)
        require(isinstance(number, int) and number >= 1, f"{attribute} must be a positive int, not {number!r}")
    require(
        space.size <= math.prod(space.choices),
        f"size {space.size} is more than the {math.prod(space.choices)} genotypes there are",
    )
    for attribute in ("zero_operations", "skip_operations"):
        named = getattr(space, attribute, None)
        require(
            isinstance(named, frozenset) and named <= set(space.operations),
            f"{attribute} must be a frozenset of labels in operations, not {named!r}",
        )
    both = space.zero_operations & space.skip_operations
    require(not both, f"{sorted(both)} cannot be both zero_operations and skip_operations")
    require(isinstance(space.has_parameter_count, bool), "has_parameter_count must be a bool")


def check_one_object_is_as_good_as_another(space: Space, *, rng: np.random.Generator) -> None:
    """Two objects of a space are equal and hash alike, as tables and problems compare them."""
    other = type(space)()
    require(space == other and hash(space) == hash(other), "two objects of the space are not equal")


def check_sample_names_its_distribution(space: Space, *, rng: np.random.Generator) -> None:
    """The docstring of ``sample``, or what the class says of ``sample``, names the distribution."""
    own = (type(space).sample.__doc__ or "").strip()
    require(
        own or "sample" in (type(space).__doc__ or ""),
        "sample needs a docstring that says from which distribution it draws",
    )


def check_labels_are_in_the_vocabulary(space: Space, *, rng: np.random.Generator) -> None:
    """Labels of sampled architectures are in ``operations``, and no architecture has more than ``max_nodes`` nodes."""
    for architecture in draw(space, rng):
        text = describe(space, architecture)
        require(architecture.space == space.name, f"{text} says it is of {architecture.space!r}, not {space.name!r}")
        strange = sorted(set(architecture.operations) - set(space.operations))
        require(not strange, f"labels {strange} of {text} are not in operations")
        require(
            1 <= architecture.num_nodes <= space.max_nodes,
            f"{text} has {architecture.num_nodes} nodes, and max_nodes is {space.max_nodes}",
        )


def check_parse_reads_what_format_writes(space: Space, *, rng: np.random.Generator) -> None:
    """``parse(format(a)) == a``, and what differs in identity differs in notation."""
    written: dict[str, int] = {}
    for architecture in draw(space, rng):
        text = space.format(architecture)
        require(isinstance(text, str), f"format gave a {type(text).__name__}")
        require(space.parse(text) == architecture, f"parse(format(a)) is not a, for {text!r}")
        identity = space.identity_key(architecture)
        require(written.setdefault(text, identity) == identity, f"two different architectures are written {text!r}")


def check_malformed_text_is_refused(space: Space, *, rng: np.random.Generator) -> None:
    """Nothing, garbage, half a text and a doubled text raise ``MalformedArchitecture`` with a message."""
    (architecture,) = draw(space, rng, 1)
    text = space.format(architecture)
    for malformed in ("", " ", "garbage", text[: len(text) // 2], text + text):
        raises(MalformedArchitecture, _parsing(space, malformed), f"parse({malformed!r})")
    # One sign less can be the notation of something else ("10" becomes "1"), but not of this architecture.
    try:
        shorter = space.parse(text[:-1])
    except InvalidArchitecture:
        return
    require(shorter != architecture, f"parse does not read the last sign of {text!r}")


def check_json_round_trip(space: Space, *, rng: np.random.Generator) -> None:
    """An architecture comes back equal, with the same identity, from JSON text."""
    for architecture in draw(space, rng):
        back = Architecture.from_json(json.loads(json.dumps(architecture.to_json())))
        require(back == architecture, f"{describe(space, architecture)} comes back from JSON as {back!r}")
        _same_identity(space, architecture, back, "JSON")


def check_networkx_round_trip(space: Space, *, rng: np.random.Generator) -> None:
    """An architecture comes back equal, with the same identity, from networkx."""
    for architecture in draw(space, rng):
        back = Architecture.from_networkx(architecture.to_networkx())
        require(back == architecture, f"{describe(space, architecture)} comes back from networkx as {back!r}")
        _same_identity(space, architecture, back, "networkx")


def check_pickle_round_trip(space: Space, *, rng: np.random.Generator) -> None:
    """An architecture comes back equal, with the same identity, from another process."""
    for architecture in draw(space, rng):
        back = pickle.loads(pickle.dumps(architecture))
        require(back == architecture, f"{describe(space, architecture)} comes back from pickle as {back!r}")
        _same_identity(space, architecture, back, "pickle")


def check_decode_reads_what_encode_writes(space: Space, *, rng: np.random.Generator) -> None:
    """``encode`` gives a valid genotype of plain ints, and ``decode`` turns it back."""
    for architecture in draw(space, rng):
        genotype = space.encode(architecture)
        text = describe(space, architecture)
        types = [type(genotype), *map(type, genotype)]
        require(types == [tuple] + [int] * len(space.choices), f"encode must give a tuple of ints, not {genotype!r}")
        require(space.is_valid(genotype), f"is_valid refuses {genotype}, the genotype of {text}")
        require(space.decode(genotype) == architecture, f"decode(encode(a)) is not a, for {text}")


def check_encode_many_equals_encode(space: Space, *, rng: np.random.Generator) -> None:
    """``encode_many`` is ``encode`` row by row, also for no architecture at all."""
    sample = draw(space, rng)
    genotypes = space.encode_many(sample)
    require(
        genotypes.shape == (len(sample), len(space.choices)) and genotypes.dtype == np.int64,
        f"encode_many gave {genotypes.dtype} of shape {genotypes.shape}",
    )
    for architecture, row in zip(sample, genotypes.tolist(), strict=True):
        one = space.encode(architecture)
        require(tuple(row) == one, f"encode_many gave {row}, encode {one}, for {describe(space, architecture)}")
    require(space.encode_many([]).shape == (0, len(space.choices)), "encode_many([]) has the wrong shape")


def check_invalid_genotypes_are_refused(space: Space, *, rng: np.random.Generator) -> None:
    """A wrong length and a value out of range are not valid, and ``decode`` raises ``InvalidArchitecture``."""
    (architecture,) = draw(space, rng, 1)
    genotype = list(space.encode(architecture))
    wrong = [[], genotype[:-1], [*genotype, 0]]
    for position, count in enumerate(space.choices):
        wrong.extend([*genotype[:position], value, *genotype[position + 1 :]] for value in (-1, count))
    for vector in wrong:
        require(not space.is_valid(vector), f"is_valid accepts {vector}; choices are {space.choices}")
        raises(InvalidArchitecture, _decoding(space, vector), f"decode({vector})")


def check_is_valid_agrees_with_decode(space: Space, *, rng: np.random.Generator) -> None:
    """Of genotypes drawn at random, ``decode`` takes exactly the valid ones and gives members of the space."""
    for _ in range(200):
        vector = [int(rng.integers(count)) for count in space.choices]
        if not space.is_valid(vector):
            raises(InvalidArchitecture, _decoding(space, vector), f"decode({vector}), which is_valid refuses,")
            continue
        architecture = space.decode(vector)
        # A genotype may have synonyms, so encode need not give the same one back.
        require(
            space.decode(space.encode(architecture)) == architecture,
            f"decode(encode(a)) is not a, for a decoded from {vector}",
        )


def check_other_spaces_are_refused(space: Space, *, rng: np.random.Generator) -> None:
    """An architecture of another space raises ``WrongSpace``."""
    (architecture,) = draw(space, rng, 1)
    other = Architecture("another-space", architecture.operations, architecture.edges, architecture.cells)
    for name, call in (("check", space.check), ("encode", space.encode), ("format", space.format)):
        raises(WrongSpace, _calling(call, other), f"{name} of an architecture of 'another-space'")


def check_strangers_are_refused(space: Space, *, rng: np.random.Generator) -> None:
    """Graphs that carry the space's name and are not in it, and things that are no graph, do not pass ``check``."""
    (architecture,) = draw(space, rng, 1)
    labels, edges, cells = architecture.operations, architecture.edges, architecture.cells
    strange = next(name for name in ("strange", "strange-label", "?") if name not in space.operations)
    raises(InvalidArchitecture, _calling(space.check, Architecture(space.name, [], [])), "check of an empty graph")
    for node in range(len(labels)):
        graph = Architecture(space.name, [*labels[:node], strange, *labels[node + 1 :]], edges, cells)
        raises(InvalidArchitecture, _calling(space.check, graph), f"check of label {strange!r} on node {node}")
    chain = [(node, node + 1) for node in range(space.max_nodes)]
    long = Architecture(space.name, [labels[0]] * (space.max_nodes + 1), chain)
    raises(InvalidArchitecture, _calling(space.check, long), f"check of {space.max_nodes + 1} nodes")
    wrong_type: object = space.format(architecture)
    raises(InvalidArchitecture, _calling(space.check, wrong_type), "check of a text")


def _same_identity(space: Space, architecture: Architecture, back: Architecture, form: str) -> None:
    # The first may carry a noted identity; the second computes it.
    noted, computed = space.identity_key(architecture), space.identity_key(back)
    require(
        noted == computed,
        f"identity_key of {describe(space, architecture)} is {noted}, and {computed} after {form}",
    )


def _parsing(space: Space, text: str) -> Callable[[], object]:
    return lambda: space.parse(text)


def _decoding(space: Space, genotype: list[int]) -> Callable[[], object]:
    return lambda: space.decode(genotype)


def _calling(call: Callable[..., object], argument: object) -> Callable[[], object]:
    return lambda: call(argument)


NOTATION_CHECKS = (
    check_class_attributes,
    check_one_object_is_as_good_as_another,
    check_sample_names_its_distribution,
    check_labels_are_in_the_vocabulary,
    check_parse_reads_what_format_writes,
    check_malformed_text_is_refused,
    check_json_round_trip,
    check_networkx_round_trip,
    check_pickle_round_trip,
    check_decode_reads_what_encode_writes,
    check_encode_many_equals_encode,
    check_invalid_genotypes_are_refused,
    check_is_valid_agrees_with_decode,
    check_other_spaces_are_refused,
    check_strangers_are_refused,
)
