"""A trainer that worker processes can load by its place: BBC News with a protocol of milliseconds."""

from dataclasses import replace

from ganas.bench.training.benchmark import TrainerBenchmark
from ganas.bench.training.language.protocol import MINI
from ganas.bench.training.language.task import LanguageTask, LanguageText
from ganas.spaces.registry import load_space

PROTOCOL = replace(MINI, epochs=2, hidden=8, batch=8, vocabulary=50, train_words=1500, valid_words=400, test_words=400)


def tiny():
    core = "ganas.bench.training.language.recurrent:recurrent_core"
    return TrainerBenchmark("train-tiny", LanguageTask(load_space("rnn"), LanguageText("bbcnews"), PROTOCOL, core=core))
