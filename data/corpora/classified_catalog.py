"""The corpora for text classification and inference that Ganas knows how to read, with their published counts."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ganas.data.corpora.classified import ClassifiedFiles, ClassifiedSource
from ganas.data.corpora.standard_files import SplitName
from ganas.spaces.errors import unknown_name

__all__ = ["CLASSIFIED_CORPORA", "classified_source"]

_TREEBANK = "https://nlp.stanford.edu/sentiment/treebank.html"
_GLUE_HEADER = "sentence\tlabel"
_NEGATIVE_POSITIVE = ("negative", "positive")
_STARS = ("1 star", "2 stars", "3 stars", "4 stars", "5 stars")
_INFERENCE = ("entailment", "neutral", "contradiction")


def _names(train: str, test: str, valid: str | None = None) -> Mapping[SplitName, str]:
    splits: dict[SplitName, str] = {"train": train}
    if valid is not None:
        splits["valid"] = valid
    return MappingProxyType({**splits, "test": test})


def _counts(train: int, test: int, valid: int | None = None) -> Mapping[SplitName, int]:
    splits: dict[SplitName, int] = {"train": train}
    if valid is not None:
        splits["valid"] = valid
    return MappingProxyType({**splits, "test": test})


def _treebank(name: str, title: str, classes: tuple[str, ...], sentiments: tuple[int | None, ...]) -> ClassifiedSource:
    files = ClassifiedFiles(
        _names("train.txt", "test.txt", "dev.txt"), "trees", _counts(train=8_544, valid=1_101, test=2_210)
    )
    return ClassifiedSource(
        name=name,
        title=title,
        url=_TREEBANK,
        classes=classes,
        files=(files,),
        counts_source="the trees of https://github.com/koukoulala/enas_nlp_nni",
        tokenised=True,
        sentiments=sentiments,
    )


def _zhang(name: str, title: str, classes: tuple[str, ...], columns: int, train: int, test: int) -> ClassifiedSource:
    files = ClassifiedFiles(
        _names("train.csv", "test.csv"), "quoted table", _counts(train=train, test=test), columns=columns
    )
    return ClassifiedSource(
        name=name,
        title=title,
        url="https://arxiv.org/abs/1509.01626",
        classes=classes,
        files=(files,),
        counts_source="Zhang, Zhao and LeCun 2015, table 3",
        held_out=20,
    )


_DBPEDIA = (
    *("company", "educational institution", "artist", "athlete", "office holder", "means of transportation"),
    *("building", "natural place", "village", "animal", "plant", "album", "film", "written work"),
)
_YAHOO = (
    *("society and culture", "science and mathematics", "health", "education and reference"),
    *("computers and internet", "sports", "business and finance", "entertainment and music"),
    *("family and relationships", "politics and government"),
)

CLASSIFIED_CORPORA: Mapping[str, ClassifiedSource] = MappingProxyType(
    {
        source.name: source
        for source in (
            _treebank(
                "sst5",
                "Stanford Sentiment Treebank: sentences of film reviews, five sentiments",
                ("very negative", "negative", "neutral", "positive", "very positive"),
                (0, 1, 2, 3, 4),
            ),
            _treebank(
                "sst2",
                "Stanford Sentiment Treebank: sentences of film reviews, negative or positive",
                _NEGATIVE_POSITIVE,
                (0, 0, None, 1, 1),
            ),
            ClassifiedSource(
                name="sst2-glue",
                title="SST-2 as GLUE has it: phrases of film reviews; its dev is the test, as its test has no labels",
                url="https://gluebenchmark.com/tasks",
                classes=_NEGATIVE_POSITIVE,
                files=(
                    # The test file of GLUE has another header; where there is one with labels, somebody has split
                    # train once more, and made dev the test.
                    ClassifiedFiles(
                        _names("train.tsv", "test.tsv", "dev.tsv"),
                        "tab table",
                        _counts(train=60_614, valid=6_735, test=872),
                        header=_GLUE_HEADER,
                    ),
                    ClassifiedFiles(
                        _names("train.tsv", "dev.tsv"),
                        "tab table",
                        _counts(train=67_349, test=872),
                        header=_GLUE_HEADER,
                    ),
                ),
                counts_source="the data card of GLUE, https://huggingface.co/datasets/nyu-mll/glue; of the other "
                "split, the files of https://github.com/forest-snow/alps",
                held_out=10,
                tokenised=True,
            ),
            _zhang("agnews", "AG News", ("world", "sports", "business", "science and technology"), 3, 120_000, 7_600),
            _zhang(
                "sogou",
                "Sogou News, in Pinyin",
                ("sports", "finance", "entertainment", "automobile", "technology"),
                3,
                450_000,
                60_000,
            ),
            _zhang("dbpedia", "DBPedia: abstracts of Wikipedia, 14 kinds of things", _DBPEDIA, 3, 560_000, 70_000),
            _zhang("yelp2", "Yelp reviews, bad or good", _NEGATIVE_POSITIVE, 2, 560_000, 38_000),
            _zhang("yelp5", "Yelp reviews, one to five stars", _STARS, 2, 650_000, 50_000),
            _zhang("yahoo", "Yahoo! Answers: questions with their best answers", _YAHOO, 4, 1_400_000, 60_000),
            _zhang("amazon5", "Amazon reviews, one to five stars", _STARS, 3, 3_000_000, 650_000),
            _zhang("amazon2", "Amazon reviews, negative or positive", _NEGATIVE_POSITIVE, 3, 3_600_000, 400_000),
            ClassifiedSource(
                name="snli",
                title="Stanford Natural Language Inference: pairs of sentences",
                url="https://nlp.stanford.edu/projects/snli/",
                classes=_INFERENCE,
                files=(
                    ClassifiedFiles(
                        _names("snli_1.0_train.jsonl", "snli_1.0_test.jsonl", "snli_1.0_dev.jsonl"),
                        "json lines",
                        _counts(train=550_152, valid=10_000, test=10_000),
                    ),
                ),
                counts_source="TensorFlow Datasets, https://www.tensorflow.org/datasets/catalog/snli",
                texts=2,
            ),
            ClassifiedSource(
                name="mnli",
                title="MultiNLI: pairs of sentences of ten genres; matched development data are the test",
                url="https://cims.nyu.edu/~sbowman/multinli/",
                classes=_INFERENCE,
                files=(
                    ClassifiedFiles(
                        _names("multinli_1.0_train.jsonl", "multinli_1.0_dev_matched.jsonl"),
                        "json lines",
                        _counts(train=392_702, test=10_000),
                    ),
                ),
                counts_source="https://github.com/nyu-mll/multiNLI/issues/11",
                held_out=20,
                texts=2,
            ),
        )
    }
)
"""The corpora by name. MultiNLI and GLUE publish no labels of their test data: the file that others validate on is the
test here, and part of the training file is for validation, as it is where there is no validation file."""


def classified_source(name: str) -> ClassifiedSource:
    """What is known about the corpus of this name.

    Raises:
        UnknownName: There is none.
    """
    if name not in CLASSIFIED_CORPORA:
        raise unknown_name("corpus for text classification", name, CLASSIFIED_CORPORA)
    return CLASSIFIED_CORPORA[name]
