"""Rules that end training: limits, lack of progress, and divergence."""

from dataclasses import dataclass

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.solvers.base import Reason

# Training has diverged when E exceeds the baseline by this factor.
DIVERGENCE_FACTOR = 2.0
# Saturated outputs keep E from growing that far.  So training has also diverged if it
# is above its start by this share, and in so many iterations was never below it.
STUCK_ITERATIONS, STUCK_SHARE = 3, 0.1


@dataclass(frozen=True)
class Limits:
    """The goal of training, and limits of iterations and time.

    Attributes
    ----------
    max_iter : int
    max_time : float or None
        Seconds.
    goal : float or None
        Training stops when the objective is at most this.
    """

    max_iter: int
    max_time: float | None = None
    goal: float | None = None

    def reached(self, n_iter: int, seconds: float) -> Reason:
        """Return the limit that is reached after so many iterations and seconds."""
        if self.max_time is not None and seconds >= self.max_time:
            return Reason.MAX_TIME
        return Reason.MAX_ITER if n_iter >= self.max_iter else Reason.NOT_ENDED


class Patience:
    """Counts iterations without progress.

    Parameters
    ----------
    tol : float
        An iteration makes progress if its value is lower than all before by ``tol``;
        0 disables the rule.
    patience : float
        Iterations without progress in a row after which training has stalled.
    is_relative : bool
        Whether ``tol`` is a share of the lowest value, where that is below 1.
    """

    def __init__(
        self, tol: float, patience: float, *, is_relative: bool = False
    ) -> None:
        self.tol, self.patience, self.is_relative = tol, patience, is_relative
        # The lowest value, and the loss that breaks ties with it.
        self._lowest = self._lowest_loss = np.inf
        self._n_without_progress = 0

    @property
    def is_exhausted(self) -> bool:
        """True if training has stalled."""
        return self._n_without_progress >= self.patience

    def note(self, value: float, validation_loss: float = 0.0) -> None:
        """Count an iteration with this value; the loss tells equal values apart."""
        if self.tol == 0.0:
            return
        is_equal = value == self._lowest
        breaks_tie = is_equal and validation_loss <= self._lowest_loss - self.tol
        share = min(abs(self._lowest), 1.0) if self.is_relative else 1.0
        if value > self._lowest - share * self.tol and not breaks_tie:
            self._n_without_progress += 1
        else:
            self._lowest_loss = validation_loss
            self.restart()
        self._lowest = min(self._lowest, value)

    def restart(self) -> None:
        """Forget the iterations without progress."""
        self._n_without_progress = 0


class Divergence:
    """Recognises training that has gone wrong.

    Parameters
    ----------
    value : float
        Initial objective.
    null_value : float
        Loss of outputs that are all zero.  The baseline is the larger of the two.
    """

    def __init__(self, value: float, null_value: float) -> None:
        baseline = max(value, null_value)
        # A loss may be negative, as that of "poisson" is.
        self._ceiling = baseline + (DIVERGENCE_FACTOR - 1.0) * abs(baseline)
        self._stuck_level = value + STUCK_SHARE * abs(baseline)
        self._start = self._lowest = value

    @property
    def has_improved(self) -> bool:
        """True if any iteration was below the start."""
        return self._lowest < self._start

    def is_in_bounds(self, theta: Array, epoch_mean: float) -> bool:
        """Return whether an epoch has not diverged.

        The mean of the objective over its updates must be below the ceiling, and theta,
        the weights at its end, must be finite.
        """
        in_bounds = epoch_mean <= self._ceiling and np.isfinite(theta).all()
        if in_bounds:
            self._lowest = min(self._lowest, epoch_mean)
        return bool(in_bounds)

    def has_diverged(self, theta: Array, value: float, n_iter: int) -> bool:
        """Return whether training has diverged after ``n_iter`` iterations."""
        is_finite = np.isfinite(value) and np.isfinite(theta).all()
        if not is_finite or value > self._ceiling:
            return True
        self._lowest = min(self._lowest, value)
        is_stuck = not self.has_improved and value > self._stuck_level
        return is_stuck and n_iter >= STUCK_ITERATIONS
