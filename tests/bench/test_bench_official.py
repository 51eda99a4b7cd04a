"""Opened objects of the official packages as tables: the answers and the errors of the converted file."""

import pickle

import pytest

from ganas.bench.tabular import TabularBenchmark
from ganas.bench.testing import check_benchmark
from ganas.data.convert.natsbench import convert
from ganas.data.convert.natsbench_cards import DATASETS
from ganas.spaces.errors import DataError, GanasError, InvalidSetting, UnknownName
from tests.data.natsbench_answers import answers, outcome, quietly
from tests.data.natsbench_files import (
    SIZE_SAMPLES,
    TOPOLOGY_SAMPLES,
    nasbench201,
    natsbench,
    save_folder,
    save_pickle,
    save_torch,
)

DATASET_NAMES = [dataset.official for dataset in DATASETS]


def same(wrapped, converted, rows=None):
    """Whether two tables are alike in all that can be asked, their source left aside."""
    assert (wrapped.name, wrapped.space, wrapped.runs) == (converted.name, converted.space, converted.runs)
    assert wrapped.metrics == converted.metrics and wrapped.num_rows == converted.num_rows
    assert wrapped.objective == converted.objective and wrapped.fidelities() == converted.fidelities()
    assert (wrapped.cost, wrapped.fidelity, wrapped.trial_meaning) == (
        converted.cost,
        converted.fidelity,
        converted.trial_meaning,
    )
    assert wrapped.frame().equals(converted.frame())
    chosen = range(converted.num_rows) if rows is None else rows
    found = answers(wrapped, chosen, epochs=(1, 12, 200))
    assert found == answers(converted, chosen, epochs=(1, 12, 200))
    kinds = {type(answer[0]) for answer in found.values()}
    assert kinds >= {type, float}
    for row in range(converted.num_rows):
        architecture = converted.architecture_at(row)
        for metric in converted.metrics:
            for run in converted.runs:
                asked = {"run": run}
                assert _of(wrapped, architecture, metric, asked) == _of(converted, architecture, metric, asked)
    assert wrapped.source.startswith("table:") and wrapped.source != converted.source


def _of(bench, architecture, metric, asked):
    try:
        return bench.trial_values(architecture, metric, **asked), bench.cost_seconds(architecture, **asked)
    except GanasError as error:
        return type(error), str(error)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """The content of a file of NAS-Bench-201 and its tables by data set."""
    folder = tmp_path_factory.mktemp("checkpoint")
    content = nasbench201(4, seed=21)
    save_torch(content, folder / "some.pth")
    cards = convert(folder / "some.pth", "nasbench201-v1.1", folder=folder / "tables")
    return content, dict(zip(DATASET_NAMES, map(TabularBenchmark.from_card, cards), strict=True))


@pytest.fixture(scope="module")
def checkpoint_api(checkpoint):
    from nas_201_api import NASBench201API

    return NASBench201API(checkpoint[0], verbose=False)


@pytest.mark.parametrize("dataset", DATASET_NAMES)
def test_an_object_of_nas_bench_201(checkpoint, checkpoint_api, dataset, monkeypatch):
    monkeypatch.setattr(checkpoint_api, "filename", "NAS-Bench-201-v1_1-096897.pth")
    wrapped = TabularBenchmark.from_official(checkpoint_api, dataset)
    same(wrapped, checkpoint[1][dataset], rows=[2])


def test_the_kit_on_a_wrapped_object(checkpoint_api):
    check_benchmark(TabularBenchmark.from_official(checkpoint_api, "cifar100", name="mine"))


def test_the_version_comes_from_the_name_of_the_file(checkpoint_api, monkeypatch):
    with pytest.raises(InvalidSetting, match=r"the NASBench201API was not opened from a file.*name=\.\.\.") as caught:
        TabularBenchmark.from_official(checkpoint_api, "cifar10")
    assert "\n" not in str(caught.value)
    assert TabularBenchmark.from_official(checkpoint_api, "cifar10", name="mine").name == "mine"
    for file, name in (
        ("NAS-Bench-201-v1_0-e61699.pth", "nasbench201-v1.0-cifar10-trainval"),
        ("NAS-Bench-201-v1_1-096897.pth", "nasbench201-v1.1-cifar10-trainval"),
    ):
        monkeypatch.setattr(checkpoint_api, "filename", file)
        assert TabularBenchmark.from_official(checkpoint_api, "cifar10").name == name
    monkeypatch.setattr(checkpoint_api, "filename", "renamed.pth")
    with pytest.raises(InvalidSetting, match="name="):
        TabularBenchmark.from_official(checkpoint_api, "cifar10")


@pytest.mark.parametrize("space", ["topology", "size"])
@pytest.mark.parametrize("mode", ["fast", "packed", "dict"])
def test_an_object_of_nats_bench(space, mode, tmp_path):
    import nats_bench

    content = natsbench(space, 3, seed=22)
    save_folder(content, tmp_path / "some")
    save_pickle(content, tmp_path / "some.pickle.pbz2")
    given = {"fast": str(tmp_path / "some"), "packed": str(tmp_path / "some.pickle.pbz2"), "dict": content}[mode]
    api = quietly(nats_bench.create, given, space, fast_mode=mode == "fast", verbose=False)
    cards = convert(tmp_path / "some", f"natsbench-{space}", folder=tmp_path / "tables")
    for dataset, card in zip(DATASET_NAMES, cards, strict=True):
        if dataset in ("cifar10-valid", "ImageNet16-120"):
            same(TabularBenchmark.from_official(api, dataset), TabularBenchmark.from_card(card), rows=[1])
    # A directory is read beside the object, which would keep every record.
    assert len(api.arch2infos_dict) == (0 if mode == "fast" else 3)


@pytest.mark.skipif(not TOPOLOGY_SAMPLES.is_dir(), reason="the official records beside the checkout are absent")
@pytest.mark.parametrize(("space", "path"), [("topology", TOPOLOGY_SAMPLES), ("size", SIZE_SAMPLES)])
def test_official_records(space, path, tmp_path):
    import nats_bench

    api = quietly(nats_bench.create, str(path), space, fast_mode=True, verbose=False)
    cards = convert(path, f"natsbench-{space}", folder=tmp_path)
    wrapped = TabularBenchmark.from_official(api, "cifar100")
    same(wrapped, TabularBenchmark.from_card(cards[2]), rows=[1])
    # The objects that were asked for are in memory; the others are not missed.
    for index in (0, 11, 284):
        api.get_more_info(index, "cifar10")
    api.reset_fast_mode(False)
    again = TabularBenchmark.from_official(api, "cifar100")
    assert again.source == wrapped.source
    architecture = wrapped.architecture_at(0)
    assert outcome(again.query, architecture) == outcome(wrapped.query, architecture)


def test_a_seed_that_is_missing(checkpoint):
    from nas_201_api import NASBench201API

    content = pickle.loads(pickle.dumps(checkpoint[0]))
    of_run = content["arch2infos"][1]["full"]
    del of_run["all_results"]["cifar100", 888]
    of_run["dataset_seed"]["cifar100"] = [777, 999]
    bench = TabularBenchmark.from_official(NASBench201API(content, verbose=False), "cifar100", name="mine")
    architecture = bench.space.parse(content["meta_archs"][1])
    assert bench.query(architecture).seeds == (777, 999)


@pytest.mark.parametrize("api", [None, {}, object(), "NATS-tss-v1_0-3ffb9-simple"])
def test_a_foreign_object_is_refused(api):
    with pytest.raises(InvalidSetting, match=r"an opened NASBench201API or an object of nats_bench\.create is wanted"):
        TabularBenchmark.from_official(api, "cifar10")


def test_no_data_set(checkpoint_api):
    with pytest.raises(InvalidSetting) as caught:
        TabularBenchmark.from_official(checkpoint_api)
    assert str(caught.value) == (
        "which data set? A table is of one of them: from_official(api, 'cifar10-valid'), 'cifar10', 'cifar100' or "
        "'ImageNet16-120'"
    )


def test_the_interface_over_tables_is_none_of_the_packages(tmp_path, monkeypatch):
    from ganas.bench.natsbench import create

    monkeypatch.setenv("GANAS_HOME", str(tmp_path))
    save_folder(natsbench("size", 2), tmp_path / "some")
    convert(tmp_path / "some", "natsbench-size")
    with pytest.raises(InvalidSetting, match="is wanted, not NATSBench"):
        TabularBenchmark.from_official(create(None, "sss"), "cifar10")


def test_a_data_set_that_is_not_there(checkpoint, checkpoint_api):
    from nas_201_api import NASBench201API

    with pytest.raises(UnknownName, match=r"unknown data set 'cifar-10': known are .*; did you mean 'cifar10'"):
        TabularBenchmark.from_official(checkpoint_api, "cifar-10", name="mine")
    content = pickle.loads(pickle.dumps(checkpoint[0]))
    for runs in content["arch2infos"].values():
        for of_run in runs.values():
            of_run["all_results"] = {
                key: trial for key, trial in of_run["all_results"].items() if key[0] != "ImageNet16-120"
            }
            del of_run["dataset_seed"]["ImageNet16-120"]
    api = NASBench201API(content, verbose=False)
    with pytest.raises(DataError, match="NASBench201API holds no result"):
        TabularBenchmark.from_official(api, "ImageNet16-120", name="mine")


def test_a_damaged_object_is_refused(checkpoint):
    from nas_201_api import NASBench201API

    content = pickle.loads(pickle.dumps(checkpoint[0]))
    content["arch2infos"][2]["full"]["all_results"]["cifar10", 888]["train_acc1es"][7] = float("nan")
    api = NASBench201API(content, verbose=False)
    with pytest.raises(DataError, match="architecture 2: run 200, cifar10, seed 888: train_acc1es at 7 is nan"):
        TabularBenchmark.from_official(api, "cifar100", name="mine")
