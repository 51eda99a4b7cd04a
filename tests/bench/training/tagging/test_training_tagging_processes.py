"""A tagger trained by two processes together."""

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
    from ganas.bench.training.devices import process_group
    from ganas.bench.training.loop import TrainingLoop
    from ganas.bench.training.tagging.task import TaggedText, TaggingTask
    from ganas.data.corpora import tagged
    from ganas.spaces.registry import load_space
    from tests.bench.training.tagging.tagging_corpus import TINY
    source = replace(tagged.TAGGED_CORPORA["wnut17"], sentences={}, words={})
    tagged.TAGGED_CORPORA = {"wnut17": source}
    folder = Path(sys.argv[1])
    protocol = replace(TINY, epochs=2, dropout=0.0, dropout_hidden=0.0, unknown=0.0)
    task = TaggingTask(load_space("rnn-mini"), TaggedText("wnut17", folder), protocol)
    architecture = task.space.parse("tanh.0,relu.1,relu.1/h=identity.h1/x=identity.x0*sigmoid.h2")
    with process_group("cpu") as compute:
        history = TrainingLoop(task, architecture, seed=0, compute=compute).run()
        text = json.dumps([[epoch.values for epoch in history.epochs], history.final])
        (folder / f"{compute.rank}-of-{compute.processes}").write_text(text)
"""


def start(folder, rank, processes, port):
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(processes)}
    own = {"RANK": str(rank), "LOCAL_RANK": str(rank), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(TRAINED), str(folder)], cwd=ROOT, env={**os.environ, **meeting, **own}
    )


@pytest.mark.slow
def test_two_processes_train_what_one_would(tmp_path):
    from tests.bench.training.tagging.tagging_corpus import write_as_wnut17

    write_as_wnut17(tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    workers = [start(tmp_path, rank, 2, port) for rank in range(2)] + [start(tmp_path, 0, 1, port)]
    assert [worker.wait(timeout=300) for worker in workers] == [0, 0, 0]
    first, second, alone = (json.loads((tmp_path / name).read_text()) for name in ("0-of-2", "1-of-2", "0-of-1"))
    assert first == second
    for together, single in zip(first[0], alone[0], strict=True):
        assert together["train_loss"] == pytest.approx(single["train_loss"], rel=1e-4)
    assert first[1] == pytest.approx(alone[1], abs=1.0)
