"""Eigenvalues of the curvature (sections 5, 8 and 9.2), and the rate that they allow.

The largest eigenvalue limits the learning rate.  Lanczos' method finds it, and further
ones, from products with the matrix alone.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh

from sk_effprop.core.arrays import Array
from sk_effprop.core.curvature import Linearization, largest_eigenvalues
from sk_effprop.core.objective import Objective

Product: TypeAlias = Callable[[Array], Array]

# Lanczos' method needs about 5 products on usual tables.
MAX_PRODUCTS = 20
# The learning rate need not be known more precisely than this.
RATE_TOLERANCE = 0.01
# The value must have stopped growing twice, because it may pause before a larger
# eigenvalue appears.
ENOUGH_STILL = 2
# The rate is measured on at most this many random patterns.  For larger batches it is
# measured on as many patterns as they hold, up to a limit: with many inputs, the mean
# over a few patterns has a larger curvature than the mean over a whole batch.
MAX_PATTERNS, MAX_BATCH_PATTERNS = 200, 1000
# The output Hessians of the patterns hold n_outputs^2 numbers each, so that fewer
# patterns are used where there are many outputs.
MAX_OUTPUT_PAIRS = 2**22
# With more outputs than this, products with vectors replace their Hessian matrices.
MANY_OUTPUTS = 300
# With more weights than this, the curvature is that of the kernel of the patterns, if
# the kernel has fewer numbers.
MANY_WEIGHTS = 2**18

# Methods of a Linearization that multiply a matrix with a vector.
PRODUCTS: dict[str, Callable[[Linearization, Array], Array]] = {
    "hessian": Linearization.hessian_product,
    "gauss_newton": Linearization.gauss_newton_product,
}


def largest_eigenvalue(
    product: Product, start: Array, *, tolerance: float, n_iter: int = MAX_PRODUCTS
) -> float:
    """Largest eigenvalue by Lanczos' method, which converges faster than powers do.

    The eigenvalues of A restricted to the span of ``v, A v, A^2 v, ...`` approach the
    largest eigenvalue sooner than the last power does.  A learning rate needs half the
    products of the power method.

    Parameters
    ----------
    product : callable
        The map v -> A v for a symmetric, positive semidefinite A.
    start : ndarray of shape (n_weights,)
    tolerance : float
        Stop when the value has twice grown by no more than this share of it.
    n_iter : int
        Maximum number of products.

    Returns
    -------
    float
        inf if a product overflows.
    """
    before, vector = np.zeros_like(start), start / np.linalg.norm(start)
    # only the lower triangle of the tridiagonal matrix is read
    tridiagonal = np.zeros((n_iter, n_iter))
    value, length, n_still = 0.0, 0.0, 0
    for n in range(n_iter):
        image = product(vector)
        tridiagonal[n, n] = along = float(vector @ image)
        if not np.isfinite(along):
            return np.inf
        restricted = tridiagonal[: n + 1, : n + 1]
        known, value = value, float(np.linalg.eigvalsh(restricted)[-1])
        n_still = n_still + 1 if value - known <= tolerance * value else 0
        image -= along * vector
        image -= length * before
        length = float(np.linalg.norm(image))
        if n_still == ENOUGH_STILL or length == 0.0 or n + 1 == n_iter:
            break
        tridiagonal[n + 1, n] = length
        before, vector = vector, image / length
    return value


def leading_eigenpairs(operator: Any, k: int, start: Array) -> tuple[Array, Array]:
    """The k largest eigenvalues and their eigenvectors, by Lanczos' method.

    Parameters
    ----------
    operator : LinearOperator of shape (n_weights, n_weights)
        Symmetric.
    k : int
        Must be less than n_weights.
    start : ndarray of shape (n_weights,)

    Returns
    -------
    eigenvalues : ndarray of shape (k,)
        In descending order.
    eigenvectors : ndarray of shape (n_weights, k)
    """
    values, vectors = eigsh(operator, k=k, which="LA", v0=start)
    return values[::-1], vectors[:, ::-1]


def curvature_operator(linearization: Linearization, kind: str) -> LinearOperator:
    """The Hessian or Gauss-Newton matrix as a SciPy operator."""
    n_weights, product = len(linearization.theta), PRODUCTS[kind]

    def multiply(v: Array) -> Array:
        return product(linearization, v.reshape(-1))

    return LinearOperator(
        (n_weights, n_weights),
        matvec=multiply,
        rmatvec=multiply,
        dtype=linearization.theta.dtype,
    )


class LeadingCurvature(NamedTuple):
    """Largest Gauss-Newton eigenvalues, in coordinates scaled by the rates.

    The learning rate of batch descent is stable up to twice the inverse of the largest
    eigenvalue of the Hessian, and best near the inverse, eq. (39).  On-line, a step
    sees the curvature of a single pattern, which is many times that of the mean if the
    inputs are centred, so the rate must respect both.

    Attributes
    ----------
    pattern : float
        E lambda_max(G^p), the mean of the largest eigenvalues of single patterns.
    mean : float
        lambda_max(G), where G is the mean over the patterns.
    """

    pattern: float
    mean: float

    def rate(self, batch_size: int) -> float:
        """The learning rate for updates on ``batch_size`` patterns."""
        curvature = self.pattern + (batch_size - 1) * self.mean
        return batch_size / curvature if curvature > 0 else 1.0


class MeasuredPart(NamedTuple):
    """Random patterns on which rates are measured.

    Attributes
    ----------
    objective : Objective
        Objective of these patterns, without penalty.  If the weights differ and not all
        patterns are used, the patterns are drawn in proportion to their weights, and
        have none here.
    weight : ndarray of shape (n_samples,) or None
        Weights of these patterns, relative to the mean of all; None if they are equal.
    """

    objective: Objective
    weight: Array | None = None

    def mean_over_patterns(self, eigenvalues: Array) -> float:
        """Curvature that limits on-line steps, from the eigenvalue of each pattern.

        With examples of weight w in random order, the mean square of the distance to
        the minimum shrinks if ``eta < 2 E[w l] / E[w^2 l^2]``.  The eigenvalue of
        ``w l`` therefore counts in proportion to its weight.
        """
        if self.weight is None:
            return float(np.mean(eigenvalues))
        return float(np.mean(self.weight * eigenvalues))


def draw_patterns(
    objective: Objective, n_patterns: int, rng: np.random.Generator
) -> MeasuredPart:
    """Draw n random patterns, or take all if there are fewer."""
    objective = objective.without_penalty()
    weight = objective.sample_weight
    if weight is None:
        return MeasuredPart(objective.sample(n_patterns, rng))
    weight = weight / np.mean(weight, dtype=np.float64)
    if n_patterns >= objective.n_samples:
        return MeasuredPart(objective, weight)
    # Uniform draws would miss the few heavy examples that decide about stability.
    share = weight / np.sum(weight)
    rows = np.sort(rng.choice(len(weight), size=n_patterns, p=share))
    drawn = replace(objective.subset(rows), sample_weight=None)
    return MeasuredPart(drawn, weight[rows])


def measured_part(
    objective: Objective, rng: np.random.Generator, batch_size: int = 1
) -> MeasuredPart:
    """Draw enough random patterns to find the rate for batches of this size."""
    n_rows = max(8, MAX_OUTPUT_PAIRS // objective.targets.shape[1] ** 2)
    wanted = min(max(MAX_PATTERNS, batch_size), MAX_BATCH_PATTERNS)
    part = draw_patterns(objective, min(wanted, n_rows), rng)
    # Squares of large inputs overflow in single precision.
    return part._replace(objective=part.objective.as_float64())


def leading_curvature(
    objective: Objective,
    theta: Array,
    rates: Array,
    rng: np.random.Generator,
    *,
    batch_size: int = 1,
) -> LeadingCurvature:
    """Estimate the largest curvature at theta from some random patterns.

    Parameters
    ----------
    objective : Objective
    theta : ndarray of shape (n_weights,)
    rates : ndarray of shape (n_weights,)
        Relative learning rates R; the eigenvalues are those of R^1/2 G R^1/2.
    rng : Generator
    batch_size : int
        Batch size that the rate is for; larger batches are measured on more patterns.

    Returns
    -------
    LeadingCurvature
    """
    part = measured_part(objective, rng, batch_size)
    penalty = float(np.max(objective.penalty * rates))
    theta = theta.astype(np.float64)
    linearization = Linearization(part.objective, theta)
    if has_small_kernel(part.objective, rates):
        kernel = linearization.root_kernel(1.0 / rates)
        mean = leading_of_kernel(kernel, part.objective.n_samples, rng)
        patterns = largest_eigenvalues(_own_blocks(kernel, part.objective.n_samples))
    else:
        root = np.sqrt(rates)
        mean = largest_of_product(linearization, root, rng)
        if part.objective.targets.shape[1] > MANY_OUTPUTS:
            patterns = largest_by_pattern(part.objective, theta, root, rng)
        else:
            patterns = linearization.pattern_curvature(rates)
    pattern = part.mean_over_patterns(patterns)
    return LeadingCurvature(max(pattern, mean) + penalty, mean + penalty)


def largest_of_product(
    linearization: Linearization, root: Array, rng: np.random.Generator
) -> float:
    """Largest eigenvalue of R^1/2 G R^1/2; ``root`` is 0 for weights to leave out."""

    def scaled_product(v: Array) -> Array:
        return root * linearization.gauss_newton_product(root * v)

    start = root * rng.standard_normal(len(root))
    if not start.any():
        return 0.0
    return largest_eigenvalue(scaled_product, start, tolerance=RATE_TOLERANCE)


def largest_by_pattern(
    objective: Objective, theta: Array, root: Array, rng: np.random.Generator
) -> Array:
    """:func:`largest_of_product` of each pattern alone; for many outputs."""
    return np.array(
        [
            largest_of_product(
                Linearization(objective.subset(np.array([i])), theta), root, rng
            )
            for i in range(objective.n_samples)
        ]
    )


# ------------------------------------------------------------- the kernel of a few rows


def has_small_kernel(objective: Objective, rates: Array) -> bool:
    """True if S' J R J' S has fewer numbers than theta, and R one for each layer."""
    n_weights = len(rates)
    if n_weights <= MANY_WEIGHTS or objective.n_residuals**2 >= n_weights:
        return False
    layers = objective.network.layers(rates)
    return all((W[:-1] == W[0, 0]).all() and (W[-1] == W[-1, 0]).all() for W in layers)


def leading_of_kernel(kernel: Array, n_samples: int, rng: np.random.Generator) -> float:
    """Largest eigenvalue of G, from the kernel matrix with the same eigenvalues."""
    if not kernel.any():
        return 0.0
    value = largest_eigenvalue(
        lambda v: kernel @ v, rng.standard_normal(len(kernel)), tolerance=RATE_TOLERANCE
    )
    return value / n_samples


def _own_blocks(kernel: Array, n_samples: int) -> Array:
    """Blocks of the kernel that belong to a single pattern, (n_samples, k, k)."""
    shaped = kernel.reshape(n_samples, -1, n_samples, len(kernel) // n_samples)
    return np.array([shaped[i, :, i] for i in range(n_samples)])
