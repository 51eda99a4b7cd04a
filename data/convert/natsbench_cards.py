"""What is known about the tables of NAS-Bench-201 and NATS-Bench before a file is read.

Sources: Dong and Yang, "NAS-Bench-201", ICLR 2020, https://arxiv.org/abs/2001.00326; Dong, Liu, Musial and Gabrys,
"NATS-Bench", TPAMI 2021, https://arxiv.org/abs/2009.00437; and the official code, which says in ``get_more_info`` which
images each name stands for. Where the seconds of NATS-Bench come from is read in ``correct_time_related_info`` of
``exps/NATS-Bench/tss-collect.py`` and ``sss-collect.py`` (https://github.com/D-X-Y/AutoDL-Projects, commit 06d5c54),
and so it is in the official records that tests read. The four data sets of the files become four tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ganas.data.card import Card, CardMetric, CardSource

__all__ = [
    "DATASETS",
    "FAMILIES",
    "PARAMETERS",
    "Family",
    "ImageSet",
    "OfficialDataset",
    "card_of",
    "cards_of",
    "metric_of",
]


@dataclass(frozen=True, slots=True)
class ImageSet:
    """A set of images that the networks of a data set were measured on.

    Attributes:
        official: Its name in the files.
        prefix: What the names of its metrics begin with.
        split: What it is to a search: ``valtest`` holds test images, so it is test.
        images: What it is, in words.
        whole_curve: Whether the runs over 200 epochs of the topology space have it at every epoch.
    """

    official: str
    prefix: str
    split: Literal["valid", "test"]
    images: str
    whole_curve: bool


@dataclass(frozen=True, slots=True)
class OfficialDataset:
    """A data set of the official files.

    Attributes:
        official: Its name in the files.
        suffix: What the name of its table ends with.
        title: Its name in words.
        training: What was trained on, in words.
        num_classes: Its classes.
        sets: What was measured on.
    """

    official: str
    suffix: str
    title: str
    training: str
    num_classes: int
    sets: tuple[ImageSet, ...]


def _halves(images: int) -> tuple[ImageSet, ...]:
    return (
        ImageSet("x-valid", "valid", "valid", f"{images:,} of the official test images", False),
        ImageSet("x-test", "test", "test", f"the other {images:,} official test images", False),
        ImageSet("ori-test", "valtest", "test", "all official test images, those of valid and of test", True),
    )


DATASETS: tuple[OfficialDataset, ...] = (
    OfficialDataset(
        "cifar10-valid",
        "cifar10",
        "CIFAR-10",
        "25,000 of the training images",
        10,
        (
            ImageSet("x-valid", "valid", "valid", "the other 25,000 training images", True),
            ImageSet("ori-test", "test", "test", "the 10,000 test images", False),
        ),
    ),
    OfficialDataset(
        "cifar10",
        "cifar10-trainval",
        "CIFAR-10, trained on training and validation images",
        "all 50,000 training images",
        10,
        (ImageSet("ori-test", "test", "test", "the 10,000 test images", True),),
    ),
    OfficialDataset("cifar100", "cifar100", "CIFAR-100", "all 50,000 training images", 100, _halves(5000)),
    OfficialDataset(
        "ImageNet16-120", "imagenet16", "ImageNet16-120", "all of its 151,700 training images", 120, _halves(3000)
    ),
)
"""The data sets by the order of the official documentation."""


@dataclass(frozen=True, slots=True)
class Family:
    """The tables that one official file becomes.

    Attributes:
        prefix: What their names begin with.
        title: The benchmark in words.
        space: Name of the space.
        runs: Epochs of each run, in increasing order.
        seeds: The usual seeds of each run.
        whole_curves: Whether every set of images has every epoch of the longest run.
        licence: What is known of it.
        citation: The paper.
        known_defects: What holds for all its tables.
        short_runs_of: The data sets, as the files call them, with runs shorter than the longest; None for all of them.
    """

    prefix: str
    title: str
    space: str
    runs: tuple[int, ...]
    seeds: tuple[tuple[int, ...], ...]
    whole_curves: bool
    licence: str
    citation: str
    known_defects: tuple[str, ...]
    short_runs_of: tuple[str, ...] | None = None


_NASBENCH201 = (
    "Xuanyi Dong and Yi Yang, NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search, ICLR "
    "2020, arXiv:2001.00326"
)
_NATSBENCH = (
    "Xuanyi Dong, Lu Liu, Katarzyna Musial and Bogdan Gabrys, NATS-Bench: Benchmarking NAS Algorithms for Architecture "
    "Topology and Size, IEEE TPAMI 2021, arXiv:2009.00437"
)
_LICENCE = "MIT"
_SIZES = (
    "source_model_size and source_flops are as the source gives them. Its code says that a few differ between trials "
    "by mistake and then trusts seed 888; `parameters` is the value of the network's structure."
)
_TOPOLOGY_TIMES = (
    "Seconds of training and evaluation were measured once an architecture, on CIFAR-10 (`cifar10-valid`, the run over "
    "12 epochs, seed 777), on the authors' machine. Those of the other data sets are that, scaled by the number of "
    "images, and an epoch takes the same in every run and with every seed.",
    "Latency is that of NAS-Bench-201 v1.0 (its run over 200 epochs), on CIFAR-10 the mean of its two data sets, and "
    "the same in every run and with every seed.",
)
_SIZE_TIMES = (
    "Seconds and latency were measured in the run over 1 epoch (seed 777), on each data set, on the authors' machine: "
    "an epoch takes the same in every run and with every seed.",
    "Latency is the time of a batch of 256 images in the evaluations of that run; both tables of CIFAR-10 have "
    "that of `cifar10-valid`.",
)
_HALF_TEST = (
    "The validation images come from the official test set, and `valtest` is both halves of it: it counts as test, and "
    "a search may not see it."
)

FAMILIES: dict[str, Family] = {
    **{
        f"nasbench201-{version}": Family(
            f"nasbench201-{version}",
            f"NAS-Bench-201 {version}",
            "nasbench201",
            (12, 200),
            ((111, 777), (777, 888, 999)),
            False,
            _LICENCE,
            _NASBENCH201,
            (_SIZES, trials, defect),
            short_runs_of,
        )
        for version, short_runs_of, trials, defect in (
            (
                "v1.0",
                ("cifar10-valid",),
                "Its authors count 6,219 architectures with one trial, 1,621 with two and 7,785 with three, and runs "
                "over 12 epochs on cifar10-valid alone.",
                "Many records of v1.0 have no training times, so that queries cost no seconds; its authors recommend "
                "v1.1, and NATS-Bench after that.",
            ),
            (
                "v1.1",
                None,
                "Its authors count 2,225 architectures with one trial, 5,439 with two and 7,961 with three in the run "
                "over 200 epochs, and in that over 12 two on cifar10-valid and one on the other data sets.",
                "Its authors recommend NATS-Bench, which measures the same networks again, in its place.",
            ),
        )
    },
    "natsbench-topology": Family(
        "natsbench-topology",
        "NATS-Bench, topology",
        "nasbench201",
        (12, 200),
        ((111, 777), (777, 888, 999)),
        False,
        _LICENCE,
        _NATSBENCH,
        (*_TOPOLOGY_TIMES, _SIZES),
    ),
    "natsbench-size": Family(
        "natsbench-size",
        "NATS-Bench, size",
        "natsbench-size",
        (1, 12, 90),
        ((777,), (777, 888, 999), (777,)),
        True,
        _LICENCE,
        _NATSBENCH,
        (*_SIZE_TIMES, _SIZES),
    ),
}
"""By the prefix of their names."""


def metric_of(
    dataset: OfficialDataset, name: str, *, run: int, epochs: Sequence[int], seeds: Sequence[int]
) -> CardMetric:
    """The description of a metric by its name.

    Args:
        dataset: The data set of its table.
        name: ``train_accuracy``, ``valid_seconds``, ``latency_seconds`` ...
        run: The run that it is of; the sizes and the latency of the network, too, stand in every trial.
        epochs: Where it is held.
        seeds: Of its trials.
    """
    prefix, _, kind = name.partition("_")
    given = {"run": run, "epochs": tuple(epochs), "seeds": tuple(seeds), "per_trial": True}
    if name in _OF_THE_NETWORK:
        unit, description = _OF_THE_NETWORK[name]
        return CardMetric(name=name, unit=unit, higher_is_better=False, description=description, **given)  # type: ignore[arg-type]
    if name == "train_seconds":
        description = "Seconds of training up to the epoch, evaluations not included"
        return CardMetric(name=name, unit="seconds", higher_is_better=False, description=description, **given)  # type: ignore[arg-type]
    split: Literal["train", "valid", "test"] = "train"
    images = dataset.training
    for one in dataset.sets:
        if one.prefix == prefix:
            split, images = one.split, one.images
    if kind == "seconds":
        description = f"Seconds of one pass over {images}"
        return CardMetric(name=name, unit="seconds", higher_is_better=False, description=description, **given)  # type: ignore[arg-type]
    what, unit = {"accuracy": ("Top-1 accuracy", "percent"), "loss": ("Cross-entropy", "nats")}[kind]
    return CardMetric(
        name=name,
        unit=unit,
        split=split,
        higher_is_better=kind == "accuracy",
        description=f"{what} on {images}",
        **given,  # type: ignore[arg-type]
    )


_OF_THE_NETWORK = {
    "source_model_size": ("million parameters", "Model size as the source gives it; see the known defects"),
    "source_flops": ("million", "Floating-point operations of one image as the source gives them"),
    "latency_seconds": ("seconds", "Inference latency of a batch of 256 images on the machine of the authors"),
}


PARAMETERS = CardMetric(
    name="parameters",
    unit="count",
    higher_is_better=False,
    description="Trainable parameters of the network, computed from its structure",
)
"""The only metric that is not of the source."""


def cards_of(family: Family) -> list[Card]:
    """The cards of a family's tables, with the metrics that a complete official file has."""
    return [card_of(family, dataset, [*_usual_metrics(family, dataset)]) for dataset in DATASETS]


def card_of(
    family: Family, dataset: OfficialDataset, metrics: Sequence[CardMetric], source: CardSource | None = None
) -> Card:
    """The card of a table on which nothing is measured yet."""
    named = {metric.name for metric in metrics}
    valid = [one for one in dataset.sets if one.split == "valid"]
    measured = "; ".join(f"{one.prefix} is {one.images}" for one in dataset.sets)
    half_test = [_HALF_TEST] if any(one.prefix == "valtest" for one in dataset.sets) else []
    defects = [*half_test, *family.known_defects]
    if not valid:
        defects.append(
            "There is no validation accuracy, so nothing that a search should look at: it is here to be joined."
        )
    if valid and not valid[0].whole_curve and not family.whole_curves:
        defects.append(
            f"In the run over {family.runs[-1]} epochs, valid and test were measured at its end only; what was "
            "measured at every epoch is valtest."
        )
    whole_curve = family.whole_curves or not valid or valid[0].whole_curve
    return Card(
        name=f"{family.prefix}-{dataset.suffix}",
        title=f"{family.title} on {dataset.title}: learning curves of every architecture",
        space=family.space,
        dataset=f"{dataset.title} (`{dataset.official}` in the source): trained on {dataset.training}; {measured}",
        objective="valid_accuracy" if valid else "train_accuracy",
        licence=family.licence,
        citation=family.citation,
        trials="A trial is one training from another seed: ask for it by position or by seed.",
        source=source or CardSource(family.title, "", "", "", family.licence, "Xuanyi Dong and others"),
        metrics=tuple(metrics),
        cost="train_seconds" if "train_seconds" in named else None,
        fidelity="epoch" if whole_curve else "run",
        num_classes=dataset.num_classes,
        known_defects=tuple(defects),
    )


def _usual_metrics(family: Family, dataset: OfficialDataset) -> Iterator[CardMetric]:
    short = family.short_runs_of is None or dataset.official in family.short_runs_of
    for run, seeds in zip(family.runs, family.seeds, strict=True):
        if run != family.runs[-1] and not short:
            continue
        every, last = range(1, run + 1), (run,)
        usual = seeds if dataset.official == "cifar10-valid" or run != 12 or family.whole_curves else (111,)
        for name in ("train_accuracy", "train_loss", "train_seconds"):
            yield metric_of(dataset, name, run=run, epochs=every, seeds=usual)
        for one in dataset.sets:
            held = every if family.whole_curves or one.whole_curve or run != family.runs[-1] else last
            for kind in ("accuracy", "loss"):
                yield metric_of(dataset, f"{one.prefix}_{kind}", run=run, epochs=held, seeds=usual)
            yield metric_of(dataset, f"{one.prefix}_seconds", run=run, epochs=(), seeds=usual)
        for name in _OF_THE_NETWORK:
            yield metric_of(dataset, name, run=run, epochs=(), seeds=usual)
    yield PARAMETERS
