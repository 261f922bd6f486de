"""User-defined losses and activations."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.linear_model import (
    LinearRegression,
)
from sklearn.model_selection import GridSearchCV

from sk_effprop import EffPropClassifier, EffPropRegressor
from tests.cases import ARCTAN, SILU, Correlated, LogCosh
from tests.estimators.problems import LINEAR, skewed

SMALL = {"hidden_layer_sizes": (5,), "max_iter": 20, "tol": 0, "random_state": 0}


may_not_converge = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"
)


# ------------------------------------------------------------------------------- losses


class Scaled:
    """Squared error times a number, which a grid may search."""

    def __init__(self, factor=1.0):
        self.factor = factor

    def value(self, outputs, targets):
        return self.factor * 0.5 * np.sum((outputs - targets) ** 2, axis=1)

    def gradient(self, outputs, targets):
        return self.factor * (outputs - targets)

    def hessian(self, outputs, targets):
        return np.full(outputs.shape, self.factor)


class Broken(Scaled):
    """One function replaced."""

    def __init__(self, name, function):
        super().__init__()
        setattr(self, name, function)


@may_not_converge
@pytest.mark.parametrize("solver", ["sgd", "sdlm", "adam", "lbfgs", "lm", "cg", "scg"])
@pytest.mark.parametrize("cls", [EffPropRegressor, EffPropClassifier])
def test_a_squared_error_of_a_user_is_the_squared_error(cls, solver):
    X, y = load_iris(return_X_y=True)
    settings = SMALL | {"solver": solver, "engine": "numpy", "alpha": 0.01}
    named, written = (
        cls(**settings, loss=loss).fit(X, y) for loss in ("squared_error", Scaled())
    )
    np.testing.assert_allclose(written.theta_, named.theta_, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(written.predict(X), named.predict(X), rtol=1e-6)
    if cls is EffPropClassifier:
        np.testing.assert_allclose(
            written.predict_proba(X), named.predict_proba(X), atol=1e-6
        )


def test_a_loss_of_a_user_is_cloned_pickled_and_searched():
    X, y = skewed(200)
    model = EffPropRegressor(**SMALL, loss=Scaled(2.0)).fit(X, y)
    assert clone(model).loss.factor == 2.0
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert again.set_params(warm_start=True).fit(X, y).loss_ <= model.loss_
    grid = {"loss": ["squared_error", Scaled(), LogCosh()]}
    model = EffPropRegressor(**SMALL, alpha=0.01, solver="lbfgs")
    search = GridSearchCV(model, grid, cv=2).fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] == pytest.approx(scores[1])
    assert scores[0] != scores[2]


def test_outputs_may_belong_together():
    """A Hessian of (n, k, k), against the normal equations."""
    X, y = skewed()
    Y = np.column_stack([y, -y + X[:, 0]])
    model = EffPropRegressor(**LINEAR, loss=Correlated()).fit(X, Y)
    expected = LinearRegression().fit(X, Y).predict(X)
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-6, atol=1e-8)


def test_a_loss_of_a_user_runs_on_numpy():
    X, y = skewed()
    model = EffPropRegressor(
        **SMALL | {"solver": "sgd", "max_iter": 2}, engine="numba", loss=LogCosh()
    )
    assert model.fit(X, y).engine_ == "numpy"
    model.set_params(loss="huber", activation=ARCTAN)
    assert model.fit(X, y).engine_ == "numpy"
    assert model.set_params(activation="tanh").fit(X, y).engine_ == "numba"


@pytest.mark.parametrize(
    ("name", "function", "message"),
    [
        (
            "value",
            lambda o, t: 0.5 * (o - t) ** 2,
            r"Broken.value .*\(\d+,\).*\d+, 1\)",
        ),
        ("value", lambda o, t: 0.5 * np.mean((o - t) ** 2), "Broken.value .*averaged"),
        ("gradient", lambda o, t: (o - t)[:, 0], "Broken.gradient must return"),
        ("hessian", lambda o, t: np.ones(len(o)), r"hessian .* or \(\d+, 1, 1\)"),
        ("gradient", lambda o, t: t - o, "must be the derivative.*differences"),
        ("gradient", lambda o, t: np.subtract(o, t, out=o), "read-only"),
    ],
)
def test_what_a_loss_of_a_user_returns_is_checked(name, function, message):
    X, y = skewed(50)
    loss = Broken(name, function)
    model = EffPropRegressor(**SMALL | {"solver": "lm"}, loss=loss)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)
    assert not hasattr(model, "theta_")


def test_a_loss_needs_its_three_methods():
    class Half:
        value = gradient = np.subtract

    X, y = skewed(50)
    with pytest.raises(ValueError, match=r"'loss'.*.*'hessian'"):
        EffPropRegressor(loss=Half()).fit(X, y)
    with pytest.raises(ValueError, match=r"'loss'.* not a class.*loss=Scaled\(\)"):
        EffPropRegressor(loss=Scaled).fit(X, y)


# -------------------------------------------------------------------------- activations


TANH = (
    np.tanh,
    lambda z: 1 - np.tanh(z) ** 2,
    lambda z: -2 * np.tanh(z) * (1 - np.tanh(z) ** 2),
)


@may_not_converge
@pytest.mark.parametrize("solver", ["sgd", "sdlm", "adam", "lbfgs", "lm", "cg", "scg"])
@pytest.mark.parametrize("cls", [EffPropRegressor, EffPropClassifier])
def test_a_tanh_of_a_user_is_the_tanh(cls, solver):
    """Also at the output of the classifier, targets and probabilities included."""
    X, y = load_iris(return_X_y=True)
    settings = SMALL | {"solver": solver, "engine": "numpy", "twist": 0.1}
    settings["target_values"] = (-0.5, 0.5)
    if cls is EffPropRegressor:
        del settings["target_values"]
    named, written = (
        cls(**settings, activation=activation).fit(X, y)
        for activation in ("tanh", TANH)
    )
    np.testing.assert_allclose(written.theta_, named.theta_, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(written.predict(X), named.predict(X), rtol=1e-5)


def test_activations_of_a_user_wherever_one_is_accepted():
    X, y = load_iris(return_X_y=True)
    model = EffPropClassifier(
        (5, 4, 3), activation=[ARCTAN, "relu", SILU], loss="squared_error", max_iter=20,
        tol=0, random_state=0,
    ).fit(X, y)  # fmt: skip
    assert model.score(X, y) > 0.9
    # silu is no sigmoid, so the outputs are LeCun's
    assert model.out_activation_ == "lecun_tanh"
    model.set_params(output_activation=ARCTAN, target_values="max_curvature").fit(X, y)
    assert model.score(X, y) > 0.9
    assert model.out_activation_ == ARCTAN
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    grid = {"activation": [ARCTAN, SILU, "tanh"], "hidden_layer_sizes": [(4,)]}
    search = GridSearchCV(clone(model), grid, cv=2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert clone(model).activation == model.activation


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"activation": (np.tanh, np.tanh, np.tanh)},
            "'activation'.*f' is .*differences",
        ),
        ({"activation": [(*ARCTAN[:2], np.cos)]}, "'activation'.*f'' is"),
        ({"activation": (np.tanh, "relu")}, "'activation'.*three functions"),
        ({"output_activation": SILU}, "'output_activation'.*does not fall"),
    ],
)
def test_functions_that_do_not_belong_together_are_refused(settings, message):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match=message):
        EffPropClassifier(**SMALL, **settings).fit(X, y)


@pytest.mark.parametrize("name", ["activation", "output_activation"])
def test_a_function_without_derivatives_is_refused_with_the_way_out(name):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match=r"tuple of three functions \(f, f', f''\)"):
        EffPropRegressor(**{**SMALL, name: np.tanh}).fit(X, y)
