"""What GA-NAS says of itself after every training: names, titles and units."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["BASIC_DIAGNOSTIC_NOTE", "DIAGNOSTIC_NOTE", "DIAGNOSTIC_TITLES"]

DIAGNOSTIC_TITLES: Mapping[str, str] = MappingProxyType(
    {
        "discriminator_accuracy": "Share of pairs on the right side in the discriminator's last training (0 to 1)",
        "reward_truth": "Mean reward of the truth set, each member beside the others (-1 to 1)",
        "reward_generated": "Mean reward of the last batch that the generator learned from (-1 to 1)",
        "entropy": "Entropy of the generator with its exploration share (nats a sample)",
        "share_new": "Share of the first batch drawn after training that was not evaluated yet (0 to 1)",
        "share_unique": "Share of different architectures in the first batch drawn after training (0 to 1)",
        "kth_best": "Value of the last member of the truth set (unit of the objective)",
        "divergence": "Divergence of the generator from the uniform distribution on the truth set (nats)",
        "filled": "Uniform draws that filled up where the generator repeated itself (architectures)",
    }
)
"""Name of a diagnostic to one line that says what it is, with its unit."""

_LEARNING = (
    "Entropy and divergence fall while the generator learns. Where the shares of new and of different samples fall as "
    "well, it has begun to repeat itself, and "
)

DIAGNOSTIC_NOTE = (
    "The truth set is the best of what has been evaluated. The discriminator learns which of two evaluated "
    "architectures is better; the generator is paid with the probability, as the discriminator sees it, that a sample "
    "beats a member of the truth set. Members themselves get 0.5 beside each other, so that much would be as good as "
    f"they are. {_LEARNING}what is evaluated comes from the other sources of proposals."
)
"""How to read them for ``ganas``."""

BASIC_DIAGNOSTIC_NOTE = (
    "The truth set is the best of what has been evaluated. The discriminator learns to tell pairs of its members from "
    "pairs of a member and a generated architecture; the generator is paid with what the discriminator says. Where "
    f"both rewards are alike, it can no longer tell them apart. {_LEARNING}uniform draws fill up."
)
"""How to read them for ``ganas-basic``."""
