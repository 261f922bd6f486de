"""Copies that predict and do not train."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.export import SKOPS_TYPES, to_inference, to_onnx
from tests.export.problems import X, Y_values, each_classification, y_classes, y_value

SMALL = {"hidden_layer_sizes": (6,), "max_iter": 5, "tol": 0, "random_state": 0}


@each_classification
@pytest.mark.parametrize("solver", ["sgd", "sdlm", "adam", "lbfgs", "lm", "cg", "scg"])
def test_classifiers_predict_the_same(y, solver):
    est = EffPropClassifier(**SMALL, solver=solver).fit(X, y)
    copy = pickle.loads(pickle.dumps(to_inference(est)))
    np.testing.assert_array_equal(copy.predict_proba(X), est.predict_proba(X))
    np.testing.assert_array_equal(copy.predict(X), est.predict(X))


@pytest.mark.parametrize("normalize", ["robust", "whiten", None])
def test_regressors_predict_the_same(normalize):
    table = X / np.abs(X).max(axis=0)
    est = EffPropRegressor(**SMALL, normalize=normalize).fit(table, Y_values)
    copy = to_inference(est)
    np.testing.assert_array_equal(copy.predict(table), est.predict(table))
    assert copy.loss_and_gradient(table, Y_values)[0] == pytest.approx(est.loss_)


@pytest.mark.parametrize("solver", ["sgd", "sdlm", "adam", "lm"])
def test_files_are_smaller(solver):
    est = EffPropRegressor(**SMALL | {"hidden_layer_sizes": (40,)}, solver=solver)
    est.fit(X, y_value)
    sizes = [len(pickle.dumps(one)) for one in (to_inference(est), est)]
    assert sizes[0] < 0.8 * sizes[1]
    # the weights, and a few kilobytes
    assert sizes[0] < est.theta_.nbytes + 6000


def test_the_original_can_do_what_it_could():
    est, untouched = (
        EffPropRegressor(**SMALL, solver="lm").fit(X, y_value) for _ in range(2)
    )
    to_inference(est)
    for found, expected in zip(
        est.predict(X, return_std=True),
        untouched.predict(X, return_std=True),
        strict=True,
    ):
        np.testing.assert_array_equal(found, expected)
    for model in est, untouched:
        model.set_params(warm_start=True).fit(X, y_value)
    assert est.n_iter_ == untouched.n_iter_ > 0
    np.testing.assert_array_equal(est.theta_, untouched.theta_)


def test_what_is_left_out_is_said():
    est = to_inference(EffPropRegressor(**SMALL, solver="lm").fit(X, y_value))
    with pytest.raises(ValueError, match="return_std=True needs the uncertainty"):
        est.predict(X, return_std=True)
    with pytest.raises(ValueError, match="cannot continue training"):
        est.set_params(warm_start=True).fit(X, y_value)
    stream = EffPropClassifier(**SMALL).partial_fit(X, y_classes)
    with pytest.raises(ValueError, match="cannot continue training"):
        to_inference(stream).partial_fit(X, y_classes)


def test_a_copy_can_be_cloned_fitted_exported_and_saved():
    est = EffPropClassifier(**SMALL).fit(X, y_classes)
    copy = to_inference(est)
    assert clone(copy).get_params() == est.get_params()
    np.testing.assert_array_equal(clone(copy).fit(X, y_classes).theta_, est.theta_)
    np.testing.assert_array_equal(copy.fit(X, y_classes).theta_, est.theta_)
    pytest.importorskip("onnx")
    assert to_onnx(to_inference(est)) == to_onnx(est)
    io = pytest.importorskip("skops.io")
    back = io.loads(io.dumps(to_inference(est)), trusted=SKOPS_TYPES)
    np.testing.assert_array_equal(back.predict(X), est.predict(X))


def test_what_is_not_fitted_is_refused():
    with pytest.raises(NotFittedError):
        to_inference(EffPropRegressor())
