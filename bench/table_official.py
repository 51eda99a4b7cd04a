"""Tables of what an opened object of the official packages holds, the same as of the converted file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganas.data.catalog import CardMetric, CardSource, metric_key
from ganas.data.convert.natsbench_cards import DATASETS, FAMILIES, Family
from ganas.data.convert.natsbench_checks import read_record
from ganas.data.convert.natsbench_files import ArchitectureRecord, read_architectures
from ganas.data.convert.natsbench_tables import DatasetTable, TableBuilder
from ganas.spaces.errors import DataError, InvalidSetting, unknown_name

__all__ = ["official_dataset_table", "ordered_values"]

_PARTS = ("arch2infos_dict", "meta_archs", "evaluated_indexes")


def official_dataset_table(api: Any, dataset: str) -> DatasetTable:
    """What becomes the table of one data set; see :meth:`ganas.bench.tabular.TabularBenchmark.from_official`.

    Raises:
        InvalidSetting: The object is of neither package.
        UnknownName: There is no such data set.
        DataError: What it holds is damaged, or is nothing for this data set.
    """
    if not all(hasattr(api, part) for part in _PARTS):
        raise InvalidSetting(
            f"an opened NASBench201API or an object of nats_bench.create is wanted, not {type(api).__name__}"
        )
    known = {one.official: one for one in DATASETS}
    if dataset not in known:
        raise unknown_name("data set", dataset, known)
    family = _family_of(api)
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


def _family_of(api: Any) -> Family:
    space = getattr(api, "search_space_name", None)
    if space in ("topology", "size"):
        return FAMILIES[f"natsbench-{space}"]
    # NASBench201API does not say which version of the file it has; the name of the file does.
    version = "v1.0" if "v1_0" in str(getattr(api, "filename", None)) else "v1.1"
    return FAMILIES[f"nasbench201-{version}"]


def _records(api: Any, family: Family) -> Iterator[ArchitectureRecord]:
    space = "size" if family.space == "natsbench-size" else "topology"
    if getattr(api, "fast_mode", False) and getattr(api, "archive_dir", None):
        # Asking the object would keep every record in it, about 2 MB each.
        yield from read_architectures(Path(api.archive_dir), space=space)
        return
    for index, runs in api.arch2infos_dict.items():
        states = {run: results.state_dict() for run, results in runs.items()}
        yield read_record(int(index), states, space=space, arch_str=str(api.meta_archs[index]))
