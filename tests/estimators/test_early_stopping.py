"""Early stopping by validation data, and the other limits of training."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from sk_effprop import EffPropRegressor
from tests.estimators.problems import (
    LBFGS,
    SGD,
    SMALL,
    both,
    both_solvers,
    fitted,
    problem,
)

# ----------------------------------------------------------------------- early stopping


@both
@both_solvers
@pytest.mark.parametrize("own_split", [True, False], ids=["own_split", "X_val"])
def test_early_stopping_keeps_the_weights_that_validate_best(cls, settings, own_split):
    X, y = problem(cls)
    y = np.random.default_rng(0).permutation(y)  # nothing to learn, all to overfit
    X_val, y_val = problem(cls, n=30, seed=1)
    settings = {**settings, "tol": 1e-4, "n_iter_no_change": 5, "max_iter": 200}
    model = cls(**settings, alpha=0.0, early_stopping=True, learning_rate="constant")
    held_out = {} if own_split else {"X_val": X_val, "y_val": y_val}
    model.fit(X, y, **held_out)
    curve = model.validation_loss_curve_
    assert model.convergence_.reason == "stalled"
    assert model.n_iter_ < 200
    assert len(curve) == len(model.validation_scores_) == model.n_iter_
    assert model.validation_scores_ == [-loss for loss in curve]
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert model.best_loss_ is None
    assert np.argmin(curve) < len(curve) - 1
    if not own_split:
        loss, _ = model.loss_and_gradient(X_val, y_val)
        assert loss == pytest.approx(min(curve), rel=1e-9)


@both
def test_validation_data_switch_automatic_early_stopping_on(cls):
    model, X, y = fitted(cls)
    assert model.validation_scores_ is None
    assert model.validation_loss_curve_ is None
    assert model.best_validation_score_ is None
    model.fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    assert len(model.validation_scores_) == 4
    with pytest.raises(ValueError, match="early_stopping=False makes no use of X_val"):
        cls(**SGD, early_stopping=False).fit(X, y, X_val=X, y_val=y)


@both
def test_validation_data_may_be_weighted(cls):
    _, X, y = fitted(cls)
    weight = np.repeat([1.0, 0.0], 10)
    held_out = {"X_val": X[40:], "y_val": y[40:], "sample_weight_val": weight}
    weighted = cls(**SGD).fit(X[:40], y[:40], **held_out)
    half = cls(**SGD).fit(X[:40], y[:40], X_val=X[40:50], y_val=y[40:50])
    assert weighted.validation_scores_ == half.validation_scores_


def test_validation_data_are_not_penalised():
    _, X, y = fitted(EffPropRegressor)
    model = EffPropRegressor(**SGD, alpha=0.1).fit(X, y, X_val=X, y_val=y)
    penalty = 0.05 * sum(np.sum(W**2) for W in model.coefs_)
    loss, _ = model.loss_and_gradient(X, y)
    best = min(model.validation_loss_curve_)
    assert penalty > 0.01
    assert best == pytest.approx(loss - penalty, rel=1e-9)


@both
def test_a_boolean_of_numpy_is_a_boolean(cls):
    """As it comes from a grid in an array."""
    model, X, y = fitted(cls, early_stopping=True)
    numpy_model = cls(**{**SGD, "early_stopping": np.True_}).fit(X, y)
    assert numpy_model.validation_scores_ == model.validation_scores_
    with pytest.raises(ValueError, match="early_stopping=False"):
        cls(**SGD, early_stopping=np.False_).fit(X, y, X_val=X, y_val=y)


# ------------------------------------------------------------------------- other limits


@both
@both_solvers
def test_training_stops_at_the_goal(cls, settings):
    X, y = problem(cls)
    without = cls(**{**settings, "max_iter": 30}, alpha=0.0).fit(X, y)
    goal = (without.loss_curve_[0] + without.loss_) / 2.0
    model = clone(without).set_params(goal=goal).fit(X, y)
    assert model.convergence_.reason == "goal"
    assert without.loss_ < model.loss_ <= goal
    assert model.n_iter_ < 30


@both
@both_solvers
def test_training_stops_when_time_is_up(cls, settings):
    X, y = problem(cls)
    model = cls(**{**settings, "max_iter": 200}, max_time=1e-9).fit(X, y)
    assert (model.convergence_.reason, model.n_iter_) == ("max_time", 1)


@both
@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("learning_rate", ["constant", "adaptive", "flow"])
def test_tol_0_means_exactly_max_iter_epochs_and_no_warning(cls, solver, learning_rate):
    X, y = problem(cls)
    settings = {"solver": solver, "learning_rate": learning_rate, "max_iter": 30}
    model = cls(**SMALL, **settings, n_iter_no_change=1).fit(X, y)
    assert (model.n_iter_, model.convergence_.reason) == (30, "max_iter")


@both
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_limit_that_comes_too_early_gives_a_warning(cls, solver):
    X, y = problem(cls)
    settings = {**SMALL, "solver": solver, "tol": 1e-6, "max_iter": 2}
    with pytest.warns(ConvergenceWarning, match=r"\(max_iter\) reached.*Increase"):
        cls(**settings).fit(X, y)


@both
def test_max_fun_warns_even_with_tol_0(cls):
    X, y = problem(cls)
    model = cls(**{**LBFGS, "max_iter": 200}, max_fun=5)
    with pytest.warns(ConvergenceWarning, match=r"max_fun.*Increase max_fun"):
        model.fit(X, y)
    assert model.convergence_.reason == "max_fun"
    assert model.n_iter_ <= 5


@both
def test_the_warning_points_to_the_line_that_called_fit(cls):
    X, y = problem(cls)
    with pytest.warns(ConvergenceWarning) as caught:
        cls(**{**LBFGS, "max_iter": 200}, max_fun=5).fit(X, y)
    assert caught[0].filename == __file__


@both
@both_solvers
def test_verbose_prints_a_line_for_every_iteration(capsys, cls, settings):
    X, y = problem(cls)
    cls(**settings).fit(X, y)
    assert capsys.readouterr().out == ""
    model = cls(**settings, verbose=True).fit(X, y, X_val=X, y_val=y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == model.n_iter_
    assert lines[-1].startswith(f"Iteration {model.n_iter_}, loss = ")
    assert f"validation score = {model.validation_scores_[-1]:.6f}" in lines[-1]
