"""A small corpus for tagging whose tags follow from the words, in the files of WNUT-17."""

from dataclasses import replace

import numpy as np

from ganas.bench.training.tagging.prepared import prepare
from ganas.bench.training.tagging.protocol import MINI
from ganas.data.corpora.tagged import TaggedCorpus
from ganas.data.corpora.tagged_files import TaggedSentence

TINY = replace(
    MINI,
    epochs=3,
    hidden=8,
    word_width=6,
    character_width=4,
    character_filters=5,
    longest_word=6,
    batch=4,
    learning_rate=0.02,
    dropout=0.1,
    dropout_words=0.0,
    unknown=0.2,
    patience=0,
)


def sentences(count, seed):
    """After "in" comes a place, of one or two words; names of persons begin with a capital."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        words, tags = [], []
        for _ in range(rng.integers(1, 5)):
            kind = rng.integers(3)
            if kind == 0:
                words.append(str(rng.choice(["runs", "sees", "the", "a"])))
                tags.append("O")
            elif kind == 1:
                words.append(str(rng.choice(["Ann", "Bob", "Eve"])))
                tags.append("B-person")
            else:
                words += ["in", "new", "york"][: 2 + int(rng.integers(2))]
                tags += ["O", "B-place", "I-place"][: 2 + (words[-1] == "york")]
        made.append(TaggedSentence(tuple(words), tuple(tags)))
    return tuple(made)


def tiny_corpus(train=40):
    splits = {"train": sentences(train, 0), "valid": sentences(12, 1), "test": sentences(9, 2)}
    return TaggedCorpus("tiny", "IOB2", ("person", "place"), splits)


def tiny_prepared(scheme="IOB2", **options):
    return prepare(tiny_corpus(), scheme, longest_word=6, **options)


def write_as_wnut17(folder, corpus=None):
    names = {"train": "wnut17train.conll", "valid": "emerging.dev.conll", "test": "emerging.test.annotated"}
    for split, each in (corpus or tiny_corpus()).splits.items():
        blocks = ["".join(f"{word}\t{tag}\n" for word, tag in zip(*one, strict=True)) for one in each]
        (folder / names[split]).write_text("\n".join(blocks), encoding="utf-8")
