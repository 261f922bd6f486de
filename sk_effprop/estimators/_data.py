"""Training examples, and how equal ones are merged into a weighted set."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from sk_effprop.core.arrays import Array

# Larger tables are not searched for equal rows, as that takes several copies of them.
MAX_MERGED_NUMBERS = 10**7


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
    n_rows : int, optional
        Rows of the user's that these stand for: more than there are if equal rows have
        been merged.
    n_effective : float, optional
        Examples that these stand for: a weight of 2 counts as two, but fractions do not
        count as fewer.
    """

    X: Any
    y: Any
    weight: Any
    n_rows: int = 0
    n_effective: float = 0.0

    def __post_init__(self) -> None:
        if self.n_rows == 0:
            # rounded, as weights that add up to n may do so but for the last bits
            total = round(float(self.weight.sum()), 6)
            object.__setattr__(self, "n_rows", len(self.weight))
            object.__setattr__(self, "n_effective", max(total, len(self.weight)))

    def __len__(self) -> int:
        return len(self.weight)

    def __getitem__(self, rows: Any) -> "Examples":
        return Examples(self.X[rows], self.y[rows], self.weight[rows])


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
    order, is_new = _sorted_by_content(examples)
    starts = np.flatnonzero(is_new)
    weight = np.add.reduceat(examples.weight[order], starts)
    X, y = (values[order[starts]] for values in (examples.X, examples.y))
    return Examples(X, y, weight, examples.n_rows, examples.n_effective)


def _sorted_by_content(examples: Examples) -> tuple[Any, Any]:
    """An order of the rows, and which of them differ from the previous one."""
    _, codes = np.unique(examples.y, return_inverse=True)
    targets = codes.reshape(len(examples), -1).astype(np.uint64)
    X = examples.X
    if sparse.issparse(X):
        return _sorted_keys(_row_keys(X, targets))
    # the bits of each number; adding zero makes -0.0 and 0.0 equal
    bits = (X.astype(np.float64) + 0.0).view(np.uint64)
    content = np.column_stack([bits, targets])
    order = np.lexsort((_hashes(content, seed=2), _hashes(content, seed=1)))
    in_order = content[order]
    is_new = np.ones(len(order), dtype=bool)
    is_new[1:] = (in_order[1:] != in_order[:-1]).any(axis=1)
    return order, is_new


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
