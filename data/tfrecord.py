"""Reading TFRecord files, the framing in which TensorFlow stores records, without TensorFlow.

Source: the comments of ``tensorflow/core/lib/io/record_writer.h`` of the official code. A file has no header and no
index; it is a sequence of ::

    length             unsigned 64 bits, little-endian: the bytes of the payload
    check of length    unsigned 32 bits, little-endian: masked CRC-32C of the 8 bytes of the length
    payload
    check of payload   unsigned 32 bits, little-endian: masked CRC-32C of the payload

where the mask of a checksum is a rotation to the right by 15 bits and an addition of 0xA282EAD8. Both checks are
compared. A CRC-32C finds every damage within 32 successive bits and misses another with a chance of one in 2**32. It
is no signature: whoever makes a file for an attack makes its checksums too.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from crc32c import crc32c

from ganas.data.file_kinds import begins_as
from ganas.spaces.errors import DataError

__all__ = ["read_tfrecords"]

_MEBIBYTE = 1024**2
_HEADER = struct.Struct("<QI")
_CHECK_BYTES = 4


def read_tfrecords(path: Path, *, max_record_bytes: int = _MEBIBYTE) -> Iterator[tuple[int, bytes]]:
    """Yield the byte at which each record begins in the file, and its payload.

    At most one record and one block of the file are in memory. A length is believed once its checksum holds and it
    is within ``max_record_bytes``; nothing is allocated before. Records ahead of a damaged one have been yielded
    when the damage is found: a caller that wants all or nothing keeps its results back until the end.

    Args:
        path: The file.
        max_record_bytes: The largest payload that is read.

    Raises:
        DataError: There is no such file, it is empty, no TFRecord file, damaged, cut off, or has a larger record.
    """
    if not path.is_file():
        raise DataError(f"{path} is not a file" if path.exists() else f"the file {path} does not exist")
    offset = 0
    try:
        with path.open("rb", buffering=_MEBIBYTE) as stream:
            while header := stream.read(_HEADER.size):
                if len(header) < _HEADER.size:
                    raise _cut_off(path, offset, "header", _HEADER.size - len(header))
                length, check_of_length = _HEADER.unpack(header)
                if _masked_crc32c(header[:8]) != check_of_length:
                    raise _wrong_length(path, offset, header)
                if length > max_record_bytes:
                    raise DataError(
                        f"{path}: the record at byte {offset:,} says that it has {length:,} bytes, more than the "
                        f"{max_record_bytes:,} that are read"
                    )
                payload = stream.read(length)
                check = stream.read(_CHECK_BYTES)
                if len(check) < _CHECK_BYTES:
                    raise _cut_off(path, offset, "record", length + _CHECK_BYTES - len(payload) - len(check))
                if _masked_crc32c(payload) != int.from_bytes(check, "little"):
                    raise DataError(
                        f"{path} is damaged: the payload of the record at byte {offset:,}, {length:,} bytes from "
                        f"byte {offset + _HEADER.size:,}, does not fit its CRC-32C"
                    )
                yield offset, payload
                offset += _HEADER.size + length + _CHECK_BYTES
    except OSError as error:
        raise DataError(f"cannot read {path} at or after byte {offset:,}: {error.strerror or error}") from None
    if not offset:
        raise DataError(f"{path} is empty (0 bytes from byte 0), not a TFRecord file")


def _masked_crc32c(content: bytes) -> int:
    """The checksum as the files hold it; the mask keeps the checksum of data with checksums in it well mixed."""
    checksum = crc32c(content)
    # Bits that the shift to the left moves beyond 32 fall away with the last operation.
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _cut_off(path: Path, offset: int, what: str, missing: int) -> DataError:
    return DataError(
        f"{path} is cut off: the {what} that begins at byte {offset:,} lacks its last {missing:,} "
        f"byte{'s' if missing > 1 else ''}"
    )


def _wrong_length(path: Path, offset: int, header: bytes) -> DataError:
    if offset:
        return DataError(f"{path} is damaged: the length at byte {offset:,} does not fit its CRC-32C")
    return DataError(
        f"{path} is damaged or no TFRecord file: the length at byte 0 does not fit its CRC-32C{begins_as(header)}"
    )
