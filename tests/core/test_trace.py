import numpy as np
import pytest
from scipy import sparse

from sk_effprop.core.inputs import FoldedSparse
from sk_effprop.core.network import forward
from sk_effprop.core.trace import Trace
from tests import reference
from tests.cases import (
    ALL_ACTIVATIONS,
    ALL_LOSSES,
    ANY_ACTIVATION_PARAMS,
    DEPTH_PARAMS,
    LOSS_PARAMS,
    make_problem,
)


def jvp(network, theta, inputs, v):
    """J v."""
    return Trace(forward(network, theta, inputs)).jvp(network.layers(v))


def vjp(network, theta, inputs, e):
    """J' e."""
    gradient = np.zeros_like(theta)
    trace = Trace(forward(network, theta, inputs))
    trace.vjp(e.copy(), network.layers(gradient))
    return gradient


@pytest.mark.parametrize("hidden", DEPTH_PARAMS)
@pytest.mark.parametrize("loss", LOSS_PARAMS)
def test_vjp_is_the_adjoint_of_jvp(hidden, loss):
    """<e, J v> = <J' e, v> for random e and v."""
    objective, theta = make_problem(hidden, ALL_ACTIVATIONS["custom"], loss)
    network, rng = objective.network, np.random.default_rng(1)
    v, e = rng.normal(size=theta.shape), rng.normal(size=objective.targets.shape)
    forwards = np.sum(e * jvp(network, theta, objective.inputs, v))
    backwards = vjp(network, theta, objective.inputs, e) @ v
    assert forwards == pytest.approx(backwards, rel=1e-12)


@pytest.mark.parametrize("hidden", DEPTH_PARAMS)
@pytest.mark.parametrize("activation", ANY_ACTIVATION_PARAMS)
def test_jvp_agrees_with_central_differences(hidden, activation):
    case = ALL_LOSSES["squared_error_2_lecun_tanh"]
    objective, theta = make_problem(hidden, activation, case)
    network, inputs = objective.network, objective.inputs
    v, h = np.random.default_rng(2).normal(size=theta.shape), 1e-6
    change = jvp(network, theta, inputs, v)
    ahead = forward(network, theta + h * v, inputs).outputs
    behind = forward(network, theta - h * v, inputs).outputs
    assert reference.relative_error(change, (ahead - behind) / (2 * h)) <= 1e-7


@pytest.mark.parametrize("hidden", DEPTH_PARAMS)
def test_products_in_single_precision_stay_single(hidden):
    case = ALL_LOSSES["squared_error_2_lecun_tanh"]
    objective, theta = make_problem(hidden, ALL_ACTIVATIONS["logistic"], case)
    network, inputs = objective.network, objective.inputs
    single = theta.astype(np.float32)
    e = np.ones_like(objective.targets)
    gradient = vjp(network, single, inputs.astype(np.float32), e.astype(np.float32))
    change = jvp(network, single, inputs.astype(np.float32), single)
    assert gradient.dtype == change.dtype == np.float32
    expected = vjp(network, theta, inputs, e)
    np.testing.assert_allclose(gradient, expected, atol=1e-4)


def test_products_on_folded_sparse_inputs_equal_those_on_dense_ones():
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
        outputs = forward(network, theta, inputs).outputs
        products = jvp(network, theta, inputs, v), vjp(network, theta, inputs, e)
        results.append((outputs, *products))
    for dense, sparse_result in zip(*results, strict=True):
        np.testing.assert_allclose(sparse_result, dense, atol=1e-12)
