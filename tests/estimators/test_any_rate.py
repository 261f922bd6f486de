"""Training survives divergence at any rate, with any loss, in either precision."""

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


@pytest.mark.parametrize("rate", [1e2, 1e10, 1e38, 1e300])
@pytest.mark.parametrize("activation", ["lecun_tanh", "relu"])
@pytest.mark.parametrize("solver", ["sgd", "sdlm", "adam"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", PROBLEMS)
def test_no_rate_makes_a_fit_worse_than_its_start(
    name, dtype, solver, activation, rate, recwarn
):
    model, y = PROBLEMS[name]
    model = clone(model).set_params(
        hidden_layer_sizes=(5,), solver=solver, activation=activation, max_iter=12,
        tol=0.0, random_state=0,
    )  # fmt: skip
    still = clone(model).set_params(learning_rate_init=1e-300, max_iter=1)
    with ignore_warnings(category=ConvergenceWarning):
        start = still.fit(X.astype(dtype), y).loss_
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
