"""The clip of inputs, which scikit-learn's MLP can only approximate."""

from copy import copy

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, make_friedman1
from sklearn.neural_network import MLPRegressor

from sk_effprop import EffPropRegressor, InputNormalizer
from tests.export.problems import (
    X,
    Y_labels,
    classifier,
    regressor,
    y_binary,
    y_classes,
)


def test_a_clip_that_is_hardly_active_is_approximated():
    table, y = load_diabetes(return_X_y=True, scaled=False)
    given = {"max_iter": 30, "tol": 0, "random_state": 0}
    differences = []
    for clip in 4.0, 16.0, 1e6:
        est = EffPropRegressor((6,), input_clip=clip, **given).fit(table, y)
        plain = est.to_sklearn(approximate_clip=True, X=table)
        assert type(plain) is MLPRegressor
        error = np.abs(plain.predict(table) - est.predict(table)).max()
        assert plain.largest_difference_ == error
        differences.append(error / np.std(y))
    assert 0.5 > differences[0] > differences[1] > differences[2]
    assert differences[1] < 0.05
    assert differences[2] < 1e-9


@pytest.mark.parametrize("method", ["standardize", "whiten"])
def test_the_approximation_is_better_than_no_clip(method):
    table, y = make_friedman1(200, random_state=0)
    given = {"max_iter": 30, "tol": 0, "random_state": 0, "normalize": method}
    est = EffPropRegressor((6,), input_clip=4.0, **given).fit(table, y)
    plain = est.to_sklearn(approximate_clip=True, X=table)
    without = copy(est)
    without.normalizer_ = InputNormalizer(method).fit(table)
    error = np.abs(without.predict(table) - est.predict(table)).max()
    assert plain.largest_difference_ < 0.7 * error


def test_probabilities_and_labels_are_compared():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(X, columns=list("abcde"))
    for y in y_classes, y_binary, Y_labels:
        est = classifier(y, loss="log_loss", input_clip=8.0)
        plain = est.to_sklearn(approximate_clip=True, X=table)
        ours = est.predict_proba(X)
        theirs = plain.predict_proba(X)
        assert plain.largest_difference_ == np.abs(ours - theirs).max()
    est = classifier(y_classes, input_clip=8.0)
    plain = est.to_sklearn(approximate_clip=True, X=table)
    assert plain.largest_difference_ == np.mean(plain.predict(X) != est.predict(X))


def test_a_network_without_a_clip_is_still_exact():
    est = regressor()
    plain = est.to_sklearn(approximate_clip=True, X=X)
    assert plain.largest_difference_ < 1e-8
    np.testing.assert_array_equal(plain.coefs_[0], est.to_sklearn().coefs_[0])


def test_an_approximation_needs_data():
    est = regressor(input_clip=8.0)
    with pytest.raises(ValueError, match="approximate_clip=True needs X"):
        est.to_sklearn(approximate_clip=True)
    with pytest.raises(ValueError, match=r"X has 2 columns, but .* fitted on 5"):
        est.to_sklearn(approximate_clip=True, X=X[:, :2])
