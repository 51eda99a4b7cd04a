"""Small pieces of wording that the parts of a report share."""

from __future__ import annotations

from collections.abc import Sequence

from ganas.bench.benchmark import Benchmark
from ganas.bench.shared_weights.benchmark import SharedWeightsBenchmark
from ganas.bench.training.benchmark import TrainerBenchmark

__all__ = ["MINUS", "NO_VALUE", "join", "number_word", "plural", "ranges", "training_notes"]

MINUS = "\N{MINUS SIGN}"
NO_VALUE = "\N{EN DASH}"
"""Stands where there is no number to show."""


def join(names: Sequence[str]) -> str:
    """Names as a list in a sentence."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def plural(count: int, one: str, many: str) -> str:
    """A number with its noun."""
    return f"{count:,} {one if count == 1 else many}"


def number_word(count: int) -> str:
    """A number up to ten as a word."""
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return words[count] if count < len(words) else str(count)


def ranges(numbers: Sequence[int]) -> str:
    """Whole numbers as ranges.

    >>> ranges([0, 1, 2, 5])
    '0-2, 5'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(f"{low}" if low == high else f"{low}-{high}" for low, high in runs)


def training_notes(benchmark: Benchmark | None) -> list[str]:
    """By which recipe the values of a benchmark came about, where something was trained for them."""
    if not isinstance(benchmark, TrainerBenchmark | SharedWeightsBenchmark):
        return []
    recipe = f"{benchmark.protocol.label}: {benchmark.protocol.title}"
    if isinstance(benchmark, TrainerBenchmark):
        return [f"Architectures were trained by the protocol {recipe}."]
    return [
        "Architectures were scored by weights that all of them share, on training data that no weight learned from. "
        f"The weights were trained by the protocol {recipe}."
    ]
