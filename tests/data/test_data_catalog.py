import re
import shutil
from dataclasses import replace

import pytest

from ganas.bench.registry import load_benchmark
from ganas.data.card import read_card, table_path
from ganas.data.catalog import card, cards, check_files, home, verify
from ganas.data.tables import file_sha256
from ganas.spaces.errors import DataError, DuplicateName, NotConverted, UnknownName

EMBEDDED = ["nasbench201-cifar10", "nasbench201-cifar100", "nasbench201-imagenet16"]
GRAPH = [
    f"nasbenchgraph-{name}"
    for name in ("arxiv", "citeseer", "computers", "cora", "cs", "photo", "physics", "proteins", "pubmed")
]


@pytest.fixture
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path))
    (tmp_path / "tables").mkdir()
    return tmp_path


@pytest.fixture
def converted(own_home):
    """A copy of an embedded table under another name, as a converter would leave it."""
    source = card("nasbench201-cifar10")
    folder = own_home / "tables" / "mine"
    folder.mkdir()
    shutil.copy(table_path(source), folder / "mine.parquet")
    text = (source.folder.parent / "cards" / "nasbench201-cifar10.toml").read_text(encoding="utf-8")
    text = text.replace('name = "nasbench201-cifar10"', 'name = "mine"').replace(source.file, "mine.parquet")
    (folder / "card.toml").write_text(text, encoding="utf-8")
    return folder / "card.toml"


def test_the_embedded_tables(own_home):
    assert list(cards()) == EMBEDDED + GRAPH
    for name in EMBEDDED:
        found = card(name)
        assert (found.name, found.rows, found.space) == (name, 15_625, "nasbench201")
        assert found.objective == "valid_accuracy" and found.cost == "train_seconds"
        assert found.licence == "MIT" and found.source.licence == "Apache-2.0"
        assert found.known_defects
        assert table_path(found).is_file()
    assert [card(name).num_classes for name in EMBEDDED] == [10, 100, 120]


@pytest.mark.parametrize("name", EMBEDDED)
def test_the_embedded_tables_are_what_their_cards_say(name):
    confirmed = "\n".join(verify(card(name)))
    assert card(name).sha256 in confirmed
    assert "rows: 15625" in confirmed
    assert confirmed.startswith(f"source: {load_benchmark(name).source}\n")
    assert "valid_accuracy, architectures by number of trials: ((2, 7456), (3, 8169))" in confirmed


def test_verify_names_everything_that_is_wrong():
    found = card(EMBEDDED[0])
    metrics = (replace(found.metrics[0], best_mean=91.5), *found.metrics[1:])
    wrong = replace(found, sha256="0" * 64, rows=15_624, trial_counts=((3, 15_625),), metrics=metrics)
    with pytest.raises(DataError) as caught:
        verify(wrong)
    message = str(caught.value)
    assert "\n" not in message and message.startswith(f"{EMBEDDED[0]} is not what its card says: ")
    for part in ("sha256 is", "rows is 15625, and the card says 15624", "number of trials is", "the card says 91.5"):
        assert part in message
    assert "train_seconds" not in message


def test_an_unknown_name_names_the_closest():
    with pytest.raises(UnknownName, match="did you mean 'nasbench201-cifar100'"):
        card("nasbench201-cifar-100")


def test_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path / "here"))
    assert home() == tmp_path / "here"
    monkeypatch.delenv("GANAS_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert home() == tmp_path / "cache" / "ganas"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert home() == tmp_path / ".cache" / "ganas"
    assert list(cards()) == EMBEDDED + GRAPH


def test_converted_tables_are_found(converted):
    assert list(cards()) == ["mine", *EMBEDDED, *GRAPH]
    found = card("mine")
    assert table_path(found) == converted.parent / "mine.parquet"
    assert verify(found) == verify(card(EMBEDDED[0]))


def test_a_missing_table_is_a_typed_error(converted):
    (converted.parent / "mine.parquet").unlink()
    for check in (verify, check_files):
        with pytest.raises(DataError, match=r"cannot read .*mine\.parquet"):
            check(card("mine"))


def test_a_cut_off_table_is_found_without_reading_it(converted):
    check_files(card("mine"))
    table = converted.parent / "mine.parquet"
    table.write_bytes(table.read_bytes()[:-1])
    with pytest.raises(DataError, match="the files of mine have 313,519 bytes, and its card says 313,520"):
        check_files(card("mine"))
    with pytest.raises(
        DataError, match=r"mine is not what its card says: sha256 is .*; bytes is 313519.*; cannot read"
    ):
        verify(card("mine"))


def test_a_table_that_is_not_converted_is_not_unknown(own_home):
    with pytest.raises(NotConverted, match="'nasbench101' is not converted yet: ganas data fetch nasbench101, then"):
        card("nasbench101")


def test_a_converted_table_cannot_take_an_embedded_name(converted):
    converted.parent.rename(converted.parent.with_name("nasbench201-cifar10"))
    with pytest.raises(DuplicateName, match="nasbench201-cifar10 has the name of an embedded table"):
        cards()


def test_a_converted_table_has_the_name_of_its_folder(converted):
    converted.write_text(converted.read_text().replace('"mine"', '"yours"'))
    with pytest.raises(DataError, match=r"mine/card\.toml is of a table 'yours'"):
        card("mine")


def test_a_card_that_is_written_again_is_read_again(converted):
    assert card("mine").title != "another"
    converted.write_text(re.sub('title = ".*"', 'title = "another"', converted.read_text()))
    assert card("mine").title == "another"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('space = "nasbench201"\n', "", "lacks the field 'space'"),
        ('space = "nasbench201"\n', 'spaces = "nasbench201"\n', "unknown field 'spaces'; did you mean 'space'"),
        ("rows = 15625", 'rows = "15625"', "rows in the card mine/card.toml must be int"),
        ("rows = 15625", "rows = true", "rows in the card mine/card.toml must be int"),
        ("rows = 15625", "rows = 15625 rows", "cannot read the card"),
        ('split = "valid"', 'split = "validation"', "split in metrics in the card mine/card.toml must be"),
        ("epochs = [200]", "epochs = [200.5]", "epochs in metrics"),
        ('objective = "valid_accuracy"', 'objective = "accuracy"', "names 'accuracy', which is not among its metrics"),
        ('cost = "train_seconds"', 'cost = "seconds"', "names 'seconds', which is not among its metrics"),
        ("epochs = [200]\nper_trial", "epochs = [100, 200]\nper_trial", "gives 3 columns for 'valid_accuracy'"),
        ("2 = 7456", "2 = 7456.0", "trial_counts in the card"),
    ],
)
def test_a_damaged_card_is_a_typed_error(converted, old, new, message):
    text = converted.read_text()
    assert old in text
    converted.write_text(text.replace(old, new, 1))
    with pytest.raises(DataError, match=message) as caught:
        read_card(converted, converted.parent)
    assert "\n" not in str(caught.value)


def test_cards_name_no_machine_and_no_registry_host():
    folder = card(EMBEDDED[0]).folder.parent / "cards"
    for path in folder.glob("*.toml"):
        text = path.read_text(encoding="utf-8")
        assert "http" not in text and "/home" not in text
        assert path.stem == read_card(path, folder).name


def test_the_digest_of_a_card_is_that_of_its_file():
    for found in cards().values():
        assert file_sha256(table_path(found)) == found.sha256
