"""Planes in the space of the weights, on which paths are drawn."""

from typing import NamedTuple

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.curvature import Linearization
from sk_effprop.core.network import Network
from sk_effprop.core.objective import Objective
from sk_effprop.core.spectrum import curvature_operator, leading_eigenpairs

PLANES = ("auto", "eigenvectors", "path")


class Plane(NamedTuple):
    """A plane in the space of the weights.

    Attributes
    ----------
    origin : ndarray of shape (n_weights,)
    directions : ndarray of shape (2, n_weights)
        Orthonormal.
    labels : (str, str)
        Names of the coordinates.
    """

    origin: Array
    directions: Array
    labels: tuple[str, str]

    def coordinates(self, thetas: Array) -> Array:
        """Coordinates of the orthogonal projection of points, (n_points, 2)."""
        return np.asarray((thetas - self.origin) @ self.directions.T)

    def points(self, coordinates: Array) -> Array:
        """Weights at these coordinates, (n_points, n_weights)."""
        return np.asarray(self.origin + coordinates @ self.directions)


def choose_plane(
    plane: str | tuple[int, int], objective: Objective, thetas: Array, end: Array
) -> Plane:
    if len(end) < 2:
        raise ValueError(
            f"A trajectory needs a network with at least two weights, got {len(end)}."
        )
    if not isinstance(plane, str):
        return _coordinate_plane(plane, objective.network, end)
    if plane not in PLANES:
        raise ValueError(f"plane must be one of {PLANES} or a pair, got {plane!r}.")
    pair = _the_two_weights(objective.network)
    if plane == "auto" and pair is not None:
        return _coordinate_plane(pair, objective.network, end)
    if plane == "path":
        return _principal_plane(thetas, end)
    return _eigenvector_plane(objective, end)


def _coordinate_plane(pair: tuple[int, int], network: Network, end: Array) -> Plane:
    """Plane of two entries of theta, which are also its coordinates."""
    pair = tuple(pair)  # type: ignore[assignment]
    is_valid = len(pair) == 2 and all(
        isinstance(i, int | np.integer) and 0 <= i < network.n_weights for i in pair
    )
    if not is_valid or pair[0] == pair[1]:
        raise ValueError(
            "plane must be a pair of different indices of theta_, from 0 to "
            f"{network.n_weights - 1}, got {pair}."
        )
    directions = np.eye(network.n_weights)[list(pair)]
    origin = end.copy()
    origin[list(pair)] = 0.0
    names = _names(network)
    return Plane(origin, directions, (names[pair[0]], names[pair[1]]))


def _the_two_weights(network: Network) -> tuple[int, int] | None:
    """Indices of the weights of a network with two of them, besides the biases."""
    is_bias = network.per_layer(lambda n_in, n_out: 0.0, biases=1.0)
    weights = np.flatnonzero(is_bias == 0.0)
    return (int(weights[0]), int(weights[1])) if len(weights) == 2 else None


def _names(network: Network) -> list[str]:
    """Name of each entry of theta."""
    return [
        f"layer {l + 1}, {'bias' if i == rows - 1 else f'weight {i}'} → {j}"
        for l, (rows, columns) in enumerate(network.shapes)
        for i in range(rows)
        for j in range(columns)
    ]


def _principal_plane(thetas: Array, end: Array) -> Plane:
    """Plane of the two leading principal components of the path, seen from its end."""
    _, _, components = np.linalg.svd(thetas - end, full_matrices=False)
    directions = np.linalg.qr(components[:2].T)[0].T
    if len(directions) < 2:
        directions = _completed(directions)
    labels = "first component of the path", "second component of the path"
    return Plane(end, directions, labels)


def _completed(directions: Array) -> Array:
    """A second direction for a path along one."""
    other = np.zeros((1, directions.shape[1]))
    other[0, np.argmin(np.abs(directions[0]))] = 1.0
    return np.linalg.qr(np.vstack([directions, other]).T)[0].T


def _eigenvector_plane(objective: Objective, end: Array) -> Plane:
    linearization = Linearization(objective, end)
    operator = curvature_operator(linearization, "hessian")
    if len(end) == 2:
        values, vectors = np.linalg.eigh(operator @ np.eye(2))
        values, vectors = values[::-1], vectors[:, ::-1]
    else:
        start = np.random.default_rng(0).normal(size=len(end))
        values, vectors = leading_eigenpairs(operator, 2, start)
    labels = [
        f"along {name} eigenvector, λ = {value:.3g}"
        for name, value in zip(("first", "second"), values, strict=True)
    ]
    return Plane(end, vectors.T, (labels[0], labels[1]))
