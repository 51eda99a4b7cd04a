"""A text classifier trained by two processes together."""

import json
import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytest.importorskip("torch")

ROOT = Path(__file__).parents[4]

TRAINED = """
    import json, sys
    from dataclasses import replace
    from pathlib import Path
    import pytest
    from ganas.bench.training.classification.task import ClassificationTask
    from ganas.bench.training.classification.texts import ClassifiedText
    from ganas.bench.training.devices import process_group
    from ganas.bench.training.loop import TrainingLoop
    from ganas.spaces.registry import load_space
    from tests.bench.training.classification.text_corpus import ARCHITECTURE, TINY, without_counts
    without_counts(pytest.MonkeyPatch())
    folder = Path(sys.argv[1])
    protocol = replace(TINY, epochs=2, parts=2, batch=16)
    task = ClassificationTask(load_space("textnas-mini"), ClassifiedText("agnews", folder), protocol)
    with process_group("cpu") as compute:
        loop = TrainingLoop(task, task.space.parse(ARCHITECTURE), seed=0, compute=compute)
        history = loop.run()
        weights = {name: values.tolist() for name, values in loop.kept_weights().items()}
        text = json.dumps([[epoch.values for epoch in history.epochs], history.final, weights])
        (folder / f"{compute.rank}-of-{compute.processes}").write_text(text)
"""


def start(folder, rank, processes, port):
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(processes)}
    own = {"RANK": str(rank), "LOCAL_RANK": str(rank), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(TRAINED), str(folder)], cwd=ROOT, env={**os.environ, **meeting, **own}
    )


@pytest.mark.slow
def test_two_processes_train_one_classifier(tmp_path):
    from tests.bench.training.classification.text_corpus import write_as_agnews

    write_as_agnews(tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    workers = [start(tmp_path, rank, 2, port) for rank in range(2)] + [start(tmp_path, 0, 1, port)]
    assert [worker.wait(timeout=300) for worker in workers] == [0, 0, 0]
    first, second, alone = (json.loads((tmp_path / name).read_text()) for name in ("0-of-2", "1-of-2", "0-of-1"))
    # Also what evaluation normalises by, which each has seen other documents for.
    assert first == second
    # Each normalises by its own part of a batch and draws its own dropout, so the losses are near, not equal.
    for together, single in zip(first[0], alone[0], strict=True):
        assert together["train_loss"] == pytest.approx(single["train_loss"], rel=0.3)
