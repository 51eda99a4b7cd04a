"""Graph encoders: the layer against two references, and what padding, masks and numbering may not change."""

import subprocess
import sys

import numpy as np
import pytest

from ganas.spaces.errors import InvalidSetting, MissingDependency
from ganas.spaces.registry import load_space

torch = pytest.importorskip("torch", reason="graph encoders need torch")

from ganas.bench.graph_encoder.batch import GraphTensors  # noqa: E402
from ganas.bench.graph_encoder.encoder import GraphEncoder, make_encoder  # noqa: E402
from ganas.bench.graph_encoder.layers import GraphConvolution, neighbour_operators  # noqa: E402

READOUTS = ("mean", "sum", "max", "last")
KINDS = ("kgnn", "lstm")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def random_graphs(count, nodes, features, seed=0):
    """Adjacency of random DAGs and random features, float64."""
    rng = np.random.default_rng(seed)
    adjacency = np.triu(rng.random((count, nodes, nodes)) < 0.4, 1).astype(float)
    return torch.from_numpy(adjacency), torch.from_numpy(rng.normal(size=(count, nodes, features)))


def cells(space_name, count, seed=0):
    space = load_space(space_name)
    return space, space.sample(count, rng=np.random.default_rng(seed))


@pytest.fixture(autouse=True)
def global_generator_is_left_alone():
    before = torch.random.get_rng_state()
    yield
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_layer_equals_its_formula_node_by_node(bidirectional):
    adjacency, nodes = random_graphs(5, 6, 4)
    layer = GraphConvolution(4, 3, bidirectional=bidirectional, generator=seeded()).double()
    result = layer(nodes, neighbour_operators(adjacency, bidirectional=bidirectional))
    own, before, *after = layer.weight.detach().split(3)
    for graph in range(5):
        for node in range(6):
            expected = own @ nodes[graph, node] + layer.bias
            for other in range(6):
                if adjacency[graph, other, node]:
                    expected = expected + before @ nodes[graph, other]
                if bidirectional and adjacency[graph, node, other]:
                    expected = expected + after[0] @ nodes[graph, other]
            assert torch.allclose(result[graph, node], expected, atol=1e-12)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_layer_equals_torch_geometric(bidirectional):
    geometric = pytest.importorskip("torch_geometric.nn", reason="torch_geometric is not installed")
    adjacency, nodes = random_graphs(7, 8, 5)
    layer = GraphConvolution(5, 4, bidirectional=bidirectional, generator=seeded()).double()
    result = layer(nodes, neighbour_operators(adjacency, bidirectional=bidirectional))
    own, *relations = layer.weight.detach().split(4)
    with torch.random.fork_rng():
        peer = geometric.GraphConv(5, 4, aggr="add", bias=True).double()
    for graph in range(7):
        sources, targets = adjacency[graph].nonzero(as_tuple=True)
        total = torch.zeros(8, 4, dtype=torch.float64)
        for number, weight in enumerate(relations):
            edges = torch.stack([sources, targets] if number == 0 else [targets, sources])
            with torch.no_grad():
                peer.lin_rel.weight.copy_(weight)
                peer.lin_rel.bias.copy_(layer.bias if number == 0 else torch.zeros(4))
                peer.lin_root.weight.copy_(own if number == 0 else torch.zeros_like(own))
                total += peer(nodes[graph], edges)
        assert torch.allclose(result[graph], total, atol=1e-12)


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("kind", KINDS)
def test_padding_changes_nothing(kind, readout):
    space, drawn = cells("nasbench101", 60)
    drawn = [cell for cell in drawn if cell.num_nodes < 7] + [next(space.enumerate())]
    graphs = GraphTensors.from_architectures(space, drawn)
    assert graphs.operation_ids.shape[1] == 6
    encoder = make_encoder(kind, space, readout=readout, hidden=16, generator=seeded())
    nodes, embedded = encoder.encode(graphs)
    padded_nodes, padded = encoder.encode(graphs.padded(7))
    assert torch.allclose(padded_nodes[:, :6], nodes, atol=1e-6)
    assert torch.equal(padded_nodes[:, 6], torch.zeros(len(drawn), 16))
    assert torch.allclose(padded, embedded, atol=1e-6)
    for number in range(len(drawn)):
        alone = GraphTensors.from_architectures(space, drawn[number : number + 1])
        assert torch.allclose(encoder.encode(alone)[1][0], embedded[number], atol=1e-6)


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("kind", KINDS)
def test_labels_and_edges_outside_the_mask_have_no_effect(kind, readout):
    space, drawn = cells("nasbench101", 40)
    graphs = GraphTensors.from_architectures(space, drawn)
    encoder = make_encoder(kind, space, readout=readout, hidden=16, generator=seeded())
    mask = graphs.node_mask & (torch.arange(7) < 4)
    garbage = torch.where(mask, graphs.operation_ids, 2)
    inside = mask[:, :, None] & mask[:, None, :]
    edges = torch.where(inside, graphs.adjacency, 1.0)
    expected = encoder(graphs.operation_ids[:, :4], graphs.adjacency[:, :4, :4])
    nodes, embedded = encoder(garbage, edges.bool(), mask)
    assert torch.allclose(nodes[:, :4], expected[0], atol=1e-6)
    assert torch.count_nonzero(nodes[:, 4:]) == 0
    assert torch.allclose(embedded, expected[1], atol=1e-6)


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_graph_without_nodes_is_zero(kind, readout):
    encoder = make_encoder(kind, load_space("nasbench101"), readout=readout, hidden=8, generator=seeded())
    empty = GraphTensors.from_arrays(np.full((2, 7), -1), np.zeros((2, 7, 7), dtype=bool))
    nodes, embedded = encoder.encode(empty)
    assert torch.count_nonzero(nodes) == 0
    assert torch.equal(embedded, torch.zeros(2, 8))


def test_readouts_are_what_they_say():
    space, drawn = cells("nasbench101", 30)
    graphs = GraphTensors.from_architectures(space, drawn)
    made = {r: make_encoder("kgnn", space, readout=r, hidden=8, generator=seeded()).encode(graphs) for r in READOUTS}
    for number, cell in enumerate(drawn):
        nodes = made["mean"][0][number, : cell.num_nodes]
        expected = {"mean": nodes.mean(0), "sum": nodes.sum(0), "max": nodes.max(0).values, "last": nodes[-1]}
        for readout, value in expected.items():
            assert torch.allclose(made[readout][1][number], value, atol=1e-6)


def isomorphic_pair():
    """One cell numbered in two ways: the two branches are exchanged."""
    labels = np.array([[0, 1, 3, 4], [0, 3, 1, 4]])
    adjacency = np.zeros((2, 4, 4), dtype=bool)
    adjacency[:, [0, 0, 1, 2], [1, 2, 3, 3]] = True
    return GraphTensors.from_arrays(labels, adjacency)


def test_numbering_matters_only_with_a_position_embedding():
    graphs = isomorphic_pair()
    without = GraphEncoder(5, max_nodes=4, hidden=8, position_embedding=False, generator=seeded()).encode(graphs)[1]
    with_positions = GraphEncoder(5, max_nodes=4, hidden=8, generator=seeded()).encode(graphs)[1]
    assert torch.allclose(without[0], without[1], atol=1e-6)
    assert not torch.allclose(with_positions[0], with_positions[1], atol=1e-3)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_messages_go_along_the_edges_and_back_if_asked_for(bidirectional):
    labels = np.array([[0, 1, 4], [0, 2, 4]])
    adjacency = np.zeros((2, 3, 3), dtype=bool)
    adjacency[:, [0, 1], [1, 2]] = True
    encoder = GraphEncoder(5, max_nodes=3, hidden=8, bidirectional=bidirectional, generator=seeded())
    nodes, _ = encoder.encode(GraphTensors.from_arrays(labels, adjacency))
    assert not torch.allclose(nodes[0, 2], nodes[1, 2], atol=1e-4), "a successor must know its predecessor"
    assert torch.allclose(nodes[0, 0], nodes[1, 0], atol=1e-6) != bidirectional


@pytest.mark.parametrize("kind", KINDS)
def test_every_weight_is_drawn_from_the_generator_and_trained(kind):
    space, drawn = cells("nasbench201", 20)
    first, again, other = (make_encoder(kind, space, hidden=8, generator=seeded(seed)) for seed in (1, 1, 2))
    nodes, embedded = first.encode(GraphTensors.from_architectures(space, drawn))
    (nodes.square().sum() + embedded.square().sum()).backward()
    for (name, weight), same, different in zip(
        first.named_parameters(), again.parameters(), other.parameters(), strict=True
    ):
        assert torch.equal(weight, same), name
        assert not torch.equal(weight, different), name
        assert weight.grad is not None and torch.count_nonzero(weight.grad), name


def test_weights_have_the_distribution_that_torch_gives_them():
    encoder = make_encoder("lstm", load_space("nasbench101"), hidden=64, generator=seeded())
    bound = 64**-0.5
    weight = dict(encoder.named_parameters())["recurrent.weight_hh_l0"].detach()
    assert weight.abs().max() <= bound
    assert weight.std() == pytest.approx(bound / 3**0.5, rel=0.05)
    assert encoder.operation.weight.detach().std() == pytest.approx(1, rel=0.2)


def test_graph_tensors_hold_what_the_architectures_are():
    space, drawn = cells("nasbench101", 12)
    graphs = GraphTensors.from_architectures(space, drawn)
    assert len(graphs) == 12
    assert graphs.num_nodes.tolist() == [cell.num_nodes for cell in drawn]
    for number, cell in enumerate(drawn):
        ids = graphs.operation_ids[number, : cell.num_nodes].tolist()
        assert [space.operations[identity] for identity in ids] == list(cell.operations)
        assert [tuple(edge) for edge in graphs.adjacency[number].nonzero().tolist()] == list(cell.edges)
    few = graphs[torch.tensor([3, 1])]
    assert few.operation_ids.tolist() == graphs.operation_ids[[3, 1]].tolist()
    assert graphs[2:5].to("cpu").num_nodes.tolist() == graphs.num_nodes[2:5].tolist()
    more = [cell for cell in space.sample(99, rng=np.random.default_rng(1)) if cell.num_nodes == 6]
    small = GraphTensors.from_architectures(space, more[:2])
    joined = GraphTensors.concatenate([small, graphs])
    assert joined.num_nodes.tolist() == [6, 6, *graphs.num_nodes.tolist()]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "kgn"}, "did you mean 'kgnn'"),
        ({"readout": "average"}, "use mean, sum, max, last"),
        ({"hidden": 0}, "hidden must be at least 1"),
        ({"layers": 0}, "layers must be at least 1"),
    ],
)
def test_bad_settings_are_errors(settings, message):
    with pytest.raises(InvalidSetting, match=message):
        make_encoder(**{"kind": "kgnn", "space": load_space("nasbench201"), "generator": seeded()} | settings)


@pytest.mark.parametrize("kind", KINDS)
def test_more_nodes_than_the_encoder_takes_are_an_error(kind):
    space, drawn = cells("nasbench201", 2)
    encoder = make_encoder(kind, load_space("nasbench101"), hidden=4, generator=seeded())
    with pytest.raises(InvalidSetting, match="8 columns"):
        encoder.encode(GraphTensors.from_architectures(space, drawn))


@pytest.mark.parametrize(
    ("module", "purpose"),
    [("ganas.bench.graph_encoder.encoder", "encoding graphs"), ("ganas.adversarial.dependencies", "GA-NAS")],
)
def test_without_torch_it_says_what_to_install(module, purpose):
    code = (
        "import sys\nsys.modules['torch'] = None\n"
        "from ganas.spaces.errors import MissingDependency\n"
        "import ganas.adversarial, ganas.bench\n"
        "try:\n    import importlib\n"
        f"    importlib.import_module({module!r}).require_torch()\n"
        "except MissingDependency as error:\n    print(error)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == f"{purpose} needs torch: pip install 'ganas[torch]'\n"
    assert issubclass(MissingDependency, ImportError)
