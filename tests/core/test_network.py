import numpy as np
import pytest

from sk_effprop.core.activations import ACTIVATIONS, IDENTITY
from sk_effprop.core.network import Network, forward
from tests import reference
from tests.cases import (
    ALL_LOSSES,
    ANY_ACTIVATION_PARAMS,
    DEPTH_PARAMS,
    NETWORK_PARAMS,
    make_problem,
)


@pytest.mark.parametrize(("hidden", "activation", "loss"), NETWORK_PARAMS)
def test_gradient_agrees_with_central_differences(hidden, activation, loss):
    """Penalty and sample weights included."""
    objective, theta = make_problem(hidden, activation, loss)
    _, gradient = objective.value_and_gradient(theta)
    expected = reference.central_difference(objective.value, theta)
    assert reference.relative_error(gradient, expected) <= 1e-7


@pytest.mark.parametrize("hidden", DEPTH_PARAMS)
@pytest.mark.parametrize("activation", ANY_ACTIVATION_PARAMS)
def test_forward_agrees_with_the_scalar_reference(hidden, activation):
    objective, theta = make_problem(hidden, activation, ALL_LOSSES["squared_error_3"])
    outputs = forward(objective.network, theta, objective.inputs).outputs
    X = objective.inputs[:, :-1]
    expected = reference.outputs_of(objective.network, theta, X)
    np.testing.assert_allclose(outputs, expected, rtol=1e-12, atol=1e-14)


def test_layers_are_views_that_cover_theta_in_order():
    network = Network((3, 4, 2), (IDENTITY, IDENTITY))
    theta = np.arange(float(network.n_weights))
    layers = network.layers(theta)
    assert [W.shape for W in layers] == [(4, 4), (5, 2)] == list(network.shapes)
    assert all(np.shares_memory(W, theta) for W in layers)
    assert all(W.flags.c_contiguous for W in layers)
    np.testing.assert_array_equal(np.concatenate([W.ravel() for W in layers]), theta)
    layers[1][-1, -1] = -7.0
    assert theta[-1] == -7.0


def test_per_layer_is_constant_within_a_layer_but_for_biases():
    network = Network((3, 4, 2), (IDENTITY, IDENTITY))
    first, second = network.layers(
        network.per_layer(lambda fan_in, fan_out: 10 * fan_in + fan_out, biases=-1.0)
    )
    assert (first[:-1] == 34).all()
    assert (second[:-1] == 42).all()
    assert (first[-1] == -1).all()
    assert (second[-1] == -1).all()
    plain = network.layers(network.per_layer(lambda fan_in, fan_out: fan_in))
    assert (plain[0] == 3).all()
    assert (plain[1] == 4).all()


def test_networks_are_equal_by_their_parts():
    parts = (3, 2), (ACTIVATIONS["tanh"],)
    assert Network(*parts) == Network(*parts)
    assert hash(Network(*parts)) == hash(Network(*parts))
    assert Network(*parts) != Network((3, 2), (IDENTITY,))
