"""Tables of what an opened object of the official packages holds, the same as of the converted file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganas.data.card import CardMetric, CardSource, metric_key
from ganas.data.convert.natsbench_cards import DATASETS, FAMILIES, Family
from ganas.data.convert.natsbench_checks import read_record
from ganas.data.convert.natsbench_files import ArchitectureRecord, read_architectures
from ganas.data.convert.natsbench_tables import DatasetTable, TableBuilder
from ganas.data.page_words import listed
from ganas.spaces.errors import DataError, InvalidSetting, unknown_name

__all__ = ["official_dataset_table", "ordered_values"]

_PARTS = ("arch2infos_dict", "meta_archs", "evaluated_indexes")


def official_dataset_table(api: Any, dataset: str | None, *, named: bool) -> DatasetTable:
    """What becomes the table of one data set; see :meth:`ganas.bench.tabular.TabularBenchmark.from_official`.

    Args:
        api: The object.
        dataset: The data set by its official name.
        named: Whether the table gets a name of its own.

    Raises:
        InvalidSetting: The object is of neither package, no data set is given, or the object does not say which
            version of the file it has and the table gets no name of its own.
        UnknownName: There is no such data set.
        DataError: What it holds is damaged, or is nothing for this data set.
    """
    if not all(hasattr(api, part) for part in _PARTS):
        raise InvalidSetting(
            f"an opened NASBench201API or an object of nats_bench.create is wanted, not {type(api).__name__}"
        )
    known = {one.official: one for one in DATASETS}
    if dataset is None:
        raise InvalidSetting(
            f"which data set? A table is of one of them: from_official(api, {DATASETS[0].official!r}), "
            f"{listed((repr(one) for one in [*known][1:]), 'or')}"
        )
    if dataset not in known:
        raise unknown_name("data set", dataset, known)
    family = _family_of(api, named)
    builder = TableBuilder(family, only=dataset)
    for record in _records(api, family):
        builder.add(record)
    source = CardSource(family.title, "", str(getattr(api, "filename", None) or type(api).__name__), "", "", "")
    tables = list(builder.tables(source))
    if not tables:
        raise DataError(f"{type(api).__name__} holds no result for {dataset}")
    return tables[0]


def ordered_values(table: DatasetTable) -> tuple[NDArray[np.int64], list[CardMetric], dict[str, NDArray[np.floating]]]:
    """Identity keys in increasing order, and every metric with its values in that order."""
    order = np.argsort(table.identities)
    metrics, values = [], {}
    for metric, given in table.values:
        metrics.append(metric)
        values[metric_key(metric)] = given[order]
    return table.identities[order], metrics, values


def _family_of(api: Any, named: bool) -> Family:
    space = getattr(api, "search_space_name", None)
    if space in ("topology", "size"):
        return FAMILIES[f"natsbench-{space}"]
    # NASBench201API does not say which version of the file it has; the name of the file does.
    name = str(getattr(api, "filename", None))
    for version in ("v1.0", "v1.1"):
        if version.replace(".", "_") in name:
            return FAMILIES[f"nasbench201-{version}"]
    if not named:
        raise InvalidSetting(
            f"the {type(api).__name__} was not opened from a file, so it does not say which version it has: give the "
            "table a name of its own, name=..."
        )
    return FAMILIES["nasbench201-v1.1"]


def _records(api: Any, family: Family) -> Iterator[ArchitectureRecord]:
    space = "size" if family.space == "natsbench-size" else "topology"
    if getattr(api, "fast_mode", False) and getattr(api, "archive_dir", None):
        # Asking the object would keep every record in it, about 2 MB each.
        yield from read_architectures(Path(api.archive_dir), space=space)
        return
    for index, runs in api.arch2infos_dict.items():
        states = {run: _plain(results.state_dict()) for run, results in runs.items()}
        yield read_record(int(index), states, space=space, arch_str=str(api.meta_archs[index]))


def _plain(state: Any) -> Any:
    """Without the numbers of numpy, which the reader of files turns into plain ones as well."""
    if isinstance(state, dict):
        return {key: _plain(value) for key, value in state.items()}
    if isinstance(state, list):
        return [_plain(value) for value in state]
    return state.item() if isinstance(state, np.generic) else state
