"""Conjugate gradients on a quadratic, against the space that they search."""

import numpy as np
import pytest

from sk_effprop.core.curvature import Linearization
from sk_effprop.solvers import ConjugateGradient
from tests.cases import initial_theta, make_monitor, ridge_problem


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
    solver = ConjugateGradient(1e-12)
    monitor = make_monitor(objective, theta, n_steps)
    solution = solver.solve(
        objective, theta, state=None, rng=np.random.default_rng(0), monitor=monitor
    )
    assert monitor.n_iter == n_steps
    np.testing.assert_allclose(solution.theta, theta - space @ along, atol=1e-7)
