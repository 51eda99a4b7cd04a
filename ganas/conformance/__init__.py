"""The checks that every strategy must pass, on two opposite spaces and a toy benchmark; see :mod:`ganas.testing`.

A strategy that raises NotSupported when it is made for one of the two spaces is judged on the other. A one-shot search
is judged on a recurrent space, whose toy benchmark has a made-up text to train on.
"""

from ganas.conformance.learning import LEARNING_CHECKS
from ganas.conformance.proposals import PROPOSAL_CHECKS
from ganas.conformance.reproducibility import REPRODUCIBILITY_CHECKS
from ganas.conformance.subjects import spaces_left_out
from ganas.spaces.checks import Check

__all__ = ["STRATEGY_CHECKS", "spaces_left_out"]

STRATEGY_CHECKS: tuple[Check, ...] = (*PROPOSAL_CHECKS, *REPRODUCIBILITY_CHECKS, *LEARNING_CHECKS)
"""Every check, each a function ``check_...(strategy, *, rng)``, in the order in which they run."""
