"""Settings of ``ganas``: which are refused, that each of them changes the search, and the command line."""

import dataclasses
import json
import subprocess
import sys
from functools import cache

import numpy as np
import pytest

from ganas.adversarial.search import GANAS
from ganas.adversarial.search_settings import GANASSettings
from ganas.bench.toy import ToyBenchmark
from ganas.cli.main import run
from ganas.plugins import load_strategy, make_settings
from ganas.spaces.errors import InvalidSetting, MissingDependency
from ganas.spaces.registry import load_space
from ganas.store import Store
from ganas.study import Study

COUNTS = {
    "initial_samples": 2,
    "batch_size": 1,
    "truth_size": 2,
    "networks": 1,
    "network_hidden": 1,
    "training_steps": 1,
    "training_subset": 4,
    "pool_size": 1,
    "new_proposals": 1,
    "generator_hidden": 1,
    "generator_layers": 1,
    "generator_every": 1,
    "generator_rounds": 1,
    "generator_samples": 1,
}
NO_WEIGHTS = {"linear_weight": 0.0, "network_weight": 0.0, "gaussian_process_weight": 0.0}
TOO_MUCH = {"neighbour_share": 0.5, "generator_share": 0.3, "crossover_share": 0.3}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        *(({name: least - 1}, f"{name} must be at least {least}, not {least - 1}") for name, least in COUNTS.items()),
        ({"truth_schedule": "shrink"}, "truth_schedule must be constant, shrinking, not 'shrink'; did you mean"),
        ({"encoder": "gnn"}, "encoder must be features, kgnn, lstm, not 'gnn'; did you mean 'kgnn'"),
        ({"features": "structural"}, "features must be .* did you mean 'structure'"),
        ({"discriminator": "pairwize"}, "did you mean 'pairwise'"),
        ({"selection": "discriminated"}, "did you mean 'discriminator'"),
        ({"proposals": "neighbors"}, "did you mean 'neighbours'"),
        ({"method": "reinforced"}, "did you mean 'reinforce'"),
        ({"generator_encoder": "features"}, "generator_encoder must be kgnn, lstm, not 'features'"),
        ({"exploration": 1.1}, "exploration must be from 0 to 1"),
        ({"epsilon": -0.1}, "epsilon must be from 0 to 1"),
        ({"neighbour_share": float("nan")}, "neighbour_share must be from 0 to 1"),
        ({"generator_share": -0.5}, "generator_share must be from 0 to 1"),
        ({"crossover_share": 2.0}, "crossover_share must be from 0 to 1"),
        (TOO_MUCH, "neighbour_share, generator_share and crossover_share must not be above 1 together"),
        ({"linear_weight": -1.0}, "linear_weight must be at least 0"),
        ({"network_weight": float("inf")}, "network_weight must be at least 0, not inf"),
        ({"gaussian_process_weight": float("nan")}, "gaussian_process_weight must be at least 0"),
        ({"optimism": -0.1}, "optimism must be at least 0"),
        (NO_WEIGHTS, "the ensemble would be empty"),
    ],
)
def test_a_setting_out_of_range_is_one_clear_line(settings, message):
    with pytest.raises(InvalidSetting, match=message) as raised:
        GANASSettings(**settings)
    assert "\n" not in str(raised.value)


def test_settings_from_text():
    made = make_settings(GANAS, {"method": "reinforce", "warm_start": "false", "optimism": "0.25", "truth_size": "9"})
    assert made == GANASSettings(method="reinforce", warm_start=False, optimism=0.25, truth_size=9)
    with pytest.raises(InvalidSetting, match="selection"):
        make_settings(GANAS, {"selection": "best"})
    with pytest.raises(InvalidSetting, match="did you mean 'truth_size'"):
        make_settings(GANAS, {"truth_sizes": "9"})


def test_shares_of_the_sources():
    mixed = GANASSettings(neighbour_share=0.5, generator_share=0.25, crossover_share=0.125, proposals="mixed").shares()
    assert mixed == {"neighbours": 0.5, "generator": 0.25, "crossover": 0.125, "random": 0.125}
    for source in mixed:
        shares = GANASSettings(proposals=source).shares()
        assert shares.pop(source) == 1 and set(shares.values()) == {0}


# --- every switch ----------------------------------------------------------------------------------------

# Every field, so that the defaults may change.
BASE = {
    "initial_samples": 6,
    "batch_size": 2,
    "truth_size": 8,
    "truth_schedule": "constant",
    "encoder": "features",
    "features": "adaptive",
    "discriminator": "pairwise",
    "linear_weight": 1.0,
    "network_weight": 1.0,
    "networks": 2,
    "network_hidden": 8,
    "gaussian_process_weight": 1.0,
    "training_steps": 3,
    "training_subset": 64,
    "warm_start": True,
    "selection": "discriminator",
    "optimism": 0.5,
    "exploration": 0.0,
    "proposals": "mixed",
    "pool_size": 24,
    "new_proposals": 16,
    "neighbour_share": 0.2,
    "generator_share": 0.5,
    "crossover_share": 0.1,
    "method": "ppo",
    "generator_encoder": "kgnn",
    "generator_hidden": 8,
    "generator_layers": 1,
    "generator_every": 3,
    "generator_rounds": 1,
    "generator_samples": 8,
    "epsilon": 0.1,
    "keep_generator": True,
}
OTHER: dict[str, list[object]] = {
    "initial_samples": [4],
    "batch_size": [3],
    "truth_size": [4],
    "truth_schedule": ["shrinking"],
    "encoder": ["kgnn", "lstm"],
    "features": ["structure", "live", "genotype"],
    "discriminator": ["unary"],
    "linear_weight": [0.0, 3.0],
    "network_weight": [0.0, 3.0],
    "networks": [1],
    "network_hidden": [4],
    "gaussian_process_weight": [0.0, 3.0],
    "training_steps": [12],
    "training_subset": [4],
    "warm_start": [False],
    "selection": ["plain"],
    "optimism": [3.0],
    "exploration": [0.5],
    "proposals": ["generator", "neighbours", "crossover", "random"],
    "pool_size": [6],
    "new_proposals": [32],
    "neighbour_share": [0.4],
    "generator_share": [0.1],
    "crossover_share": [0.3],
    "method": ["reinforce", "maximum-likelihood"],
    "generator_encoder": ["lstm"],
    "generator_hidden": [4],
    "generator_layers": [2],
    "generator_every": [6],
    "generator_rounds": [2],
    "generator_samples": [16],
    "epsilon": [0.9],
    "keep_generator": [False],
}
# One source among several need not have made any of the few proposals that were evaluated: where the generator is
# changed it makes all of them.
OF_THE_GENERATOR = {"method", "epsilon", "keep_generator", *(name for name in BASE if name.startswith("generator_"))}
OF_THE_GENERATOR -= {"generator_share"}


@cache
def trace_of(**changes):
    benchmark = ToyBenchmark(load_space("nasbench201"))
    study = Study(benchmark, GANAS, budget=25, seed=3, settings=GANASSettings(**(BASE | changes))).run()
    assert study.stop == "budget"
    return [benchmark.space.identity_key(entry.evaluation.architecture) for entry in study.entries]


def test_every_field_is_a_switch_that_is_tried():
    names = [field.name for field in dataclasses.fields(GANASSettings)]
    assert list(BASE) == list(OTHER) == names
    assert all(value not in OTHER[name] for name, value in BASE.items())


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in OTHER.items() for value in values])
def test_every_switch_changes_the_search(name, value):
    beside = {"proposals": "generator"} if name in OF_THE_GENERATOR else {}
    changed = trace_of(**{name: value}, **beside)
    assert len(set(changed)) == 25
    assert changed != trace_of(**beside)


# --- from outside ----------------------------------------------------------------------------------------


def test_the_command_line_compares_values_of_two_fields(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANAS_HOME", str(tmp_path / "home"))
    fixed = {"generator_hidden": 4, "generator_layers": 1, "generator_samples": 8, "pool_size": 30, "new_proposals": 10}
    arguments = [
        *("compare", "--benchmarks", "nasbench201-cifar10", "--strategies", "ganas", "--seeds", "1"),
        *("--budget", "15", "--no-report", "--out", "run"),
        *("--set", "ganas.selection=discriminator,plain", "--set", "ganas.truth_size=3,6"),
        *(part for name, value in fixed.items() for part in ("--set", f"ganas.{name}={value}")),
    ]
    assert run(arguments) == 0, capsys.readouterr().err
    with Store("run", create=False) as store:
        studies, evaluations = store.studies(), store.evaluations()
    assert len(studies) == 4 and len(evaluations) == 4 * 15
    told = [json.loads(text) if isinstance(text, str) else text for text in studies["settings"]]
    assert {(settings["selection"], settings["truth_size"]) for settings in told} == {
        (selection, size) for selection in ("discriminator", "plain") for size in (3, 6)
    }
    traces = {tuple(rows["architecture"]) for _, rows in evaluations.groupby("study")}
    assert len(traces) == 4


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("ganas.encoder=gnn", "kgnn"),
        ("ganas.truth_size=1", "truth_size must be at least 2"),
        ("ganas.truth_sise=4", "did you mean 'truth_size'"),
    ],
)
def test_the_command_line_refuses_in_one_line(tmp_path, monkeypatch, capsys, setting, message):
    monkeypatch.chdir(tmp_path)
    status = run(
        ["compare", "--benchmarks", "nasbench201-cifar10", "--strategies", "ganas", "--out", "run", "--set", setting]
    )
    error = capsys.readouterr().err
    assert status != 0 and message in error and "Traceback" not in error


def test_it_is_registered():
    assert load_strategy("ganas") is GANAS


def test_reading_settings_loads_no_torch():
    program = (
        "import sys\n"
        "from ganas.plugins import load_strategy, make_settings\n"
        "make_settings(load_strategy('ganas'), {'truth_size': '8'})\n"
        "print('torch' in sys.modules)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


def test_without_torch_it_is_one_line_with_the_command(spaces, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingDependency, match=r"pip install 'ganas\[torch\]'$") as raised:
        Study(ToyBenchmark(spaces["nasbench201"]), GANAS, budget=10, seed=0)
    assert "\n" not in str(raised.value)


def test_features_that_tell_nothing_apart_are_refused(spaces):
    with pytest.raises(InvalidSetting, match="features 'live' are the same for all architectures of 'wiring'"):
        Study(ToyBenchmark(spaces["wiring"]), GANAS, budget=10, seed=0, settings=GANASSettings(features="live"))


def test_settings_of_another_strategy_are_refused(spaces):
    from ganas.adversarial.basic_settings import GANASBasicSettings

    problem = Study(ToyBenchmark(spaces["nasbench201"]), "random-search", budget=10, seed=0).problem
    with pytest.raises(InvalidSetting, match="GANASSettings"):
        GANAS(problem, rng=np.random.default_rng(0), settings=GANASBasicSettings())
