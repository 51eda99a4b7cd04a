"""Text classifiers as networks: embeddings, padding, pairs, and the networks to compare with."""

import numpy as np
import pytest

from ganas.bench.training.classification.prepared import DocumentBatch, prepare
from ganas.bench.training.word_vectors import WordVectors
from ganas.data.corpora.classified_files import Document
from ganas.data.corpora.standard_files import SPLITS
from ganas.spaces.textnas.notation import parse_genotype
from tests.bench.training.classification.text_corpus import ARCHITECTURE, TINY, tiny_texts

torch = pytest.importorskip("torch")

from ganas.bench.training.classification.encoders import (  # noqa: E402
    TransformerEncoder,
    convolution_chain,
    positions,
    recurrent_encoder,
    text_encoder,
)
from ganas.bench.training.classification.model import WordClassifier  # noqa: E402
from ganas.spaces.textnas.heads import PairClassifier  # noqa: E402

ENCODERS = {
    "architecture": lambda: text_encoder(parse_genotype(ARCHITECTURE), TINY),
    "chain": lambda: text_encoder(convolution_chain(3), TINY),
    "gru": lambda: recurrent_encoder(TINY, 5),
    "transformer": lambda: TransformerEncoder(TINY, 12),
}


def tensors(batch):
    words, mask, labels = DocumentBatch(*map(torch.from_numpy, batch))
    return words, mask, labels


@pytest.fixture(params=ENCODERS, ids=str)
def model(request):
    torch.manual_seed(0)
    return WordClassifier(ENCODERS[request.param](), tiny_texts(), TINY)


def test_padding_changes_no_logits(model):
    words, mask, _ = tensors(tiny_texts().splits["train"].batch(np.arange(20)))
    model.eval()
    with torch.no_grad():
        together = model.logits(words, mask)
        for row in range(20):
            length = int(mask[row].sum())
            alone = model.logits(words[row : row + 1, :length], mask[row : row + 1, :length])
            assert torch.allclose(alone[0], together[row], atol=1e-5)


def test_losses_are_those_of_the_logits_and_everything_learns(model):
    words, mask, labels = tensors(tiny_texts().splits["train"].batch(np.arange(20)))
    model.eval()
    losses = model(words, mask, labels)
    expected = -model.logits(words, mask).log_softmax(1)[torch.arange(20), labels]
    assert torch.allclose(losses, expected, atol=1e-6)
    model.train()
    model(words, mask, labels).sum().backward()
    assert all(weights.grad is not None and weights.grad.isfinite().all() for weights in model.parameters())
    assert not model.embedding.weight.grad[0].any()


def test_embeddings_begin_as_in_the_official_code():
    values = np.array([[1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1]], dtype=np.float32)
    texts = tiny_texts(find_vectors=lambda words: WordVectors(("robot", "the"), values, len(words)))
    weight = WordClassifier(ENCODERS["gru"](), texts, TINY).embedding.weight.detach()
    assert not weight[0].any()
    assert weight[2 + texts.words.index("the")].tolist() == [6, 5, 4, 3, 2, 1]
    assert weight[2 + texts.words.index("robot")].tolist() == [1, 2, 3, 4, 5, 6]
    others = np.setdiff1d(np.arange(1, len(weight)), texts.vector_rows)
    assert weight[others].abs().max() <= 0.25
    assert weight[others].abs().max() > 0.2 and weight[others].std() == pytest.approx(0.25 / 3**0.5, rel=0.2)


def test_a_pair_is_read_by_one_network():
    pairs = [Document(("a b", "c"), 0, 1), Document(("b", "a b c"), 1, 2), Document(("c c", "a"), 2, 3)]
    texts = prepare(dict.fromkeys(SPLITS, pairs), ("x", "y", "z"), str.split, longest=9)
    torch.manual_seed(0)
    model = WordClassifier(ENCODERS["architecture"](), texts, TINY).eval()
    assert isinstance(model.head, PairClassifier)
    words, mask, _ = tensors(texts.splits["train"].batch(np.arange(3)))
    with torch.no_grad():
        logits = model.logits(words, mask)
        first, second = (model.encoder(model.embedding(words[part]), mask[part]) for part in (slice(3), slice(3, 6)))
        assert torch.allclose(model.head(first, second), logits, atol=1e-5)
        swapped = model.logits(words.roll(3, 0), mask.roll(3, 0))
    assert logits.shape == (3, 3)
    assert not torch.allclose(logits, swapped, atol=1e-5)


def test_positions_are_sines_and_cosines():
    found = positions(50, 6, torch.zeros(()))
    assert found.shape == (50, 6)
    assert torch.allclose(found[:, 0], torch.arange(50.0).sin(), atol=1e-5)
    assert torch.allclose(found[:, 3], torch.arange(50.0).cos(), atol=1e-5)
    assert torch.allclose(found[:, 1], (torch.arange(50.0) / 10_000 ** (1 / 3)).sin(), atol=1e-4)


def test_the_layers_of_the_transformer_begin_differently():
    torch.manual_seed(0)
    first, second = TransformerEncoder(TINY, 8).layers.layers
    assert not torch.equal(first.linear1.weight, second.linear1.weight)
