"""Every solver on every problem."""

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from sk_effprop.solvers import LBFGS, SOLVERS
from tests.cases import (
    ALL_SOLVERS,
    BATCH_PARAMS,
    PROBLEM_PARAMS,
    SOLVER_PARAMS,
    initial_theta,
    ridge_problem,
    ridge_solution,
    tanh_problem,
)
from tests.solvers.running import optimum, run


@pytest.mark.parametrize("problem", PROBLEM_PARAMS)
@pytest.mark.parametrize("build", SOLVER_PARAMS)
def test_walks_downhill_from_a_theta_that_it_leaves_alone(build, problem):
    objective = problem()
    theta = initial_theta(objective)
    before = theta.copy()
    solution, monitor = run(build(objective), objective, theta, 20)
    np.testing.assert_array_equal(theta, before)
    assert solution.theta.shape == theta.shape
    assert solution.theta.dtype == theta.dtype
    start, end = objective.value(theta), objective.value(solution.theta)
    assert end - optimum(problem) < 0.5 * (start - optimum(problem))
    assert monitor.best_value <= end
    assert monitor.best_value == objective.value(monitor.best_theta)


@pytest.mark.parametrize("problem", PROBLEM_PARAMS)
@pytest.mark.parametrize("build", SOLVER_PARAMS)
def test_the_seed_decides_everything(build, problem):
    objective = problem()
    theta, solver = initial_theta(objective), build(objective)
    first, second = (run(solver, objective, theta, 3)[0].theta for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("build", SOLVER_PARAMS)
def test_single_precision_stays_single(build):
    double = tanh_problem()
    objective = replace(
        double,
        inputs=double.inputs.astype(np.float32),
        targets=double.targets.astype(np.float32),
        sample_weight=double.sample_weight.astype(np.float32),
    )
    theta = initial_theta(double).astype(np.float32)
    solution, _ = run(build(objective), objective, theta, 5)
    assert solution.theta.dtype == np.float32
    assert double.value(solution.theta) < double.value(theta)


@pytest.mark.parametrize("build", SOLVER_PARAMS)
def test_solvers_are_immutable(build):
    solver = build(ridge_problem())
    name = next(iter(vars(solver)))
    with pytest.raises(FrozenInstanceError):
        setattr(solver, name, None)


def test_every_registered_solver_is_among_the_cases():
    assert {name for name in SOLVERS} <= {name.split("_")[0] for name in ALL_SOLVERS}


@pytest.mark.parametrize("weighted", [False, True], ids=["even", "weighted"])
@pytest.mark.parametrize("build", BATCH_PARAMS)
def test_batch_solvers_reach_the_closed_form_of_ridge_regression(build, weighted):
    objective = ridge_problem(weighted=weighted)
    theta = initial_theta(objective)
    solution, monitor = run(build(objective), objective, theta, 500)
    assert solution.message in ("converged", "precision")
    assert monitor.reason == ""
    np.testing.assert_allclose(solution.theta, ridge_solution(objective), atol=1e-7)


@pytest.mark.parametrize("build", BATCH_PARAMS)
def test_batch_solvers_stop_when_the_monitor_says_so(build):
    objective = tanh_problem()
    theta = initial_theta(objective)
    solution, monitor = run(build(objective), objective, theta, 4)
    assert (monitor.n_iter, monitor.reason) == (4, "max_iter")
    assert solution.message == ""
    # entries are the objective after each iteration, and the last is where it ended
    assert monitor.loss_curve[-1] == objective.value(solution.theta)
    assert monitor.loss_curve == sorted(monitor.loss_curve, reverse=True)


def test_lbfgs_counts_evaluations():
    objective = tanh_problem()
    solver = LBFGS(max_fun=5, gradient_tolerance=1e-10)
    solution, monitor = run(solver, objective, initial_theta(objective), 500)
    assert monitor.n_iter <= 6
    assert monitor.reason == ""
    assert solution.message == "max_fun"
