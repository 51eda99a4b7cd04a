"""The relaxed recurrent layer: the plain implementation, single architectures as limits, what it discretises to."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="networks need torch")

from ganas.spaces.errors import InvalidSetting, NotSupported  # noqa: E402
from ganas.spaces.rnn.discretisation import discretise_cell, discretise_connections  # noqa: E402
from ganas.spaces.rnn.genotype import (  # noqa: E402
    GROUPS,
    PLAIN,
    PRIMITIVES,
    Connections,
    RecurrentCell,
    RecurrentGenotype,
    Term,
)
from ganas.spaces.rnn.layer import Masks, RecurrentLayer  # noqa: E402
from ganas.spaces.rnn.mixed_activation import mixed_activation, relaxed_node  # noqa: E402
from ganas.spaces.rnn.network import Dropouts, LanguageModel  # noqa: E402
from ganas.spaces.rnn.published import PUBLISHED  # noqa: E402
from ganas.spaces.rnn.space import RNN, RNNMini  # noqa: E402
from ganas.spaces.rnn.supernet import RecurrentSupernet  # noqa: E402

CELL = PUBLISHED["GDAS"].truncated(4)
CERTAIN = 60.0  # of a softmax: all the others together are below 1e-25


@pytest.fixture(scope="module")
def plain():
    """The plain implementation that the layers are measured beside."""
    path = Path(__file__).resolve().parents[3] / "perf" / "rnn.py"
    specification = importlib.util.spec_from_file_location("perf_rnn_supernet", path)
    module = importlib.util.module_from_spec(specification)
    sys.modules["perf_rnn_supernet"] = module
    specification.loader.exec_module(module)
    return module


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def text(steps=6, batch=4, size=5, seed=2):
    return torch.randn(steps, batch, size, generator=seeded(seed), dtype=torch.float64)


def supernet(**settings):
    net = RecurrentSupernet(**{"size": 5, "nodes": 4, "generator": seeded(1)} | settings).double()
    with torch.no_grad():
        for weight in net.weight_parameters():
            weight.mul_(15)
        for logits in net.architecture_parameters():
            logits.copy_(torch.randn(logits.shape, generator=seeded(4)))
    return net


# --- relaxed nodes ---------------------------------------------------------------------------------------------------


def test_gradients_of_a_mixed_activation():
    values = torch.randn(2, 3, 4, generator=seeded(), dtype=torch.float64)
    functions = (torch.tanh, torch.relu, torch.sigmoid, lambda v: v)
    for shape in ((4, 1, 3, 1), (4, 2, 1, 1), (4, 1, 1, 1)):
        shares = torch.rand(shape, generator=seeded(1), dtype=torch.float64)
        by_hand = sum(share * function(values) for share, function in zip(shares, functions, strict=True))
        assert torch.allclose(mixed_activation(values, shares), by_hand, atol=1e-14)
        arguments = (values.clone().requires_grad_(), shares.requires_grad_())
        assert torch.autograd.gradcheck(mixed_activation, arguments)


def test_gradients_of_a_relaxed_node():
    states = torch.randn(3, 2, 4, generator=seeded(2), dtype=torch.float64).requires_grad_()
    weight = torch.randn(4, 8, generator=seeded(3), dtype=torch.float64).requires_grad_()
    shares = torch.rand(4, 3, 1, 1, generator=seeded(1), dtype=torch.float64).requires_grad_()
    for mask in (None, torch.tensor([[0.0, 2, 1, 1], [2, 1, 0, 1]], dtype=torch.float64)):
        gates, candidates = ((states if mask is None else states * mask) @ weight).chunk(2, dim=-1)
        own = states * shares.sum(dim=0)
        by_hand = (own + gates.sigmoid() * (mixed_activation(candidates, shares) - own)).sum(dim=0)
        assert torch.allclose(relaxed_node(states, mask, weight, shares), by_hand, atol=1e-14)
        assert torch.autograd.gradcheck(lambda *a, m=mask: relaxed_node(a[0], m, *a[1:]), (states, weight, shares))


# --- the plain implementation ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"softmax": "node"},
        {"connections": PLAIN},
        {"connections": PLAIN, "nodes": 8, "softmax": "node"},
        {"window": 1},
        {"window": 3, "nodes": 1},
        {"batch_norm": False},
        {"concat": (2, 4)},
    ],
    ids=str,
)
@pytest.mark.parametrize("training", [True, False])
def test_the_supernet_is_the_plain_implementation(settings, training, plain):
    for dtype, tolerance in ((torch.float64, 1e-11), (torch.float32, 2e-4)):
        found = []
        for run in (lambda net, *a: net(a[0], masks=a[1])[0], plain.plain_supernet):
            net = supernet(**settings, dropout_h=0.3, dropout_x=0.3, dropout_generator=seeded(3)).to(dtype)
            net.train(training)
            inputs = text().to(dtype).requires_grad_()
            outputs = run(net, inputs, net.draw_masks(inputs))
            parameters = [*net.weight_parameters(), *net.architecture_parameters()]
            grads = torch.autograd.grad((outputs * text(seed=8).to(dtype)).sum(), [inputs, *parameters])
            found.append([outputs, *grads, *(buffer.clone() for buffer in net.buffers())])
        for one, other in zip(*found, strict=True):
            assert torch.allclose(one, other, rtol=tolerance, atol=tolerance * max(1, other.abs().max().item()))


def test_a_second_derivative_is_refused():
    values, shares = text().requires_grad_(), torch.rand(4, 1, 1, 1).double()
    with pytest.raises(NotSupported, match="first derivatives alone"):
        torch.autograd.grad(mixed_activation(values, shares).sum(), values, create_graph=True)
    net = supernet()
    with pytest.raises(NotSupported, match="first derivatives alone"):
        torch.autograd.grad(net(values)[0].sum(), values, create_graph=True)


def test_normalisation_is_that_of_torch():
    net = supernet(connections=PLAIN).train()
    values = text()
    reference = torch.nn.BatchNorm1d(5, affine=False).double()
    for batch in values:
        assert torch.allclose(net.cell_norm(batch), reference(batch), atol=1e-14)
    net.eval(), reference.eval()
    assert torch.allclose(net.cell_norm(values[0]), reference(values[0]), atol=1e-14)
    assert torch.allclose(net.cell_norm.variance, reference.running_var, atol=1e-14)


# --- single architectures --------------------------------------------------------------------------------------------


def certain(net, genotype):
    """Make the architecture parameters of a supernet those of one architecture."""
    with torch.no_grad():
        if net.cell_logits is not None:
            net.cell_logits.zero_()
            net.cell_logits[:, 0] = CERTAIN
            for node, (name, source) in enumerate(genotype.cell.nodes, start=1):
                edge = net.cell_logits[node * (node - 1) // 2 + source]
                edge.zero_()
                edge[PRIMITIVES.index(name)] = CERTAIN
        if net.connection_logits is not None:
            net.connection_logits.zero_()
            net.connection_logits[..., 0] = CERTAIN
            for group, (place, term) in zip(GROUPS, enumerate(genotype.connections), strict=True):
                if term is not None:
                    lag = net.connection_logits[place, term.lag - group.first_lag]
                    lag.zero_()
                    lag[PRIMITIVES.index(term.operation)] = CERTAIN


def layer_like(net, genotype):
    """The layer of an architecture with the weights of a supernet."""
    layer = RecurrentLayer(genotype, net.size, window=net.window).double()
    with torch.no_grad():
        layer.initial_weight.copy_(net.initial_weight)
        layer.node_weights.copy_(net.node_weights)
        for number, group in enumerate(GROUPS):
            if group.name in layer.projections:
                if net.connections is None:
                    place = number * net.window + genotype.connections[number].lag - group.first_lag
                else:
                    place = net.projected_terms.index(group.name)
                layer.projections[group.name].copy_(net.projections[place])
    return layer


@pytest.mark.parametrize("keeps", ["nothing", "cell", "connections"])
def test_a_supernet_that_is_certain_is_the_network_of_its_architecture(keeps):
    class Four(RNNMini, name="four", title="Four nodes", nodes=4):
        """Four nodes."""

    space = Four()
    drawn = [space.genotype(one) for one in space.sample(8, rng=np.random.default_rng(0))]
    for genotype in [*drawn, RecurrentGenotype(CELL)]:
        kept = {} if keeps == "nothing" else {keeps: getattr(genotype, keeps)}
        net = supernet(batch_norm=False, **kept).train()
        certain(net, genotype)
        absent = sum(term is None for term in genotype.connections) if keeps != "connections" else 0
        inputs = text()
        masks = Masks(torch.rand(4, 5, generator=seeded()).double(), torch.rand(4, 5, generator=seeded(1)).double())
        expected, end = layer_like(net, genotype)(inputs, masks=masks)
        found, state = net(inputs, masks=masks)
        # The lag that a gate does read shares the group with others that are certainly none.
        if keeps == "connections" or absent == 2:
            assert torch.allclose(found, expected, rtol=0, atol=1e-12)
            assert torch.allclose(state.h, end.h, atol=1e-12)
        assert net.genotype() == genotype


def test_the_share_of_none_makes_an_absent_gate_one():
    net = supernet(batch_norm=False, window=1)
    genotype = RecurrentGenotype(CELL, Connections(Term("tanh", 1), None, Term("relu", 0), Term("sigmoid", 1)))
    certain(net, genotype)
    expected = layer_like(net, genotype)(text())[0]
    assert torch.allclose(net(text())[0], expected, rtol=0, atol=1e-12)


# --- discretisation --------------------------------------------------------------------------------------------------


def official_parse(probabilities, steps):
    """``_parse`` of rnn/model_search.py (quark0/darts), ``none`` being operation 0."""
    gene, start = [], 0
    for i in range(steps):
        rows = probabilities[start : start + i + 1]
        j = sorted(range(i + 1), key=lambda x: -max(rows[x][k] for k in range(1, 5)))[0]
        best = None
        for k in range(1, 5):
            if best is None or rows[j][k] > rows[j][best]:
                best = k
        gene.append((PRIMITIVES[best], j))
        start += i + 1
    return tuple(gene)


def test_cells_are_discretised_as_in_darts():
    rng = np.random.default_rng(0)
    for nodes in (1, 3, 8):
        for _ in range(50):
            # Few values, so that there are ties.
            edges = rng.integers(4, size=(nodes * (nodes + 1) // 2, 5)) / 4
            assert discretise_cell(edges).nodes == official_parse(edges.tolist(), nodes)


def test_ties_go_to_the_first():
    assert discretise_cell(np.full((6, 5), 0.2)).nodes == (("tanh", 0),) * 3
    connections = discretise_connections(np.full((4, 2, 5), 0.2))
    assert connections == Connections(Term("tanh", 1), None, Term("tanh", 0), None)


def test_connections_are_discretised_by_group():
    lags = np.zeros((4, 2, 5))
    lags[0] = [[0.9, 0, 0, 0, 0.1], [0.5, 0, 0, 0.3, 0.2]]
    lags[1] = [[0.5, 0.3, 0.1, 0.1, 0], [0.4, 0.0, 0.35, 0.25, 0]]
    lags[2] = [[0, 0, 0.6, 0, 0.4], [0, 0, 0, 0.3, 0.7]]
    lags[3] = [[0.5, 0.4, 0.1, 0, 0], [0.3, 0.0, 0.35, 0.35, 0]]
    assert discretise_connections(lags) == Connections(Term("sigmoid", 2), None, Term("identity", 1), Term("tanh", 1))


def test_a_supernet_discretises_to_an_architecture_of_the_space():
    for space, nodes in ((RNN(), 8), (RNNMini(), 3)):
        for softmax in ("edge", "node"):
            genotype = supernet(nodes=nodes, softmax=softmax).genotype()
            assert space.genotype(space.from_genotype(genotype)) == genotype


def test_probabilities_add_up():
    for softmax in ("edge", "node"):
        net = supernet(softmax=softmax)
        edges, lags = net.cell_probabilities(), net.connection_probabilities()
        if softmax == "edge":
            assert torch.allclose(edges.sum(dim=-1), torch.ones(10).double())
            assert torch.allclose(lags.sum(dim=-1), torch.ones(4, 2).double())
        else:
            into = [edges[node * (node - 1) // 2 : node * (node + 1) // 2].sum() for node in range(1, 5)]
            assert torch.allclose(torch.stack(into), torch.ones(4).double())
            assert torch.allclose(lags.sum(dim=(1, 2)), torch.ones(4).double())


# --- as a layer ------------------------------------------------------------------------------------------------------


def test_segments_are_one_long_text():
    for settings in ({}, {"connections": PLAIN}, {"cell": CELL}):
        net, inputs = supernet(**settings).eval(), text(7)
        whole, end = net(inputs)
        first, state = net(inputs[:3])
        second, state = net(inputs[3:], state)
        assert torch.allclose(torch.cat([first, second]), whole, atol=1e-13)
        assert torch.allclose(state.h, end.h, atol=1e-13)


def test_first_weights_and_architecture_parameters():
    net = RecurrentSupernet(64, generator=seeded())
    assert net.cell_logits.shape == (36, 5) and net.connection_logits.shape == (4, 2, 5)
    for logits in net.architecture_parameters():
        assert 0.0005 < logits.std().item() < 0.002
    assert all(weight.abs().max() <= 0.04 for weight in net.weight_parameters())
    before = torch.random.get_rng_state()
    again = RecurrentSupernet(64, generator=seeded())
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), again.parameters(), strict=True))
    assert len(supernet(cell=CELL).architecture_parameters()) == 1
    assert len(supernet(connections=PLAIN).weight_parameters()) == 2


def test_a_language_model_with_a_supernet_learns():
    net = RecurrentSupernet(16, nodes=3, generator=seeded())
    model = LanguageModel(net, 5, Dropouts(0, 0, 0, 0, 0), generator=seeded(1)).train()
    tokens = (torch.arange(11)[:, None] + torch.arange(6)) % 5
    weights = [*net.weight_parameters(), model.embedding, model.decoder_bias]
    weights += net.architecture_parameters()
    before, losses = [logits.clone() for logits in net.architecture_parameters()], []
    for _ in range(40):
        logits, _ = model(tokens[:-1])
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[1:].flatten())
        with torch.no_grad():
            for weight, grad in zip(weights, torch.autograd.grad(loss, weights), strict=True):
                weight -= 0.01 * grad.sign()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    assert all(not torch.equal(a, b) for a, b in zip(before, net.architecture_parameters(), strict=True))


def test_autocast_takes_products_in_its_precision():
    for settings in ({}, {"connections": PLAIN}, {"cell": CELL}):
        net, inputs = supernet(**settings).float().train(), text().float()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            outputs = net(inputs)[0]
        assert outputs.dtype == torch.float32
        outputs.sum().backward()
        assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in net.architecture_parameters())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cell": CELL, "connections": PLAIN}, "nothing to search"),
        ({"softmax": "all"}, "must be 'edge' or 'node', not 'all'"),
        ({"nodes": 0}, "nodes must be from 1 to 64, not 0"),
        ({"cell": RecurrentCell((("tanh", 0),), (1,))}, "has 1 nodes, not 4"),
        ({"window": 1, "connections": Connections(Term("tanh", 2), None, Term("tanh", 0), None)}, "further back"),
        ({"size": 0}, "at least 1, not 0"),
        ({"concat": (0, 9)}, "some of the nodes 1 to 4"),
    ],
)
def test_settings_that_are_refused(settings, message):
    with pytest.raises(InvalidSetting, match=message):
        supernet(**settings)


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (discretise_cell, (4, 5)),
        (discretise_cell, (3, 4)),
        (discretise_cell, (0, 5)),
        (discretise_cell, (5,)),
        (discretise_connections, (3, 2, 5)),
        (discretise_connections, (4, 0, 5)),
        (discretise_connections, (4, 5)),
    ],
)
def test_probabilities_of_another_shape_are_refused(function, shape):
    with pytest.raises(InvalidSetting, match=r"not \("):
        function(np.zeros(shape))
