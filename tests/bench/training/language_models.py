"""What tests of language models share: a small text, cores whose numbers can be followed by hand, a short protocol."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from ganas.bench.training.language.model import Core, LSTMCore
from ganas.bench.training.language.protocol import MINI
from ganas.bench.training.language.task import LanguageTask, LanguageText
from ganas.data.corpora.language import SPLITS, make_corpus
from ganas.spaces.registry import load_space

SHORT = replace(
    MINI, epochs=3, hidden=8, batch=4, bptt=6, vocabulary=None, train_words=None, valid_words=None, test_words=None,
    valid_batch=2, test_batch=1, averaging=1, learning_rate=10.0, initial=0.04,
)  # fmt: skip
PLAIN = replace(SHORT, dropout=0.0, dropout_hidden=0.0, dropout_cell=0.0, dropout_input=0.0)


def small_corpus(words=400, vocabulary=12, seed=0):
    """Words that follow their number, with some noise: there is something to learn."""
    rng = np.random.default_rng(seed)
    lines = {}
    for split in SPLITS:
        numbers = np.cumsum(rng.integers(1, 3, size=words)) % vocabulary
        lines[split] = [[f"w{number}" for number in row] for row in numbers.reshape(-1, 10).tolist()]
    return make_corpus("small", lines)


@dataclass(frozen=True, slots=True)
class SmallText(LanguageText):
    words: int = 400

    def read(self, protocol):
        return small_corpus(self.words)


class HalvingCore(Core):
    """h_t = h_{t-1} / 2 + x_t, without weights."""

    def begin(self, like, batch):
        return (like.new_zeros(1, batch, like.shape[1]),)

    def forward(self, inputs, state, x_mask, h_mask):
        hidden, outputs = state[0][0], []
        for step in inputs:
            hidden = (hidden if h_mask is None else hidden * h_mask) / 2 + (step if x_mask is None else step * x_mask)
            outputs.append(hidden)
        return torch.stack(outputs), (hidden.unsqueeze(0),)


def lstm(space, architecture, protocol):
    return LSTMCore(protocol.hidden)


def halving(space, architecture, protocol):
    return HalvingCore()


def task(protocol=SHORT, core="lstm", words=400):
    """A task on the small text; the architectures, of NAS-Bench-201, make no difference."""
    text = SmallText("bbcnews", words=words)
    return LanguageTask(load_space("nasbench201"), text, protocol, core=f"tests.bench.training.language_models:{core}")


def any_architecture():
    return load_space("nasbench201").from_key(7)
