"""The conformance kit: built-in spaces pass it, and spaces broken in one way each are found out."""

import itertools

import numpy as np
import pytest

from ganas.spaces.architecture import Architecture
from ganas.spaces.building import Builder, Decision
from ganas.spaces.conformance.drawing import draw, reordered, same_stream
from ganas.spaces.errors import CheckFailed, InvalidArchitecture, InvalidSetting, UnknownName
from ganas.spaces.nasbench201.space import NASBench201
from ganas.spaces.registry import SPACES, load_space
from ganas.spaces.testing import SPACE_CHECKS, check_space, parametrize_with_checks

BUILT_IN = sorted(name for name, entry in SPACES.entries().items() if entry.origin == "ganas")


@parametrize_with_checks(BUILT_IN)
def test_built_in_spaces_keep_every_promise(subject, check):
    check(subject)


# --- spaces broken in one way each --------------------------------------------------------------------------------


class SampleIgnoresRng(NASBench201):
    def sample(self, count, *, rng):
        """The same every time."""
        return super().sample(count, rng=np.random.default_rng(0))


class SampleDrawsElsewhere(NASBench201):
    _elsewhere = np.random.default_rng(0)

    def sample(self, count, *, rng):
        """From a generator of its own."""
        return super().sample(count, rng=self._elsewhere)


class SampleLeavesTheSpace(NASBench201):
    def sample(self, count, *, rng):
        """One node too many."""
        return [
            Architecture(a.space, [*a.operations, "output"], [*a.edges, (7, 8)]) for a in super().sample(count, rng=rng)
        ]


class SampleGivesTooFew(NASBench201):
    def sample(self, count, *, rng):
        """One less than asked for."""
        return super().sample(count, rng=rng)[1:]


class SampleTakesNegativeCounts(NASBench201):
    def sample(self, count, *, rng):
        """Of as many as you like, and of fewer."""
        return super().sample(max(count, 0), rng=rng)


class EncodeLosesAnOperation(NASBench201):
    def encode(self, architecture):
        return tuple(0 if number == 4 else number for number in super().encode(architecture))


class EncodeGivesNumpyNumbers(NASBench201):
    def encode(self, architecture):
        return tuple(np.array(super().encode(architecture)))


class EncodeManyShuffles(NASBench201):
    def encode_many(self, architectures):
        return super().encode_many(architectures)[::-1]


class DecodeTakesAnything(NASBench201):
    def decode(self, genotype):
        return super().decode([min(max(value, 0), 4) for value in [*genotype, *[0] * 6][:6]])


class EverythingIsValid(NASBench201):
    def is_valid(self, genotype):
        return True


class IdentityFromTheLabelsOnly(NASBench201):
    def identity_key(self, architecture):
        return sum(self.operations.index(label) for label in architecture.operations)


class NotedIdentityIsWrong(NASBench201):
    def decode(self, genotype):
        cell = super().decode(genotype)
        return Architecture.trusted(
            cell.space, cell.operations, cell.edges, identity=NASBench201().identity_key(cell) + 1
        )


class BatchIdentityIsReversed(NASBench201):
    def identity_keys(self, genotypes):
        return super().identity_keys(np.asarray(genotypes)[:, ::-1])


class CanonicalKeyIsOfTheGraphAsWritten(NASBench201):
    def canonical_key(self, architecture):
        return repr((architecture.operations, architecture.edges)).encode()


class CanonicalKeyForgetsLabels(NASBench201):
    def canonical_key(self, architecture):
        return super().canonical_key(Architecture("x", ["a"] * architecture.num_nodes, architecture.edges))


class MutateReturnsTheParent(NASBench201):
    def mutate(self, architecture, *, rng):
        return architecture


class MutateDrawsElsewhere(NASBench201):
    _elsewhere = np.random.default_rng(0)

    def mutate(self, architecture, *, rng):
        return super().mutate(architecture, rng=self._elsewhere)


class MutateIsAlwaysTheSame(NASBench201):
    def mutate(self, architecture, *, rng):
        return self.neighbours(architecture)[0]


class CrossoverLeavesTheSpace(NASBench201):
    def crossover(self, first, second, *, rng):
        child = super().crossover(first, second, rng=rng)
        return Architecture("child", child.operations, child.edges)


class NeighboursHoldDuplicates(NASBench201):
    def neighbours(self, architecture):
        found = super().neighbours(architecture)
        return [*found, found[3]]


class NeighboursHoldTheArchitecture(NASBench201):
    def neighbours(self, architecture):
        return [*super().neighbours(architecture), architecture]


class NeighboursComeInAnyOrder(NASBench201):
    _elsewhere = np.random.default_rng(0)

    def neighbours(self, architecture):
        found = super().neighbours(architecture)
        return [found[number] for number in self._elsewhere.permutation(len(found))]


class EnumerateComesInAnyOrder(NASBench201):
    _starts = itertools.count()

    def enumerate(self):
        every = list(super().enumerate())
        start = next(self._starts)
        return iter(every[start:] + every[:start])


class EnumerateRepeats(NASBench201):
    def enumerate(self):
        every = list(super().enumerate())
        return iter([*every[:-1], every[0]])


class SizeIsTooSmall(NASBench201):
    size = 15_000


class SizeIsTooLarge(NASBench201):
    size = 15_626


class FormatIsNotInverse(NASBench201):
    def format(self, architecture):
        return super().format(architecture).replace("avg_pool_3x3", "skip_connect")


class FormatForgetsAnEdge(NASBench201):
    def format(self, architecture):
        return super().format(architecture).rpartition("|")[0].rpartition("|")[0]

    def parse(self, text):
        return super().parse(text + "|none~2|")


class ParseReadsGarbage(NASBench201):
    def parse(self, text):
        return super().parse(text) if text.count("|") == 9 else self.decode((0,) * 6)


class ParseRaisesAnything(NASBench201):
    def parse(self, text):
        return self.decode(
            [self.operations.index(entry.partition("~")[0]) - 1 for entry in text.split("|") if "~" in entry]
        )


class VocabularyIsIncomplete(NASBench201):
    operations = tuple(label for label in NASBench201.operations if label != "avg_pool_3x3")


class VocabularyRepeats(NASBench201):
    operations = (*NASBench201.operations, "none")


class TitleIsMissing(NASBench201):
    title = ""


class TakesOtherSpaces(NASBench201):
    def encode(self, architecture):
        return super().encode(Architecture("nasbench201", architecture.operations, architecture.edges))


class SampleSaysNothing(NASBench201):
    def sample(self, count, *, rng):
        return super().sample(count, rng=rng)


class NeverEqual(NASBench201):
    __eq__ = object.__eq__
    __hash__ = object.__hash__


class ParametersAreNotCounted(NASBench201):
    def parameter_count(self, architecture, *, num_classes=10):
        return super().parameter_count(architecture, num_classes=num_classes) / 1e6


class ParametersAreNotAnnounced(NASBench201):
    has_parameter_count = False


class _Changed(Builder):
    """The builder of NAS-Bench-201, for subclasses to spoil."""

    def __init__(self, space, batch_size):
        self.inner = NASBench201.builder(space, batch_size)
        super().__init__(space, batch_size)
        self.follow()

    def follow(self):
        self.operation_ids, self.adjacency = self.inner.operation_ids, self.inner.adjacency
        self.num_nodes = self.inner.num_nodes

    def mask(self):
        return self.inner.mask()

    def _place(self, decision, choices):
        self.inner.apply(choices)
        self.follow()

    def finish(self):
        return self.inner.finish()


def built_by(builder_class):
    def builder(self, batch_size):
        return builder_class(self, batch_size)

    return builder


class _DeadEnd(_Changed):
    def mask(self):
        legal = self.inner.mask()
        legal[0] &= self.step < 5
        return legal


class _WrongShape(_Changed):
    def mask(self):
        return self.inner.mask()[:, 1:-1]


class _AnythingGoes(_Changed):
    def apply(self, choices):
        self._place(self.decision, np.clip(np.resize(choices, self.batch_size), 1, 5))
        self.step += 1


class _ForgetsTheOutput(_Changed):
    def follow(self):
        super().follow()
        self.operation_ids = np.where(self.operation_ids == 6, -1, self.operation_ids)


class _ChangesItsMind(_Changed):
    def finish(self):
        return self.inner.finish()[::-1]


class _LosesEdges(_Changed):
    def follow(self):
        super().follow()
        self.adjacency = self.adjacency & (self.adjacency.sum() < 100)


class _FinishesEarly(_Changed):
    def finish(self):
        while self.inner.decision is not None:
            self.inner.apply(np.ones(self.batch_size, dtype=np.int64))
        return self.inner.finish()


class _DrawsItsMasks(_Changed):
    elsewhere = np.random.default_rng(0)

    def mask(self):
        legal = self.inner.mask()
        legal[:, 1 + int(self.elsewhere.integers(5))] = False
        return legal


class DeadEnd(NASBench201):
    builder = built_by(_DeadEnd)


class MaskOfTheWrongShape(NASBench201):
    builder = built_by(_WrongShape)


class IllegalChoicesPass(NASBench201):
    builder = built_by(_AnythingGoes)


class ArraysForgetTheOutput(NASBench201):
    builder = built_by(_ForgetsTheOutput)


class ArraysLoseEdges(NASBench201):
    builder = built_by(_LosesEdges)


class BuilderChangesItsMind(NASBench201):
    builder = built_by(_ChangesItsMind)


class BuilderFinishesEarly(NASBench201):
    builder = built_by(_FinishesEarly)


class BuilderDrawsItsMasks(NASBench201):
    builder = built_by(_DrawsItsMasks)


class BuildingSequencesAreGenotypes(NASBench201):
    def building_sequences(self, architectures):
        return self.encode_many(architectures)


class BuildingSequencesAreReversed(NASBench201):
    def building_sequences(self, architectures):
        return super().building_sequences(architectures)[:, ::-1].copy()


class DecisionsAreAList(NASBench201):
    @property
    def decisions(self):
        return list(super().decisions)


class ScheduleIsLonger(NASBench201):
    """Decisions on a node that no cell has, with two choices left open there."""

    max_nodes = 9

    @property
    def decisions(self):
        return (*super().decisions, Decision("edge", 8, 0, 2))

    def building_sequences(self, architectures):
        sequences = super().building_sequences(architectures)
        return np.concatenate([sequences, np.zeros((len(sequences), 1), dtype=np.int64)], axis=1)

    def builder(self, batch_size):
        return _Longer(self, batch_size)


class _Longer(Builder):
    def __init__(self, space, batch_size):
        super().__init__(space, batch_size)
        self.taken = []
        self.operation_ids[:, 0] = 0
        self.num_nodes[:] = 1

    def mask(self):
        if self.step == 6:
            return np.ones((self.batch_size, 2), dtype=bool)
        return np.tile(np.array([False, *[True] * 5, False]), (self.batch_size, 1))

    def _place(self, decision, choices):
        self.taken.append(choices)

    def finish(self):
        self._require_done()
        return [self.space.decode(row) for row in (np.stack(self.taken[:6], axis=1) - 1).tolist()]


BROKEN = {
    SampleIgnoresRng: "check_sample_draws_from_rng_alone",
    SampleDrawsElsewhere: "check_sample_draws_from_rng_alone",
    SampleLeavesTheSpace: "check_sample_gives_members",
    SampleGivesTooFew: "check_sample_gives_members",
    SampleTakesNegativeCounts: "check_sample_gives_members",
    SampleSaysNothing: "check_sample_names_its_distribution",
    EncodeLosesAnOperation: "check_decode_reads_what_encode_writes",
    EncodeGivesNumpyNumbers: "check_decode_reads_what_encode_writes",
    EncodeManyShuffles: "check_encode_many_equals_encode",
    DecodeTakesAnything: "check_invalid_genotypes_are_refused",
    EverythingIsValid: "check_invalid_genotypes_are_refused",
    IdentityFromTheLabelsOnly: "check_enumerate_gives_size_architectures",
    NotedIdentityIsWrong: "check_json_round_trip",
    BatchIdentityIsReversed: "check_identity_keys_equal_identity_key",
    CanonicalKeyIsOfTheGraphAsWritten: "check_keys_do_not_depend_on_node_order",
    CanonicalKeyForgetsLabels: "check_canonical_key_tells_graphs_apart",
    MutateReturnsTheParent: "check_mutate",
    MutateDrawsElsewhere: "check_mutate",
    MutateIsAlwaysTheSame: "check_mutate",
    CrossoverLeavesTheSpace: "check_crossover",
    NeighboursHoldDuplicates: "check_neighbours",
    NeighboursHoldTheArchitecture: "check_neighbours",
    NeighboursComeInAnyOrder: "check_neighbours",
    EnumerateComesInAnyOrder: "check_enumerate_is_in_a_fixed_order",
    EnumerateRepeats: "check_enumerate_gives_size_architectures",
    SizeIsTooSmall: "check_enumerate_gives_size_architectures",
    SizeIsTooLarge: "check_class_attributes",
    FormatIsNotInverse: "check_parse_reads_what_format_writes",
    FormatForgetsAnEdge: "check_parse_reads_what_format_writes",
    ParseReadsGarbage: "check_malformed_text_is_refused",
    ParseRaisesAnything: "check_malformed_text_is_refused",
    VocabularyIsIncomplete: "check_labels_are_in_the_vocabulary",
    VocabularyRepeats: "check_class_attributes",
    TitleIsMissing: "check_class_attributes",
    TakesOtherSpaces: "check_other_spaces_are_refused",
    NeverEqual: "check_one_object_is_as_good_as_another",
    ParametersAreNotCounted: "check_parameter_count",
    ParametersAreNotAnnounced: "check_parameter_count",
    DeadEnd: "check_masks_never_dead_end",
    MaskOfTheWrongShape: "check_masks_never_dead_end",
    IllegalChoicesPass: "check_illegal_choices_are_refused",
    BuilderFinishesEarly: "check_illegal_choices_are_refused",
    BuilderDrawsItsMasks: "check_building_is_deterministic",
    ArraysForgetTheOutput: "check_partial_graphs_grow_into_the_architecture",
    ArraysLoseEdges: "check_partial_graphs_grow_into_the_architecture",
    BuilderChangesItsMind: "check_building_sequences_rebuild",
    BuildingSequencesAreGenotypes: "check_building_sequences_rebuild",
    BuildingSequencesAreReversed: "check_building_sequences_are_the_choices_taken",
    DecisionsAreAList: "check_decisions",
    ScheduleIsLonger: "check_finished_rows_have_one_choice",
}

CHECKS = {check.__name__: check for check in SPACE_CHECKS}


@pytest.mark.parametrize(("space_class", "check"), BROKEN.items(), ids=lambda value: getattr(value, "__name__", value))
def test_the_kit_finds_what_is_broken(space_class, check):
    assert not failure(check, NASBench201())
    message = failure(check, space_class())
    assert message
    assert "\n" not in message


def failure(check, space):
    try:
        CHECKS[check](space, rng=np.random.default_rng(20_200_101))
    except CheckFailed as error:
        return str(error)
    return None


def test_many_checks_can_be_made_to_fail():
    assert len(BROKEN) >= 8
    assert len(set(BROKEN.values())) >= 20


# --- the way in ---------------------------------------------------------------------------------------------------


def test_checks_have_unique_names_and_say_what_is_promised():
    assert len(CHECKS) == len(SPACE_CHECKS)
    for name, check in CHECKS.items():
        assert name.startswith("check_")
        assert check.__doc__


@pytest.mark.parametrize("space", ["nasbench201", NASBench201, NASBench201()], ids=["name", "class", "object"])
def test_a_space_may_be_given_in_three_ways(space):
    with pytest.raises(CheckFailed, match=r"nasbench201: 1 of .*check_neighbours: passes, though"):
        check_space(space, {"check_neighbours": "no reason at all"})


def test_failures_are_told_in_one_line():
    with pytest.raises(
        CheckFailed, match=r"^nasbench201: 1 of \d+ checks failed: check_mutate: mutate returned"
    ) as caught:
        check_space(MutateReturnsTheParent)
    assert "\n" not in str(caught.value)


def test_expected_failures_pass():
    check_space(MutateReturnsTheParent, {"check_mutate": "there is nothing to change"})


def test_unknown_names_and_checks_are_refused():
    with pytest.raises(UnknownName, match="did you mean 'nasbench201'"):
        check_space("nasbench20")
    with pytest.raises(InvalidSetting, match="did you mean 'check_mutate'"):
        check_space("nasbench201", {"check_mutat": "a slip"})


@pytest.mark.parametrize("thing", [5, int, lambda: 1 / 0], ids=["number", "class", "error"])
def test_what_is_no_space_is_refused(thing):
    with pytest.raises(CheckFailed):
        check_space(thing)


def test_parametrize_takes_classes():
    mark = parametrize_with_checks([NASBench201], {"check_mutate": "for the test"})
    subjects = {parameter.values[0] for parameter in mark.args[1]}
    assert subjects == {NASBench201()}
    assert len(mark.args[1]) == len(SPACE_CHECKS)
    assert [parameter.id for parameter in mark.args[1] if parameter.marks] == ["nasbench201-check_mutate"]


# --- what the checks draw -----------------------------------------------------------------------------------------


def test_reordering_gives_every_topological_order():
    diamond = Architecture("mine", "abcd", [(0, 1), (0, 2), (1, 3), (2, 3)], [0, 0, 1, 1])
    rng = np.random.default_rng(0)
    orders = {reordered(diamond, rng=rng) for _ in range(50)}
    other = Architecture("mine", "acbd", [(0, 1), (0, 2), (1, 3), (2, 3)], [0, 1, 0, 1])
    assert orders == {diamond, other}


def test_same_stream_leaves_the_generator_alone():
    rng = np.random.default_rng(3)
    twin = same_stream(rng)
    assert twin.integers(1_000_000, size=5).tolist() == rng.integers(1_000_000, size=5).tolist()


def test_draw_refuses_what_is_no_sample():
    with pytest.raises(CheckFailed, match=r"sample\(40\) gave 39"):
        draw(SampleGivesTooFew(), np.random.default_rng(0))


def test_loaded_space_is_the_registered_one():
    assert load_space("nasbench201") == NASBench201()
    with pytest.raises(InvalidArchitecture):
        load_space("nasbench201").parse("")
