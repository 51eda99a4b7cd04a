"""What choices of text networks are worth: effects that are put in are found, and what is drawn is the best."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

import ganas
from ganas.bench.toy import ToyBenchmark
from ganas.spaces.errors import NotSupported
from ganas.spaces.registry import load_place, load_space

EXAMPLE = Path(__file__).parents[2] / "examples" / "text_principles.py"
cell, effect, main, of_operators, of_wiring, slope = (
    load_place("example", f"{EXAMPLE}:{name}")
    for name in ("cell", "effect", "main", "effects_of_operators", "effects_of_wiring", "slope")
)
SPACE = load_space("textnas-mini")


def toy():
    return ToyBenchmark(SPACE)


@pytest.fixture
def genotypes():
    return [SPACE.genotype(one) for one in SPACE.sample(200, rng=np.random.default_rng(0))]


def row(table, name):
    return next(line for line in table.splitlines() if line.startswith(f"| {name} |")).split(" | ")


def test_the_effect_of_an_operator_in_a_layer_is_found(genotypes):
    noise = np.random.default_rng(1).normal(size=len(genotypes)) * 0.1
    values = np.array([5.0 * (one.layers[2].operator == "gru") for one in genotypes]) + noise
    cells = row(of_operators(genotypes, values), "`gru`")
    assert cells[3].startswith("**+5.0 (")
    assert all(not one.startswith("**+") for one in (*cells[1:3], *cells[4:7]))


def test_the_effect_of_skip_connections_is_found(genotypes):
    values = np.array([2.0 * sum(sum(layer.skips) for layer in one.layers) for one in genotypes])
    assert row(of_wiring(genotypes, values), "one skip connection more")[1].startswith("**+2.0 (0.0)**")


def test_what_nobody_or_everybody_has_is_worth_nothing_that_is_known():
    values = np.arange(4.0)
    assert math.isnan(effect(np.ones(4, dtype=bool), values)[0])
    assert math.isnan(slope(np.ones(4), values)[0])
    assert cell((math.nan, math.nan)) == "-"
    assert (cell((1.0, 0.4)), cell((1.0, 0.6))) == ("**+1.0 (0.4)**", "+1.0 (0.6)")


def test_a_run_is_read_and_its_best_is_drawn(tmp_path, capsys, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "from ganas.bench.toy import ToyBenchmark\n"
        "from ganas.spaces.registry import load_space\n\n\n"
        "def toy():\n    return ToyBenchmark(load_space('textnas-mini'))\n\n\n"
        "def cells():\n    return ToyBenchmark(load_space('nasbench201'))\n"
    )
    monkeypatch.chdir(tmp_path)
    for name in ("toy", "cells"):
        ganas.compare([f"mine.py:{name}"], ["random-search"], seeds=1, budget=30, out=tmp_path / name)
    main([str(tmp_path / "toy"), "--draw", "best.svg"])
    said = capsys.readouterr().out
    assert said.startswith("30 architectures, mean ")
    best = SPACE.parse(said.rpartition("`")[0].rpartition("`")[2])
    assert toy().query(best).value == max(toy().query(one).value for one in everything(tmp_path / "toy"))
    assert Path("best.svg").read_text(encoding="utf-8").startswith("<svg")
    with pytest.raises(NotSupported, match="a run on text networks is wanted"):
        main([str(tmp_path / "cells")])


def everything(run):
    from ganas.store import Store

    with Store(run, create=False) as store:
        return [SPACE.parse(text) for text in store.evaluations()["architecture"]]
