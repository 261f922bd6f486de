"""Targets of a stream whose beginning is unlike all that follows."""

import warnings
from contextlib import suppress
from functools import cache

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from sk_effprop import EffPropRegressor
from sk_effprop.core.losses import REGRESSION_LOSSES, make_loss
from sk_effprop.estimators._coding import ValueCoding

N, FIRST = 1600, 40


def problem(seed=0, n=N):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    return X, 1e4 * (4.0 + X[:, 0] + np.sin(2.0 * X[:, 1]))


def beginnings(n):
    noise = np.random.default_rng(1).normal(size=n)
    return {
        "zeros": np.zeros(n),
        "ones": np.ones(n),
        "constant": np.full(n, 3e4),
        "small": np.abs(noise),
        "huge": 1e7 * np.abs(noise),
        "far": 1e7 + 1e4 * noise,
    }


# targets that are tiny in units of the scale are reported until the scale follows
pytestmark = pytest.mark.filterwarnings("ignore:After [0-9]+ examples:UserWarning")

each_beginning = pytest.mark.parametrize("name", beginnings(1))


def streamed(X, y, size, **settings):
    """A model that has seen a stream, the first quarter of it in parts of this size."""
    model = EffPropRegressor(random_state=0, **settings)
    early, late = np.arange(0, N // 4, size), np.arange(N // 4, N, max(size, 10))
    for rows in np.split(np.arange(len(X)), [*early, *late]):
        if len(rows):
            model.partial_fit(X[rows], y[rows])
    return model


@cache
def usual_score(size, **settings):
    """Score after a stream that begins as it goes on."""
    return streamed(*problem(), size, **settings).score(*problem(seed=2, n=400))


def scores(name, size, **settings):
    """Scores after a stream with this beginning, and after one with a usual one."""
    (X, y), (X_new, y_new) = problem(), problem(seed=2, n=400)
    y[:FIRST] = beginnings(FIRST)[name]
    model, usual = streamed(X, y, size, **settings), usual_score(size, **settings)
    return model.score(X_new, y_new), usual, model.target_scale_[0] / y_new.std()


@each_beginning
@pytest.mark.parametrize("size", [10, 40, 100])
def test_the_beginning_does_not_decide_the_scale(name, size):
    """Without the correction, scores were between 0.1 and 0.5, or far below zero."""
    score, usual, scale = scores(name, size)
    assert 0.5 < scale < 2.0
    # what is much larger than the rest takes some hundred examples to be noticed
    assert score > usual - (0.4 if name in ("huge", "far") else 0.15)


@each_beginning
def test_single_rows_do_not_decide_the_scale(name):
    score, usual, scale = scores(name, 1)
    assert 0.5 < scale < 2.0
    assert score > usual - 0.35


@pytest.mark.parametrize("name", ["zeros", "small", "huge"])
def test_sdlm_follows_too(name):
    score, usual, _ = scores(name, 40, solver="sdlm")
    assert score > usual - 0.15


@pytest.mark.parametrize("loss", ["huber", "poisson", "gamma"])
def test_other_losses_follow_too(loss):
    (X, y), (X_new, y_new) = problem(), problem(seed=2, n=400)
    y, y_new = np.maximum(y, 10.0), np.maximum(y_new, 10.0)
    usual = streamed(X, y, 40, loss=loss).score(X_new, y_new)
    y[:FIRST] = 1.0 + beginnings(FIRST)["small"]
    model = streamed(X, y, 40, loss=loss)
    assert model.score(X_new, y_new) > usual - 0.2
    assert model.t_ == N


def test_one_output_of_several_may_begin_otherwise():
    (X, y), (X_new, y_new) = problem(), problem(seed=2, n=400)
    Y, usual = np.column_stack([y, y]), y.std()
    Y[:FIRST, 1] = 0.0
    model = streamed(X, Y, 40)
    first, second = model.target_scale_
    assert first == pytest.approx(Y[:FIRST, 0].std())
    assert usual / 2.0 < second < usual * 2.0
    assert model.score(X_new, np.column_stack([y_new, y_new])) > 0.8


@pytest.mark.parametrize("loss", ["squared_error", "huber", "poisson", "gamma"])
def test_predictions_do_not_jump_when_the_scale_grows(loss):
    X, y = problem()
    y = np.maximum(y, 10.0)
    y[:FIRST] /= 8.0
    # a rate that changes nothing, and the same rows, so that X keeps its statistics
    model = EffPropRegressor((5,), loss=loss, learning_rate_init=1e-300)
    model.set_params(random_state=0, momentum=0.0).partial_fit(X[:FIRST], y[:FIRST])
    before, scale = model.predict(X), model.target_scale_
    model.partial_fit(X[:FIRST], y[FIRST : 2 * FIRST])
    assert (model.target_scale_ > 3.0 * scale).all()
    np.testing.assert_allclose(model.predict(X), before, rtol=1e-6, atol=1e-6 * y.max())


@pytest.mark.parametrize("settings", [{}, {"loss": "poisson"}], ids=str)
def test_usual_streams_keep_the_scale_of_the_first_examples(settings):
    X, y = problem()
    y = np.maximum(y, 10.0)
    model = streamed(X[:40], y[:40], 40, **settings)
    scale = model.target_scale_
    for start in range(40, 1000, 40):
        rows = slice(start, start + 40)
        model.partial_fit(X[rows], y[rows])
        assert model.target_scale_ is scale


def test_what_fit_has_found_stays():
    X, y = problem()
    model = EffPropRegressor((5,), solver="sgd", max_iter=2, tol=0.0, random_state=0)
    scale = model.fit(X, y).target_scale_
    model.partial_fit(X, y + 1e5)
    np.testing.assert_array_equal(model.target_scale_, scale)


def coding_of(y, loss="squared_error", *, normalize=True):
    return ValueCoding.of(
        y,
        np.ones(len(y)),
        loss=make_loss(loss),
        loss_name=loss,
        output="auto",
        normalize=normalize,
    )


@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
def test_without_normalization_nothing_follows(loss):
    y = np.abs(problem()[1]) + 1.0
    coding = coding_of(y[:40] / 1e6, loss, normalize=False)
    assert coding.following(y, np.ones(N), 40).scale is coding.scale


def scales_of_a_stream(y, first=30):
    """Scale after each row of a stream."""
    coding, scales = coding_of(y[:first]), []
    for i in range(first, len(y)):
        coding = coding.following(y[i : i + 1], np.ones(1), i)
        scales.append(coding.scale[0])
    return scales


def test_rare_large_targets_do_not_change_the_scale_to_and_fro():
    """Claims of an insurance: nothing for hundreds of rows, then a large amount."""
    rng = np.random.default_rng(0)
    small = 1.0 + 0.1 * rng.normal(size=6000)
    y = np.where(rng.uniform(size=6000) < 0.002, 1e4, small)
    assert len(set(scales_of_a_stream(y))) <= 6


def test_a_drift_changes_the_scale_a_few_times():
    y = np.cumsum(np.random.default_rng(0).normal(size=6000))
    assert len(set(scales_of_a_stream(y))) <= 20


@pytest.mark.parametrize("loss", ["gamma", "poisson"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_no_call_leaves_an_infinite_loss(loss, solver):
    """An epoch whose last step goes too far looks fine while it runs."""
    n_rescued = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        X, y = rng.normal(size=(80, 3)), np.exp(2.0 * rng.normal(size=80))
        X[40:] *= 30.0
        model = EffPropRegressor(
            (5,), loss=loss, solver=solver, normalize=None, random_state=seed
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            for rows in np.split(np.arange(80), 8):
                # X that is too large for the loss from the start is refused
                with suppress(ValueError):
                    model.partial_fit(X[rows], y[rows])
                assert np.isfinite(model.loss_)
                n_rescued += model.convergence_.n_recoveries
    assert n_rescued > 0 or solver == "adam"
