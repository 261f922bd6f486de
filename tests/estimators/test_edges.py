"""Limits and details that only a test of their own can hold in place."""

import inspect

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import make_friedman1
from sklearn.exceptions import ConvergenceWarning

from sk_effprop import EffPropClassifier, EffPropRegressor, InputNormalizer
from sk_effprop.core.inputs import FoldedSparse
from tests.estimators.problems import (
    SGD,
    SMALL,
    both,
    both_solvers,
    may_not_converge,
    problem,
)


def with_duplicates(X):
    """The same matrix, each entry stored as two halves."""
    rows, columns = np.nonzero(X)
    halves = np.concatenate([X[rows, columns]] * 2) / 2.0
    places = np.concatenate([columns] * 2)
    order = np.argsort(np.concatenate([rows] * 2), kind="stable")
    ends = np.concatenate([[0], np.cumsum(2 * (X != 0).sum(axis=1))])
    return sparse.csr_array((halves[order], places[order], ends), shape=X.shape)


@both
@both_solvers
def test_duplicates_in_a_sparse_matrix_are_summed_in_a_copy(cls, settings):
    X, y = problem(cls)
    S = with_duplicates(X)
    parts = [part.copy() for part in (S.data, S.indices, S.indptr)]
    model = cls(**settings).fit(S, y)
    predicted = model.predict(S)
    if settings is SGD:
        model.partial_fit(S, y)
    normalizer = InputNormalizer("scale").fit(S)
    scaled = normalizer.partial_fit(S).transform(S).toarray()
    for part, before in zip((S.data, S.indices, S.indptr), parts, strict=True):
        np.testing.assert_array_equal(part, before)
    summed = sparse.csr_array(X)
    alike = cls(**settings).fit(summed, y)
    np.testing.assert_array_equal(predicted, alike.predict(summed))
    again = InputNormalizer("scale").fit(summed).partial_fit(summed)
    np.testing.assert_array_equal(scaled, again.transform(summed).toarray())


@both
@pytest.mark.parametrize(("n", "solver"), [(500, "lbfgs"), (501, "sgd")])
def test_solver_auto_is_a_batch_method_for_up_to_500_examples(cls, n, solver):
    X, y = problem(cls, n=n)
    assert cls(**SMALL, max_iter=1).fit(X, y).solver_ == solver


def test_lbfgs_works_in_double_precision_for_float32_data():
    """So single precision only rounds the result.

    Data and initial weights are numbers that float32 holds, and nothing is normalised,
    so that both fits minimise the same function.
    """
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4)).astype(np.float32)
    y = np.tanh(X @ [1.0, -1.0, 0.5, 0.0]).astype(np.float32)
    model = EffPropRegressor(
        (5,), solver="lbfgs", max_iter=100, tol=0, alpha=2.0**-10, normalize=None,
        normalize_target=False, input_clip=None, init=rng.integers(-8, 8, 31) / 8.0,
    )  # fmt: skip
    single = model.fit(X, y).theta_
    double = model.fit(X.astype(np.float64), y.astype(np.float64)).theta_
    assert (single.dtype, double.dtype) == (np.float32, np.float64)
    np.testing.assert_array_equal(single, double.astype(np.float32))


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_input_gains_learn_next_to_the_weights_of_the_first_layer(engine):
    """Two full-batch epochs by hand: W = diag(s) V, and s and V both descend."""
    pytest.importorskip("numba")
    X, y = problem(EffPropRegressor)
    rate, n_inputs = 0.02, X.shape[1]
    model = EffPropRegressor(
        (3,), solver="sgd", engine=engine, batch_size="full", input_gains=True,
        learning_rate="constant", learning_rate_scaling="none", momentum=0.0, alpha=0.0,
        input_clip=None, max_iter=2, tol=0, random_state=0,
    )  # fmt: skip
    # a rate that changes nothing leaves the initial weights
    model.set_params(learning_rate_init=1e-300).fit(X, y)
    expected = model.theta_.copy()
    first = expected[: (n_inputs + 1) * 3].reshape(-1, 3)
    s, V = np.ones(n_inputs), first.copy()
    for _ in range(2):
        model.theta_ = expected
        gradient = model.loss_and_gradient(X, y)[1]
        of_first = gradient[: first.size].reshape(first.shape)
        # a gain moves by a twentieth of what all inputs of a unit move together
        of_gains = 0.05 * n_inputs * (of_first[:-1] * V[:-1]).sum(axis=1)
        of_first[:-1] *= s[:, None]
        expected = expected - rate * gradient
        V, s = V - rate * of_first, s - rate * of_gains
        expected[: first.size] = np.vstack([s[:, None] * V[:-1], V[-1]]).ravel()
    model.set_params(learning_rate_init=rate).fit(X, y)
    np.testing.assert_allclose(model.theta_, expected, rtol=1e-9, atol=1e-12)


@both
def test_zeros_of_either_sign_are_the_same_data(cls):
    """Rows that differ in nothing else are one example, to the last bit."""
    rng = np.random.default_rng(0)
    X = rng.integers(-1, 2, size=(40, 3)).astype(float)
    y = X[:, 0] * X[:, 1] + X[:, 2]
    y = y if cls is EffPropRegressor else y > 0
    positive = np.abs(X) * np.sign(X) + 0.0
    mixed = np.where((X == 0.0) & (rng.random(X.shape) < 0.5), -0.0, positive)
    assert np.signbit(mixed[mixed == 0.0]).any()
    assert not np.signbit(positive[positive == 0.0]).any()
    settings = {**SMALL, "solver": "lbfgs", "max_iter": 60}
    one, other = (cls(**settings).fit(data, y).theta_ for data in (positive, mixed))
    np.testing.assert_array_equal(one, other)


@both
def test_the_warning_points_to_the_line_that_called_partial_fit(cls):
    X, y = problem(cls)
    model = cls(**SGD, activation="relu", learning_rate_init=1e300)
    line = inspect.currentframe().f_lineno + 2
    with pytest.warns(ConvergenceWarning) as caught:
        model.partial_fit(X, y)
    assert (caught[0].filename, caught[0].lineno) == (__file__, line)


@pytest.mark.parametrize(("hidden", "n_inputs"), [(31, 127), (32, 123)])
def test_standard_deviations_are_for_up_to_4000_weights(hidden, n_inputs):
    X = np.random.default_rng(0).normal(size=(12, n_inputs))
    model = EffPropRegressor(
        (hidden,), solver="lm", max_iter=1, tol=0, alpha=0.1, random_state=0
    ).fit(X, X[:, 0])
    n_weights = len(model.theta_)
    assert n_weights in (4000, 4001)
    if n_weights == 4000:
        assert np.isfinite(model.predict(X, return_std=True)[1]).all()
    else:
        with pytest.raises(ValueError, match=r"at most 4000 weights.*4001"):
            model.predict(X, return_std=True)


@may_not_converge
def test_single_precision_measures_rates_of_large_inputs():
    X, y = make_friedman1(100, random_state=0)
    X = (X * 1e12).astype(np.float32)
    model = EffPropRegressor(
        (4,), solver="sgd", normalize=None, input_clip=None, max_iter=2, random_state=0
    )
    assert np.isfinite(model.fit(X, y).theta_).all()


@may_not_converge
@pytest.mark.parametrize("solver", ["lm", "cg", "scg"])
def test_an_extreme_damping_leaves_the_weights_finite(solver):
    X, y = make_friedman1(50, random_state=0)
    model = EffPropRegressor((4,), solver=solver, damping=1e300, random_state=0)
    assert np.isfinite(model.fit(X, y).theta_).all()


@may_not_converge
def test_wide_sparse_inputs_are_never_filled(monkeypatch):
    def refuse(self):
        raise AssertionError("filled")

    monkeypatch.setattr(FoldedSparse, "filled", refuse)
    rng = np.random.default_rng(0)
    X = sparse.random(60, 3000, density=0.01, random_state=rng, format="csr")
    y = np.arange(60) % 2
    for solver in ("sgd", "sdlm", "cg", "lbfgs"):
        model = EffPropClassifier((4,), solver=solver, alpha=0.01, max_iter=2)
        assert model.fit(X, y).predict(X).shape == (60,)
