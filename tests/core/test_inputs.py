import numpy as np
import pytest

from sk_effprop.core.inputs import (
    FoldedSparse,
    squares_times,
    squares_transposed_times,
    with_ones,
)
from tests.cases import sparse_normal

ROWS = [
    pytest.param(slice(2, 7), id="slice"),
    pytest.param(np.array([8, 0, 0, 3]), id="numbers"),
    pytest.param(slice(5, 6), id="single"),
]


@pytest.fixture(params=["diagonal", "square", "narrow"])
def pair(request):
    """Folded sparse inputs, and the dense array that they stand for."""
    rng = np.random.default_rng(0)
    X = sparse_normal(rng, (10, 5), density=0.4)
    shift = rng.normal(size=5)
    A = {
        "diagonal": rng.uniform(0.5, 2.0, size=5),
        "square": rng.normal(size=(5, 5)),
        "narrow": rng.normal(size=(5, 3)),
    }[request.param]
    full = np.diag(A) if A.ndim == 1 else A
    return FoldedSparse(X, shift, A), with_ones((X.toarray() - shift) @ full)


def test_products_agree_with_dense_ones(pair):
    folded, dense = pair
    rng = np.random.default_rng(1)
    W = rng.normal(size=(dense.shape[1], 4))
    delta = rng.normal(size=(dense.shape[0], 4))
    np.testing.assert_allclose(folded @ W, dense @ W, atol=1e-13)
    np.testing.assert_allclose(folded.T @ delta, dense.T @ delta, atol=1e-13)


@pytest.mark.parametrize("is_signed", [False, True])
def test_products_of_squares_agree_with_dense_ones(pair, is_signed):
    folded, dense = pair
    rng = np.random.default_rng(1)
    W = rng.normal(size=(dense.shape[1], 4))
    delta = rng.normal(size=(dense.shape[0], 4))
    if not is_signed:
        W, delta = np.abs(W), np.abs(delta)
    np.testing.assert_allclose(squares_times(folded, W), dense**2 @ W, atol=1e-12)
    product = squares_transposed_times(folded, delta)
    np.testing.assert_allclose(product, (dense**2).T @ delta, atol=1e-12)


@pytest.mark.parametrize("rows", ROWS)
def test_rows_are_those_of_the_dense_array(pair, rows):
    folded, dense = pair
    part = folded[rows]
    assert part.shape == dense[rows].shape
    assert len(part) == len(dense[rows])
    np.testing.assert_allclose(part @ np.eye(dense.shape[1]), dense[rows], atol=1e-13)


def test_shape_and_dtype_are_those_of_the_dense_array(pair):
    folded, dense = pair
    assert (folded.shape, folded.dtype) == (dense.shape, dense.dtype)
    assert len(folded) == len(dense)


def test_single_precision_stays_single(pair):
    folded, dense = pair
    single = FoldedSparse(
        folded.X.astype(np.float32),
        folded.shift.astype(np.float32),
        folded.A.astype(np.float32),
    )
    W = np.ones((dense.shape[1], 2), dtype=np.float32)
    assert (single @ W).dtype == np.float32
    assert (single.T @ np.ones((10, 2), dtype=np.float32)).dtype == np.float32


@pytest.mark.parametrize("order", ["C", "F"])
def test_with_ones_appends_a_column_and_keeps_the_precision(order):
    X = np.asarray(np.arange(6.0, dtype=np.float32).reshape(2, 3), order=order)
    extended = with_ones(X)
    assert extended.flags.c_contiguous
    assert extended.dtype == np.float32
    np.testing.assert_array_equal(extended, [[0, 1, 2, 1], [3, 4, 5, 1]])
