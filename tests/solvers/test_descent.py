"""Steps of gradient descent against closed forms and the textbook's loops."""

from dataclasses import replace

import numpy as np
import pytest

from sk_effprop.core.presentation import sequential_order
from sk_effprop.core.steps import Adam, Momentum
from tests.cases import (
    initial_theta,
    ridge_problem,
    ridge_solution,
    stochastic,
    tanh_problem,
)
from tests.solvers.running import run

# ------------------------------------------------------------------------- fixed points


@pytest.mark.parametrize("weighted", [False, True], ids=["even", "weighted"])
@pytest.mark.parametrize(
    ("batch_size", "rate", "n_epochs", "tolerance"),
    [(1, 0.05, 600, 0.02), (7, 0.2, 400, 0.02), (30, 0.5, 100, 1e-6)],
)
def test_annealing_reaches_the_closed_form_at_every_batch_size(
    batch_size, rate, n_epochs, tolerance, weighted
):
    """The minimiser, penalty included, does not depend on the batch size."""
    objective = ridge_problem(weighted=weighted)
    # the full batch needs no annealing
    tau = np.inf if batch_size == 30 else 5.0
    solver = stochastic(objective, batch_size=batch_size, rate=rate)
    settings = solver.settings._replace(annealing_tau=tau)
    solver = replace(solver, schedule="annealing", settings=settings)
    theta = initial_theta(objective)
    solution, _ = run(solver, objective, theta, n_epochs)
    np.testing.assert_allclose(
        solution.theta, ridge_solution(objective), atol=tolerance
    )


def test_zero_rate_moves_nothing():
    objective = tanh_problem()
    theta = initial_theta(objective)
    for rule in (Momentum(), Momentum(0.9, nesterov=True), Adam()):
        solver = stochastic(objective, rule=rule, rate=0.0, batch_size=7)
        solution, monitor = run(solver, objective, theta, 2)
        np.testing.assert_array_equal(solution.theta, theta)
        # what is seen on the way is then E itself
        np.testing.assert_allclose(monitor.loss_curve, objective.value(theta))


# ----------------------------------------------------------------------- textbook loops


def free_problem():
    """Neither weights nor penalty."""
    objective = tanh_problem()
    none = np.zeros_like(objective.penalty)
    return replace(objective, penalty=none, sample_weight=None)


def batches(n, batch_size):
    return [
        np.arange(start, min(start + batch_size, n))
        for start in range(0, n, batch_size)
    ]


def textbook_momentum(theta, gradients, rates, momentum, *, nesterov):
    """Sutskever's Nesterov, in the shifted variable that everyone keeps."""
    velocity = np.zeros_like(theta)
    for gradient, rate in zip(gradients, rates, strict=True):
        step = rate * gradient(theta)
        velocity = momentum * velocity - step
        theta = theta + (momentum * velocity - step if nesterov else velocity)
    return theta


def textbook_adam(theta, gradients, rates, rule):
    """Kingma and Ba, the faster form at the end of their section 2."""
    m, v = np.zeros_like(theta), np.zeros_like(theta)
    for t, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), start=1):
        g = gradient(theta)
        m = rule.beta_1 * m + (1 - rule.beta_1) * g
        v = rule.beta_2 * v + (1 - rule.beta_2) * g**2
        corrected_rate = rate * np.sqrt(1 - rule.beta_2**t) / (1 - rule.beta_1**t)
        theta = theta - corrected_rate * m / (np.sqrt(v) + rule.epsilon)
    return theta


@pytest.mark.parametrize("problem", [ridge_problem, tanh_problem, free_problem])
@pytest.mark.parametrize("batch_size", [1, 7, 20, 1000])
@pytest.mark.parametrize(
    "rule",
    [Momentum(), Momentum(0.7), Momentum(0.7, nesterov=True), Adam(0.8, 0.99, 1e-6)],
    ids=["plain", "momentum", "nesterov", "adam"],
)
def test_steps_are_the_textbooks(rule, batch_size, problem):
    """With factors per layer, weights, penalty, and a smaller last batch's share."""
    objective = problem()
    n, n_epochs, rate = objective.n_samples, 3, 0.03
    factors = objective.network.per_layer(lambda fan_in, fan_out: 2.0 / fan_in)
    solver = stochastic(
        objective,
        rule=rule,
        rate=rate,
        scaling=factors,
        batch_size=batch_size,
        order=sequential_order,
    )
    theta = initial_theta(objective)
    solution, _ = run(solver, objective, theta, n_epochs)

    rows = batches(n, min(batch_size, n)) * n_epochs
    gradients = [
        lambda theta, r=r: objective.subset(r).value_and_gradient(theta)[1]
        for r in rows
    ]
    rates = [rate * factors * len(r) / min(batch_size, n) for r in rows]
    if isinstance(rule, Adam):
        expected = textbook_adam(theta, gradients, rates, rule)
    else:
        expected = textbook_momentum(
            theta, gradients, rates, rule.momentum, nesterov=rule.nesterov
        )
    np.testing.assert_allclose(solution.theta, expected, rtol=1e-9, atol=1e-11)


def test_layers_without_a_rate_stay():
    """Factors act layer by layer."""
    objective = tanh_problem()
    theta = initial_theta(objective)
    factors = objective.network.per_layer(lambda fan_in, fan_out: float(fan_in == 2))
    for rule in (Momentum(), Momentum(0.5), Adam()):
        solver = stochastic(objective, rule=rule, scaling=factors, batch_size=7)
        solution, _ = run(solver, objective, theta, 1)
        first, last = objective.network.layers(solution.theta - theta)
        assert (first != 0.0).all()
        assert not last.any()


def test_blocks_of_shown_examples_do_not_change_anything(monkeypatch):
    objective = tanh_problem()
    theta = initial_theta(objective)
    solver = stochastic(objective, batch_size=3)
    expected, _ = run(solver, objective, theta, 2)
    monkeypatch.setattr("sk_effprop.core.descent.COPIED_NUMBERS", 25)
    got, _ = run(solver, objective, theta, 2)
    np.testing.assert_array_equal(got.theta, expected.theta)
