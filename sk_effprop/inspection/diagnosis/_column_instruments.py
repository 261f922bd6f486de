"""Measurements of single columns: codes, identifiers, numbers as text, units."""

from datetime import datetime
from typing import Any

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor

from sk_effprop._columns import CATEGORY, NUMBER, Labels, Table
from sk_effprop._tables import TableEncoder
from sk_effprop._text import DECIMAL_MARKS, are_numbers, numbers_in
from sk_effprop.core.arrays import Array, dense

# Levels in fewer rows than this have no input of their own.
RARE = 3
# Successive targets are alike if their correlation is so many standard deviations.
N_DEVIATIONS = 3.5
# Levels are numbers or dates if there are so many, and dates if this share of them are
# dates.  Others, such as "?", are missing values.
FEWEST_LEVELS, MOSTLY_DATES = 12, 0.8
DATE_FORMATS = ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y")
EPOCH = datetime(1970, 1, 1)
# Codes of categories are so many different whole numbers, each in so many rows.
FEWEST_CODES, MOST_CODES, ROWS_OF_A_CODE = 4, 40, 5
# The factor between two units is this close to a power of ten, in powers.
NEAR_POWER, FEWEST_FAR = 0.3, 5
# Trees, rows and random columns by which useless columns are found.
N_TREES, MOST_ROWS, MOST_SHADOWS, LEAST_LEAF = 100, 700, 150, 5


def numbers_of_rows(X: Any, some: Array) -> Array:
    """Columns with a whole number of its own in each row.

    The rows of ``some`` are looked at first, as they are fewer.
    """
    candidates = [j for j in range(some.shape[1]) if _are_different(some[:, j])]
    return np.array(
        [j for j in candidates if _are_different(dense(X[:, [j]]).reshape(-1))],
        dtype=int,
    )


def _are_different(x: Array) -> bool:
    is_whole = bool(np.isfinite(x).all() and (x == np.round(x)).all())
    return is_whole and len(np.unique(x)) == len(x)


def orders(x: Array, truth: Array) -> bool:
    """True if targets of successive values of a column are more alike than by chance.

    As those of successive times are.
    """
    centred = truth[np.argsort(x, kind="stable")] - truth.mean(axis=0)
    squares = np.sum(centred**2, axis=0)
    shared = np.sum(centred[1:] * centred[:-1], axis=0)
    is_shared = shared > N_DEVIATIONS / np.sqrt(len(x)) * squares
    return bool(is_shared.any())


def share_of_rare_levels(labels: Labels) -> float:
    """Share of the rows whose level is in few rows."""
    codes = labels.codes[labels.codes >= 0]
    counts = np.bincount(codes, minlength=1)
    return float(np.mean(counts[codes] < RARE)) if len(codes) else 0.0


def parsed(labels: Labels) -> Array | None:
    """Numbers that the levels of a column stand for; None if these are no numbers."""
    if len(labels.values) < FEWEST_LEVELS:
        return None
    if not labels.is_text:
        return _by_row(labels, labels.values)
    texts = [str(text) for text in labels.values]
    counts = np.bincount(labels.codes[labels.codes >= 0], minlength=len(texts))
    for decimal in DECIMAL_MARKS:
        if are_numbers(texts, counts, decimal):
            return _by_row(labels, numbers_in(texts, decimal))
    for form in DATE_FORMATS:
        days = np.array([_day(text, form) for text in texts])
        if np.mean(np.isfinite(days)) >= MOSTLY_DATES:
            return _by_row(labels, days)
    return None


def _by_row(labels: Labels, values: Array) -> Array:
    return np.where(labels.codes >= 0, values[labels.codes], np.nan)


def _day(text: str, form: str) -> float:
    try:
        day = datetime.strptime(text.strip()[:10], form)
    except ValueError:
        return np.nan
    return float((day - EPOCH).days)


def columns_of_codes(table: Table) -> list[int]:
    """Columns of numbers that may be codes of categories."""
    places = [j for j, kind in enumerate(table.kinds) if kind == NUMBER]
    numbers = np.flatnonzero([kind != CATEGORY for kind in table.kinds]).tolist()
    found = []
    for j in places:
        x = table.numbers[:, numbers.index(j)]
        x = x[~np.isnan(x)]
        if not len(x) or (x != np.round(x)).any():
            continue
        different, counts = np.unique(x, return_counts=True)
        is_few = FEWEST_CODES <= len(different) <= MOST_CODES
        if is_few and counts.min() >= ROWS_OF_A_CODE:
            found.append(j)
    return found


def with_numbers(table: Table, read: dict[int, Array]) -> Table:
    """Table in which some categories are numbers."""
    every = _columns(table) | read
    kinds = tuple(NUMBER if j in read else kind for j, kind in enumerate(table.kinds))
    return _assembled(every, kinds)


def with_labels(table: Table, codes: list[int]) -> Table:
    """Table in which some numbers are categories."""
    every = _columns(table)
    for j in codes:
        is_present = ~np.isnan(every[j])
        values, found = np.unique(every[j][is_present], return_inverse=True)
        positions = np.full(len(every[j]), -1)
        positions[is_present] = found
        every[j] = Labels(positions, values)
    kinds = tuple(
        CATEGORY if j in codes else kind for j, kind in enumerate(table.kinds)
    )
    return _assembled(every, kinds)


def _columns(table: Table) -> dict[int, Any]:
    numbers, labels = iter(np.asarray(dense(table.numbers)).T), iter(table.labels)
    return {
        j: next(labels if kind == CATEGORY else numbers)
        for j, kind in enumerate(table.kinds)
    }


def _assembled(every: dict[int, Any], kinds: tuple[str, ...]) -> Table:
    numbers = [every[j] for j, kind in enumerate(kinds) if kind != CATEGORY]
    labels = [every[j] for j, kind in enumerate(kinds) if kind == CATEGORY]
    n_rows = len(labels[0].codes) if labels else len(numbers[0])
    matrix = np.column_stack(numbers) if numbers else np.zeros((n_rows, 0))
    return Table(matrix, tuple(labels), kinds)


def encoded(table: Table, weight: Array) -> Array:
    """Inputs that a table gives."""
    encoder = TableEncoder()
    encoder.n_features_in_ = len(table.kinds)
    return np.asarray(dense(encoder.learn(table, weight).encode(table)))


def power_of_ten(x: Array, is_far: Array) -> int:
    """Power of ten by which some values are larger than the others, 0 for none."""
    if is_far.all() or len(np.unique(x[is_far])) < FEWEST_FAR:
        # the same number again and again is a code
        return 0
    sizes = [np.median(np.abs(x[rows])) for rows in (is_far, ~is_far)]
    if not min(sizes) > 0.0:
        return 0
    power = float(np.log10(sizes[0] / sizes[1]))
    return max(round(power), 0) if abs(power - round(power)) < NEAR_POWER else 0


def telling_columns(X: Array, truth: Array, groups: Array) -> Array:
    """Columns that a forest uses more than the same columns in random order.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_columns)
    truth : ndarray of shape (n_samples, n_outputs)
    groups : ndarray of int of shape (n_columns,)
        Columns of one group stay together.
    """
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(X))[:MOST_ROWS]
    X, truth = X[rows], truth[rows]
    some = rng.permutation(X.shape[1])[:MOST_SHADOWS]
    shadows = rng.permutation(X[:, some], axis=0)
    forest = ExtraTreesRegressor(N_TREES, min_samples_leaf=LEAST_LEAF, random_state=0)
    deviation = truth.std(axis=0)
    scaled = truth / np.where(deviation > 0.0, deviation, 1.0)
    forest.fit(
        np.hstack([X, shadows]), scaled[:, 0] if scaled.shape[1] == 1 else scaled
    )
    importance = forest.feature_importances_
    own, random = importance[: X.shape[1]], importance[X.shape[1] :]
    is_telling = own > random.max()
    if not is_telling.any():
        is_telling = own == own.max()
    return np.flatnonzero(np.isin(groups, groups[is_telling]))
