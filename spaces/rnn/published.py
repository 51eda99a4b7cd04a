"""Published recurrent cells, by the names that their code gives them.

Sources: ``rnn/genotypes.py`` of https://github.com/quark0/darts (``ENAS``, ``DARTS_V1``, ``DARTS_V2``), and
``others/GDAS/lib/nas_rnn/genotypes.py`` in the history of https://github.com/D-X-Y/AutoDL-Projects (``GDAS``). All have
the plain connections. Of the architectures that ESS found, none is known to this project.
"""

from __future__ import annotations

from ganas.spaces.rnn.genotype import RecurrentCell

__all__ = ["PUBLISHED"]


def _cell(text: str, concat: tuple[int, ...]) -> RecurrentCell:
    nodes = [entry.split(".") for entry in text.split()]
    return RecurrentCell(tuple((activation, int(source)) for activation, source in nodes), concat)


_EIGHT = tuple(range(1, 9))
_DARTS_V1 = _cell("relu.0 relu.1 tanh.2 relu.3 relu.4 identity.1 relu.5 relu.1", _EIGHT)
_DARTS_V2 = _cell("sigmoid.0 relu.1 relu.1 identity.1 tanh.2 sigmoid.5 tanh.3 relu.5", _EIGHT)
_GDAS = _cell("relu.0 relu.0 identity.1 relu.1 tanh.0 relu.2 identity.4 identity.2", _EIGHT)
_ENAS = _cell(
    "tanh.0 tanh.1 relu.1 tanh.3 tanh.3 relu.3 relu.4 relu.7 relu.8 relu.8 relu.8",
    (2, 5, 6, 9, 10, 11),
)

PUBLISHED: dict[str, RecurrentCell] = {
    "DARTS_V1": _DARTS_V1,
    "DARTS_V2": _DARTS_V2,
    "DARTS": _DARTS_V2,
    "GDAS": _GDAS,
    "ENAS": _ENAS,
}
"""``DARTS_V1`` and ``DARTS_V2`` (also ``DARTS``) were found by first- and second-order search."""
