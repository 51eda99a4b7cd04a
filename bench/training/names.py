"""The registered trainers by name: ``train-<space>-<dataset>`` for the miniature, with ``-full`` for the recipe."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

__all__ = ["LISTED", "MINI", "PROTOCOLS", "trainer_builders", "trainer_name"]

# This module is imported at every look-up of a benchmark, so it imports nothing of what makes trainers.

MINI = "mini"
"""The protocol that a name means that gives none."""

PROTOCOLS = (MINI, "full")
"""The protocols of every registered trainer."""

LISTED = (
    ("alphagan", "cifar10"),
    ("alphagan", "digits"),
    ("alphagan", "fashionmnist"),
    ("alphagan", "stl10"),
    ("alphagan-discriminator", "digits"),
    ("rnn", "bbcnews"),
    ("rnn", "conll2000"),
    ("rnn", "conll2003"),
    ("rnn", "ptb"),
    ("rnn", "wikitext2"),
    ("rnn", "wikitext103"),
    ("rnn", "wnut17"),
    ("rnn-enas", "bbcnews"),
    ("rnn-mini", "bbcnews"),
    ("textnas", "agnews"),
    ("textnas", "amazon2"),
    ("textnas", "amazon5"),
    ("textnas", "bbcnews"),
    ("textnas", "dbpedia"),
    ("textnas", "mnli"),
    ("textnas", "snli"),
    ("textnas", "sogou"),
    ("textnas", "sst2"),
    ("textnas", "sst2-glue"),
    ("textnas", "sst5"),
    ("textnas", "yahoo"),
    ("textnas", "yelp2"),
    ("textnas", "yelp5"),
    ("textnas-mini", "bbcnews"),
    ("textnas-mini", "sst2"),
    ("textnas-mini", "sst2-glue"),
)
"""The space and the data set of every registered trainer; other pairs are made by ``ganas train``."""


def trainer_name(space: str, dataset: str, protocol: str) -> str:
    """What a trainer is called.

    >>> trainer_name("rnn", "ptb", "mini"), trainer_name("rnn", "ptb", "full")
    ('train-rnn-ptb', 'train-rnn-ptb-full')
    """
    return f"train-{space}-{dataset}" + ("" if protocol == MINI else f"-{protocol}")


@cache
def trainer_builders() -> dict[str, Callable[[], Any]]:
    """What makes each registered trainer, by name; the same objects at every call."""
    return {
        trainer_name(space, dataset, protocol): partial(_make, space, dataset, protocol)
        for space, dataset in LISTED
        for protocol in PROTOCOLS
    }


def _make(space: str, dataset: str, protocol: str) -> Any:
    from ganas.bench.training.trainers import make_trainer

    return make_trainer(space, dataset, protocol)
