"""Statistics of the columns of X, and the normalisation that follows from them.

:func:`learn_columns` measures one array, or updates the statistics of a stream.
:func:`make_normalization` turns them into the record that core applies.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from sk_effprop._moments import Moments, column_moments, unit_of
from sk_effprop._quantiles import QuantileSketch, Quartiles, column_quartiles
from sk_effprop.core.arrays import Array
from sk_effprop.core.normalization import Normalization, map_stored, principal_axes

METHODS = ("center", "scale", "standardize", "robust", "decorrelate", "whiten")
ROTATIONS = ("decorrelate", "whiten")

# "robust" replaces the mean and deviation of a column by its median and interquartile
# range if the deviation is this many times what the quartiles suggest.
HEAVY_TAIL = 3.0
# Without a clip, a robust column has at most this standard deviation.  A column that
# jitters around one value has tiny quartiles, and its rare other values would become so
# large that they spoil the training.  On streams of rare indicators, bounds of 3 to 30
# gave the log loss of "standardize", and no bound gave up to twice as much.
MAX_DEVIATION = 20.0
# The inverse of a smaller number overflows.
SMALLEST_SCALE = 1.0 / float(np.finfo(np.float64).max)
# interquartile range of a normal distribution, in standard deviations
NORMAL_IQR = 1.349


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
    quartiles : Quartiles or None
        Only for "robust".
    sketch : QuantileSketch or None
        Distribution of each column of a stream; only for "robust".
    unit : ndarray of shape (n_features,) or float
        Unit of everything above for each column.
    """

    method: str | None
    moments: Moments
    n_rows: int
    quartiles: Quartiles | None = None
    sketch: QuantileSketch | None = None
    unit: Any = 1.0

    def merge(self, other: "ColumnStatistics") -> "ColumnStatistics":
        """Statistics of the rows of both, by :func:`part_columns`."""
        unit = np.maximum(self.unit, other.unit)
        first, second = self._in_units(unit), other._in_units(unit)
        sketch = None
        if first.sketch is not None and second.sketch is not None:
            sketch = first.sketch.merge(second.sketch)
        return ColumnStatistics(
            self.method,
            first.moments.merge(second.moments),
            self.n_rows + other.n_rows,
            None,
            sketch,
            unit,
        )

    def with_quartiles(self) -> "ColumnStatistics":
        """The same statistics with the quartiles of the sketch, if there is one."""
        quartiles = None if self.sketch is None else self.sketch.quartiles()
        return replace(self, quartiles=quartiles)

    def _in_units(self, unit: Any) -> "ColumnStatistics":
        """The same statistics in another unit, without the quartiles."""
        total, mean, deviations = self.moments
        # a power of two, so that no digit changes
        share = np.broadcast_to(self.unit / unit, mean.shape)
        squares = np.outer(share, share) if deviations.ndim == 2 else share**2
        sketch = None if self.sketch is None else self.sketch.in_units(share)
        moments = Moments(total, mean * share, deviations * squares)
        return ColumnStatistics(self.method, moments, self.n_rows, None, sketch, unit)


def learn_columns(X: Any, weight: Array, method: str | None) -> ColumnStatistics:
    """Statistics of validated X, sparse or dense, without what only a stream needs."""
    unit = _units(X)
    X = _in_units(X, unit)
    moments = _merged_moments(None, X, weight, method)
    is_robust = method == "robust"
    quartiles = column_quartiles(X, weight) if is_robust else None
    return ColumnStatistics(method, moments, X.shape[0], quartiles, unit=unit)


def part_columns(
    X: Any, weight: Array, method: str | None, rows: Array
) -> ColumnStatistics:
    """Statistics of a part of the data, which can be merged with those of others.

    Parameters
    ----------
    X : {ndarray, CSR array} of shape (n_samples, n_features)
    weight : ndarray of shape (n_samples,)
    method : str or None
    rows : ndarray of int
        Rows that stand for all in the sketch, which "robust" needs: sorting all of them
        would take longer than an epoch.
    """
    unit = _units(X)
    X = _in_units(X, unit)
    moments = _merged_moments(None, X, weight, method)
    sketch = None
    if method == "robust":
        share = weight.sum() / weight[rows].sum()
        sketch = QuantileSketch.of_rows(X[rows], weight[rows] * share)
    return ColumnStatistics(method, moments, X.shape[0], None, sketch, unit)


def update_columns(
    known: ColumnStatistics | None, X: Any, weight: Array, method: str | None
) -> ColumnStatistics:
    """Statistics of a stream after one more batch; None is known of it at first.

    Raises
    ------
    ValueError
        If the known statistics are those of another method, or X is so much larger
        that both together cannot be described.
    """
    if known is not None and known.method != method:
        raise ValueError(
            f"method was {known.method!r} for the earlier batches and is now "
            f"{method!r}, which needs other statistics of them. Call fit, or use a new "
            "InputNormalizer."
        )
    unit = _units(X) if known is None else known.unit
    X = _in_units(X, unit)
    moments = _merged_moments(known, X, weight, method)
    if not np.isfinite(moments.deviations).all():
        raise ValueError(
            "X contains values so much larger than those of the earlier batches that "
            "their squares overflow. Scale X, or remove values that are no "
            "measurements."
        )
    n_rows = X.shape[0] + (0 if known is None else known.n_rows)
    if method != "robust":
        return ColumnStatistics(method, moments, n_rows, unit=unit)
    sketch = _updated_sketch(known, X, weight)
    # those of a first batch are known exactly, as in a fit on it
    quartiles = column_quartiles(X, weight) if known is None else sketch.quartiles()
    return ColumnStatistics(method, moments, n_rows, quartiles, sketch, unit)


def _units(X: Any) -> Any:
    """Unit of each column; 1 if squares of all of them can be formed."""
    if X.dtype == np.float32 or X.shape[0] == 0:
        # statistics are in double precision, which holds squares of single precision
        return 1.0
    low, high = X.min(axis=0), X.max(axis=0)
    if sparse.issparse(X):
        low, high = (values.toarray().ravel() for values in (low, high))
    unit = unit_of(np.maximum(np.abs(low), np.abs(high)))
    return 1.0 if np.all(unit == 1.0) else unit


def _in_units(X: Any, unit: Any) -> Any:
    if np.ndim(unit) == 0:
        return X
    if sparse.issparse(X):
        return map_stored(X, lambda x, columns: x / unit[columns])
    return X / unit


def _merged_moments(
    known: ColumnStatistics | None, X: Any, weight: Array, method: str | None
) -> Moments:
    moments = column_moments(X, weight, cross=method in ROTATIONS)
    return moments if known is None else known.moments.merge(moments)


def _updated_sketch(
    known: ColumnStatistics | None, X: Any, weight: Array
) -> QuantileSketch:
    if known is None or known.quartiles is None:
        return QuantileSketch.of_rows(X, weight)
    # a fit before this call has kept no more than the quartiles
    sketch = known.sketch or QuantileSketch.of_quartiles(
        known.quartiles, known.moments.weight
    )
    return sketch.update(X, weight)


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
        median = statistics.quartiles.median
        robust = statistics.quartiles.interquartile_range / NORMAL_IQR
        is_heavy = (robust > 0) & (scale > HEAVY_TAIL * robust) & ~is_constant
        if clip is None:
            robust = np.maximum(robust, scale / MAX_DEVIATION)
        location = np.where(is_heavy, median, location)
        scale = np.where(is_heavy, robust, scale)
    components = None
    if method in ROTATIONS:
        correlation = moments.deviations / moments.weight / np.outer(scale, scale)
        # the variance of constant columns is rounding noise without a direction
        correlation[is_constant] = correlation[:, is_constant] = 0.0
        components = principal_axes(correlation, unit_variance=method == "whiten")
    # the scale 1 of constant columns is one in the units of X
    location = location * statistics.unit
    scale = np.where(is_constant | unscaled, 1.0, scale * statistics.unit)
    if scale.min(initial=1.0) < SMALLEST_SCALE:
        raise ValueError(
            f"The standard deviation of a column of X is {scale.min():.3g}, which is "
            "too small for double precision. Multiply X by a large number."
        )
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
