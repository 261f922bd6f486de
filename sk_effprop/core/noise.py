"""Share of the targets that smooth models leave unexplained, before any training.

Two ridge regressions take a few milliseconds: one on the inputs, and one on the inputs
and random hidden units.  Generalised cross-validation (Golub, Heath and Wahba, 1979)
estimates the share of the variance of new targets that each leaves unexplained.  For a
sine over three periods with noise of the same variance::

    unexplained(inputs, targets)  # Unexplained(linear=0.98, curved=0.52)

The share of the second model is an upper bound of the noise.  The difference between
both shows how far from linear the targets are.
"""

from typing import Any, NamedTuple

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.initializers import biases_through_data, lecun
from sk_effprop.core.inputs import FoldedSparse

N_UNITS = 100
# number of rows that the ridges use
MAX_ROWS = 500
# ridge penalties that are compared, relative to the mean square of the directions
RIDGES = 10.0 ** np.arange(-6, 2)
# a ridge that uses up this share of the degrees of freedom says nothing about new rows
INTERPOLATES = 0.98
# directions with a smaller share of the largest square consist of rounding errors
SMALLEST_SQUARE = 1e-10
# so do deviations below this share of the mean
CONSTANT = 1e-12

# Bounds of the L2 strength per unit of fan-in and example
WEAKEST, STRONGEST, STRONGEST_CLASSIFICATION = 0.01, 0.3, 0.1
# power of the linearity that the L2 strength is proportional to, chosen empirically
POWER_OF_SHARE = 3


class Unexplained(NamedTuple):
    """Unexplained shares of the variance of new targets, from 0 to 1.

    Attributes
    ----------
    linear : float
        Share that a linear model leaves.
    curved : float
        Share that the better of it and a model with random hidden units leaves.
    """

    linear: float
    curved: float

    @property
    def linearity(self) -> float:
        """Share of the linear model's error that the curved model leaves as well."""
        return self.curved / self.linear if self.linear > 0.0 else 1.0


def strength_for_regression(left: Unexplained) -> float:
    """L2 strength for regression, per unit of fan-in and example.

    With squared error on targets of unit variance, and a prior as wide as the initial
    weights, the strength is the variance of the noise (MacKay, 1992), which is assumed
    to be STRONGEST.  Functions that are far from linear need larger weights and hence a
    weaker penalty.

    Parameters
    ----------
    left : Unexplained

    Returns
    -------
    float
        Between WEAKEST and STRONGEST.
    """
    return max(STRONGEST * left.linearity**POWER_OF_SHARE, WEAKEST)


def strength_for_classification(left: Unexplained) -> float:
    """L2 strength for classification with log loss, per unit of fan-in and example.

    Parameters
    ----------
    left : Unexplained
        Measured on targets 0 and 1.

    Returns
    -------
    float
        Between WEAKEST and STRONGEST_CLASSIFICATION.
    """
    strength = left.linearity**POWER_OF_SHARE
    return float(np.clip(strength, WEAKEST, STRONGEST_CLASSIFICATION))


def unexplained(
    inputs: Any,
    targets: Array,
    sample_weight: Array | None = None,
    *,
    count: float | None = None,
    n_units: int = N_UNITS,
) -> Unexplained:
    """Estimate the share of the targets' variance that smooth models leave.

    Parameters
    ----------
    inputs : ndarray or FoldedSparse of shape (n_samples, n_in + 1)
        Normalised, ending in a column of ones.
    targets : ndarray of shape (n_samples, n_outputs)
    sample_weight : ndarray of shape (n_samples,), optional
    count : float, optional
        Number of examples that the rows stand for; the sum of the weights if absent.
    n_units : int
        Number of random hidden units; with 0 both shares are the linear model's.

    Returns
    -------
    Unexplained
        Means over the outputs.  Up to rounding, the order of up to MAX_ROWS rows does
        not matter, and a row of weight 2 equals two rows.
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
    """Activations of a first layer of random weights, which are always the same."""
    rng = np.random.default_rng(0)
    fan_in = X.shape[1]
    z = X @ rng.normal(0.0, lecun(fan_in, n_units), size=(fan_in, n_units))
    # without weights the quantiles need no ranks, and sorting is faster
    ranked_by = None if np.ptp(weight) == 0.0 else weight
    return np.asarray(np.tanh(z + biases_through_data(rng, z, ranked_by)))


def _cross_validated(features: Array, Y: Array, weight: Array, count: float) -> Array:
    """Share of each output's variance that the best ridge leaves, cross-validated."""
    squares, explained = _directions(features, Y, weight)
    if not explained.size:
        return np.ones(1)
    rest = np.maximum(1.0 - explained.sum(axis=0), 0.0)
    errors = [np.ones_like(rest)]
    for ridge in RIDGES * squares.mean():
        kept = ridge / (squares + ridge)
        # the mean takes one degree of freedom
        unfitted = 1.0 - (1.0 + np.sum(1.0 - kept)) / count
        if unfitted > 1.0 - INTERPOLATES:
            errors.append((rest + kept**2 @ explained) / unfitted**2)
    return np.asarray(np.min(errors, axis=0))


def _directions(features: Array, Y: Array, weight: Array) -> tuple[Any, Any]:
    """Squared singular values, and shares of each output's variance along them."""
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
