"""How a stream of words becomes batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ganas.bench.training.language.protocol import LanguageProtocol
from ganas.spaces.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["columns", "draw_length"]


def columns(stream: NDArray[np.int64], batch: int, what: str) -> Tensor:
    """Cut a stream into columns of equal length, (rows, batch); what is left over at its end is dropped.

    Args:
        stream: Numbers of words, (words,).
        batch: How many columns.
        what: What the stream is of, for the message.

    Raises:
        DataError: There are not two rows, a word and the one to be predicted.

    >>> columns(np.arange(7), 3, "x").tolist()
    [[0, 2, 4], [1, 3, 5]]
    """
    import torch

    rows = len(stream) // batch
    if rows < 2:
        raise DataError(f"{what} has {len(stream):,} words: too few for {batch} columns of at least 2 words")
    return torch.from_numpy(stream[: rows * batch].copy()).view(batch, rows).t().contiguous()


def draw_length(protocol: LanguageProtocol, *, rng: np.random.Generator) -> int:
    """Draw the length of a batch, in words.

    Merity et al., ICLR 2018, section 5, so that not always the same words stand at the end of a batch; the bounds are
    those of the DARTS code. Drawn from a normal distribution around the mean length or, now and then, half of it.
    """
    mean = protocol.bptt / 2 if rng.random() < protocol.bptt_halved else float(protocol.bptt)
    length = int(rng.normal(mean, protocol.bptt_deviation))
    return min(max(length, protocol.bptt_least), protocol.bptt + protocol.bptt_more)
