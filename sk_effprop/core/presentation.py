"""Order of presentation of the examples (section 4.2).

Networks learn most from the examples that they least expect.  Successive examples
should therefore rarely share a class, and examples with large errors may be presented
more often.  All others are still presented, and outliers are not emphasised.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from sk_effprop.core.arrays import Array

# (rng, number of examples, class numbers or None) -> row numbers in presentation order
Order: TypeAlias = Callable[[np.random.Generator, int, Array | None], Array]

# Share of an epoch that is spread evenly whatever the emphasis, so that even the
# easiest example is presented every few epochs.
EVEN_SHARE = 0.1
# An error above the upper quartile by more than this many interquartile ranges is an
# outlier (Tukey's far fence) and presented as often as an example of median error.
OUTLIER_FENCE = 3.0


def random_order(
    rng: np.random.Generator, n_samples: int, labels: Array | None = None
) -> Array:
    """Every example once, in random order."""
    return rng.permutation(n_samples)


def sequential_order(
    rng: np.random.Generator, n_samples: int, labels: Array | None = None
) -> Array:
    """Every example once, in the order of the data."""
    return np.arange(n_samples)


def interleaved_order(
    rng: np.random.Generator, n_samples: int, labels: Array | None = None
) -> Array:
    """Every example once, with each class spread evenly over the epoch.

    Example k of the n_c examples of a class, in random order, is due at
    ``(k + u_c) / n_c`` with one random u_c for each class.  If one class has half of
    the examples or more, the other classes are first interleaved among themselves and
    then treated as one class.  Without labels the order is random.
    """
    if labels is None:
        return random_order(rng, n_samples)
    order = rng.permutation(n_samples)
    return _separate_twins(_interleave(rng, order, labels), labels)


def _interleave(rng: np.random.Generator, order: Array, labels: Array) -> Array:
    groups = labels[order]
    counts = np.bincount(groups)
    largest = int(np.argmax(counts))
    if np.count_nonzero(counts) > 2 and 2 * counts[largest] >= len(order):
        is_rest = groups != largest
        order = order.copy()
        order[is_rest] = _interleave(rng, order[is_rest], labels)
        groups, counts = is_rest, np.bincount(is_rest)
    # NumPy sorts small integers by counting
    small = groups.astype(np.min_scalar_type(len(counts)))
    by_group = order[np.argsort(small, kind="stable")]
    counts = counts[counts > 0]
    rank = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    offset = np.repeat(rng.uniform(size=len(counts)), counts)
    due = (rank + offset) / np.repeat(counts, counts)
    return by_group[np.argsort(due, kind="stable")]


def _separate_twins(order: Array, labels: Array) -> Array:
    """Swap an example that follows one of its own class with a later one."""
    classes = labels[order]
    twins = np.flatnonzero(classes[1:] == classes[:-1]) + 1
    # a class with more than half of the examples must follow itself
    avoidable = np.bincount(labels)[classes[twins]] <= len(order) / 2
    known = classes.tolist()
    for i in twins[avoidable].tolist():
        if known[i] != known[i - 1]:
            continue
        for j in range(i + 1, min(i + 9, len(known))):
            if known[j] != known[i]:
                order[[i, j]] = order[[j, i]]
                known[i], known[j] = known[j], known[i]
                break
    return order


def emphasised_order(
    rng: np.random.Generator, order: Array, errors: Array, emphasis: float
) -> Array:
    """Repeat examples with large errors, and leave out some with small ones.

    Parameters
    ----------
    rng : Generator
    order : ndarray of shape (n_samples,)
        Order without emphasis.
    errors : ndarray of shape (n_samples,)
        Latest loss of every example; nan if it has not been presented.
    emphasis : float
        0 presents every example once, 1 in proportion to its error.

    Returns
    -------
    ndarray of shape (n_samples,)
        Row numbers, of which some are repeated and some are absent.
    """
    share = _guarded_share(errors)
    even = max(1.0 - emphasis, EVEN_SHARE)
    expected = even + (1.0 - even) * share
    if even == 1.0:
        return order
    # systematic resampling: each number of presentations is the expected number,
    # rounded up or down
    n = len(order)
    shuffled = rng.permutation(n)
    edges = np.cumsum(expected[shuffled]) * (n / np.sum(expected))
    ticks = np.arange(n) + rng.uniform()
    chosen = shuffled[np.minimum(np.searchsorted(edges, ticks, side="right"), n - 1)]
    times = np.bincount(chosen, minlength=n)
    copies = np.repeat(order, times[order])
    position = np.repeat(np.arange(n), times[order])
    first = np.concatenate([[True], copies[1:] != copies[:-1]])
    # the first presentation keeps its place, repeats fall anywhere in the epoch
    due = np.where(first, position, rng.uniform(0, n, size=len(copies)))
    return np.asarray(copies[np.argsort(due, kind="stable")])


def _guarded_share(errors: Array) -> Array:
    """Errors scaled to mean 1; outliers and unknown errors count as the median."""
    known = np.isfinite(errors)
    if not known.any():
        return np.ones_like(errors)
    lower, median, upper = np.quantile(errors[known], [0.25, 0.5, 0.75])
    outlier = errors > upper + OUTLIER_FENCE * (upper - lower)
    share = np.where(known & ~outlier, errors, median)
    total = np.sum(share)
    return share * (len(share) / total) if total > 0 else np.ones_like(errors)


ORDERS: dict[bool | str, Order] = {
    True: random_order,
    "interleave": interleaved_order,
    False: sequential_order,
}
