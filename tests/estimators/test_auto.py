"""What every "auto" becomes, as functions of plain values and as fitted attributes."""

import numpy as np
import pytest

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.core.losses import Huber, LogLoss, SquaredError
from sk_effprop.estimators import _auto as auto
from sk_effprop.estimators import _penalty as penalty
from sk_effprop.estimators._plan import Problem
from sk_effprop.solvers import SOLVERS, STOCHASTIC

both = pytest.mark.parametrize(
    "cls", [EffPropClassifier, EffPropRegressor], ids=lambda cls: cls.__name__[7:]
)


@pytest.mark.parametrize(
    ("solver", "batch_size", "n", "expected"),
    [
        ("auto", "auto", 500, "lbfgs"),
        ("auto", "auto", 501, "sgd"),
        ("auto", "full", 500, "lbfgs"),
        ("auto", 499, 500, "sgd"),
        ("auto", 500, 500, "lbfgs"),
        ("adam", "auto", 10, "adam"),
    ],
)
def test_the_solver_follows_the_number_of_examples(solver, batch_size, n, expected):
    assert auto.choose_solver(solver, batch_size, n) == expected


@pytest.mark.parametrize(
    ("given", "solver", "n", "expected"),
    [
        ("auto", "sgd", 100, 8),
        ("auto", "sgd", 5, 5),
        ("auto", "adam", 100, 100),
        ("auto", "adam", 1000, 200),
        ("full", "sdlm", 1000, 1000),
        (32, "sgd", 1000, 32),
        (32, "sgd", 20, 20),
        (32, "lbfgs", 100, 100),
    ],
)
def test_the_batch_size_is_at_most_the_number_of_examples(given, solver, n, expected):
    assert auto.choose_batch_size(given, solver, n) == expected


@pytest.mark.parametrize(
    ("given", "solver", "n", "batch_size", "expected"),
    [
        ("auto", "lm", 10**6, 10**6, 200),
        ("auto", "lm", 10**6, 100, 20),
        ("auto", "adam", 10, 10, 200),
        ("auto", "sgd", 10**6, 8, 30),
        ("auto", "sdlm", 1000, 8, 30),
        ("auto", "sgd", 1000, 100, 30),
        ("auto", "sgd", 1000, 200, 60),
        ("auto", "sgd", 1000, 1000, 300),
        (7, "sgd", 1000, 1000, 7),
    ],
)
def test_the_epochs_present_enough_examples_in_enough_updates(
    given, solver, n, batch_size, expected
):
    assert auto.choose_max_iter(given, solver, n, batch_size) == expected


def test_targets_without_noise_are_fitted_more_precisely():
    assert auto.choose_precision("sgd", 1e-3) == 1.0
    precision = [auto.choose_precision("lbfgs", e) for e in (1.0, 0.03, 0.01, 0.0)]
    assert precision == [1.0, 1.0, pytest.approx(3.0), pytest.approx(300.0)]
    assert auto.choose_precision("lbfgs", 0.0, is_held_out=True) == 1.0
    iterations = [
        auto.choose_max_iter("auto", "lbfgs", 100, 100, precision=p)
        for p in (1.0, 1.5, 300.0)
    ]
    assert iterations == [200, 300, 600]
    x = np.linspace(-3.0, 3.0, 300)[:, None]
    wave, noise = np.sin(4.0 * x[:, 0]), np.random.default_rng(0).normal(size=300)
    exact = EffPropRegressor(random_state=0).fit(x, wave)
    assert exact.max_iter_ > 200
    assert exact.score(x, wave) > 0.999
    noisy = EffPropRegressor(solver="lbfgs", random_state=0).fit(x, wave + noise)
    assert noisy.max_iter_ == 200


@pytest.mark.parametrize(
    ("n", "deviation", "changes", "solver"),
    [
        (300, 0.0, {}, "lbfgs"),
        (300, 1.0, {}, "sgd"),
        (300, 1.0, {"alpha": 0.001}, "sgd"),
        (300, 1.0, {"batch_size": "full"}, "lbfgs"),
        (300, 1.0, {"warm_start": True}, "lbfgs"),
        (300, 1.0, {"solver": "lbfgs"}, "lbfgs"),
        (150, 1.0, {}, "lbfgs"),
        (600, 0.0, {}, "sgd"),
    ],
)
def test_noisy_targets_get_a_stochastic_solver_unless_rows_are_few(
    n, deviation, changes, solver
):
    rng = np.random.default_rng(0)
    X = rng.uniform(-2.0, 2.0, size=(n, 2))
    y = X[:, 0] ** 2 - X[:, 1] + deviation * rng.normal(size=n)
    model = EffPropRegressor(random_state=0, **changes).fit(X, y)
    assert model.solver_ == solver
    label = y > np.median(y)
    classifier = EffPropClassifier(random_state=0, **changes).fit(X, label)
    assert classifier.solver_ == solver


def test_noise_changes_no_solver_of_a_loss_whose_curvature_has_no_bound():
    rng = np.random.default_rng(0)
    X = rng.uniform(-2.0, 2.0, size=(300, 2))
    y = rng.poisson(np.exp(X[:, 0]))
    assert EffPropRegressor(loss="poisson", random_state=0).fit(X, y).solver_ == "lbfgs"


def test_repeated_rows_are_no_reason_for_a_stochastic_solver():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 2))
    y = X[:, 0] + rng.normal(size=150)
    twice = np.repeat(X, 2, axis=0), np.repeat(y, 2)
    model = EffPropRegressor(random_state=0).fit(*twice)
    assert model.solver_ == "lbfgs"


def test_curved_functions_are_presented_more_often():
    epochs = [
        auto.choose_max_iter("auto", "sgd", 1000, 8, nonlinearity=nonlinearity)
        for nonlinearity in (1.0, 2.5, 20.0, 1e9)
    ]
    assert epochs == [30, 75, 600, 600]
    assert auto.choose_max_iter("auto", "lbfgs", 1000, 8, nonlinearity=20.0) == 200
    assert auto.choose_max_iter("auto", "lm", 1000, 8, nonlinearity=2.5) == 50
    assert auto.choose_max_iter("auto", "lm", 1000, 8, nonlinearity=20.0) == 100
    rng = np.random.default_rng(0)
    X = rng.uniform(-3.0, 3.0, size=(600, 2))
    plane, wave = X[:, 0] - X[:, 1], np.sin(2.0 * X[:, 0]) * X[:, 1]
    linear, curved = (EffPropRegressor(random_state=0).fit(X, y) for y in (plane, wave))
    assert 50 <= linear.max_iter_ < 60
    assert curved.max_iter_ > 500
    in_batches = EffPropRegressor((10,), solver="lm", batch_size=300, random_state=0)
    assert in_batches.fit(X, wave).max_iter_ == 100
    assert in_batches.set_params(alpha=1e-4).fit(X, wave).max_iter_ == 100
    # long training stalls after a tenth of it at the earliest, a short one after ten
    assert auto.choose_patience(1e-4, 10, 600, is_evidence=False) == 60.0
    assert auto.choose_patience(1e-4, 10, 50, is_evidence=False) == 10


@pytest.mark.parametrize(
    ("scaling", "rate", "solver", "expected"),
    [
        ("auto", "auto", "sgd", "measured"),
        ("auto", "auto", "sdlm", "measured"),
        ("auto", 0.1, "sgd", "none"),
        ("inv_fan_in", 0.1, "sgd", "inv_fan_in"),
        ("sqrt_fan_in", "auto", "sgd", "sqrt_fan_in"),
        ("auto", "auto", "adam", "none"),
        ("inv_fan_in", "auto", "adam", "none"),
    ],
)
def test_layers_have_measured_factors_of_an_automatic_rate(
    scaling, rate, solver, expected
):
    assert auto.choose_scaling(scaling, rate, solver) == expected


@pytest.mark.parametrize(
    ("given", "solver", "batch_size", "n_updates", "expected"),
    [
        ("auto", "sgd", 8, 200, "numba"),
        ("auto", "sgd", 8, 199, "numpy"),
        ("auto", "sgd", 65, 10**6, "numpy"),
        ("auto", "lbfgs", 8, 10**6, "numpy"),
        ("numba", "lbfgs", 100, 1, "numba"),
        ("numba", "adam", 8, 10**6, "numpy"),
        ("numpy", "sgd", 8, 10**6, "numpy"),
    ],
)
def test_loops_are_compiled_for_many_small_batches(
    given, solver, batch_size, n_updates, expected
):
    assert auto.choose_engine(given, solver, batch_size, n_updates) == expected


def problem(loss, target_range=None, n_seen=None):
    return Problem(100, 100.0, 100, (4, 8, 3), loss, target_range, n_seen=n_seen)


@pytest.mark.parametrize(
    ("loss", "target_range", "expected"),
    [
        (SquaredError(), None, 0.25),
        (Huber(), None, 0.25),
        (LogLoss(True), (0.0, 1.0), 0.1),
        (SquaredError(), penalty.USUAL_TARGETS, 0.1),
        (SquaredError(), tuple(0.5 * v for v in penalty.USUAL_TARGETS), 0.025),
    ],
    ids=str,
)
def test_the_usual_penalty_is_in_units_of_the_loss(loss, target_range, expected):
    strength = penalty.usual_strength(problem(loss, target_range))
    assert strength == pytest.approx(expected)


def test_alpha_is_spread_over_the_layers_by_their_fan_in():
    np.testing.assert_allclose(
        penalty.spread_alpha("auto", 0.1, problem(SquaredError())), [0.004, 0.008]
    )
    np.testing.assert_array_equal(
        penalty.spread_alpha(0.5, 0.1, problem(SquaredError())), [0.5, 0.5]
    )


def test_the_first_rows_of_a_stream_are_not_all_there_will_be():
    few, many = (problem(SquaredError(), n_seen=n) for n in (1.0, 1000.0))
    np.testing.assert_allclose(penalty.spread_alpha("auto", 0.3, few), [0.04, 0.08])
    expected = [0.0012, 0.0024]
    np.testing.assert_allclose(penalty.spread_alpha("auto", 0.3, many), expected)


def test_momentum_leaves_a_share_of_the_rate():
    share = auto.choose_rate_share
    for size in (8, 500):
        assert share(0.9, size, falls=False, is_linear=False) == pytest.approx(0.1)
        assert share(0.9, size, falls=True, is_linear=False) == pytest.approx(0.19)
        assert share(0.9, size, falls=True, is_linear=True) == pytest.approx(0.1)
        assert share(0.0, size, falls=True, is_linear=False) == 1.0
    # the differences between single examples allow no larger rate
    shares = [share(0.9, size, falls=True, is_linear=False) for size in range(1, 9)]
    np.testing.assert_allclose(np.diff(shares), 0.09 / 7)
    assert shares[0] == pytest.approx(0.1)


# ------------------------------------------------------------------- fitted attributes


def data(cls, n=60):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3))
    y = X[:, 0] + 0.1 * rng.normal(size=n)
    return X, y if cls is EffPropRegressor else (y > 0).astype(int)


@both
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_what_auto_became_is_fitted(cls, solver):
    X, y = data(cls)
    model = cls((4,), solver=solver, random_state=0).fit(X, y)
    is_batch = solver not in STOCHASTIC
    assert model.batch_size_ == (60 if is_batch or solver == "adam" else 8)
    if solver == "lbfgs":
        assert 200 <= model.max_iter_ <= 600
    elif is_batch or solver == "adam":
        assert model.max_iter_ == 200
    else:
        assert 500 <= model.max_iter_ <= 20 * 500
    assert model.solver_ == solver
    assert model.alpha_.shape == (2,)
    assert model.n_effective_parameters_ is model.log_evidence_ is None
    model.set_params(alpha=0.02, batch_size=16, max_iter=3, tol=0).fit(X, y)
    # Levenberg-Marquardt takes all examples unless it is given a number
    assert model.batch_size_ == (60 if is_batch and solver != "lm" else 16)
    assert model.max_iter_ == 3
    np.testing.assert_array_equal(model.alpha_, [0.02, 0.02])


@both
def test_repeated_rows_count_in_the_batch_size_of_a_batch_solver(cls):
    X, y = data(cls)
    model = cls((4,), solver="lbfgs", max_iter=2, tol=0).fit(
        np.vstack([X, X]), np.concatenate([y, y])
    )
    assert model.batch_size_ == 120


@both
def test_an_epoch_of_a_stream_is_one_iteration_at_most(cls):
    X, y = data(cls)
    model = cls((4,), random_state=0).partial_fit(X, y)
    assert (model.solver_, model.batch_size_, model.max_iter_) == ("sgd", 8, 1)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_evidence_is_fitted_too():
    """It prefers the penalty that it found, and counts a part of the weights."""
    X, y = data(EffPropRegressor, n=200)
    settings = {"solver": "lm", "max_iter": 200, "random_state": 0}
    model = EffPropRegressor(6, alpha="evidence", **settings).fit(X, y)
    assert 0.0 < model.n_effective_parameters_ < len(model.theta_)
    assert np.isfinite(model.log_evidence_)
    assert model.alpha_[0] != model.alpha_[1]
    loss, gradient = model.loss_and_gradient(X, y)
    assert loss == pytest.approx(model.loss_)
    assert np.linalg.norm(gradient) < 0.03
    model.set_params(alpha=0.1).fit(X, y)
    assert model.n_effective_parameters_ is model.log_evidence_ is None


# ----------------------------------------------------------- what a fitted model keeps


FITS = {
    "fit": lambda model, X, y: model.fit(X, y),
    "partial_fit": lambda model, X, y: model.partial_fit(X, y).partial_fit(X, y),
    "warm": lambda model, X, y: model.set_params(warm_start=True).fit(X, y).fit(X, y),
    "early": lambda model, X, y: model.set_params(early_stopping=True).fit(X, y),
}


@both
@pytest.mark.parametrize("name", FITS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_fitted_model_has_few_private_attributes(cls, name):
    X, y = data(cls)
    model = FITS[name](cls((4,), max_iter=3, random_state=0), X, y)
    assert len([key for key in vars(model) if key.startswith("_")]) <= 6


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_special_fits_have_few_private_attributes_too():
    X, y = data(EffPropClassifier)
    models = [
        EffPropClassifier((4,), class_weight="balanced", max_iter=3).fit(X, y),
        EffPropRegressor((4,), solver="lm", max_iter=3).fit(X, y),
        EffPropRegressor((4,), solver="lm", alpha="evidence", max_iter=3).fit(X, y),
    ]
    for model in models:
        assert len([key for key in vars(model) if key.startswith("_")]) <= 6
