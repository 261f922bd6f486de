"""What a saved estimator carries: the version of the package, and little else."""

import pickle
import warnings
from copy import copy, deepcopy
from io import BytesIO

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import InconsistentVersionWarning

import sk_effprop
from sk_effprop import EffPropClassifier, EffPropRegressor, InputNormalizer
from sk_effprop import _version as version
from tests.estimators.rejections import problem

SMALL = {"hidden_layer_sizes": (4,), "max_iter": 3, "tol": 0.0, "random_state": 0}


def by_joblib(model):
    file = BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    return file


def by_skops(model):
    return pytest.importorskip("skops.io").dumps(model)


def from_skops(data):
    io = pytest.importorskip("skops.io")
    return io.loads(data, trusted=io.get_untrusted_types(data=data))


WAYS = {
    "pickle": (pickle.dumps, pickle.loads),
    "joblib": (by_joblib, joblib.load),
    "skops": (by_skops, from_skops),
}
MODELS = {
    "classifier": EffPropClassifier(**SMALL),
    "regressor": EffPropRegressor(**SMALL),
    "normalizer": InputNormalizer("robust"),
}
each_way = pytest.mark.parametrize("way", WAYS)
each_model = pytest.mark.parametrize("name", MODELS)


def fitted(name):
    cls = EffPropClassifier if name == "classifier" else EffPropRegressor
    return clone(MODELS[name]).fit(*problem(cls))


@each_way
@each_model
@pytest.mark.parametrize("is_fitted", [False, True], ids=["new", "fitted"])
def test_another_version_is_warned_of(monkeypatch, name, way, is_fitted):
    save, load = WAYS[way]
    data = save(fitted(name) if is_fitted else MODELS[name])
    monkeypatch.setattr(version, "__version__", "9.8.7")
    expected = (
        f"{type(MODELS[name]).__name__} was saved by sk_effprop "
        f"{sk_effprop.__version__} and is loaded by sk_effprop 9.8.7"
    )
    with pytest.warns(InconsistentVersionWarning) as seen:
        back = load(data)
    # a fitted network contains a fitted normaliser, which warns as well
    assert any(str(one.message).startswith(expected) for one in seen)
    assert version.KEY not in vars(back)


@each_model
def test_a_state_without_a_version_is_warned_of(name):
    """Files written before versions were kept."""
    model = fitted(name)
    state = {k: v for k, v in model.__getstate__().items() if k != version.KEY}
    new = type(model).__new__(type(model))
    with pytest.warns(InconsistentVersionWarning, match=r"before 0\.1\.0"):
        new.__setstate__(state)


@each_way
@each_model
def test_the_same_version_is_silent(name, way):
    save, load = WAYS[way]
    model = fitted(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for back in load(save(model)), copy(model), deepcopy(model):
            assert vars(back).keys() == vars(model).keys()


# --------------------------------------------------------------------------------- size


def problem_for_lm(n):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 10))
    return X, np.sin(X[:, 0]) + X[:, 1] + 0.1 * rng.normal(size=n)


@pytest.mark.parametrize("n", [40, 400])
@pytest.mark.parametrize("alpha", ["auto", 0.01, 0.0])
def test_the_uncertainty_of_lm_takes_little_room(n, alpha):
    """Single precision: half a number for each pair of weights, or one for each row."""
    X, y = problem_for_lm(n)
    model = EffPropRegressor((20, 10), alpha=alpha, solver="lm", max_iter=5)
    model.set_params(random_state=0, tol=0.0).fit(X, y)
    n_weights = len(model.theta_)
    most = 4 * n_weights * min(n, n_weights / 2)
    assert len(pickle.dumps(model)) < 10_000 + 40 * n_weights + most


@pytest.mark.parametrize("solver", ["lm", "lbfgs", "cg", "scg"])
@pytest.mark.parametrize("batch_size", ["auto", 10])
def test_curvature_is_kept_for_a_warm_start_alone(solver, batch_size):
    if batch_size != "auto" and solver != "lm":
        pytest.skip("full batches")
    X, y = problem(EffPropRegressor)
    settings = SMALL | {"solver": solver, "batch_size": batch_size}
    model = EffPropRegressor(**settings).fit(X, y)
    assert model._resume.state is None
    warm = EffPropRegressor(**settings, warm_start=True).fit(X, y)
    assert warm._resume.state is not None
    np.testing.assert_array_equal(warm.theta_, model.theta_)
    # the curvature is gone, but training goes on from the weights
    assert model.set_params(warm_start=True).fit(X, y).loss_ <= warm.loss_
