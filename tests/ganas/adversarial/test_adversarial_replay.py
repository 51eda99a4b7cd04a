"""Replays: what a generator saw, against the builder asked one sequence at a time."""

import numpy as np
import pytest

from ganas.adversarial.replay import NodeStep, extend_prefixes, node_steps, replay, require_existing
from ganas.spaces.building import build_at_random
from ganas.spaces.errors import InvalidSetting


def sequences_of(space, count, seed=0):
    return space.building_sequences(build_at_random(space, count, rng=np.random.default_rng(seed)))


def test_steps_cover_the_schedule_once(space):
    steps = node_steps(space)
    assert [column for step in steps for column in range(step.start, step.stop)] == list(range(len(space.decisions)))
    for step in steps:
        for column in range(step.start, step.stop):
            assert space.decisions[column].node == step.node
        assert (space.decisions[step.start].kind == "operation") == step.has_operation
        sources = [space.decisions[column].source for column in range(step.first_edge, step.stop)]
        assert tuple(sources) == step.sources


def test_steps_of_a_wiring_without_operations(spaces):
    assert node_steps(spaces["wiring"])[2] == NodeStep(node=3, start=3, has_operation=False, sources=(0, 1, 2))


def test_prefixes_are_numbered_by_what_was_chosen():
    numbers = extend_prefixes(np.array([0, 0, 1, 1, 0]), np.array([2, 0, 0, 0, 2]))
    assert numbers.tolist() == [1, 0, 2, 2, 1]


def test_a_replay_holds_every_partial_graph_and_mask(space):
    sequences = sequences_of(space, 40)
    known = replay(space, sequences)
    assert len(known) == 40
    for row, sequence in enumerate(sequences):
        builder = space.builder(1)
        for number, step in enumerate(known.steps):
            before = builder.operation_ids[0].copy(), builder.adjacency[0].copy()
            masks = []
            for column in range(step.start, step.stop):
                masks.append(builder.mask()[0])
                builder.apply(sequence[column : column + 1])
            state = known.state_of[row, number]
            assert (state >= 0) == any(mask.sum() > 1 for mask in masks)
            if state < 0:
                continue
            nodes = known.states.operation_ids.shape[1]
            assert known.states.operation_ids[state].tolist() == before[0][:nodes].tolist()
            assert (before[0][nodes:] == -1).all()
            assert known.states.adjacency[state].bool().tolist() == before[1][:nodes, :nodes].tolist()
            assert known.state_nodes[state] == step.node
            if step.has_operation:
                assert known.operation_legal[state].tolist() == masks.pop(0).tolist()
            wiring = known.wiring_of[row, number]
            assert (wiring >= 0) == any(mask.sum() > 1 for mask in masks)
            if wiring >= 0:
                length = len(step.sources)
                assert known.wiring_state[wiring] == state
                assert known.wiring_operation[wiring] == builder.operation_ids[0, step.node]
                assert known.wiring_lengths[wiring] == length
                assert known.wiring_sources[wiring, :length].tolist() == list(step.sources)
                assert known.wiring_bits[wiring, :length].tolist() == sequence[step.first_edge : step.stop].tolist()
                assert known.wiring_legal[wiring, :length].tolist() == [mask.tolist() for mask in masks]
                assert not known.wiring_legal[wiring, length:, 1].any()


def test_shared_prefixes_are_kept_once(spaces):
    space = spaces["nasbench201"]
    known = replay(space, space.building_sequences(list(space.enumerate())))
    assert len(known.states) == sum(5**length for length in range(6))


def test_wirings_with_more_sources_come_first(spaces):
    known = replay(spaces["nasbench101"], sequences_of(spaces["nasbench101"], 100))
    lengths = known.wiring_lengths.tolist()
    assert lengths == sorted(lengths, reverse=True)
    assert len(set(lengths)) > 3


def test_a_selection_is_the_replay_of_these_rows(space):
    sequences = sequences_of(space, 60)
    rows = np.array([7, 3, 3, 50])
    part, whole = replay(space, sequences).select(rows), replay(space, sequences[rows])
    assert (part.sequences == whole.sequences).all()
    assert (part.open_steps == whole.open_steps).all()
    assert len(part.states) == len(whole.states)
    assert len(part.wiring_state) == len(whole.wiring_state)
    for number in range(len(part.steps)):
        for row in range(len(rows)):
            ours, theirs = part.state_of[row, number], whole.state_of[row, number]
            if ours >= 0:
                assert part.states.num_nodes[ours] == whole.states.num_nodes[theirs]
                assert part.operation_legal[ours].tolist() == whole.operation_legal[theirs].tolist()
            ours, theirs = part.wiring_of[row, number], whole.wiring_of[row, number]
            if ours >= 0:
                assert part.wiring_bits[ours].tolist() == whole.wiring_bits[theirs].tolist()
                assert part.wiring_state[ours] == part.state_of[row, number]


def test_wrong_sequences_are_errors(spaces):
    space = spaces["nasbench201"]
    with pytest.raises(InvalidSetting, match="shape"):
        replay(space, np.ones((3, 5), dtype=np.int64))
    with pytest.raises(InvalidSetting, match="not legal"):
        replay(space, np.zeros((3, 6), dtype=np.int64))


def test_an_edge_to_a_node_that_was_not_added_is_an_error(spaces):
    step = NodeStep(node=2, start=3, has_operation=True, sources=(0, 1))
    forced = np.array([[[True, False]], [[True, True]]])
    require_existing(spaces["nasbench101"], step, forced, np.array([-1, 2]))
    with pytest.raises(InvalidSetting, match="node 2, which was not added"):
        require_existing(spaces["nasbench101"], step, forced, np.array([2, -1]))
