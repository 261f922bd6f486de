"""The translation of R's ``decay`` on the page "Coming from R's nnet"."""

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.datasets import load_diabetes, load_iris

from sk_effprop import EffPropClassifier, EffPropRegressor

DECAY = 0.1
NNET = {
    "hidden_layer_sizes": (3,), "activation": "logistic", "solver": "lbfgs",
    "normalize": "standardize", "input_clip": None, "random_state": 0,
}  # fmt: skip


def standardized(columns):
    return (columns - columns.mean(axis=0)) / columns.std(axis=0)


def decay_term(network):
    """``decay`` times the squares of all weights, without those of the biases."""
    return DECAY * sum(weight**2 for W in network.coefs_ for weight in W.ravel())


def outputs(network, X):
    """Output layer of nnet, before softmax or the logistic function."""
    hidden = expit(standardized(X) @ network.coefs_[0] + network.intercepts_[0])
    return hidden @ network.coefs_[1] + network.intercepts_[1]


@pytest.mark.parametrize("n_classes", [2, 3])
def test_classification_takes_twice_the_decay_over_n(n_classes):
    """Log losses are summed over the examples."""
    X, y = load_iris(return_X_y=True)
    X, y = X[y < n_classes], y[y < n_classes]
    net = EffPropClassifier(alpha=2 * DECAY / len(X), **NNET).fit(X, y)
    z = outputs(net, X)
    p = softmax(z if n_classes == 3 else np.hstack([-z / 2, z / 2]), axis=1)
    entropy = -sum(np.log(p[i, label]) for i, label in enumerate(y))
    assert entropy + decay_term(net) == pytest.approx(len(X) * net.loss_)


def test_regression_takes_the_decay_over_n():
    """Squared errors are summed, without the half."""
    X, y = load_diabetes(return_X_y=True)
    y = y / 100.0
    net = EffPropRegressor(alpha=DECAY / len(X), normalize_target=False, **NNET).fit(
        X, y
    )
    squares = sum((outputs(net, X)[:, 0] - y) ** 2)
    assert squares + decay_term(net) == pytest.approx(2 * len(X) * net.loss_)


def test_normalised_targets_are_those_of_a_scaled_column():
    X, y = load_diabetes(return_X_y=True)
    net = EffPropRegressor(alpha=DECAY / len(X), **NNET).fit(X, y)
    squares = sum((outputs(net, X)[:, 0] - standardized(y)) ** 2)
    assert squares + decay_term(net) == pytest.approx(2 * len(X) * net.loss_)
