"""A fit that misses what neighbouring examples share says so, and its advice helps."""

import re
import warnings

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning

from sk_effprop import EffPropClassifier, EffPropRegressor

X = np.linspace(0.0, 1.0, 120)[:, None]
PERIODIC = {
    "sine": np.sin(12.0 * np.pi * X[:, 0]),
    "sawtooth": (6.0 * X[:, 0]) % 1.0,
    "square": np.floor(12.0 * X[:, 0]) % 2.0,
}


def spiral(n_arms, n_rows):
    """Points of arms that turn twice around the origin, and their arms."""
    t = np.linspace(0.5, 4.0 * np.pi, n_rows)
    angles = t + 2.0 * np.pi / n_arms * np.arange(n_arms)[:, None]
    points = np.stack([t * np.cos(angles), t * np.sin(angles)], axis=-1)
    return points.reshape(-1, 2), np.repeat(np.arange(n_arms), n_rows)


def fitted(model, inputs, y, **settings):
    """The model, and whether its warning is about shared errors."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.set_params(**settings).fit(inputs, y)
    assert all(w.category is ConvergenceWarning for w in caught)
    return model, any("share their errors" in str(w.message) for w in caught)


def proposed(advice):
    """The value in a sentence of advice."""
    number = re.search(r"to (\S+) say", advice)
    return float(number[1]) if number else re.search("'(.*)'", advice)[1]


def advised(model, inputs, y):
    """The model after its advice, taken three times at most."""
    model, is_reported = fitted(model, inputs, y)
    for _ in range(3):
        if is_reported:
            done = model.convergence_
            settings = {done.parameter: proposed(done.advice)}
            model, is_reported = fitted(model, inputs, y, **settings)
    return model


@pytest.mark.parametrize("solver", ["auto", "lm", "lbfgs", "cg", "scg", "sgd"])
@pytest.mark.parametrize("shape", PERIODIC)
def test_many_periods_are_learnt_or_the_advice_leads_there(shape, solver):
    model = EffPropRegressor(solver=solver, random_state=0)
    assert advised(model, X, PERIODIC[shape]).score(X, PERIODIC[shape]) > 0.5


@pytest.mark.parametrize("alpha", [0.02, 0.05])
def test_a_flattened_classifier_is_led_to_a_weaker_penalty(alpha):
    points, arms = spiral(3, 60)
    model = EffPropClassifier(alpha=alpha, random_state=0)
    fitted(model, points, arms)
    assert model.convergence_.parameter == "alpha"
    assert advised(model, points, arms).score(points, arms) > 0.9


def test_a_network_that_is_too_small_is_named():
    rng = np.random.default_rng(0)
    inputs = rng.uniform(-2.0, 2.0, size=(600, 1))
    y = np.sin(3.0 * inputs[:, 0])
    model, is_reported = fitted(EffPropRegressor((1,), random_state=0), inputs, y)
    assert is_reported
    assert model.convergence_.parameter == "hidden_layer_sizes"


@pytest.mark.parametrize("loss", ["squared_error", "huber", "poisson", "quantile"])
@pytest.mark.parametrize("n", [30, 150, 600])
def test_noise_is_not_taken_for_structure(n, loss):
    rng = np.random.default_rng(n)
    inputs = rng.normal(size=(n, 2))
    y = rng.poisson(np.exp(0.4 * inputs[:, 0])).astype(float)
    assert not fitted(EffPropRegressor(loss=loss, random_state=0), inputs, y)[1]


def test_repeated_rows_are_not_neighbours():
    rng = np.random.default_rng(0)
    inputs, y = rng.normal(size=(100, 3)), rng.normal(size=100)
    rows = np.repeat(np.arange(100), 4)
    model = EffPropRegressor(alpha=1.0, random_state=0)
    assert not fitted(model, inputs[rows], y[rows])[1]


def test_a_usual_table_has_no_structure_left():
    assert not fitted(
        EffPropRegressor(random_state=0), *load_diabetes(return_X_y=True)
    )[1]


def test_a_wave_that_is_learnt_by_half_is_led_to_the_rest():
    """Nothing but what was missed makes the errors of neighbours nearly equal."""
    inputs = np.arange(0.0, 60.0, 0.2)[:, None]
    y = np.sin(inputs[:, 0])
    model = EffPropRegressor(random_state=0)
    done = fitted(model, inputs, y)[0].convergence_
    assert 0.5 < model.score(inputs, y) < 0.7
    assert "share their errors" in done.problem
    assert advised(model, inputs, y).score(inputs, y) > 0.9


@pytest.mark.parametrize("n_inputs", [8, 12])
@pytest.mark.parametrize("n", [300, 450])
def test_what_one_of_many_inputs_explains_is_not_missed(n, n_inputs):
    """In so many dimensions no example is close to another."""
    rng = np.random.default_rng(n + n_inputs)
    inputs = rng.uniform(-1.0, 1.0, size=(2 * n, n_inputs))
    y = np.sin(5.2 * inputs[:, 0]) + 0.15 * rng.normal(size=2 * n)
    model, is_reported = fitted(EffPropRegressor(random_state=0), inputs[:n], y[:n])
    assert is_reported
    assert model.score(inputs[n:], y[n:]) < 0.2
    assert advised(model, inputs[:n], y[:n]).score(inputs[n:], y[n:]) > 0.7


@pytest.mark.parametrize("n_inputs", [5, 20, 50])
@pytest.mark.parametrize("n", [30, 100, 500])
def test_chance_makes_no_structure_along_inputs(n, n_inputs):
    rng = np.random.default_rng(n + n_inputs)
    inputs = rng.integers(0, 5, size=(n, n_inputs)).astype(float)
    y = inputs[:, 0] + 3.0 * rng.normal(size=n)
    assert not fitted(EffPropRegressor(random_state=0), inputs, y)[1]
