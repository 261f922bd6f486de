"""Moments of columns: weighted, computed block by block, and merged.

Moments of parts are merged as Chan, Golub and LeVeque do (1983), so that neither a
large mean nor many parts cost accuracy.
"""

from functools import reduce
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils.sparsefuncs import mean_variance_axis

from sk_effprop.core.arrays import dense, row_blocks, stacked


class Moments(NamedTuple):
    """Moments of the columns of some rows.

    Attributes
    ----------
    weight : float
        Sum of the weights of the rows.
    mean : ndarray of shape (n_features,)
    deviations : ndarray of shape (n_features,) or (n_features, n_features)
        Weighted sums of the squared deviations from the mean, or of the products of the
        deviations of each pair of columns.
    """

    weight: float
    mean: Any
    deviations: Any

    @property
    def variance(self) -> Any:
        """Population variance of each column."""
        cross = self.deviations.ndim == 2
        own = np.diagonal(self.deviations) if cross else self.deviations
        return own / self.weight

    def merge(self, other: "Moments") -> "Moments":
        """Combined moments of the rows of both objects."""
        total = self.weight + other.weight
        if total == 0.0:
            return self
        shift, share = other.mean - self.mean, other.weight / total
        # in this order, as the product of two weights may overflow or underflow
        between = self.weight * share
        spread = np.outer(shift, shift) if self.deviations.ndim == 2 else shift**2
        return Moments(
            total,
            self.mean + shift * share,
            self.deviations + other.deviations + spread * between,
        )


# Squares and sums of columns whose largest value lies between these can be formed.
SMALLEST, LARGEST = 1e-100, 1e100


def unit_of(largest: Any) -> Any:
    """Unit for columns with these largest values: a power of two, 1 for usual columns.

    In such units, squares neither overflow nor underflow.  Division by a power of two
    is exact, so that a change of the unit leaves all digits.
    """
    is_usual = (largest == 0.0) | ((largest > SMALLEST) & (largest < LARGEST))
    _, exponents = np.frexp(largest)
    return np.where(is_usual, 1.0, np.ldexp(1.0, exponents - 1))


def dense_moments(X: Any, weight: Any, *, cross: bool) -> Moments:
    """Two-pass moments of one block of rows; ``cross`` includes pairs of columns."""
    X = X.astype(np.float64, copy=False)
    total = float(weight.sum())
    if total == 0.0:
        d = X.shape[1]
        return Moments(0.0, np.zeros(d), np.zeros((d, d) if cross else d))
    mean = weight @ X / total
    centred = X - stacked(mean, len(X))
    is_unit = bool((weight == 1.0).all())
    weighted = centred if is_unit else weight[:, None] * centred
    if cross:
        return Moments(total, mean, weighted.T @ centred)
    return Moments(total, mean, np.einsum("ij,ij->j", weighted, centred))


def column_moments(X: Any, weight: Any, *, cross: bool) -> Moments:
    """Moments of the columns, block by block; sparse X is never densified whole."""
    if sparse.issparse(X) and not cross:
        mean, variance, total = mean_variance_axis(
            X.astype(np.float64), axis=0, weights=weight, return_sum_weights=True
        )
        return Moments(float(weight.sum()), mean, variance * total)
    blocks = (
        dense_moments(dense(X[rows]), weight[rows], cross=cross)
        for rows in row_blocks(*X.shape)
    )
    return reduce(Moments.merge, blocks)
