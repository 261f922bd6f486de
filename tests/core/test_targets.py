from math import inf

import numpy as np
import pytest

from sk_effprop.core.activations import ACTIVATIONS
from sk_effprop.core.targets import (
    PROBABILITY_FLOOR,
    code_indicator,
    decode_probabilities,
    midpoint_preactivation,
    place_targets,
)
from tests.cases import ACTIVATION_PARAMS, ALL_ACTIVATIONS

SIGMOIDS = [
    pytest.param(a, id=name) for name, a in ALL_ACTIVATIONS.items() if a.is_sigmoid
]


@pytest.mark.parametrize("activation", SIGMOIDS)
def test_max_curvature_targets_lie_where_the_second_derivative_peaks(activation):
    """Section 4.5; found here by a grid search."""
    grid = np.linspace(-6.0, 6.0, 120_001)
    curvature = activation.d2f(grid)
    expected = activation.f(grid[[np.argmax(curvature), np.argmin(curvature)]])
    got = place_targets("max_curvature", activation)
    np.testing.assert_allclose(got, expected, atol=5e-3)


def test_max_curvature_of_lecun_tanh_is_about_plus_minus_one():
    low, high = place_targets("max_curvature", ACTIVATIONS["lecun_tanh"])
    assert high == pytest.approx(1.0, abs=0.01)
    assert low == -high


@pytest.mark.parametrize("activation", SIGMOIDS)
def test_asymptote_targets_are_the_limits(activation):
    assert place_targets("asymptote", activation) == activation.limits


@pytest.mark.parametrize("target_values", ["max_curvature", "asymptote"])
@pytest.mark.parametrize("activation", ACTIVATION_PARAMS)
def test_targets_can_be_reached(activation, target_values):
    bottom, top = activation.limits
    low, high = place_targets(target_values, activation)
    assert bottom <= low < high <= top
    if not activation.is_sigmoid:
        assert (low, high) == ((-1.0, 1.0) if bottom == -inf else (0.0, 1.0))


def test_numbers_are_taken_as_they_are():
    assert place_targets((-0.5, 0.75), ACTIVATIONS["tanh"]) == (-0.5, 0.75)


@pytest.mark.parametrize(
    ("target_values", "name", "message"),
    [
        ((1.0, -1.0), "tanh", "low < high"),
        ((0.5, 0.5), "identity", "low < high"),
        ((-1.0, 1.0), "logistic", "outside the range"),
        ((0.0, 2.0), "tanh", "outside the range"),
        ((-0.1, 1.0), "relu", "outside the range"),
    ],
)
def test_targets_that_make_no_sense_are_refused(target_values, name, message):
    with pytest.raises(ValueError, match=message):
        place_targets(target_values, ACTIVATIONS[name])


def test_coding_and_decoding_are_inverse_between_the_targets():
    indicator = np.linspace(0.01, 0.99, 7)
    outputs = code_indicator(indicator, -0.8, 0.9)
    assert outputs[0] > -0.8
    np.testing.assert_allclose(decode_probabilities(outputs, -0.8, 0.9), indicator)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probabilities_are_float64_and_stay_inside(dtype):
    outputs = np.array([-1e9, -5.0, -1.001, -1.0, 0.0, 1.0, 1.001, 5.0], dtype=dtype)
    p = decode_probabilities(outputs, -1.0, 1.0)
    assert p.dtype == np.float64
    assert p[0] > 0.0
    assert p[-1] < 1.0
    # in the order of the outputs, also where these are beyond the targets
    assert (np.diff(p) > 0.0).all()
    np.testing.assert_allclose(p, np.clip(0.5 + outputs / 2.0, 0.0, 1.0), atol=1e-6)
    assert p[3] <= PROBABILITY_FLOOR


def test_logarithms_have_the_order_of_probabilities():
    """Also of outputs so saturated that they differ in the last digits."""
    rng = np.random.default_rng(0)
    outputs = np.tanh(rng.normal(size=(2000, 3)) * 8.0)
    p = decode_probabilities(outputs, -1.0, 1.0)
    p /= p.sum(axis=1, keepdims=True)
    np.testing.assert_array_equal(np.argsort(np.log(p)), np.argsort(p))


@pytest.mark.parametrize("activation", ACTIVATION_PARAMS)
def test_midpoint_preactivation_gives_the_output_half_way(activation):
    for target_values in ("max_curvature", "asymptote"):
        low, high = place_targets(target_values, activation)
        z = midpoint_preactivation(low, high, activation)
        middle = float(activation.f(np.array([z]))[0])
        assert middle == pytest.approx((low + high) / 2, abs=1e-9)


@pytest.mark.parametrize("activation", SIGMOIDS)
@pytest.mark.parametrize("ends", [(-3.0, 0.5), (-3.5, -2.5), (2.5, 3.5)])
def test_midpoint_preactivation_is_found_on_either_side(activation, ends):
    low, high = activation.f(np.array(ends))
    z = midpoint_preactivation(low, high, activation)
    assert ends[0] < z < ends[1]
    middle = float(activation.f(np.array([z]))[0])
    assert middle == pytest.approx((low + high) / 2, abs=1e-9)
