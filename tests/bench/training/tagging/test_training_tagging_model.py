"""The tagger and its recurrent networks."""

from dataclasses import replace

import pytest

from ganas.spaces.rnn.genotype import PLAIN, Connections, RecurrentGenotype, Term
from ganas.spaces.rnn.published import PUBLISHED
from tests.bench.training.tagging.tagging_corpus import TINY, tiny_prepared

torch = pytest.importorskip("torch")

from ganas.bench.training.tagging.cell import CellLayer  # noqa: E402
from ganas.bench.training.tagging.model import (  # noqa: E402
    CharacterConvolution,
    LSTMLayer,
    Tagger,
    TwoDirections,
    reversed_words,
)
from ganas.spaces.rnn.layer import Masks, RecurrentLayer  # noqa: E402

EVERY_TERM = Connections(Term("tanh", 2), Term("sigmoid", 1), Term("relu", 1), Term("identity", 2))


@pytest.mark.parametrize("connections", [PLAIN, EVERY_TERM], ids=["plain", "every-term"])
def test_the_layer_is_that_of_the_space_on_each_sentence(connections):
    torch.manual_seed(1)
    genotype = RecurrentGenotype(PUBLISHED["DARTS_V2"], connections)
    cell = CellLayer(genotype, 5, 0.5)
    assert all(0.4 < weights.abs().max() <= 0.5 for weights in cell.parameters())
    inputs, mask = torch.randn(6, 3, 5), torch.bernoulli(torch.full((3, 5), 0.7)) / 0.7
    outputs = cell(inputs, mask)
    layer = RecurrentLayer(genotype, 5)
    layer.load_state_dict(cell.layer.state_dict())
    assert torch.equal(layer(inputs, None, Masks(mask, None))[0], outputs)
    for length in (1, 2, 4):  # also sentences that are shorter than the window
        assert torch.allclose(cell(inputs[:length], mask), outputs[:length], atol=1e-6)


def test_sentences_are_turned_around_and_their_padding_is_not():
    words = torch.tensor([[1, 5], [2, 6], [3, 0]]).unsqueeze(2)
    assert reversed_words(words, torch.tensor([3, 2])).squeeze(2).tolist() == [[3, 6], [2, 5], [1, 0]]


@pytest.mark.parametrize("kind", ["cell", "lstm"])
def test_both_directions_see_only_the_sentence(kind):
    torch.manual_seed(0)
    genotype = RecurrentGenotype(PUBLISHED["DARTS_V2"])
    network = TwoDirections(lambda: CellLayer(genotype, 4, 0.5) if kind == "cell" else LSTMLayer(4, 4))
    inputs, lengths = torch.randn(5, 2, 4), torch.tensor([5, 3])
    outputs = network(inputs, lengths, 0.0)
    assert outputs.shape == (5, 2, network.size) and network.size == 8
    alone = network(inputs[:3, 1:], lengths[1:], 0.0)
    assert torch.allclose(outputs[:3, 1:], alone, atol=1e-6)
    changed = inputs.clone()
    changed[2, 0] += 1
    different = (network(changed, lengths, 0.0) - outputs).abs()[:, 0] > 1e-7
    # What is ahead of a word is seen by one direction, what is behind it by the other.
    assert different[2:, :4].any(1).all() and not different[:2, :4].any()
    assert different[:3, 4:].any(1).all() and not different[3:, 4:].any()


def test_a_word_looks_the_same_in_every_batch():
    torch.manual_seed(0)
    for window in (1, 2, 3, 5):
        network = CharacterConvolution(10, 3, 4, window)
        words = torch.tensor([[1, 2, 3, 0, 0, 0], [4, 0, 0, 0, 0, 0], [4, 5, 6, 7, 8, 9]])
        together = network(words)
        assert together.shape == (3, 4)
        for row in range(3):
            assert torch.allclose(network(words[row : row + 1])[0], together[row], atol=1e-6)


def tagger(**changes):
    torch.manual_seed(0)
    corpus = tiny_prepared()
    recipe = replace(TINY, **changes)
    return corpus, Tagger(corpus, recipe, lambda size: CellLayer(RecurrentGenotype(PUBLISHED["DARTS_V2"]), size, 0.3))


def tensors(batch):
    return [torch.from_numpy(array) for array in batch]


def test_sentences_of_a_batch_do_not_change_each_other():
    corpus, model = tagger()
    model.eval()
    members = torch.arange(8).numpy()
    types, tags, mask = tensors(corpus.batch("train", members))
    losses = model(types, tags, mask)
    for member in members:
        alone = model(*tensors(corpus.batch("train", members[member : member + 1])))
        assert torch.allclose(alone[0], losses[member], atol=1e-4)


def test_predictions_keep_to_the_scheme():
    from ganas.data.corpora.tag_schemes import first_break

    corpus, model = tagger()
    model.eval()
    with torch.no_grad():
        model.emission.weight.normal_(0, 3)
    types, _, mask = tensors(corpus.batch("valid", torch.arange(12).numpy()))
    for row, length in zip(model.decode(types, mask).tolist(), mask.sum(1).tolist(), strict=True):
        assert first_break([corpus.tags[tag] for tag in row[:length]], "IOB2") is None


def test_dropout_is_for_training_and_the_same_for_all_words_of_a_sentence():
    corpus, model = tagger(dropout=0.5, dropout_words=0.3, dropout_hidden=0.3)
    types, tags, mask = tensors(corpus.batch("train", torch.arange(8).numpy()))
    model.eval()
    assert torch.equal(model(types, tags, mask), model(types, tags, mask))
    model.train()
    assert not torch.equal(model(types, tags, mask), model(types, tags, mask))
    dropped = model._dropped(torch.ones(7, 3, 4))
    assert torch.equal(dropped, dropped[:1].expand(7, 3, 4)) and set(dropped.unique().tolist()) == {0.0, 2.0}


def test_rare_words_are_read_as_unknown_in_training_only():
    corpus, model = tagger(unknown=1.0, dropout=0.0, dropout_hidden=0.0)
    model.rare = torch.ones_like(model.rare)
    types, tags, mask = tensors(corpus.batch("train", torch.arange(8).numpy()))
    model(types, tags, mask).sum().backward()
    used = model.words.weight.grad.abs().sum(1) > 0
    assert used.nonzero().flatten().tolist() == [0]
    model.zero_grad()
    model.eval()(types, tags, mask).sum().backward()
    assert (model.words.weight.grad.abs().sum(1) > 0).sum() > 3


def test_pretrained_vectors_fill_their_rows(tmp_path):
    from ganas.bench.training.tagging.prepared import prepare, wanted_forms
    from ganas.bench.training.word_vectors import read_vectors
    from tests.bench.training.tagging.tagging_corpus import tiny_corpus

    corpus = tiny_corpus()
    (tmp_path / "v").write_text("york 1 2 3 4 5 6\nann 6 5 4 3 2 1\n", encoding="utf-8")
    vectors = read_vectors(tmp_path / "v", wanted_forms(corpus), 6)
    prepared = prepare(corpus, "IOB2", longest_word=6, vectors=vectors)
    model = Tagger(prepared, TINY, lambda size: LSTMLayer(size, 3))
    ann = prepared.rows[prepared.types.index("Ann")]
    assert model.words.weight[ann].tolist() == [6, 5, 4, 3, 2, 1]
