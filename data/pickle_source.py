"""A window on a stream of bytes, for a reader that looks at many short pieces and must not trust their lengths."""

from __future__ import annotations

from typing import Protocol

from ganas.spaces.errors import DataError

__all__ = ["LOOKAHEAD", "ByteSource", "ByteStream"]

LOOKAHEAD = 512
"""So many bytes after :attr:`ByteSource.safe` may be read without asking."""

_CHUNK = 1 << 18


class ByteStream(Protocol):
    """What is read from: at most ``size`` bytes, none at the end."""

    def read(self, size: int, /) -> bytes:
        """Read on."""
        ...


class ByteSource:
    """The bytes of a stream, some hundred thousand at a time.

    A reader holds :attr:`buffer` and its own position in it. As long as the position is at most :attr:`safe`, the next
    :data:`LOOKAHEAD` bytes are there; beyond, it calls :meth:`advance` and takes up the new buffer at position 0. At
    the end of the stream the buffer is filled up with zeros, and a reader that ran into them learns of it at the next
    call. Memory is spent on what the stream has, never on a length that is written in it.

    Attributes:
        buffer: The bytes at hand.
        position: Where to begin reading in ``buffer``, after :meth:`advance`, :meth:`take` and :meth:`line`.
        safe: The last position that needs no call.
        offset: Where ``buffer`` begins in the stream.
    """

    __slots__ = ("_end", "_stream", "buffer", "offset", "position", "safe")

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._end: int | None = None  # of the bytes of the stream in the buffer, once the stream is at its end
        self.buffer = b""
        self.position = 0
        self.offset = 0
        self.safe = -1
        self._fill(b"")

    def advance(self, position: int) -> None:
        """Drop what was read, up to ``position``, and read on.

        Raises:
            DataError: There is nothing to read on.
        """
        if self._end is not None and position >= self._end:
            raise DataError("the data are cut off")
        self.offset += position
        if self._end is None:
            self._fill(self.buffer[position:])
        else:
            self._set(self.buffer[position : self._end], ended=True)

    def take(self, position: int, length: int, limit: int) -> bytes:
        """The ``length`` bytes from ``position``.

        Raises:
            DataError: There are not that many, or ``length`` is beyond ``limit``.
        """
        if length > limit:
            raise DataError(f"a piece of {length:,} bytes is longer than the {limit:,} that are read")
        end = len(self.buffer) if self._end is None else self._end
        piece = self.buffer[position : min(position + length, end)]
        if len(piece) == length and position + length <= self.safe:
            self.position = position + length
            return piece
        self.offset += position + len(piece)
        left = self.buffer[position + len(piece) : end]
        if len(piece) < length and self._end is None:
            pieces, missing = [piece], length - len(piece)
            while missing and (chunk := self._stream.read(min(missing, _CHUNK))):
                pieces.append(chunk)
                missing -= len(chunk)
                self.offset += len(chunk)
            piece = b"".join(pieces)
        if len(piece) < length:
            raise DataError(f"the data are cut off: {length:,} bytes are announced and {len(piece):,} are there")
        if self._end is None:
            self._fill(left)
        else:
            self._set(left, ended=True)
        return piece

    def line(self, position: int, limit: int) -> bytes:
        """The bytes from ``position`` up to a line feed, which is passed over.

        Raises:
            DataError: There is none within ``limit`` bytes.
        """
        pieces: list[bytes] = []
        length = 0
        while True:
            end = len(self.buffer) if self._end is None else self._end
            found = self.buffer.find(b"\n", position, end)
            stop = end if found < 0 else found
            length += stop - position
            if length > limit:
                raise DataError(f"a line is longer than the {limit:,} bytes that are read")
            pieces.append(self.buffer[position:stop])
            if found >= 0:
                break
            self.advance(stop)
            position = 0
        self.position = found + 1
        if self.position > self.safe and self._end is None:
            self.advance(self.position)
        return b"".join(pieces)

    def at_end(self) -> bool:
        """Whether the stream has no bytes from :attr:`position` on."""
        if self._end is None:
            self.offset += self.position
            self._fill(self.buffer[self.position :])
        return self._end is not None and self.position >= self._end

    def _fill(self, left: bytes) -> None:
        ended = False
        pieces, length = [left], len(left)
        while length <= LOOKAHEAD and not ended:
            chunk = self._stream.read(_CHUNK)
            ended = not chunk
            pieces.append(chunk)
            length += len(chunk)
        self._set(b"".join(pieces), ended=ended)

    def _set(self, content: bytes, *, ended: bool) -> None:
        self.position = 0
        if ended:
            self._end = len(content)
            self.buffer = content + bytes(LOOKAHEAD)
            self.safe = self._end - 1
        else:
            self.buffer = content
            self.safe = len(content) - LOOKAHEAD
