"""Sources of generated tasks, with fixed seeds."""

import numpy as np
from sklearn import datasets

from benchmarks._tasks import source

# ------------------------------------------------------------ boundaries and clouds


@source("boundary")
def checkerboard():
    """Colour of a point on a board of 4 x 4 fields."""
    X = np.random.default_rng(0).uniform(0, 4, (2000, 2))
    return {"checkerboard": (100.0 * X, np.floor(X).sum(axis=1).astype(int) % 2)}


@source("boundary")
def circles():
    """Two concentric circles with noise."""
    return {
        "circles": datasets.make_circles(1000, noise=0.15, factor=0.5, random_state=0)
    }


@source("boundary")
def hastie():
    """Predict whether the sum of ten squared inputs exceeds its median."""
    X, y = datasets.make_hastie_10_2(2000, random_state=0)
    return {"hastie": (X, y.astype(int))}


@source("boundary")
def moons():
    """Two interleaved half moons that overlap."""
    return {"moons": datasets.make_moons(1000, noise=0.3, random_state=0)}


@source("boundary")
def quantiles():
    """Three concentric shells of a normal distribution in eight dimensions."""
    X, y = datasets.make_gaussian_quantiles(
        n_samples=1500, n_features=8, n_classes=3, random_state=0
    )
    return {"gaussian quantiles": (X, y)}


def two_spirals(n_samples, noise):
    """Two interleaved spirals, which need suitable biases in the first layer."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, n_samples)
    radius = 3 * np.pi * np.sqrt(rng.uniform(size=n_samples))
    angle = radius + np.pi * y
    X = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    return X + rng.normal(0, noise, X.shape), y


@source("boundary")
def spirals():
    """Two interleaved spirals."""
    return {"two spirals": two_spirals(1000, 0.2)}


def _clouds(n, d, useful, classes=2, **options):
    return datasets.make_classification(
        n, d, n_informative=useful, n_redundant=min(2, d - useful),
        n_classes=classes, random_state=0, **options,
    )  # fmt: skip


@source("cloud")
def imbalanced():
    """Two classes, a tenth of the rows in one; exponential inputs on many scales."""
    X, y = _clouds(5000, 12, 6, weights=[0.9], flip_y=0.01)
    return {"clouds, imbalanced": (np.exp(X) * 10.0 ** np.arange(-4, 8), y)}


@source("cloud")
def irrelevant():
    """A hundred inputs, of which six are informative."""
    return {"clouds, irrelevant": _clouds(1500, 100, 6, flip_y=0.02)}


@source("cloud")
def large():
    """Five classes, 8,000 examples, badly scaled inputs."""
    X, y = _clouds(8000, 20, 10, 5, n_clusters_per_class=2, flip_y=0.02)
    return {"clouds, large": (X * 10.0 ** (np.arange(20) % 7 - 3), y)}


@source("cloud")
def noisy():
    """Two classes; a fifth of the labels is random."""
    return {"clouds, noisy": _clouds(2000, 20, 6, flip_y=0.2)}


@source("cloud")
def waveform():
    """Breiman's three mixtures of waves, at 21 points with noise."""
    rng, n = np.random.default_rng(0), 1500
    points = np.arange(1, 22)
    waves = [np.maximum(6 - abs(points - centre), 0) for centre in (11, 15, 7)]
    y = rng.integers(0, 3, n)
    share = rng.uniform(size=(n, 1))
    pairs = np.array([(0, 1), (0, 2), (1, 2)])[y]
    waves = np.array(waves, dtype=float)
    X = share * waves[pairs[:, 0]] + (1 - share) * waves[pairs[:, 1]]
    return {"waveform": (X + rng.normal(size=X.shape), y)}


@source("cloud")
def wide():
    """Three classes, 600 examples, 150 inputs."""
    return {"clouds, wide": _clouds(600, 150, 12, 3, flip_y=0.02)}


@source("logic")
def multiplexer():
    """Multiplexer: three bits select which of eight other bits is the label."""
    bits = np.random.default_rng(0).integers(0, 2, (1500, 11))
    address = bits[:, :3] @ [4, 2, 1]
    y = bits[np.arange(1500), 3 + address]
    return {"multiplexer": (bits.astype(float), y)}


@source("logic")
def parity():
    """Parity of four bits; four other bits are irrelevant."""
    bits = np.random.default_rng(0).integers(0, 2, (1000, 8))
    X = bits + np.random.default_rng(1).normal(0, 0.1, bits.shape)
    return {"parity": (X, bits[:, :4].sum(axis=1) % 2)}


# ------------------------------------------------------------------- tails, functions


@source("tail")
def exponentials():
    """Inputs and target with heavy tails."""
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(2000, 6))
    t = Z[:, 0] + np.sin(2 * Z[:, 1]) + 0.5 * Z[:, 2] * Z[:, 3]
    return {"exponentials": (np.exp(1.5 * Z), np.exp(t + rng.normal(0, 0.3, 2000)))}


@source("tail")
def lognormal():
    """Product of powers of the inputs, with multiplicative noise."""
    rng = np.random.default_rng(0)
    X = rng.lognormal(0, 0.7, (1000, 5))
    y = X[:, 0] * X[:, 1] ** 0.5 / X[:, 2]
    return {"lognormal": (X, y * rng.lognormal(0, 0.1, 1000))}


@source("tail")
def outliers():
    """Friedman's first function; every hundredth row has inputs 100 times as large."""
    X, y = datasets.make_friedman1(1000, noise=1.0, random_state=3)
    X[::100] *= 100.0
    return {"outliers": (X, y)}


@source("tail")
def student():
    """Inputs drawn from Student's t distribution with two degrees of freedom."""
    rng = np.random.default_rng(0)
    X = rng.standard_t(2, (1500, 8))
    t = np.tanh(X[:, 0]) + np.cos(np.clip(X[:, 1], -3, 3)) * np.sign(X[:, 2])
    labels = (t + np.arctan(X[:, 3]) + rng.normal(0, 0.3, 1500) > 0.3).astype(int)
    return {
        "student classes": (X, labels),
        "student": (X, t + rng.normal(0, 0.2, 1500)),
    }


@source("function")
def friedman1():
    """Friedman's first function with 500 and with 10,000 examples."""
    return {
        "friedman1": datasets.make_friedman1(500, noise=1.0, random_state=0),
        "friedman1 large": datasets.make_friedman1(10000, noise=1.0, random_state=1),
    }


@source("function")
def friedman2():
    """Friedman's second function with noise."""
    return {"friedman2": datasets.make_friedman2(1000, noise=75.0, random_state=0)}


@source("function")
def friedman3():
    """Friedman's third function with noise."""
    return {"friedman3": datasets.make_friedman3(1000, noise=0.1, random_state=0)}


@source("function")
def kinematics():
    """Distance between the end of a robot arm with four joints and a point."""
    rng = np.random.default_rng(0)
    joints = rng.uniform(-np.pi / 2, np.pi / 2, (3000, 4))
    lengths = rng.uniform(0.5, 1.5, (3000, 4))
    angles = np.cumsum(joints, axis=1)
    x, y = (lengths * np.cos(angles)).sum(1), (lengths * np.sin(angles)).sum(1)
    distance = np.hypot(x - 1.0, y - 1.0) + rng.normal(0, 0.05, 3000)
    return {"kinematics": (np.hstack([joints, lengths]), distance)}


@source("function")
def linear():
    """Linear function of 10 of 50 inputs, 600 examples, with noise."""
    X, y = datasets.make_regression(
        600, 50, n_informative=10, noise=50.0, random_state=0
    )
    return {"linear": (X, y)}


@source("function")
def pieces():
    """Piecewise constant function with noise."""
    rng = np.random.default_rng(0)
    X = rng.uniform(0, 10, (1500, 6))
    y = np.where(X[:, 0] > 5, 3.0, 0.0) + np.floor(X[:, 1] / 2.5) * (X[:, 2] > 3)
    return {"pieces": (X, y + rng.normal(0, 0.2, 1500))}


@source("function")
def sinc():
    """sin(x)/x in one dimension, and of the radius in two, with noise."""
    rng = np.random.default_rng(0)
    x, X = rng.uniform(-1, 1, (500, 1)), rng.uniform(-8, 8, (1000, 2))
    noise = rng.normal(0, 0.05, 1000)
    return {
        "sinc": (x, np.sinc(10 * x[:, 0] / np.pi) + noise[:500]),
        "sinc 2-d": (X, np.sinc(np.hypot(*X.T) / np.pi) + noise),
    }


@source("function")
def sine():
    """Sine over four and a half periods, with noise."""
    x = np.random.default_rng(0).uniform(0, 900, (600, 1))
    noise = np.random.default_rng(1).normal(0, 0.1, 600)
    return {"sine": (x, np.sin(2 * np.pi * x[:, 0] / 200) + noise)}


@source("function")
def sparse():
    """Linear function of 4 of 20 inputs."""
    X, y = datasets.make_sparse_uncorrelated(1000, 20, random_state=0)
    return {"sparse": (X, y)}


@source("function")
def swiss_roll():
    """Position of a point along a Swiss roll."""
    return {"swiss roll": datasets.make_swiss_roll(1000, noise=0.3, random_state=0)}
