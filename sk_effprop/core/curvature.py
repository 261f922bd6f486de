"""How sharply the error bends, and the learning rate that follows (sections 5, 9.2).

A learning rate is stable up to twice the inverse of the largest eigenvalue of the
Hessian, and best near the inverse, eq. (39).  That is a statement about batch descent.
On-line, a step sees the curvature of a single pattern, which with centred inputs is
many times that of the mean, so the rate must respect both: a batch of B patterns has at
most the curvature ``(E lambda(H^p) + (B - 1) lambda(H)) / B``.
"""

from typing import NamedTuple

import numpy as np

from sk_effprop.core.activations import Array
from sk_effprop.core.kernels import Passes
from sk_effprop.core.network import forward, jvp, vjp
from sk_effprop.core.objective import Objective

POWER_ITERATIONS = 20
MAX_PATTERNS = 200
# scratch memory for the patterns' output Hessians stays below this many numbers
MAX_HESSIAN_NUMBERS = 2**22


class LeadingCurvature(NamedTuple):
    """Largest Gauss-Newton eigenvalues, in coordinates scaled by the rates.

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
    n_outputs = objective.targets.shape[1]
    n_rows = min(MAX_PATTERNS, max(8, MAX_HESSIAN_NUMBERS // n_outputs**2))
    if n_rows < objective.n_samples:
        rows = np.sort(rng.choice(objective.n_samples, size=n_rows, replace=False))
        objective = objective.subset(rows)
    network = objective.network
    trace = forward(network, theta, objective.inputs)
    curvature = _output_curvature(objective, trace)
    penalty = float(np.max(objective.penalty * rates))
    root = np.sqrt(rates).astype(theta.dtype)

    direction = root * rng.standard_normal(len(theta)).astype(theta.dtype)
    mean = 0.0
    for _ in range(POWER_ITERATIONS):
        direction /= np.linalg.norm(direction)
        change = jvp(network, theta, trace, root * direction)
        pulled = np.einsum("pij,pj->pi", curvature, change) / objective.n_samples
        direction = root * vjp(network, theta, trace, pulled.astype(theta.dtype))
        mean = float(np.linalg.norm(direction))
        if mean == 0.0:
            break
    pattern = _pattern_curvature(objective, trace, rates, curvature)
    return LeadingCurvature(max(pattern, mean) + penalty, mean + penalty)


def _output_curvature(objective: Objective, trace: Passes) -> Array:
    """Weighted second derivatives of the loss at the outputs, (n, k, k)."""
    hessian = objective.loss.hessian(trace.outputs, objective.targets)
    if objective.sample_weight is None:
        return hessian
    return np.asarray(objective.sample_weight[:, None, None] * hessian)


def _pattern_curvature(
    objective: Objective,
    trace: Passes,
    rates: Array,
    curvature: Array,
) -> float:
    """Mean over patterns of the largest eigenvalue of G^p.

    G^p = J'HJ has the eigenvalues of the small H^1/2 JJ' H^1/2, and JJ' is a sum over
    layers of |x|^2 times products of back-propagated unit vectors.
    """
    layer_rates = [float(view[0, 0]) for view in objective.network.layers(rates)]
    n, k = trace.outputs.shape
    unit_deltas = [np.empty((n, k, delta.shape[1])) for delta in trace.deltas]
    for output in range(k):
        trace.output_gradient[...] = 0.0
        trace.output_gradient[:, output] = 1.0
        trace.backward()
        for collected, delta, gain in zip(
            unit_deltas, trace.deltas, trace.gains, strict=True
        ):
            collected[:, output] = gain * delta
    kernel = np.zeros((n, k, k))
    for deltas, x, rate in zip(unit_deltas, trace.inputs, layer_rates, strict=True):
        power = rate * _row_norms_squared(x)
        kernel += power[:, None, None] * (deltas @ deltas.transpose(0, 2, 1))
    eigenvalues, vectors = np.linalg.eigh(curvature)
    root = vectors * np.sqrt(np.maximum(eigenvalues, 0.0))[:, None, :]
    small = root.transpose(0, 2, 1) @ kernel @ root
    return float(np.mean(np.linalg.eigvalsh(small)[:, -1]))


def _row_norms_squared(x: object) -> Array:
    if isinstance(x, np.ndarray):
        return np.asarray(np.einsum("ij,ij->i", x, x))
    return np.asarray(x.row_norms_squared())  # type: ignore[attr-defined]
