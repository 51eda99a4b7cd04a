"""A small corpus of documents whose class follows from their words, in the files of AG News, and pairs by a rule."""

import json
from dataclasses import replace

import numpy as np

from ganas.bench.training.classification.prepared import prepare
from ganas.bench.training.classification.protocol import MINI
from ganas.data.corpora import classified_catalog
from ganas.data.corpora.classified_files import Document

TINY = replace(
    MINI,
    epochs=3,
    channels=8,
    word_width=6,
    least_count=1,
    longest=12,
    passages=False,
    batch=8,
    learning_rate=0.02,
    dropout_embedding=0.1,
    dropout_convolution=0.1,
    dropout_recurrent=0.1,
    dropout_attention=0.1,
    train_documents=None,
    valid_documents=None,
    test_documents=None,
)

ARCHITECTURE = "0 1; 0 6 1; 1 7 0 1; 0 5 0 0 1; 2 4 0 0 0 0; 0 2 1 0 0 0 1"

WORDS = (("war", "vote"), ("goal", "match"), ("shares", "profit"), ("robot", "chip"))


def documents(count, seed):
    """Some words of the class among words that say nothing."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        label = int(rng.integers(4))
        words = [str(rng.choice(["the", "a", "of", "said", "new"])) for _ in range(rng.integers(1, 9))]
        words.insert(int(rng.integers(len(words) + 1)), str(rng.choice(WORDS[label])))
        made.append((label, " ".join(words)))
    return made


SPLITS = {"train": 120, "valid": 40, "test": 30}


def tiny_texts(**options):
    """The documents as numbers."""
    made = {
        split: [Document((text,), label, 1) for label, text in documents(count, seed)]
        for seed, (split, count) in enumerate(SPLITS.items())
    }
    return prepare(made, ("world", "sports", "business", "science"), str.split, **{"longest": 12, **options})


def without_counts(monkeypatch, held_out=4):
    """Let small files stand for the known corpora."""
    small = {
        name: replace(known, files=tuple(replace(files, records={}) for files in known.files), held_out=held_out)
        for name, known in classified_catalog.CLASSIFIED_CORPORA.items()
    }
    monkeypatch.setattr(classified_catalog, "CLASSIFIED_CORPORA", small)


def write_as_agnews(folder, train=160, test=30):
    """Files of AG News, a fourth of whose training records is for validation."""
    for name, count, seed in (("train.csv", train, 0), ("test.csv", test, 1)):
        rows = [f'"{label + 1}","{text}","and more"' for label, text in documents(count, seed)]
        (folder / name).write_text("\n".join(rows) + "\n", encoding="utf-8")


PEOPLE, DOINGS = ("a man", "a girl", "a dog", "two boys"), ("sleeps", "runs", "eats", "swims", "sings", "jumps")


def inference_pair(rng):
    """A premise, a hypothesis and their relation.

    Somebody does something in the premise. Who does the same again in the hypothesis follows from it; who does not,
    contradicts it; who does something else is neither.
    """
    who, does = str(rng.choice(PEOPLE)), str(rng.choice(DOINGS))
    premise = f"{who} {does} {rng.choice(['here', 'outside', 'at home'])}"
    relation = str(rng.choice(["entailment", "neutral", "contradiction"]))
    if relation == "neutral":
        does = str(rng.choice([other for other in DOINGS if other != does]))
    return premise, f"{who} {'never ' if relation == 'contradiction' else ''}{does}", relation


def write_as_snli(folder, train=600, held_out=150):
    """Files of SNLI with pairs by the rule above, one of them without a class."""
    for split, count, seed in (("train", train, 0), ("dev", held_out, 1), ("test", held_out, 2)):
        rng = np.random.default_rng(seed)
        rows = [inference_pair(rng) for _ in range(count)]
        rows[1] = (*rows[1][:2], "-")
        lines = [json.dumps({"gold_label": third, "sentence1": one, "sentence2": two}) for one, two, third in rows]
        (folder / f"snli_1.0_{split}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
