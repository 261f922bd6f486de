"""How much of the targets is noise, as far as one can tell before any training.

Two ridge regressions take a few milliseconds: one on the inputs, and one that has
random hidden units beside them.  Generalised cross-validation (Golub, Heath and Wahba,
1979) says what each would leave unexplained of new targets, say of a sine of three
periods with as much noise again::

    unexplained(inputs, targets)  # Unexplained(linear=0.98, curved=0.52)

What the second leaves is an upper bound of the noise.  What it explains beyond the
first is for a network that is far from linear.
"""

from typing import Any, NamedTuple

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.initializers import biases_through_data, lecun
from sk_effprop.core.inputs import FoldedSparse

N_UNITS = 100
# rows that are looked at
MAX_ROWS = 500
# strengths of the ridges, relative to the mean square of the directions
RIDGES = 10.0 ** np.arange(-6, 2)
# a ridge that fits this share of the rows says nothing about others
INTERPOLATES = 0.98
# directions of less than this share of the largest's square are rounding errors
SMALLEST_SQUARE = 1e-10
# and so are deviations of less than this share of the mean
CONSTANT = 1e-12

# Bounds of the strength of the penalty, for one connection and one example
WEAKEST, STRONGEST, STRONGEST_OF_CLASSES = 0.01, 0.3, 0.1
# how it falls with the share of the linear error that the curved model leaves, too
POWER_OF_SHARE = 3


class Unexplained(NamedTuple):
    """Shares of the variance of new targets, from 0 to 1.

    Attributes
    ----------
    linear : float
        Left by a linear model.
    curved : float
        Left by the better of that and one with random hidden units.
    """

    linear: float
    curved: float

    @property
    def linearity(self) -> float:
        """Share of the linear model's error that the curved one leaves, too."""
        return self.curved / self.linear if self.linear > 0.0 else 1.0


def strength_for_values(left: Unexplained) -> float:
    """How strong a penalty values want, for one connection and one example.

    With squared error on targets of unit variance, and a prior as wide as the initial
    weights, it is the variance of the noise (MacKay, 1992), which STRONGEST stands for.
    Functions that are far from linear need larger weights than those.

    Parameters
    ----------
    left : Unexplained

    Returns
    -------
    float
        From WEAKEST to STRONGEST.
    """
    return max(STRONGEST * left.linearity**POWER_OF_SHARE, WEAKEST)


def strength_for_classes(left: Unexplained) -> float:
    """The same for classes by log loss, most of which want the strongest.

    Parameters
    ----------
    left : Unexplained
        Of targets 0 and 1.

    Returns
    -------
    float
        From WEAKEST to STRONGEST_OF_CLASSES.
    """
    strength = left.linearity**POWER_OF_SHARE
    return float(np.clip(strength, WEAKEST, STRONGEST_OF_CLASSES))


def unexplained(
    inputs: Any,
    targets: Array,
    sample_weight: Array | None = None,
    *,
    count: float | None = None,
    n_units: int = N_UNITS,
) -> Unexplained:
    """Estimate what smooth models leave unexplained.

    Parameters
    ----------
    inputs : ndarray or FoldedSparse of shape (n_samples, n_in + 1)
        Normalised, ending in a column of ones.
    targets : ndarray of shape (n_samples, n_outputs)
    sample_weight : ndarray of shape (n_samples,), optional
    count : float, optional
        How many examples these stand for, by default the sum of the weights.
    n_units : int
        Random hidden units; with 0 both shares are the linear model's.

    Returns
    -------
    Unexplained
        Means over the outputs. The order of up to MAX_ROWS rows does not matter but for
        rounding, and a weight of 2 is the same as a repeated row.
    """
    weight = np.ones(len(targets)) if sample_weight is None else sample_weight
    total = float(weight.sum())
    rows = np.linspace(0, len(targets) - 1, min(len(targets), MAX_ROWS)).astype(int)
    X, Y, weight = inputs[rows], targets[rows], weight[rows]
    X = (X.filled() if isinstance(X, FoldedSparse) else X)[:, :-1]
    X, Y, weight = (values.astype(np.float64) for values in (X, Y, weight))
    seen = (total if count is None else count) * float(weight.sum()) / total
    with np.errstate(over="ignore", invalid="ignore"):
        curved = linear = _cross_validated(X, Y, weight, seen)
        if n_units > 0:
            features = np.hstack([X, _random_units(X, weight, n_units)])
            curved = np.minimum(linear, _cross_validated(features, Y, weight, seen))
    return Unexplained(float(linear.mean()), float(curved.mean()))


def _random_units(X: Array, weight: Array, n_units: int) -> Array:
    """What a first layer of random weights makes of the rows, the same every time."""
    rng = np.random.default_rng(0)
    fan_in = X.shape[1]
    z = X @ rng.normal(0.0, lecun(fan_in, n_units), size=(fan_in, n_units))
    # to sort rows is faster than to rank them
    ranked_by = None if np.ptp(weight) == 0.0 else weight
    return np.asarray(np.tanh(z + biases_through_data(rng, z, ranked_by)))


def _cross_validated(features: Array, Y: Array, weight: Array, count: float) -> Array:
    """Share of each output's variance that the best ridge promises to leave."""
    squares, explained = _directions(features, Y, weight)
    if not explained.size:
        return np.ones(1)
    rest = np.maximum(1.0 - explained.sum(axis=0), 0.0)
    errors = [np.ones_like(rest)]
    for ridge in RIDGES * squares.mean():
        kept = ridge / (squares + ridge)
        # the mean is fitted, too
        unfitted = 1.0 - (1.0 + np.sum(1.0 - kept)) / count
        if unfitted > 1.0 - INTERPOLATES:
            errors.append((rest + kept**2 @ explained) / unfitted**2)
    return np.asarray(np.min(errors, axis=0))


def _directions(features: Array, Y: Array, weight: Array) -> tuple[Any, Any]:
    """Squared singular values, and the share of each output's variance along them."""
    share = weight / weight.sum()
    root = np.sqrt(share)[:, None]
    mean = share @ Y
    F, Y = root * (features - share @ features), root * (Y - mean)
    variance = np.sum(Y**2, axis=0)
    varies = variance > (CONSTANT * mean) ** 2
    Y = Y[:, varies] / np.sqrt(variance[varies])
    is_tall = F.shape[0] >= F.shape[1]
    gram, aims = (F.T @ F, F.T @ Y) if is_tall else (F @ F.T, Y)
    if not Y.size or not np.isfinite(gram).all():
        return np.empty(0), np.empty((0, 0))
    squares, vectors = np.linalg.eigh(gram)
    real = squares > SMALLEST_SQUARE * squares[-1]
    squares, explained = squares[real], (vectors[:, real].T @ aims) ** 2
    return squares, explained / squares[:, None] if is_tall else explained
