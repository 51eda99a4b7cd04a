"""Which operators where: what the choices of a text network are worth on average, as Markdown, and the best one drawn.

Reads a run on a trainer of text networks, of random architectures best, as searches prefer what they found good::

    ganas collect train-textnas-mini-bbcnews --count 100 --share-random 1 --out runs/text
    python examples/text_principles.py runs/text --draw best.svg

The effect of a choice is the mean of the objective over architectures that have it minus the mean over those that do
not, with the standard error of the difference. With a hundred architectures only large effects stand out: of 48 numbers
of operators two or three lie beyond two standard errors by chance.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import ganas
from ganas.report.drawing import draw_architecture
from ganas.spaces.errors import NotSupported
from ganas.spaces.textnas.genotype import OPERATORS, TextGenotype
from ganas.spaces.textnas.space import TextSpace
from ganas.store import Store

__all__ = ["effect", "effects_of_operators", "effects_of_wiring", "main", "read"]


def effect(has: NDArray[np.bool_], values: NDArray[np.float64]) -> tuple[float, float]:
    """Mean of the values with a choice minus the mean without it, and its standard error; NaN where one side is empty.

    >>> effect(np.array([True, True, False, False]), np.array([4.0, 6.0, 1.0, 3.0]))
    (3.0, 1.414)
    """
    sides = values[has], values[~has]
    if min(map(len, sides)) < 2:
        return math.nan, math.nan
    error = math.sqrt(sum(float(side.var(ddof=1)) / len(side) for side in sides))
    return round(float(sides[0].mean() - sides[1].mean()), 3), round(error, 3)


def cell(found: tuple[float, float]) -> str:
    """An effect with its standard error, in bold beyond two of them."""
    value, error = found
    if math.isnan(value):
        return "-"
    text = f"{value:+.1f} ({error:.1f})"
    return f"**{text}**" if abs(value) > 2 * error else text


def effects_of_operators(genotypes: Sequence[TextGenotype], values: NDArray[np.float64]) -> str:
    """A table of each operator in each layer, and in how many layers it stands."""
    layers = len(genotypes[0].layers)
    lines = [f"| | {' | '.join(f'layer {number}' for number in range(layers))} | one layer more of it |"]
    lines.append("|---" * (layers + 2) + "|")
    for operator in OPERATORS:
        stands = np.array([[layer.operator == operator for layer in one.layers] for one in genotypes])
        found = [cell(effect(stands[:, number], values)) for number in range(layers)]
        lines.append(f"| `{operator}` | {' | '.join(found)} | {cell(slope(stands.sum(axis=1), values))} |")
    return "\n".join(lines)


def slope(counts: NDArray[np.int64], values: NDArray[np.float64]) -> tuple[float, float]:
    """By how much the objective grows with a count, by least squares, and its standard error; NaN where all are equal.

    >>> slope(np.array([0, 1, 2, 3]), np.array([1.0, 3.0, 5.0, 7.0]))
    (2.0, 0.0)
    """
    centred = counts - counts.mean()
    spread = float(centred @ centred)
    if spread == 0 or len(counts) < 3:
        return math.nan, math.nan
    steep = float(centred @ values) / spread
    rest = values - values.mean() - steep * centred
    return round(steep, 3), round(math.sqrt(float(rest @ rest) / (len(counts) - 2) / spread), 3)


def effects_of_wiring(genotypes: Sequence[TextGenotype], values: NDArray[np.float64]) -> str:
    """A table of skip connections and of layers that do not read the one before."""
    skips = np.array([sum(sum(layer.skips) for layer in one.layers) for one in genotypes])
    far = np.array([sum(layer.offset > 0 for layer in one.layers) for one in genotypes])
    rows = [("one skip connection more", skips), ("one layer more that does not read the layer before it", far)]
    return "\n".join(
        ["| | effect |", "|---|---|", *(f"| {name} | {cell(slope(count, values))} |" for name, count in rows)]
    )


def read(run: Path) -> tuple[TextSpace, Mapping[str, float], bool]:
    """The space of a run, every architecture in it with its value, and whether higher is better.

    Raises:
        NotSupported: The run is on several benchmarks, or on one of another space.
    """
    with Store(run, create=False) as store:
        names = store.studies()["benchmark"].unique()
        evaluations = store.evaluations()
    if len(names) != 1:
        raise NotSupported(f"a run on one benchmark is wanted, and {run} has {len(names)}")
    benchmark = ganas.load_benchmark(str(names[0]))
    if not isinstance(benchmark.space, TextSpace):
        raise NotSupported(f"a run on text networks is wanted, not on {benchmark.space.name!r}")
    known = evaluations.dropna(subset="value").drop_duplicates("architecture")
    values = dict(zip(known["architecture"], known["value"], strict=True))
    return benchmark.space, values, benchmark.metrics[benchmark.objective].higher_is_better


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables, and draw the best architecture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of a run")
    parser.add_argument("--draw", type=Path, help="an SVG file for the best architecture")
    given = parser.parse_args(arguments)
    space, measured, higher = read(given.run)
    genotypes = [space.genotype(space.parse(text)) for text in measured]
    values = np.array(list(measured.values()), dtype=np.float64)
    best = (max if higher else min)(measured, key=lambda text: measured[text])
    print(f"{len(values)} architectures, mean {values.mean():.1f}, standard deviation {values.std(ddof=1):.1f}\n")
    print(effects_of_operators(genotypes, values))
    print(f"\n{effects_of_wiring(genotypes, values)}\n\nbest, {measured[best]:.1f}: `{best}`")
    if given.draw is not None:
        given.draw.write_text(draw_architecture(space.parse(best), space), encoding="utf-8")


if __name__ == "__main__":
    main()
