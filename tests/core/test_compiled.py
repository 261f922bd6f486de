"""The compiled sweep against NumPy's: every kernel both ways."""

import sys
from dataclasses import replace

import numba
import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_diabetes, load_iris

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.core import compiled, lanes
from sk_effprop.core.activations import ACTIVATIONS
from sk_effprop.core.inputs import FoldedSparse
from sk_effprop.core.steps import Momentum
from sk_effprop.estimators import _build
from tests.cases import (
    ACTIVATION_PARAMS,
    ALL_ACTIVATIONS,
    ALL_LOSSES,
    COMPILED_LOSS_PARAMS,
    USER_ACTIVATIONS,
    USER_LOSSES,
    make_monitor,
    make_problem,
    on_engine,
    params,
    sdlm,
    stochastic,
)

STEPS = {
    "plain": {},
    "batches": {"batch_size": 5},
    "momentum": {"rule": Momentum(0.7)},
    "nesterov": {"rule": Momentum(0.7, True), "batch_size": 4},
    "annealing": {"schedule": "annealing", "batch_size": 3},
    "gains": {"input_gains": True},
    "gains and momentum": {
        "input_gains": True,
        "rule": Momentum(0.7),
        "batch_size": 4,
    },
    "flow": {"schedule": "flow"},
    "flow in batches": {"schedule": "flow", "batch_size": 4},
}
# one of each branch of the compiled loss
EACH_LOSS = (
    "squared_error_3", "log_loss_multilabel", "log_loss_softmax", "huber",
    "absolute_error", "quantile", "poisson", "gamma",
)  # fmt: skip


def both_ways(objective, theta, solver, epochs=3):
    """Weights after some epochs with NumPy, and compiled."""
    found = []
    for engine in ("numpy", "numba"):
        monitor = make_monitor(objective, theta, epochs)
        solution = solver.solve(
            on_engine(engine, objective),
            theta,
            state=None,
            rng=np.random.default_rng(0),
            monitor=monitor,
        )
        found.append((solution.theta, monitor.loss_curve))
    return found


def assert_same(objective, theta, solver, rtol=1e-11):
    (plain, curve), (fast, fast_curve) = both_ways(objective, theta, solver)
    scale = np.abs(plain).max()
    np.testing.assert_allclose(fast, plain, atol=rtol * scale)
    np.testing.assert_allclose(fast_curve, curve, rtol=10 * rtol)
    assert fast.dtype == plain.dtype
    assert np.abs(plain - theta).max() > 1e-3 * scale


@pytest.mark.parametrize("step", params(STEPS))
@pytest.mark.parametrize("loss", COMPILED_LOSS_PARAMS)
def test_every_loss_and_step(loss, step):
    """Output activations, weights and penalties included."""
    objective, theta = make_problem((4,), ALL_ACTIVATIONS["lecun_tanh"], loss)
    assert objective.is_compilable
    assert_same(objective, theta, stochastic(objective, **step))


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("n", [1, 8, 21])
@pytest.mark.parametrize("loss", COMPILED_LOSS_PARAMS)
def test_value_and_gradient(loss, n, weighted):
    """Of whole eights of examples, and of what is left over."""
    objective, theta = make_problem(
        (9, 4), ALL_ACTIVATIONS["lecun_tanh"], loss, n=n, weighted=weighted
    )
    fast = on_engine("numba", objective)
    value, gradient = fast.value_and_gradient(theta)
    expected, its_gradient = objective.value_and_gradient(theta)
    np.testing.assert_allclose(value, expected, rtol=1e-13)
    np.testing.assert_allclose(gradient, its_gradient, rtol=1e-11, atol=1e-13)
    # from the same memory once more
    assert fast.value(theta) == value
    np.testing.assert_array_equal(fast.sample_losses(theta), fast.sample_losses(theta))


def test_views_without_counts_are_views():
    """What is written to them is in the array."""

    @numba.njit
    def write(array):
        lanes.vector_at(array, 5, 3)[:] = 7.0
        lanes.matrix_at(array, 12, 2, 3)[1, 2] = 8.0

    array = np.zeros((4, 5))
    write(array)
    np.testing.assert_array_equal(np.flatnonzero(array == 7.0), [5, 6, 7])
    np.testing.assert_array_equal(np.flatnonzero(array == 8.0), [17])


def test_arithmetic_of_eight_numbers():
    @numba.njit
    def compute(a, b, out):
        x, y = lanes.load(a, 0), lanes.load(b, 1)
        lanes.store(out, 0, lanes.add_scaled(x, 3.0, y))
        lanes.store(out, 1, lanes.product(x, y))
        lanes.store(out, 2, lanes.quotient(x, y))
        lanes.store(out, 3, lanes.spread(5.0))

    a, b = np.random.default_rng(0).normal(size=(2, 2, 8))
    out = np.empty((4, 8))
    compute(a, b, out)
    x, y = a[0], b[1]
    expected = [x + 3.0 * y, x * y, x / y, np.full(8, 5.0)]
    np.testing.assert_allclose(out, expected, rtol=1e-15)


def test_eight_numbers_change_places():
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(16, 8)), np.zeros((16, 8))
    numba.njit(lambda a, b, row: lanes.transpose(a, b, row))(source, target, 8)
    np.testing.assert_array_equal(target[8:], source[8:].T)
    assert not target[:8].any()


@pytest.mark.parametrize("activation", ACTIVATION_PARAMS)
def test_every_activation(activation):
    objective, theta = make_problem((5,), activation, ALL_LOSSES["squared_error_3"])
    assert_same(objective, theta, stochastic(objective))


@pytest.mark.parametrize("hidden", [(), (4, 3), (6, 5, 3)], ids=str)
def test_every_depth_with_a_rate_for_every_weight(hidden):
    objective, theta = make_problem(
        hidden,
        ALL_ACTIVATIONS["lecun_tanh"],
        ALL_LOSSES["log_loss_softmax"],
        n=23,
        weighted=False,
    )
    assert_same(objective, theta, stochastic(objective))
    assert_same(objective, theta, sdlm(objective, period=1.0))


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("momentum", [0.0, 0.6])
@pytest.mark.parametrize("loss", params(ALL_LOSSES, *EACH_LOSS))
def test_running_curvature(loss, batch_size, momentum):
    """Eq. (62), pattern by pattern, and the rates that follow it."""
    objective, theta = make_problem((4, 3), ALL_ACTIVATIONS["lecun_tanh"], loss)
    solver = sdlm(objective, curvature_decay=0.1, momentum=momentum)
    # its rates are for batches of 10
    find_rates = replace(solver.find_rates, share=0.2 * solver.find_rates.share)
    solver = replace(solver, batch_size=batch_size, find_rates=find_rates)
    assert_same(objective, theta, solver)


@pytest.mark.parametrize("loss", params(ALL_LOSSES, *EACH_LOSS))
def test_single_precision(loss):
    objective, theta = make_problem((4,), ALL_ACTIVATIONS["lecun_tanh"], loss)
    single = replace(
        objective,
        inputs=objective.inputs.astype(np.float32),
        targets=objective.targets.astype(np.float32),
        sample_weight=objective.sample_weight.astype(np.float32),
    )
    for step in ({}, {"batch_size": 5, "rule": Momentum(0.5)}):
        solver = stochastic(single, **step)
        assert_same(single, theta.astype(np.float32), solver, rtol=1e-5)


def test_what_is_not_numbers_is_left_to_numpy():
    """Sparse inputs, and the loss of a user."""
    objective, _ = make_problem(
        (4,), ALL_ACTIVATIONS["lecun_tanh"], ALL_LOSSES["squared_error_1"]
    )
    assert objective.is_compilable
    for case in USER_LOSSES.values():
        theirs, _ = make_problem((4,), ALL_ACTIVATIONS["lecun_tanh"], case)
        assert not theirs.is_compilable
    network = replace(objective.network, activations=(*USER_ACTIVATIONS.values(),)[:2])
    assert not replace(objective, network=network).is_compilable
    folded = FoldedSparse(sparse.csr_array(objective.inputs[:, :-1]), *np.ones((2, 3)))
    assert not replace(objective, inputs=folded).is_compilable


def test_what_has_no_branch_is_left_to_numpy(monkeypatch):
    """A new loss or shape of activation trains before anybody compiles it."""
    objective, _ = make_problem(
        (4,), ALL_ACTIVATIONS["lecun_tanh"], ALL_LOSSES["squared_error_1"]
    )
    for name in "COMPILED_LOSSES", "COMPILED_SHAPES":
        with monkeypatch.context() as without:
            without.setattr(f"sk_effprop.core.objective.{name}", ())
            assert not objective.is_compilable


def test_tanh_is_right_to_the_last_bits():
    u = np.concatenate([np.linspace(-30.0, 30.0, 200_001), np.logspace(-300, 1, 2001)])
    value = np.empty_like(u)
    compiled._tanh(u, value, compiled.constants_of(np.float64))
    np.testing.assert_allclose(value, np.tanh(u), rtol=2e-15)
    missing = np.array([np.nan])
    compiled._tanh(missing, missing, compiled.constants_of(np.float64))
    assert np.isnan(missing[0])


# ------------------------------------------------------------------------- estimators


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", ["sgd", "sdlm"])
@pytest.mark.parametrize(
    ("cls", "load"),
    [(EffPropClassifier, load_iris), (EffPropRegressor, load_diabetes)],
)
def test_both_engines_fit_the_same(cls, load, solver):
    X, y = load(return_X_y=True)
    models = [
        cls(4, solver=solver, engine=engine, max_iter=5, random_state=0).fit(X, y)
        for engine in ("numpy", "numba")
    ]
    assert [model.engine_ for model in models] == ["numpy", "numba"]
    np.testing.assert_allclose(models[1].theta_, models[0].theta_, rtol=1e-8)
    np.testing.assert_allclose(models[1].predict(X), models[0].predict(X), rtol=1e-8)


@pytest.mark.parametrize(
    ("settings", "engine"),
    [
        ({"max_iter": 2}, "numpy"),
        ({"max_iter": 2000, "max_time": 1e-9}, "numba"),
        ({"max_iter": 2000, "max_time": 1e-9, "batch_size": 100}, "numpy"),
        ({"max_iter": 2000, "max_time": 1e-9, "learning_rate": "flow"}, "numba"),
        ({"solver": "lbfgs"}, "numpy"),
        ({"solver": "lbfgs", "engine": "numba"}, "numba"),
        ({"solver": "adam", "engine": "numba", "max_iter": 2}, "numpy"),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_auto_compiles_where_it_is_worth_it(settings, engine):
    X, y = load_iris(return_X_y=True)
    settings = {"solver": "sgd", "tol": 0} | settings
    assert EffPropClassifier(4, **settings).fit(X, y).engine_ == engine


def test_without_numba_the_extra_is_named_and_auto_goes_without(monkeypatch):
    X, y = load_iris(return_X_y=True)
    monkeypatch.setattr(
        "sk_effprop.estimators._build.compiled_or_why_not", lambda: "ImportError"
    )
    with pytest.raises(ImportError, match=r"'fast'.*sk_effprop\[fast\]"):
        EffPropClassifier(solver="sgd", engine="numba").fit(X, y)
    model = EffPropClassifier(4, solver="sgd", tol=0, max_iter=2000, max_time=1e-9)
    assert model.fit(X, y).engine_ == "numpy"


def test_the_rational_tanh_is_the_one_of_numpy():
    """Its correction term and its saturation included."""
    activation = ACTIVATIONS["rational_tanh"]
    z = np.linspace(-20.0, 20.0, 999)
    value, slope = np.empty_like(z), np.empty_like(z)
    compiled._activate(
        z, value, slope, np.array([activation], dtype=float), 0,
        compiled.constants_of(np.float64),
    )  # fmt: skip
    np.testing.assert_allclose(value, activation.f(z), rtol=1e-14)
    np.testing.assert_allclose(slope, activation.df(z), rtol=1e-12, atol=1e-15)


def test_a_numba_that_does_not_work_is_as_good_as_none(monkeypatch):
    """One that does not go with the NumPy there is, say."""
    _build.compiled_or_why_not.cache_clear()
    for name in ("lanes", "compiled", "compiled_objective"):
        monkeypatch.delitem(sys.modules, f"sk_effprop.core.{name}")
        monkeypatch.delattr(f"sk_effprop.core.{name}")
    monkeypatch.setitem(sys.modules, "numba", None)
    X, y = load_iris(return_X_y=True)
    model = EffPropClassifier(4, solver="sgd", tol=0, max_iter=2000, max_time=1e-9)
    assert model.fit(X, y).engine_ == "numpy"
    with pytest.raises(ImportError, match=r"sk_effprop\[fast\]"):
        model.set_params(engine="numba").fit(X, y)
    _build.compiled_or_why_not.cache_clear()
