"""Initial state, run and results of one call of ``fit`` or ``partial_fit``."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from sk_effprop.core.arrays import Array
from sk_effprop.core.network import Network
from sk_effprop.core.objective import Objective
from sk_effprop.core.strength import slope_powers
from sk_effprop.estimators import _auto as auto
from sk_effprop.estimators import _build as build
from sk_effprop.estimators._coding import Coding
from sk_effprop.estimators._data import Examples
from sk_effprop.estimators._parameters import Hyperparameters
from sk_effprop.estimators._penalty import (
    FEWEST_MEASURED,
    find_strength,
    left_out,
    spread_alpha,
    usual_strength,
)
from sk_effprop.estimators._plan import Plan, Problem
from sk_effprop.estimators._reading import TrainingData
from sk_effprop.estimators._watch import AWAKE_BY, StreamWatch
from sk_effprop.solvers import STOCHASTIC
from sk_effprop.solvers.base import Reason, Solution
from sk_effprop.training.convergence import Finding, describe
from sk_effprop.training.history import History
from sk_effprop.training.monitor import Monitor, Validate

UNFINISHED = Solution(np.empty(0), None)
# An iteration that is cut leaves no state from which a solver could continue.
INTERRUPTED = Solution(np.empty(0), None, Reason.INTERRUPTED)
OUT_OF_TIME = INTERRUPTED._replace(message=Reason.MAX_TIME)


class SeenWeights(NamedTuple):
    """Weights of the examples of a stream: their sum, and the number of examples.

    Only proportions matter, but single rows have none among themselves.
    """

    total: float = 0.0
    n_rows: int = 0

    def including(self, weight: Array) -> "SeenWeights":
        """Include the weights of a batch."""
        return SeenWeights(self.total + float(weight.sum()), self.n_rows + len(weight))

    def mean_for(self, weight: Array) -> float | None:
        """Mean of all weights; None if those of the batch do not differ from it."""
        mean = self.total / self.n_rows
        return None if (weight == mean).all() else mean


@dataclass(frozen=True, eq=False)
class Resume:
    """State from which the next ``partial_fit`` or warm start continues training.

    Attributes
    ----------
    rng : Generator
    kind : str
        Kind of the solver that left ``state``.
    state : object
    strength : float or ndarray of shape (n_layers - 1,)
        Result of ``alpha="auto"``, per unit of fan-in and example.
    n_seen : float
        Examples seen by all calls since the last ``fit``.
    is_stream : bool
        Whether all of them came by ``partial_fit``.
    fixed : dict
        Hyperparameters that must not change.
    watch : StreamWatch or None
        Losses of the predictions of the latest batches of ``partial_fit``.
    weights : SeenWeights or None
        Weights of the examples of a stream.
    unknown : dict of str to int, or None
        Rows of a stream whose level of a category was unknown, by column.
    """

    rng: np.random.Generator
    kind: str
    state: Any
    strength: float | Array
    n_seen: float
    is_stream: bool
    fixed: dict[str, Any]
    watch: StreamWatch | None = None
    weights: SeenWeights | None = None
    unknown: dict[str, int] | None = None

    def begun_anew(self) -> "Resume":
        """Return a copy without the state that depends on the old scale of the data.

        Rates that few examples have told are measured again anyway.
        """
        watch = None if self.watch is None else self.watch.begun_anew()
        if self.n_seen < FEWEST_MEASURED or self.state is None:
            return replace(self, watch=watch)
        return replace(self, watch=watch, state=self.state.without_rates())


@dataclass(frozen=True, eq=False)
class Start:
    """Initial state of a call: generator, weights and state of earlier calls.

    Attributes
    ----------
    rng : Generator
    earlier : Resume or None
        State of an earlier call, if this one continues it.
    is_stream : bool
        Whether the data are one batch of a stream.
    fixed : dict
        Hyperparameters that later calls must not change.
    time : float
        When the call began, by ``time.monotonic``: reading data counts as training.
    weights : SeenWeights or None
        Weights of a stream, those of this call included.
    unknown : dict of str to int, or None
        Rows with an unknown level, by column, those of this call included.
    """

    rng: np.random.Generator
    earlier: Resume | None
    is_stream: bool
    fixed: dict[str, Any]
    time: float
    weights: SeenWeights | None = None
    unknown: dict[str, int] | None = None

    def weighing(self, weight: Array) -> "Start":
        """Include the weights of a batch of the stream."""
        seen = None if self.earlier is None else self.earlier.weights
        return replace(self, weights=(seen or SeenWeights()).including(weight))

    def meeting(self, unknown: dict[str, int]) -> "Start":
        """Include the numbers of rows whose level of a category is unknown."""
        earlier = None if self.earlier is None else self.earlier.unknown
        known = earlier or {}
        total = {name: known.get(name, 0) + n for name, n in unknown.items()}
        return replace(self, unknown=total)

    @property
    def n_seen(self) -> float:
        """Examples of the stream before this call."""
        continues = self.is_stream and self.earlier is not None
        return self.earlier.n_seen if continues and self.earlier else 0.0


@dataclass(frozen=True, eq=False)
class Run:
    """A call whose data are read and whose plan is made.

    Attributes
    ----------
    objective : Objective
    plan : Plan
    coding : ClassCoding or ValueCoding
    earlier : Resume or None
        State of an earlier call, if this one continues it.
    left : Resume
        State that this call leaves, except for that of the solver.
    start_time : float
        When the call began, by ``time.monotonic``.
    n_rows : int
        Rows of the user: more than those of the objective if equal ones were merged.
    """

    objective: Objective
    plan: Plan
    coding: Coding
    earlier: Resume | None
    left: Resume
    start_time: float
    n_rows: int

    @property
    def presented(self) -> Objective:
        """Objective for the solver, which may need examples of similar weights."""
        if self.plan.solver in STOCHASTIC:
            if self.plan.keep_last and self.earlier is not None:
                # weights of a later batch are relative to those of the earlier ones
                return self.objective.with_bounded_weights(usual=1.0)
            return self.objective.with_bounded_weights()
        return self.objective

    @property
    def is_out_of_time(self) -> bool:
        """True if the time of the whole call is over."""
        limit = self.plan.max_time
        return limit is not None and monotonic() - self.start_time >= limit

    @property
    def is_asleep(self) -> bool:
        """True if a stream should have learnt something by now, but has not."""
        earlier, is_stream = self.earlier, self.left.is_stream
        if earlier is None or not is_stream:
            return False
        is_time = earlier.n_seen < AWAKE_BY <= self.left.n_seen
        return is_time and (earlier.watch is None or earlier.watch.is_lost)

    def with_penalty(self, penalty: Array | None) -> "Run":
        """Return the same run with the penalty that the solver has found, if any."""
        if penalty is None:
            return self
        return replace(self, objective=replace(self.objective, penalty=penalty))


def start_rng(random_state: Any, earlier: Resume | None) -> np.random.Generator:
    """Random generator of a call: a new one, or a copy of the earlier call's.

    It is a copy because a call that fails must not use up random numbers.
    """
    if earlier is not None:
        return deepcopy(earlier.rng)
    return np.random.default_rng(check_random_state(random_state).randint(2**31 - 1))


def make_run(
    given: Hyperparameters,
    coding: Coding,
    data: TrainingData,
    solver: str,
    start: Start,
) -> Run:
    """Replace every "auto", and make the objective.

    Parameters
    ----------
    given : Hyperparameters
    coding : ClassCoding or ValueCoding
    data : TrainingData
    solver : str
        Choice by the number of rows; the plan has that by their noise.
    start : Start

    Raises
    ------
    ImportError
        If ``engine="numba"`` is given and numba is not there.
    """
    build.check_engine(given.engine)
    network = build.make_network(given, data, coding.activation)
    earlier, n_seen = start.earlier, start.n_seen + data.counts.n_effective
    found = None
    # later batches of a stream keep what the first one says
    is_first = earlier is None or not start.is_stream
    if is_first and auto.asks_data(given, solver, data.counts.n_different):
        found = left_out(
            data,
            has_hidden_layers=len(network.sizes) > 2,
            is_stream=start.is_stream,
        )
    problem = Problem(
        n_samples=data.counts.n_rows,
        n_effective=data.counts.n_effective,
        n_different=data.counts.n_different,
        sizes=network.sizes,
        loss=coding.loss,
        target_range=coding.target_range,
        has_labels=data.labels is not None,
        n_seen=n_seen if start.is_stream else None,
        is_radial="radial" in network.kinds,
        nonlinearity=1.0 if found is None else found.nonlinearity,
        unexplained=1.0 if found is None else found.error,
        slope_powers=slope_powers(network),
    )
    if auto.gives_way_to_noise(solver, given, problem):
        # equal rows have been merged, and are presented once
        solver = auto.AUTO_STOCHASTIC
        problem = replace(problem, n_samples=len(data.targets))
    is_stochastic = solver in STOCHASTIC
    strength = usual_strength(problem) if earlier is None else earlier.strength
    strength = find_strength(
        given.alpha, problem, data, strength, found, is_stochastic=is_stochastic
    )
    alpha = spread_alpha(given.alpha, strength, problem)
    objective = build.make_objective(network, coding.loss, data, alpha)
    plan = auto.make_plan(
        given, problem, solver, alpha, lambda: build.can_compile(objective, given)
    )
    left = Resume(
        rng=start.rng,
        kind=plan.state_kind,
        state=None,
        strength=strength,
        n_seen=n_seen,
        is_stream=start.is_stream and (earlier is None or earlier.is_stream),
        fixed=start.fixed,
        watch=earlier.watch if earlier is not None and start.is_stream else None,
        weights=start.weights,
        unknown=start.unknown,
    )
    objective = build.on_engine(objective, plan.engine)
    if plan.max_time is not None and is_stochastic:
        objective = objective.evaluated_in_time()
    return Run(objective, plan, coding, earlier, left, start.time, data.counts.n_rows)


def keep_coding(
    coding: Coding, batch: Examples, network: Network, theta: Array, earlier: Resume
) -> tuple[Coding, Array, Resume]:
    """Update coding, weights and solver state for one more batch of a stream.

    Targets keep the scale that ``fit`` or the first examples gave them, unless those
    were quite different from all that follow.  The output layer then compensates for
    the change, and the rates and the momentum, which belong to a scale, begin anew.
    """
    if not earlier.is_stream:
        return coding, theta, earlier
    if earlier.n_seen < FEWEST_MEASURED:
        return coding.including(batch.y, batch.weight), theta, earlier
    after = coding.following(batch.y, batch.weight, int(earlier.n_seen))
    if after.scale is not coding.scale:
        theta = theta.copy()
        after.compensate(network.layers(theta)[-1], coding)
        earlier = earlier.begun_anew()
    return after, theta, earlier


def make_monitor(
    run: Run, theta: Array, value: float, history: History, validate: Validate | None
) -> Monitor:
    """Monitor of a run that starts at theta, where the objective has this value."""
    plan = run.plan
    return Monitor(
        theta,
        value,
        null_value=run.objective.null_value(),
        max_iter=plan.max_iter,
        tol=plan.tol,
        patience=plan.patience,
        goal=plan.given.goal,
        max_time=plan.max_time,
        validate=validate,
        keep_last=plan.keep_last,
        history=history,
        start_time=run.start_time,
        is_relative=plan.has_relative_tol,
    )


# ------------------------------------------------------------------- fitted attributes


def fitted_with(run: Run, theta: Array) -> dict[str, Any]:
    """Attributes that make an estimator predict with these weights."""
    network = run.objective.network
    return {
        "network_": network,
        "theta_": theta,
        "n_layers_": len(network.sizes),
        "n_outputs_": network.sizes[-1],
        "out_activation_": run.coding.activation_name,
        "alpha_": build.alpha_of(network, run.objective.penalty),
        "n_effective_parameters_": None,
        "log_evidence_": None,
        "oof_prediction_": None,
        "_posterior": None,
        "_calibration": None,
        "_importances": None,
    }


def results_of(
    run: Run,
    monitor: Monitor,
    theta: Array,
    solution: Solution = UNFINISHED,
    find_fault: Callable[..., Finding | None] | None = None,
) -> dict[str, Any]:
    """Compute the fitted attributes for these weights.

    ``find_fault`` is called with the run, the monitor, the weights and their loss.
    """
    objective = run.objective
    loss, gradient = objective.value_and_gradient(theta)
    finding = None if find_fault is None else find_fault(run, monitor, theta, loss)
    # curvature may take far more memory than the weights
    goes_on = run.plan.solver in STOCHASTIC or run.plan.given.warm_start
    return {
        **fitted_with(run, theta),
        **curves_of(monitor),
        "loss_": loss,
        "best_loss_": loss if monitor.validate is None else None,
        "t_": solution.n_presented or monitor.n_iter * run.n_rows,
        "convergence_": describe(
            monitor,
            gradient_norm=float(np.linalg.norm(gradient)),
            finding=finding,
            fixed_length=run.plan.has_fixed_length,
        ),
        "_resume": replace(run.left, state=solution.state if goes_on else None),
    }


def curves_of(monitor: Monitor) -> dict[str, Any]:
    """History of training as fitted attributes."""
    history, rates = monitor.history, monitor.initial_rates
    scores, losses = list(history.validation_scores), list(history.validation_losses)
    has_validation = monitor.validate is not None
    best = monitor.best_score
    return {
        "n_iter_": monitor.n_iter,
        "loss_curve_": list(monitor.loss_curve),
        "learning_rate_": None if rates is None else rates.eta,
        "lambda_max_": None if rates is None else rates.lambda_max,
        "learning_rate_curve_": list(history.rates),
        "validation_scores_": scores if has_validation else None,
        "validation_loss_curve_": losses if has_validation else None,
        "best_validation_score_": best if np.isfinite(best) else None,
    }


def history_of(estimator: Any, run: Run) -> History:
    """Curves of earlier calls, which the monitor continues."""
    if run.earlier is None:
        return History()
    return History(
        # a stream counts all its epochs, a warm start those of each call
        estimator.n_iter_ if run.plan.keep_last else 0,
        estimator.loss_curve_,
        estimator.learning_rate_curve_,
        estimator.validation_loss_curve_ or (),
        estimator.validation_scores_ or (),
    )
