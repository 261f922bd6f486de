"""Stochastic descent on examples that lie in parts.

:class:`Rounds` is meant for a cluster.  In every round each part makes an epoch on its
own examples, from the same weights and velocity, and both are averaged over the parts:
local stochastic descent (Stich, 2019).  Every part then moves as far as one part alone
would, so that more parts make an epoch faster and less noisy, but not more effective.

:class:`PassesOverParts` is meant for data larger than memory.  It goes through the
parts one after the other, as if they were one long epoch.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.objective import Objective
from sk_effprop.core.partitions import PartitionedObjective
from sk_effprop.core.rates import Rates
from sk_effprop.core.schedules import SCHEDULES, Progress, after_stall
from sk_effprop.core.state import StochasticState
from sk_effprop.core.steps import Average
from sk_effprop.solvers.base import Monitor, Reason, Solution

# The rate is halved at most this often after divergence.
MAX_HALVINGS = 30


@dataclass(frozen=True)
class Rounds:
    """Descent of all parts at the same time, with averaging after every epoch.

    Attributes
    ----------
    solver : StochasticSolver
        Descends on each part.
    """

    solver: Any

    def solve(
        self,
        objective: PartitionedObjective,
        theta: Array,
        *,
        state: StochasticState | None,
        rng: np.random.Generator,
        monitor: Monitor,
    ) -> Solution:
        """Run rounds until the monitor stops."""
        # Rates are measured between rounds, on the examples in memory.
        rule = replace(self.solver.find_rates, follows_stream=True, period=np.inf)
        solver = replace(self.solver, averaging=False, find_rates=rule)
        return _Rounds(self.solver, solver, objective, theta, rng, monitor).run(state)


@dataclass(frozen=True)
class PassesOverParts:
    """Descent through all parts, one after the other, in every epoch.

    Attributes
    ----------
    solver : StochasticSolver
        Descends on each part.
    """

    solver: Any

    def solve(
        self,
        objective: PartitionedObjective,
        theta: Array,
        *,
        state: StochasticState | None,
        rng: np.random.Generator,
        monitor: Monitor,
    ) -> Solution:
        """Run epochs until the monitor stops."""
        rule = self.solver.find_rates
        period = rule.period
        if period is not None:
            # A part counts epochs of its own examples.
            period *= objective.n_samples / objective.rows.n_samples
        rule = replace(rule, follows_stream=True, period=period)
        solver = replace(self.solver, averaging=False, find_rates=rule)
        return _Passes(self.solver, solver, objective, theta, rng, monitor).run(state)


class _Epochs(ABC):
    """Base class with the loop over epochs.

    Parameters
    ----------
    given : StochasticSolver
        With the settings of the whole training.
    solver : StochasticSolver
        For an epoch on a part.
    objective : PartitionedObjective
    theta : ndarray of shape (n_weights,)
    rng : Generator
    monitor : Monitor
    """

    state: StochasticState

    def __init__(
        self,
        given: Any,
        solver: Any,
        objective: PartitionedObjective,
        theta: Array,
        rng: np.random.Generator,
        monitor: Monitor,
    ) -> None:
        self.given, self.solver, self.objective = given, solver, objective
        self.theta, self.rng, self.monitor = theta, rng, monitor
        self.average: Average | None = None

    def run(self, state: StochasticState | None) -> Solution:
        """Run epochs until the monitor stops."""
        with np.errstate(over="ignore", invalid="ignore"):
            self.state = self._start(state)
            self.monitor.begin(self.state.initial_rates)
            while not self._epoch_and_report():
                pass
        progress = self.state.progress._replace(start=0, n_start=0)
        return Solution(
            self.theta,
            replace(self.state, progress=progress),
            n_presented=progress.n_presented,
            rates=self.state.initial_rates,
        )

    def _start(self, state: StochasticState | None) -> StochasticState:
        rates = self._measured(None)
        initial = rates._replace(curvature=None)
        memory = self.solver.rule.start(self.theta)
        if state is None:
            return StochasticState(Progress(), rates, memory, initial_rates=initial)
        known = state.memory if len(state.memory) == len(memory) else memory
        epoch, n_presented, *_ = state.progress
        progress = Progress(epoch, n_presented, 0, epoch, n_presented)
        return StochasticState(progress, rates, known, initial_rates=initial)

    def _measured(self, earlier: Rates | None) -> Rates:
        some = self.objective.sampled.with_clock(self.monitor.check_time)
        rates: Rates = self.solver.find_rates(some, self.theta, self.rng, earlier)
        # An infinite number keeps parts from measuring the rates on their own rows.
        return rates._replace(n_patterns=np.inf)

    @property
    def rate(self) -> float:
        """The present global learning rate."""
        state, solver = self.state, self.given
        factor = SCHEDULES[solver.schedule].factor(state.progress, solver.settings)
        return float(state.rates.eta * factor * 0.5**state.halvings)

    def _epoch_and_report(self) -> bool:
        rate = self.rate
        epoch_mean, is_unbiased = self._epoch()
        theta, value = self.theta, self._value
        if self.given.averaging:
            average = self.average
            average = Average(theta.copy()) if average is None else average
            self.average = average.including(theta)
            theta = self.average.theta
        return self.monitor(
            theta,
            value if is_unbiased else value(theta),
            epoch_mean=epoch_mean if is_unbiased else None,
            rate=rate,
            rescue=self._rescue,
        )

    def _value(self, theta: Array) -> float:
        """The objective at theta."""
        return self.objective.value(theta)

    @abstractmethod
    def _epoch(self) -> tuple[float, bool]:
        """Make an epoch; return the mean loss, and whether it is unbiased."""

    def _rescue(self, event: Reason) -> bool:
        """Lower the rate if that is still possible; return whether it was."""
        state = self.state
        if event == Reason.STALLED:
            schedule = SCHEDULES[self.given.schedule]
            later = after_stall(schedule, state.progress, self.given.settings)
            if later is not None:
                self.state = replace(state, progress=later)
            return later is not None
        if state.halvings >= MAX_HALVINGS:
            return False
        self.theta = self.monitor.best_theta.copy()
        self.state = replace(
            state,
            rates=self._measured(state.rates),
            memory=self.solver.rule.start(self.theta),
            halvings=state.halvings + 1,
            flow=None,
        )
        return True


class _Rounds(_Epochs):
    def _epoch(self) -> tuple[float, bool]:
        self._measure_when_due()
        objective, state = self.objective, self.state
        seed = int(self.rng.integers(2**63))
        share, theta, mean, *memory = objective.average(
            _part_of_round, self.solver, objective.penalty, self.theta, state, seed
        )
        dtype = self.theta.dtype
        self.theta = np.asarray(theta / share, dtype=dtype)
        self.state = replace(
            state,
            progress=_after_epoch(state.progress, objective.n_samples),
            memory=[np.asarray(one / share, dtype=dtype) for one in memory],
        )
        # Each part was trained on its own examples, so the mean loss is biased.
        return float(mean / share), False

    def _measure_when_due(self) -> None:
        state, n_presented = self.state, self.state.progress.n_presented
        due = self.given.find_rates.next_measurement(
            state.measured_at, self.objective.n_samples
        )
        if n_presented >= due:
            rates = self._measured(state.rates)
            self.state = replace(state, rates=rates, measured_at=n_presented)


class _Passes(_Epochs):
    def _value(self, theta: Array) -> float:
        # Reading the parts takes longer than the gradient, which is wanted in the end.
        return self.objective.value_and_gradient(theta)[0]

    def _epoch(self) -> tuple[float, bool]:
        before = self.state.progress
        total = n_examples = 0.0
        for part in self.objective.parts.shuffled(self.rng):  # type: ignore[attr-defined]
            if part.n_samples == 0:
                continue
            part = replace(part, penalty=self.objective.penalty).with_bounded_weights()
            monitor = _OneEpoch(self.monitor, self.theta)
            solution = self.solver.solve(
                part, self.theta, state=self.state, rng=self.rng, monitor=monitor
            )
            self.theta = solution.theta
            # The epoch of the whole goes on, and with it the rate.
            progress = before._replace(n_presented=solution.n_presented)
            self.state = replace(solution.state, progress=progress)
            total += part.n_samples * monitor.epoch_mean
            n_examples += part.n_samples
            # freed before the next one is read
            del part
            if self.monitor.is_out_of_time:
                break
        progress = self.state.progress._replace(epoch=before.epoch + 1)
        self.state = replace(self.state, progress=progress)
        return total / n_examples, True


def _after_epoch(progress: Progress, n_examples: int) -> Progress:
    n_presented = progress.n_presented + n_examples
    return progress._replace(epoch=progress.epoch + 1, n_presented=n_presented)


def _part_of_round(
    part: Objective,
    solver: Any,
    penalty: Array,
    theta: Array,
    state: StochasticState,
    seed: int,
) -> tuple[Any, ...]:
    """Train a part for one epoch; return weights, mean loss and memory, weighted."""
    share = 1.0 if part.sample_weight is None else float(np.mean(part.sample_weight))
    part = replace(part, penalty=penalty).with_bounded_weights()
    rng = np.random.default_rng([seed, part.n_samples])
    monitor = _OneEpoch(None, theta)
    solution = solver.solve(part, theta, state=state, rng=rng, monitor=monitor)
    results = solution.theta, monitor.epoch_mean, *solution.state.memory
    return share, *(share * np.asarray(one, dtype=np.float64) for one in results)


class _OneEpoch:
    """Monitor that stops after an epoch, and keeps its mean loss.

    Parameters
    ----------
    whole : Monitor or None
        Monitor of the whole training, which knows the time.
    theta : ndarray of shape (n_weights,)
        Initial weights.
    """

    keeps_pauses = False

    def __init__(self, whole: Monitor | None, theta: Array) -> None:
        self._whole, self.best_theta = whole, theta
        self.epoch_mean = np.nan

    @property
    def is_out_of_time(self) -> bool:
        """True if training should end as soon as possible."""
        return self._whole is not None and self._whole.is_out_of_time

    def check_time(self) -> None:
        """Raise OutOfTime if the time of the whole training is over."""
        if self._whole is not None:
            self._whole.check_time()

    def begin(self, rates: Rates) -> None:
        """Do nothing, as the rates of a part are those of all data."""

    def pause(self, paused: Any) -> None:
        """Do nothing, as training cannot be resumed within an epoch over parts."""

    def __call__(
        self, theta: Array, value: Any, *, epoch_mean: float | None = None, **_: Any
    ) -> bool:
        self.epoch_mean = np.nan if epoch_mean is None else epoch_mean
        return True
