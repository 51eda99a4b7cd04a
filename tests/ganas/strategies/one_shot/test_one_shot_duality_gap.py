"""The duality-gap search on made-up images: what it proposes, says of itself, resumes to and refuses."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import ganas  # noqa: E402
from ganas import testing  # noqa: E402
from ganas.bench.toy import ToyBenchmark  # noqa: E402
from ganas.bench.training.generation.search_protocol import SEARCH_SMALL  # noqa: E402
from ganas.plugins import make_settings  # noqa: E402
from ganas.spaces.alphagan.genotype import GENERATOR, UP_OPERATIONS  # noqa: E402
from ganas.spaces.errors import InvalidSetting, NotSupported, TrainingFailed  # noqa: E402
from ganas.strategies.one_shot.duality_gap import DualityGap  # noqa: E402
from ganas.strategies.one_shot.duality_gap_settings import DualityGapSettings  # noqa: E402
from ganas.strategies.one_shot.relaxed_generator import RelaxedGenerator  # noqa: E402


@pytest.mark.slow
@testing.parametrize_strategy_checks(["duality-gap"])
def test_kit(subject, check):
    check(subject)


@pytest.fixture(scope="module")
def toy():
    return ToyBenchmark(ganas.load_space("alphagan"))


def make(toy, seed=0, **settings):
    problem = ganas.Problem(toy.space, (toy.metric(),), training_task=toy.training_task())
    chosen = DualityGapSettings(**{"epochs": 3, "epochs_per_proposal": 1, **settings})
    return DualityGap(problem, rng=np.random.default_rng(seed), settings=chosen)


def proposals(strategy):
    found = []
    while asked := strategy.ask(5):
        found += asked
    return found


def plain(value):
    """Nested values with arrays as bytes, to be compared."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return (str(value.dtype), value.shape, value.tobytes()) if isinstance(value, np.ndarray) else value


# --- what is proposed ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("epochs", "every", "done"), [(3, 1, [1, 2, 3]), (3, 2, [2, 3]), (2, 9, [2])])
def test_so_many_epochs_make_a_proposal_and_after_the_last_there_is_none(toy, monkeypatch, epochs, every, done):
    trained = []

    def epoch(self, number, *, rng):
        trained.append(number)
        return relaxed(self, number, rng=rng)

    relaxed = RelaxedGenerator.epoch
    monkeypatch.setattr(RelaxedGenerator, "epoch", epoch)
    strategy = make(toy, epochs=epochs, epochs_per_proposal=every)
    after = []
    while asked := strategy.ask():
        after.append(trained[-1])
        assert asked == [toy.space.decode(strategy._learner.supernet.genotype())]
    assert (after, trained) == (done, list(range(1, epochs + 1)))
    assert strategy.ask() == [] and strategy.diagnostics() == {}


def test_the_same_seed_gives_the_same_search_and_torch_is_left_as_it_was(toy):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    found = [make(toy, seed=seed, epochs=1) for seed in (0, 0, 1)]
    first, again, other = (proposals(strategy) for strategy in found)
    assert first == again != other
    assert torch.equal(torch.get_rng_state(), before)
    assert plain(found[0].state()) == plain(found[1].state())


def test_diagnostics_are_named_as_their_titles_and_those_of_edges_are_one_group(toy):
    strategy = make(toy, epochs=1)
    strategy.ask()
    said = strategy.diagnostics()
    assert list(DualityGap.diagnostic_titles) == list(said)
    assert said["duality_gap"] == said["minmax"] - said["maxmin"]
    assert said["minmax"] < 0 and said["maxmin"] < 0 < said["discriminator_loss"]
    ((title, names),) = DualityGap.diagnostic_groups.items()
    assert title == "Entropy of each edge, 1 when undecided and 0 when decided"
    assert len(names) == 18 and said["entropy"] == pytest.approx(np.mean([said[name] for name in names]))
    assert all(0.99 < said[name] <= 1 + 1e-12 for name in names)
    assert names[:2] == ("entropy_cell1_up0", "entropy_cell1_up1")
    assert names[12:] == (
        "entropy_cell3_normal0",
        "entropy_cell3_normal1",
        "entropy_cell3_normal2",
        "entropy_skip_2_0",
        "entropy_skip_3_0",
        "entropy_skip_3_1",
    )
    for name, operations in zip(names, GENERATOR.operations, strict=True):
        assert ("_normal" in name) == (operations != UP_OPERATIONS)
    assert ganas.Strategy.diagnostic_groups == {}


def test_a_schedule_changes_the_steps_and_a_single_setting_goes_before_it(toy):
    def steps(**settings):
        recipe = make(toy, **settings)._recipe
        return recipe.inner_steps, recipe.worst_steps, recipe.outer_steps

    assert steps() == (1, 1, 1)
    assert (steps(schedule="small"), steps(schedule="large")) == ((20, 20, 20), (390, 390, 20))
    assert steps(schedule="large", worst_steps=3) == (390, 3, 20)


def test_settings_are_those_of_the_recipe_unless_given(toy):
    assert make_settings(DualityGap, {"epochs": "3", "gumbel": "true"}) == DualityGapSettings(epochs=3, gumbel=True)
    given = {
        "worst_generator": "none",
        "gumbel": True,
        "temperature": 0.3,
        "literal_loops": True,
        "last_learning_rate": 1e-3,
    }
    recipe = make(toy, **given)._recipe
    assert {name: getattr(recipe, name) for name in given} == given
    problem = ganas.Problem(
        toy.space, (toy.metric(),), training_task=replace(toy.training_task(), protocol=SEARCH_SMALL)
    )
    assert DualityGap(problem, rng=np.random.default_rng(0))._recipe == SEARCH_SMALL


# --- resuming --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stop", "settings"), [(0, {}), (1, {}), (2, {"gumbel": True, "critic_steps": 2, "worst_generator": "both"})]
)
def test_restored_after_any_epoch_it_goes_on_to_the_same_numbers(toy, stop, settings):
    def ask(strategy):
        return strategy.ask(), strategy.diagnostics()

    whole = make(toy, **settings)
    expected = [ask(whole) for _ in range(3)]
    first = make(toy, **settings)
    begun = [ask(first) for _ in range(stop)]
    saved = first.state()
    kept = plain(saved)
    first.ask()
    # Going on changes nothing in what was saved.
    assert plain(saved) == kept
    resumed = make(toy, seed=99, **settings)
    resumed.load_state(saved)
    assert plain(resumed.state()) == kept
    assert begun + [ask(resumed) for _ in range(3 - stop)] == expected
    assert plain(resumed.state()) == plain(whole.state())


def test_a_state_of_other_settings_or_of_another_recipe_is_refused(toy):
    state = make(toy).state()
    with pytest.raises(InvalidSetting, match="recipe"):
        make(toy, gumbel=True).load_state(state)
    with pytest.raises(InvalidSetting, match="saved with settings"):
        make(toy, epochs_per_proposal=2).load_state(state)


def test_a_study_is_saved_and_loaded(toy, tmp_path):
    settings = {"epochs": 2, "epochs_per_proposal": 1}
    whole = ganas.Study(toy, "duality-gap", budget=3, seed=0, settings=settings).run()
    cut = ganas.Study(toy, "duality-gap", budget=3, seed=0, settings=settings).run(1)
    cut.save(tmp_path / "study.npz")
    resumed = ganas.Study(toy, "duality-gap", budget=3, seed=0, settings=settings).load(tmp_path / "study.npz").run()
    assert [entry.evaluation for entry in resumed.entries] == [entry.evaluation for entry in whole.entries]
    assert whole.stop == "exhausted" and whole.ledger.search_seconds > 0
    assert set(DualityGap.diagnostic_titles) <= set(whole.trace.columns)


# --- what goes wrong -------------------------------------------------------------------------------------------------


def test_a_search_that_breaks_down_says_so(toy):
    with pytest.raises(TrainingFailed, match=r"broke down in epoch 1: .* for the 4\. time; a smaller learning_rate"):
        make(toy, learning_rate=1e30, discriminator_learning_rate=1e30).ask()


def test_a_broken_epoch_is_begun_again_from_where_it_began(toy, monkeypatch):
    strategy = make(toy)
    strategy.ask()
    before = plain(strategy._learner.learned())
    epoch, begun = RelaxedGenerator.epoch, []

    def breaks(self, number, *, rng):
        begun.append((number, plain(self.learned())))
        found = epoch(self, number, rng=rng)
        return None if len(begun) == 1 else found

    monkeypatch.setattr(RelaxedGenerator, "epoch", breaks)
    assert len(strategy.ask()) == 1
    assert begun == [(2, before), (2, before)]
    assert strategy.state()["rollbacks"] == 1


@pytest.mark.parametrize("broken", ["discriminator_loss", "generator_loss", "minmax", "logits"])
def test_what_is_no_number_breaks_an_epoch(toy, monkeypatch, broken):
    learner = make(toy)
    learner.ask()
    relaxed, nan = learner._learner, torch.tensor(float("nan"))
    of_weights, of_architecture = relaxed.weight_steps, relaxed.architecture_step

    def weight_steps(number):
        found = list(of_weights(number))
        place = {"discriminator_loss": 0, "generator_loss": 1}.get(broken)
        if place is not None:
            found[place] = [*found[place], nan]
        return tuple(found)

    def architecture_step(*worst):
        minmax, maxmin = of_architecture(*worst)
        if broken == "logits":
            relaxed.supernet.up_logits.data[0, 0] = nan
        return (nan if broken == "minmax" else minmax), maxmin

    monkeypatch.setattr(relaxed, "weight_steps", weight_steps)
    monkeypatch.setattr(relaxed, "architecture_step", architecture_step)
    assert relaxed.epoch(2, rng=np.random.default_rng(0)) is None


def test_an_epoch_without_a_step_of_the_generator_has_no_loss_of_it_and_is_not_broken(toy):
    strategy = make(toy, critic_steps=9)
    strategy.ask()
    assert np.isfinite(strategy.diagnostics()["generator_loss"])
    assert len(strategy.ask()) == 1
    said = strategy.diagnostics()
    assert np.isnan(said["generator_loss"]) and np.isfinite(said["discriminator_loss"])


def test_what_it_cannot_search_is_refused(toy):
    with pytest.raises(NotSupported, match="searches generators of images, such as alphagan, and not 'rnn-mini'"):
        ganas.Study(ToyBenchmark(ganas.load_space("rnn-mini")), "duality-gap", budget=2, seed=0)
    with pytest.raises(NotSupported, match="'duality-gap' trains a network of its own, and"):
        ganas.Study("nasbench201-cifar10", "duality-gap", budget=2, seed=0)
    with pytest.raises(NotSupported, match="there is no relaxed discriminator of 'alphagan-discriminator'"):
        ganas.Study("train-alphagan-discriminator-digits", "duality-gap", budget=2, seed=0)
    with pytest.raises(NotSupported, match="learns from the training images of a trainer, such as train-alphagan"):
        DualityGap(ganas.Problem(toy.space, (toy.metric(),)), rng=np.random.default_rng(0))
    with pytest.raises(NotSupported, match="ess searches recurrent spaces"):
        ganas.Study(toy, "ess", budget=2, seed=0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"schedule": "medium"}, "schedule"),
        ({"worst_generator": "weigths"}, "worst_generator"),
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"epochs_per_proposal": 0}, "epochs_per_proposal must be at least 1"),
        ({"batch": 1}, "batch must be at least 2"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0"),
        ({"temperature": float("inf")}, "temperature must be above 0"),
        ({"architecture_weight_decay": -1.0}, "architecture_weight_decay must be at least 0"),
        ({"scedule": "small"}, "did you mean 'schedule'"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, message):
    with pytest.raises(InvalidSetting, match=message):
        make_settings(DualityGap, settings)


def test_colours_of_cifar_are_refused_for_grey_images(toy):
    with pytest.raises(InvalidSetting, match="those of toy are grey"):
        make(toy, cifar_scaling=True).ask()
