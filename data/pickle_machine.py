"""The stack machine that a pickle is a program for, but for what plain data do not need.

Source: the module ``pickletools`` of Python, which documents the opcodes, and ``_Pickler`` in ``pickle`` for the order
in which they are written. All other opcodes are refused: those that make objects of classes, that refer to objects
outside the file or to registered extensions, and those that no pickle of plain data has.

When is an entry complete? A pickle writes a dict as its keys and values one after the other and then takes up to 1,000
of them into the dict with one opcode; a value is written as an empty container that is then filled in the same way.
So keys and values of a dict that is being filled wait on the stack, and a container with others behind it is complete,
unless it is empty or has a multiple of 1,000 elements: then what follows it may still be one more for itself. Whether
that was right is seen later: a pickle that takes something from the stack that was given away finds it gone, which is
an error, so that what was read to the end is what Python would have read.
"""

from __future__ import annotations

import re
import struct
from collections import OrderedDict
from collections.abc import Generator, Mapping
from itertools import chain
from typing import Any

from ganas.data.pickle_constructors import Constructor, NumberType, constructor_names, printable
from ganas.data.pickle_literals import LITERALS, MAX_LINE_BYTES
from ganas.data.pickle_memo import Memo
from ganas.data.pickle_rules import (
    PickleLimits,
    back,
    check_kind,
    check_next,
    index_at,
    no_such_position,
    num_complete,
    pairs,
    plain_tuple,
    refuse,
)
from ganas.data.pickle_source import ByteSource
from ganas.spaces.errors import DataError

__all__ = ["PickleMachine"]

_BINUNICODE, _SHORT_BINUNICODE, _BINFLOAT, _BININT1 = b"X\x8cGK"
_BINPUT, _LONG_BINPUT, _MEMOIZE, _PUT = b"qr\x94p"
_BINGET, _LONG_BINGET, _GET = b"hjg"
_BINARY_GETS, _BINARY_PUTS = (_BINGET, _LONG_BINGET), (_BINPUT, _LONG_BINPUT)
_MARK, _SETITEM, _SETITEMS, _APPEND, _APPENDS, _ADDITEMS = b"(suae\x90"
_EMPTY_DICT, _EMPTY_LIST, _EMPTY_TUPLE, _EMPTY_SET, _DICT, _LIST = b"}])\x8fdl"
_TUPLE, _TUPLE1, _TUPLE2, _TUPLE3 = b"t\x85\x86\x87"
_SHORT_TUPLES = (_TUPLE2, _TUPLE1, _TUPLE3)
_GLOBAL, _STACK_GLOBAL, _REDUCE, _BUILD = b"c\x93Rb"
_PROTO, _FRAME, _STOP = b"\x80\x95."

_MAX_PROTOCOL = 5
_LENGTH_IN_ONE_BYTE = bytes(3)
_DICTS = frozenset({dict, OrderedDict})

# The curves of the benchmarks are mostly {epoch: float}, which the C library can split much faster than a loop.
_EPOCHS = re.compile(rb"(?:K.G.{8}){1,1000}+", re.DOTALL)
_split_epochs = struct.Struct(">xBxd").iter_unpack
_double_at = struct.Struct(">d").unpack_from


class PickleMachine:
    """The stack machine that a pickle is a program for, but for what plain data do not need.

    ``stack`` is what was pushed since the last mark, ``frames`` what was pushed before each of the marks. ``entries``
    is the stack of the dict whose entries are wanted while it is being filled, of which some may have been ``given``.
    """

    def __init__(
        self, source: ByteSource, key: str | None, allowed: Mapping[tuple[str, str], Constructor], limits: PickleLimits
    ) -> None:
        self._source = source
        self._key = key
        self._allowed = allowed
        self._limits = limits
        self._memo = Memo(limits.kept_bytes)
        self._root: Any = None
        self._wanted: Any = None  # root[key], once it has begun
        self._part_begin = source.offset + source.position
        self.before: dict[Any, Any] = {}

    def run(self) -> Generator[tuple[Any, Any], None, Any]:
        """Yield the entries, and return what the pickle holds."""
        source, memo = self._source, self._memo
        buffer, position, safe = source.buffer, source.position, source.safe
        codes, values, code_of_text, remember = memo.codes, memo.values, memo.text_codes.get, memo.codes.append
        stack: list[Any] = []
        push = stack.append
        frames: list[list[Any]] = []
        entries: list[Any] | None = None
        given = False
        try:
            while True:
                if position > safe:
                    source.advance(position)
                    buffer, position, safe = source.buffer, source.position, source.safe
                    self._check_spent()
                opcode = buffer[position]
                position += 1
                if opcode == _SHORT_BINUNICODE or (
                    opcode == _BINUNICODE and buffer[position + 1 : position + 4] == _LENGTH_IN_ONE_BYTE
                ):
                    begin = position + (1 if opcode == _SHORT_BINUNICODE else 4)
                    position = begin + buffer[position]
                    content = buffer[begin:position]
                    code = code_of_text(content)
                    if code is None:
                        push(memo.text(content.decode("utf-8", "surrogatepass")))
                        continue
                    push(values[code])
                    # What follows a string is nearly always its number in the memo.
                    follower = buffer[position]
                    if follower == _MEMOIZE:
                        remember(code)
                        position += 1
                    elif follower == _BINPUT and buffer[position + 1] == len(codes):
                        remember(code)
                        position += 2
                    elif follower == _LONG_BINPUT and index_at(buffer, position + 1) == len(codes):
                        remember(code)
                        position += 5
                    if buffer[position] == _BINFLOAT:
                        push(_double_at(buffer, position + 1)[0])
                        position += 9
                elif opcode in _BINARY_GETS:
                    if opcode == _BINGET:
                        index = buffer[position]
                        position += 1
                    else:
                        index = index_at(buffer, position)
                        position += 4
                    code = codes[index] if index < len(codes) else no_such_position(index)
                    push(values[code] if code else memo.at(index))
                    if buffer[position] == _BINFLOAT:
                        push(_double_at(buffer, position + 1)[0])
                        position += 9
                elif opcode == _BININT1:
                    push(buffer[position])
                    position += 1
                    if buffer[position] == _BINFLOAT:
                        push(_double_at(buffer, position + 1)[0])
                        position += 9
                elif opcode == _BINFLOAT:
                    push(_double_at(buffer, position)[0])
                    position += 8
                elif opcode == _MEMOIZE:
                    memo.store(stack[-1])
                elif opcode in _BINARY_PUTS:
                    size = 1 if opcode == _BINPUT else 4
                    check_next(int.from_bytes(buffer[position : position + size], "little"), len(codes))
                    memo.store(stack[-1])
                    position += size
                elif opcode == _MARK:
                    if len(frames) >= self._limits.depth:
                        raise DataError(f"it is nested deeper than the {self._limits.depth} levels that are read")
                    begins_entries = self._wanted is not None and bool(stack) and stack[-1] is self._wanted
                    if stack is entries and (ready := num_complete(stack)):
                        given = True
                        complete = stack[:ready]
                        del stack[:ready]
                        memo.forget(stack)
                        self._part_begin = source.offset + position
                        yield from pairs(complete)
                        del complete
                    frames.append(stack)
                    stack = []
                    push = stack.append
                    if begins_entries:
                        if entries is not None:
                            raise DataError(f"it fills {self._key!r} within an entry of it")
                        entries, given = stack, False
                    if run := _EPOCHS.match(buffer, position):
                        stack.extend(chain.from_iterable(_split_epochs(run[0])))
                        position = run.end()
                elif opcode == _SETITEMS:
                    items, stack = stack, back(frames)
                    push = stack.append
                    if len(items) % 2:
                        raise DataError("it has a dict with a key and no value")
                    if items is entries:
                        entries = None
                        memo.forget([])
                        self._part_begin = source.offset + position
                        yield from pairs(items)
                        del items
                    else:
                        check_kind(stack[-1], _DICTS)
                        stack[-1].update(zip(items[::2], items[1::2], strict=True))
                elif opcode == _EMPTY_DICT:
                    fresh: dict[Any, Any] = {}
                    self._note_dict(fresh, stack, frames)
                    push(fresh)
                elif opcode == _SETITEM:
                    value, key = stack.pop(), stack.pop()
                    if stack[-1] is self._wanted and self._wanted is not None:
                        if entries is not None:
                            raise DataError(f"it fills {self._key!r} within an entry of it")
                        memo.forget([])
                        self._part_begin = source.offset + position
                        yield key, value
                    else:
                        check_kind(stack[-1], _DICTS)
                        stack[-1][key] = value
                elif opcode in _SHORT_TUPLES:
                    size = opcode - _TUPLE1 + 1
                    push(plain_tuple([stack.pop() for _ in range(size)][::-1]))
                elif opcode == _REDUCE:
                    arguments, function = stack.pop(), stack.pop()
                    if type(function) is not Constructor or type(arguments) is not tuple:
                        raise DataError("it calls something that is no function")
                    made = function(*arguments)
                    if type(made) is OrderedDict:
                        self._note_dict(made, stack, frames)
                    push(made)
                elif opcode == _EMPTY_LIST:
                    push([])
                elif opcode == _APPENDS:
                    items, stack = stack, back(frames)
                    push = stack.append
                    check_kind(stack[-1], {list})
                    stack[-1].extend(items)
                elif opcode == _APPEND:
                    value = stack.pop()
                    check_kind(stack[-1], {list})
                    stack[-1].append(value)
                elif opcode == _EMPTY_TUPLE:
                    push(())
                elif opcode == _EMPTY_SET:
                    push(set())
                elif opcode == _ADDITEMS:
                    items, stack = stack, back(frames)
                    push = stack.append
                    check_kind(stack[-1], {set})
                    stack[-1].update(items)
                elif opcode in (_TUPLE, _LIST, _DICT):
                    items, stack = stack, back(frames)
                    push = stack.append
                    if (items and opcode != _TUPLE) or (items is entries and given):
                        raise DataError("it makes a container in a way that plain data are not written")
                    if items is entries:
                        entries = None  # it was for a key that is a tuple
                    if opcode == _TUPLE:
                        push(plain_tuple(items))
                    elif opcode == _LIST:
                        push([])
                    else:
                        fresh = {}
                        self._note_dict(fresh, stack, frames)
                        push(fresh)
                elif opcode == _STACK_GLOBAL:
                    name, module = stack.pop(), stack.pop()
                    push(self._constructor(module, name))
                elif opcode == _BUILD:
                    state = stack.pop()
                    if type(stack[-1]) is not NumberType:
                        raise DataError("it stores a state on something that is no type of number")
                    stack[-1].__setstate__(state)
                elif opcode == _STOP:
                    if frames or len(stack) != 1:
                        raise DataError("it ends within something")
                    source.position = position
                    return stack[0]
                else:
                    # All others are rare, so they may take their time.
                    source.position = position
                    if opcode in LITERALS:
                        value = LITERALS[opcode](source)
                        push(memo.text(value) if type(value) is str else value)
                    elif opcode in (_GET, _PUT):
                        digits = source.line(position, MAX_LINE_BYTES)
                        index = int(digits) if digits.isdigit() else -1
                        if opcode == _PUT:
                            check_next(index, len(codes))
                            memo.store(stack[-1])
                        else:
                            code = codes[index] if 0 <= index < len(codes) else no_such_position(index)
                            push(values[code] if code else memo.at(index))
                    elif opcode == _GLOBAL:
                        module = source.line(position, MAX_LINE_BYTES).decode("utf-8")
                        name = source.line(source.position, MAX_LINE_BYTES).decode("utf-8")
                        push(self._constructor(module, name))
                    elif opcode == _PROTO:
                        version = source.take(position, 1, 1)[0]
                        if version > _MAX_PROTOCOL:
                            raise DataError(f"it is of protocol {version}, and {_MAX_PROTOCOL} is the last one known")
                    elif opcode == _FRAME:
                        source.take(position, 8, 8)  # how much to read at once: we know better
                    else:
                        refuse(opcode)
                    buffer, position, safe = source.buffer, source.position, source.safe
                    self._check_spent()
        except DataError as error:
            raise DataError(f"near byte {source.offset + position:,} of the pickle: {error}") from None
        except (LookupError, TypeError, ValueError, ArithmeticError, struct.error) as error:
            # Stacks run empty, keys are lists, text is not UTF-8: there is no end to what a damaged file does.
            reason = printable(f"{type(error).__name__}: {error}")
            if stack is entries:
                reason += f", or the entries of {self._key!r} are no dicts"
            raise DataError(
                f"near byte {source.offset + position:,} of the pickle: it is damaged or no pickle ({reason})"
            ) from None

    def check_end(self, root: Any) -> dict[Any, Any]:
        """The dict that the pickle holds, whose value at the key must be the one that the entries were taken from."""
        if type(root) not in _DICTS:
            raise DataError(f"the pickle holds a {type(root).__name__}, not a dict")
        value = root.get(self._key)
        if value is not self._wanted and (self._wanted is not None or type(value) in _DICTS):
            raise DataError(f"the pickle does not write {self._key!r} as one dict of its own")
        return root  # type: ignore[no-any-return]

    def _note_dict(self, fresh: Any, stack: list[Any], frames: list[list[Any]]) -> None:
        """See whether a dict that is about to be pushed is the pickled one, or the one whose entries are wanted."""
        if self._key is None or self._wanted is not None:
            return
        if self._root is None:
            if not stack and not frames:
                self._root = fresh
            return
        # As one of several keys and values since a mark, or as the only one to come.
        items = stack if len(frames) == 1 and frames[0] and frames[0][-1] is self._root else None
        if not frames and len(stack) == 2 and stack[0] is self._root:
            items = stack[1:]
        if items and len(items) % 2 and type(items[-1]) is str and items[-1] == self._key:
            self.before = dict(self._root) | dict(pairs(items[:-1]))
            self._wanted = fresh
            self._part_begin = self._source.offset + self._source.position
            self._memo.begin_entries()

    def _constructor(self, module: Any, name: Any) -> Constructor:
        if type(module) is not str or type(name) is not str:
            raise DataError("it asks for something whose name is no text")
        try:
            return self._allowed[module, name]
        except KeyError:
            raise DataError(
                f"it asks for {printable(f'{module}.{name}')}, which is not allowed: nothing was run; allowed are "
                f"{constructor_names(self._allowed)}"
            ) from None

    def _check_spent(self) -> None:
        if self._source.offset - self._part_begin > self._limits.part_bytes:
            raise DataError(
                f"one entry, or what stands around the entries, has more than the {self._limits.part_bytes:,} bytes "
                "that are read"
            )
        if len(self._memo.codes) > self._limits.memo:
            raise DataError(f"its memo has more than {self._limits.memo:,} positions")
