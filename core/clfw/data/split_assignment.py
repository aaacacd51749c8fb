"""The split of every row: as the data declares, or with a fraction or fold of the training rows held out."""

from collections import defaultdict
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from clfw.api.source import SPLITS, Table
from clfw.config.data_params import DataParams
from clfw.data.split_hash import held_out, held_out_exactly, held_out_fold, held_out_fold_exactly
from clfw.errors import DataError, UsageError
from clfw.text import bullet_list, escape


def assign_splits(
    table: Table, values: DataParams, left_out: Collection[int] = ()
) -> NDArray[np.uint8]:
    """(N,) indices into `SPLITS`: the table's, with rows held out for validation if it declares none.

    Raises:
        DataError: a group of rows divided between the table's own splits.
        UsageError: values that this table cannot serve.
    """
    refuse_divided_groups(table)
    index = {name: i for i, name in enumerate(SPLITS)}
    split = np.array([index[s] for s in table.splits], dtype=np.uint8)
    declared = int((split == index["validation"]).sum())
    if declared:
        refuse_second_split(values, declared)
        return split
    train = [row for row in np.flatnonzero(split == index["train"]).tolist() if row not in left_out]
    held = np.array(choose_held_out(table, values, train), dtype=bool)
    split[np.array(train, dtype=np.int64)[held]] = index["validation"]
    return split


def choose_held_out(table: Table, values: DataParams, train: list[int]) -> list[bool]:
    """For each of the rows `train`, whether it is held out."""
    column = table.groups if len(table.groups) else table.keys
    names, seed, fold = [column[row] for row in train], values.split_seed, values.fold_numbers
    if not values.stratify:
        if fold:
            return held_out_fold(names, fold, seed)
        return held_out(names, values.validation, seed)
    if len(table.groups):
        raise UsageError(
            "data.stratify: groups of rows that stay together cannot be stratified exactly",
            hint="omit data.stratify or data.group",
        )
    strata = [table.labels[row] or "" for row in train]
    if fold:
        return held_out_fold_exactly(names, strata, fold, seed)
    return held_out_exactly(names, strata, values.validation, seed)


def refuse_second_split(values: DataParams, declared: int) -> None:
    """Raise if folds or stratification are asked of data with its own validation split."""
    for key, asked in (("fold", values.fold), ("stratify", values.stratify)):
        if asked:
            raise UsageError(
                f"data.{key}: the data has its own validation split, of {declared:,} rows",
                hint=f"omit data.{key}",
            )


def refuse_divided_groups(table: Table) -> None:
    """Raise for groups with rows in more than one split of the table."""
    if not len(table.groups):
        return
    first: dict[str, dict[str, int]] = defaultdict(dict)
    for row, (group, split) in enumerate(zip(table.groups, table.splits, strict=True)):
        first[group].setdefault(split, row)
    faults = []
    for group, rows in first.items():
        if len(rows) > 1:
            where = [f"in {split} ({table.locations[row]})" for split, row in rows.items()]
            faults.append(f"group '{escape(group, 40)}' is {' and '.join(where)}")
    if faults:
        raise DataError(
            bullet_list("groups divided between the data's own splits", faults),
            hint="put each group in one split, or omit data.group",
        )
