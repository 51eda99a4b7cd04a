"""The parts of the pages about benchmarks, in Markdown; each part is a list of paragraphs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ganas.data.card import Card, CardMetric
from ganas.data.page_words import epochs_in_words, held_in_words, listed, metrics_by_name
from ganas.data.sources import Source
from ganas.data.transfer import size_in_words
from ganas.spaces.errors import DataError
from ganas.spaces.registry import load_space

__all__ = [
    "asking",
    "bullets",
    "citation",
    "embedded_origin",
    "facts",
    "families",
    "metrics",
    "official_origin",
    "surrogate",
]

# In the notation of each space. Those of the official files are among the few official records that tests convert.
_EXAMPLES = {
    "darts": (
        "Genotype(normal=[('skip_connect', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 1), "
        "('dil_conv_3x3', 0), ('dil_conv_5x5', 2), ('sep_conv_3x3', 1), ('skip_connect', 2)], "
        "normal_concat=range(2, 6), reduce=[('max_pool_3x3', 0), ('avg_pool_3x3', 1), ('skip_connect', 0), "
        "('dil_conv_5x5', 1), ('sep_conv_3x3', 1), ('sep_conv_5x5', 2), ('sep_conv_3x3', 2), ('dil_conv_3x3', 3)], "
        "reduce_concat=range(2, 6))"
    ),
    "graphnas": "[0,1,1,2] gcn,gin,cheb,fc",
    "graphnas-proteins": "[0,1,1,2] gcn,sage,arma,fc",
    "nasbench101": (
        "0101000001110000010000000001000001000000010000000:input,conv3x3-bn-relu,conv1x1-bn-relu,conv1x1-bn-relu,"
        "conv3x3-bn-relu,conv1x1-bn-relu,output"
    ),
    "nasbench201": "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|",
    "natsbench-size": "8:8:40:32:40",
}


def asking(card: Card) -> list[str]:
    """How to ask for the objective of an architecture, in Python and from the shell.

    Raises:
        DataError: There is no example of an architecture of its space.
    """
    example = _EXAMPLES.get(card.space)
    if example is None:
        raise DataError(f"the page of {card.name!r} needs an example of an architecture of {card.space!r}")
    python = (
        "import ganas\n\n"
        f'bench = ganas.load_benchmark("{card.name}")\n'
        f'architecture = bench.space.parse("{example}")\n'
        f'print(bench.query(architecture, "{card.objective}"))'
    )
    mark = '"' if "'" in example else "'"
    shell = f"ganas query {card.name} --metric {card.objective} \\\n    {mark}{example}{mark}"
    return [f"```python\n{python}\n```", f"From the shell:\n\n```\n{shell}\n```"]


def facts(card: Card) -> list[str]:
    """The space, the data set, the objective and how much of the space is held."""
    space = load_space(card.space)
    size = "" if space.size is None else f", {space.size:,} architectures"
    objective = metrics_by_name(card)[card.objective][-1]
    rows = [("space", f"`{card.space}`{size}: {space.title}"), ("data set", card.dataset)]
    if card.num_classes is not None:
        rows.append(("classes", str(card.num_classes)))
    rows.append(
        ("objective", f"`{card.objective}` ({objective.unit}, {_better(objective.higher_is_better)} is better)")
    )
    if card.rows:
        held = "all of the space" if card.rows == space.size else f"{card.rows:,}"
        rows.append(("architectures held", held))
    return [_table(["", ""], rows)]


def metrics(card: Card) -> list[str]:
    """Every metric: split, unit, direction, the epochs it is held at and what it is; of a measured table the best."""
    runs = sorted({metric.run for metric in card.metrics if metric.run is not None})
    held = [f"epochs of the run over {run}" for run in runs] or ["epochs"]
    rows = []
    for name, of_name in metrics_by_name(card).items():
        last = of_name[-1]
        row = [f"`{name}`", last.split or "-", last.unit, _better(last.higher_is_better)]
        row += [_epochs(metric) for metric in _at_runs(of_name, runs)]
        row.append(last.description)
        rows.append([*row, _number(last.best_mean, last.unit)] if card.rows else row)
    header = ["metric", "split", "unit", "better", *held, "what it is"]
    if card.rows:
        return [_table([*header, "best mean"], rows)]
    return [_table(header, rows), "A complete official file holds this; `ganas info` says what yours holds."]


def embedded_origin(card: Card) -> list[str]:
    """Where the numbers of an embedded table come from."""
    source = card.source
    rows = [
        ("source", f"`{source.file}` of {source.package} {source.version}, {source.authors} ({source.licence})"),
        ("sha256 of the source", f"`{source.sha256}`"),
        ("table", f"`{card.file}`, {card.rows:,} rows, {card.bytes:,} bytes"),
        ("sha256 of the table", f"`{card.sha256}`"),
        ("licence of the measurements", card.licence),
    ]
    verify = f"`ganas data verify {card.name}` computes the digest, the counts and the best values again."
    return ["It comes with Ganas: there is nothing to download.", _table(["", ""], rows), verify]


def official_origin(card: Card, source: Source) -> list[str]:
    """Which official file a table is made of, how to get it and how to convert it."""
    files = [f"`{source.files[0]}`", *(f"the folder `{name}`" for name in source.files[1:])]
    rows = [("file", " or ".join(files))]
    if source.bytes is not None:
        rows.append(("size", f"about {size_in_words(source.bytes)}"))
    if source.sha256 is not None:
        rows.append(("sha256", f"`{source.sha256}`"))
    elif source.digest_suffix is not None:
        given = f"the authors give the last digits `{source.digest_suffix}`, taken to be of its MD5 digest"
        rows.append(("digest", f"{given}; no more is published"))
    rows.append(("licence of the measurements", card.licence))
    others = [f"[{name}]({name}.md)" for name in source.makes if name != card.name]
    if others:
        rows.append(("it also becomes", listed(others)))
    getting = [_table(["", ""], rows)]
    if source.urls:
        getting.append(f"```\nganas data fetch {source.name}\nganas data convert {source.name}\n```")
    else:
        getting.append(f"The host gives no direct link. {source.manual} Then:")
        getting.append(f"```\nganas data convert {source.files[0]}\n```")
    return getting


def surrogate(card: Card, source: Source) -> list[str]:
    """A section on how the table becomes a benchmark of the whole space; nothing where it is one itself."""
    if source.benchmark is None:
        return []
    return [
        "## A benchmark of the whole space",
        f"The table answers for what was trained, and a search proposes what nobody trained. The benchmark "
        f"`{source.benchmark}` is a [surrogate](../surrogates_search.md) of it, fitted by you:",
        f"```\nganas surrogate fit {card.name} --name {source.benchmark}\nganas search {source.benchmark} --strategy "
        "ganas --budget 150 --seed 0\n```",
    ]


def citation(card: Card) -> list[str]:
    """The paper, and the package that the numbers of an embedded table were taken from."""
    text = re.sub(r"arXiv:(\d{4}\.\d{4,5})", r"[\g<0>](https://arxiv.org/abs/\1)", card.citation)
    if not card.rows:
        return [f"{text}."]
    return [f"{text}.", f"The numbers were taken from the package {card.source.package} ({card.source.authors})."]


def families(cards: Iterable[Card]) -> list[str]:
    """A heading and a table for each family, in order of appearance."""
    found: dict[str, list[Card]] = {}
    for card in cards:
        # A title is "FAMILY on DATA SET: what is special".
        found.setdefault(card.title.partition(" on ")[0], []).append(card)
    parts = []
    for family, members in found.items():
        header = ["benchmark", "data set", "space", "splits", "objective", "epochs held of it"]
        measured = all(card.rows for card in members)
        rows = [_index_row(card)[: None if measured else len(header)] for card in members]
        parts += [f"### {family}", _table([*header, "best mean"] if measured else header, rows)]
    return parts


def bullets(lines: Iterable[str]) -> str:
    """A list."""
    return "\n".join(f"- {line}" for line in lines)


def _at_runs(metrics: Sequence[CardMetric], runs: Sequence[int]) -> list[CardMetric | None]:
    """A metric at each run; at the only place where the table tells no runs apart."""
    if not runs:
        return [metrics[-1]]
    of_run = {metric.run: metric for metric in metrics}
    return [of_run.get(run) for run in runs]


def _epochs(metric: CardMetric | None) -> str:
    if metric is None:
        return "-"
    return epochs_in_words(metric.epochs) or ("-" if metric.run is None else "once")


def _index_row(card: Card) -> list[str]:
    runs = metrics_by_name(card)[card.objective]
    splits = {metric.split for metric in card.metrics}
    return [
        f"[`{card.name}`]({card.name}.md)",
        card.title.partition(" on ")[2].partition(":")[0],
        f"`{card.space}`",
        listed(split for split in ("train", "valid", "test") if split in splits),
        f"`{card.objective}`",
        held_in_words(runs),
        f"{_number(runs[-1].best_mean, runs[-1].unit)} {runs[-1].unit}",
    ]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [" | ".join(cell.replace("|", r"\|") for cell in line) for line in (header, ["---"] * len(header), *rows)]
    return "\n".join(f"| {line} |" for line in lines)


def _better(higher: bool) -> str:
    return "higher" if higher else "lower"


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if unit == "count" else f"{value:.5g}"
