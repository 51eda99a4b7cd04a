"""The pages about benchmarks are those of the cards, and what they say can be run."""

import contextlib
import doctest
import io
import re
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import ganas
from ganas.cli import main as command_line
from ganas.data.card import Card, CardMetric, CardSource
from ganas.data.catalog import card, cards
from ganas.data.convert.nasbench101_records import BUDGETS
from ganas.data.convert.official import convert_official, convertible_cards, recognise
from ganas.data.page_words import cost_in_words, epochs_in_words, held_in_words, listed, missing_in_words
from ganas.data.pages import INDEX, MARK, all_pages, benchmark_page, documented_cards, index_page, main, write_pages
from ganas.data.sources import sources
from ganas.spaces.errors import DataError, EpochNotMeasured
from ganas.spaces.registry import load_space
from tests.data.nasbench101_files import made, write_file
from tests.data.nasbench301_files import result, write

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "benchmarks"
GUIDE = ROOT / "docs" / "benchmarks.md"
OFFICIAL = ROOT.parent / "shared" / "data" / "natsbench_samples"
LATENCIES = ROOT.parent / "shared" / "data" / "nb201_latency" / "latency_ms.csv.gz"
COMMAND = "python -m ganas.data.pages --out docs/benchmarks"
PAGES = all_pages()
CARDS = {one.name: one for one in documented_cards()}
EMBEDDED = [name for name, one in CARDS.items() if one.rows]
MADE = [name for name, one in CARDS.items() if not one.rows]
# Of those, the ones that records can be had of here.
CONVERTED = [name for name in MADE if not name.startswith("nasbench201-v")]


def section(name, heading):
    """The text below a heading, up to the next."""
    return PAGES[f"{name}.md"].partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def rows(text):
    """The rows of the first table in a text, by their first cell."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    header, *others = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return {cells[0].strip("`"): dict(zip(header, cells, strict=True)) for cells in others[1:]}


def blocks(text, language=""):
    return [
        code for kind, code in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE) if kind == language
    ]


def run_python(code):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "page", "exec"), {})
    return printed.getvalue()


def run_shell(line, capsys):
    words = shlex.split(line.replace("\\\n", ""))
    assert words[0] == "ganas"
    capsys.readouterr()
    assert command_line.run(words[1:]) == 0, capsys.readouterr().err
    return capsys.readouterr().out


@pytest.fixture
def use_home(monkeypatch):
    """Makes a folder the home of converted tables."""
    return lambda folder: monkeypatch.setenv("GANAS_HOME", str(folder))


@pytest.fixture
def empty_home(use_home, tmp_path):
    use_home(tmp_path / "home")


@pytest.fixture(scope="module")
def natsbench_home(tmp_path_factory):
    """A home with tables of the official NATS-Bench records."""
    if not OFFICIAL.is_dir():
        pytest.skip("the official NATS-Bench records beside the checkout are absent")
    home = tmp_path_factory.mktemp("natsbench")
    for path in sorted(OFFICIAL.glob("NATS-*-simple")):
        convert_official(path, folder=home / "tables")
    return home


@pytest.fixture(scope="module")
def nasbench101_home(tmp_path_factory):
    """A home with tables of made-up records of one cell of NAS-Bench-101."""
    home, rng = tmp_path_factory.mktemp("nasbench101"), np.random.default_rng(1)
    cell = load_space("nasbench101").parse(example("nasbench101"))
    for source, budgets in (("nasbench101", BUDGETS), ("nasbench101-only108", BUDGETS[-1:])):
        records = [made(rng, cell, epochs, 1_000_000) for epochs in budgets for _ in range(3)]
        file = write_file(home / sources()[source].files[0], records)
        convert_official(file, folder=home / "tables")
    return home


@pytest.fixture(scope="module")
def nasbench301_home(tmp_path_factory):
    """A home with a table of one made-up training of NAS-Bench-301."""
    home = tmp_path_factory.mktemp("nasbench301")
    architecture = load_space("darts").parse(example("nasbench301-records"))
    write(home / "results", _0=result(architecture, 90.0, curve=[90.0] * 98))
    convert_official(home / "results", folder=home / "tables")
    return home


@pytest.fixture
def home(request, use_home):
    """The home with the converted tables of the benchmark that a test is about."""
    family = request.node.callspec.params["name"].partition("-")[0]
    use_home(request.getfixturevalue(f"{family}_home"))


def example(name):
    """The architecture that a page asks about."""
    (code,) = blocks(PAGES[f"{name}.md"], "python")
    return re.search(r'parse\("(.*)"\)', code)[1]


# --- the committed pages ------------------------------------------------------------------------------------------


def test_the_committed_pages_are_those_of_the_cards():
    committed = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    different = sorted(name for name in committed.keys() | PAGES if committed.get(name) != PAGES.get(name))
    assert not different, f"run `{COMMAND}` and commit what it writes; it changes {', '.join(different)}"


def test_every_benchmark_has_a_page_and_stands_in_the_index(empty_home):
    assert set(EMBEDDED) == set(cards()) and len(EMBEDDED) >= 12
    assert set(MADE) == {name for source in sources().values() for name in source.makes} and len(MADE) >= 18
    assert set(PAGES) == {INDEX, *(f"{name}.md" for name in CARDS)}
    for name, page in PAGES.items():
        assert page.startswith(MARK) and page.endswith("\n") and not re.search(r"[ \t]$|\n\n\n", page, re.MULTILINE)
        if name != INDEX:
            assert f"\n# {name.removesuffix('.md')}\n" in page
            assert f"]({name})" in PAGES[INDEX]


def test_the_index_groups_by_family():
    families = re.findall(r"^### (.*)$", PAGES[INDEX], re.MULTILINE)
    assert families == [
        "NAS-Bench-201",
        "NAS-Bench-Graph",
        "NAS-Bench-101",
        "NAS-Bench-201 v1.0",
        "NAS-Bench-201 v1.1",
        "NATS-Bench, topology",
        "NATS-Bench, size",
        "NAS-Bench-301",
    ]


def test_the_pages_do_not_depend_on_what_a_user_has(monkeypatch, tmp_path):
    broken = tmp_path / "tables" / "broken" / "card.toml"
    broken.parent.mkdir(parents=True)
    broken.write_text("name = ")
    monkeypatch.setenv("GANAS_HOME", str(tmp_path))
    assert all_pages() == PAGES


def test_no_page_names_a_place_of_this_machine():
    for text in [*PAGES.values(), GUIDE.read_text(encoding="utf-8")]:
        assert not re.search(r"(^|[\s`'\"(])(/[a-z]+/|~/|[A-Z]:\\)", text)
        assert str(ROOT) not in text


def anchors(path):
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", [GUIDE, *sorted(FOLDER.iterdir())], ids=lambda path: path.name)
def test_relative_links_lead_somewhere(path):
    targets = [target for target in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")) if ":" not in target]
    assert targets
    for target in targets:
        file, _, anchor = target.partition("#")
        found = path if not file else path.parent / file
        assert found.is_file(), target
        assert not anchor or anchor in anchors(found), target


def test_links_into_other_repositories_name_a_commit():
    links = re.findall(r"\((https://github\.com/[^)]*/blob/[^)]*)\)", GUIDE.read_text(encoding="utf-8"))
    assert len(links) >= 10
    assert all(re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+/blob/[0-9a-f]{40}/[\w./-]+", link) for link in links)


# --- what the pages say -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CARDS)
def test_a_page_says_all_that_the_card_does(name):
    one, page = CARDS[name], PAGES[f"{name}.md"]
    said = [one.title, one.dataset, one.space, one.trials, one.licence, *one.known_defects]
    said += [text for metric in one.metrics for text in (f"`{metric.name}`", metric.unit, metric.description)]
    said += [one.source.sha256, one.source.package, one.source.authors, one.sha256] if one.rows else []
    missing = [text for text in said if text.replace("|", "\\|") not in page]
    assert not missing
    assert one.citation in re.sub(r"\[(arXiv:[\d.]+)\]\(https://arxiv.org/abs/[\d.]+\)", r"\1", page)


@pytest.mark.parametrize("name", CARDS)
def test_the_table_of_metrics_is_that_of_the_card(name):
    table = rows(section(name, "Metrics"))
    assert set(table) == {metric.name for metric in CARDS[name].metrics}
    for metric in CARDS[name].metrics:
        row = table[metric.name]
        assert row["split"] == (metric.split or "-")
        assert row["better"] == ("higher" if metric.higher_is_better else "lower")
        held = row["epochs"] if "epochs" in row else row.get(f"epochs of the run over {metric.run}", "-")
        assert held == (epochs_in_words(metric.epochs) or ("-" if metric.run is None else "once"))
        assert ("best mean" in row) == bool(CARDS[name].rows)


def test_the_splits_say_what_a_search_may_see():
    said = section("natsbench-topology-cifar100", "What was measured")
    seen = re.search(r"`valid`, what a search may look at: (.*)", said)[1]
    hidden = re.search(r"`test`, never shown to a strategy.*?: (.*)", said)[1]
    assert "valid_accuracy" in seen and "test" not in seen
    assert "`test_accuracy`" in hidden and "`valtest_accuracy`" in hidden and "`valid_" not in hidden
    assert "so it counts as test" in said


def test_a_run_is_not_an_epoch():
    table = rows(section("nasbench101", "Metrics"))
    assert table["valid_accuracy"]["epochs of the run over 36"] == "18 and 36"
    assert table["valid_accuracy"]["epochs of the run over 108"] == "54 and 108"
    assert table["parameters"]["epochs of the run over 108"] == "-"
    assert "over 4, 12 or 36 epochs in place of the one over 108" in section("nasbench101", "What a query costs")


def test_only_one_data_set_of_v1_0_has_short_runs():
    for suffix, short in (("cifar10", True), ("cifar10-trainval", False), ("cifar100", False), ("imagenet16", False)):
        table = section(f"nasbench201-v1.0-{suffix}", "Metrics")
        assert ("epochs of the run over 12 |" in table) == short
        assert "epochs of the run over 200 |" in table
        assert "epochs of the run over 12 |" in section(f"nasbench201-v1.1-{suffix}", "Metrics")


def test_what_is_missing():
    def missing(name):
        return [
            line[2:].partition(" ")[0].rstrip(":.") for line in section(name, "What is missing").split("\n") if line
        ]

    assert missing("nasbench201-cifar10") == ["Test", "Values", "Learning", "Seeds"]
    assert missing("nasbenchgraph-cora") == ["Values", "Learning", "Training", "Single"]
    assert missing("nasbench101") == ["Seeds", "Inference"]
    assert missing("natsbench-topology-cifar100") == ["Learning"]
    assert missing("natsbench-topology-cifar10-trainval") == ["Validation"]
    assert missing("natsbench-size-cifar100") == ["Nothing"]
    assert missing("nasbench301-records") == ["Learning", "Seeds", "Inference"]
    assert "curves of `test_accuracy`: the end alone is held" in section("nasbench301-records", "What is missing")


def test_costs():
    assert "0 simulated seconds" in section("nasbenchgraph-cora", "What a query costs")
    assert "There are no fidelities" in section("nasbench201-cifar10", "What a query costs")
    said = section("natsbench-size-cifar100", "What a query costs")
    assert (
        "at epochs 1 to 90 of the run over 90" in said and "`train_seconds` of the run that is asked for, up to" in said
    )


def test_best_means_are_those_of_the_benchmarks():
    for name in EMBEDDED:
        bench, table = ganas.load_benchmark(name), rows(section(name, "Metrics"))
        for metric in bench.metrics:
            shown = float(table[metric]["best mean"].replace(",", ""))
            assert np.isclose(shown, bench.optimum(metric).value, rtol=1e-4)


# --- what the pages say to run ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EMBEDDED)
def test_the_code_of_an_embedded_benchmark_runs(name, empty_home, capsys):
    page = PAGES[f"{name}.md"]
    (code,) = blocks(page, "python")
    printed = run_python(code)
    bench = ganas.load_benchmark(name)
    answer = bench.query(bench.space.parse(example(name)))
    assert printed == f"{answer}\n"
    (line,) = blocks(page)
    assert str(answer.value) in run_shell(line, capsys)
    assert card(name).objective == bench.objective


@pytest.mark.parametrize("name", MADE)
def test_the_code_of_a_converted_benchmark_names_what_there_is(name):
    one, page = CARDS[name], PAGES[f"{name}.md"]
    space = load_space(one.space)
    (code,) = blocks(page, "python")
    assert f'load_benchmark("{name}")' in code and f'"{one.objective}")' in code
    assert space.format(space.parse(example(name))) == example(name)
    asking, getting, *fitting = blocks(page)
    assert shlex.split(asking.replace("\\\n", "")) == ["ganas", "query", name, "--metric", one.objective, example(name)]
    *fetching, converting = [shlex.split(line) for line in getting.splitlines()]
    assert converting[:3] == ["ganas", "data", "convert"]
    source = sources().get(converting[3]) or recognise(Path(converting[3]))
    assert name in source.makes
    assert fetching == ([["ganas", "data", "fetch", source.name]] if source.urls else [])
    assert [line.split()[:6] for block in fitting for line in block.splitlines()] == (
        [
            ["ganas", "surrogate", "fit", name, "--name", source.benchmark],
            f"ganas search {source.benchmark} --strategy ganas --budget".split(),
        ]
        if source.benchmark
        else []
    )


@pytest.mark.parametrize("name", CONVERTED)
def test_the_code_of_a_converted_benchmark_runs(name, home, capsys):
    page = PAGES[f"{name}.md"]
    (code,) = blocks(page, "python")
    assert run_python(code).startswith("Result(value=")
    assert CARDS[name].objective in run_shell(blocks(page)[0], capsys)


@pytest.mark.parametrize("name", CONVERTED)
def test_what_is_known_before_a_file_is_read_is_what_it_holds(name, home):
    expected, found = CARDS[name], card(name)

    def held(one):
        return {(m.name, m.run): (m.unit, m.split, m.epochs, m.seeds, m.per_trial, m.description) for m in one.metrics}

    assert held(found) == held(expected)
    for field in ("title", "space", "dataset", "objective", "cost", "fidelity", "num_classes", "citation", "trials"):
        assert getattr(found, field) == getattr(expected, field), field


def guide_examples():
    return [block for block in blocks(GUIDE.read_text(encoding="utf-8"), "python") if ">>>" in block]


def run_examples(texts):
    test = doctest.DocTestParser().get_doctest("\n".join(texts), {}, "benchmarks.md", str(GUIDE), 0)
    runner = doctest.DocTestRunner()
    report = io.StringIO()
    runner.run(test, out=report.write)
    assert test.examples and not runner.failures, report.getvalue()


# What an example of the guide needs beyond what comes with Ganas, by a comment in it; `both` is of the one before.
NEEDED = ("converted from the official file", "made of the files of HELP", "both.where(", "an opened object")


def examples_with(*comments):
    return [">>> import ganas\n", *[text for text in guide_examples() if any(comment in text for comment in comments)]]


def test_the_examples_of_the_guide_run(empty_home):
    embedded = [text for text in guide_examples() if not any(comment in text for comment in NEEDED)]
    assert len(embedded) == 2 and len(guide_examples()) == 7
    run_examples(embedded)


def test_the_examples_of_the_guide_on_a_converted_table_run(natsbench_home, use_home):
    use_home(natsbench_home)
    texts = examples_with(NEEDED[0])
    assert len(texts) == 3
    run_examples(texts)


@pytest.mark.skipif(not LATENCIES.is_file(), reason="the latencies beside the checkout are absent")
def test_the_examples_of_the_guide_on_latencies_run(empty_home, monkeypatch):
    monkeypatch.chdir(LATENCIES.parent)
    texts = examples_with(*NEEDED[1:3])
    assert len(texts) == 3
    run_examples(texts)


@pytest.mark.skipif(not OFFICIAL.is_dir(), reason="the official NATS-Bench records beside the checkout are absent")
def test_the_example_of_the_guide_on_an_opened_object_runs(empty_home, monkeypatch):
    monkeypatch.chdir(OFFICIAL)
    texts = examples_with(NEEDED[3])
    assert len(texts) == 2
    run_examples(texts)


def test_what_the_guide_says_of_runs_and_epochs(natsbench_home, use_home):
    use_home(natsbench_home)
    bench = ganas.load_benchmark("natsbench-topology-cifar100")
    assert isinstance(bench, ganas.TabularBenchmark)
    assert [one.metric for one in bench.top(5, run=12)] == ["valid_accuracy"] * 3
    frame = bench.frame(run=200, epoch=50)
    assert "valtest_accuracy" in frame and "valid_accuracy" not in frame and "parameters" in frame
    assert np.array_equal(bench.frame()["parameters"], frame["parameters"])


def test_what_the_guide_says_of_nasbench101(nasbench101_home, use_home):
    use_home(nasbench101_home)
    bench = ganas.load_benchmark("nasbench101")
    cell = bench.space.parse(example("nasbench101"))
    whole, half = bench.query(cell, run=36), bench.query(cell, run=36, epoch=18)
    assert (whole.run, whole.epoch, half.run, half.epoch) == (36, 36, 36, 18)
    with pytest.raises(EpochNotMeasured, match="run=36"):
        bench.query(cell, epoch=36)
    assert bench.fidelities() == (4, 12, 36, 108)


# --- writing ------------------------------------------------------------------------------------------------------


def test_only_what_changed_is_written(tmp_path, capsys):
    folder = tmp_path / "docs" / "pages"
    assert main(["--out", str(folder)]) == 0
    assert sorted(capsys.readouterr().out.splitlines()) == sorted(f"wrote {name}" for name in PAGES)
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == PAGES
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert main(["--out", str(folder)]) == 0
    assert capsys.readouterr().out == "every page is as its card says\n"
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    (folder / "nasbench101.md").write_text(f"{MARK}\nold")
    (folder / "gone.md").write_text(f"{MARK}\n# gone")
    (folder / "notes.md").write_text("# mine")
    assert write_pages(folder) == ["wrote nasbench101.md", "removed gone.md"]
    assert (folder / "nasbench101.md").read_text(encoding="utf-8") == PAGES["nasbench101.md"]
    assert (folder / "notes.md").read_text() == "# mine" and not (folder / "gone.md").exists()


def test_a_file_that_was_not_written_from_a_card_stays(tmp_path, capsys):
    (tmp_path / "nasbench101.md").write_text("# mine")
    assert main(["--out", str(tmp_path)]) == 1
    printed = capsys.readouterr()
    assert (
        printed.out == ""
        and printed.err == f"{tmp_path / 'nasbench101.md'} was not written from a card: move it away\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["nasbench101.md"]


# --- words --------------------------------------------------------------------------------------------------------


def made_card(*metrics, **fields):
    values = {
        "name": "made",
        "title": "Made on Nothing: for tests",
        "space": "nasbench201",
        "dataset": "nothing",
        "objective": metrics[0].name,
        "licence": "MIT",
        "citation": "Nobody, arXiv:1234.56789",
        "trials": "A trial is a trial.",
        "source": CardSource("p", "1", "f", "0", "MIT", "Nobody"),
        "metrics": metrics,
    }
    return Card(**(values | fields))


def test_epochs_and_lists_as_they_are_read_out():
    assert [listed([]), listed([1]), listed([1, 2]), listed([1, 2, 3], "or")] == ["", "1", "1 and 2", "1, 2 or 3"]
    assert [epochs_in_words(epochs) for epochs in ((), (200,), (1, 2), (1, 2, 3), (1, 2, 4))] == [
        "",
        "200",
        "1 and 2",
        "1 to 3",
        "1, 2 and 4",
    ]
    once = CardMetric(name="m", unit="", epochs=(90,), run=90)
    assert held_in_words([once]) == "run over 90; epoch 90 of it"
    assert held_in_words([replace(once, run=None)]) == "90"
    assert held_in_words([replace(once, run=None, epochs=())]) == "-"


def test_a_curve_without_runs_has_epochs_as_fidelities():
    accuracy = CardMetric(name="valid_accuracy", unit="percent", split="valid", epochs=(1, 2, 3))
    seconds = CardMetric(name="train_seconds", unit="seconds", epochs=(1, 2, 3))
    cost, fidelity = cost_in_words(made_card(accuracy, seconds, cost="train_seconds"))
    assert cost.startswith("A query costs one training: `train_seconds`, up to the epoch that is asked for, whichever")
    assert fidelity == "Fidelities are epochs: a strategy may ask for `valid_accuracy` at epochs 1 to 3."
    assert not any("Learning curves" in line for line in missing_in_words(made_card(accuracy, seconds)))


def test_a_card_that_no_page_can_be_made_of():
    accuracy = CardMetric(name="valid_accuracy", unit="percent", split="valid")
    with pytest.raises(DataError, match="'made' needs an example of an architecture of 'elsewhere'"):
        benchmark_page(made_card(accuracy, space="elsewhere"))


def test_cells_with_bars_stay_in_their_column():
    accuracy = CardMetric(name="valid_accuracy", unit="percent", split="valid", description="one | two")
    page = benchmark_page(made_card(accuracy), sources()["nasbench101"])
    assert "| one \\| two |" in page
    assert "Made" in index_page([made_card(accuracy)])
    assert [one.name for one in convertible_cards()] == MADE
