"""Language models: perplexity by hand, dropout, penalties, averaging, softmaxes, resumes, devices, processes."""

import itertools
import json
import math
import os
import socket
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ganas.spaces.errors import DataError, InvalidSetting, UnknownName

torch = pytest.importorskip("torch", reason="training needs torch")

from ganas.bench.training.devices import Compute, choose_compute  # noqa: E402
from ganas.bench.training.language.averaging import AveragingOptimiser, begins_to_average  # noqa: E402
from ganas.bench.training.language.batching import columns, draw_length  # noqa: E402
from ganas.bench.training.language.dropout import dropped_rows, dropped_weights, locked  # noqa: E402
from ganas.bench.training.language.model import LanguageModel, LSTMCore  # noqa: E402
from ganas.bench.training.language.protocol import FULL, MINI, protocol_for  # noqa: E402
from ganas.bench.training.language.softmax import AdaptiveDecoder, Decoder  # noqa: E402
from ganas.bench.training.language.task import LanguageTask, LanguageText  # noqa: E402
from ganas.bench.training.loop import TrainingLoop  # noqa: E402
from tests.bench.training.language_models import (  # noqa: E402
    PLAIN,
    SHORT,
    HalvingCore,
    any_architecture,
    small_corpus,
    task,
)

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def one_seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def start(protocol=SHORT, core="lstm", compute=None, **options):
    return task(protocol, core, **options).start(any_architecture(), seed=0, compute=compute or Compute())


def run(protocol=SHORT, core="lstm", compute=None, until=None, **options):
    loop = TrainingLoop(task(protocol, core), any_architecture(), seed=0, compute=compute or Compute(), **options)
    return loop.run(until)


def numbers(history):
    return [epoch.values for epoch in history.epochs], history.final


# --- perplexity ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bptt", [1, 6, 1000])
def test_perplexity_is_that_computed_by_hand(bptt):
    training = start(replace(PLAIN, bptt=bptt), "halving")
    embedding = training.model.embedding.detach().double().numpy()
    bias = np.linspace(-0.5, 0.5, len(embedding))
    with torch.no_grad():
        training.model.decoder.bias.copy_(torch.from_numpy(bias))
    stream = small_corpus().splits["valid"]
    length = len(stream) // 2
    total = count = 0
    for column in range(2):
        words = stream[column * length : (column + 1) * length].tolist()
        hidden = np.zeros(8)
        for word, target in itertools.pairwise(words):
            hidden = hidden / 2 + embedding[word]
            logits = [float(hidden @ row) + shift for row, shift in zip(embedding, bias, strict=True)]
            total += math.log(sum(math.exp(logit) for logit in logits)) - logits[target]
            count += 1
    assert training.evaluate("valid")["valid_perplexity"] == pytest.approx(math.exp(total / count), rel=1e-6)


def test_a_model_that_knows_nothing_has_the_perplexity_of_its_vocabulary():
    training = start(PLAIN, "halving")
    with torch.no_grad():
        training.model.embedding.zero_()
    words = len(small_corpus().words)
    assert training.evaluate("test")["test_perplexity"] == pytest.approx(words, rel=1e-6)


def test_measuring_draws_nothing_and_changes_nothing():
    training = start()
    before = torch.random.get_rng_state()
    assert training.evaluate("valid") == training.evaluate("valid")
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_model_learns():
    protocol = replace(PLAIN, epochs=6, initial=0.3, hidden=16)
    history = TrainingLoop(task(protocol, words=2000), any_architecture(), seed=0, compute=Compute()).run()
    # Two words can follow each, and each tenth is an end of line that hides where the count was.
    assert history.final["test_perplexity"] < 5
    assert history.final["test_perplexity"] == pytest.approx(history.epochs[-1].values["valid_perplexity"], rel=0.2)


# --- batches ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("bptt", "left"), [(6, 1), (7, 0), (12, 1), (108, 1), (109, 0), (500, 0)])
def test_every_word_but_the_first_of_a_column_is_predicted_once(bptt, left):
    training = start(replace(PLAIN, bptt=bptt))
    training.start_epoch(1)
    items = 0
    while (step := training.step()) is not None:
        items += step.items
    assert training.items_in_epoch == (440 // 4 - 1) * 4
    # A last row by itself has no successive hidden states, and is left out.
    assert items == training.items_in_epoch - 4 * ((109 % bptt == 1) or 0)
    assert (109 % bptt == 1) == bool(left)


def test_lengths_are_drawn_around_the_mean_and_half_of_it():
    rng = np.random.default_rng(0)
    lengths = np.array([draw_length(FULL, rng=rng) for _ in range(4000)])
    assert lengths.min() >= 5
    assert lengths.max() <= 55
    assert np.median(lengths) == pytest.approx(35, abs=1)
    assert (lengths < 22).mean() == pytest.approx(0.05, abs=0.02)
    assert len({draw_length(MINI, rng=rng) for _ in range(50)}) == 1


def test_too_short_a_split_is_one_clear_line():
    with pytest.raises(DataError, match="the split train of small has 11 words"):
        columns(np.arange(11), 8, "the split train of small")
    with pytest.raises(DataError, match="too few for 100 columns"):
        start(replace(SHORT, batch=100), words=100)


def test_steps_are_in_proportion_to_their_length():
    module = torch.nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        module.weight.fill_(1.0)
    optimiser = AveragingOptimiser(module, replace(PLAIN, learning_rate=0.5, weight_decay=0.0, clip=9.0))
    for scale, wanted in ((1.0, 0.5), (0.5, 0.25)):
        optimiser.zero_gradients()
        module.weight.sum().backward()
        before = module.weight.item()
        optimiser.step(scale)
        assert before - module.weight.item() == pytest.approx(wanted)


def test_gradients_are_clipped():
    module = torch.nn.Linear(1, 1, bias=False)
    optimiser = AveragingOptimiser(module, replace(PLAIN, learning_rate=1.0, weight_decay=0.0, clip=0.25))
    (100 * module.weight).sum().backward()
    before = module.weight.item()
    optimiser.step(1.0)
    assert before - module.weight.item() == pytest.approx(0.25, rel=1e-4)


def test_a_batch_in_parts_is_the_whole_batch():
    whole, parts = (start(replace(PLAIN, parts=count)) for count in (1, 2))
    parts.load_learned(whole.learned())
    for training in (whole, parts):
        training.start_epoch(1)
    for _ in range(5):
        assert whole.step().loss.item() == pytest.approx(parts.step().loss.item(), rel=1e-5)
    for name, weights in whole.kept_weights().items():
        torch.testing.assert_close(weights, parts.kept_weights()[name])


# --- averaging -------------------------------------------------------------------------------------------------------


def test_averaging_begins_when_validation_no_longer_improves():
    assert not begins_to_average([5.0, 4.0, 3.0, 2.0, 1.0, 9.0], 5)
    assert begins_to_average([1.0, 4.0, 3.0, 2.0, 1.5, 1.2, 1.1], 5)
    assert not begins_to_average([1.3, 4.0, 3.0, 2.0, 1.5, 1.2, 1.1], 5)


@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
def test_the_averaged_weights_are_evaluated_and_kept(optimiser):
    training = start(replace(SHORT, optimiser=optimiser, learning_rate=0.5))
    training.start_epoch(1)
    training.step()
    training.finish_epoch(1, {"valid_perplexity": 5.0})
    training.finish_epoch(2, {"valid_perplexity": 4.0})
    training.finish_epoch(3, {"valid_perplexity": 6.0})
    seen = []
    for _ in range(4):
        training.step()
        seen.append({name: weights.detach().clone() for name, weights in training.model.named_parameters()})
    kept = training.kept_weights()
    for name, weights in training.model.named_parameters():
        torch.testing.assert_close(kept[name], torch.stack([one[name] for one in seen]).mean(0))
        assert torch.equal(weights, seen[-1][name])
    measured = training.evaluate("valid")
    with torch.no_grad():
        for name, weights in training.model.named_parameters():
            weights.copy_(kept[name])
    fresh = start(SHORT)
    fresh.model.load_state_dict(training.model.state_dict())
    assert fresh.evaluate("valid") == measured


def test_averages_survive_a_resume(tmp_path):
    protocol = replace(SHORT, epochs=6, learning_rate=60.0)
    whole = run(protocol)
    for until in range(1, 7):
        pieces = run(protocol, checkpoint=tmp_path / "state", until=until)
    assert numbers(whole) == numbers(pieces)
    training = start(protocol)
    losses = [math.log(epoch.values["valid_perplexity"]) for epoch in whole.epochs]
    assert any(begins_to_average(losses[:count], 1) for count in range(1, 6)), "the test averages nothing"
    assert not training.learned()["means"]


@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
def test_within_an_epoch_a_resume_gives_the_same_numbers(tmp_path, optimiser):
    class Stop(Exception):
        pass

    class Impatient(TrainingLoop):
        def _save(self, training):
            super()._save(training)
            if len(self.history.epochs) == 1 and self._steps == 7:
                raise Stop

    protocol = replace(SHORT, optimiser=optimiser, learning_rate=0.01 if optimiser == "adam" else 10.0)
    options = {"seed": 0, "compute": Compute(), "checkpoint": tmp_path / "state", "every_steps": 7}
    with pytest.raises(Stop):
        Impatient(task(protocol), any_architecture(), **options).run()
    assert numbers(TrainingLoop(task(protocol), any_architecture(), **options).run()) == numbers(run(protocol))


# --- dropout and penalties -------------------------------------------------------------------------------------------


def test_a_locked_mask_is_the_same_at_every_step():
    dropped = locked(torch.ones(5, 3, 40), 0.5, training=True)
    assert torch.equal(dropped[0], dropped[4])
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
    assert not torch.equal(dropped[0, 0], dropped[0, 1])
    assert torch.equal(locked(torch.ones(5, 3, 4), 0.5, training=False), torch.ones(5, 3, 4))


def test_embedding_dropout_leaves_out_whole_words():
    dropped = dropped_rows(torch.ones(200, 6), 0.25, training=True)
    assert dropped.unique().tolist() == [0.0, pytest.approx(4 / 3)]
    assert torch.equal(dropped.min(1).values, dropped.max(1).values)
    assert float((dropped[:, 0] == 0).float().mean()) == pytest.approx(0.25, abs=0.1)


def test_weight_dropout_is_on_the_weights_between_hidden_states():
    core = LSTMCore(16)
    dropped = dropped_weights(core, core.dropped, 0.5)
    assert list(dropped) == ["layer.weight_hh_l0"]
    zeros = dropped["layer.weight_hh_l0"] == 0
    assert float(zeros.float().mean()) == pytest.approx(0.5, abs=0.1)
    torch.testing.assert_close(dropped["layer.weight_hh_l0"][~zeros], 2 * core.layer.weight_hh_l0[~zeros])
    first = start(replace(PLAIN, dropout_weights=0.5))
    first.start_epoch(1)
    first.step()
    assert first.model.core.layer.weight_hh_l0.grad.abs().sum() > 0


def test_penalties_are_those_of_the_equations():
    protocol = replace(PLAIN, activation_penalty=2.0, temporal_penalty=3.0, dropout=0.5)
    model = LanguageModel(HalvingCore(), 12, protocol)
    words = torch.randint(0, 12, (5, 4))
    loss, mean, _ = model(words, words, model.begin(4))
    with torch.random.fork_rng():
        torch.manual_seed(1)
        again = torch.random.get_rng_state()
    torch.random.set_rng_state(again)
    loss, mean, _ = model(words, words, model.begin(4))
    torch.random.set_rng_state(again)
    hidden, _ = model._hidden(words, model.begin(4))
    outputs = locked(hidden, 0.5, training=True)
    wanted = mean + 2 * (outputs**2).mean() + 3 * ((hidden[1:] - hidden[:-1]) ** 2).mean()
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-6)
    model.eval()
    assert model(words, words, model.begin(4))[1].item() != mean.item()


# --- softmaxes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cutoffs", [(3,), (2, 5, 9), (1, 11)])
def test_an_adaptive_softmax_is_a_distribution(cutoffs):
    decoder = AdaptiveDecoder(12, 6, cutoffs)
    with torch.no_grad():
        for weights in decoder.parameters():
            weights.normal_()
    embedding = torch.randn(12, 6, requires_grad=True)
    hidden = torch.randn(40, 6)
    logs = decoder.log_probabilities(hidden, embedding)
    torch.testing.assert_close(logs.exp().sum(1), torch.ones(40))
    targets = torch.randint(0, 12, (40,))
    losses = decoder.losses(hidden, targets, embedding)
    torch.testing.assert_close(losses, -logs.gather(1, targets.unsqueeze(1)).squeeze(1))
    (found,) = torch.autograd.grad(losses.sum(), embedding, retain_graph=True)
    (wanted,) = torch.autograd.grad(-logs.gather(1, targets.unsqueeze(1)).sum(), embedding)
    torch.testing.assert_close(found, wanted)


def test_with_classes_of_one_word_it_is_the_plain_softmax():
    decoder, plain = AdaptiveDecoder(4, 3, (2, 3)), Decoder(4, 3)
    embedding, hidden = torch.randn(4, 3), torch.randn(9, 3)
    with torch.no_grad():
        decoder.bias.normal_()
        decoder.classes.copy_(embedding[2:])
        decoder.class_bias.copy_(decoder.bias[2:])
        plain.bias.copy_(decoder.bias)
    torch.testing.assert_close(decoder.log_probabilities(hidden, embedding), plain.log_probabilities(hidden, embedding))


@pytest.mark.parametrize("cutoffs", [(), (0,), (4,), (3, 2)])
def test_cutoffs_are_checked(cutoffs):
    with pytest.raises(InvalidSetting, match="cutoffs"):
        AdaptiveDecoder(4, 3, cutoffs)


def test_embedding_and_decoder_are_tied():
    training = start(PLAIN, "halving")
    words = len(small_corpus().words)
    assert training.num_parameters == words * 8 + words
    assert run(replace(SHORT, cutoffs=(4, 8), epochs=2)).finished


# --- protocols and data ----------------------------------------------------------------------------------------------


def test_protocols_are_those_of_the_specification():
    values = {item.field: item for item in FULL.values}
    wanted = {
        "hidden": 850, "epochs": 8000, "batch": 64, "bptt": 35, "learning_rate": 20.0, "clip": 0.25,
        "weight_decay": 8e-7, "dropout": 0.75, "dropout_hidden": 0.25, "dropout_cell": 0.75, "dropout_input": 0.2,
        "dropout_embedding": 0.1, "temporal_penalty": 1e-3, "activation_penalty": 0.0, "averaging": 5,
        "valid_batch": 10, "test_batch": 1,
    }  # fmt: skip
    assert {name: values[name].value for name in wanted} == wanted
    ours = {name for name, item in values.items() if item.source == "ours"}
    assert ours == {"rollbacks", "parts", "cutoffs"}
    assert all(item.meaning for item in FULL.values)
    wikitext = protocol_for("full", "wikitext2")
    assert (wikitext.hidden, wikitext.weight_decay, wikitext.dropout_hidden) == (700, 5e-7, 0.15)
    assert {item.source for item in MINI.values if item.value != getattr(FULL, item.field)} == {"ours"}
    with pytest.raises(UnknownName, match="did you mean 'mini'"):
        protocol_for("minni", "ptb")


@pytest.mark.parametrize(
    "values",
    [{"hidden": 0}, {"dropout": 1.0}, {"clip": 0.0}, {"optimiser": "sdg"}, {"parts": 3}, {"cutoffs": (5, 2)}],
)
def test_values_of_a_protocol_are_checked(values):
    with pytest.raises(InvalidSetting, match=next(iter(values))):
        replace(SHORT, **values)


def test_what_is_missing_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path))
    with pytest.raises(UnknownName, match="wikitext2"):
        LanguageText("wikitext-2")
    advice = str(LanguageText("ptb").missing())
    assert "ptb.train.txt" in advice
    assert str(tmp_path / "corpora" / "ptb") in advice
    ptb = LanguageTask(task().space, LanguageText("ptb"), FULL, core="nothing:here")
    with pytest.raises(DataError, match=r"ptb\.valid\.txt"):
        ptb.start(any_architecture(), seed=0, compute=Compute())


# --- devices ---------------------------------------------------------------------------------------------------------


def test_bfloat16_runs_and_is_near(tmp_path):
    exact = run(replace(PLAIN, epochs=2))
    options = {"compute": Compute(precision="bfloat16"), "checkpoint": tmp_path / "state"}
    run(replace(PLAIN, epochs=2), until=1, **options)
    rough = run(replace(PLAIN, epochs=2), **options)
    assert rough.final["test_perplexity"] == pytest.approx(exact.final["test_perplexity"], rel=0.05)
    assert rough.final != exact.final


def test_devices_are_found_and_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_compute() == Compute("cpu", "float32")
    assert choose_compute("cpu", precision="bfloat16").precision == "bfloat16"
    for device, message in (("cuda", "no device"), ("cuda:x", "unknown device"), ("gpu", "unknown device")):
        with pytest.raises(InvalidSetting, match=message):
            choose_compute(device)
    with pytest.raises(InvalidSetting, match="unknown precision"):
        choose_compute(precision="half")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert choose_compute() == Compute("cuda", "bfloat16")
    with pytest.raises(InvalidSetting, match="no device"):
        choose_compute("cuda:1")


TOGETHER = """
    import json, os, sys
    from ganas.bench.training.devices import process_group
    from ganas.bench.training.loop import TrainingLoop
    from tests.bench.training.language_models import PLAIN, any_architecture, task
    from pathlib import Path
    with process_group("cpu") as compute:
        assert compute.processes == 2
        path = Path(sys.argv[1]) / "state"
        for until in (1, 3):
            loop = TrainingLoop(task(PLAIN), any_architecture(), seed=0, compute=compute, checkpoint=path)
            history = loop.run(until)
        text = json.dumps([[epoch.values for epoch in history.epochs], history.final])
        (Path(sys.argv[1]) / str(compute.rank)).write_text(text)
"""


WHOLE = """
    import json, os, sys
    from ganas.bench.training.finished import TrainingPlace
    from ganas.bench.training.running import Machine, train
    from tests.bench.training.language_models import PLAIN, any_architecture, task
    from pathlib import Path
    place = TrainingPlace(Path(sys.argv[1]), "training")
    for until in (1, 3, 3):
        history = train(task(PLAIN), any_architecture(), place, seed=0, machine=Machine("cpu"), until=until)
    text = json.dumps([[epoch.values for epoch in history.epochs], history.final])
    (Path(sys.argv[1]) / os.environ["RANK"]).write_text(text)
"""


def in_two_processes(script, folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(script), str(folder)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(2)
    ]
    try:
        assert [worker.wait(timeout=300) for worker in workers] == [0, 0]
    finally:
        for worker in workers:
            worker.kill()


def test_processes_that_torchrun_started_are_one_training(tmp_path):
    in_two_processes(WHOLE, tmp_path)
    first, second = (json.loads((tmp_path / str(rank)).read_text()) for rank in range(2))
    assert first == second
    assert json.loads((tmp_path / "training.json").read_text())["processes"] == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [".locks", "0", "1", "training.json"]
    alone = numbers(run(PLAIN))
    assert first[1]["test_perplexity"] == pytest.approx(alone[1]["test_perplexity"], rel=1e-4)


def test_two_processes_train_what_one_would(tmp_path):
    in_two_processes(TOGETHER, tmp_path)
    first, second = (json.loads((tmp_path / str(rank)).read_text()) for rank in range(2))
    assert first == second
    alone = numbers(run(PLAIN))
    assert first[1]["test_perplexity"] == pytest.approx(alone[1]["test_perplexity"], rel=1e-4)
    assert [one["train_loss"] for one in first[0]] == pytest.approx([one["train_loss"] for one in alone[0]], rel=1e-4)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the compiler of torch warns of its own code
def test_a_compiled_model_learns_the_same():
    plain, compiled = run(replace(PLAIN, epochs=1)), run(replace(PLAIN, epochs=1), compute=Compute(compiled=True))
    assert compiled.final["test_perplexity"] == pytest.approx(plain.final["test_perplexity"], rel=1e-3)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_on_a_gpu_it_learns_as_on_the_cpu(tmp_path, precision):
    compute = choose_compute("cuda", precision=precision)
    run(PLAIN, compute=compute, checkpoint=tmp_path / "state", until=1)
    history = run(PLAIN, compute=compute, checkpoint=tmp_path / "state")
    assert history.final["test_perplexity"] == pytest.approx(run(PLAIN).final["test_perplexity"], rel=0.1)
