"""Fits that are of no use say so, and name the hyperparameter that did it."""

import re
import warnings

import numpy as np
import pytest
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_iris,
    load_wine,
    make_friedman1,
    make_moons,
)
from sklearn.exceptions import ConvergenceWarning

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.core.activations import TANH, Activation

SHORT = {"solver": "lbfgs", "max_iter": 1, "tol": 0.0, "random_state": 0}
rng = np.random.RandomState(0)
X = rng.randn(700, 6)
y = np.tanh(X @ [1.0, -0.7, 0.5, 0.4, -0.3, 0.2]) + 0.1 * rng.randn(700)
labels = (y > 0).astype(int)
IN_ORDER = np.argsort(y)
RAW = X * 10.0 ** np.arange(-3, 3) + 100.0
BOTH = [EffPropClassifier, EffPropRegressor]


def fit(cls, inputs=X, order=slice(None), **parameters):
    """Fit one of the estimators; return it with the texts of its warnings."""
    targets = labels if cls is EffPropClassifier else y
    rows = slice(len(inputs))
    model = cls(random_state=0, **parameters)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(inputs[order], targets[rows][order])
    assert all(w.category is ConvergenceWarning for w in caught)
    return model, [str(w.message) for w in caught]


# Each fault with the hyperparameter that causes it.
FAULTS = {
    "tiny rate": ({"learning_rate_init": 1e-6}, "learning_rate_init"),
    "tiny rate, sdlm": (
        {"learning_rate_init": 1e-7, "solver": "sdlm"},
        "learning_rate_init",
    ),
    "huge rate": ({"learning_rate_init": 300.0}, "learning_rate_init"),
    "saturated": ({"init": 200.0}, "init"),
    "saturated, lbfgs": ({"init": 200.0, "solver": "lbfgs"}, "init"),
    "vanishing, lbfgs": ({"init": 1e-8, "solver": "lbfgs"}, "init"),
    "strong penalty": ({"alpha": 5.0}, "alpha"),
    "strong penalty, lbfgs": ({"alpha": 5.0, "solver": "lbfgs"}, "alpha"),
    "strong penalty, scg": ({"alpha": 5.0, "solver": "scg"}, "alpha"),
    "deep logistic stack": (
        {"hidden_layer_sizes": (12,) * 7, "activation": "logistic"},
        "activation",
    ),
    "far biases": ({"bias_init": 50.0}, "bias_init"),
    "far biases, lbfgs": ({"bias_init": 50.0, "solver": "lbfgs"}, "bias_init"),
    "dead units": (
        {"bias_init": -50.0, "solver": "lbfgs", "activation": "relu"},
        "bias_init",
    ),
    "huge twist": ({"twist": 1e6}, "twist"),
    "huge twist, lbfgs": ({"twist": 1e6, "solver": "lbfgs"}, "twist"),
    "tiny clip": ({"normalize": "standardize", "input_clip": 1e-5}, "input_clip"),
    "tiny clip, lbfgs": (
        {"normalize": "standardize", "input_clip": 1e-6, "solver": "lbfgs"},
        "input_clip",
    ),
    "huge epsilon": ({"epsilon": 1e6, "solver": "adam"}, "epsilon"),
    "coarse tolerance, lbfgs": ({"tol": 10.0, "solver": "lbfgs"}, "tol"),
    "flat activation": (
        {"activation": Activation(TANH, amplitude=1e-200, slope=1e-200)},
        "activation",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("cls", BOTH)
def test_a_planted_fault_is_found(cls, fault):
    parameters, expected = FAULTS[fault]
    model, messages = fit(cls, **parameters)
    assert model.convergence_.parameter == expected, messages
    (message,) = messages
    assert message.endswith(model.convergence_.advice)
    assert model.convergence_.problem in message


@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
@pytest.mark.parametrize("cls", BOTH)
def test_raw_scales_are_found(cls, solver):
    raw = {"normalize": None, "input_clip": None, "solver": solver, "tol": 1e-4}
    model, messages = fit(cls, RAW, **raw)
    assert model.convergence_.parameter == "normalize"
    assert len(messages) == 1


@pytest.mark.parametrize("cls", BOTH)
def test_a_sorted_presentation_is_found(cls):
    model, messages = fit(cls, order=IN_ORDER, solver="sgd", shuffle=False)
    if messages:
        assert model.convergence_.parameter == "shuffle"
    else:
        assert model.score(X, labels if cls is EffPropClassifier else y) > 0.8


@pytest.mark.parametrize("fault", FAULTS)
def test_advice_never_names_what_is_on(fault):
    """The advised value differs from the one that was used."""
    parameters, expected = FAULTS[fault]
    model, _ = fit(EffPropRegressor, **parameters)
    advice = model.convergence_.advice
    for name in "learning_rate_init", "alpha":
        if getattr(model, name) == "auto" and expected == name:
            assert "'auto'" not in advice
    if model.init == "lecun_uniform":
        assert "lecun_uniform" not in advice


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("value", [0.0, 0.3])
def test_units_that_start_alike_are_found(value, solver):
    bent = np.sin(2.0 * X[:, 0]) * np.sign(X[:, 1])
    settings = {"solver": solver, "random_state": 0, "max_iter": 100}
    n_weights = len(EffPropRegressor((8,), **SHORT).fit(X, bent).theta_)
    model = EffPropRegressor((8,), init=np.full(n_weights, value), **settings)
    with pytest.warns(ConvergenceWarning, match="start with the same weights"):
        model.fit(X, bent)
    assert model.convergence_.parameter == "init"


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize(
    ("scale", "loss"),
    [(1e4, "squared_error"), (1e-5, "squared_error"), (1e-200, "squared_error"),
     (1e-5, "huber"), (1e-200, "absolute_error"), (1e-7, "poisson")],
)  # fmt: skip
def test_targets_of_any_scale_are_named(scale, loss, solver):
    """A loss of nearly 0 does not mean that targets are constant."""
    targets = scale * (y - y.min() + 0.1)
    settings = {"loss": loss, "solver": solver, "normalize_target": False}
    model = EffPropRegressor((8,), random_state=0, max_iter=40, **settings)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, targets)
    with np.errstate(over="ignore"):
        errors = (model.predict(X) - targets) / scale / np.std(y)
        is_fine = np.mean(errors**2) < 0.3
    named = bool(caught) and model.convergence_.parameter == "normalize_target"
    assert is_fine or named


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs", "lm"])
@pytest.mark.parametrize(
    ("settings", "parameter"),
    [({"hidden_layer_sizes": ()}, "hidden_layer_sizes"),
     ({"activation": "identity"}, "activation")],
)  # fmt: skip
def test_linear_networks_on_targets_that_are_not(settings, parameter, solver):
    inputs = np.random.RandomState(1).uniform(-1.0, 1.0, (600, 2))
    targets = np.prod(np.sign(inputs), axis=1)
    model = EffPropRegressor(**{"solver": solver, "random_state": 0} | settings)
    with pytest.warns(ConvergenceWarning, match="linear"):
        model.fit(inputs, targets)
    assert model.convergence_.parameter == parameter


def test_an_early_end_is_blamed_before_the_solver():
    """Neighbours share their errors as long as training goes on."""
    inputs, targets = make_friedman1(600, random_state=0)
    model = EffPropRegressor(solver="adam", max_iter=12, random_state=0)
    with pytest.warns(ConvergenceWarning, match="fell steeply"):
        model.fit(inputs, targets)
    assert model.convergence_.parameter == "max_iter"


@pytest.mark.parametrize("tol", [0.3, 10.0])
def test_a_coarse_tolerance_is_named_even_after_a_fair_fit(tol):
    inputs, targets = make_friedman1(600, random_state=0)
    model = EffPropRegressor(solver="adam", tol=tol, random_state=0)
    with pytest.warns(ConvergenceWarning, match="ended early: tol="):
        model.fit(inputs, targets)
    assert model.convergence_.parameter == "tol"


def test_columns_that_hold_nothing_are_named_whatever_normalises_them():
    with pytest.warns(ConvergenceWarning, match="no input varies"):
        model = EffPropRegressor(random_state=0).fit(np.ones((100, 3)), y[:100])
    assert model.convergence_.parameter == "X"
    assert "robust" not in model.convergence_.advice


def test_adam_is_not_told_to_use_the_rate_that_is_on():
    model = EffPropRegressor((8,), solver="adam", init=100.0, random_state=0)
    with pytest.warns(ConvergenceWarning):
        model.fit(X, y)
    assert model.convergence_.parameter == "init"


@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize("solver", ["auto", "sgd", "sdlm", "lbfgs", "lm", "cg", "scg"])
def test_healthy_fits_are_silent(cls, solver):
    hidden = {"hidden_layer_sizes": (8,), "max_iter": 300}
    if solver in ("auto", "sgd", "sdlm"):
        hidden = {}
    model, messages = fit(cls, X[:300], solver=solver, **hidden)
    assert messages == []
    assert model.convergence_.problem == ""


@pytest.mark.parametrize(
    "load",
    [load_iris, load_wine, load_breast_cancer, load_diabetes],
    ids=lambda f: f.__name__,
)
def test_default_fits_of_real_tables_are_silent(load):
    inputs, targets = load(return_X_y=True)
    cls = EffPropRegressor if load is load_diabetes else EffPropClassifier
    # warnings are errors in these tests
    model = cls(random_state=0).fit(inputs, targets)
    assert model.convergence_.problem == ""


@pytest.mark.parametrize("n", [100, 700, 3000])
def test_default_fits_of_generated_tables_are_silent(n):
    friedman = make_friedman1(n, noise=1.0, random_state=0)
    moons = make_moons(n, noise=0.3, random_state=0)
    # warnings are errors in these tests
    regressor = EffPropRegressor(random_state=0).fit(*friedman)
    classifier = EffPropClassifier(random_state=0).fit(*moons)
    assert regressor.convergence_.problem == classifier.convergence_.problem == ""


@pytest.mark.parametrize("solver", ["sgd", "lbfgs", "lm", "adam"])
def test_a_constant_target_needs_no_advice(solver):
    model = EffPropRegressor((4,), solver=solver, random_state=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X[:100], np.full(100, 3.0))
    assert all("Predictions" not in str(w.message) for w in caught)


def test_streams_are_not_told_to_raise_max_iter():
    model = EffPropRegressor(random_state=0)
    for rows in np.array_split(np.arange(700), 7):
        model.partial_fit(X[rows], y[rows])
        assert model.convergence_.advice == ""


def test_targets_that_are_unpredictable_are_reported():
    noise = np.random.RandomState(1).randn(300)
    for parameters, match in (
        ({}, "found nothing.*set alpha"),
        ({"alpha": 1e-4, "hidden_layer_sizes": ()}, "linear model"),
    ):
        model = EffPropRegressor(random_state=0, **parameters)
        with pytest.warns(ConvergenceWarning, match=match):
            model.fit(X[:300, :1], noise)
        assert model.convergence_.is_flat


def test_training_that_is_cut_off_says_so():
    model, messages = fit(
        EffPropRegressor, learning_rate="constant", momentum=0.0, max_iter=12,
        learning_rate_init=2e-3, batch_size=32,
    )  # fmt: skip
    assert model.convergence_.parameter in ("max_iter", "learning_rate_init")
    assert "fell steeply" in messages[0]


def test_many_halvings_lead_to_the_rate():
    model, (message,) = fit(
        EffPropRegressor, learning_rate_init=5000.0, learning_rate="constant",
        activation="relu", max_iter=40,
    )  # fmt: skip
    assert model.convergence_.n_recoveries > 5
    assert model.convergence_.parameter == "learning_rate_init"
    assert "max_iter" not in message


@pytest.mark.parametrize("damping", [1e10, 1e30, 1e300])
def test_a_damping_that_stops_every_step_is_named(damping):
    settings = {"solver": "lm", "damping": damping, "random_state": 0}
    model = EffPropRegressor((8,), **settings)
    with pytest.warns(ConvergenceWarning, match="damping=1e"):
        model.fit(X[:100], y[:100])
    assert model.convergence_.parameter == "damping"
    assert "'auto'" in model.convergence_.advice


@pytest.mark.parametrize("batch_size", [1, 16, "full"])
def test_a_penalty_that_nothing_has_decided_is_named(batch_size):
    """Also if the flat network explains a little, or its loss oscillates."""
    rng = np.random.RandomState(3)
    inputs = rng.randn(200, 2000)
    classes = (inputs @ rng.randn(2000) > 0).astype(int)
    settings = {"solver": "sgd", "batch_size": batch_size, "random_state": 0}
    model = EffPropClassifier((20,), **settings)
    with pytest.warns(ConvergenceWarning, match="found nothing"):
        model.fit(inputs, classes)
    assert model.convergence_.parameter == "alpha"
    weaker = float(re.search("to (.*) say", model.convergence_.advice).group(1))
    helped = EffPropClassifier((20,), alpha=weaker, **settings).fit(inputs, classes)
    assert helped.score(inputs, classes) > 0.9
