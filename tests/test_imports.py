"""Importing Ganas is quick: what is large is loaded where it is used. Each import runs in a fresh interpreter."""

import json
import subprocess
import sys

import pytest

HEAVY = {"torch", "pandas", "scipy", "sklearn", "networkx", "matplotlib"}
SLOWER = {"pyarrow", "sqlalchemy", "typer", "pydantic"}

EVERY_SPACE = """
from ganas.spaces.registry import SPACES, load_space
names = [name for name, entry in SPACES.entries().items() if entry.origin == "ganas"]
assert len(names) >= 2, names
for name in names:
    load_space(name)
"""


def loaded(code):
    """Top-level names of the modules that a fresh interpreter holds after ``code``."""
    program = f"{code}\nimport json, sys\nprint(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return set(json.loads(run.stdout))


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import ganas", HEAVY | SLOWER),
        ("import ganas.spaces", HEAVY | SLOWER),
        ("import ganas.bench", HEAVY | {"pyarrow"}),
        ("import ganas.bench.benchmark, ganas.bench.metric", HEAVY | {"pyarrow"}),
        (EVERY_SPACE, HEAVY | {"pyarrow"}),
        ("import ganas.spaces.testing, ganas.spaces.encodings", HEAVY | {"pyarrow", "pytest"}),
    ],
    ids=["ganas", "ganas.spaces", "ganas.bench", "benchmark interface", "every built-in space", "space kit"],
)
def test_importing_stays_light(code, absent):
    modules = loaded(code)
    assert "ganas" in modules
    assert not modules & absent


@pytest.mark.parametrize("name", ["networkx", "pyarrow", "typer", "pydantic"])
def test_what_is_loaded_is_seen(name):
    assert name in loaded(f"import ganas, {name}")


def test_what_is_loaded_inside_a_function_is_seen():
    code = (
        "from ganas.spaces.nasbench201.space import NASBench201\n"
        "space = NASBench201()\n"
        "space.decode((0,) * 6).to_networkx()"
    )
    assert "networkx" in loaded(code)
    assert "networkx" not in loaded(code.replace(".to_networkx()", ""))


def test_networks_load_torch():
    code = (
        "from ganas.spaces.nasbench201.space import NASBench201\n"
        "space = NASBench201()\n"
        "space.network(space.decode((0,) * 6))"
    )
    assert "torch" in loaded(code)
