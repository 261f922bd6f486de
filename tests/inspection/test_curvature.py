"""Operator, diagonal and spectrum of fitted estimators."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import NotFittedError

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.inspection import (
    curvature_operator,
    diagonal_curvature,
    hessian_spectrum,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

KINDS = pytest.mark.parametrize("kind", ["hessian", "gauss_newton"])
CASES = {
    "regression": (EffPropRegressor, {}),
    "two_layers": (EffPropRegressor, {"hidden_layer_sizes": (4, 3)}),
    "linear": (EffPropRegressor, {"hidden_layer_sizes": ()}),
    "squared_error": (EffPropClassifier, {}),
    "log_loss": (EffPropClassifier, {"loss": "log_loss", "hidden_layer_sizes": (4, 3)}),
    "relu": (EffPropClassifier, {"activation": "relu", "twist": 0.1}),
}


@pytest.fixture(params=CASES)
def fitted(request):
    """A small network with data and weights."""
    cls, settings = CASES[request.param]
    load = load_diabetes if cls is EffPropRegressor else load_iris
    X, y = load(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(y))[:40]
    X, y = X[rows, :4], y[rows]
    settings = {"hidden_layer_sizes": (4,), "max_iter": 3, "alpha": 0.05} | settings
    model = cls(**settings, random_state=0).fit(X, y)
    return model, X, y, np.linspace(0.5, 2.0, len(y))


def dense(operator):
    return operator @ np.eye(operator.shape[0])


def test_the_operator_is_the_second_derivative_of_loss_and_gradient(fitted):
    """Central differences of the public gradient, penalty and weights included."""
    model, X, y, weight = fitted
    H = dense(curvature_operator(model, X, y, sample_weight=weight))
    theta, step = model.theta_, 1e-5
    differences = []
    for unit in np.eye(len(theta)):
        sides = []
        for sign in (1.0, -1.0):
            model.theta_ = theta + sign * step * unit
            sides.append(model.loss_and_gradient(X, y, weight)[1])
        differences.append((sides[0] - sides[1]) / (2.0 * step))
    model.theta_ = theta
    np.testing.assert_allclose(H, differences, atol=1e-6 * np.abs(H).max())
    np.testing.assert_allclose(H, H.T, atol=1e-12)


def test_the_gauss_newton_matrix_has_no_negative_eigenvalue(fitted):
    model, X, y, _ = fitted
    values = np.linalg.eigvalsh(dense(curvature_operator(model, X, y, "gauss_newton")))
    assert values.min() > -1e-12 * values.max()


@KINDS
def test_the_diagonal_is_that_of_the_operator(fitted, kind):
    model, X, y, weight = fitted
    expected = np.diag(
        dense(curvature_operator(model, X, y, kind, sample_weight=weight))
    )
    got = diagonal_curvature(model, X, y, kind, sample_weight=weight)
    np.testing.assert_allclose(got, expected, atol=1e-12 * np.abs(expected).max())


@KINDS
def test_the_spectrum_is_that_of_the_dense_matrix(fitted, kind):
    model, X, y, _ = fitted
    A = dense(curvature_operator(model, X, y, kind))
    expected = np.linalg.eigvalsh(A)[::-1]
    whole = hessian_spectrum(model, X, y, kind=kind)
    np.testing.assert_allclose(whole.eigenvalues, expected, atol=1e-10)
    V = whole.eigenvectors
    np.testing.assert_allclose(A @ V, V * whole.eigenvalues, atol=1e-10)
    assert whole.trace == pytest.approx(np.trace(A))
    sizes = np.abs(expected[np.abs(expected) > 1e-12 * expected[0]])
    assert whole.condition_number == pytest.approx(sizes.max() / sizes.min(), rel=1e-3)
    some = hessian_spectrum(model, X, y, kind=kind, k=2)
    np.testing.assert_allclose(some.eigenvalues, expected[:2], rtol=1e-8)
    assert some.trace == pytest.approx(whole.trace)
    assert some.condition_number is None


@KINDS
def test_sparse_and_single_precision_data_are_the_same_matter(kind):
    X, y = load_iris(return_X_y=True)
    model = EffPropClassifier(4, max_iter=3, random_state=0).fit(X, y)
    same = curvature_operator(model, sparse.csr_array(X), y, kind)
    expected = dense(curvature_operator(model, X, y, kind))
    np.testing.assert_allclose(dense(same), expected, atol=1e-10)
    diagonal = diagonal_curvature(model, sparse.csr_array(X), y, kind)
    np.testing.assert_allclose(diagonal, np.diag(expected), atol=1e-10)
    single = EffPropClassifier(4, max_iter=3, random_state=0).fit(X.astype("f4"), y)
    assert hessian_spectrum(single, X.astype("f4"), y, k=1).eigenvalues.dtype == "f8"


def test_what_is_wrong_is_said(monkeypatch):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(NotFittedError):
        curvature_operator(EffPropClassifier(), X, y)
    model = EffPropClassifier(3, max_iter=2, random_state=0).fit(X, y)
    for look in (curvature_operator, diagonal_curvature, hessian_spectrum):
        with pytest.raises(ValueError, match=r"kind must be one of .*'fisher'"):
            look(model, X, y, kind="fisher")
    for k in (0, 2.5, "all"):
        with pytest.raises(ValueError, match="k must be a positive int"):
            hessian_spectrum(model, X, y, k=k)
    monkeypatch.setattr("sk_effprop.inspection._curvature.MAX_DENSE", 10)
    with pytest.raises(ValueError, match="k must be given for more than 10 weights"):
        hessian_spectrum(model, X, y)
