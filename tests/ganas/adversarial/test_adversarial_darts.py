"""GA-NAS on the space of DARTS: two cells, 52 decisions, 10^18 architectures."""

import numpy as np
import pytest

import ganas
from ganas.adversarial import generator as generator_module
from ganas.adversarial.generator import Generator
from ganas.bench.toy import ToyBenchmark


@pytest.fixture(scope="module")
def darts():
    return ganas.load_space("darts")


@pytest.mark.parametrize(("epsilon", "temperature"), [(0.0, 1.0), (0.1, 0.5)])
def test_teacher_forcing_gives_the_probability_of_the_sample(darts, seeded, shaken, epsilon, temperature):
    generator = shaken(Generator(darts, hidden=16, layers=2, generator=seeded(1)))
    samples = generator.sample(60, generator=seeded(2), epsilon=epsilon, temperature=temperature)
    for architecture in samples.architectures:
        darts.check(architecture)
    assert np.array_equal(darts.building_sequences(samples.architectures), samples.sequences)
    values = generator.evaluate(samples.sequences, epsilon=epsilon, temperature=temperature)
    by_decision = values.decision_log_probability.detach().numpy()
    assert np.abs(by_decision - samples.decision_log_probabilities).max() < 1e-5


def test_leaving_out_nodes_that_no_edge_reads_changes_nothing(darts, seeded, shaken, monkeypatch):
    generator = shaken(Generator(darts, hidden=16, layers=2, generator=seeded(1)))
    sequences = darts.building_sequences(darts.sample(40, rng=np.random.default_rng(0)))
    few = generator.log_probability(sequences)
    monkeypatch.setattr(generator_module, "_FEW", 10**9)
    every = generator.log_probability(sequences)
    assert np.abs((few - every).detach().numpy()).max() < 1e-5


def test_a_search_runs(darts):
    study = ganas.search(ToyBenchmark(darts), strategy="ganas", budget=12, seed=0)
    assert len(study.trace) == 12 and study.trace["architecture"].is_unique


@pytest.mark.slow
def test_a_search_of_a_hundred_queries_is_repeatable_and_beats_random_draws(darts):
    bench = ToyBenchmark(darts)
    first, again = (ganas.search(bench, strategy="ganas", budget=100, seed=3).trace for _ in range(2))
    columns = ["query", "architecture", "value"]
    assert first[columns].equals(again[columns])
    random = bench.query_many(darts.sample(100, rng=np.random.default_rng(3)), ["toy_value"]).max()
    assert first["value"].max() > random
    # The last quarter is better than the first as a whole: it learns.
    assert first["value"][75:].mean() > first["value"][:25].mean() + 5
