"""ESS on a made-up text of a few words: what it proposes, resumes to, sees and refuses."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch

import ganas
from ganas import testing
from ganas.bench.toy import ToyBenchmark
from ganas.bench.training.benchmark import TrainerBenchmark
from ganas.bench.training.language.batching import draw_length
from ganas.bench.training.language.protocol import FULL, MINI
from ganas.bench.training.language.searching import SEARCH_FULL, search_protocol_for
from ganas.bench.training.language.task import LanguageTask, LanguageText
from ganas.bench.training.running import Machine
from ganas.data.corpora.language import LanguageCorpus
from ganas.plugins import make_settings
from ganas.spaces.errors import DataError, InvalidSetting, NotSupported, TrainingFailed
from ganas.spaces.rnn.genotype import PLAIN
from ganas.spaces.rnn.published import PUBLISHED
from ganas.spaces.rnn.space import RecurrentSpace
from ganas.strategies.one_shot.ess import ESS
from ganas.strategies.one_shot.ess_settings import ESSSettings

PARTS = ("intra", "inter", "sequential", "alternating", "joint")


@testing.parametrize_strategy_checks(["ess"])
def test_kit(subject, check):
    check(subject)


@pytest.fixture(scope="module")
def toy():
    return ToyBenchmark(ganas.load_space("rnn-mini"))


def make(toy, seed=0, **settings):
    problem = ganas.Problem(toy.space, (toy.metric(),), training_task=toy.training_task())
    return ESS(problem, rng=np.random.default_rng(seed), settings=ESSSettings(**settings))


def proposals(strategy):
    found = []
    while asked := strategy.ask():
        found += asked
    return found


def logits(strategy):
    return [parameter.detach().clone() for parameter in strategy._model.architecture]


# --- what is searched ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["first", "second"])
@pytest.mark.parametrize("part", PARTS)
def test_every_part_gives_members_and_leaves_alone_what_it_does_not_search(toy, part, order):
    strategy = make(toy, part=part, order=order)
    found = [toy.space.genotype(architecture) for architecture in proposals(strategy)]
    assert len(found) == 4
    if part == "intra":
        assert {genotype.connections for genotype in found} == {PLAIN}
    if part == "inter":
        assert {genotype.cell for genotype in found} == {PUBLISHED["DARTS_V2"].truncated(3)}
    if part == "sequential":
        assert [genotype.connections for genotype in found[:2]] == [PLAIN, PLAIN]
        assert {genotype.cell for genotype in found[2:]} == {found[1].cell}
    assert len(strategy._model.architecture) == (2 if part in ("joint", "alternating") else 1)


def test_the_cell_of_inter_is_a_chain_of_tanh_where_vanilla_is_asked(toy):
    (found,) = make(toy, part="inter", cell="vanilla").ask()
    assert toy.space.genotype(found).cell.nodes == (("tanh", 0), ("tanh", 1), ("tanh", 2))


def test_alternating_moves_one_group_a_batch(toy):
    strategy = make(toy, part="alternating", epochs=1)
    task = toy.training_task()
    steps = []
    strategy.ask()
    model = strategy._model
    optimiser = model._architecture_optimiser
    original = optimiser.step

    def step():
        steps.append([logits.grad is not None for logits in model.architecture])
        return original()

    optimiser.step = step
    model.epoch(rng=np.random.default_rng(0))
    assert steps[:2] == [[True, False], [False, True]]
    assert len(task.halves().weights) == 24


def test_weights_and_architecture_are_learned_by_their_own_optimisers(toy):
    strategy = make(toy, epochs=1)
    strategy.ask()
    model = strategy._model
    weights = {id(p) for group in model._weight_optimiser.param_groups for p in group["params"]}
    architecture = {id(p) for group in model._architecture_optimiser.param_groups for p in group["params"]}
    assert not weights & architecture
    assert weights | architecture == {id(p) for p in model.model.parameters()}
    assert {id(p) for p in model.net.architecture_parameters()} == architecture


def test_the_learning_rate_is_in_proportion_to_the_length_of_a_batch(toy):
    strategy = make(toy, epochs=1)
    strategy.ask()
    rates = []
    optimiser = strategy._model._weight_optimiser
    original = optimiser.step

    def step():
        rates.append(optimiser.param_groups[0]["lr"])
        return original()

    optimiser.step = step
    strategy._model.epoch(rng=np.random.default_rng(0))
    # Six rows: a batch of the mean length 3, then the 2 that are left.
    assert rates == pytest.approx([5.0, 5.0 * 2 / 3])


def test_first_and_second_order_and_both_kinds_of_softmax_differ(toy):
    def end(**settings):
        strategy = make(toy, epochs=2, **settings)
        proposals(strategy)
        return torch.cat([part.flatten() for part in logits(strategy)])

    plain = end()
    assert torch.equal(plain, end())
    for other in ({"order": "second"}, {"softmax": "node"}, {"batch_norm": False}, {"learning_rate": 1.0}):
        assert not torch.equal(plain, end(**other)), other


@pytest.mark.parametrize("softmax", ["edge", "node"])
@pytest.mark.parametrize("part", ["intra", "inter", "joint"])
def test_entropy_says_how_undecided_the_architecture_is(toy, part, softmax):
    strategy = make(toy, part=part, softmax=softmax, epochs=1)
    strategy.ask()
    model = strategy._model
    with torch.no_grad():
        for parameter in model.architecture:
            parameter.zero_()
    assert model.entropy() == pytest.approx(1)
    with torch.no_grad():
        for parameter in model.architecture:
            parameter[..., 2] = torch.rand(parameter.shape[:-1]).argsort(dim=-1) * 100.0 + 100
    assert model.entropy() == pytest.approx(0, abs=1e-6)


def test_proposals_only_at_the_end(toy):
    every = proposals(make(toy))
    assert proposals(make(toy, epochs_per_proposal=9)) == every[-1:]
    assert proposals(make(toy, epochs_per_proposal=2)) == every[1::2]


def test_torch_is_left_as_it_was(toy):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    make(toy).ask()
    assert torch.equal(torch.get_rng_state(), before)


# --- resuming --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "stop"),
    [("sequential", 1), ("sequential", 2), ("sequential", 3), ("joint", 0), ("joint", 2), ("joint", 4)],
)
def test_restored_after_any_epoch_it_goes_on_to_the_same_numbers(toy, part, stop):
    whole = make(toy, part=part)
    expected = proposals(whole)
    first = make(toy, part=part)
    begun = [architecture for _ in range(stop) for architecture in first.ask()]
    resumed = make(toy, seed=99, part=part)
    resumed.load_state(first.state())
    assert begun + proposals(resumed) == expected
    for ours, theirs in zip(logits(resumed), logits(whole), strict=True):
        assert torch.equal(ours, theirs)


def test_a_state_of_other_settings_or_of_another_recipe_is_refused(toy):
    state = make(toy, part="intra").state()
    with pytest.raises(InvalidSetting, match="saved with settings"):
        make(toy, part="joint").load_state(state)
    with pytest.raises(InvalidSetting, match="recipe"):
        make(toy, part="intra", epochs=7).load_state(state)


def test_a_study_charges_the_seconds_of_the_search_and_keeps_them(toy, tmp_path):
    study = ganas.Study(toy, "ess", budget=4, seed=0).run(1)
    spent = study.ledger.search_seconds
    assert 0 < spent <= study.ledger.wall_seconds
    assert study.entries[0].simulated_seconds == pytest.approx(spent + 100)
    study.save(tmp_path / "study.npz")
    again = ganas.Study(toy, "ess", budget=4, seed=0).load(tmp_path / "study.npz")
    assert again.ledger.search_seconds == spent
    assert again.entries[0].simulated_seconds == study.entries[0].simulated_seconds
    assert again.run().trace["architecture"].tolist() == study.run().trace["architecture"].tolist()
    assert again.ledger.search_seconds > spent
    assert again.trace["simulated_seconds"].is_monotonic_increasing


def test_an_interrupted_run_goes_on_from_its_state(tmp_path, monkeypatch):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path / "home"))
    toy = ToyBenchmark(ganas.load_space("rnn-mini"))
    place = {"benchmarks": {toy.name: toy}}
    experiment = ganas.Experiment((toy.name,), ("ess",), (0,), 4)
    whole = ganas.run_experiment(experiment, tmp_path / "whole", **place)
    asked = []
    original = ESS.ask

    def ask(self, count=1):
        if len(asked) == 2:
            raise KeyboardInterrupt
        asked.append(count)
        return original(self, count)

    monkeypatch.setattr("ganas.worker._COMMIT_SECONDS", 0.0)
    monkeypatch.setattr(ESS, "ask", ask)
    with pytest.raises(KeyboardInterrupt):
        ganas.run_experiment(experiment, tmp_path / "killed", **place)
    assert len(list((tmp_path / "killed" / "states").iterdir())) == 1
    trained = []

    def ask_again(self, count=1):
        trained.append(self._done)
        return original(self, count)

    monkeypatch.setattr(ESS, "ask", ask_again)
    resumed = ganas.run_experiment(experiment, tmp_path / "killed", **place)
    assert trained[0] == 2
    assert not list((tmp_path / "killed" / "states").iterdir())
    assert traces(resumed) == traces(whole)


def traces(folder):
    from ganas.store import Store

    with Store(folder, create=False) as store:
        return store.evaluations(["query", "architecture", "value"]).to_dict("records")


# --- data ------------------------------------------------------------------------------------------------------------


class TrainingOnly(Mapping[str, Any]):
    """Splits of which only that for training may be read."""

    def __init__(self, train):
        self.train = train

    def __getitem__(self, split):
        if split != "train":
            raise AssertionError(f"the split {split} was read")
        return self.train

    def __iter__(self):
        return iter(["train"])

    def __len__(self):
        return 1


@dataclass(frozen=True, slots=True)
class GuardedText(LanguageText):
    length: int = 80

    def read(self, protocol):
        words = tuple(f"w{number}" for number in range(6))
        return LanguageCorpus("guarded", words, TrainingOnly(np.arange(self.length) ** 2 % 7 % 6))


PROTOCOL = replace(MINI, epochs=1, hidden=4, batch=4, bptt=5, bptt_least=2)


def guarded(length=80, protocol=PROTOCOL, space="rnn-mini"):
    core = "ganas.bench.training.language.recurrent:recurrent_core"
    task = LanguageTask(ganas.load_space(space), GuardedText("bbcnews", length=length), protocol, core=core)
    return TrainerBenchmark("train-guarded", task, machine=Machine("cpu"))


def test_only_training_data_are_read_in_two_halves():
    trainer = guarded()
    task = trainer.training_task()
    halves = task.halves()
    assert halves.words == 6
    assert np.array_equal(np.concatenate([halves.weights, halves.architecture]), np.arange(80) ** 2 % 7 % 6)
    assert len(halves.weights) == len(halves.architecture) == 40
    study = ganas.Study(trainer, "ess", budget=1, seed=0, settings={"epochs": 1})
    (asked,) = study.strategy.ask()
    assert trainer.space.is_valid(trainer.space.encode(asked))


def test_the_halves_are_learned_from_by_those_they_are_for(monkeypatch):
    trainer = guarded()
    strategy = ganas.Study(trainer, "ess", budget=1, seed=0, settings={"epochs": 1}).strategy
    strategy.ask()
    model = strategy._model
    halves = trainer.training_task().halves()
    for stream, half in ((model._weight_half, halves.weights), (model._architecture_half, halves.architecture)):
        assert np.array_equal(stream.rows.t().flatten().numpy(), half)


def test_hidden_states_of_the_halves_are_carried_apart():
    strategy = ganas.Study(guarded(), "ess", budget=1, seed=0, settings={"epochs": 1}).strategy
    strategy.ask()
    ours, theirs = strategy._model._weight_half.state, strategy._model._architecture_half.state
    assert all(a.shape == b.shape and not torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("benchmark", ["nasbench201-cifar10", "nasbenchgraph-cora"])
def test_benchmarks_without_training_data_refuse(benchmark, tmp_path):
    line = f"'ess' trains a network of its own, and '{benchmark}' is a table: only trainers"
    with pytest.raises(NotSupported, match=line):
        ganas.Study(benchmark, "ess", budget=2, seed=0)
    toy = ToyBenchmark(ganas.load_space("rnn-mini"))
    experiment = ganas.Experiment((toy.name, benchmark), ("random-search", "ess"), (0,), 2)
    with pytest.raises(NotSupported, match=f"ess does not run on {benchmark}: {line}"):
        ganas.run_experiment(experiment, tmp_path / "run", benchmarks={toy.name: toy})
    assert not (tmp_path / "run").exists()


def test_two_benchmarks_of_one_space_are_both_asked_for_training_data(toy, tmp_path):
    class Silent(ToyBenchmark):
        def training_task(self):
            raise NotSupported("'silent' has none")

    silent = Silent(toy.space)
    silent.name = "silent"
    with pytest.raises(NotSupported, match="ess does not run on silent"):
        ganas.run_experiment(
            ganas.Experiment((toy.name, "silent"), ("ess",), (0,), 2),
            tmp_path,
            benchmarks={toy.name: toy, "silent": silent},
        )


def test_another_strategy_is_given_no_training_data(toy):
    assert ganas.Study(toy, "random-search", budget=2, seed=0).problem.training_task is None


def test_an_lstm_alone_is_not_searched():
    task = LanguageTask(ganas.load_space("rnn"), LanguageText("bbcnews"), MINI, core="ganas.x:y", baseline="LSTM")
    with pytest.raises(NotSupported, match="no relaxed network of 'LSTM'"):
        task.training_task(Machine())


def test_a_text_that_is_too_short_for_its_columns_is_one_line():
    with pytest.raises(DataError, match=r"the weight half of the training text .* too few"):
        ganas.Study(guarded(length=14), "ess", budget=1, seed=0).strategy.ask()


def test_a_search_that_breaks_down_says_so(toy):
    strategy = make(toy, learning_rate=1e30, clip=1e30)
    with pytest.raises(TrainingFailed, match=r"broke down in epoch .*for the 4\. time"):
        proposals(strategy)


# --- recipes and settings --------------------------------------------------------------------------------------------


def test_the_full_recipe_is_that_of_the_code_of_darts():
    recipe = search_protocol_for(FULL)
    assert recipe == SEARCH_FULL
    assert (recipe.epochs, recipe.hidden, recipe.batch, recipe.bptt) == (50, 300, 256, 35)
    assert (recipe.learning_rate, recipe.clip, recipe.weight_decay) == (20.0, 0.25, 5e-7)
    assert (recipe.architecture_learning_rate, recipe.architecture_weight_decay) == (3e-3, 1e-3)
    assert recipe.sources["architecture_learning_rate"] == "DARTS code, rnn/train_search.py"
    dropouts = ("dropout", "dropout_hidden", "dropout_cell", "dropout_input", "dropout_embedding")
    assert [getattr(recipe, name) for name in dropouts] == [0.75, 0.25, 0.75, 0.2, 0.0]
    rng = np.random.default_rng(0)
    assert {draw_length(recipe, rng=rng) for _ in range(200)} == {35, 17}
    assert recipe.sources["bptt_deviation"] == "DARTS code, rnn/train_search.py"


def test_a_miniature_is_searched_with_its_own_sizes():
    recipe = search_protocol_for(PROTOCOL)
    assert (recipe.hidden, recipe.batch, recipe.train_words) == (4, 4, MINI.train_words)
    assert recipe.epochs == 10


def test_settings_are_checked():
    assert make_settings(ESS, {"epochs": "3", "learning_rate": "0.5"}) == ESSSettings(epochs=3, learning_rate=0.5)
    for values, line in (
        ({"part": "both"}, "part must be"),
        ({"order": "third"}, "order must be"),
        ({"softmax": "cell"}, "softmax must be"),
        ({"cell": "DARTS_V3"}, "unknown cell"),
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"batch": 1}, "batch must be at least 2"),
        ({"clip": 0.0}, "clip must be above 0"),
        ({"part": "sequential", "epochs": 1}, "at least 2 epochs"),
    ):
        with pytest.raises(ganas.GanasError, match=line):
            ESSSettings(**values)


def test_a_space_with_a_fixed_part_is_searched_in_the_other_only():
    class Cells(RecurrentSpace, name="rnn-mini", title="cells", nodes=3, connections=PLAIN):
        pass

    toy = ToyBenchmark(Cells())
    with pytest.raises(InvalidSetting, match="only one choice of connections: part must be 'intra'"):
        make(toy)
    assert len(proposals(make(toy, part="intra", epochs=1))) == 1


def test_a_cell_that_is_smaller_than_those_of_the_space_is_refused():
    toy = ToyBenchmark(ganas.load_space("rnn-enas"))
    with pytest.raises(InvalidSetting, match="'DARTS_V2' has 8 nodes"):
        make(toy, part="inter")
    assert make(toy, part="inter", cell="ENAS", epochs=1).ask()


def test_other_spaces_are_refused(toy):
    problem = ganas.Problem(ganas.load_space("nasbench201"), (toy.metric(),), training_task=toy.training_task())
    with pytest.raises(NotSupported, match="recurrent spaces"):
        ESS(problem, rng=np.random.default_rng(0))
