"""Generated tables of 10 to 300 rows, with fixed seeds: with and without structure."""

import numpy as np
from sklearn import datasets

from benchmarks._generators import two_spirals
from benchmarks._small_tasks import table

# --------------------------------------------------------------------------- regression


def _made(function, n, d, noise=0.0, seed=0, low=-1.0):
    """Rows from the uniform distribution on [low, 1]^d, and a function of them."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(low, 1.0, (n, d))
    return X, function(X) + noise * rng.normal(size=n)


@table("values")
def cosine_wide():
    """A cosine along one of twelve inputs; 150 rows, some noise."""
    return _made(lambda X: np.cos(3.0 * X[:, 0]), 150, 12, 0.2)


@table("values")
def decay():
    """Exponential decay; 15 rows without noise."""
    return _made(lambda X: np.exp(-3.0 * X[:, 0]), 15, 1)


@table("values")
def friedman1_80():
    """Friedman's first function; 80 rows."""
    return datasets.make_friedman1(80, noise=1.0, random_state=0)


@table("values")
def friedman2_150():
    """Friedman's second function; 150 rows."""
    return datasets.make_friedman2(150, noise=50.0, random_state=0)


@table("values")
def friedman3_200():
    """Friedman's third function; 200 rows."""
    return datasets.make_friedman3(200, noise=0.1, random_state=0)


@table("values")
def heavy_tails():
    """A linear function with noise from Student's t; 100 rows."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 4))
    return X, X @ [1.0, -1.0, 0.5, 0.0] + rng.standard_t(2, size=100)


@table("values")
def hill_2d():
    """A hill in a plane; 60 rows without noise."""
    return _made(lambda X: np.exp(-4.0 * np.sum(X**2, axis=1)), 60, 2)


@table("values")
def line_10():
    """A line; ten rows without noise."""
    return _made(lambda X: 2.0 * X[:, 0], 10, 1)


@table("values")
def noise_30():
    """Nothing but noise; 30 rows."""
    return _made(lambda X: 0.0, 30, 3, 1.0)


@table("values")
def noise_150():
    """Nothing but noise; 150 rows."""
    return _made(lambda X: 0.0, 150, 6, 1.0, seed=1)


@table("values")
def plane_25():
    """A linear function of five inputs; 25 rows without noise."""
    return _made(lambda X: X @ [1.0, 2.0, -1.0, 0.5, 0.0], 25, 5)


@table("values")
def plane_noisy_50():
    """A linear function of eight inputs, as much noise; 50 rows."""
    return _made(lambda X: X @ np.linspace(-1.0, 1.0, 8), 50, 8, 1.1)


@table("values")
def plane_noisy_200():
    """A linear function of ten inputs, half as much noise; 200 rows."""
    return _made(lambda X: X @ np.linspace(-1.0, 1.0, 10), 200, 10, 0.6)


@table("values")
def plane_wide():
    """A sparse linear function of 60 inputs; 40 rows."""
    return _made(lambda X: X[:, 0] + X[:, 1] - X[:, 2], 40, 60, 0.3)


@table("values")
def product_100():
    """A product of two of four inputs; 100 rows, little noise."""
    return _made(lambda X: X[:, 0] * X[:, 1], 100, 4, 0.05)


@table("values")
def quadratic_30():
    """A quadratic form of two inputs; 30 rows without noise."""
    return _made(lambda X: X[:, 0] ** 2 - X[:, 0] * X[:, 1], 30, 2)


@table("values")
def sine_25():
    """One period; 25 rows without noise."""
    return _made(lambda X: np.sin(np.pi * X[:, 0]), 25, 1)


@table("values")
def sine_long_120():
    """Five periods; 120 rows, little noise."""
    return _made(lambda X: np.sin(5.0 * np.pi * X[:, 0]), 120, 1, 0.05)


@table("values")
def sine_noisy_60():
    """One and a half periods, half as much noise; 60 rows."""
    return _made(lambda X: np.sin(1.5 * np.pi * X[:, 0]), 60, 1, 0.4)


@table("values")
def step_60():
    """A step; 60 rows, little noise."""
    return _made(lambda X: np.sign(X[:, 0] - 0.2), 60, 2, 0.1)


# ----------------------------------------------------------------------- classification


def _labels(function, n, d, seed=0):
    """Labels drawn with log odds that are a function of normal inputs."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    odds = function(X)
    return X, (rng.logistic(size=n) < odds).astype(int)


@table("classes")
def circles_80():
    """One circle in another; 80 rows."""
    return datasets.make_circles(80, noise=0.1, factor=0.5, random_state=0)


@table("classes")
def clouds_100():
    """Three classes in ten inputs; 100 rows."""
    return datasets.make_classification(
        100, 10, n_informative=4, n_classes=3, random_state=0
    )


@table("classes")
def clouds_wide():
    """Two classes in 50 inputs; 40 rows."""
    return datasets.make_classification(40, 50, n_informative=5, random_state=0)


@table("classes")
def coin_60():
    """Labels without structure; 60 rows."""
    return _labels(lambda X: 0.0, 60, 4)


@table("classes")
def coin_250():
    """Labels without structure; 250 rows."""
    return _labels(lambda X: 0.0, 250, 6)


@table("classes")
def interaction_200():
    """Log odds that are a product; 200 rows."""
    return _labels(lambda X: 3.0 * X[:, 0] * X[:, 1], 200, 3)


@table("classes")
def logistic_40():
    """A logistic model of five inputs; 40 rows."""
    return _labels(lambda X: X @ [1.0, -1.0, 0.5, 0.0, 0.0], 40, 5)


@table("classes")
def logistic_300():
    """A weak logistic model of ten inputs; 300 rows."""
    return _labels(lambda X: X @ np.linspace(-0.5, 0.5, 10), 300, 10)


@table("classes")
def moons_40():
    """Two half moons; 40 rows, little noise."""
    return datasets.make_moons(40, noise=0.15, random_state=0)


@table("classes")
def moons_noisy_200():
    """Two half moons; 200 rows, much noise."""
    return datasets.make_moons(200, noise=0.5, random_state=0)


@table("classes")
def quantiles_150():
    """Three shells in three dimensions; 150 rows."""
    return datasets.make_gaussian_quantiles(
        n_samples=150, n_features=3, n_classes=3, random_state=0
    )


@table("classes")
def separable_20():
    """A line between two classes; 20 rows."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 2))
    return X, (X[:, 0] + X[:, 1] > 0).astype(int)


@table("classes")
def spirals_200():
    """Two spirals; 200 rows."""
    return two_spirals(200, 0.1)


@table("classes")
def xor_60():
    """Signs of two inputs, multiplied; 60 rows."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (60, 2))
    return X, (X[:, 0] * X[:, 1] > 0).astype(int)
