"""How long surrogates take: ``python perf/surrogates.py [MODEL ...]``, all models that come with Ganas without names.

A fit on 1,000 labels of NAS-Bench-201 (CIFAR-100, one trial each), and predictions for 100,000 architectures: rows of
that table again and again, as a search asks, and different random cells of NAS-Bench-101 (for them 1,000 labels that
are made up). Seconds on the clock, with as many processors as there are. It returns 1 if the default takes longer than
its bar: 20 s to fit, 5 s to predict.
"""

import sys
import time
from collections.abc import Sequence

import numpy as np

import ganas
from ganas.bench.surrogate.labels import sample_labels
from ganas.bench.surrogate.models import DEFAULT_MODEL, MODELS
from ganas.bench.surrogate.surrogate import Surrogate
from ganas.spaces.architecture import Architecture
from ganas.spaces.space import Space

LABELS, ASKED = 1_000, 100_000
FIT_BAR, PREDICT_BAR = 20.0, 5.0


def seconds(
    space: Space, model: str, learnt: Sequence[Architecture], values: np.ndarray, asked: Sequence[Architecture]
) -> tuple[float, float]:
    """What fitting and predicting take."""
    begun = time.perf_counter()
    surrogate = Surrogate(space, model).fit(learnt, values)
    fitted = time.perf_counter()
    # What is computed once, at the first question.
    surrogate.predict(asked[:10_000])
    ready = time.perf_counter()
    surrogate.predict(asked)
    return fitted - begun, time.perf_counter() - ready


def main() -> int:
    """Print the table; return 1 if the default misses a bar."""
    models = sys.argv[1:] or [DEFAULT_MODEL, *(name for name in MODELS if name != DEFAULT_MODEL)]
    rng = np.random.default_rng(0)
    table = ganas.load_benchmark("nasbench201-cifar100")
    labels = sample_labels(table, LABELS, signal="random", rng=rng)
    every = list(table.space.enumerate())
    rows = [every[place] for place in rng.integers(len(every), size=ASKED).tolist()]
    space = ganas.load_space("nasbench101")
    cells = list({space.identity_key(cell): cell for cell in space.sample(2 * ASKED, rng=rng)}.values())[:ASKED]
    measured = cells[:LABELS]
    counts = np.array([space.encode(cell) for cell in measured], dtype=np.float64)
    made_up = counts @ rng.normal(size=counts.shape[1]) + rng.normal(size=LABELS)
    print(f"{'model':<20} {'fit':>7} {'predict 201':>12} {'predict 101':>12}   seconds")
    missed = False
    for model in models:
        fit, known = seconds(table.space, model, labels.architectures, labels.values[:, 0], rows)
        _, fresh = seconds(space, model, measured, made_up, cells)
        print(f"{model:<20} {fit:7.1f} {known:12.1f} {fresh:12.1f}", flush=True)
        if model == DEFAULT_MODEL and (fit > FIT_BAR or max(known, fresh) > PREDICT_BAR):
            missed = True
            print(f"{'':<20} over the bar of {FIT_BAR:g} s to fit or {PREDICT_BAR:g} s to predict")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
