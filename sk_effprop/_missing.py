"""Missing numbers: their mask, and their imputation by a value for each column."""

from typing import Any

import numpy as np
from scipy import sparse

from sk_effprop._quantiles import column_quantiles
from sk_effprop.core.arrays import Array, dense

# The median is the mean of the values at half the weight and just above.
HALVES = (0.5, 0.5 * (1.0 + 1e-9))


def missing_mask(numbers: Any) -> Any:
    """Mask of missing values, sparse if the numbers are."""
    if not sparse.issparse(numbers):
        return np.isnan(numbers)
    return sparse.csr_array(
        (np.isnan(numbers.data), numbers.indices, numbers.indptr), shape=numbers.shape
    )


def missing_columns(numbers: Any) -> Array:
    return np.asarray(missing_mask(numbers).sum(axis=0) > 0).ravel()


def column_medians(numbers: Any, weight: Array, is_missing: Array) -> Array:
    """Weighted median of each column without its missing values; 0 if there are none.

    ``is_missing`` tells which columns have missing values.
    """
    medians = np.zeros(numbers.shape[1])
    whole = np.flatnonzero(~is_missing)
    if len(whole):
        halves = column_quantiles(numbers[:, whole], weight, HALVES)
        medians[whole] = halves.mean(axis=0)
    for j in np.flatnonzero(is_missing):
        column = dense(numbers[:, [j]])
        is_known = ~np.isnan(column[:, 0])
        if is_known.any():
            known, share = column[is_known], weight[is_known]
            medians[j] = column_quantiles(known, share, HALVES).mean()
    return medians


def filled(numbers: Any, is_missing: Any, values: Array) -> Any:
    """Return a copy whose missing entries are replaced by one value for each column."""
    if not sparse.issparse(numbers):
        return np.where(is_missing, values.astype(numbers.dtype), numbers)
    stored = np.where(np.isnan(numbers.data), values[numbers.indices], numbers.data)
    parts = stored.astype(numbers.dtype), numbers.indices, numbers.indptr
    return sparse.csr_array(parts, shape=numbers.shape)
