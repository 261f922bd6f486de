"""Validation data, and limits of the user's, that end training before it is of use."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import make_classification, make_friedman1
from sklearn.exceptions import ConvergenceWarning

from sk_effprop import EffPropClassifier, EffPropRegressor

SOLVERS = ["lbfgs", "sgd", "lm", "adam", "cg", "sdlm"]
BOTH = [EffPropClassifier, EffPropRegressor]


def data(cls, n=300):
    if cls is EffPropRegressor:
        return make_friedman1(n, noise=0.5, random_state=0)
    return make_classification(
        n, 10, n_informative=5, n_classes=3, class_sep=0.8, random_state=0
    )


def fit(cls, *, validation=(), **settings):
    """The model, and the texts of its warnings."""
    model = cls((8,), random_state=0, **settings)
    held_out = dict(zip(("X_val", "y_val"), validation, strict=False))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(*data(cls), **held_out)
    assert all(w.category is ConvergenceWarning for w in caught)
    return model, [str(w.message) for w in caught]


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("cls", BOTH)
def test_a_split_that_leaves_hardly_any_examples_is_named(cls, solver):
    settings = {"early_stopping": True, "solver": solver}
    model, (text,) = fit(cls, validation_fraction=0.99, **settings)
    assert model.convergence_.parameter == "validation_fraction"
    assert "leaves only 3 of 300 examples" in text
    assert "validation_fraction=0.1" in text
    advised, _ = fit(cls, validation_fraction=0.1, **settings)
    assert advised.convergence_.parameter != "validation_fraction"
    assert advised.score(*data(cls)) > model.score(*data(cls)) + 0.1


@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize("fraction", [0.02, 0.3, 0.7])
def test_a_split_that_leaves_enough_is_not_named(cls, fraction):
    settings = {"early_stopping": True, "validation_fraction": fraction}
    assert fit(cls, **settings)[1] == []


UNLIKE = {
    "other order": lambda X, y: (X, y[::-1]),
    "other units of X": lambda X, y: (1000.0 * X, y),
    "other units of y": lambda X, y: (X, (y - y.mean()) / y.std()),
}


@pytest.mark.parametrize("unlike", UNLIKE)
@pytest.mark.parametrize("solver", ["lbfgs", "sgd"])
def test_validation_data_unlike_the_training_data_are_named(solver, unlike):
    X, y = make_friedman1(60, noise=0.5, random_state=1)
    settings = {"solver": solver, "validation": UNLIKE[unlike](X, y)}
    model, (text,) = fit(EffPropRegressor, **settings)
    assert model.convergence_.parameter == "X_val"
    assert "(X_val, y_val)" in text
    assert fit(EffPropRegressor, solver=solver, validation=(X, y))[1] == []


def test_few_validation_examples_prove_nothing():
    X, y = make_friedman1(5, noise=0.5, random_state=1)
    assert fit(EffPropRegressor, validation=(X, y[::-1]))[1] == []


@pytest.mark.parametrize("solver", ["cg", "lbfgs"])
def test_patience_that_one_iteration_exhausts_is_named(solver):
    settings = {"solver": solver, "early_stopping": True}
    model, (text,) = fit(EffPropRegressor, n_iter_no_change=1, **settings)
    assert model.convergence_.parameter == "n_iter_no_change"
    assert "n_iter_no_change=1 is too small" in text
    advised, texts = fit(EffPropRegressor, n_iter_no_change=10, **settings)
    assert texts == []
    assert advised.score(*data(EffPropRegressor)) > model.score(*data(EffPropRegressor))


@pytest.mark.parametrize("solver", ["adam", "cg", "lbfgs"])
@pytest.mark.parametrize(
    ("name", "value"), [("max_time", 1e-9), ("goal", 1e9)], ids=["max_time", "goal"]
)
def test_a_limit_that_ended_training_at_its_start_is_named(solver, name, value):
    """Unless the first iteration was of use already."""
    model, (text,) = fit(EffPropRegressor, solver=solver, **{name: value})
    assert model.score(*data(EffPropRegressor)) < 0.01
    assert model.convergence_.parameter == name
    assert f"{name}={value:.3g}" in text


def test_a_goal_that_was_reached_is_not_named():
    assert fit(EffPropRegressor, goal=0.2)[1] == []


def test_validation_data_of_the_users_are_known_as_such_whatever_their_weights():
    """Rows of weight zero are no sign that they were split off the training data."""
    rng = np.random.default_rng(0)
    X, X_val = rng.normal(size=(300, 3)), rng.normal(size=(1000, 3))
    weight = np.where(np.arange(1000) < 40, 1.0, 0.0)
    model = EffPropRegressor(random_state=0, early_stopping=True)
    with pytest.warns(ConvergenceWarning, match="because of them"):
        model.fit(
            X, X[:, 0], X_val=X_val, y_val=rng.permutation(X_val[:, 0]),
            sample_weight_val=weight,
        )  # fmt: skip
    assert model.convergence_.parameter == "X_val"
