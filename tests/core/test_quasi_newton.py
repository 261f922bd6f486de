import numpy as np

from sk_effprop.core.quasi_newton import InverseFactor, Memory


def random_pairs(n=6, m=4, seed=0):
    """Steps, and the changes of the gradient of a quadratic along them."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n, n))
    hessian = root @ root.T + np.eye(n)
    return [(step, hessian @ step) for step in rng.normal(size=(m, n))]


def test_the_factor_is_that_of_the_bfgs_inverse():
    pairs = random_pairs()
    factor, identity = InverseFactor(pairs, np.arange(1.0, 7.0)), np.eye(6)
    L = np.array([factor.times(e) for e in identity]).T
    expected = np.diag(factor.scale**2)
    step, change = pairs[-1]
    # along the latest step, the diagonal has the length that was measured
    np.testing.assert_allclose(change @ expected @ change, step @ change)
    for s, y in pairs:
        r = 1.0 / (s @ y)
        V = identity - r * np.outer(s, y)
        expected = V @ expected @ V.T + r * np.outer(s, s)
    np.testing.assert_allclose(L @ L.T, expected, rtol=1e-9)
    transposed = np.array([factor.transposed_times(e) for e in identity]).T
    np.testing.assert_allclose(transposed, L.T, rtol=1e-9, atol=1e-12)
    inverse = np.array([factor.solve(e) for e in identity]).T
    np.testing.assert_allclose(inverse @ L, identity, atol=1e-9)


def test_the_memory_keeps_convex_pairs_only():
    memory = Memory()
    memory.note(np.zeros(2), np.zeros(2))
    memory.note(np.ones(2), -np.ones(2))
    assert memory.pairs == ()
    memory.note(2.0 * np.ones(2), np.ones(2))
    (pair,) = memory.pairs
    np.testing.assert_array_equal(pair[0], np.ones(2))
