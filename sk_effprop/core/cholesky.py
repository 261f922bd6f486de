"""Cholesky decomposition that is computed block by block, with calls of a clock.

A call of LAPACK cannot be interrupted, and takes seconds for some thousands of rows.
Here a clock is called between tiles of the matrix, and may raise an error.  A matrix of
one tile is LAPACK's; larger ones take a fifth longer than there.
"""

from collections.abc import Callable

import numpy as np
from scipy.linalg import LinAlgError, solve_triangular
from scipy.linalg.blas import dtrsm
from scipy.linalg.lapack import dpotrf

from sk_effprop.core.arrays import Array
from sk_effprop.core.objective import no_clock

# Rows of a tile, and products in one call that solves a triangular system: less than a
# tenth of a second.
TILE, MOST_PRODUCTS = 512, 2**31


def cholesky(A: Array, clock: Callable[[], None] = no_clock) -> Array:
    """Factorise ``A = R'R`` with R upper triangular; only A's upper triangle is read.

    A is in Fortran's order and is overwritten; the lower triangle means nothing.
    """
    tiles = [slice(start, start + TILE) for start in range(0, len(A), TILE)]
    for number, columns in enumerate(tiles):
        for rows in tiles[: number + 1]:
            clock()
            above = A[: rows.start]
            A[rows, columns] -= above[:, rows].T @ above[:, columns]
            if rows != columns:
                solved = dtrsm(1.0, A[rows, rows], A[rows, columns], trans_a=1)
                A[rows, columns] = solved
        A[columns, columns] = _small_cholesky(A[columns, columns])
    return A


def _small_cholesky(A: Array) -> Array:
    root, info = dpotrf(A, lower=0, clean=0)
    if info != 0:
        raise LinAlgError("The matrix is singular to rounding.")
    return np.asarray(root)


def root_quadratic(
    root: Array, V: Array, clock: Callable[[], None] = no_clock
) -> Array:
    """Return ``|R^-T v|^2`` for every row v of V, which is ``v' (R'R)^-1 v``."""
    step, found = max(1, MOST_PRODUCTS // max(1, root.size)), np.empty(len(V))
    for start in range(0, len(V), step):
        clock()
        rows = slice(start, start + step)
        half = solve_triangular(root, V[rows].T, trans=1, check_finite=False)
        found[rows] = np.einsum("ij,ij->j", half, half)
    return found
