"""Eigenvalues of the curvature (sections 5, 8 and 9.2), and the rate that they allow.

The power method of section 9.2, off-line and on-line, finds the one that limits the
learning rate; Lanczos' finds several.  All of them only ask for products.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh

from sk_effprop.core.arrays import Array
from sk_effprop.core.curvature import Linearization
from sk_effprop.core.objective import Objective

Product: TypeAlias = Callable[[Array], Array]

POWER_ITERATIONS = 20
# a learning rate need not be known better than this
RATE_TOLERANCE = 0.01
ENOUGH_STILL = 2
MAX_PATTERNS = 200
# with more output pairs than this, fewer patterns are looked at
MAX_OUTPUT_PAIRS = 2**22

# which matrix a Linearization is multiplied as
PRODUCTS: dict[str, Callable[[Linearization, Array], Array]] = {
    "hessian": Linearization.hessian_product,
    "gauss_newton": Linearization.gauss_newton_product,
}


class Eigenpair(NamedTuple):
    """An eigenvalue, with its sign, and a unit vector."""

    value: float
    vector: Array


def power_method(
    product: Product, start: Array, *, n_iter: int = POWER_ITERATIONS
) -> Eigenpair:
    """Multiply and normalise, eq. (60).

    It converges to the eigenvalue of largest modulus, which for the Hessian of an
    untrained network may be negative: the sign is that of the Rayleigh quotient.

    Parameters
    ----------
    product : callable
        v -> A v for a symmetric A.
    start : ndarray of shape (n_weights,)
        Not orthogonal to the eigenvector; random, say.
    n_iter : int
        Products.

    Returns
    -------
    Eigenpair
        Of an all-zero matrix: 0.0 and the normalised start.
    """
    vector = start / np.linalg.norm(start)
    value = 0.0
    for _ in range(n_iter):
        image = product(vector)
        length = float(np.linalg.norm(image))
        if length == 0.0:
            return Eigenpair(0.0, vector)
        value = float(np.copysign(length, vector @ image))
        vector = image / length
    return Eigenpair(value, vector)


def largest_eigenvalue(
    product: Product, start: Array, *, tolerance: float, n_iter: int = POWER_ITERATIONS
) -> float:
    """The same products put to better use: Lanczos' method, for the value alone.

    What the powers of A span knows the largest eigenvalue sooner than the last of them
    does, with half the products for an ordinary learning rate.

    Parameters
    ----------
    product : callable
        v -> A v for a symmetric, positive semidefinite A.
    start : ndarray of shape (n_weights,)
    tolerance : float
        Stop when the value has grown by no more than this share of it, twice.
    n_iter : int
        Products, at most.
    """
    before, vector = np.zeros_like(start), start / np.linalg.norm(start)
    diagonal: list[float] = []
    beside: list[float] = []
    value, n_still = 0.0, 0
    for _ in range(n_iter):
        image = product(vector)
        diagonal.append(float(vector @ image))
        tridiagonal = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
        known, value = value, float(np.linalg.eigvalsh(tridiagonal)[-1])
        # once may be the pause before a larger one comes up
        n_still = n_still + 1 if value - known <= tolerance * value else 0
        image -= diagonal[-1] * vector
        if beside:
            image -= beside[-1] * before
        length = float(np.linalg.norm(image))
        if n_still == ENOUGH_STILL or length == 0.0:
            break
        beside.append(length)
        before, vector = vector, image / length
    return value


def falling_leak(t: int) -> float:
    """Fast at first, then precise: ``max(0.01, 0.3 / (1 + t / 10))``."""
    return max(0.01, 0.3 / (1.0 + 0.1 * t))


def online_power_method(
    objective: Objective,
    theta: Array,
    order: Iterable[int],
    start: Array,
    *,
    leak: Callable[[int], float] = falling_leak,
    kind: str = "hessian",
) -> Array:
    """Running estimate of the largest eigenvalue from one pattern at a time, eq. (64).

    ``Psi <- (1 - gamma) Psi + gamma H^p Psi / |Psi|``, whose length tends to
    lambda_max.  As printed, (64) lacks the gamma before the new term, and then tends
    to lambda_max / gamma.

    Parameters
    ----------
    objective : Objective
    theta : ndarray of shape (n_weights,)
    order : iterable of int
        The patterns to show.
    start : ndarray of shape (n_weights,)
    leak : callable
        gamma of the t-th presentation, t from 0.
    kind : {"hessian", "gauss_newton"}

    Returns
    -------
    ndarray of shape (n_shown,)
        The estimate after each presentation.
    """
    product = PRODUCTS[kind]
    psi = start / np.linalg.norm(start)
    estimates = []
    for t, p in enumerate(order):
        gamma = leak(t)
        direction = psi / np.linalg.norm(psi)
        pattern = Linearization(objective.subset(np.array([p])), theta)
        psi = (1.0 - gamma) * psi + gamma * product(pattern, direction)
        estimates.append(np.linalg.norm(psi))
    return np.array(estimates)


def leading_eigenpairs(operator: Any, k: int, start: Array) -> tuple[Array, Array]:
    """The k largest eigenvalues and their vectors, by Lanczos' method.

    Parameters
    ----------
    operator : LinearOperator of shape (n_weights, n_weights)
        Symmetric.
    k : int
        Less than n_weights.
    start : ndarray of shape (n_weights,)

    Returns
    -------
    eigenvalues : ndarray of shape (k,)
        Falling.
    eigenvectors : ndarray of shape (n_weights, k)
    """
    values, vectors = eigsh(operator, k=k, which="LA", v0=start)
    return values[::-1], vectors[:, ::-1]


def curvature_operator(near: Linearization, kind: str) -> LinearOperator:
    """The matrix as something to multiply with."""
    n_weights, product = len(near.theta), PRODUCTS[kind]

    def multiply(v: Array) -> Array:
        return product(near, v.reshape(-1))

    return LinearOperator(
        (n_weights, n_weights),
        matvec=multiply,
        rmatvec=multiply,
        dtype=near.theta.dtype,
    )


class LeadingCurvature(NamedTuple):
    """Largest Gauss-Newton eigenvalues, in coordinates scaled by the rates.

    A learning rate is stable up to twice the inverse of the largest eigenvalue of the
    Hessian, and best near the inverse, eq. (39).  That is a statement about batch
    descent.  On-line, a step sees the curvature of a single pattern, which with centred
    inputs is many times that of the mean, so the rate must respect both.

    Attributes
    ----------
    pattern : float
        E lambda_max(G^p), the mean over single patterns.
    mean : float
        lambda_max(G), of the mean over all patterns looked at.
    """

    pattern: float
    mean: float

    def rate(self, batch_size: int) -> float:
        """The learning rate for updates on ``batch_size`` patterns."""
        curvature = self.pattern + (batch_size - 1) * self.mean
        return batch_size / curvature if curvature > 0 else 1.0


def leading_curvature(
    objective: Objective, theta: Array, rates: Array, rng: np.random.Generator
) -> LeadingCurvature:
    """Estimate the largest curvature at theta from at most 200 random patterns.

    Parameters
    ----------
    objective : Objective
    theta : ndarray of shape (n_weights,)
    rates : ndarray of shape (n_weights,)
        Relative learning rates R; the eigenvalues are those of R^1/2 G R^1/2.
    rng : Generator

    Returns
    -------
    LeadingCurvature
    """
    # the patterns' output Hessians take n_outputs^2 numbers each
    n_rows = max(8, MAX_OUTPUT_PAIRS // objective.targets.shape[1] ** 2)
    objective = objective.sample(min(MAX_PATTERNS, n_rows), rng)
    penalty = float(np.max(objective.penalty * rates))
    near = Linearization(objective.without_penalty(), theta)
    root = np.sqrt(rates).astype(theta.dtype)

    def scaled_product(v: Array) -> Array:
        return root * near.gauss_newton_product(root * v)

    start = root * rng.standard_normal(len(theta)).astype(theta.dtype)
    mean = largest_eigenvalue(scaled_product, start, tolerance=RATE_TOLERANCE)
    pattern = near.pattern_curvature(rates)
    return LeadingCurvature(max(pattern, mean) + penalty, mean + penalty)
