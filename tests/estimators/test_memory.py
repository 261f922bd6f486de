"""Peak memory of a fit, in sizes of X."""

import tracemalloc

import numpy as np
import pytest

from sk_effprop import EffPropRegressor

# A fit keeps one normalised copy of X; the rest are buffers of fixed size.
LARGEST_SHARE = 1.6


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_lbfgs_needs_little_more_memory_than_a_copy_of_X(dtype):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60_000, 50)).astype(dtype)
    y = np.sin(X[:, 0])
    model = EffPropRegressor((10,), solver="lbfgs", max_iter=2, tol=0.0, random_state=0)
    # imports are not counted
    model.fit(X[:100], y[:100])
    tracemalloc.start()
    try:
        model.fit(X, y)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak / X.nbytes < LARGEST_SHARE
