"""What a file looks like by its first bytes, for messages about a file of the wrong kind."""

from __future__ import annotations

__all__ = ["BEGINNING_BYTES", "begins_as"]

BEGINNING_BYTES = 512
"""So many of a file are enough."""

_KINDS = (
    (b"\x1f\x8b", "a gzip file, to be unpacked first"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ", "an xz file, to be unpacked first"),
    (b"PK\x03\x04", "a zip file or a checkpoint of torch"),
    (b"PAR1", "a parquet file"),
    (b"\x80", "a pickle"),
    (b"\x89HDF", "an HDF5 file"),
    (b"<", "a web page"),
    (b"[", "JSON"),
    (b"{", "JSON"),
)


def begins_as(beginning: bytes) -> str:
    """Return ``"; it begins as ..."`` for what a file looks like, or an empty string.

    >>> begins_as(b"BZh91AY")
    '; it begins as a bzip2 file'
    """
    kind = next((kind for magic, kind in _KINDS if beginning.startswith(magic)), "")
    if beginning[257:262] == b"ustar":
        kind = "a tar archive, to be unpacked first"
    elif not beginning:
        return "; it is empty"
    elif not kind and all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in beginning[:64]):
        # What people hand over by mistake most often.
        kind = "a text"
    return f"; it begins as {kind}" if kind else ""
