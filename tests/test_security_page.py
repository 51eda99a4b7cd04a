"""docs/security.md promises what tests hold; the tests that it names must be there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
TESTS = {path.name: path for path in (ROOT / "tests").rglob("test_*.py")}


def test_the_files_and_tests_that_it_names_are_there():
    names = set(re.findall(r"`(test_\w+?)(?:\.py)?`", PAGE))
    assert len(names) > 8
    sources = "\n".join(path.read_text(encoding="utf-8") for path in TESTS.values())
    for name in names:
        assert f"{name}.py" in TESTS or f"def {name}(" in sources, name


def test_the_code_that_it_names_is_there():
    for name in re.findall(r"`((?:data|perf)/[\w/]+\.py|python (perf/\w+\.py))`", PAGE):
        path = name[1] or name[0]
        assert (ROOT / path).is_file(), path


def test_its_bounds_are_those_of_the_code():
    from ganas.data import pickle_rules, safe_pickle
    from ganas.data.convert import nasbench101_records, nasbench301_files, natsbench_files

    assert nasbench101_records.MAX_RECORD_BYTES == 64 * 1024 and "64 KiB" in PAGE
    assert nasbench301_files.MAX_RECORD_BYTES == 4 << 20 and nasbench301_files.MAX_ARCHIVE_BYTES == 16 << 30
    assert nasbench301_files._MAX_DIRECTORY_BYTES == 32 << 20 and "32 MiB" in PAGE
    assert natsbench_files._MAX_FILE_BYTES == 16 << 30 and "16 GiB" in PAGE
    assert pickle_rules.PickleLimits().part_bytes == 4 << 20 and "4 MiB" in PAGE
    assert safe_pickle.load_pickle.__kwdefaults__["max_bytes"] == 256 << 20 and "256 MiB" in PAGE
