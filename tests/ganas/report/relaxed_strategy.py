"""A strategy that trains a network in name, and says of each of some edges what belongs in one drawing."""

from __future__ import annotations

import ganas

EDGES = ("up_0", "up_1", "normal_0", "normal_1")


class Relaxed(ganas.Strategy):
    """Random members; its entropies fall, and the last edge begins to speak at the third ask."""

    name = "relaxed"
    title = "Random proposals of a strategy that speaks of its edges"
    needs_training_task = True
    diagnostic_titles = {
        "gap": "Gap between two losses",
        **{f"entropy_{edge}": f"Entropy of the edge {edge}" for edge in EDGES},
    }
    diagnostic_groups = {"Entropy of each edge, from 0 to 1": tuple(f"entropy_{edge}" for edge in EDGES)}

    def __init__(self, problem, *, rng, settings=None):
        super().__init__(problem, rng=rng, settings=settings)
        self.asked = 0

    def ask(self, count=1):
        self.asked += 1
        return self.problem.space.sample(1, rng=self.rng)

    def tell(self, evaluations):
        pass

    def diagnostics(self):
        speaking = EDGES if self.asked >= 3 else EDGES[:-1]
        entropies = {f"entropy_{edge}": 1 / (1 + self.asked * place) for place, edge in enumerate(speaking)}
        return {"gap": 2.0 - self.asked / 10, **entropies}

    def state(self):
        return {**super().state(), "asked": self.asked}

    def load_state(self, state):
        super().load_state(state)
        self.asked = state["asked"]
