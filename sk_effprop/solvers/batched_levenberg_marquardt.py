"""Levenberg-Marquardt on mini-batches, with a running Gauss-Newton matrix.

A step on a batch solves ``(G + penalty + mu I) d = momentum mu d_before - g``.  G is a
running mean over several residuals for each weight, or over an epoch if that is less,
so that it knows the curvature of more examples than the gradient g, which is that of
the batch: the full matrix in place of the running diagonal of stochastic diagonal
Levenberg-Marquardt (section 9.1).  Where a matrix of weights x
weights would be too large, G is that of the batch alone and is never formed (see
:class:`~sk_effprop.core.gauss_newton.DualSystem`).  The momentum then carries what
earlier batches have told into the directions that this one does not determine, as in
SPRING (Goldshlager, Abrahamsen and Lin, 2024).

A step that solved the equations of one batch would fit its noise.  So a share of it is
taken, which falls to zero by the schedule of the learning rate.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import LinAlgError

from sk_effprop.core.arrays import Array
from sk_effprop.core.curvature import Linearization
from sk_effprop.core.damping import Damping, largest_diagonal
from sk_effprop.core.gauss_newton import (
    DualSystem,
    PrimalSystem,
    check_system_size,
)
from sk_effprop.core.objective import Objective, no_clock
from sk_effprop.core.presentation import Order
from sk_effprop.core.schedules import (
    SCHEDULES,
    Progress,
    ScheduleSettings,
    after_stall,
)
from sk_effprop.solvers.base import Monitor, Paused, Reason, Solution

# Weights up to which the running matrix is kept: it takes 32 MiB at this limit.
MAX_RUNNING_WEIGHTS = 2000
# The running mean is over so many residuals for each weight, which determine all
# directions.  More of them would be about weights of many steps ago.
RUNNING_RESIDUALS = 10
# Initial mu relative to the largest diagonal entry of G + penalty.
START_DAMPING = 0.1
# With b residuals for W weights, the share of a step is b / (b + NOISE_WEIGHT W).
NOISE_WEIGHT = 2.0
# Shares of few or small batches are larger, so that those of all steps would add up to
# so many whole steps at a constant schedule, but at most half steps: else training
# would end near its start.
LEAST_WHOLE_STEPS, LARGEST_LEAST_SHARE = 20.0, 0.5
# Training returns to the best weights at most this often after divergence.
MAX_RESTARTS = 10


class RunningState(NamedTuple):
    """State after an epoch, from which the next one continues.

    Attributes
    ----------
    progress : Progress
    velocity : ndarray of shape (n_weights,)
        The last step, before its share was taken.
    damping : Damping or None
        None before the first step.
    curvature : ndarray of shape (n_weights, n_weights) or None
        Upper triangle of the running mean of G; None if G is that of each batch.
    n_averaged : int
        Examples that the running mean is over.
    """

    progress: Progress
    velocity: Array
    damping: Damping | None = None
    curvature: Array | None = None
    n_averaged: int = 0


class BatchState(NamedTuple):
    """State between two steps.

    Attributes
    ----------
    running : RunningState
    order : ndarray of shape (n_samples,) or None
        Rows in the order of the epoch that is under way; None between two epochs.
    n_presented : int
        Examples of this epoch that steps have used.
    total : float
        Sum over these of E of their batch before its step.
    step_share, n_restarts : float, int
        Changed by divergence.
    """

    running: RunningState
    order: Array | None
    n_presented: int
    total: float
    step_share: float
    n_restarts: int


@dataclass(frozen=True, eq=False)
class BatchedLevenbergMarquardt:
    """Levenberg-Marquardt on batches of any size.

    Attributes
    ----------
    batch_size : int
    order : callable
        One of ``presentation.ORDERS``.
    schedule : str
        Key of ``schedules.SCHEDULES``.
    settings : ScheduleSettings
    step_share : float, optional
        Initial share of each step; from the sizes of batch and network if not given.
    momentum : float
    damping : float, optional
        Initial mu, in units of the objective's curvature; a tenth of the largest
        diagonal entry of ``G + penalty`` if it is not given.
    max_running_weights : int
        Weights up to which G is a running mean.
    """

    batch_size: int
    order: Order
    schedule: str
    settings: ScheduleSettings
    step_share: float | None = None
    momentum: float = 0.0
    damping: float | None = None
    max_running_weights: int = MAX_RUNNING_WEIGHTS

    def solve(
        self,
        objective: Objective,
        theta: Array,
        *,
        state: RunningState | Paused | None,
        rng: np.random.Generator,
        monitor: Monitor,
    ) -> Solution:
        """Run epochs until the monitor stops."""
        with np.errstate(over="ignore", invalid="ignore"):
            return _Descent(self, objective, theta, rng, monitor).run(state)


class _Descent:
    """One call of ``solve``."""

    state: RunningState

    def __init__(
        self,
        solver: BatchedLevenbergMarquardt,
        objective: Objective,
        theta: Array,
        rng: np.random.Generator,
        monitor: Monitor,
    ) -> None:
        self.solver, self.objective = solver, objective
        self.theta = theta.astype(np.float64)
        self.dtype, self.rng, self.monitor = theta.dtype, rng, monitor
        self.is_running = len(theta) <= solver.max_running_weights
        self.order: Array | None = None
        self.n_presented, self.total, self.n_restarts = 0, 0.0, 0
        n_residuals = min(solver.batch_size, objective.n_samples)
        n_residuals *= objective.targets.shape[1]
        if not self.is_running:
            check_system_size(len(theta), n_residuals)
        self.n_remembered = min(
            RUNNING_RESIDUALS * len(theta) // objective.targets.shape[1],
            objective.n_samples,
        )
        quiet_share = n_residuals / (n_residuals + NOISE_WEIGHT * len(theta))
        n_steps = solver.settings.max_iter * -(
            -objective.n_samples // solver.batch_size
        )
        least_share = min(LEAST_WHOLE_STEPS / n_steps, LARGEST_LEAST_SHARE)
        self.step_share = solver.step_share or max(quiet_share, least_share)

    def run(self, state: RunningState | Paused | None) -> Solution:
        self._start(state)
        while not self._epoch_and_report():
            self.monitor.pause(self._paused)
        progress = self.state.progress._replace(start=0, n_start=0)
        return Solution(
            self.theta.astype(self.dtype),
            self.state._replace(progress=progress),
            n_presented=progress.n_presented,
        )

    def _paused(self) -> Paused:
        now = BatchState(
            self.state, self.order, self.n_presented, self.total, self.step_share,
            self.n_restarts,
        )  # fmt: skip
        return Paused(self.theta, now)

    def _start(self, state: RunningState | Paused | None) -> None:
        if isinstance(state, Paused):
            self.theta, (
                self.state, self.order, self.n_presented, self.total, self.step_share,
                self.n_restarts,
            ) = state  # fmt: skip
            return
        self.state = self._fresh_state() if state is None else self._continued(state)

    def _fresh_state(self, progress: Progress | None = None) -> RunningState:
        return RunningState(progress or Progress(), np.zeros_like(self.theta))

    def _continued(self, state: RunningState) -> RunningState:
        """Begin the schedule anew, with the curvature that an earlier call has left."""
        before = state.progress
        return state._replace(
            progress=before._replace(
                n_stalls=0, start=before.epoch, n_start=before.n_presented
            )
        )

    # --------------------------------------------------------------------- the epochs

    def _epoch_and_report(self) -> bool:
        """Run an epoch, or the rest of one, and report it; return whether to stop."""
        share = self._share
        epoch_mean = self._epoch(share)
        has_an_end = SCHEDULES[self.solver.schedule].has_an_end
        theta = self.theta.astype(self.dtype)
        # the best weights are chosen when the time is over, too
        value = self.objective.with_clock(no_clock).value
        return self.monitor(
            theta,
            value if has_an_end else value(theta),
            epoch_mean=epoch_mean,
            rate=share,
            rescue=self._rescue,
        )

    @property
    def _share(self) -> float:
        """Factor of each step in the present epoch."""
        solver = self.solver
        factor = SCHEDULES[solver.schedule].factor(self.state.progress, solver.settings)
        return self.step_share * factor

    def _epoch(self, share: float) -> float:
        """Take a step on each batch; return the mean of E before the steps."""
        objective, size = self.objective, self.solver.batch_size
        if self.order is None:
            n, labels = objective.n_samples, objective.labels
            self.order = self.solver.order(self.rng, n, labels)
        while self.n_presented < len(self.order):
            rows = self.order[self.n_presented : self.n_presented + size]
            part = len(rows) / min(size, len(self.order))
            value = self._step(objective.subset(rows).as_float64(), share * part)
            self.total += value * len(rows)
            self.n_presented += len(rows)
            self.monitor.pause(self._paused)
            if self.monitor.is_out_of_time:
                break
        return self._ended_epoch()

    def _ended_epoch(self) -> float:
        progress, n = self.state.progress, self.n_presented
        progress = progress._replace(
            epoch=progress.epoch + 1, n_presented=progress.n_presented + n
        )
        self.state = self.state._replace(progress=progress)
        mean = self.total / n
        self.order, self.n_presented, self.total = None, 0, 0.0
        return mean

    # ----------------------------------------------------------------------- one step

    def _step(self, batch: Objective, share: float) -> float:
        """Move theta by this share of a step; return E of the batch before it."""
        here = Linearization(batch, self.theta).kept()
        value = here.value
        if not np.isfinite(value):
            return value
        system = self._system(here)
        damping = self.state.damping or self._first_damping(here, system)
        step = self._direction(here, system, damping)
        if step is None:
            self.state = self.state._replace(damping=damping.after_failure())
            return value
        move = share * step
        reduction, predicted = (
            value - batch.value(self.theta + move),
            here.predicted(move),
        )
        if reduction > 0.0 and predicted > 0.0:
            self.theta = self.theta + move
            damping = damping.after_success(min(reduction / predicted, 1.0))
        else:
            step, damping = np.zeros_like(step), damping.after_failure()
        self.state = self.state._replace(velocity=step, damping=damping)
        return value

    def _system(self, here: Linearization) -> PrimalSystem | DualSystem:
        if not self.is_running:
            return DualSystem(here)
        state, n = self.state, here.objective.n_samples
        # a mean over all examples at first
        n_averaged = max(min(state.n_averaged + n, self.n_remembered), n)
        system = PrimalSystem(here, state.curvature, n / n_averaged)
        self.state = state._replace(
            curvature=system.upper_triangle(), n_averaged=n_averaged
        )
        return system

    def _first_damping(
        self, here: Linearization, system: PrimalSystem | DualSystem
    ) -> Damping:
        scale = largest_diagonal(here, system)
        return Damping(self.solver.damping or START_DAMPING * scale)

    def _direction(
        self, here: Linearization, system: Any, damping: Damping
    ) -> Array | None:
        """Compute the full step; None if the matrix is singular up to rounding."""
        inertia = self.solver.momentum * damping.mu * self.state.velocity
        try:
            factor = system.factor(here.objective.penalty + damping.mu)
        except LinAlgError:
            return None
        return np.asarray(factor.solve(inertia - here.gradient))

    # ------------------------------------------------------------------------ trouble

    def _rescue(self, event: Reason) -> bool:
        """Continue at a smaller share, or from the best weights, if that may help."""
        if event == Reason.STALLED:
            schedule = SCHEDULES[self.solver.schedule]
            later = after_stall(schedule, self.state.progress, self.solver.settings)
            if later is not None:
                self.state = self.state._replace(progress=later)
            return later is not None
        self.n_restarts += 1
        self.theta = self.monitor.best_theta.astype(np.float64)
        self.state = self._fresh_state(self.state.progress)
        self.step_share *= 0.5
        return self.n_restarts <= MAX_RESTARTS
