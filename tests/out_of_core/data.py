"""Rows that are sorted by their targets, and cuts of them."""

import numpy as np

SMALL = {"hidden_layer_sizes": (8,), "random_state": 0, "tol": 0}


def problem(n=3000, dtype=np.float32):
    """Rows that are sorted by their targets."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 4)) * [1.0, 10.0, 0.1, 1.0]
    y = np.sin(X[:, 0]) + X[:, 2] * X[:, 3] + 0.05 * rng.normal(size=n)
    order = np.argsort(y)
    return X[order].astype(dtype), y[order].astype(dtype)


def in_parts(*arrays, rows=500):
    return [
        tuple(array[start : start + rows] for array in arrays)
        for start in range(0, len(arrays[0]), rows)
    ]
