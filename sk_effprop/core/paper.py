"""Methods of the paper that the estimators do not use.

Tests and benchmarks compare with them.  The estimators find the largest eigenvalue by
:func:`~sk_effprop.core.spectrum.largest_eigenvalue`, which needs fewer products than
the power method of section 9.2, on-line or not.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.curvature import Linearization
from sk_effprop.core.objective import Objective
from sk_effprop.core.spectrum import PRODUCTS, Product

POWER_ITERATIONS = 20


def polak_ribiere(new: Array, old: Array, direction: Array) -> float:
    """Beta of conjugate gradients, ``g'(g - g_old) / g_old'g_old``, eq. (43).

    The solver uses the formula of Liu and Storey, which equals it after exact line
    searches.
    """
    return float(new @ (new - old)) / float(old @ old)


class Eigenpair(NamedTuple):
    """A signed eigenvalue and a unit eigenvector."""

    value: float
    vector: Array


def power_method(
    product: Product, start: Array, *, n_iter: int = POWER_ITERATIONS
) -> Eigenpair:
    """Largest eigenvalue by repeated multiplication and normalisation, eq. (60).

    It converges to the eigenvalue of largest modulus, which may be negative for the
    Hessian of an untrained network.  The sign is that of the Rayleigh quotient.

    Parameters
    ----------
    product : callable
        The map v -> A v for a symmetric A.
    start : ndarray of shape (n_weights,)
        Must not be orthogonal to the eigenvector; a random vector will do.
    n_iter : int
        Number of products.

    Returns
    -------
    Eigenpair
        For a matrix of zeros, 0.0 and the normalised start.
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


def falling_leak(t: int) -> float:
    """Gamma that falls from 0.3 to 0.01: ``max(0.01, 0.3 / (1 + t / 10))``."""
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

    The length of ``Psi <- (1 - gamma) Psi + gamma H^p Psi / |Psi|`` tends to
    lambda_max.  Eq. (64) is printed without the gamma before the new term; its length
    tends to lambda_max / gamma.

    Parameters
    ----------
    objective : Objective
    theta : ndarray of shape (n_weights,)
    order : iterable of int
        Row numbers of the patterns, in order of presentation.
    start : ndarray of shape (n_weights,)
    leak : callable
        gamma of presentation t, counted from 0.
    kind : {"hessian", "gauss_newton"}

    Returns
    -------
    ndarray of shape (n_presentations,)
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
