"""Access to the columns of data frames, and of arrays with categorical columns.

Frames are read with narwhals, which knows those of pandas, polars, pyarrow and others.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils import check_array

from sk_effprop.core.arrays import Array


class Column(NamedTuple):
    """One column as NumPy holds it.

    Attributes
    ----------
    values : ndarray of shape (n_samples,)
        Numbers, booleans, dates, or objects.
    is_missing : ndarray of shape (n_samples,)
    is_category : bool
        Whether its dtype is that of text or of categories.
    is_declared : bool
        Whether its dtype is that of categories.
    declared : sequence
        Values that the dtype lists, whether or not they occur.
    """

    values: Array
    is_missing: Array
    is_category: bool = False
    is_declared: bool = False
    declared: Sequence[Any] = ()


def columns_of(X: Any, *, has_choice: bool) -> list[Column] | None:
    """Columns of X, or None if it is an ordinary array or frame of numbers.

    Parameters
    ----------
    X : data frame or array-like of shape (n_samples, n_features)
    has_choice : bool
        Whether columns are read one by one even if all of them are numbers.

    Raises
    ------
    ValueError
        If columns of a sparse X are meant to be categories.
    """
    frame = _as_frame(X)
    if frame is not None:
        has_numbers = all(map(_is_numeric, frame.iter_columns()))
        if has_numbers and not has_choice:
            return None
        return [_column_of_series(series) for series in frame.iter_columns()]
    if not has_choice:
        return None
    if sparse.issparse(X):
        raise ValueError(
            "Categories are columns of a data frame or a dense array, got sparse X. "
            "Use X.toarray(), or OneHotEncoder and categorical_features=None."
        )
    X = check_array(X, dtype=None, ensure_all_finite=False)
    return [_column_of_array(X[:, j]) for j in range(X.shape[1])]


def _as_frame(X: Any) -> Any:
    """Convert a data frame to narwhals; None for other X, or without narwhals."""
    if isinstance(X, np.ndarray | list | tuple) or sparse.issparse(X):
        return None
    try:
        import narwhals.stable.v2 as nw
    except ImportError:
        return None
    try:
        frame = nw.from_native(X, pass_through=True, eager_only=True)
        return frame if isinstance(frame, nw.DataFrame) and frame.schema else None
    except nw.exceptions.DuplicateError:
        return None


def _is_numeric(series: Any) -> bool:
    """True if scikit-learn converts the column."""
    import narwhals.stable.v2 as nw

    dtype = series.dtype
    if dtype == nw.Unknown:
        # sparse columns are, but neither periods, intervals nor complex numbers
        return getattr(series.to_native().dtype, "kind", "f") not in "Oc"
    return bool(dtype.is_numeric() and dtype != nw.Decimal)


def _column_of_series(series: Any) -> Column:
    import narwhals.stable.v2 as nw

    is_missing, dtype = series.is_null().to_numpy(), series.dtype
    is_declared = isinstance(dtype, nw.Categorical | nw.Enum)
    is_category = is_declared or isinstance(dtype, nw.String)
    if series.implementation.is_pandas_like():
        native = series.to_native()
        listed = getattr(native.dtype, "categories", ())
        if hasattr(native.dtype, "freq"):
            # a period is the date of its beginning
            return Column(native.dt.to_timestamp().to_numpy(), is_missing)
    else:
        # those of pl.Categorical are the ones of the whole process
        listed = dtype.categories if isinstance(dtype, nw.Enum) else ()
        if is_category:
            # narwhals 2 takes null for a category when it converts those of pyarrow
            series = series.cast(nw.String)
    return Column(series.to_numpy(), is_missing, is_category, is_declared, list(listed))


def _column_of_array(values: Array) -> Column:
    if values.dtype.kind == "O":
        is_missing = [_is_missing(value) for value in values.tolist()]
        return Column(values, np.array(is_missing, dtype=bool))
    return Column(values, values != values)


def _is_missing(value: Any) -> bool:
    """True if an object is None, NaN, NaT or pandas.NA."""
    if value is None:
        return True
    try:
        return bool(value != value)
    except TypeError:
        # pandas.NA is neither equal nor unequal to anything
        return True
    except ValueError:
        # an array
        return False
