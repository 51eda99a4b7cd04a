"""Settings of ``ganas-basic``, and what happens without torch."""

import json
import subprocess
import sys

import pytest

from ganas.adversarial.basic import GANASBasic
from ganas.adversarial.basic_settings import GANASBasicSettings
from ganas.bench.toy import ToyBenchmark
from ganas.plugins import load_strategy, make_settings
from ganas.spaces.errors import InvalidSetting, MissingDependency
from ganas.study import Study


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"initial_samples": 1}, "initial_samples must be at least 2, not 1"),
        ({"evaluations_per_round": 0}, "evaluations_per_round must be at least 1"),
        ({"truth_size": 1}, "truth_size must be at least 2"),
        ({"adversarial_rounds": 0}, "adversarial_rounds must be at least 1"),
        ({"fakes": 0}, "fakes must be at least 1"),
        ({"discriminator": "pairwize"}, "did you mean 'pairwise'"),
        ({"discriminator_epochs": 0}, "discriminator_epochs must be at least 1"),
        ({"discriminator_batch_size": 1}, "discriminator_batch_size must be at least 2"),
        ({"discriminator_learning_rate": 0.0}, "discriminator_learning_rate must be above 0"),
        ({"method": "reinforced"}, "did you mean 'reinforce'"),
        ({"ppo_epochs": 0}, "ppo_epochs must be at least 1"),
        ({"ppo_batch_size": 0}, "ppo_batch_size must be at least 1"),
        ({"generator_learning_rate": -1.0}, "generator_learning_rate must be above 0"),
        ({"entropy_coefficient": -0.1}, "entropy_coefficient must not be negative"),
        ({"entropy_coefficient": float("nan")}, "entropy_coefficient must not be negative"),
        ({"encoder": "gnn"}, "encoder must be kgnn, lstm, not 'gnn'"),
        ({"hidden": 0}, "hidden must be at least 1"),
        ({"layers": 0}, "layers must be at least 1"),
        ({"epsilon_first": 1.1}, "epsilon_first must be from 0 to 1"),
        ({"epsilon_last": -0.1}, "epsilon_last must be from 0 to 1"),
        ({"epsilon_trainings": 0}, "epsilon_trainings must be at least 1"),
    ],
)
def test_a_setting_out_of_range_is_one_clear_line(settings, message):
    with pytest.raises(InvalidSetting, match=message) as raised:
        GANASBasicSettings(**settings)
    assert "\n" not in str(raised.value)


def test_settings_from_text():
    made = make_settings(
        GANASBasic, {"method": "reinforce", "keep_generator": "false", "generator_learning_rate": "0.01"}
    )
    assert made == GANASBasicSettings(method="reinforce", keep_generator=False, generator_learning_rate=0.01)
    with pytest.raises(InvalidSetting, match="method"):
        make_settings(GANASBasic, {"method": "evolution"})


def test_the_exploration_share_falls_in_a_straight_line():
    settings = GANASBasicSettings(epsilon_first=0.5, epsilon_last=0.1, epsilon_trainings=5)
    shares = [settings.epsilon(number) for number in range(1, 8)]
    assert shares == pytest.approx([0.5, 0.4, 0.3, 0.2, 0.1, 0.1, 0.1])
    assert GANASBasicSettings(epsilon_trainings=1).epsilon(1) == pytest.approx(0.02)


def test_it_is_registered():
    assert load_strategy("ganas-basic") is GANASBasic


def test_listing_and_reading_settings_load_no_torch():
    program = (
        "import json, sys\n"
        "from ganas.plugins import STRATEGIES, load_strategy, make_settings\n"
        "titles = [load_strategy(name).title for name in STRATEGIES.entries()]\n"
        "make_settings(load_strategy('ganas-basic'), {'hidden': '8'})\n"
        "print(json.dumps(['torch' in sys.modules, len(titles)]))\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded, titles = json.loads(ran.stdout)
    assert not loaded
    assert titles >= 4


def test_without_torch_it_is_one_line_with_the_command(spaces, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingDependency, match=r"pip install 'ganas\[torch\]'$") as raised:
        Study(ToyBenchmark(spaces["nasbench201"]), GANASBasic, budget=10, seed=0)
    assert "\n" not in str(raised.value)
