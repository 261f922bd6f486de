"""Inputs of the first layer: normalised rows with a last column of ones.

Dense inputs are one C-contiguous array.  Sparse inputs stay sparse: the normalisation
z = (x - shift) A is folded into the products, so that no array of the size of the dense
data is made.  Both have the three operations that a pass needs: ``inputs @ W``,
``inputs.T @ delta`` and ``inputs[rows]``.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from sk_effprop.core.arrays import Array, row_blocks


def with_ones(X: Array) -> Array:
    """C-contiguous copy of X with a last column of ones, (n_samples, n_in + 1)."""
    extended = empty_with_ones(X.shape[0], X.shape[1], X.dtype)
    for rows in row_blocks(*extended.shape):
        extended[rows, :-1] = X[rows]
    return extended


def empty_with_ones(n_rows: int, n_columns: int, dtype: Any) -> Array:
    """Array of shape (n_rows, n_columns + 1): ones in the last column, else unset."""
    extended = np.empty((n_rows, n_columns + 1), dtype=dtype)
    # New memory is made on the first touch, by blocks so that Ctrl-C can come between.
    for rows in row_blocks(n_rows, n_columns + 1):
        extended[rows, -1] = 1.0
    return extended


@dataclass(frozen=True, eq=False)
class FoldedSparse:
    """The matrix ``[(X - shift) A, 1]`` for sparse X, as an operator.

    Attributes
    ----------
    X : sparse array of shape (n_samples, n_features)
        Must be in CSR format.
    shift : ndarray of shape (n_features,)
    A : ndarray of shape (n_features,) or (n_features, n_in)
        A vector stands for a diagonal matrix.
    """

    X: Any
    shift: Array
    A: Array

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the dense array."""
        width = self.X.shape[1] if self.A.ndim == 1 else self.A.shape[1]
        return self.X.shape[0], width + 1

    @property
    def dtype(self) -> Any:
        return self.X.dtype

    def astype(self, dtype: Any) -> "FoldedSparse":
        """Copy in another precision."""
        X, shift, A = (part.astype(dtype) for part in (self.X, self.shift, self.A))
        return FoldedSparse(X, shift, A)

    def __len__(self) -> int:
        return int(self.X.shape[0])

    def __getitem__(self, rows: Any) -> "FoldedSparse":
        return FoldedSparse(self.X[rows], self.shift, self.A)

    @cached_property
    def is_scaled(self) -> bool:
        """True if only the shift is left to do, as A has no effect."""
        return self.A.ndim == 1 and bool((self.A == 1.0).all())

    def __matmul__(self, W: Array) -> Array:
        weights, bias = W[:-1], W[-1]
        folded = weights if self.is_scaled else matrix_product(self.A, weights)
        return np.asarray(self.X @ folded) + (bias - self.shift @ folded)

    def add_transposed(self, delta: Array, into: Array) -> None:
        """Add the transpose times delta, without a further array as large as it."""
        if not self.is_scaled:
            into += self.T @ delta
            return
        total = delta.sum(axis=0)
        into[-1] += total
        for rows in row_blocks(len(into) - 1, len(total)):
            into[rows] -= self.shift[rows, None] * total
        X = self.X
        if X.nnz > X.shape[1] / 2:
            into[:-1] += X.T @ delta
            return
        columns, places = np.unique(X.indices, return_inverse=True)
        shape = X.shape[0], len(columns)
        stored = sparse.csr_array((X.data, places.ravel(), X.indptr), shape=shape)
        into[columns] += stored.T @ delta

    def filled(self) -> Array:
        """Return the dense array; meant for blocks of rows only."""
        X = self.X.toarray() - self.shift
        return with_ones(X * self.A if self.A.ndim == 1 else X @ self.A)

    def gram(self) -> Array:
        """Inner products of the rows without their ones, and without filling them.

        With ``B = X A`` and ``s = shift A`` they are ``B B' - B s 1' - 1 s'B' + s's``.
        """
        is_scale = self.A.ndim == 1
        rows = self.X.multiply(self.A).tocsr() if is_scale else self.X @ self.A
        shift = self.shift * self.A if is_scale else self.shift @ self.A
        product = rows @ rows.T
        product = product.toarray() if sparse.issparse(product) else product
        across = np.asarray(rows @ shift)
        return np.asarray(
            product - across[:, None] - across[None, :] + float(shift @ shift)
        )

    def squares(self, B: Array) -> Array:
        """Product of the elementwise square with B, without the dense array.

        ``(x - s)^2 a^2 = x^2 a^2 - 2 x s a^2 + s^2 a^2`` for every column.
        """
        if self.A.ndim == 2:
            return np.asarray(np.square(self.filled()) @ B)
        scaled = np.square(self.A)[:, None] * B[:-1]
        shifted = self.shift[:, None] * scaled
        result = self.X.multiply(self.X) @ scaled - 2.0 * (self.X @ shifted)
        return clip_rounding(np.asarray(result) + self.shift @ shifted, B) + B[-1]

    def squares_transposed(self, B: Array) -> Array:
        """Product of the transpose of the elementwise square of the inputs with B."""
        if self.A.ndim == 2:
            return np.asarray(np.square(self.filled()).T @ B)
        total, shift = B.sum(axis=0), self.shift[:, None]
        result = np.asarray(self.X.multiply(self.X).T @ B)
        result = result - 2.0 * shift * np.asarray(self.X.T @ B) + shift**2 * total
        scaled = np.square(self.A)[:, None] * clip_rounding(result, B)
        return np.vstack([scaled, total])

    @property
    def T(self) -> "TransposedFoldedSparse":
        return TransposedFoldedSparse(self)


@dataclass(frozen=True, eq=False)
class TransposedFoldedSparse:
    """Transpose of :class:`FoldedSparse`, for products from the left."""

    inputs: FoldedSparse

    def __matmul__(self, delta: Array) -> Array:
        X, shift, A = self.inputs.X, self.inputs.shift, self.inputs.A
        total = delta.sum(axis=0)
        product = np.asarray(X.T @ delta)
        result = np.empty((A.shape[-1] + 1, len(total)), np.result_type(product, A))
        result[-1] = total
        if A.ndim == 2:
            np.dot(A.T, product - np.outer(shift, total), out=result[:-1])
            return result
        # one array as large as the layer, for wide inputs
        np.multiply(shift[:, None], total, out=result[:-1])
        np.subtract(product, result[:-1], out=result[:-1])
        result[:-1] *= A[:, None]
        return result


def add_transposed_product(x: Any, delta: Array, into: Array) -> None:
    """Add the transpose of a layer's inputs, times delta."""
    if isinstance(x, np.ndarray):
        into += x.T @ delta
    else:
        x.add_transposed(delta, into)


def squares_times(x: Any, B: Array) -> Array:
    """Product of the elementwise square of a layer's inputs with B."""
    return np.asarray(np.square(x) @ B if isinstance(x, np.ndarray) else x.squares(B))


def squares_transposed_times(x: Any, B: Array) -> Array:
    """Product of the transpose of the elementwise square of the inputs with B."""
    if isinstance(x, np.ndarray):
        return np.asarray(np.square(x).T @ B)
    return np.asarray(x.squares_transposed(B))


def clip_rounding(product: Array, B: Array) -> Array:
    """Replace products of squares that are negative by rounding with 0."""
    return np.asarray(np.maximum(product, 0.0) if (B >= 0.0).all() else product)


def matrix_product(A: Array, B: Array) -> Array:
    """A @ B, where a vector A stands for a diagonal matrix."""
    return A[:, None] * B if A.ndim == 1 else A @ B


def bounded(inputs: Any, dtype: Any) -> Array:
    """Clip dense inputs so that products with weights of usual size do not overflow.

    The products are computed in ``dtype``.  It is meant for the few rows whose outputs
    are not finite.  The sign of a value that overflowed is known, and its size does not
    matter.
    """
    dense = inputs.filled() if isinstance(inputs, FoldedSparse) else inputs
    bound = min(float(np.finfo(one).max) for one in (dense.dtype, dtype)) ** 0.25
    return np.clip(np.nan_to_num(dense, nan=0.0), -bound, bound)


def gram(inputs: Any) -> Array:
    """Inner products of all rows, without their ones; sparse inputs stay sparse.

    Returns
    -------
    ndarray of shape (n_samples, n_samples)
    """
    if isinstance(inputs, FoldedSparse):
        return inputs.gram()
    X = inputs[:, :-1]
    return np.asarray(X @ X.T)


def stack_rows(parts: list[Any]) -> Any:
    """Inputs of several blocks of rows as one; sparse ones have the same scales."""
    first = parts[0]
    if len(parts) == 1:
        return first
    if isinstance(first, np.ndarray):
        return np.concatenate(parts)
    X = sparse.vstack([part.X for part in parts], format="csr")
    return FoldedSparse(X, first.shift, first.A)
