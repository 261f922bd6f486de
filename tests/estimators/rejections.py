"""A small problem, and the check that a bad call is rejected without damage."""

import joblib
import numpy as np
import pytest

from sk_effprop import EffPropClassifier, EffPropRegressor

BOTH = [EffPropClassifier, EffPropRegressor]
SGD = {
    "hidden_layer_sizes": (5,), "solver": "sgd", "max_iter": 2, "tol": 0.0,
    "random_state": 0,
}  # fmt: skip

both = pytest.mark.parametrize("cls", BOTH, ids=lambda cls: cls.__name__[7:])


def problem(cls, n=40):
    """A small problem of either kind."""
    X = np.random.default_rng(0).normal(size=(n, 3))
    score = X[:, 0] - X[:, 1]
    return X, score if cls is EffPropRegressor else np.digitize(score, [-0.7, 0.7])


def learnt(model):
    """Everything that fitting has set, as one hash."""
    parameters = model.get_params()
    return joblib.hash({k: v for k, v in vars(model).items() if k not in parameters})


def assert_refused(model, call, message):
    """The call is refused in these words, and the model stays as it was."""
    before = learnt(model)
    with pytest.raises(ValueError, match=message):
        call(model)
    assert learnt(model) == before


def with_entry(X, value):
    """X with one entry changed."""
    X = X.copy()
    X[2, 1] = value
    return X
