"""Conjugate gradients, against the space that they search and Moller's own steps."""

import numpy as np
import pytest

from sk_effprop.core.curvature import Linearization
from sk_effprop.solvers import ConjugateGradient, exact_curvature
from tests.cases import (
    ALL_ACTIVATIONS,
    ALL_LOSSES,
    initial_theta,
    make_monitor,
    make_problem,
    ridge_problem,
)


def solve(solver, objective, theta, n_steps):
    """Weights after so many steps."""
    monitor, rng = make_monitor(objective, theta, n_steps), np.random.default_rng(0)
    solution = solver.solve(objective, theta, state=None, rng=rng, monitor=monitor)
    assert monitor.n_iter == n_steps
    return solution.theta


@pytest.mark.parametrize("n_steps", [1, 2, 3, 5])
def test_conjugate_gradients_minimise_over_the_krylov_space(n_steps):
    """After k steps over the span of g, Hg, ..., H^(k-1) g, which is found directly."""
    objective = ridge_problem()
    theta = initial_theta(objective)
    at_start = Linearization(objective, theta)
    directions = [at_start.gradient]
    for _ in range(n_steps - 1):
        directions.append(at_start.hessian_product(directions[-1]))
    space, _ = np.linalg.qr(np.transpose(directions))
    hessian = np.array([at_start.hessian_product(v) for v in space.T]) @ space
    along = np.linalg.solve(hessian, space.T @ at_start.gradient)
    found = solve(ConjugateGradient(1e-12), objective, theta, n_steps)
    np.testing.assert_allclose(found, theta - space @ along, atol=1e-7)


def moller(objective, theta, damping, n_steps):
    """Moller's (1993) steps, curvature by differences; and the dampings on the way."""
    value, gradient = objective.value_and_gradient(theta)
    direction, dampings = -gradient, []
    while n_steps:
        slope, length = -gradient @ direction, direction @ direction
        ahead, behind = (
            objective.value_and_gradient(theta + h * direction)[1]
            for h in (1e-5, -1e-5)
        )
        bend = direction @ (ahead - behind) / 2e-5
        if bend + damping * length <= 0.0:
            damping = 2.0 * (damping - bend / length)
        step = slope / (bend + damping * length)
        new_value, new = objective.value_and_gradient(theta + step * direction)
        comparison = 2.0 * (value - new_value) / (step * slope)
        dampings.append(damping)
        if new_value >= value:
            damping = max(4.0 * damping, 1e-3 * abs(bend) / length)
            continue
        if comparison > 0.75:
            damping /= 2.0
        elif comparison < 0.25:
            damping *= 4.0
        beta = max(new @ (new - gradient) / (-direction @ gradient), 0.0)
        theta, value = theta + step * direction, new_value
        direction, gradient = beta * direction - new, new
        n_steps -= 1
    return theta, np.array(dampings)


@pytest.mark.parametrize(
    ("loss", "seed"), [("squared_error_2_tanh", 2), ("log_loss_softmax", 1)]
)
def test_scaled_conjugate_gradients_take_mollers_steps(loss, seed):
    """Where the damping falls and rises, and some steps are refused."""
    objective, theta = make_problem(
        (4, 3), ALL_ACTIVATIONS["lecun_tanh"], ALL_LOSSES[loss]
    )
    theta = np.random.default_rng(seed).normal(size=theta.shape)
    solver = ConjugateGradient(1e-12, curvature=exact_curvature, damping=1e-6)
    expected, dampings = moller(objective, theta, 1e-6, 14)
    changes = dampings[1:] / dampings[:-1]
    assert np.isclose(changes, 0.5).any()
    assert np.isclose(changes, 4.0).any()
    found = solve(solver, objective, theta, 14)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
