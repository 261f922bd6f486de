"""Settings drawn at random, all kinds at once: each fit is of use, or says why not.

Solver, loss, engine, schedule, momentum, batch size, weights and normalisation meet in
combinations that nobody thought of.  The data can be learnt by all of them.
"""

import os
import warnings
from functools import cache

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.core.schedules import SCHEDULES
from sk_effprop.solvers import BATCH, SOLVERS

# EFFPROP_DRAWS=100000 looks longer, EFFPROP_SEED=2 elsewhere
N_DRAWS = int(os.environ.get("EFFPROP_DRAWS", "2000"))
SEED = int(os.environ.get("EFFPROP_SEED", "1"))
N_PARTS = 20
LOSSES = {
    EffPropClassifier: ["log_loss", "squared_error"],
    EffPropRegressor: [
        "squared_error", "huber", "absolute_error", "quantile", "poisson", "gamma",
    ],
}  # fmt: skip
WEIGHTS = {
    "none": lambda rng, n: None,
    "uniform": lambda rng, n: np.full(n, 1000.0),
    "survey": lambda rng, n: rng.lognormal(5.0, 1.0, size=n),
    "extreme": lambda rng, n: rng.lognormal(0.0, 2.5, size=n),
    "some zero": lambda rng, n: rng.integers(0, 3, size=n).astype(float),
}


@cache
def data(cls):
    """A smooth function of two of four inputs, with a little noise."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 4)) * [1.0, 30.0, 0.01, 5.0] + [0.0, 100.0, 0.0, -3.0]
    z = np.tanh(X[:, 0]) + (X[:, 3] + 3.0) / 8.0 + 0.1 * rng.normal(size=90)
    if cls is EffPropClassifier:
        return X, np.digitize(z, [-0.4, 0.4])
    return X, np.exp(z)


def draw(rng):
    """An estimator with random settings, and random weights."""
    cls = [EffPropClassifier, EffPropRegressor][rng.integers(2)]
    solver = str(rng.choice(SOLVERS))

    def one_of(*values):
        return values[rng.integers(len(values))]

    settings = {
        "solver": solver,
        "loss": one_of(*LOSSES[cls]),
        "engine": one_of("auto", "numpy", "numba"),
        "activation": one_of("lecun_tanh", "tanh", "rational_tanh", "softplus"),
        "hidden_layer_sizes": one_of((8,), (8, 4), ()),
        "normalize": one_of("robust", "standardize", "whiten"),
        "random_state": int(rng.integers(1000)),
    }
    if settings["normalize"] == "whiten":
        settings["input_clip"] = one_of(None, 8.0)
    if solver not in BATCH:
        settings |= {
            "learning_rate": one_of(*SCHEDULES),
            "momentum": one_of(0.0, 0.5, 0.9),
            "nesterovs_momentum": one_of(False, True),
            "batch_size": one_of("auto", 1, 8, 30, "full"),
            "averaging": one_of(False, True),
            "input_gains": one_of(False, True),
            "emphasis": one_of(0.0, 0.0, 0.5),
            "max_iter": 60,
        }
    return cls(**settings), WEIGHTS[one_of(*WEIGHTS)](rng, 90)


def constant_loss(model, X, y, weight):
    """Objective of a fit that ignores the inputs."""
    from sk_effprop.core.baseline import constant_value

    return constant_value(model._fitted_objective(X, y, weight))


@pytest.mark.no_cover  # what these fits run, other tests look at
@pytest.mark.parametrize("part", range(N_PARTS))
def test_random_settings_beat_a_constant_or_say_why_not(part):
    rng = np.random.default_rng([SEED, part])
    for _ in range(N_DRAWS // N_PARTS):
        model, weight = draw(rng)
        X, y = data(type(model))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(X, y, sample_weight=weight)
        others = [w for w in caught if w.category is not ConvergenceWarning]
        assert not others, (model, str(others[0].message))
        assert np.isfinite(model.theta_).all(), model
        loss = model.loss_and_gradient(X, y, weight)[0]
        is_useful = loss < 0.95 * constant_loss(model, X, y, weight)
        assert is_useful or caught, model


def test_momentum_that_keeps_the_loss_oscillating_is_named():
    X, y = data(EffPropClassifier)
    weight = np.random.default_rng(14).lognormal(0.0, 2.5, size=len(y))
    model = EffPropClassifier(
        (8,), activation="softplus", batch_size="full", learning_rate="constant",
        max_iter=60, solver="sdlm", random_state=14, alpha=0.003,
    )  # fmt: skip
    with pytest.warns(ConvergenceWarning, match="oscillates"):
        model.fit(X, y, sample_weight=weight)
    assert model.convergence_.parameter == "momentum"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        calm = clone(model).set_params(momentum=0.5).fit(X, y, sample_weight=weight)
    assert calm.best_loss_ < 0.9 * model.best_loss_
