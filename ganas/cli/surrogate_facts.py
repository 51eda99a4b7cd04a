"""What commands say of a fitted surrogate."""

from __future__ import annotations

from typing import Any

from ganas.bench.surrogate.benchmark import SurrogateBenchmark

__all__ = ["surrogate_facts"]

_SCORES = ("labels", "kendall_tau", "spearman", "r2", "rmse")
_COSTS = {"predicted": "seconds of a training are predicted", "unknown": "not known"}


def surrogate_facts(benchmark: SurrogateBenchmark) -> dict[str, Any]:
    """What it is, what it learnt from and how good it is, by words for people; lists are tables."""
    card = benchmark.card
    learnt = card.training
    chosen = "chosen by searches" if learnt.run else "drawn at random"
    each = "one trial each" if learnt.signal == "random" else "means over trials"
    facts: dict[str, Any] = {
        "title": card.title,
        "model": f"{card.model}, seed {card.seed}",
        "learnt from": f"{learnt.labels:,} labels ({each}) of {learnt.architectures:,} architectures {chosen}, "
        f"measured by {learnt.benchmark} ({learnt.source})",
        "cost": _COSTS.get(card.cost, f"{card.cost_seconds:,.1f} seconds for every training"),
        "versions": ", ".join(f"{name} {version}" for name, version in benchmark.about.get("versions", {}).items()),
    }
    if card.known:
        facts["known"] = ", ".join(f"{column.metric} of {column.benchmark}" for column in card.known)
    facts["scores on left-out architectures"] = [
        {"metric": metric, **{name: _rounded(scores.get(name)) for name in _SCORES}}
        for metric, scores in benchmark.about.get("scores", {}).items()
    ]
    return facts


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    return "-" if value is None else value
