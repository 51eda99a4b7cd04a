"""A strategy that says something of itself at some of its asks, and repeats itself at others."""

from __future__ import annotations

import math

import ganas


class Talking(ganas.Strategy):
    """Random members, a third of them proposed before; speaks at every third ask."""

    name = "talking"
    title = "Random proposals of a strategy that speaks"
    diagnostic_titles = {"asked": "Asks so far", "mean_told": "Mean value told, percent"}
    diagnostic_note = "It asks more and more. What it is told says nothing to it."

    def __init__(self, problem, *, rng, settings=None):
        super().__init__(problem, rng=rng, settings=settings)
        self.asked = 0
        self.proposed = []
        self.told = []

    def ask(self, count=1):
        self.asked += 1
        if self.proposed and self.rng.random() < 1 / 3:
            return [self.proposed[self.rng.integers(len(self.proposed))]]
        self.proposed += self.problem.space.sample(1, rng=self.rng)
        return self.proposed[-1:]

    def tell(self, evaluations):
        self.told += [self.problem.score(evaluation) for evaluation in evaluations if evaluation.counted]

    def diagnostics(self):
        if self.asked % 3:
            return {}
        known = [value for value in self.told if math.isfinite(value)]
        said = {"asked": self.asked, "mean_told": sum(known) / len(known) if known else math.nan}
        return said if self.asked % 2 else {**said, "spread": math.nan if len(known) < 4 else max(known) - min(known)}

    def state(self):
        encode = self.problem.space.encode
        return {
            **super().state(),
            "asked": self.asked,
            "proposed": [list(encode(architecture)) for architecture in self.proposed],
            "told": self.told,
        }

    def load_state(self, state):
        super().load_state(state)
        self.asked, self.told = state["asked"], list(state["told"])
        self.proposed = [self.problem.space.decode(genotype) for genotype in state["proposed"]]
