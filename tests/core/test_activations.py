import re

import numpy as np
import pytest

from sk_effprop.core.activations import (
    ACTIVATIONS,
    RELU,
    SHAPES,
    TANH,
    Activation,
)
from sk_effprop.core.custom import CustomActivation
from tests import reference
from tests.cases import (
    ACTIVATION_PARAMS,
    ANY_ACTIVATION_PARAMS,
    ARCTAN,
    SILU,
    TANH_PARAMS,
    USER_ACTIVATIONS,
)

STEP = 1e-5
# neither the kink of the ReLU at 0 nor the saturation of the rational tanh is hit
Z = np.linspace(-6.0, 6.0, 240)


def difference(f, z):
    return (f(z + STEP) - f(z - STEP)) / (2 * STEP)


@pytest.mark.parametrize("activation", ANY_ACTIVATION_PARAMS)
def test_derivatives_are_those_of_the_function(activation):
    np.testing.assert_allclose(activation.df(Z), difference(activation.f, Z), atol=1e-9)
    np.testing.assert_allclose(
        activation.d2f(Z), difference(activation.df, Z), atol=1e-9
    )


@pytest.mark.parametrize("activation", ANY_ACTIVATION_PARAMS)
def test_agrees_with_the_scalar_reference(activation):
    expected = [reference.activation_value(activation, z) for z in Z.tolist()]
    got = np.column_stack([activation.f(Z), activation.df(Z)])
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("activation", ANY_ACTIVATION_PARAMS)
def test_evaluate_keeps_u_and_leaves_the_scale_to_the_caller(activation):
    u = activation.slope * Z
    before, value, derivative = u.copy(), np.empty_like(u), np.empty_like(u)
    activation.evaluate(u, value, derivative)
    np.testing.assert_array_equal(u, before)
    np.testing.assert_array_equal(value, activation.f(Z))
    np.testing.assert_array_equal(
        activation.derivative_scale * derivative, activation.df(Z)
    )


@pytest.mark.parametrize("activation", ANY_ACTIVATION_PARAMS)
def test_takes_plain_numbers_and_integers(activation):
    for function in (activation.f, activation.df, activation.d2f):
        expected = function(np.array([-2.0, 1.0]))
        np.testing.assert_allclose(function([-2, 1]), expected)
        np.testing.assert_allclose([function(-2), function(1.0)], expected)


@pytest.mark.parametrize("activation", ANY_ACTIVATION_PARAMS)
def test_float32_stays_float32(activation):
    z = Z.astype(np.float32)
    for function in (activation.f, activation.df, activation.d2f):
        assert function(z).dtype == np.float32
        np.testing.assert_allclose(function(z), function(Z), atol=3e-6)


@pytest.mark.parametrize("activation", ANY_ACTIVATION_PARAMS)
def test_extreme_inputs_are_harmless(activation):
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        for function in (activation.f, activation.df, activation.d2f):
            assert np.isfinite(function(np.array([-1e4, 1e4]))).all()


@pytest.mark.parametrize("activation", ACTIVATION_PARAMS)
def test_limits_are_the_infimum_and_the_supremum(activation):
    far = activation.f(np.array([-1e9, 1e9]))
    for limit, value in zip(activation.limits, far, strict=True):
        if np.isfinite(limit):
            assert value == pytest.approx(limit, abs=1e-12)
        else:
            assert abs(value) > 1e7
            assert np.sign(value) == np.sign(limit)
    bounded = bool(np.isfinite(activation.limits).all())
    assert activation.is_sigmoid == bounded


@pytest.mark.parametrize(
    "activation", [*TANH_PARAMS, ACTIVATIONS["rational_tanh"], ACTIVATIONS["softplus"]]
)
def test_curvature_peaks_where_a_grid_search_finds_the_peak(activation):
    grid = np.linspace(0.0, 6.0, 60_001)
    curvature = np.abs(activation.d2f(grid))
    found = grid[np.argmax(curvature)]
    # the rational tanh is given the peak of what it approximates
    tolerance = 1e-2 if activation == ACTIVATIONS["rational_tanh"] else 1.1e-4
    assert activation.curvature_peak == pytest.approx(found, abs=tolerance)


@pytest.mark.parametrize("name", ["relu", "identity"])
def test_piecewise_linear_activations_have_no_curvature_peak(name):
    assert ACTIVATIONS[name].curvature_peak is None
    assert not ACTIVATIONS[name].d2f(Z).any()


def test_lecun_tanh_is_one_at_one_and_most_curved_there():
    """The properties for which section 4.4 recommends it, to the printed digits."""
    sigmoid = ACTIVATIONS["lecun_tanh"]
    assert float(sigmoid.f(1.0)) == pytest.approx(1.0, abs=1e-5)
    assert sigmoid.curvature_peak == pytest.approx(1.0, abs=0.02)
    assert sigmoid.d2f(0.0) == 0.0


def test_rational_tanh_is_within_1e_4_of_tanh_and_exact_at_the_ends():
    rational = SHAPES[ACTIVATIONS["rational_tanh"].kind]
    u = np.linspace(-15.0, 15.0, 30_001)
    value, mirrored = np.empty_like(u), np.empty_like(u)
    rational.value(u, value)
    rational.value(-u, mirrored)
    assert np.abs(value - np.tanh(u)).max() < 1e-4
    assert np.abs(value).max() == 1.0
    np.testing.assert_array_equal(value, -mirrored)
    assert (np.diff(value) >= 0.0).all()


def test_rational_tanh_is_precise_near_zero_in_single_precision():
    """Where a power near 1 minus 1 would leave few digits."""
    rational = SHAPES[ACTIVATIONS["rational_tanh"].kind]
    u = np.geomspace(1e-6, 8.0, 1000).astype(np.float32)
    value, exact = np.empty_like(u), np.empty(1000)
    rational.value(u, value)
    rational.value(u.astype(np.float64), exact)
    np.testing.assert_allclose(value, exact, rtol=6e-7)


@pytest.mark.parametrize("activation", ANY_ACTIVATION_PARAMS)
def test_twist_adds_a_multiple_of_the_input(activation):
    twisted = activation.twisted(0.3)
    np.testing.assert_allclose(twisted.f(Z), activation.f(Z) + 0.3 * Z, atol=1e-13)
    np.testing.assert_allclose(twisted.df(Z), activation.df(Z) + 0.3, atol=1e-13)
    np.testing.assert_array_equal(twisted.d2f(Z), activation.d2f(Z))


def test_logistic_is_the_logistic_function():
    np.testing.assert_allclose(
        ACTIVATIONS["logistic"].f(Z), 1 / (1 + np.exp(-Z)), rtol=1e-13
    )


@pytest.mark.parametrize("activation", ANY_ACTIVATION_PARAMS)
def test_only_the_identity_is_the_identity(activation):
    same = np.array_equal(activation.f(Z), Z)
    assert activation.is_identity == same


def test_relu_is_flat_at_its_kink():
    assert ACTIVATIONS["relu"].kind == RELU
    np.testing.assert_array_equal(
        ACTIVATIONS["relu"].df(np.array([-1.0, 0.0, 1.0])), [0.0, 0.0, 1.0]
    )


# ------------------------------------------------------------------- a user's functions


def test_what_a_sigmoid_of_a_user_is_asked_is_found_on_a_grid():
    arctan = USER_ACTIVATIONS["user_arctan"]
    assert arctan.limits == pytest.approx((-np.pi / 2, np.pi / 2))
    assert arctan.curvature_peak == pytest.approx(3**-0.5, abs=0.01)
    assert arctan.rises
    silu = USER_ACTIVATIONS["user_silu"]
    assert silu.limits == (pytest.approx(-0.2785, abs=1e-4), np.inf)
    assert not silu.rises
    assert not CustomActivation((np.cos, lambda z: -np.sin(z), None)).is_sigmoid
    naive = (
        lambda z: 1 / (1 + np.exp(-z)),
        lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2,
    )
    assert CustomActivation(naive).is_sigmoid


def test_a_mirrored_sigmoid_is_none():
    assert not Activation(TANH, amplitude=-1.0).is_sigmoid


@pytest.mark.parametrize("functions", [ARCTAN, SILU], ids=["arctan", "silu"])
def test_right_derivatives_give_no_error_message(functions):
    assert CustomActivation(functions).error_message() == ""


@pytest.mark.parametrize(
    ("functions", "message"),
    [
        ((ARCTAN[0], ARCTAN[2], ARCTAN[1]), r"f' is .* differences of f give"),
        ((*ARCTAN[:2], np.cos), r"f'' is .* differences of f' give"),
        ((np.sqrt, np.sqrt, np.sqrt), "f' is nan"),
    ],
    ids=["first", "second", "nan"],
)
def test_wrong_derivatives_are_told(functions, message):
    with np.errstate(invalid="ignore"):
        assert re.search(message, CustomActivation(functions).error_message())


def test_a_function_of_a_user_can_neither_change_its_argument_nor_its_shape():
    z = Z.copy()
    with pytest.raises(ValueError, match="read-only"):
        CustomActivation((lambda z: np.tanh(z, out=z), None, None)).f(z)
    np.testing.assert_array_equal(z, Z)
    with pytest.raises(
        ValueError, match=r"f of .* must return .*shape .*\(240,\), got \(\)"
    ):
        CustomActivation((np.sum, None, None)).f(z)


def test_the_second_derivative_of_an_extreme_slope_is_finite():
    f = Activation(TANH, amplitude=1e-200, slope=1e200)
    second = f.d2f(np.array([1e-200]))
    assert np.isfinite(second).all()
    assert second[0] == pytest.approx(-2e200 * np.tanh(1.0) / np.cosh(1.0) ** 2)
