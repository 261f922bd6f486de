"""Training examples, how they are counted, and how equal ones are merged.

Weights are known up to a factor, and a weight of 2 has the same effect as a repeated
row.  How many examples a weighted set stands for decides about solver and penalty::

    examples = Examples(X, y, weight)
    examples.counts.n_different    # rows that differ
    examples.counts.n_effective    # examples they stand for
    merged = as_weighted_set(examples)    # has the same counts
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from sk_effprop.core.arrays import Array, row_blocks, take_rows

# Larger tables are not sorted, as a sorted copy doubles the memory of a fit.
MAX_MERGED_NUMBERS = 10**6
# The equal rows of larger tables are not counted, as that takes longer than an epoch.
MAX_COUNTED_ROWS, MAX_COUNTED_NUMBERS = 10**4, 10**7
# Weights have a common unit if they are multiples of the smallest weight, or of one of
# at most so many equal parts of it.  A row stands for at most so many examples, as the
# sampling weights of a survey may be large integers.
MAX_PARTS, SAME_UNIT, MAX_REPEATS = 12, 1e-9, 10
LARGEST_INTEGER = 2.0**62
# Multiples of a smaller unit, as a share of the largest weight, may overflow.
SMALLEST_UNIT = 1e-300


class Counts(NamedTuple):
    """Counts of rows, of different rows and of effective examples in a data set.

    Attributes
    ----------
    n_rows : int
        Rows of the user's, more than there are examples if equal rows were merged.
    n_different : int
        Rows that differ from each other.
    n_effective : float
        Examples that the weights amount to, see :func:`size_and_count`.
    """

    n_rows: int
    n_different: int
    n_effective: float


@dataclass(frozen=True, eq=False)
class Examples:
    """Validated examples.

    Attributes
    ----------
    X : ndarray or CSR of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        As the user gave them.
    weight : ndarray of shape (n_samples,)
        Positive.
    full_y : ndarray, optional
        Targets of all rows that these are a part of.
    known_counts : Counts, optional
        Counts of the examples that these were made of.
    places : ndarray of shape (n_user_rows,), optional
        Number of the example that each row of the user's became, -1 for none; by
        default every row is an example.
    is_given_apart : bool
        Whether these are validation data of the user's, and not split off.
    """

    X: Any
    y: Any
    weight: Any
    full_y: Any = None
    known_counts: Counts | None = None
    places: Any = None
    is_given_apart: bool = False

    @property
    def all_y(self) -> Any:
        """Targets of all rows of the user's data, also of those with weight 0."""
        return self.y if self.full_y is None else self.full_y

    @cached_property
    def counts(self) -> Counts:
        """Counts of rows, different rows and effective examples."""
        return self.known_counts or Counts(len(self), *size_and_count(self))

    def __len__(self) -> int:
        return len(self.weight)

    def __getitem__(self, rows: Any) -> "Examples":
        weight = self.weight[rows]
        moved = np.full(len(self), -1)
        moved[rows] = np.arange(len(weight))
        places = self._moved_to(moved)
        X = take_rows(self.X, rows)
        return Examples(X, self.y[rows], weight, self.all_y, None, places)

    def _moved_to(self, places: Array) -> Array:
        """Compose the map from the user's rows to examples with another map."""
        if self.places is None:
            return places
        return np.where(self.places < 0, -1, places[self.places])

    def spread(self, values: Array) -> Array:
        """Map values of the examples to the rows of the user; nan for dropped rows.

        Parameters
        ----------
        values : ndarray of shape (n_samples, ...)
        """
        if self.places is None:
            return values
        spread = values[self.places]
        spread[self.places < 0] = np.nan
        return spread


class CodedTargets(NamedTuple):
    """Targets of the network.

    Attributes
    ----------
    targets : ndarray of shape (n_samples, n_outputs)
    labels : ndarray of shape (n_samples,) or None
        Class numbers, if every example has exactly one class.
    """

    targets: Array
    labels: Array | None


def as_weighted_set(examples: Examples) -> Examples:
    """Merge equal rows, in an order that depends on their content alone.

    A batch solver sees a sum over examples, so neither the order of the rows nor
    whether one of weight 2 is written twice can matter.  Rounding makes it matter: over
    a hundred steps of L-BFGS a difference in the 16th digit grows to one in the 4th.
    Sorted and merged, the same data give the same weights to the last bit.
    """
    if np.prod(examples.X.shape) > MAX_MERGED_NUMBERS:
        return examples
    return replace(_merged(examples), known_counts=examples.counts)


def with_usual_unit(examples: Examples) -> Examples:
    """Replace equal weights by 1, so that their size does not change the rounding."""
    if np.ptp(examples.weight) > 0.0:
        return examples
    ones = np.ones_like(examples.weight)
    return replace(examples, weight=ones, known_counts=examples.counts)


def size_and_count(examples: Examples) -> tuple[int, float]:
    """Number of different rows, and number of examples that the weights amount to.

    Repeated rows and rows with weights give the same numbers, and the unit of the
    weights does not matter.  If the merged weights are multiples of a common unit, they
    are numbers of repeats, and their sum counts, up to MAX_REPEATS for each row.  Other
    weights count by a geometric mean: the number of rows is right if there is no noise,
    and Kish's ``(sum w)^2 / sum w^2`` is right if there is nothing else.
    """
    weight = examples.weight
    n_numbers = np.prod(examples.X.shape)
    if len(weight) <= MAX_COUNTED_ROWS and n_numbers <= MAX_COUNTED_NUMBERS:
        weight = _merged_weight(examples, *_sorted_by_content(examples))
    n = len(weight)
    weight = weight / np.max(weight)
    effective = effective_size(n, float(np.sum(weight)), float(np.sum(weight**2)))
    # rounded, as sums in another order differ in the last bits
    return n, round(max(effective, min(_repeats(weight), MAX_REPEATS * n)), 6)


def effective_size(n_rows: int, total: float, squares: float) -> float:
    """Geometric mean of the number of rows and of Kish's effective size.

    Parameters
    ----------
    n_rows : int
    total, squares : float
        Sums of the weights and of their squares.
    """
    return float(np.sqrt(n_rows * (total**2 / squares)))


def _repeats(weight: Any) -> float:
    """Sum of the weights in their common unit, 0 if they have none."""
    if np.min(weight) < SMALLEST_UNIT:
        return 0.0
    for part in range(1, MAX_PARTS + 1):
        times = weight * (part / np.min(weight))
        whole = np.round(times)
        if np.all(np.abs(times - whole) <= SAME_UNIT * whole):
            integers = np.minimum(whole, LARGEST_INTEGER).astype(np.int64)
            return float(np.sum(whole)) / float(np.gcd.reduce(integers))
    return 0.0


def _merged(examples: Examples) -> Examples:
    order, is_new = _sorted_by_content(examples)
    weight = _merged_weight(examples, order, is_new)
    X, y = (values[order[is_new]] for values in (examples.X, examples.y))
    merged_to = np.empty_like(order)
    merged_to[order] = np.cumsum(is_new) - 1
    places = examples._moved_to(merged_to)
    return Examples(X, y, weight, examples.all_y, None, places)


def _merged_weight(examples: Examples, order: Any, is_new: Any) -> Any:
    return np.add.reduceat(examples.weight[order], np.flatnonzero(is_new))


def _sorted_by_content(examples: Examples) -> tuple[Any, Any]:
    """Sort rows by content; return the order, and a mask of the first of equal rows."""
    _, codes = np.unique(examples.y, return_inverse=True)
    targets = codes.reshape(len(examples), -1).astype(np.uint64)
    X = examples.X
    if sparse.issparse(X):
        return _sorted_keys(_row_keys(X, targets))
    hashes = _row_hashes(X, targets)
    order = np.lexsort(hashes)
    is_new = np.ones(len(order), dtype=bool)
    in_order = hashes[:, order]
    is_new[1:] = (in_order[:, 1:] != in_order[:, :-1]).any(axis=0)
    # rows with the hashes of the previous one need not be equal to it
    _compare(X, targets, order, is_new)
    return order, is_new


def _content(X: Any, targets: Any, rows: Any) -> Any:
    """View rows as integers of the same bits; adding zero makes -0.0 and 0.0 equal."""
    bits = (X[rows].astype(np.float64) + 0.0).view(np.uint64)
    return np.column_stack([bits, targets[rows]])


def _compare(X: Any, targets: Any, order: Any, is_new: Any) -> None:
    """Mark the rows that differ from the previous one though they seem equal to it."""
    doubtful = np.flatnonzero(~is_new)
    for block in row_blocks(len(doubtful), X.shape[1] + targets.shape[1]):
        places = doubtful[block]
        rows, previous = order[places], order[places - 1]
        difference = _content(X, targets, rows) != _content(X, targets, previous)
        is_new[places] = difference.any(axis=1)


def _row_hashes(X: Any, targets: Any) -> Any:
    """Two hashes of each row, (2, n), which depend on its content alone."""
    width = X.shape[1] + targets.shape[1]
    hashes = np.empty((2, len(X)), dtype=np.uint64)
    for rows in row_blocks(len(X), width):
        content = _content(X, targets, rows)
        hashes[:, rows] = _hashes(content, seed=2), _hashes(content, seed=1)
    return hashes


def _hashes(content: Any, seed: int) -> Any:
    """A hash of each row, which depends on its content alone."""
    odd = np.random.default_rng(seed).integers(2**63, size=content.shape[1]) * 2 + 1
    mixed = content ^ (content >> np.uint64(29))
    # integers are added exactly, so the order of the sum cannot matter
    hashes = (mixed * odd.astype(np.uint64)).sum(axis=1)
    return hashes ^ (hashes >> np.uint64(32))


def _sorted_keys(keys: list[bytes]) -> tuple[Any, Any]:
    order = np.array(sorted(range(len(keys)), key=keys.__getitem__))
    is_new = [i == 0 or keys[order[i]] != keys[order[i - 1]] for i in range(len(order))]
    return order, is_new


def _row_keys(X: Any, targets: Any) -> list[bytes]:
    """The content of each row of a sparse X as bytes."""
    ends = zip(X.indptr[:-1], X.indptr[1:], strict=True)
    return [
        X.indices[a:b].tobytes() + X.data[a:b].tobytes() + t.tobytes()
        for (a, b), t in zip(ends, targets, strict=True)
    ]
