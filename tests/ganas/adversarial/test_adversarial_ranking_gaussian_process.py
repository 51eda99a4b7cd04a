"""The Gaussian process: equal to the closed form, and which kernel the evidence chooses."""

import numpy as np
import pytest

from ganas.adversarial.kinds import FEATURE_BLOCKS
from ganas.adversarial.ranking.gaussian_process import GaussianProcess, Kernel
from ganas.bench.surrogate.features import Features

BLOCKS = (slice(0, 3), slice(3, 7))
KERNELS = [Kernel(), Kernel(0.5, 0.03), Kernel(2.0, 0.3, 1, 3.0), Kernel(4.0, 0.1, 1, 0.3)]


def drawn(seed, rows):
    return np.random.default_rng(seed).standard_normal((rows, 7)).astype(np.float32)


def covariance_of(first, second, kernel):
    """One pair: half a squared exponential of the mean square difference, half the mean product, on each block."""

    def on_block(block):
        a, b = first[block].astype(float), second[block].astype(float)
        return 0.5 * np.exp(-((a - b) ** 2).mean() / (2 * kernel.length_scale**2)) + 0.5 * (a * b).mean()

    if not kernel.extra:
        return on_block(BLOCKS[0])
    return (on_block(BLOCKS[0]) + kernel.weight * on_block(BLOCKS[kernel.extra])) / (1 + kernel.weight)


def matrix_of(first, second, kernel):
    return np.array([[covariance_of(a, b, kernel) for b in second] for a in first])


def fixed(kernel):
    """A process that keeps this kernel."""
    process = GaussianProcess(BLOCKS, every=10**6)
    process.kernel = kernel
    process._chosen_at = 1
    return process


def log_density(features, targets, kernel):
    """Of the values under the kernel at the best variance of the signal, by the formula of a normal density."""
    noisy = matrix_of(features, features, kernel) + kernel.noise * np.eye(len(targets))
    variance = targets @ np.linalg.solve(noisy, targets) / len(targets)
    _, determinant = np.linalg.slogdet(2 * np.pi * variance * noisy)
    return -0.5 * targets @ np.linalg.solve(variance * noisy, targets) - 0.5 * determinant


@pytest.mark.parametrize("kernel", KERNELS)
def test_mean_and_deviation_equal_the_closed_form(kernel):
    features, rows = drawn(0, 12), drawn(1, 6)
    targets = np.random.default_rng(2).gamma(1.0, size=12)
    process = fixed(kernel)
    process.fit(features, targets, evaluated=12)
    mean, deviation = process.predict(rows)
    scaled = (targets - targets.mean()) / targets.std()
    inverse = np.linalg.inv(matrix_of(features, features, kernel) + kernel.noise * np.eye(12))
    between = matrix_of(rows, features, kernel)
    variance = scaled @ inverse @ scaled / 12
    own = np.diag(matrix_of(rows, rows, kernel))
    assert mean == pytest.approx(between @ inverse @ scaled, abs=1e-8)
    expected = np.sqrt(variance * (own - np.einsum("ij,jk,ik->i", between, inverse, between)))
    assert deviation == pytest.approx(expected, abs=1e-8)
    assert deviation.min() > 0


@pytest.mark.parametrize("count", [8, 15])
def test_evidence_is_the_log_density_but_for_a_constant_and_the_penalty(count):
    features = drawn(0, count)
    targets = np.random.default_rng(count).standard_normal(count)
    process = fixed(Kernel())
    process._features = features.astype(float)
    evidence = [process._evidence(kernel, targets) for kernel in KERNELS]
    density = [log_density(features, targets, kernel) for kernel in KERNELS]
    penalties = np.array([bool(kernel.extra) for kernel in KERNELS], dtype=float)
    differences = np.array(evidence) - density
    # One constant for all, and one penalty more for a further block.
    assert np.ptp(differences[penalties == 0]) < 1e-6
    assert np.ptp(differences[penalties == 1]) < 1e-6
    assert differences[penalties == 0].mean() > differences[penalties == 1].mean() + 1


def test_what_was_seen_is_known_better_than_what_was_not():
    features = drawn(0, 30)
    targets = features[:, 0] + features[:, 1] ** 2
    process = GaussianProcess(BLOCKS, every=5)
    process.fit(features, targets.astype(float), evaluated=30)
    mean, deviation = process.predict(features)
    _, elsewhere = process.predict(features + 3)
    assert np.corrcoef(mean, targets)[0, 1] > 0.9
    assert deviation.max() < elsewhere.min()


def counted():
    """A process, and of how many values it chose its kernel each time."""
    process, chosen = GaussianProcess(BLOCKS, every=5), []
    choose = process._choose

    def choose_and_note(scaled):
        chosen.append(len(scaled))
        return choose(scaled)

    process._choose = choose_and_note
    return process, chosen


def test_the_kernel_is_chosen_again_only_after_so_many_values():
    features, targets = drawn(0, 40), np.random.default_rng(1).standard_normal(40)
    process, chosen = counted()
    for count in range(10, 23):
        process.fit(features[:count], targets[:count], evaluated=count)
    assert chosen == [10, 15, 20]


def test_a_part_of_the_values_does_not_delay_the_choice():
    """What counts is how much was evaluated, of which the process may be told a part."""
    features, targets = drawn(0, 20), np.random.default_rng(1).standard_normal(20)
    process, chosen = counted()
    for evaluated in (300, 304, 305):
        process.fit(features, targets, evaluated=evaluated)
    assert len(chosen) == 2


def test_values_all_alike_are_no_reason_for_a_further_block():
    process = GaussianProcess(BLOCKS, every=5)
    process.fit(drawn(0, 10), np.full(10, 3.0), evaluated=10)
    mean, deviation = process.predict(drawn(1, 4))
    assert process.kernel.extra == 0
    assert mean == pytest.approx(np.zeros(4)) and np.isfinite(deviation).all()


def positional(space, rng):
    """A value for every operation at every place: which place it has is all that counts."""
    weights = rng.standard_normal((6, 5))
    return lambda architecture: sum(weights[place, kind] for place, kind in enumerate(space.encode(architecture)))


def structural(space, rng):
    """Longer live paths and more of one operation on them: the same for every numbering of the places."""
    from ganas.spaces.live_encodings import live_operation_counts, live_path_summary

    weights = rng.standard_normal(len(space.operations))

    def value(architecture):
        (summary,) = live_path_summary(space, [architecture])
        (counts,) = live_operation_counts(space, [architecture])
        return float(np.log1p(summary[0]) + 0.3 * summary[2] + counts @ weights)

    return value


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("plant", [positional, structural])
def test_a_further_block_is_chosen_where_places_count_and_only_there(spaces, plant, seed):
    space, rng = spaces["nasbench201"], np.random.default_rng(seed)
    features, value = Features(space, FEATURE_BLOCKS["adaptive"], rng=rng), plant(space, rng)
    cells = space.sample(80, rng=rng)
    process = GaussianProcess(features.blocks, every=5)
    for count in (40, 60, 80):
        targets = np.array([value(cell) for cell in cells[:count]])
        process.fit(features.rows(cells[:count]), targets, evaluated=count)
    assert (process.kernel.extra > 0) == (plant is positional)
    mean, _ = process.predict(features.rows(others := space.sample(200, rng=rng)))
    truth = np.array([value(cell) for cell in others])
    assert np.corrcoef(mean, truth)[0, 1] > 0.8


def test_a_saved_kernel_goes_on():
    features, targets = drawn(0, 20), np.random.default_rng(3).standard_normal(20)
    process = GaussianProcess(BLOCKS, every=5)
    process.fit(features, targets, evaluated=17)
    saved = process.state()
    other = GaussianProcess(BLOCKS, every=5)
    other.load_state(saved)
    assert other.kernel == process.kernel and isinstance(other.kernel.extra, int)
    for one in (process, other):
        one.fit(features, targets, evaluated=20)
    assert np.array_equal(process.predict(features), other.predict(features))
