"""Training with every schedule, and which of its epochs is kept."""

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris, make_friedman1

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.core.schedules import SCHEDULES
from tests.estimators.problems import may_not_converge


@may_not_converge
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
def test_every_schedule_trains_with_every_momentum(schedule, momentum, loss):
    X, y = load_iris(return_X_y=True)
    model = EffPropClassifier(
        (8,), solver="sgd", learning_rate=schedule, momentum=momentum, loss=loss,
        max_iter=60, tol=0, random_state=0,
    ).fit(X, y)  # fmt: skip
    assert model.score(X, y) > 0.93
    assert model.convergence_.n_recoveries == 0


@may_not_converge
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_flow_leaves_momentum_its_share(momentum, engine):
    if engine == "numba":
        pytest.importorskip("numba")
    X, y = make_friedman1(500, noise=0.5, random_state=0)
    model = EffPropRegressor(
        (10,), solver="sgd", learning_rate="flow", momentum=momentum, max_iter=40,
        tol=0, engine=engine, random_state=0,
    ).fit(X, y)  # fmt: skip
    assert model.score(X, y) > 0.8
    rates = model.learning_rate_curve_
    assert max(rates) <= rates[0] * (1.0 + 1e-6)


@may_not_converge
@pytest.mark.parametrize("schedule", ["constant", "annealing", "adaptive"])
def test_the_best_epoch_is_kept_at_rates_that_do_not_fall_to_zero(schedule):
    X, y = make_friedman1(150, noise=2.0, random_state=0)
    settings = {
        "hidden_layer_sizes": (10,), "solver": "sgd", "learning_rate": schedule,
        "tol": 0, "alpha": 1e-3, "random_state": 0, "batch_size": 2,
        "engine": "numpy", "curvature_period": np.inf,
    }  # fmt: skip
    losses = [
        # the last epoch is always among those that are evaluated
        EffPropRegressor(max_iter=n, **settings).fit(X, y).loss_
        for n in range(1, 31)
    ]
    assert losses[-1] == min(losses)


@may_not_converge
def test_a_decay_may_be_an_integer():
    X, y = make_friedman1(100, random_state=0)
    as_int, as_float = (
        EffPropRegressor(
            (4,), solver="sdlm", curvature_decay=decay, max_iter=2, random_state=0
        ).fit(X, y)
        for decay in (0, 0.0)
    )
    np.testing.assert_array_equal(as_int.theta_, as_float.theta_)


@pytest.mark.parametrize("solver", ["sgd", "sdlm"])
@pytest.mark.parametrize("batch_size", [1, 2])
def test_the_automatic_rate_suits_single_examples_and_pairs(solver, batch_size):
    X, y = load_digits(return_X_y=True)
    model = EffPropClassifier(solver=solver, batch_size=batch_size, random_state=0)
    model.fit(X[:600], y[:600])
    assert model.convergence_.n_recoveries == 0
    assert model.score(X[600:], y[600:]) > 0.88
