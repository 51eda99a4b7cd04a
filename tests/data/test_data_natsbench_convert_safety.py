"""What the converter of NAS-Bench-201 and NATS-Bench refuses, and what is left of a conversion that did not end."""

import bz2
import os
import random
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from ganas.data import catalog, table_writer
from ganas.data.catalog import cards as catalog_cards
from ganas.data.catalog import verify
from ganas.data.convert import natsbench_tables
from ganas.data.convert.natsbench import convert
from ganas.data.convert.official import convert_official, recognise
from ganas.data.sources import sources
from ganas.spaces.errors import DataError, DuplicateName, UnknownName
from tests.data.natsbench_answers import contents, files_in
from tests.data.natsbench_files import THREE, nasbench201, natsbench, results, save_folder, save_pickle, save_torch


def test_more_than_eight_seeds_are_refused(tmp_path):
    content = natsbench("size", 3, seed=15)
    rng = np.random.default_rng(16)
    seeds = {**THREE, "cifar10": list(range(100, 109))}
    content["arch2infos"][2]["12"] = results(rng, 2, content["meta_archs"][2], 12, seeds)
    save_pickle(content, tmp_path / "some.pbz2")
    with pytest.raises(DataError, match="cifar10 has more than 8 seeds for 12 epochs"):
        convert(tmp_path / "some.pbz2", "natsbench-size", folder=tmp_path / "tables")
    assert files_in(tmp_path / "tables") == []


@pytest.fixture(scope="module")
def good_files(tmp_path_factory):
    """One good file or directory of each kind, small."""
    folder = tmp_path_factory.mktemp("good")
    save_torch(nasbench201(1), folder / "zip.pth")
    save_torch(nasbench201(1), folder / "legacy.pth", legacy=True)
    save_pickle(natsbench("topology", 1), folder / "topology.pbz2")
    save_pickle(natsbench("size", 2), folder / "size.pbz2")
    save_folder(natsbench("size", 2), folder / "directory")
    return folder


@pytest.mark.parametrize(
    ("file", "family", "message"),
    [
        ("zip.pth", "natsbench-topology", "no directory and no bzip2 file: it cannot be NATS-Bench, topology"),
        ("legacy.pth", "natsbench-size", "it cannot be NATS-Bench, size"),
        ("topology.pbz2", "nasbench201-v1.1", "bzip2 file, as NATS-Bench is: it cannot be NAS-Bench-201 v1.1"),
        ("directory", "nasbench201-v1.0", "it cannot be NAS-Bench-201 v1.0"),
        ("topology.pbz2", "natsbench-size", "it holds the topology space"),
        ("size.pbz2", "natsbench-topology", "it holds the size space"),
        ("directory", "natsbench-topology", "it holds the size space"),
        ("nothing.pth", "nasbench201-v1.1", "No such file"),
    ],
)
def test_a_file_of_another_kind_is_refused(good_files, tmp_path, file, family, message):
    with pytest.raises(DataError, match=message) as caught:
        convert(good_files / file, family, folder=tmp_path / "tables")
    assert str(good_files / file) in str(caught.value) and "\n" not in str(caught.value)
    assert files_in(tmp_path / "tables") == []


def test_a_file_whose_name_says_nothing(good_files, tmp_path):
    shutil.copy(next(good_files.glob("*.pth")), tmp_path / "mine.pth")
    with pytest.raises(DataError, match=r"'mine.pth' is not the name of an official file.* --as"):
        convert_official(tmp_path / "mine.pth", folder=tmp_path / "tables")
    (tmp_path / "mine.pth").unlink()
    with pytest.raises(UnknownName, match="did you mean 'natsbench-size'"):
        convert_official(good_files / "size.pbz2", "nats-bench-size", folder=tmp_path)
    with pytest.raises(UnknownName, match="unknown benchmark file 'size'"):
        convert(good_files / "size.pbz2", "size", folder=tmp_path)
    with pytest.raises(DataError, match="there is no file or directory"):
        convert_official(tmp_path / "NATS-sss-v1_0-50262.pickle.pbz2")
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("space", ["topology", "size"])
@pytest.mark.parametrize("kind", ["directory", "packed"])
def test_natsbench_under_another_name_is_known_by_its_content(tmp_path, space, kind):
    content = natsbench(space, 2)
    if kind == "directory":
        save_folder(content, tmp_path / "NATS-v1_0-mine")
    else:
        save_pickle(content, tmp_path / "NATS-v1_0-mine")
    assert recognise(tmp_path / "NATS-v1_0-mine").name == f"natsbench-{space}"
    cards = convert_official(tmp_path / "NATS-v1_0-mine", folder=tmp_path / "tables")
    assert [card.name for card in cards] == list(sources()[f"natsbench-{space}"].makes)


def test_a_damaged_directory_says_what_is_damaged(tmp_path):
    save_folder(natsbench("size", 2), tmp_path / "mine")
    (tmp_path / "mine" / "000000.pickle.pbz2").write_bytes(b"BZh9 but no more")
    with pytest.raises(DataError, match=r"mine: 000000\.pickle\.pbz2: the bzip2 data are"):
        recognise(tmp_path / "mine")
    (tmp_path / "mine" / "meta.pickle.pbz2").unlink()
    with pytest.raises(DataError, match="'mine' is not the name of an official file"):
        recognise(tmp_path / "mine")


def test_bzip2_of_something_else_is_not_recognised(tmp_path):
    (tmp_path / "mine.pbz2").write_bytes(bz2.compress(b"a text of no interest" * 100))
    with pytest.raises(DataError, match=r"'mine\.pbz2' is not the name of an official file.* --as"):
        recognise(tmp_path / "mine.pbz2")


def test_the_current_folder_has_a_name(good_files, tmp_path, monkeypatch):
    shutil.copytree(good_files / "directory", tmp_path / "NATS-sss-v1_0-50262-simple")
    monkeypatch.chdir(tmp_path / "NATS-sss-v1_0-50262-simple")
    cards = convert_official(Path(), folder=tmp_path / "tables")
    assert {card.source.file for card in cards} == {"NATS-sss-v1_0-50262-simple"}


def test_a_table_that_exists_is_kept_unless_it_may_be_replaced(good_files, tmp_path):
    folder = tmp_path / "tables"
    first = convert(good_files / "size.pbz2", "natsbench-size", folder=folder)
    before = contents(first)
    shutil.rmtree(folder / "natsbench-size-cifar10")
    # One of the four is enough to refuse.
    with pytest.raises(DuplicateName, match="natsbench-size-cifar10-trainval exists"):
        convert(good_files / "size.pbz2", "natsbench-size", folder=folder)
    assert files_in(folder) == sorted(card.name for card in first[1:])
    (folder / "natsbench-size-cifar100" / "card.toml").write_text("damaged")
    save_pickle(natsbench("size", 3, seed=17), tmp_path / "other.pbz2")
    second = convert(tmp_path / "other.pbz2", "natsbench-size", folder=folder, overwrite=True)
    assert files_in(folder) == sorted(card.name for card in first)
    assert {card.rows for card in second} == {3} and contents(second) != before
    assert all(verify(card) for card in second)


def test_a_damaged_table_of_the_catalogue_can_be_replaced(good_files, tmp_path, monkeypatch):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path))
    (card, *_) = convert(good_files / "size.pbz2", "natsbench-size")
    (card.folder / "card.toml").write_text("damaged")
    (card, *_) = convert(good_files / "size.pbz2", "natsbench-size", overwrite=True)
    assert verify(catalog.card(card.name))


class Hostile:
    """Unpickling it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("where", ["meta", "record", "trial"])
@pytest.mark.parametrize("container", ["zip", "legacy", "packed", "directory"])
def test_nothing_in_a_file_is_run(container, where, tmp_path):
    marker = tmp_path / "was-run"
    content = nasbench201(2) if container in ("zip", "legacy") else natsbench("topology", 2)
    if where == "meta":
        content["total_archs"] = Hostile(marker)
    elif where == "record":
        content["arch2infos"][1] = Hostile(marker)
    else:
        runs = content["arch2infos"][1]
        runs["less" if "less" in runs else "12"]["all_results"]["cifar100", 111]["flop"] = Hostile(marker)
    path, family = tmp_path / "file", "nasbench201-v1.1"
    if container in ("zip", "legacy"):
        save_torch(content, path, legacy=container == "legacy")
    else:
        family = "natsbench-topology"
        (save_pickle if container == "packed" else save_folder)(content, path)
    with pytest.raises(DataError, match="mkdir") as caught:
        convert(path, family, folder=tmp_path / "tables")
    assert not marker.exists() and files_in(tmp_path / "tables") == []
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("file", "family"),
    [
        ("zip.pth", "nasbench201-v1.1"),
        ("legacy.pth", "nasbench201-v1.1"),
        ("topology.pbz2", "natsbench-topology"),
        ("size.pbz2", "natsbench-size"),
    ],
)
def test_a_file_that_ends_too_early_leaves_nothing(good_files, tmp_path, file, family):
    whole = (good_files / file).read_bytes()
    rng = random.Random(0)
    for length in [0, 2, len(whole) - 1, *[rng.randrange(3, len(whole)) for _ in range(6)]]:
        (tmp_path / file).write_bytes(whole[:length])
        with pytest.raises(DataError):
            convert(tmp_path / file, family, folder=tmp_path / "tables")
        assert files_in(tmp_path / "tables") == []


def test_a_directory_with_a_damaged_record_leaves_nothing(good_files, tmp_path):
    shutil.copytree(good_files / "directory", tmp_path / "d")
    record = tmp_path / "d" / "000001.pickle.pbz2"
    record.write_bytes(record.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"000001\.pickle\.pbz2"):
        convert(tmp_path / "d", "natsbench-size", folder=tmp_path / "tables")
    assert files_in(tmp_path / "tables") == []


def test_a_file_without_results_is_refused(tmp_path):
    content = natsbench("size", 1)
    for of_run in content["arch2infos"][0].values():
        of_run["all_results"], of_run["dataset_seed"] = {}, {}
    save_pickle(content, tmp_path / "some.pbz2")
    with pytest.raises(DataError, match="holds no result"):
        convert(tmp_path / "some.pbz2", "natsbench-size", folder=tmp_path / "tables")
    assert files_in(tmp_path / "tables") == []


# --- full disks and killed conversions ----------------------------------------------------------------------------


@pytest.fixture
def mount_disk(tmp_path):
    """Mounts a disk of some size, if that is permitted here."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if shutil.which("mount") is None:
        pytest.skip("there is no mount command")

    @contextmanager
    def mount(size):
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
        if mounted.returncode:
            pytest.skip(f"no file system may be mounted here: {mounted.stderr.strip()}")
        try:
            yield folder
        finally:
            subprocess.run(["umount", str(folder)], check=True)

    return mount


def test_a_full_disk_leaves_nothing(good_files, mount_disk):
    fits = 0
    # From no room for the first record to room for all but the last table.
    for kilobytes in (4, 16, 40, 64, 80, 96, 112, 128, 160, 192, 256, 1024):
        with mount_disk(f"{kilobytes}k") as folder:
            try:
                cards = convert(good_files / "size.pbz2", "natsbench-size", folder=folder)
            except DataError as error:
                assert f"no space left to write {folder}" in str(error) and "\n" not in str(error)
                assert files_in(folder) == []
            else:
                fits += 1
                assert all(verify(card) for card in cards) and len(files_in(folder)) == 4
    assert 1 <= fits <= 5


@pytest.fixture
def count_writes(monkeypatch):
    """Counts the guarded writes of a conversion, and can let one of them find the disk full."""
    real, state = table_writer.writing, {"count": 0, "full": 0}

    @contextmanager
    def writing(path):
        with real(path):
            state["count"] += 1
            if state["count"] == state["full"]:
                raise OSError(28, os.strerror(28))
            yield

    for module in (table_writer, natsbench_tables):
        monkeypatch.setattr(module, "writing", writing)
    return state


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_disk_that_is_full_at_any_write_leaves_what_was_there(good_files, tmp_path, count_writes, overwrite):
    folder = tmp_path / "tables"
    before = convert(good_files / "size.pbz2", "natsbench-size", folder=folder)
    total, count_writes["count"] = count_writes["count"], 0
    assert total > 100
    kept = contents(before) if overwrite else {}
    if not overwrite:
        shutil.rmtree(folder)
    # The last writes are the cards and then the moves of the four tables.
    for full in [*range(1, total - 8, 50 if overwrite else 25), *range(total - 8, total + 1)]:
        count_writes.update(count=0, full=full)
        with pytest.raises(DataError, match="no space left to write"):
            convert(good_files / "size.pbz2", "natsbench-size", folder=folder, overwrite=overwrite)
        assert count_writes["count"] == full
        names = sorted(card.name for card in before)
        assert files_in(folder) == (names if overwrite else [])
        assert not overwrite or contents(before) == kept
    count_writes.update(count=0, full=0)
    assert contents(convert(good_files / "size.pbz2", "natsbench-size", folder=folder, overwrite=overwrite))


KILLED = """
import sys, time
from pathlib import Path
from ganas.data import table_writer
from ganas.data.convert.natsbench import convert

where = sys.argv[2]
def wait(*arguments):
    print("here", flush=True)
    time.sleep(600)
if where == "reading":
    done = []
    def progress(part):
        done.append(part)
        if len(done) == 2:
            wait()
    convert(Path(sys.argv[1]), "natsbench-size", progress=progress)
elif where == "writing":
    table_writer.write_keys = wait
    convert(Path(sys.argv[1]), "natsbench-size")
else:
    table_writer.TableWriter.move = wait
    convert(Path(sys.argv[1]), "natsbench-size")
"""


@pytest.mark.parametrize("where", ["reading", "writing", "moving"])
def test_a_killed_conversion_leaves_nothing_that_opens_and_the_next_one_cleans_up(
    good_files, tmp_path, monkeypatch, where
):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path))
    command = [sys.executable, "-c", KILLED, str(good_files / "size.pbz2"), where]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "here\n"
        process.send_signal(signal.SIGKILL)
    suffixes = ("cifar10", "cifar10-trainval", "cifar100", "imagenet16")
    left = sorted(f".natsbench-size-{suffix}.{process.pid}.part" for suffix in suffixes)
    assert files_in(tmp_path / "tables") == left
    assert (tmp_path / "tables" / left[0] / "card.toml").exists() == (where == "moving")
    assert not [name for name in catalog_cards() if name.startswith("natsbench")]
    cards = convert(good_files / "size.pbz2", "natsbench-size")
    assert files_in(tmp_path / "tables") == [card.name for card in cards] and all(verify(card) for card in cards)


def test_what_a_killed_process_of_the_same_number_left_is_removed(good_files, tmp_path):
    # In a container every process may have this number.
    left = tmp_path / f".natsbench-size-cifar10.{os.getpid()}.part"
    (left / "scratch").mkdir(parents=True)
    running = tmp_path / f".natsbench-size-cifar10.{os.getppid()}.part"
    running.mkdir()
    cards = convert(good_files / "size.pbz2", "natsbench-size", folder=tmp_path)
    assert files_in(tmp_path) == [running.name, *[card.name for card in cards]]


MEASURED = """
import re, sys
from pathlib import Path
from ganas.data.convert.natsbench import convert
convert(Path(sys.argv[1]), "nasbench201-v1.1", folder=Path(sys.argv[2]))
# What getrusage calls the peak includes that of the process that started this one.
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak of a process")
def test_memory_does_not_grow_with_the_file(tmp_path):
    peaks = {}
    for count in (30, 150):
        path = tmp_path / f"{count}.pth"
        save_torch(nasbench201(count), path)
        command = [sys.executable, "-c", MEASURED, str(path), str(tmp_path / str(count))]
        peaks[count] = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    # As objects of the official package the 120 records more would take 240 MB.
    assert peaks[150] - peaks[30] < 30_000
