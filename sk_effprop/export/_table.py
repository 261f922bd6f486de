"""Kinds, names and level codes of the columns of a table, for all exports."""

from typing import Any

import numpy as np

from sk_effprop._columns import CATEGORY, DATE, DURATION, Table
from sk_effprop.core.arrays import Array


def number_columns(encoder: Any) -> Array:
    """Indices of all columns that are no categories."""
    return np.flatnonzero([kind != CATEGORY for kind in encoder.kinds_])


def indicator_columns(encoder: Any) -> Array:
    """Indices of the columns with an input that tells where values are missing."""
    return np.flatnonzero(encoder.has_indicator_)


def holds_text(encoder: Any, j: int) -> bool:
    """True if a column is a category whose levels are text."""
    return j in encoder.levels_ and bool(encoder.levels_[j].is_text)


def holds_numbers_only(encoder: Any) -> bool:
    """True if a matrix can hold the table: no text and no dates."""
    has_text = any(holds_text(encoder, j) for j in encoder.levels_)
    return not has_text and not {DATE, DURATION} & {*encoder.kinds_}


def column_names(est: Any, taken: tuple[str, ...]) -> list[str]:
    """Different names of the columns; those that are taken get an underscore."""
    given = getattr(est, "feature_names_in_", None)
    n = len(est.table_encoder_.kinds_)
    names = [f"x{j}" for j in range(n)] if given is None else map(str, given)
    used, result = {"", *taken}, []
    for name in names:
        while name in used:
            name += "_"
        used.add(name)
        result.append(name)
    return result


def codes_of(encoder: Any, table: Table) -> Array:
    """Rows with numbers as they are, and categories by what a program knows them.

    That is the position of a level among those of the training data, or its value if
    levels are numbers; -1 or another value if the training data did not have it, and
    NaN if it is missing.
    """
    rows = np.empty(table.shape)
    rows[:, number_columns(encoder)] = table.numbers
    for (j, levels), labels in zip(encoder.levels_.items(), table.labels, strict=True):
        values = labels.values
        if levels.is_text:
            position = {value: k for k, value in enumerate(levels.values.tolist())}
            values = [position.get(value, -1) for value in values.tolist()]
        rows[:, j] = np.array([*values, np.nan], dtype=np.float64)[labels.codes]
    return rows
