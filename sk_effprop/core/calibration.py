"""Probabilities and intervals that agree with out-of-fold outputs.

An example is out of fold for a network that was trained without it, so its error there
is an honest one.  Errors of this kind tell how confident a classifier may be, and how
wide an interval has to be.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from sk_effprop.core.arrays import Array
from sk_effprop.core.losses import Loss

# Limits of the temperature: too few examples could otherwise call for any.
COLDEST, HOTTEST = 0.2, 5.0
# Halvings of the bracket of a quantile: 2 ** -50 is a rounding error.
N_HALVINGS = 50
# Sums of weights that differ by less are equal up to rounding.
ROUNDING = 1e-9


def find_temperature(
    loss: Loss, logits: Array, targets: Array, weight: Array | None
) -> float:
    """Temperature T that minimises the mean loss of ``logits / T`` (Guo et al., 2017).

    Parameters
    ----------
    loss : Loss
        Log loss.
    logits, targets : ndarray of shape (n_samples, n_outputs)
    weight : ndarray of shape (n_samples,) or None
    """

    def mean_loss(log_temperature: float) -> float:
        values = loss.value(logits * np.exp(-log_temperature), targets)
        return float(np.average(values, weights=weight))

    bounds = np.log([COLDEST, HOTTEST])
    return float(np.exp(minimize_scalar(mean_loss, bounds=bounds, method="bounded").x))


@dataclass(frozen=True, eq=False)
class Residuals:
    """Absolute out-of-fold residuals of the members of a committee.

    Attributes
    ----------
    values : ndarray of shape (n_samples, n_outputs)
    members : ndarray of shape (n_samples,)
        Number of the member that was trained without the example.
    weight : ndarray of shape (n_samples,)
    count : float
        Number of examples that these stand for.
    """

    values: Array
    members: Array
    weight: Array
    count: float

    def bounds(self, predictions: Array, level: float) -> Array:
        """Prediction intervals by CV+ (Barber et al., 2021).

        The upper bound is the smallest value that at least ``level * (count + 1)`` of
        the sums of a residual and the prediction of its member do not exceed, and the
        lower bound is its counterpart.

        Parameters
        ----------
        predictions : ndarray of shape (n_members, n_new, n_outputs)
        level : float
            Share of new values that should lie within their interval.

        Returns
        -------
        ndarray of shape (n_new, n_outputs, 2)
            Infinite if there are too few residuals for this level.
        """
        share = level * (1.0 + 1.0 / self.count) - ROUNDING
        return np.stack(
            [
                self._bounds_of(output, predictions[:, :, output], share)
                for output in range(predictions.shape[2])
            ],
            axis=1,
        )

    def _bounds_of(self, output: int, predictions: Array, share: float) -> Array:
        pools = [self._pool(output, member) for member in range(len(predictions))]
        upper = _upper_bounds(predictions, pools, share)
        lower = -_upper_bounds(-predictions, pools, share)
        return np.stack([lower, upper], axis=1)

    def _pool(self, output: int, member: int) -> "Pool":
        own = self.members == member
        values = self.values[own, output]
        order = np.argsort(values, kind="stable")
        weight = self.weight[own][order] / np.sum(self.weight)
        return Pool(values[order], np.concatenate([[0.0], np.cumsum(weight)]))


@dataclass(frozen=True, eq=False)
class Pool:
    """Sorted residuals of one member, and their cumulated weights after a first 0."""

    values: Array
    cumulated: Array

    def share_up_to(self, limits: Array) -> Any:
        """Weight of the residuals that do not exceed each limit."""
        return self.cumulated[np.searchsorted(self.values, limits, side="right")]

    def quantile(self, share: float) -> float:
        """Smallest residual that this share of the pool does not exceed."""
        place = np.searchsorted(self.cumulated[1:], share * self.cumulated[-1])
        return float(self.values[min(int(place), len(self.values) - 1)])


def _upper_bounds(predictions: Array, pools: list[Pool], share: float) -> Array:
    """Smallest values that this share of predictions plus residuals do not exceed.

    They lie between the quantiles of the members, and are found by bisection.
    """
    if share > 1.0:
        return np.full(predictions.shape[1], np.inf)
    pairs = [
        pair for pair in zip(predictions, pools, strict=True) if len(pair[1].values)
    ]
    ends = np.stack([mine + pool.quantile(share) for mine, pool in pairs])
    low, high = ends.min(axis=0), ends.max(axis=0)
    for _ in range(N_HALVINGS):
        middle = (low + high) / 2.0
        reached = sum(pool.share_up_to(middle - mine) for mine, pool in pairs)
        low = np.where(reached >= share, low, middle)
        high = np.where(reached >= share, middle, high)
    return np.asarray(high)
