"""Conversion of X: tables are read and encoded, numeric arrays are left unchanged.

An array of numbers without missing values stays what it is.  Everything else is a
:class:`Table` until ``encode_table`` turns it into numbers.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse
from sklearn import get_config
from sklearn.utils.validation import assert_all_finite

from sk_effprop._columns import NUMBER, Table
from sk_effprop._missing import filled, missing_mask
from sk_effprop._sklearn import check_feature_names_in
from sk_effprop._tables import TableEncoder, read_columns
from sk_effprop._text import remark_on_names
from sk_effprop.estimators._data import Examples
from sk_effprop.training.convergence import Convergence


def read_table(estimator: Any, X: Any, *, reset: bool) -> Table | None:
    kinds = None
    if not reset:
        encoder = estimator.table_encoder_
        only_numbers = (NUMBER,) * estimator.n_features_in_
        kinds = only_numbers if encoder is None else encoder.kinds_
    return read_columns(estimator, X, kinds, reset=reset)


def settled(X: Any, encoder: TableEncoder | None) -> Any:
    """Return X as an array if it needs no encoding, else as a Table.

    Raises
    ------
    ValueError
        If X contains infinity.
    """
    is_missing = _has_missing(X.numbers if isinstance(X, Table) else X)
    if isinstance(X, Table):
        is_plain = all(kind == NUMBER for kind in X.kinds)
        needs_encoder = is_missing or encoder is not None or not is_plain
        return X if needs_encoder else X.numbers
    return Table.of_numbers(X) if is_missing or encoder is not None else X


def _has_missing(X: Any) -> bool:
    """True if validated X has missing values, found by one sum."""
    values = X.data if sparse.issparse(X) else X
    with np.errstate(over="ignore", invalid="ignore"):
        if get_config()["assume_finite"] or np.isfinite(np.sum(values)):
            return False
        # the sum may have overflowed
        assert_all_finite(X, allow_nan=True, input_name="X")
    return bool(np.isnan(values).any())


def encoder_for(
    estimator: Any, examples: Examples, *, is_stream: bool
) -> TableEncoder | None:
    """Fit the encoder that a table needs; None for an array of numbers."""
    if not isinstance(examples.X, Table):
        return None
    encoder = TableEncoder(estimator.categorical_features)
    copy_names(estimator, encoder)
    return encoder.learn(examples.X, examples.weight, is_stream=is_stream)


def encode_table(estimator: Any, examples: Examples) -> Examples:
    """Turn the table of validated examples into numbers."""
    return replace(examples, X=as_numbers(estimator, examples.X))


def unknown_rows(estimator: Any, X: Any) -> dict[str, int]:
    """Number of rows whose level of a category is unknown, by column."""
    if not isinstance(X, Table) or estimator.table_encoder_ is None:
        return {}
    counts: dict[str, int] = estimator.table_encoder_.unknown_rows(X)
    return counts


def told_of_names(estimator: Any) -> Convergence:
    """How training ended; the advice on a bad fit tells of columns without use."""
    convergence: Convergence = estimator.convergence_
    encoder = estimator.table_encoder_
    if encoder is None or not convergence.problem:
        return convergence
    names = check_feature_names_in(encoder)[[*encoder.levels_]]
    remark = remark_on_names(names, encoder.levels_.values(), encoder.min_frequency)
    return replace(convergence, advice=f"{convergence.advice} {remark}".strip())


def as_numbers(estimator: Any, X: Any) -> Any:
    """Turn a table into the numbers that are normalised; arrays stay as they are.

    If the training data had no missing values, there is nothing but the location of
    each column to replace them.

    Raises
    ------
    ValueError
        If not even that is known.
    """
    if not isinstance(X, Table):
        return X
    if estimator.table_encoder_ is not None:
        return estimator.table_encoder_.encode(X)
    if not hasattr(estimator, "normalizer_") or estimator.normalizer_ is None:
        raise ValueError(
            "X contains NaN, but the first training data had no missing values, and "
            "with normalize=None nothing is known that could replace them. Fit to "
            "data with missing values, or use normalize='standardize'."
        )
    return filled(X.numbers, missing_mask(X.numbers), estimator.normalizer_.mean_)


def copy_names(estimator: Any, transformer: Any) -> None:
    """Give a transformer the number and the names of the columns of the user."""
    for name in ("n_features_in_", "feature_names_in_"):
        if hasattr(estimator, name):
            setattr(transformer, name, getattr(estimator, name))
