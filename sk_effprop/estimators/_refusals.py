"""Clearer errors for X or y of types that scikit-learn cannot convert to numbers.

The data are looked at only after they have been refused.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
from scipy import sparse

# What NumPy converts to numbers; None and pandas.NA are missing values.
CONVERTIBLE = (Real, Decimal, np.bool_, str, bytes, type(None))
TABLES = (
    "Text is read in the columns of a data frame, for which scikit-learn before 1.9 "
    "needs 'sk_effprop[tables]', and in the columns that categorical_features lists."
)
OF_TEXT = (
    "y must be numeric for regression. Convert text that stands for numbers, or use "
    "EffPropClassifier for classification."
)
MISSING = "X or y contains pandas.NA among objects. Use numpy.nan, or a data frame."


@contextmanager
def about_types(X: Any, y: Any = None, *, y_numeric: bool = False) -> Iterator[None]:
    """Context that names the column or type in an error about non-numeric values.

    scikit-learn looks for infinite values in a sum, which may overflow, and compares
    objects with themselves, which pandas.NA does not allow.
    """
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            yield
    except (TypeError, ValueError) as error:
        sentence = _cause(error, X, y, y_numeric=y_numeric)
        if sentence is None:
            raise
        # Python's error for objects that are no numbers
        is_type = isinstance(error, TypeError) and "argument must be" in str(error)
        raise (TypeError if is_type else ValueError)(sentence) from error


def _cause(error: Exception, X: Any, y: Any, *, y_numeric: bool) -> str | None:
    """Describe the data that cause an error; None if the error is clear already."""
    message = str(error).partition("\n")[0]
    if "could not convert string" in message:
        return f"{message}. {OF_TEXT if y_numeric and _is_text(y) else TABLES}"
    # scikit-learn names y only if its missing values are numbers
    if "NA is ambiguous" in message or message == "Input contains NaN":
        return "y contains missing values. Leave these rows out."
    # scikit-learn reads names with narwhals
    if type(error).__name__ == "DuplicateError":
        return f"Several columns of X are named {_repeated(X)}. Rename or drop them."
    if _is_complex(X) or _is_complex(y):
        return (
            f"Complex data not supported: {'X' if _is_complex(X) else 'y'} holds "
            "complex numbers. Use their real and imaginary parts."
        )
    if getattr(getattr(X, "dtype", None), "names", None):
        return (
            "X is a structured array. Use a pandas.DataFrame of it, or "
            "numpy.lib.recfunctions.structured_to_unstructured(X)."
        )
    return _odd_values(message, X, y)


def _repeated(X: Any) -> str:
    names = list(X.columns)
    return ", ".join(sorted({repr(one) for one in names if names.count(one) > 1}))


def _is_text(y: Any) -> bool:
    values = np.ravel(np.asarray(y, dtype=object)).tolist()
    return any(isinstance(value, str | bytes) for value in values)


def _is_complex(values: Any) -> bool:
    if sparse.issparse(values) or hasattr(values, "dtype"):
        return bool(getattr(values.dtype, "kind", "") == "c")
    return False


def _odd_values(message: str, X: Any, y: Any) -> str | None:
    """Describe non-numeric values, and quote the error; None if there are none."""
    table = np.asarray(X) if hasattr(X, "shape") and not sparse.issparse(X) else None
    if table is not None and table.ndim == 2 and table.dtype.kind == "O":
        for j, column in enumerate(table.T):
            if odd := _odd_type(column):
                return (
                    f"Column {j} of X holds {odd}, which is no number. Convert or drop "
                    f"it; dates are read in the columns of a data frame. ({message})"
                )
    targets = _as_objects(y)
    if targets is not None and (odd := _odd_type(targets)):
        return (
            f"y holds {odd}, which is neither a number nor a class. Convert it, to "
            f"numbers for regression or to text for classification. ({message})"
        )
    return MISSING if "NAType" in message else None


def _as_objects(y: Any) -> Any:
    """Targets as an array of objects; None if they are numbers."""
    if y is None or sparse.issparse(y):
        return None
    dtype = getattr(y, "dtype", None)
    if getattr(dtype, "kind", "O") != "O":
        return None
    values = list(y)
    objects = np.empty(len(values), dtype=object)
    objects[:] = values
    return objects


def _odd_type(values: Any) -> str | None:
    """Name of the first type that NumPy does not convert to a number."""
    for value in np.ravel(values).tolist():
        is_missing = type(value).__name__ in ("NAType", "NaTType")
        if not isinstance(value, CONVERTIBLE) and not is_missing:
            return type(value).__name__
    return None
