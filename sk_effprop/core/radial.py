"""Radial layers: distances to centres, for radial basis functions (section 4.8).

The preactivation of a unit with centre nu and width sigma is ::

    z(x) = -|x - nu|^2 / (2 sigma^2),

and ``exp(z)`` is the paper's radial basis function.  The centres are the first rows of
W, and its last row holds the logarithms of the widths, so that every W is allowed, and
biases of zero are widths of one::

    >>> import numpy as np
    >>> from sk_effprop.core.radial import Radial
    >>> layer = Radial(np.array([[3.0, 4.0, 1.0]]), np.zeros((3, 1)))
    >>> layer.z()    # one unit at the origin
    array([[-12.5]])
    >>> layer.backpropagate(np.array([[1.0]]))    # nu - x
    array([[-3., -4.]])

In all formulas, ``r = x - nu`` and ``p = 1 / sigma^2``.  Products over rows and units
expand ``r``, so that no array of rows x inputs x units is made.
"""

from functools import cached_property
from typing import Any

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.inputs import (
    clip_rounding,
    gram,
    squares_times,
    squares_transposed_times,
)
from sk_effprop.core.layer_kinds import Motion, dense


class Radial:
    """z = -|x - nu|^2 / (2 sigma^2), with nu and log(sigma) in the columns of W.

    Parameters
    ----------
    x : ndarray or FoldedSparse of shape (n_rows, fan_in + 1)
        With a last column of ones.
    W : ndarray of shape (fan_in + 1, fan_out)
    """

    def __init__(self, x: Any, W: Array) -> None:
        self.x, self.W = x, W
        self.centres = W[:-1]

    @cached_property
    def p(self) -> Array:
        """1 / sigma^2 of each unit."""
        return np.asarray(np.exp(-2.0 * self.W[-1]))

    @cached_property
    def distances(self) -> Array:
        """Squared distances |r|^2, (n_rows, fan_out)."""
        return self._along_squares(np.ones_like(self.centres))

    def z(self) -> Array:
        return np.asarray((-0.5 * self.p) * self.distances)

    def rows(self, rows: slice) -> "Radial":
        return Radial(self.x[rows], self.W)

    def change(self, motion: Motion) -> Array:
        centre_change, log_width_change = motion.W[:-1], motion.W[-1]
        change = self._along(centre_change) + self.distances * log_width_change
        if motion.x is not None:
            change -= self._toward(motion.x)
        change *= self.p
        return change

    def backpropagate(self, delta: Array) -> Array:
        return self._pull(delta * self.p)

    def backpropagate_several(self, deltas: Array) -> Array:
        return self._pull(deltas * self.p)

    def add_gradient(self, delta: Array, into: Array) -> None:
        pull = delta * self.p
        into[:-1] += self._gather(pull)
        into[-1] += np.sum(pull * self.distances, axis=0)

    def error_change(self, delta: Array, change: Array, motion: Motion) -> Array:
        pull = delta * self.p
        error_change = self._pull(self._pull_change(delta, change, motion))
        error_change += pull @ motion.W[:-1].T
        if motion.x is not None:
            error_change -= motion.x * pull.sum(axis=1, keepdims=True)
        return error_change

    def add_gradient_change(
        self, delta: Array, change: Array, motion: Motion, into: Array
    ) -> None:
        pull, pull_change = delta * self.p, self._pull_change(delta, change, motion)
        approach = self._along(motion.W[:-1])
        into[:-1] += self._gather(pull_change) - motion.W[:-1] * pull.sum(axis=0)
        if motion.x is not None:
            approach -= self._toward(motion.x)
            into[:-1] += motion.x.T @ pull
        into[-1] += np.sum(pull_change * self.distances, axis=0)
        into[-1] -= 2.0 * np.sum(pull * approach, axis=0)

    def add_squares(
        self, curvature: Array, into: Array, delta: Array | None = None
    ) -> None:
        scaled = curvature * self.p**2
        squares = squares_transposed_times(self.x, scaled)
        mixed = (self.x.T @ scaled)[:-1]
        own = squares[:-1] - 2.0 * self.centres * mixed + self.centres**2 * squares[-1]
        into[:-1] += clip_rounding(own, curvature)
        into[-1] += np.sum(scaled * self.distances**2, axis=0)
        if delta is not None:
            pull = delta * self.p
            into[:-1] -= pull.sum(axis=0)
            into[-1] -= 2.0 * np.sum(pull * self.distances, axis=0)

    def backpropagate_squares(
        self, curvature: Array, delta: Array | None = None
    ) -> Array:
        x, scaled = dense(self.x)[:, :-1], curvature * self.p**2
        squares = x * x * scaled.sum(axis=1, keepdims=True)
        squares -= 2.0 * x * (scaled @ self.centres.T)
        squares += scaled @ (self.centres**2).T
        squares = clip_rounding(squares, curvature)
        if delta is not None:
            squares -= np.sum(delta * self.p, axis=1, keepdims=True)
        return squares

    def backpropagate_matrices(self, curvature: Array, delta: Array) -> Array:
        slopes = -self.p * self._differences()
        matrices = slopes @ curvature @ slopes.transpose(0, 2, 1)
        own = np.einsum("nii->ni", matrices)
        own -= np.sum(delta * self.p, axis=1, keepdims=True)
        return np.asarray(matrices)

    def power(self, rates: Array) -> Array:
        of_centres = self._along_squares(rates[:-1])
        return np.asarray(self.p**2 * (of_centres + self.distances**2 * rates[-1]))

    def jacobian(self, deltas: Array) -> Array:
        by_weight = np.concatenate(
            [self._differences(), self.distances[:, None, :]], axis=1
        )
        by_weight *= self.p
        return np.asarray(by_weight[:, None, :, :] * deltas[:, :, None, :])

    def kernel(self, deltas: Array, P: Array) -> Array:
        # r r' of a unit is x x' - nu x' - x nu' + nu nu'
        columns = deltas.shape[1]
        pull = (deltas * self.p).reshape(-1, deltas.shape[2])
        products = gram(self.x).repeat(columns, axis=0).repeat(columns, axis=1)
        products *= pull @ pull.T
        projected = self.x @ with_last_row(self.centres, 0.0)
        mixed = (pull * projected.repeat(columns, axis=0)) @ pull.T
        products -= mixed + mixed.T
        products += (pull * np.sum(self.centres**2, axis=0)) @ pull.T
        stretch = pull * self.distances.repeat(columns, axis=0)
        return np.asarray(products / P[0, 0] + stretch @ stretch.T / P[-1, 0])

    def _differences(self) -> Array:
        """The array of r of some rows, (n_rows, fan_in, fan_out)."""
        return np.asarray(dense(self.x)[:, :-1, None] - self.centres)

    def _along(self, M: Array) -> Array:
        """Products r'M of each unit, where M has a column for each."""
        return np.asarray(self.x @ with_last_row(M, -np.sum(self.centres * M, axis=0)))

    def _along_squares(self, M: Array) -> Array:
        """The elementwise square of r, times M >= 0 of each unit."""
        centred = self.centres * M
        squares = squares_times(self.x, with_last_row(M, 0.0))
        mixed = with_last_row(centred, -0.5 * np.sum(self.centres * centred, axis=0))
        return clip_rounding(squares - 2.0 * (self.x @ mixed), M)

    def _toward(self, x_change: Array) -> Array:
        """Products r'R{x} of each unit."""
        own = np.sum(self.x[:, :-1] * x_change, axis=1, keepdims=True)
        return np.asarray(own - x_change @ self.centres)

    def _pull(self, pull: Array) -> Array:
        """Return -sum_j pull_j r_j, the derivative with respect to the inputs."""
        x = dense(self.x)[:, :-1]
        x = x if pull.ndim == 2 else x[:, None, :]
        return np.asarray(pull @ self.centres.T - x * pull.sum(axis=-1, keepdims=True))

    def _gather(self, pull: Array) -> Array:
        """Return sum_n pull_n r_n, the derivative with respect to the centres."""
        product = self.x.T @ pull
        return np.asarray(product[:-1] - self.centres * product[-1])

    def _pull_change(self, delta: Array, change: Array, motion: Motion) -> Array:
        """Return R{delta p}, the directional derivative of delta times p."""
        return np.asarray(self.p * (change - 2.0 * delta * motion.W[-1]))


def with_last_row(M: Array, row: Any) -> Array:
    """Append a row to M, for products with inputs that end in a one."""
    extended = np.empty((len(M) + 1, M.shape[1]), dtype=M.dtype)
    extended[:-1], extended[-1] = M, row
    return extended
