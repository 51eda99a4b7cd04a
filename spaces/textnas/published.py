"""Published text networks, by name.

Source: ``eval_arc_sst2.sh`` and ``eval_arc_sst5.sh`` of https://github.com/microsoft/TextNAS (MIT licence), which hold
the same architecture. Which of the networks in the paper it is, is not known to this project.
"""

from __future__ import annotations

__all__ = ["PUBLISHED"]

PUBLISHED: dict[str, str] = {
    "released": """
        0 5
        1 7 0
        1 3 0 0
        3 6 0 1 1
        1 1 0 1 0 0
        0 1 0 0 1 0 1
        0 0 0 0 1 1 1 1
        4 6 0 1 1 0 0 0 0
        3 5 0 1 0 1 1 0 1 1
        2 5 0 0 0 0 0 1 0 1 1
        4 7 1 1 0 0 1 0 0 1 1 0
        4 4 1 0 0 1 1 1 1 0 0 0 0
        1 1 1 1 0 1 0 1 0 0 1 0 0 0
        1 2 1 1 0 0 0 0 1 0 0 1 1 0 1
        1 0 0 0 1 0 0 0 1 1 1 0 1 1 0 0
        0 3 1 0 0 0 0 0 1 0 0 0 1 1 0 0 1
        1 2 0 0 0 0 0 0 0 0 0 1 1 0 1 0 1 0
        0 4 0 1 1 1 1 0 0 1 0 1 0 0 0 0 1 0 0
        2 3 0 0 0 0 0 1 0 0 0 0 0 0 0 1 1 1 0 1
        2 3 0 0 0 1 0 0 0 0 0 0 1 0 0 0 1 0 0 0 0
        3 5 1 1 0 0 0 0 0 0 0 0 1 1 0 0 1 1 1 1 0 0
        4 7 0 1 1 1 0 0 0 1 0 1 1 1 1 0 1 0 0 0 0 0 0
        0 7 0 0 1 1 1 1 0 1 0 1 1 0 0 0 0 1 0 0 0 0 0 1
        1 3 1 0 0 1 0 0 0 1 0 0 0 0 1 0 0 0 1 0 0 0 0 0 0
    """,
}
"""The rows as the official files have them; in rows 1 and 3 the offset is beyond the first layer."""
