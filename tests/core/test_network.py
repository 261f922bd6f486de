import numpy as np
import pytest
from scipy import sparse

from sk_effprop.core.activations import ACTIVATIONS, IDENTITY
from sk_effprop.core.inputs import FoldedSparse
from sk_effprop.core.network import Network, forward, jvp, vjp
from tests import reference
from tests.cases import (
    ALL_ACTIVATIONS,
    ALL_LOSSES,
    ANY_ACTIVATION_PARAMS,
    DEPTH_PARAMS,
    LOSS_PARAMS,
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


@pytest.mark.parametrize("hidden", DEPTH_PARAMS)
@pytest.mark.parametrize("loss", LOSS_PARAMS)
def test_vjp_is_the_adjoint_of_jvp(hidden, loss):
    """<e, J v> = <J' e, v> for random e and v."""
    objective, theta = make_problem(hidden, ALL_ACTIVATIONS["custom"], loss)
    network, rng = objective.network, np.random.default_rng(1)
    trace = forward(network, theta, objective.inputs)
    v, e = rng.normal(size=theta.shape), rng.normal(size=objective.targets.shape)
    forwards = np.sum(e * jvp(network, theta, trace, v))
    backwards = vjp(network, theta, trace, e) @ v
    assert forwards == pytest.approx(backwards, rel=1e-12)


@pytest.mark.parametrize("hidden", DEPTH_PARAMS)
@pytest.mark.parametrize("activation", ANY_ACTIVATION_PARAMS)
def test_jvp_agrees_with_central_differences(hidden, activation):
    case = ALL_LOSSES["squared_error_2_lecun_tanh"]
    objective, theta = make_problem(hidden, activation, case)
    network, inputs = objective.network, objective.inputs
    v, h = np.random.default_rng(2).normal(size=theta.shape), 1e-6
    change = jvp(network, theta, forward(network, theta, inputs), v)
    ahead = forward(network, theta + h * v, inputs).outputs
    behind = forward(network, theta - h * v, inputs).outputs
    assert reference.relative_error(change, (ahead - behind) / (2 * h)) <= 1e-7


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


@pytest.mark.parametrize("hidden", DEPTH_PARAMS)
def test_single_precision_passes_stay_single(hidden):
    case = ALL_LOSSES["squared_error_2_lecun_tanh"]
    objective, theta = make_problem(hidden, ALL_ACTIVATIONS["logistic"], case)
    network, inputs = objective.network, objective.inputs
    single = theta.astype(np.float32)
    trace = forward(network, single, inputs.astype(np.float32))
    e = np.ones_like(objective.targets)
    gradient = vjp(network, single, trace, e.astype(np.float32))
    change = jvp(network, single, trace, single)
    assert trace.outputs.dtype == gradient.dtype == change.dtype == np.float32
    expected = vjp(network, theta, forward(network, theta, inputs), e)
    np.testing.assert_allclose(gradient, expected, atol=1e-4)


def test_passes_on_folded_sparse_inputs_equal_those_on_dense_ones():
    objective, theta = make_problem(
        (4, 3), ALL_ACTIVATIONS["custom"], ALL_LOSSES["squared_error_2_tanh"]
    )
    network, X = objective.network, objective.inputs[:, :-1]
    shift, A = np.array([0.5, -1.0, 2.0]), np.array([2.0, 0.5, 3.0])
    folded = FoldedSparse(sparse.csr_array(X / A + shift), shift, A)
    rng = np.random.default_rng(3)
    v, e = rng.normal(size=theta.shape), rng.normal(size=objective.targets.shape)
    results = []
    for inputs in (objective.inputs, folded):
        trace = forward(network, theta, inputs)
        backwards = vjp(network, theta, trace, e)
        results.append((trace.outputs, jvp(network, theta, trace, v), backwards))
    for dense, sparse_result in zip(*results, strict=True):
        np.testing.assert_allclose(sparse_result, dense, atol=1e-12)
