"""The conformance kit for spaces: what every space promises, as small checks.

In a test of your own space::

    from ganas.spaces.testing import parametrize_with_checks

    @parametrize_with_checks([MySpace])
    def test_my_space(subject, check):
        check(subject)

or in one call, :func:`check_space`. A check that a space cannot pass goes into ``expected_failures`` with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from ganas.spaces.checks import Check, parametrize, run_checks
from ganas.spaces.conformance.building import BUILDING_CHECKS
from ganas.spaces.conformance.features import FEATURE_CHECKS
from ganas.spaces.conformance.notation import NOTATION_CHECKS
from ganas.spaces.conformance.variation import VARIATION_CHECKS
from ganas.spaces.errors import CheckFailed
from ganas.spaces.registry import load_space
from ganas.spaces.space import Space

if TYPE_CHECKING:
    import pytest

__all__ = ["SPACE_CHECKS", "check_space", "parametrize_with_checks"]

SPACE_CHECKS: tuple[Check, ...] = (*NOTATION_CHECKS, *VARIATION_CHECKS, *BUILDING_CHECKS, *FEATURE_CHECKS)
"""Every check, each a function ``check_...(space, *, rng)``."""


def check_space(space: Space | str | Callable[[], Space], expected_failures: Mapping[str, str] | None = None) -> None:
    """Run every check on a space, and raise once, in one line, for all that failed.

    Args:
        space: A space, its class, or its registered name.
        expected_failures: Name of a check to the reason why the space does not pass it; such a check must fail.

    Raises:
        CheckFailed: A check failed that was not expected to, or passed that was expected to fail.
        UnknownName: No space has this name.

    >>> check_space("nasbench201")
    """
    run_checks(SPACE_CHECKS, _space(space), expected_failures)


def parametrize_with_checks(
    spaces: Iterable[Space | str | Callable[[], Space]], expected_failures: Mapping[str, str] | None = None
) -> pytest.MarkDecorator:
    """Decorate ``def test_...(subject, check): check(subject)``: one test for each space and check.

    Args:
        spaces: Spaces, their classes, or registered names; a name is loaded when its test runs.
        expected_failures: As in :func:`check_space`; they become strict expected failures.
    """
    subjects = [space if isinstance(space, str) else _space(space) for space in spaces]
    return parametrize(SPACE_CHECKS, subjects, expected_failures, load=load_space)


def _space(space: Space | str | Callable[[], Space]) -> Space:
    if isinstance(space, str):
        return load_space(space)
    if isinstance(space, Space):
        return space
    try:
        made = space()
    except Exception as error:
        raise CheckFailed(f"{space!r} cannot be made into a space without arguments: {error}") from error
    if not isinstance(made, Space):
        raise CheckFailed(f"a subclass of Space, an object of it or a registered name is wanted, not {space!r}")
    return made
