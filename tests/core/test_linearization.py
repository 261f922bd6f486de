"""Products, diagonals and Jacobians against dense matrices made of differences."""

from dataclasses import replace

import numpy as np
import pytest

import sk_effprop.core.curvature as curvature_module
from sk_effprop.core.curvature import Linearization
from sk_effprop.core.inputs import FoldedSparse
from tests import reference
from tests.cases import (
    ALL_ACTIVATIONS,
    ALL_LOSSES,
    DEPTH_PARAMS,
    LOSS_PARAMS,
    MAIN_LOSS_PARAMS,
    NETWORK_PARAMS,
    make_problem,
    sparse_normal,
)


def dense_hessian(objective, theta):
    """Second derivatives by central differences of the gradient."""
    return reference.central_difference(
        lambda t: objective.value_and_gradient(t)[1], theta
    )


def dense_gauss_newton(objective, theta):
    """Mean of the patterns' matrices, penalty included."""
    mean = reference.pattern_gauss_newton(objective, theta).mean(axis=0)
    return mean + np.diag(objective.penalty)


def directions(theta, n=3):
    return np.random.default_rng(7).standard_normal((n, len(theta)))


@pytest.mark.parametrize(("hidden", "activation", "loss"), NETWORK_PARAMS)
def test_hessian_products_are_second_derivatives(hidden, activation, loss):
    """Exact by the R-operator, penalty and weights included."""
    objective, theta = make_problem(hidden, activation, loss)
    H = dense_hessian(objective, theta)
    linearization = Linearization(objective, theta)
    for v in directions(theta):
        assert reference.relative_error(linearization.hessian_product(v), H @ v) <= 1e-6


@pytest.mark.parametrize("loss", LOSS_PARAMS)
@pytest.mark.parametrize("hidden", DEPTH_PARAMS)
def test_gauss_newton_identities(hidden, loss):
    """Product, Jacobian blocks and exact diagonal are one matrix, to 1e-10."""
    objective, theta = make_problem(hidden, ALL_ACTIVATIONS["lecun_tanh"], loss)
    linearization = Linearization(objective, theta)
    J = np.vstack(list(linearization.jacobian_blocks()))
    G = J.T @ J / objective.n_samples + np.diag(objective.penalty)
    for v in directions(theta):
        got = linearization.gauss_newton_product(v)
        assert reference.relative_error(got, G @ v) <= 1e-10
        predicted = -linearization.gradient @ v - 0.5 * v @ G @ v
        assert linearization.predicted(v) == pytest.approx(predicted, rel=1e-10)
    assert (
        reference.relative_error(linearization.gauss_newton_diagonal(), np.diag(G))
        <= 1e-10
    )
    assert np.linalg.eigvalsh(G)[0] >= -1e-12


@pytest.mark.parametrize("loss", MAIN_LOSS_PARAMS)
def test_gauss_newton_is_the_dense_matrix_of_differences(loss):
    objective, theta = make_problem((4,), ALL_ACTIVATIONS["lecun_tanh"], loss)
    G = dense_gauss_newton(objective, theta)
    linearization = Linearization(objective, theta)
    for v in directions(theta):
        got = linearization.gauss_newton_product(v)
        assert reference.relative_error(got, G @ v) <= 1e-6


@pytest.mark.parametrize("hidden", DEPTH_PARAMS)
def test_the_jacobian_is_the_change_of_the_outputs(hidden):
    loss = ALL_LOSSES["log_loss_softmax"]
    objective, theta = make_problem(hidden, ALL_ACTIVATIONS["lecun_tanh"], loss)
    linearization = Linearization(objective, theta)
    J = np.vstack(list(linearization.jacobian_blocks(scaled=False)))
    X = objective.inputs[:, :-1]
    expected = reference.central_difference(
        lambda t: reference.outputs_of(objective.network, t, X), theta
    )
    np.testing.assert_allclose(J, expected.reshape(J.shape), atol=1e-8)


@pytest.mark.parametrize("loss", LOSS_PARAMS)
def test_the_gradient_of_the_linearization_is_that_of_the_objective(loss):
    objective, theta = make_problem((4, 3), ALL_ACTIVATIONS["tanh"], loss)
    _, gradient = objective.value_and_gradient(theta)
    got = Linearization(objective, theta).gradient
    np.testing.assert_allclose(got, gradient, atol=1e-13)


def squared_error_problem(hidden, **settings):
    return make_problem(
        hidden,
        ALL_ACTIVATIONS["lecun_tanh"],
        next(case for name, case in ALL_LOSSES.items() if "squared" in name),
        **settings,
    )


@pytest.mark.parametrize("hidden", [(), (4,)], ids=["depth0", "depth1"])
def test_the_recursion_is_exact_with_one_hidden_layer(hidden):
    """Eqs. (54)-(56) neglect nothing in the top two layers under squared error."""
    objective, theta = squared_error_problem(hidden)
    linearization = Linearization(objective, theta)
    np.testing.assert_allclose(
        linearization.diagonal(),
        linearization.gauss_newton_diagonal(),
        rtol=1e-12,
        atol=1e-14,
    )


def test_the_recursion_neglects_cross_terms_further_down():
    """Exact in the top two of three layers only."""
    objective, theta = squared_error_problem((4, 3))
    linearization = Linearization(objective, theta)
    got, exact = linearization.diagonal(), linearization.gauss_newton_diagonal()
    first = objective.network.layers(theta)[0].size
    np.testing.assert_allclose(got[first:], exact[first:], rtol=1e-12, atol=1e-14)
    assert np.abs(got[:first] / exact[:first] - 1.0).max() > 0.01
    assert (got >= 0).all()


def test_the_second_derivative_makes_the_diagonal_that_of_the_hessian():
    """With one hidden layer, and then some of it may be negative (erratum to (54))."""
    objective, theta = squared_error_problem((6,), alpha=0.0)
    objective = replace(objective, targets=3.0 * objective.targets)
    linearization = Linearization(objective, theta)
    got = linearization.diagonal(with_second_derivative=True)
    exact = np.diag(dense_hessian(objective, theta))
    np.testing.assert_allclose(got, exact, atol=1e-6)
    assert got.min() < 0.0 <= linearization.diagonal().min()


def test_hessian_and_gauss_newton_differ_by_the_errors():
    """H - G = -sum (d - f) d2f, eq. (50) with its sign corrected."""
    objective, theta = squared_error_problem((3,), alpha=0.0, weighted=False)
    X = objective.inputs[:, :-1]
    network = objective.network

    def jacobian(t):
        return reference.central_difference(
            lambda s: reference.outputs_of(network, s, X), t
        )

    second = reference.central_difference(jacobian, theta, step=1e-4)
    error = objective.targets - reference.outputs_of(network, theta, X)
    expected = -np.einsum("nk,nkij->ij", error, second) / objective.n_samples
    linearization = Linearization(objective, theta)
    identity = np.eye(len(theta))
    H = np.array([linearization.hessian_product(v) for v in identity])
    G = np.array([linearization.gauss_newton_product(v) for v in identity])
    np.testing.assert_allclose(H - G, expected, atol=1e-5)


def test_duplicated_data_leave_the_curvature_unchanged():
    """It is a mean over examples, not a sum."""
    objective, theta = squared_error_problem((4,))
    twice = objective.subset(np.tile(np.arange(objective.n_samples), 2))
    once, doubled = Linearization(objective, theta), Linearization(twice, theta)
    v = directions(theta)[0]
    for name in ("hessian_product", "gauss_newton_product"):
        np.testing.assert_allclose(
            getattr(once, name)(v), getattr(doubled, name)(v), rtol=1e-12
        )
    np.testing.assert_allclose(once.diagonal(), doubled.diagonal(), rtol=1e-12)


@pytest.mark.parametrize("kept", [0, 2**24], ids=["traced_again", "kept"])
@pytest.mark.parametrize("block", [20, 2**18], ids=["small_blocks", "one_block"])
def test_blocks_do_not_matter(monkeypatch, block, kept):
    objective, theta = make_problem(
        (4, 3), ALL_ACTIVATIONS["lecun_tanh"], ALL_LOSSES["log_loss_softmax"]
    )
    v = directions(theta)[0]
    linearization = Linearization(objective, theta)
    expected = [
        linearization.hessian_product(v),
        linearization.gauss_newton_product(v),
        linearization.diagonal(),
        np.vstack(list(linearization.jacobian_blocks())),
    ]
    monkeypatch.setattr("sk_effprop.core.arrays.BLOCK_SIZE", block)
    monkeypatch.setattr(curvature_module, "MAX_KEPT_NUMBERS", kept)
    monkeypatch.setattr(curvature_module, "JACOBIAN_BLOCK", block)
    again = Linearization(objective, theta)
    got = [
        again.hessian_product(v),
        again.gauss_newton_product(v),
        again.diagonal(),
        np.vstack(list(again.jacobian_blocks())),
    ]
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("full", [False, True], ids=["diagonal", "rotation"])
def test_sparse_inputs_have_the_curvature_of_dense_ones(full):
    objective, theta = squared_error_problem((4,))
    rng = np.random.default_rng(3)
    n, d = objective.inputs.shape[0], objective.inputs.shape[1] - 1
    X = sparse_normal(rng, (n, d), density=0.5)
    shift = rng.normal(size=d)
    A = rng.normal(size=(d, d)) if full else rng.uniform(0.5, 2.0, size=d)
    folded = FoldedSparse(X, shift, A)
    thin = Linearization(replace(objective, inputs=folded), theta)
    dense = Linearization(replace(objective, inputs=folded.filled()), theta)
    v = directions(theta)[0]
    for name in ("hessian_product", "gauss_newton_product"):
        np.testing.assert_allclose(
            getattr(thin, name)(v), getattr(dense, name)(v), rtol=1e-10
        )
    np.testing.assert_allclose(thin.diagonal(), dense.diagonal(), rtol=1e-10)
    np.testing.assert_allclose(
        np.vstack(list(thin.jacobian_blocks())),
        np.vstack(list(dense.jacobian_blocks())),
        rtol=1e-10,
    )
