"""Activations of any slope learn with the automatic penalty, at any depth."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, make_regression
from sklearn.model_selection import cross_val_score

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.core.activations import ACTIVATIONS
from sk_effprop.core.network import Network
from sk_effprop.core.strength import slope_powers

IDENTITY = ACTIVATIONS["identity"]
each_activation = pytest.mark.parametrize(
    "activation", ["logistic", "tanh", "lecun_tanh", "relu", "softplus"]
)
depths = pytest.mark.parametrize("hidden", [(32,), (32, 16)])


@each_activation
@depths
@pytest.mark.parametrize("name", ["noisy_line", "diabetes"])
def test_targets_that_are_nearly_linear_are_learnt(activation, hidden, name):
    X, y = {
        "noisy_line": lambda: make_regression(120, 8, noise=30, random_state=0),
        "diabetes": lambda: load_diabetes(return_X_y=True),
    }[name]()
    model = EffPropRegressor(hidden, activation=activation, random_state=0)
    least = {"noisy_line": 0.95, "diabetes": 0.42}[name]
    assert cross_val_score(model, X, y, cv=4).mean() > least


@pytest.mark.parametrize("activation", ["logistic", "softplus"])
@pytest.mark.parametrize("solver", ["lbfgs", "sgd"])
def test_noisy_classes_are_learnt(activation, solver):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 10))
    y = (rng.uniform(size=400) < 1.0 / (1.0 + np.exp(-1.5 * X[:, 0]))).astype(int)
    model = EffPropClassifier((32, 16), activation=activation, solver=solver,
                              random_state=0)  # fmt: skip
    scores = cross_val_score(model, X, y, cv=4, scoring="neg_log_loss")
    assert scores.mean() > -0.64


@each_activation
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_noise_is_still_not_learnt(activation):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(150, 6)), rng.normal(size=150)
    model = EffPropRegressor((32, 16), activation=activation, random_state=0)
    assert cross_val_score(model, X, y, cv=5).mean() > -0.35


def test_the_power_of_slopes_is_a_mean_over_normal_inputs():
    steep, flat = ACTIVATIONS["lecun_tanh"], ACTIVATIONS["logistic"]
    network = Network((3, 4, 4, 1), (steep, flat, IDENTITY))
    z = np.random.default_rng(0).normal(size=10**5)
    means = [np.mean(f.df(z) ** 2) for f in (steep, flat)]
    powers = slope_powers(network)
    assert powers[0] == 1.0 < means[0] / 0.4
    assert powers[1] == pytest.approx(means[1] / 0.4, rel=0.02)
