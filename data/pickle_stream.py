"""Reading a pickle of plain data piece by piece, without running what is in it and without having it all in memory.

Source: the module ``pickletools`` of Python, which documents the opcodes, and ``_Pickler`` in ``pickle`` for the order
in which they are written. Official NAS benchmarks are one pickle each, a dict of which one value is a dict with an
entry for every architecture; unpickled as a whole it takes some 25 GB. :class:`EntryStream` gives each of these entries
once it is complete and forgets it.

This is an unpickler of our own: it knows the opcodes of plain data and refuses all others, imports nothing, calls only
the stand-ins of :mod:`ganas.data.pickle_constructors`, and bounds what a hostile file can make it spend: depth, the
length of a string, the bytes of an entry and of all the rest, the strings it keeps, the memo. Time is bounded by the
length of the file only, which the caller limits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ganas.data.pickle_constructors import NUMERIC_DATA, Constructor
from ganas.data.pickle_machine import PickleMachine
from ganas.data.pickle_rules import PickleLimits
from ganas.data.pickle_source import ByteSource

__all__ = ["EntryStream", "PickleLimits", "load_plain"]


def load_plain(
    source: ByteSource,
    *,
    allowed: Mapping[tuple[str, str], Constructor] = NUMERIC_DATA,
    limits: PickleLimits = PickleLimits(),  # noqa: B008  # frozen
) -> Any:
    """Unpickle plain data as a whole; what follows the pickle in the source is left there.

    Raises:
        DataError: It is no pickle, damaged, beyond a limit, or asks for anything but plain data.

    >>> import io, pickle
    >>> load_plain(ByteSource(io.BytesIO(pickle.dumps({"valid": [91.5, 91.7]}))))
    {'valid': [91.5, 91.7]}
    """
    machine = PickleMachine(source, None, allowed, limits)
    pairs = machine.run()
    try:
        next(pairs)
    except StopIteration as end:
        return end.value
    raise AssertionError("without a key there are no entries")


class EntryStream(Iterator[tuple[Any, Any]]):
    """The entries of ``root[key]``, where ``root`` is the pickled dict, in the order of the file.

    An entry is a key and a value that is a dict, a list, a set, or one string or number; tuples of containers may be
    refused. Values of entries are the caller's. Where a key comes twice, both entries come, other than in a dict. What
    was given before an error is not to be trusted: only the end of the pickle shows that its entries were entries.

    Args:
        source: Where the pickle begins.
        key: Which value of the dict is wanted by its entries.
        allowed: The names that the pickle may use.
        limits: What it may make the reader spend.

    Attributes:
        before: What stands in ``root`` before ``key``, as soon as the first entry has been given.
        root: After the last entry, the dict without these entries; None before.

    >>> import io, pickle
    >>> stream = EntryStream(ByteSource(io.BytesIO(pickle.dumps({"a": 1, "b": {0: [5], 1: [6]}, "c": 2}))), "b")
    >>> list(stream), stream.before, stream.root
    ([(0, [5]), (1, [6])], {'a': 1}, {'a': 1, 'b': {}, 'c': 2})
    """

    def __init__(
        self,
        source: ByteSource,
        key: str,
        *,
        allowed: Mapping[tuple[str, str], Constructor] = NUMERIC_DATA,
        limits: PickleLimits = PickleLimits(),  # noqa: B008  # frozen
    ) -> None:
        self._machine = PickleMachine(source, key, allowed, limits)
        self._pairs = self._machine.run()
        self.root: dict[Any, Any] | None = None

    @property
    def before(self) -> Mapping[Any, Any]:
        """What stands before the entries; empty until the first has been given."""
        return self._machine.before

    def __next__(self) -> tuple[Any, Any]:
        try:
            return next(self._pairs)
        except StopIteration as end:
            root = self._machine.check_end(end.value) if self.root is None else self.root
            self.root = root
        raise StopIteration
