"""A search on a surrogate: what GA-NAS proposes when it may ask a predictor of 500 trainings and nothing else.

A surrogate is fitted to 500 random architectures of NAS-Bench-201 on ImageNet16-120, one trial each. GA-NAS searches it
as it would search a table, and the 20 best that it came upon, none of them among the 500, are looked up in the real
table. Beside it stand the 20 best of the whole space by the same surrogate, by a plain Gaussian process, and the 20
largest networks. For each draw of the 500 it prints the place in the table (of 15,625, by the mean over trials) of the
best of the 20, and of the one that was proposed first; at the end the medians::

    python examples/surrogate_search.py [--draws 10] [--model gaussian-process] [--budget 300]

It takes about a minute a draw. Only this data set is worth it: on the other two the largest network is the best.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

import ganas
from ganas.bench.measured_table import MeasuredTable
from ganas.bench.surrogate.fitting import fit_benchmark
from ganas.bench.surrogate.labels import Labels, sample_labels
from ganas.bench.surrogate.models import DEFAULT_MODEL
from ganas.verifying import search_picks, table_ranks, top_picks

__all__ = ["one_draw"]


def one_draw(
    table: MeasuredTable, *, seed: int, labels: int, picks: int, budget: int, model: str, strategy: str = "ganas"
) -> dict[str, list[int]]:
    """Places in the table of what each method proposes, the most promising first.

    Args:
        table: The truth.
        seed: Of the labels, the fit and the search.
        labels: How many architectures are learnt from, one trial each.
        picks: How many are proposed.
        budget: Different architectures that the search may ask the surrogate about.
        model: Which model is fitted.
        strategy: What searches.
    """
    learnt = sample_labels(table, labels, signal="random", rng=np.random.default_rng(seed))
    surrogate = fit_benchmark("draw", learnt, model=model, seed=seed)
    plain = surrogate if model == "gaussian-process" else fit_benchmark("plain", learnt, model="gaussian-process")
    every = [table.architecture_at(row) for row in range(table.num_rows)]
    proposed = {
        f"{strategy} on the surrogate": search_picks(surrogate, picks, strategy=strategy, budget=budget, seed=seed),
        "whole space by the surrogate": top_picks(surrogate, every, picks),
        "whole space by a Gaussian process": top_picks(plain, every, picks),
        "largest-first": _largest(table, learnt, picks, seed),
    }
    return {
        name: [rank for rank in table_ranks(table, chosen) if rank is not None] for name, chosen in proposed.items()
    }


def _largest(table: MeasuredTable, learnt: Labels, picks: int, seed: int) -> list[ganas.Architecture]:
    """The largest architectures that are not among the labels, as the strategy orders them."""
    key = table.space.identity_key
    known = set(map(key, learnt.architectures))
    study = ganas.search(table, "largest-first", budget=picks + len(known), seed=seed)
    asked = [entry.evaluation.architecture for entry in study.entries]
    return [architecture for architecture in asked if key(architecture) not in known][:picks]


def main() -> None:
    """Run the draws and print the places."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--benchmark", default="nasbench201-imagenet16")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--labels", type=int, default=500)
    parser.add_argument("--picks", type=int, default=20)
    parser.add_argument("--budget", type=int, default=300)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--strategy", default="ganas")
    given = parser.parse_args()
    try:
        table = ganas.load_benchmark(given.benchmark)
        if not isinstance(table, MeasuredTable):
            raise ganas.GanasError(f"{given.benchmark!r} is a {table.kind}: a table is wanted")
        best: dict[str, list[int]] = {}
        first: dict[str, list[int]] = {}
        for seed in range(given.draws):
            ranks = one_draw(
                table,
                seed=seed,
                labels=given.labels,
                picks=given.picks,
                budget=given.budget,
                model=given.model,
                strategy=given.strategy,
            )
            for name, places in ranks.items():
                best.setdefault(name, []).append(min(places))
                first.setdefault(name, []).append(places[0])
            found = ", ".join(f"{name} {min(places)} ({places[0]})" for name, places in ranks.items())
            print(f"draw {seed}: {found}", flush=True)
    except ganas.GanasError as error:
        sys.exit(f"Error: {error}")
    print(f"\n{'median place in the table':36} best of {given.picks:<4} proposed first")
    for name, places in best.items():
        print(f"{name:36} {np.median(places):<12g} {np.median(first[name]):g}")


if __name__ == "__main__":
    main()
