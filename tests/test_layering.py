"""Packages import only leftwards: spaces <- data <- bench <- ganas; read from the sources, functions included."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("spaces", "data", "bench", "ganas")
# Modules of a space that import torch say so in their docstring, so that a reader knows which do not.
IMPORTS_TORCH = "This module imports torch"


def sources(package):
    """The Python files of a package; the links in ``ganas/`` are the other three packages."""
    folder = ROOT / package
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).parts
        if not (package == "ganas" and parts[0] in LAYERS):
            yield path


def imports(tree):
    """Yield ``(line, module, for types only)`` for every import, ``import_module("...")`` with a literal included."""

    def visit(node, typing_only):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, typing_only) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            if base == "ganas":
                # `from ganas import spaces` is the package, `from ganas import load_benchmark` the public face.
                yield from ((node.lineno, f"ganas.{alias.name}", typing_only) for alias in node.names)
            else:
                yield node.lineno, base, typing_only
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("import_module", "__import__"):
                yield node.lineno, str(node.args[0].value), typing_only
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            for statement in node.body:
                yield from visit(statement, True)
            for statement in node.orelse:
                yield from visit(statement, typing_only)
        else:
            for child in ast.iter_child_nodes(node):
                yield from visit(child, typing_only)

    yield from visit(tree, False)


def layer(module):
    """The package that a module of Ganas belongs to; None for other people's modules."""
    root, _, rest = module.partition(".")
    if root != "ganas":
        return None
    first = rest.partition(".")[0]
    return first if first in LAYERS[:3] else "ganas"


def only_looks_at_random(tree):
    """Whether the file names the random module only to read its state, as a check that nothing draws from it must."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "random":
            return False
        if isinstance(node, ast.Import) and any(alias.name == "random" and alias.asname for alias in node.names):
            return False
    read = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "getstate"}
    named = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "random"]
    return bool(named) and all(id(node) in read for node in named)


def faults(text, package):
    """One line for each import in ``text`` that a file of ``package`` may not have."""
    found = []
    tree = ast.parse(text)
    said = ast.get_docstring(tree) or ""
    for line, module, typing_only in imports(tree):
        root = module.partition(".")[0]
        imported = layer(module)
        if module.startswith("."):
            found.append(f"{line}: relative import {module!r}")
        elif root in LAYERS[:3]:
            found.append(f"{line}: {module!r} would be a second copy of ganas.{module}")
        elif imported is not None and LAYERS.index(imported) > LAYERS.index(package):
            found.append(f"{line}: {package} imports {module!r}, to its right")
        elif root == "torch" and package == "spaces" and not typing_only and IMPORTS_TORCH not in said:
            found.append(f"{line}: torch, and the docstring of the module does not say so: {IMPORTS_TORCH!r}")
        elif root == "random" and not (module == "random" and only_looks_at_random(tree)):
            found.append(f"{line}: the random module; draw from an rng that is passed")
    return found


@pytest.mark.parametrize("package", LAYERS)
def test_packages_import_only_leftwards(package):
    found = [
        f"{path.relative_to(ROOT)}:{fault}"
        for path in sources(package)
        for fault in faults(path.read_text(encoding="utf-8"), package)
    ]
    assert not found, "\n".join(found)


def test_the_sources_are_really_read():
    read = {package: list(sources(package)) for package in LAYERS}
    assert all(len(paths) >= 4 for paths in read.values())
    assert ROOT / "spaces" / "nasbench201" / "space.py" in read["spaces"]
    assert ROOT / "ganas" / "strategies" / "__init__.py" in read["ganas"]
    assert not set(read["ganas"]) & {ROOT / "ganas" / "spaces" / "space.py", ROOT / "spaces" / "space.py"}
    modules = {
        module for path in read["bench"] for _, module, _ in imports(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert "ganas.spaces.architecture" in modules


def test_links_are_the_three_packages():
    for package in LAYERS[:3]:
        link = ROOT / "ganas" / package
        assert link.is_symlink()
        assert link.resolve() == ROOT / package


@pytest.mark.parametrize(
    ("package", "text"),
    [
        ("spaces", "import ganas.data"),
        ("spaces", "import ganas.data.catalog as catalog"),
        ("spaces", "from ganas.bench.metric import Metric"),
        ("spaces", "from ganas import bench"),
        ("spaces", "import ganas"),
        ("spaces", "from ganas import load_benchmark"),
        ("data", "from ganas.bench import metric"),
        ("data", "def load():\n    from ganas.bench.metric import Metric"),
        ("data", "if TYPE_CHECKING:\n    from ganas.bench.metric import Metric"),
        ("data", "class A:\n    def f(self):\n        async def g():\n            import ganas.strategy"),
        ("bench", "try:\n    pass\nexcept E:\n    from ganas.study import search"),
        ("bench", "from ganas import Strategy"),
        ("bench", "importlib.import_module('ganas.study')"),
        ("bench", "__import__('ganas.study')"),
        ("ganas", "import spaces"),
        ("ganas", "from spaces.space import Space"),
        ("bench", "import data.catalog"),
        ("spaces", "from bench import metric"),
        ("ganas", "from . import study"),
        ("ganas", "from .study import search"),
        ("spaces", "from .. import space"),
        ("spaces", "import torch"),
        ("spaces", "def f():\n    from torch import nn"),
        ("spaces", "if not TYPE_CHECKING:\n    pass\nelse:\n    import torch.nn"),
        ("spaces", "if TYPE_CHECKING:\n    pass\nelse:\n    import torch"),
        ("ganas", "import random"),
        ("data", "from random import choice"),
        ("bench", "import random as r, math"),
        ("ganas", "import random\nrandom.getstate()\nrandom.random()"),
        ("ganas", "import random\nrandom.getstate()\ndraw = random"),
        ("ganas", "from random import getstate"),
        ("ganas", "import random as r\nbefore = r.getstate()"),
    ],
)
def test_what_is_forbidden_is_found(package, text):
    assert len(faults(text, package)) == 1


def test_looking_does_not_excuse_drawing():
    assert len(faults("import random\nrandom.getstate()\nfrom random import choice", "ganas")) == 2


@pytest.mark.parametrize(
    ("package", "text"),
    [
        ("spaces", "import numpy\nfrom ganas.spaces.errors import GanasError\nfrom ganas import spaces"),
        ("spaces", "if TYPE_CHECKING:\n    import torch\n    from torch import nn"),
        ("spaces", "if typing.TYPE_CHECKING:\n    import torch"),
        ("spaces", '"""A network.\n\nThis module imports torch.\n"""\nimport torch\nfrom torch import nn'),
        ("data", "from ganas.spaces import errors\nfrom ganas.data import store"),
        ("bench", "from ganas.data import catalog\nimport ganas.spaces.space\nimport torch"),
        ("ganas", "import ganas\nfrom ganas.bench.metric import Metric\nfrom ganas.strategy import Strategy"),
        ("ganas", "import random\nbefore = random.getstate()\nassert random.getstate() == before"),
        ("ganas", "from numpy import random\nimport numpy.random\nimport dataclasses"),
    ],
)
def test_what_is_allowed_is_not_found(package, text):
    assert faults(text, package) == []
