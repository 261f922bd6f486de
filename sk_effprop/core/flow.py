"""Gradient flow: a learning rate that follows the distance to the minimum."""

from math import sqrt

import numpy as np

from sk_effprop.core.arrays import Array

# Positions in ``Flow.numbers``.  The compiled loops change the same array, so it is an
# array rather than attributes.
RATE, ALPHA, BETA, DELTA, POWER, WEIGHT, WEIGHT_SQUARED, DISTANCE, HIGHEST = range(9)


class Flow:
    """The gradient-flow rule of Murata, Mueller, Ziehe and Amari, eqs. (17)-(19).

    A running mean r of the gradient tells how far the minimum is.  The rate follows its
    norm, so it anneals near the minimum and rises when the minimum moves::

        r   <- (1 - delta) r + delta g
        eta <- eta + alpha eta (beta |r| - eta)

    Parameters
    ----------
    rate : float
        Initial eta.
    constants : (float, float, float)
        alpha, beta, delta.
    highest : float
        Upper bound of the rate.

    Attributes
    ----------
    numbers : ndarray of shape (9,)
        The rate, the three constants, the running means of :func:`next_rate`, and the
        upper bound.
    mean : ndarray of shape (n_weights,) or None
        r; None before the first gradient.

    Notes
    -----
    The equations are those of plain descent.  Momentum m lets steps add up to
    ``1 / (1 - m)`` times the rate, which calls for ``(1 - m) beta`` in place of beta.

    The noise of the gradients alone keeps |r| near ``sigma sqrt(delta / (2 - delta))``,
    and eta on a plateau above zero.  So the mean of ``|g|^2`` is kept as well, and the
    part of ``|r|^2`` that noise explains is subtracted: r is a mean of gradients with
    weights v, and ``E|r|^2 = |m|^2 + kappa (E|g|^2 - |m|^2)`` for gradients with mean m
    and ``kappa = sum(v^2) / sum(v)^2``, which tends to ``delta / (2 - delta)``.
    """

    def __init__(
        self,
        rate: float,
        constants: tuple[float, float, float],
        highest: float = np.inf,
    ) -> None:
        self.numbers = np.zeros(9)
        self.numbers[RATE], self.numbers[HIGHEST] = rate, highest
        self.numbers[[ALPHA, BETA, DELTA]] = constants
        self.mean: Array | None = None

    @property
    def rate(self) -> float:
        """The global rate, eta."""
        return float(self.numbers[RATE])

    @property
    def distance(self) -> float:
        """Norm of the mean gradient, with the noise subtracted."""
        return float(self.numbers[DISTANCE])

    def start(self, gradient: Array) -> Array:
        """Return the running mean; it is allocated in the shape of the gradient."""
        if self.mean is None:
            self.mean = np.zeros_like(gradient)
        return self.mean

    def update(self, gradient: Array) -> float:
        """Include one gradient in the running means; return the new rate."""
        mean = self.start(gradient)
        mean += float(self.numbers[DELTA]) * (gradient - mean)
        return next_rate(
            self.numbers,
            float(np.dot(gradient, gradient)),
            float(np.dot(mean, mean)),
        )


def next_rate(numbers: Array, of_gradient: float, of_mean: float) -> float:
    """Change the numbers of a :class:`Flow` after a gradient; return the new rate.

    Parameters
    ----------
    numbers : ndarray of shape (9,)
    of_gradient, of_mean : float
        Squared norms of the gradient and of the running mean.
    """
    delta = numbers[DELTA]
    keep = 1.0 - delta
    numbers[POWER] = keep * numbers[POWER] + delta * of_gradient
    numbers[WEIGHT] = keep * numbers[WEIGHT] + delta
    numbers[WEIGHT_SQUARED] = keep**2 * numbers[WEIGHT_SQUARED] + delta**2
    # As in Adam, the means start from zero, and are divided by the sum of weights.
    weight = numbers[WEIGHT]
    kappa, squared = numbers[WEIGHT_SQUARED] / weight**2, of_mean / weight**2
    # kappa is 1 after a single gradient, which cannot tell its mean from its noise
    if kappa < 1.0:
        power = numbers[POWER] / weight
        squared = max(squared - kappa * power, 0.0) / (1.0 - kappa)
    numbers[DISTANCE] = sqrt(squared)
    rate = numbers[RATE]
    change = numbers[ALPHA] * (numbers[BETA] * numbers[DISTANCE] - rate)
    # The bounds keep eta positive, also after a first large gradient.
    rate *= 1.0 + min(max(change, -0.5), 1.0)
    numbers[RATE] = min(rate, numbers[HIGHEST])
    return float(numbers[RATE])
