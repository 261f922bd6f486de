"""Levels of one category, and the one-hot input of each.

scikit-learn's OneHotEncoder joins rare levels, but it does not know sample weights.  It
is therefore shown frequent levels twice, something that stands for all rare ones once,
and is told to join what it sees once.  Its answers are kept, as asking it takes a
millisecond.  Rare levels are not kept: unknown ones have the same input, and a name
that occurs once belongs to the data rather than to a model.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.preprocessing import OneHotEncoder

from sk_effprop._columns import Labels
from sk_effprop.core.arrays import Array

# Levels of a category that may have inputs of their own.
MAX_LEVELS = 1000
# Weights are numbers of repeats if they are multiples of the smallest up to this error.
ROUNDING = 1e-9
UNKNOWN = -1


@dataclass(frozen=True, eq=False)
class Levels:
    """Levels of a category.

    Attributes
    ----------
    encoder : OneHotEncoder
        Fitted to this column.
    values : ndarray of shape (n_values,)
        Levels with an input of their own, text or float64.
    inputs : ndarray of int of shape (n_values + 1,)
        Input that each level switches on, and at last the one of missing values;
        UNKNOWN if there is none.
    unknown_input : int
        Input of all other levels: the one of rare levels, or UNKNOWN.
    n_inputs : int
        Number of inputs: frequent levels, missing values, and all rare levels.
    """

    encoder: OneHotEncoder
    values: Array
    inputs: Array
    unknown_input: int
    n_inputs: int

    @property
    def is_text(self) -> bool:
        return self.values.dtype.kind == "U"

    def names(self, feature: str) -> list[str]:
        """Names of the inputs of a feature."""
        return [str(name) for name in self.encoder.get_feature_names_out([feature])]

    def inputs_of(self, labels: Labels) -> Array:
        """Index of the one-hot input of each row, or UNKNOWN."""
        known = dict(zip(self.values.tolist(), self.inputs[:-1].tolist(), strict=True))
        unknown = self.unknown_input
        of_values = [known.get(value, unknown) for value in labels.values.tolist()]
        # the code of a missing value is -1, which is the last entry
        return np.array([*of_values, self.inputs[-1]], dtype=np.intp)[labels.codes]


def learn_levels(
    labels: Labels, counted: Array, min_frequency: int, *, keeps_declared: bool
) -> Levels:
    """Levels of a column of the training data.

    Parameters
    ----------
    labels : Labels
    counted : ndarray of shape (n_samples,)
        Number of rows that each row stands for, see :func:`as_counts`.
    min_frequency : int
        Rows that a level needs for an input of its own.
    keeps_declared : bool
        Give all values that the dtype lists an input, as later batches may have them.
    """
    # the last level is that of missing values, whose code is -1
    values = np.array([*labels.values.tolist(), np.nan], dtype=object)
    codes = np.where(labels.codes < 0, len(values) - 1, labels.codes)
    counts = np.bincount(codes, counted, minlength=len(values))
    if keeps_declared:
        counts[:-1] = np.maximum(counts[:-1], min_frequency)
    is_frequent = _are_frequent(labels.values, counts, min_frequency)
    shown = np.repeat(values[is_frequent], 2)
    if (counts[~is_frequent] > 0.0).any():
        shown = np.append(shown, _stand_in(labels))
    kept = labels.values[is_frequent[:-1]]
    asked = np.array([*kept.tolist(), np.nan], dtype=object)
    encoder = OneHotEncoder(
        handle_unknown="infrequent_if_exist", min_frequency=2, sparse_output=False
    ).fit(_as_column(shown, labels))
    answers = encoder.transform(_as_column(asked, labels))
    inputs = np.where(answers.any(axis=1), answers.argmax(axis=1), UNKNOWN)
    n_inputs, has_rare = answers.shape[1], encoder.infrequent_categories_[0] is not None
    unknown = n_inputs - 1 if has_rare else UNKNOWN
    return Levels(encoder, kept, inputs, unknown, n_inputs)


def _stand_in(labels: Labels) -> str | float:
    """Return a value that does not occur, to replace all rare levels."""
    if not labels.is_text:
        return float(np.max(labels.values, initial=0.0)) + 1.0
    name = "rare"
    while name in labels.values:
        name += "_"
    return name


def _are_frequent(values: Array, counts: Array, min_frequency: int) -> Array:
    """Mask of the levels with their own input; the last entry is for missing values."""
    is_frequent = counts >= min_frequency * (1.0 - ROUNDING)
    # the order of the values decides between equal counts, not that of the rows
    by_count = np.lexsort((values, -counts[:-1]))
    is_frequent[by_count[MAX_LEVELS:]] = False
    return np.asarray(is_frequent & (counts > 0.0))


def _as_column(values: Array, labels: Labels) -> Any:
    return values.astype(object if labels.is_text else np.float64)[:, None]


def as_counts(weight: Array) -> Array:
    """Weights as numbers of repetitions if they are integers, else scaled to mean 1.

    The unit of the weights does not matter.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        times = weight / np.min(weight)
        whole = np.round(times)
        is_repeat = np.all(np.abs(times - whole) <= ROUNDING * whole)
    return np.asarray(whole if is_repeat else weight / np.mean(weight))
