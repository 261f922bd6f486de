"""Peak memory of fit and predict, relative to the size of X.

tracemalloc counts all arrays that NumPy allocates.  It does not count X itself and the
buffers of BLAS.  scikit-learn's MLP is measured with and without StandardScaler,
because this package normalises its inputs.
"""

import tracemalloc
from time import perf_counter
from warnings import catch_warnings, simplefilter

import numpy as np
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from benchmarks._race import header, table
from sk_effprop import EffPropClassifier

N_SAMPLES, N_FEATURES, N_HIDDEN, N_CLASSES = 100_000, 100, 50, 5


def data(dtype):
    """Random rows, and classes that depend on them."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N_SAMPLES, N_FEATURES)).astype(dtype)
    return X, np.argmax(X[:, :N_CLASSES], axis=1)


def models():
    """Yield solver, name and model; few epochs, as more do not need more memory."""
    settings = {
        "sgd, batch 32": {"solver": "sgd", "batch_size": 32, "max_iter": 2},
        "lbfgs": {"solver": "lbfgs", "max_iter": 5},
    }
    for solver, chosen in settings.items():
        hidden = (N_HIDDEN,)
        yield solver, "sk_effprop", EffPropClassifier(hidden, tol=0, **chosen)
        yield solver, "scikit-learn", MLPClassifier(hidden, **chosen)
        scaled = make_pipeline(StandardScaler(), MLPClassifier(hidden, **chosen))
        yield solver, "StandardScaler and scikit-learn", scaled


def peak(call):
    """Peak of the bytes that a call allocates."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def warm_up(X, y):
    """Fit small data, so that late imports are not counted."""
    for _, _, model in models():
        model.fit(X[:300], y[:300]).predict(X[:300])


def measure(dtype):
    """Table rows for a precision."""
    X, y = data(dtype)
    warm_up(X, y)
    for solver, name, model in models():
        start = perf_counter()
        fit = peak(lambda model=model: model.fit(X, y)) / X.nbytes
        seconds = perf_counter() - start
        predict = peak(lambda model=model: model.predict(X)) / X.nbytes
        yield [
            f"{solver}, {np.dtype(dtype)}", name, f"{fit:.2f}", f"{predict:.2f}",
            f"{seconds:.1f}",
        ]  # fmt: skip


def main():
    """Print the peaks for both precisions."""
    sizes = f"{N_SAMPLES} rows, {N_FEATURES}-{N_HIDDEN}-{N_CLASSES}"
    header(f"memory: {sizes}, peak memory / size of X", "numpy",
           "scikit-learn")  # fmt: skip
    with threadpool_limits(1), catch_warnings():
        simplefilter("ignore")
        rows = [*measure(np.float64), *measure(np.float32)]
    table(["solver, precision", "", "fit", "predict", "seconds, with tracing"], rows)
