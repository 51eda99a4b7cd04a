"""The interface of nats-bench over converted tables, beside the package itself on the same records."""

import io
import itertools
import random
import re
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest

from ganas.bench.natsbench import create
from ganas.data.convert.natsbench import convert
from ganas.spaces.errors import (
    DataError,
    EpochNotMeasured,
    GanasError,
    InvalidSetting,
    MalformedArchitecture,
    NotSupported,
    RunNotMeasured,
    TrialNotMeasured,
    UnknownName,
)
from tests.data.natsbench_answers import close, quietly
from tests.data.natsbench_files import (
    ONE,
    SIZE_SAMPLES,
    THREE,
    TOPOLOGY_SAMPLES,
    nasbench201,
    natsbench,
    results,
    save_folder,
    save_torch,
)

COUNT = 6
DATASETS = ("cifar10-valid", "cifar10", "cifar100", "ImageNet16-120")
NAMES = {"tss": "NATS-tss-v1_0-3ffb9-simple", "sss": "NATS-sss-v1_0-50262-simple"}
SPACES = {"tss": "topology", "sss": "size"}
RUNS = {"tss": ("12", "200"), "sss": ("01", "12", "90")}
needs_samples = pytest.mark.skipif(
    not TOPOLOGY_SAMPLES.is_dir(), reason="the official records beside the checkout are absent"
)


def theirs(path, space):
    import nats_bench

    return quietly(nats_bench.create, str(path), space, fast_mode=True, verbose=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A home with both search spaces converted, and the directories that they are of."""
    home = tmp_path_factory.mktemp("home")
    for space, name in NAMES.items():
        content = natsbench(SPACES[space], COUNT, seed=31)
        # The package has no answer where two trials of 12 epochs differ in their parameters.
        for runs in content["arch2infos"].values():
            for trial in runs["12"]["all_results"].values():
                trial["params"], trial["flop"] = 0.5, 50.0
        save_folder(content, home / name)
        convert(home / name, f"natsbench-{SPACES[space]}", folder=home / "tables")
    return home


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    home = tmp_path_factory.mktemp("real")
    for space, path in (("topology", TOPOLOGY_SAMPLES), ("size", SIZE_SAMPLES)):
        convert(path, f"natsbench-{space}", folder=home / "tables")
    return home


@pytest.fixture
def home(made, monkeypatch):
    monkeypatch.setenv("GANAS_HOME", str(made))
    return made


def alike(first, second):
    """Whether two answers have the same keys and numbers."""
    assert first.keys() == second.keys()
    for key, value in first.items():
        assert (value is None and second[key] is None) or close(value, second[key]), key
    return True


def same_info(ours, official, index, dataset, iepoch, hp, seed):
    wanted = official.get_more_info(index, dataset, iepoch, hp, seed)
    wanted.pop("comment", None)
    return alike(ours.get_more_info(index, dataset, iepoch, hp, seed), wanted)


# --- agreement ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", NAMES)
def test_get_more_info(home, space):
    ours, official = create(str(home / NAMES[space]), space), theirs(home / NAMES[space], space)
    for dataset, hp in itertools.product(DATASETS, RUNS[space]):
        for iepoch in {None, 0, min(5, int(hp) - 1), int(hp) - 2, int(hp) - 1} - {-1}:
            for seed in (False, 777, 111, 888):
                for index in (0, 4):
                    try:
                        official.get_more_info(index, dataset, iepoch, hp, seed)
                    except ValueError:
                        with pytest.raises(TrialNotMeasured):
                            ours.get_more_info(index, dataset, iepoch, hp, seed)
                    else:
                        assert same_info(ours, official, index, dataset, iepoch, hp, seed)
                        if hp != "01":  # which the package takes as a string alone
                            notation = official.arch(index)
                            assert same_info(ours, official, notation, dataset, iepoch, int(hp), seed)


@pytest.mark.parametrize("space", NAMES)
def test_cost_and_latency(home, space):
    ours, official = create(None, space), theirs(home / NAMES[space], space)
    for index, dataset, hp in itertools.product(range(COUNT), DATASETS, RUNS[space]):
        assert alike(ours.get_cost_info(index, dataset, hp), official.get_cost_info(index, dataset, hp))
        assert close(ours.get_latency(index, dataset, hp), official.get_latency(index, dataset, hp))
    assert ours.get_cost_info(1, "cifar10") == ours.get_cost_info(1, "cifar10", hp=12)


@pytest.mark.parametrize("space", NAMES)
def test_architectures(home, space):
    ours, official = create(None, space), theirs(home / NAMES[space], space)
    assert len(ours) == len(official) == COUNT and list(ours) == list(official) == list(ours.meta_archs)
    assert ours.evaluated_indexes == set(range(COUNT)) and ours.search_space_name == official.search_space_name
    assert (ours.is_size, ours.is_topology) == (official.is_size, official.is_topology)
    assert ours.full_train_epochs == official.full_train_epochs
    assert repr(ours).startswith(f"<NATSBench {SPACES[space]}: 6 architectures on cifar10-valid, cifar10, ")

    class Drawn:
        def __init__(self, text):
            self.text = text

        def tostr(self):
            return self.text

    for index in range(COUNT):
        notation = official.arch(index)
        assert ours.arch(index) == ours[index] == notation
        for given in (index, notation, Drawn(notation)):
            assert ours.query_index_by_arch(given) == official.query_index_by_arch(given) == index
        if space == "tss":
            assert ours.get_unique_str(index) == official.get_unique_str(index)
            assert ours.get_unique_str(notation) == official.get_unique_str(notation)
        else:
            assert ours.get_unique_str(notation) == notation
    for unknown in ("nonsense", "", Drawn("nonsense"), None, 3.0):
        assert ours.query_index_by_arch(unknown) == official.query_index_by_arch(unknown) == -1
    # The package does not know a number of numpy, which is what a generator of numpy draws.
    assert ours.query_index_by_arch(np.int64(3)) == 3 and official.query_index_by_arch(np.int64(3)) == -1
    for outside in (-1, COUNT, 10**9):
        with pytest.raises(ValueError, match="Invalid architecture index"):
            official.query_index_by_arch(outside)
        for call in (ours.query_index_by_arch, ours.arch, ours.get_unique_str):
            with pytest.raises(
                InvalidSetting, match=f"no architecture {outside}: the tables hold 6 of [0-9,]+, with .* 5$"
            ):
                call(outside)


def test_unique_strings_of_the_whole_space_are_those_of_the_package():
    from nats_bench.genotype_utils import topology_str2structure

    from ganas.spaces.nasbench201.space import official_unique_string
    from ganas.spaces.registry import load_space

    space = load_space("nasbench201")
    for architecture in itertools.islice(space.enumerate(), 0, None, 97):
        structure = topology_str2structure(space.format(architecture))
        assert official_unique_string(architecture) == structure.to_unique_str(consider_zero=True)


@pytest.fixture
def same_draws(monkeypatch):
    """The package draws with the global generator: let it draw the last seed, and ours too."""
    monkeypatch.setattr(random, "choice", lambda seeds: sorted(seeds)[-1])

    class Last:
        def choice(self, seeds):
            return sorted(seeds)[-1]

    return Last()


@pytest.mark.parametrize("space", NAMES)
def test_simulate_train_eval(home, space, same_draws):
    ours, official = create(None, space), theirs(home / NAMES[space], space)
    ours._rng = same_draws
    assert ours.used_time == official.used_time == 0
    for index, dataset in itertools.product((0, 3), ("cifar10", "cifar100", "ImageNet16-120")):
        for hp in RUNS[space]:
            for account in (True, False):
                answer = ours.simulate_train_eval(index, dataset, hp=hp, account_time=account)
                wanted = official.simulate_train_eval(index, dataset, hp=hp, account_time=account)
                assert all(map(close, answer, wanted)) and close(ours.used_time, official.used_time)
        for iepoch in (0, 5, 11):
            answer = ours.simulate_train_eval(official.arch(index), dataset, iepoch, "12")
            assert all(map(close, answer, official.simulate_train_eval(official.arch(index), dataset, iepoch, "12")))
    answer = ours.simulate_train_eval(2, "cifar10", iepoch=3, hp=RUNS[space][-1])
    assert all(map(close, answer, official.simulate_train_eval(2, "cifar10", iepoch=3, hp=RUNS[space][-1])))
    for api in (ours, official):
        assert api.used_time > 1000
        api.reset_time()
        assert api.used_time == 0


# What official scripts ask at their end, as exps/NATS-Bench of AutoDL-Projects does.
SETS = {
    "cifar10-valid": ("train", "valid", "x-valid", "ori-test"),
    "cifar10": ("train", "valid", "test"),
    "cifar100": ("train", "valid", "test", "x-valid", "x-test", "ori-test"),
    "ImageNet16-120": ("train", "valid", "test", "ori-test"),
}


def numbers_in(text):
    """The decimal fractions in a text, which accuracies, losses, sizes and latencies are."""
    return re.findall(r"\d+\.\d+", text)


def same_ends(ours, official, indices, runs):
    """Whether both say the same of all architectures together, and at the end of each run."""
    for hp in runs:
        for index in indices:
            theirs, mine = (quietly(api.query_info_str_by_arch, index, hp) for api in (official, ours))
            assert mine == ours.query_info_str_by_arch(ours.arch(index), int(hp)) == ours.query_by_arch(index, hp)
            assert len(numbers_in(theirs)) > 20 and not {*numbers_in(theirs)} - {*numbers_in(mine)}
            assert all(official_name in mine for official_name in (ours.arch(index), *DATASETS))
        for dataset, sets in SETS.items():
            assert ours.statistics(dataset, hp) == ours.statistics(dataset, int(hp)) == official.statistics(dataset, hp)
            for of_set in sets:
                for flops, params in ((None, None), (80, None), (None, 0.3), (60, 0.3), (0.0, None)):
                    found = ours.find_best(dataset, of_set, flops, params, hp)
                    wanted = official.find_best(dataset, of_set, flops, params, hp)
                    assert found[0] == wanted[0]
                    assert found[1] == wanted[1] or close(found[1], wanted[1])
    return True


def loaded(official, indices):
    """The package in fast mode looks at all that its list names, or at what it has read: let it read them."""
    for index in indices:
        official._prepare_info(index)
    official.reset_fast_mode(False)
    return official


@pytest.mark.parametrize("space", NAMES)
def test_what_scripts_ask_at_their_end(home, space):
    ours, official = create(None, space), loaded(theirs(home / NAMES[space], space), range(COUNT))
    assert same_ends(ours, official, range(COUNT), RUNS[space])
    assert ours.avaliable_hps == sorted(official.avaliable_hps) == sorted(RUNS[space])
    assert ours.full_epochs_in_paper == official.full_epochs_in_paper == int(RUNS[space][-1])
    assert ours.archstr2index == official.archstr2index
    assert ours.find_best("cifar100", "valtest", hp=12) == ours.find_best("cifar100", "ori-test", hp=12)
    if space == "tss":
        for index, dataset in itertools.product(range(COUNT), DATASETS):
            assert ours.get_net_config(index, dataset) == official.get_net_config(index, dataset)


@needs_samples
@pytest.mark.parametrize(("space", "path"), [("tss", TOPOLOGY_SAMPLES), ("sss", SIZE_SAMPLES)])
def test_what_scripts_ask_at_their_end_of_the_real_records(real, monkeypatch, space, path):
    monkeypatch.setenv("GANAS_HOME", str(real))
    indices = (0, 11, 284)
    ours, official = create(None, space), loaded(theirs(path, space), indices)
    assert same_ends(ours, official, indices, RUNS[space])
    for index, dataset in itertools.product(indices, DATASETS):
        assert ours.get_net_config(index, dataset) == official.get_net_config(index, dataset)
    assert ours.filename == path.name == official.filename


def test_equal_accuracies_give_the_lowest_number(tmp_path, monkeypatch):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path))
    content = natsbench("topology", 4)
    # The official order is not that of the keys of a table.
    content["meta_archs"].reverse()
    content["arch2infos"] = {
        index: {
            run: results(np.random.default_rng(1), index, content["meta_archs"][index], int(run), ONE)
            for run in ("12", "200")
        }
        for index in range(4)
    }
    save_folder(content, tmp_path / NAMES["tss"])
    convert(tmp_path / NAMES["tss"], "natsbench-topology")
    ours, official = create(None, "tss"), loaded(theirs(tmp_path / NAMES["tss"], "tss"), range(4))
    assert (
        ours.find_best("cifar100", "test") == official.find_best("cifar100", "test")
        and ours.find_best("cifar100", "test")[0] == 0
    )


def test_showing(home, capsys):
    api = create(None, "tss")
    api.show(2)
    printed = capsys.readouterr().out
    assert printed == "".join(f"{api.query_info_str_by_arch(2, hp)}\n" for hp in RUNS["tss"])
    api.show()
    printed = capsys.readouterr().out
    assert printed.startswith(repr(api)) and printed.count("after 200 epochs") == COUNT


def test_notations_taken_apart(home):
    from nats_bench.api_topology import NATStopology

    api = create(None, "tss")
    for text in (*api, "|nor_conv_1x1~0|+|skip_connect~1|", "|none~0|"):
        assert api.str2lists(text) == NATStopology.str2lists(text)
        assert np.array_equal(api.str2matrix(text), NATStopology.str2matrix(text))
    few = ["none", "nor_conv_1x1"]
    assert api.str2matrix("|nor_conv_1x1~0|", few).tolist() == NATStopology.str2matrix("|nor_conv_1x1~0|", few).tolist()


@pytest.mark.parametrize("space", NAMES)
def test_every_name_of_the_package_is_answered_or_refused(home, space):
    ours, official = create(None, space), theirs(home / NAMES[space], space)
    refused = set()
    for name in dir(official):
        if name.startswith("_"):
            continue
        try:
            getattr(ours, name)
        except NotSupported as error:
            assert str(error).startswith(f"nats-bench has {name!r}; ") and not hasattr(ours, name)
            refused.add(name)
    assert refused == {
        *("arch2infos_dict", "archive_dir", "fast_mode", "get_net_param", "query_by_index"),
        *("query_meta_info_by_index", "reset_archive_dir", "reset_fast_mode"),
    }
    with pytest.raises(NotSupported, match="nats-bench has 'get_net_param'; converted tables hold no weights"):
        ours.get_net_param(0, "cifar10", None)
    with pytest.raises(AttributeError, match="'NATSBench' object has no attribute 'get_more_inf'"):
        ours.get_more_inf  # noqa: B018
    before = ours.get_cost_info(0, "cifar10")
    for change in (ours.reload, lambda: ours.reload("/nowhere", 3), lambda: ours.clear_params(0, "12")):
        assert change() is None
    assert ours.get_cost_info(0, "cifar10") == before


@needs_samples
def test_the_real_records(real, monkeypatch, same_draws):
    monkeypatch.setenv("GANAS_HOME", str(real))
    for space, path in (("tss", TOPOLOGY_SAMPLES), ("sss", SIZE_SAMPLES)):
        ours, official = create(str(path), space), theirs(path, space)
        ours._rng = same_draws
        assert list(ours) == [official.arch(index) for index in (0, 11, 284)]
        for index, dataset, hp in itertools.product((0, 11, 284), DATASETS, RUNS[space]):
            for iepoch, seed in itertools.product({None, 0, int(hp) // 2, int(hp) - 1}, (False, 777)):
                if not (seed and space == "tss" and hp == "12" and dataset != "cifar10-valid"):
                    assert same_info(ours, official, index, dataset, iepoch, hp, seed)
            assert alike(ours.get_cost_info(index, dataset, hp), official.get_cost_info(index, dataset, hp))
            if dataset != "cifar10-valid":
                wanted = official.simulate_train_eval(index, dataset, hp=hp)
                assert all(map(close, ours.simulate_train_eval(index, dataset, hp=hp), wanted))
    accuracy, latency, seconds, used = create(None, "tss").simulate_train_eval(11, "cifar10", hp="12")
    assert (round(seconds, 3), used, round(latency, 4)) == (153.696, seconds, 0.0162) and 0 < accuracy < 100


@needs_samples
def test_the_accuracy_on_test_images_is_not_returned_as_validation(real, monkeypatch, same_draws):
    monkeypatch.setenv("GANAS_HOME", str(real))
    ours, official = create(str(TOPOLOGY_SAMPLES), "tss"), theirs(TOPOLOGY_SAMPLES, "tss")
    ours._rng = same_draws
    # What the package calls the validation accuracy is that on validation and test images together.
    answer = official.simulate_train_eval(11, "cifar100", iepoch=50, hp="200")
    assert round(answer[0], 2) == 33.32
    assert answer[0] == official.get_more_info(11, "cifar100", 50, "200", 999)["valtest-accuracy"]
    with pytest.raises(EpochNotMeasured, match=r"'valid_accuracy' at epoch 200 .* not at 51"):
        ours.simulate_train_eval(11, "cifar100", iepoch=50, hp="200")
    assert ours.used_time == 0
    # It can be asked for by its name, and the validation accuracy of the end is there.
    info = ours.get_more_info(11, "cifar100", 50, "200", 999)
    assert round(info["valtest-accuracy"], 2) == 33.32 and "valid-accuracy" not in info
    last = ours.simulate_train_eval(11, "cifar100", hp="200")[0]
    assert close(last, official.simulate_train_eval(11, "cifar100", hp="200")[0]) and last > 60
    # On CIFAR-10 the validation accuracy of every epoch is there.
    assert close(
        ours.simulate_train_eval(11, "cifar10", 50, "200")[0], official.simulate_train_eval(11, "cifar10", 50, "200")[0]
    )


# --- existing scripts ---------------------------------------------------------------------------------------------

SCRIPT = """
from nats_bench import create

import random
random.seed(1)
api = create({path!r}, {space!r}, fast_mode=True, verbose=False)
best, history = None, []
while api.used_time < 3000:
    index = random.randint(0, len(api) - 1)
    arch = api.arch(index)
    accuracy, latency, seconds, used = api.simulate_train_eval(arch, dataset="cifar10", hp="12")
    history.append((index, accuracy, latency, seconds, used))
    if best is None or accuracy > best[1]:
        best = (index, accuracy)
for index, arch in enumerate(api):
    assert api.query_index_by_arch(arch) == index
info = api.get_more_info(best[0], "cifar10", iepoch=None, hp={long!r}, is_random=False)
cost = api.get_cost_info(best[0], "cifar10")
api.clear_params(best[0], None)
final = api.query_info_str_by_arch(api.arch(best[0]), {long!r})
assert api.arch(best[0]) in final and "cifar100" in final
print(api.find_best("cifar10", "valid", hp={long!r})[0])
print(len(history), best[0], round(info["test-accuracy"], 6), round(cost["latency"], 9), round(api.used_time, 3))
api.reset_time()
"""


@pytest.mark.parametrize("space", NAMES)
def test_a_script_runs_with_another_import(tmp_path, space, monkeypatch):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path))
    content, rng = natsbench(SPACES[space], COUNT), np.random.default_rng(32)
    # With one seed both draw the same trial.
    for index, runs in content["arch2infos"].items():
        for hp in runs:
            runs[hp] = results(rng, index, content["meta_archs"][index], int(hp), ONE)
    save_folder(content, tmp_path / NAMES[space])
    convert(tmp_path / NAMES[space], f"natsbench-{SPACES[space]}")
    script = SCRIPT.format(path=str(tmp_path / NAMES[space]), space=space, long=RUNS[space][-1])
    printed = []
    for text in (script, script.replace("from nats_bench import", "from ganas.bench.natsbench import")):
        out = io.StringIO()
        with redirect_stdout(out):
            exec(compile(text, "script", "exec"), {})
        printed.append(out.getvalue().splitlines()[-2:])
    assert printed[0] == printed[1] and int(printed[0][1].split()[0]) > 10


def test_arguments_in_the_order_of_the_package(home):
    for arguments in [
        (str(home / NAMES["tss"]), "tss", True, False),
        (home / NAMES["tss"], "topology", False),
        (None, "tss"),
    ]:
        assert len(create(*arguments)) == COUNT
    assert len(create(str(home / NAMES["tss"]), "tss", fast_mode=True, verbose=False)) == COUNT
    # A script that names the packed file gets the same records.
    assert len(create("/nowhere/NATS-tss-v1_0-3ffb9.pickle.pbz2", "tss", fast_mode=False, verbose=True)) == COUNT


def test_nothing_is_printed(home, capfd):
    api = create(None, "tss", verbose=True)
    api.get_more_info(0, "cifar10")
    api.simulate_train_eval(0, "cifar10")
    assert capfd.readouterr() == ("", "")


# --- draws --------------------------------------------------------------------------------------------------------


def draws(api):
    infos = [api.get_more_info(index, "cifar100", hp="200")["test-accuracy"] for index in range(COUNT)]
    simulated = [api.simulate_train_eval(index, "cifar10", hp="200")[0] for index in range(COUNT)]
    return infos, simulated, [api.random() for _ in range(40)]


def test_draws_depend_on_the_seed_alone(home):
    state = random.getstate()
    first = draws(create(None, "tss", seed=7))
    assert random.getstate() == state
    random.seed(0)
    np.random.seed(0)
    assert draws(create(None, "tss", seed=7)) == first
    assert draws(create(None, "tss", seed=8)) != first
    assert draws(create(None, "tss")) == draws(create(None, "tss", seed=0))
    assert set(first[2]) == set(range(COUNT))


def test_every_trial_is_drawn(home):
    api = create(None, "tss")
    drawn = {api.get_more_info(2, "cifar100", hp="200")["test-accuracy"] for _ in range(60)}
    assert drawn == {api.get_more_info(2, "cifar100", None, "200", seed)["test-accuracy"] for seed in (777, 888, 999)}
    # Those of the run: it has a seed that the others have not.
    drawn = {api.get_more_info(2, "cifar10-valid", hp="12")["test-accuracy"] for _ in range(40)}
    assert drawn == {api.get_more_info(2, "cifar10-valid", None, "12", seed)["test-accuracy"] for seed in (111, 777)}


# --- errors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda api: api.get_more_info(0, "cifar"), UnknownName, "unknown data set 'cifar'.*did you mean 'cifar10'"),
        (lambda api: api.get_cost_info(0, "imagenet"), UnknownName, "unknown data set 'imagenet'"),
        (lambda api: api.simulate_train_eval(0, "cifar10-valid"), UnknownName, "known are ImageNet16-120, cifar10, "),
        (lambda api: api.get_more_info(6, "cifar10"), InvalidSetting, "no architecture 6"),
        (
            lambda api: api.get_more_info("nonsense", "cifar10"),
            InvalidSetting,
            "'nonsense' is no architecture of 'nasb.* as in \\|none",
        ),
        (
            lambda api: api.get_cost_info("|avg_pool_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|", "cifar10"),
            InvalidSetting,
            r"^\|avg_pool.*\| is not among the architectures of these tables, which hold 6 of 15,625$",
        ),
        (
            lambda api: api.get_cost_info(f" {api.arch(3)}", "cifar10"),
            InvalidSetting,
            r"^' \|none~0.*' is written \|none~0",
        ),
        (lambda api: api.find_best("cifar100", "val"), UnknownName, "unknown set of images of 'cifar100' 'val': known"),
        (lambda api: api.find_best("cifar10-valid", "x-test"), UnknownName, "known are ori-test, test, train, valid, "),
        (lambda api: api.find_best("cifar", "test"), UnknownName, "unknown data set 'cifar'"),
        (lambda api: api.find_best("cifar10", "test", hp="90"), RunNotMeasured, "not of 90"),
        (lambda api: api.statistics("cifar10", 90), RunNotMeasured, "not of 90"),
        (lambda api: api.query_info_str_by_arch(0, "90"), RunNotMeasured, "not of 90"),
        (lambda api: api.query_info_str_by_arch("nonsense", "12"), InvalidSetting, "'nonsense' is no architecture"),
        (lambda api: api.get_net_config(6, "cifar10"), InvalidSetting, "no architecture 6"),
        (lambda api: api.get_net_config(0, "cifar"), UnknownName, "unknown data set 'cifar'"),
        (lambda api: api.show(6), InvalidSetting, "no architecture 6"),
        (lambda api: api.show("0"), InvalidSetting, "index must be a whole number"),
        (lambda api: api.str2lists("nonsense"), MalformedArchitecture, "'nonsense' is no topology: nodes joined by"),
        (lambda api: api.str2matrix("|none~1|"), MalformedArchitecture, "node 1 of .* reads node 1, not one before it"),
        (lambda api: api.str2matrix("|conv~0|"), UnknownName, "unknown operation 'conv'"),
        (lambda api: api.get_more_info(0, "cifar10", hp="90"), RunNotMeasured, "runs of 12.* 200 epochs, not of 90"),
        (lambda api: api.get_cost_info(0, "cifar10", hp="90"), RunNotMeasured, "not of 90"),
        (lambda api: api.get_latency(0, "cifar10", 90), RunNotMeasured, "not of 90"),
        (lambda api: api.get_more_info(0, "cifar10", hp="full"), InvalidSetting, "hp must be a whole number"),
        (lambda api: api.get_more_info(0, "cifar10", hp=None), InvalidSetting, "hp must be a whole number"),
        (lambda api: api.get_more_info(0, "cifar10", iepoch=12), EpochNotMeasured, "1 to 12|not at 13"),
        (lambda api: api.get_more_info(0, "cifar10", iepoch=-1), EpochNotMeasured, "not at 0"),
        (lambda api: api.get_more_info(0, "cifar10", iepoch="5"), InvalidSetting, "iepoch must be a whole number"),
        (lambda api: api.get_more_info(0, "cifar10", is_random=5), TrialNotMeasured, "seeds 111, not 5"),
        (lambda api: api.get_more_info(0, "cifar10", is_random=None), InvalidSetting, "is_random must be a whole"),
        (lambda api: api.get_more_info(0, "cifar10", is_random="yes"), InvalidSetting, "is_random must be a whole"),
    ],
)
def test_errors_are_one_line(home, call, error, message):
    api = create(None, "tss")
    with pytest.raises(error, match=message) as caught:
        call(api)
    assert "\n" not in str(caught.value)
    assert api.used_time == 0


def test_a_run_of_some_epochs_is_no_run_of_others(home):
    api = create(None, "sss")
    assert api.get_more_info(0, "cifar10", hp="01") == api.get_more_info(0, "cifar10", hp=1)
    with pytest.raises(RunNotMeasured, match="not of 200"):
        api.get_more_info(0, "cifar10", hp="200")


def test_an_unknown_search_space(home):
    with pytest.raises(UnknownName, match="unknown search space 'nats'"):
        create(None, "nats")
    with pytest.raises(UnknownName, match="unknown family of tables 'nasbench201'"):
        create(None, "tss", family="nasbench201")
    for given in ({"meta_archs": []}, 5):
        with pytest.raises(NotSupported, match=r"is a path or None, and not of type (dict|int): convert"):
            create(given, "tss")


@pytest.mark.parametrize(
    ("given", "space", "command"),
    [
        (None, "tss", "`ganas data convert NATS-tss-v1_0-3ffb9.pickle.pbz2`"),
        (None, "size", "`ganas data convert NATS-sss-v1_0-50262.pickle.pbz2`"),
        ("/data/NATS-tss-v1_0-3ffb9-simple", "tss", "`ganas data convert /data/NATS-tss-v1_0-3ffb9-simple`"),
        ("/my data/some", "sss", "`ganas data convert '/my data/some' --as natsbench-size`"),
    ],
)
def test_tables_that_are_not_there(tmp_path, monkeypatch, given, space, command):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path))
    with pytest.raises(DataError, match="is not converted yet") as caught:
        create(given, space)
    assert command in str(caught.value) and "\n" not in str(caught.value)


def test_tables_of_another_file(home):
    with pytest.raises(DataError) as caught:
        create("/data/my-own-tss", "tss")
    assert str(caught.value) == (
        f"the table 'natsbench-topology-cifar10' was converted from {NAMES['tss']}, not from /data/my-own-tss: run "
        "`ganas data convert /data/my-own-tss --as natsbench-topology --overwrite`"
    )


# --- tables of other files ----------------------------------------------------------------------------------------


def test_nas_bench_201(tmp_path, monkeypatch):
    from nas_201_api import NASBench201API

    monkeypatch.setenv("GANAS_HOME", str(tmp_path))
    content = nasbench201(2, seed=33)
    save_torch(content, tmp_path / "NAS-Bench-201-v1_1-096897.pth")
    convert(tmp_path / "NAS-Bench-201-v1_1-096897.pth", "nasbench201-v1.1")
    ours = create(tmp_path / "NAS-Bench-201-v1_1-096897.pth", family="nasbench201-v1.1")
    official = NASBench201API(content, verbose=False)
    for index, dataset, hp in itertools.product(range(2), DATASETS, ("12", "200")):
        for iepoch, seed in itertools.product({None, 0, 7, int(hp) - 1}, (False, 777)):
            if seed is False or hp == "200" or dataset == "cifar10-valid":
                assert same_info(ours, official, index, dataset, iepoch, hp, seed)
    with pytest.raises(DataError, match=r"NAS-Bench-201 v1\.0 is not converted yet"):
        create(None, "tss", family="nasbench201-v1.0")


def test_architectures_without_a_data_set_are_there(tmp_path, monkeypatch):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path))
    content, rng = natsbench("size", 3), np.random.default_rng(34)
    for hp, runs in (("01", ONE), ("12", THREE), ("90", ONE)):
        held = {"cifar100": runs["cifar100"]}
        content["arch2infos"][1][hp] = results(rng, 1, content["meta_archs"][1], int(hp), held)
    save_folder(content, tmp_path / NAMES["sss"])
    convert(tmp_path / NAMES["sss"], "natsbench-size")
    api = create(None, "sss")
    assert len(api) == 3 and list(api) == content["meta_archs"]
    assert api.get_more_info(1, "cifar100", hp="90", is_random=777)["train-accuracy"]
    with pytest.raises(GanasError, match="not among the 2 architectures"):
        api.get_more_info(1, "cifar10", hp="90")
    text = api.query_info_str_by_arch(1, "90")
    assert "cifar100: " in text and "cifar10" not in text.replace("cifar100", "")
    assert api.statistics("cifar10", "90") == {1: 2, 0: 1} and api.statistics("cifar100", "90") == {1: 3}
    assert api.find_best("cifar10", "test", hp="90")[0] in (0, 2)


def test_opening_loads_neither_torch_nor_pandas(home):
    program = (
        "import sys; from ganas.bench.natsbench import create; api = create(None, 'tss'); "
        "api.simulate_train_eval(0, 'cifar10'); "
        "print([name for name in ('torch', 'pandas', 'scipy', 'nats_bench') if name in sys.modules])"
    )
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", program]
    assert subprocess.run(command, capture_output=True, text=True, check=True, cwd=root).stdout == "[]\n"
