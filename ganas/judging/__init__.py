"""Judging surrogates: every judgement of a grid, in worker processes, into a folder that can be gone on with."""

from __future__ import annotations

from ganas.judging.run import SurrogateGrid, judge_surrogates

__all__ = ["SurrogateGrid", "judge_surrogates"]
