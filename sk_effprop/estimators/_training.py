"""Training of one network: initial weights, solver, monitor, and fitted attributes."""

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

from sk_effprop.core.arrays import Array
from sk_effprop.estimators import _build as build
from sk_effprop.estimators._advice import find_fault
from sk_effprop.estimators._checkpoint import Checkpoint
from sk_effprop.estimators._checks import check_init, check_network
from sk_effprop.estimators._diagnosis import check_loss, initial_value
from sk_effprop.estimators._interrupt import in_any_case, is_part_of_more
from sk_effprop.estimators._late_start import late_start
from sk_effprop.estimators._layers import check_weights
from sk_effprop.estimators._members import Member, Trained
from sk_effprop.estimators._run import (
    INTERRUPTED,
    OUT_OF_TIME,
    Run,
    history_of,
    make_monitor,
    results_of,
)
from sk_effprop.estimators._stream_advice import watched
from sk_effprop.estimators._validation import make_validation
from sk_effprop.solvers import BATCH
from sk_effprop.solvers.base import OutOfTime, Reason, Solution
from sk_effprop.training.callbacks import Task, iteration_tasks
from sk_effprop.training.progress import show_progress


def minimise(
    estimator: Any, member: Member, task: Task | None, checkpoint: Checkpoint | None
) -> Trained:
    """Minimise the objective until the monitor stops the solver."""
    run, held_out = member.run, member.held_out
    objective, plan, rng = run.objective, run.plan, run.left.rng
    validate = None if held_out is None else make_validation(estimator, run, held_out)
    theta, state = starting_point(estimator, run)
    check_loss(objective, theta)
    is_new = run.earlier is None
    value = initial_value(objective, theta, plan.given, is_new=is_new)
    monitor = make_monitor(run, theta, value, history_of(estimator, run), validate)
    presented = run.presented
    if plan.solver in BATCH:
        # stochastic solvers look at the clock themselves, between two updates
        presented = presented.with_clock(monitor.check_time)
    solver = build.make_solver(plan, presented, member.known_rates)
    told = iteration_tasks(task, monitor, lambda m: results_of(run, m, m.theta.copy()))
    name = type(estimator).__name__
    with told, show_progress(estimator.verbose, name, monitor, member.title):
        solve = (
            solver.solve if checkpoint is None else partial(checkpoint.solve, solver)
        )
        solution = _until_interrupted(
            lambda: solve(presented, theta, state=state, rng=rng, monitor=monitor)
        )
        monitor.end(solution.message)
    if monitor.reason == Reason.INTERRUPTED and is_part_of_more():
        raise KeyboardInterrupt
    run, start = run.with_penalty(solution.penalty), theta
    theta = in_any_case(lambda: monitor.best_theta)
    run = watched(run, monitor, value - objective.penalty_value(start), theta)
    results = in_any_case(lambda: results_of(run, monitor, theta, solution, find_fault))
    measured = solution.measured
    return Trained(run, theta, results, monitor.reason, monitor, measured)


def _until_interrupted(solve: Callable[[], Solution]) -> Solution:
    """Call a solver; Ctrl-C and the end of the time end it without a state."""
    try:
        return solve()
    except KeyboardInterrupt:
        return INTERRUPTED
    except OutOfTime:
        return OUT_OF_TIME


def starting_point(estimator: Any, run: Run) -> tuple[Array, Any]:
    """Weights to start from, and the state of the solver that left them."""
    objective, earlier = run.objective, run.earlier
    if earlier is None:
        dtype = objective.dtype
        check_init(estimator, objective.network.n_weights, dtype)
        theta = build.initial_theta(
            run.plan.given,
            objective.sampled,
            run.left.rng,
            is_stream=run.left.is_stream,
        )
        return theta, None
    check_network(estimator.network_, objective.network)
    check_weights(estimator.theta_)
    state = earlier.state if earlier.kind == run.left.kind else None
    theta = None
    if run.is_asleep:
        # other streams go on with the same random numbers
        rng = deepcopy(run.left.rng)
        theta = late_start(run.plan.given, objective.sampled, estimator.theta_, rng)
    if theta is None:
        return estimator.theta_, state
    return theta, None if state is None else state.without_rates()
