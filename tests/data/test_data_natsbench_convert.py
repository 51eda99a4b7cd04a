"""The converter of NAS-Bench-201 and NATS-Bench: a table answers what the official packages answer, or is not there."""

import bz2
import copy
import pickle

import numpy as np
import pytest

from ganas.bench.ledger import Ledger
from ganas.bench.tabular import TabularBenchmark
from ganas.bench.testing import check_benchmark
from ganas.data.card import read_card, table_path
from ganas.data.catalog import verify
from ganas.data.convert.natsbench import convert
from ganas.data.convert.natsbench_cards import FAMILIES
from ganas.data.convert.official import convert_official, convertible_cards
from ganas.data.sources import sources
from ganas.data.tables import read_values
from ganas.spaces.errors import EpochNotMeasured, NotMeasured, TrialNotMeasured
from tests.data.natsbench_answers import SETS, TABLES, close, contents, files_in, metric_values, quietly
from tests.data.natsbench_files import (
    FEW,
    SIZE_SAMPLES,
    THREE,
    TOPOLOGY_SAMPLES,
    nasbench201,
    natsbench,
    results,
    save_folder,
    save_pickle,
    save_torch,
)

SAMPLES = {"topology": TOPOLOGY_SAMPLES, "size": SIZE_SAMPLES}
needs_samples = pytest.mark.skipif(
    not TOPOLOGY_SAMPLES.is_dir(), reason="the official records beside the checkout are absent"
)


def opened(cards):
    """The tables by the official name of their data set."""
    suffixes = {suffix: dataset for dataset, suffix in TABLES.items()}
    benches = {}
    for card in cards:
        family = next(family for family in FAMILIES if card.name.startswith(f"{family}-"))
        benches[suffixes[card.name.removeprefix(f"{family}-")]] = TabularBenchmark.from_card(card)
    return benches


# --- official records --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real")
    return {space: convert(path, f"natsbench-{space}", folder=folder) for space, path in SAMPLES.items()}


@needs_samples
@pytest.mark.parametrize("space", ["topology", "size"])
def test_every_number_of_the_official_records(real, space):
    import nats_bench

    api = quietly(nats_bench.create, str(SAMPLES[space]), space, fast_mode=True, verbose=False)
    checked = 0
    for dataset, bench in opened(real[space]).items():
        for index in (0, 11, 284):
            architecture = bench.space.parse(api.arch(index))
            api.get_more_info(index, dataset)
            for run, of_run in api.arch2infos_dict[index].items():
                for seed in [*of_run.get_dataset_seeds(dataset), None]:
                    checked += check_run(api, bench, architecture, index, dataset, int(run), run, seed)
    assert checked > 10_000


def check_run(api, bench, architecture, index, dataset, run, name, seed):
    """Compare every number of a run with ``get_more_info``; return how many there were."""
    count = 0
    asked = {"run": run, "seed": seed}
    kinds = [f"{prefix}_{kind}" for prefix in ("train", *SETS[dataset].values()) for kind in ("accuracy", "loss")]
    for iepoch in range(run):
        info = api.get_more_info(index, dataset, iepoch, name, False if seed is None else seed)
        of_epoch, once = metric_values(info)
        for metric in [*kinds, "train_seconds"]:
            if metric in of_epoch:
                found = bench.query(architecture, metric, epoch=iepoch + 1, **asked)
                assert close(found.value, of_epoch[metric])
                assert found.seeds == ((seed,) if seed is not None else tuple(seeds_of(api, index, dataset, name)))
                count += 1
            else:
                with pytest.raises(EpochNotMeasured):
                    bench.query(architecture, metric, epoch=iepoch + 1, **asked)
        for metric, value in once.items():
            assert close(bench.query(architecture, metric, **asked).value, value)
    trials = api.arch2infos_dict[index][name].query(dataset)
    chosen = [trials[one] for one in trials if seed in (None, one)]
    for metric, attribute in (("source_flops", "flop"), ("source_model_size", "params")):
        values = [getattr(trial, attribute) for trial in chosen]
        assert close(bench.query(architecture, metric, **asked).value, sum(values) / len(values))
    values = [trial.get_latency() for trial in chosen]
    assert close(bench.query(architecture, "latency_seconds", **asked).value, sum(values) / len(values))
    return count


def seeds_of(api, index, dataset, name):
    return sorted(api.arch2infos_dict[index][name].get_dataset_seeds(dataset))


IMAGES = {
    "cifar10-valid": {"train": 25_000, "valid": 25_000, "test": 10_000},
    "cifar10": {"train": 50_000, "test": 10_000},
    "cifar100": {"train": 50_000, "valid": 5_000, "test": 5_000, "valtest": 10_000},
    "ImageNet16-120": {"train": 151_700, "valid": 3_000, "test": 3_000, "valtest": 6_000},
}


@needs_samples
@pytest.mark.parametrize("space", ["topology", "size"])
def test_the_seconds_are_those_that_the_cards_speak_of(real, space):
    benches = opened(real[space])
    for row in range(3):
        per_image, latencies = {"train": set(), "evaluation": set()}, {}
        for dataset, bench in benches.items():
            architecture = bench.architecture_at(row)
            for what, images in IMAGES[dataset].items():
                # An epoch takes the same in every run and with every seed.
                metric = f"{what}_seconds"
                seconds = set()
                for run in bench.runs:
                    passes = run if what == "train" else 1
                    trials = bench.trial_values(architecture, metric, run=run)
                    seconds |= {round(value / passes, 9) for value in trials}
                (once,) = seconds
                per_image["train" if what == "train" else "evaluation"].add(round(once / images, 11))
            (latencies[dataset],) = {
                value for run in bench.runs for value in bench.trial_values(architecture, "latency_seconds", run=run)
            }
        # Those of one data set, scaled by the number of images, or of each data set on its own.
        assert (len(per_image["train"]), len(per_image["evaluation"])) == ((1, 1) if space == "topology" else (4, 9))
        assert latencies["cifar10-valid"] == latencies["cifar10"]
        assert len({*latencies.values()}) == 3
        if space == "size":
            cifar10, cell = benches["cifar10-valid"], benches["cifar10-valid"].architecture_at(row)
            batches = [
                cifar10.query(cell, f"{what}_seconds", run=1).value / -(-IMAGES["cifar10-valid"][what] // 256)
                for what in ("valid", "test")
            ]
            assert close(latencies["cifar10-valid"], sum(batches) / 2)


def test_what_the_cards_say_of_seconds_and_halves():
    said = {card.name: " ".join(card.known_defects) for card in convertible_cards()}
    for suffix in TABLES.values():
        topology, size = said[f"natsbench-topology-{suffix}"], said[f"natsbench-size-{suffix}"]
        assert "the run over 12 epochs, seed 777" in topology and "NAS-Bench-201 v1.0" in topology
        assert "in the run over 1 epoch (seed 777), on each data set" in size and "12 epochs" not in size
        for family in FAMILIES:
            halves = "come from the official test set, and `valtest` is both halves"
            assert (halves in said[f"{family}-{suffix}"]) == (suffix in ("cifar100", "imagenet16"))


@needs_samples
@pytest.mark.parametrize("space", ["topology", "size"])
def test_the_order_and_the_parameters_of_the_official_records(real, space):
    for card in real[space]:
        bench = TabularBenchmark.from_card(card)
        numbers = read_values(table_path(card), ["official_index"])[:, 0]
        assert sorted(numbers.tolist()) == [0, 11, 284]
        meta = pickle.loads(bz2.decompress((SAMPLES[space] / "meta.pickle.pbz2").read_bytes()))["meta_archs"]
        for row, number in enumerate(numbers.astype(int).tolist()):
            architecture = bench.architecture_at(row)
            assert bench.space.format(architecture) == meta[number]
            size = bench.query(architecture, "source_model_size").value
            assert bench.query(architecture, "parameters").value == round(size * 1e6)


@needs_samples
def test_what_the_cards_of_the_official_records_say(real):
    known = {card.name: card for card in convertible_cards()}
    for space, cards in real.items():
        assert [card.name for card in cards] == list(sources()[f"natsbench-{space}"].makes)
        for card in cards:
            assert verify(card)
            before = known[card.name]
            assert card.source.file == SAMPLES[space].name and len(card.source.sha256) == 64
            assert card.source.licence == card.licence == "MIT"
            assert (card.rows, card.cost, card.fidelity) == (3, "train_seconds", before.fidelity)
            assert (card.title, card.objective, card.dataset) == (before.title, before.objective, before.dataset)
            size = {"topology": "15,625", "size": "32,768"}[space]
            assert card.known_defects == before.known_defects
            assert card.notes == (f"The file holds 3 of the {size} architectures.",)
            assert read_card(card.folder / "card.toml", card.folder).notes == card.notes
            # The real records are as complete as the card of a complete file expects.
            held = [(one.name, one.run, one.epochs, one.seeds) for one in card.metrics]
            assert held == [(one.name, one.run, one.epochs, one.seeds) for one in before.metrics]
            of_objective = [one for one in card.metrics if one.name == card.objective][-1]
            assert card.trial_counts == ((len(of_objective.seeds), 3),)


@needs_samples
def test_a_packed_file_of_the_official_records(real, tmp_path):
    content = {"arch2infos": {}, "evaluated_indexes": set()}
    for path in sorted(SIZE_SAMPLES.glob("*.pbz2")):
        value = pickle.loads(bz2.decompress(path.read_bytes()))
        if path.name.startswith("meta"):
            content = {**value, **content}
        else:
            content["arch2infos"][int(path.name[:6])] = value
            content["evaluated_indexes"].add(int(path.name[:6]))
    save_pickle(content, tmp_path / "NATS-sss-v1_0-50262.pickle.pbz2")
    cards = convert_official(tmp_path / "NATS-sss-v1_0-50262.pickle.pbz2", folder=tmp_path / "tables")
    assert contents(cards) == contents(real["size"])
    assert "as its authors published it: its MD5 digest does not end in 50262" in cards[0].notes[0]


# --- made-up records, beside the official packages ---------------------------------------------------------------


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A file of NAS-Bench-201 and its content."""
    path = tmp_path_factory.mktemp("checkpoint") / "NAS-Bench-201-v1_1-096897.pth"
    content = nasbench201(5, seed=1)
    save_torch(content, path)
    return path, content


@pytest.fixture(scope="module")
def of_checkpoint(checkpoint, tmp_path_factory):
    return convert_official(checkpoint[0], folder=tmp_path_factory.mktemp("tables"))


def test_a_checkpoint_says_what_its_package_says(checkpoint, of_checkpoint):
    from nas_201_api import NASBench201API

    api = NASBench201API(checkpoint[1], verbose=False)
    assert [card.name for card in of_checkpoint] == list(sources()["nasbench201-v1.1"].makes)
    for dataset, bench in opened(of_checkpoint).items():
        assert bench.num_rows == 5 and bench.runs == (12, 200)
        for index in (0, 3):
            architecture = bench.space.parse(api.arch(index))
            for name in ("12", "200"):
                for seed in [*api.arch2infos_dict[index][name].get_dataset_seeds(dataset), None]:
                    assert check_run(api, bench, architecture, index, dataset, int(name), name, seed)
                costs = api.get_cost_info(index, dataset, name)
                for ours, theirs in (("source_flops", "flops"), ("latency_seconds", "latency")):
                    assert close(bench.query(architecture, ours, run=int(name)).value, costs[theirs])
                total = bench.query(architecture, "train_seconds", run=int(name))
                assert close(total.value, costs["T-train@total"]) and total.cost_seconds == total.value


def test_a_checkpoint_of_before_torch_1_6(checkpoint, of_checkpoint, tmp_path):
    save_torch(checkpoint[1], tmp_path / "NAS-Bench-201-v1_1-096897.pth", legacy=True)
    assert contents(convert_official(tmp_path / "NAS-Bench-201-v1_1-096897.pth", folder=tmp_path / "t")) == contents(
        of_checkpoint
    )


@pytest.mark.parametrize("space", ["topology", "size"])
def test_a_packed_file_and_its_directory_are_one(space, tmp_path):
    content = natsbench(space, 4, seed=2)
    packed, simple = sources()[f"natsbench-{space}"].files
    save_pickle(content, tmp_path / packed)
    save_folder(content, tmp_path / simple)
    save_folder(content, tmp_path / "plain", padded=False)
    first = convert_official(tmp_path / packed, folder=tmp_path / "first")
    second = convert_official(tmp_path / simple, folder=tmp_path / "second")
    third = convert_official(tmp_path / "plain", f"natsbench-{space}", folder=tmp_path / "third")
    assert contents(first) == contents(second) == contents(third)
    assert [card.source.file for card in (first[0], second[0], third[0])] == [packed, simple, "plain"]


def test_architectures_in_any_order(checkpoint, of_checkpoint, tmp_path):
    content = copy.deepcopy(checkpoint[1])
    order = [3, 0, 4, 1, 2]
    content["arch2infos"] = {index: content["arch2infos"][index] for index in order}
    save_torch(content, tmp_path / "some.pth")
    cards = convert(tmp_path / "some.pth", "nasbench201-v1.1", folder=tmp_path / "tables")
    assert contents(cards) == contents(of_checkpoint)


def test_official_numbers_that_are_not_the_order_of_the_table(tmp_path):
    content = natsbench("topology", 4, seed=3)
    archs = content["meta_archs"][::-1]
    infos = {}
    for index, runs in content["arch2infos"].items():
        for of_run in runs.values():
            of_run["arch_index"] = 3 - index
        infos[3 - index] = runs
    save_pickle({**content, "meta_archs": archs, "arch2infos": infos}, tmp_path / "some.pbz2")
    for card in convert(tmp_path / "some.pbz2", "natsbench-topology", folder=tmp_path / "tables"):
        bench = TabularBenchmark.from_card(card)
        numbers = read_values(table_path(card), ["official_index"])[:, 0].astype(int).tolist()
        assert numbers == [3, 2, 1, 0]
        assert [archs[number] for number in numbers] == list(bench.frame()["architecture"])


def test_fewer_seeds_and_a_seed_that_appears_late(tmp_path):
    content = natsbench("topology", 4, seed=4)
    rng = np.random.default_rng(5)
    archs, infos = content["meta_archs"], content["arch2infos"]
    infos[0]["200"] = results(rng, 0, archs[0], 200, {**THREE, "cifar100": [999]})
    infos[1]["200"] = results(rng, 1, archs[1], 200, {**THREE, "cifar100": [888, 777]})
    infos[3]["200"] = results(rng, 3, archs[3], 200, {**THREE, "cifar100": [999, 777, 888, 444]})
    save_pickle(content, tmp_path / "some.pbz2")
    cards = convert(tmp_path / "some.pbz2", "natsbench-topology", folder=tmp_path / "tables")
    bench = opened(cards)["cifar100"]
    assert bench.metric("valid_accuracy").seeds == (444, 777, 888, 999)
    assert cards[2].trial_counts == ((1, 1), (2, 1), (3, 1), (4, 1)) and verify(cards[2])
    for index, seeds in enumerate([(999,), (777, 888), (777, 888, 999), (444, 777, 888, 999)]):
        architecture = bench.space.parse(archs[index])
        trials = infos[index]["200"]["all_results"]
        for metric, field in (("valid_accuracy", "x-valid@199"), ("test_accuracy", "x-test@199")):
            result = bench.query(architecture, metric)
            values = [trials["cifar100", seed]["eval_acc1es"][field] for seed in seeds]
            assert result.seeds == seeds and close(result.value, sum(values) / len(values))
            for seed, value in zip(seeds, values, strict=True):
                assert bench.query(architecture, metric, seed=seed).value == value
        for seed in {444, 777, 888, 999} - set(seeds):
            with pytest.raises(TrialNotMeasured):
                bench.query(architecture, "valid_accuracy", seed=seed)
    check_benchmark(bench)


def old_content(count=4):
    """As version 1.0: runs over 12 epochs on one data set, evaluations without times, some trainings too."""
    content = nasbench201(count, seed=6)
    rng = np.random.default_rng(7)
    for index, runs in content["arch2infos"].items():
        arch_str = content["meta_archs"][index]
        runs["less"] = results(rng, index, arch_str, 12, {"cifar10-valid": [777]})
        for of_run in runs.values():
            for (dataset, _), trial in of_run["all_results"].items():
                trial["eval_times"] = {}
                trial["latency"] = None
                if index == 2 and dataset != "cifar100":
                    trial["train_times"] = None
    return content


def test_a_file_as_version_1_0(tmp_path):
    from nas_201_api import NASBench201API

    content = old_content()
    save_torch(content, tmp_path / "NAS-Bench-201-v1_0-e61699.pth")
    cards = convert_official(tmp_path / "NAS-Bench-201-v1_0-e61699.pth", folder=tmp_path / "tables")
    assert [card.name for card in cards] == list(sources()["nasbench201-v1.0"].makes)
    untimed = "Some trainings have no times, so that queries cost no simulated seconds."
    # That the digits in the name are of the MD5 digest is an inference, so other ones are a note and no verdict.
    (note,) = [one for one in cards[0].notes if "MD5" in one]
    assert note.startswith("The MD5 digest of NAS-Bench-201-v1_0-e61699.pth does not end in e61699, the digits that ")
    assert "these may be of another digest" in note
    benches, api = opened(cards), NASBench201API(content, verbose=False)
    for card, (dataset, bench) in zip(cards, benches.items(), strict=True):
        verify(card)
        check_benchmark(bench)
        assert bench.runs == ((12, 200) if dataset == "cifar10-valid" else (200,))
        assert (card.cost is None) == (untimed in card.known_defects) == (dataset != "cifar100")
        assert not {"valid_seconds", "test_seconds", "latency_seconds"} & bench.metrics.keys()
        for index in range(4):
            architecture = bench.space.parse(content["meta_archs"][index])
            cost = bench.query(architecture, "train_accuracy", epoch=5).cost_seconds
            assert cost == (5 * sum(12.5 + seed / 1000 for seed in (777, 888, 999)) / 3 if card.cost else 0.0)
            for seed in (777, None):
                of_epoch, _ = metric_values(api.get_more_info(index, dataset, 199, "200", seed or False))
                for metric, value in of_epoch.items():
                    if value is not None:
                        assert close(bench.query(architecture, metric, seed=seed).value, value)
                        continue
                    with pytest.raises(NotMeasured, match=r"'train_seconds' of .* was not measured|and none at 0"):
                        bench.query(architecture, metric, seed=seed)
    with pytest.raises(NotMeasured, match="runs of 200 epochs, not of 12"):
        benches["cifar100"].query(benches["cifar100"].architecture_at(0), run=12)


def test_architectures_without_a_run_or_a_data_set(tmp_path):
    content = natsbench("topology", 4, seed=8)
    rng = np.random.default_rng(9)
    archs, infos = content["meta_archs"], content["arch2infos"]
    del infos[1]["12"]
    infos[2]["200"] = results(rng, 2, archs[2], 200, {"cifar10": [777], "ImageNet16-120": [777]})
    infos[2]["12"] = results(rng, 2, archs[2], 12, {"cifar100": [111], "ImageNet16-120": [111]})
    save_pickle(content, tmp_path / "some.pbz2")
    cards = convert(tmp_path / "some.pbz2", "natsbench-topology", folder=tmp_path / "tables")
    assert [card.rows for card in cards] == [3, 4, 4, 4]
    assert [card.cost for card in cards] == ["train_seconds", "train_seconds", None, "train_seconds"]
    assert (
        "Some architectures have no run over 200 epochs, so that queries cost no simulated seconds."
        in cards[2].known_defects
    )
    benches = opened(cards)
    whole, without_short, without_long = (benches["cifar100"].space.parse(archs[index]) for index in (0, 1, 2))
    bench = benches["ImageNet16-120"]
    assert bench.query(whole, run=12).cost_seconds == pytest.approx(12 * (12.5 + 0.111))
    assert bench.query(whole).cost_seconds > 0 and bench.query(without_short).cost_seconds > 0
    assert bench.cost_seconds(without_short) > 0
    with pytest.raises(NotMeasured, match="was not measured"):
        bench.query(without_short, run=12)
    bench = benches["cifar100"]
    assert bench.query(without_long, run=12, seed=111).seeds == (111,)
    for architecture, asked in ((without_short, {"run": 12}), (without_long, {}), (without_long, {"run": 200})):
        with pytest.raises(NotMeasured, match="was not measured"):
            bench.query(architecture, **asked)
    with pytest.raises(NotMeasured, match="not among the 3 architectures"):
        benches["cifar10-valid"].query(without_long)
    for opened_bench in benches.values():
        check_benchmark(opened_bench)


def test_a_file_without_some_data_sets(tmp_path):
    content = nasbench201(3, seed=10)
    rng = np.random.default_rng(11)
    for index, runs in content["arch2infos"].items():
        for name, epochs, seeds in (("less", 12, FEW), ("full", 200, THREE)):
            held = {dataset: seeds[dataset] for dataset in ("cifar10-valid", "ImageNet16-120")}
            runs[name] = results(rng, index, content["meta_archs"][index], epochs, held)
    save_torch(content, tmp_path / "some.pth")
    cards = convert(tmp_path / "some.pth", "nasbench201-v1.1", folder=tmp_path / "tables")
    names = ["nasbench201-v1.1-cifar10", "nasbench201-v1.1-imagenet16"]
    assert [card.name for card in cards] == files_in(tmp_path / "tables") == names


def test_times_that_differ_between_epochs(tmp_path):
    content = natsbench("size", 2, seed=12)
    rng = np.random.default_rng(13)
    for runs in content["arch2infos"].values():
        for of_run in runs.values():
            for trial in of_run["all_results"].values():
                trial["train_times"] = {epoch: float(rng.uniform(1, 2)) for epoch in range(trial["epochs"])}
    save_pickle(content, tmp_path / "some.pbz2")
    bench = opened(convert(tmp_path / "some.pbz2", "natsbench-size", folder=tmp_path / "tables"))["cifar10-valid"]
    for index, runs in content["arch2infos"].items():
        architecture = bench.space.parse(content["meta_archs"][index])
        times = runs["90"]["all_results"]["cifar10-valid", 777]["train_times"]
        curve = bench.curve(architecture, "train_seconds")
        assert curve.values.tolist() == pytest.approx(np.cumsum(list(times.values())).tolist(), rel=1e-12)
        assert curve.cost_seconds.tolist() == curve.values.tolist()


@pytest.mark.parametrize("fidelity", [None, 12])
def test_a_study_that_draws_trials_gets_one_training(tmp_path, fidelity):
    save_pickle(natsbench("topology", 3, seed=18), tmp_path / "some.pbz2")
    cards = convert(tmp_path / "some.pbz2", "natsbench-topology", folder=tmp_path / "tables")
    bench = opened(cards)["cifar10-valid"]
    assert bench.fidelity == "epoch" and bench.fidelities() == tuple(range(1, 201))
    for dataset in ("cifar100", "ImageNet16-120"):
        bench = opened(cards)[dataset]
        assert bench.fidelity == "run" and bench.fidelities() == (12, 200)
        # Accuracy, latency and cost are of one seed: a shorter run has other seeds, at the same positions.
        names = ["valid_accuracy", "latency_seconds", "parameters"]
        ledger = Ledger(bench, names, budget=3, signal="random", rng=np.random.default_rng(1))
        seconds = 0.0
        for row in range(3):
            architecture = bench.architecture_at(row)
            evaluation = ledger.evaluate(architecture, fidelity)
            trained = bench.query(architecture, trial=evaluation.trial, run=fidelity)
            assert trained.seeds[0] in ((111,) if fidelity else (777, 888, 999))
            for name in names[:2]:
                of_seed = bench.query(architecture, name, seed=trained.seeds[0], run=fidelity)
                assert evaluation.values[name] == of_seed.value
            assert evaluation.cost_seconds == bench.cost_seconds(architecture, run=fidelity)
            seconds += evaluation.cost_seconds
        assert ledger.simulated_seconds == seconds > 0


@pytest.mark.parametrize("space", ["topology", "size"])
def test_converted_tables_pass_the_kit(space, tmp_path):
    content = natsbench(space, 12, seed=14)
    save_pickle(content, tmp_path / "some.pbz2")
    for card in convert(tmp_path / "some.pbz2", f"natsbench-{space}", folder=tmp_path / "tables"):
        verify(card)
        check_benchmark(TabularBenchmark.from_card(card))


def test_a_converted_checkpoint_passes_the_kit(of_checkpoint):
    for card in of_checkpoint:
        verify(card)
        check_benchmark(TabularBenchmark.from_card(card))
