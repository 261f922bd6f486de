"""Linear systems with the damped Gauss-Newton matrix; posterior and evidence.

``A = G + penalty + mu I`` with ``G = J' H_L J`` is factorised as a matrix of weights x
weights, for which J comes in blocks of rows.  With fewer residuals than weights,
Woodbury's identity turns it into a matrix of residuals x residuals, for which J is
never formed.  So the smaller of the two matrices bounds the memory.

The same factors give the uncertainty of a fitted network: for noise of variance s^2,
the posterior of the weights is a Gaussian with precision ``n / s^2 (G + penalty)``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
from scipy.linalg.lapack import dpotrs

from sk_effprop.core.arrays import Array, row_blocks
from sk_effprop.core.cholesky import cholesky, root_quadratic
from sk_effprop.core.compact import CompactInverse, compact_inverse
from sk_effprop.core.curvature import Linearization
from sk_effprop.core.losses import SquaredError
from sk_effprop.core.network import Network, forward
from sk_effprop.core.objective import Objective, no_clock, weighted_mean

# Maximum number of entries of the system's matrix, which take 2 GiB.
MAX_SYSTEM = 2**28
# Prior precision of weights without a penalty, relative to the largest diagonal entry
# of G: the posterior must stay bounded in directions that the data do not determine.
WEAK_PRIOR = 1e-6
# A smaller scale of the prior would make inverses overflow.
SMALLEST_SCALE = 1e-100
# Bounds of the penalties that the evidence may choose, relative to the largest diagonal
# entry of G.
SMALLEST_PENALTY, LARGEST_PENALTY = 1e-10, 1e3


class Factor(Protocol):
    """Factorisation of A."""

    def solve(self, b: Array) -> Array:
        """Return A^-1 b."""

    def quadratic(self, V: Array) -> Array:
        """Return v' A^-1 v for every row v of V."""

    def inverse_diagonal(self) -> Array:
        """Return the diagonal of the inverse of A, of shape (n_weights,)."""

    def log_determinant(self) -> float:
        """Return log |A|."""


class PrimalFactor:
    """Factorisation of A by Cholesky's decomposition."""

    def __init__(self, A: Array, clock: Callable[[], None] = no_clock) -> None:
        self._root, self._clock = cholesky(A, clock), clock

    def solve(self, b: Array) -> Array:
        return np.asarray(dpotrs(self._root, b, lower=0)[0])

    def quadratic(self, V: Array) -> Array:
        return root_quadratic(self._root, V, self._clock)

    def inverse_diagonal(self) -> Array:
        return self.quadratic(np.eye(len(self._root)))

    def log_determinant(self) -> float:
        return 2.0 * float(np.sum(np.log(np.diagonal(self._root))))


class DualFactor:
    """Factorisation of ``A = P + J'J``, P diagonal, by Woodbury's identity.

    Parameters
    ----------
    system : DualSystem
        J, as products.
    P : ndarray of shape (n_weights,)
        Positive; constant for the weights and for the biases of each layer.
    """

    def __init__(self, system: "DualSystem", P: Array) -> None:
        self._system, self._P = system, P
        K = system.kernel(P)
        K[np.diag_indices(len(K))] += 1.0
        # it is symmetric, and its transpose is in Fortran's order
        self._root = cholesky(np.asfortranarray(K.T), system.clock)

    def solve(self, b: Array) -> Array:
        first = b / self._P
        inner = dpotrs(self._root, self._system.times(first), lower=0)[0]
        return np.asarray(first - self._system.transposed_times(inner) / self._P)

    def quadratic(self, V: Array) -> Array:
        determined = self._quadratic((V / self._P) @ self._system.jacobian.T)
        return np.asarray((V**2) @ (1.0 / self._P) - determined)

    def inverse_diagonal(self) -> Array:
        determined = self._quadratic((self._system.jacobian / self._P).T)
        return np.asarray(1.0 / self._P - determined)

    def _quadratic(self, rows: Array) -> Array:
        return root_quadratic(self._root, rows, self._system.clock)

    def log_determinant(self) -> float:
        roots = np.log(np.diagonal(self._root))
        return float(np.sum(np.log(self._P)) + 2.0 * np.sum(roots))


class PrimalSystem:
    """Damped Gauss-Newton system with G as an (n_weights, n_weights) matrix.

    Parameters
    ----------
    linearization : Linearization or PartitionedLinearization
    earlier : ndarray of shape (n_weights, n_weights), optional
        Upper triangle of a G from other examples; the result is a mean of both.
    share : float
        Weight of the new examples in it.
    """

    def __init__(
        self,
        linearization: Any,
        earlier: Array | None = None,
        share: float = 1.0,
    ) -> None:
        self._clock = linearization.objective.clock
        self._matrix = linearization.gauss_newton_matrix()
        if earlier is not None:
            self._matrix *= share
            self._matrix += (1.0 - share) * earlier
        self.diagonal = np.diagonal(self._matrix).copy()

    def factor(self, added: Array) -> Factor:
        """Factorise ``G + diag(added)``; LinAlgError if singular to rounding."""
        A = _copied(self._matrix, self._clock)
        np.fill_diagonal(A, self.diagonal + added)
        return PrimalFactor(A, self._clock)

    def upper_triangle(self) -> Array:
        """Return G; only its upper triangle is valid."""
        return np.asarray(self._matrix)


def _copied(matrix: Array, clock: Callable[[], None]) -> Array:
    """Copy of the upper triangle, in Fortran's order."""
    copy = np.empty_like(matrix, order="F")
    for columns in row_blocks(len(matrix), len(matrix)):
        clock()
        copy[: columns.stop, columns] = matrix[: columns.stop, columns]
    return copy


class DualSystem:
    """Damped Gauss-Newton system with G = J'J, where J is given by its products.

    Products of two rows of J are sums over the layers, of products of the layer's
    inputs times products of its deltas, so that the matrix of all of them,
    ``J P^-1 J'``, costs a few products of small matrices.
    """

    def __init__(self, linearization: Linearization) -> None:
        self._linearization = linearization
        self.clock = linearization.objective.clock
        self._scale = 1.0 / np.sqrt(linearization.objective.n_samples)

    @cached_property
    def diagonal(self) -> Array:
        linearization = self._linearization
        penalty = linearization.objective.penalty
        return linearization.gauss_newton_diagonal() - penalty

    @cached_property
    def jacobian(self) -> Array:
        """Return J as a matrix of shape (n_residuals, n_weights)."""
        return self._scale * np.vstack(list(self._linearization.jacobian_blocks()))

    def times(self, v: Array) -> Array:
        """Return J v."""
        return self._scale * self._linearization.root_product(v)

    def transposed_times(self, z: Array) -> Array:
        """Return J' z."""
        return self._scale * self._linearization.transposed_root_product(z)

    def kernel(self, P: Array) -> Array:
        """Return J P^-1 J' for a diagonal P, constant in each layer, biases apart."""
        kernel = self._linearization.root_kernel(P)
        return np.multiply(kernel, self._scale**2, out=kernel)

    def factor(self, added: Array) -> Factor:
        """Factorise ``G + diag(added)``; see :class:`DualFactor` for ``added``."""
        return DualFactor(self, added)

    def upper_triangle(self) -> Array:
        """Return G; only its upper triangle is valid."""
        return np.asarray(self.jacobian.T @ self.jacobian)


def make_system(linearization: Any) -> PrimalSystem | DualSystem:
    """Make the primal or the dual system, whichever is smaller.

    The Jacobian of examples in parts is never in one place, so theirs is the primal.

    Raises
    ------
    ValueError
        If even the smaller one is too large; nothing is allocated before.
    """
    n_rows, n_weights = linearization.objective.n_residuals, len(linearization.theta)
    check_system_size(n_weights, n_rows)
    has_jacobian = isinstance(linearization, Linearization)
    if n_rows < n_weights and has_jacobian:
        return DualSystem(linearization)
    return PrimalSystem(linearization)


def check_system_size(n_weights: int, n_rows: int) -> None:
    """Raise a ValueError if even the smaller matrix would be too large."""
    size = min(n_weights, n_rows) ** 2
    if size > MAX_SYSTEM:
        raise ValueError(
            f"solver='lm' would need a matrix of {size:,} numbers "
            f"({8 * size / 2**30:.1f} GiB) for {n_weights:,} weights and {n_rows:,} "
            "residuals. Use fewer hidden units, a smaller batch_size, or "
            "solver='lbfgs'."
        )


# --------------------------------------------------------------- uncertainty, evidence


@dataclass(frozen=True, eq=False)
class Laplace:
    """Gaussian approximation to the posterior of a network with squared error.

    Attributes
    ----------
    theta : ndarray of shape (n_weights,)
        Mean of the posterior: the minimum of the objective.
    inverse : CompactInverse
        Of ``G + penalty``.
    count : float
        Number of examples that G is the mean over.
    n_determined : float
        Effective number of parameters, gamma: between 0 and n_weights.
    noise : ndarray of shape (n_outputs,)
        Estimated variance of the targets around the outputs.
    """

    theta: Array
    inverse: CompactInverse
    count: float
    n_determined: float
    noise: Array

    def variance(self, network: Network, inputs: Any) -> Array:
        """Variance of new targets: that of the noise plus that of the outputs.

        Returns
        -------
        ndarray of shape (n_rows, n_outputs)
        """
        n_outputs = network.sizes[-1]
        targets = np.zeros((len(inputs), n_outputs))
        no_penalty = np.zeros_like(self.theta)
        objective = Objective(
            network, SquaredError(), inputs, targets, None, no_penalty
        )
        blocks = Linearization(objective, self.theta).jacobian_blocks(scaled=False)
        spread = np.concatenate([self.inverse.quadratic(J) for J in blocks])
        share = spread.reshape(-1, n_outputs) / self.count
        return np.asarray(self.noise * (1.0 + share))


def laplace(linearization: Linearization) -> Laplace:
    """Gaussian approximation of the posterior of the weights (Laplace).

    Parameters
    ----------
    linearization : Linearization
        At a minimum of an objective with squared error.
    """
    objective, theta = linearization.objective, linearization.theta
    system = make_system(linearization)
    prior = _proper_prior(objective.penalty, system.diagonal)
    n_determined = _count_determined(system, prior)
    (noise,) = objective.average(_mean_squares, theta)
    # degrees of freedom that are left for the noise, per output
    left = max(objective.count - n_determined / len(noise), 1.0)
    noise = noise * objective.count / left
    inverse = compact_inverse(system.upper_triangle(), prior, objective.clock)
    return Laplace(theta, inverse, objective.count, n_determined, noise)


def _mean_squares(objective: Objective, theta: Array) -> tuple[Any, ...]:
    """Mean squared error of each output."""
    network, squares = objective.network, np.empty_like(objective.targets)
    for rows in objective.row_blocks(objective.row_width):
        passes = forward(network, theta, objective.inputs[rows], only_values=True)
        squares[rows] = (passes.outputs - objective.targets[rows]) ** 2
    return (weighted_mean(squares, objective.sample_weight),)


def count_determined(linearization: Linearization) -> float:
    """Effective number of parameters, gamma, of MacKay (1992)."""
    system = make_system(linearization)
    prior = _proper_prior(linearization.objective.penalty, system.diagonal)
    return _count_determined(system, prior)


def _count_determined(system: PrimalSystem | DualSystem, prior: Array) -> float:
    return len(prior) - float(prior @ system.factor(prior).inverse_diagonal())


def _proper_prior(penalty: Array, diagonal: Array) -> Array:
    """Return the penalty with zeros replaced by a weak penalty."""
    # Where no output depends on any weight, only the penalty has a scale.
    scale = float(max(np.max(diagonal, initial=0.0), np.max(penalty, initial=0.0)))
    return np.maximum(penalty, WEAK_PRIOR * max(scale, SMALLEST_SCALE))


class Evidence(NamedTuple):
    """MacKay's estimate of the penalty, from the training data alone.

    Attributes
    ----------
    penalty : ndarray of shape (n_weights,)
        The most probable penalty, constant within each layer.
    criterion : float
        Negative log evidence per residual of the penalty before the update, without
        terms that do not depend on weights and penalties.
    """

    penalty: Array
    criterion: float


def weigh_evidence(
    linearization: Linearization, system: PrimalSystem | DualSystem
) -> Evidence:
    """Update the penalty once by MacKay's evidence (1992), for squared error.

    The noise has variance s^2, the weights of layer l have prior variance
    s^2 / (n penalty_l), and the data determine gamma_l of the layer's weights::

        s^2        = 2 n loss / (n n_outputs - gamma)
        penalty_l  = s^2 gamma_l / (n |w_l|^2)
    """
    objective, theta = linearization.objective, linearization.theta
    n, n_residuals = objective.count, objective.count * objective.network.sizes[-1]
    prior = _proper_prior(objective.penalty, system.diagonal)
    factor = system.factor(prior)
    uncertain = prior * factor.inverse_diagonal()
    n_determined = min(len(theta) - float(np.sum(uncertain)), n_residuals - 1.0)
    loss = objective.without_penalty().value(theta)
    tiny = np.finfo(float).eps ** 2
    noise = max(2.0 * n * loss / (n_residuals - n_determined), tiny)
    scale = float(np.max(system.diagonal, initial=tiny))
    penalty = np.zeros_like(objective.penalty)
    views = [objective.network.layers(v) for v in (penalty, uncertain, theta)]
    for new, spread, W in zip(*views, strict=True):
        weights = W[:-1]
        determined = max(weights.size - float(np.sum(spread[:-1])), tiny)
        length = max(float(np.sum(weights**2)), tiny)
        strength = noise * determined / (n * length)
        new[:-1] = min(max(strength, SMALLEST_PENALTY * scale), LARGEST_PENALTY * scale)
    # The negative log evidence at the noise that maximises it for this prior.  Biases
    # have a weak prior, in the determinant and in its normalisation alike, so that the
    # factors n / s^2 of A and of the prior cancel.
    log_prior = float(np.sum(np.log(prior)))
    misfit = loss + 0.5 * float(prior @ theta**2)
    best_noise = max(2.0 * n * misfit / n_residuals, tiny)
    criterion = 0.5 * (
        factor.log_determinant() - log_prior + n_residuals * np.log(best_noise)
    )
    return Evidence(penalty, float(criterion) / n_residuals)
