"""What each switch of a strategy buys: the table of an ablation, as Markdown.

Reads a run of ``ganas compare --one-at-a-time --stop-at-optimum`` of one strategy and compares every variant with the
defaults, paired by seed::

    python examples/ablation_table.py runs/ablations

A study that did not reach the optimum counts with the whole budget, in means, and as never in shares.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import ganas
from ganas.store import Store

__all__ = ["ablation_table", "mean_interval"]

_RESAMPLES = 10_000


def mean_interval(differences: NDArray[np.float64], *, rng: np.random.Generator) -> tuple[float, float]:
    """The 95 % percentile bootstrap interval of a mean.

    >>> low, high = mean_interval(np.array([1.0, 2.0, 3.0]), rng=np.random.default_rng(0))
    >>> 1 <= low < 2 < high <= 3
    True
    """
    drawn = rng.integers(len(differences), size=(_RESAMPLES, len(differences)))
    low, high = np.quantile(differences[drawn].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def ablation_table(studies: pd.DataFrame, default: str) -> pd.DataFrame:
    """One row a variant: on every benchmark the mean queries to the optimum, or what they differ by from the default.

    Args:
        studies: A row a study, with ``benchmark``, ``variant``, ``seed``, ``stop``, ``queries`` and ``budget``.
        default: The variant that the others are compared with.

    Returns:
        Text: for each benchmark ``mean; share by 100 queries`` and, but for the default, ``; change [95 % interval]``.
    """
    rng = np.random.default_rng(0)
    reached = studies["stop"] == "optimum"
    counted = studies.assign(queries=studies["queries"].where(reached, studies["budget"]).astype(float))
    rows: dict[str, dict[str, str]] = {}
    for (benchmark, variant), part in counted.groupby(["benchmark", "variant"], sort=False):
        mine = part.set_index("seed")["queries"]
        by_100 = ((part["stop"] == "optimum") & (part["queries"] <= 100)).mean()
        row = rows.setdefault(str(variant), {})
        row[str(benchmark)] = f"{mine.mean():.0f}; {by_100:.0%}".replace("%", " %")
        if variant != default:
            of_default = counted[(counted["benchmark"] == benchmark) & (counted["variant"] == default)]
            change = (mine - of_default.set_index("seed")["queries"]).dropna().to_numpy()
            low, high = mean_interval(change, rng=rng)
            row[str(benchmark)] += f"; {round(change.mean()):+d} [{round(low):+d}, {round(high):+d}]"
    return pd.DataFrame.from_dict(rows, orient="index").fillna("")


def main() -> None:
    """Print the table of a run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", help="folder of a run")
    with Store(parser.parse_args().run, create=False) as store:
        studies = store.studies()
    if studies["strategy"].nunique() != 1:
        raise ganas.GanasError("an ablation has one strategy")
    names = {name: name.rpartition("/")[2].replace(".py:", " ") for name in studies["benchmark"].unique()}
    table = ablation_table(studies.replace({"benchmark": names}), str(studies["strategy"].iloc[0]))
    print("| variant | " + " | ".join(table.columns) + " |")
    print("|---" * (len(table.columns) + 1) + "|")
    for variant, row in table.iterrows():
        print(f"| `{str(variant).partition('[')[2].rstrip(']') or variant}` | " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
