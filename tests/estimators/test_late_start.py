"""Streams that begin with a few rows learn what no single input tells."""

import warnings
from itertools import product

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from sk_effprop import EffPropClassifier, EffPropRegressor

GATE = np.array(list(product([0.0, 1.0], repeat=2)))


def streamed(model, X, y, size, **kwargs):
    """The model after all rows, in batches of this size."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        for start in range(0, len(X), size):
            rows = slice(start, start + size)
            model.partial_fit(X[rows], y[rows], **kwargs)
    return model


@pytest.mark.parametrize("size", [1, 4])
@pytest.mark.parametrize("n_bits", [2, 3])
def test_parity_is_learnt_from_its_table_again_and_again(n_bits, size):
    X = np.array(list(product([0.0, 1.0], repeat=n_bits)))
    y = X.sum(axis=1) % 2
    stream = np.tile(X, (1200 // len(X), 1)), np.tile(y, 1200 // len(X))
    model = EffPropClassifier(random_state=0)
    assert streamed(model, *stream, size, classes=[0, 1]).score(X, y) == 1.0


RULES = {
    "abs": lambda X: np.abs(X[:, 0]),
    "square": lambda X: X[:, 0] ** 2,
    "product": lambda X: X[:, 0] * X[:, 1],
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("size", [1, 4])
def test_rules_without_a_linear_part_are_learnt(rule, size):
    X = np.random.default_rng(0).uniform(-1.0, 1.0, size=(1200, 3))
    y = RULES[rule](X)
    model = streamed(EffPropRegressor(random_state=0), X, y, size)
    assert model.score(X, y) > 0.8


def test_inputs_that_never_moved_keep_weights_of_zero():
    X = np.tile(np.column_stack([GATE, np.full(4, 7.0)]), (80, 1))
    y = (GATE.sum(axis=1) % 2).tolist() * 80
    model = EffPropClassifier(random_state=0)
    model = streamed(model, X, np.array(y), 4, classes=[0, 1])
    assert np.abs(model.coefs_[0][:2]).max() > 0.1
    assert (model.coefs_[0][2] == 0.0).all()


@pytest.mark.parametrize("solver", ["sgd", "adam", "sdlm"])
@pytest.mark.parametrize("size", [1, 4, 20])
def test_a_linear_stream_is_left_alone(solver, size):
    """Predictions change by small steps, at the 200th example, too."""
    X = np.random.default_rng(0).normal(size=(260, 3))
    y = X @ [1.0, -0.5, 0.3]
    settings = {"solver": solver, "random_state": 0}
    if solver == "adam":
        settings["learning_rate_init"] = 0.02
    model = streamed(EffPropRegressor(**settings), X[:180], y[:180], size)
    for start in range(180, 260, size):
        before = model.predict(X)
        model.partial_fit(X[start : start + size], y[start : start + size])
        assert np.abs(model.predict(X) - before).mean() < 0.3 * y.std()
