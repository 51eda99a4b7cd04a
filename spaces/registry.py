"""Names to objects: the registry that spaces, benchmarks and strategies share, and the registry of spaces.

Four ways to a name, and a name can be taken only once:

- built-in: a line in the table of a registry (``module:attribute``, imported when the name is first loaded);
- installed: an entry point of another distribution, in the group of the registry (``ganas.spaces``, ...);
- at run time: the ``register`` decorator of the registry, for a script or a notebook;
- by place: ``module:attribute`` or ``folder/file.py:attribute`` stands for itself wherever a name is wanted, worker
  processes included.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from ganas.spaces.errors import DuplicateName, GanasError, InvalidSetting, unknown_name
from ganas.spaces.space import Space

__all__ = ["SPACES", "Entry", "PluginError", "Registry", "load_place", "load_space", "place_of", "register_space"]

Registered = TypeVar("Registered", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Entry:
    """One registered name.

    Attributes:
        name: The registered name.
        origin: Distribution that gives it, or ``"this process"`` for one registered at run time.
        version: Version of the distribution; empty at run time.
        load: Imports and returns what the name stands for.
    """

    name: str
    origin: str
    version: str
    load: Callable[[], Callable[..., object]]


class PluginError(GanasError, ImportError):
    """A plug-in that cannot be imported or made."""


class Registry:
    """Names of one kind of thing.

    Args:
        kind: What an entry is called in messages, such as ``"space"``.
        group: Entry-point group that other distributions use.
        built_in: Returns the built-in entries; called at every look-up, because converted tables come and go.
    """

    def __init__(
        self, kind: str, group: str, built_in: Callable[[], Mapping[str, str | Callable[..., object]]]
    ) -> None:
        self.kind = kind
        self.group = group
        self._built_in = built_in
        self._at_run_time: dict[str, Entry] = {}

    @property
    def _installed(self) -> dict[str, Entry]:
        version = own_version()
        found = {name: Entry(name, "ganas", version, _importer(target)) for name, target in self._built_in().items()}
        for entry in self._plugins:
            if entry.name in found:
                raise DuplicateName(
                    f"{self.kind} {entry.name!r} is given by both {found[entry.name].origin} and {entry.origin}: "
                    "uninstall one of them"
                )
            found[entry.name] = entry
        return found

    @cached_property
    def _plugins(self) -> list[Entry]:
        return [
            Entry(
                point.name,
                point.dist.name if point.dist is not None else "an unknown distribution",
                point.dist.version if point.dist is not None else "",
                _plugin(point),
            )
            for point in metadata.entry_points(group=self.group)
        ]

    def entries(self) -> dict[str, Entry]:
        """Every entry by name, sorted; nothing is imported.

        Raises:
            DuplicateName: Two distributions claim one name.
        """
        return dict(sorted({**self._installed, **self._at_run_time}.items()))

    def load(self, name: str) -> Callable[..., object]:
        """Import what the name stands for.

        Raises:
            UnknownName: Nothing has this name.
            PluginError: Its distribution or module cannot be imported.
        """
        if isinstance(name, str) and ":" in name:
            return load_place(self.kind, name)
        entry = self._at_run_time.get(name) or self._installed.get(name)
        if entry is None:
            raise unknown_name(self.kind, name, self.entries())
        return entry.load()

    def register(self, name: str) -> Callable[[Registered], Registered]:
        """Register a class or a function under ``name`` for this process; use it as a decorator.

        Raises:
            DuplicateName: The name is taken.
            InvalidSetting: The name is not a non-empty string without spaces.
        """
        if not isinstance(name, str) or not name or name != "".join(name.split()):
            raise InvalidSetting(f"a {self.kind} needs a name without spaces, not {name!r}")

        def decorate(target: Registered) -> Registered:
            taken = self._at_run_time.get(name) or self._installed.get(name)
            # A notebook cell that is run again defines the same class again: that replaces it.
            if taken is not None and _qualified(taken) != f"{target.__module__}.{target.__qualname__}":
                raise DuplicateName(f"{self.kind} {name!r} is already given by {taken.origin}")
            self._at_run_time[name] = Entry(name, "this process", "", lambda: target)
            return target

        return decorate


@cache
def own_version() -> str:
    """The installed version of Ganas; empty when it runs from a folder that is not installed."""
    try:
        return metadata.version("ganas")
    except metadata.PackageNotFoundError:
        return ""


def _qualified(entry: Entry) -> str:
    if entry.origin != "this process":
        return ""
    target = entry.load()
    return f"{target.__module__}.{target.__qualname__}"


def _importer(target: str | Callable[..., object]) -> Callable[[], Callable[..., object]]:
    if not isinstance(target, str):
        return lambda: target
    module, _, attribute = target.partition(":")

    def load() -> Callable[..., object]:
        loaded: Callable[..., object] = getattr(importlib.import_module(module), attribute)
        return loaded

    return load


def _plugin(point: metadata.EntryPoint) -> Callable[[], Callable[..., object]]:
    def load() -> Callable[..., object]:
        try:
            loaded: Callable[..., object] = point.load()
        except (Exception, SystemExit) as error:
            origin = point.dist.name if point.dist is not None else point.value
            raise PluginError(f"plug-in {point.name!r} of {origin} cannot be imported: {_one_line(error)}") from error
        return loaded

    return load


def load_place(kind: str, place: str) -> Callable[..., object]:
    """Import ``module:attribute`` or ``folder/file.py:attribute``.

    Args:
        kind: What it is called in messages.
        place: Module or file, and the name of what is wanted in it.

    Raises:
        PluginError: It cannot be imported.
    """
    module_name, _, attribute = place.rpartition(":")
    try:
        in_file = module_name.endswith(".py")
        module = _load_file(Path(module_name).resolve()) if in_file else importlib.import_module(module_name)
        loaded: Callable[..., object] = getattr(module, attribute)
    except (Exception, SystemExit) as error:
        file = Path(module_name.replace(".", "/") + ".py")
        # A command does not look for modules in the current folder, as a script would.
        hint = f"; did you mean {f'{file}:{attribute}'!r}?" if not in_file and file.is_file() else ""
        raise PluginError(f"{kind} {place!r} cannot be imported: {_one_line(error)}{hint}") from error
    return loaded


# Modules that were loaded from a file, by their name.
_FILES: dict[str, Path] = {}


@cache
def _load_file(path: Path) -> ModuleType:
    """Import a file; once, so that a class stays the same class."""
    if not path.is_file():
        raise ImportError(f"there is no file {path}")
    # A name of its own: the file may be called like a module that it must not hide.
    name = f"{path.stem}_{zlib.crc32(str(path).encode()):08x}"
    specification = importlib.util.spec_from_file_location(name, path)
    if specification is None or specification.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(specification)
    # Dataclasses and pydantic look the module of an annotation up there.
    sys.modules[name] = module
    try:
        specification.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    _FILES[name] = path
    return module


def place_of(target: type) -> str:
    """Where another process finds a class: ``module:attribute``, or ``file.py:attribute`` if it came from a file.

    >>> place_of(Registry)
    'ganas.spaces.registry:Registry'
    """
    return f"{_FILES.get(target.__module__, target.__module__)}:{target.__qualname__}"


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


SPACES = Registry(
    "space",
    "ganas.spaces",
    lambda: {
        "alphagan": "ganas.spaces.alphagan.space:AlphaGAN",
        "alphagan-discriminator": "ganas.spaces.alphagan.space:AlphaGANDiscriminator",
        "darts": "ganas.spaces.darts.space:DARTS",
        "graphnas": "ganas.spaces.graphnas.space:GraphNAS",
        "graphnas-proteins": "ganas.spaces.graphnas.space:GraphNASProteins",
        "nasbench101": "ganas.spaces.nasbench101.space:NASBench101",
        "nasbench201": "ganas.spaces.nasbench201.space:NASBench201",
        "natsbench-size": "ganas.spaces.natsbench_size.space:NATSBenchSize",
        "rnn": "ganas.spaces.rnn.space:RNN",
        "rnn-enas": "ganas.spaces.rnn.space:RNNENAS",
        "rnn-mini": "ganas.spaces.rnn.space:RNNMini",
        "textnas": "ganas.spaces.textnas.space:TextNAS",
        "textnas-mini": "ganas.spaces.textnas.space:TextNASMini",
    },
)
"""The registered spaces; each entry is a subclass of :class:`~ganas.spaces.space.Space`."""

register_space = SPACES.register


@cache
def _instance(space_class: Callable[[], Space]) -> Space:
    return space_class()


def load_space(name: str) -> Space:
    """Return the space of this name; the same object every time.

    Raises:
        UnknownName: No space has this name.
        PluginError: It cannot be imported, or its class cannot be called without arguments.
        InvalidSetting: What is registered is not a space.
    """
    space_class = SPACES.load(name)
    if not (isinstance(space_class, type) and issubclass(space_class, Space)):
        raise InvalidSetting(f"{name!r} is given as a space and is not a subclass of ganas.Space")
    try:
        return _instance(space_class)
    except Exception as error:
        raise PluginError(f"space {name!r} cannot be made: {_one_line(error)}") from error
