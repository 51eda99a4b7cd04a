"""Files of NAS-Bench-201 and NATS-Bench in the official layout, for tests: made-up records, and where real ones lie."""

import bz2
import itertools
import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np

OFFICIAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "natsbench_samples"
TOPOLOGY_SAMPLES = OFFICIAL / "NATS-tss-v1_0-3ffb9-simple"
SIZE_SAMPLES = OFFICIAL / "NATS-sss-v1_0-50262-simple"

CLASSES = {"cifar10-valid": 10, "cifar10": 10, "cifar100": 100, "ImageNet16-120": 120}
SETS = {
    "cifar10-valid": ["x-valid", "ori-test"],
    "cifar10": ["ori-test"],
    "cifar100": ["x-valid", "x-test", "ori-test"],
    "ImageNet16-120": ["x-valid", "x-test", "ori-test"],
}
FEW = {"cifar10-valid": [111, 777], "cifar10": [111], "cifar100": [111], "ImageNet16-120": [111]}
THREE = {dataset: [777, 888, 999] for dataset in CLASSES}
ONE = {dataset: [777] for dataset in CLASSES}

_OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
_WIDTHS = [str(width) for width in range(8, 65, 8)]
_PLACES = "|{}~0|+|{}~0|{}~1|+|{}~0|{}~1|{}~2|"


def topologies(count):
    """The first architectures in an order of its own, not the official one."""
    return [_PLACES.format(*labels) for labels in itertools.islice(itertools.product(_OPERATIONS, repeat=6), count)]


def sizes(count):
    """The first architectures in the official order."""
    return [":".join(widths) for widths in itertools.islice(itertools.product(_WIDTHS, repeat=5), count)]


def trial(rng, arch_str, dataset, seed, epochs, *, sparse):
    """The attributes of a ResultsCount; with ``sparse``, only one set was evaluated after every epoch."""
    full_set = "x-valid" if dataset == "cifar10-valid" else "ori-test"
    accuracies, losses, times = {}, {}, {}
    for name in SETS[dataset]:
        for epoch in range(epochs):
            if not sparse or name == full_set or epoch == epochs - 1:
                accuracies[f"{name}@{epoch}"] = float(rng.uniform(0, 100))
                losses[f"{name}@{epoch}"] = float(rng.uniform(0, 3))
            times[f"{name}@{epoch}"] = 1.5 + len(name)
    size_space = ":" in arch_str
    config = {"name": "infer.shape.tiny", "channels": arch_str} if size_space else {"channel": 16, "num_cells": 5}
    return {
        "name": dataset,
        "net_state_dict": None,
        "train_acc1es": {epoch: float(rng.uniform(0, 100)) for epoch in range(epochs)},
        "train_acc5es": None if sparse else dict.fromkeys(range(epochs), 99.0),
        "train_losses": {epoch: float(rng.uniform(0, 3)) for epoch in range(epochs)},
        "train_times": OrderedDict((epoch, 12.5 + seed / 1000) for epoch in range(epochs)),
        "arch_config": {**config, "arch_str": arch_str, "class_num": CLASSES[dataset]},
        "params": np.float64(rng.uniform(0.1, 1.5)),
        "flop": float(rng.uniform(10, 200)),
        "seed": f"{seed:04d}",
        "epochs": epochs,
        "latency": [np.float64(rng.uniform(0.01, 0.02))],
        "eval_names": list(SETS[dataset]),
        "eval_acc1es": accuracies,
        "eval_times": times,
        "eval_losses": losses,
    }


def results(rng, index, arch_str, epochs, seeds):
    """The attributes of an ArchResults."""
    trials = {
        (dataset, seed): trial(rng, arch_str, dataset, seed, epochs, sparse=epochs == 200)
        for dataset, of_dataset in seeds.items()
        for seed in of_dataset
    }
    return {
        "arch_index": index,
        "arch_str": arch_str,
        "all_results": trials,
        "dataset_seed": {dataset: list(of_dataset) for dataset, of_dataset in seeds.items()},
        "clear_net_done": True,
    }


def nasbench201(count, *, seed=0, total=None):
    """What a ``.pth`` of NAS-Bench-201 holds."""
    rng = np.random.default_rng(seed)
    archs = topologies(total or count)
    infos = {
        index: {
            "full": results(rng, f"{index:06d}", archs[index], 200, THREE),
            "less": results(rng, f"{index:06d}", archs[index], 12, FEW),
        }
        for index in range(count)
    }
    return {
        "meta_archs": archs,
        "total_archs": len(archs),
        "arch2infos": infos,
        "evaluated_indexes": list(range(count)),
    }


def natsbench(space, count, *, seed=0, total=None):
    """What a packed file of NATS-Bench holds."""
    rng = np.random.default_rng(seed)
    archs = topologies(total or count) if space == "topology" else sizes(total or count)
    runs = {"12": FEW, "200": THREE} if space == "topology" else {"01": ONE, "12": THREE, "90": ONE}
    infos = {
        index: OrderedDict((run, results(rng, index, archs[index], int(run), seeds)) for run, seeds in runs.items())
        for index in range(count)
    }
    return {
        "meta_archs": archs,
        "total_archs": len(archs),
        "arch2infos": infos,
        "evaluated_indexes": set(range(count)),
    }


def save_pickle(value, path, protocol=4):
    """Write a ``.pickle.pbz2``."""
    path.write_bytes(bz2.compress(pickle.dumps(value, protocol)))


def save_folder(content, folder, *, padded=True):
    """Write a simple directory."""
    folder.mkdir()
    for index, record in content["arch2infos"].items():
        save_pickle(record, folder / f"{index:06d}.pickle.pbz2" if padded else folder / f"{index}.pickle.pbz2")
    meta = {**content, "arch2infos": None, "evaluated_indexes": set()}
    save_pickle(meta, folder / "meta.pickle.pbz2")


def save_torch(content, path, *, legacy=False):
    """Write a ``.pth`` as torch does, in the container of today or that of before 1.6."""
    import torch

    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
