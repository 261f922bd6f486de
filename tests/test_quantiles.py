"""Quartiles from the sketch against those of all rows."""

import numpy as np
import pytest
from scipy import sparse

from sk_effprop._quantiles import (
    N_CLUSTERS,
    QuantileSketch,
    Quartiles,
    column_quantiles,
    column_quartiles,
)

N = 5000
NAMES = [
    "normal", "cauchy", "skewed", "far_from_zero", "jitter", "few_values", "indicator",
    "odd_beginning", "sorted",
]  # fmt: skip


def columns(name, seed=0):
    """Three columns of a distribution."""
    rng = np.random.default_rng(seed)
    size = (N, 3)
    outside = rng.uniform(size=size) < 0.1
    begins_elsewhere = np.where(np.arange(N)[:, None] < 50, 0.0, 100.0)
    return {
        "normal": rng.normal(size=size),
        "cauchy": rng.standard_cauchy(size=size),
        "skewed": rng.exponential(size=size),
        "far_from_zero": 1e9 + rng.normal(size=size),
        "jitter": outside + 1e-3 * rng.normal(size=size),
        "few_values": rng.integers(0, 5, size=size).astype(float),
        "indicator": (rng.uniform(size=size) < 0.4).astype(float),
        "odd_beginning": begins_elsewhere + rng.normal(size=size),
        "sorted": np.sort(rng.normal(size=size), axis=0),
    }[name]


def sketch_of(X, weight, step):
    sketch = QuantileSketch.of_rows(X[:step], weight[:step])
    for start in range(step, X.shape[0], step):
        rows = slice(start, start + step)
        sketch = sketch.update(X[rows], weight[rows])
    return sketch


def assert_close(got, expected, tolerance):
    """Relative to the interquartile range."""
    size = np.maximum(expected.interquartile_range, 1e-300)
    for ours, exact in zip(got, expected, strict=True):
        assert (np.abs(ours - exact) <= tolerance * size + 1e-300).all()


@pytest.mark.parametrize("step", [1, 7, 1000])
@pytest.mark.parametrize("name", NAMES)
def test_quartiles_of_a_stream_are_those_of_all_its_rows(name, step):
    """No matter if rows come one by one or in batches."""
    X, weight = columns(name), np.ones(N)
    got = sketch_of(X, weight, step)
    assert got.values.shape == got.weights.shape == (3, N_CLUSTERS)
    assert_close(got.quartiles(), column_quartiles(X, weight), 0.03)


@pytest.mark.parametrize("name", NAMES)
def test_equal_weights_are_a_case_of_any_weights(name):
    X, weight = columns(name), np.ones(N)
    equal = QuantileSketch.of_rows(X, weight)
    weight[0] += 1e-14
    nearly = QuantileSketch.of_rows(X, weight)
    assert_close(equal.quartiles(), nearly.quartiles(), 1e-9)
    np.testing.assert_allclose(equal.weights.sum(axis=1), N)


@pytest.mark.parametrize("step", [1, 50])
def test_weights_count_as_repeated_rows(step):
    X, rng = columns("skewed"), np.random.default_rng(1)
    weight = rng.choice([0.0, 0.5, 1.0, 20.0], size=N)
    weight[0] = 1.0
    got = sketch_of(X, weight, step).quartiles()
    assert_close(got, column_quartiles(X, weight), 0.05)
    scaled = sketch_of(X, 2.0**600 * weight, step).quartiles()
    assert_close(scaled, got, 1e-12)


@pytest.mark.parametrize("n", [1, 2, N_CLUSTERS - 1])
def test_quartiles_of_a_few_rows_are_exact(n):
    X = columns("cauchy")[:n]
    for step in (1, n):
        got = sketch_of(X, np.ones(n), step).quartiles()
        assert_close(got, column_quartiles(X, np.ones(n)), 1e-12)


def test_equal_values_have_no_spread():
    """Rounding in a cluster would give them one, and a scale of rounding errors."""
    X = np.full((N, 3), 1e9 / 7)
    X[::10] += [1.0, -2.0, 3e4]
    sketch = sketch_of(X, np.ones(N), 13)
    assert not sketch.quartiles().interquartile_range.any()


def test_sparse_rows_count_like_dense_ones(monkeypatch):
    monkeypatch.setattr("sk_effprop.core.arrays.BLOCK_SIZE", 100)
    X = sparse.random(300, 8, density=0.4, format="csr", random_state=0)
    thin = sketch_of(X, np.ones(300), 40)
    full = sketch_of(X.toarray(), np.ones(300), 40)
    np.testing.assert_array_equal(thin.values, full.values)
    np.testing.assert_array_equal(thin.weights, full.weights)


@pytest.mark.parametrize("block", [7, 100, 2**16])
@pytest.mark.parametrize("weights", ["equal", "any"])
@pytest.mark.parametrize("density", [0.0, 0.01, 0.4, 0.8, 1.0])
def test_quantiles_of_sparse_columns_are_those_of_dense_ones(
    density, weights, block, monkeypatch
):
    monkeypatch.setattr("sk_effprop._quantiles.BLOCK_SIZE", block)
    rng = np.random.default_rng(0)
    X = sparse.random(60, 21, density=density, format="csr", random_state=0)
    X.data = rng.integers(-3, 4, size=X.nnz).astype(float)
    weight = np.full(60, 0.3) if weights == "equal" else rng.uniform(size=60)
    levels = [0.0, 0.1, 0.25, 0.5, 0.75, 1.0]
    thin = column_quantiles(X, weight, levels)
    np.testing.assert_array_equal(thin, column_quantiles(X.toarray(), weight, levels))


def test_a_sketch_of_quartiles_has_these_quartiles():
    known = Quartiles(*np.array([[5.0, -1e9], [1.0, 2.0], [3.0, 0.5]]))
    got = QuantileSketch.of_quartiles(known, 100.0)
    assert got.weights.sum(axis=1) == pytest.approx(100.0)
    assert_close(got.quartiles(), known, 0.02)
