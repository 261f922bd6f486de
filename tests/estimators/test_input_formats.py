"""Formats of X: sparse, read-only, float32, normalised inside or outside."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from sk_effprop import EffPropRegressor, InputNormalizer
from sk_effprop.preprocessing import ROTATIONS
from tests.estimators.problems import (
    ALL_METHODS,
    SGD,
    both,
    both_solvers,
    problem,
    sparse_problem,
)


@both
@both_solvers
@pytest.mark.parametrize("normalize", ["standardize", "whiten", None])
def test_float32_stays_float32(cls, settings, normalize):
    X, y = problem(cls)
    single = cls(**settings, normalize=normalize).fit(X.astype(np.float32), y)
    double = cls(**settings, normalize=normalize).fit(X, y)
    assert single.theta_.dtype == np.float32
    assert single.hidden_activations(X.astype(np.float32)).dtype == np.float32
    output = single.predict if cls is EffPropRegressor else single.decision_function
    assert output(X.astype(np.float32)).dtype == np.float32
    assert single.loss_ == pytest.approx(double.loss_, rel=0.05)


@both
@both_solvers
@pytest.mark.parametrize("kind", ["csr", "csc"])
@pytest.mark.parametrize("clip", [None, 1.5])
@pytest.mark.parametrize("normalize", ALL_METHODS)
def test_sparse_data_give_what_dense_data_give(
    monkeypatch, cls, settings, kind, clip, normalize
):
    """To rounding, and without ever being filled whole."""
    if clip and normalize in ROTATIONS:
        pytest.skip("refused, see test_bad_settings")
    # fewer numbers than X has, as blocks of rows may be filled
    monkeypatch.setattr("sk_effprop.core.arrays.BLOCK_SIZE", 70)
    X, y = sparse_problem(cls)
    settings = {**settings, "normalize": normalize, "input_clip": clip, "alpha": 0.01}
    dense = cls(**{**settings, "max_iter": 1 if settings is SGD else 4}).fit(X, y)
    sizes = record_filled_sizes(monkeypatch)
    S = sparse.csr_array(X).asformat(kind)
    thin = clone(dense).fit(S, y)
    output = "predict" if cls is EffPropRegressor else "decision_function"
    got = getattr(thin, output)(S)
    hidden = thin.hidden_activations(S)
    assert max(sizes, default=0) < X.size / 2
    np.testing.assert_allclose(got, getattr(dense, output)(X), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(
        hidden, dense.hidden_activations(X), rtol=1e-6, atol=1e-8
    )
    np.testing.assert_allclose(thin.theta_, dense.theta_, rtol=1e-6, atol=1e-8)
    assert thin.loss_ == pytest.approx(dense.loss_, rel=1e-8)


def record_filled_sizes(monkeypatch):
    """Size of every sparse array that is made dense from now on."""
    sizes = []
    for kind in ("csr", "csc", "coo"):
        for suffix in ("array", "matrix"):
            cls = getattr(sparse, f"{kind}_{suffix}")
            for name in ("toarray", "todense"):
                monkeypatch.setattr(cls, name, _recorded(getattr(cls, name), sizes))
    return sizes


def _recorded(fill, sizes):
    def recorded(self, *args, **kwargs):
        sizes.append(np.prod(self.shape))
        return fill(self, *args, **kwargs)

    return recorded


def test_filled_sparse_arrays_are_noticed(monkeypatch):
    """The record above does record."""
    sizes = record_filled_sizes(monkeypatch)
    sparse.csr_array((3, 4)).toarray()
    sparse.csc_matrix((2, 2)).todense()
    assert sizes[0] == 12
    assert 4 in sizes


@both
def test_sparse_streams_are_learnt_like_dense_ones(cls):
    X, y = sparse_problem(cls)
    for normalize in ALL_METHODS:
        dense, thin = (cls(**SGD, normalize=normalize) for _ in range(2))
        for rows in np.split(np.arange(60), 2):
            dense.partial_fit(X[rows], y[rows])
            thin.partial_fit(sparse.csr_array(X[rows]), y[rows])
        np.testing.assert_allclose(
            thin.hidden_activations(X), dense.hidden_activations(X), atol=1e-7
        )


@both
@both_solvers
@pytest.mark.parametrize("kind", ["dense", "csr", "csc"])
@pytest.mark.parametrize("normalize", ALL_METHODS)
def test_data_are_left_as_they_are_and_may_be_read_only(cls, settings, kind, normalize):
    X, y = sparse_problem(cls)
    weight = np.linspace(0.0, 2.0, 60)
    X = X if kind == "dense" else sparse.csr_array(X).asformat(kind)
    before = X.copy()
    parts = [X] if kind == "dense" else [X.data, X.indices, X.indptr]
    for array in (*parts, y, weight):
        array.flags.writeable = False
    model = cls(**{**settings, "max_iter": 1}, normalize=normalize)
    model.fit(X, y, sample_weight=weight, X_val=X, y_val=y).predict(X)
    model.loss_and_gradient(X, y, weight)
    if settings is SGD:
        model.partial_fit(X, y, sample_weight=weight)
    assert abs(X - before).sum() == 0.0


@both
@both_solvers
@pytest.mark.parametrize("clip", [None, 1.5])
@pytest.mark.parametrize("normalize", ALL_METHODS)
def test_the_normalizer_in_a_pipeline_does_what_the_parameter_does(
    cls, settings, normalize, clip
):
    X, y = problem(cls)
    inside = cls(**{**settings, "normalize": normalize, "input_clip": clip}).fit(X, y)
    outside = make_pipeline(
        InputNormalizer(normalize, clip=clip), cls(**settings, normalize=None)
    ).fit(X, y)
    np.testing.assert_allclose(inside.theta_, outside[-1].theta_, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(
        inside.hidden_activations(X),
        outside[-1].hidden_activations(outside[0].transform(X)),
        rtol=1e-6,
        atol=1e-8,
    )
