"""Calibration of probabilities and intervals with a committee's out-of-fold outputs.

An example is out of fold for the member that was trained without it, whose error there
is an honest one.  The joint network is better than its members, as their independent
errors cancel in the mean.  So what is found for single members is an upper bound, and
is reduced by what the members' disagreement says.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from sk_effprop.core.arrays import Array
from sk_effprop.core.losses import Loss

# Limits of the temperature: too few examples could otherwise call for any.
COLDEST, HOTTEST = 0.2, 5.0
# Cumulated weights that differ by less are equal up to rounding.
ROUNDING = 1e-9


def joint_temperature(
    loss: Loss, logits: Array, targets: Array, weight: Array | None
) -> float:
    """Estimate the temperature of the joint network's logits from those of its members.

    For the members it is the T that minimises the mean loss of ``logits / T`` (Guo et
    al., 2017).  The mean of several networks is less overconfident than each of them,
    and half of the logarithm of a T above 1 is measured to be what remains.

    Parameters
    ----------
    loss : Loss
        Log loss.
    logits, targets : ndarray of shape (n_samples, n_outputs)
        Out-of-fold logits, and what they should be.
    weight : ndarray of shape (n_samples,) or None
    """

    def mean_loss(log_temperature: float) -> float:
        values = loss.value(logits * np.exp(-log_temperature), targets)
        return float(np.average(values, weights=weight))

    bounds = np.log([COLDEST, HOTTEST])
    found = float(minimize_scalar(mean_loss, bounds=bounds, method="bounded").x)
    return float(np.exp(min(found, found / 2.0)))


def joint_residuals(
    predictions: Array, targets: Array, members: Array, weight: Array
) -> Array:
    """Estimate the joint network's absolute residuals for new examples.

    They are the out-of-fold residuals of the members, times the factor by which the
    joint network is better.  If the members differ by a variance v around their mean,
    the mean squared error of the mean of k is smaller by ``(1 - 1/k) v``.

    Parameters
    ----------
    predictions : ndarray of shape (n_members, n_samples, n_outputs)
    targets : ndarray of shape (n_samples, n_outputs)
    members : ndarray of shape (n_samples,)
        The member that was trained without each example.
    weight : ndarray of shape (n_samples,)

    Returns
    -------
    ndarray of shape (n_samples, n_outputs)
    """
    n_members, rows = len(predictions), np.arange(len(targets))
    own = predictions[members, rows]
    residuals = np.abs(targets - own)
    if n_members < 3:
        # no example has been seen by two
        return residuals
    squared = np.average(residuals**2, axis=0, weights=weight)
    variance = _member_variance(predictions - own, weight)
    share = np.divide(
        variance, squared, out=np.zeros_like(squared), where=squared > 0.0
    )
    # errors that have nothing in common leave 1/k of their variance
    left = np.maximum(1.0 - (1.0 - 1.0 / n_members) * share, 1.0 / n_members)
    return np.asarray(residuals * np.sqrt(left))


def _member_variance(deviations: Array, weight: Array) -> Array:
    """Estimate the variance of the members' outputs around their mean for new examples.

    Members agree too well on examples that they have seen, and the one that has not
    seen an example differs too much from those that have.  The geometric mean of both
    variances is a good estimate.

    Parameters
    ----------
    deviations : ndarray of shape (n_members, n_samples, n_outputs)
        From the member that has not seen the example, whose own are zero.
    weight : ndarray of shape (n_samples,)
    """
    n_others = len(deviations) - 1
    mean = deviations.sum(axis=0) / n_others
    squares = (deviations**2).sum(axis=0) - n_others * mean**2
    seen = np.average(squares, axis=0, weights=weight) / (n_others - 1)
    unseen = np.average(mean**2, axis=0, weights=weight) / (1.0 + 1.0 / n_others)
    return np.asarray(np.sqrt(np.maximum(seen, 0.0) * unseen))


@dataclass(frozen=True, eq=False)
class Residuals:
    """Absolute residuals for new examples, and their weights.

    Attributes
    ----------
    values : ndarray of shape (n_samples, n_outputs)
    weight : ndarray of shape (n_samples,)
    count : float
        Number of examples that these stand for.
    """

    values: Array
    weight: Array
    count: float

    def half_widths(self, level: float) -> Array:
        """Half-widths of intervals with this probability of containing a new value.

        As in conformal prediction, at least ``level * (count + 1)`` residuals are not
        larger.

        Parameters
        ----------
        level : float

        Returns
        -------
        ndarray of shape (n_outputs,)
            Infinite if there are too few residuals for this level.
        """
        share = level * (1.0 + 1.0 / self.count) - ROUNDING
        if share > 1.0:
            return np.full(self.values.shape[1], np.inf)
        order = np.argsort(self.values, axis=0, kind="stable")
        cumulated = np.cumsum(self.weight[order], axis=0) / np.sum(self.weight)
        places = np.minimum((cumulated < share).sum(axis=0), len(order) - 1)
        ranked = np.take_along_axis(self.values, order, axis=0)
        return np.asarray(ranked[places, np.arange(ranked.shape[1])])
