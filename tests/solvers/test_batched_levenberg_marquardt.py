"""Levenberg-Marquardt on mini-batches against dense systems, and in estimators."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_digits, make_friedman1

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.core.curvature import Linearization
from sk_effprop.core.inputs import FoldedSparse
from sk_effprop.core.presentation import ORDERS
from sk_effprop.solvers.batched_levenberg_marquardt import RUNNING_RESIDUALS
from tests.cases import (
    ALL_ACTIVATIONS,
    MAIN_LOSS_PARAMS,
    initial_theta,
    lm_in_batches,
    make_problem,
    ridge_problem,
    ridge_solution,
    sparse_normal,
    tanh_problem,
)
from tests.solvers.running import run

FORMS = pytest.mark.parametrize(
    "max_running_weights", [10**6, 0], ids=["running", "dual"]
)
IN_ORDER = ORDERS[False]


def dense_gauss_newton(objective, theta):
    linearization = Linearization(objective.without_penalty(), theta)
    return np.array([linearization.gauss_newton_product(v) for v in np.eye(len(theta))])


def halves(objective):
    n = objective.n_samples // 2
    return objective.subset(np.arange(n)), objective.subset(np.arange(n, 2 * n))


@FORMS
@pytest.mark.parametrize("loss", MAIN_LOSS_PARAMS)
def test_a_step_on_all_examples_solves_the_dense_equations(loss, max_running_weights):
    objective, theta = make_problem(
        (4,), ALL_ACTIVATIONS["lecun_tanh"], loss, weighted=True
    )
    solver = lm_in_batches(
        batch_size=objective.n_samples, step_share=1.0, damping=0.5,
        schedule="constant", max_running_weights=max_running_weights,
    )  # fmt: skip
    solution, _ = run(solver, objective, theta, 1)
    _, gradient = objective.value_and_gradient(theta)
    A = dense_gauss_newton(objective, theta) + np.diag(objective.penalty + 0.5)
    expected = theta - np.linalg.solve(A, gradient)
    np.testing.assert_allclose(solution.theta, expected, rtol=1e-8, atol=1e-12)


@FORMS
def test_momentum_and_the_mean_of_the_curvature_of_two_batches(max_running_weights):
    """The second step, from the matrices of both batches and the first step."""
    objective = tanh_problem()
    first, second = halves(objective)
    objective = objective.subset(np.arange(2 * first.n_samples))
    theta, mu, share = initial_theta(objective), 0.5, 1e-3
    solver = lm_in_batches(
        batch_size=first.n_samples, step_share=share, damping=mu, momentum=0.9,
        schedule="constant", order=IN_ORDER, max_running_weights=max_running_weights,
    )  # fmt: skip
    solution, _ = run(solver, objective, theta, 1)

    penalty = objective.penalty
    G_first = dense_gauss_newton(first, theta)
    _, g = first.value_and_gradient(theta)
    step = np.linalg.solve(G_first + np.diag(penalty + mu), -g)
    moved = theta + share * step
    # a short step is predicted exactly, so that mu falls to a third
    mu /= 3.0
    G = dense_gauss_newton(second, moved)
    if max_running_weights:
        G = (G_first + G) / 2.0
    _, g = second.value_and_gradient(moved)
    next_step = np.linalg.solve(G + np.diag(penalty + mu), 0.9 * mu * step - g)
    expected = moved + share * next_step
    np.testing.assert_allclose(solution.theta, expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(solution.state.velocity, next_step, rtol=1e-2)


def test_the_running_curvature_is_that_of_all_examples_after_an_epoch():
    objective = tanh_problem()
    objective = objective.subset(np.arange(objective.n_samples // 4 * 4))
    theta = initial_theta(objective)
    solver = lm_in_batches(batch_size=objective.n_samples // 4, step_share=1e-9)
    solution, _ = run(solver, objective, theta, 1)
    upper = np.triu_indices(len(theta))
    G = dense_gauss_newton(objective, theta)
    np.testing.assert_allclose(solution.state.curvature[upper], G[upper], atol=1e-6)


def test_the_running_curvature_forgets_the_weights_of_many_steps_ago():
    X = np.linspace(-1.0, 1.0, 10_000)[:, None]
    y = np.sinc(10.0 * X[:, 0] / np.pi)
    for seed in range(3):
        model = EffPropRegressor(
            (20,), solver="lm", batch_size=250, alpha=0.0, normalize_target=False,
            learning_rate="constant", max_iter=3, tol=0.0, random_state=seed,
            warm_start=True,
        ).fit(X, y)  # fmt: skip
        assert model._resume.state.n_averaged == RUNNING_RESIDUALS * len(model.theta_)
        assert np.mean((model.predict(X) - y) ** 2) < 1e-6


@FORMS
def test_batches_come_close_to_the_closed_form_of_ridge_regression(max_running_weights):
    objective = ridge_problem(weighted=True)
    theta = initial_theta(objective)
    solver = lm_in_batches(max_running_weights=max_running_weights)
    _, monitor = run(solver, objective, theta, 20)
    least = objective.value(ridge_solution(objective))
    assert monitor.best_value - least < 1e-2 * (objective.value(theta) - least)


@FORMS
def test_training_continues_from_the_state_that_it_left(max_running_weights):
    objective = tanh_problem()
    theta = initial_theta(objective)
    solver = lm_in_batches(schedule="constant", max_running_weights=max_running_weights)
    unbroken, _ = run(solver, objective, theta, 6)
    rng = np.random.default_rng(0)
    half, _ = run(solver, objective, theta, 3, rng=rng)
    rest, _ = run(solver, objective, half.theta, 3, rng=rng, state=half.state)
    np.testing.assert_array_equal(rest.theta, unbroken.theta)


def test_a_step_that_raises_the_objective_is_not_taken():
    objective = tanh_problem()
    theta = initial_theta(objective)
    solver = lm_in_batches(step_share=1e6, damping=1e-8, schedule="constant")
    solution, monitor = run(solver, objective, theta, 1)
    np.testing.assert_array_equal(solution.theta, theta)
    assert solution.state.damping.mu > 1e-8
    assert monitor.best_value == objective.value(theta)


@FORMS
def test_sparse_inputs_take_the_steps_of_dense_ones(max_running_weights):
    objective = tanh_problem()
    rng = np.random.default_rng(3)
    n, d = objective.inputs.shape[0], objective.inputs.shape[1] - 1
    folded = FoldedSparse(
        sparse_normal(rng, (n, d), density=0.5), rng.normal(size=d), np.full(d, 2.0)
    )
    theta = initial_theta(objective)
    solver = lm_in_batches(max_running_weights=max_running_weights)
    thin, dense = (
        run(solver, replace(objective, inputs=inputs), theta, 2)[0].theta
        for inputs in (folded, folded.filled())
    )
    np.testing.assert_allclose(thin, dense, rtol=1e-7, atol=1e-9)


# ------------------------------------------------------------------------- estimators


def friedman(n=600):
    return make_friedman1(n, noise=0.5, random_state=0)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_regressor_learns_in_batches(dtype):
    X, y = friedman()
    X = X.astype(dtype)
    regressor = EffPropRegressor(
        (10,), solver="lm", batch_size=64, max_iter=20, random_state=0
    ).fit(X[:400], y[:400])
    assert regressor.batch_size_ == 64
    assert regressor.theta_.dtype == dtype
    assert regressor.t_ == 400 * regressor.n_iter_
    assert regressor.score(X[400:], y[400:]) > 0.9


def test_a_classifier_learns_in_batches():
    X, y = load_digits(return_X_y=True)
    classifier = EffPropClassifier(
        (10,), solver="lm", batch_size=64, max_iter=5, random_state=0
    ).fit(X[:800], y[:800])
    assert classifier.score(X[800:], y[800:]) > 0.85


def test_small_batches_of_few_rows_do_not_end_near_the_start():
    X = np.random.default_rng(0).normal(size=(40, 3))
    regressor = EffPropRegressor(solver="lm", batch_size=2, random_state=0)
    assert regressor.fit(X, 2.0 * X[:, 0] + 1.0).score(X, 2.0 * X[:, 0] + 1.0) > 0.9


def test_few_batches_come_as_far_as_all_examples_at_once():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 50))
    y = X @ rng.normal(size=50) / 7.0 + 0.25 * rng.normal(size=400)
    fits = [
        EffPropRegressor(solver="lm", batch_size=size, random_state=0)
        for size in ("full", 256, 399)
    ]
    scores = [fit.fit(X[:300], y[:300]).score(X[300:], y[300:]) for fit in fits]
    np.testing.assert_allclose(scores, scores[0], atol=0.03)


def test_wide_networks_take_batches_by_themselves():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 30))
    Y = np.tanh(X @ rng.normal(size=(30, 50)) / 5.0)
    regressor = EffPropRegressor((220,), solver="lm", max_iter=4, random_state=0)
    regressor.fit(X, Y)
    assert regressor.batch_size_ == 20
    assert regressor.loss_ < 0.9 * Y.shape[1] / 2.0


def test_the_share_of_a_step_can_be_given():
    X, y = friedman(200)
    regressor = EffPropRegressor(
        (5,), solver="lm", batch_size=50, learning_rate_init=0.25,
        learning_rate="constant", max_iter=3, tol=0.0, random_state=0,
    ).fit(X, y)  # fmt: skip
    assert regressor.learning_rate_curve_ == [0.25] * 3


def test_a_warm_start_goes_on_from_the_curvature():
    X, y = friedman(300)
    regressor = EffPropRegressor(
        (5,), solver="lm", batch_size=50, max_iter=4, warm_start=True, random_state=0
    )
    first = regressor.fit(X, y).loss_
    assert regressor.fit(X, y).loss_ <= first * 1.01
    assert regressor.t_ == 2 * 300 * 4
