"""The recurrent search space: the cell of DARTS, and what of the history it reads."""
