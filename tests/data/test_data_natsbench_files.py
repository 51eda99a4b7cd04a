"""The official files of NAS-Bench-201 and NATS-Bench: every value is that of the official code, and nothing is run."""

import bz2
import copy
import io
import math
import os
import pickle
import shutil
import subprocess
import sys
import warnings
from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganas.data.convert.natsbench_checks import read_record
from ganas.data.convert.natsbench_files import read_architectures
from ganas.data.convert.natsbench_records import EVALUATION_SETS, kind_of_notation
from ganas.data.pickle_source import ByteSource
from ganas.data.pickle_stream import load_plain
from ganas.spaces.errors import DataError
from tests.data.natsbench_files import (
    SETS,
    SIZE_SAMPLES,
    TOPOLOGY_SAMPLES,
    nasbench201,
    natsbench,
    save_folder,
    save_pickle,
    save_torch,
    sizes,
    topologies,
)

RUN_NAMES = {"less": "12", "full": "200"}


@pytest.fixture(scope="module")
def content201():
    return nasbench201(3, total=5)


@pytest.fixture(scope="module", params=["topology", "size"])
def content_nats(request):
    return request.param, natsbench(request.param, 3, total=5)


def as_read(value):
    """What the unpickler makes of a value: numbers of Python, and containers of its own."""
    return load_plain(ByteSource(io.BytesIO(pickle.dumps(value))))


def agrees(record, results):
    """Every value of a record is what the official objects answer, ``results`` by run."""
    assert record.runs.keys() == results.keys()
    for run, of_run in results.items():
        assert list(record.runs[run]) == of_run.get_dataset_names()
        for dataset, trials in record.runs[run].items():
            assert list(trials) == of_run.get_dataset_seeds(dataset)
            for seed, trial in trials.items():
                official = of_run.query(dataset, seed)
                assert (trial.dataset, trial.seed, trial.epochs) == (official.name, seed, official.get_total_epoch())
                assert (trial.parameters_million, trial.flops_million) == (official.params, official.flop)
                latency = trial.latency_seconds
                assert (sum(latency) / len(latency) if latency else -1.0) == official.get_latency()
                for epoch in range(trial.epochs):
                    train = official.get_train(epoch)
                    assert trial.train_accuracy[epoch] == train["accuracy"]
                    assert trial.train_loss[epoch] == train["loss"]
                    if train["cur_time"] is None:
                        assert trial.train_seconds is None
                    else:
                        assert trial.train_seconds[epoch] == train["cur_time"]
                assert list(trial.evaluations) == official.get_eval_set()
                for name, evaluation in trial.evaluations.items():
                    for epoch in range(trial.epochs):
                        try:
                            answer = official.get_eval(name, epoch)
                        except KeyError:
                            assert math.isnan(evaluation.accuracy[epoch]) and math.isnan(evaluation.loss[epoch])
                            continue
                        assert evaluation.accuracy[epoch] == answer["accuracy"]
                        assert evaluation.loss[epoch] == answer["loss"]
                        seconds = answer["cur_time"]
                        assert (
                            math.isnan(evaluation.seconds[epoch])
                            if seconds is None
                            else evaluation.seconds[epoch] == seconds
                        )


# --- against the official code ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("legacy", [False, True])
def test_a_pth_is_what_nas_bench_201_reads(tmp_path, content201, legacy):
    pytest.importorskip("torch")
    from nas_201_api import NASBench201API

    path = tmp_path / "NAS-Bench-201.pth"
    save_torch(content201, path, legacy=legacy)
    api = NASBench201API(content201, verbose=False)
    parts = []
    reader = read_architectures(path, progress=parts.append)
    assert reader.space == "topology" and list(reader.meta_archs) == api.meta_archs == topologies(5)
    records = list(reader)
    assert [record.index for record in records] == api.evaluated_indexes == [0, 1, 2]
    for record in records:
        assert record.arch_str == api.meta_archs[record.index]
        agrees(record, api.arch2infos_dict[record.index])
    assert parts == sorted(parts) and parts[-1] == 1.0
    one = records[2].runs["200"]["cifar100"][888]
    answer = api.get_more_info(2, "cifar100", hp="200", is_random=888)
    assert one.evaluations["x-valid"].accuracy[-1] == answer["valid-accuracy"]
    assert one.evaluations["x-test"].accuracy[-1] == answer["test-accuracy"]
    assert one.evaluations["ori-test"].accuracy[-1] == answer["valtest-accuracy"]
    assert sum(one.train_seconds) == pytest.approx(answer["train-all-time"])


@pytest.mark.parametrize("kind", ["packed", "folder", "unpadded"])
def test_a_file_of_nats_bench_is_what_nats_bench_reads(tmp_path, content_nats, kind):
    import nats_bench

    space, content = content_nats
    path = tmp_path / "NATS"
    if kind == "packed":
        save_pickle(content, path)
    else:
        save_folder(content, path, padded=kind == "folder")
    api = nats_bench.create(
        str(path), "tss" if space == "topology" else "sss", fast_mode=kind != "packed", verbose=False
    )
    parts = []
    reader = read_architectures(path, space=space, progress=parts.append)
    assert reader.space == space and list(reader.meta_archs) == api.meta_archs
    records = list(reader)
    assert [record.index for record in records] == [0, 1, 2]
    for record in records:
        api.get_more_info(record.index, "cifar10", hp="12")  # it loads on demand
        assert record.arch_str == api.meta_archs[record.index]
        agrees(record, api.arch2infos_dict[record.index])
    assert parts == sorted(parts) and parts[-1] == 1.0


@pytest.mark.parametrize(("folder", "space"), [(TOPOLOGY_SAMPLES, "topology"), (SIZE_SAMPLES, "size")])
def test_official_records_are_what_nats_bench_reads(folder, space):
    if not folder.is_dir():
        pytest.skip("the official NATS-Bench records are not beside the checkout")
    import nats_bench

    reader = read_architectures(folder)
    assert reader.space == space
    records = list(reader)
    assert [record.index for record in records] == [0, 11, 284]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # numpy.core is numpy._core by now
        api = nats_bench.create(str(folder), "tss" if space == "topology" else "sss", fast_mode=True, verbose=False)
        assert list(reader.meta_archs) == api.meta_archs
        for record in records:
            api.get_more_info(record.index, "cifar10", hp="12")
            agrees(record, api.arch2infos_dict[record.index])
    trial = records[1].runs["12"]["cifar10-valid"][777]
    if space == "topology":
        assert len(reader.meta_archs) == 15_625
        assert 12 * trial.train_seconds[0] + trial.evaluations["x-valid"].seconds[0] == pytest.approx(153.696, abs=1e-3)
        last = records[1].runs["200"]["cifar100"][777].evaluations
        assert [np.isnan(last[name].accuracy).sum() for name in EVALUATION_SETS] == [199, 199, 0]
    else:
        assert len(reader.meta_archs) == 32_768
        assert (trial.parameters_million, trial.flops_million) == (0.049202, 6.84065)


def test_records_are_the_callers(tmp_path):
    save_pickle(natsbench("size", 3), tmp_path / "a")
    first, *_ = read_architectures(tmp_path / "a")
    again, *_ = read_architectures(tmp_path / "a")
    first.runs["12"]["cifar10"][777].train_accuracy[:] = 0
    assert again.runs["12"]["cifar10"][777].train_accuracy.max() > 0


def test_the_order_of_the_dict_does_not_matter(tmp_path, content201):
    pytest.importorskip("torch")
    names = ["evaluated_indexes", "arch2infos", "total_archs", "meta_archs"]
    save_torch({name: content201[name] for name in names}, tmp_path / "a.pth")
    reader = read_architectures(tmp_path / "a.pth")
    assert reader.meta_archs is None and reader.space == "topology"
    assert [record.index for record in reader] == [0, 1, 2]
    assert list(reader.meta_archs) == content201["meta_archs"]
    wrong = {**content201, "meta_archs": content201["meta_archs"][::-1]}
    save_torch({name: wrong[name] for name in names}, tmp_path / "a.pth")
    with pytest.raises(DataError, match=r"record of architecture 0 is of .* meta_archs says otherwise"):
        list(read_architectures(tmp_path / "a.pth"))
    wrong = {**content201, "meta_archs": content201["meta_archs"][:2], "total_archs": 2}
    save_torch({name: wrong[name] for name in names}, tmp_path / "a.pth")
    with pytest.raises(DataError, match="record of architecture 2"):
        list(read_architectures(tmp_path / "a.pth"))


def test_what_the_first_version_leaves_out(content201):
    record = as_read(content201["arch2infos"][0])
    del record["less"]["all_results"]["cifar100", 111], record["less"]["dataset_seed"]["cifar100"]
    trial = record["full"]["all_results"]["cifar10", 777]
    trial.update(latency=None, train_times=None, train_acc5es=None, eval_times={}, seed=777)
    record["full"]["all_results"]["cifar10", 888].update(latency=[], eval_times=None, train_acc1es=None)
    read = read_record(0, record).runs
    assert "cifar100" not in read["12"] and list(read["200"]) == list(SETS)
    first, second = read["200"]["cifar10"][777], read["200"]["cifar10"][888]
    assert first.latency_seconds is None and first.train_seconds is None
    assert np.isnan(first.evaluations["ori-test"].seconds).all()
    assert second.latency_seconds is None and second.train_accuracy is None
    assert np.isnan(second.evaluations["ori-test"].seconds).all()


def test_closing_early_closes_the_file(tmp_path):
    save_pickle(natsbench("size", 3), tmp_path / "a")
    reader = read_architectures(tmp_path / "a")
    next(reader)
    reader.close()
    assert list(reader) == []


def test_importing_the_reader_loads_nothing_heavy():
    code = "import sys, ganas.data.convert.natsbench_files as f; print({'torch', 'pandas', 'scipy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


# --- content that should not be there --------------------------------------------------------------------------------

KEY = ("cifar100", 888)


def repr_of(value):
    return f"{value!r:.12}"


def broken(edit):
    """The message about a record after ``edit(run, trial)``, of run 200 and the trial of :data:`KEY`."""
    record = copy.deepcopy(_whole_record())
    edit(record["full"], record["full"]["all_results"][KEY])
    with pytest.raises(DataError) as caught:
        read_record(4, record, arch_str=topologies(5)[4])
    message = str(caught.value)
    assert message.startswith("architecture 4: ") and "\n" not in message and len(message) < 400
    return message


_RECORDS = []


def _whole_record():
    if not _RECORDS:
        _RECORDS.append(as_read(nasbench201(5)["arch2infos"][4]))
        read_record(4, _RECORDS[0], space="topology", arch_str=topologies(5)[4])
    return _RECORDS[0]


@pytest.mark.parametrize("field", ["train_acc1es", "train_losses", "train_times"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None, "1.0", True, [1.0], 10**400, b"1"], ids=repr_of)
def test_a_curve_has_a_number_at_every_epoch(field, value):
    message = broken(lambda run, trial: trial[field].__setitem__(57, value))
    assert "run 200, cifar100, seed 888: " in message and f"{field} at 57 is " in message


@pytest.mark.parametrize("field", ["eval_acc1es", "eval_losses", "eval_times"])
@pytest.mark.parametrize("value", [math.nan, math.inf, None, "1.0", True, {}, 10**400], ids=repr_of)
def test_an_evaluation_has_numbers_where_it_has_anything(field, value):
    message = broken(lambda run, trial: trial[field].__setitem__("ori-test@57", value))
    assert "run 200, cifar100, seed 888: " in message and field in message and "ori-test@57" in message


@pytest.mark.parametrize("value", [100.0000001, -1e-9, 101, -1])
@pytest.mark.parametrize(("field", "key"), [("train_acc1es", 0), ("eval_acc1es", "x-test@199")])
def test_accuracies_are_percent(field, key, value):
    assert f"{field} at {key} is {value!r}, not a number from 0 to 100" in broken(
        lambda run, trial: trial[field].__setitem__(key, value)
    )


def test_a_path_that_leads_nowhere(tmp_path):
    with pytest.raises(DataError, match=r"absent\.pth: it cannot be read: No such file"):
        read_architectures(tmp_path / "absent.pth")


def test_the_ends_of_the_ranges_are_good():
    record = copy.deepcopy(_whole_record())
    trial = record["full"]["all_results"][KEY]
    trial["train_acc1es"][0], trial["train_acc1es"][1], trial["train_losses"][0] = 100, 0, -0.5
    read = read_record(4, record).runs["200"]["cifar100"][888]
    assert read.train_accuracy[:2].tolist() == [100.0, 0.0] and read.train_loss[0] == -0.5


CHANGES = [
    (lambda run, trial: trial.update(train_acc1es={}), "train_acc1es is not of the epochs 0 to 199"),
    (lambda run, trial: trial["train_acc1es"].pop(5), "train_acc1es is not of the epochs"),
    (lambda run, trial: trial["train_acc1es"].update({200: 1.0}), "train_acc1es is not of the epochs"),
    (lambda run, trial: trial["train_acc1es"].update({True: trial["train_acc1es"].pop(1)}), "not of the epochs"),
    (lambda run, trial: trial["train_losses"].update({5.0: trial["train_losses"].pop(5)}), "not of the epochs"),
    (lambda run, trial: trial.update(train_times=[1.0] * 200), "train_times is a list, not a"),
    (lambda run, trial: trial["eval_acc1es"].update({"ori-test@200": 1.0}), "entry 'ori-test@200' that is of no epoch"),
    (lambda run, trial: trial["eval_acc1es"].update({"ori-test@07": 1.0}), "entry 'ori-test@07'"),
    (lambda run, trial: trial["eval_acc1es"].update({7: 1.0}), "entry 7 that"),
    (lambda run, trial: trial["eval_acc1es"].pop("ori-test@7"), "not of the same epochs for ori-test"),
    (lambda run, trial: trial["eval_names"].remove("x-test"), "entry 'x-test@199'"),
    (lambda run, trial: trial["eval_names"].append("x-test"), "a set twice"),
    (lambda run, trial: trial["eval_names"].append("train"), "evaluation set 'train': known are x-valid"),
    (lambda run, trial: trial["eval_names"].append(["x-test"]), "evaluation set a list"),
    (lambda run, trial: trial.update(eval_names=("x-test",)), "eval_names is a tuple"),
    (lambda run, trial: trial.update(params=math.nan), "params is nan"),
    (lambda run, trial: trial.update(params=True), "params is True"),
    (lambda run, trial: trial.update(flop=-1.0), "flop is -1.0"),
    (lambda run, trial: trial.update(flop=10**400), "flop is 1000"),
    (lambda run, trial: trial.update(latency=[math.inf]), "latency is inf"),
    (lambda run, trial: trial.update(latency=0.1), "latency is 0.1, not a list"),
    (lambda run, trial: trial.update(epochs=12), "epochs is 12, not 200"),
    (lambda run, trial: trial.update(epochs=200.0), "epochs is 200.0, not a int"),
    (lambda run, trial: trial.update(seed="0777"), "seed is '0777'"),
    (lambda run, trial: trial.update(seed="x"), "seed is 'x'"),
    (lambda run, trial: trial.update(seed=[888]), "seed is a list"),
    (lambda run, trial: trial.update(name="cifar10"), "name is 'cifar10', not cifar100"),
    (lambda run, trial: trial.update(net_state_dict={"w": [0.0]}), "net_state_dict has weights"),
    (lambda run, trial: trial["arch_config"].update(class_num=10), "class_num is 10, not 100"),
    (lambda run, trial: trial["arch_config"].update(arch_str=topologies(1)[0]), "arch_config is of"),
    (lambda run, trial: trial.update(arch_config=None), "arch_config is None"),
    (lambda run, trial: trial.pop("flop"), "flop is missing"),
    (lambda run, trial: trial.pop("eval_losses"), "eval_losses is missing"),
    (lambda run, trial: run["all_results"].update({KEY: [trial]}), "a list where results should be"),
    (lambda run, trial: run["all_results"].pop(KEY), "has a seed 888 of cifar100 that all_results does not have"),
    (lambda run, trial: run["all_results"].update({("cifar100", 1): trial}), "trials that dataset_seed does not have"),
    (lambda run, trial: run["dataset_seed"]["cifar100"].remove(888), "trials that dataset_seed does not have"),
    (lambda run, trial: run["dataset_seed"]["cifar100"].append(888), "a seed of cifar100 is 888"),
    (lambda run, trial: run["dataset_seed"]["cifar100"].append(True), "a seed of cifar100 is True"),
    (lambda run, trial: run["dataset_seed"]["cifar100"].append(-1), "a seed of cifar100 is -1"),
    (lambda run, trial: run["dataset_seed"].update(cifar100=888), "seeds of cifar100 are 888"),
    (lambda run, trial: run["dataset_seed"].update(svhn=[777]), "a data set 'svhn': known are cifar10-valid"),
    (lambda run, trial: run["dataset_seed"].update({7: [777]}), "a data set 7"),
    (lambda run, trial: run.update(dataset_seed=[]), "dataset_seed is a list"),
    (lambda run, trial: run.update(all_results=None), "all_results is None"),
    (lambda run, trial: run.update(arch_index=5), "arch_index is 5, not 4"),
    (lambda run, trial: run.update(arch_index="000005"), "arch_index is '000005', not 4"),
    (lambda run, trial: run.update(arch_index=4.0), "arch_index is 4.0"),
    (lambda run, trial: run.update(arch_str="|none~0|"), "arch_str is '|none~0|', no architecture"),
    (lambda run, trial: run.update(arch_str=None), "arch_str is None"),
    (lambda run, trial: run.update(arch_str=topologies(1)[0]), "elsewhere"),
    (lambda run, trial: run.clear(), "arch_str is missing"),
]


@pytest.mark.parametrize(("edit", "expected"), CHANGES, ids=[expected for _, expected in CHANGES])
def test_every_field_is_checked(edit, expected):
    assert expected in broken(edit)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ([], "a list, not a dict from runs"),
        ({}, "a dict, not a dict from runs"),
        ({"full": None}, "there is None where results should be"),
        ({"half": "whole"}, "known are less, full, 12, 200"),
        ({"90": "whole"}, "known are less, full, 12, 200"),
        ({7: "whole"}, "there is a run 7"),
        ({"full": "whole", "200": "whole"}, "the run 200 is there twice"),
        ({"12": "whole"}, "epochs is 200, not 12"),
    ],
)
def test_runs_are_known_ones(record, expected):
    if isinstance(record, dict):
        record = {name: _whole_record()["full"] if value == "whole" else value for name, value in record.items()}
    with pytest.raises(DataError) as caught:
        read_record(4, record)
    assert expected in str(caught.value)


def test_notations():
    assert {kind_of_notation(arch) for arch in topologies(200)} == {"topology"}
    assert {kind_of_notation(arch) for arch in sizes(200)} == {"size"}
    for other in ("", "8:8:8:8", "8:8:8:8:72", "8:8:8:8:8\n", topologies(1)[0] + "\n", topologies(1)[0] + "|", None, 5):
        assert kind_of_notation(other) is None


ROOTS = [
    (lambda root: root.pop("arch2infos"), "it has no arch2infos but 'meta_archs', 'total_archs'"),
    (lambda root: root.pop("meta_archs"), "it has no meta_archs"),
    (lambda root: root.pop("evaluated_indexes"), "it has no evaluated_indexes"),
    (lambda root: root.update(arch2infos=None), "name the directory with the records"),
    (lambda root: root.update(arch2infos=[1]), "order of the architectures and no record"),
    (lambda root: root.update(arch2infos={}), "evaluated_indexes names 3 architectures, and the records are of 0"),
    (lambda root: root.update(evaluated_indexes={0, 1}), "evaluated_indexes names 2"),
    (lambda root: root.update(evaluated_indexes=(0, 1, 2)), "not a set or list"),
    (lambda root: root.update(evaluated_indexes=[0, 1, "2"]), "not a set or list of numbers"),
    (lambda root: root.update(total_archs=4), "total_archs is 4, and meta_archs has 5"),
    (lambda root: root.update(total_archs=5.0), "total_archs is 5.0"),
    (lambda root: root.update(meta_archs=()), "meta_archs is a tuple"),
    (lambda root: root.update(meta_archs=[]), "meta_archs is a list, not a list of architectures"),
    (lambda root: root["meta_archs"].__setitem__(4, "8:8"), "meta_archs has '8:8' where"),
    (lambda root: root["meta_archs"].__setitem__(4, ["8:8:8:8:8"]), "meta_archs has a list where"),
    (lambda root: root["meta_archs"].__setitem__(4, topologies(1)[0]), "where an architecture should be"),
    (lambda root: root["meta_archs"].__setitem__(4, root["meta_archs"][0]), "an architecture twice"),
    (lambda root: root["meta_archs"].reverse(), "architecture 0: arch_str is"),
    (
        lambda root: root["arch2infos"].update({5: copy.deepcopy(root["arch2infos"][0])}),
        "a record of architecture 5, which meta_archs",
    ),
    (lambda root: root["arch2infos"].update({-1: copy.deepcopy(root["arch2infos"][0])}), "a record of architecture -1"),
    (
        lambda root: root["arch2infos"].update({"0": copy.deepcopy(root["arch2infos"][0])}),
        "a record of architecture '0'",
    ),
    (lambda root: root["arch2infos"].update({0: root["arch2infos"][1]}), "architecture 0: arch_str"),
    (lambda root: root["arch2infos"][1]["12"].update(arch_index=0), "architecture 1: run 12, arch_index is 0"),
]


@pytest.fixture(scope="module")
def small():
    """Records with the short runs only."""
    content = natsbench("size", 3, total=5)
    for record in content["arch2infos"].values():
        del record["90"], record["12"]["all_results"]["cifar10", 999]
        record["12"]["dataset_seed"]["cifar10"].remove(999)
    return content


@pytest.mark.parametrize(("edit", "expected"), ROOTS, ids=[expected for _, expected in ROOTS])
def test_the_whole_is_checked(tmp_path, small, edit, expected):
    root = copy.deepcopy(small)
    path = tmp_path / "NATS-sss.pickle.pbz2"
    save_pickle(root, path)
    assert len(list(read_architectures(path))) == 3
    edit(root)
    if "arch_index is 0" in expected:
        root["arch2infos"][1] = OrderedDict({"12": root["arch2infos"][1]["12"]})
    save_pickle(root, path)
    with pytest.raises(DataError) as caught:
        list(read_architectures(path))
    assert expected in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


class Twice:
    """Pickles as an OrderedDict of these items, in which a key may come twice."""

    def __init__(self, *items):
        self.items = items

    def __reduce__(self):
        return OrderedDict, (), None, None, iter(self.items)


def test_one_index_twice_is_found(tmp_path, small):
    first, again = small["arch2infos"][0], copy.deepcopy(small["arch2infos"][0])
    save_pickle({**small, "arch2infos": Twice((0, first)), "evaluated_indexes": [0]}, tmp_path / "a")
    assert len(list(read_architectures(tmp_path / "a"))) == 1
    save_pickle({**small, "arch2infos": Twice((0, first), (0, again)), "evaluated_indexes": [0]}, tmp_path / "a")
    with pytest.raises(DataError, match="architecture 0 is there twice"):
        list(read_architectures(tmp_path / "a"))
    save_pickle(Twice(*small.items(), ("arch2infos", {0: again})), tmp_path / "a")
    with pytest.raises(DataError, match="does not write 'arch2infos' as one dict of its own"):
        list(read_architectures(tmp_path / "a"))
    save_pickle(Twice(*small.items(), ("meta_archs", sizes(6)), ("total_archs", 6)), tmp_path / "a")
    with pytest.raises(DataError, match="meta_archs is there twice"):
        list(read_architectures(tmp_path / "a"))


@pytest.mark.parametrize(
    ("space", "content", "expected"),
    [
        ("topology", "size", "it holds the size space, like 8:8:8:8:8, and not the topology space"),
        ("size", "topology", "it holds the topology space, like |none~0|"),
    ],
)
def test_the_other_space_is_named(tmp_path, space, content, expected):
    root = natsbench(content, 1)
    save_pickle(root, tmp_path / "packed")
    save_folder(root, tmp_path / "folder")
    for path in (tmp_path / "packed", tmp_path / "folder"):
        with pytest.raises(DataError) as caught:
            read_architectures(path, space=space)
        assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"# NAS-Bench-201\nSee the paper.\n", "it begins as a text"),
        (b"", "it is empty"),
        (b"\x1f\x8b\x08", "a gzip file, to be unpacked first"),
        (b"NATS/meta.pickle.pbz2".ljust(257, b"\0") + b"ustar  \0" + bytes(300), "a tar archive, to be unpacked first"),
        (b"<!doctype html><title>Google Drive", "a web page"),
        (pickle.dumps([1, 2]), "magic number is not there"),
        (bz2.compress(b"text, not a pickle"), "damaged or no pickle|mark|instruction"),
        (bz2.compress(pickle.dumps([1])), "holds a list, not a dict"),
        (bz2.compress(pickle.dumps({"200": 1})), "no meta_archs but '200': not a file"),
        (bz2.compress(pickle.dumps({"arch2infos": {}, "meta_archs": [], "x" * 999: 0})), "no evaluated_indexes"),
    ],
)
def test_other_files_are_named(tmp_path, content, expected):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(DataError, match=expected) as caught:
        read_architectures(path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


# --- simple directories ----------------------------------------------------------------------------------------------


def test_only_records_are_read_from_a_directory(tmp_path, small):
    folder = tmp_path / "simple"
    save_folder(small, folder)
    for name in (
        "README.md",
        "000001.pickle.pbz2.bak",
        "1234567.pickle.pbz2",
        "01.pickle.pbz2",
        "..pickle.pbz2",
        "x.pickle",
    ):
        (folder / name).write_bytes(b"not to be read")
    (folder / "sub").mkdir()
    # The official code takes the padded name where there are both.
    (folder / "2.pickle.pbz2").write_bytes(b"not to be read")
    assert [record.index for record in read_architectures(folder)] == [0, 1, 2]
    (folder / "000002.pickle.pbz2").unlink()
    with pytest.raises(DataError, match=r"2\.pickle\.pbz2: it is no bzip2 file; it begins as a text"):
        list(read_architectures(folder))


def test_directories_that_are_no_such_directory(tmp_path, small):
    folder = tmp_path / "simple"
    folder.mkdir()
    with pytest.raises(DataError, match=r"no meta\.pickle\.pbz2 in it"):
        read_architectures(folder)
    for meta, expected in (
        ([], "has no meta_archs"),
        ({"meta_archs": 5}, "meta_archs is 5"),
        (small, "has records itself"),
        ({"meta_archs": small["meta_archs"]}, "there is no record in it"),
    ):
        save_pickle(meta, folder / "meta.pickle.pbz2")
        with pytest.raises(DataError, match=expected):
            read_architectures(folder)
    save_pickle(small["arch2infos"][0], folder / "000005.pickle.pbz2")
    with pytest.raises(DataError, match="architecture 5, which meta_archs does not have"):
        read_architectures(folder)
    shutil.move(folder / "000005.pickle.pbz2", folder / "000001.pickle.pbz2")
    with pytest.raises(DataError, match=r"000001\.pickle\.pbz2: architecture 1: arch_str is"):
        read_architectures(folder)
    (folder / "000001.pickle.pbz2").unlink()
    (folder / "000001.pickle.pbz2").mkdir()
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        read_architectures(folder)


# --- hostile files ---------------------------------------------------------------------------------------------------


@pytest.fixture(params=["packed", "zip", "legacy", "folder", "meta"])
def container(request, tmp_path):
    """A function that puts a root, or for directories a record or meta file, into a container and gives its path."""

    def put(root):
        path = tmp_path / request.param
        if request.param == "packed":
            save_pickle(root, path)
        elif request.param in ("zip", "legacy"):
            pytest.importorskip("torch")
            save_torch(root, path, legacy=request.param == "legacy")
        else:
            path.mkdir(exist_ok=True)
            meta = {"meta_archs": sizes(5), "total_archs": 5, "arch2infos": None, "evaluated_indexes": set()}
            save_pickle(root if request.param == "meta" else meta, path / "meta.pickle.pbz2")
            save_pickle(root, path / "000000.pickle.pbz2")
        return path

    return put


def test_payloads_are_refused_in_every_container(container, tmp_path, small):
    target = tmp_path / "ran"

    class Runs:
        def __init__(self, function):
            self.function = function

        def __reduce__(self):
            return self.function, (f"touch {target}" if self.function is os.system else f"open({str(target)!r}, 'w')",)

    for function in (os.system, eval, exec):
        payload = Runs(function)
        for root in (payload, {**small, "evaluated_indexes": payload}, {"arch2infos": {0: {"12": payload}}}):
            with pytest.raises(DataError, match=r"asks for .*, which is not allowed: nothing was run"):
                list(read_architectures(container(root)))
    assert not target.exists()
    pickle.loads(pickle.dumps(Runs(os.system)))
    assert target.exists()


def test_other_objects_are_refused_in_every_container(container, small):
    for value in (np.arange(3), frozenset({1}), complex(1, 2), range(3), np.float64, 1j, bytearray(b"x")):
        with pytest.raises(DataError, match=r"not allowed|instruction"):
            list(read_architectures(container({**small, "meta_archs": value})))


def test_a_bomb_is_refused(tmp_path, small):
    packed = pickle.dumps(small, 4)
    zeros = bz2.compress((b"\x8c\xff" + bytes(255)) * 4096) * 10  # streams may follow each other
    for begin in (b"\x80\x04}(\x8c\x0aarch2infos}(K\x00](", b"\x80\x04}(\x8c\x0ameta_archs](", packed[:-1] + b"("):
        (tmp_path / "bomb").write_bytes(bz2.compress(begin) + zeros)
        assert (tmp_path / "bomb").stat().st_size < 200_000
        with pytest.raises(DataError, match="more than the 4,194,304 bytes"):
            list(read_architectures(tmp_path / "bomb"))
    folder = tmp_path / "folder"
    save_folder(small, folder)
    (folder / "000000.pickle.pbz2").write_bytes((tmp_path / "bomb").read_bytes())
    with pytest.raises(DataError, match=r"000000\.pickle\.pbz2: .* more than the 4,194,304"):
        read_architectures(folder)


def test_something_after_the_end_is_refused(tmp_path, small):
    packed = pickle.dumps(small, 4)
    (tmp_path / "a").write_bytes(bz2.compress(packed + b"."))
    with pytest.raises(DataError, match="something follows the end"):
        list(read_architectures(tmp_path / "a"))


def test_a_file_cut_off_anywhere_is_an_error(tmp_path, small):
    root = copy.deepcopy(small)
    root["arch2infos"] = {0: OrderedDict({"01": root["arch2infos"][0]["01"]})}
    root["evaluated_indexes"] = {0}
    packed = pickle.dumps(root, 4)
    path = tmp_path / "a"
    path.write_bytes(bz2.compress(packed))
    assert len(list(read_architectures(path))) == 1
    whole = path.read_bytes()
    for content in (
        *(bz2.compress(packed[:length]) for length in range(0, len(packed), 97)),
        *(whole[:length] for length in range(0, len(whole), 41)),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError):
            list(read_architectures(path))


def _mutations(content, edits):
    damaged = bytearray(content)
    for place, byte, kind in edits:
        place %= len(damaged)
        if kind == 0:
            damaged[place] = byte
        elif kind == 1:
            damaged[place:place] = bytes([byte]) * (1 + byte % 3)
        elif kind == 2:
            del damaged[place : place + 1 + byte % 30]
        else:
            damaged[place:place] = damaged[place : place + byte]
    return bytes(damaged)


EDITS = st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 255), st.integers(0, 3)), min_size=1, max_size=3)


@pytest.fixture(scope="module")
def victim(tmp_path_factory):
    """A directory with a real record where there is one, else a made-up one, and the bytes of its pickle."""
    folder = tmp_path_factory.mktemp("victim") / "simple"
    if SIZE_SAMPLES.is_dir():
        shutil.copytree(SIZE_SAMPLES, folder)
        for index in (11, 284):
            (folder / f"{index:06d}.pickle.pbz2").unlink()
        meta = {"meta_archs": sizes(2), "arch2infos": None}
        save_pickle(meta, folder / "meta.pickle.pbz2")
    else:
        save_folder(natsbench("size", 1), folder)
    assert len(list(read_architectures(folder))) == 1
    return folder, bz2.decompress((folder / "000000.pickle.pbz2").read_bytes())


def damage_and_read(victim, edits, *, packed):
    folder, content = victim
    path = folder / "000000.pickle.pbz2"
    # Without compression, which would take all the time: the stored file is what a mutation of its bytes would give.
    path.write_bytes(
        _mutations(bz2.compress(content, 1), edits) if packed else bz2.compress(_mutations(content, edits), 1)
    )
    try:
        (record,) = read_architectures(folder)
    except DataError as error:
        assert "\n" not in str(error)
    else:
        trial = record.runs["12"]["cifar10"][777] if "12" in record.runs else None
        assert trial is None or np.isfinite(trial.train_accuracy).all()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(EDITS)
def test_damaged_records_are_errors_or_data(victim, edits):
    damage_and_read(victim, edits, packed=False)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(EDITS)
def test_damaged_files_are_errors_or_data(victim, edits):
    damage_and_read(victim, edits, packed=True)


@pytest.mark.slow
@settings(max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(EDITS, st.booleans())
def test_many_damaged_records_are_errors_or_data(victim, edits, packed):
    damage_and_read(victim, edits, packed=packed)
