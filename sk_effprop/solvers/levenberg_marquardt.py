"""Levenberg-Marquardt (section 6.4) on the generalised Gauss-Newton matrix.

A step solves ``(G + penalty + mu I) d = -g``.  The damping mu follows the gain ratio
(Nielsen 1999): the reduction of the objective over the one that the quadratic model
predicts.

Large, redundant data are learned from a growing sample, as section 4.1 suggests for
mini-batches.  J'J of a sample costs a fraction, and steps on it are as good until they
no longer lower the objective of all examples.  Every accepted step lowers that one.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import LinAlgError

from sk_effprop.core.arrays import Array
from sk_effprop.core.curvature import Linearization, linearize
from sk_effprop.core.damping import Damping, largest_diagonal
from sk_effprop.core.gauss_newton import (
    DualSystem,
    Evidence,
    PrimalSystem,
    make_system,
    weigh_evidence,
)
from sk_effprop.core.objective import Objective
from sk_effprop.solvers.base import Monitor, OutOfTime, Paused, Reason, Solution

# Initial mu relative to the largest diagonal entry of the system.
START_DAMPING = 1e-3
# Redundant data begin with a sample of so many residuals for each weight, which grows
# by this factor when a step on the sample no longer lowers the whole objective.
FIRST_SAMPLE, SAMPLE_GROWTH = 5, 4
# A Jacobian of fewer numbers is too small for sampling to be worth it.
SMALL_JACOBIAN = 2**17
# After this many rejected steps in a row no step is expected to help.
MAX_REJECTIONS = 40
# A step that lowers the objective by no more than this share has reached a minimum, as
# far as the evidence is concerned.
SETTLED = 1e-3
# Rounds end when the log evidence per residual rises by less.
EVIDENCE_TOLERANCE = 1e-4


class SampleState(NamedTuple):
    """State between two steps of one call.

    Attributes
    ----------
    damping : Damping or None
    rows : ndarray or None
        Rows of the sample; None for all.
    n_residuals : int
        Size of the sample.
    """

    damping: Damping | None
    rows: Array | None
    n_residuals: int


class _Step(NamedTuple):
    """A lower point, its value, and the damping with which to continue there."""

    theta: Array
    value: float
    damping: Damping


@dataclass(frozen=True)
class LevenbergMarquardt:
    """Damped Gauss-Newton for small and medium networks.

    Attributes
    ----------
    gradient_tolerance : float
        Converged when no component of the gradient is larger than this share of the
        objective, or of 1 if that is larger.
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
        state: Damping | Paused | None,
        rng: Any,
        monitor: Monitor,
    ) -> Solution:
        """Step until the monitor stops, the gradient vanishes or no step helps."""
        dtype = theta.dtype
        whole = objective.as_float64()
        if isinstance(state, Paused):
            theta, (damping, rows, n_part) = state
        else:
            damping, n_first = state, _first_sample(whole, theta)
            rows, n_part = _sample(whole, n_first, rng)
        theta = theta.astype(np.float64)
        part = whole if rows is None else whole.subset(rows)
        value, whole_value = part.value(theta), whole.value(theta)
        while True:
            here = linearize(part, theta)
            step, message = None, Reason.CONVERGED
            smallest = self.gradient_tolerance * min(whole_value, 1.0)
            if np.max(np.abs(here.gradient)) > smallest:
                step, message = self._step(here, value, damping), Reason.PRECISION
            if step is not None:
                step_value = step.value if part is whole else whole.value(step.theta)
                if step_value < whole_value:
                    theta, value, damping = step.theta, step.value, step.damping
                    whole_value = step_value
                    if monitor(theta.astype(dtype), whole_value):
                        return Solution(theta.astype(dtype), damping)
                    between = SampleState(damping, rows, n_part)
                    monitor.pause(partial(Paused, theta, between))
                    continue
            if part is whole:
                left = damping if message == Reason.CONVERGED else None
                return Solution(theta.astype(dtype), left, message)
            # Further steps on this sample would only fit its noise.
            rows, n_part = _sample(whole, SAMPLE_GROWTH * n_part, rng)
            part = whole if rows is None else whole.subset(rows)
            value, damping = part.value(theta), None

    def _step(
        self, linearization: Linearization, value: float, damping: Damping | None
    ) -> _Step | None:
        system = make_system(linearization)
        if damping is None:
            scale = largest_diagonal(linearization, system)
            damping = Damping(self.damping or START_DAMPING * scale)
        return _damped_step(linearization, system, value, damping)


def _first_sample(whole: Objective, theta: Array) -> int:
    """Number of residuals in the first sample."""
    is_small = whole.n_residuals * len(theta) <= SMALL_JACOBIAN
    return whole.n_residuals if is_small else FIRST_SAMPLE * len(theta)


def _sample(whole: Objective, n_residuals: int, rng: Any) -> tuple[Array | None, int]:
    """Draw rows with this number of residuals; None means all rows."""
    if n_residuals * SAMPLE_GROWTH > whole.n_residuals:
        return None, whole.n_residuals
    n_rows = -(-n_residuals // whole.network.sizes[-1])
    return whole.sample_rows(n_rows, rng), n_residuals


class EvidenceState(NamedTuple):
    """State after a call of :class:`EvidenceRounds`, from which the next one continues.

    Attributes
    ----------
    penalty : ndarray of shape (n_weights,)
        Penalty of the best weights.
    next_penalty : ndarray of shape (n_weights,)
        Penalty of the round that continues.
    damping : Damping or None
    """

    penalty: Array
    next_penalty: Array
    damping: Damping | None


class RoundState(NamedTuple):
    """State in the middle of a round of :class:`EvidenceRounds`.

    Attributes
    ----------
    between : EvidenceState
    inner : Paused or None
        Levenberg-Marquardt in this round; None at its beginning.
    best_criterion : float
    is_first : bool
        Whether this is the first round.
    previous : float
        The objective after the latest step of this round.
    """

    between: EvidenceState
    inner: Paused | None = None
    best_criterion: float = np.inf
    is_first: bool = True
    previous: float = np.inf


@dataclass(frozen=True)
class EvidenceRounds:
    """Levenberg-Marquardt with the penalty of the largest evidence (MacKay 1992).

    Each round goes to a minimum and computes its evidence.  The next round starts there
    with the penalty that the data make most probable, as MATLAB's trainbr does at every
    step.  The rounds end when the evidence no longer rises, and the best one counts.

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
        state: EvidenceState | Paused | None,
        rng: Any,
        monitor: Monitor,
    ) -> Solution:
        """Run rounds until the evidence no longer rises or the monitor stops."""
        if isinstance(state, Paused):
            now = state.state
        else:
            begin = EvidenceState(objective.penalty, objective.penalty, None)
            now = RoundState(state or begin)
        (best, penalty, damping), inner, best_criterion, is_first, previous = now
        while True:
            objective = replace(objective, penalty=penalty)
            left = EvidenceState(best, penalty, damping)
            now = RoundState(left, inner, best_criterion, is_first, previous)
            at_minimum = _StopAtMinimum(objective, monitor, now)
            try:
                solution = self.solver.solve(
                    objective, theta, state=inner or damping, rng=rng,
                    monitor=at_minimum,
                )  # fmt: skip
            except KeyboardInterrupt:
                return Solution(theta, left, Reason.INTERRUPTED, penalty=best)
            except OutOfTime:
                return Solution(theta, left, Reason.MAX_TIME, penalty=best)
            theta, damping, is_first = solution.theta, solution.state, False
            inner, previous = None, np.inf
            evidence, is_over = at_minimum.evidence, True
            if evidence is not None and evidence.criterion < best_criterion:
                is_over = best_criterion - evidence.criterion < EVIDENCE_TOLERANCE
                best, best_criterion = penalty, evidence.criterion
                penalty = evidence.penalty
            if is_over or at_minimum.overruled:
                message = Reason.CONVERGED
                if at_minimum.overruled:
                    message = Reason.NOT_ENDED
                left = EvidenceState(best, penalty, damping)
                return Solution(theta, left, message, penalty=best)


class _StopAtMinimum:
    """The monitor of one round, which reports to the monitor of all.

    Attributes
    ----------
    evidence : Evidence or None
        Evidence at the minimum; None if the round has not reached one.
    overruled : bool
        Whether the monitor of all rounds has stopped training.
    """

    def __init__(self, objective: Objective, monitor: Monitor, now: RoundState) -> None:
        self.objective, self.monitor = objective.as_float64(), monitor
        self.best_theta, self.keeps_pauses = monitor.best_theta, monitor.keeps_pauses
        # Until there is an evidence, the objective tells which weights are best.
        self._unknown = None if now.is_first else np.inf
        self._now = now
        self.evidence: Evidence | None = None
        self.overruled = False

    @property
    def is_out_of_time(self) -> bool:
        return self.monitor.is_out_of_time

    def check_time(self) -> None:
        """Raise OutOfTime if the time of all rounds is over."""
        self.monitor.check_time()

    def begin(self, rates: Any) -> None:
        """Do nothing, as Levenberg-Marquardt has no learning rates."""

    def pause(self, paused: Callable[[], Paused]) -> None:
        """Offer the state of this round, with what the rounds remember."""

        def whole() -> Paused:
            inner = paused()
            return Paused(inner.theta, self._now._replace(inner=inner))

        self.monitor.pause(whole)

    def __call__(self, theta: Array, value: Any, **_: Any) -> bool:
        settled = self._now.previous - value <= SETTLED * abs(value)
        self._now = self._now._replace(previous=value)
        criterion = self._unknown
        if settled:
            here = linearize(self.objective, theta.astype(np.float64))
            self.evidence = weigh_evidence(here, make_system(here))
            criterion = self.evidence.criterion
        self.overruled = self.monitor(theta, value, criterion=criterion)
        return settled or self.overruled


def _damped_step(
    linearization: Linearization,
    system: PrimalSystem | DualSystem,
    value: float,
    damping: Damping,
) -> _Step | None:
    """Raise the damping until a step lowers the objective; None if no step does."""
    objective, gradient = linearization.objective, linearization.gradient
    for _ in range(MAX_REJECTIONS):
        try:
            step = -system.factor(objective.penalty + damping.mu).solve(gradient)
        except LinAlgError:
            # The system is singular to rounding, and only more damping helps.
            floor = np.finfo(float).eps * largest_diagonal(linearization, system)
            damping = Damping(max(damping.mu, floor), damping.growth).after_failure()
            continue
        # see Linearization.predicted, with (G + penalty + mu) d = -g
        predicted = 0.5 * float(damping.mu * step @ step - gradient @ step)
        with np.errstate(over="ignore", invalid="ignore"):
            trial = linearization.theta + step
            trial_value = objective.value(trial)
        if trial_value < value and predicted > 0.0:
            gain_ratio = (value - trial_value) / predicted
            return _Step(trial, trial_value, damping.after_success(gain_ratio))
        damping = damping.after_failure()
    return None
