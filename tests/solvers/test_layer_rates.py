"""Learning rates of layers by their curvature, for every width and batch size."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import make_classification

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.core.curvature import Linearization
from sk_effprop.core.layer_curvature import LEAST_SENSITIVITY, layer_curvature
from sk_effprop.core.rates import SIMILAR_BATCHES, RateRule
from sk_effprop.core.spectrum import MeasuredPart
from sk_effprop.estimators import _auto as auto
from tests.cases import ALL_ACTIVATIONS, ALL_LOSSES, make_problem
from tests.covering import pairs_of_three


def problem(loss="squared_error_2_lecun_tanh", **settings):
    activation, loss = ALL_ACTIVATIONS["lecun_tanh"], ALL_LOSSES[loss]
    return make_problem((4, 3), activation, loss, **settings)


def layer_slices(network):
    stops = np.cumsum([rows * columns for rows, columns in network.shapes])
    return [slice(a, b) for a, b in zip([0, *stops[:-1]], stops, strict=True)]


def gauss_newton(objective, theta):
    linearization = Linearization(objective, theta)
    return np.array([linearization.gauss_newton_product(v) for v in np.eye(len(theta))])


def largest(matrix):
    return np.linalg.eigvalsh(matrix)[-1]


@pytest.mark.parametrize("loss", list(ALL_LOSSES)[:4])
def test_measures_the_diagonal_blocks_of_the_gauss_newton_matrix(loss):
    objective, theta = problem(loss, weighted=False)
    objective = objective.without_penalty()
    rng = np.random.default_rng(0)
    rates = rng.uniform(0.5, 2.0, size=len(theta))
    found = layer_curvature(MeasuredPart(objective), theta, rates, rng)
    root = np.sqrt(rates)
    scaled = root[:, None] * gauss_newton(objective, theta) * root
    each = [
        root[:, None] * gauss_newton(objective.subset(np.array([i])), theta) * root
        for i in range(objective.n_samples)
    ]
    for l, s in enumerate(layer_slices(objective.network)):
        # Lanczos' method stops early, and its values are never too large
        assert 0.85 < found.mean[l] / largest(scaled[s, s]) < 1.0 + 1e-9
        pattern = np.mean([largest(G[s, s]) for G in each])
        assert found.pattern[l] == pytest.approx(pattern, rel=1e-9)


def test_layers_below_an_output_layer_of_zeros_have_bounded_rates():
    objective, theta = problem()
    objective.network.layers(theta)[-1][...] = 0.0
    part = MeasuredPart(objective.without_penalty())
    ones, rng = np.ones(len(theta)), np.random.default_rng(0)
    found = layer_curvature(part, theta, ones, rng)
    assert np.all(found.pattern > 0.0)
    assert np.all(found.mean <= found.pattern * (1.0 + 1e-9))
    rates = found.rates(1)
    assert rates.max() < rates.min() * objective.network.sizes[0] / LEAST_SENSITIVITY


def measured_rule(batch_size, **settings):
    return RateRule(None, None, batch_size, **settings)


def test_later_measurements_keep_the_first_factors():
    objective, theta = problem()
    find_rates, rng = measured_rule(4), np.random.default_rng(0)
    first = find_rates(objective, theta, rng)
    assert np.mean(first.scaling) == pytest.approx(1.0)
    later = find_rates(objective, 2.0 * theta, rng, first)
    np.testing.assert_array_equal(later.scaling, first.scaling)


def test_another_batch_size_measures_again_except_in_a_stream():
    objective, theta = problem()
    found = measured_rule(4)(objective, theta, np.random.default_rng(0))
    near, far = int(4 * SIMILAR_BATCHES), int(4 * SIMILAR_BATCHES + 1)
    assert measured_rule(near).adopt(found) is not None
    assert measured_rule(far).adopt(found) is None
    stream = measured_rule(far, follows_stream=True).adopt(found)
    np.testing.assert_array_equal(stream.scaling, found.scaling)
    given = replace(measured_rule(4), scaling=np.ones(len(theta)))
    assert given.adopt(found) is None


@pytest.mark.parametrize("n_samples", [600, 5000, 10**6])
@pytest.mark.parametrize("given", [8, 128, "full"])
def test_the_epochs_make_enough_updates(given, n_samples):
    batch_size = auto.choose_batch_size(given, "sgd", n_samples)
    n_epochs = auto.choose_max_iter("auto", "sgd", n_samples, batch_size)
    assert n_epochs * n_samples >= auto.LEAST_UPDATES * batch_size
    assert n_epochs >= auto.LEAST_EPOCHS


def wide_table(n_inputs, n=1500):
    rng = np.random.RandomState(0)
    X = rng.randn(n, n_inputs)
    z = X @ rng.randn(n_inputs) / n_inputs**0.5
    return X, np.tanh(1.5 * z) + 0.1 * rng.randn(n)


@pytest.mark.parametrize(
    ("n_inputs", "batch_size", "solver"),
    pairs_of_three([5, 200, 1000], [8, 32, 128, 512, "full"], ["sgd", "sdlm"]),
)
def test_every_batch_size_trains_on_every_width(n_inputs, batch_size, solver):
    X, y = wide_table(n_inputs)
    model = EffPropRegressor(
        (16,), solver=solver, batch_size=batch_size, alpha=1e-4, random_state=0
    ).fit(X, y)
    assert model.score(X, y) > 0.88
    assert model.convergence_.n_recoveries == 0


def test_a_wide_classifier_learns_in_large_batches():
    X, y = make_classification(2000, 1000, n_informative=20, random_state=0)
    model = EffPropClassifier(
        solver="sgd", batch_size=200, alpha=1e-4, random_state=0
    ).fit(X, y)
    assert model.score(X, y) > 0.99
