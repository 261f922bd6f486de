"""Levenberg-Marquardt (section 6.4) on the generalised Gauss-Newton matrix.

A step solves ``(G + penalty + mu I) d = -g``.  The damping mu follows the gain ratio
(Nielsen 1999): the reduction of the objective over the one that the quadratic model
promised.

Large, redundant data are learnt from a growing sample, as section 4.1 has it for
mini-batches: J'J of a sample costs a fraction, and the steps on it are as good, until
they lower the objective of all examples no more.  Every step that counts lowers that.
"""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import LinAlgError

from sk_effprop.core.arrays import Array
from sk_effprop.core.curvature import Linearization
from sk_effprop.core.gauss_newton import (
    DualSystem,
    Evidence,
    PrimalSystem,
    make_system,
    weigh_evidence,
)
from sk_effprop.core.objective import Objective
from sk_effprop.solvers.base import Monitor, Solution

# "auto": initial mu relative to the largest diagonal entry of the system
START_DAMPING = 1e-3
# Redundant data begin with a sample of so many residuals for each weight, which grows
# by this factor when a step on the sample does not lower the whole objective any more.
FIRST_SAMPLE, SAMPLE_GROWTH = 5, 4
# numbers in a Jacobian that is too small for that to be worth it
SMALL_JACOBIAN = 2**17
# steps refused in a row after which no step is expected to help
MAX_REFUSALS = 40
# a step that lowers the objective by no more than this share has come to a minimum, as
# far as the evidence is concerned
SETTLED = 1e-3
# rounds end when the log evidence of a residual rises by less
EVIDENCE_TOLERANCE = 1e-4


class Damping(NamedTuple):
    """mu, and the factor by which the next refused step will raise it."""

    mu: float
    growth: float = 2.0

    def after_success(self, gain: float) -> "Damping":
        """Less for a model that kept its promise, more for one that did not."""
        return Damping(self.mu * max(1.0 / 3.0, 1.0 - (2.0 * gain - 1.0) ** 3))

    def after_failure(self) -> "Damping":
        """More, and still more the next time."""
        return Damping(self.mu * self.growth, self.growth * 2.0)


@dataclass(frozen=True)
class LevenbergMarquardt:
    """Damped Gauss-Newton for small and medium networks.

    Attributes
    ----------
    gradient_tolerance : float
        Converged when no component of the gradient is larger.
    damping : float, optional
        Initial mu, in units of the objective's curvature; a thousandth of the largest
        diagonal entry of the system if it is not given.
    """

    gradient_tolerance: float
    damping: float | None = None

    def solve(
        self,
        objective: Objective,
        theta: Array,
        *,
        state: Damping | None,
        rng: Any,
        monitor: Monitor,
    ) -> Solution:
        """Step until the monitor says stop, the gradient vanishes or no step helps."""
        dtype, damping = theta.dtype, state
        whole = objective.as_float64()
        theta = theta.astype(np.float64)
        is_small = whole.targets.size * len(theta) <= SMALL_JACOBIAN
        n_first = whole.targets.size if is_small else FIRST_SAMPLE * len(theta)
        part, n_part = _sample(whole, n_first, rng)
        value, whole_value = part.value(theta), whole.value(theta)
        while True:
            near = Linearization(part, theta)
            found, message = None, "converged"
            if np.max(np.abs(near.gradient)) > self.gradient_tolerance:
                found, message = self._step(near, value, damping), "precision"
            if found is not None:
                trial_value = found[1] if part is whole else whole.value(found[0])
                if trial_value < whole_value:
                    theta, value, damping = found
                    whole_value = trial_value
                    if monitor(theta.astype(dtype), whole_value):
                        return Solution(theta.astype(dtype), damping)
                    continue
            if part is whole:
                left = damping if message == "converged" else None
                return Solution(theta.astype(dtype), left, message)
            # what the sample still has to teach is its noise
            part, n_part = _sample(whole, SAMPLE_GROWTH * n_part, rng)
            value, damping = part.value(theta), None

    def _step(
        self, near: Linearization, value: float, damping: Damping | None
    ) -> tuple[Array, float, Damping] | None:
        """A lower point, its value and the damping there; None if there is none."""
        system = make_system(near)
        if damping is None:
            damping = Damping(self.damping or START_DAMPING * _scale(near, system))
        return _descend(near, system, value, damping)


def _sample(whole: Objective, n_residuals: int, rng: Any) -> tuple[Objective, int]:
    """Random examples with so many residuals; all of them unless they are many more."""
    if n_residuals * SAMPLE_GROWTH > whole.targets.size:
        return whole, whole.targets.size
    n_rows = -(-n_residuals // whole.targets.shape[1])
    return whole.sample(n_rows, rng), n_residuals


class EvidenceState(NamedTuple):
    """What one call of :class:`EvidenceRounds` leaves to the next.

    Attributes
    ----------
    penalty : ndarray of shape (n_weights,)
        That of the best weights.
    next_penalty : ndarray of shape (n_weights,)
        That of the round which is to go on.
    damping : Damping or None
    """

    penalty: Array
    next_penalty: Array
    damping: Damping | None


@dataclass(frozen=True)
class EvidenceRounds:
    """Levenberg-Marquardt that finds the penalty by MacKay's evidence (1992).

    Each round goes to a minimum and weighs it; the next one starts there, with the
    penalty that the data make most probable, as MATLAB's trainbr does at every step.
    The rounds end when the evidence rises no more, and the best of them counts.

    Attributes
    ----------
    solver : LevenbergMarquardt
    """

    solver: LevenbergMarquardt

    def solve(
        self,
        objective: Objective,
        theta: Array,
        *,
        state: EvidenceState | None,
        rng: Any,
        monitor: Monitor,
    ) -> Solution:
        """Go from minimum to minimum."""
        best, penalty, damping = objective.penalty, objective.penalty, None
        if state is not None:
            best, penalty, damping = state
        best_criterion = np.inf
        is_first = True
        while True:
            objective = replace(objective, penalty=penalty)
            at_minimum = _StopAtMinimum(objective, monitor, is_first=is_first)
            try:
                solution = self.solver.solve(
                    objective, theta, state=damping, rng=rng, monitor=at_minimum
                )
            except KeyboardInterrupt:
                left = EvidenceState(best, penalty, damping)
                return Solution(theta, left, "interrupted", penalty=best)
            theta, damping, is_first = solution.theta, solution.state, False
            evidence, is_over = at_minimum.evidence, True
            if evidence is not None and evidence.criterion < best_criterion:
                is_over = best_criterion - evidence.criterion < EVIDENCE_TOLERANCE
                best, best_criterion = penalty, evidence.criterion
                penalty = evidence.penalty
            if is_over or at_minimum.overruled:
                message = "" if at_minimum.overruled else "converged"
                left = EvidenceState(best, penalty, damping)
                return Solution(theta, left, message, penalty=best)


class _StopAtMinimum:
    """A monitor of one round, which reports to the one of all."""

    def __init__(
        self, objective: Objective, monitor: Monitor, *, is_first: bool
    ) -> None:
        self.objective, self.monitor = objective.as_float64(), monitor
        self.best_theta = monitor.best_theta
        # until there is any evidence, the objective tells which weights are best
        self._unknown = None if is_first else np.inf
        self._previous = np.inf
        self.evidence: Evidence | None = None
        self.overruled = False

    def __call__(self, theta: Array, value: Any, **_: Any) -> bool:
        settled = self._previous - value <= SETTLED * abs(value)
        self._previous = value
        criterion = self._unknown
        if settled:
            near = Linearization(self.objective, theta.astype(np.float64))
            self.evidence = weigh_evidence(near, make_system(near))
            criterion = self.evidence.criterion
        self.overruled = self.monitor(theta, value, criterion=criterion)
        return settled or self.overruled


def _scale(near: Linearization, system: PrimalSystem | DualSystem) -> float:
    """The largest diagonal entry of ``G + penalty``, not zero."""
    diagonal = system.diagonal + near.objective.penalty
    return float(np.max(diagonal, initial=np.finfo(float).tiny))


def _descend(
    near: Linearization,
    system: PrimalSystem | DualSystem,
    value: float,
    damping: Damping,
) -> tuple[Array, float, Damping] | None:
    """Raise the damping until a step lowers the objective."""
    objective, scale = near.objective, _scale(near, system)
    for _ in range(MAX_REFUSALS):
        try:
            step = -system.factor(objective.penalty + damping.mu).solve(near.gradient)
        except LinAlgError:
            # singular to rounding: only more damping helps
            floor = np.finfo(float).eps * scale
            damping = Damping(max(damping.mu, floor), damping.growth).after_failure()
            continue
        # m(0) - m(d) = -g'd - d'(G + penalty)d / 2, with (G + penalty + mu) d = -g
        promised = 0.5 * float(damping.mu * step @ step - near.gradient @ step)
        with np.errstate(over="ignore", invalid="ignore"):
            trial = near.theta + step
            trial_value = objective.value(trial)
        if trial_value < value and promised > 0.0:
            gain = (value - trial_value) / promised
            return trial, trial_value, damping.after_success(gain)
        damping = damping.after_failure()
    return None
