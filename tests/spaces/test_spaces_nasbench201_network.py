import importlib.resources
import itertools
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from ganas.spaces.errors import InvalidArchitecture, InvalidSetting, MissingDependency
from ganas.spaces.nasbench201.network import ReductionBlock, build_network
from ganas.spaces.nasbench201.space import EDGE_OPERATIONS, EDGES, NASBench201

SPACE = NASBench201()
NONE, SKIP, CONV1, CONV3, POOL = range(5)


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def images(batch=2, height=16, width=16, seed=0):
    return torch.randn(batch, 3, height, width, generator=seeded(seed))


def num_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


# --- parameters ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "num_classes"), [("cifar10", 10), ("cifar100", 100), ("imagenet16", 120)], ids=lambda value: str(value)
)
def test_closed_formula_equals_the_second_trial_of_every_entry(table, num_classes):
    from pyarrow import parquet

    file = importlib.resources.files("ganas.data") / "tables" / f"nasbench201-{table}.parquet"
    with importlib.resources.as_file(file) as path:
        columns = parquet.read_table(path, columns=["identity_key", "source_model_size_1"])
    assert columns["identity_key"].to_pylist() == list(range(15_625))
    measured = columns["source_model_size_1"].to_numpy() * 1e6
    formula = [SPACE.parameter_count(cell, num_classes=num_classes) for cell in SPACE.enumerate()]
    assert len(measured) == len(formula) == 15_625
    # The source keeps millions in binary fractions: a count comes back within a thousandth.
    assert np.abs(measured - np.array(formula)).max() < 1e-3
    assert len(set(formula)) > 20


def network_genotypes():
    """The cell of nothing, every operation alone on every edge, and cells drawn at random: 204 in all."""
    alone = [
        tuple(operation if edge == changed else NONE for edge in range(6))
        for changed in range(6)
        for operation in range(1, 5)
    ]
    drawn = np.random.default_rng(7).integers(5, size=(179, 6)).tolist()
    return [(NONE,) * 6, *alone, *map(tuple, drawn)]


def test_built_networks_have_as_many_parameters_as_the_formula_says():
    genotypes = network_genotypes()
    assert len(set(genotypes)) >= 200
    assert {(edge, cell[edge]) for cell in genotypes for edge in range(6)} == set(itertools.product(range(6), range(5)))
    for number, genotype in enumerate(genotypes):
        num_classes = (10, 100, 120)[number % 3]
        network = build_network(genotype, num_classes=num_classes)
        expected = SPACE.parameter_count(SPACE.decode(genotype), num_classes=num_classes)
        assert num_parameters(network) == expected, genotype


def test_smallest_and_largest_network_have_the_published_sizes():
    # 0.073306 and 1.531546 million: the extremes of the benchmark on CIFAR-10.
    assert num_parameters(build_network((NONE,) * 6)) == 73_306
    assert num_parameters(build_network((CONV3,) * 6)) == 1_531_546


def test_space_builds_the_network_of_the_benchmark():
    cell = SPACE.decode((3, 0, 1, 4, 0, 2))
    assert num_parameters(SPACE.network(cell, num_classes=100)) == SPACE.parameter_count(cell, num_classes=100)


# --- forward ------------------------------------------------------------------------------------------------------


def reference_logits(network, genotype, batch, *, cells_per_stage):
    """The network in evaluation mode, edge by edge with nothing left out; only the weights are the network's."""
    weights = {**dict(network.named_parameters()), **dict(network.named_buffers())}

    def normalise(x, name):
        mean, variance = weights[f"{name}.running_mean"], weights[f"{name}.running_var"]
        scale, shift = weights[f"{name}.weight"], weights[f"{name}.bias"]
        columns = [vector.reshape(1, -1, 1, 1) for vector in (mean, variance, scale, shift)]
        return (x - columns[0]) / torch.sqrt(columns[1] + 1e-5) * columns[2] + columns[3]

    def convolve(x, name, stride=1):
        kernel = weights[f"{name}.1.weight"]
        x = functional.conv2d(x.clamp(min=0), kernel, stride=stride, padding=kernel.shape[-1] // 2)
        return normalise(x, f"{name}.2")

    def average(x):
        windows = functional.unfold(x.reshape(-1, 1, *x.shape[2:]), 3, padding=1)
        inside = functional.unfold(torch.ones(1, 1, *x.shape[2:]), 3, padding=1)
        return (windows.sum(dim=1) / inside.sum(dim=1)).reshape(x.shape)

    def apply_cell(x, name):
        feature_maps = [x]
        for target in (1, 2, 3):
            total = torch.zeros_like(x)
            for source in range(target):
                operation = EDGE_OPERATIONS[genotype[EDGES.index((source, target))]]
                term = feature_maps[source]
                if operation == "none":
                    term = term * 0
                elif operation == "avg_pool_3x3":
                    term = average(term)
                elif operation != "skip_connect":
                    term = convolve(term, f"{name}.edges.{source}_{target}")
                total = total + term
            feature_maps.append(total)
        return feature_maps[3]

    x = normalise(functional.conv2d(batch, weights["features.0.weight"], padding=1), "features.1")
    layer = 2
    for stage in range(3):
        if stage:
            name = f"features.{layer}"
            shortcut = (x[:, :, ::2, ::2] + x[:, :, 1::2, ::2] + x[:, :, ::2, 1::2] + x[:, :, 1::2, 1::2]) / 4
            shortcut = torch.einsum("oi,bihw->bohw", weights[f"{name}.shortcut.1.weight"][:, :, 0, 0], shortcut)
            x = convolve(convolve(x, f"{name}.convolutions.0", stride=2), f"{name}.convolutions.1") + shortcut
            layer += 1
        for _ in range(cells_per_stage):
            x = apply_cell(x, f"features.{layer}")
            layer += 1
    x = normalise(x, f"features.{layer}").clamp(min=0).sum(dim=(2, 3)) / (x.shape[2] * x.shape[3])
    return x @ weights["classifier.weight"].T + weights["classifier.bias"]


@pytest.mark.parametrize(
    "genotype",
    [
        (CONV3, POOL, CONV1, SKIP, NONE, CONV3),
        (NONE, SKIP, CONV3, CONV1, POOL, NONE),  # feature map 1 is zero and convolved, feature map 2 is never read
        (NONE, POOL, CONV1, NONE, CONV3, SKIP),  # feature map 1 is zero, and convolutions of it reach the output
        (NONE, NONE, POOL, NONE, SKIP, POOL),  # zero at the output
        (POOL, CONV1, NONE, POOL, CONV3, SKIP),
    ],
    ids=str,
)
def test_forward_equals_a_slow_reference(genotype):
    network = build_network(genotype, num_classes=7, channels=4, cells_per_stage=2, generator=seeded(3))
    random = seeded(4)
    with torch.no_grad():
        # Normalisations that change nothing would hide a wrong one.
        for name, tensor in itertools.chain(network.named_parameters(), network.named_buffers()):
            if tensor.dim() == 1:
                tensor.copy_(torch.rand(tensor.shape, generator=random) + (0.5 if "var" in name else -0.3))
        network.eval()
        network.double()
        batch = images(batch=3, height=8, width=12).double()
        torch.set_default_dtype(torch.float64)
        try:
            expected = reference_logits(network, genotype, batch, cells_per_stage=2)
        finally:
            torch.set_default_dtype(torch.float32)
        torch.testing.assert_close(network(batch), expected, rtol=1e-9, atol=1e-9)
        assert expected.std() > 0


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("size", [(8, 8), (16, 16), (32, 32), (28, 20), (9, 15)], ids=str)
def test_logits_have_one_row_an_image(size, training):
    network = build_network((3, 4, 2, 1, 0, 3), num_classes=12, channels=4, cells_per_stage=1).train(training)
    logits = network(images(2, *size))
    assert logits.shape == (2, 12)
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("training", [True, False])
def test_cell_of_nothing_gives_finite_logits(training):
    network = build_network((NONE,) * 6, channels=4).train(training)
    logits = network(images())
    assert torch.isfinite(logits).all()
    assert torch.equal(logits[0], logits[1])  # nothing of an image gets through


def test_convolution_of_zeros_passes_on_its_shift():
    # Batch normalisation maps zeros to its shift, so a convolution of a zero feature map is not nothing.
    network = build_network((NONE, NONE, NONE, NONE, CONV1, NONE), channels=4, cells_per_stage=1).eval()
    before = network(images())
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if ".edges." in name and name.endswith("2.bias"):
                parameter.fill_(1.0)
    assert not torch.allclose(before, network(images()))


def test_gradients_reach_every_weight_of_a_live_cell():
    network = build_network((CONV3, CONV1, CONV3, SKIP, CONV1, CONV3), channels=4, cells_per_stage=2)
    functional.cross_entropy(network(images(4)), torch.tensor([0, 1, 2, 3])).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_a_few_steps_reduce_the_loss():
    network = build_network((CONV3, NONE, SKIP, SKIP, NONE, CONV1), channels=4, cells_per_stage=1, generator=seeded(0))
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    batch, labels = images(16), torch.arange(16) % 10
    losses = []
    for _ in range(15):
        loss = functional.cross_entropy(network(batch), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("channels", [3, 16])
def test_reduction_halves_the_size_and_doubles_the_channels(channels):
    assert ReductionBlock(channels, 2 * channels)(torch.randn(2, channels, 8, 6)).shape == (2, 2 * channels, 4, 3)


# --- weights ------------------------------------------------------------------------------------------------------


def state(generator, **settings):
    return build_network((3, 1, 2, 4, 0, 3), channels=4, generator=generator, **settings).state_dict()


def test_same_seed_same_weights_and_another_seed_others():
    first, again, other = state(seeded(5)), state(seeded(5)), state(seeded(6))
    assert first.keys() == again.keys()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["classifier.weight"], other["classifier.weight"])
    assert not torch.equal(first["features.0.weight"], other["features.0.weight"])


def test_a_given_generator_is_the_only_source_of_weights():
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first = state(seeded(5))
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(state(seeded(5))["features.0.weight"], first["features.0.weight"])


def test_without_a_generator_the_global_seed_decides():
    torch.manual_seed(1)
    first = state(None)
    torch.manual_seed(1)
    assert torch.equal(state(None)["features.0.weight"], first["features.0.weight"])


def test_given_generator_draws_from_the_distributions_of_torch():
    torch.manual_seed(0)
    usual = build_network((CONV3,) * 6, cells_per_stage=2)
    drawn = build_network((CONV3,) * 6, cells_per_stage=2, generator=seeded(0))
    for (name, one), other in zip(usual.state_dict().items(), drawn.state_dict().values(), strict=True):
        if one.dim() < 2:
            # Biases of the classifier aside, vectors start as constants.
            assert torch.equal(one, other) or name == "classifier.bias"
            continue
        bound = one[0].numel() ** -0.5
        assert other.abs().max() <= bound
        assert other.abs().max() > 0.9 * bound
        torch.testing.assert_close(other.std(), one.std(), rtol=0.15, atol=0.0)


# --- errors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("genotype", [(), (0,) * 5, (0,) * 7, (0, 0, 0, 0, 0, 5), (-1, 0, 0, 0, 0, 0)], ids=str)
def test_invalid_genotype_is_refused(genotype):
    with pytest.raises(InvalidArchitecture, match="six operation numbers"):
        build_network(genotype)


@pytest.mark.parametrize("setting", ["num_classes", "channels", "cells_per_stage"])
def test_counts_below_one_are_refused(setting):
    counts: dict[str, Any] = {setting: 0}
    with pytest.raises(InvalidSetting, match=f"{setting} must be at least 1, not 0"):
        build_network((0,) * 6, **counts)


def test_missing_torch_is_one_line_with_the_command():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from ganas.spaces.errors import MissingDependency\n"
        "from ganas.spaces.nasbench201.space import NASBench201\n"
        "space = NASBench201()\n"
        "try:\n    space.network(space.decode((0,) * 6))\n"
        "except MissingDependency as error:\n    print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "building networks needs torch: pip install 'ganas[torch]'"
    assert issubclass(MissingDependency, ImportError)
