"""Measurements of the signals in the layers and of the curvature of the objective."""

from typing import Any

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.curvature import Linearization
from sk_effprop.core.network import forward
from sk_effprop.estimators._rules import SATURATED, Case
from sk_effprop.inspection.diagnosis._subject import Subject

# An eigenvalue is large above this share of the largest, and zero below that.
LARGE, ZERO_SHARE = 0.1, 1e-12
# Rows of the Jacobian, one for each example and output, and numbers in it.
MAX_RESIDUALS, MAX_JACOBIAN, FEWEST_ROWS = 400, 8e6, 20
# Penalty of weights that have none, relative to the largest squared derivative.
WEAK_PENALTY, TINY = 1e-6, 1e-300
# Batches by which the noise of the gradient is estimated.
N_BATCHES = 20


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
            "gradient_to_weight": _size(g) / max(_size(W), TINY),
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
    largest = max(abs(float(f.df(0.0))), abs(float(f.df(1.0))), TINY)
    return np.abs(f.derivative_scale * derivative) / largest


def _size(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2))) if values.size else 0.0


def curvature_numbers(subject: Subject) -> dict[str, Any]:
    """Eigenvalues of the Gauss-Newton matrix at the end, and what they allow.

    The matrix is that of some rows, without the penalty: the other eigenvalues are
    those of the Gram matrix of the rows of the Jacobian.
    """
    case, rate = subject.at_end, subject.estimator.learning_rate_
    n_weights, n_outputs = len(case.theta), case.some.targets.shape[1]
    n_residuals = min(MAX_RESIDUALS, int(MAX_JACOBIAN / n_weights))
    n_rows = max(FEWEST_ROWS, n_residuals // n_outputs)
    some = case.some.sample(n_rows, np.random.default_rng(0))
    J = np.vstack(list(Linearization(some, case.theta).jacobian_blocks()))
    J /= np.sqrt(some.n_samples)
    values = _squared_singular_values(J)
    largest = float(values[0])
    positive = values[values > ZERO_SHARE * largest]
    return {
        "n_weights": n_weights,
        "lambda_max": largest,
        "lambda_max_over_mean": largest * n_weights / max(float(values.sum()), TINY),
        "n_large": int(np.sum(values > LARGE * largest)),
        "condition": float(largest / positive.min()) if len(positive) else None,
        "learning_rate": rate,
        "rate_times_lambda_max": None if rate is None else rate * largest,
        "automatic_rate_at_start": None if rate is None else _rate(subject),
        "n_effective_parameters": _n_effective(J, case),
    }


def _rate(subject: Subject) -> float | None:
    """The automatic rate at the start; None if the curvature overflows there."""
    try:
        return subject.at_start.automatic_rate
    except ValueError:
        return None


def _n_effective(J: Array, case: Case) -> float:
    """Number of parameters that the rows of J determine, gamma of MacKay (1992).

    It is the sum of ``l / (l + 1)`` over the eigenvalues l in units of the penalty.
    Weights without one, as the biases, have a very weak one.
    """
    penalty = case.objective.penalty
    weakest = max(WEAK_PENALTY * float(np.max(J**2, initial=0.0)), TINY)
    values = _squared_singular_values(J / np.sqrt(np.maximum(penalty, weakest)))
    return float(np.sum(values / (values + 1.0)))


def _squared_singular_values(J: Array) -> Array:
    gram = J @ J.T if len(J) <= J.shape[1] else J.T @ J
    if not np.isfinite(gram).all():
        return np.array([np.inf])
    return np.asarray(np.maximum(np.linalg.eigvalsh(gram)[::-1], 0.0))


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
            np.linalg.norm(mean) / max(noise, TINY)
        )
    return numbers
