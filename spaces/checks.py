"""What every conformance kit shares: small checks, run over a subject and reported in one line.

A check is a function ``check_...(subject, *, rng)`` that returns nothing and raises where the subject does not keep
its promise, most simply by :func:`require`. ``ganas.spaces.testing``, ``ganas.bench.testing`` and ``ganas.testing``
are each a list of such checks with the functions below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ganas.spaces.errors import CheckFailed, InvalidSetting, MissingDependency, closest_match, quote_list

if TYPE_CHECKING:
    import pytest

__all__ = ["Check", "Outcome", "SeededCheck", "check_outcomes", "parametrize", "raises", "require", "run_checks"]

_SEED = 20_200_101


class Check(Protocol):
    """A conformance check: returns nothing, raises where the subject does not keep its promise."""

    __name__: str

    def __call__(self, subject: Any, /, *, rng: np.random.Generator) -> None:
        """Judge ``subject``, drawing only from ``rng``."""


def require(condition: object, message: str) -> None:
    """Raise :class:`CheckFailed` with ``message`` unless ``condition`` is true.

    >>> require(1 + 1 == 2, "addition")
    """
    if not condition:
        raise CheckFailed(message)


def raises(wanted: type[Exception], call: Callable[[], object], situation: str) -> None:
    """Raise :class:`CheckFailed` unless ``call()`` raises ``wanted`` with a message.

    >>> raises(ZeroDivisionError, lambda: 1 // 0, "a division by zero")
    """
    try:
        given = call()
    except wanted as error:
        require(str(error).strip(), f"{situation} raises {wanted.__name__} without a message")
    except Exception as error:
        raise CheckFailed(f"{situation} must raise {wanted.__name__}, not {_describe(error)}") from error
    else:
        raise CheckFailed(f"{situation} must raise {wanted.__name__}, and returned {given!r:.80}")


@dataclass(frozen=True, slots=True)
class SeededCheck:
    """A check that makes its own generator, the same at every call, so that a failure can be repeated.

    Attributes:
        check: The check.
        load: Turns a subject given by name into the subject; None where only objects are given.
    """

    check: Check
    load: Callable[[str], Any] | None = None

    def __call__(self, subject: Any) -> None:
        """Judge ``subject``, an object or, with :attr:`load`, a name."""
        loaded = self.load(subject) if self.load is not None and isinstance(subject, str) else subject
        self.check(loaded, rng=np.random.default_rng(_SEED))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one check said about a subject.

    Attributes:
        check: Name of the check.
        outcome: ``"passed"``, ``"failed"``, ``"failed as expected"`` or ``"passed unexpectedly"``.
        message: One line on why, where it did not simply pass, or on what it did not look at.
        error: What the check raised, if anything.
    """

    check: str
    outcome: str
    message: str = ""
    error: Exception | None = None

    @property
    def failed(self) -> bool:
        """Whether it counts against the subject."""
        return self.outcome in ("failed", "passed unexpectedly")


def check_outcomes(
    checks: Sequence[Check], subject: Any, expected_failures: Mapping[str, str] | None = None
) -> list[Outcome]:
    """Run every check on ``subject`` and say how each went; the arguments are those of :func:`run_checks`."""
    expected = _known(checks, expected_failures)
    outcomes = []
    for check in checks:
        name = check.__name__
        try:
            SeededCheck(check)(subject)
        except Exception as error:
            # Any exception: a plug-in that breaks in an unforeseen way has failed, and the other checks still count.
            outcome = "failed as expected" if name in expected else "failed"
            outcomes.append(Outcome(name, outcome, expected.get(name) or _describe(error), error))
        else:
            if name in expected:
                message = f"passes, though it is expected to fail ({expected[name]})"
                outcomes.append(Outcome(name, "passed unexpectedly", message))
            else:
                outcomes.append(Outcome(name, "passed"))
    return outcomes


def run_checks(checks: Sequence[Check], subject: Any, expected_failures: Mapping[str, str] | None = None) -> None:
    """Run every check on ``subject``, and raise once, in one line, for all that failed.

    Args:
        checks: The checks of a kit.
        subject: What is judged.
        expected_failures: Name of a check to the reason why ``subject`` does not pass it. Such a check must fail:
            one that passes is reported too, so the list cannot go stale.

    Raises:
        CheckFailed: A check failed that was not expected to, or passed that was expected to fail.
        InvalidSetting: ``expected_failures`` names no check of the kit or gives no reason.
    """
    failures = [outcome for outcome in check_outcomes(checks, subject, expected_failures) if outcome.failed]
    if failures:
        details = "; ".join(f"{outcome.check}: {outcome.message}" for outcome in failures)
        cause = next((outcome.error for outcome in failures if outcome.error is not None), None)
        raise CheckFailed(f"{_label(subject)}: {len(failures)} of {len(checks)} checks failed: {details}") from cause


def parametrize(
    checks: Sequence[Check],
    subjects: Iterable[Any],
    expected_failures: Mapping[str, str] | None = None,
    *,
    load: Callable[[str], Any] | None = None,
) -> pytest.MarkDecorator:
    """Decorate ``def test_...(subject, check): check(subject)`` to run as one test per subject and check.

    Args:
        checks: The checks of a kit.
        subjects: Objects or, with ``load``, names; a name is loaded when its test runs.
        expected_failures: As in :func:`run_checks`; these become strict expected failures.
        load: Turns a name into a subject.

    Raises:
        MissingDependency: pytest is not installed.
    """
    try:
        import pytest
    except ImportError:
        raise MissingDependency("conformance tests need pytest: pip install pytest") from None
    expected = _known(checks, expected_failures)
    parameters = []
    for subject in subjects:
        for check in checks:
            reason = expected.get(check.__name__)
            parameters.append(
                pytest.param(
                    subject,
                    SeededCheck(check, load),
                    id=f"{_label(subject)}-{check.__name__}",
                    marks=() if reason is None else pytest.mark.xfail(reason=reason, strict=True),
                )
            )
    return pytest.mark.parametrize(("subject", "check"), parameters)


def _known(checks: Sequence[Check], expected_failures: Mapping[str, str] | None) -> Mapping[str, str]:
    expected = expected_failures or {}
    names = [check.__name__ for check in checks]
    for name, reason in expected.items():
        if name not in names:
            raise InvalidSetting(
                f"expected_failures names no check: {name!r}; the checks are {quote_list(names, limit=40)}"
                f"{closest_match(name, names)}"
            )
        if not str(reason).strip():
            raise InvalidSetting(f"expected_failures gives no reason for {name!r}")
    return expected


def _label(subject: Any) -> str:
    if isinstance(subject, str):
        return subject
    name = getattr(subject, "name", None)
    return name if isinstance(name, str) else getattr(subject, "__name__", type(subject).__name__)


def _describe(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, CheckFailed) else f"{type(error).__name__}: {text}"
