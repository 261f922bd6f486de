"""Stochastic, mini-batch and batch gradient descent (sections 4.1, 4.2, 4.7).

All of them are one loop: an epoch presents the examples in some order, a batch at a
time, and a rule turns the gradient of each batch into a step.  Batch size 1 is the
paper's on-line learning, and the size of the data is its batch learning.
"""

from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.descent import LONG_BATCH
from sk_effprop.core.flow import Flow
from sk_effprop.core.gains import Gains
from sk_effprop.core.looks import examples_per_look
from sk_effprop.core.objective import Objective
from sk_effprop.core.presentation import Order, emphasised_order
from sk_effprop.core.rates import ENOUGH_PATTERNS, RateRule, Rates
from sk_effprop.core.schedules import (
    SCHEDULES,
    Progress,
    ScheduleSettings,
    after_stall,
)
from sk_effprop.core.state import Epoch, EpochState, StochasticState
from sk_effprop.core.steps import Adam, Average, Momentum, Update
from sk_effprop.solvers.base import Monitor, OutOfTime, Paused, Reason, Solution

# The rate is halved at most this often after divergence.
MAX_HALVINGS = 30


@dataclass(frozen=True, eq=False)
class StochasticSolver:
    """Gradient descent on batches of any size.

    Attributes
    ----------
    rule : Momentum or Adam
    find_rates : RateRule
        Measures the learning rates.
    curvature_decay : float
        gamma of the running estimate of the diagonal curvature, eq. (62), pattern by
        pattern; 0 for none.
    order : callable
        One of ``presentation.ORDERS``.
    emphasis : float
        How much more often examples with large errors are presented.
    batch_size : int
    batch_growth : float
        The batch size is multiplied by it every epoch.
    schedule : str
        Key of ``schedules.SCHEDULES``.
    settings : ScheduleSettings
    flow_rates : (float, float, float)
        alpha, beta, delta of (17)-(19).
    averaging : bool
        Whether the monitor receives a running average of the weights.
    input_gains : bool
        Whether the first layer learns a gain for every input; ignored by rules that do
        not allow it.
    known_rates : tuple of Rates or None
        Measurements of a network like this one, in their order.  They are taken over
        until training diverges, and what is missing is measured.  The solution has all
        of them.  None to measure everything and to tell nothing.
    """

    rule: Momentum | Adam
    find_rates: RateRule
    curvature_decay: float
    order: Order
    emphasis: float
    batch_size: int
    batch_growth: float
    schedule: str
    settings: ScheduleSettings
    flow_rates: tuple[float, float, float]
    averaging: bool = False
    input_gains: bool = False
    known_rates: tuple[Rates, ...] | None = None

    def solve(
        self,
        objective: Objective,
        theta: Array,
        *,
        state: StochasticState | Paused | None,
        rng: np.random.Generator,
        monitor: Monitor,
    ) -> Solution:
        """Run epochs until the monitor stops."""
        # Overflow shows in E and in the weights, where the monitor looks for it.
        with np.errstate(over="ignore", invalid="ignore"):
            descent = _Descent(self, objective, theta.copy(), rng, monitor)
            return descent.run(state)


class _Descent:
    """One call of ``solve``; theta changes in place.

    Attributes
    ----------
    state : StochasticState
    epoch : Epoch or None
        The epoch that is under way.
    """

    state: StochasticState

    def __init__(
        self,
        solver: StochasticSolver,
        objective: Objective,
        theta: Array,
        rng: np.random.Generator,
        monitor: Monitor,
    ) -> None:
        self.solver, self.objective, self.theta = solver, objective, theta
        self.rng, self.monitor = rng, monitor
        self.epoch: Epoch | None = None

    def run(self, state: StochasticState | Paused | None) -> Solution:
        """Run epochs until the monitor stops."""
        self._start(state)
        while not self._epoch_and_report():
            self.monitor.pause(self._paused)
        progress = self.state.progress._replace(start=0, n_start=0)
        return Solution(
            self.theta,
            replace(
                self.state, errors=None, average=None, measured=None, progress=progress
            ),
            n_presented=progress.n_presented,
            rates=self.state.initial_rates,
            measured=self.state.measured or (),
        )

    def _paused(self) -> Paused:
        return Paused(self.theta, EpochState(self.state, self.epoch))

    # --------------------------------------------------------------------- the start

    def _start(self, state: StochasticState | Paused | None) -> None:
        if isinstance(state, Paused):
            self.theta, (self.state, self.epoch) = state
            return
        self.state = self._fresh_state() if state is None else self._continued(state)
        self.monitor.begin(self.state.initial_rates)

    def _fresh_state(self) -> StochasticState:
        known = self.solver.known_rates
        rates = known[0] if known else self._measured()
        return StochasticState(
            Progress(),
            rates,
            self.solver.rule.start(self.theta),
            initial_rates=rates._replace(curvature=None),
            gains=self._matching_gains(None),
            measured=None if known is None else (rates,),
        )

    def _continued(self, state: StochasticState) -> StochasticState:
        """Convert the state of an earlier call to the settings of this solver."""
        find_rates = self.solver.find_rates
        begins_anew = not find_rates.follows_stream
        # A new value of the hyperparameter is used without earlier halvings.
        before, given = state.rates.rule, find_rates.eta
        if given is not None and (before is None or before.eta != given):
            state = replace(state, halvings=0)
        adopted = find_rates.adopt(state.rates)
        rates = adopted or self._measured()
        if rates.eta != state.rates.eta:
            state = replace(state, initial_rates=rates._replace(curvature=None))
        if adopted is not None:
            # Rates that were measured just now know these examples already.
            rates = find_rates.refine(rates, self._timed, self.theta, self.rng)
        # Memory, flow and running curvature change in place, but those of the argument
        # must not: the caller may continue from it once more.
        state = deepcopy(replace(state, rates=rates))
        memory = self.solver.rule.start(self.theta)
        return replace(
            state,
            progress=self._progress_at_start(state.progress),
            memory=state.memory if len(state.memory) == len(memory) else memory,
            flow=None if begins_anew or self.solver.schedule != "flow" else state.flow,
            gains=self._matching_gains(state.gains),
        )

    def _progress_at_start(self, progress: Progress) -> Progress:
        """Restart the schedule; in a stream, continue it."""
        progress = progress._replace(n_stalls=0)
        if self.solver.find_rates.follows_stream:
            return progress
        return progress._replace(start=progress.epoch, n_start=progress.n_presented)

    def _matching_gains(self, gains: Gains | None) -> Gains | None:
        """Gains of an earlier call if they still belong to the weights, or new ones."""
        if not self.solver.input_gains or not self.solver.rule.allows_input_gains:
            return None
        W = self.objective.network.layers(self.theta)[0]
        return gains if gains is not None and gains.match(W) else Gains.start(W)

    # --------------------------------------------------------------------- the rates

    @property
    def rate(self) -> float:
        """The present global learning rate."""
        solver, state = self.solver, self.state
        if state.flow is not None:
            return state.flow.rate
        factor = SCHEDULES[solver.schedule].factor(state.progress, solver.settings)
        return state.rates.eta * factor * 0.5**state.halvings

    def _fresh_flow(self) -> Flow:
        """Flow for steps that momentum adds up, below a rate that has diverged."""
        solver, state = self.solver, self.state
        alpha, beta, delta = solver.flow_rates
        momentum = solver.rule.momentum if isinstance(solver.rule, Momentum) else 0.0
        beta *= (1.0 - momentum) * 0.5**state.halvings
        # The norm of the gradient does not tell which rate is stable, but the curvature
        # that the initial rate was computed from does.
        highest = np.inf if state.rates.leading is None else self.rate
        return Flow(self.rate, (alpha, beta, delta), highest)

    @property
    def next_measurement(self) -> float:
        """Count of presented examples at which the rates are measured again."""
        return self.solver.find_rates.next_measurement(
            self.state.measured_at, self.objective.n_samples
        )

    def _measured(self, earlier: Rates | None = None) -> Rates:
        return self.solver.find_rates(self._timed, self.theta, self.rng, earlier)

    @property
    def _timed(self) -> Objective:
        """Objective whose passes raise OutOfTime when the time is over."""
        return self.objective.with_clock(self.monitor.check_time)

    def _measure_when_due(self) -> bool:
        """Measure the rates again when it is time; return whether it was."""
        state, n_presented = self.state, self.state.progress.n_presented
        is_due = n_presented >= self.next_measurement
        # A few rows of a stream know less than those that were measured before.
        few = min(ENOUGH_PATTERNS, state.rates.n_patterns)
        knows_less = self.objective.n_samples < few
        if not is_due or knows_less or not np.isfinite(self.theta).all():
            return False
        try:
            rates = self._known_rates or self._measured(state.rates)
        except OutOfTime:
            # the weights of this epoch are kept
            return False
        self.state = state.with_rates(rates, n_presented)
        return True

    @property
    def _known_rates(self) -> Rates | None:
        """Rates that an earlier member measured at this point of training, if any."""
        known, measured = self.solver.known_rates, self.state.measured
        if not known or measured is None or len(measured) >= len(known):
            return None
        return known[len(measured)]

    # --------------------------------------------------------------------- the epochs

    def _epoch_and_report(self) -> bool:
        """Run an epoch, or the rest of one, and report it; return whether to stop."""
        self.epoch = self.epoch or self._begun_epoch()
        rate, epoch_mean = self.epoch.first_rate, self._finish_epoch()
        average, value = self.state.average, self.objective.value
        theta = self.theta if average is None else average.theta
        # With emphasis the epoch mean is biased.
        is_unbiased = self.solver.emphasis == 0.0
        return self.monitor(
            theta,
            value if is_unbiased and self._ends_best else value(theta),
            epoch_mean=epoch_mean if is_unbiased else None,
            rate=rate,
            rescue=self._rescue,
        )

    @property
    def _ends_best(self) -> bool:
        """True if the last weights will be the best, or those that are wanted.

        Then E need not be evaluated after every epoch.  At a rate that does not fall to
        zero, E at the end of an epoch has little to do with its mean over the updates.
        """
        has_an_end = SCHEDULES[self.solver.schedule].has_an_end
        return has_an_end or self.solver.find_rates.follows_stream

    def _begun_epoch(self) -> Epoch:
        """Measure what is due, and decide on the order of presentation."""
        self._measure_when_due()
        solver, objective, rate = self.solver, self.objective, self.rate
        n, epoch = objective.n_samples, self.state.progress.epoch
        # A NumPy number grows to inf where one of Python's raises OverflowError.
        growth = np.float64(solver.batch_growth) ** epoch
        batch_size = int(min(n, solver.batch_size * growth))
        order = solver.order(self.rng, n, objective.labels)
        if solver.emphasis > 0.0:
            order = emphasised_order(self.rng, order, self._errors, solver.emphasis)
        if solver.schedule == "flow" and self.state.flow is None:
            self.state = replace(self.state, flow=self._fresh_flow())
        losses = np.empty(n, dtype=self.theta.dtype)
        return Epoch(order, batch_size, losses, rate, self.rate)

    @property
    def _errors(self) -> Array:
        """Latest loss of every example, for emphasising schemes."""
        errors = self.state.errors
        return np.full(self.objective.n_samples, np.nan) if errors is None else errors

    def _finish_epoch(self) -> float:
        """Descend through the examples; return the mean of E over the updates."""
        epoch = self._descended()
        self.epoch, objective = None, self.objective
        # Fewer than all, if time was over in the middle of the epoch.
        losses = epoch.losses[: epoch.n_presented]
        order = epoch.order[: epoch.n_presented]
        if objective.sample_weight is not None:
            losses *= objective.sample_weight[order]
        errors, progress = None, self.state.progress
        if self.solver.emphasis > 0.0:
            errors = self._errors.copy()
            errors[order] = losses
        self.state = replace(
            self.state,
            progress=progress._replace(epoch=progress.epoch + 1),
            errors=errors,
            average=self._averaged(),
        )
        return float(np.mean(losses)) + objective.penalty_value(self.theta)

    def _averaged(self) -> Average | None:
        if not self.solver.averaging:
            return None
        average = self.state.average
        if average is None:
            return Average(self.theta.copy())
        return average.including(self.theta)

    def _descended(self) -> Epoch:
        """Descend part by part, and measure the rates on the way when due.

        All examples are presented, unless the time is over before.
        """
        epoch = self.epoch
        assert epoch is not None
        update = self._update(epoch.rate)
        while epoch.n_presented < len(epoch.order):
            if self._measure_when_due():
                epoch = epoch._replace(rate=self.rate)
                update = self._update(epoch.rate)
            self.epoch = epoch = self._presented(epoch, update)
            self.monitor.pause(self._paused)
            if self.monitor.is_out_of_time:
                break
        return epoch

    def _presented(self, epoch: Epoch, update: Update) -> Epoch:
        """Descend through the next part of the examples."""
        size, start = epoch.batch_size, epoch.n_presented
        left = self.next_measurement - self.state.progress.n_presented
        # A measurement that is due was skipped because the weights are not finite or
        # the rows too few; at least one batch follows.
        left = min(max(left, size), examples_per_look(self.objective, size))
        stop = int(min(len(epoch.order), start + size * np.ceil(left / size)))
        order = epoch.order[start:stop]
        try:
            losses = self._presenting(size).descend(self.theta, order, size, update)
        except OutOfTime:
            # the weights before a long batch are kept
            if start == 0:
                raise
            return epoch
        epoch.losses[start:stop] = losses
        progress = self.state.progress
        n_presented = progress.n_presented + stop - start
        progress = progress._replace(n_presented=n_presented)
        self.state = replace(self.state, progress=progress)
        return epoch._replace(n_presented=stop)

    def _presenting(self, batch_size: int) -> Objective:
        """Objective to present; with a clock if batches are long.

        It is another object, whose engine has buffers of its own.
        """
        is_long = batch_size * len(self.theta) > LONG_BATCH
        return self._timed if is_long else self.objective

    def _update(self, rate: float) -> Update:
        state = self.state
        return Update(
            self.solver.rule,
            state.rates._replace(eta=rate),
            state.memory,
            self.solver.curvature_decay,
            state.flow,
            state.gains,
        )

    # ------------------------------------------------------------------------ trouble

    def _rescue(self, event: Reason) -> bool:
        """Lower the rate if that is still possible; return whether it was."""
        if event == Reason.STALLED:
            return self._go_on_after_stall()
        if self.state.halvings < MAX_HALVINGS:
            self._restart_from_best()
            return True
        return False

    def _go_on_after_stall(self) -> bool:
        solver = self.solver
        later = after_stall(
            SCHEDULES[solver.schedule], self.state.progress, solver.settings
        )
        if later is None:
            return False
        self.state = replace(self.state, progress=later)
        return True

    def _restart_from_best(self) -> None:
        """Return to the best weights, with rates measured there and halved."""
        before = self.state
        np.copyto(self.theta, self.monitor.best_theta)
        self.state = StochasticState(
            before.progress,
            self._measured(before.rates),
            self.solver.rule.start(self.theta),
            initial_rates=before.initial_rates,
            halvings=before.halvings + 1,
            measured_at=before.measured_at,
            gains=self._matching_gains(None),
        )
