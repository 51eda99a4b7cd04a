"""What commands say of a trainer, and of shared weights."""

from __future__ import annotations

from typing import Any

from ganas.bench.shared_weights.benchmark import SharedWeightsBenchmark
from ganas.bench.training.benchmark import TrainerBenchmark

__all__ = ["protocol_table", "trainer_facts"]


def trainer_facts(benchmark: TrainerBenchmark | SharedWeightsBenchmark) -> dict[str, Any]:
    """What it trains, and whether it can."""
    task = benchmark.task
    return {
        "title": benchmark.title,
        "dataset": task.dataset,
        "data": task.missing() or "at hand",
        "protocol": f"{task.protocol.label}: {task.protocol.title}",
        "seeds": ", ".join(map(str, benchmark.seeds)),
    }


def protocol_table(benchmark: TrainerBenchmark | SharedWeightsBenchmark) -> list[dict[str, Any]]:
    """Every value of its protocol, with unit and source."""
    return [
        {
            "value of": item.field,
            "is": "none" if item.value is None or item.value == () else item.value,
            "unit": item.unit or "-",
            "source": item.source,
            "meaning": item.meaning,
        }
        for item in benchmark.protocol.values
    ]
