"""Batch size 1: samples per second of on-line learning, next to scikit-learn's MLP.

Whole fits of a few epochs, so that everything a fit does besides counts as well.  The
contestants take turns in one process with one BLAS thread; medians and the ratio of
each pair are printed.
"""

import platform
from importlib.util import find_spec
from statistics import median
from time import perf_counter
from warnings import catch_warnings, simplefilter

import numpy as np
import sklearn
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from sk_effprop import EffPropClassifier

N_SAMPLES, EPOCHS, REPEATS = 2000, 4, 9
N_INPUTS, N_HIDDEN, N_CLASSES = 64, 32, 10
ENGINES = ("numpy", "numba") if find_spec("numba") else ("numpy",)


def contestants():
    """Plain sgd of a 64-32-10 net: no momentum, no penalty, constant rate."""
    return {
        "scikit-learn": MLPClassifier(
            (N_HIDDEN,), activation="tanh", solver="sgd", batch_size=1, alpha=0.0,
            momentum=0.0, learning_rate_init=0.001, max_iter=EPOCHS,
            n_iter_no_change=EPOCHS,
        ),
    } | {
        f"sk_effprop, {engine}": EffPropClassifier(
            (N_HIDDEN,), solver="sgd", batch_size=1, alpha=0.0, engine=engine,
            learning_rate="constant", learning_rate_init=0.001, max_iter=EPOCHS, tol=0,
        )
        for engine in ENGINES
    }  # fmt: skip


def seconds(model, X, y):
    """Time of one fit."""
    start = perf_counter()
    model.fit(X, y)
    return perf_counter() - start


def main():
    """Print microseconds per sample and the ratios."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N_SAMPLES, N_INPUTS))
    y = rng.integers(0, N_CLASSES, N_SAMPLES)
    times = {name: [] for name in contestants()}
    with threadpool_limits(1), catch_warnings():
        simplefilter("ignore")
        for model in contestants().values():
            # loads what is compiled
            model.fit(X, y)
        for _ in range(REPEATS):
            for name, model in contestants().items():
                times[name].append(seconds(model, X, y))
    shown = N_SAMPLES * EPOCHS
    print(f"online: {N_INPUTS}-{N_HIDDEN}-{N_CLASSES}, float64, batch size 1, ", end="")
    print(f"{shown} samples a fit, median of {REPEATS} (best)")
    print(
        f"Python {platform.python_version()}, NumPy {np.__version__}, "
        f"scikit-learn {sklearn.__version__}, {platform.machine()}, one thread"
    )
    for name, values in times.items():
        middle, best = (1e6 * v / shown for v in (median(values), min(values)))
        print(f"{name:>18}  {middle:7.1f} us a sample ({best:.1f})")
    for name in list(times)[1:]:
        pairs = zip(times["scikit-learn"], times[name], strict=True)
        ratios = sorted(a / b for a, b in pairs)
        print(
            f"{name}: median ratio {median(ratios):.1f}, from {ratios[0]:.1f} to "
            f"{ratios[-1]:.1f}"
        )
