"""The file of weights that FID and Inception Score need, and where it is looked for."""

from __future__ import annotations

from pathlib import Path

from ganas.data.catalog import home

__all__ = ["DIGEST_BEGINS", "WEIGHTS_FILE", "WEIGHTS_URL", "missing_inception", "weights_path"]

DIGEST_BEGINS = "6726825d"
"""How the SHA-256 digest of the file begins; its name says so, as names of weights for torch do."""

WEIGHTS_FILE = f"pt_inception-2015-12-05-{DIGEST_BEGINS}.pth"
"""What pytorch-fid calls the file."""

WEIGHTS_URL = f"https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/{WEIGHTS_FILE}"
"""Where pytorch-fid publishes it, by src/pytorch_fid/inception.py."""


def weights_path() -> Path:
    """Where the file is looked for where no other is named."""
    return home() / "weights" / WEIGHTS_FILE


def missing_inception(path: Path | None = None) -> str | None:
    """None where the file is there, else one line on which to put where; nothing is read."""
    place = weights_path() if path is None else path
    if place.is_file():
        return None
    return f"FID and Inception Score need {WEIGHTS_FILE}: there is no file {place}; get it from {WEIGHTS_URL}"
