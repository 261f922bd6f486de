"""Standard deviations of predictions, and the penalty that the evidence chooses."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import make_friedman1

from sk_effprop import EffPropClassifier, EffPropRegressor

may_not_converge = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"
)
NEW = 2000


def friedman(n, seed):
    """Training and new data, noise of standard deviation one."""
    X, y = make_friedman1(n + NEW, noise=1.0, random_state=seed)
    return X[:n], y[:n], X[n:], y[n:]


def small(n=80, **settings):
    """A small network on few data."""
    X, y, X_new, _ = friedman(n, 0)
    settings = {"hidden_layer_sizes": (5,), "solver": "lm", "max_iter": 30} | settings
    return EffPropRegressor(random_state=0, **settings).fit(X, y), X, y, X_new


@may_not_converge
@pytest.mark.parametrize("alpha", ["auto", "evidence"])
@pytest.mark.parametrize("hidden", [5, 30])
def test_nine_in_ten_new_values_are_in_the_90_percent_interval(hidden, alpha):
    covered = []
    for seed in range(3):
        X, y, X_new, y_new = friedman(400, seed)
        model = EffPropRegressor(hidden, solver="lm", alpha=alpha, random_state=seed)
        mean, std = model.fit(X, y).predict(X_new, return_std=True)
        covered.append(np.mean(np.abs(y_new - mean) < 1.645 * std))
    assert 0.82 < np.mean(covered) < 0.95


@may_not_converge
def test_far_from_the_data_the_uncertainty_grows():
    model, X, _, _ = small()
    _, near = model.predict(X, return_std=True)
    _, far = model.predict(X.mean(axis=0) + 3.0 * (X - X.mean(axis=0)), return_std=True)
    assert np.median(far) > 1.5 * np.median(near)


@may_not_converge
def test_it_has_the_units_of_y():
    model, X, y, X_new = small()
    scaled = EffPropRegressor(**model.get_params()).fit(X, 1000.0 * y - 5.0)
    _, std = model.predict(X_new, return_std=True)
    _, scaled_std = scaled.predict(X_new, return_std=True)
    np.testing.assert_allclose(scaled_std, 1000.0 * std, rtol=1e-4)


@may_not_converge
def test_shapes_precision_and_sparse_inputs():
    X, y, X_new, _ = friedman(80, 0)
    settings = {"hidden_layer_sizes": 4, "solver": "lm", "max_iter": 20}
    two = EffPropRegressor(**settings, random_state=0).fit(X, np.column_stack([y, -y]))
    mean, std = two.predict(X_new, return_std=True)
    assert mean.shape == std.shape == (NEW, 2)
    single = EffPropRegressor(**settings, random_state=0).fit(X.astype("f4"), y)
    mean, std = single.predict(X_new.astype("f4"), return_std=True)
    assert mean.dtype == std.dtype == np.float32
    dense = EffPropRegressor(**settings, random_state=0).fit(X, y)
    np.testing.assert_allclose(
        dense.predict(sparse.csr_array(X_new), return_std=True),
        dense.predict(X_new, return_std=True),
        rtol=1e-8,
    )


@may_not_converge
def test_it_is_there_with_fewer_examples_than_weights():
    model, _X, _, X_new = small(n=12, hidden_layer_sizes=(20,))
    assert len(model.theta_) > 12
    assert np.isfinite(model.predict(X_new, return_std=True)).all()


@may_not_converge
def test_it_is_refused_after_other_solvers():
    model, X, _, _ = small(solver="lbfgs")
    with pytest.raises(ValueError, match=r"solver='lm'.*'lbfgs'"):
        model.predict(X, return_std=True)


@may_not_converge
@pytest.mark.parametrize("name", ["theta_", "coefs_", "intercepts_"])
def test_it_is_refused_for_other_weights_until_they_are_fitted(name):
    model, X, y, _ = small(warm_start=True)
    values = getattr(model, name)
    changed = 2.0 * values if name == "theta_" else [2.0 * value for value in values]
    setattr(model, name, changed)
    with pytest.raises(ValueError, match=r"assigned.*warm_start=True"):
        model.predict(X, return_std=True)
    model.fit(X, y)
    assert np.isfinite(model.predict(X, return_std=True)).all()


# ----------------------------------------------------------------------------- evidence


@may_not_converge
def test_the_evidence_asks_for_more_penalty_where_there_is_more_noise():
    X, y, _, _ = friedman(200, 0)
    noise = np.random.default_rng(1).normal(size=len(y))
    size = {}
    for name, target in (("clean", y), ("noisy", y + 10.0 * noise)):
        model = EffPropRegressor(8, solver="lm", alpha="evidence", random_state=0)
        model.fit(X, target)
        size[name] = sum(np.sum(W**2) for W in model.coefs_)
    assert size["noisy"] < 0.7 * size["clean"]


@may_not_converge
@pytest.mark.parametrize("n_units", [5, 20, 60])
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_evidence_finds_a_sine_with_more_weights_than_rows(n_units, noise):
    x = np.linspace(-3.0, 3.0, 40)[:, None]
    between = np.linspace(-3.0, 3.0, 300)[:, None]
    for seed in range(3):
        y = np.sin(2.0 * x[:, 0]) + noise * np.random.RandomState(seed).randn(40)
        model = EffPropRegressor(
            n_units, solver="lm", alpha="evidence", random_state=seed
        )
        error = model.fit(x, y).predict(between) - np.sin(2.0 * between[:, 0])
        assert np.sqrt(np.mean(error**2)) < 0.15


@may_not_converge
def test_evidence_finds_a_sine_of_several_periods():
    x = np.arange(0.0, 40.0, 0.1)[:, None]
    y = np.sin(x[:, 0])
    for seed in range(3):
        model = EffPropRegressor(40, solver="lm", alpha="evidence", random_state=seed)
        model.fit(x[::2], y[::2])
        assert model.score(x[1::2], y[1::2]) > 0.98


@may_not_converge
@pytest.mark.parametrize("alpha", [0.0, 1e-3])
def test_outputs_that_depend_on_no_weight_have_an_uncertainty(alpha):
    """Dead units at the output leave a Gauss-Newton matrix of zeros."""
    X, y = np.arange(10.0)[:, None], np.arange(10.0)
    model = EffPropRegressor(
        3, solver="lm", alpha=alpha, output_activation="relu", bias_init=-100.0,
        normalize_target=False, max_iter=2, random_state=0,
    )  # fmt: skip
    model.fit(X, y)
    assert not model.predict(X).any()
    assert np.isfinite(model.predict(X, return_std=True)[1]).all()


@may_not_converge
def test_the_loss_is_that_of_the_penalty_it_found():
    model, X, y, _ = small(alpha="evidence")
    loss, gradient = model.loss_and_gradient(X, y)
    assert loss == pytest.approx(model.loss_)
    # a minimum for that penalty, not for another
    assert np.abs(gradient).max() < 0.02
    assert model.convergence_.reason in ("converged", "max_iter")


@may_not_converge
def test_a_warm_start_goes_on_with_the_penalty():
    model, X, y, _ = small(alpha="evidence", max_iter=200)
    before = model.loss_
    model.set_params(warm_start=True).fit(X, y)
    assert model.loss_ < 1.05 * before


@may_not_converge
def test_short_calls_get_as_far_as_a_long_one():
    """Rounds go on where the last call left them."""
    model, X, y, _ = small(alpha="evidence", max_iter=200)
    parts, _, _, _ = small(alpha="evidence", max_iter=5, warm_start=True)
    for _ in range(30):
        parts.fit(X, y)
    assert parts.loss_ < 1.3 * model.loss_


@may_not_converge
@pytest.mark.parametrize("seed", range(6))
def test_the_weights_are_those_of_a_minimum(seed):
    """Whatever the evidence does from round to round."""
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(60, 8)), rng.normal(size=60)
    model = EffPropRegressor(6, solver="lm", alpha="evidence", random_state=0)
    model.fit(X, y)
    assert model.convergence_.gradient_norm < 0.03


@may_not_converge
def test_evidence_can_be_taken_up_and_left_by_a_warm_start():
    model, X, y, _ = small(alpha="auto", warm_start=True, max_iter=200, tol=1e-6)
    for alpha in ("evidence", 0.01, "evidence", "auto"):
        model.set_params(alpha=alpha).fit(X, y)
        loss, gradient = model.loss_and_gradient(X, y)
        assert loss == pytest.approx(model.loss_)
        assert np.linalg.norm(gradient) < 0.05


@may_not_converge
def test_an_interrupt_leaves_the_penalty_of_the_weights(monkeypatch):
    X, y, _, _ = friedman(80, 0)
    model = EffPropRegressor(5, solver="lm", alpha="evidence", random_state=0)
    model.set_params(max_iter=200)

    def interrupt(monitor):
        if monitor.n_iter == 20:
            raise KeyboardInterrupt

    monkeypatch.setattr("sk_effprop.training.progress._print_line", interrupt)
    model.set_params(verbose=2).fit(X, y)
    assert model.convergence_.reason == "interrupted"
    loss, gradient = model.loss_and_gradient(X, y)
    assert loss == pytest.approx(model.loss_)
    assert np.abs(gradient).max() < 0.05


@pytest.mark.parametrize("settings", [{"solver": "lbfgs"}, {"solver": "auto"}], ids=str)
def test_it_needs_lm(settings):
    X, y, _, _ = friedman(30, 0)
    with pytest.raises(ValueError, match=r"'alpha'.*unless solver='lm'"):
        EffPropRegressor(alpha="evidence", **settings).fit(X, y)


def test_it_needs_squared_error():
    X, y, _, _ = friedman(30, 0)
    model = EffPropClassifier(solver="lm", alpha="evidence", loss="log_loss")
    with pytest.raises(ValueError, match=r"'alpha'.*loss='squared_error'"):
        model.fit(X, y > y.mean())
