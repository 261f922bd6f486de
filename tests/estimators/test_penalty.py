"""alpha="auto" fits what can be learnt from few rows, and leaves noise alone."""

from itertools import product

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, make_friedman1
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_score

from sk_effprop import EffPropClassifier, EffPropRegressor

SEEDS = [0, 1]
SQUARE = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
seeds = pytest.mark.parametrize("seed", SEEDS)
quiet = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def table_of_truth(n_bits):
    """All rows of so many bits."""
    return np.array(list(product([0.0, 1.0], repeat=n_bits)))


@seeds
@pytest.mark.parametrize("solver", ["auto", "lm", "sgd"])
@pytest.mark.parametrize("y", [[0, 0, 0, 1], [0, 1, 1, 1], [0, 1, 1, 0], [0, 0, 1, 1]])
def test_gates_are_learnt(solver, y, seed):
    model = EffPropClassifier(solver=solver, random_state=seed).fit(SQUARE, y)
    assert model.score(SQUARE, y) == 1.0


@quiet
@seeds
@pytest.mark.parametrize("n_bits", [3, 4, 5, 6, 7, 8])
def test_parity_is_learnt(n_bits, seed):
    """No left-out row is predicted rightly, which shows that labels are no noise."""
    X = table_of_truth(n_bits)
    y = X.sum(axis=1) % 2
    assert EffPropClassifier(random_state=seed).fit(X, y).score(X, y) == 1.0


@quiet
@seeds
@pytest.mark.parametrize("solver", ["auto", "lm"])
@pytest.mark.parametrize("n", [8, 12, 20, 30])
def test_a_sine_without_noise_is_learnt(n, solver, seed):
    x, test = np.linspace(0, 1, n)[:, None], np.linspace(0, 1, 101)[:, None]
    model = EffPropRegressor(solver=solver, random_state=seed)
    model.fit(x, np.sin(2 * np.pi * x[:, 0]))
    assert model.score(test, np.sin(2 * np.pi * test[:, 0])) > 0.98


@quiet
@seeds
def test_a_long_sine_is_learnt_by_lm(seed):
    x = np.arange(0, 40, 0.1)[:, None]
    y = np.sin(x[:, 0])
    model = EffPropRegressor((40,), solver="lm", random_state=seed)
    assert model.fit(x[::2], y[::2]).score(x[1::2], y[1::2]) > 0.98


@quiet
@seeds
@pytest.mark.parametrize("solver", ["auto", "lbfgs", "lm"])
def test_linear_functions_without_noise_are_learnt(solver, seed):
    line = np.linspace(0, 1, 8)[:, None]
    grid = np.array(list(product([0.0, 1.0, 2.0], repeat=2)))
    for X in (line, grid):
        y = X.sum(axis=1)
        model = EffPropRegressor(solver=solver, random_state=seed).fit(X, y)
        assert model.score(X, y) > 0.99


@quiet
def test_noise_is_not_fitted():
    rng = np.random.default_rng(0)
    for n in (150, 400):
        X, y = rng.normal(size=(n, 6)), rng.normal(size=n)
        scores = cross_val_score(EffPropRegressor(random_state=0), X, y, cv=5)
        assert scores.mean() > -0.15


@quiet
@seeds
def test_noisy_labels_give_honest_probabilities(seed):
    """A constant has a log loss of 0.69, and a fit without a penalty of 1.5."""
    rng = np.random.default_rng(seed)
    X, w = rng.normal(size=(1400, 10)), 0.4 * rng.normal(size=10)
    y = (rng.logistic(size=1400) < X @ w).astype(int)
    model = EffPropClassifier(random_state=0).fit(X[:400], y[:400])
    assert log_loss(y[400:], model.predict_proba(X[400:])) < 0.66


@quiet
def test_what_is_partly_noise_is_fitted_in_part():
    X, y = load_diabetes(return_X_y=True)
    assert cross_val_score(EffPropRegressor(random_state=0), X, y, cv=5).mean() > 0.45
    X, y = make_friedman1(1400, noise=1.0, random_state=0)
    model = EffPropRegressor(random_state=0).fit(X[:400], y[:400])
    assert model.score(X[400:], y[400:]) > 0.92


@quiet
@pytest.mark.parametrize(("n", "n_in"), [(25, 5), (40, 5), (40, 1), (160, 8)])
def test_a_plane_without_noise_is_predicted_beyond_its_rows(n, n_in):
    rng = np.random.default_rng(n)
    X, w = rng.normal(size=(n + 500, n_in)), rng.normal(size=n_in)
    model = EffPropRegressor(random_state=0).fit(X[:n], X[:n] @ w)
    assert model.score(X[n:], X[n:] @ w) > 0.998


@quiet
@pytest.mark.parametrize("level", [0.05, 0.95])
def test_high_and_low_quantiles_are_not_flat(level):
    X, y = make_friedman1(60, noise=1.0, random_state=10)
    model = EffPropRegressor(loss="quantile", quantile=level, random_state=0).fit(X, y)
    assert np.ptp(model.predict(X)) > 0.3 * np.ptp(y)


@quiet
@pytest.mark.parametrize("n", [120, 700])
def test_sorted_rows_get_the_penalty_of_shuffled_ones(n):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3))
    y = (X[:, 0] + 0.5 * rng.normal(size=n) > 0).astype(int)
    settings = {"max_iter": 1, "tol": 0, "random_state": 0}
    found = [
        EffPropClassifier(**settings).fit(X[rows], y[rows]).alpha_[0]
        for rows in (np.arange(n), np.argsort(y), np.argsort(X[:, 0]))
    ]
    # of more rows than are looked at, others are looked at, and extrapolated from
    assert max(found) <= (1.0 + 1e-6 if n == 120 else 4.0) * min(found)


@quiet
def test_the_size_of_weights_does_not_matter():
    X, y = load_diabetes(return_X_y=True)
    X, y = X[:80], y[:80]
    weight = np.random.default_rng(0).uniform(0.5, 2.0, size=80)
    found = [
        EffPropRegressor(max_iter=1, tol=0, random_state=0)
        .fit(X, y, sample_weight=factor * weight)
        .alpha_[0]
        for factor in (1.0, 1e-3, 1e3)
    ]
    assert np.ptp(found) <= 1e-9 * np.mean(found)


def test_a_flat_fit_names_the_penalty_and_a_value():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(150, 4)), rng.normal(size=150)
    with pytest.warns(
        ConvergenceWarning, match=r"alpha='auto' found nothing.*set alpha"
    ):
        model = EffPropRegressor(random_state=0).fit(X, y)
    assert model.convergence_.is_flat
    with pytest.warns(ConvergenceWarning, match="penalty alpha=10 is too strong"):
        EffPropRegressor(alpha=10.0, random_state=0).fit(X, y)
