"""Checks of class labels, before a coding is made of them."""

from numbers import Real
from typing import Any, NoReturn

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

# Labels whose order is the same for Python and NumPy; sequences are several labels, for
# which scikit-learn has its own words, as it has for None.
SORTABLE = (str, Real, np.bool_, list, tuple, np.ndarray, type(None))


def check_labels(y: Any) -> Any:
    """Return labels, columns of labels, or an indicator matrix, as a dense array.

    Raises
    ------
    ValueError
        If y is none of these.
    """
    if y.ndim == 1 and y.dtype.kind in "biuU":
        # labels beyond doubt: scikit-learn's check takes as long as a short fit
        return y
    check_types(y, "y")
    check_classification_targets(y)
    if type_of_target(y).startswith("multilabel"):
        return y.toarray() if hasattr(y, "toarray") else np.asarray(y)
    if np.ndim(y) == 2 and np.shape(y)[1] > 1:
        return np.asarray(y)
    return column_or_1d(y, warn=True)


def has_several_columns_of_classes(y: Any, classes: Any) -> bool:
    """True if y holds a label in each of several columns, and is no indicator matrix.

    A first batch of a stream may look like an indicator matrix; then a list of classes
    for each column tells what it is.
    """
    if y.ndim == 1:
        return False
    is_list_of_classes = classes is not None and np.ndim(classes[0]) == 1
    return is_list_of_classes or not type_of_target(y).startswith("multilabel")


def check_types(labels: Any, name: str) -> None:
    """Raise a ValueError for labels that are neither text, numbers nor dates.

    Neither may they be missing, or text among labels of other types.
    """
    dtype = getattr(labels, "dtype", np.asarray(labels).dtype)
    if dtype.kind == "m":
        _raise_odd(name, str(dtype))
    if dtype.kind not in "SO":
        return
    values = np.ravel(labels).tolist()
    if any(map(_is_missing, values)):
        raise ValueError(f"{name} contains missing values. Leave these rows out.")
    types = {type(label) for label in values}
    if any(issubclass(one, bytes) for one in types):
        raise ValueError(
            f"{name} holds bytes, which scikit-learn's metrics do not accept as labels."
            f" Decode them: [label.decode() for label in {name}]."
        )
    n_texts = sum(issubclass(one, str) for one in types)
    if n_texts and n_texts < len(types):
        names = ", ".join(sorted(one.__name__ for one in types))
        raise ValueError(
            f"{name} mixes labels of the types {names}, which have no common order. "
            "Use one type for all labels, such as str."
        )
    odd = [one.__name__ for one in types if not issubclass(one, SORTABLE)]
    if odd:
        _raise_odd(name, ", ".join(sorted(odd)))


def _is_missing(label: Any) -> bool:
    """True for None, NaN, NaT and pandas.NA."""
    is_nan = isinstance(label, Real) and label != label
    return label is None or is_nan or type(label).__name__ in ("NAType", "NaTType")


def _raise_odd(name: str, types: str) -> NoReturn:
    raise ValueError(
        f"{name} holds labels of the type {types}. Labels must be text, numbers or "
        f"booleans: use [str(label) for label in {name}]."
    )


def check_indicator(y: Any) -> None:
    """Raise a ValueError if an indicator matrix holds other values than 0 and 1."""
    values = np.unique(y)
    if not np.isin(values, (0, 1)).all():
        raise ValueError(
            f"y is an indicator matrix for {y.shape[1]} labels, which must hold only 0 "
            f"and 1, but holds {values.tolist()}. If {values[-1]} means that a label "
            f"applies, use (y == {values[-1]}).astype(int)."
        )
