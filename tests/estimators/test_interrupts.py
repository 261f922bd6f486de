"""Ctrl-C ends a fit and keeps its weights, or ends the search that it belongs to."""

import signal
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_effprop import EffPropRegressor
from sk_effprop.core import descent as descent_module
from sk_effprop.core.objective import Objective
from sk_effprop.estimators import _regressor as regressor_module
from sk_effprop.solvers import BATCH
from sk_effprop.solvers import stochastic as stochastic_module
from sk_effprop.solvers.base import OutOfTime
from sk_effprop.training import monitor as monitor_module
from sk_effprop.training.monitor import Monitor
from tests.estimators.problems import SGD, may_not_converge, problem

MODEL = EffPropRegressor(**SGD)
BY_HAND = {
    "alone": MODEL,
    "in a pipeline": make_pipeline(StandardScaler(), MODEL),
    "with other targets": TransformedTargetRegressor(
        MODEL, transformer=StandardScaler()
    ),
}
AS_PARTS = {
    "cross-validation": lambda X, y: cross_val_score(MODEL, X, y),
    "of a pipeline": lambda X, y: cross_val_score(BY_HAND["in a pipeline"], X, y),
    "search": GridSearchCV(MODEL, {"momentum": [0.0, 0.9]}).fit,
    "ensemble": BaggingRegressor(MODEL, n_estimators=3).fit,
}


@pytest.fixture
def presses(monkeypatch):
    """Press Ctrl-C in the second epoch of every fit; list the fits."""
    watch, fits = Monitor.__call__, []

    def interrupted(self, *args, **kwargs):
        stop = watch(self, *args, **kwargs)
        if self.n_now == 2:
            fits.append(self)
            raise KeyboardInterrupt
        return stop

    monkeypatch.setattr(Monitor, "__call__", interrupted)
    return fits


@pytest.mark.parametrize("way", BY_HAND)
def test_a_fit_by_hand_keeps_its_weights(way, presses):
    X, y = problem(EffPropRegressor)
    with pytest.warns(ConvergenceWarning, match="interrupted; the best weights"):
        model = BY_HAND[way].fit(X, y)
    assert len(presses) == 1
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("way", AS_PARTS)
def test_a_fit_that_is_part_of_more_ends_all_of_it(way, presses):
    X, y = problem(EffPropRegressor)
    with pytest.raises(KeyboardInterrupt):
        AS_PARTS[way](X, y)
    assert len(presses) == 1


def test_an_interrupt_after_training_ends_a_search_too(monkeypatch):
    X, y = problem(EffPropRegressor)

    def press(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(EffPropRegressor, "_find_posterior", press)
    with pytest.raises(KeyboardInterrupt):
        AS_PARTS["cross-validation"](X, y)


# ----------------------------------------------- within an iteration of batch solvers

WAYS = {"max_time": OutOfTime, "interrupted": KeyboardInterrupt}


@pytest.fixture
def looks(monkeypatch):
    """Count looks at the clock; the time is over, or Ctrl-C comes, at ``stop_at``."""
    looks = SimpleNamespace(n=0, stop_at=np.inf, error=OutOfTime)

    def look(self):
        looks.n += 1
        if looks.n >= looks.stop_at:
            raise looks.error

    monkeypatch.setattr(Monitor, "check_time", look)
    return looks


@may_not_converge
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "settings",
    [*({"solver": solver} for solver in BATCH),
     {"solver": "lm", "alpha": "evidence"},
     {"solver": "lm", "batch_size": 50},
     {"solver": "lm", "batch_size": 50, "learning_rate": "constant"}],
    ids=str,
)  # fmt: skip
def test_an_iteration_ends_in_the_middle_and_the_best_weights_stay(
    settings, way, looks
):
    X, y = problem(EffPropRegressor)
    losses, model = [], EffPropRegressor((5,), random_state=0, max_iter=6, **settings)
    model.fit(X, y)
    n_looks, looks.error = looks.n, WAYS[way]
    for looks.stop_at in np.unique(np.linspace(1, n_looks, 6).astype(int)):
        looks.n = 0
        model.fit(X, y)
        if model.convergence_.reason == way:
            losses.append(model.loss_)
        assert np.isfinite(model.predict(X)).all()
    assert len(losses) >= 3
    # time never makes it worse: the best weights are those of an earlier iteration
    if settings.get("alpha") != "evidence":
        np.testing.assert_array_equal(losses, np.minimum.accumulate(losses))


@may_not_converge
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("solver", ["sgd", "sdlm"])
def test_a_measurement_of_rates_ends_in_the_middle(solver, way, looks):
    """The first one leaves the initial weights, and later ones those of the epoch."""
    X, y = problem(EffPropRegressor)
    model = EffPropRegressor(
        (5,), solver=solver, max_iter=4, learning_rate_init="auto", random_state=0
    )
    model.fit(X, y)
    n_looks, looks.error = looks.n, WAYS[way]
    assert n_looks > 5
    for looks.stop_at in np.unique(np.linspace(1, n_looks, 6).astype(int)):
        looks.n = 0
        model.fit(X, y)
        assert np.isfinite(model.predict(X)).all()
        assert np.isfinite(model.loss_)
        if looks.stop_at == 1:
            assert (model.n_iter_, model.convergence_.reason) == (0, way)
            assert model.learning_rate_ is None


@may_not_converge
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_long_batch_ends_in_the_middle(engine, way, looks, monkeypatch):
    for module in descent_module, stochastic_module:
        monkeypatch.setattr(module, "LONG_BATCH", 500)
    X, y = problem(EffPropRegressor)
    model = EffPropRegressor(
        (5,), solver="sgd", engine=engine, batch_size="full", max_iter=5, tol=0,
        learning_rate_init=0.1, random_state=0,
    )  # fmt: skip
    model.fit(X, y)
    n_looks, looks.error, losses = looks.n, WAYS[way], []
    assert n_looks >= 20
    for looks.stop_at in np.unique(np.linspace(1, n_looks, 6).astype(int)):
        looks.n = 0
        model.fit(X, y)
        assert model.convergence_.reason == way
        assert np.isfinite(model.predict(X)).all()
        losses.append(model.loss_)
    np.testing.assert_array_equal(losses, np.minimum.accumulate(losses))
    assert losses[-1] < losses[0]


@may_not_converge
def test_a_short_time_is_enough_for_an_iteration(monkeypatch):
    monkeypatch.setattr(monitor_module, "LEAST_SECONDS", 60.0)
    X, y = problem(EffPropRegressor)
    for solver in BATCH:
        model = EffPropRegressor((5,), solver=solver, random_state=0, max_time=1e-9)
        assert (model.fit(X, y).n_iter_, model.convergence_.reason) == (1, "max_time")
        monkeypatch.setattr(monitor_module, "LEAST_SECONDS", 0.0)
        assert (model.fit(X, y).n_iter_, model.convergence_.reason) == (0, "max_time")
        monkeypatch.setattr(monitor_module, "LEAST_SECONDS", 60.0)


@pytest.mark.parametrize("error", WAYS.values(), ids=WAYS)
def test_an_uncertainty_that_takes_too_long_is_left_out(error, monkeypatch):
    def stop(*args):
        raise error

    monkeypatch.setattr(regressor_module, "posterior_of", stop)
    X, y = problem(EffPropRegressor)
    model = EffPropRegressor((5,), solver="lm", random_state=0).fit(X, y)
    with pytest.raises(ValueError, match="not computed when the time is over"):
        model.predict(X, return_std=True)


@may_not_converge
@pytest.mark.parametrize("solver", ["sgd", "lm"])
def test_pressing_again_does_not_lose_what_the_first_time_has_kept(
    solver, monkeypatch, presses
):
    evaluate, times = Objective.value_and_gradient, []

    def interrupted(self, theta):
        if presses and len(times) < 3:
            times.append(None)
            raise KeyboardInterrupt
        return evaluate(self, theta)

    monkeypatch.setattr(Objective, "value_and_gradient", interrupted)
    X, y = problem(EffPropRegressor)
    settings = {**SGD, "solver": solver} if solver == "sgd" else {"solver": solver}
    model = EffPropRegressor(**settings).fit(X, y)
    assert len(times) == 3
    assert model.convergence_.reason == "interrupted"
    assert np.isfinite(model.predict(X)).all()


# ---------------------------------------------------------------- within a long epoch


LONG = 10**6


@pytest.fixture
def parts(monkeypatch):
    """Note the parts of an epoch, and the moment of a signal during the second one."""
    noted = []
    present = stochastic_module._Descent._presented

    def press(*args):
        noted.append("press")
        raise KeyboardInterrupt

    def counted(self, epoch, update):
        after = present(self, epoch, update)
        noted.append(after.n_presented - epoch.n_presented)
        if len(noted) == 1 and len(epoch.order) == LONG:
            signal.setitimer(signal.ITIMER_REAL, 1e-3)
        return after

    monkeypatch.setattr(stochastic_module._Descent, "_presented", counted)
    earlier = signal.signal(signal.SIGALRM, press)
    yield noted
    signal.setitimer(signal.ITIMER_REAL, 0.0)
    signal.signal(signal.SIGALRM, earlier)


def long_epochs(engine):
    """A model for single examples, and many of them."""
    X = np.zeros((LONG, 3))
    X[:100] = np.random.default_rng(0).normal(size=(100, 3))
    settings = {"normalize": None, "alpha": 0.0, "random_state": 0, "max_iter": 2}
    model = EffPropRegressor(
        (30, 30), solver="sgd", batch_size=1, learning_rate_init=0.01, engine=engine,
        **settings,
    )  # fmt: skip
    # so that the loops are compiled
    return model.fit(X[:300], X[:300, 0]), X


@may_not_converge
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers")
@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("way", ["max_time", "interrupted"])
def test_an_epoch_of_any_length_ends_after_the_part_that_it_is_in(engine, way, parts):
    """How long a part lasts is printed by ``python -m benchmarks interrupts``."""
    if engine == "numba":
        pytest.importorskip("numba")
    model, X = long_epochs(engine)
    parts.clear()
    if way == "max_time":
        parts.append("no signal")
        model.set_params(max_time=1e-9)
    model.fit(X, X[:, 0])
    assert model.convergence_.reason == way
    if way == "max_time":
        assert len(parts) == 2
    else:
        assert "press" in parts[-2:]
        assert sum(part for part in parts if part != "press") < LONG
