"""The table of an ablation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ganas.spaces.registry import load_place

EXAMPLE = Path(__file__).parents[2] / "examples" / "ablation_table.py"
ablation_table = load_place("example", f"{EXAMPLE}:ablation_table")
mean_interval = load_place("example", f"{EXAMPLE}:mean_interval")


def studies(queries, stops, variant):
    return pd.DataFrame(
        {
            "benchmark": "table",
            "variant": variant,
            "seed": range(len(queries)),
            "queries": queries,
            "stop": stops,
            "budget": 150,
        }
    )


def test_a_study_that_did_not_arrive_counts_with_the_budget():
    default = studies([50, 120, 90], ["optimum"] * 3, "ganas")
    # The second stalled at 20 queries: that is no arrival.
    other = studies([60, 20, 90], ["optimum", "stalled", "optimum"], "ganas[batch_size=5]")
    table = ablation_table(pd.concat([default, other]), "ganas")
    assert table.loc["ganas", "table"] == "87; 67 %"
    assert table.loc["ganas[batch_size=5]", "table"].startswith("100; 67 %; +13 [+0, ")


def test_the_interval_holds_the_mean_and_narrows_with_more_seeds():
    rng = np.random.default_rng(0)
    few, many = rng.normal(5, 10, size=20), rng.normal(5, 10, size=2000)
    wide, narrow = (mean_interval(values, rng=rng) for values in (few, many))
    assert wide[0] < few.mean() < wide[1] and narrow[0] < 5 < narrow[1]
    assert narrow[1] - narrow[0] < 0.2 * (wide[1] - wide[0])
