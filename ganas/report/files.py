"""Writing the files of a report: each whole or not at all."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping
from pathlib import Path

__all__ = ["day_of_writing", "standalone", "write_texts"]


def write_texts(texts: Mapping[Path, str]) -> None:
    """Write each text under a name of its own and rename it then: a reader never sees half a file."""
    for path, text in texts.items():
        part = path.with_name(path.name + ".part")
        part.write_text(text, encoding="utf-8", newline="\n")
        part.replace(path)


def day_of_writing() -> str:
    """Today, or the day of ``SOURCE_DATE_EPOCH``."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    now = datetime.datetime.now(datetime.UTC)
    moment = datetime.datetime.fromtimestamp(int(epoch), datetime.UTC) if epoch.isdigit() else now
    return moment.date().isoformat()


def standalone(svg: str) -> str:
    """An SVG file: on white, since it may be shown on any ground."""
    head, _, rest = svg.partition(">")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{head}><rect width="100%" height="100%" fill="#ffffff"/>{rest}\n'
