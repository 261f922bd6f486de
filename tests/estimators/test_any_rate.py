"""Training survives divergence at any rate, with any loss, in either precision."""

from functools import cache

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._testing import ignore_warnings

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.solvers.stochastic import MAX_HALVINGS

X = np.random.default_rng(0).normal(size=(60, 3))
V = X[:, 0] - X[:, 1]
CLASSES = (V > 0).astype(int) + (V > 1)
# name -> (estimator with this loss, targets)
PROBLEMS = {
    **{
        loss: (EffPropRegressor(loss=loss), V)
        for loss in ("squared_error", "huber", "absolute_error", "quantile")
    },
    "poisson": (EffPropRegressor(loss="poisson"), np.exp(V).round()),
    "gamma": (EffPropRegressor(loss="gamma"), np.exp(V)),
    "log_loss": (EffPropClassifier(loss="log_loss"), CLASSES),
    "classes": (EffPropClassifier(loss="squared_error"), CLASSES),
}


def model_of(name, solver, activation):
    """A small estimator with this loss."""
    return clone(PROBLEMS[name][0]).set_params(
        hidden_layer_sizes=(5,), solver=solver, activation=activation, max_iter=12,
        tol=0.0, random_state=0,
    )  # fmt: skip


@cache
def loss_at_the_start(name, dtype, solver, activation):
    """What a rate that moves nothing leaves."""
    still = model_of(name, solver, activation)
    still.set_params(learning_rate_init=1e-300, max_iter=1)
    with ignore_warnings(category=ConvergenceWarning):
        return still.fit(X.astype(dtype), PROBLEMS[name][1]).loss_


@pytest.mark.parametrize("rate", [1e2, 1e10, 1e38, 1e300])
@pytest.mark.parametrize("activation", ["lecun_tanh", "relu"])
@pytest.mark.parametrize("solver", ["sgd", "sdlm", "adam"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", PROBLEMS)
def test_no_rate_makes_a_fit_worse_than_its_start(
    name, dtype, solver, activation, rate, recwarn
):
    start = loss_at_the_start(name, dtype, solver, activation)
    model, y = model_of(name, solver, activation), PROBLEMS[name][1]
    recwarn.clear()
    model.set_params(learning_rate_init=rate).fit(X.astype(dtype), y)
    assert np.isfinite(model.theta_).all()
    assert model.loss_ <= start + 1e-6 * abs(start)
    end = model.convergence_
    assert end.n_recoveries <= MAX_HALVINGS
    # no warning of NumPy, and one that says what to change
    assert all(issubclass(one.category, ConvergenceWarning) for one in recwarn)
    if end.n_recoveries or end.reason == "diverged":
        assert end.advice
        assert len(recwarn) == 1
        assert end.advice in str(recwarn[0].message)
