"""What a TableEncoder must know of a table that lies in parts.

Kinds of columns are agreed on first, as a column may be empty in one part and hold text
in another.  Then every part is read by them, and its statistics are merged::

    kinds = merged_kinds(kinds, other_kinds)
    statistics = TableStatistics.of(table, weight, keys).merge(other)
    statistics.teach(encoder)      # as encoder.learn(whole_table, weight) would
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from sk_effprop._columns import CATEGORY, NUMBER, Labels, Table
from sk_effprop._levels import ROUNDING
from sk_effprop._missing import column_medians, missing_columns, missing_mask
from sk_effprop._tables import TableEncoder
from sk_effprop.core.arrays import Array

# Rows whose medians stand for those of all rows.
SORTED_ROWS = 2**14


class ColumnKind(NamedTuple):
    """Kind of a column in one part, and whether all its values are missing."""

    kind: str
    is_empty: bool


def column_kinds(X: Any) -> tuple[ColumnKind, ...]:
    """Kinds of the columns of a part, a Table or an array of numbers."""
    if not isinstance(X, Table):
        return (ColumnKind(NUMBER, False),) * X.shape[1]
    is_category = np.array([kind == CATEGORY for kind in X.kinds])
    is_empty = np.zeros(len(is_category), dtype=bool)
    n_missing = np.asarray(missing_mask(X.numbers).sum(axis=0)).ravel()
    is_empty[~is_category] = n_missing == len(X)
    is_empty[is_category] = [bool((one.codes < 0).all()) for one in X.labels]
    return tuple(map(ColumnKind, X.kinds, is_empty.tolist()))


def merged_kinds(
    one: tuple[ColumnKind, ...], other: tuple[ColumnKind, ...], names: Any
) -> tuple[ColumnKind, ...]:
    """Kinds of the columns of two parts.

    Raises
    ------
    ValueError
        If a column has values of one kind in one part, and of another in the other.
    """
    merged = []
    for a, b, name in zip(one, other, names, strict=True):
        if a.kind != b.kind and not (a.is_empty or b.is_empty):
            raise ValueError(
                f"Column {name!r} of X is a {a.kind} in some rows and a {b.kind} in "
                "others. Convert it to one type everywhere."
            )
        known = b if a.is_empty else a
        merged.append(ColumnKind(known.kind, a.is_empty and b.is_empty))
    return tuple(merged)


class Unit(NamedTuple):
    """Smallest weight, and whether all weights are multiples of it; their total.

    Attributes
    ----------
    smallest : float
    is_repeat : bool
    total : float
    n_rows : int
    """

    smallest: float
    is_repeat: bool
    total: float
    n_rows: int

    @classmethod
    def of(cls, weight: Array) -> "Unit":
        """Of positive weights."""
        smallest = float(np.min(weight))
        is_repeat = bool(_are_multiples(weight, smallest).all())
        return cls(smallest, is_repeat, float(np.sum(weight)), len(weight))

    def merge(self, other: "Unit") -> "Unit":
        """Of the weights of both."""
        smallest = min(self.smallest, other.smallest)
        largest = max(self.smallest, other.smallest)
        is_repeat = self.is_repeat and other.is_repeat
        is_repeat = is_repeat and bool(_are_multiples(np.array(largest), smallest))
        total, n_rows = self.total + other.total, self.n_rows + other.n_rows
        return Unit(smallest, is_repeat, total, n_rows)

    @property
    def of_a_row(self) -> float:
        """Weight that counts as one row, see :func:`sk_effprop._levels.as_counts`."""
        return self.smallest if self.is_repeat else self.total / self.n_rows


def _are_multiples(weight: Array, unit: float) -> Any:
    with np.errstate(over="ignore", invalid="ignore"):
        times = weight / unit
        whole = np.round(times)
        return np.abs(times - whole) <= ROUNDING * whole


@dataclass(frozen=True, eq=False)
class TableStatistics:
    """Statistics of the columns of a table, all of them of known kinds.

    Attributes
    ----------
    kinds : tuple of str
    keys : ndarray of shape (n_rows,)
        Random numbers of the rows that stand for all.
    numbers : {ndarray, CSR} of shape (n_rows, n_numbers)
    weight : ndarray of shape (n_rows,)
    has_missing : ndarray of bool of shape (n_numbers,)
        Of all rows.
    levels : tuple of dict
        Total weight of each level of each category; None is a missing value.
    is_text : tuple of bool
        Whether the levels of each category are text.
    unit : Unit
    """

    kinds: tuple[str, ...]
    keys: Array
    numbers: Any
    weight: Array
    has_missing: Array
    levels: tuple[dict[Any, float], ...]
    is_text: tuple[bool, ...]
    unit: Unit

    @classmethod
    def of(cls, table: Table, weight: Array, keys: Array) -> "TableStatistics":
        """Of rows with positive weights."""
        return cls(
            table.kinds,
            keys,
            table.numbers,
            weight,
            missing_columns(table.numbers),
            tuple(_totals(labels, weight) for labels in table.labels),
            tuple(labels.is_text for labels in table.labels),
            Unit.of(weight),
        )._shortened()

    def merge(self, other: "TableStatistics") -> "TableStatistics":
        """Of the rows of both."""
        is_sparse = sparse.issparse(self.numbers)
        rows = [self.numbers, other.numbers]
        return TableStatistics(
            self.kinds,
            np.concatenate([self.keys, other.keys]),
            sparse.vstack(rows, format="csr") if is_sparse else np.concatenate(rows),
            np.concatenate([self.weight, other.weight]),
            self.has_missing | other.has_missing,
            tuple(map(_added, self.levels, other.levels)),
            self._types_with(other),
            self.unit.merge(other.unit),
        )._shortened()

    def _types_with(self, other: "TableStatistics") -> tuple[bool, ...]:
        """Whether the levels of each category of both are text."""
        types = []
        for one, two, *texts in zip(
            self.levels, other.levels, self.is_text, other.is_text, strict=True
        ):
            known = [
                is_text
                for levels, is_text in zip((one, two), texts, strict=True)
                if set(levels) - {None}
            ]
            if len(set(known)) > 1:
                raise ValueError(
                    "A category of X has text in some rows and numbers in others, such "
                    f"as {min(one, key=str)!r} and {min(two, key=str)!r}. Convert it "
                    "to one type everywhere."
                )
            types.append(any(known or texts))
        return tuple(types)

    def _shortened(self) -> "TableStatistics":
        if len(self.keys) <= SORTED_ROWS:
            return self
        rows = np.sort(np.argpartition(self.keys, SORTED_ROWS)[:SORTED_ROWS])
        return TableStatistics(
            self.kinds,
            self.keys[rows],
            self.numbers[rows],
            self.weight[rows],
            self.has_missing,
            self.levels,
            self.is_text,
            self.unit,
        )

    def teach(self, encoder: TableEncoder) -> TableEncoder:
        """Set the fitted attributes of an encoder."""
        medians = column_medians(self.numbers, self.weight, self.has_missing)
        counted = [
            _labels_and_counts(totals, is_text, self.unit.of_a_row)
            for totals, is_text in zip(self.levels, self.is_text, strict=True)
        ]
        return encoder.learn_columns(self.kinds, medians, self.has_missing, counted)


def _totals(labels: Labels, weight: Array) -> dict[Any, float]:
    """Total weight of each level; that of missing values is None."""
    codes = np.where(labels.codes < 0, len(labels.values), labels.codes)
    totals = np.bincount(codes, weight, minlength=len(labels.values) + 1).tolist()
    levels = [*labels.values.tolist(), None]
    return {
        level: total for level, total in zip(levels, totals, strict=True) if total > 0
    }


def _added(one: dict[Any, float], other: dict[Any, float]) -> dict[Any, float]:
    total = dict(one)
    for level, weight in other.items():
        total[level] = total.get(level, 0.0) + weight
    return total


def _labels_and_counts(
    totals: dict[Any, float], is_text: bool, unit: float
) -> tuple[Labels, Array]:
    """A row for each level, and how many rows of the table it stands for."""
    levels = sorted(level for level in totals if level is not None)
    values = np.array(levels, dtype="U" if is_text else np.float64)
    codes = np.append(np.arange(len(levels)), -1)
    weight = np.array([totals.get(level, 0.0) for level in [*levels, None]])
    return Labels(codes, values), weight / unit
