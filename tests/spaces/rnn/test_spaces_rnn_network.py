"""Recurrent layers and language models: the cell of DARTS, the plain implementation, state, time, dropout."""

import importlib.util
import math
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="networks need torch")

from ganas.spaces.errors import InvalidSetting, NotSupported  # noqa: E402
from ganas.spaces.rnn.genotype import PLAIN, Connections, RecurrentCell, RecurrentGenotype, Term  # noqa: E402
from ganas.spaces.rnn.layer import Masks, RecurrentLayer, RecurrentState  # noqa: E402
from ganas.spaces.rnn.network import Dropouts, build_network  # noqa: E402
from ganas.spaces.rnn.published import PUBLISHED  # noqa: E402
from ganas.spaces.rnn.space import RNN, RNNENAS, RNNMini  # noqa: E402

NONE = Dropouts(output=0, h=0, x=0, inputs=0, words=0)
JOINT = Connections(Term("tanh", 2), Term("relu", 1), Term("sigmoid", 1), Term("identity", 2))
VARIED = [
    PLAIN,
    JOINT,
    Connections(Term("identity", 1), None, Term("identity", 0), Term("identity", 1)),
    Connections(Term("identity", 1), Term("identity", 2), Term("identity", 0), None),
    Connections(Term("identity", 2), None, Term("tanh", 0), Term("tanh", 1)),
    Connections(Term("relu", 1), Term("sigmoid", 2), Term("identity", 1), Term("sigmoid", 1)),
]


@pytest.fixture(scope="module")
def plain():
    """The plain implementation that the layers are measured beside."""
    path = Path(__file__).resolve().parents[3] / "perf" / "rnn.py"
    specification = importlib.util.spec_from_file_location("perf_rnn", path)
    module = importlib.util.module_from_spec(specification)
    sys.modules["perf_rnn"] = module
    specification.loader.exec_module(module)
    return module


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def layer_of(cell="DARTS_V2", connections=PLAIN, size=6, **settings):
    cell = PUBLISHED[cell] if isinstance(cell, str) else cell
    # Larger weights than the initial ones, so that nothing is close to linear.
    layer = RecurrentLayer(RecurrentGenotype(cell, connections), size, generator=seeded(1), **settings).double()
    with torch.no_grad():
        for weight in layer.parameters():
            weight.mul_(15)
    return layer


def text(steps=7, batch=3, size=6, seed=2):
    return torch.randn(steps, batch, size, generator=seeded(seed), dtype=torch.float64)


def official_cell(layer, x, h_prev, x_mask=None, h_mask=None):
    """One step of ``DARTSCell`` (rnn/model.py of quark0/darts) with the weights of a layer."""
    n = layer.size
    masked_x, masked_h = (x, h_prev) if x_mask is None else (x * x_mask, h_prev * h_mask)
    c0, h0 = torch.split(torch.cat([masked_x, masked_h], dim=-1).mm(layer.initial_weight), n, dim=-1)
    states = [h_prev + c0.sigmoid() * (h0.tanh() - h_prev)]
    for (name, pred), weight in zip(layer.genotype.cell.nodes, layer.node_weights, strict=True):
        s_prev = states[pred]
        c, h = torch.split((s_prev if h_mask is None else s_prev * h_mask).mm(weight), n, dim=-1)
        function = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid, "identity": lambda v: v}[name]
        states.append(s_prev + c.sigmoid() * (function(h) - s_prev))
    return torch.mean(torch.stack([states[i] for i in layer.genotype.cell.concat], -1), -1)


def official(layer, inputs, masks):
    hidden = torch.zeros_like(inputs[0])
    found = []
    for x in inputs:
        hidden = official_cell(layer, x, hidden, masks.x, masks.h)
        found.append(hidden)
    return torch.stack(found)


# --- the cell of DARTS -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["DARTS_V1", "DARTS_V2", "GDAS", "ENAS"])
@pytest.mark.parametrize("training", [True, False])
def test_plain_connections_give_the_cell_of_darts(name, training, plain):
    layer = layer_of(name, dropout_h=0.3, dropout_x=0.4, dropout_generator=seeded(3)).train(training)
    inputs = text()
    masks = layer.draw_masks(inputs)
    assert (masks.h is not None) == (masks.x is not None) == training
    expected = official(layer, inputs, masks)
    # The plain implementation to the bit; the layer adds the two parts of the first product up separately.
    assert torch.equal(plain.plain_layer(layer, inputs, masks), expected)
    assert torch.allclose(layer(inputs, masks=masks)[0], expected, rtol=0, atol=1e-12)


def test_parameters_of_the_paper():
    with torch.device("meta"):
        network = RNN().network(RNN().parse("DARTS_V2"))
    assert sum(weight.numel() for weight in network.parameters()) == 22_960_000


def test_the_formula_counts_the_parameters_of_the_network():
    for space in (RNN(), RNNMini(), RNNENAS()):
        for architecture in space.sample(5, rng=np.random.default_rng(0)):
            network = space.network(architecture, num_classes=11, hidden=5)
            assert sum(weight.numel() for weight in network.parameters()) == space.parameter_count(
                architecture, num_classes=11, hidden=5
            )


# --- the plain implementation ----------------------------------------------------------------------------------------


def compared(layer, plain, dtype, *, training=True):
    """Outputs and gradients of the layer and of the plain implementation."""
    layer = layer.to(dtype).train(training)
    inputs = text(9).to(dtype).requires_grad_()
    masks = layer.draw_masks(inputs)
    weights = torch.randn(9, 3, layer.size, generator=seeded(5), dtype=torch.float64).to(dtype)
    for run in (lambda: layer(inputs, masks=masks)[0], lambda: plain.plain_layer(layer, inputs, masks)):
        found = run()
        named = dict(layer.named_parameters())
        grads = torch.autograd.grad((found * weights).sum(), [inputs, *named.values()])
        yield [found, *grads]


@pytest.mark.parametrize("connections", VARIED)
@pytest.mark.parametrize("training", [True, False])
def test_the_layer_is_the_plain_implementation(connections, training, plain):
    for cell in ("DARTS_V2", "GDAS", "ENAS"):
        for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-5)):
            layer = layer_of(cell, connections, dropout_h=0.3, dropout_x=0.3, dropout_generator=seeded(3))
            fast, slow = compared(layer, plain, dtype, training=training)
            for one, other in zip(fast, slow, strict=True):
                assert torch.allclose(one, other, rtol=tolerance, atol=tolerance * max(1, other.abs().max().item()))


def test_random_architectures_are_the_plain_implementation(plain):
    for space in (RNN(), RNNMini(), RNNENAS()):
        for architecture in space.sample(8, rng=np.random.default_rng(1)):
            genotype = space.genotype(architecture)
            layer = layer_of(genotype.cell, genotype.connections, window=2, dropout_h=0.2, dropout_x=0.2)
            fast, slow = compared(layer, plain, torch.float64)
            for one, other in zip(fast, slow, strict=True):
                assert torch.allclose(one, other, rtol=1e-12, atol=1e-12 * max(1, other.abs().max().item()))


@pytest.mark.parametrize("connections", VARIED[:2])
def test_gradients_are_those_of_finite_differences(connections):
    cell = RecurrentCell((("tanh", 0), ("sigmoid", 0), ("identity", 1), ("tanh", 3)), (2, 4))
    layer = layer_of(cell, connections, size=3, window=2)
    inputs, hidden, before = text(3, 2, 3), text(2, 2, 3, seed=7), text(2, 2, 3, seed=8)
    masks = Masks(torch.tensor([[0.0, 2, 1], [1, 1, 2]]).double(), torch.tensor([[1.0, 2, 0], [2, 1, 1]]).double())
    parameters = {name: weight.detach() for name, weight in layer.named_parameters()}

    def run(inputs, hidden, before, *weights):
        state = RecurrentState(hidden, before)
        named = dict(zip(parameters, weights, strict=True))
        outputs, carried = torch.func.functional_call(layer, named, (inputs, state, masks))
        return outputs, carried.h, carried.x

    arguments = [value.requires_grad_() for value in (inputs, hidden, before, *parameters.values())]
    # A relu has a kink, and its difference quotient is off when a value is close to it: none is here.
    assert torch.autograd.gradcheck(run, arguments, eps=1e-7, atol=1e-6)


def test_a_second_derivative_is_refused():
    layer, inputs = layer_of(), text().requires_grad_()
    with pytest.raises(NotSupported, match="first derivatives alone"):
        torch.autograd.grad(layer(inputs)[0].sum(), inputs, create_graph=True)


def test_autocast_takes_products_in_its_precision():
    layer = layer_of(connections=JOINT, size=16).float().eval()
    inputs = text(size=16).float().requires_grad_()
    exact = layer(inputs)[0]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = layer(inputs)[0]
    assert found.dtype == torch.float32 and not torch.equal(found, exact)
    assert torch.allclose(found, exact, atol=0.05)
    found.sum().backward()
    assert all(weight.grad.dtype == torch.float32 for weight in layer.parameters())


# --- state and time --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("connections", VARIED)
@pytest.mark.parametrize("lengths", [(4, 3), (1, 1, 5), (1, 2, 1, 3), (6, 1)])
def test_segments_are_one_long_text(connections, lengths):
    network = build_network(
        *(RecurrentGenotype(PUBLISHED["DARTS_V2"], connections),),
        vocabulary=13,
        hidden=6,
        window=3,
        dropouts=NONE,
        generator=seeded(),
    )
    network.double().eval()
    tokens = torch.randint(13, (7, 3), generator=seeded())
    whole, end = network(tokens)
    state, parts = None, []
    for part in tokens.split(lengths):
        logits, state = network(part, state)
        parts.append(logits)
    assert torch.allclose(torch.cat(parts), whole, rtol=0, atol=1e-14)
    assert state.h.shape == state.x.shape == (3, 3, 6)
    assert torch.allclose(state.h, end.h, atol=1e-14) and torch.equal(state.x, end.x)
    assert not state.detached().h.requires_grad and state.h.requires_grad


@pytest.mark.parametrize("connections", VARIED)
def test_nothing_comes_from_the_future(connections):
    layer, inputs = layer_of(connections=connections).eval(), text(8)
    found = layer(inputs)[0]
    changed = inputs.clone()
    changed[5] += 1
    other = layer(changed)[0]
    # Parts of a product over all steps may round otherwise when other rows change.
    assert torch.allclose(found[:5], other[:5], rtol=0, atol=1e-14)
    assert not torch.allclose(found[5 + connections.x.lag], other[5 + connections.x.lag], atol=1e-6)


@pytest.mark.parametrize(("name", "lag"), [("x", 0), ("x", 1), ("x", 2), ("h_gate", 1), ("h_gate", 2), ("h_gate", 3)])
def test_an_input_is_read_as_far_back_as_its_edge_says(name, lag):
    # Hidden states that are read 9 steps back carry nothing on within these steps.
    connections = Connections(Term("tanh", 9), None, Term("identity", 8), None)
    layer = layer_of(connections=connections._replace(**{name: Term("tanh", lag)}), window=9).eval()
    before = RecurrentState(text(9, seed=4), text(9, seed=5))
    inputs = text(8)
    changed = inputs.clone()
    changed[2] += 1
    one, other = layer(inputs, before)[0], layer(changed, before)[0]
    differs = [not torch.allclose(a, b, rtol=0, atol=1e-12) for a, b in zip(one, other, strict=True)]
    assert differs == [step == 2 + lag for step in range(8)]


@pytest.mark.parametrize(("name", "lag"), [("h", 1), ("h", 2), ("h", 3), ("x_gate", 1), ("x_gate", 2), ("x_gate", 3)])
def test_a_hidden_state_is_read_as_far_back_as_its_edge_says(name, lag):
    connections = Connections(Term("identity", 4), None, Term("identity", 0), None)
    layer = layer_of(connections=connections._replace(**{name: Term("tanh", lag)}), window=4).eval()
    before = RecurrentState(text(4, seed=4), text(4, seed=5))
    for place in range(4):
        changed = before.h.clone()
        changed[place] += 1
        one, other = layer(text(1), before)[0], layer(text(1), RecurrentState(changed, before.x))[0]
        is_read = {4 - place} & ({lag} if name == "h" else {lag, 4})
        assert torch.allclose(one, other, rtol=0, atol=1e-12) == (not is_read)


# --- language model --------------------------------------------------------------------------------------------------


def model(**settings):
    genotype = RecurrentGenotype(PUBLISHED["DARTS_V2"], JOINT)
    return build_network(*(genotype,), **{"vocabulary": 20, "hidden": 8, "generator": seeded()} | settings)


def test_the_model_by_hand():
    network = model(dropouts=NONE).double().eval()
    tokens = torch.randint(20, (5, 3), generator=seeded())
    hidden = network.hidden(tokens)
    raw, state = network.layer(network.embedding[tokens])
    assert torch.equal(hidden.raw, raw) and torch.equal(hidden.dropped, raw) and torch.equal(hidden.state.h, state.h)
    logits = raw @ network.embedding.t() + network.decoder_bias
    assert torch.allclose(network(tokens)[0], logits, atol=1e-14)


def test_weights_are_drawn_as_in_darts():
    network = model(vocabulary=400, hidden=64)
    for name, weight in network.named_parameters():
        if name == "decoder_bias":
            assert not weight.any()
            continue
        assert weight.abs().max() <= 0.04
        # The deviation of U(-a, a) is a / sqrt(3); the fourth moment gives that of its estimate.
        error = 0.04 / math.sqrt(3) * math.sqrt(0.2 / weight.numel())
        assert abs(weight.std().item() - 0.04 / math.sqrt(3)) < 6 * error
        assert abs(weight.mean().item()) < 6 * 0.04 / math.sqrt(3 * weight.numel())


def test_a_generator_gives_the_weights_and_the_global_one_is_left_alone():
    before = torch.random.get_rng_state()
    first, again, other = (model(generator=seeded(seed)).state_dict() for seed in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not any(torch.equal(first[name], other[name]) for name in first if name != "decoder_bias")


def test_each_dropout_drops_what_it_says():
    tokens = torch.randint(20, (6, 4), generator=seeded())
    state = None

    def trained(**rates):
        network = model(
            dropouts=Dropouts(**{**dict.fromkeys(("output", "h", "x", "inputs", "words"), 0.0), **rates}),
            dropout_generator=seeded(9),
        )
        return network.train(), network.hidden(tokens, state)

    network, whole = trained()
    assert torch.equal(whole.raw, whole.dropped)
    network, hidden = trained(output=0.5)
    assert torch.equal(hidden.raw, whole.raw)
    share = hidden.dropped / hidden.raw
    assert torch.allclose(share, share[:1].expand_as(share), atol=1e-4)  # one mask for all steps
    assert set(share.round().unique().tolist()) == {0.0, 2.0}
    network, hidden = trained(words=0.5)
    dropped = (hidden.state.x == 0).all(dim=-1)
    assert dropped.any() and not dropped.all()
    last = tokens[-hidden.state.x.shape[0] :]
    by_word = {(word.item(), gone.item()) for word, gone in zip(last.flatten(), dropped.flatten(), strict=True)}
    assert len({word for word, _ in by_word}) == len(by_word)  # a word is dropped everywhere or nowhere
    network, hidden = trained(inputs=0.5)
    gone = hidden.state.x == 0
    assert gone.any() and not gone.all() and torch.equal(gone[0], gone[1])
    for rate in ("h", "x"):
        network, hidden = trained(**{rate: 0.5})
        assert not torch.equal(hidden.raw, whole.raw)
        assert torch.equal(network.eval()(tokens)[0], model(dropouts=NONE).eval()(tokens)[0])


def test_dropout_is_drawn_from_its_generator():
    tokens = torch.randint(20, (6, 4), generator=seeded())
    before = torch.random.get_rng_state()
    runs = [model(dropout_generator=seeded(seed)).train()(tokens)[0] for seed in (1, 1, 2)]
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(runs[0], runs[1]) and not torch.equal(runs[0], runs[2])


def test_a_model_learns_a_repeating_text():
    network = model(vocabulary=5, hidden=16, dropouts=NONE).train()
    tokens = torch.arange(21)[:, None].expand(-1, 2) % 5
    weights = list(network.parameters())
    losses = []
    for _ in range(100):
        logits, _ = network(tokens[:-1])
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[1:].flatten())
        with torch.no_grad():
            for weight, grad in zip(weights, torch.autograd.grad(loss, weights), strict=True):
                weight -= 0.01 * grad.sign()
        losses.append(loss.item())
    assert abs(losses[0] - math.log(5)) < 0.1 and losses[-1] < 0.1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: model(hidden=0), "hidden state must be at least 1, not 0"),
        (lambda: model(vocabulary=0), "at least 1 word, not 0"),
        (lambda: model(window=1), "reads 2 steps back, and the window is 1"),
        (lambda: Dropouts(h=1.0), "from 0 to below 1, not 1.0"),
        (lambda: Dropouts(words=-0.1), "from 0 to below 1, not -0.1"),
        (lambda: layer_of()(text(size=5)), r"must be \(steps, batch, 6\), not \(7, 3, 5\)"),
        (lambda: layer_of()(text(0)), r"not \(0, 3, 6\)"),
    ],
)
def test_settings_that_are_refused(call, message):
    with pytest.raises(InvalidSetting, match=message):
        call()
