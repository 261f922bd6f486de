"""What passes through the layers, and the curvature of the objective."""

from typing import Any

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.curvature import Linearization
from sk_effprop.core.gauss_newton import count_determined
from sk_effprop.core.network import forward
from sk_effprop.core.spectrum import curvature_operator, leading_eigenpairs
from sk_effprop.estimators._rules import SATURATED, Case
from sk_effprop.inspection.diagnosis._subject import Subject

# An eigenvalue is large above this share of the largest.
LARGE = 0.1
# Eigenvalues that are computed, and rows times weights of the network they cost.
N_EIGENVALUES, MAX_PRODUCT = 15, 2e6
# Batches by which the noise of the gradient is estimated.
N_BATCHES = 20
# Weights up to which all eigenvalues, and the number of those that the data determine,
# are computed.
MAX_DENSE, COUNTED_ROWS = 400, 200
FEWEST_ROWS = 50


def layer_numbers(subject: Subject) -> list[dict[str, float]]:
    """Saturation, pre-activations, gradients and curvature of each layer."""
    rate = subject.estimator.learning_rate_
    start, end = _layers_of(subject.at_start), _layers_of(subject.at_end)
    layers = []
    for at_start, at_end in zip(start, end, strict=True):
        layer = {f"{name}_at_start": value for name, value in at_start.items()}
        layer |= at_end
        if rate is not None:
            ratio = rate * at_start["gradient_to_weight"]
            layer["update_to_weight_at_start"] = ratio
        layers.append(layer)
    return layers


def _layers_of(case: Case) -> list[dict[str, float]]:
    some, network = case.some, case.some.network
    passes = forward(network, case.theta, some.inputs)
    _, gradient = some.value_and_gradient(case.theta)
    curvature = Linearization(some, case.theta).diagonal()
    layers = []
    for l, (W, g, h) in enumerate(
        zip(*map(network.layers, (case.theta, gradient, curvature)), strict=True)
    ):
        z, values = passes.z(l), passes.values[l]
        layer = {
            "weight_size": _size(W[:-1]),
            "gradient_to_weight": _size(g) / max(_size(W), 1e-300),
            "diagonal_curvature": float(np.mean(h)),
            "preactivation_mean": float(np.mean(z)),
            "preactivation_spread": float(np.mean(np.std(z, axis=0))),
            # how much the layer still tells the rows apart
            "signal": float(np.mean(np.std(values, axis=0))),
        }
        if l < len(network.sizes) - 2:
            slope = _slopes(case, passes.derivatives[l], l)
            layer["saturated"] = float(np.mean(slope <= SATURATED))
            layer["dead_units"] = float(np.mean((slope <= SATURATED).all(axis=0)))
        layers.append(layer)
    return layers


def _slopes(case: Case, derivative: Array, l: int) -> Array:
    """Derivatives of the units of a layer, in units of the largest."""
    f = case.some.network.activations[l]
    largest = max(abs(float(f.df(0.0))), abs(float(f.df(1.0))), 1e-300)
    return np.abs(f.derivative_scale * derivative) / largest


def _size(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2))) if values.size else 0.0


def curvature_numbers(subject: Subject) -> dict[str, Any]:
    """Leading eigenvalues of the Gauss-Newton matrix at the end, and what they allow."""
    case = subject.at_end
    n_weights = len(case.theta)
    n_rows = max(FEWEST_ROWS, int(MAX_PRODUCT / n_weights))
    some = case.some.sample(n_rows, np.random.default_rng(0))
    linearization = Linearization(some, case.theta)
    operator = curvature_operator(linearization, "gauss_newton")
    values = _eigenvalues(operator, n_weights)
    rate = subject.estimator.learning_rate_
    trace = float(np.sum(linearization.gauss_newton_diagonal()))
    largest = float(values[0])
    numbers: dict[str, Any] = {
        "n_weights": n_weights,
        "lambda_max": largest,
        "lambda_max_over_mean": largest * n_weights / max(trace, 1e-300),
        "n_large": int(np.sum(values > LARGE * largest)),
        "condition": None,
        "learning_rate": rate,
        "rate_times_lambda_max": None if rate is None else rate * largest,
        "automatic_rate_at_start": None,
    }
    if len(values) == n_weights:
        # without a penalty, the smallest ones are zero
        positive = values[values > 1e-12 * largest]
        numbers["condition"] = float(largest / positive.min()) if largest > 0 else None
    if rate is not None:
        numbers["automatic_rate_at_start"] = subject.at_start.automatic_rate
    counted = case.some.sample(COUNTED_ROWS, np.random.default_rng(0))
    numbers["n_effective_parameters"] = _count(Linearization(counted, case.theta))
    return numbers


def _eigenvalues(operator: Any, n_weights: int) -> Array:
    """The largest eigenvalues in descending order, of small matrices all of them."""
    if n_weights <= MAX_DENSE:
        matrix = operator @ np.eye(n_weights)
        return np.asarray(np.linalg.eigvalsh((matrix + matrix.T) / 2.0)[::-1])
    start = np.random.default_rng(0).normal(size=n_weights)
    return leading_eigenpairs(operator, N_EIGENVALUES, start)[0]


def _count(linearization: Linearization) -> float | None:
    try:
        return float(count_determined(linearization))
    except (np.linalg.LinAlgError, ValueError):
        return None


def gradient_numbers(subject: Subject) -> dict[str, float]:
    """Size of the gradient at the start and at the end, and its signal to noise.

    The ratio is that of the norm of the mean gradient to the root mean square of the
    deviations of the gradients of single examples.
    """
    numbers = {}
    for name, case in (("at_start", subject.at_start), ("at_end", subject.at_end)):
        n = case.some.n_samples
        parts = np.array_split(np.random.default_rng(0).permutation(n), N_BATCHES)
        gradients = [
            case.some.subset(rows).value_and_gradient(case.theta)[1]
            for rows in parts
            if len(rows)
        ]
        G = np.array(gradients)
        mean = G.mean(axis=0)
        noise = np.sqrt(np.mean(np.sum((G - mean) ** 2, axis=1)) * n / len(G))
        numbers[f"norm_{name}"] = float(np.linalg.norm(mean))
        numbers[f"signal_to_noise_{name}"] = float(
            np.linalg.norm(mean) / max(noise, 1e-300)
        )
    return numbers
