"""What the losses of the estimators mean."""

import warnings

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.linear_model import (
    GammaRegressor,
    HuberRegressor,
    LinearRegression,
    PoissonRegressor,
    QuantileRegressor,
)
from sklearn.metrics import (
    mean_gamma_deviance,
    mean_pinball_loss,
    mean_poisson_deviance,
    r2_score,
)
from sklearn.neural_network import MLPRegressor

from sk_effprop import EffPropRegressor
from sk_effprop.core.losses import REGRESSION_LOSSES
from tests.estimators.problems import LINEAR, skewed

SMALL = {"hidden_layer_sizes": (5,), "max_iter": 20, "tol": 0, "random_state": 0}
LOG_LINK = {
    "poisson": (PoissonRegressor, mean_poisson_deviance),
    "gamma": (GammaRegressor, mean_gamma_deviance),
}

may_not_converge = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"
)
log_link = pytest.mark.parametrize("loss", LOG_LINK)
each_solver = pytest.mark.parametrize("solver", ["lm", "lbfgs", "cg", "scg"])


def counts_or_sizes(loss, n=400, seed=0):
    """Targets whose log mean is linear."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    mean = np.exp(2.0 + X @ [0.3, -0.2, 0.1])
    return X, rng.poisson(mean) if loss == "poisson" else rng.gamma(2.0, mean / 2.0)


# ------------------------------------------------------------------------ robust losses


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9, 0.97])
def test_a_quantile_covers_its_level_and_costs_as_little_as_can_be(level):
    """Within 1 % of the examples, and 0.5 % of the exact minimum of pinball loss."""
    X, y = skewed()
    model = EffPropRegressor(**LINEAR, loss="quantile", quantile=level).fit(X, y)
    assert np.mean(y <= model.predict(X)) == pytest.approx(level, abs=0.01)
    exact = QuantileRegressor(quantile=level, alpha=0.0).fit(X, y)
    costs = [mean_pinball_loss(y, m.predict(X), alpha=level) for m in (model, exact)]
    assert costs[0] < 1.005 * costs[1]


def test_quantiles_of_a_network_enclose_the_noise_where_it_is():
    """An interval that is wide where the targets scatter."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-2.0, 2.0, size=(800, 1))
    y = np.sin(2.0 * X[:, 0]) + rng.normal(size=800) * np.where(X[:, 0] > 0, 0.6, 0.1)
    low, high = (
        EffPropRegressor((10,), loss="quantile", quantile=q, solver="lbfgs",
                         max_iter=150, tol=0, random_state=0).fit(X, y).predict(X)
        for q in (0.1, 0.9)
    )  # fmt: skip
    assert np.mean((low < y) & (y < high)) == pytest.approx(0.8, abs=0.05)
    right = X[:, 0] > 0.2
    assert np.mean((high - low)[right]) > 2.5 * np.mean((high - low)[~right])


@pytest.mark.parametrize("solver", ["sgd", "sdlm"])
@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
def test_targets_far_from_the_first_outputs_do_not_make_the_rate_huge(level, solver):
    """Training used to saturate all units in the first epoch."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, size=(1200, 1))
    y = np.sin(2 * X[:, 0]) + 0.3 * np.abs(X[:, 0]) * rng.normal(size=1200)
    model = EffPropRegressor(
        (16,), loss="quantile", quantile=level, solver=solver, random_state=1
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, y)
    assert np.mean(y <= model.predict(X)) == pytest.approx(level, abs=0.05)
    true = np.sin(2 * X[:, 0]) + 0.3 * np.abs(X[:, 0]) * norm.ppf(level)
    assert r2_score(true, model.predict(X)) > 0.9


def test_the_absolute_error_leads_to_the_median():
    X, y = skewed()
    model = EffPropRegressor(**LINEAR, loss="absolute_error").fit(X, y)
    assert np.mean(y <= model.predict(X)) == pytest.approx(0.5, abs=0.01)
    half = EffPropRegressor(**LINEAR, loss="quantile").fit(X, y)
    np.testing.assert_allclose(model.theta_, half.theta_, atol=1e-6)
    assert model.loss_ == pytest.approx(2.0 * half.loss_, rel=1e-6)


def test_huber_resists_outliers():
    """The trend of the good examples is found, where least squares misses it."""
    X, y = skewed()
    spoilt = y.copy()
    spoilt[::10] += 100.0 * X[::10, 1]
    settings = LINEAR | {"loss": "huber", "huber_delta": 0.1}
    robust = EffPropRegressor(**settings).fit(X, spoilt)
    slopes = robust.coefs_[0][:, 0] * robust.target_scale_ / robust.normalizer_.scale_
    others = [m.fit(X, spoilt).coef_ for m in (HuberRegressor(), LinearRegression())]
    truth = np.array([1.0, -2.0, 0.5])
    errors = [np.abs(s - truth).max() for s in (slopes, *others)]
    assert errors[0] < 0.5
    assert errors[2] > 5.0


def test_a_wide_huber_is_squared_error():
    X, y = skewed()
    settings = SMALL | {"alpha": 0.01, "solver": "lbfgs"}
    wide = EffPropRegressor(**settings, loss="huber", huber_delta=100.0).fit(X, y)
    squared = EffPropRegressor(**settings).fit(X, y)
    np.testing.assert_allclose(wide.predict(X), squared.predict(X), rtol=1e-10)


# ---------------------------------------------------------------------- log-link losses


@log_link
@each_solver
@pytest.mark.parametrize("normalize_target", [True, False])
def test_without_hidden_layers_it_is_the_generalised_linear_model(
    loss, solver, normalize_target
):
    """Same coefficients as scikit-learn's, with a penalty that means the same."""
    X, y = counts_or_sizes(loss)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    alpha = 0.01
    expected = LOG_LINK[loss][0](alpha=alpha, tol=1e-10).fit(X, y)
    # a count of twice the unit has twice the deviance; a ratio is what it is
    scale = y.mean() if loss == "poisson" and normalize_target else 1.0
    settings = LINEAR | {"solver": solver, "alpha": alpha / scale}
    model = EffPropRegressor(
        **settings, loss=loss, normalize_target=normalize_target
    ).fit(X, y)
    np.testing.assert_allclose(model.coefs_[0][:, 0], expected.coef_, atol=1e-6)
    np.testing.assert_allclose(model.predict(X), expected.predict(X), rtol=1e-6)


@log_link
def test_targets_are_divided_by_their_mean_and_predictions_are_means(loss):
    X, y = counts_or_sizes(loss)
    y = np.column_stack([y, 100.0 * y])
    weight = np.random.default_rng(1).uniform(0.5, 2.0, size=len(y))
    model = EffPropRegressor(**SMALL, loss=loss).fit(X, y, weight)
    mean = np.average(y, axis=0, weights=weight)
    np.testing.assert_allclose(model.target_scale_, mean)
    np.testing.assert_array_equal(model.target_mean_, 0.0)
    assert model.out_activation_ == "exp"
    predicted = model.predict(X)
    assert (predicted > 0).all()
    # the maximum likelihood of a log link with a free bias is right in the mean
    np.testing.assert_allclose(
        np.average(predicted[:, 1], weights=weight) / mean[1], 1.0, atol=0.05
    )
    # scales make no difference
    np.testing.assert_allclose(predicted[:, 1] / predicted[:, 0], 100.0, rtol=0.3)


@log_link
@pytest.mark.parametrize("normalize_target", [True, False])
def test_the_loss_is_half_the_deviance(loss, normalize_target):
    """In the units of training, and MLPRegressor's where those are the user's."""
    X, y = counts_or_sizes(loss)
    model = EffPropRegressor(
        **SMALL, loss=loss, alpha=0.0, normalize_target=normalize_target
    ).fit(X, y)
    deviance = LOG_LINK[loss][1](y, model.predict(X))
    scale = model.target_scale_[0] if loss == "poisson" else 1.0
    assert model.loss_ == pytest.approx(0.5 * deviance / scale)
    start = EffPropRegressor(**SMALL | {"max_iter": 3}, loss=loss).fit(X, y)
    null = (
        0.5
        * LOG_LINK[loss][1](y, np.full(len(y), y.mean()))
        / start.target_scale_[0] ** (loss == "poisson")
    )
    assert start.loss_ < 1.5 * null


@may_not_converge
def test_mlp_has_the_same_loss_for_counts():
    if "loss" not in MLPRegressor().get_params():
        pytest.skip("this scikit-learn has no loss='poisson'")

    X, y = counts_or_sizes("poisson")
    settings = {"loss": "poisson", "hidden_layer_sizes": (), "alpha": 0.0}
    theirs = MLPRegressor(**settings, max_iter=1, random_state=0).fit(X, y)
    ours = EffPropRegressor(
        **settings, init=np.r_[theirs.coefs_[0][:, 0], theirs.intercepts_[0]],
        normalize=None, input_clip=None, normalize_target=False, solver="sgd",
        learning_rate_init=1e-12, max_iter=1, tol=0,
    ).fit(X, y)  # fmt: skip
    assert ours.out_activation_ == theirs.out_activation_ == "exp"
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-6)
    expected = 0.5 * mean_poisson_deviance(y, theirs.predict(X))
    assert ours.loss_ == pytest.approx(expected)


@log_link
@pytest.mark.parametrize("normalize_target", [True, False])
def test_large_targets_start_at_their_mean(loss, normalize_target):
    """Not at 1, far below: the first epoch of a stochastic solver does no harm."""
    X, y = counts_or_sizes(loss)
    model = EffPropRegressor(
        (5,), loss=loss, solver="sdlm", max_iter=3, tol=0, random_state=0,
        normalize_target=normalize_target,
    ).fit(X, 1000.0 * y)  # fmt: skip
    assert model.convergence_.n_recoveries == 0
    assert np.mean(model.predict(X)) == pytest.approx(1000.0 * y.mean(), rel=0.2)


def test_extreme_outputs_give_positive_finite_predictions():
    X, y = counts_or_sizes("poisson")
    for dtype in (np.float32, np.float64):
        model = EffPropRegressor(**SMALL, loss="poisson").fit(X.astype(dtype), y)
        for bias in (-1e6, 1e6):
            model.network_.layers(model.theta_)[-1][-1] = bias
            predicted = model.predict(X.astype(dtype))
            assert predicted.dtype == dtype
            assert (predicted > 0).all()
            assert np.isfinite(predicted).all()


@pytest.mark.parametrize(
    ("loss", "smallest", "rule"),
    [("poisson", -1, "y >= 0"), ("gamma", 0, "y > 0")],
)
def test_targets_that_break_the_rule_are_refused(loss, smallest, rule):
    """By fit, partial_fit and on validation data."""
    X, y = counts_or_sizes(loss)
    wrong = y.copy()
    wrong[3] = smallest
    message = rf"loss='{loss}' requires {rule}, but min\(y\) is {smallest}"
    model = EffPropRegressor(**SMALL, loss=loss)
    for call in (
        lambda: model.fit(X, wrong),
        lambda: model.partial_fit(X, wrong),
        lambda: model.fit(X, y, X_val=X, y_val=wrong),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    assert not hasattr(model, "theta_")
    # a row of weight 0 is as good as absent
    weight = np.arange(len(y)) != 3
    theta = model.fit(X, wrong, sample_weight=weight).theta_
    np.testing.assert_array_equal(theta, model.fit(X[weight], y[weight]).theta_)
    assert np.isfinite(model.fit(X, np.zeros(len(y)) + (loss == "gamma")).loss_)


@log_link
def test_the_exponential_belongs_to_the_loss(loss):
    X, y = counts_or_sizes(loss)
    with pytest.raises(
        ValueError, match=f"'output_activation'.*{loss}.*includes the exp"
    ):
        EffPropRegressor(loss=loss, output_activation="tanh").fit(X, y)
    model = EffPropRegressor(**SMALL, loss=loss, output_activation="identity")
    assert model.fit(X, y).out_activation_ == "exp"


# -------------------------------------------------------------------------- all of them


def targets_for(loss):
    """Examples that the loss accepts."""
    return counts_or_sizes(loss) if loss in LOG_LINK else skewed()


def test_targets_that_single_precision_takes_for_zero_are_refused():
    X, y = np.ones((2, 1), dtype=np.float32), np.array([1e-46, 1.0])
    model = EffPropRegressor(**SMALL, loss="gamma", normalize_target=False)
    with pytest.raises(ValueError, match="1e-46 is 0 in float32"):
        model.fit(X, y)


@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
@pytest.mark.parametrize("solver", ["lbfgs", "lm"])
def test_a_weight_is_a_number_of_repeats(loss, solver):
    """To the last digits, for batch solvers."""
    X, y = targets_for(loss)
    X, y = X[:60], y[:60]
    times = np.random.default_rng(0).integers(0, 3, size=60)
    settings = SMALL | {"solver": solver, "loss": loss}
    weighted = EffPropRegressor(**settings).fit(X, y, times)
    repeated = EffPropRegressor(**settings).fit(
        np.repeat(X, times, axis=0), np.repeat(y, times)
    )
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-7)


@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
@pytest.mark.parametrize("solver", ["sgd", "sdlm", "adam", "lbfgs", "lm", "cg", "scg"])
def test_every_solver_lowers_every_loss(loss, solver):
    X, y = targets_for(loss)
    # an epoch of adam is three steps
    epochs = 200 if solver == "adam" else 20
    settings = SMALL | {"solver": solver, "loss": loss, "max_iter": epochs}
    settings["random_state"] = 1
    model = EffPropRegressor(**settings).fit(X, y)
    assert model.loss_ < 0.9 * model._fitted_objective(X, y).null_value()
    assert model.convergence_.n_recoveries == 0


@pytest.mark.parametrize("loss", sorted({*REGRESSION_LOSSES} - {"squared_error"}))
def test_uncertainty_is_for_squared_error(loss):
    X, y = targets_for(loss)
    model = EffPropRegressor((3,), solver="lm", loss=loss, max_iter=3, tol=0).fit(X, y)
    with pytest.raises(ValueError, match=f"loss='squared_error'.*'{loss}'"):
        model.predict(X, return_std=True)
    with pytest.raises(ValueError, match=r"'alpha'.*loss='squared_error'"):
        model.set_params(alpha="evidence").fit(X, y)


def test_another_quantile_cannot_go_on_from_the_old_weights():
    X, y = skewed()
    model = EffPropRegressor(**SMALL, loss="quantile", warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match=r"quantile was .* and would become"):
        model.set_params(quantile=0.9).fit(X, y)
