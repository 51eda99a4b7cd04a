"""Small pieces of wording that the parts of a report share."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["MINUS", "NO_VALUE", "join", "number_word", "plural", "ranges"]

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
