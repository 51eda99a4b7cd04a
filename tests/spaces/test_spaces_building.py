import numpy as np
import pytest

from ganas.spaces.building import Builder, Decision, build_at_random, rebuild
from ganas.spaces.errors import InvalidSetting
from ganas.spaces.nasbench201.space import NASBench201

SPACE = NASBench201()


class TwoSteps(Builder):
    """A builder over the schedule of NAS-Bench-201 whose second decision forbids what the first chose."""

    def __init__(self, batch_size):
        super().__init__(SPACE, batch_size)
        self.placed = []

    def mask(self):
        assert self.decision is not None
        legal = np.ones((self.batch_size, self.decision.num_choices), dtype=np.bool_)
        if self.placed:
            legal[np.arange(self.batch_size), self.placed[-1]] = False
        return legal

    def _place(self, decision, choices):
        self.placed.append(choices)

    def finish(self):
        return []


def test_arrays_start_empty():
    builder = TwoSteps(3)
    assert builder.operation_ids.shape == (3, 8)
    assert (builder.operation_ids == -1).all()
    assert builder.adjacency.shape == (3, 8, 8)
    assert not builder.adjacency.any()
    assert builder.num_nodes.tolist() == [0, 0, 0]
    assert builder.step == 0
    assert builder.decision == Decision("operation", 1, -1, 7)


def test_choices_are_placed_as_a_batch_and_the_schedule_goes_on():
    builder = TwoSteps(2)
    builder.apply(np.array([1, 4], dtype=np.int32))
    assert builder.placed[0].tolist() == [1, 4]
    assert builder.step == 1
    assert builder.decision == SPACE.decisions[1]


@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_has_at_least_one_row(size):
    with pytest.raises(InvalidSetting, match=f"batch_size must be at least 1, not {size}"):
        SPACE.builder(size)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ([2, 2], r"choice 2 is not legal at decision 1"),
        ([1, 3], r"choice 3 is not legal at decision 1"),
        ([-1, 1], "choice -1 is not legal"),
        ([1, 7], "choice 7 is not legal"),
        ([1], r"shape \(2,\), not \(1,\)"),
        ([[1, 1]], r"shape \(2,\), not \(1, 2\)"),
    ],
)
def test_illegal_choices_are_refused_and_change_nothing(choices, message):
    builder = TwoSteps(2)
    builder.apply(np.array([2, 3]))
    with pytest.raises(InvalidSetting, match=message):
        builder.apply(np.array(choices))
    assert builder.step == 1
    assert len(builder.placed) == 1


def test_nothing_follows_the_last_decision():
    builder = SPACE.builder(1)
    for _ in SPACE.decisions:
        builder.apply(np.array([1]))
    assert builder.decision is None
    with pytest.raises(InvalidSetting, match="already taken"):
        builder.apply(np.array([1]))


def test_an_unfinished_batch_gives_no_architectures():
    builder = SPACE.builder(2)
    builder.apply(np.array([1, 2]))
    with pytest.raises(InvalidSetting, match="decision 1 of 6 is still open"):
        builder.finish()


def test_building_at_random_draws_from_rng_alone():
    first, again = (build_at_random(SPACE, 50, rng=np.random.default_rng(3)) for _ in range(2))
    assert first == again
    assert first != build_at_random(SPACE, 50, rng=np.random.default_rng(4))
    assert len(first) == 50


def test_random_building_takes_every_legal_choice_equally_often():
    built = build_at_random(SPACE, 5_000, rng=np.random.default_rng(0))
    for column in SPACE.encode_many(built).T:
        # 1,000 expected, standard deviation 28.
        assert np.abs(np.bincount(column, minlength=5) - 1_000).max() < 140


def test_rebuild_replays_sequences():
    cells = SPACE.sample(100, rng=np.random.default_rng(0))
    assert rebuild(SPACE, SPACE.building_sequences(cells)) == cells


@pytest.mark.parametrize("shape", [(6,), (2, 5), (2, 7), (2, 6, 1)])
def test_sequences_of_the_wrong_shape_are_refused(shape):
    with pytest.raises(InvalidSetting, match="sequences must have shape"):
        rebuild(SPACE, np.ones(shape, dtype=np.int64))


def test_illegal_sequences_are_refused():
    sequences = SPACE.building_sequences(SPACE.sample(3, rng=np.random.default_rng(0)))
    sequences[1, 4] = 0  # the label "input"
    with pytest.raises(InvalidSetting, match="choice 0 is not legal at decision 4"):
        rebuild(SPACE, sequences)
