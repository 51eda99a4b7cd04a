"""Do three data sets measured on the same few architectures predict each other? Kendall tau of three ways, compared.

``python perf/surrogate_several_metrics.py MODEL [DRAWS [SIZE]]``: of SIZE random architectures of NAS-Bench-201 one
trial on CIFAR-10, CIFAR-100 and ImageNet16-120 each is learnt from. A surrogate for each data set ``alone``; a
``chain``, where each is also given what the surrogates of the other two say (of what it learns from: without it and
its twins); and ``components``, a surrogate for each principal component of the three labels, put together again (with
one kernel for all that is a Gaussian process with an intrinsic coregionalization kernel). They are judged as ``ganas
surrogate evaluate`` does, on architectures without a twin among those.
"""

import sys

import numpy as np
from numpy.typing import NDArray

import ganas
from ganas.bench.single_thread import one_thread
from ganas.bench.surrogate.judging.population import read_population
from ganas.bench.surrogate.judging.scores import kendall_tau
from ganas.bench.surrogate.judging.splits import make_split, split_rng
from ganas.bench.surrogate.label_scale import LabelScale
from ganas.bench.surrogate.surrogate import Surrogate

DATA_SETS = ("cifar10", "cifar100", "imagenet16")


def main() -> None:
    """Print the table."""
    if not 2 <= len(sys.argv) <= 4:
        sys.exit(f"usage: python {sys.argv[0]} MODEL [DRAWS [SIZE]]")
    model, *numbers = sys.argv[1:]
    draws, size = map(int, (*numbers, *("5", "200")[len(numbers) :]))
    tables = [ganas.load_benchmark(f"nasbench201-{name}") for name in DATA_SETS]
    populations = [read_population(table, rng=np.random.default_rng(0)) for table in tables]
    # The same rows in the same order: labels and tests of the three are of the same architectures.
    space, architectures = populations[0].space, populations[0].architectures
    if any(population.architectures != architectures for population in populations[1:]):
        sys.exit("the three tables list their architectures in different orders")
    taus: dict[str, list[list[float]]] = {"alone": [], "chain": [], "components": []}
    for seed in range(draws):
        rng = split_rng("random", size, seed)
        split = make_split(populations[0], "random", size, rng=rng)
        labels = [population.measure(split.train, "random", rng=rng) for population in populations]
        learnt = [architectures[row] for row in split.train.tolist()]
        tests = [architectures[row] for row in split.test.tolist()]
        with one_thread():
            alone = [Surrogate(space, model, seed=seed).fit(learnt, label) for label in labels]
            said = np.stack([surrogate.on_scale(tests)[0] for surrogate in alone], axis=1)
            left_out = np.nan_to_num(np.stack([surrogate.left_out[0] for surrogate in alone], axis=1))
            chained = []
            for number, label in enumerate(labels):
                others = [other for other in range(len(labels)) if other != number]
                surrogate = Surrogate(space, model, seed=seed).fit(learnt, label, known=left_out[:, others])
                chained.append(surrogate.on_scale(tests, known=said[:, others])[0])
            scores = np.stack([LabelScale().fit(label).to_scale(label) for label in labels], axis=1)
            turn = np.linalg.eigh(scores.T @ scores)[1]
            parts = [Surrogate(space, model, seed=seed).fit(learnt, part) for part in (scores @ turn).T]
            together = np.stack([part.predict(tests).mean for part in parts], axis=1) @ turn.T
        for name, predicted in (("alone", said), ("chain", np.stack(chained, axis=1)), ("components", together)):
            truths = [population.means[split.test] for population in populations]
            taus[name].append([kendall_tau(truth, one) for truth, one in zip(truths, predicted.T, strict=True)])
    print(f"Kendall tau, {model}, {size} architectures, {draws} draws: mean, and difference to alone (standard error)")
    for name, by_draw in taus.items():
        cells = []
        for data, found, before in zip(DATA_SETS, np.transpose(by_draw), np.transpose(taus["alone"]), strict=True):
            cells.append(f"{data} {found.mean():.4f} {_gain(found - before)}")
        cells.append(
            f"mean of the three {np.mean(by_draw):.4f} {_gain(np.subtract(by_draw, taus['alone']).mean(axis=1))}"
        )
        print(f"{name:10}  " + "  ".join(cells))


def _gain(differences: NDArray[np.float64]) -> str:
    """Mean and its standard error over the draws."""
    return f"{differences.mean():+.4f} ({differences.std(ddof=1) / len(differences) ** 0.5:.4f})"


if __name__ == "__main__":
    main()
