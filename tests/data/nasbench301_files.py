"""Made-up results of NAS-Bench-301 in the official form: for tests of the reader, the table and the surrogate."""

import json
import zipfile

import numpy as np

from ganas.spaces.darts.space import DARTS

SPACE = DARTS()
PREFIX = "NetworkSelectorDatasetInfo:darts:"


def result(architecture, valid=90.0, *, curve=None, channels=32, layers=8, budget=100, rate=0.025, **changed):
    """A made-up result in the official form."""
    config = {
        **SPACE.to_config(architecture),
        f"{PREFIX}init_channels": channels,
        f"{PREFIX}layers": layers,
        f"{PREFIX}auxiliary": "True",
        "OptimizerSelector:sgd:learning_rate": rate,
    }
    info = {
        "train_loss": 1.5,
        "train_accuracy": 60.25,
        "val_accuracy": valid,
        "epochs": 98.0,
        "model_parameters": SPACE.parameter_count(architecture, channels=channels, layers=layers, auxiliary=True),
        "train_datapoints": 40_000,
        "val_datapoints": 10_000,
    }
    content = {
        "final_metric_score": -valid,
        "optimized_hyperparamater_config": config,
        "budget": budget,
        "info": [info],
        "test_accuracy": valid - 0.5,
        "runtime": 4321.5,
    }
    if curve is not None:
        content["learning_curves"] = {
            "Train/val_accuracy": curve,
            "Train/train_accuracy": [value / 2 for value in curve],
            "Train/train_loss": [100 - value for value in curve],
            "Train/lr": [0.025] * len(curve),
        }
    return content | changed


def drawn(count, seed=0):
    return SPACE.sample(count, rng=np.random.default_rng(seed))


def write(folder, **contents):
    """Files ``results_NAME.json`` in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / f"results_{name.strip('_')}.json").write_text(json.dumps(content))
    return folder


def pack(path, folder):
    """A zip archive of a folder, itself included, as the official one is."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder.parent))
    return path


def objective(architecture):
    """A made-up accuracy: separable convolutions help, pooling in the normal cell harms, the rest hardly matters."""
    normal, reduction = (
        [operation for operation, _ in cell]
        for cell in (SPACE.to_genotype(architecture).normal, SPACE.to_genotype(architecture).reduce)
    )
    helping = sum("sep" in operation for operation in normal) + 0.5 * sum("sep" in operation for operation in reduction)
    return 91.0 + 0.3 * helping - 0.4 * sum("pool" in operation for operation in normal)


def write_many(folder, count, seed=0):
    """Results of that many architectures drawn at random, with a little noise."""
    rng = np.random.default_rng(seed)
    contents = {}
    for number, architecture in enumerate(SPACE.sample(count, rng=rng)):
        seconds = SPACE.parameter_count(architecture, channels=32, layers=8) / 400 + 50 * rng.normal()
        accuracy = round(objective(architecture) + 0.1 * rng.normal(), 2)
        contents[f"_{number}"] = result(architecture, accuracy, runtime=seconds)
    return write(folder, **contents)
