import itertools

import networkx
import numpy as np
import pytest

from ganas.spaces.architecture import Architecture
from ganas.spaces.canonical import canonical_certificate, functional_certificate
from ganas.spaces.nasbench201.space import NASBench201, official_unique_string


def random_dag(rng, nodes, density, labels, cells=0):
    operations = [f"op{label}" for label in rng.integers(labels, size=nodes)]
    edges = [(s, t) for t in range(nodes) for s in range(t) if rng.random() < density]
    return Architecture("random", operations, edges, rng.integers(cells, size=nodes) if cells else ())


def relabelled(architecture, rng):
    """An isomorphic copy in another topological order."""
    left = set(range(architecture.num_nodes))
    order = []
    while left:
        ready = sorted(n for n in left if not any(t == n and s in left for s, t in architecture.edges))
        order.append(ready[rng.integers(len(ready))])
        left.remove(order[-1])
    position = {node: index for index, node in enumerate(order)}
    return Architecture(
        architecture.space,
        [architecture.operations[node] for node in order],
        [(position[s], position[t]) for s, t in architecture.edges],
        [architecture.cells[node] for node in order] if architecture.cells else (),
    )


def isomorphic(first, second):
    def same_label(a, b):
        return a == b

    return networkx.is_isomorphic(first.to_networkx(), second.to_networkx(), node_match=same_label)


def incidence_dag(graph):
    """Vertices point at their edges: two graphs are isomorphic exactly when these DAGs are."""
    vertices = sorted(graph.nodes)
    position = {vertex: index for index, vertex in enumerate(vertices)}
    pairs = [(position[a], position[b]) for a, b in graph.edges]
    edges = [(end, len(vertices) + number) for number, pair in enumerate(pairs) for end in pair]
    return Architecture("incidence", ["vertex"] * len(vertices) + ["edge"] * len(pairs), edges)


def colour_refinement_classes(architecture):
    """How many nodes have each stable colour; equal for two graphs that refinement cannot tell apart."""
    colours = dict(enumerate(architecture.operations))
    for _ in range(architecture.num_nodes):
        colours = {
            node: repr(
                (
                    colours[node],
                    sorted(colours[s] for s, t in architecture.edges if t == node),
                    sorted(colours[t] for s, t in architecture.edges if s == node),
                )
            )
            for node in colours
        }
        names = {text: str(index) for index, text in enumerate(sorted(set(colours.values())))}
        colours = {node: names[text] for node, text in colours.items()}
    return sorted(colours.values())


def cfi_graph(base, twisted):
    """The graph of Cai, Fürer and Immerman over a cubic ``base``, with one edge crossed if ``twisted``."""
    graph = networkx.Graph()
    for vertex in base:
        ends = sorted(base[vertex])
        for number in range(len(ends) + 1):
            for subset in itertools.combinations(ends, number):
                if len(subset) % 2 == 0:
                    for end in ends:
                        graph.add_edge(("m", vertex, subset), ("a", vertex, end, end in subset))
    for index, (one, two) in enumerate(sorted(tuple(sorted(edge)) for edge in base.edges)):
        crossed = twisted and index == 0
        for bit in (False, True):
            graph.add_edge(("a", one, two, bit), ("a", two, one, bit != crossed))
    return networkx.convert_node_labels_to_integers(graph, ordering="sorted")


def shrikhande():
    graph = networkx.Graph()
    for x, y in itertools.product(range(4), repeat=2):
        for dx, dy in ((0, 1), (1, 0), (1, 1)):
            graph.add_edge(4 * x + y, 4 * ((x + dx) % 4) + (y + dy) % 4)
    return graph


def rooks():
    return networkx.convert_node_labels_to_integers(
        networkx.cartesian_product(networkx.complete_graph(4), networkx.complete_graph(4)), ordering="sorted"
    )


INSEPARABLE = {
    "six-cycle and two triangles": (
        networkx.cycle_graph(6),
        networkx.disjoint_union(networkx.cycle_graph(3), networkx.cycle_graph(3)),
    ),
    "Petersen graph and pentagonal prism": (networkx.petersen_graph(), networkx.circular_ladder_graph(5)),
    "4x4 rook's graph and Shrikhande graph": (rooks(), shrikhande()),
    "CFI over K4": (cfi_graph(networkx.complete_graph(4), False), cfi_graph(networkx.complete_graph(4), True)),
}


@pytest.mark.parametrize("cells", [0, 2])
@pytest.mark.parametrize("labels", [1, 3])
def test_certificates_agree_with_networkx_on_random_dags(labels, cells):
    rng = np.random.default_rng(5)
    outcomes = set()
    for _ in range(150):
        nodes = int(rng.integers(2, 7))
        density = rng.uniform(0.1, 0.9)
        first, second = (random_dag(rng, nodes, density, labels, cells) for _ in range(2))
        same = isomorphic(first, second)
        outcomes.add(same)
        assert (canonical_certificate(first) == canonical_certificate(second)) == same
    assert outcomes == {True, False}


def test_relabelled_dags_share_the_certificate():
    rng = np.random.default_rng(0)
    for _ in range(60):
        dag = random_dag(rng, int(rng.integers(2, 40)), rng.uniform(0.02, 0.5), int(rng.integers(1, 4)), 2)
        assert canonical_certificate(relabelled(dag, rng)) == canonical_certificate(dag)


def test_one_edge_or_label_more_changes_the_certificate():
    rng = np.random.default_rng(1)
    for _ in range(60):
        dag = random_dag(rng, 12, 0.3, 2)
        missing = [p for p in itertools.combinations(range(12), 2) if p not in dag.edges]
        other = Architecture("random", dag.operations, (*dag.edges, missing[rng.integers(len(missing))]))
        assert canonical_certificate(other) != canonical_certificate(dag)
        renamed = Architecture("random", ("other", *dag.operations[1:]), dag.edges)
        assert canonical_certificate(renamed) != canonical_certificate(dag)


@pytest.mark.parametrize("pair", INSEPARABLE.values(), ids=INSEPARABLE)
def test_graphs_that_colour_refinement_cannot_separate(pair):
    rng = np.random.default_rng(2)
    first, second = (incidence_dag(graph) for graph in pair)
    assert colour_refinement_classes(first) == colour_refinement_classes(second)
    assert not networkx.is_isomorphic(*pair)
    assert canonical_certificate(first) != canonical_certificate(second)
    for dag in (first, second):
        assert canonical_certificate(relabelled(dag, rng)) == canonical_certificate(dag)


def parallel_chains(count, length):
    edges = []
    for chain in range(count):
        nodes = [0, *range(1 + chain * length, 1 + (chain + 1) * length), 1 + count * length]
        edges += itertools.pairwise(nodes)
    return Architecture("chains", ["input", *["conv"] * (count * length), "output"], edges)


@pytest.mark.parametrize(
    "dag",
    [
        parallel_chains(20, 3),
        parallel_chains(60, 1),
        incidence_dag(networkx.hypercube_graph(4)),
        incidence_dag(networkx.complete_graph(9)),
        incidence_dag(networkx.disjoint_union_all([networkx.cycle_graph(4)] * 6)),
        Architecture("layers", ["op"] * 40, [(s, t) for t in range(40) for s in range(t) if s // 8 + 1 == t // 8]),
        Architecture("empty", ["op"] * 30, []),
    ],
    ids=["chains", "twins", "hypercube", "complete", "cycles", "layers", "no edges"],
)
def test_highly_symmetric_dags(dag):
    # A search that did not use automorphisms would need at least 10^9 orders for each of these.
    rng = np.random.default_rng(3)
    assert canonical_certificate(relabelled(dag, rng)) == canonical_certificate(dag)


def test_graphs_of_network_size():
    rng = np.random.default_rng(4)
    for _ in range(5):
        edges, labels, cells = [], [], []
        for cell in range(2):
            start = len(labels)
            labels += ["input", "input"]
            for node in range(4):
                ends = rng.choice(2 + node, size=2, replace=False)
                # The feature maps of a cell stand at 0, 1 and then every third node.
                sources = [start + (e if e < 2 else 2 + 3 * (e - 2) + 2) for e in ends]
                labels += [*(f"op{o}" for o in rng.integers(3, size=2)), "add"]
                here = len(labels) - 3
                edges += [(sources[0], here), (sources[1], here + 1), (here, here + 2), (here + 1, here + 2)]
            cells += [cell] * (len(labels) - len(cells))
        dag = Architecture("two-cells", labels, edges, cells)
        assert canonical_certificate(relabelled(dag, rng)) == canonical_certificate(dag)


def test_cells_and_labels_are_part_of_the_certificate():
    edges = [(0, 1)]
    plain = Architecture("mine", ["a", "b"], edges)
    keys = {
        canonical_certificate(architecture)
        for architecture in (
            plain,
            Architecture("mine", ["a", "b"], edges, [0, 0]),
            Architecture("mine", ["a", "b"], edges, [0, 1]),
            Architecture("mine", ["a", "c"], edges),
            Architecture("mine", ["b", "a"], edges),
            Architecture("mine", ["a", "b"], []),
            Architecture("mine", ["a", 'b","a'], edges),
        )
    }
    assert len(keys) == 7
    assert canonical_certificate(Architecture("other", ["a", "b"], edges)) == canonical_certificate(plain)
    assert canonical_certificate(Architecture("mine", [], [])) != canonical_certificate(plain)


def functional(operations, edges, cells=()):
    architecture = Architecture("mine", operations, edges, cells)
    return functional_certificate(architecture, zero=frozenset({"none"}), skip=frozenset({"skip"}))


def test_functional_certificate_prunes_and_contracts():
    chain = functional(["input", "conv", "output"], [(0, 1), (1, 2)])
    # a skip in the chain, a dead branch into the chain, a branch that nothing reads, dead ends to a fixed point
    assert functional(["input", "skip", "conv", "skip", "output"], [(0, 1), (1, 2), (2, 3), (3, 4)]) == chain
    assert functional(["input", "none", "conv", "output"], [(0, 1), (0, 2), (1, 2), (2, 3)]) == chain
    dead = ["input", "none", "pool", "pool", "conv", "output"]
    assert functional(dead, [(0, 1), (0, 4), (1, 2), (2, 3), (3, 4), (4, 5)]) == chain
    assert functional(["input", "pool", "none", "conv", "output"], [(0, 1), (1, 2), (0, 3), (3, 4), (2, 4)]) == chain


def test_functional_certificate_keeps_multiplicity_and_sharing():
    direct = functional(["input", "output"], [(0, 1)])
    twice = functional(["input", "skip", "skip", "output"], [(0, 1), (0, 2), (1, 3), (2, 3)])
    three = functional(["input", "skip", "skip", "output"], [(0, 1), (0, 2), (1, 3), (2, 3), (0, 3)])
    assert functional(["input", "skip", "output"], [(0, 1), (1, 2)]) == direct
    assert functional(["input", "skip", "output"], [(0, 1), (0, 2), (1, 2)]) == twice
    assert len({direct, twice, three}) == 3
    shared = functional(["input", "conv", "pool", "pool", "output"], [(0, 1), (1, 2), (1, 3), (2, 4), (3, 4)])
    separate = functional(
        ["input", "conv", "conv", "pool", "pool", "output"], [(0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 5)]
    )
    assert shared != separate


def test_nothing_live_has_one_certificate():
    dead = functional(["input", "none", "output"], [(0, 1), (1, 2)])
    assert dead == functional(["input", "conv", "none", "output"], [(0, 1), (1, 2), (2, 3)])
    assert dead != functional(["input", "output"], [(0, 1)])


def expression(architecture):
    """The cell as an expression with shared terms written out at every use; dead terms are dropped."""
    feature_maps = ["x"]
    operations = iter(architecture.operations[1:-1])
    for target in (1, 2, 3):
        terms = []
        for source in range(target):
            operation, carried = next(operations), feature_maps[source]
            if operation == "skip_connect" and carried:
                terms += carried.split(" ")
            elif operation != "none" and carried:
                terms.append(f"{operation}({carried.replace(' ', '+')})")
        feature_maps.append(" ".join(sorted(terms)))
    return feature_maps[-1]


def test_functional_classes_of_nasbench201():
    space = NASBench201()
    cells = list(space.enumerate())
    keys = [space.functional_key(cell) for cell in cells]
    expressions = [expression(cell) for cell in cells]
    assert len(set(keys)) == 5425
    assert len(set(expressions)) == 4930
    # Cells of one function have one expression; the reverse fails exactly where a shared term was written out.
    assert len(set(zip(keys, expressions, strict=True))) == 5425


def test_official_unique_string_equals_nats_bench():
    genotype_utils = pytest.importorskip("nats_bench.genotype_utils")
    space = NASBench201()
    strings = set()
    for cell in space.enumerate():
        text = official_unique_string(cell)
        structure = genotype_utils.topology_str2structure(space.format(cell))
        assert text == structure.to_unique_str(consider_zero=True)
        strings.add(text)
    assert len(strings) == 6466
