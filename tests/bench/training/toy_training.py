"""A tiny task on NAS-Bench-201 for tests of trainers: a linear regression whose noise is dropout."""

import time
from pathlib import Path

import torch

from ganas.bench.training.protocol import Protocol
from ganas.bench.training.task import Step, Task, TaskMetric, Training
from ganas.spaces.registry import load_space

SPACE = load_space("nasbench201")
PROTOCOL = Protocol(name="mini", title="a toy of milliseconds", epochs=3, rollbacks=2, sources={"epochs": "a test"})

METRICS = (
    TaskMetric("valid_loss", "points", "valid", False, "of kept weights", "kept"),
    TaskMetric("epoch_valid_loss", "points", "valid", False, "of an epoch", "epoch", "valid_loss"),
    TaskMetric("mean_valid_loss", "points", "valid", False, "of all epochs so far", "mean", "valid_loss"),
    TaskMetric("test_loss", "points", "test", False, "at the end", "end"),
    TaskMetric("train_loss", "points", "train", False, "of an epoch", "epoch"),
    TaskMetric("parameters", "count", None, False, "of the network", "static"),
)


class ToyTraining(Training):
    item = "rows"

    def __init__(self, key, breaks, log, slow, stops_after):
        generator = torch.Generator().manual_seed(key % 1000)
        self.inputs = torch.randn(64, 8, generator=generator)
        self.targets = self.inputs @ torch.randn(8, generator=generator)
        self.weights = torch.nn.Parameter(torch.randn(8) * 0.1)
        self.optimiser = torch.optim.Adam([self.weights], lr=0.05)
        self.breaks, self.log, self.slow, self.left = dict(breaks), log, slow, stops_after
        self.epoch = self.position = 0

    num_parameters = 8
    items_in_epoch = 64

    def start_epoch(self, epoch):
        self.epoch, self.position = epoch, 0

    def step(self):
        if self.position >= 64:
            return None
        if self.slow:
            time.sleep(self.slow)
        rows = slice(self.position, self.position + 8)
        noisy = torch.nn.functional.dropout(self.inputs[rows], 0.2)
        loss = (noisy @ self.weights - self.targets[rows]).pow(2).mean()
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self.position += 8
        if self.breaks.get(self.epoch, 0) > 0 and self.position == 32:
            self.breaks[self.epoch] -= 1
            with torch.no_grad():
                self.weights.fill_(float("nan"))
            return Step(torch.tensor(float("nan")), 8)
        if self.log:
            with Path(self.log).open("a") as file:
                file.write(f"{self.epoch} {self.position}\n")
        self.left -= 1
        if not self.left:
            time.sleep(600)
        return Step(loss.detach(), 8)

    def evaluate(self, split):
        with torch.no_grad():
            loss = (self.inputs @ self.weights - self.targets).pow(2).mean()
        return {f"{split}_loss": float(loss) + (split == "test")}

    def kept_weights(self):
        return {"weights": self.weights.detach().clone()}

    def learned(self):
        moments = self.optimiser.state_dict()["state"]
        return {"weights": self.weights, "moments": {str(key): value for key, value in moments.items()}}

    def load_learned(self, state):
        with torch.no_grad():
            self.weights.copy_(torch.as_tensor(state["weights"]))
        current = self.optimiser.state_dict()
        moments = state["moments"].items()
        current["state"] = {
            int(key): {n: torch.as_tensor(v).clone() for n, v in value.items()} for key, value in moments
        }
        self.optimiser.load_state_dict(current)

    def progress(self):
        return {"epoch": self.epoch, "position": self.position}

    def load_progress(self, state):
        self.epoch, self.position = state["epoch"], state["position"]


class ToyTask(Task):
    """Counts in ``log``, a file, every step that is taken; ``breaks`` says how often which epoch breaks down.

    After ``stops_after`` steps it waits to be killed.
    """

    space = SPACE
    dataset = "toy"
    metrics = METRICS
    objective = "valid_loss"

    def __init__(self, protocol=PROTOCOL, *, breaks=None, log=None, slow=0.0, stops_after=0):
        self.protocol, self.breaks, self.log, self.slow = protocol, breaks or {}, log, slow
        self.stops_after = stops_after

    def start(self, architecture, *, seed, compute):
        key = self.space.identity_key(architecture)
        return ToyTraining(key, self.breaks, self.log, self.slow, self.stops_after)

    def static(self, architecture):
        return {"parameters": 8.0}

    def missing(self):
        return None

    def digest(self):
        return "toy"


def architectures(count=3):
    return [SPACE.from_key(key * 1000 + 17) for key in range(count)]
