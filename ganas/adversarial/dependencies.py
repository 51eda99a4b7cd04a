"""What GA-NAS needs beyond the base installation."""

from __future__ import annotations

from ganas.spaces.errors import missing_torch

__all__ = ["require_torch"]


def require_torch() -> None:
    """Raise unless the extra ``torch`` is installed; a strategy calls this before it imports its networks.

    Raises:
        MissingDependency: torch is not installed.
    """
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise missing_torch("GA-NAS") from error
