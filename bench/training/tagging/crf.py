"""A linear-chain conditional random field over the tags of a sentence.

Lafferty, McCallum and Pereira, "Conditional Random Fields", ICML 2001. For a sentence of T words with emissions e and
tags y, ::

    score(y) = start[y_1] + sum_t e[t, y_t] + sum_{t > 1} transitions[y_{t-1}, y_t] + end[y_T]
    log p(y) = score(y) - log sum_{y'} exp(score(y'))

The sum over all sequences and the best of them are computed by recursions over words, for all sentences of a batch and
all pairs of tags at once. Everything is in 32 bits, or in 64 where the emissions are.

This module imports torch.
"""

from __future__ import annotations

from collections.abc import Sequence

from ganas.data.corpora.tag_schemes import Scheme, may_follow
from ganas.spaces.errors import missing_torch

try:
    import torch
    from torch import Tensor, nn
except ImportError as error:
    raise missing_torch("tagging") from error

__all__ = ["ConditionalRandomField", "allowed_transitions"]

# Added to the score of what is not allowed. Not minus infinity: where two of them meet, gradients are not numbers.
_FORBIDDEN = -10_000.0


def allowed_transitions(tags: Sequence[str], scheme: Scheme) -> tuple[Tensor, Tensor, Tensor]:
    """Which tags may begin a sentence, follow each other, and end it, so that no sequence breaks the scheme.

    Returns:
        Three boolean tensors: (tags,), (tags, tags) from row to column, (tags,).

    >>> start, steps, end = allowed_transitions(["O", "B-NP", "I-NP"], "IOB2")
    >>> start.tolist(), steps.tolist(), end.tolist()
    ([True, True, False], [[True, True, False], [True, True, True], [True, True, True]], [True, True, True])
    """
    start = [may_follow("O", tag, scheme) for tag in tags]
    steps = [[may_follow(before, tag, scheme) for tag in tags] for before in tags]
    end = [may_follow(tag, "O", scheme) for tag in tags]
    return torch.tensor(start), torch.tensor(steps), torch.tensor(end)


class ConditionalRandomField(nn.Module):
    """Scores of tag sequences, given a score of each tag at each word.

    Sentences are padded at their end: ``mask`` is true for words, and the first word of each sentence must be one.

    Args:
        num_tags: How many tags there are.
        allowed: Which tags may begin, follow each other, and end, as :func:`allowed_transitions` makes it; None for
            all. Sequences with what is not allowed have no weight, and are never the best.
    """

    allowed_start: Tensor
    allowed_steps: Tensor
    allowed_end: Tensor

    def __init__(self, num_tags: int, allowed: tuple[Tensor, Tensor, Tensor] | None = None) -> None:
        super().__init__()
        self.start = nn.Parameter(torch.zeros(num_tags))
        self.transitions = nn.Parameter(torch.zeros(num_tags, num_tags))
        self.end = nn.Parameter(torch.zeros(num_tags))
        if allowed is None:
            one = torch.ones(num_tags, dtype=torch.bool)
            allowed = one, one.expand(num_tags, num_tags), one
        # They follow from the scheme, so they are not saved.
        for name, mask in zip(("allowed_start", "allowed_steps", "allowed_end"), allowed, strict=True):
            self.register_buffer(name, mask.clone(), persistent=False)

    def forward(self, emissions: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """Negative log-probability of the tags of each sentence, (batch,).

        Args:
            emissions: Score of each tag at each word, (batch, words, tags).
            tags: The tag of each word, (batch, words); any number where there is no word.
            mask: Where there are words, (batch, words).
        """
        return self.log_partition(emissions, mask) - self.score(emissions, tags, mask)

    def score(self, emissions: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """The score of one sequence of tags of each sentence, (batch,); arguments as in :meth:`forward`."""
        start, steps, end = self._scores()
        emissions = _wide(emissions)
        tags = tags.masked_fill(~mask, 0)
        emitted = emissions.gather(2, tags.unsqueeze(2)).squeeze(2)
        moved = steps[tags[:, :-1], tags[:, 1:]]
        last = tags.gather(1, mask.sum(1, keepdim=True) - 1).squeeze(1)
        return (
            start[tags[:, 0]]
            + (emitted * mask).sum(1)
            + (moved * mask[:, 1:]).sum(1)
            + end[last]
        )  # fmt: skip

    def log_partition(self, emissions: Tensor, mask: Tensor) -> Tensor:
        """Logarithm of the summed weights of all sequences of each sentence, (batch,); arguments as in forward."""
        start, steps, end = self._scores()
        emissions = _wide(emissions)
        total = start + emissions[:, 0]
        for step in range(1, emissions.shape[1]):
            reached = torch.logsumexp(total.unsqueeze(2) + steps, dim=1) + emissions[:, step]
            total = torch.where(mask[:, step].unsqueeze(1), reached, total)
        return torch.logsumexp(total + end, dim=1)

    @torch.no_grad()
    def decode(self, emissions: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """The best sequence of each sentence, by Viterbi's algorithm; the first of equals, by number of the last tag.

        Args:
            emissions: As in :meth:`forward`.
            mask: As there.

        Returns:
            The tags, (batch, words), 0 where there is no word; and the score of each sequence, (batch,).
        """
        start, steps, end = self._scores()
        emissions = _wide(emissions)
        best = start + emissions[:, 0]
        stay = torch.arange(best.shape[1], device=best.device).expand_as(best)
        came_from = []
        for step in range(1, emissions.shape[1]):
            reached, source = (best.unsqueeze(2) + steps).max(dim=1)
            here = mask[:, step].unsqueeze(1)
            best = torch.where(here, reached + emissions[:, step], best)
            # Behind the end of a sentence its last tag is passed on.
            came_from.append(torch.where(here, source, stay))
        score, tag = (best + end).max(dim=1)
        path = [tag]
        for source in reversed(came_from):
            tag = source.gather(1, tag.unsqueeze(1)).squeeze(1)
            path.append(tag)
        return torch.stack(path[::-1], dim=1).masked_fill(~mask, 0), score

    def _scores(self) -> tuple[Tensor, Tensor, Tensor]:
        return (
            self.start.masked_fill(~self.allowed_start, _FORBIDDEN),
            self.transitions.masked_fill(~self.allowed_steps, _FORBIDDEN),
            self.end.masked_fill(~self.allowed_end, _FORBIDDEN),
        )


def _wide(emissions: Tensor) -> Tensor:
    """Sums over a sentence need more digits than half precision has."""
    return emissions.float() if emissions.dtype in (torch.float16, torch.bfloat16) else emissions
