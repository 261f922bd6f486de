"""Cholesky's decomposition by tiles, next to LAPACK's."""

import numpy as np
import pytest
from scipy.linalg import LinAlgError, solve_triangular

from sk_effprop.core import cholesky as module
from sk_effprop.core.cholesky import cholesky, root_quadratic


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch):
    """Cut small matrices as if they were large."""
    monkeypatch.setattr(module, "TILE", 8)
    monkeypatch.setattr(module, "MOST_PRODUCTS", 3 * 20**2)


def positive(size):
    """A positive definite matrix with nothing below its diagonal."""
    X = np.random.default_rng(size).normal(size=(size, size + 3))
    return np.asfortranarray(np.triu(X @ X.T + np.eye(size)))


@pytest.mark.parametrize("size", [1, 7, 8, 9, 16, 29])
def test_tiles_make_the_factor_of_the_whole(size):
    A = positive(size)
    whole = A + np.triu(A, 1).T
    root = np.triu(cholesky(A.copy(order="F")))
    np.testing.assert_allclose(root, np.linalg.cholesky(whole).T, rtol=1e-12)


def test_a_singular_matrix_is_refused_in_whichever_tile_it_shows():
    for last in (2, 12, 19):
        A = positive(20)
        A[last, last] = -1.0
        with pytest.raises(LinAlgError, match="singular to rounding"):
            cholesky(A)


def test_the_clock_is_looked_at_before_every_tile():
    looks = []
    cholesky(positive(20), lambda: looks.append(None))
    assert len(looks) == 6


def test_quadratic_forms_do_not_depend_on_the_cut():
    root, looks = cholesky(positive(20)), []
    V = np.random.default_rng(0).normal(size=(7, 20))
    expected = np.sum(solve_triangular(root, V.T, trans=1) ** 2, axis=0)
    found = root_quadratic(root, V, lambda: looks.append(None))
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert len(looks) == 3
