"""The strategy ``ganas-basic`` with its default settings, and in a fresh process."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import ganas
from ganas import testing
from ganas.adversarial.basic import GANASBasic
from ganas.bench.toy import ToyBenchmark
from ganas.strategies.random_search import RandomSearch


@pytest.mark.slow
@testing.parametrize_strategy_checks(["ganas-basic"])
def test_kit(subject, check):
    check(subject)


@pytest.mark.slow
@pytest.mark.parametrize("dataset", ["cifar10", "cifar100", "imagenet16"])
def test_it_beats_random_search(dataset):
    bench = ganas.load_benchmark(f"nasbench201-{dataset}")
    ours, theirs = (
        np.array([ganas.search(bench, strategy, budget=150, seed=s).best.values["valid_accuracy"] for s in range(5)])
        for strategy in (GANASBasic, RandomSearch)
    )
    assert ours.mean() > theirs.mean()
    assert (ours > theirs).sum() >= 4


def test_the_same_seed_gives_the_same_search_in_a_fresh_process(spaces):
    """Acceptance test 6 of GA-NAS."""
    program = (
        "import sys, json, ganas\n"
        "from ganas.bench.toy import ToyBenchmark\n"
        "for name in ('nasbench101', 'nasbench201'):\n"
        "    toy = ToyBenchmark(ganas.load_space(name))\n"
        "    study = ganas.search(toy, 'ganas-basic', budget=50, seed=1, settings=json.loads(sys.argv[1]))\n"
        "    print([toy.space.identity_key(entry.evaluation.architecture) for entry in study.entries])\n"
    )
    settings = {"hidden": 8, "layers": 1, "adversarial_rounds": 2, "fakes": 24, "initial_samples": 20}
    ran = subprocess.run(
        [sys.executable, "-c", program, json.dumps(settings)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "12345"},
    )
    expected = []
    for name in ("nasbench101", "nasbench201"):
        study = ganas.search(ToyBenchmark(spaces[name]), "ganas-basic", budget=50, seed=1, settings=settings)
        expected.append(str([spaces[name].identity_key(entry.evaluation.architecture) for entry in study.entries]))
    assert ran.stdout.split("\n")[:2] == expected
