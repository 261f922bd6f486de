"""Numbers near the ends of what a precision holds: learnt all the same, or named."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import mean_pinball_loss

from sk_effprop import EffPropClassifier, EffPropRegressor, InputNormalizer
from tests.estimators.rejections import SGD, assert_refused, both, problem

C, R = EffPropClassifier, EffPropRegressor

# -------------------------------------------------------------------- scales of y and X


def smooth(n=120):
    X = np.random.default_rng(0).normal(size=(n, 3))
    return X, np.sin(X[:, 0]) + X[:, 1]


FIT = {"hidden_layer_sizes": (6,), "random_state": 0, "max_iter": 60, "tol": 0.0}
SCALES = [1e39, 1e160, 1e307, 1e-200, 1e-310]


def share_explained(predictions, y):
    """R2, computed in units of y."""
    unit = np.abs(y).max()
    return 1.0 - np.mean((predictions / unit - y / unit) ** 2) / np.var(y / unit)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"solver": "sgd"},
        {"solver": "lm"},
        {"loss": "huber"},
        {"output_activation": "tanh"},
        {"output_activation": "softplus"},
    ],
    ids=str,
)
def test_the_scale_of_y_does_not_matter(scale, dtype, settings):
    X, y = smooth()
    X, y = X.astype(dtype), y + 0.5
    plain = R(**FIT | settings).fit(X, y)
    model = R(**FIT | settings).fit(X, y * scale)
    expected = share_explained(plain.predict(X), y)
    assert expected > 0.9
    found = share_explained(model.predict(X).astype(np.float64), y * scale)
    assert found == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("scale", [1e200, 1e300, 1e-200, 1e-300])
@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_the_scale_of_positive_targets_does_not_matter(scale, loss):
    X, y = smooth()
    model = R(**FIT, loss=loss).fit(X, np.exp(y) * scale)
    assert share_explained(model.predict(X), np.exp(y) * scale) > 0.9


def test_outputs_of_different_scales_are_learnt_together():
    X, y = smooth()
    Y = np.column_stack([y * 1e200, y, y * 1e-200])
    predictions = R(**FIT).fit(X, Y).predict(X)
    for k in range(3):
        assert share_explained(predictions[:, k], Y[:, k]) > 0.9


@pytest.mark.parametrize("scale", [1e200, 1e-200])
def test_streams_of_any_scale(scale):
    X, y = smooth(400)
    model, other = R(**FIT), R(**FIT)
    for rows in np.split(np.arange(400), 20):
        model.partial_fit(X[rows], y[rows] * scale)
        other.partial_fit(X[rows] * scale, y[rows])
    assert share_explained(model.predict(X), y * scale) > 0.9
    assert share_explained(other.predict(X * scale), y) > 0.9


@both
@pytest.mark.parametrize("scale", [1e155, 1e307, 1e-200])
@pytest.mark.parametrize("normalize", ["robust", "standardize", "whiten"])
@pytest.mark.parametrize(
    "make", [np.asarray, sparse.csr_array], ids=["dense", "sparse"]
)
def test_the_scale_of_X_does_not_matter(cls, scale, normalize, make):
    X, y = smooth()
    y = y if cls is R else (y > 0.0).astype(int)
    settings = FIT | {"normalize": normalize, "input_clip": None}
    plain = cls(**settings).fit(X, y)
    model = cls(**settings).fit(make(X * scale), y)
    found, expected = model.score(make(X * scale), y), plain.score(X, y)
    assert found == pytest.approx(expected, abs=0.01)
    assert expected > 0.9


@both
@pytest.mark.parametrize("scale", [1e37, 1e-40])
@pytest.mark.parametrize(
    "make", [np.asarray, sparse.csr_array], ids=["dense", "sparse"]
)
def test_the_scale_of_single_precision_does_not_matter(cls, scale, make):
    X, y = smooth()
    y = y if cls is R else (y > 0.0).astype(int)
    X = make((X * scale).astype(np.float32))
    model = cls(**FIT).fit(X, y)
    assert model.theta_.dtype == np.float32
    assert model.score(X, y) > 0.9


@both
@pytest.mark.parametrize("scale", [1e-310, 1e-320])
@pytest.mark.parametrize(
    "make", [np.asarray, sparse.csr_array], ids=["dense", "sparse"]
)
def test_denormal_columns_are_named(cls, scale, make):
    X, y = problem(cls)
    message = "deviation of a column of X is .* too small for double precision"
    assert_refused(cls(**SGD), lambda m: m.fit(make(X * scale), y), message)
    with pytest.raises(ValueError, match=message):
        InputNormalizer("scale").fit(X * scale)


@pytest.mark.parametrize("n_columns", [1, 2])
def test_a_stream_of_one_huge_number_is_learnt(n_columns):
    """The deviations of the column are rounding, which the penalty must not trip on."""
    X, y = np.full((30, n_columns), 1e30), np.random.default_rng(0).normal(size=30)
    model = R(**SGD).partial_fit(X, y)
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("make", [sparse.csr_array, sparse.csc_array])
def test_one_sparse_row_is_learnt(make):
    model = R(**SGD).fit(make(np.array([[1.0, 2.0]])), [3.0])
    assert np.isfinite(model.theta_).all()


def test_weights_may_differ_by_600_powers_of_ten():
    X, y = problem(R)
    weight = 10.0 ** np.linspace(-300.0, 300.0, len(y))
    assert np.isfinite(R(**SGD).fit(X, y, weight).theta_).all()


def test_a_sum_of_single_precision_may_overflow():
    X, y = smooth()
    X = X.astype(np.float32)
    model = R(**FIT).fit(X, y)
    X[::2, 0], X[1::2, 0] = 3e38, -3e38
    assert np.isfinite(model.predict(np.asfortranarray(X))).all()


@both
def test_a_batch_that_cannot_be_described_is_refused(cls):
    X, y = problem(cls)
    model = cls(**SGD).partial_fit(X, y)
    message = "X contains values so much larger than those of the earlier batches"
    assert_refused(model, lambda m: m.partial_fit(X * 1e200, y), message)


# ---------------------------------------------------------------- extreme predictions


def extreme_rows(dtype):
    largest = float(np.finfo(dtype).max)
    for v in (1e30, largest**0.5, largest / 100.0, largest):
        yield np.array([[v, -v, 0.0], [1.0, v, -v], [-v, -v, -v]]).astype(dtype)


KINDS = {
    "default": {},
    "squared_error": {"loss": "squared_error"},
    "relu": {"activation": "relu"},
    "softplus": {"activation": "softplus"},
    "deep": {"activation": "relu", "hidden_layer_sizes": (5, 5, 5, 5)},
    "linear": {"hidden_layer_sizes": ()},
    "whiten": {"activation": "relu", "normalize": "whiten"},
    "raw": {"activation": "relu", "normalize": None},
}


@both
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("is_sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("kind", KINDS)
def test_extreme_rows_give_predictions_and_no_warnings(cls, dtype, is_sparse, kind):
    """Warnings are errors in these tests."""
    X, y = problem(cls)
    model = cls(**SGD | {"input_clip": None} | KINDS[kind])
    model.fit(X.astype(dtype), y)
    calls = [model.predict]
    if cls is C:
        calls += [model.predict_proba, model.decision_function, model.predict_log_proba]
    if kind != "linear":
        calls.append(model.hidden_activations)
    for given in (np.float64, np.float32):
        for rows in extreme_rows(given):
            Z = sparse.csr_array(rows) if is_sparse else rows
            results = [call(Z) for call in calls]
            assert not any(np.isnan(result).any() for result in results)
            if cls is C:
                np.testing.assert_allclose(results[1].sum(axis=1), 1.0)
                labels = model.classes_[np.argmax(results[1], axis=1)]
                np.testing.assert_array_equal(labels, results[0])


def test_only_rows_that_overflow_are_bounded():
    X, y = problem(R)
    model = R(**SGD | {"activation": "relu", "input_clip": None}).fit(X, y)
    with_extreme = np.vstack([X, np.full((1, 3), 1e308)])
    # products of other shapes are rounded otherwise
    found = model.predict(with_extreme)[:-1]
    np.testing.assert_allclose(found, model.predict(X), rtol=1e-12)


# ---------------------------------------------------------------------------- quantiles


@pytest.mark.parametrize("solver", ["lbfgs", "sgd"])
@pytest.mark.parametrize("level", [1e-6, 1.0 - 1e-6])
def test_a_quantile_beyond_all_examples_is_named_and_the_advice_helps(level, solver):
    X, y = smooth(300)
    model = R(loss="quantile", quantile=level, solver=solver, random_state=0)
    with pytest.warns(ConvergenceWarning, match="leaves less than one of 300 examples"):
        model.fit(X, y)
    assert model.convergence_.parameter == "quantile"
    advised = 0.007 if level < 0.5 else 0.993
    assert f"quantile={advised}, " in model.convergence_.advice
    model.set_params(quantile=advised).fit(X, y)
    constant = np.full(len(y), np.quantile(y, advised))
    loss = mean_pinball_loss(y, model.predict(X), alpha=advised)
    assert loss < 0.3 * mean_pinball_loss(y, constant, alpha=advised)
    assert model.convergence_.parameter != "quantile"


def test_a_bend_of_huber_that_leaves_no_curvature_is_named():
    X, y = smooth()
    model = R(loss="huber", huber_delta=1e-9, random_state=0)
    with pytest.warns(ConvergenceWarning, match="huber_delta=1e-09 is too small"):
        model.fit(X, y)
    assert model.set_params(huber_delta=1.35).fit(X, y).score(X, y) > 0.9


def test_what_the_loss_does_not_use_is_not_named():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 3)), rng.normal(size=200)
    model = R(huber_delta=1e-9, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        assert model.fit(X, y).convergence_.parameter != "huber_delta"
