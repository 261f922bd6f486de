"""Fits from the same start, observed from the first update to the last.

A fit is prepared as ``fit`` prepares it, and then trained as often as wanted, each time
from the same weights and with the same random numbers::

    prepared = prepare(EffPropClassifier(random_state=0), X, y)
    recorder = Recorder(n_iter=5)
    prepared.train(recorder, rate_factor=2.0)
    recorder.values    # E after each of 5 epochs at twice the rate
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

import numpy as np
from sklearn.base import clone

from sk_effprop._containers import inner_problem
from sk_effprop._threads import single_threaded_blas
from sk_effprop.core.arrays import Array
from sk_effprop.core.engine import Engine
from sk_effprop.core.objective import Objective
from sk_effprop.core.rates import Rates
from sk_effprop.core.steps import Update
from sk_effprop.estimators import _build as build
from sk_effprop.estimators._data import Examples
from sk_effprop.estimators._run import Run, make_monitor
from sk_effprop.estimators._training import starting_point
from sk_effprop.estimators._validation import make_validation
from sk_effprop.solvers.base import Paused, Rescue, Solution
from sk_effprop.training.history import History
from sk_effprop.training.monitor import Monitor

Observe = Callable[[Array], None]

# A prepared fit is of one network, and neither continues another nor leaves files.
ALONE = {
    "n_estimators": 1,
    "checkpoint": None,
    "resume": False,
    "warm_start": False,
}


@dataclass(frozen=True, eq=False)
class PreparedFit:
    """A fit with everything but training done.

    Attributes
    ----------
    estimator : EffPropClassifier or EffPropRegressor
        A copy that has read the data.
    run : Run
    theta : ndarray of shape (n_weights,)
        Initial weights.
    held_out : Examples or None
        Validation data.
    """

    estimator: Any
    run: Run
    theta: Array
    held_out: Examples | None

    @property
    def objective(self) -> Objective:
        """E on the training data."""
        return self.run.objective

    def monitor(self) -> Monitor:
        """Monitor that ends training as that of ``fit`` does."""
        value = self.objective.value(self.theta)
        validate = None
        if self.held_out is not None:
            validate = make_validation(self.estimator, self.run, self.held_out)
        run = replace(self.run, start_time=monotonic())
        return make_monitor(run, self.theta, value, History(), validate)

    def with_penalty(self, penalty: Array) -> "PreparedFit":
        """Return a copy with another L2 strength of each weight."""
        return replace(self, run=self.run.with_penalty(penalty))

    def train(
        self,
        monitor: Any,
        *,
        rate_factor: float = 1.0,
        observe_updates: Observe | None = None,
    ) -> Solution:
        """Train from the initial weights until the monitor stops the solver.

        Parameters
        ----------
        monitor : Monitor or Recorder
        rate_factor : float
            The automatic learning rates are multiplied by it.
        observe_updates : callable, optional
            Called with the weights after every update of a stochastic solver.
        """
        run, plan = self.run, self.run.plan
        plan = replace(plan, rate_share=plan.rate_share * rate_factor)
        presented = run.presented
        if observe_updates is not None:
            engine_type = ObservedEngine.of(presented.engine_type, observe_updates)
            presented = replace(presented, engine_type=engine_type)
        solver, rng = build.make_solver(plan, presented), deepcopy(run.left.rng)
        with single_threaded_blas, np.errstate(over="ignore", invalid="ignore"):
            return solver.solve(
                presented, self.theta, state=None, rng=rng, monitor=monitor
            )


def prepare(estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> PreparedFit:
    """Read data as ``fit`` does, and draw the initial weights.

    Parameters
    ----------
    estimator : estimator
        EffPropClassifier or EffPropRegressor, or an estimator that contains one.  It is
        not changed, and need not be fitted.
    X, y, sample_weight
        As for ``fit``.
    """
    estimator, X, y = inner_problem(estimator, X, y)
    prepared: list[PreparedFit] = []

    class Preparation(type(estimator)):  # type: ignore[misc]
        """Estimator whose ``fit`` ends where training would begin."""

        def _train(
            self, run: Run, task: Any, train: Any, held_out: Any = None, *_: Any
        ) -> None:
            theta, _ = starting_point(self, run)
            self.__dict__.update(run.plan.fitted_attributes)
            prepared.append(PreparedFit(self, run, theta, held_out))

        def _warn(self, run: Run, stacklevel: int = 4) -> None:
            """Do nothing, as nothing has been trained."""

    # errors name the class that the user knows
    Preparation.__name__ = type(estimator).__name__
    parameters = clone(estimator).get_params(deep=False)
    Preparation(**parameters | ALONE).fit(X, y, sample_weight)
    return prepared[0]


class Recorder:
    """Monitor that records E after each iteration and never interferes.

    Attributes
    ----------
    values : list of float
    learning_rate : float
        The global rate that training began with.
    """

    is_out_of_time = keeps_pauses = False
    learning_rate = np.nan

    def __init__(self, n_iter: int) -> None:
        self.n_iter = n_iter
        self.values: list[float] = []

    def begin(self, rates: Rates) -> None:
        """Keep the global rate that training begins with."""
        self.learning_rate = rates.eta

    def check_time(self) -> None:
        """Do nothing, as there is no time limit."""

    def pause(self, paused: Callable[[], Paused]) -> None:
        """Do nothing, as no fit is resumed from here."""

    def __call__(
        self,
        theta: Array,
        value: Any,
        *,
        epoch_mean: float | None = None,
        rate: float | None = None,
        criterion: float | None = None,
        rescue: Rescue | None = None,
    ) -> bool:
        self.values.append(float(value(theta) if callable(value) else value))
        return len(self.values) == self.n_iter or not np.isfinite(self.values[-1])


@dataclass(frozen=True, eq=False)
class ObservedEngine:
    """Engine that reports the weights after every update."""

    engine: Engine
    observe: Observe

    @classmethod
    def of(
        cls, engine_type: Callable[[Objective], Engine], observe: Observe
    ) -> Callable[[Objective], Any]:
        """Make an engine class that delegates to another one."""
        return lambda objective: cls(engine_type(objective), observe)

    @property
    def name(self) -> str:
        """Name of the engine that does the work."""
        return self.engine.name

    def sample_losses(self, theta: Array, gradient: Array | None = None) -> Array:
        return self.engine.sample_losses(theta, gradient)

    def descend(
        self, theta: Array, order: Array, batch_size: int, update: Update
    ) -> Array:
        losses = []
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            losses.append(self.engine.descend(theta, batch, batch_size, update))
            self.observe(theta)
        return np.concatenate(losses)
