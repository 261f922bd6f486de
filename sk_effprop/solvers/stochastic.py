"""Stochastic, mini-batch and batch gradient descent (sections 4.1, 4.2, 4.7).

One loop for all of them: an epoch shows the examples in some order, a batch at a time,
and a rule turns each batch's gradient into a step.  Batch size 1 is the paper's
on-line learning, the size of the data its batch learning.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.curvature import add_lecun_diagonal
from sk_effprop.core.gains import Gains, gain_factor
from sk_effprop.core.kernels import Passes, Update, sweep
from sk_effprop.core.objective import Objective
from sk_effprop.core.presentation import Order, emphasised_order
from sk_effprop.core.rates import (
    ENOUGH_PATTERNS,
    SCHEDULES,
    Flow,
    Progress,
    RateRule,
    Rates,
    ScheduleSettings,
    after_stall,
)
from sk_effprop.core.steps import Adam, Average, Momentum
from sk_effprop.solvers.base import Monitor, Solution

# numbers in the block of shown examples that is copied together before it is swept
SHOWN_BLOCK = 2**18
# divergence halves the rate at most this often
MAX_HALVINGS = 30


@dataclass(frozen=True)
class StochasticState:
    """What one epoch leaves to the next.

    Attributes
    ----------
    progress : Progress
    rates : Rates
        As last measured.
    memory : list of ndarray
        The rule's: velocity or moments.
    halvings : int
        How often divergence has halved the rate.
    measured_at : int
        Examples shown when the rates were measured.
    flow : Flow or None
    errors : ndarray of shape (n_samples,) or None
        Latest weighted loss of every example, nan before it is shown.
    average : Average or None
    gains : Gains or None
    """

    progress: Progress
    rates: Rates
    memory: list[Array]
    halvings: int = 0
    measured_at: int = 0
    flow: Flow | None = None
    errors: Array | None = field(default=None, repr=False)
    average: "Average | None" = field(default=None, repr=False)
    gains: Gains | None = field(default=None, repr=False)

    def after_showing(self, n_examples: int) -> "StochasticState":
        """The same, so many examples later."""
        n_shown = self.progress.n_shown + n_examples
        return replace(self, progress=self.progress._replace(n_shown=n_shown))


@dataclass(frozen=True)
class StochasticSolver:
    """Gradient descent on batches of any size.

    Attributes
    ----------
    rule : Momentum or Adam
    rates : Rates
        Learning rates of the first epoch.
    find_rates : RateRule
        Where they come from, to measure them again.
    curvature_decay : float
        gamma of the running estimate of the diagonal curvature, eq. (62), pattern by
        pattern; 0 for none.
    order : callable
        One of ``presentation.ORDERS``.
    emphasis : float
    batch_size : int
    batch_growth : float
        The batch size is multiplied by it every epoch.
    schedule : str
        Key of ``rates.SCHEDULES``.
    settings : ScheduleSettings
    flow_rates : (float, float, float)
        alpha, beta, delta of (17)-(19).
    averaging : bool
        Give the monitor a running average of the weights.
    input_gains : bool
        Let the first layer learn a gain for every input; not with adam.
    """

    rule: Momentum | Adam
    rates: Rates
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

    def solve(
        self,
        objective: Objective,
        theta: Array,
        *,
        state: StochasticState | None,
        rng: np.random.Generator,
        monitor: Monitor,
    ) -> Solution:
        """Run epochs until the monitor says stop."""
        theta = theta.copy()
        first_layer = objective.network.layers(theta)[0]
        if state is None:
            fresh = Progress(), deepcopy(self.rates), self.rule.start(theta)
            now = StochasticState(*fresh)
        else:
            # memory, flow and running curvature change in place; the caller's must not
            rates = self.find_rates.adopt(state.rates) or self.rates
            rates = self.find_rates.refine(rates, objective, theta, rng)
            now = self._suited(deepcopy(replace(state, rates=rates)), theta)
        now = replace(now, gains=self._suited_gains(now.gains, first_layer))

        def rescue(event: str) -> bool:
            nonlocal now
            changed = self._rescue(event, objective, theta, now, rng, monitor)
            now = changed or now
            return changed is not None

        stop = False
        while not stop:
            with np.errstate(over="ignore", invalid="ignore"):
                now = self._measure_when_due(objective, theta, now, rng)
                rate = self.current_rate(now)
                epoch_mean, now = self._epoch(objective, theta, now, rng)
                found = theta if now.average is None else now.average.theta
                # the mean over examples of which some were shown again is no E
                tells = self.emphasis == 0.0
                stop = monitor(
                    found,
                    objective.value if tells else objective.value(found),
                    epoch_mean=epoch_mean if tells else None,
                    rate=rate,
                    rescue=rescue,
                )
        progress = now.progress._replace(start=0)
        now = replace(now, errors=None, average=None, progress=progress)
        return Solution(theta, now, n_shown=progress.n_shown)

    def _suited(self, state: StochasticState, theta: Array) -> StochasticState:
        """A state that other settings may have left, made to suit these."""
        memory = self.rule.start(theta)
        return replace(
            state,
            progress=state.progress._replace(start=state.progress.epoch, n_stalls=0),
            memory=state.memory if len(state.memory) == len(memory) else memory,
            flow=state.flow if self.schedule == "flow" else None,
        )

    def _suited_gains(self, gains: Gains | None, W: Array) -> Gains | None:
        """Those of an earlier call if they still belong to the weights."""
        if not self.input_gains or isinstance(self.rule, Adam):
            return None
        return gains if gains is not None and gains.suit(W) else Gains.start(W)

    def current_rate(self, state: StochasticState) -> float:
        """The global learning rate of the next epoch."""
        if state.flow is not None:
            return state.flow.rate
        factor = SCHEDULES[self.schedule].factor(state.progress, self.settings)
        return state.rates.eta * factor * 0.5**state.halvings

    def _rescue(
        self,
        event: str,
        objective: Objective,
        theta: Array,
        state: StochasticState,
        rng: np.random.Generator,
        monitor: Monitor,
    ) -> StochasticState | None:
        """Lower the rate, where that is still possible."""
        progress = state.progress
        if event == "stalled":
            later = after_stall(SCHEDULES[self.schedule], progress, self.settings)
            return None if later is None else replace(state, progress=later)
        if event == "diverged" and state.halvings < MAX_HALVINGS:
            np.copyto(theta, monitor.best_theta)
            return StochasticState(
                progress,
                # those of weights that ran away are no good
                self.find_rates(objective, theta, rng, state.rates),
                self.rule.start(theta),
                halvings=state.halvings + 1,
                measured_at=state.measured_at,
                gains=self._suited_gains(None, objective.network.layers(theta)[0]),
            )
        return None

    def _measure_when_due(
        self,
        objective: Objective,
        theta: Array,
        state: StochasticState,
        rng: np.random.Generator,
    ) -> StochasticState:
        """Find the rates again when it is time."""
        n_shown = state.progress.n_shown
        is_due = n_shown >= self._next_measurement(objective, state)
        # a few rows of a stream know less than those that were measured before
        few = min(ENOUGH_PATTERNS, state.rates.n_patterns)
        knows_less = objective.n_samples < few
        if not is_due or knows_less or not np.isfinite(theta).all():
            return state
        rates = self.find_rates(objective, theta, rng, state.rates)
        return replace(state, rates=rates, measured_at=n_shown)

    def _next_measurement(self, objective: Objective, state: StochasticState) -> float:
        n_samples = objective.n_samples
        return self.find_rates.next_measurement(state.measured_at, n_samples)

    def _epoch(
        self,
        objective: Objective,
        theta: Array,
        state: StochasticState,
        rng: np.random.Generator,
    ) -> tuple[float, StochasticState]:
        """Show every example; return the mean of E on the way, and the new state."""
        n, epoch = objective.n_samples, state.progress.epoch
        # a float64 grows to inf where a float would overflow
        growth = np.float64(self.batch_growth) ** epoch
        batch_size = int(min(n, self.batch_size * growth))
        order = self.order(rng, n, objective.labels)
        errors = state.errors
        if self.emphasis > 0.0:
            errors = np.full(n, np.nan) if errors is None else errors.copy()
            order = emphasised_order(rng, order, errors, self.emphasis)
        if self.schedule == "flow" and state.flow is None:
            flow = Flow(self.current_rate(state), self.flow_rates)
            state = replace(state, flow=flow)
        losses = np.empty(n, dtype=theta.dtype)
        start = 0
        while start < n:
            state = self._measure_when_due(objective, theta, state, rng)
            left = self._next_measurement(objective, state) - state.progress.n_shown
            # weights that are not finite are not measured, but shown on
            left = max(left, batch_size)
            stop = int(min(n, start + batch_size * np.ceil(left / batch_size)))
            part = order[start:stop]
            losses[start:stop], state = self._show(
                objective, theta, state, part, batch_size
            )
            start = stop
        if objective.sample_weight is not None:
            losses *= objective.sample_weight[order]
        if errors is not None:
            errors[order] = losses
        progress = state.progress._replace(epoch=epoch + 1)
        after = replace(
            state,
            progress=progress,
            errors=errors,
            average=self._averaged(state.average, theta),
        )
        return float(np.mean(losses)) + objective.penalty_value(theta), after

    def _averaged(self, average: Average | None, theta: Array) -> Average | None:
        if not self.averaging:
            return None
        return Average(theta.copy()) if average is None else average.including(theta)

    def _show(
        self,
        objective: Objective,
        theta: Array,
        state: StochasticState,
        order: Array,
        batch_size: int,
    ) -> tuple[Array, StochasticState]:
        """Descend through the examples in this order; return the loss of each."""
        show_compiled = getattr(objective, "show", None)
        if show_compiled is not None and isinstance(self.rule, Momentum):
            losses = show_compiled(
                theta,
                order,
                batch_size,
                state.rates._replace(eta=self.current_rate(state)),
                **self.rule._asdict(),
                velocity=None if self.rule.is_plain else state.memory[0],
                curvature_decay=self.curvature_decay,
                flow=state.flow,
                gains=state.gains,
            )
        else:
            update = self._make_update(objective, theta, state, batch_size)
            losses = _show(objective, theta, order, batch_size, update)
        return losses, state.after_showing(len(order))

    def _make_update(
        self,
        objective: Objective,
        theta: Array,
        state: StochasticState,
        batch_size: int,
    ) -> Update:
        """What follows each batch; it changes the state in place."""
        rate, rates, flow = self.current_rate(state), state.rates, state.flow
        has_factors = rates.curvature is not None or state.gains is not None
        if self.rule.is_plain and flow is None and not has_factors:
            return self._plain_update(objective, theta, rate, batch_size)
        meter = None
        if rates.curvature is not None and self.curvature_decay > 0.0:
            meter = CurvatureMeter(objective, rates, self.curvature_decay)
        now = rates._replace(eta=rate)
        return self._general_update(
            objective, theta, now, batch_size, state.memory, flow, meter, state.gains
        )

    def _plain_update(
        self, objective: Objective, theta: Array, rate: float, batch_size: int
    ) -> Update:
        """No momentum: the scaled gradient goes straight into the weights."""
        network = objective.network
        layers = network.layers(theta)
        factors = network.layers(self.rates.scaling)
        rates = [rate * float(view[0, 0]) for view in factors]
        decays = [
            eta * float(view[0, 0])
            for eta, view in zip(rates, network.layers(objective.penalty), strict=True)
        ]
        steps = [-eta / batch_size for eta in rates]
        weights = [W[:-1] for W in layers]

        def descend(passes: Passes, _: Array, __: Array | None) -> None:
            passes.add_gradient(layers, steps)

        def decay_and_descend(passes: Passes, _: Array, __: Array | None) -> None:
            share = passes.n_rows / batch_size
            for W, decay in zip(weights, decays, strict=True):
                np.multiply(W, 1.0 - share * decay, out=W)
            passes.add_gradient(layers, steps)

        return decay_and_descend if any(decays) else descend

    def _general_update(
        self,
        objective: Objective,
        theta: Array,
        rates: Rates,
        batch_size: int,
        memory: list[Array],
        flow: Flow | None,
        meter: "CurvatureMeter | None",
        gains: Gains | None,
    ) -> Update:
        """Collect the gradient, and let the rule make a step of it."""
        gradient = np.empty_like(theta)
        views = objective.network.layers(gradient)
        penalty = objective.penalty.astype(theta.dtype)
        penalised = bool(penalty.any())
        factors = rates.factors.astype(theta.dtype)
        own_rates = rates.eta * factors
        steady = flow is None and meter is None
        first_layer = objective.network.layers(theta)[0]
        gain_share = gain_factor(objective.network.layers(factors)[0])

        def update(passes: Passes, targets: Array, weights: Array | None) -> None:
            gradient.fill(0.0)
            passes.add_gradient(views)
            np.multiply(gradient, 1.0 / passes.n_rows, out=gradient)
            if penalised:
                np.add(gradient, penalty * theta, out=gradient)
            # a smaller last batch counts for its share of a full one
            share = passes.n_rows / batch_size
            eta = rates.eta
            if steady:
                now = own_rates if share == 1.0 else share * own_rates
            else:
                if meter is not None:
                    np.copyto(factors, meter.read(passes, targets, weights))
                eta = rates.eta if flow is None else flow.update(gradient)
                now = (share * eta) * factors
            if gains is None:
                self.rule.step(theta, gradient, now, memory)
                return
            pull = gains.pull_back(views[0])
            np.copyto(first_layer, gains.V)
            self.rule.step(theta, gradient, now, memory)
            np.copyto(gains.V, first_layer)
            gains.step(pull, share * eta * gain_share)
            gains.write(first_layer)

        return update


class CurvatureMeter:
    """The running estimate of the diagonal curvature, eq. (62), pattern by pattern.

    The curvature of the rates is changed in place.
    """

    def __init__(self, objective: Objective, rates: Rates, decay: float) -> None:
        self.objective, self.rates, self.decay = objective, rates, decay
        assert rates.curvature is not None
        self._h = rates.curvature.h
        self._sum = np.empty(len(rates.scaling), dtype=objective.inputs.dtype)
        self._views = objective.network.layers(self._sum)

    def read(self, passes: Passes, targets: Array, weights: Array | None) -> Array:
        """Take in a batch after its passes; return the new factors."""
        loss, penalty = self.objective.loss, self.objective.penalty
        squares = loss.hessian_diagonal(passes.outputs, targets)
        if weights is not None:
            squares = weights[:, None] * squares
        slopes = [passes.slope(l) for l in range(len(passes.layers))]
        self._sum.fill(0.0)
        add_lecun_diagonal(passes, slopes, squares, self._views)
        gain = 1.0 - (1.0 - self.decay) ** passes.n_rows
        self._h += gain * (self._sum / passes.n_rows + penalty - self._h)
        return self.rates.factors


def _show(
    objective: Objective, theta: Array, order: Array, batch_size: int, update: Update
) -> Array:
    """Sweep through the examples in this order; return the loss of each."""
    network, loss = objective.network, objective.loss
    passes = Passes(network.layers(theta), network.activations, batch_size)
    losses = np.empty(len(order), dtype=theta.dtype)
    weight = objective.sample_weight
    for block in _blocks(len(order), batch_size, network.sizes[0]):
        rows = order[block]
        inputs, targets = _rows(objective.inputs, rows), _rows(objective.targets, rows)
        weights = None if weight is None else weight[rows]
        outputs = sweep(passes, loss, inputs, targets, weights, update)
        losses[block] = loss.value(outputs, targets)
    return losses


def _rows(array: Any, rows: Array) -> Any:
    """Some rows; take is faster than an index, and sparse inputs have none."""
    return array.take(rows, axis=0) if type(array) is np.ndarray else array[rows]


def _blocks(n: int, batch_size: int, width: int) -> Iterator[slice]:
    """Slices of whole batches that hold about SHOWN_BLOCK numbers each."""
    step = batch_size * max(1, SHOWN_BLOCK // (batch_size * width))
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))
