"""Kinds of layers: what a layer computes before its activation, and its derivatives.

A kind is created for the inputs x and the weights W of a layer.  Its preactivations
``z(x, W)`` have a column for each unit, and the weights of a unit are a column of W::

    >>> import numpy as np
    >>> from sk_effprop.core.layer_kinds import Affine
    >>> layer = Affine(np.array([[2.0, 1.0]]), np.array([[3.0], [0.5]]))
    >>> layer.backpropagate(np.array([[1.0]]))    # dz/dx
    array([[3.]])

Passes, products with the Jacobian and curvature ask the kind, and know no formula of
their own.  Only the affine forward and backward pass, which has to be fast for single
examples, is written out in :class:`~sk_effprop.core.kernels.Passes`, too.
"""

from typing import Any, NamedTuple, Protocol

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.inputs import (
    add_transposed_product,
    gram,
    squares_times,
    squares_transposed_times,
)


class Motion(NamedTuple):
    """Directional derivatives R{W} and R{x} of a layer's weights and inputs.

    Attributes
    ----------
    W : ndarray of shape (fan_in + 1, fan_out)
    x : ndarray of shape (n_rows, fan_in) or None
        Without the column of ones; None if the inputs stay where they are.
    """

    W: Array
    x: Array | None = None


class LayerKind(Protocol):
    """A layer at some inputs and weights; delta is dE/dz, error is dE/dx.

    Attributes
    ----------
    x, W : array
        Inputs and weights.
    """

    x: Any
    W: Array

    def __init__(self, x: Any, W: Array) -> None: ...

    def z(self) -> Array:
        """Preactivations, (n_rows, fan_out)."""

    def rows(self, rows: slice) -> "LayerKind":
        """Return the layer restricted to some of the rows."""

    def change(self, motion: Motion) -> Array:
        """R{z}."""

    def backpropagate(self, delta: Array) -> Array:
        """Return the error of the layer below for this delta, eq. (9)."""

    def backpropagate_several(self, deltas: Array) -> Array:
        """Return the errors below for deltas of shape (n_rows, n_deltas, fan_out)."""

    def add_gradient(self, delta: Array, into: Array) -> None:
        """Add dE/dW, summed over rows."""

    def error_change(self, delta: Array, change: Array, motion: Motion) -> Array:
        """R{error}, where the change is R{delta}."""

    def add_gradient_change(
        self, delta: Array, change: Array, motion: Motion, into: Array
    ) -> None:
        """Add R{dE/dW}, where the change is R{delta}."""

    def add_squares(
        self, curvature: Array, into: Array, delta: Array | None = None
    ) -> None:
        """Add the diagonal second derivatives of the weights, eqs. (55) and (57).

        The curvature is that of z, (n_rows, fan_out).  A delta brings in the second
        derivatives of z itself.
        """

    def backpropagate_squares(
        self, curvature: Array, delta: Array | None = None
    ) -> Array:
        """Diagonal second derivatives of the inputs, eqs. (56) and (58)."""

    def backpropagate_matrices(self, curvature: Array, delta: Array) -> Array:
        """Return the exact d2E/dx2 for d2E/dz2 of shape (n_rows, fan_out, fan_out)."""

    def power(self, rates: Array) -> Array:
        """``sum_i (dz_j / dW_ij)^2 rates_ij``, (n_rows, fan_out)."""

    def jacobian(self, deltas: Array) -> Array:
        """Products of dz/dW and each delta, (n_rows, n_deltas, fan_in + 1, fan_out)."""

    def kernel(self, deltas: Array, P: Array) -> Array:
        """Inner products of all rows of :meth:`jacobian` over P.

        P is one number for the first rows of W, and another for its last row.
        """


class Affine:
    """z = W'x, where x ends in a one and the last row of W holds the biases.

    Parameters
    ----------
    x : ndarray or FoldedSparse of shape (n_rows, fan_in + 1)
    W : ndarray of shape (fan_in + 1, fan_out)
    """

    def __init__(self, x: Any, W: Array) -> None:
        self.x, self.W = x, W

    def z(self) -> Array:
        return np.asarray(self.x @ self.W)

    def rows(self, rows: slice) -> "Affine":
        return Affine(self.x[rows], self.W)

    def change(self, motion: Motion) -> Array:
        change = self.x @ motion.W
        if motion.x is not None:
            change += motion.x @ self.W[:-1]
        return np.asarray(change)

    def backpropagate(self, delta: Array) -> Array:
        return np.asarray(delta @ self.W[:-1].T)

    def backpropagate_several(self, deltas: Array) -> Array:
        n, columns, fan_out = deltas.shape
        flat = self.backpropagate(deltas.reshape(n * columns, fan_out))
        return flat.reshape(n, columns, -1)

    def add_gradient(self, delta: Array, into: Array) -> None:
        add_transposed_product(self.x, delta, into)

    def error_change(self, delta: Array, change: Array, motion: Motion) -> Array:
        error_change = self.backpropagate(change)
        error_change += delta @ motion.W[:-1].T
        return error_change

    def add_gradient_change(
        self, delta: Array, change: Array, motion: Motion, into: Array
    ) -> None:
        add_transposed_product(self.x, change, into)
        if motion.x is not None:
            into[:-1] += motion.x.T @ delta

    def add_squares(
        self, curvature: Array, into: Array, delta: Array | None = None
    ) -> None:
        into += squares_transposed_times(self.x, curvature)

    def backpropagate_squares(
        self, curvature: Array, delta: Array | None = None
    ) -> Array:
        return np.asarray(curvature @ (self.W[:-1] ** 2).T)

    def backpropagate_matrices(self, curvature: Array, delta: Array) -> Array:
        weights = self.W[:-1]
        return np.asarray(weights @ curvature @ weights.T)

    def power(self, rates: Array) -> Array:
        return squares_times(self.x, rates)

    def jacobian(self, deltas: Array) -> Array:
        x = dense(self.x)
        return np.asarray(x[:, None, :, None] * deltas[:, :, None, :])

    def kernel(self, deltas: Array, P: Array) -> Array:
        # products of outer products x d' are (x'x / P_weights + 1 / P_biases) d'd'
        products = gram(self.x) / P[0, 0]
        products += 1.0 / P[-1, 0]
        columns = deltas.shape[1]
        flat = deltas.reshape(-1, deltas.shape[2])
        if columns > 1:
            products = products.repeat(columns, axis=0).repeat(columns, axis=1)
        products *= flat @ flat.T
        return np.asarray(products)


def dense(x: Any) -> Array:
    """The inputs of some rows as an array."""
    return x if isinstance(x, np.ndarray) else np.asarray(x.filled())
