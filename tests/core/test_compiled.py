"""The compiled loops against NumPy's: every kernel both ways."""

import ctypes
import sys
from dataclasses import replace

import numba
import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_diabetes, load_iris

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.core import compiled
from sk_effprop.core.activations import ACTIVATIONS
from sk_effprop.core.compiled import activations, lanes, pointers, why_not_compiled
from sk_effprop.core.compiled.arrays import Buffers
from sk_effprop.core.compiled.cache import address_of_activation
from sk_effprop.core.compiled.engine import NumbaEngine
from sk_effprop.core.inputs import FoldedSparse
from sk_effprop.core.rates import Rates
from sk_effprop.core.steps import Adam, Momentum, Update
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
    """Numbers of examples that fill whole lanes or not."""
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


def test_pointers_are_views():
    """Numbers written through them are in the arrays, at flat indices."""

    @numba.njit
    def write(buffers):
        p = pointers.pointers(buffers)
        pointers.at(p.inputs, 5)[2] = 7.0
        pointers.as_numbers(p.units)[9] = 8.0
        pointers.store(p.squares, 1, pointers.load(p.units, 1))

    numbers, eights, more = np.zeros(10), np.zeros((2, 8)), np.zeros((2, 8))
    write(Buffers(numbers, more, eights, numbers))
    np.testing.assert_array_equal(np.flatnonzero(numbers), [7])
    np.testing.assert_array_equal(np.flatnonzero(eights), [9])
    np.testing.assert_array_equal(more, eights)


@pytest.mark.parametrize("shape", [(1,), (1, 8)], ids=["one", "lanes"])
def test_arithmetic_of_one_example_and_of_eight(shape):
    """One source computes with numbers and with lanes."""

    @numba.njit
    def compute(buffers):
        p = pointers.pointers(buffers)
        x, y = pointers.load(p.inputs, 0), pointers.load(p.squares, 0)
        pointers.store(p.units, 0, lanes.add_scaled(x, 3.0, y))
        pointers.store(p.units, 1, lanes.add_term(x, 3.0, y))
        pointers.store(p.units, 2, lanes.product(x, y))
        pointers.store(p.units, 3, lanes.quotient(x, y))
        pointers.store(p.units, 4, lanes.total(x, y))
        pointers.store(p.units, 5, lanes.zero_of(p.units))

    x, y = np.random.default_rng(0).normal(size=(2, *shape))
    out = np.ones((6 * shape[0], *shape[1:]))
    compute(Buffers(x, y, out, out))
    expected = np.concatenate([x + 3.0 * y, x + 3.0 * y, x * y, x / y, x + y, 0.0 * x])
    np.testing.assert_allclose(out, expected, rtol=1e-15)


def test_eight_numbers_change_places():
    @numba.njit
    def turn(buffers, row):
        p = pointers.pointers(buffers)
        lanes.transpose(p.inputs, p.turned, row)

    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(16, 8)), np.zeros((16, 8))
    turn(Buffers(source, source, source, target), 8)
    np.testing.assert_array_equal(target[8:], source[8:].T)
    assert not target[:8].any()
    # the numbers of a single example are neighbours already
    turn(Buffers(source.ravel(), source, source, target), 8)
    np.testing.assert_array_equal(target[1], source[1])


@pytest.mark.parametrize("n_examples", [1, 8])
def test_products_of_inputs_and_errors_add_up(n_examples):
    """The gradient of eight neighbouring weights, summed over the examples."""

    @numba.njit
    def add(buffers):
        p = pointers.pointers(buffers)
        x = lanes.numbers_of(p.inputs, 1)
        s = lanes.add_products(pointers.load(p.units, 0), x, p.turned)
        pointers.store(p.units, 0, s)

    rng = np.random.default_rng(0)
    x = rng.normal(size=2) if n_examples == 1 else rng.normal(size=(2, 8))
    errors, total = rng.normal(size=(n_examples, 8)), rng.normal(size=(1, 8))
    expected = total + np.atleast_1d(x[1]) @ errors
    add(Buffers(x, x, total, errors))
    np.testing.assert_allclose(total, expected, rtol=1e-13)


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
    for step in ({}, {"batch_size": 5, "rule": Momentum(0.5)}, {"input_gains": True}):
        solver = stochastic(single, **step)
        assert_same(single, theta.astype(np.float32), solver, rtol=1e-5)


def descended(objective, start, batch_size):
    """Weights after a pass with momentum, and the losses on the way."""
    theta, rule = start.copy(), Momentum(0.5)
    rates = Rates(0.001, np.ones(len(theta)))
    update = Update(rule, rates, rule.start(theta))
    order = np.arange(objective.n_samples)
    return theta, objective.descend(theta, order, batch_size, update)


@pytest.mark.parametrize("batch_size", [1, 8])
@pytest.mark.parametrize("spoilt", [np.nan, np.inf, 1e200])
@pytest.mark.parametrize("loss", params(ALL_LOSSES, *EACH_LOSS))
def test_weights_that_overflowed_leave_nothing_behind(loss, spoilt, batch_size):
    """A solver goes on from its best weights, with the same engine."""
    objective, theta = make_problem((5, 3), ALL_ACTIVATIONS["lecun_tanh"], loss, n=40)
    fast = on_engine("numba", objective)
    expected = descended(fast, theta, batch_size)
    spoilt_theta = np.full_like(theta, spoilt)
    with np.errstate(all="ignore"):
        descended(fast, spoilt_theta, batch_size)
        fast.sample_losses(spoilt_theta, np.zeros_like(theta))
    for found, wanted in zip(descended(fast, theta, batch_size), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


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


def compiled_activation(activation, z):
    """f(z) and f'(z) by the compiled function, called as a C function."""
    function = activations.ACTIVATIONS[activation.kind]
    pointer, number = ctypes.POINTER(ctypes.c_double), ctypes.c_double * len(z)
    signature = ctypes.CFUNCTYPE(None, *[pointer] * 4, ctypes.c_int64)
    call = signature(address_of_activation(function, np.float64))
    value, derivative = number(), number()
    constants = (ctypes.c_double * 4)(*activation[1:])
    call(constants, number(*z), value, derivative, len(z))
    return np.array(value), np.array(derivative)


def test_tanh_is_right_to_the_last_bits():
    u = np.concatenate([np.linspace(-30.0, 30.0, 200_001), np.logspace(-300, 1, 2001)])
    value, _ = compiled_activation(ACTIVATIONS["tanh"], u)
    np.testing.assert_allclose(value, np.tanh(u), rtol=2e-15)
    value, _ = compiled_activation(ACTIVATIONS["tanh"], [np.nan])
    assert np.isnan(value).all()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_functions_are_those_of_numpy(name):
    """With correction terms and saturation, far out included."""
    activation = ACTIVATIONS[name].twisted(0.02)
    z = np.linspace(-20.0, 20.0, 999)
    value, derivative = compiled_activation(activation, z)
    np.testing.assert_allclose(value, activation.f(z), rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(derivative, activation.df(z), rtol=1e-11, atol=1e-15)


def test_other_rules_than_momentum_are_refused_in_a_sentence():
    objective, theta = make_problem(
        (4,), ALL_ACTIVATIONS["lecun_tanh"], ALL_LOSSES["squared_error_1"]
    )
    rates = Rates(0.1, np.ones(len(theta)))
    update = Update(Adam(), rates, Adam().start(theta))
    with pytest.raises(ValueError, match="do not know Adam, only gradient descent"):
        NumbaEngine(objective).descend(theta, np.arange(3), 1, update)


def test_arrays_that_are_read_only_are_taken():
    """They have another type for numba."""
    objective, theta = make_problem(
        (4,), ALL_ACTIVATIONS["lecun_tanh"], ALL_LOSSES["squared_error_1"]
    )
    expected = NumbaEngine(objective).sample_losses(theta)
    for array in objective.inputs, objective.targets, objective.sample_weight, theta:
        array.flags.writeable = False
    losses = NumbaEngine(objective).sample_losses(theta)
    np.testing.assert_array_equal(losses, expected)


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
        "sk_effprop.estimators._build.why_not_compiled", lambda: "ImportError"
    )
    with pytest.raises(ImportError, match=r"'fast'.*sk_effprop\[fast\]"):
        EffPropClassifier(solver="sgd", engine="numba").fit(X, y)
    model = EffPropClassifier(4, solver="sgd", tol=0, max_iter=2000, max_time=1e-9)
    assert model.fit(X, y).engine_ == "numpy"


def test_a_numba_that_is_switched_off_is_as_good_as_none(monkeypatch):
    """NUMBA_DISABLE_JIT is for debuggers, and pointers are not for Python."""
    assert why_not_compiled() == ""
    why_not_compiled.cache_clear()
    monkeypatch.setattr("numba.config.DISABLE_JIT", 1)
    assert "NUMBA_DISABLE_JIT" in why_not_compiled()
    why_not_compiled.cache_clear()


def test_a_numba_that_does_not_work_is_as_good_as_none(monkeypatch):
    """One that does not go with the NumPy there is, say."""
    why_not_compiled.cache_clear()
    for name in [*sys.modules]:
        if name.startswith("sk_effprop.core.compiled."):
            monkeypatch.delitem(sys.modules, name)
            monkeypatch.delattr(compiled, name.rpartition(".")[2])
    monkeypatch.setitem(sys.modules, "numba", None)
    assert "numba" in why_not_compiled()
    X, y = load_iris(return_X_y=True)
    model = EffPropClassifier(4, solver="sgd", tol=0, max_iter=2000, max_time=1e-9)
    assert model.fit(X, y).engine_ == "numpy"
    with pytest.raises(ImportError, match=r"sk_effprop\[fast\]"):
        model.set_params(engine="numba").fit(X, y)
    why_not_compiled.cache_clear()
