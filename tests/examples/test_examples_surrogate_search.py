"""The search on a surrogate: its proposals are new, and their places are those of the table."""

from __future__ import annotations

from pathlib import Path

import ganas
from ganas.spaces.registry import load_place

EXAMPLE = Path(__file__).parents[2] / "examples" / "surrogate_search.py"
one_draw = load_place("example", f"{EXAMPLE}:one_draw")


def test_places_of_one_draw():
    table = ganas.load_benchmark("nasbench201-imagenet16")
    given = {"seed": 0, "labels": 150, "picks": 10, "budget": 60, "model": "gaussian-process"}
    ranks = one_draw(table, strategy="local-search", **given)
    assert list(ranks) == [
        "local-search on the surrogate",
        "whole space by the surrogate",
        "whole space by a Gaussian process",
        "largest-first",
    ]
    assert all(len(set(places)) > 1 and len(places) == 10 for places in ranks.values())
    assert all(1 <= place <= 15_625 for places in ranks.values() for place in places)
    # The whole space by prediction is no worse, by prediction, than what a search came upon; and both beat chance,
    # by which the best of ten would be about the 1,400th.
    assert max(min(ranks[name]) for name in list(ranks)[:3]) < 500
    assert ranks["whole space by the surrogate"] == ranks["whole space by a Gaussian process"]
