"""Quantiles of columns: exact for one array, from a bounded sketch for a stream.

The sketch is a t-digest (Dunning and Ertl, 2019) with clusters of equal weight, since
only quartiles are wanted of it.  All columns are updated by the same few array
operations.  A column takes ``2 * N_CLUSTERS`` numbers however long the stream is, and
its quartiles are off by less than 1 % of the interquartile range on ordinary columns,
whether rows come one by one or in batches.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from sk_effprop.core.arrays import BLOCK_SIZE, Array, dense, row_blocks

QUARTILES = (0.25, 0.5, 0.75)
N_CLUSTERS = 32
# relative rounding error of sums of weights
ROUNDING = 1e-12


def column_quantiles(X: Any, weight: Array, levels: Any) -> Array:
    """Weighted quantiles of every column, (n_levels, n_features).

    A quantile is the smallest value such that it and all smaller values have that share
    of the weight.
    """
    if sparse.issparse(X):
        # from which columns are selected much faster than from rows
        X = X.tocsc()
        if np.ptp(weight) == 0.0:
            return _sparse_quantiles(X, _equal_ranks(weight, levels))
    return _column_by_column(X, lambda part: _ranked_quantiles(part, weight, levels))


def _sparse_quantiles(X: Any, ranks: Array) -> Array:
    """Entries of these ranks in each column of a CSC array, in ascending order."""
    found = np.empty((len(ranks), X.shape[1]), dtype=X.dtype)
    starts = np.arange(0, X.nnz + 1, BLOCK_SIZE)
    stops = np.append(np.searchsorted(X.indptr[1:], starts[1:]), X.shape[1])
    for first, stop in pairwise(np.unique(np.append(0, stops))):
        found[:, first:stop] = _ranked_entries(X[:, first:stop], ranks)
    return found


def _ranked_entries(X: Any, ranks: Array) -> Array:
    """Entries of these ranks in a sparse column, whose implicit zeros are counted."""
    counts = np.diff(X.indptr)
    column = np.repeat(np.arange(X.shape[1]), counts)
    n_below = np.bincount(column, X.data < 0.0, X.shape[1])
    n_absent, rank = X.shape[0] - counts, ranks[:, None]
    entries = np.append(X.data[np.lexsort((X.data, column))], X.dtype.type(0))
    is_below = rank < n_below
    is_absent = ~is_below & (rank < n_below + n_absent)
    place = X.indptr[:-1] + np.where(is_below, rank, rank - n_absent)
    return np.asarray(entries[np.where(is_absent, -1, place)])


def _equal_ranks(weight: Array, levels: Any) -> Array:
    """Ranks of the quantiles of a column whose weights are all equal."""
    return np.searchsorted(np.cumsum(weight), _wanted(weight, levels))


def _wanted(weight: Array, levels: Any) -> Array:
    """Cumulative weights at the quantiles, lowered by the rounding error."""
    return np.asarray(levels) * weight.sum() * (1.0 - ROUNDING)


def _column_by_column(X: Any, function: Callable[[Array], Array]) -> Array:
    """Apply a function to blocks of columns, so that sparse X never becomes dense."""
    blocks = row_blocks(X.shape[1], X.shape[0])
    return np.concatenate([function(dense(X[:, part])) for part in blocks], axis=-1)


def _ranked_quantiles(X: Array, weight: Array, levels: Any) -> Array:
    columns = np.array(X.T, order="C")
    if np.ptp(weight) == 0.0:
        # sorting is many times as fast as argsort
        columns.sort(axis=1)
        return np.asarray(columns[:, _equal_ranks(weight, levels)].T)
    wanted = _wanted(weight, levels)
    order = np.argsort(columns, axis=1, kind="stable")
    ranks = [np.searchsorted(np.cumsum(weight[row]), wanted) for row in order]
    return np.take_along_axis(
        columns, np.take_along_axis(order, np.stack(ranks), axis=1), axis=1
    ).T


class Quartiles(NamedTuple):
    """Median of each column, and the distances of the quartiles from it.

    Distances are kept because the differences of large quartiles would lose digits.
    """

    median: Array
    below: Array
    above: Array

    @property
    def interquartile_range(self) -> Array:
        return self.below + self.above


def column_quartiles(X: Any, weight: Array) -> Quartiles:
    """Exact weighted quartiles of every column."""
    lower, median, upper = column_quantiles(X, weight, QUARTILES)
    return Quartiles(median, median - lower, upper - median)


@dataclass(frozen=True, eq=False)
class QuantileSketch:
    """Clusters of neighbouring values that stand for the distribution of each column.

    Attributes
    ----------
    origin : ndarray of shape (n_features,)
        Value that is subtracted from the others, so that a large mean costs no digits.
    values : ndarray of shape (n_features, n_clusters)
        Mean of each cluster minus the origin, in ascending order.  Fewer than
        N_CLUSTERS are the values of single rows.
    weights : ndarray of shape (n_features, n_clusters)
        Sum of the weights in each cluster; 0 for clusters that are empty.
    """

    origin: Array
    values: Array
    weights: Array

    @classmethod
    def of_rows(cls, X: Any, weight: Array) -> "QuantileSketch":
        """Sketch of the columns of X, sparse or dense."""
        origin = dense(X[:1])[0].astype(np.float64)
        nothing = np.empty((len(origin), 0))
        return cls(origin, nothing, nothing).update(X, weight)

    @classmethod
    def of_quartiles(cls, quartiles: Quartiles, weight: float) -> "QuantileSketch":
        """Sketch of distributions of which only the quartiles are known.

        Between and beyond the quartiles the quantiles are taken to be linear.
        """
        levels = (np.arange(N_CLUSTERS) + 0.5) / N_CLUSTERS
        distance = np.where(
            levels < 0.5, quartiles.below[:, None], quartiles.above[:, None]
        )
        values = distance * (4.0 * levels - 2.0)
        weights = np.full(values.shape, weight / N_CLUSTERS)
        return cls(quartiles.median, values, weights)

    def update(self, X: Any, weight: Array) -> "QuantileSketch":
        """Return the sketch that includes the rows of X."""
        clusters = []
        for part in row_blocks(X.shape[1], X.shape[0] + N_CLUSTERS):
            new = (dense(X[:, part]) - self.origin[part]).T
            values = np.hstack([self.values[part], new])
            new_weights = np.broadcast_to(weight, new.shape)
            weights = np.hstack([self.weights[part], new_weights])
            clusters.append(_clustered(values, weights))
        values, weights = (np.vstack(arrays) for arrays in zip(*clusters, strict=True))
        return QuantileSketch(self.origin, values, weights)

    def merge(self, other: "QuantileSketch") -> "QuantileSketch":
        """Return the sketch of the rows of both, relative to the origin of this one."""
        moved = other.values + (other.origin - self.origin)[:, None]
        values, weights = _clustered(
            np.hstack([self.values, moved]), np.hstack([self.weights, other.weights])
        )
        return QuantileSketch(self.origin, values, weights)

    def in_units(self, share: Array) -> "QuantileSketch":
        """Return the sketch of the columns multiplied by ``share``."""
        values = self.values * share[:, None]
        return QuantileSketch(self.origin * share, values, self.weights)

    def quartiles(self) -> Quartiles:
        """Quartiles of every column.

        Those of single rows are exact.  A cluster is taken to be at the middle of its
        share of the weight, and the quantiles to be linear between clusters.
        """
        n_clusters = self.values.shape[1]
        if n_clusters < N_CLUSTERS:
            ranks = _upper_ranks(self.weights) + ROUNDING
            lower, median, upper = (
                _at(self.values, np.sum(ranks < level, axis=1)) for level in QUARTILES
            )
        else:
            lower, median, upper = self._interpolated()
        return Quartiles(self.origin + median, median - lower, upper - median)

    def _interpolated(self) -> list[Array]:
        # an empty cluster takes the place of a neighbour, which changes nothing
        present = _nearest_present(self.weights > 0.0)
        ranks = _at(_middle_ranks(self.weights), present)
        values = _at(self.values, present)
        found = []
        for level in QUARTILES:
            after = np.sum(ranks < level, axis=1)
            before = np.maximum(after - 1, 0)
            after = np.minimum(after, N_CLUSTERS - 1)
            r0, r1, v0, v1 = (
                _at(a, i) for a in (ranks, values) for i in (before, after)
            )
            share = np.clip((level - r0) / np.where(r1 > r0, r1 - r0, 1.0), 0.0, 1.0)
            found.append(v0 + share * (v1 - v0))
        return found


def _clustered(values: Array, weights: Array) -> tuple[Array, Array]:
    """Sort every row and join neighbours to N_CLUSTERS clusters at most."""
    if np.ptp(weights) == 0.0:
        values = np.sort(values, axis=1)
    else:
        order = np.argsort(values, axis=1, kind="stable")
        values, weights = _at(values, order), _at(weights, order)
    if values.shape[1] < N_CLUSTERS:
        return values, weights
    number = (_middle_ranks(weights) * N_CLUSTERS).astype(np.intp)
    np.minimum(number, N_CLUSTERS - 1, out=number)
    shape = len(values), N_CLUSTERS
    place = (number + np.arange(len(values))[:, None] * N_CLUSTERS).ravel()
    # The mean is taken of the differences from the first value of the cluster, so that
    # equal values stay exactly equal.  Of repeated places the last assignment counts.
    first = np.zeros(len(values) * N_CLUSTERS)
    first[place[::-1]] = values.ravel()[::-1]
    change = weights.ravel() * (values.ravel() - first[place])
    total = np.bincount(place, weights.ravel(), len(first))
    mean_change = np.bincount(place, change, len(first))
    means = first + mean_change / np.where(total > 0.0, total, 1.0)
    total = total.reshape(shape)
    return _at(means.reshape(shape), _nearest_present(total > 0.0)), total


def _at(array: Array, columns: Array) -> Array:
    """Entries of each row at these columns; one for each row if 1-D."""
    rows = np.arange(len(array))
    return np.asarray(array[rows if columns.ndim == 1 else rows[:, None], columns])


def _upper_ranks(weights: Array) -> Array:
    """Share of the weight up to each cluster and including it."""
    return np.asarray(np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1))


def _middle_ranks(weights: Array) -> Array:
    """Share of the weight below the middle of each cluster."""
    share = weights / weights.sum(axis=1, keepdims=True)
    return np.asarray(np.cumsum(share, axis=1) - share / 2.0)


def _nearest_present(is_present: Array) -> Array:
    """Column of the nearest present entry before each one, or after it if none is."""
    columns = np.where(is_present, np.arange(is_present.shape[1]), -1)
    columns = np.maximum.accumulate(columns, axis=1)
    first = np.argmax(is_present, axis=1)[:, None]
    return np.where(columns < 0, first, columns)
