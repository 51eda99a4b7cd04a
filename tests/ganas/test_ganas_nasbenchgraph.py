"""Searches of the NAS-Bench-Graph tables: every strategy, and test values in the report."""

import json

import pytest

import ganas
from ganas.spaces.errors import NotSupported

CORA = "nasbenchgraph-cora"


@pytest.mark.parametrize("benchmark", [CORA, "nasbenchgraph-proteins"])
@pytest.mark.parametrize("strategy", ["random-search", "local-search", "regularized-evolution"])
def test_strategies_search(benchmark, strategy):
    study = ganas.search(benchmark, strategy=strategy, budget=100, seed=0)
    trace = study.trace
    assert len(trace) == 100
    assert trace["value"].notna().all()
    assert trace["architecture"].is_unique
    assert 0.5 < study.best.values["valid_performance"] <= ganas.load_benchmark(benchmark).optimum().value


@pytest.mark.slow
@pytest.mark.parametrize("benchmark", [CORA, "nasbenchgraph-proteins"])
@pytest.mark.parametrize("strategy", ["ganas", "ganas-basic"])
def test_ganas_searches(benchmark, strategy):
    pytest.importorskip("torch")
    study = ganas.search(benchmark, strategy=strategy, budget=100, seed=0)
    trace = study.trace
    assert len(trace) == 100
    assert trace["architecture"].is_unique
    assert study.best.values["valid_performance"] <= ganas.load_benchmark(benchmark).optimum().value


def test_a_control_that_needs_the_parameters_says_so():
    with pytest.raises(NotSupported, match="'graphnas' has no formula"):
        ganas.search(CORA, strategy="largest-first", budget=10, seed=0)


def test_reports_look_the_test_value_up_and_speak_of_percent(tmp_path):
    run = ganas.compare([CORA], ["random-search", "local-search"], seeds=3, budget=20, out=tmp_path / "run", jobs=1)
    written = ganas.report_run(run)
    text = written.markdown.read_text(encoding="utf-8")
    assert "81.933" in text  # the best validation value of the table
    assert "test\\_performance" in text or "test_performance" in text
    assert "percent" in text
    assert json.dumps(0.8193333333333334) not in text
