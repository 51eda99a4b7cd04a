"""Networks of NATS-Bench size: parameters and arithmetic of the official records, forward, weights, errors."""

import itertools
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="networks need torch")

from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from ganas.spaces.errors import InvalidArchitecture, InvalidSetting  # noqa: E402
from ganas.spaces.nasbench201.network import Cell, ReductionBlock, build_cell_network  # noqa: E402
from ganas.spaces.natsbench_size.network import build_network  # noqa: E402
from ganas.spaces.natsbench_size.space import CHANNELS, NATSBenchSize  # noqa: E402

SPACE = NATSBenchSize()
NONE, SKIP, CONV1, CONV3, POOL = range(5)

# Channels, classes, image size, parameters and multiply-adds of official records (NATS-sss-v1_0-50262, indices 0, 11
# and 284: params and flop, which are in millions; CIFAR-10, CIFAR-100, ImageNet16-120).
RECORDS = [
    ("8:8:8:8:8", 10, 32, 11_714, 4_481_114),
    ("8:8:8:8:8", 100, 32, 12_524, 4_481_924),
    ("8:8:8:8:8", 120, 16, 12_704, 1_121_336),
    ("8:8:8:16:32", 10, 32, 49_202, 6_840_650),
    ("8:8:8:16:32", 100, 32, 52_172, 6_843_620),
    ("8:8:8:16:32", 120, 16, 52_832, 1_714_040),
    ("8:8:40:32:40", 10, 32, 144_834, 21_827_994),
    ("8:8:40:32:40", 100, 32, 148_524, 21_831_684),
    ("8:8:40:32:40", 120, 16, 149_344, 5_461_816),
]


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def images(batch=2, height=16, width=16, seed=0):
    return torch.randn(batch, 3, height, width, generator=seeded(seed))


def num_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def num_multiply_adds(network, size):
    """Of convolutions and of the classifier with its biases, for one image."""
    total = 0

    def add(module, inputs, output):
        nonlocal total
        weights = module.weight.numel() + (0 if module.bias is None else module.bias.numel())
        total += weights * (output.shape[2] * output.shape[3] if output.dim() == 4 else 1)

    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(add)
    network.eval()(images(1, size, size))
    return total


# --- parameters ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "num_classes", "size", "parameters", "multiply_adds"), RECORDS)
def test_networks_are_as_large_as_the_official_records_say(text, num_classes, size, parameters, multiply_adds):
    network = SPACE.network(SPACE.parse(text), num_classes=num_classes)
    assert num_parameters(network) == parameters
    # The arithmetic also says at which layers height and width are halved, and what the projections are.
    assert num_multiply_adds(network, size) == multiply_adds


def test_built_networks_have_as_many_parameters_as_the_formula_says():
    corners = list(itertools.product((8, 64), repeat=5))
    drawn = np.random.default_rng(7).choice(CHANNELS, size=(40, 5)).tolist()
    for number, channels in enumerate([*corners, *drawn]):
        num_classes = (10, 100, 120)[number % 3]
        architecture = SPACE.parse(":".join(map(str, channels)))
        with torch.device("meta"):
            network = build_network(channels, num_classes=num_classes)
        assert num_parameters(network) == SPACE.parameter_count(architecture, num_classes=num_classes), channels


# --- forward ------------------------------------------------------------------------------------------------------


def shake(module):
    """Give normalisations something to do: one that changes nothing would hide a wrong one."""
    random = seeded(4)
    with torch.no_grad():
        for name, tensor in itertools.chain(module.named_parameters(), module.named_buffers()):
            if tensor.dim() == 1:
                tensor.copy_(torch.rand(tensor.shape, generator=random) + (0.5 if "var" in name else -0.3))
    return module.eval().double()


def normalised(x, module):
    """Batch normalisation in evaluation mode."""
    mean, variance, scale, shift = (
        vector.reshape(1, -1, 1, 1) for vector in (module.running_mean, module.running_var, module.weight, module.bias)
    )
    return (x - mean) / torch.sqrt(variance + 1e-5) * scale + shift


def convolved(x, block, stride=1):
    """ReLU, convolution, normalisation."""
    _, convolution, normalisation = block
    kernel = convolution.weight
    x = functional.conv2d(x.clamp(min=0), kernel, stride=stride, padding=kernel.shape[-1] // 2)
    return normalised(x, normalisation)


def projected(x, block):
    """Convolution of kernel 1, normalisation; no ReLU."""
    convolution, normalisation = block
    return normalised(torch.einsum("oi,bihw->bohw", convolution.weight[:, :, 0, 0], x), normalisation)


def reduced(x, block):
    shortcut = (x[:, :, ::2, ::2] + x[:, :, 1::2, ::2] + x[:, :, ::2, 1::2] + x[:, :, 1::2, 1::2]) / 4
    shortcut = torch.einsum("oi,bihw->bohw", block.shortcut[1].weight[:, :, 0, 0], shortcut)
    first, second = block.convolutions
    return convolved(convolved(x, first, stride=2), second) + shortcut


def best_cell(x, cell, is_projected):
    one = convolved(x, cell.edges["0_1"])
    two = convolved(x, cell.edges["0_2"]) + convolved(one, cell.edges["1_2"])
    skipped = projected(x, cell.edges["0_3"]) if is_projected else x
    return skipped + convolved(one, cell.edges["1_3"]) + convolved(two, cell.edges["2_3"])


@pytest.mark.parametrize("channels", [(4, 6, 5, 5, 3), (3, 3, 3, 4, 7), (5, 2, 2, 3, 3)], ids=str)
def test_forward_equals_a_slow_reference(channels):
    network = shake(build_network(channels, num_classes=7, generator=seeded(3)))
    batch = images(3, 8, 12).double()
    stem, normalisation, *layers, last, _ = network.features
    with torch.no_grad():
        x = normalised(functional.conv2d(batch, stem.weight, padding=1), normalisation)
        x = best_cell(x, layers[0], False)
        x = reduced(x, layers[1])
        x = best_cell(x, layers[2], channels[1] != channels[2])
        x = reduced(x, layers[3])
        x = best_cell(x, layers[4], channels[3] != channels[4])
        x = normalised(x, last).clamp(min=0).sum(dim=(2, 3)) / 6
        expected = x @ network.classifier.weight.T + network.classifier.bias
        torch.testing.assert_close(network(batch), expected, rtol=1e-9, atol=1e-9)
    assert expected.std() > 0


def test_cell_projects_what_leaves_its_input():
    cell = shake(Cell((POOL, SKIP, CONV1, NONE, POOL, SKIP), inputs=3, outputs=5))
    x = torch.randn(2, 3, 6, 4, generator=seeded(1)).double()
    with torch.no_grad():
        before, pool = cell.edges["0_1"]
        one = pool(convolved(x, before))
        two = projected(x, cell.edges["0_2"]) + convolved(one, cell.edges["1_2"])
        torch.testing.assert_close(cell(x), pool(one) + two, rtol=1e-9, atol=1e-9)
    assert set(cell.edges) == {"0_1", "0_2", "1_2", "1_3"}


def test_zeros_in_a_cell_have_its_outputs():
    x = torch.randn(2, 3, 6, 4, generator=seeded(1)).double()
    # Feature map 1 is zero, and its convolution is the shift of a normalisation.
    cell = shake(Cell((NONE, NONE, NONE, NONE, CONV3, NONE), inputs=3, outputs=5))
    expected = convolved(torch.zeros(2, 5, 6, 4).double(), cell.edges["1_3"])
    torch.testing.assert_close(cell(x), expected, rtol=1e-9, atol=1e-9)
    assert torch.equal(Cell((NONE,) * 6, 3, 5)(x), torch.zeros(2, 5, 6, 4).double())


def test_reduction_gives_any_number_of_channels():
    assert ReductionBlock(5, 3)(torch.randn(2, 5, 8, 6)).shape == (2, 3, 4, 3)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("size", [(8, 8), (32, 32), (9, 15)], ids=str)
def test_logits_have_one_row_an_image(size, training):
    network = build_network((8, 16, 8, 24, 8), num_classes=12).train(training)
    logits = network(images(2, *size))
    assert logits.shape == (2, 12)
    assert torch.isfinite(logits).all()


def test_gradients_reach_every_weight():
    network = build_network((8, 16, 8, 8, 24))
    functional.cross_entropy(network(images(4)), torch.tensor([0, 1, 2, 3])).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_a_few_steps_reduce_the_loss():
    network = build_network((8, 8, 16, 16, 8), generator=seeded(0))
    optimiser = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)
    batch, labels = images(16), torch.arange(16) % 10
    losses = []
    for _ in range(30):
        loss = functional.cross_entropy(network(batch), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


# --- weights and errors -------------------------------------------------------------------------------------------


def test_a_given_generator_decides_the_weights_alone():
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first, again, other = (build_network((8, 8, 16, 8, 24), generator=seeded(seed)).state_dict() for seed in (5, 5, 6))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["classifier.weight"], other["classifier.weight"])
    # The projection in the skip is drawn too.
    assert not torch.equal(first["features.4.edges.0_3.0.weight"], other["features.4.edges.0_3.0.weight"])


@pytest.mark.parametrize(
    ("channels", "num_classes", "message"),
    [
        ((8,) * 4, 10, "channels must be 5 counts, one for each layer, not 4"),
        ((8,) * 8, 10, "channels must be 5 counts, one for each layer, not 8"),
        ((8, 8, 0, 8, 8), 10, "a channel count must be at least 1, not 0"),
        ((8,) * 5, 0, "num_classes must be at least 1, not 0"),
    ],
)
def test_wrong_counts_are_refused(channels, num_classes, message):
    with pytest.raises(InvalidSetting, match=message):
        build_network(channels, num_classes=num_classes)


@pytest.mark.parametrize("count", [0, 2, 4, 6, 7])
def test_networks_of_cells_have_equal_stages(count):
    with pytest.raises(InvalidSetting, match=f"3 n \\+ 2 entries for n cells a stage, 5 or more, not {count}"):
        build_cell_network((CONV3,) * 6, (8,) * count)
    with pytest.raises(InvalidArchitecture, match="six operation numbers"):
        build_cell_network((CONV3,) * 5, (8,) * 5)


def test_missing_torch_is_one_line_with_the_command():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from ganas.spaces.errors import MissingDependency\n"
        "from ganas.spaces.natsbench_size.space import NATSBenchSize\n"
        "space = NATSBenchSize()\n"
        "try:\n    space.network(space.decode((0,) * 5))\n"
        "except MissingDependency as error:\n    print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "building networks needs torch: pip install 'ganas[torch]'"
