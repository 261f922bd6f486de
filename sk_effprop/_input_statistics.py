"""Statistics of the columns of X, and the normalisation that is computed from them.

:func:`learn_columns` measures one array, or updates the statistics of a stream.
:func:`make_normalization` turns them into the record that core applies.
"""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

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
# A scale that is this many times as large as that of later rows gives way to theirs as
# soon as they are as many as those that have set it, and enough.
FAR, ENOUGH = 10.0, 30
# The inverse of a smaller number overflows.
SMALLEST_SCALE = 1.0 / float(np.finfo(np.float64).max)
# interquartile range of a normal distribution, in standard deviations
NORMAL_IQR = 1.349


class Later(NamedTuple):
    """Statistics of later rows of a stream, to recognise an unusual beginning.

    Attributes
    ----------
    n_set : int
        Number of rows before these.
    moments : Moments or None
        Of these rows; None if there are none yet.
    n_rows : int
        Number of these rows.
    n_before : int
        Value of ``n_set`` at the last comparison with later rows.
    """

    n_set: int = 0
    moments: Moments | None = None
    n_rows: int = 0
    n_before: int = 0

    def including(self, moments: Moments, n_rows: int) -> "Later":
        """Include one batch."""
        merged = moments if self.moments is None else self.moments.merge(moments)
        return self._replace(moments=merged, n_rows=self.n_rows + n_rows)

    @property
    def is_telling(self) -> bool:
        """True if these rows are enough, and as many as those of the beginning."""
        return self.n_rows >= max(ENOUGH, self.n_set)


NOTHING_LATER = Later()


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
        Unit of the statistics of each column.
    later : Later
        Rows of a stream since it was last found that the statistics suit them.
    """

    method: str | None
    moments: Moments
    n_rows: int
    quartiles: Quartiles | None = None
    sketch: QuantileSketch | None = None
    unit: Any = 1.0
    later: Later = NOTHING_LATER

    def merge(self, other: "ColumnStatistics") -> "ColumnStatistics":
        """Return the statistics of the rows of both; made by :func:`part_columns`."""
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
        """Return a copy with the quartiles of the sketch, if there is one."""
        quartiles = None if self.sketch is None else self.sketch.quartiles()
        return replace(self, quartiles=quartiles)

    def _in_units(self, unit: Any) -> "ColumnStatistics":
        """Return a copy converted to another unit, without the quartiles."""
        total, mean, deviations = self.moments
        # a power of two, so that no digit changes
        share = np.broadcast_to(self.unit / unit, mean.shape)
        squares = np.outer(share, share) if deviations.ndim == 2 else share**2
        sketch = None if self.sketch is None else self.sketch.in_units(share)
        moments = Moments(total, mean * share, deviations * squares)
        return ColumnStatistics(self.method, moments, self.n_rows, None, sketch, unit)


def learn_columns(X: Any, weight: Array, method: str | None) -> ColumnStatistics:
    """Compute the statistics of validated X, without those that only a stream needs."""
    unit = _units(X)
    X = _in_units(X, unit)
    moments = _moments(X, weight, method)
    is_robust = method == "robust"
    quartiles = column_quartiles(X, weight) if is_robust else None
    return ColumnStatistics(method, moments, X.shape[0], quartiles, unit=unit)


def part_columns(
    X: Any, weight: Array, method: str | None, rows: Array
) -> ColumnStatistics:
    """Compute statistics of a part of the data that can be merged with those of others.

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
    moments = _moments(X, weight, method)
    sketch = None
    if method == "robust":
        share = weight.sum() / weight[rows].sum()
        sketch = QuantileSketch.of_rows(X[rows], weight[rows] * share)
    return ColumnStatistics(method, moments, X.shape[0], None, sketch, unit)


def update_columns(
    known: ColumnStatistics | None, X: Any, weight: Array, method: str | None
) -> ColumnStatistics:
    """Return the statistics of a stream after one more batch; start from None.

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
    moments = own = _moments(X, weight, method)
    if known is None:
        later = Later(n_set=X.shape[0])
    else:
        moments = known.moments.merge(own)
        before = known.later if known.later.n_set else Later(n_set=known.n_rows)
        later = before.including(own, X.shape[0])
    if not np.isfinite(moments.deviations).all():
        raise ValueError(
            "X contains values so much larger than those of the earlier batches that "
            "their squares overflow. Scale X, or remove values that are no "
            "measurements."
        )
    n_rows = X.shape[0] + (0 if known is None else known.n_rows)
    if method != "robust":
        return ColumnStatistics(method, moments, n_rows, unit=unit, later=later)
    sketch = _updated_sketch(known, X, weight)
    # those of a first batch are known exactly, as in a fit on it
    quartiles = column_quartiles(X, weight) if known is None else sketch.quartiles()
    return ColumnStatistics(method, moments, n_rows, quartiles, sketch, unit, later)


def without_unusual_beginning(statistics: ColumnStatistics) -> ColumnStatistics:
    """Drop an unusual beginning of a stream from its statistics.

    A few rows with an offset, in another unit, or with the code of a missing value
    would else decide about the scale of their columns for good.  They are forgotten
    when as many later rows have a deviation that is FAR times smaller.  Quartiles stay,
    as they hardly depend on such rows.
    """
    later = statistics.later
    if not later.is_telling or later.moments is None:
        return statistics
    moments, window = statistics.moments, later.moments
    with np.errstate(over="ignore"):
        is_far = moments.variance > FAR**2 * window.variance
    is_far &= ~constant_columns(window, later.n_rows)
    if is_far.any():
        moments = _forgetting(moments, window, is_far)
    # the next rows are compared with all of these
    n_set = later.n_set + later.n_rows
    later = Later(n_set, n_before=later.n_set)
    return replace(statistics, moments=moments, later=later)


def _forgetting(moments: Moments, window: Moments, columns: Array) -> Moments:
    """Replace the moments of some columns by later ones; with pairs, of all columns."""
    if moments.deviations.ndim == 2:
        return window
    mean = np.where(columns, window.mean, moments.mean)
    deviations = window.variance * moments.weight
    return Moments(
        moments.weight, mean, np.where(columns, deviations, moments.deviations)
    )


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


def _moments(X: Any, weight: Array, method: str | None) -> Moments:
    return column_moments(X, weight, cross=method in ROTATIONS)


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
    """Compute the normalisation from statistics; return it and the column locations.

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
    """True for each column whose variance rounding alone explains.

    The bound is that of StandardScaler.  Rounding errors grow with the number of rows
    and not with their weights, which may have any unit.
    """
    variance, eps = moments.variance, np.finfo(np.float64).eps
    noise = n_rows * eps * variance + (n_rows * moments.mean * eps) ** 2
    return np.asarray(variance <= noise)
