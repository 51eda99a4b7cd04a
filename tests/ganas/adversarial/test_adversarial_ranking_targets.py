"""What the rankers of ``ganas`` learn: gains, subsets, gradients and the accuracy of an order."""

import numpy as np
import pytest

from ganas.adversarial.ranking.targets import gains, ranking_accuracy, score_gradient, training_subset

HIGHEST = -np.log(0.02)


def draws(seed, count=12):
    rng = np.random.default_rng(seed)
    return rng, rng.standard_normal(count)


# --- gains -----------------------------------------------------------------------------------------------


def test_gains_are_of_ranks():
    scores = np.array([30.0, -5.0, 7.0, 8.0, 29.9])
    ranks = np.array([4, 0, 1, 2, 3]) / 4
    assert gains(scores) == pytest.approx(-np.log(1 - 0.98 * ranks))
    assert gains(scores).max() == pytest.approx(HIGHEST)


@pytest.mark.parametrize("transform", [lambda s: 1e6 * s - 3, lambda s: 1e-9 * s, np.exp, lambda s: s**3])
def test_gains_do_not_depend_on_the_scale(transform):
    _, scores = draws(0)
    assert np.array_equal(gains(transform(scores)), gains(scores))


def test_gains_go_with_their_values():
    rng, scores = draws(1)
    order = rng.permutation(len(scores))
    assert np.array_equal(gains(scores[order]), gains(scores)[order])


def test_ties_have_the_same_gain_at_their_mean_rank():
    found = gains(np.array([2.0, 1.0, 2.0, 3.0, 2.0]))
    assert found[0] == found[2] == found[4] == pytest.approx(-np.log(1 - 0.98 * 0.5))
    assert found[1] == 0 and found[3] == pytest.approx(HIGHEST)


def test_minus_infinity_is_worst_and_ties_with_itself():
    found = gains(np.array([-np.inf, 4.0, -np.inf, -1e300]))
    assert np.isfinite(found).all()
    assert found[0] == found[2] < found[3] < found[1]
    assert np.array_equal(found, gains(np.array([0.0, 2.0, 0.0, 1.0])))


def test_one_value_and_values_all_alike():
    assert gains(np.array([3.0])).tolist() == [0.0]
    alike = gains(np.full(5, 3.0))
    assert len(set(alike.tolist())) == 1 and np.isfinite(alike).all()


# --- subsets ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [4, 5, 20, 63])
def test_the_best_half_of_a_subset_is_always_in(size):
    rng, scores = draws(2, 64)
    best = set(np.argsort(-scores)[: size // 2].tolist())
    others = set()
    for _ in range(600):
        chosen = training_subset(scores, size, rng=rng).tolist()
        assert len(chosen) == len(set(chosen)) == size
        assert best <= set(chosen)
        others |= set(chosen) - best
    assert others == set(range(64)) - best, "every other one gets its turn"


def test_a_subset_of_few_values_is_all_of_them():
    rng, scores = draws(3, 8)
    before = rng.bit_generator.state
    for size in (8, 9, 100):
        assert training_subset(scores, size, rng=rng).tolist() == list(range(8))
    assert rng.bit_generator.state == before


def test_failures_fill_a_subset_last():
    rng = np.random.default_rng(0)
    scores = np.array([-np.inf] * 20 + [1.0, 2.0, 3.0])
    for _ in range(10):
        assert {20, 21, 22} <= set(training_subset(scores, 6, rng=rng).tolist())


# --- gradients -------------------------------------------------------------------------------------------


def softplus(values):
    return np.logaddexp(0, values)


def pairwise_loss(predicted, gain, members):
    """Softplus of minus the difference of scores, over pairs in their right order, weighted by the gains."""
    loss = total = 0.0
    for better in range(len(gain)):
        for worse in range(len(gain)):
            if gain[better] > gain[worse]:
                weight = gain[better] - gain[worse]
                loss += weight * softplus(predicted[worse] - predicted[better])
                total += weight
    return loss / total


def unary_loss(predicted, gain, members):
    """Binary cross-entropy of the truth set against the rest, the two halves weighing the same."""
    inside = softplus(-predicted[members]).mean()
    outside = softplus(predicted[~members]).mean()
    return (inside + outside) / 2


LOSSES = {"pairwise": pairwise_loss, "unary": unary_loss}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("ties", [False, True])
def test_gradients_are_those_of_the_loss(loss, ties):
    rng, scores = draws(4, 9)
    gain = gains(np.round(scores) if ties else scores)
    members = np.zeros(9, dtype=bool)
    members[np.argsort(-scores)[:3]] = True
    predicted = 2 * rng.standard_normal((3, 9))
    found = score_gradient(predicted, gain, members, loss)
    assert found.shape == (3, 9)
    step = 1e-5
    for ranker in range(3):
        for place in range(9):
            up, down = predicted[ranker].copy(), predicted[ranker].copy()
            up[place] += step
            down[place] -= step
            slope = (LOSSES[loss](up, gain, members) - LOSSES[loss](down, gain, members)) / (2 * step)
            assert found[ranker, place] == pytest.approx(slope, abs=2e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_of_far_scores_are_finite(loss):
    gain, members = gains(np.arange(4.0)), np.array([False, False, True, True])
    found = score_gradient(np.array([[1e5, -1e5, 1e5, -1e5]], dtype=np.float32), gain, members, loss)
    assert np.isfinite(found).all() and np.abs(found).max() > 0.01


def test_nothing_is_learned_from_values_all_alike():
    found = score_gradient(np.array([[1.0, 2.0, 3.0]]), gains(np.ones(3)), np.ones(3, dtype=bool), "pairwise")
    assert found.tolist() == [[0, 0, 0]]


@pytest.mark.parametrize("members", [[True] * 3, [False] * 3])
def test_a_subset_on_one_side_of_the_truth_set_pulls_one_way(members):
    found = score_gradient(np.zeros((1, 3)), np.zeros(3), np.array(members), "unary")
    assert (found < 0).all() if members[0] else (found > 0).all()


# --- accuracy --------------------------------------------------------------------------------------------


def test_accuracy_is_the_share_of_pairs_in_order():
    scores = np.array([1.0, 2.0, 3.0, 3.0])
    # Five pairs differ; a tie in what is predicted is not right.
    assert ranking_accuracy(np.array([0.0, 1.0, 2.0, 3.0]), scores) == 1
    assert ranking_accuracy(np.array([0.0, 0.0, 2.0, 3.0]), scores) == pytest.approx(4 / 5)
    assert ranking_accuracy(-scores, scores) == 0
    assert ranking_accuracy(scores, np.zeros(4)) == 1
    assert ranking_accuracy(np.array([0.0, 1.0]), np.array([-np.inf, 0.0])) == 1
