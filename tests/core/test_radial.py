"""Networks with a radial layer: all derivatives against differences and identities."""

from dataclasses import replace

import numpy as np
import pytest

from sk_effprop.core.activations import ACTIVATIONS, GAUSSIAN
from sk_effprop.core.curvature import Linearization
from sk_effprop.core.inputs import FoldedSparse
from sk_effprop.core.network import Network, forward
from sk_effprop.core.radial import Radial
from sk_effprop.core.sensitivity import mean_slopes
from sk_effprop.core.trace import Trace
from tests import reference
from tests.cases import (
    ALL_LOSSES,
    MAIN_LOSS_PARAMS,
    make_problem,
    params,
    sparse_normal,
)

DEPTHS = {"alone": (4,), "above_one": (4, 3), "above_two": (3, 4, 5)}
DEPTH_PARAMS = params(DEPTHS)
SQUARED = ALL_LOSSES["squared_error_2_lecun_tanh"]


def with_radial_layer(network):
    """The same sizes, with Gaussians in the last hidden layer."""
    *below, _, output = network.activations
    kinds = (*("affine" for _ in below), "radial", "affine")
    return Network(network.sizes, (*below, GAUSSIAN, output), kinds)


def radial_problem(hidden, case=SQUARED, **settings):
    objective, theta = make_problem(hidden, ACTIVATIONS["tanh"], case, **settings)
    network = with_radial_layer(objective.network)
    return replace(objective, network=network), theta


def dense_hessian(objective, theta):
    return reference.central_difference(
        lambda t: objective.value_and_gradient(t)[1], theta
    )


@pytest.mark.parametrize("hidden", DEPTH_PARAMS)
def test_a_unit_is_the_paper_s_radial_basis_function(hidden):
    """The sum of section 4.8, written out for every row and unit."""
    objective, theta = radial_problem(hidden)
    passes = forward(objective.network, theta, objective.inputs)
    x, W = passes.inputs[-2][:, :-1], objective.network.layers(theta)[-2]
    centres, widths = W[:-1].T, np.exp(W[-1])
    for j, (centre, sigma) in enumerate(zip(centres, widths, strict=True)):
        expected = [np.exp(-np.sum((row - centre) ** 2) / (2 * sigma**2)) for row in x]
        np.testing.assert_allclose(passes.values[-2][:, j], expected, rtol=1e-12)


@pytest.mark.parametrize("loss", MAIN_LOSS_PARAMS)
@pytest.mark.parametrize("hidden", DEPTH_PARAMS)
def test_gradients_are_derivatives(hidden, loss):
    objective, theta = radial_problem(hidden, loss)
    value, gradient = objective.value_and_gradient(theta)
    assert value == pytest.approx(objective.value(theta))
    expected = reference.central_difference(objective.value, theta)
    np.testing.assert_allclose(gradient, expected, atol=1e-8)
    of_linearization = Linearization(objective, theta).gradient
    np.testing.assert_allclose(of_linearization, gradient, atol=1e-13)


@pytest.mark.parametrize("loss", MAIN_LOSS_PARAMS)
@pytest.mark.parametrize("hidden", DEPTH_PARAMS)
def test_hessian_products_and_diagonal_are_second_derivatives(hidden, loss):
    """The R-operator against differences of gradients."""
    objective, theta = radial_problem(hidden, loss)
    H, linearization = dense_hessian(objective, theta), Linearization(objective, theta)
    for v in np.random.default_rng(7).standard_normal((3, len(theta))):
        assert reference.relative_error(linearization.hessian_product(v), H @ v) <= 1e-6
    diagonal = linearization.hessian_diagonal()
    np.testing.assert_allclose(diagonal, np.diag(H), atol=1e-7)


@pytest.mark.parametrize("loss", MAIN_LOSS_PARAMS)
@pytest.mark.parametrize("hidden", DEPTH_PARAMS)
def test_gauss_newton_identities(hidden, loss):
    """Product, Jacobian, diagonal and kernel are one matrix."""
    objective, theta = radial_problem(hidden, loss)
    linearization = Linearization(objective, theta)
    J = np.vstack(list(linearization.jacobian_blocks()))
    G = J.T @ J / objective.n_samples + np.diag(objective.penalty)
    v = np.random.default_rng(7).standard_normal(len(theta))
    np.testing.assert_allclose(linearization.gauss_newton_product(v), G @ v, atol=1e-12)
    diagonal = linearization.gauss_newton_diagonal()
    np.testing.assert_allclose(diagonal, np.diag(G), atol=1e-12)
    P = objective.network.per_layer(lambda n_in, n_out: 2.0 + n_in, biases=0.7)
    np.testing.assert_allclose(linearization.root_kernel(P), (J / P) @ J.T, atol=1e-11)


@pytest.mark.parametrize("hidden", DEPTH_PARAMS)
def test_the_jacobian_is_the_change_of_the_outputs(hidden):
    objective, theta = radial_problem(hidden)
    blocks = Linearization(objective, theta).jacobian_blocks(scaled=False)
    J = np.vstack(list(blocks))

    def outputs(t):
        return forward(objective.network, t, objective.inputs).outputs

    expected = reference.central_difference(outputs, theta).reshape(J.shape)
    np.testing.assert_allclose(J, expected, atol=1e-8)


@pytest.mark.parametrize("hidden", DEPTH_PARAMS)
def test_vjp_is_the_transpose_of_jvp(hidden):
    """E'(J v) = (J'e)'v, and J'e of the loss's errors is the gradient."""
    objective, theta = radial_problem(hidden, alpha=0.0)
    network, rng = objective.network, np.random.default_rng(3)
    trace = Trace(forward(network, theta, objective.inputs))
    v, error = rng.standard_normal(len(theta)), rng.standard_normal((12, 2))
    back = np.zeros_like(theta)
    trace.vjp(error.copy(), network.layers(back))
    forwards = np.sum(error * trace.jvp(network.layers(v)))
    np.testing.assert_allclose(back @ v, forwards, rtol=1e-11)
    errors = np.empty_like(error)
    objective.loss.gradient(trace.outputs, objective.targets, errors)
    errors *= objective.sample_weight[:, None] / objective.n_samples
    gradient = np.zeros_like(theta)
    trace.vjp(errors, network.layers(gradient))
    expected = objective.value_and_gradient(theta)[1]
    np.testing.assert_allclose(gradient, expected, atol=1e-13)


def test_the_recursion_is_exact_below_a_radial_layer_of_inputs():
    """Eq. (57): nothing is neglected in the top two layers under squared error."""
    objective, theta = radial_problem((4,))
    linearization = Linearization(objective, theta)
    exact = linearization.gauss_newton_diagonal()
    np.testing.assert_allclose(linearization.diagonal(), exact, atol=1e-13)
    objective = replace(objective, targets=3.0 * objective.targets)
    with_second = Linearization(objective, theta).diagonal(with_second_derivative=True)
    H = dense_hessian(objective, theta)
    np.testing.assert_allclose(with_second, np.diag(H), atol=1e-6)


def test_squares_of_eqs_57_and_58_are_those_of_explicit_derivatives():
    rng = np.random.default_rng(1)
    x, W = rng.normal(size=(5, 4)), rng.normal(size=(4, 3))
    x[:, -1] = 1.0
    h, delta = rng.uniform(size=(5, 3)), rng.normal(size=(5, 3))
    layer, p = Radial(x, W), np.exp(-2.0 * W[-1])
    r = x[:, :-1, None] - W[:-1]
    own = np.zeros_like(W)
    layer.add_squares(h, own)
    expected = np.einsum("nj,nij->ij", h * p**2, r**2)
    np.testing.assert_allclose(own[:-1], expected, rtol=1e-12)
    of_inputs = layer.backpropagate_squares(h)
    expected = np.einsum("nj,nij->ni", h * p**2, r**2)
    np.testing.assert_allclose(of_inputs, expected, rtol=1e-12)
    # and the term that is usually dropped: z falls with -p in every direction
    of_inputs = layer.backpropagate_squares(h, delta)
    np.testing.assert_allclose(of_inputs, expected - (delta @ p)[:, None], rtol=1e-11)
    np.testing.assert_array_equal(of_inputs.shape, (5, 3))


def test_importances_are_derivatives_by_the_inputs():
    objective, theta = radial_problem((4,))
    network, inputs = objective.network, objective.inputs
    slopes = mean_slopes(network, theta, inputs, np.ones(len(inputs)))
    step, expected = 1e-6, np.zeros(3)
    for i in range(3):
        move = step * np.eye(4)[i]
        high, low = (
            forward(network, theta, inputs + s * move).outputs for s in (1, -1)
        )
        expected[i] = np.abs((high - low) / (2 * step)).mean(axis=0).sum()
    np.testing.assert_allclose(slopes, expected, rtol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 5, 12])
def test_a_pass_of_a_part_is_that_of_a_new_one(batch_size):
    objective, theta = radial_problem((4, 3))
    passes = objective.network.passes(theta, 12).first(batch_size)
    passes.forward(objective.inputs[:batch_size])
    expected = forward(objective.network, theta, objective.inputs[:batch_size]).outputs
    np.testing.assert_array_equal(passes.outputs, expected)


@pytest.mark.parametrize("by_columns", [False, True])
def test_sparse_inputs_give_what_dense_ones_give(by_columns):
    """A radial layer of sparse inputs never fills them in either pass."""
    objective, theta = radial_problem((4,))
    rng = np.random.default_rng(0)
    X = sparse_normal(rng, (12, 3), 0.5)
    A = rng.normal(size=(3, 3)) if by_columns else rng.uniform(0.5, 2.0, size=3)
    folded = FoldedSparse(X, rng.normal(size=3), A)
    sparse = replace(objective, inputs=folded)
    filled = replace(objective, inputs=folded.filled())
    for one, other in zip(
        sparse.value_and_gradient(theta), filled.value_and_gradient(theta), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)
    v = rng.standard_normal(len(theta))
    here, there = Linearization(sparse, theta), Linearization(filled, theta)
    for name in ("hessian_product", "gauss_newton_product"):
        got, expected = getattr(here, name)(v), getattr(there, name)(v)
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-11)
    for name in ("diagonal", "gauss_newton_diagonal", "hessian_diagonal"):
        got, expected = getattr(here, name)(), getattr(there, name)()
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-11)
    P = np.ones_like(theta)
    np.testing.assert_allclose(here.root_kernel(P), there.root_kernel(P), atol=1e-11)


def test_single_precision_follows_double_precision():
    objective, theta = radial_problem((4, 3))
    single = replace(
        objective,
        inputs=objective.inputs.astype(np.float32),
        targets=objective.targets.astype(np.float32),
        sample_weight=objective.sample_weight.astype(np.float32),
    )
    value, gradient = single.value_and_gradient(theta.astype(np.float32))
    expected_value, expected = objective.value_and_gradient(theta)
    assert gradient.dtype == np.float32
    assert value == pytest.approx(expected_value, rel=1e-5)
    np.testing.assert_allclose(gradient, expected, atol=1e-5)
    product = Linearization(single, theta.astype(np.float32)).hessian_product(gradient)
    assert product.dtype == np.float32


def test_the_compiled_loops_do_not_know_radial_layers():
    objective, _ = radial_problem((4,))
    assert not objective.is_compilable
