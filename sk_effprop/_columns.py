"""Conversion of the columns of a table to NumPy arrays of numbers and labels.

A :class:`Table` keeps the rows of the user, not yet the inputs of a network::

    table = read_table(columns_of(frame, has_choice=True), "from_dtype")
    table.kinds      # ("number", "category", "date")
    table.numbers    # (n_samples, 2), dates in days, NaN where a value is missing
    table.labels     # one Labels for each category

A later table is read by the kinds of the first one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from numbers import Real
from typing import Any, NoReturn

import numpy as np

from sk_effprop._frames import Column
from sk_effprop.core.arrays import Array

NUMBER, DATE, DURATION, CATEGORY = "number", "date", "duration", "category"
FROM_DTYPE = "from_dtype"
EPOCH, DAY = np.datetime64(0, "s"), np.timedelta64(1, "D")


@dataclass(frozen=True, eq=False)
class Labels:
    """One column of categories.

    Attributes
    ----------
    codes : ndarray of int of shape (n_samples,)
        Position in ``values``; -1 where a value is missing.
    values : ndarray of shape (n_values,)
        Different values, either text or float64.
    is_inferred : bool
        Whether it is a category only because it is text.
    """

    codes: Array
    values: Array
    is_inferred: bool = False

    @property
    def is_text(self) -> bool:
        return self.values.dtype.kind == "U"

    def __getitem__(self, rows: Any) -> "Labels":
        return replace(self, codes=self.codes[rows])


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of a table with missing values, dates or categories.

    Attributes
    ----------
    numbers : {ndarray, CSR} of shape (n_samples, n_numbers)
        All columns that are no categories, NaN where a value is missing.
    labels : tuple of Labels
        The columns that are categories.
    kinds : tuple of str
        Kind of each column of the user's table, in its order.
    """

    numbers: Any
    labels: tuple[Labels, ...]
    kinds: tuple[str, ...]

    @classmethod
    def of_numbers(cls, X: Any) -> "Table":
        """Table without categories or dates."""
        return cls(X, (), (NUMBER,) * X.shape[1])

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the user's table."""
        return len(self), len(self.kinds)

    def __len__(self) -> int:
        return int(self.numbers.shape[0])

    def __getitem__(self, rows: Any) -> "Table":
        labels = tuple(column[rows] for column in self.labels)
        return Table(self.numbers[rows], labels, self.kinds)


# ----------------------------------------------------------------------------- reading


def needs_columns(categorical_features: Any, kinds: tuple[str, ...] | None) -> bool:
    """True if there are categories or dates, whatever the types of the columns."""
    if kinds is not None:
        return any(kind != NUMBER for kind in kinds)
    is_rule = categorical_features is None or isinstance(categorical_features, str)
    return not is_rule


def read_table(
    columns: list[Column],
    categorical_features: Any,
    kinds: tuple[str, ...] | None = None,
    names: Sequence[Any] | None = None,
) -> Table:
    """Numbers and labels of columns.

    Parameters
    ----------
    columns : list of Column
    categorical_features : None, "from_dtype", names, indices or mask
        Which columns are categories.  Only used without ``kinds``.
    kinds : tuple of str, optional
        Kinds that the columns must have.
    names : sequence of str, optional
        Names of the columns; positions are taken without.

    Raises
    ------
    ValueError
        If a column is of no kind, of another one than it must be, or if
        ``categorical_features`` does not match the columns.
    """
    shown = range(len(columns)) if names is None else names
    if kinds is None:
        chosen = chosen_columns(categorical_features, len(columns), names)
        parts = [
            _first_reading(column, name, is_chosen, categorical_features)
            for column, name, is_chosen in zip(columns, shown, chosen, strict=True)
        ]
    else:
        parts = [
            (kind, _later_reading(column, name, kind))
            for column, name, kind in zip(columns, shown, kinds, strict=True)
        ]
    numbers = [values for kind, values in parts if kind != CATEGORY]
    labels = tuple(values for kind, values in parts if kind == CATEGORY)
    n_samples = len(columns[0].values) if columns else 0
    stacked = np.column_stack(numbers) if numbers else np.empty((n_samples, 0))
    return Table(stacked, labels, tuple(kind for kind, _ in parts))


# ------------------------------------------------------------------- kinds and values


def chosen_columns(
    categorical_features: Any, n_features: int, names: Sequence[Any] | None
) -> list[bool | None]:
    """For each column, True if it is chosen as a category; None if its dtype decides.

    Raises
    ------
    ValueError
        If a name or an index is not that of a column, or a mask has another length.
    """
    if isinstance(categorical_features, str):
        return [None] * n_features
    given = np.asarray([] if categorical_features is None else categorical_features)
    if given.ndim != 1:
        _raise_wrong_choice(given, "it must be a list of names or indices, or a mask")
    chosen = np.zeros(n_features, dtype=bool)
    if given.size == 0:
        return list(chosen)
    if given.dtype.kind == "b":
        if given.shape != chosen.shape:
            _raise_wrong_choice(given, f"a mask must have {n_features} entries")
        return list(given.astype(bool))
    if given.dtype.kind in "iu":
        if given.min() < 0 or given.max() >= n_features:
            _raise_wrong_choice(given, f"indices must be in [0, {n_features - 1}]")
        chosen[given] = True
        return list(chosen)
    known = [] if names is None else list(names)
    unknown = [name for name in given.tolist() if name not in known]
    if unknown:
        shown = known or "none, as X is not a data frame"
        _raise_wrong_choice(given, f"{unknown} are no columns; X has {shown}")
    return [name in set(given.tolist()) for name in known]


def _raise_wrong_choice(given: Array, rule: str) -> NoReturn:
    raise ValueError(f"categorical_features={given.tolist()} does not match X: {rule}.")


def _first_reading(
    column: Column, name: Any, is_chosen: bool | None, categorical_features: Any
) -> tuple[str, Any]:
    kind, values = _read(column, name)
    if is_chosen is None:
        wanted = CATEGORY if column.is_category else kind
        values = _as_kind(values, wanted)
        if wanted == CATEGORY and not column.is_declared:
            values = replace(values, is_inferred=True)
        return wanted, values
    if is_chosen:
        return CATEGORY, _as_kind(values, CATEGORY)
    if kind == CATEGORY:
        raise ValueError(
            f"Column {name!r} of X holds text, but categorical_features="
            f"{categorical_features!r} does not name it. Add it, drop the column, or "
            "use 'from_dtype'."
        )
    return kind, values


def _later_reading(column: Column, name: Any, wanted: str) -> Any:
    kind, values = _read(column, name)
    if wanted in (kind, CATEGORY):
        return _as_kind(values, wanted)
    if column.is_missing.all():
        return np.full(len(column.values), np.nan)
    raise ValueError(
        f"Column {name!r} of X is a {kind} now, but was a {wanted} when the model was "
        "fitted. Convert it, or fit again."
    )


def _as_kind(values: Any, kind: str) -> Any:
    is_ready = isinstance(values, Labels) or kind != CATEGORY
    return values if is_ready else _labels_of_numbers(values)


def _read(column: Column, name: Any) -> tuple[str, Any]:
    """Kind of a column, and its values: floats, or Labels of text."""
    values = column.values
    if values.dtype.kind in "OUT":
        return _read_objects(column, name)
    if values.dtype.kind in "biuf":
        is_single = values.dtype == np.float32
        return NUMBER, values.astype(np.float32 if is_single else np.float64)
    if values.dtype.kind == "M":
        return DATE, (values - EPOCH) / DAY
    if values.dtype.kind == "m":
        return DURATION, values / DAY
    _raise_unreadable(name, values.dtype.name)


def _read_objects(column: Column, name: Any) -> tuple[str, Any]:
    is_present = ~column.is_missing
    present = column.values[is_present].tolist()
    types = set(map(type, [*present, *column.declared]))

    def are(*expected: type) -> bool:
        return bool(types) and all(issubclass(one, expected) for one in types)

    if are(Real, Decimal, np.bool_) or not (types or column.is_category):
        return NUMBER, _spread(np.array(present, dtype=np.float64), is_present)
    if are(date, np.datetime64):
        dates = np.array(present, dtype="datetime64[us]")
        return DATE, _spread((dates - EPOCH) / DAY, is_present)
    if are(str) or column.is_category:
        return CATEGORY, _labels_of_objects(column)
    shown = ", ".join(sorted(one.__name__ for one in types))
    if any(issubclass(one, str) for one in types):
        raise ValueError(
            f"Column {name!r} of X mixes values of the types {shown}. Use one type for "
            "the whole column, such as str."
        )
    _raise_unreadable(name, shown)


def _raise_unreadable(name: Any, shown: str) -> NoReturn:
    raise ValueError(
        f"Column {name!r} of X holds {shown}, which is neither a number, a date, text "
        "nor a category. Convert or drop it."
    )


def _spread(present: Array, is_present: Array) -> Array:
    values = np.full(len(is_present), np.nan)
    values[is_present] = present
    return values


def _labels_of_numbers(values: Array) -> Labels:
    values = values.astype(np.float64)
    is_present = ~np.isnan(values)
    different, codes = np.unique(values[is_present], return_inverse=True)
    all_codes = np.full(len(values), -1)
    all_codes[is_present] = codes
    return Labels(all_codes, different)


def _labels_of_objects(column: Column) -> Labels:
    # categories may be of any type, and text can be sorted and saved
    position = {str(value): i for i, value in enumerate(column.declared)}
    rows = zip(column.values.tolist(), column.is_missing.tolist(), strict=True)
    codes = [
        -1 if is_missing else position.setdefault(str(value), len(position))
        for value, is_missing in rows
    ]
    return Labels(np.array(codes, dtype=np.intp), np.array([*position], dtype="U"))
