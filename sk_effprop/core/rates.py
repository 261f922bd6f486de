"""Learning rates of all weights, computed from the curvature (sections 4.7 and 9).

A :class:`RateRule` measures :class:`Rates` at some theta.  How the global rate changes
afterwards is the subject of :mod:`sk_effprop.core.schedules` and
:mod:`sk_effprop.core.flow`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import sqrt
from typing import NamedTuple

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.curvature import Linearization
from sk_effprop.core.layer_curvature import layer_curvature
from sk_effprop.core.losses import majorant
from sk_effprop.core.objective import Objective
from sk_effprop.core.spectrum import (
    LeadingCurvature,
    draw_patterns,
    leading_curvature,
    measured_part,
)

# The printed rule, a rate proportional to sqrt(fan-in), is the inverse of what the
# authors' own simulator does and of what stability requires: a step moves a unit's
# input by eta * |x|^2, which grows with the fan-in.
SCALINGS: dict[str, Callable[[int, int], float]] = {
    "none": lambda fan_in, fan_out: 1.0,
    "inv_sqrt_fan_in": lambda fan_in, fan_out: 1.0 / sqrt(fan_in),
    "inv_fan_in": lambda fan_in, fan_out: 1.0 / fan_in,
    "sqrt_fan_in": lambda fan_in, fan_out: sqrt(fan_in),
}


# Number of examples after which rates that follow the doubling of examples are measured
# for the second time.
FIRST_MEASUREMENT = 250
# A stream that starts with fewer examples measures the rates in its next calls, too.
ENOUGH_PATTERNS = 30
# The curvature of squared errors halves once the outputs have left the steepest part of
# their sigmoid, and vanishes where they are saturated.  Neither justifies large steps.
MAX_GROWTH = 3.0
# Relative rates of layers that were measured for one batch size also suit others that
# differ from it by at most this factor.
SIMILAR_BATCHES = 2.0


class DiagonalCurvature(NamedTuple):
    """Denominator of stochastic diagonal Levenberg-Marquardt, eq. (61).

    Attributes
    ----------
    h : ndarray of shape (n_weights,)
        Second derivatives, a mean over patterns; never negative.
    mu : float
        Keeps the rates of flat directions bounded.
    """

    h: Array
    mu: float


class Rates(NamedTuple):
    """A learning rate for every weight: ``eta * factors``.

    Attributes
    ----------
    eta : float
        The global rate.
    scaling : ndarray of shape (n_weights,)
        Relative rates, constant within a layer.
    curvature : DiagonalCurvature or None
        If given, the relative rates are divided by it.
    leading : LeadingCurvature or None
        The curvature that eta was computed from; None if eta was given.
    ceiling : float
        Upper bound for the mean over the weights of rates that are measured later.
    n_patterns : float
        Number of examples that were available for the measurement.
    rule : RateRule or None
        The rule that found these rates.
    """

    eta: float
    scaling: Array
    curvature: DiagonalCurvature | None = None
    leading: LeadingCurvature | None = None
    ceiling: float = np.inf
    n_patterns: float = np.inf
    rule: "RateRule | None" = None

    @property
    def factors(self) -> Array:
        """Relative rate of every weight, ``scaling / (h + mu)``."""
        if self.curvature is None:
            return self.scaling
        return np.asarray(self.scaling / (self.curvature.h + self.curvature.mu))

    @property
    def lambda_max(self) -> float | None:
        """Largest eigenvalue of the mean curvature, if eta was computed from it."""
        return None if self.leading is None else self.leading.mean


@dataclass(frozen=True, eq=False)
class RateRule:
    """A rule that finds the rates at some theta.

    Attributes
    ----------
    scaling : ndarray of shape (n_weights,) or None
        Relative rates, constant within a layer; None to compute them from the curvature
        of each layer.
    eta : float or None
        The global rate; None to compute it from the curvature.
    batch_size : int
    share : float
        Factor of the rate from the curvature.  It is below 1 with momentum, whose steps
        add up.
    diagonal_samples : int
        If positive, the relative rates are divided by the diagonal curvature of so many
        patterns.
    damping : float or None
        mu; None for the mean of the diagonal.
    period : float or None
        Epochs after which the rates are measured again, inf for never; None to measure
        them whenever the number of examples used has doubled.
    follows_stream : bool
        Whether the relative rates of a stream's first batch are kept, however many rows
        the later batches have.
    """

    scaling: Array | None
    eta: float | None
    batch_size: int
    share: float = 1.0
    diagonal_samples: int = 0
    damping: float | None = None
    period: float | None = np.inf
    follows_stream: bool = False

    def next_measurement(self, measured_at: int, n_samples: int) -> float:
        """Number of presented examples at which the rates are measured again."""
        if self.period is None:
            return max(FIRST_MEASUREMENT, 2 * measured_at)
        return measured_at + self.period * n_samples

    def __call__(
        self,
        objective: Objective,
        theta: Array,
        rng: np.random.Generator,
        earlier: Rates | None = None,
    ) -> Rates:
        """Measure learning rates from the curvature at the weights theta.

        The curvature is that of randomly drawn examples.  The rates do not exceed the
        ceiling of ``earlier``, the rates that were measured before.  If the curvature
        overflows, ``earlier`` is returned.

        Raises
        ------
        ValueError
            If the curvature overflows and no rates were measured before.
        """
        diagonal = self._diagonal(objective, theta, rng)
        if earlier is None:
            # errors are large at the start, and become small
            objective = replace(objective, loss=majorant(objective.loss))
        rates = Rates(
            1.0,
            self._scaling(objective, theta, rng, earlier, diagonal),
            diagonal,
            ceiling=np.inf if earlier is None else earlier.ceiling,
            n_patterns=objective.n_samples,
            rule=self,
        )
        if self.eta is not None:
            return rates._replace(eta=self.eta)
        leading = leading_curvature(
            objective, theta, rates.factors, rng, batch_size=self.batch_size
        )
        if np.isfinite(leading).all():
            return self._with_eta(rates, leading)
        if earlier is not None:
            return earlier
        raise ValueError(
            "The curvature at the initial weights overflows, so there is no automatic "
            "learning rate. The input data may contain large values and need to be "
            "preprocessed, or init is too large."
        )

    def adopt(self, rates: Rates) -> Rates | None:
        """Convert rates of another rule to this one; None if they must be measured."""
        other = rates.rule
        if other is None or other.damping != self.damping:
            return None
        scaling = self._adopted_scaling(rates, other)
        if scaling is None:
            return None
        if self.eta is not None:
            return rates._replace(
                eta=self.eta, scaling=scaling, leading=None, rule=self
            )
        if rates.leading is None or not np.array_equal(rates.scaling, scaling):
            return None
        change = self._allowed(rates.leading) / other._allowed(rates.leading)
        eta, ceiling = rates.eta * change, rates.ceiling * change
        return rates._replace(eta=eta, scaling=scaling, ceiling=ceiling, rule=self)

    def _adopted_scaling(self, rates: Rates, other: "RateRule") -> Array | None:
        if self.scaling is not None:
            return self.scaling
        sizes = self.batch_size, other.batch_size
        # The last batch of a stream may be short, but elsewhere a batch of another size
        # is another plan.
        is_similar = self.follows_stream or max(sizes) <= SIMILAR_BATCHES * min(sizes)
        return rates.scaling if other.scaling is None and is_similar else None

    def refine(
        self,
        rates: Rates,
        objective: Objective,
        theta: Array,
        rng: np.random.Generator,
    ) -> Rates:
        """Combine rates that were measured on few examples with those on more."""
        is_given = self.eta is not None and self.diagonal_samples == 0
        if is_given or rates.n_patterns >= ENOUGH_PATTERNS:
            return rates
        here = self(objective, theta, rng, rates)
        if here is rates:
            return rates
        n_patterns = rates.n_patterns + here.n_patterns
        share = here.n_patterns / n_patterns
        combined = rates._replace(
            curvature=_mean_diagonal(rates.curvature, here.curvature, share),
            ceiling=np.inf,
            n_patterns=n_patterns,
        )
        if rates.leading is None or here.leading is None:
            return combined._replace(leading=None)
        leading = LeadingCurvature(
            pattern=_mean(rates.leading.pattern, here.leading.pattern, share),
            mean=_mean(rates.leading.mean, here.leading.mean, share),
        )
        return self._with_eta(combined, leading)

    def _allowed(self, leading: LeadingCurvature) -> float:
        return self.share * leading.rate(self.batch_size)

    def _with_eta(self, rates: Rates, leading: LeadingCurvature) -> Rates:
        """Set the global rate to the largest that curvature and ceiling allow."""
        eta = self._allowed(leading)
        mean_rate = eta * float(np.mean(rates.factors))
        if np.isinf(rates.ceiling):
            rates = rates._replace(ceiling=MAX_GROWTH * mean_rate)
        eta *= min(1.0, rates.ceiling / mean_rate)
        return rates._replace(eta=eta, leading=leading)

    def _scaling(
        self,
        objective: Objective,
        theta: Array,
        rng: np.random.Generator,
        earlier: Rates | None,
        diagonal: DiagonalCurvature | None,
    ) -> Array:
        """Relative rates of the layers; those that are measured have mean 1."""
        if self.scaling is not None:
            return self.scaling
        if earlier is not None:
            return earlier.scaling
        scaling = np.ones(len(theta))
        factors = Rates(1.0, scaling, diagonal).factors
        part = measured_part(objective, rng, self.batch_size)
        rates = layer_curvature(part, theta, factors, rng).rates(self.batch_size)
        if not np.isfinite(rates).all() or not rates.all():
            return scaling
        for view, rate in zip(objective.network.layers(scaling), rates, strict=True):
            view[...] = rate
        return np.asarray(scaling / np.mean(scaling))

    def _diagonal(
        self, objective: Objective, theta: Array, rng: np.random.Generator
    ) -> DiagonalCurvature | None:
        if self.diagonal_samples == 0:
            return None
        some = draw_patterns(objective, self.diagonal_samples, rng).objective
        h = Linearization(some, theta).diagonal().astype(np.float64)
        h += objective.penalty
        # Without any curvature all rates are alike, and mu only has to be positive.
        return DiagonalCurvature(h, self.damping or float(np.mean(h)) or 1.0)


def _mean(one: float, other: float, share: float) -> float:
    return (1.0 - share) * one + share * other


def _mean_diagonal(
    one: DiagonalCurvature | None, other: DiagonalCurvature | None, share: float
) -> DiagonalCurvature | None:
    if one is None or other is None:
        return None
    h = (1.0 - share) * one.h + share * other.h
    return DiagonalCurvature(h, _mean(one.mu, other.mu, share))
