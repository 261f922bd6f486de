"""Levenberg-Marquardt and conjugate gradients: their systems, steps and limits."""

from dataclasses import replace

import numpy as np
import pytest

import sk_effprop.core.gauss_newton as systems_module
from sk_effprop.core.activations import ACTIVATIONS, IDENTITY
from sk_effprop.core.curvature import Linearization
from sk_effprop.core.damping import Damping
from sk_effprop.core.gauss_newton import DualSystem, PrimalSystem, make_system
from sk_effprop.core.initializers import biases_through_data, lecun, uniform
from sk_effprop.core.inputs import with_ones
from sk_effprop.core.losses import SquaredError
from sk_effprop.core.network import Network, initialize
from sk_effprop.core.objective import Objective
from sk_effprop.solvers.conjugate_gradient import ConjugateGradient, exact_curvature
from sk_effprop.solvers.levenberg_marquardt import LevenbergMarquardt
from tests.cases import (
    ALL_ACTIVATIONS,
    BATCH_PARAMS,
    MAIN_LOSS_PARAMS,
    initial_theta,
    make_monitor,
    make_problem,
    ridge_problem,
    tanh_problem,
)


def run(solver, objective, theta, n_iter, **settings):
    monitor = make_monitor(objective, theta, n_iter, **settings)
    solution = solver.solve(objective, theta, state=None, rng=None, monitor=monitor)
    return solution, monitor


def function_problem(X, y, n_hidden, seed):
    """A 1-h-1 net of tanh units with hyperplanes through the data."""
    network = Network((1, n_hidden, 1), (ACTIVATIONS["tanh"], IDENTITY))
    nothing = np.zeros(network.n_weights)
    objective = Objective(network, SquaredError(), with_ones(X), y, None, nothing)
    rng = np.random.default_rng(seed)
    theta = initialize(network, uniform(lambda i, o: 3 * lecun(i, o)), rng, np.float64)
    first = network.layers(theta)[0]
    first[-1] = biases_through_data(rng, X @ first[:-1], None)
    return objective, theta


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", MAIN_LOSS_PARAMS)
def test_both_systems_give_the_step_of_the_dense_normal_equations(loss, weighted):
    """(G + penalty + mu) d = -g, whatever the loss."""
    objective, theta = make_problem(
        (4,), ALL_ACTIVATIONS["lecun_tanh"], loss, weighted=weighted
    )
    linearization = Linearization(objective, theta)
    G = np.array([linearization.gauss_newton_product(v) for v in np.eye(len(theta))])
    for mu in (1e-4, 1.0):
        expected = np.linalg.solve(G + mu * np.eye(len(theta)), -linearization.gradient)
        for system in (PrimalSystem(linearization), DualSystem(linearization)):
            step = -system.factor(objective.penalty + mu).solve(linearization.gradient)
            np.testing.assert_allclose(step, expected, rtol=1e-6, atol=1e-10)


def test_the_smaller_system_is_chosen():
    objective, theta = make_problem(
        (4,), ALL_ACTIVATIONS["lecun_tanh"], MAIN_LOSS_PARAMS[0].values[0]
    )
    many = objective.subset(np.tile(np.arange(objective.n_samples), 9))
    few = objective.subset(np.arange(2))
    assert isinstance(make_system(Linearization(many, theta)), PrimalSystem)
    assert isinstance(make_system(Linearization(few, theta)), DualSystem)


def test_a_system_that_cannot_fit_is_refused_with_its_size(monkeypatch):
    monkeypatch.setattr(systems_module, "MAX_SYSTEM", 10)
    objective = tanh_problem()
    theta = initial_theta(objective)
    with pytest.raises(ValueError, match=r"numbers \(.* GiB\) for .* weights"):
        run(LevenbergMarquardt(1e-10), objective, theta, 3)


def test_damping_follows_the_gain_ratio():
    """A kept promise lowers it to a third, a broken one leaves or raises it."""
    assert Damping(3.0).after_success(1.0).mu == 1.0
    assert Damping(3.0).after_success(0.5).mu == 3.0
    assert 3.0 < Damping(3.0).after_success(0.1).mu < 6.0
    refused = Damping(3.0).after_failure().after_failure()
    assert refused == Damping(24.0, 8.0)


@pytest.mark.parametrize("seed", range(10))
def test_levenberg_marquardt_fits_a_sine_from_any_start(seed):
    """41 points of sin(pi x), five hidden units, mean squared error 2e-3."""
    x = np.linspace(-1.0, 1.0, 41)[:, None]
    objective, theta = function_problem(x, np.sin(np.pi * x), 5, seed)
    _, monitor = run(LevenbergMarquardt(1e-12), objective, theta, 100, goal=1e-3)
    assert monitor.reason == "goal"


def test_levenberg_marquardt_needs_fewer_iterations_than_conjugate_gradients():
    x = np.linspace(-1.0, 1.0, 41)[:, None]
    objective, theta = function_problem(x, np.sin(np.pi * x), 5, 0)
    needed = [
        run(solver, objective, theta, 500, goal=1e-5)[1].n_iter
        for solver in (LevenbergMarquardt(1e-12), ConjugateGradient(1e-12))
    ]
    assert needed[0] < needed[1] / 3


def redundant_problem():
    """Ten thousand noisy points for sixteen weights."""
    rng = np.random.default_rng(1)
    x = rng.uniform(-1.0, 1.0, size=(10_000, 1))
    y = np.sin(np.pi * x) + 0.1 * rng.normal(size=x.shape)
    return function_problem(x, y, 5, 0)


def test_redundant_data_are_learnt_from_a_growing_sample(monkeypatch):
    """Jacobians of few rows first, of all at the end; every step lowers the whole."""
    sizes = []

    def note(linearization):
        sizes.append(linearization.objective.n_samples)
        return make_system(linearization)

    monkeypatch.setattr("sk_effprop.solvers.levenberg_marquardt.make_system", note)
    objective, theta = redundant_problem()
    monitor = make_monitor(objective, theta, 300)
    solution = LevenbergMarquardt(1e-9).solve(
        objective,
        theta,
        state=None,
        rng=np.random.default_rng(0),
        monitor=monitor,
    )
    assert sizes[0] == 5 * len(theta)
    assert sizes == sorted(sizes)
    assert sizes[-1] == 10_000
    assert np.all(np.diff(monitor.loss_curve) < 0)
    assert monitor.loss_curve[0] < objective.value(theta)
    # it ends in a minimum of the whole
    assert solution.message in ("converged", "precision")
    _, gradient = objective.value_and_gradient(solution.theta)
    assert np.abs(gradient).max() < 1e-6


def test_all_of_few_examples_are_looked_at():
    """Nothing random is asked for."""
    objective, theta = redundant_problem()
    few = objective.subset(np.arange(1000))
    _, monitor = run(LevenbergMarquardt(1e-9), few, theta, 10)
    assert monitor.n_iter == 10


DEGENERATE = {
    "duplicated_columns": lambda X: np.hstack([X, X]),
    "constant_column": lambda X: np.hstack([X, np.ones_like(X)]),
    "zero_columns": lambda X: np.zeros((len(X), 3)),
    "one_row": lambda X: X[:1],
    "repeated_row": lambda X: np.tile(X[:1], (len(X), 1)),
}


@pytest.mark.parametrize("name", ["duplicated_columns", "zero_columns"])
def test_a_damping_that_leaves_the_system_singular_is_raised(name):
    """A linear network then comes as low as the pseudoinverse."""
    rng = np.random.default_rng(4)
    X, y = DEGENERATE[name](rng.normal(size=(12, 2))), rng.normal(size=(12, 1))
    network = Network((X.shape[1], 1), (IDENTITY,))
    nothing = np.zeros(network.n_weights)
    objective = Objective(network, SquaredError(), with_ones(X), y, None, nothing)
    solver = LevenbergMarquardt(1e-9, damping=1e-300)
    _, monitor = run(solver, objective, np.ones(network.n_weights), 30)
    least = objective.value((np.linalg.pinv(objective.inputs) @ y).ravel())
    assert monitor.best_value == pytest.approx(least)


@pytest.mark.parametrize("constant_target", [False, True])
@pytest.mark.parametrize("name", DEGENERATE)
@pytest.mark.parametrize("build", BATCH_PARAMS)
def test_rank_deficient_data_end_with_finite_weights(build, name, constant_target):
    """Without any penalty to help."""
    rng = np.random.default_rng(4)
    X = DEGENERATE[name](rng.normal(size=(12, 2)))
    y = np.full((len(X), 1), 0.7) if constant_target else rng.normal(size=(len(X), 1))
    network = Network((X.shape[1], 8, 1), (ACTIVATIONS["lecun_tanh"], IDENTITY))
    nothing = np.zeros(network.n_weights)
    objective = Objective(network, SquaredError(), with_ones(X), y, None, nothing)
    theta = initialize(network, uniform(lecun), rng, np.float64)
    solution, monitor = run(build(objective), objective, theta, 60)
    assert np.isfinite(solution.theta).all()
    assert monitor.best_value <= objective.value(theta)


@pytest.mark.parametrize("build", BATCH_PARAMS)
def test_float32_is_kept_outside(build):
    objective = tanh_problem()
    single = replace(
        objective,
        inputs=objective.inputs.astype(np.float32),
        targets=objective.targets.astype(np.float32),
    )
    theta = initial_theta(objective).astype(np.float32)
    solution, _ = run(build(single), single, theta, 10)
    assert solution.theta.dtype == np.float32
    assert single.value(solution.theta) < single.value(theta)


def test_conjugate_gradients_solve_a_quadratic_in_as_many_steps_as_weights():
    """With a linear network the step length is exact, the directions conjugate."""
    objective = ridge_problem()
    theta = initial_theta(objective)
    n = len(theta)
    for solver in (
        ConjugateGradient(1e-9),
        ConjugateGradient(1e-9, curvature=exact_curvature),
    ):
        solution, monitor = run(solver, objective, theta, 5 * n)
        assert solution.message in ("converged", "precision")
        assert monitor.n_iter <= n + 1
