"""Encodings of what architectures compute: functional twins have the same rows, to the last bit.

Each is made of :class:`ganas.spaces.functional_graphs.FunctionalGraphs`. Paths are those from a node that reads no
other to one that no other reads; a node that reads another twice doubles them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.functional_graphs import FunctionalGraphs

__all__ = ["functional_counts", "functional_pairs", "functional_paths", "weisfeiler_lehman_labels"]

Labels = NDArray[np.int64]


def functional_counts(graphs: FunctionalGraphs, kinds: Labels) -> NDArray[np.float64]:
    """How many nodes have each label, (count, len(kinds)).

    Args:
        graphs: A batch.
        kinds: The labels that are counted, (kinds,).
    """
    return np.stack([(graphs.labels == kind).sum(axis=0) for kind in kinds], axis=1).astype(np.float64)


def functional_paths(graphs: FunctionalGraphs, kinds: Labels) -> NDArray[np.float64]:
    """Numbers of the paths, (count, 3 + 2 * len(kinds)); all zero where there is none.

    How many there are; how many nodes the shortest and the longest have; then for each label how often it occurs on
    all paths together, and how often on the path that has most of it.
    """
    nodes, count = graphs.labels.shape
    label = _one_hot(graphs, kinds)
    is_input, is_output, present = graphs.is_input, graphs.is_output, graphs.present
    # Of the paths to each node, the node included; the last slot sums up those to an output.
    paths = np.zeros((nodes + 1, count))
    shortest = np.full((nodes + 1, count), np.inf)
    longest = np.zeros((nodes + 1, count))
    total = np.zeros((nodes + 1, len(kinds), count))
    most = np.zeros((nodes + 1, len(kinds), count))
    for node, sources in enumerate([*graphs.sources, np.flatnonzero(is_output.any(axis=1))]):
        times = graphs.edges[sources, node] if node < nodes else is_output[sources].astype(np.float64)
        reads = times > 0
        paths[node] = (times * paths[sources]).sum(axis=0)
        shortest[node] = np.where(reads, shortest[sources], np.inf).min(axis=0, initial=np.inf)
        longest[node] = np.where(reads, longest[sources], 0).max(axis=0, initial=0)
        total[node] = (times[:, None] * total[sources]).sum(axis=0)
        most[node] = np.where(reads[:, None], most[sources], 0).max(axis=0, initial=0)
        if node < nodes:
            paths[node, is_input[node]] = 1
            shortest[node, is_input[node]] = 0
            shortest[node] += 1
            longest[node] += present[node]
            total[node] += label[node] * paths[node]
            most[node] += label[node]
    shortest[np.isinf(shortest)] = 0
    return np.concatenate([paths[-1:], shortest[-1:], longest[-1:], total[-1], most[-1]]).T


def functional_pairs(graphs: FunctionalGraphs, kinds: Labels) -> NDArray[np.float64]:
    """How often one label follows another on all paths together, (count, len(kinds) ** 2), by the first label."""
    nodes, count = graphs.labels.shape
    label = _one_hot(graphs, kinds)
    is_input = graphs.is_input
    sources_of = graphs.sources
    paths = np.zeros((nodes, count))
    arriving = np.zeros((nodes, len(kinds), count))
    for node, sources in enumerate(sources_of):
        paths[node, is_input[node]] = 1
        for source in sources.tolist():
            reached = graphs.edges[source, node] * paths[source]
            paths[node] += reached
            arriving[node] += label[source] * reached
    # How many paths lead from each node to an output.
    onward = graphs.is_output.astype(np.float64)
    for node, sources in reversed([*enumerate(sources_of)]):
        for source in sources.tolist():
            onward[source] += graphs.edges[source, node] * onward[node]
    label *= onward[:, None]
    return np.asarray(np.einsum("vac,vbc->cab", arriving, label).reshape(count, len(kinds) ** 2))


def weisfeiler_lehman_labels(graphs: FunctionalGraphs, rounds: int) -> list[NDArray[np.uint64]]:
    """Labels of nodes that also say what they read and are read by, and those in turn, (max_nodes, count) each.

    Shervashidze, Schweitzer, van Leeuwen, Mehlhorn and Borgwardt, "Weisfeiler-Lehman Graph Kernels", Journal of Machine
    Learning Research, 2011, section 2, for directed multigraphs. Labels are compressed by a fixed hash to 64 bits: two
    nodes of any architectures of one space have the same number if their neighbourhoods agree to that depth.

    Args:
        graphs: A batch.
        rounds: How often neighbours are taken in.

    Returns:
        The labels after 0 to ``rounds`` rounds; 0 where no node is.
    """
    present = graphs.present
    labels = _mixed(graphs.labels.astype(np.uint64))
    found = [np.where(present, labels, np.uint64(0))]
    times = graphs.edges.astype(np.uint64)
    read, reading, own = _salts(3)
    for _ in range(rounds):
        sources = _mixed(_summed(times, _mixed(labels ^ read)))
        targets = _mixed(_summed(times.transpose(1, 0, 2), _mixed(labels ^ reading)) ^ own)
        labels = _mixed(labels ^ own) + _mixed(sources ^ read) + _mixed(targets ^ reading)
        found.append(np.where(present, labels, np.uint64(0)))
    return found


def _summed(times: NDArray[np.uint64], values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Sum over the first axis of ``times``, whatever the order of its terms: a fingerprint of a multiset."""
    total = np.zeros_like(values)
    for node in range(len(times)):
        if times[node].any():
            total += times[node] * values[node]
    return total


def _salts(count: int) -> NDArray[np.uint64]:
    return _mixed(np.arange(1, count + 1, dtype=np.uint64))


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): every bit in moves every bit out."""
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    found: NDArray[np.uint64] = mixed ^ (mixed >> np.uint64(31))
    return found


def _one_hot(graphs: FunctionalGraphs, kinds: Labels) -> NDArray[np.float64]:
    """The label of each node one-hot, (max_nodes, kinds, count)."""
    return np.asarray(graphs.labels[:, None] == kinds[:, None], dtype=np.float64)
