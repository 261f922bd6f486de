"""Weights are known up to a factor, may be very uneven, and do not remove classes."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris, make_friedman1
from sklearn.metrics import average_precision_score
from sklearn.model_selection import KFold

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.core.activations import IDENTITY
from sk_effprop.core.losses import SquaredError
from sk_effprop.core.network import Network
from sk_effprop.core.objective import LARGEST_WEIGHT, Objective
from sk_effprop.core.spectrum import draw_patterns
from sk_effprop.estimators._data import Examples, as_weighted_set, size_and_count

UNITS = [1e-300, 1e-3, 2.0, 10.0, 1000.0, 1e307]


def examples(weight, rows=None):
    rows = np.arange(len(weight)) if rows is None else rows
    X = np.arange(100.0)[rows][:, None]
    return Examples(X, np.zeros(len(rows)), np.asarray(weight, dtype=float))


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("weight", [[1, 1, 1, 1], [1, 2, 3, 2], [0.3, 1.7, 2.9, 0.01]])
def test_the_count_of_examples_has_no_unit(weight, unit):
    expected = size_and_count(examples(weight))
    scaled = np.asarray(weight) * unit
    assert size_and_count(examples(scaled)) == pytest.approx(expected)


def test_uniform_weights_count_rows_and_repeats_count_as_weights():
    assert size_and_count(examples(np.full(7, 2.0))) == (7, 7.0)
    times = np.array([1, 2, 0, 3, 5])
    rows = np.repeat(np.arange(5), times)
    repeated = size_and_count(examples(np.ones(len(rows)), rows))
    kept = times > 0
    assert size_and_count(examples(times[kept], np.arange(5)[kept])) == repeated
    assert repeated == (4, 11.0)


@pytest.mark.parametrize("n_hashes", [1, 3])
def test_rows_of_the_same_hash_are_merged_only_if_they_are_equal(monkeypatch, n_hashes):
    def few(content, seed):
        return content[:, 0] % np.uint64(n_hashes)

    monkeypatch.setattr("sk_effprop.estimators._data._hashes", few)
    rng = np.random.default_rng(0)
    X = np.repeat(rng.standard_normal((40, 3)), 2, axis=0)
    given = Examples(X, np.zeros(80), np.ones(80))
    monkeypatch.setattr("sk_effprop.core.arrays.BLOCK_SIZE", 20)
    merged = as_weighted_set(given)
    assert np.array_equal(np.unique(merged.X, axis=0), np.unique(X, axis=0))
    assert np.array_equal(merged.X[merged.places], X)
    assert np.bincount(merged.places) == pytest.approx(merged.weight)


def test_zeros_of_both_signs_are_the_same_number():
    X, y = np.array([[0.0], [-0.0], [1.0]]), np.zeros(3)
    assert len(as_weighted_set(Examples(X, y, np.ones(3)))) == 2


def test_other_weights_count_half_way_to_kish():
    weight = np.random.default_rng(0).lognormal(sigma=1.0, size=50)
    kish = weight.sum() ** 2 / (weight**2).sum()
    expected = pytest.approx(np.sqrt(50 * kish), abs=1e-5)
    assert size_and_count(examples(weight)) == (50, expected)


def test_uniform_weights_of_any_size_change_nothing():
    X, y = load_diabetes(return_X_y=True)
    scores = []
    for unit in (1.0, 1e-3, 2.0, 10.0, 1000.0):
        parts = []
        for train, test in KFold(4, shuffle=True, random_state=0).split(X):
            model = EffPropRegressor(random_state=0)
            model.fit(X[train], y[train], np.full(len(train), unit))
            parts.append(model.score(X[test], y[test]))
        scores.append(np.mean(parts))
    np.testing.assert_allclose(scores, scores[0], atol=1e-6)
    assert scores[0] > 0.45


@pytest.mark.parametrize("solver", ["auto", "sgd", "sdlm", "adam", "lbfgs", "lm", "cg"])
def test_the_unit_of_weights_does_not_matter(solver):
    X, y = load_iris(return_X_y=True)
    weight = np.random.default_rng(0).lognormal(size=len(y))
    model = EffPropClassifier((5,), solver=solver, random_state=0, max_iter=10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one = clone(model).fit(X, y, weight).predict_proba(X)
        for unit in UNITS:
            other = clone(model).fit(X, y, weight * unit).predict_proba(X)
            np.testing.assert_allclose(other, one, atol=1e-4)


@pytest.mark.parametrize(("noise", "solver"), [(1.0, "sgd"), (0.01, "lbfgs")])
def test_three_hundred_rows_of_weight_two_are_the_same_rows_twice(noise, solver):
    """The repeated rows are more than solver='auto' takes for a small table."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    y = (X[:, 0] + noise * rng.normal(size=300) > 0).astype(int)
    model = EffPropClassifier(random_state=0)
    weighted = clone(model).fit(X, y, np.full(300, 2.0))
    repeated = clone(model).fit(np.vstack([X, X]), np.hstack([y, y]))
    assert weighted.solver_ == repeated.solver_ == solver
    np.testing.assert_array_equal(weighted.theta_, repeated.theta_)


# --------------------------------------------------------------------- uneven weights


def linear_objective(weight):
    rng = np.random.default_rng(0)
    inputs = np.hstack([rng.normal(size=(len(weight), 2)), np.ones((len(weight), 1))])
    network = Network((2, 1), (IDENTITY,))
    targets = rng.normal(size=(len(weight), 1))
    weight = weight / weight.mean()
    return Objective(network, SquaredError(), inputs, targets, weight, np.full(3, 0.1))


@pytest.mark.parametrize("sigma", [0.1, 1.0, 3.0])
def test_bounded_weights_leave_the_objective_what_it_is(sigma):
    weight = np.random.default_rng(1).lognormal(sigma=sigma, size=200)
    objective = linear_objective(weight)
    bounded = objective.with_bounded_weights()
    theta = np.array([0.3, -0.2, 0.1])
    value, gradient = objective.value_and_gradient(theta)
    new_value, new_gradient = bounded.value_and_gradient(theta)
    assert new_value == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(new_gradient, gradient, rtol=1e-10)
    assert bounded.n_samples <= (1.0 + 1.0 / LARGEST_WEIGHT) * 200
    longer = bounded.n_samples / 200
    assert bounded.sample_weight.max() <= LARGEST_WEIGHT * longer * (1.0 + 1e-5)
    # all examples come first, in their order
    np.testing.assert_array_equal(bounded.targets[:200], objective.targets)
    assert bounded.count == objective.count


def test_patterns_are_drawn_in_proportion_to_their_weights():
    weight = np.ones(10_000)
    weight[:5] = 2000.0
    objective = linear_objective(weight)
    part = draw_patterns(objective, 200, np.random.default_rng(0))
    assert part.objective.sample_weight is None
    heavy = part.weight > 1.0
    assert 0.35 < heavy.mean() < 0.65
    # E[w^2] / E[w] for eigenvalues of 1
    expected = np.mean(objective.sample_weight**2)
    assert part.mean_over_patterns(np.ones(200)) == pytest.approx(expected, rel=0.3)


def rare_class(seed, n_positives=20, n=60_000, n_train=20_000):
    rng = np.random.RandomState(seed)
    X = rng.randn(n, 8)
    s = 1.5 * X[:, 0] + X[:, 1] - 0.5 * X[:, 2] * X[:, 3] + 0.2 * rng.randn(n)
    y = (s >= np.sort(s[:n_train])[-n_positives]).astype(int)
    return X[:n_train], y[:n_train], X[n_train:], y[n_train:]


@pytest.mark.parametrize("solver", ["sgd", "sdlm"])
def test_a_balanced_class_of_one_in_a_thousand_trains_steadily(solver):
    X, y, X_test, y_test = rare_class(0)
    found = {}
    for weighting in (None, "balanced"):
        model = EffPropClassifier(
            solver=solver, class_weight=weighting, random_state=0
        ).fit(X, y)
        assert model.convergence_.n_recoveries == 0
        p = model.predict_proba(X_test)[:, 1]
        found[weighting] = average_precision_score(y_test, p)
    assert found["balanced"] > found[None] - 0.06


@pytest.mark.parametrize("solver", ["sgd", "sdlm"])
@pytest.mark.parametrize("sigma", [1.0, 2.0, 2.5])
def test_uneven_weights_train_steadily(sigma, solver):
    X, y = make_friedman1(2000, noise=0.5, random_state=0)
    weight = np.random.RandomState(1).lognormal(sigma=sigma, size=1000)
    model = EffPropRegressor(solver=solver, random_state=1)
    model.fit(X[:1000], y[:1000], weight)
    assert model.convergence_.n_recoveries == 0
    assert model.score(X[1000:], y[1000:]) > 0.75


# ------------------------------------------------------------- classes without weight


@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
@pytest.mark.parametrize("solver", ["lbfgs", "sgd"])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("way", ["sample_weight", "class_weight"])
def test_a_class_of_weight_zero_remains_a_class(way, n_classes, solver, loss):
    X, y = load_iris(return_X_y=True)
    X, y = X[y < n_classes], y[y < n_classes]
    last = n_classes - 1
    weight = (y != last) * 1.0 if way == "sample_weight" else None
    class_weight = {last: 0} if way == "class_weight" else None
    model = EffPropClassifier(
        (4,), solver=solver, loss=loss, class_weight=class_weight, random_state=0
    ).fit(X, y, weight)
    np.testing.assert_array_equal(model.classes_, np.arange(n_classes))
    assert model.predict_proba(X).shape == (len(y), n_classes)
    shown = y != last
    assert model.score(X[shown], y[shown]) > 0.9
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.set_params(warm_start=True, max_iter=2).fit(X, y, weight)


def test_a_stream_knows_classes_without_weight():
    """Those of its first call; later rows of weight 0 may have any label."""
    X, y = load_iris(return_X_y=True)
    model = EffPropClassifier((4,), random_state=0)
    model.partial_fit(X, y, sample_weight=(y != 2) * 1.0)
    np.testing.assert_array_equal(model.classes_, [0, 1, 2])
    model.partial_fit(X, y)
    odd = np.where(y == 2, 7, y)
    model.partial_fit(X, odd, sample_weight=(y != 2) * 1.0)
    assert model.predict_proba(X).shape == (150, 3)
    named = EffPropClassifier((4,), random_state=0)
    named.partial_fit(X, odd, classes=[0, 1, 2], sample_weight=(y != 2) * 1.0)
    np.testing.assert_array_equal(named.classes_, [0, 1, 2])


def test_validation_data_may_contain_a_class_without_weight():
    X, y = load_iris(return_X_y=True)
    for settings in ({}, {"scoring": "accuracy"}, {"class_weight": {2: 0}}):
        weight = None if "class_weight" in settings else (y != 2) * 1.0
        model = EffPropClassifier(
            (4,), random_state=0, early_stopping=True, **settings
        ).fit(X[::2], y[::2], None if weight is None else weight[::2],
              X_val=X[1::2], y_val=y[1::2])  # fmt: skip
        np.testing.assert_array_equal(model.classes_, [0, 1, 2])
        split = clone(model).fit(X, y, weight)
        np.testing.assert_array_equal(split.classes_, [0, 1, 2])


def test_a_label_without_weight_remains_a_label():
    X, y = load_iris(return_X_y=True)
    Y = np.column_stack([y == k for k in range(3)]).astype(int)
    model = EffPropClassifier((4,), random_state=0).fit(X, Y, (y != 2) * 1.0)
    assert model.predict_proba(X).shape == (150, 3)
    np.testing.assert_array_equal(model.classes_, [0, 1, 2])


def test_a_full_batch_contains_all_pieces_of_heavy_examples():
    """So the order of presentation does not matter."""
    X, y = make_friedman1(60, random_state=0)
    weight = np.random.default_rng(0).lognormal(sigma=2.0, size=60)
    model = EffPropRegressor(
        (4,), solver="sgd", batch_size="full", learning_rate_init=0.05, max_iter=20,
        tol=0, random_state=0,
    )  # fmt: skip
    in_order, shuffled = (
        clone(model).set_params(shuffle=shuffle).fit(X, y, weight)
        for shuffle in (False, True)
    )
    assert in_order.batch_size_ == 60
    np.testing.assert_allclose(in_order.theta_, shuffled.theta_, rtol=1e-9)
    small = clone(model).set_params(batch_size=8).fit(X, y, weight)
    assert not np.allclose(small.theta_, shuffled.theta_, rtol=1e-3)


def test_extreme_class_weights_do_not_overflow():
    X, y = load_iris(return_X_y=True)
    factors = {0: 1e300, 1: 1e300, 2: 1e300}
    model = EffPropClassifier((4,), class_weight=factors, random_state=0)
    model.fit(X, y, np.full(150, 1e307))
    assert model.score(X, y) > 0.9
