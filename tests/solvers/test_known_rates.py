"""Learning rates that one network has measured, and others take over."""

from dataclasses import replace

import numpy as np
import pytest

from sk_effprop.core.rates import RateRule
from tests.cases import initial_theta, stochastic, tanh_problem
from tests.solvers.running import run

N_EPOCHS = 30


@pytest.fixture
def problem():
    objective = tanh_problem()
    rule = RateRule(None, None, 4, share=0.2, period=3.0)
    solver = replace(stochastic(objective, batch_size=4), find_rates=rule)
    return solver, objective, initial_theta(objective)


@pytest.fixture
def measurements(monkeypatch):
    """What is measured from now on."""
    made, measure = [], RateRule.__call__

    def watch(self, *args):
        made.append(measure(self, *args))
        return made[-1]

    monkeypatch.setattr(RateRule, "__call__", watch)
    return made


def test_nothing_is_told_unless_it_is_wanted(problem):
    solver, objective, theta = problem
    alone, _ = run(solver, objective, theta, N_EPOCHS)
    first, _ = run(replace(solver, known_rates=()), objective, theta, N_EPOCHS)
    np.testing.assert_array_equal(first.theta, alone.theta)
    assert alone.measured == ()
    assert first.state.measured is None


def test_a_solution_tells_all_measurements_in_their_order(problem, measurements):
    solver, objective, theta = problem
    first, _ = run(replace(solver, known_rates=()), objective, theta, N_EPOCHS)
    assert len(measurements) == N_EPOCHS / 3
    assert all(
        told is made for told, made in zip(first.measured, measurements, strict=True)
    )


def test_known_rates_replace_measurements(problem, measurements):
    solver, objective, theta = problem
    first, monitor = run(replace(solver, known_rates=()), objective, theta, N_EPOCHS)
    measurements.clear()
    solver = replace(solver, known_rates=first.measured)
    second, other = run(solver, objective, -theta, N_EPOCHS, rng=1)
    assert not measurements
    assert other.history.rates == monitor.history.rates
    assert second.rates.eta == first.rates.eta
    assert all(
        one is two for one, two in zip(second.measured, first.measured, strict=True)
    )


@pytest.mark.parametrize("n_known", [1, 4])
def test_what_is_not_known_is_measured(problem, measurements, n_known):
    solver, objective, theta = problem
    first, _ = run(replace(solver, known_rates=()), objective, theta, N_EPOCHS)
    measurements.clear()
    solver = replace(solver, known_rates=first.measured[:n_known])
    second, _ = run(solver, objective, theta, N_EPOCHS)
    assert len(measurements) == len(first.measured) - n_known
    assert second.measured == (*first.measured[:n_known], *measurements)


def test_training_that_has_diverged_measures_and_tells_nothing(problem, measurements):
    solver, objective, theta = problem
    first, _ = run(replace(solver, known_rates=()), objective, theta, N_EPOCHS)
    absurd = tuple(rates._replace(eta=1e6) for rates in first.measured)
    measurements.clear()
    solver = replace(solver, known_rates=absurd)
    second, monitor = run(solver, objective, theta, N_EPOCHS)
    assert monitor.n_recoveries > 0
    # where it began anew, and every third epoch after that
    assert len(measurements) > 1
    assert second.measured == ()
    assert monitor.best_value < objective.value(theta)
