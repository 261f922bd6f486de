"""Errors of left-out examples in closed form, against leaving them out."""

import numpy as np
import pytest
from scipy import sparse

from sk_effprop.core.inputs import FoldedSparse, with_ones
from sk_effprop.core.left_out import (
    ROUGH,
    _left_out,
    out_of_sample,
    tangent_kernel,
)


def table(function, n=100, n_in=3, noise=0.0, seed=0):
    """Normal inputs, and targets of one output."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, n_in))
    return with_ones(X), (function(X) + noise * rng.normal(size=n))[:, None]


def line(X):
    return X[:, 0]


def wave(X):
    return np.sin(3.0 * X[:, 0])


def nothing(X):
    return np.zeros(len(X))


def test_left_out_errors_are_those_of_leaving_out(monkeypatch):
    """In closed form, and by fitting n times."""
    inputs, Y = table(wave, n=20)
    Y = (Y - Y.mean()) / Y.std()
    K = tangent_kernel(inputs[:, :-1] @ inputs[:, :-1].T / 3, ROUGH)
    monkeypatch.setattr("sk_effprop.core.left_out.NOISES", np.array([0.1]))
    weight = np.random.default_rng(1).uniform(0.5, 2.0, size=20)
    weight /= weight.mean()
    residuals = []
    for i in range(20):
        rest = np.delete(np.arange(20), i)
        A = K[np.ix_(rest, rest)] + np.diag(0.1 / weight[rest])
        # the constant that suits the others best, and what the kernel adds
        ones = np.ones(19)
        constant = (
            ones @ np.linalg.solve(A, Y[rest, 0]) / (ones @ np.linalg.solve(A, ones))
        )
        added = K[i, rest] @ np.linalg.solve(A, Y[rest, 0] - constant)
        residuals.append(Y[i, 0] - constant - added)
    n_effective = weight.sum() ** 2 / np.sum(weight**2)
    expected = np.mean(weight * np.square(residuals)) * (1.0 - 1.0 / n_effective) ** 2
    found = _left_out(K, Y, weight)
    assert found.error == pytest.approx(min(expected, 1.0))
    assert found.noise == 0.1


def test_the_error_of_the_mean_is_one():
    """With so much noise that the kernel adds nothing to it, for any weights."""
    Y = np.array([[1.0], [0.0], [-1.0], [0.5], [-0.5]])
    error = _left_out(1e-12 * np.eye(5), Y, np.ones(5)).error
    assert error == pytest.approx(np.mean(Y**2))
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        for tiny in (1e-3, 1e-9, 1e-300):
            weight = np.array([1.0, tiny, tiny, tiny, tiny])
            found = out_of_sample(with_ones(Y), Y**2, weight)
            assert 0.0 <= found.error <= 1.0


def test_the_kernel_is_that_of_a_wide_network():
    """By Monte Carlo: the covariance of one layer of units, and of its derivatives."""
    rng = np.random.default_rng(0)
    from scipy.special import erf

    S = np.array([[1.0, 0.4], [0.4, 0.8]])
    z = rng.multivariate_normal([0, 0], S, size=200_000)
    sizes = np.outer(*[np.sqrt(1 + 2 * np.diag(S))] * 2)
    covariance = 2 / np.pi * np.arcsin(2 * S / sizes)
    slopes = 4 / np.pi / np.sqrt(sizes**2 - 4 * S**2)
    values, derivatives = erf(z), 2 / np.sqrt(np.pi) * np.exp(-(z**2))
    np.testing.assert_allclose(values.T @ values / 2e5, covariance, atol=0.01)
    np.testing.assert_allclose(derivatives.T @ derivatives / 2e5, slopes, atol=0.02)
    assert np.linalg.eigvalsh(tangent_kernel(S, 1.0)).min() > 0.0


def test_noise_is_hardly_ever_opposed():
    for seed in range(40):
        inputs, targets = table(nothing, 40, 4, noise=1.0, seed=seed)
        assert out_of_sample(inputs, targets).opposition > -4.0


def test_a_weight_of_two_is_half_the_noise():
    """Scales of weights, order of rows and scale of targets do not matter."""
    inputs, targets = table(wave, noise=0.3)
    weight = np.random.default_rng(0).uniform(0.5, 2.0, size=100)
    order = np.random.default_rng(1).permutation(100)
    one = out_of_sample(inputs, targets, weight)
    other = out_of_sample(inputs[order], 7.0 - 1e3 * targets[order], 5 * weight[order])
    np.testing.assert_allclose(one, other, rtol=1e-7)


def test_sparse_inputs_are_as_good_as_dense_ones():
    rng = np.random.default_rng(0)
    X = rng.poisson(0.3, size=(90, 5)).astype(float)
    targets = X @ np.ones((5, 1)) + rng.normal(size=(90, 1))
    for A in (np.full(5, 2.0), rng.normal(size=(5, 3))):
        folded = FoldedSparse(sparse.csr_array(X), np.full(5, 0.3), A)
        np.testing.assert_allclose(
            out_of_sample(folded, targets),
            out_of_sample(folded.filled(), targets),
            rtol=1e-7,
        )


@pytest.mark.parametrize(
    ("inputs", "targets"),
    [
        (np.random.default_rng(0).normal(size=(50, 3)), np.full((50, 1), 0.1)),
        (np.full((50, 3), 1e200) * np.arange(50.0)[:, None], np.arange(50.0)[:, None]),
    ],
    ids=["constant targets", "overflow"],
)
def test_nothing_is_learnt_where_nothing_can_be(inputs, targets):
    found = out_of_sample(with_ones(inputs), targets)
    assert (found.error, found.linear_error) == (1.0, 1.0)


def test_without_hidden_layers_there_is_but_the_linear_kernel():
    found = out_of_sample(*table(wave), has_hidden_layers=False)
    assert found.error == found.linear_error
