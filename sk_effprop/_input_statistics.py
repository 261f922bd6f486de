"""Statistics of the columns of X, and the normalisation that follows from them.

:func:`learn_columns` measures one array, or updates the statistics of a stream.
:func:`make_normalization` turns them into the record that core applies.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sk_effprop._moments import Moments, column_moments, column_quantiles, dense
from sk_effprop.core.arrays import Array
from sk_effprop.core.normalization import Normalization, principal_axes

METHODS = ("center", "scale", "standardize", "robust", "decorrelate", "whiten")
ROTATIONS = ("decorrelate", "whiten")

# "robust" replaces the mean and deviation of a column by its median and interquartile
# range if the deviation is this many times what the quartiles suggest.
HEAVY_TAIL = 3.0
# interquartile range of a normal distribution, in standard deviations
NORMAL_IQR = 1.349
# points that stand for the distribution of a column between calls of partial_fit
SUMMARY_POINTS = 1000


@dataclass(frozen=True, eq=False)
class ColumnStatistics:
    """Statistics of the columns of one array or of a stream.

    Attributes
    ----------
    method : str or None
        The method that they are measured for.
    moments : Moments
    n_rows : int
        Number of rows, whatever their weights.
    quartiles : ndarray of shape (3, n_features) or None
        Lower quartile, median and upper quartile; only for "robust".
    summary : tuple of ndarray or None
        Points of shape (SUMMARY_POINTS, n_features) that stand for the distribution of
        each column, and their weights.
    """

    method: str | None
    moments: Moments
    n_rows: int
    quartiles: Array | None = None
    summary: tuple[Array, Array] | None = None


def learn_columns(
    X: Any, weight: Array, method: str | None, known: ColumnStatistics | None = None
) -> ColumnStatistics:
    """Statistics of validated X, sparse or dense, merged with those known before.

    Raises
    ------
    ValueError
        If the known statistics are those of another method.
    """
    if known is not None and known.method != method:
        raise ValueError(
            f"method was {known.method!r} for the earlier batches and is now "
            f"{method!r}, which needs other statistics of them. Call fit, or use a new "
            "InputNormalizer."
        )
    moments = column_moments(X, weight, cross=method in ROTATIONS)
    n_rows = X.shape[0]
    if known is not None:
        moments = known.moments.merge(moments)
        n_rows += known.n_rows
    if method != "robust":
        return ColumnStatistics(method, moments, n_rows)
    if known is not None and known.summary is not None:
        X = np.vstack([known.summary[0], dense(X)])
        weight = np.concatenate([known.summary[1], weight])
    points = (np.arange(SUMMARY_POINTS) + 0.5) / SUMMARY_POINTS
    quantiles = column_quantiles(X, weight, [0.25, 0.5, 0.75, *points])
    shares = np.full(SUMMARY_POINTS, weight.sum() / SUMMARY_POINTS)
    return ColumnStatistics(
        method, moments, n_rows, quantiles[:3], (quantiles[3:], shares)
    )


def make_normalization(
    statistics: ColumnStatistics, clip: float | None
) -> tuple[Normalization, Array]:
    """The record that follows from the statistics, and the location of each column.

    The record subtracts the location, unless the method does not centre.
    """
    moments, method = statistics.moments, statistics.method
    location, variance = moments.mean, moments.variance
    is_constant = constant_columns(moments, statistics.n_rows)
    unscaled = method in ("center", None)
    deviation = np.ones_like(variance) if unscaled else np.sqrt(variance)
    scale = np.where(is_constant, 1.0, deviation)
    if statistics.quartiles is not None:
        lower, median, upper = statistics.quartiles
        robust = (upper - lower) / NORMAL_IQR
        is_heavy = (robust > 0) & (scale > HEAVY_TAIL * robust) & ~is_constant
        location = np.where(is_heavy, median, location)
        scale = np.where(is_heavy, robust, scale)
    components = None
    if method in ROTATIONS:
        correlation = moments.deviations / moments.weight / np.outer(scale, scale)
        # the variance of constant columns is rounding noise without a direction
        correlation[is_constant] = correlation[:, is_constant] = 0.0
        components = principal_axes(correlation, unit_variance=method == "whiten")
    shift = np.zeros_like(location) if method in ("scale", None) else location
    return Normalization(shift, scale, components, clip), location


def constant_columns(moments: Moments, n_rows: int) -> Array:
    """Whether rounding alone explains the variance, column by column.

    The bound is that of StandardScaler.  Rounding errors grow with the number of rows
    and not with their weights, which may have any unit.
    """
    variance, eps = moments.variance, np.finfo(np.float64).eps
    noise = n_rows * eps * variance + (n_rows * moments.mean * eps) ** 2
    return np.asarray(variance <= noise)
