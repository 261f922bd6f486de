"""Weights of classes, given or balanced."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification
from sklearn.utils.class_weight import compute_sample_weight

from sk_effprop import EffPropClassifier
from tests.estimators.problems import LBFGS, SGD, both_solvers, problem


@both_solvers
def test_balanced_classes_are_the_weights_that_scikit_learn_computes(settings):
    X, y = problem(EffPropClassifier)
    X, y = X[y < 2], y[y < 2]
    X, y = X[5:], y[5:]
    weight = np.random.default_rng(1).integers(1, 3, size=len(y)).astype(float)
    balanced = EffPropClassifier(class_weight="balanced", **settings).fit(X, y)
    by_hand = EffPropClassifier(**settings)
    by_hand.fit(X, y, sample_weight=compute_sample_weight("balanced", y))
    np.testing.assert_allclose(balanced.theta_, by_hand.theta_, rtol=1e-7)
    weighted = clone(balanced).fit(X, y, sample_weight=weight)
    assert not np.allclose(weighted.theta_, balanced.theta_)


@both_solvers
def test_class_weights_in_a_dict_multiply_sample_weights(settings):
    X, y = problem(EffPropClassifier)
    labels = np.array(["a", "b", "c"])[y]
    weight = np.random.default_rng(1).uniform(0.5, 2.0, size=len(y))
    in_dict = EffPropClassifier(class_weight={"b": 3.0}, **settings)
    in_dict.fit(X, labels, sample_weight=weight)
    by_hand = EffPropClassifier(**settings)
    by_hand.fit(X, labels, sample_weight=weight * np.where(y == 1, 3.0, 1.0))
    np.testing.assert_array_equal(in_dict.theta_, by_hand.theta_)
    plain = EffPropClassifier(**settings).fit(X, labels, sample_weight=weight)
    assert not np.allclose(plain.theta_, by_hand.theta_)


@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
def test_a_class_weight_of_an_absent_class_waits_for_it(loss):
    """As in a fold without the rare class."""
    X, y = problem(EffPropClassifier)
    settings = {**SGD, "loss": loss}
    weights = {0: 1.0, 1: 2.0, 2: 5.0}
    absent = EffPropClassifier(**settings, class_weight=weights)
    absent.fit(X[y < 2], y[y < 2])
    by_hand = EffPropClassifier(**settings)
    by_hand.fit(X[y < 2], y[y < 2], sample_weight=1.0 + y[y < 2])
    np.testing.assert_array_equal(absent.theta_, by_hand.theta_)


def test_balanced_labels_count_weights_as_repeated_rows():
    X, Y = make_multilabel_classification(40, n_classes=3, random_state=0)
    times = np.random.default_rng(0).integers(0, 3, size=40)
    model = EffPropClassifier(**LBFGS, class_weight="balanced")
    weighted = clone(model).fit(X, Y, sample_weight=times.astype(float))
    rows = np.repeat(np.arange(40), times)
    repeated = clone(model).fit(X[rows], Y[rows])
    np.testing.assert_allclose(weighted.theta_, repeated.theta_, rtol=1e-9)
    by_hand = clone(model).set_params(class_weight=None)
    by_hand.fit(X, Y, sample_weight=compute_sample_weight("balanced", Y))
    model.fit(X, Y)
    np.testing.assert_allclose(model.theta_, by_hand.theta_, rtol=1e-7)


def test_a_stream_has_no_balanced_classes():
    X, y = problem(EffPropClassifier)
    with pytest.raises(ValueError, match=r"class_weight='balanced'.*stream"):
        EffPropClassifier(class_weight="balanced", **SGD).partial_fit(X, y)
