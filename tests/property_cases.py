"""Random data and settings, and what holds for every fit.

Hypothesis draws the structure of a case: kinds of columns and targets, formats, and
hyperparameters.  A seed stands for the numbers, so that a case takes milliseconds.
"""

import random
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.estimators._parameters import CLASSIFIER, REGRESSOR

# ------------------------------------------------------------------------------- inputs

EXPONENTS = st.one_of(st.just(0), st.integers(-300, 300))
DTYPES = ["f8", "f4", "f2", "i8", "u1", "?"]
FORMATS = ["C", "F", "strided", "read-only", "list", "csr", "csc"]


def normal(rng, n, exponent):
    """Normal numbers of some scale."""
    return rng.normal(size=n) * 10.0**exponent


def constant(rng, n, exponent):
    """One number."""
    return np.full(n, 10.0**exponent)


def far_away(rng, n, exponent):
    """Differences that are a small share of the values."""
    return (1.0 + 1e-12 * rng.normal(size=n)) * 10.0**exponent


def heavy_tailed(rng, n, exponent):
    """Cauchy's numbers."""
    return rng.standard_cauchy(size=n) * 10.0**exponent


def rare(rng, n, exponent):
    """Zero but for one row."""
    column = np.zeros(n)
    column[rng.integers(n)] = 10.0**exponent
    return column


def all_scales(rng, n, exponent):
    """Numbers from the smallest to the largest scale."""
    return rng.choice([-1.0, 1.0], n) * 10.0 ** rng.uniform(-300.0, 300.0, n)


COLUMNS = [normal, constant, far_away, heavy_tailed, rare, all_scales]


@st.composite
def inputs(draw, rng, n):
    """X in any format, and a name for it."""
    n_columns = draw(st.integers(1, 4))
    columns = [
        draw(st.sampled_from(COLUMNS))(rng, n, draw(EXPONENTS))
        for _ in range(n_columns)
    ]
    if draw(st.booleans()):
        columns.append(columns[0])
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    X = np.column_stack(columns)
    if dtype.kind == "f":
        largest = float(np.finfo(dtype).max)
        X = np.clip(X, -largest, largest).astype(dtype)
    else:
        X = (np.abs(X) % 100.0).astype(dtype)
    return formatted(X, draw(st.sampled_from(FORMATS)))


def formatted(X, kind):
    """The same numbers in this format."""
    if kind in ("csr", "csc"):
        X = X.astype(np.float64) if X.dtype.kind in "?ui" or X.itemsize < 4 else X
        return getattr(sparse, f"{kind}_array")(X)
    if kind == "list":
        return X.tolist()
    if kind == "strided":
        return np.repeat(X, 2, axis=1)[:, ::2]
    X = np.array(X, order="F" if kind == "F" else "C")
    X.flags.writeable = kind != "read-only"
    return X


# ------------------------------------------------------------------------------ targets


@st.composite
def values(draw, rng, n):
    """Targets of a regression."""
    shape = (n,) if draw(st.booleans()) else (n, draw(st.integers(1, 2)))
    kind = draw(st.sampled_from(["normal", "constant", "counts", "outlier"]))
    scale = 10.0 ** draw(EXPONENTS)
    if kind == "normal":
        return rng.normal(size=shape) * scale
    if kind == "constant":
        return np.full(shape, scale)
    y = rng.poisson(2.0, size=shape).astype(float)
    y.flat[0] = scale if kind == "outlier" else 1.0
    return y


@st.composite
def classes(draw, rng, n):
    """Labels, some of them rare, or an indicator matrix."""
    n_classes = draw(st.integers(1, 4))
    share = rng.dirichlet(np.full(n_classes, draw(st.sampled_from([0.1, 1.0, 10.0]))))
    y = rng.choice(n_classes, size=n, p=share)
    kind = draw(st.sampled_from(["numbers", "words", "booleans", "indicator"]))
    if kind == "words":
        return np.array(["a", "b", "c", "d"])[y]
    if kind == "booleans":
        return y > 0
    return (rng.uniform(size=(n, 2)) < 0.3).astype(int) if kind == "indicator" else y


@st.composite
def weights(draw, rng, n):
    """Weights of any scale, some of them zero; or none."""
    kind = draw(st.sampled_from([None, "uniform", "zeros", "extremes", "one"]))
    if kind is None:
        return None
    weight = rng.uniform(size=n)
    if kind == "zeros":
        weight[rng.uniform(size=n) < 0.5] = 0.0
    if kind == "extremes":
        weight = 10.0 ** rng.uniform(-300.0, 300.0, size=n)
    if kind == "one":
        weight = np.zeros(n)
        weight[-1] = 1.0
    return weight


# --------------------------------------------------------------------- hyperparameters

# Each value beside the alternatives of the registry.
WIDE = {
    "learning_rate_init": st.integers(-300, 300).map(lambda k: 10.0**k),
    "alpha": st.integers(-300, 300).map(lambda k: 10.0**k),
    "init": st.sampled_from([0.0, 1e-10, 10.0, 1e10, 1e200]),
    "bias_init": st.sampled_from([0.0, -3.0, 1e10]),
    "input_clip": st.sampled_from([1e-3, 1e6]),
    "momentum": st.sampled_from([0.5, 0.999]),
    "batch_size": st.integers(1, 40),
    "batch_growth": st.sampled_from([1.1, 1e300]),
    "emphasis": st.floats(0.0, 1.0),
    "twist": st.sampled_from([1e-3, 1e3]),
    "damping": st.integers(-100, 100).map(lambda k: 10.0**k),
    "flow_rates": st.sampled_from([(1e-3, 0.1, 0.5), (10.0, 10.0, 0.01)]),
    "hidden_layer_sizes": st.sampled_from([(), (1,), (4, 2)]),
    "early_stopping": st.just(True),
    "goal": st.sampled_from([-1.0, 0.5, 1e300]),
    "max_time": st.sampled_from([1e-9, 60.0]),
    "tol": st.sampled_from([0.0, 1.0]),
}
LEFT_OUT = {
    "verbose", "random_state", "max_iter", "checkpoint", "checkpoint_interval",
    "resume", "warm_start", "class_weight", "engine",
}  # fmt: skip
# The others need a compiler, whose functions are compiled in the first cases.
ENGINES = st.sampled_from(["numpy"] * 9 + ["auto", "numba"])


@st.composite
def settings_of(draw, registry):
    """Some hyperparameters that differ from their defaults."""
    names = sorted(
        name
        for name, entry in registry.items()
        if name not in LEFT_OUT and (entry.alternatives or name in WIDE)
    )
    chosen = draw(st.lists(st.sampled_from(names), max_size=6, unique=True))
    settings = {name: draw(_value_of(name, registry[name])) for name in chosen}
    # most combinations of these are refused
    if "output_activation" in settings or "target_values" in settings:
        settings["loss"] = "squared_error"
    return settings


def _value_of(name, entry):
    listed = st.sampled_from(entry.alternatives) if entry.alternatives else st.nothing()
    return listed | WIDE.get(name, st.nothing())


# -------------------------------------------------------------------------------- cases


@dataclass
class Case:
    """A model and its data."""

    model: Any
    X: Any
    y: Any
    weight: Any
    is_stream: bool
    repeats: bool
    fit: dict[str, Any] = field(default_factory=dict)


@st.composite
def cases(draw):
    """A model of either kind, with data."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n = draw(st.integers(1, 30))
    is_classifier = draw(st.booleans())
    cls = EffPropClassifier if is_classifier else EffPropRegressor
    registry = CLASSIFIER if is_classifier else REGRESSOR
    settings = {"hidden_layer_sizes": (3,), "random_state": 0}
    settings |= draw(settings_of(registry)) | {"max_iter": draw(st.integers(1, 3))}
    settings["engine"] = draw(ENGINES)
    return Case(
        cls(**settings),
        draw(inputs(rng, n)),
        draw(classes(rng, n) if is_classifier else values(rng, n)),
        draw(weights(rng, n)),
        draw(st.integers(0, 7)) == 0,
        draw(st.integers(0, 5)) == 0,
    )


NAMES = {*CLASSIFIER, *REGRESSOR, "X", "y", "sample_weight", "targets", "weights"}


def is_clear(error):
    """True if an error names a parameter or the data."""
    if isinstance(error, np.linalg.LinAlgError):
        return False
    words = {word.strip("'\".,:;()[]=`") for word in str(error).split()}
    words |= {word.split("=")[0] for word in words}
    return len(words) > 4 and bool(words & NAMES or "data" in words)


def train(case):
    """The model, or None if it refuses in a clear sentence."""
    model = clone(case.model)
    can_stream = hasattr(model, "partial_fit")
    method = "partial_fit" if case.is_stream and can_stream else "fit"
    try:
        return getattr(model, method)(case.X, case.y, sample_weight=case.weight)
    except ValueError as error:
        if not is_clear(error):
            raise AssertionError(f"unclear: {error!r}") from error
        return None


def snapshot(case):
    """Everything that a fit must leave as it was."""
    X = case.X
    # SciPy notes on the matrix whether its indices are sorted
    parts = (X.data, X.indices, X.indptr) if sparse.issparse(X) else (X,)
    legacy = np.random.get_state()[1]  # noqa: NPY002
    data = [np.asarray(part).tobytes() for part in (*parts, case.y, legacy)]
    weight = None if case.weight is None else case.weight.tobytes()
    return data, weight, hash(random.getstate())


def check(case):
    """Everything that holds for every fit; True if there was one."""
    before = snapshot(case)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = train(case)
        if model is not None:
            assert np.isfinite(model.theta_).all(), "weights are not finite"
            check_predictions(model, case.X)
            if case.repeats:
                again = train(case)
                same = np.array_equal(again.theta_, model.theta_)
                assert same or case.model.max_time is not None, "other bits"
    assert snapshot(case) == before, "X, y, weights or a global random state changed"
    return model is not None


def check_predictions(model, X):
    """Predictions are finite, of the right type, and the same one by one."""
    one = X[:1] if isinstance(X, list) else X[[0]]
    predicted = model.predict(X)
    if isinstance(model, EffPropClassifier):
        probabilities = model.predict_proba(X)
        assert probabilities.dtype == np.float64
        assert np.isfinite(probabilities).all(), "probabilities are not finite"
        if probabilities.ndim == 2 and model.coding_.is_multilabel is False:
            np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
        single, whole = model.predict_proba(one), probabilities[:1]
        tolerance = 1e-3 if model.theta_.dtype == np.float32 else 1e-6
        np.testing.assert_allclose(single, whole, atol=tolerance, rtol=1e-3)
        return
    assert predicted.dtype == model.theta_.dtype or predicted.dtype == np.float64
    assert np.isfinite(predicted).all(), "predictions are not finite"
    # in double precision, which knows numbers as small as the targets may be
    single, predicted = (v.astype(float) for v in (model.predict(one), predicted))
    scale = max(np.max(np.abs(predicted)), 1e-300)
    np.testing.assert_allclose(single / scale, predicted[:1] / scale, atol=1e-4)
