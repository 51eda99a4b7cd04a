"""Span F1 of a searched cell and of an LSTM with as many parameters, trained alike on WNUT-17 or another corpus.

    python perf/tagging.py FOLDER
    python perf/tagging.py FOLDER --dataset conll2000 --architecture DARTS_V1 --seeds 0,1,2,3,4

FOLDER has the standard files of the corpus. The protocol is ``mini``; settings were chosen on the validation split with
the LSTM. Prints for each network its parameters, seconds, and the validation and test F1 of each seed, in percent, at
the best epoch of validation.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from ganas.bench.training.devices import choose_compute
from ganas.bench.training.loop import TrainingLoop
from ganas.bench.training.tagging.task import TAGGING_DATASETS, lstm_tagging_task, tagging_task
from ganas.spaces.registry import load_space


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dataset", default="wnut17", choices=TAGGING_DATASETS)
    parser.add_argument("--space", default="rnn")
    parser.add_argument("--architecture", default="DARTS_V2")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    space, compute = load_space(given.space), choose_compute(given.device)
    architecture = space.parse(given.architecture)
    for name, make in ((given.architecture, tagging_task), ("LSTM", lstm_tagging_task)):
        task = make(space, given.dataset, "mini", given.folder)
        trained = architecture if make is tagging_task else None
        if make is tagging_task:
            print(f"{given.dataset}, {task.protocol.label}: {task.protocol.title}")
        found = []
        begun = time.process_time()
        for seed in map(int, given.seeds.split(",")):
            history = TrainingLoop(task, trained, seed=seed, compute=compute).run()
            best = history.epochs[history.best - 1].values["valid_span_f1"]
            found.append((best, history.final["test_span_f1"]))
            print(f"  seed {seed}: valid {best:.2f}, test {found[-1][1]:.2f}, best epoch {history.best}", flush=True)
        seconds = (time.process_time() - begun) / len(found)
        means, deviations = np.mean(found, axis=0), np.std(found, axis=0, ddof=min(1, len(found) - 1))
        parameters = task.static(trained)["parameters"]
        print(
            f"{name}: {parameters:,.0f} parameters, "
            f"{seconds:.0f} seconds of processor a training, "
            f"valid {means[0]:.2f} +- {deviations[0]:.2f}, test {means[1]:.2f} +- {deviations[1]:.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
