"""feature_importances_: what they are, and whether they find the inputs that matter."""

import numpy as np
import pytest
from scipy import sparse
from scipy.stats import spearmanr
from sklearn.datasets import (
    load_digits,
    load_iris,
    make_classification,
    make_friedman1,
    make_friedman2,
    make_regression,
)
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.inspection import permutation_importance

from sk_effprop import EffPropClassifier, EffPropRegressor

SMALL = {"hidden_layer_sizes": (6,), "max_iter": 30, "tol": 0, "random_state": 0}
METHODS = [None, "center", "scale", "standardize", "robust", "decorrelate", "whiten"]


def by_differences(est, table, outputs, deviations):
    """The definition, with a difference for every column."""
    slopes = []
    for j, deviation in enumerate(deviations):
        step = np.zeros(table.shape[1])
        step[j] = 1e-5 * deviation
        change = outputs(table + step) - outputs(table - step)
        slopes.append(np.abs(change / 2e-5).sum(axis=1).mean())
    return np.square(slopes) / np.square(slopes).sum()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.filterwarnings("ignore:Predictions", "ignore:The fit explains")
def test_the_definition_for_regressors(method, n_outputs):
    rng = np.random.default_rng(0)
    table = rng.normal(size=(80, 4)) @ rng.normal(size=(4, 4))
    Y = np.sin(table @ rng.normal(size=(4, n_outputs)))
    clip = None if method not in ("decorrelate", "whiten") else 3.0
    est = EffPropRegressor(**SMALL, normalize=method, input_clip=clip).fit(table, Y)
    deviations = table.std(axis=0)

    def outputs(X):
        return est.predict(X).reshape(len(X), -1) / est.target_scale_

    expected = by_differences(est, table, outputs, deviations)
    np.testing.assert_allclose(est.feature_importances_, expected, rtol=1e-3)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
def test_the_definition_for_classifiers(n_classes, loss):
    table, y = make_classification(
        80, 5, n_informative=4, n_redundant=0, n_classes=n_classes, random_state=0
    )
    est = EffPropClassifier(**SMALL, loss=loss, input_clip=None)
    est.set_params(normalize="standardize").fit(table, y)

    def outputs(X):
        decision = est.decision_function(X).reshape(len(X), -1)
        return decision - (decision.mean(axis=1, keepdims=True) * (n_classes > 2))

    expected = by_differences(est, table, outputs, table.std(axis=0))
    np.testing.assert_allclose(est.feature_importances_, expected, rtol=1e-4)


def test_a_clip_is_part_of_the_column():
    """A monotone function of a column leaves its importance, if the network follows."""
    table, y = make_friedman1(80, n_features=5, random_state=0)
    est = EffPropRegressor(**SMALL, normalize="standardize", input_clip=2.0)
    est.fit(table, y)
    clipped = est.normalizer_.transform(table)
    plain = EffPropRegressor(**SMALL, normalize=None, input_clip=None).fit(clipped, y)
    plain.theta_ = est.theta_

    def outputs(Z):
        return plain.predict(Z)[:, None]

    expected = by_differences(plain, clipped, outputs, clipped.std(axis=0))
    np.testing.assert_allclose(est.feature_importances_, expected, rtol=1e-5)


def test_a_linear_model_has_its_permutation_importances():
    """Of the mean squared error: 2 (slope * deviation)^2."""
    table, y = make_regression(300, 4, noise=1.0, random_state=0)
    est = EffPropRegressor((), input_clip=None, random_state=0).fit(table, y)
    plain = est.to_sklearn()
    share = np.square(plain.coefs_[0][:, 0] * table.std(axis=0))
    np.testing.assert_allclose(est.feature_importances_, share / share.sum(), rtol=1e-9)
    permuted = permutation_importance(
        est, table, y, scoring="neg_mean_squared_error", n_repeats=50, random_state=0
    ).importances_mean
    np.testing.assert_allclose(
        est.feature_importances_, permuted / permuted.sum(), atol=0.02
    )


KNOWN = {
    "friedman1": (EffPropRegressor, make_friedman1(400, noise=1.0, random_state=0)),
    "friedman2": (EffPropRegressor, make_friedman2(400, random_state=0)),
    "linear": (
        EffPropRegressor,
        make_regression(400, 12, n_informative=5, noise=10.0, random_state=0),
    ),
    "classes": (
        EffPropClassifier,
        make_classification(
            400, 12, n_informative=4, n_redundant=0, shuffle=False, random_state=0
        ),
    ),
}


@pytest.mark.parametrize("known", KNOWN.values(), ids=list(KNOWN))
def test_they_agree_with_permutation_importances(known):
    cls, (table, y) = known
    est = cls(random_state=0).fit(table, y)
    scoring = "neg_log_loss" if cls is EffPropClassifier else "r2"
    permuted = permutation_importance(
        est, table, y, scoring=scoring, n_repeats=10, random_state=0
    ).importances_mean
    assert np.corrcoef(est.feature_importances_, permuted)[0, 1] > 0.85
    assert spearmanr(est.feature_importances_, permuted)[0] > 0.7


def test_the_columns_that_matter_are_the_largest():
    table, y = make_friedman1(400, noise=1.0, random_state=0)
    est = EffPropRegressor(random_state=0).fit(table, y)
    assert set(np.argsort(est.feature_importances_)[-5:]) == set(range(5))
    assert est.feature_importances_.sum() == pytest.approx(1.0)


# ------------------------------------------------------------------------------ clients


def test_recursive_elimination_and_selection_need_no_callable():
    table, y = make_friedman1(300, noise=0.5, random_state=0)
    est = EffPropRegressor(random_state=0, max_iter=50, tol=0)
    eliminated = RFE(est, n_features_to_select=5).fit(table, y)
    assert eliminated.support_.tolist() == [True] * 5 + [False] * 5
    selected = SelectFromModel(est, max_features=5, threshold=-np.inf).fit(table, y)
    assert selected.get_support().tolist() == [True] * 5 + [False] * 5


# -------------------------------------------------------------------------------- cases


@pytest.mark.parametrize("method", [None, "standardize", "whiten"])
def test_sparse_tables_have_those_of_dense_ones(method):
    table = load_digits().data[:100, 10:30] / 16.0
    y = load_digits().target[:100]
    est = EffPropClassifier(**SMALL, normalize=method, input_clip=None)
    dense = est.fit(table, y).feature_importances_
    sparse_ones = est.fit(sparse.csr_array(table), y).feature_importances_
    np.testing.assert_allclose(sparse_ones, dense, atol=2e-3)


def test_weights_count_as_repeated_rows():
    table, y = make_friedman1(60, random_state=0)
    weight = 1 + np.arange(60) % 3
    est = EffPropRegressor(**SMALL, solver="lbfgs")
    weighted = est.fit(table, y, sample_weight=weight).feature_importances_
    rows = np.repeat(np.arange(60), weight)
    repeated = est.fit(table[rows], y[rows]).feature_importances_
    np.testing.assert_allclose(weighted, repeated, rtol=1e-9)


def test_constant_columns_and_constant_outputs_have_none():
    table = np.column_stack([load_iris().data, np.ones(150)])
    est = EffPropClassifier(**SMALL).fit(table, load_iris().target)
    assert est.feature_importances_[-1] == pytest.approx(0.0, abs=1e-20)
    single = EffPropClassifier(**SMALL).fit(table, np.zeros(150))
    assert single.feature_importances_.shape == (5,)
    assert np.isfinite(single.feature_importances_).all()


def test_weights_whose_slopes_overflow_have_unknown_importances():
    table, y = load_iris(return_X_y=True)
    est = EffPropClassifier(
        (4,), activation="identity", init=1e100, alpha=0.0, solver="sgd",
        learning_rate_init=1e-300, max_iter=1, tol=0, random_state=0,
    ).fit(table, y)  # fmt: skip
    assert np.isnan(est.feature_importances_).all()


def test_many_rows_are_represented_by_some():
    table, y = make_friedman1(3000, random_state=0)
    est = EffPropRegressor(**SMALL | {"max_iter": 3}, input_clip=None)
    est.set_params(normalize="standardize").fit(table, y)

    def outputs(X):
        return est.predict(X)[:, None]

    expected = by_differences(est, table, outputs, table.std(axis=0))
    np.testing.assert_allclose(est.feature_importances_, expected, atol=0.02)


def test_a_stream_has_none():
    table, y = make_friedman1(60, random_state=0)
    est = EffPropRegressor(**SMALL)
    with pytest.raises(AttributeError, match="not fitted yet"):
        est.feature_importances_  # noqa: B018
    est.partial_fit(table, y)
    with pytest.raises(AttributeError, match="partial_fit does not"):
        est.feature_importances_  # noqa: B018
    est.fit(table, y)
    assert hasattr(est, "feature_importances_")
    est.partial_fit(table, y)
    assert not hasattr(est, "feature_importances_")
