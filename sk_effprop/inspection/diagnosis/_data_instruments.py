"""Measurements of inputs and targets, raw and as coded for the network."""

from typing import Any, NamedTuple

import numpy as np
from scipy.stats import rankdata
from sklearn.tree import DecisionTreeRegressor

from sk_effprop.core.arrays import Array
from sk_effprop.inspection.diagnosis._measures import as_columns
from sk_effprop.inspection.diagnosis._subject import Subject

# Eigenvalues below this share of the largest are zero up to rounding.
ZERO_SHARE = 1e-12
# More columns than this are not correlated with each other.
MAX_COLUMNS = 1500
# Columns are copies of each other if they are the same up to this share of their size.
SAME = 1e-3
# A column that takes another value in a smaller share of the rows is nearly constant,
# and says too little to be called a copy.
NEARLY_CONSTANT = 0.01
# Robust deviations from the median beyond which a value is an outlier.
FAR_OUT = 20.0
# Share of a constant's loss that an indicator of a class leaves.
INDICATES = 0.01
# Different rows are told apart by a column with so many different values per row.
TELLS_APART = 0.5
# Equal rows contradict each other if a target is so many deviations from their mean.
FAR_FROM_MEAN, MOST_EQUAL = 0.5, 10
# Rows that have a code for missing values, and numbers that are such codes.
FEWEST_CODES, BEYOND_MEASUREMENT = 3, 1e20
# A value that is in a share of the rows between the first two numbers may be a code, if
# there are many others, and none of them is in more than the third share.
SPIKE, LARGEST_SPIKE, RARE_VALUE, MANY_VALUES = 0.05, 0.5, 0.03, 30
# Columns that are tried as the only input, with trees of so many leaves.
N_PROMISING, LEAVES, LEAST_LEAF = 8, 50, 5
# the interquartile range of a normal distribution, in standard deviations
QUARTILES = 1.349


def input_numbers(subject: Subject) -> dict[str, Any]:
    """Means, scales, outliers, copies and conditioning of the inputs."""
    raw, seen = np.nan_to_num(subject.raw), subject.at_start.inputs
    raw_scales, seen_scales = _scales(raw), _scales(seen)
    return {
        "n_rows": len(subject.examples),
        "n_columns": raw.shape[1],
        "raw_scale_ratio": raw_scales[0],
        "raw_largest_offset": raw_scales[1],
        "scale_ratio": seen_scales[0],
        "largest_offset": seen_scales[1],
        "condition_raw": condition(raw),
        "condition": condition(seen),
        "n_constant": int(np.sum(subject.is_constant)),
        "n_copies": len(copied_columns(raw)),
        "repeated_rows": 1.0 - len(np.unique(raw, axis=0)) / len(raw),
        "missing": float(np.mean(np.isnan(subject.raw))),
        "outliers": float(np.mean(outlying(seen).any(axis=1))),
    }


def _scales(X: Array) -> tuple[float, float]:
    """Largest over smallest deviation, and the largest mean in deviations."""
    deviation, mean = X.std(axis=0), np.abs(X.mean(axis=0))
    # a deviation that consists of rounding errors is none
    varies = deviation > 1e-12 * (mean + deviation.max(initial=0.0))
    if not varies.any():
        return 1.0, 0.0
    deviation, mean = deviation[varies], mean[varies]
    return float(deviation.max() / deviation.min()), float((mean / deviation).max())


def condition(X: Array) -> float | None:
    """Condition number of the second moments of the columns (section 5.1).

    It is that of the Hessian of a linear unit, apart from directions without any
    variation.  None for too many columns.
    """
    if X.shape[1] > MAX_COLUMNS:
        return None
    values = np.linalg.eigvalsh(X.T @ X / len(X))
    if not np.isfinite(values).all() or values[-1] <= 0.0:
        return None
    return float(values[-1] / values[values > ZERO_SHARE * values[-1]].min())


def copied_columns(X: Array) -> list[int]:
    """Columns that repeat an earlier one, up to shift and positive scale."""
    if X.shape[1] > MAX_COLUMNS:
        return []
    informative = np.flatnonzero(_varies_enough(X))
    Z = _without_tails(X[:, informative])
    Z = Z - Z.mean(axis=0)
    Z /= np.linalg.norm(Z, axis=0)
    is_same = np.triu(Z.T @ Z > 1.0 - SAME**2 / 2.0, k=1)
    return [int(column) for column in informative[is_same.any(axis=0)]]


def _without_tails(X: Array) -> Array:
    """Values bounded by quantiles, as one huge row would make all columns alike."""
    low, high = np.quantile(X, [NEARLY_CONSTANT, 1.0 - NEARLY_CONSTANT], axis=0)
    is_bounded = low < high
    X = X.copy()
    X[:, is_bounded] = np.clip(X, low, high)[:, is_bounded]
    return X


def _varies_enough(X: Array) -> Array:
    middle = np.median(X, axis=0)
    is_other = np.abs(X - middle) > 1e-9 * (np.abs(middle) + X.std(axis=0))
    return np.asarray(is_other.mean(axis=0) > NEARLY_CONSTANT)


def outlying(X: Array) -> Array:
    """Values many interquartile ranges away from the median of their column."""
    low, middle, high = np.quantile(X, [0.25, 0.5, 0.75], axis=0)
    deviation = (high - low) / QUARTILES
    far = np.abs(X - middle) > FAR_OUT * deviation
    return np.asarray(far & (deviation > 0.0))


class Code(NamedTuple):
    """A number of a column that stands for a missing value, certainly or maybe."""

    column: int
    value: float
    is_certain: bool


def codes_of_missing(X: Array) -> list[Code]:
    """Columns with a number such as -999, which stands for a missing value there.

    It is the smallest or the largest value of the column, comes several times, and is
    further from all others than they are from each other.  Other numbers than those of
    nines are certain to be no codes if they are not much more frequent than others.
    """
    codes = []
    for j, x in enumerate(X.T):
        for code in (np.min(x), np.max(x)):
            others = x[x != code]
            if len(x) - len(others) < FEWEST_CODES or not len(others):
                continue
            is_spike = _is_spike(x, others)
            is_far = np.min(np.abs(others - code)) > np.ptp(others)
            # as -1 among lengths, or 0 among years
            is_odd = is_spike and (is_far or (code < 0.0 < np.min(others)))
            if is_odd or (is_far and _looks_like_a_code(code)):
                codes.append(Code(j, float(code), is_certain=True))
            elif is_spike:
                codes.append(Code(j, float(code), is_certain=False))
    return codes


def _is_spike(x: Array, others: Array) -> bool:
    """True if one value is far more frequent than the others, which are many."""
    share = 1.0 - len(others) / len(x)
    if not SPIKE < share < LARGEST_SPIKE:
        return False
    counts = np.unique(others, return_counts=True)[1]
    return len(counts) >= MANY_VALUES and counts.max() < RARE_VALUE * len(x)


def _looks_like_a_code(value: float) -> bool:
    """True for numbers of nines, and for those beyond any measurement."""
    digits = f"{abs(value):.0f}"
    is_nines = value == round(value) and set(digits) == {"9"} and len(digits) > 1
    return is_nines or abs(value) >= BEYOND_MEASUREMENT


# ------------------------------------------------------------------------------ targets


def target_numbers(subject: Subject) -> dict[str, Any]:
    """Coded targets against the range of the outputs; shares of the classes."""
    objective = subject.run.objective
    targets = objective.targets
    bottom, top = objective.network.activations[-1].limits
    numbers: dict[str, Any] = {
        "coded_mean": float(np.mean(targets)),
        "coded_deviation": float(np.mean(np.std(targets, axis=0))),
        "coded_smallest": float(np.min(targets)),
        "coded_largest": float(np.max(targets)),
        "output_range": [float(bottom), float(top)],
        "outside_output_range": float(np.mean((targets < bottom) | (targets > top))),
    }
    if subject.is_classification:
        shares = as_columns(subject, subject.examples.y).mean(axis=0)
        numbers["class_shares"] = [float(share) for share in shares]
    else:
        numbers["outliers"] = float(np.mean(outlying(targets).any(axis=1)))
    return numbers


def single_column_errors(X: Array, truth: Array, *, is_classification: bool) -> Array:
    """Error of each column as the only input, as a share of that of a constant.

    The error is that of a small tree, so that any function of the column counts.  Only
    the columns that correlate best with the targets are looked at; others have an error
    of 1.
    """
    errors = np.ones(X.shape[1])
    promising = _correlations(X, truth).max(axis=1)
    # each class needs two leaves, a value as many as its precision demands
    n_leaves = 2 * truth.shape[1] if is_classification else LEAVES
    tree = DecisionTreeRegressor(max_leaf_nodes=n_leaves, min_samples_leaf=LEAST_LEAF)
    total = float(np.sum((truth - truth.mean(axis=0)) ** 2))
    if total == 0.0 or len(X) < 4 * LEAST_LEAF:
        return errors
    for j in np.argsort(-promising)[:N_PROMISING]:
        x = X[:, [j]]
        fitted = tree.fit(x, truth).predict(x).reshape(truth.shape)
        errors[j] = np.sum((truth - fitted) ** 2) / total
    return errors


def columns_of_classes(X: Array, truth: Array) -> list[int]:
    """For each class the column that tells it best, if it does so without errors.

    Empty unless all classes but one are told, as by the indicators of the classes.
    """
    correlations = _correlations(X, truth)
    told = []
    for k, indicator in enumerate(truth.T):
        j = int(np.argmax(correlations[:, k]))
        errors = single_column_errors(
            X[:, [j]], indicator[:, None], is_classification=True
        )
        if errors[0] < INDICATES:
            told.append(j)
    return sorted(set(told)) if len(told) >= truth.shape[1] - 1 else []


def repeated_rows(X: Array, y: Array) -> Array:
    """Rows that repeat an earlier one with its target, where chance does not do so.

    Rows of few categories repeat each other by chance, so some column must tell most
    different rows apart.
    """
    rows = np.column_stack([X, y])
    _, first = np.unique(rows, axis=0, return_index=True)
    n_values = max(len(np.unique(column)) for column in X[first].T)
    if n_values < TELLS_APART * len(first):
        return np.array([], dtype=int)
    return np.setdiff1d(np.arange(len(rows)), first)


def contradictions(X: Array, y: Array) -> Array:
    """Rows with the inputs of another row, and a target far from the mean of both.

    As for :func:`repeated_rows`, some column must tell most different rows apart.
    Inputs of many rows at once are another matter, such as a code for missing values.
    """
    _, first, group = np.unique(X, axis=0, return_index=True, return_inverse=True)
    group = group.ravel()
    n_values = max(len(np.unique(column)) for column in X[first].T)
    if n_values < TELLS_APART * len(first):
        return np.array([], dtype=int)
    sums = np.zeros((len(first), y.shape[1]))
    np.add.at(sums, group, y)
    distance = np.abs(y - (sums / np.bincount(group)[:, None])[group])
    is_far = (distance > FAR_FROM_MEAN * y.std(axis=0)).any(axis=1)
    is_far &= (np.bincount(group) <= MOST_EQUAL)[group]
    return np.flatnonzero(np.isin(group, group[is_far]))


def _correlations(X: Array, truth: Array) -> Array:
    """Absolute rank correlations of the columns with the targets."""
    ranks = [rankdata(columns, axis=0) for columns in (X, truth)]
    A, B = (r - r.mean(axis=0) for r in ranks)
    lengths = np.outer(np.linalg.norm(A, axis=0), np.linalg.norm(B, axis=0))
    return np.abs(A.T @ B) / np.maximum(lengths, 1e-300)


def far_out(values: Array, n_deviations: float) -> Array:
    """Values more than so many robust deviations from the median of their column."""
    distance = np.abs(values - np.median(values, axis=0))
    deviation = 1.4826 * np.median(distance, axis=0)
    return np.asarray(distance > n_deviations * deviation)
