"""The ensemble: every kind of member learns a planted order, and members come, go and are saved as the settings say."""

import dataclasses
import itertools

import numpy as np
import pytest

from ganas.adversarial.ranking.ensemble import Ensemble
from ganas.adversarial.ranking.targets import ranking_accuracy
from ganas.adversarial.search_settings import GANASSettings
from ganas.spaces.live_encodings import live_operation_counts, live_path_summary

# Every value that these tests depend on; the defaults may change.
BASE = GANASSettings(
    encoder="features",
    features="adaptive",
    discriminator="pairwise",
    linear_weight=1.0,
    network_weight=1.0,
    networks=2,
    network_hidden=16,
    gaussian_process_weight=1.0,
    training_steps=20,
    training_subset=64,
    warm_start=True,
    generator_layers=2,
)
ONE_MEMBER = {
    "linear": {"network_weight": 0.0, "gaussian_process_weight": 0.0},
    "networks": {"linear_weight": 0.0, "gaussian_process_weight": 0.0},
    "gaussian_process": {"linear_weight": 0.0, "network_weight": 0.0},
}
MEMBERS = {"features": {}, **ONE_MEMBER, "kgnn": {"encoder": "kgnn"}, "lstm": {"encoder": "lstm"}}
# Networks on graphs need more steps than those that are handed the features.
GRAPHS = {"training_steps": 60, "network_hidden": 24}


@pytest.fixture
def ensemble_of(seeded):
    def make(space, seed=0, **changes):
        graphs = GRAPHS if changes.get("encoder", "features") != "features" else {}
        settings = dataclasses.replace(BASE, **(graphs | changes))
        return Ensemble(space, settings, rng=np.random.default_rng(seed), random=seeded(seed))

    return make


def planted_values(space, cells):
    """Long live paths and many 3x3 convolutions are good, pooling is bad."""
    names = [name for name in space.operations if "3x3" in name]
    (large,) = (space.operations.index(name) for name in names if "pool" not in name)
    (pool,) = (space.operations.index(name) for name in names if "pool" in name)
    counts, summary = live_operation_counts(space, cells), live_path_summary(space, cells)
    return (2.0 * counts[:, large] - counts[:, pool] + 0.5 * summary[:, 2]).astype(np.float64)


def problem_of(space, seed, count=80, others=200):
    """Cells to learn from and others, with their planted values."""
    drawn = space.sample(count + others, rng=np.random.default_rng(seed))
    values = planted_values(space, drawn)
    return drawn[:count], values[:count], drawn[count:], values[count:]


def fitted(ensemble, cells, values, *, fits=3):
    for _ in range(fits):
        accuracy = ensemble.fit(cells, ensemble.features.rows(cells), values, 20)
    return accuracy


def score(ensemble, cells, **more):
    return ensemble.score(cells, ensemble.features.rows(cells), **more)


@pytest.mark.parametrize(
    ("name", "members"),
    [
        *itertools.product(("nasbench101", "nasbench201"), ("features", *ONE_MEMBER)),
        ("nasbench101", "kgnn"),
        pytest.param("nasbench201", "kgnn", marks=pytest.mark.slow),
        pytest.param("nasbench101", "lstm", marks=pytest.mark.slow),
        ("nasbench201", "lstm"),
    ],
)
def test_a_planted_order_is_learned(spaces, ensemble_of, name, members):
    space = spaces[name]
    cells, values, others, truth = problem_of(space, 0)
    ensemble = ensemble_of(space, **MEMBERS[members])
    said = fitted(ensemble, cells, values)
    assert said > 0.9
    # A recurrent network has to learn what the others are told: which nodes are live.
    assert ranking_accuracy(score(ensemble, others), truth) > (0.85 if members == "lstm" else 0.9)


@pytest.mark.parametrize("members", ["features", "linear", "networks", pytest.param("kgnn", marks=pytest.mark.slow)])
def test_the_unary_loss_tells_the_truth_set_from_the_rest(spaces, ensemble_of, members):
    space = spaces["nasbench201"]
    cells, values, others, truth = problem_of(space, 1)
    ensemble = ensemble_of(space, discriminator="unary", **MEMBERS[members])
    fitted(ensemble, cells, values)
    good = truth > np.sort(values)[-20]
    scores = score(ensemble, others)
    assert good.sum() > 10
    assert (scores[good][:, None] > scores[~good][None, :]).mean() > 0.85


def test_what_is_said_after_a_fit_is_the_accuracy_on_what_was_evaluated(spaces, ensemble_of):
    space = spaces["nasbench201"]
    cells, values, _, _ = problem_of(space, 0, count=40)
    ensemble = ensemble_of(space)
    said = fitted(ensemble, cells, values)
    assert said == ranking_accuracy(score(ensemble, cells), values)
    random = np.random.default_rng(0).standard_normal(40)
    assert fitted(ensemble_of(space, training_steps=1), cells, random, fits=1) < said


def test_failures_rank_last(spaces, ensemble_of):
    space = spaces["nasbench201"]
    cells, values, others, _ = problem_of(space, 2)
    fails = np.array(["none" in cell.operations[1:3] for cell in cells])
    ensemble = ensemble_of(space)
    fitted(ensemble, cells, np.where(fails, -np.inf, values))
    scores = score(ensemble, others)
    would_fail = np.array(["none" in cell.operations[1:3] for cell in others])
    assert np.isfinite(scores).all()
    assert np.median(scores[would_fail]) < np.quantile(scores[~would_fail], 0.25)


@pytest.mark.parametrize("members", ["features", "kgnn"])
def test_values_all_alike_do_no_harm(spaces, ensemble_of, members):
    space = spaces["nasbench101"]
    cells, _, others, _ = problem_of(space, 0, count=12, others=5)
    ensemble = ensemble_of(space, training_steps=3, **MEMBERS[members])
    assert fitted(ensemble, cells, np.ones(12)) == 1.0
    assert np.isfinite(score(ensemble, others)).all()


def test_scores_are_standardised_means_of_the_members(spaces, ensemble_of):
    """A weight says how much a member has to say, whatever the scale of its scores."""
    space = spaces["nasbench201"]
    cells, values, others, _ = problem_of(space, 0)
    alone = {}
    for members, changes in ONE_MEMBER.items():
        if members != "networks":  # whose first weights are drawn from a generator that others read too
            ensemble = ensemble_of(space, **changes)
            fitted(ensemble, cells, values)
            alone[members] = score(ensemble, others)
            assert alone[members].mean() == pytest.approx(0, abs=1e-4)
            assert alone[members].std() == pytest.approx(1, abs=1e-4)
    both = ensemble_of(space, linear_weight=1.0, network_weight=0.0, gaussian_process_weight=3.0)
    fitted(both, cells, values)
    expected = (alone["linear"] + 3 * alone["gaussian_process"]) / 4
    # Alone, the linear ranker sees all places, and here only those that the Gaussian process chose: none.
    assert both._process.kernel.extra == 0
    assert np.corrcoef(score(both, others), expected)[0, 1] > 0.97


def test_optimism_prefers_what_is_not_known(spaces, ensemble_of):
    space = spaces["nasbench201"]
    cells, values, others, _ = problem_of(space, 0, count=15)
    ensemble = ensemble_of(space, **ONE_MEMBER["gaussian_process"])
    fitted(ensemble, cells, values)
    _, deviation = ensemble._process.predict(ensemble.features.rows(others))
    cautious, bold = score(ensemble, others), score(ensemble, others, optimism=100.0)
    assert np.corrcoef(bold, deviation)[0, 1] > 0.99 > np.corrcoef(cautious, deviation)[0, 1]


def test_twins_tie(spaces, ensemble_of):
    """Architectures with the same features have the same score, wherever they stand among the others."""
    space = spaces["nasbench201"]
    cells, values, others, _ = problem_of(space, 0)
    ensemble = ensemble_of(space, features="structure")
    fitted(ensemble, cells, values)
    scores = score(ensemble, [*others[:5], *others])
    assert np.array_equal(scores[:5], scores[5:10])


@pytest.mark.parametrize("members", ["features", "kgnn"])
def test_a_warm_start_goes_on_and_a_cold_one_begins_anew(spaces, ensemble_of, members):
    space = spaces["nasbench201"]
    cells, values, others, _ = problem_of(space, 0, count=30)

    def made(warm):
        ensemble = ensemble_of(space, warm_start=warm, training_steps=4, **MEMBERS[members])
        return ensemble, ensemble._members()

    warm, first = made(True)
    fitted(warm, cells, values, fits=1)
    kept = warm._members()
    fitted(warm, cells, values, fits=2)
    assert all(warm._members()[name] is kept[name] for name in kept)
    cold, _ = made(False)
    fitted(cold, cells, values, fits=1)
    before = cold._members()
    after_one = score(cold, others)
    fitted(cold, cells, values, fits=2)
    assert all(cold._members()[name] is not before[name] for name in before)
    # Trained on the other order first: what goes on still leans that way, what begins anew has forgotten it.
    fitted(warm, cells, -values, fits=1)
    fitted(cold, cells, -values, fits=1)
    assert np.corrcoef(score(cold, others), after_one)[0, 1] < 0
    assert first.keys() == kept.keys()


def test_a_cold_start_takes_as_many_steps_as_the_first(spaces, ensemble_of):
    space = spaces["nasbench201"]
    cells, values, _, _ = problem_of(space, 0, count=30)
    steps = {}
    for warm in (True, False):
        ensemble = ensemble_of(space, warm_start=warm, **ONE_MEMBER["linear"])
        steps[warm] = []
        for _ in range(3):
            fitted(ensemble, cells, values, fits=1)
            steps[warm].append(ensemble._linear._steps)
    assert steps[True] == [60, 80, 100]
    assert steps[False] == [60, 60, 60]


@pytest.mark.parametrize("members", MEMBERS)
def test_only_the_members_with_a_weight_are_there(spaces, ensemble_of, members):
    expected = {"features": {"linear", "networks", "gaussian_process"}, "kgnn": {"graphs"}, "lstm": {"graphs"}}
    ensemble = ensemble_of(spaces["nasbench101"], **MEMBERS[members])
    assert set(ensemble._members()) == expected.get(members, {members})


@pytest.mark.parametrize("members", MEMBERS)
def test_a_saved_ensemble_goes_on_alike(spaces, ensemble_of, members):
    space = spaces["nasbench101"]
    cells, values, others, _ = problem_of(space, 0, count=30, others=20)
    ensemble = ensemble_of(space, training_steps=3, **MEMBERS[members])
    fitted(ensemble, cells[:20], values[:20], fits=2)
    saved, rng, random = ensemble.state(), ensemble.rng.bit_generator.state, ensemble.random.get_state()
    other = ensemble_of(space, seed=5, training_steps=3, **MEMBERS[members])
    other.load_state(saved)
    other.rng.bit_generator.state = rng
    other.random.set_state(random)
    for one in (ensemble, other):
        fitted(one, cells, values, fits=2)
    assert np.array_equal(score(ensemble, others), score(other, others))
