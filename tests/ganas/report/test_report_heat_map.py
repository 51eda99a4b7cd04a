"""Diagnostics that a strategy wants in one drawing: how they are read, their heat map, and what stays as it was."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ganas.bench.toy import ToyBenchmark
from ganas.experiment import Experiment
from ganas.report import write_report
from ganas.report.diagnostics import DiagnosticCurve, read_diagnostics
from ganas.report.heat_map import row_labels, shade_range, values_by_query
from ganas.report.results import read_panels
from ganas.report.run import report_run
from ganas.running import run_experiment
from ganas.spaces.registry import load_space

PLACE = f"{Path(__file__).with_name('relaxed_strategy.py')}:Relaxed"
TITLE = "Entropy of each edge, from 0 to 1"


def said(*rows):
    return pd.DataFrame(list(rows), columns=["study", "query", "name", "value"])


def test_members_in_the_order_of_the_group_and_only_with_a_value(make, toy, relaxed):
    studies, evaluations = make.frames(toy, [make.Run(relaxed, 0, [1, 2, 3])])
    diagnostics = said(
        (1, 1, "entropy_normal_0", 0.5),
        (1, 2, "entropy_up_1", np.nan),
        (1, 2, "entropy_up_0", 0.7),
        (1, 2, "gap", 2.0),
    )
    (group,) = read_diagnostics(read_panels(studies, evaluations, {"toy": toy}), studies, diagnostics)
    assert group.together == {TITLE: ("entropy_up_0", "entropy_normal_0")}
    assert [one.name for one in group.alone] == ["gap"]
    (nothing,) = read_diagnostics(
        read_panels(studies, evaluations, {"toy": toy}), studies, said((1, 1, "entropy_up_0", np.nan), (1, 1, "x", 1))
    )
    assert nothing.together == {} and [one.name for one in nothing.alone] == ["x"]


def curve(grid, values):
    array = np.array(values, dtype=float)
    return DiagnosticCurve(np.array(grid), array, array, array, 1)


def test_values_on_common_queries():
    queries, values = values_by_query([curve([1, 2, 3, 4], [4, 3, 2, 1]), curve([3, 4], [9, 8])])
    assert queries.tolist() == [1, 2, 3, 4]
    assert values[0].tolist() == [4, 3, 2, 1]
    assert np.isnan(values[1, :2]).all() and values[1, 2:].tolist() == [9, 8]
    # Many queries are thinned out, both ends stay.
    queries, values = values_by_query([curve(np.arange(1, 301), np.arange(300))])
    assert len(queries) == 60 and queries[0] == 1 and queries[-1] == 300
    assert values[0].tolist() == (queries - 1).tolist()


def test_shades_and_labels():
    assert shade_range([np.array([[np.nan, 0.25], [0.5, 0.75]])]) == (0.25, 0.75)
    assert shade_range([np.array([0.5]), np.array([0.5])]) == (0.0, 1.0)
    assert shade_range([np.array([7.0])]) == (6.5, 7.5)
    assert row_labels(["entropy_up_0", "entropy_up_1"]) == ["0", "1"]
    assert row_labels(["entropy", "entropy_up_1"]) == ["entropy", "entropy_up_1"]
    assert row_labels(["entropy_up_0"]) == ["entropy_up_0"]


class Trained(ToyBenchmark):
    """Has training data in name."""

    def training_task(self):
        return object()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The report of a run of the strategy beside random search."""
    folder = tmp_path_factory.mktemp("run")
    benchmark = Trained(load_space("nasbench201"))
    given = {benchmark.name: benchmark}
    run_experiment(Experiment((benchmark.name,), ("random-search", PLACE), (0, 1, 2), 12), folder, benchmarks=given)
    return report_run(folder, benchmarks=given)


def test_report_of_a_run(files, sound):
    text = sound(files).source
    section = text[text.index('<h2 id="diagnostics"') : text.index('<h2 id="provenance"')]
    plots, maps = re.findall(r"<figure.*?</figure>", section, flags=re.DOTALL)
    # One plot, of what is in no group; one heat map of the group, with a row for each member.
    assert re.findall(r'role="img" aria-label="([^"]*?) of ', plots) == ["Gap between two losses"]
    assert maps.count('role="img"') == 1
    for edge in ("up_0", "up_1", "normal_0", "normal_1"):
        assert f">{edge}</text>" in maps
    assert f"{TITLE}: " in maps and "median over 3 seeds" in maps and "shades run from 0.02703 to 1" in maps
    assert "rows: up_0, up_1, normal_0, normal_1" in maps, "the alternative text"
    # The section on ranks is there too, since the strategy trains a network.
    assert 'id="derived"' in text


def test_the_table_keeps_its_members(files):
    markdown = files.markdown.read_text(encoding="utf-8")
    section = markdown[markdown.index("## Diagnostics") : markdown.index("## Provenance")]
    rows = re.findall(r"^\| (Gap|Entropy)[^|]*\| [\d.\N{MINUS SIGN}]+ ", section, flags=re.MULTILINE)
    assert rows == ["Gap", *["Entropy"] * 4]
    assert section.count("![") == 2


def test_the_drawing_has_a_cell_for_each_value(files):
    # The name of a file is cut where the strategy lies in a long path, so what is drawn says which it is.
    drawn = [path.read_text(encoding="utf-8") for path in files.figures]
    (picture,) = [text for text in drawn if "QuadMesh_1" in text]
    tree = ElementTree.fromstring(picture)
    (mesh,) = [node for node in tree.iter() if node.get("id", "").endswith("QuadMesh_1")]
    cells = [
        node for node in mesh.iter() if node.tag.endswith(("}use", "}path")) and "fill" in (node.get("style") or "")
    ]
    shades = [re.search(r"fill: (#[0-9a-f]{6}|none)", node.get("style"))[1] for node in cells]
    # 12 queries of four edges, the last of which begins to speak at the third.
    assert len(shades) in (4 * 12 - 2, 4 * 12)
    assert shades[0] == "#08304f", "the first edge is undecided: the darkest shade"


def test_variants_share_their_shades(make, toy, relaxed, tmp_path, sound):
    variants = (relaxed, f"{relaxed}[size=3]")
    studies, evaluations = make.frames(toy, [make.Run(variant, 0, [1, 2, 3, 4]) for variant in variants])
    diagnostics = said(
        *(
            (study, query, f"entropy_up_{edge}", study * query / 8)
            for study in (1, 2)
            for query in (1, 4)
            for edge in (0, 1)
        )
    )
    files = write_report(studies, evaluations, tmp_path, benchmarks={"toy": toy}, diagnostics=diagnostics)
    text = sound(files).source
    section = text[text.index('<h2 id="diagnostics"') : text.index('<h2 id="provenance"')]
    assert section.count("<figure") == 1 and section.count('role="img"') == 2
    assert "shades run from 0.125 to 1," in section
    (path,) = [path for path in files.figures if path.name.startswith("diagnostics")]
    assert len(re.findall("QuadMesh_", path.read_text(encoding="utf-8"))) == 4, "one file with both, and their bars"
