"""The generator: everything it draws is valid, and its probabilities and entropies are exact."""

import numpy as np
import pytest
import torch
from torch import nn

from ganas.adversarial.generator import Generator
from ganas.adversarial.policy_gradient import MaximumLikelihood
from ganas.adversarial.replay import replay
from ganas.spaces.building import rebuild
from ganas.spaces.errors import InvalidSetting

ENCODERS = ("kgnn", "lstm")


def small(space, seeded, *, encoder="kgnn", seed=1):
    return Generator(space, hidden=16, layers=3, encoder=encoder, generator=seeded(seed))


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("epsilon", [0.0, 0.1])
def test_everything_drawn_is_of_the_space(space, seeded, shaken, encoder, epsilon):
    samples = shaken(small(space, seeded, encoder=encoder)).sample(300, generator=seeded(2), epsilon=epsilon)
    assert len(samples) == 300
    for architecture in samples.architectures:
        space.check(architecture)
    assert rebuild(space, samples.sequences) == samples.architectures


@pytest.mark.parametrize("name", ["nasbench101", "nasbench201"])
@pytest.mark.parametrize("noise", [0.0, 0.4])
def test_ten_thousand_samples_are_all_valid(spaces, seeded, shaken, name, noise):
    """Acceptance test 1 of GA-NAS."""
    space = spaces[name]
    generator = shaken(Generator(space, generator=seeded(0)), scale=noise)
    drawing = seeded(1)
    for _ in range(10):
        samples = generator.sample(1000, generator=drawing, epsilon=0.02)
        for architecture in samples.architectures:
            space.check(architecture)
        again = generator.evaluate(samples.sequences, epsilon=0.02).log_probability.detach().numpy()
        assert np.abs(again - samples.log_probabilities).max() < 1e-5


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize(("epsilon", "temperature"), [(0.0, 1.0), (0.1, 1.0), (0.0, 0.5), (0.3, 2.0)])
def test_teacher_forcing_gives_the_probability_of_the_sample(space, seeded, shaken, encoder, epsilon, temperature):
    generator = shaken(small(space, seeded, encoder=encoder))
    samples = generator.sample(200, generator=seeded(2), epsilon=epsilon, temperature=temperature)
    values = generator.evaluate(samples.sequences, epsilon=epsilon, temperature=temperature)
    assert np.abs(values.log_probability.detach().numpy() - samples.log_probabilities).max() < 1e-5
    by_decision = values.decision_log_probability.detach().numpy()
    assert np.abs(by_decision - samples.decision_log_probabilities).max() < 1e-5
    again = generator.log_probability(samples.sequences, epsilon=epsilon, temperature=temperature)
    assert torch.equal(again, values.log_probability)


@pytest.mark.parametrize("name", ["nasbench101", "nasbench201"])
def test_it_still_does_with_trained_weights(spaces, seeded, name):
    space = spaces[name]
    generator = small(space, seeded)
    truth = space.building_sequences(space.sample(3, rng=np.random.default_rng(0)))
    drawing = seeded(1)
    method = MaximumLikelihood(generator, steps=60, learning_rate=1e-2)
    before = generator.log_probability(truth).mean().item()
    method.update(generator, generator.sample(4, generator=drawing), np.zeros(4), truth, rng=drawing)
    assert generator.log_probability(truth).mean().item() > before + 2, "the weights are hardly trained"
    samples = generator.sample(300, generator=drawing)
    again = generator.log_probability(samples.sequences).detach().numpy()
    assert np.abs(again - samples.log_probabilities).max() < 1e-5


def slow_log_probabilities(generator, sequence):
    """One sequence, decision by decision, with torch's own GRU cell: no batch, no prefix shared, no mixture."""
    space = generator.space
    hidden = generator.encoder.hidden
    cell = nn.GRUCell(3 * hidden, hidden, device="meta").to_empty(device="cpu")
    with torch.no_grad():
        cell.weight_ih.copy_(generator.edge_input.weight)
        cell.bias_ih.copy_(generator.edge_input.bias)
        cell.weight_hh.copy_(generator.edge_state.weight)
        cell.bias_hh.copy_(generator.edge_state.bias)
    builder = space.builder(1)
    values, entropies = [], []
    node, memory, bit = None, None, 2
    for decision, choice in zip(space.decisions, sequence, strict=True):
        if decision.node != node:
            node, memory, bit = decision.node, None, 2
            labels = torch.from_numpy(builder.operation_ids.copy())
            nodes, graph = generator.encoder(labels, torch.from_numpy(builder.adjacency.copy()))
        if decision.kind == "operation":
            logits = generator.operation_head(torch.cat([graph, generator.node(torch.tensor([node]))], dim=1))[0]
        else:
            operation = generator.operation(torch.tensor([int(builder.operation_ids[0, node]) + 1]))
            if memory is None:
                memory = torch.tanh(generator.edge_start(torch.cat([graph, operation], dim=1)))
            inputs = [nodes[:, decision.source], operation, generator.bit(torch.tensor([bit]))]
            memory = cell(torch.cat(inputs, dim=1), memory)
            logits = torch.cat([torch.zeros(1), generator.edge_head(memory)[0]])
            bit = int(choice)
        legal = torch.from_numpy(builder.mask()[0])
        distribution = torch.distributions.Categorical(logits=logits[legal])
        values.append(distribution.log_prob(legal[: int(choice)].sum()).item())
        entropies.append(distribution.entropy().item())
        builder.apply(np.array([choice]))
    return values, entropies


@pytest.mark.parametrize("encoder", ENCODERS)
def test_values_equal_a_plain_computation_decision_by_decision(space, seeded, shaken, encoder):
    generator = shaken(small(space, seeded, encoder=encoder))
    samples = generator.sample(6, generator=seeded(2))
    values = generator.evaluate(samples.sequences)
    for row, sequence in enumerate(samples.sequences):
        log_probabilities, entropies = slow_log_probabilities(generator, sequence)
        assert values.decision_log_probability[row].tolist() == pytest.approx(log_probabilities, abs=1e-5)
        assert values.decision_entropy[row].tolist() == pytest.approx(entropies, abs=1e-5)
        assert values.entropy[row].item() == pytest.approx(sum(entropies), abs=1e-5)


@pytest.mark.parametrize("name", ["nasbench201", "chain", "wiring"])
@pytest.mark.parametrize("epsilon", [0.0, 0.2])
def test_probabilities_of_a_whole_space_sum_to_one_and_entropy_is_exact(spaces, seeded, shaken, name, epsilon):
    space = spaces[name]
    generator = shaken(small(space, seeded), scale=0.2)
    with torch.no_grad():
        values = generator.evaluate(space.building_sequences(list(space.enumerate())), epsilon=epsilon)
    log_probability = values.log_probability.double()
    probability = log_probability.exp()
    assert probability.sum().item() == pytest.approx(1, abs=1e-5)
    entropy = -(probability * log_probability).sum().item()
    assert 0.2 < entropy < 0.98 * np.log(space.size), "neither uniform nor settled, or the test says little"
    assert (probability * values.entropy).sum().item() == pytest.approx(entropy, abs=1e-4)


@pytest.mark.parametrize("name", ["chain", "wiring"])
def test_samples_have_the_frequencies_of_their_probabilities(spaces, seeded, shaken, name):
    space = spaces[name]
    generator = shaken(small(space, seeded), scale=0.2)
    members = list(space.enumerate())
    expected = generator.log_probability(space.building_sequences(members)).exp().detach().numpy()
    number = {member: index for index, member in enumerate(members)}
    drawn = generator.sample(20_000, generator=seeded(3)).architectures
    counts = np.bincount([number[architecture] for architecture in drawn], minlength=len(members))
    spread = np.sqrt(20_000 * expected * (1 - expected)) + 1
    assert np.abs((counts - 20_000 * expected) / spread).max() < 5


def test_forced_choices_have_probability_one(space, seeded, shaken):
    generator = shaken(small(space, seeded))
    samples = generator.sample(100, generator=seeded(2), epsilon=0.1)
    values = generator.evaluate(samples.sequences, epsilon=0.1)
    builder = space.builder(100)
    for column in range(len(space.decisions)):
        forced = builder.mask().sum(axis=1) == 1
        assert (samples.decision_log_probabilities[forced, column] == 0).all()
        assert (values.decision_log_probability[forced, column] == 0).all()
        assert (values.decision_entropy[forced, column] == 0).all()
        assert (samples.decision_log_probabilities[~forced, column] < 0).all()
        builder.apply(samples.sequences[:, column])


def test_epsilon_is_a_floor(space, seeded, shaken):
    generator = shaken(small(space, seeded), scale=3.0)
    sequences = space.building_sequences(space.sample(100, rng=np.random.default_rng(0)))
    builder = space.builder(100)
    floor = np.zeros(sequences.shape)
    for column in range(len(space.decisions)):
        floor[:, column] = 0.05 / builder.mask().sum(axis=1)
        builder.apply(sequences[:, column])
    mixed = generator.evaluate(sequences, epsilon=0.05).decision_log_probability.exp().detach().numpy()
    plain = generator.evaluate(sequences).decision_log_probability.exp().detach().numpy()
    assert (mixed >= floor * (1 - 1e-5)).all()
    assert (plain < floor).any(), "without the floor some choice is out of reach"
    forced = np.isclose(floor, 0.05)
    assert np.allclose(mixed, np.where(forced, 1, 0.95 * plain + floor), atol=1e-5)


def test_a_low_temperature_is_nearly_greedy(spaces, seeded, shaken):
    generator = shaken(small(spaces["nasbench101"], seeded))
    cold = generator.sample(50, generator=seeded(2), temperature=1e-4)
    assert len({tuple(sequence) for sequence in cold.sequences.tolist()}) == 1
    assert len({tuple(s) for s in generator.sample(50, generator=seeded(2)).sequences.tolist()}) > 5


def test_gradients_reach_every_weight_that_the_space_uses(space, seeded):
    generator = small(space, seeded)
    sequences = generator.sample(100, generator=seeded(2)).sequences
    values = generator.evaluate(sequences, epsilon=0.1)
    (values.log_probability.sum() + values.entropy.sum()).backward()
    kinds = {decision.kind for decision in space.decisions}
    unused = {
        *(() if "operation" in kinds else ("operation_head", "node.")),
        *(() if "edge" in kinds else ("edge_", "operation.", "bit.")),
    }
    for name, weight in generator.named_parameters():
        used = not name.startswith(tuple(unused))
        assert (weight.grad is not None and bool(weight.grad.abs().sum() > 0)) == used, name
        assert weight.grad is None or torch.isfinite(weight.grad).all(), name


def test_gradients_are_those_of_finite_differences(spaces, seeded, shaken):
    generator = shaken(small(spaces["nasbench101"], seeded)).double()
    known = replay(generator.space, generator.sample(20, generator=seeded(2)).sequences)
    weight = generator.edge_state.weight

    def total():
        values = generator.evaluate(known, epsilon=0.1)
        return values.log_probability.sum() + values.entropy.sum()

    total().backward()
    for place in [(0, 0), (20, 3), (40, 7)]:
        with torch.no_grad():
            weight[place] += 1e-5
            high = total().item()
            weight[place] -= 2e-5
            low = total().item()
            weight[place] += 1e-5
        assert weight.grad[place].item() == pytest.approx((high - low) / 2e-5, rel=1e-4, abs=1e-6)


def test_a_selection_scores_as_the_whole(space, seeded, shaken):
    generator = shaken(small(space, seeded))
    samples = generator.sample(80, generator=seeded(2))
    known = replay(space, samples.sequences)
    rows = np.array([5, 79, 5, 0])
    whole, part = generator.evaluate(known), generator.evaluate(known.select(rows))
    assert torch.allclose(part.decision_log_probability, whole.decision_log_probability[rows], atol=1e-5)
    assert torch.allclose(part.decision_entropy, whole.decision_entropy[rows], atol=1e-5)


def test_the_seed_decides_weights_and_samples(space, seeded):
    first, again, other = (small(space, seeded, seed=seed) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))
    draws = [generator.sample(64, generator=seeded(seed)) for generator, seed in ((first, 3), (again, 3), (first, 4))]
    assert draws[0].architectures == draws[1].architectures
    assert (draws[0].decision_log_probabilities == draws[1].decision_log_probabilities).all()
    assert draws[0].architectures != draws[2].architectures


def test_a_new_generator_is_close_to_uniform_choices(space, seeded):
    generator = small(space, seeded)
    samples = generator.sample(200, generator=seeded(2))
    uniform = generator.evaluate(samples.sequences, epsilon=1.0)
    assert generator.evaluate(samples.sequences).entropy.mean() > 0.97 * uniform.entropy.mean()


@pytest.mark.parametrize("settings", [{"epsilon": -0.1}, {"epsilon": 1.1}, {"temperature": 0.0}])
def test_bad_settings_are_errors(spaces, seeded, settings):
    generator = small(spaces["chain"], seeded)
    with pytest.raises(InvalidSetting, match="must be"):
        generator.sample(3, generator=seeded(0), **settings)
    with pytest.raises(InvalidSetting, match="must be"):
        generator.evaluate(np.array([[1, 4, 0, 0, 0, 0]]), **settings)
