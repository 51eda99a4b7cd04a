"""The machinery of the conformance kits."""

import numpy as np
import pytest

from ganas.spaces.checks import SeededCheck, parametrize, raises, require, run_checks
from ganas.spaces.errors import CheckFailed, InvalidSetting, UnknownName


class Subject:
    def __init__(self, name="subject", **promises):
        self.name, self.promises, self.drawn = name, promises, []


def check_even(subject, *, rng):
    """The number is even."""
    require(subject.promises["number"] % 2 == 0, f"{subject.promises['number']} is odd")


def check_draws(subject, *, rng):
    """Draws from what it is given."""
    subject.drawn.append(rng.random())


CHECKS = (check_even, check_draws)


def test_a_subject_that_keeps_everything_passes():
    subject = Subject(number=2)
    run_checks(CHECKS, subject)
    run_checks(CHECKS, subject)
    assert len(subject.drawn) == 2 and subject.drawn[0] == subject.drawn[1]


def test_a_failure_is_one_line_that_names_subject_and_check():
    with pytest.raises(CheckFailed) as caught:
        run_checks(CHECKS, Subject(number=3))
    assert str(caught.value) == "subject: 1 of 2 checks failed: check_even: 3 is odd"


def test_every_failure_is_reported_whatever_is_raised():
    def check_lines(subject, *, rng):
        raise RuntimeError("two\nlines")

    subject = Subject()
    with pytest.raises(CheckFailed) as caught:
        run_checks((check_even, check_lines, check_draws), subject)
    message = str(caught.value)
    assert message.startswith(
        "subject: 2 of 3 checks failed: check_even: KeyError: 'number'; check_lines: RuntimeError"
    )
    assert "\n" not in message
    assert isinstance(caught.value.__cause__, KeyError)
    assert len(subject.drawn) == 1


def test_an_expected_failure_must_fail():
    run_checks(CHECKS, Subject(number=3), {"check_even": "odd by design"})
    with pytest.raises(CheckFailed, match=r"check_even: passes, though it is expected to fail \(odd by design\)"):
        run_checks(CHECKS, Subject(number=2), {"check_even": "odd by design"})
    with pytest.raises(CheckFailed, match="1 of 2 checks failed: check_even"):
        run_checks(CHECKS, Subject(number=3), {})


def test_expected_failures_are_checked_themselves():
    with pytest.raises(InvalidSetting, match="did you mean 'check_even'"):
        run_checks(CHECKS, Subject(number=2), {"check_evn": "odd"})
    with pytest.raises(InvalidSetting, match="no reason for 'check_even'"):
        run_checks(CHECKS, Subject(number=3), {"check_even": " "})


def test_raises_wants_the_right_error_with_a_message():
    def fail(error):
        raise error

    raises(UnknownName, lambda: fail(UnknownName("no such thing")), "an unknown name")
    with pytest.raises(CheckFailed, match="an unknown name must raise UnknownName, and returned 3"):
        raises(UnknownName, lambda: 3, "an unknown name")
    with pytest.raises(CheckFailed, match="must raise UnknownName, not ValueError: no"):
        raises(UnknownName, lambda: fail(ValueError("no")), "an unknown name")
    with pytest.raises(CheckFailed, match="raises UnknownName without a message"):
        raises(UnknownName, lambda: fail(UnknownName()), "an unknown name")


loaded = []


def load(name):
    loaded.append(name)
    return Subject(name, number=len(name))


@parametrize(CHECKS, ["ab", Subject("object", number=4)], load=load)
def test_parametrize_runs_every_check_on_every_subject(subject, check):
    check(subject)


@parametrize(CHECKS, ["abc"], {"check_even": "three letters"}, load=load)
def test_parametrize_takes_expected_failures(subject, check):
    check(subject)


def test_parametrize_names_its_tests_and_loads_late():
    before = list(loaded)
    mark = parametrize(CHECKS, ["never-loaded", Subject("other")], {"check_even": "why"}, load=load)
    names, parameters = mark.args
    assert names == ("subject", "check")
    assert [parameter.id for parameter in parameters] == [
        "never-loaded-check_even",
        "never-loaded-check_draws",
        "other-check_even",
        "other-check_draws",
    ]
    assert [bool(parameter.marks) for parameter in parameters] == [True, False, True, False]
    assert parameters[0].marks[0].kwargs == {"reason": "why", "strict": True}
    assert loaded == before


def test_a_seeded_check_gives_the_same_draws_every_time():
    seen = []

    def check_records(subject, *, rng):
        assert isinstance(rng, np.random.Generator)
        seen.append(rng.random(3).tolist())

    seeded = SeededCheck(check_records)
    seeded(Subject())
    seeded(Subject())
    assert seen[0] == seen[1]
