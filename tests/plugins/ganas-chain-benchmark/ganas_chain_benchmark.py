"""A benchmark of one's own: a table of all 363 chains of the space ``chain``, with values from a formula.

Nothing here was trained. The validation accuracy of a chain, in percent, is::

    60 + 5 for each conv + 3 for each pool right behind a conv - half the square of the number of operations

The second trial is 0.2 higher than the first, so the mean is 0.1 above the formula. The test accuracy is 1 below the
formula, and a training takes 60 seconds for each operation. The best chain is five times conv.
"""

from __future__ import annotations

import itertools

import ganas


def chain_formula() -> ganas.Benchmark:
    """Make the table; a registered benchmark is a callable without arguments that returns a Benchmark."""
    import pandas

    space = ganas.load_space("chain")
    rows = []
    for architecture in space.enumerate():
        labels = architecture.operations[1:-1]
        pooled = list(itertools.pairwise(labels)).count(("conv", "pool"))
        accuracy = 60 + 5 * labels.count("conv") + 3 * pooled - len(labels) ** 2 / 2
        rows.append((architecture, accuracy, accuracy + 0.2, accuracy - 1, 60.0 * len(labels)))
    return ganas.TabularBenchmark.from_frame(
        name="chain-formula",
        space=space,
        frame=pandas.DataFrame(rows, columns=["arch", "valid_0", "valid_1", "test", "seconds"]),
        metrics={
            ("valid_0", "valid_1"): ganas.Metric("valid_accuracy", "percent", "valid", description="two trials"),
            "test": ganas.Metric("test_accuracy", "percent", "test"),
            "seconds": ganas.Metric("train_seconds", "seconds", higher_is_better=False),
        },
        objective="valid_accuracy",
        cost="train_seconds",
    )
