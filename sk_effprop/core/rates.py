"""Learning rates (sections 4.7 and 9): one per weight, and how the global one moves."""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi, sqrt
from typing import Any, NamedTuple

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.curvature import Linearization
from sk_effprop.core.objective import Objective
from sk_effprop.core.spectrum import LeadingCurvature, leading_curvature

# ---------------------------------------------------------------- per-weight factors

# The printed rule, a rate proportional to sqrt(fan-in), is the inverse of what the
# authors' own simulator does and of what stability asks for: a step moves a unit's
# input by eta * |x|^2, which grows with the fan-in.
SCALINGS: dict[str, Callable[[int, int], float]] = {
    "none": lambda fan_in, fan_out: 1.0,
    "inv_sqrt_fan_in": lambda fan_in, fan_out: 1.0 / sqrt(fan_in),
    "inv_fan_in": lambda fan_in, fan_out: 1.0 / fan_in,
    "sqrt_fan_in": lambda fan_in, fan_out: sqrt(fan_in),
}


# examples shown before rates are measured for the second time, if they double
FIRST_MEASUREMENT = 250
# a stream that starts with fewer examples measures the rates in its next calls, too
ENOUGH_PATTERNS = 30
# Squared errors bend half as much once the outputs have left the steepest part of their
# sigmoid, and not at all where they are saturated, which is no reason for large steps.
MAX_GROWTH = 3.0


class DiagonalCurvature(NamedTuple):
    """What stochastic diagonal Levenberg-Marquardt divides by, eq. (61).

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
        Constant in a layer.
    curvature : DiagonalCurvature or None
        What the factors are divided by besides.
    leading : LeadingCurvature or None
        What eta comes from, if it is not given.
    ceiling : float
        What the mean over the weights of the rates may become in later measurements.
    n_patterns : float
        How many examples were there to be measured on.
    rule : RateRule or None
        What found them.
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


@dataclass(frozen=True)
class RateRule:
    """How to find the rates at some theta.

    Attributes
    ----------
    scaling : ndarray of shape (n_weights,)
        Factors, constant in a layer.
    eta : float or None
        The global rate; None to take it from the curvature.
    batch_size : int
    share : float
        What is taken of the rate from the curvature, as steps with momentum add up.
    diagonal_samples : int
        If positive, divide by the diagonal curvature of so many patterns.
    damping : float or None
        mu; None for the mean of the diagonal.
    period : float or None
        Epochs after which the rates are found again, inf for never; None for whenever
        the number of examples shown has doubled.
    """

    scaling: Array
    eta: float | None
    batch_size: int
    share: float = 1.0
    diagonal_samples: int = 0
    damping: float | None = None
    period: float | None = np.inf

    def next_measurement(self, measured_at: int, n_samples: int) -> float:
        """After how many examples shown the rates are to be found again."""
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
        """Measure at theta, on random patterns; stay below an earlier ceiling."""
        rates = Rates(
            1.0,
            self.scaling,
            self._diagonal(objective, theta, rng),
            ceiling=np.inf if earlier is None else earlier.ceiling,
            n_patterns=objective.n_samples,
            rule=self,
        )
        if self.eta is not None:
            return rates._replace(eta=self.eta)
        leading = leading_curvature(objective, theta, rates.factors, rng)
        return self._with_eta(rates._replace(leading=leading))

    def _allowed(self, leading: LeadingCurvature) -> float:
        return self.share * leading.rate(self.batch_size)

    def _with_eta(self, rates: Rates) -> Rates:
        """With the global rate that the curvature allows, below the ceiling."""
        assert rates.leading is not None
        eta = self._allowed(rates.leading)
        mean_rate = eta * float(np.mean(rates.factors))
        if np.isinf(rates.ceiling):
            rates = rates._replace(ceiling=MAX_GROWTH * mean_rate)
        return rates._replace(eta=eta * min(1.0, rates.ceiling / mean_rate))

    def adopt(self, rates: Rates) -> Rates | None:
        """Rates of an earlier call as this rule has them; None if it has to measure."""
        other = rates.rule
        if other is None or other.damping != self.damping:
            return None
        if self.eta is not None:
            return rates._replace(
                eta=self.eta, scaling=self.scaling, leading=None, rule=self
            )
        if rates.leading is None or not np.array_equal(other.scaling, self.scaling):
            return None
        change = self._allowed(rates.leading) / other._allowed(rates.leading)
        eta, ceiling = rates.eta * change, rates.ceiling * change
        return rates._replace(eta=eta, scaling=self.scaling, ceiling=ceiling, rule=self)

    def refine(
        self,
        rates: Rates,
        objective: Objective,
        theta: Array,
        rng: np.random.Generator,
    ) -> Rates:
        """Take more examples into rates that were measured on a few, the first ones."""
        is_given = self.eta is not None and self.diagonal_samples == 0
        if is_given or rates.n_patterns >= ENOUGH_PATTERNS:
            return rates
        here = self(objective, theta, rng)
        n_patterns = rates.n_patterns + here.n_patterns
        share = here.n_patterns / n_patterns
        mean = rates._replace(
            curvature=_mean_diagonal(rates.curvature, here.curvature, share),
            leading=_mean_leading(rates.leading, here.leading, share),
            ceiling=np.inf,
            n_patterns=n_patterns,
        )
        return mean if mean.leading is None else self._with_eta(mean)

    def _diagonal(
        self, objective: Objective, theta: Array, rng: np.random.Generator
    ) -> DiagonalCurvature | None:
        if self.diagonal_samples == 0:
            return None
        some = objective.sample(self.diagonal_samples, rng)
        h = Linearization(some, theta).diagonal().astype(np.float64)
        # where nothing bends, any rate will do
        return DiagonalCurvature(h, self.damping or float(np.mean(h)) or 1.0)


def _mean_leading(
    one: LeadingCurvature | None, other: LeadingCurvature | None, share: float
) -> LeadingCurvature | None:
    if one is None or other is None:
        return None
    pairs = zip(one, other, strict=True)
    return LeadingCurvature(*((1.0 - share) * a + share * b for a, b in pairs))


def _mean_diagonal(
    one: DiagonalCurvature | None, other: DiagonalCurvature | None, share: float
) -> DiagonalCurvature | None:
    if one is None or other is None:
        return None
    h = (1.0 - share) * one.h + share * other.h
    return DiagonalCurvature(h, (1.0 - share) * one.mu + share * other.mu)


# ------------------------------------------------------------------------- schedules


class Progress(NamedTuple):
    """How far training has come.

    Attributes
    ----------
    epoch : int
        Epochs completed.
    n_shown : int
        Examples shown.
    n_stalls : int
        How often training stopped making progress.
    start : int
        The epoch at which this call started.
    """

    epoch: int = 0
    n_shown: int = 0
    n_stalls: int = 0
    start: int = 0


class ScheduleSettings(NamedTuple):
    """The numbers that schedules use."""

    power_t: float
    annealing_tau: float
    max_iter: int


class Schedule(NamedTuple):
    """How the global rate moves.

    Attributes
    ----------
    factor : callable
        What eta is multiplied with.
    max_stalls : int
        How often training goes on with a lower rate when there is no more progress.
    has_an_end : bool
        Whether the rate falls to zero over ``max_iter`` epochs.
    """

    factor: Callable[[Progress, ScheduleSettings], float]
    max_stalls: int = 0
    has_an_end: bool = False


def constant(progress: Progress, settings: ScheduleSettings) -> float:
    """eta_0."""
    return 1.0


def invscaling(progress: Progress, settings: ScheduleSettings) -> float:
    """eta_0 / t^power_t, t in examples shown."""
    return float((progress.n_shown + 1) ** -settings.power_t)


def adaptive(progress: Progress, settings: ScheduleSettings) -> float:
    """A fifth whenever there is no more progress."""
    return float(5.0**-progress.n_stalls)


def annealing(progress: Progress, settings: ScheduleSettings) -> float:
    """eta_0 / (1 + t / tau), t in epochs: search, then converge as in eq. (12)."""
    return 1.0 / (1.0 + progress.epoch / settings.annealing_tau)


def cosine(progress: Progress, settings: ScheduleSettings) -> float:
    """eta_0 for half of ``max_iter`` epochs, then half a cosine down to almost 0."""
    epoch = min(progress.epoch - progress.start, settings.max_iter - 1)
    fallen = max(2.0 * epoch / settings.max_iter - 1.0, 0.0)
    return 0.5 * (1.0 + cos(pi * fallen))


# nine fifths lead to below 1e-6 of eta_0, and a cosine has one last part to jump to
SCHEDULES: dict[str, Schedule] = {
    "constant": Schedule(constant),
    "annealing": Schedule(annealing),
    "cosine": Schedule(cosine, max_stalls=1, has_an_end=True),
    "adaptive": Schedule(adaptive, max_stalls=9),
    "invscaling": Schedule(invscaling),
    # flow changes the rate at every update, see Flow; between epochs it stays
    "flow": Schedule(constant),
}
LAST_PART = 0.75


def after_stall(
    schedule: Schedule, progress: Progress, settings: ScheduleSettings
) -> Progress | None:
    """Where to go on when there is no more progress; None for nowhere."""
    if progress.n_stalls >= schedule.max_stalls:
        return None
    progress = progress._replace(n_stalls=progress.n_stalls + 1)
    if schedule.has_an_end:
        last_part = progress.start + int(LAST_PART * settings.max_iter)
        if progress.epoch >= last_part:
            return None
        progress = progress._replace(epoch=last_part)
    return progress


# what a Flow remembers as numbers: the rate, its constants, and the running means
RATE, ALPHA, BETA, DELTA, POWER, WEIGHT, WEIGHT_SQUARED, DISTANCE = range(8)


class Flow:
    """The gradient-flow rule of Murata, Mueller, Ziehe and Amari, eqs. (17)-(19).

    A running mean r of the gradient tells how far the minimum is; the rate follows its
    norm, so it anneals near the minimum and rises when the minimum moves::

        r   <- (1 - delta) r + delta g
        eta <- eta + alpha eta (beta |r| - eta)

    Parameters
    ----------
    rate : float
        Initial eta.
    constants : (float, float, float)
        alpha, beta, delta.

    Notes
    -----
    The noise of the gradients alone keeps |r| near ``sigma sqrt(delta / (2 - delta))``,
    and eta on a plateau above zero.  So the mean of ``|g|^2`` is kept as well, and the
    part of ``|r|^2`` that noise explains is taken off: r is a mean of gradients with
    weights v, and ``E|r|^2 = |m|^2 + kappa (E|g|^2 - |m|^2)`` for gradients with mean m
    and ``kappa = sum(v^2) / sum(v)^2``, which tends to ``delta / (2 - delta)``.
    """

    def __init__(self, rate: float, constants: tuple[float, float, float]) -> None:
        self.numbers = np.array([rate, *constants, 0.0, 0.0, 0.0, 0.0])
        self.mean: Any = None

    @property
    def rate(self) -> float:
        """The global rate, eta."""
        return float(self.numbers[RATE])

    @property
    def distance(self) -> float:
        """Norm of the mean gradient, noise taken off."""
        return float(self.numbers[DISTANCE])

    def start(self, gradient: Array) -> None:
        """Make room for the mean of gradients like this one."""
        if self.mean is None:
            self.mean = np.zeros_like(gradient)

    def update(self, gradient: Array) -> float:
        """Take one gradient in; return the new rate."""
        self.start(gradient)
        delta = float(self.numbers[DELTA])
        self.mean += delta * (gradient - self.mean)
        squares = (float(np.dot(v, v)) for v in (gradient, self.mean))
        return next_rate(self.numbers, *squares)


def next_rate(numbers: Array, of_gradient: float, of_mean: float) -> float:
    """Change the numbers of a Flow after a gradient; return the new rate.

    Parameters
    ----------
    numbers : ndarray of shape (8,)
    of_gradient, of_mean : float
        Squared norms of the gradient and of the running mean.
    """
    delta = numbers[DELTA]
    keep = 1.0 - delta
    numbers[POWER] = keep * numbers[POWER] + delta * of_gradient
    numbers[WEIGHT] = keep * numbers[WEIGHT] + delta
    numbers[WEIGHT_SQUARED] = keep**2 * numbers[WEIGHT_SQUARED] + delta**2
    weight = numbers[WEIGHT]
    kappa, squared = numbers[WEIGHT_SQUARED] / weight**2, of_mean / weight**2
    if kappa < 1.0:
        power = numbers[POWER] / weight
        squared = max(squared - kappa * power, 0.0) / (1.0 - kappa)
    numbers[DISTANCE] = sqrt(squared)
    rate = numbers[RATE]
    change = numbers[ALPHA] * (numbers[BETA] * numbers[DISTANCE] - rate)
    # eta stays positive, and a first large gradient cannot blow it up
    numbers[RATE] = rate * (1.0 + min(max(change, -0.5), 1.0))
    return float(numbers[RATE])
