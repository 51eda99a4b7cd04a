"""The official archive of NAS-Bench-301: read without unpacking, bounded, recognised by what is in it."""

import json
import shutil
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ganas.data.catalog import verify
from ganas.data.convert import nasbench301_files
from ganas.data.convert.nasbench301 import convert
from ganas.data.convert.nasbench301_files import open_results
from ganas.data.convert.nasbench301_records import read_results
from ganas.data.convert.official import convert_official, locate, recognise
from ganas.data.sources import downloads, not_converted, source
from ganas.data.tables import file_sha256
from ganas.spaces.errors import DataError, NotConverted, UnknownName
from tests.data.nasbench301_files import drawn, pack, result, write

NAME = "nb_301_v13_lc_iclr_final"
OFFICIAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "nb301_meta"


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path / "home"))


@pytest.fixture
def folder(tmp_path):
    """A folder as the official archive has one: results by who proposed them."""
    one, two, three = drawn(3)
    write(tmp_path / NAME / "rs", _2=result(one, 90.0, curve=[40.0, 90.0]), _10=result(two, 91.0, curve=[50.0, 91.0]))
    write(tmp_path / NAME / "darts", _0_ti=result(three, 92.0, curve=[60.0, 92.0]))
    (tmp_path / NAME / "README.txt").write_text("nothing to read")
    return tmp_path / NAME


def archive_of(path, members, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content if isinstance(content, bytes | str) else json.dumps(content))
    return path


def tables(home):
    return sorted(path.name for path in (home / "home").rglob("*") if path.is_file())


def test_an_archive_is_read_as_the_folder_that_is_in_it(folder, tmp_path):
    packed = pack(tmp_path / "packed.zip", folder)
    with open_results(folder) as of_folder, open_results(packed) as of_archive:
        assert of_folder.names == ["darts/results_0_ti.json", "rs/results_2.json", "rs/results_10.json"]
        assert of_archive.names == [f"{NAME}/{name}" for name in of_folder.names]
        assert of_archive.digest() == file_sha256(packed) != of_folder.digest()
    for first, second in zip(read_results(folder), read_results(packed), strict=True):
        assert first.architecture == second.architecture and first.learning_curves == second.learning_curves
        assert second.path == packed / NAME / first.path.relative_to(folder)
    (card,) = convert_official(folder)
    values = np.load(card.folder / "valid_accuracy_by_epoch.npy")
    told = []
    (again,) = convert_official(packed, overwrite=True, progress=told.append)
    assert again.source.file == "packed.zip" and told[-1] == 1.0 and verify(again)
    assert (again.sha256, again.arrays, again.metrics) == (card.sha256, card.arrays, card.metrics)
    assert np.array_equal(np.load(again.folder / "valid_accuracy_by_epoch.npy"), values)


def test_names_in_an_archive_are_no_paths(tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    one, two, three = drawn(3)
    names = ["../../results_0.json", "/results_1.json", "a\n/results_2.json"]
    packed = archive_of(inside / "some.zip", zip(names, map(result, (one, two, three)), strict=True))
    assert {record.architecture for record in read_results(packed)} == {one, two, three}
    assert not any(path.name.startswith("results") for path in tmp_path.rglob("*"))
    archive_of(packed, [(name, "{}") for name in reversed(names)])
    for name in names:
        archive_of(packed, [(name, "{}")])
        with pytest.raises(DataError, match=r"it lacks optimized_hyperparamater_config") as error:
            list(read_results(packed))
        assert "\n" not in str(error.value)


def test_only_results_count(folder, tmp_path):
    (one,) = drawn(1)
    members = [("__MACOSX/rs/._results_0.json", b"\x00"), ("results_1.json/", b""), ("my_results_2.json", "{}")]
    packed = archive_of(tmp_path / "some.zip", members)
    with pytest.raises(DataError, match=r"some.zip: there is no results_\*.json in it"):
        list(read_results(packed))
    archive_of(packed, [*members, ("rs/results_0.json", result(one))])
    assert [record.architecture for record in read_results(packed)] == [one]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1}', "it is no folder and no zip archive of results; it begins as JSON"),
        (b"", "no zip archive of results; it is empty"),
        (b"PK\x03\x04" + bytes(50), "the archive is damaged"),
    ],
)
def test_what_is_no_archive(tmp_path, content, message):
    path = tmp_path / "results_0.zip"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as error:
        convert(path)
    assert str(error.value).startswith(f"{path}: ") and not tables(tmp_path)


def test_a_damaged_member_is_named(folder, tmp_path):
    packed = pack(tmp_path / "packed.zip", folder)
    content = bytearray(packed.read_bytes())
    with zipfile.ZipFile(packed) as archive:
        member = archive.getinfo(f"{NAME}/rs/results_10.json")
    content[member.header_offset + 30 + len(member.filename) + member.compress_size // 2] ^= 1
    packed.write_bytes(content)
    with pytest.raises(DataError, match=r"rs/results_10.json is not a result .*: the archive is damaged"):
        convert(packed)
    assert not tables(tmp_path)


def test_any_byte_may_be_wrong(folder, tmp_path):
    packed = pack(tmp_path / "packed.zip", folder)
    whole, records = packed.read_bytes(), [record.architecture for record in read_results(packed)]
    rng = np.random.default_rng(0)
    refused = 0
    for place in rng.choice(len(whole), 150, replace=False).tolist():
        content = bytearray(whole)
        content[place] ^= 1 << int(rng.integers(8))
        packed.write_bytes(content)
        try:
            found = [record.architecture for record in read_results(packed)]
        except DataError as error:
            assert "\n" not in str(error)
            refused += 1
        else:
            assert {*found} <= {*records}
    for end in rng.choice(len(whole), 30, replace=False).tolist():
        packed.write_bytes(whole[:end])
        with pytest.raises(DataError):
            list(read_results(packed))
    assert refused > 50


def test_archives_are_bounded(tmp_path, monkeypatch):
    one, two = drawn(2)
    bomb = archive_of(tmp_path / "bomb.zip", [("results_0.json", bytes(2**26))])
    assert bomb.stat().st_size < 2**17
    with pytest.raises(DataError, match=r"results_0.json is not .* more than 4,194,304 bytes"):
        list(read_results(bomb))
    packed = archive_of(tmp_path / "some.zip", [("results_0.json", result(one)), ("results_1.json", result(two))])
    monkeypatch.setattr(nasbench301_files, "MAX_ARCHIVE_BYTES", len(json.dumps(result(one))) + 10)
    with pytest.raises(DataError, match=r"results_1.json is not .* the archive holds more than"):
        list(read_results(packed))
    monkeypatch.setattr(nasbench301_files, "_MAX_DIRECTORY_BYTES", 60)
    with pytest.raises(DataError, match="a directory too large"):
        list(read_results(packed))


def test_a_member_does_not_say_its_size(tmp_path):
    # The directory says ten bytes; what is decompressed are 64 MiB.
    bomb = archive_of(tmp_path / "bomb.zip", [("results_0.json", bytes(2**26))])
    content = bomb.read_bytes().replace(struct.pack("<I", 2**26), struct.pack("<I", 10))
    bomb.write_bytes(content)
    with pytest.raises(DataError, match=r"results_0.json is not a result"):
        list(read_results(bomb))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_archives_that_are_not_understood(tmp_path):
    (one,) = drawn(1)
    twice = archive_of(tmp_path / "twice.zip", [("results_0.json", result(one))] * 2)
    with pytest.raises(DataError, match="two members of one name"):
        list(read_results(twice))
    other = archive_of(tmp_path / "other.zip", [("results_0.json", result(one))], zipfile.ZIP_LZMA)
    with pytest.raises(DataError, match="compressed in a way that results are not"):
        list(read_results(other))
    locked = bytearray(archive_of(tmp_path / "locked.zip", [("results_0.json", result(one))]).read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(magic) + offset] |= 1
    (tmp_path / "locked.zip").write_bytes(locked)
    with pytest.raises(DataError, match="the archive is encrypted"):
        list(read_results(tmp_path / "locked.zip"))


# --- what it is ---------------------------------------------------------------------------------------------------


def test_results_are_known_by_their_content(folder, tmp_path, monkeypatch):
    official = source("nasbench301")
    assert official.makes == ("nasbench301-records",) and official.benchmark == "nasbench301"
    assert recognise(folder) is official and official.files == (f"{NAME}.zip", NAME)
    mine = shutil.copytree(folder, tmp_path / "outer" / "mine")
    for given in (mine, mine / "rs", mine.parent, pack(tmp_path / "my.zip", folder)):
        assert recognise(given) is official
    monkeypatch.chdir(mine)
    assert recognise(Path()) is official
    for other in (tmp_path / "results_0.json", tmp_path / "empty.zip", tmp_path / "other" / "results.json"):
        other.parent.mkdir(exist_ok=True)
        other.write_bytes(b'{"accuracy": 1}')
    archive_of(tmp_path / "empty.zip", [("data.pkl", b"")])
    (tmp_path / "nothing").mkdir()
    for other in ("results_0.json", "empty.zip", "other", "nothing"):
        with pytest.raises(DataError, match=f"'{other}' is not the name of an official file"):
            recognise(tmp_path / other)
    with pytest.raises(DataError, match=r"other/results.json is not a result of NAS-Bench-301: it lacks"):
        convert_official(tmp_path / "other", "nasbench301")


def test_what_is_downloaded_is_converted_by_its_name(folder):
    downloads().mkdir(parents=True)
    packed = pack(downloads() / f"{NAME}.zip", folder)
    for given in ("nasbench301", packed.name):
        assert locate(Path(given)) == (packed, source("nasbench301"))
    assert [card.name for card in convert_official(Path("nasbench301"))] == ["nasbench301-records"]


def test_what_is_missing_says_the_commands(folder):
    fit = "ganas surrogate fit nasbench301-records --name nasbench301"
    assert str(not_converted("nasbench301-records")) == (
        f"'nasbench301-records' is not converted yet: ganas data fetch nasbench301, then ganas data convert {NAME}.zip"
    )
    benchmark = not_converted("nasbench301")
    assert isinstance(benchmark, NotConverted)
    steps = f"ganas data fetch nasbench301, then ganas data convert {NAME}.zip, then {fit}"
    assert str(benchmark).endswith(f"not converted yet: {steps}")
    convert(folder)
    fitted = not_converted("nasbench301")
    assert type(fitted) is UnknownName and str(fitted).endswith(f"is a surrogate of it, not fitted yet: {fit}")


@pytest.mark.skipif(not OFFICIAL.is_dir(), reason="the official record is not beside the checkout")
def test_the_official_record_becomes_a_table():
    assert recognise(OFFICIAL) is source("nasbench301")
    (card,) = convert_official(OFFICIAL)
    assert (card.rows, card.source.file) == (1, "nb301_meta") and verify(card)
    best = {metric.name: metric.best_mean for metric in card.metrics}
    assert best["valid_accuracy"] == 97.68 and best["train_seconds"] == 365136.0 and best["parameters"] == 6_369_358
    (setting,) = card.notes
    assert "50 channels, 20 layers and 1,500 epochs; those that" in setting
