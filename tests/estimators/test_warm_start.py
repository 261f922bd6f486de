"""Training that goes on: warm_start and partial_fit."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_friedman1

from sk_effprop import EffPropClassifier, EffPropRegressor
from tests.estimators.problems import (
    ALL_METHODS,
    BOTH,
    SGD,
    SMALL,
    both,
    both_solvers,
    fitted,
    may_not_converge,
    problem,
)

# --------------------------------------------------------------- weights and statistics


@both
@pytest.mark.parametrize(
    "extra",
    [{}, {"momentum": 0.5}, {"batch_growth": 1.5}, {"shuffle": False}],
    ids=str,
)
def test_two_warm_fits_of_three_epochs_are_one_of_six(cls, extra):
    X, y = problem(cls)
    settings = {
        **SGD,
        "learning_rate": "constant",
        # small enough that the last weights are the best ones, where a fit goes on
        "learning_rate_init": 0.002,
        **extra,
    }
    warm = cls(**{**settings, "max_iter": 3}, warm_start=True).fit(X, y)
    normalizer, theta = warm.normalizer_, warm.theta_
    warm.fit(X, y)
    whole = cls(**{**settings, "max_iter": 6}).fit(X, y)
    assert not np.array_equal(theta, whole.theta_)
    np.testing.assert_array_equal(warm.theta_, whole.theta_)
    assert warm.normalizer_ is normalizer
    assert warm.t_ == whole.t_ == 6 * 60


# inputs that have moved away from the statistics are too large for the old rate
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@both
def test_a_warm_fit_keeps_the_statistics_of_the_inputs(cls):
    model, X, y = fitted(cls, warm_start=True)
    normalizer = model.normalizer_
    model.fit(X + 5.0, y)
    assert model.normalizer_ is normalizer
    model.set_params(warm_start=False).fit(X + 5.0, y)
    np.testing.assert_allclose(model.normalizer_.mean_, normalizer.mean_ + 5.0)


@both
def test_a_warm_fit_may_change_the_solver(cls):
    model, X, y = fitted(cls, warm_start=True)
    before = model.loss_
    model.set_params(solver="lbfgs", max_iter=5).fit(X, y)
    assert model.loss_ < before
    np.testing.assert_allclose(model.loss_curve_[-1], model.loss_)


@both
@pytest.mark.parametrize("solver", ["sgd", "sdlm", "adam"])
def test_one_partial_fit_is_one_epoch_of_fit(cls, solver):
    X, y = problem(cls)
    settings = {**SMALL, "solver": solver, "max_iter": 1}
    streamed, whole = cls(**settings).partial_fit(X, y), cls(**settings).fit(X, y)
    np.testing.assert_array_equal(streamed.theta_, whole.theta_)
    assert streamed.loss_curve_ == whole.loss_curve_
    assert streamed.n_iter_ == 1


@both
def test_partial_fit_goes_on_from_fit_as_from_itself(cls):
    """With alpha='auto', whose strength falls with the examples seen.

    A fit keeps no sketch of the quantiles that a robust stream would go on with.
    """
    X, y = problem(cls)
    more = {"solver": "sgd", "max_iter": 1, "normalize": "standardize"}
    settings = SMALL | more
    streamed = cls(**settings).partial_fit(X[:50], y[:50])
    started = cls(**settings).fit(X[:50], y[:50])
    for model in (streamed, started):
        model.partial_fit(X[50:], y[50:])
    np.testing.assert_array_equal(started.theta_, streamed.theta_)


@both
def test_a_stream_is_learnt_batch_by_batch(cls):
    """Also with solver='auto', which is then sgd."""
    X, y = problem(cls)
    model = cls(**SMALL)
    classes = {} if cls is EffPropRegressor else {"classes": [0, 1, 2]}
    for epoch in range(15):
        for rows in np.split(np.arange(60), 3):
            model.partial_fit(X[rows], y[rows], **(classes if epoch == 0 else {}))
    assert model.solver_ == "sgd"
    assert model.n_iter_ == len(model.loss_curve_) == 45
    assert model.t_ == 45 * 20
    assert model.normalizer_.n_samples_seen_ == 45 * 20
    assert model.score(X, y) > 0.6


def test_partial_fit_is_not_there_for_batch_solvers():
    for cls in BOTH:
        assert hasattr(cls(), "partial_fit")
        assert hasattr(cls(solver="adam"), "partial_fit")
        assert not hasattr(cls(solver="lbfgs"), "partial_fit")


def test_the_first_batch_of_a_stream_names_the_classes():
    X, y = problem(EffPropClassifier)
    first = y < 2
    model = EffPropClassifier(**SGD).partial_fit(X[first], y[first], classes=[0, 1, 2])
    assert list(model.classes_) == [0, 1, 2]
    assert model.predict_proba(X).shape == (60, 3)
    model.partial_fit(X, y)
    unnamed = EffPropClassifier(**SGD).partial_fit(X[first], y[first])
    assert list(unnamed.classes_) == [0, 1]
    with pytest.raises(ValueError, match=r"labels \[2\].*partial_fit\(X, y, classes"):
        unnamed.partial_fit(X, y)


# inputs that have moved away are said to saturate the units
@may_not_converge
@both
@pytest.mark.parametrize("normalize", ALL_METHODS)
def test_predictions_do_not_jump_when_the_normalizer_learns(cls, normalize):
    """A rate of 1e-300 leaves only what normalisation changes: nothing."""
    X, y = problem(cls)
    new_X, new_y = problem(cls, seed=1)
    new_X = 3.0 * new_X + 20.0
    model = cls(
        **SGD, normalize=normalize, learning_rate_init=1e-300, learning_rate="constant"
    )
    model.partial_fit(X, y)
    mean = None if normalize is None else model.normalizer_.mean_
    output = model.predict if cls is EffPropRegressor else model.decision_function
    before = output(X)
    model.partial_fit(new_X, new_y)
    if normalize is not None:
        assert np.abs(model.normalizer_.mean_ - mean).min() > 1.0
    assert np.ptp(before) > 0.1
    np.testing.assert_allclose(output(X), before, rtol=1e-9, atol=1e-9)


@both
@both_solvers
def test_curves_of_a_warm_start_go_on(cls, settings):
    """As those of MLP; iterations are counted anew."""
    X, y = problem(cls)
    model = cls(**settings, warm_start=True, early_stopping=True)
    first = clone(model).fit(X, y)
    for _ in range(3):
        model.fit(X, y)
    n = first.n_iter_
    assert model.loss_curve_[:n] == first.loss_curve_
    assert model.validation_loss_curve_[:n] == first.validation_loss_curve_
    assert model.validation_scores_[:n] == first.validation_scores_
    assert model.learning_rate_curve_[:n] == first.learning_rate_curve_
    assert len(model.loss_curve_) == len(model.validation_scores_) > n
    assert model.n_iter_ <= settings["max_iter"]
    assert len(model.loss_curve_) >= model.n_iter_ + n


# --------------------------------------------------------------------- changed settings


@may_not_converge
@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("solver", ["sgd", "sdlm"])
def test_a_warm_start_takes_up_new_settings(solver, engine):
    """Momentum, schedule and rate may change between calls."""
    X, y = problem(EffPropRegressor)
    model = EffPropRegressor(
        4, solver=solver, engine=engine, warm_start=True, max_iter=5, tol=0,
        learning_rate="flow", momentum=0.0, random_state=0,
    ).fit(X, y)  # fmt: skip
    before, rate = model.loss_, model.learning_rate_
    model.set_params(momentum=0.9, learning_rate="constant").fit(X, y)
    assert model.loss_ <= before
    assert model.learning_rate_ < 0.3 * rate
    model.set_params(momentum=0.0, learning_rate_init=1e-5).fit(X, y)
    assert model.learning_rate_ == 1e-5
    assert model.learning_rate_curve_[-5:] == [1e-5] * 5
    assert model.lambda_max_ is None


@may_not_converge
@pytest.mark.parametrize("schedule", ["adaptive", "cosine", "annealing", "invscaling"])
def test_the_schedule_of_a_warm_start_begins_anew(schedule):
    """Also after training that had no more progress."""
    X, y = problem(EffPropRegressor)
    model = EffPropRegressor(
        4, solver="sgd", learning_rate=schedule, warm_start=True, max_iter=60,
        tol=1e-2, n_iter_no_change=2, curvature_period=np.inf, random_state=0,
    ).fit(X, y)  # fmt: skip
    n, first = model.n_iter_, model.learning_rate_curve_[0]
    assert model.learning_rate_curve_[-1] < 0.9 * first
    model.fit(X, y)
    second = model.learning_rate_curve_[n:]
    assert second[0] == first
    assert second[-1] < 0.9 * first


@may_not_converge
def test_the_flow_of_a_warm_start_begins_anew():
    X, y = problem(EffPropRegressor)
    model = EffPropRegressor(
        4, solver="sgd", learning_rate="flow", warm_start=True, max_iter=10, tol=0,
        curvature_period=np.inf, random_state=0,
    ).fit(X, y)  # fmt: skip
    first, *_, last = model.learning_rate_curve_
    assert last != first
    assert model.fit(X, y).learning_rate_curve_[10] == first


NEW_RATES = [
    {"learning_rate_init": 0.01},
    {"learning_rate_scaling": "inv_sqrt_fan_in"},
    {"learning_rate_init": "auto"},
    {"learning_rate_scaling": "auto"},
    {"damping": 3.0},
]


@may_not_converge
@pytest.mark.parametrize("solver", ["sgd", "sdlm"])
def test_the_rates_of_a_warm_start_follow_the_rule_of_now(solver):
    """In each layer as a fresh fit has them, whatever the rule was before."""
    X, y = problem(EffPropRegressor)
    settings = {
        "solver": solver, "max_iter": 1, "tol": 0, "curvature_period": np.inf,
        "random_state": 0,
    }  # fmt: skip
    model = EffPropRegressor(4, **settings, warm_start=True).fit(X, y)
    for change in NEW_RATES:
        settings |= change
        model.set_params(**settings).fit(X, y)
        fresh = EffPropRegressor(4, **settings).fit(X, y)
        warm, cold = model._resume.state.rates, fresh._resume.state.rates
        # measured factors are those of the weights where they were measured
        names = {"learning_rate_init", "learning_rate_scaling"} & set(settings)
        is_measured = all(settings[name] == "auto" for name in names)
        tolerance = 0.5 if is_measured else 0.0
        np.testing.assert_allclose(warm.scaling, cold.scaling, rtol=tolerance)
        assert model.learning_rate_ == warm.eta
        assert (warm.leading is None) == (cold.leading is None)
        # measured elsewhere, but by the same rule
        assert warm.eta == pytest.approx(cold.eta, rel=0.8)
        if solver == "sdlm" and "damping" in settings:
            assert warm.curvature.mu == 3.0


@may_not_converge
def test_a_new_given_rate_is_used_after_halvings():
    X, y = make_friedman1(200, random_state=0)
    model = EffPropRegressor(
        (5,), solver="sgd", learning_rate="constant", learning_rate_init=20.0,
        max_iter=10, tol=0, warm_start=True, random_state=0,
    )  # fmt: skip
    assert model.fit(X, y).convergence_.n_recoveries > 0
    n = model.n_iter_
    model.set_params(learning_rate_init=0.01).fit(X, y)
    assert model.learning_rate_curve_[n] == 0.01
