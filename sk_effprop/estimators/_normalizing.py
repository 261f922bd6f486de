"""Fitting and updating an InputNormalizer with data that an estimator has validated."""

from copy import copy
from typing import Any

import numpy as np
from scipy import sparse

from sk_effprop._input_statistics import (
    FAR,
    ColumnStatistics,
    learn_columns,
    update_columns,
    without_unusual_beginning,
)
from sk_effprop.core.arrays import Array
from sk_effprop.preprocessing import ROTATIONS, InputNormalizer

# What fewer rows say about the scale of a column is preliminary.
FEW = 150


def fit_normalizer(
    normalizer: InputNormalizer, X: Any, weight: Array, *, is_stream: bool = False
) -> InputNormalizer:
    """Fit a normaliser to X that an estimator has validated, and return it.

    X may be sparse with every method, because estimators fold the normalisation into
    their first layer.

    Parameters
    ----------
    normalizer : InputNormalizer
        Not fitted yet.
    X : {ndarray, sparse array} of shape (n_samples, n_features)
    weight : ndarray of shape (n_samples,)
    is_stream : bool
        Keep what later calls of :func:`updated` need to be accurate.

    Raises
    ------
    ValueError
        For sparse X, if a clip follows a rotation.
    """
    _check_clip(normalizer, is_sparse=sparse.issparse(X))
    method = normalizer.method
    statistics = (
        update_columns(None, X, weight, method)
        if is_stream
        else learn_columns(X, weight, method)
    )
    return normalizer_with(normalizer, statistics, is_sparse=sparse.issparse(X))


def normalizer_with(
    normalizer: InputNormalizer, statistics: ColumnStatistics, *, is_sparse: bool
) -> InputNormalizer:
    """Set the statistics of a normaliser, and return it.

    Raises
    ------
    ValueError
        For sparse X, if a clip follows a rotation.
    """
    _check_clip(normalizer, is_sparse=is_sparse)
    return normalizer._set_statistics(statistics)


def _check_clip(normalizer: InputNormalizer, *, is_sparse: bool) -> None:
    is_clipped_rotation = normalizer.clip is not None and normalizer.method in ROTATIONS
    if is_sparse and is_clipped_rotation:
        raise ValueError(
            f"input_clip={normalizer.clip} cannot follow normalize="
            f"{normalizer.method!r} for sparse X, as every clipped value would depend "
            "on a whole row. Use input_clip=None, normalize='standardize', or dense X."
        )


def updated(normalizer: InputNormalizer, X: Any, weight: Array) -> InputNormalizer:
    """Copy of a fitted normaliser that has seen one more batch of validated X.

    Rows that are far from all that follow are forgotten in the end.
    """
    known = normalizer._statistics
    after = update_columns(known, X, weight, normalizer.method)
    return copy(normalizer)._set_statistics(without_unusual_beginning(after))


def columns_begun_anew(before: InputNormalizer, after: InputNormalizer) -> Array:
    """True for each column whose scale is a new one, for which no weights were learnt.

    What n rows say about the scale holds up to a factor of n, and FAR at least: with
    weights that compensate for a larger one, all units would be saturated.  Columns
    that turn out to be much smaller have hardly moved until then.
    """
    later = before._statistics.later
    if later.n_before >= FEW:
        return np.zeros(len(before.scale_), dtype=bool)
    # quartiles may jump, and say nothing about a unit
    with np.errstate(divide="ignore", invalid="ignore"):
        growth = np.sqrt(after.var_ / before.var_)
    is_new = growth < 1.0 / FAR
    if later.n_set < FEW:
        is_new |= growth > max(FAR, later.n_set)
    # columns that have been constant have weights of zero
    return np.asarray(is_new & (before.var_ > 0.0))
