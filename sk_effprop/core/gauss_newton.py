"""The damped Gauss-Newton matrix as a linear system, and the evidence that it gives.

``A = G + penalty + mu I`` with ``G = J' H_L J`` is solved as a matrix of weights^2, or,
where there are fewer residuals than weights, by Woodbury's identity as one of
residuals^2.  Either way J comes in row blocks, and memory is bounded by the matrix.

The same factors give the uncertainty of a fitted network: with noise of variance s^2,
the posterior of the weights is a Gaussian with precision ``n / s^2 (G + penalty)``.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from scipy.linalg import LinAlgError, solve_triangular
from scipy.linalg.blas import dsyrk
from scipy.linalg.lapack import dpotrf, dpotrs

from sk_effprop.core.arrays import Array
from sk_effprop.core.curvature import Linearization
from sk_effprop.core.losses import SquaredError
from sk_effprop.core.network import Network, forward
from sk_effprop.core.objective import Objective

# numbers in the system's matrix at most, 2 GiB of them
MAX_SYSTEM = 2**28
# Relative to the largest diagonal entry, what weights without a penalty get in a
# posterior: directions that no data determine must stay bounded.
WEAK_PRIOR = 1e-6
# Penalties that the evidence may choose, relative to the largest diagonal entry of G.
SMALLEST_PENALTY, LARGEST_PENALTY = 1e-10, 1e3


class Factor(Protocol):
    """A factorisation of A."""

    def solve(self, b: Array) -> Array:
        """A^-1 b."""

    def quadratic(self, V: Array) -> Array:
        """V' A^-1 v of every row v of V."""

    def inverse_diagonal(self) -> Array:
        """The diagonal of A^-1."""

    def log_determinant(self) -> float:
        """Log |A|."""


def _cholesky(A: Array) -> Array:
    """Upper root of a symmetric matrix, of which the upper triangle counts."""
    root, info = dpotrf(A, lower=0, clean=0, overwrite_a=1)
    if info != 0:
        raise LinAlgError("The matrix is singular to rounding.")
    return np.asarray(root)


class PrimalFactor:
    """By Cholesky's decomposition of A."""

    def __init__(self, A: Array) -> None:
        self._root = _cholesky(A)

    def solve(self, b: Array) -> Array:
        return np.asarray(dpotrs(self._root, b, lower=0)[0])

    def quadratic(self, V: Array) -> Array:
        half = solve_triangular(self._root, V.T, trans=1, check_finite=False)
        return np.asarray(np.einsum("ij,ij->j", half, half))

    def inverse_diagonal(self) -> Array:
        return self.quadratic(np.eye(len(self._root)))

    def log_determinant(self) -> float:
        return 2.0 * float(np.sum(np.log(np.diagonal(self._root))))


class DualFactor:
    """By Woodbury's identity, for ``A = P + J'J`` with P diagonal."""

    def __init__(self, J: Array, P: Array) -> None:
        self._P, self._scaled = P, J / P
        K = self._scaled @ J.T
        K[np.diag_indices(len(K))] += 1.0
        self._J = J
        self._root = _cholesky(np.asfortranarray(K))

    def solve(self, b: Array) -> Array:
        first = b / self._P
        inner = dpotrs(self._root, self._J @ first, lower=0)[0]
        return np.asarray(first - self._scaled.T @ inner)

    def quadratic(self, V: Array) -> Array:
        half = solve_triangular(
            self._root, self._scaled @ V.T, trans=1, check_finite=False
        )
        return np.asarray((V**2) @ (1.0 / self._P) - np.einsum("ij,ij->j", half, half))

    def inverse_diagonal(self) -> Array:
        half = solve_triangular(self._root, self._scaled, trans=1, check_finite=False)
        return np.asarray(1.0 / self._P - np.einsum("ij,ij->j", half, half))

    def log_determinant(self) -> float:
        roots = np.log(np.diagonal(self._root))
        return float(np.sum(np.log(self._P)) + 2.0 * np.sum(roots))


class PrimalSystem:
    """G as a matrix of weights^2."""

    def __init__(self, near: Linearization) -> None:
        n_weights = len(near.theta)
        matrix = np.zeros((n_weights, n_weights), order="F")
        share = 1.0 / near.objective.n_samples
        for J in near.jacobian_blocks():
            # the upper triangle of J'J; J.T is what columns-first BLAS calls a matrix
            matrix = dsyrk(share, J.T, 1.0, matrix, overwrite_c=1)
        self._matrix = matrix
        self.diagonal = np.diagonal(matrix).copy()

    def factor(self, added: Array) -> Factor:
        """``G + diag(added)``; a LinAlgError if that is singular to rounding."""
        A = self._matrix.copy(order="F")
        np.fill_diagonal(A, self.diagonal + added)
        return PrimalFactor(A)


class DualSystem:
    """G as J'J, with J of residuals x weights."""

    def __init__(self, near: Linearization) -> None:
        self._J = np.vstack(list(near.jacobian_blocks()))
        self._J /= np.sqrt(near.objective.n_samples)
        self.diagonal = np.einsum("ij,ij->j", self._J, self._J)

    def factor(self, added: Array) -> Factor:
        """``G + diag(added)``, which must be positive."""
        return DualFactor(self._J, added)


def make_system(near: Linearization) -> PrimalSystem | DualSystem:
    """The smaller of the two.

    Raises
    ------
    ValueError
        If even that is too large, before anything is allocated.
    """
    n_rows, n_weights = near.objective.targets.size, len(near.theta)
    size = n_weights * min(n_weights, n_rows)
    if size > MAX_SYSTEM:
        raise ValueError(
            f"solver='lm' would need a matrix of {size:,} numbers "
            f"({8 * size / 2**30:.1f} GiB) for {n_weights:,} weights and {n_rows:,} "
            "residuals. Use fewer hidden units, or solver='lbfgs'."
        )
    return PrimalSystem(near) if n_rows >= n_weights else DualSystem(near)


# --------------------------------------------------------------- uncertainty, evidence


@dataclass(frozen=True)
class Laplace:
    """The posterior of a network with squared error, approximated by a Gaussian.

    Attributes
    ----------
    theta : ndarray of shape (n_weights,)
        Its mean, the minimum.
    factor : Factor
        Of ``G + penalty``.
    count : float
        Examples behind the mean in G.
    n_determined : float
        gamma, how many parameters the data determine: between 0 and n_weights.
    noise : ndarray of shape (n_outputs,)
        Estimated variance of the targets around the outputs.
    """

    theta: Array
    factor: Factor
    count: float
    n_determined: float
    noise: Array

    def variance(self, network: Network, inputs: Any) -> Array:
        """Of new targets: that of the noise, and that of the outputs.

        Returns
        -------
        ndarray of shape (n_rows, n_outputs)
        """
        n_outputs = network.sizes[-1]
        targets = np.zeros((len(inputs), n_outputs))
        nothing = np.zeros_like(self.theta)
        some = Objective(network, SquaredError(), inputs, targets, None, nothing)
        blocks = Linearization(some, self.theta).jacobian_blocks(scaled=False)
        spread = np.concatenate([self.factor.quadratic(J) for J in blocks])
        share = spread.reshape(-1, n_outputs) / self.count
        return np.asarray(self.noise * (1.0 + share))


def laplace(near: Linearization) -> Laplace:
    """The posterior at a minimum of the objective, which has squared error."""
    objective, theta = near.objective, near.theta
    system = make_system(near)
    prior = _proper_prior(objective.penalty, system.diagonal)
    factor = system.factor(prior)
    n_determined = len(theta) - float(prior @ factor.inverse_diagonal())
    outputs = forward(objective.network, theta, objective.inputs).outputs
    squares = (outputs - objective.targets) ** 2
    noise = np.average(squares, axis=0, weights=objective.sample_weight)
    # the data have as many degrees of freedom left, and never less than one
    left = max(objective.count - n_determined / squares.shape[1], 1.0)
    noise = noise * objective.count / left
    return Laplace(theta, factor, objective.count, n_determined, noise)


def _proper_prior(penalty: Array, diagonal: Array) -> Array:
    floor = WEAK_PRIOR * float(np.max(diagonal, initial=np.finfo(float).tiny))
    return np.maximum(penalty, floor)


class Evidence(NamedTuple):
    """MacKay's estimate of the penalty, from the fit alone.

    Attributes
    ----------
    penalty : ndarray of shape (n_weights,)
        The one that the data make most probable, one number in each layer.
    criterion : float
        Negative log evidence of the penalty before, for one residual; it lacks terms
        that do not depend on weights and penalties.
    """

    penalty: Array
    criterion: float


def weigh_evidence(near: Linearization, system: PrimalSystem | DualSystem) -> Evidence:
    """One of MacKay's (1992) updates, for squared error.

    With noise of variance s^2 and weights of layer l of variance s^2 / (n penalty_l),
    and gamma_l of the layer's weights determined by the data::

        s^2        = 2 n loss / (n n_outputs - gamma)
        penalty_l  = s^2 gamma_l / (n |w_l|^2)
    """
    objective, theta = near.objective, near.theta
    n, n_residuals = objective.count, objective.count * objective.targets.shape[1]
    prior = _proper_prior(objective.penalty, system.diagonal)
    factor = system.factor(prior)
    uncertain = prior * factor.inverse_diagonal()
    n_determined = min(len(theta) - float(np.sum(uncertain)), n_residuals - 1.0)
    loss = objective.without_penalty().value(theta)
    tiny = np.finfo(float).eps ** 2
    noise = max(2.0 * n * loss / (n_residuals - n_determined), tiny)
    scale = float(np.max(system.diagonal, initial=tiny))
    penalty = np.zeros_like(objective.penalty)
    views = [objective.network.layers(v) for v in (penalty, prior, uncertain, theta)]
    log_prior = 0.0
    for new, old, spread, W in zip(*views, strict=True):
        weights = W[:-1]
        determined = max(weights.size - float(np.sum(spread[:-1])), tiny)
        length = max(float(np.sum(weights**2)), tiny)
        strength = noise * determined / (n * length)
        new[:-1] = min(max(strength, SMALLEST_PENALTY * scale), LARGEST_PENALTY * scale)
        log_prior += float(np.sum(np.log(old[:-1])))
    # -log p(targets) up to constants, at the noise that suits this penalty best; the
    # factors n / s^2 of A and of the prior cancel but for the biases, which have none
    n_free = sum(W.shape[1] for W in views[-1])
    n_spread = n_residuals - n_free
    best_noise = max(2.0 * n * objective.value(theta) / max(n_spread, 1.0), tiny)
    criterion = 0.5 * (
        factor.log_determinant() - log_prior + n_spread * np.log(best_noise)
    )
    return Evidence(penalty, float(criterion) / n_residuals)
