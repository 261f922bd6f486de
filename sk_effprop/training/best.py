"""The best weights of training, found with as few evaluations of E as possible.

An evaluation of E on all examples takes half as long as an epoch, whereas the mean of E
over the updates of an epoch is free.  While these means fall, the weights before an
epoch are better than all earlier ones, as E fell during every epoch.  So E is only
evaluated where the means leave the best weights in doubt, and only when they are asked
for.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from sk_effprop.core.arrays import Array

# theta -> E(theta)
Evaluate: TypeAlias = Callable[[Array], float]


class BestWeights:
    """The best weights so far; each method that offers weights copies them if needed.

    Parameters
    ----------
    theta : ndarray of shape (n_weights,)
        Initial weights, the best until there are better ones.
    value : float
        E(theta).

    Attributes
    ----------
    evaluate : callable
        Computes E, for weights that are offered without it.
    lowest_mean : float
        The lowest mean of E over an epoch so far.
    """

    def __init__(self, theta: Array, value: float) -> None:
        self._theta = theta.copy()
        self._value: float | None = value
        self._criterion = np.inf, np.inf
        # The end of the epoch with the lowest mean, and of the latest one: candidates.
        self._after_lowest: Array | None = None
        self._latest: Array | None = None
        self.evaluate: Evaluate | None = None
        self.lowest_mean = value

    @property
    def theta(self) -> Array:
        """The best weights."""
        self._decide()
        return self._theta

    @property
    def value(self) -> float:
        """Their objective."""
        self._decide()
        if self._value is None:
            self._value = self._evaluated(self._theta)
        return self._value

    def keep(self, theta: Array, value: float | None) -> None:
        """Store these weights, whatever their value."""
        self._latest = None
        self._take(theta, value)

    def offer(self, theta: Array, value: float) -> None:
        """Store these weights if their E is lower than that of the best so far."""
        self._latest = None
        if value < self.value:
            self._take(theta, value)

    def offer_by(
        self,
        criterion: float,
        theta: Array,
        value: float | None,
        validation_loss: float = 0.0,
    ) -> None:
        """Store these weights if their criterion is lower than all earlier ones.

        Scores that are ranks or shares tie; the validation loss tells equals apart.
        """
        self._latest = None
        if (criterion, validation_loss) < self._criterion:
            self._criterion = criterion, validation_loss
            self._take(theta, value)

    def offer_unseen(self, theta: Array, epoch_mean: float) -> None:
        """Offer the weights after an epoch without evaluating E.

        ``theta`` may be an array that the solver goes on to change: it is read when the
        best weights are asked for, and forgotten with the next offer.
        """
        self._latest = None
        if epoch_mean >= self.lowest_mean:
            self._latest = theta
            return
        if self._after_lowest is not None:
            # This epoch began there, and was lower still.
            self._take(self._after_lowest, None)
        self._after_lowest, self.lowest_mean = theta.copy(), epoch_mean

    def _decide(self) -> None:
        """Evaluate the pending candidates, and store the best."""
        if self._after_lowest is not None:
            candidate = self._after_lowest
            # first, as Ctrl-C may end it
            value = self._evaluated(candidate)
            self._after_lowest = None
            # Below the mean of its own epoch, it is below the end of earlier epochs.
            if value <= self.lowest_mean or value < self.value:
                self._take(candidate, value)
        if self._latest is not None:
            candidate = self._latest
            value = self._evaluated(candidate)
            self._latest = None
            if value < self.value:
                self._take(candidate, value)

    def _take(self, theta: Array, value: float | None) -> None:
        np.copyto(self._theta, theta)
        self._value = value

    def _evaluated(self, theta: Array) -> float:
        assert self.evaluate is not None
        return self.evaluate(theta)
