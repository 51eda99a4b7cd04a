"""One text classifier in training: batches, pieces and parts of them, the schedule, accuracy."""

from dataclasses import replace

import numpy as np
import pytest

from tests.bench.training.classification.text_corpus import ARCHITECTURE, TINY, tiny_texts

torch = pytest.importorskip("torch")

from ganas.bench.training.classification.encoders import text_encoder  # noqa: E402
from ganas.bench.training.classification.model import WordClassifier  # noqa: E402
from ganas.bench.training.classification.training import ClassificationTraining  # noqa: E402
from ganas.bench.training.devices import Compute  # noqa: E402
from ganas.spaces.textnas.notation import parse_genotype  # noqa: E402


class Part(Compute):
    """One of several processes, whose gradients nobody averages."""

    def wrap(self, module):
        return module


def training(compute=None, **changes):
    torch.manual_seed(0)
    recipe = replace(TINY, **changes)
    texts = tiny_texts()
    model = WordClassifier(text_encoder(parse_genotype(ARCHITECTURE), recipe), texts, recipe)
    return ClassificationTraining(model, texts, recipe, seed=0, compute=compute or Compute())


def test_an_epoch_has_every_document_once():
    made = training()
    made.start_epoch(1)
    items = 0
    while (step := made.step()) is not None:
        items += step.items
        assert step.loss.ndim == 0 and not step.loss.requires_grad
    assert items == made.items_in_epoch == 120
    assert not made.model.embedding.weight[0].any()


def test_a_batch_in_pieces_has_the_same_loss():
    # Where nothing depends on the batch, which statistics of normalisation do.
    torch.manual_seed(0)
    texts = tiny_texts()
    still = replace(TINY, dropout_embedding=0.0, dropout_recurrent=0.0, batch=13)
    genotype = parse_genotype("0 6")
    trained = []
    for parts in (1, 4):
        torch.manual_seed(0)
        recipe = replace(still, parts=parts)
        model = WordClassifier(text_encoder(genotype, recipe), texts, recipe)
        model.encoder.initial.normalisation.forward = lambda values, words: values * words.keep
        model.encoder.initial.rate = 0.0
        made = ClassificationTraining(model, texts, recipe, seed=0, compute=Compute())
        made.start_epoch(1)
        losses = []
        while (step := made.step()) is not None:
            losses.append(step.loss.item())
        trained.append(losses)
    assert trained[1] == pytest.approx(trained[0], rel=1e-4)


def test_the_loss_is_the_mean_over_documents_of_all_processes(monkeypatch):
    changes = dict.fromkeys(("dropout_embedding", "dropout_convolution", "dropout_recurrent"), 0.0)
    changes |= {"dropout_attention": 0.0, "batch": 7, "learning_rate": 1e-9}
    # Normalised as in evaluation, each document's loss is its own.
    monkeypatch.setattr(WordClassifier, "train", lambda self, mode=True: self.eval() if mode else self)
    monkeypatch.setattr(WordClassifier, "eval", lambda self: torch.nn.Module.train(self, False))
    alone = training(**changes)
    parts = [training(Part(rank=rank, processes=3), **changes) for rank in range(3)]
    for made in (alone, *parts):
        made.start_epoch(1)
    steps = 0
    while (whole := alone.step()) is not None:  # the last batch has 1 document, and two processes none
        losses = [part.step().loss.item() for part in parts]
        assert np.mean(losses) == pytest.approx(whole.loss.item(), rel=1e-4)
        steps += 1
    assert steps == 18


def test_a_process_without_a_document_takes_part_without_weight():
    made = training(Part(rank=3, processes=4), batch=3, weight_decay=0.0)
    made.start_epoch(1)
    step = made.step()
    assert step.loss.item() == 0.0
    assert not any(weights.grad.any() for weights in made.model.parameters() if weights.grad is not None)


def test_the_learning_rate_follows_the_protocol():
    made = training(epochs=4, learning_rate=0.04, last_learning_rate=0.0)
    rates = []
    for epoch in (1, 2, 3, 4):
        made.start_epoch(epoch)
        rates.append(made._optimiser.param_groups[0]["lr"])
    assert rates == pytest.approx([0.04, 0.04 * (2 + 2**0.5) / 4, 0.02, 0.04 * (2 - 2**0.5) / 4])


def test_accuracy_is_in_percent():
    made = training()
    texts = tiny_texts()
    batch = texts.splits["test"].batch(np.arange(30))
    words, mask, labels = map(torch.from_numpy, batch)
    made.model.eval()
    with torch.no_grad():
        right = (made.model.logits(words, mask).argmax(1) == labels).sum().item()
    assert made.evaluate("test") == {"test_accuracy": 100 * right / 30}
