"""Tables of the command line: a CSV file as inputs and a target."""

import csv
from typing import Any

import numpy as np

# A numeric target with more distinct values than this is a regression target.
MAX_NUMERIC_CLASSES = 20


class Refusal(Exception):
    """Error that is shown as a sentence instead of a traceback."""


def has_classes(y: Any) -> bool:
    """Whether a target from :func:`read_table` consists of classes."""
    return y.dtype.kind in "iU"


def read_table(path: str, target: str) -> tuple[Any, Any]:
    """Read inputs and target from a CSV file with a header line.

    Raises
    ------
    Refusal
        If there is no such file or column, or an input column is not numeric.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            header, *rows = [row for row in csv.reader(file) if row]
    except FileNotFoundError:
        raise Refusal(f"File not found: {path}") from None
    except (OSError, ValueError, csv.Error) as error:
        raise Refusal(f"{path} is not a CSV file with a header line: {error}") from None
    if target not in header:
        raise Refusal(f"{path} has no column {target!r}, only {', '.join(header)}.")
    if any(len(row) != len(header) for row in rows):
        raise Refusal(f"{path} has rows that are longer or shorter than its header.")
    repeated = {name for name in header if header.count(name) > 1}
    if repeated:
        raise Refusal(f"{path} has several columns named {sorted(repeated)}.")
    if len(rows) < 10 or len(header) < 2:
        raise Refusal(
            f"{path} has too few rows or columns to learn from: {len(rows)} rows, "
            f"{len(header)} columns."
        )
    columns = dict(zip(header, zip(*rows, strict=True), strict=True))
    y = _as_target(columns.pop(target), target)
    inputs = [_as_numbers(values, name) for name, values in columns.items()]
    return np.column_stack(inputs), y


def _as_numbers(values: tuple[str, ...], name: str) -> Any:
    try:
        numbers = np.array([float(value) if value else np.nan for value in values])
    except ValueError as error:
        raise Refusal(
            f"column {name!r} is not numeric ({error}). Drop it, or turn it into "
            "numbers first: sklearn.preprocessing.OneHotEncoder or pandas.get_dummies."
        ) from None
    if not np.isfinite(numbers).all():
        raise Refusal(
            f"column {name!r} has missing or infinite values. Drop these rows or fill "
            "them in first: sklearn.impute.SimpleImputer."
        )
    return numbers


def _as_target(values: tuple[str, ...], name: str) -> Any:
    """Class labels for text and few whole numbers, else a regression target."""
    missing = Refusal(f"the target {name!r} has missing or infinite values.")
    if any(value.strip().lower() in ("", "nan", "na") for value in values):
        raise missing
    try:
        numbers = np.array([float(value) for value in values])
    except ValueError:
        return np.array(values)
    if not np.isfinite(numbers).all():
        raise missing
    whole = np.array_equal(numbers, np.round(numbers))
    few = len(np.unique(numbers)) <= MAX_NUMERIC_CLASSES
    return numbers.astype(int) if whole and few else numbers
