"""How each number of a report is defined, in the words that the report prints."""

from __future__ import annotations

from ganas.report.statistics import RESAMPLES

__all__ = ["DEFINITIONS", "DERIVED_DEFINITIONS", "DIAGNOSTIC_DEFINITIONS", "OPERATION_DEFINITIONS"]

DEFINITIONS = (
    (
        "query",
        "One training of one architecture. Only new architectures count: asking again within a study for one that it "
        "has already evaluated is free. Failed evaluations count.",
    ),
    ("budget", "How many queries a study may count."),
    (
        "search signal",
        "What a strategy is told after a query. With the signal mean it is the mean over the trials (repeated "
        "trainings) that the benchmark holds; with the signal random it is one of them, drawn anew for each query. A "
        "query is charged the time of one training either way.",
    ),
    (
        "best so far",
        "The value of the architecture with the best value told so far. With the signal random its mean over trials is "
        "looked up after the search, so the curve may also get worse. Studies that end before the budget carry their "
        "best forward.",
    ),
    (
        "regret",
        "Distance between the best so far and the best mean value in the benchmark (the optimum); 0 at the optimum. "
        "Where no optimum is known, the best value seen in this experiment takes its place.",
    ),
    (
        "queries to the optimum",
        "Number of the first query after which the regret is 0. A seed that did not get there counts as later than the "
        "budget; percentiles are values of the sample and are not interpolated.",
    ),
    (
        "95 % confidence interval",
        f"Percentile bootstrap over seeds with {RESAMPLES:,} resamples from a fixed random seed. It describes the mean "
        "over seeds, not the spread of single runs.",
    ),
    (
        "corrected p",
        "Wilcoxon signed-rank test, two-sided, on pairs with the same seed; zero differences are dropped, and if all "
        "are zero p is 1. Holm's step-down correction over all pairs of strategies on the benchmark.",
    ),
    (
        "simulated hours",
        "Sum of the training times that the benchmark records for the queries, as if they had been run one after "
        "another.",
    ),
    (
        "validation and test",
        "Strategies are told validation values only. Test values, where a benchmark holds them, are looked up after "
        "the search for the architecture that was best by what the strategy was told.",
    ),
)
"""Term and sentences, for every report."""

DIAGNOSTIC_DEFINITIONS = (
    (
        "diagnostic",
        "A number that a strategy says of itself when it proposes. It stands at the query that the proposal became; "
        "what it measures is the strategy's own title for it.",
    ),
    (
        "median and band of a diagnostic",
        "Over the seeds that have a value by that query. A seed carries its last value forward to the next one, and "
        "to the budget; percentiles are interpolated linearly.",
    ),
)
"""Further ones, for a report that shows diagnostics."""

OPERATION_DEFINITIONS = (
    (
        "share of an operation",
        "Of all positions that choose from the same operations, in all the architectures counted, those that have this "
        "one. Each architecture counts once, however many seeds and strategies evaluated it.",
    ),
    (
        "95 % Wilson interval",
        "Score interval of a share, each position of each architecture taken as an independent draw.",
    ),
)
"""Further ones, for a report that shows operations."""

DERIVED_DEFINITIONS = (
    (
        "last proposal",
        "The last architecture that a study counted as a query. Where a search comes back to one that it had proposed "
        "before, that is free and not recorded, and the last new one is meant.",
    ),
)
"""Further ones, for a report that ranks what one-shot searches end with."""
