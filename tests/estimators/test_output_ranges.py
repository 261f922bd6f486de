"""Targets of a regressor whose output activation has limits (section 4.5)."""

import numpy as np
import pytest

from sk_effprop import EffPropRegressor
from sk_effprop.core.activations import ACTIVATIONS, Activation
from sk_effprop.core.targets import place_values

rng = np.random.RandomState(0)
X = rng.randn(200, 3)
wave = np.tanh(X @ [1.0, 0.5, -0.7])
INSIDE = {
    "logistic": 0.5 + 0.45 * wave,
    "tanh": 0.9 * wave,
    "lecun_tanh": wave,
    "rational_tanh": wave,
    "softplus": np.log1p(np.exp(2.0 * wave)),
    "relu": np.maximum(2.0 * wave + 0.5, 0.0),
}


def score(y, **parameters):
    """R2 on the training data."""
    model = EffPropRegressor((16, 8), random_state=0, **parameters).fit(X, y)
    return model.score(X, y)


@pytest.mark.parametrize("solver", ["lbfgs", "sgd", "lm"])
@pytest.mark.parametrize("normalize_target", [True, False])
@pytest.mark.parametrize("activation", INSIDE)
def test_targets_in_the_range_of_the_output_are_learnt(
    activation, normalize_target, solver
):
    settings = {"normalize_target": normalize_target, "solver": solver}
    y = INSIDE[activation]
    assert score(y, output_activation=activation, **settings) > 0.98


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e5])
@pytest.mark.parametrize("activation", INSIDE)
def test_normalised_targets_may_lie_anywhere(activation, scale):
    y = scale * (wave - 7.0)
    assert score(y, output_activation=activation) > 0.98


@pytest.mark.parametrize("activation", INSIDE)
def test_targets_beyond_the_output_are_refused_without_normalisation(activation):
    with pytest.raises(ValueError, match=r"output activation only reaches"):
        score(wave - 7.0, output_activation=activation, normalize_target=False)


def test_predictions_of_targets_that_are_not_negative_are_not_negative():
    y = INSIDE["relu"]
    model = EffPropRegressor(output_activation="softplus", random_state=0).fit(X, y)
    assert model.predict(10.0 * X).min() >= 0.0


def test_a_constant_target_is_predicted():
    for activation in INSIDE:
        model = EffPropRegressor(output_activation=activation, random_state=0)
        predictions = model.fit(X, np.full(200, 3.0)).predict(X)
        np.testing.assert_allclose(predictions, 3.0, atol=0.1)


@pytest.mark.parametrize(
    "activation", [*ACTIVATIONS.values(), Activation(3, amplitude=-1.0)]
)
def test_coded_targets_lie_within_the_limits(activation):
    low, high = np.array([-3.0, 0.0, 2.0]), np.array([5.0, 1.0, 2.0])
    mean, deviation = (low + high) / 2, np.array([2.0, 0.3, 1.0])
    shift, scale = place_values(low, high, mean, deviation, activation)
    bottom, top = activation.limits
    for y in low, high:
        coded = (y - shift) / scale
        assert ((coded >= bottom) & (coded <= top)).all()


def test_a_stream_widens_the_range_of_its_targets():
    model = EffPropRegressor(output_activation="tanh", random_state=0)
    for rows in np.array_split(np.argsort(wave), 20):
        model.partial_fit(X[rows], wave[rows])
    low, high = model.coding_.statistics.low, model.coding_.statistics.high
    assert low[0] == wave.min()
    assert high[0] < wave.max()  # the scale is that of the first examples
