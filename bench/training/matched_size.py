"""Networks to compare with, of as many parameters as those that they are compared with."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["matched_size"]


def matched_size(count: Callable[[int], int], wanted: int) -> int:
    """The size, at least 1, at which a growing count is nearest to what is wanted; the smaller of two.

    >>> matched_size(lambda size: size**2, 30), matched_size(lambda size: size**2, 31)
    (5, 6)
    """
    size = 1
    while count(2 * size) <= wanted:
        size *= 2
    low, high = size, 2 * size
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) <= wanted else (low, middle)
    return low if wanted - count(low) <= count(high) - wanted else high
