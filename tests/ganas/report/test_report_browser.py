import re
import shutil
import subprocess

import pandas as pd
import pytest

from ganas.report import write_report

BROWSER = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no chromium to look at the page with")

# Says on the page itself what a person would see: a page wider than the window, and text that sticks out of its box.
PROBE = """<script>
addEventListener("load", () => {
  const root = document.documentElement;
  const wide = [...document.querySelectorAll("main *")].filter(e => !e.closest(".scroll, .graph, svg")
    && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.tagName);
  const flat = [...document.querySelectorAll("figure svg")].filter(e => e.getBoundingClientRect().height < 8
    && !e.classList.contains("swatch")).length;
  const cut = [...document.querySelectorAll(".scroll")].filter(e => e.scrollWidth > e.clientWidth + 1).length;
  root.setAttribute("data-probe",
    [root.scrollWidth <= innerWidth, wide.length, flat, cut, document.querySelectorAll("figure svg").length].join(" "));
});
</script>"""


def look(page, tmp_path, width):
    """Load the page in a headless browser: the probe's answer and the console's messages."""
    done = subprocess.run(
        [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--enable-logging=stderr", f"--user-data-dir={tmp_path / f'profile-{width}'}",
            f"--window-size={width},2000", "--dump-dom", page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )  # fmt: skip
    fits, wide, flat, cut, figures = re.search(r'data-probe="([^"]*)"', done.stdout).group(1).split()
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return fits == "true", int(wide), int(flat), int(cut), int(figures), console


@pytest.fixture(scope="module")
def page(make, toy, tmp_path_factory, relaxed):
    """A report of three benchmarks and four strategies with long names, two of which say something of themselves."""
    names = ("random-search", "local-search", "regularized-evolution[population_size=50]", relaxed)
    benchmarks = [toy, *(make.Benchmark(f"nasbench201-imagenet16-{n}", values={17: 99.0}) for n in range(2))]
    pairs = [
        make.frames(b, make.searches(b, variants=names, seeds=6, budget=110), first_study=1 + 1000 * number)
        for number, b in enumerate(benchmarks)
    ]
    studies, evaluations = (pd.concat(pair, ignore_index=True) for pair in zip(*pairs, strict=True))
    speaking = studies["study"][studies["variant"] == names[2]]
    diagnostics = pd.DataFrame(
        [
            (study, query, name, 1e-4 * study * query)
            for study in speaking
            for query in range(20, 110, 15)
            for name in ("discriminator_accuracy", "entropy", "share_new", "a_rather_" + "long_" * 15 + "name")
        ],
        columns=["study", "query", "name", "value"],
    )
    relaxing = studies["study"][studies["variant"] == relaxed]
    entropies = pd.DataFrame(
        [
            (study, query, f"entropy_{edge}", query / 110)
            for study in relaxing
            for query in range(10, 110, 10)
            for edge in ("up_0", "up_1", "normal_0", "normal_1")
        ],
        columns=["study", "query", "name", "value"],
    )
    files = write_report(
        studies,
        evaluations,
        tmp_path_factory.mktemp("report"),
        benchmarks={b.name: b for b in benchmarks},
        diagnostics=pd.concat([diagnostics, entropies], ignore_index=True),
        command="ganas " + "x" * 300,
    )
    probed = files.html.with_name("probed.html")
    text = files.html.read_text(encoding="utf-8")
    probed.write_text(text.replace("</body>", f"{PROBE}</body>"), encoding="utf-8")
    return probed


@pytest.mark.parametrize("width", [1920, 1280, 500])
def test_page_fits_its_window(page, tmp_path, width):
    fits, wide, flat, cut, figures, console = look(page, tmp_path, width)
    assert fits
    assert wide == 0
    assert flat == 0
    expected = 3 + 3 + 3 + 2 * 4 + 3 + 2 + 3 * (4 + 1) + 3
    assert figures == expected, (
        "curves, shares, drawings, a legend of four twice, operations with a legend of two, plots of diagnostics with "
        "a legend, heat maps"
    )
    assert console == []
    if width >= 1280:
        assert cut == 0, "a table has to be scrolled to be read"


def test_the_probe_sees_what_does_not_fit(page, tmp_path):
    text = page.read_text(encoding="utf-8")
    bad = '<div style="width:3000px">wide</div><script>console.error("oops")</script></main>'
    broken = tmp_path / "broken.html"
    broken.write_text(text.replace("</main>", bad), encoding="utf-8")
    fits, wide, _, _, _, console = look(broken, tmp_path, 1280)
    assert not fits
    assert wide == 1
    assert len(console) == 1


def test_print_has_several_pages(page, tmp_path):
    out = tmp_path / "report.pdf"
    subprocess.run(
        [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            f"--user-data-dir={tmp_path / 'profile'}", f"--print-to-pdf={out}", page.as_uri(),
        ],
        capture_output=True,
        timeout=120,
        check=True,
    )  # fmt: skip
    counts = [int(count) for count in re.findall(rb"/Count (\d+)", out.read_bytes())]
    assert max(counts) >= 4
