"""Every way in which training ends, for every solver: the best weights are kept."""

from copy import copy

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import get_scorer

import sk_effprop.estimators._base as base_module
import sk_effprop.training.monitor as monitor_module
from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.solvers import SOLVERS
from sk_effprop.training.monitor import Monitor

EXITS = ("max_iter", "max_time", "goal", "interrupted", "callback", "diverged")
LAST = 5
# fast enough that training is restless, where there is a rate
RATES = {"sgd": 0.3, "sdlm": 0.1, "adam": 0.1}
CRITERIA = {
    # a goal, even one out of reach, has every epoch measured that falls
    "train": (EffPropRegressor, {"goal": -1.0}),
    "loss": (EffPropRegressor, {"early_stopping": True}),
    "r2": (EffPropRegressor, {"early_stopping": True, "scoring": "r2"}),
    "accuracy": (EffPropClassifier, {"early_stopping": True, "scoring": "accuracy"}),
}


def noise(cls, seed):
    """Nothing to learn: what trains better soon validates worse."""
    rng = np.random.default_rng(seed)
    X, labels = rng.normal(size=(50, 3)), rng.integers(0, 3, size=50)
    return X, labels if cls is EffPropClassifier else labels + rng.normal(size=50)


def data(cls):
    """Something to learn."""
    load = load_iris if cls is EffPropClassifier else load_diabetes
    return load(return_X_y=True)


def make(solver, criterion):
    cls, settings = CRITERIA[criterion]
    return cls(
        (4,), solver=solver, learning_rate="constant", max_iter=12, tol=0.0,
        learning_rate_init=RATES.get(solver, "auto"), momentum=0.0, alpha=0.0,
        random_state=0,
        **settings,
    )  # fmt: skip


@pytest.fixture
def watch(monkeypatch):
    """What is called with the monitor after each iteration; nothing is printed."""

    def install(watcher):
        monkeypatch.setattr("sk_effprop.training.progress._print_line", watcher)

    return install


def prepare(monkeypatch, model, exit_, goal):
    """Arrange for an exit at iteration LAST; return what the watcher does."""
    if exit_ == "max_iter":
        model.set_params(max_iter=LAST)
    if exit_ == "goal":
        model.set_params(goal=goal)
    if exit_ == "max_time":
        model.set_params(max_time=float(LAST))
        now = [0.0]
        for module in monitor_module, base_module:
            monkeypatch.setattr(module, "monotonic", lambda: now[0])
    if exit_ == "diverged":
        model.set_params(max_iter=100)
        is_late = lambda self, theta, value: self.n_now >= LAST  # noqa: E731
        monkeypatch.setattr(Monitor, "_has_diverged", is_late)
        # otherwise it is not asked about epochs that go well
        monkeypatch.setattr(Monitor, "_is_fine", lambda *_: False)

    def act(monitor):
        if exit_ == "max_time":
            now[0] = monitor.n_now + 1.0
        if exit_ == "interrupted" and monitor.n_now == LAST:
            raise KeyboardInterrupt
        return exit_ == "callback" and monitor.n_now == LAST

    return act


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("exit_", EXITS)
@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("solver", SOLVERS)
def test_the_best_weights_are_kept(monkeypatch, watch, solver, criterion, exit_):
    model = make(solver, criterion)
    cls, _ = CRITERIA[criterion]
    (X, y), (X_val, y_val) = noise(cls, 0), noise(cls, 1)
    held_out = {} if criterion == "train" else {"X_val": X_val, "y_val": y_val}

    goal = None
    if exit_ == "goal":
        goal = clone(model).set_params(max_iter=LAST).fit(X, y, **held_out).loss_
    act = prepare(monkeypatch, model, exit_, goal)
    met = []

    def note(monitor):
        met.append(monitor.theta.copy())
        return act(monitor)

    watch(note)
    model.set_params(verbose=2).fit(X, y, **held_out)
    assert model.convergence_.reason == exit_
    assert model.n_iter_ == len(met)
    assert len(met) <= LAST or exit_ == "diverged"

    def badness(theta):
        other = copy(model)
        other.theta_ = theta
        if criterion == "train":
            return other.loss_and_gradient(X, y)[0]
        if criterion == "loss":
            return other.loss_and_gradient(X_val, y_val)[0]
        return -get_scorer(criterion)(other, X_val, y_val)

    badnesses = np.array([badness(theta) for theta in met])
    best = badness(model.theta_)
    assert any(np.array_equal(model.theta_, theta) for theta in met)
    assert best <= badnesses.min() + 1e-12
    if criterion != "train":
        assert model.best_validation_score_ == pytest.approx(-best, abs=1e-12)
        assert len(model.validation_scores_) == model.n_iter_
        assert len(model.validation_loss_curve_) == model.n_iter_


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_training_is_restless_enough():
    """Else the last weights would be the best ones, and the test above too easy."""
    for criterion in ("loss", "accuracy"):
        for solver in SOLVERS:
            model = make(solver, criterion)
            X, y = noise(type(model), 0)
            X_val, y_val = noise(type(model), 1)
            model.fit(X, y, X_val=X_val, y_val=y_val)
            scores = model.validation_scores_
            assert np.argmax(scores) < len(scores) - 1, (solver, criterion)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("cls", [EffPropClassifier, EffPropRegressor])
def test_the_curve_of_validation_losses_is_that_of_the_weights(watch, cls, solver):
    """Of the loss without the penalty, weights of the examples applied."""
    (X, y), (X_val, y_val) = noise(cls, 0), noise(cls, 1)
    weight = np.random.default_rng(2).uniform(0.5, 2.0, size=50)
    met = []
    watch(lambda monitor: met.append(monitor.theta.copy()))
    model = cls((4,), solver=solver, max_iter=4, tol=0.0, random_state=0, verbose=2)
    model.fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=weight)
    assert len(model.validation_loss_curve_) == len(met)
    for theta, loss in zip(met, model.validation_loss_curve_, strict=True):
        model.theta_, model.alpha_ = theta, np.zeros_like(model.alpha_)
        expected, _ = model.loss_and_gradient(X_val, y_val, weight)
        assert loss == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("cls", [EffPropClassifier, EffPropRegressor])
def test_adam_has_the_epochs_of_mlp_and_says_that_they_are_over(cls):
    X, y = data(cls)
    with pytest.warns(ConvergenceWarning, match="max_iter.*Increase"):
        model = cls((4,), solver="adam", random_state=0).fit(X, y)
    assert model.n_iter_ == 200


@pytest.mark.parametrize("cls", [EffPropClassifier, EffPropRegressor])
@pytest.mark.parametrize(("solver", "alpha"), [("sgd", 2.0), ("lbfgs", 10.0)])
def test_a_penalty_that_leaves_nothing_is_reported(cls, solver, alpha):
    """As that of MLP would be, which divides it by the size of a batch."""
    X, y = data(cls)
    model = cls((4,), solver=solver, alpha=alpha, random_state=0)
    with pytest.warns(ConvergenceWarning, match=r"hardly depend on .* Decrease"):
        model.fit(X, y)
    assert model.convergence_.is_flat
    assert "alpha" in model.convergence_.advice
    weaker = model.set_params(alpha=0.001, tol=0, max_iter=50).fit(X, y)
    assert not weaker.convergence_.is_flat


def test_flat_outputs_for_another_reason_are_not_blamed_on_the_penalty():
    """Weights that were made small, and a target that nothing is known about."""
    X, y = data(EffPropClassifier)
    small = EffPropClassifier(
        (8,), init=0.01, bias_init="zero", alpha=1e-7, solver="sgd",
        learning_rate_init=1e-4, max_iter=2, tol=0, random_state=0,
    ).fit(X, y)  # fmt: skip
    assert not small.convergence_.is_flat
    rng = np.random.default_rng(0)
    noise = EffPropRegressor((), alpha=1e-4, random_state=0)
    with pytest.warns(ConvergenceWarning, match="linear model"):
        noise.fit(rng.normal(size=(300, 1)), rng.normal(size=300))
    assert noise.convergence_.parameter == "hidden_layer_sizes"
