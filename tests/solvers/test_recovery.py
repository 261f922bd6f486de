"""Divergence, from which gradient descent recovers, and averaging of its weights."""

from dataclasses import replace

import numpy as np
import pytest

from sk_effprop.core.activations import ACTIVATIONS, IDENTITY
from sk_effprop.core.network import Network
from sk_effprop.core.steps import Momentum
from tests.cases import (
    PROBLEM_PARAMS,
    initial_theta,
    logistic_problem,
    make_monitor,
    on_engine,
    ridge_problem,
    stochastic,
    tanh_problem,
)
from tests.solvers.running import optimum, run

# --------------------------------------------------------------------------- divergence


@pytest.mark.parametrize("problem", PROBLEM_PARAMS)
@pytest.mark.parametrize(
    ("rule", "batch_size"),
    [(Momentum(), 1), (Momentum(0.9), 7), (Momentum(0.9, nesterov=True), 10**6)],
    ids=["plain", "momentum", "nesterov_full"],
)
def test_an_absurd_rate_is_halved_until_training_recovers(problem, rule, batch_size):
    objective = problem()
    theta = initial_theta(objective)
    solver = stochastic(objective, rule=rule, rate=1e4, batch_size=batch_size)
    solution, monitor = run(solver, objective, theta, 60)
    assert monitor.n_recoveries == solution.state.halvings > 5
    assert monitor.reason == "max_iter"
    assert np.isfinite(monitor.best_theta).all()
    best, start = optimum(problem), objective.value(theta)
    assert monitor.best_value - best < 0.9 * (start - best)
    expected = 1e4 * 0.5 ** np.arange(monitor.n_recoveries + 1)
    np.testing.assert_allclose(np.unique(monitor.history.rates)[::-1], expected)


def test_a_hopeless_rate_ends_with_the_weights_it_started_from():
    objective = ridge_problem()
    theta = initial_theta(objective)
    _, monitor = run(stochastic(objective, rate=1e300), objective, theta, 100)
    assert monitor.reason == "diverged"
    assert monitor.n_recoveries == 30
    np.testing.assert_array_equal(monitor.best_theta, theta)
    assert monitor.best_value == objective.value(theta)


def test_flow_starts_again_after_a_divergence():
    objective = ridge_problem()
    theta = initial_theta(objective)
    _, monitor = run(
        stochastic(objective, schedule="flow", rate=1e3), objective, theta, 60
    )
    assert monitor.n_recoveries > 0
    assert np.isfinite(monitor.history.rates).all()
    assert monitor.best_value < 0.9 * objective.value(theta)


def test_a_network_without_hidden_units_of_any_use_still_trains():
    """All-zero weights of a deep net are a saddle that biases can leave."""
    objective = tanh_problem()
    network = Network((2, 5, 1), (ACTIVATIONS["tanh"], IDENTITY))
    objective = replace(objective, network=network, targets=objective.targets + 3.0)
    theta = np.zeros(network.n_weights)
    solution, _ = run(stochastic(objective), objective, theta, 20)
    assert objective.value(solution.theta) < 0.2 * objective.value(theta)


# ---------------------------------------------------------------------------- averaging


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_averaging_is_a_mean_in_which_later_epochs_count_more(engine):
    """In proportion to k (k + 1) (k + 2), of the same weights as without it."""
    objective = on_engine(engine, tanh_problem())
    theta = initial_theta(objective)
    seen = {False: [], True: []}
    for averaging, found in seen.items():
        solver = stochastic(objective)
        solver = replace(solver, averaging=averaging)
        monitor = make_monitor(objective, theta, 7)
        monitor.watchers.append(lambda m, found=found: found.append(m.theta.copy()))
        rng = np.random.default_rng(0)
        solver.solve(objective, theta, state=None, rng=rng, monitor=monitor)
    for n in range(1, 8):
        k = np.arange(1, n + 1)
        expected = np.average(seen[False][:n], axis=0, weights=k * (k + 1) * (k + 2))
        np.testing.assert_allclose(seen[True][n - 1], expected, rtol=1e-12, atol=1e-14)


def test_averaging_takes_out_the_noise_of_a_constant_rate():
    """Less than half of what the last weights are above the minimum is left."""
    objective = ridge_problem()
    excess = []
    for averaging in (False, True):
        solver = replace(stochastic(objective, rate=0.1), averaging=averaging)
        _, monitor = run(solver, objective, initial_theta(objective), 60)
        excess.append(objective.value(monitor.theta) - optimum(ridge_problem))
    assert 0.0 < excess[1] < 0.5 * excess[0]


def test_averaging_starts_again_after_divergence():
    """Weights that ran away are no part of the mean."""
    objective = logistic_problem()
    solver = replace(stochastic(objective, rate=1e4), averaging=True)
    _, monitor = run(solver, objective, initial_theta(objective), 30)
    assert monitor.n_recoveries > 0
    assert np.isfinite(monitor.best_theta).all()
    assert monitor.best_value < objective.value(initial_theta(objective))
