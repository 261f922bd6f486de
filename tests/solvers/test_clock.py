"""Time limits inside an epoch."""

from dataclasses import replace

import numpy as np
import pytest

from sk_effprop.core import looks
from sk_effprop.core.schedules import SCHEDULES
from tests.cases import initial_theta, ridge_problem, stochastic
from tests.solvers.running import per_engine, run


@pytest.fixture
def small_parts(monkeypatch):
    """Look at the clock after every second update."""
    monkeypatch.setattr(looks, "UPDATES_PER_LOOK", per_engine(2))


def test_time_that_is_over_ends_an_epoch_in_the_middle(small_parts):
    objective = ridge_problem()
    solver, theta = stochastic(objective, batch_size=3), initial_theta(objective)
    solution, monitor = run(solver, objective, theta, 5, max_time=1e-9)
    assert solution.n_presented == 6 < objective.n_samples
    assert monitor.reason == "max_time"
    assert np.isfinite(monitor.loss_curve).all()


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_looking_at_the_clock_changes_nothing(schedule, monkeypatch):
    objective = ridge_problem()
    theta = initial_theta(objective)
    solver = replace(stochastic(objective, batch_size=3), schedule=schedule)
    results = []
    for updates in 2, 2**13:
        monkeypatch.setattr(looks, "UPDATES_PER_LOOK", per_engine(updates))
        solution, _ = run(solver, objective, theta, 3)
        results.append(solution.theta)
    np.testing.assert_array_equal(*results)
