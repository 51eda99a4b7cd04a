"""A generator, and a searched discriminator, trained by two processes together."""

import json
import os
import socket
import subprocess
import sys
import textwrap
from math import isfinite
from pathlib import Path

import pytest

pytest.importorskip("torch")

ROOT = Path(__file__).parents[4]

# Nothing depends on the first convolution of its second cell.
DISCRIMINATOR = "conv_3x3,conv_3x3_SN|conv_5x5_SN,none|skip_connect,conv_1x1_SN|none,none"

TRAINED = """
    import json, sys
    from pathlib import Path
    from ganas.bench.training.devices import process_group
    from ganas.spaces.registry import load_space
    from tests.bench.training.generation.tiny_generation import ARCHITECTURE, loop_of, task_of
    folder, space = Path(sys.argv[1]), load_space("alphagan-discriminator")
    told = []
    with process_group("cpu") as compute:
        generator = task_of(steps=6, batch=16, generator_batch=16), ARCHITECTURE
        for number, (task, architecture) in enumerate((generator, (task_of(space), space.parse(sys.argv[2])))):
            place = folder / f"{compute.processes}-{number}.safetensors"
            loop = loop_of(task, compute=compute, architecture=architecture, checkpoint=place)
            history = loop.run()
            kept = {name: values.tolist() for name, values in loop.kept_weights().items()}
            told.append([[epoch.values for epoch in history.epochs], history.final, kept])
    (folder / f"{compute.rank}-of-{compute.processes}").write_text(json.dumps(told))
"""


def start(folder, rank, processes, port):
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(processes)}
    own = {"RANK": str(rank), "LOCAL_RANK": str(rank), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", textwrap.dedent(TRAINED), str(folder), DISCRIMINATOR]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, **meeting, **own})


@pytest.mark.slow
def test_two_processes_train_one_generator(tmp_path, classifier_at_hand):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    workers = [start(tmp_path, rank, 2, port) for rank in range(2)] + [start(tmp_path, 0, 1, port)]
    try:
        assert [worker.wait(timeout=600) for worker in workers] == [0, 0, 0]
    finally:
        for worker in workers:
            worker.kill()
    first, second, alone = (json.loads((tmp_path / name).read_text()) for name in ("0-of-2", "1-of-2", "0-of-1"))
    # Also what evaluation normalises by, which each has seen other images for.
    assert first == second
    for together, single in zip(first, alone, strict=True):
        for values, of_one in zip(together[0], single[0], strict=True):
            assert all(map(isfinite, values.values()))
            # Each normalises by its own part of a batch and draws its own latent vectors: near, not equal.
            assert values["train_loss"] == pytest.approx(of_one["train_loss"], rel=0.3)
        assert together[2] != single[2]
    assert len(list(tmp_path.glob("2-*-epoch-*.png"))) == 4
