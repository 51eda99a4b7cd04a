"""Every error that Ganas raises on purpose, and the wording they share.

``spaces`` is the lowest layer, so the one base class of the project lives here::

    GanasError
    ├── UnknownName (KeyError)                a name that no registry, table or card knows
    │   ├── UnknownMetric
    │   └── NotConverted                      a table of an official file that was not converted yet
    ├── DuplicateName (ValueError)            two plug-ins claim one name
    ├── InvalidArchitecture (ValueError)      an architecture that its space does not contain
    │   ├── MalformedArchitecture             text or data that is not in the space's notation
    │   └── WrongSpace                        an architecture of another space
    ├── NotMeasured (LookupError)             a question that the data does not answer
    │   ├── ArchitectureNotMeasured
    │   ├── SplitNotMeasured
    │   ├── EpochNotMeasured
    │   ├── RunNotMeasured
    │   ├── TrialNotMeasured
    │   └── TrainingFailed                    a network whose training broke down
    ├── InvalidSetting (ValueError)           a configuration value out of range or of the wrong type
    ├── NotSupported (TypeError)              an optional ability that this object does not have
    ├── BudgetExhausted (RuntimeError)        a query that the ledger does not pay for
    ├── MissingDependency (ImportError)       an optional package is not installed
    ├── NotEnoughMemory (MemoryError)         a network or its data that do not fit into the memory
    ├── DataError (ValueError)                a data file that is unsafe, damaged or not what its card says
    ├── StoreError (RuntimeError)             an experiment store that does not fit the experiment
    └── CheckFailed (AssertionError)          a conformance check that a plug-in does not pass
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "ArchitectureNotMeasured",
    "BudgetExhausted",
    "CheckFailed",
    "DataError",
    "DuplicateName",
    "EpochNotMeasured",
    "GanasError",
    "InvalidArchitecture",
    "InvalidSetting",
    "MalformedArchitecture",
    "MissingDependency",
    "NotConverted",
    "NotEnoughMemory",
    "NotMeasured",
    "NotSupported",
    "RunNotMeasured",
    "SplitNotMeasured",
    "StoreError",
    "TrainingFailed",
    "TrialNotMeasured",
    "UnknownMetric",
    "UnknownName",
    "WrongSpace",
    "closest_match",
    "missing_torch",
    "quote_list",
    "unknown_name",
]


class GanasError(Exception):
    """Base of every error that Ganas raises on purpose; its text is one line for a person."""

    def __str__(self) -> str:
        # KeyError would print the repr of its argument; a person reads these messages.
        return " ".join(str(argument) for argument in self.args)


class UnknownName(GanasError, KeyError):
    """A name that no registry, table or card knows."""


class UnknownMetric(UnknownName):
    """A metric that the benchmark does not have."""


class NotConverted(UnknownName):
    """A table that an official file becomes, and that nobody has made of it yet."""


class DuplicateName(GanasError, ValueError):
    """A name that is already taken."""


class InvalidArchitecture(GanasError, ValueError):
    """An architecture that its space does not contain."""


class MalformedArchitecture(InvalidArchitecture):
    """Text or data that is not in the notation of the space."""


class WrongSpace(InvalidArchitecture):
    """An architecture of one space given where another space's is wanted."""


class NotMeasured(GanasError, LookupError):
    """A question that the data does not answer; nothing is imputed."""


class ArchitectureNotMeasured(NotMeasured):
    """A valid architecture without an entry in the table."""


class SplitNotMeasured(NotMeasured):
    """A metric of a data split (most often test) that the table does not hold."""


class EpochNotMeasured(NotMeasured):
    """An epoch at which the table holds no value."""


class RunNotMeasured(NotMeasured):
    """A length of training for which the table holds no run."""


class TrialNotMeasured(NotMeasured):
    """A trial or seed that the table does not hold for this architecture."""


class TrainingFailed(NotMeasured):
    """A network whose training broke down, such as by a loss that is no number; it will not be better if repeated.

    Args:
        message: What happened.
        cost_seconds: What it took up to there.
    """

    def __init__(self, message: str, cost_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.cost_seconds = cost_seconds


class InvalidSetting(GanasError, ValueError):
    """A configuration value that is out of range or of the wrong type."""


class NotSupported(GanasError, TypeError):
    """An optional ability that this object does not have."""


class BudgetExhausted(GanasError, RuntimeError):
    """A query that the ledger does not pay for."""


class MissingDependency(GanasError, ImportError):
    """An optional package that is not installed; the message ends with the pip command."""


class NotEnoughMemory(GanasError, MemoryError):
    """A network or its data that do not fit into the memory of the device."""


class DataError(GanasError, ValueError):
    """A data file that is unsafe, damaged or not what its card says."""


class StoreError(GanasError, RuntimeError):
    """An experiment store that does not fit the experiment that is run on it."""


class CheckFailed(GanasError, AssertionError):
    """A conformance check that a plug-in does not pass."""


def missing_torch(purpose: str) -> MissingDependency:
    """Build the error for what cannot be done without torch; ``purpose`` begins the sentence.

    >>> print(missing_torch("building networks"))
    building networks needs torch: pip install 'ganas[torch]'
    """
    return MissingDependency(f"{purpose} needs torch: pip install 'ganas[torch]'")


def closest_match(given: object, allowed: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the allowed name nearest to ``given``, or an empty string."""
    matches = difflib.get_close_matches(str(given), list(allowed), n=1, cutoff=0.5)
    return f"; did you mean {matches[0]!r}?" if matches else ""


_LISTED = 12
"""So many names are listed in a message."""


def quote_list(names: Iterable[object], limit: int = _LISTED) -> str:
    """Join names for a message, cut after ``limit`` of them."""
    listed = [str(name) for name in names]
    shown = ", ".join(listed[:limit]) or "none"
    return shown if len(listed) <= limit else f"{shown}, ... ({len(listed)} in all)"


def unknown_name(
    kind: str, given: object, allowed: Iterable[str], error: type[UnknownName] = UnknownName
) -> UnknownName:
    """Build the error for a name that is not among ``allowed``: what was given, what is allowed, the closest.

    Names are listed in the order of the alphabet, or from the closest on where there are too many of them.
    """
    names = sorted(allowed)
    if len(names) > _LISTED:
        # The end of the list is not shown: what may have been meant must not be there.
        nearest = difflib.get_close_matches(str(given), names, n=_LISTED, cutoff=0.0)
        names = [*nearest, *(name for name in names if name not in nearest)]
    return error(f"unknown {kind} {given!r}: known are {quote_list(names)}{closest_match(given, names)}")
