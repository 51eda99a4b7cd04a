"""Official results of NAS-Bench-301: read to the digit, refused where they are not such, converted to a table."""

from pathlib import Path

import numpy as np
import pytest

import ganas
from ganas.bench.testing import check_benchmark
from ganas.data.arrays import KEYS, open_keys, write_keys
from ganas.data.catalog import verify
from ganas.data.convert import nasbench301_files, nasbench301_records
from ganas.data.convert.nasbench301 import CARDS, convert
from ganas.data.convert.nasbench301_files import open_results
from ganas.data.convert.nasbench301_records import read_record, read_results
from ganas.spaces.errors import ArchitectureNotMeasured, DataError, DuplicateName, NotMeasured
from tests.data.nasbench301_files import PREFIX, SPACE, drawn, result, write

OFFICIAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "nb301_meta" / "results_0.json"


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


# --- reading -----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not OFFICIAL.is_file(), reason="the official record is not beside the checkout")
def test_the_official_record_to_the_digit():
    record = read_record(OFFICIAL)
    assert SPACE.format(record.architecture) == (
        "Genotype(normal=[('skip_connect', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 1), "
        "('dil_conv_3x3', 0), ('dil_conv_5x5', 2), ('sep_conv_3x3', 1), ('skip_connect', 2)], "
        "normal_concat=range(2, 6), reduce=[('max_pool_3x3', 0), ('avg_pool_3x3', 1), ('skip_connect', 0), "
        "('dil_conv_5x5', 1), ('sep_conv_3x3', 1), ('sep_conv_5x5', 2), ('sep_conv_3x3', 2), ('dil_conv_3x3', 3)], "
        "reduce_concat=range(2, 6))"
    )
    assert (record.valid_accuracy, record.test_accuracy) == (97.68, 97.54)
    assert (record.train_accuracy, record.train_loss) == (86.63792774960372, 0.6592820829957724)
    assert (record.runtime, record.budget, record.epochs) == (365136.0, 1500, 1488)
    assert (record.channels, record.layers, record.parameters) == (50, 20, 6_369_358)
    assert (record.train_images, record.valid_images) == (40_000, 10_000)
    assert record.parameters == SPACE.parameter_count(record.architecture, channels=50, layers=20, auxiliary=True)
    assert record.learning_curves == {} and record.path == OFFICIAL
    assert record.hyperparameters["OptimizerSelector:sgd:learning_rate"] == 0.02920949203420479
    assert len(record.hyperparameters) == 22
    assert not any("edge_" in name or "inputs_node" in name for name in record.hyperparameters)


def test_curves_are_read_by_their_names(tmp_path):
    (one,) = drawn(1)
    write(tmp_path, _0=result(one, curve=[10, 55.5, 91.0]))
    record = read_record(tmp_path / "results_0.json")
    assert record.architecture == one
    assert record.learning_curves == {
        "valid_accuracy": (10.0, 55.5, 91.0),
        "train_accuracy": (5.0, 27.75, 45.5),
        "train_loss": (90.0, 44.5, 9.0),
    }


def test_a_folder_is_read_in_the_order_of_its_numbers(tmp_path):
    architectures = drawn(4)
    write(tmp_path / "re_10", _1=result(architectures[0]))
    write(tmp_path / "re_9", _10=result(architectures[1]), _2=result(architectures[2]))
    write(tmp_path / "re_9" / "more", _0=result(architectures[3]))
    (tmp_path / "re_9" / "notes.json").write_text("nothing to read")
    with open_results(tmp_path) as results:
        names = list(results.names)
    assert names == [
        "re_9/more/results_0.json",
        "re_9/results_2.json",
        "re_9/results_10.json",
        "re_10/results_1.json",
    ]
    order = (3, 2, 1, 0)
    assert [record.architecture for record in read_results(tmp_path)] == [architectures[number] for number in order]


def test_progress_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(nasbench301_records, "_PROGRESS_RECORDS", 2)
    write(tmp_path, **{f"_{number}": result(one) for number, one in enumerate(drawn(5))})
    told = []
    list(read_results(tmp_path, progress=told.append))
    assert told == [0.4, 0.8]


def test_no_result_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"no file results_\*.json"):
        list(read_results(tmp_path))
    with pytest.raises(DataError, match="nowhere: it cannot be read: No such file"):
        list(read_results(tmp_path / "nowhere"))


def info(**changed):
    """The changes of a record whose info has these values; None leaves one out."""
    (one,) = drawn(1)
    content = result(one)["info"][0] | changed
    return {"info": [{name: value for name, value in content.items() if value is not None}]}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"final_metric_score": 97.68}, "not a validation accuracy with its sign changed"),
        ({"final_metric_score": -101}, "not a validation accuracy with its sign changed"),
        ({"final_metric_score": "-97"}, "final_metric_score is '-97', not a number"),
        ({"test_accuracy": 100.5}, "test_accuracy is 100.5, not from 0 to 100"),
        ({"test_accuracy": float("nan")}, "test_accuracy is nan, not from 0 to 100"),
        ({"test_accuracy": True}, "test_accuracy is True, not a number"),
        ({"test_accuracy": None}, "test_accuracy is None, not a number"),
        ({"runtime": -1}, "runtime is -1, not finite and from 0 up"),
        ({"runtime": float("inf")}, "runtime is inf, not finite and from 0 up"),
        ({"runtime": 10**400}, "runtime is 1000.*not finite"),
        ({"budget": 99.5}, "budget is 99.5, not a positive whole number"),
        ({"budget": 0}, "budget is 0, not a positive whole number"),
        ({"info": []}, "info is a list, not a list with an entry"),
        ({"info": {}}, "info is a dict"),
        ({"info": [[]]}, "the first entry of info is a list, not a JSON object"),
        (info(val_accuracy=None), "it lacks val_accuracy"),
        (info(val_accuracy=-0.1), "val_accuracy is -0.1"),
        (info(train_loss=float("inf")), "train_loss is inf, not finite"),
        (info(epochs=0), "epochs is 0"),
        (info(model_parameters=1.5), "model_parameters is 1.5"),
        (info(val_datapoints="all"), "val_datapoints is 'all', not a number"),
        ({"optimized_hyperparamater_config": None}, "is None, not a JSON object"),
        ({"optimized_hyperparamater_config": {}}, "the configuration lacks .*edge_normal_0"),
        ({"learning_curves": []}, "learning_curves is a list, not a JSON object"),
        ({"learning_curves": {"Train/val_accuracy": []}}, "Train/val_accuracy is a list, not a list of numbers"),
        ({"learning_curves": {"Train/val_accuracy": 5}}, "Train/val_accuracy is 5, not a list of numbers"),
        ({"learning_curves": {"Train/val_accuracy": [1, "2"]}}, "epoch 2 of Train/val_accuracy is '2'"),
        ({"learning_curves": {"Train/val_accuracy": [1, 101]}}, "epoch 2 of Train/val_accuracy is 101"),
        ({"learning_curves": {"Train/train_loss": [1, float("nan")]}}, "epoch 2 of Train/train_loss is nan"),
        (
            {"learning_curves": {"Train/train_loss": [1], "Train/val_accuracy": [1, 2]}},
            "different numbers of epochs: valid_accuracy 2, train_loss 1",
        ),
    ],
)
def test_what_is_no_result_is_refused_with_the_name_of_the_file(tmp_path, changed, message):
    (one,) = drawn(1)
    write(tmp_path, _7=result(one) | changed)
    with pytest.raises(DataError, match=message) as error:
        read_record(tmp_path / "results_7.json")
    assert "results_7.json is not a result of NAS-Bench-301" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "name", ["final_metric_score", "optimized_hyperparamater_config", "info", "test_accuracy", "runtime", "budget"]
)
def test_what_is_lacking_is_named(tmp_path, name):
    (one,) = drawn(1)
    content = result(one)
    del content[name]
    write(tmp_path, _0=content)
    with pytest.raises(DataError, match=f"it lacks {name}"):
        read_record(tmp_path / "results_0.json")


@pytest.mark.parametrize("name", [f"{PREFIX}init_channels", f"{PREFIX}layers"])
def test_the_network_must_be_named(tmp_path, name):
    (one,) = drawn(1)
    content = result(one)
    del content["optimized_hyperparamater_config"][name]
    write(tmp_path, _0=content)
    with pytest.raises(DataError, match=f"it lacks {name}"):
        read_record(tmp_path / "results_0.json")


def test_an_architecture_of_another_space_is_refused(tmp_path):
    (one,) = drawn(1)
    content = result(one)
    content["optimized_hyperparamater_config"][f"{PREFIX}edge_normal_0"] = "none"
    write(tmp_path, _0=content)
    with pytest.raises(DataError, match=r"results_0.json .*unknown operation 'none'"):
        read_record(tmp_path / "results_0.json")


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b"5", b'{"a": ' + b"9" * 5000 + b"}"])
def test_a_file_that_is_damaged_is_refused(tmp_path, text):
    path = tmp_path / "results_0.json"
    path.write_bytes(text)
    with pytest.raises(DataError, match=r"results_0.json is not a result of NAS-Bench-301"):
        read_record(path)


def test_a_large_file_is_not_read(tmp_path, monkeypatch):
    (one,) = drawn(1)
    write(tmp_path, _0=result(one))
    monkeypatch.setattr(nasbench301_files, "MAX_RECORD_BYTES", 100)
    with pytest.raises(DataError, match="more than 100 bytes"):
        read_record(tmp_path / "results_0.json")
    with pytest.raises(DataError, match="cannot read"):
        read_record(tmp_path / "results_1.json")


# --- converting --------------------------------------------------------------------------------------------------


def test_a_folder_becomes_a_table(tmp_path, home):
    one, two, three = drawn(3)
    source = write(
        tmp_path / "nb_301",
        _0=result(one, 91.0, curve=[10.0, 50.0, 91.0]),
        _1=result(two, 92.5, curve=[20.0, 60.0]),
        _2=result(one, 90.0, curve=[12.0, 52.0, 90.0], rate=0.03),
        _3=result(three, 89.0),
    )
    told = []
    (card,) = convert(source, progress=told.append)
    assert told[-1] == 1.0
    assert (card.name, card.space, card.rows, card.trial_counts) == (
        "nasbench301-records",
        "darts",
        3,
        ((1, 2), (2, 1)),
    )
    assert (card.source.file, len(card.source.sha256)) == ("nb_301", 64)
    assert verify(card)

    bench = ganas.load_benchmark("nasbench301-records")
    assert bench.query(one).value == 90.5
    assert [bench.query(one, trial=trial).value for trial in (0, 1)] == [91.0, 90.0]
    assert bench.query(two).value == 92.5 and bench.query(two, "test_accuracy").value == 92.0
    assert bench.query(three, "train_seconds").value == bench.query(three).cost_seconds == 4321.5
    assert bench.query(two, "train_loss").value == 1.5
    expected = SPACE.parameter_count(one, channels=32, layers=8, auxiliary=True)
    assert bench.query(one, "parameters").value == expected
    assert bench.optimum().value == 92.5
    assert bench.query(one, "valid_accuracy_by_epoch", epoch=2).value == 51.0
    assert bench.query(one, "train_loss_by_epoch", epoch=2, trial=0).value == 50.0
    assert bench.query(two, "train_accuracy_by_epoch", epoch=2).value == 30.0
    for architecture, epoch in ((two, 3), (three, 1)):
        with pytest.raises(NotMeasured):
            bench.query(architecture, "valid_accuracy_by_epoch", epoch=epoch)
    with pytest.raises(ArchitectureNotMeasured):
        bench.query(drawn(1, seed=9)[0])
    assert card.known_defects == CARDS[0].known_defects
    said = " ".join(card.notes)
    assert "Learning curves that end before epoch 3: 1." in said and "Records without a learning curve: 1." in said
    assert "The trainings differ in OptimizerSelector:sgd:learning_rate (2 values)" in said
    assert "another number of parameters" not in said and "another split" not in said and len(card.notes) == 3


def test_keys_of_64_bits_are_kept(tmp_path, home):
    architectures = drawn(40)
    keys = sorted(SPACE.identity_key(one) for one in architectures)
    assert keys[0] > 2**31
    source = write(
        tmp_path / "some", **{f"_{number}": result(one, 50.0 + number) for number, one in enumerate(architectures)}
    )
    (card,) = convert(source)
    assert open_keys(card).tolist() == keys
    bench = ganas.load_benchmark(card.name)
    assert bench.query_many(architectures, ["valid_accuracy"])[:, 0].tolist() == [50.0 + n for n in range(40)]
    genotypes = SPACE.encode_many(architectures)
    assert bench.query_many(genotypes, ["valid_accuracy"])[:, 0].tolist() == [50.0 + n for n in range(40)]
    texts = bench.frame()["architecture"].tolist()
    assert [SPACE.identity_key(SPACE.parse(text)) for text in texts] == keys
    check_benchmark(bench)


def test_small_keys_stay_in_32_bits(tmp_path):
    for keys, dtype in (([0, 2**31 - 1], "<i4"), ([0, 2**31], "<i8")):
        write_keys(tmp_path / KEYS, np.array(keys, dtype=np.int64))
        written = np.load(tmp_path / KEYS)
        assert written.dtype == dtype and written.tolist() == keys


def test_without_curves_there_are_no_metrics_of_them(tmp_path, home):
    (card,) = convert(write(tmp_path / "some", _0=result(drawn(1)[0])))
    expected = [metric.name for metric in CARDS[0].metrics if "_by_epoch" not in metric.name]
    assert [metric.name for metric in card.metrics] == expected and len(expected) == 6
    assert card.notes == ()


def test_a_number_of_parameters_that_the_network_does_not_have_is_said(tmp_path, home):
    (one,) = drawn(1)
    content = result(one)
    content["info"][0]["model_parameters"] += 1
    (card,) = convert(write(tmp_path / "some", _0=content))
    assert card.notes == (
        "Records that give another number of parameters than the network of their architecture has: 1.",
    )


def test_trainings_of_another_setting_or_split_are_said(tmp_path, home):
    one, two, three = drawn(3)
    contents = [result(architecture, channels=16, layers=5, budget=50) for architecture in (one, two, three)]
    contents[0]["info"][0] |= {"train_datapoints": 25_000, "val_datapoints": 25_000}
    for name in ("train_datapoints", "val_datapoints"):
        del contents[1]["info"][0][name]
    (card,) = convert(write(tmp_path / "some", **{f"_{number}": content for number, content in enumerate(contents)}))
    setting, split = card.notes
    assert "16 channels, 5 layers and 50 epochs; those that" in setting and "32 channels, 8 layers and 100" in setting
    assert split == "Records of another split than 40,000 images for training and 10,000 for validation: 1."


@pytest.mark.parametrize("changed", [{"channels": 50}, {"layers": 20}, {"budget": 1500}])
def test_trainings_of_several_settings_make_no_table(tmp_path, home, changed):
    one, two, three = drawn(3)
    source = write(tmp_path / "some", _0=result(one), _1=result(two), _2=result(three, **changed))
    with pytest.raises(
        DataError, match=r"of 2 settings.*2 of 32 channels, 8 layers and 100 epochs.*results_0.*results_2"
    ):
        convert(source)
    assert not [*home.rglob("*.npy")]


def test_two_numbers_of_parameters_for_one_architecture_make_no_table(tmp_path, home):
    (one,) = drawn(1)
    other = result(one)
    other["info"][0]["model_parameters"] += 1
    with pytest.raises(DataError, match=r"results_1.json has .* and .*results_0.json of the same architecture"):
        convert(write(tmp_path / "some", _0=result(one), _1=other))


def test_a_damaged_file_leaves_nothing_and_a_table_is_not_replaced_unasked(tmp_path, home):
    (one,) = drawn(1)
    source = write(tmp_path / "some", _0=result(one), _1={})
    with pytest.raises(DataError, match=r"results_1.json .* it lacks"):
        convert(source)
    assert not [path for path in home.rglob("*") if path.is_file()]
    (source / "results_1.json").unlink()
    (card,) = convert(source)
    with pytest.raises(DuplicateName):
        convert(source)
    assert convert(source, overwrite=True)[0] == card
