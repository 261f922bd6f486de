"""Curvature in units of gradients: products with it, and diagonals of it.

A 64-100-10 net on all of scikit-learn's digits in one batch, with squared error above
tanh outputs and with softmax.  "anew" includes the linearisation, which is what the
first product at new weights takes; "kept" is each further product there.  The
contestants take turns in one process with one BLAS thread, and the ratio is the median
of the ratios to the gradient of the same turn.

How soon the C library hands out large arrays depends on what the process has allocated
before.  So the exact Gauss-Newton diagonal, whose arrays are ten times as large, takes
turns with the gradient alone, after everything else.
"""

import platform
from statistics import median
from time import perf_counter

import numpy as np
import scipy
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from sk_effprop.core.activations import ACTIVATIONS, IDENTITY
from sk_effprop.core.curvature import Linearization
from sk_effprop.core.initializers import get_initializer
from sk_effprop.core.inputs import with_ones
from sk_effprop.core.losses import LogLoss, SquaredError
from sk_effprop.core.network import Network, initialize
from sk_effprop.core.objective import Objective

N_HIDDEN, REPEATS = 100, 51
# at most so many gradients
MARKS = {
    "Hessian product, anew": 3.0,
    "Hessian product, kept": 3.0,
    "Gauss-Newton product, anew": 2.5,
    "Gauss-Newton product, kept": 2.5,
    "LeCun's diagonal, anew": 1.5,
}


def problem(loss, output, dtype):
    """The objective and initial weights."""
    X, y = load_digits(return_X_y=True)
    X = StandardScaler().fit_transform(X).astype(dtype)
    targets = np.eye(10, dtype=dtype)[y]
    if isinstance(loss, SquaredError):
        targets = 2 * targets - 1
    sizes = (X.shape[1], N_HIDDEN, targets.shape[1])
    network = Network(sizes, (ACTIVATIONS["lecun_tanh"], output))
    nothing = np.zeros(network.n_weights)
    objective = Objective(network, loss, with_ones(X), targets, None, nothing)
    rng = np.random.default_rng(0)
    return objective, initialize(network, get_initializer("lecun_uniform"), rng, dtype)


def problems():
    """Objective and weights, by name."""
    losses = {
        "squared error": (SquaredError(), ACTIVATIONS["tanh"]),
        "softmax": (LogLoss(exclusive=True), IDENTITY),
    }
    return {
        f"{name}, {dtype}": problem(*parts, dtype)
        for name, parts in losses.items()
        for dtype in ("float64", "float32")
    }


def contestants(objective, theta):
    """What is measured, by name; the gradient comes first."""
    rng = np.random.default_rng(1)
    v = rng.standard_normal(len(theta)).astype(theta.dtype)
    kept = Linearization(objective, theta)

    def anew():
        return Linearization(objective, theta)

    return {
        "gradient": lambda: objective.value_and_gradient(theta),
        "Hessian product, anew": lambda: anew().hessian_product(v),
        "Hessian product, kept": lambda: kept.hessian_product(v),
        "Gauss-Newton product, anew": lambda: anew().gauss_newton_product(v),
        "Gauss-Newton product, kept": lambda: kept.gauss_newton_product(v),
        "LeCun's diagonal, anew": lambda: anew().diagonal(),
    }


def large_contestants(objective, theta):
    """Likewise, for what needs an array for every output."""

    def exact_diagonal():
        Linearization(objective, theta).gauss_newton_diagonal()

    return {
        "gradient": lambda: objective.value_and_gradient(theta),
        "Gauss-Newton diagonal, anew": exact_diagonal,
    }


def measure(calls):
    """Seconds of every call in every turn, by name."""
    times = {name: [] for name in calls}
    for _ in range(REPEATS + 1):
        for name, call in calls.items():
            start = perf_counter()
            call()
            times[name].append(perf_counter() - start)
    # the first turn fills caches
    return {name: values[1:] for name, values in times.items()}


def verdict(name, ratio):
    """How the ratio compares with the mark."""
    if name not in MARKS:
        return ""
    return f"{MARKS[name]} {'met' if ratio <= MARKS[name] else 'missed'}"


def report(title, times):
    """Print a table in markdown."""
    print(f"\n| {title} | median | best | gradients | of the best | mark |")
    print("|---" * 6 + "|")
    gradient = times["gradient"]
    for name, values in times.items():
        ratio = median(a / b for a, b in zip(values, gradient, strict=True))
        best = min(values) / min(gradient)
        cells = [
            name,
            f"{1e3 * median(values):.2f} ms",
            f"{1e3 * min(values):.2f} ms",
            f"{ratio:.2f}",
            f"{best:.2f}",
            verdict(name, ratio),
        ]
        print(f"| {' | '.join(cells)} |", flush=True)


def main():
    """Print a table for each problem."""
    print(f"curvature: 64-{N_HIDDEN}-10, 1797 digits in one batch, {REPEATS} turns")
    print(
        f"Python {platform.python_version()}, NumPy {np.__version__}, "
        f"SciPy {scipy.__version__}, {platform.machine()}, one thread"
    )
    given = problems()
    for make in (contestants, large_contestants):
        for title, (objective, theta) in given.items():
            with threadpool_limits(1):
                report(title, measure(make(objective, theta)))
