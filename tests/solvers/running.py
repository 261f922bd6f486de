"""Running a solver, and the least value that it can reach."""

from functools import cache

import numpy as np

from sk_effprop.solvers import LBFGS
from tests.cases import (
    initial_theta,
    make_monitor,
)


def run(solver, objective, theta, n_epochs, *, state=None, rng=0, **settings):
    """Solve, with a monitor of its own; return the solution and the monitor."""
    monitor = make_monitor(objective, theta, n_epochs, **settings)
    rng = np.random.default_rng(rng) if isinstance(rng, int) else rng
    solution = solver.solve(objective, theta, state=state, rng=rng, monitor=monitor)
    return solution, monitor


def per_engine(n_updates):
    """Updates between two looks at the clock, whatever the engine."""
    return {"numpy": n_updates, "numba": n_updates}


@cache
def optimum(problem):
    """The least value of a problem's objective."""
    objective = problem()
    solver = LBFGS(max_fun=5000, gradient_tolerance=1e-8)
    return run(solver, objective, initial_theta(objective), 200)[1].best_value
