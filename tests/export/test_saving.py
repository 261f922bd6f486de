"""Fitted estimators on disk: they come back the same, and train on as if never away."""

import pickle
from importlib import import_module
from io import BytesIO

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_diabetes

from sk_effprop import EffPropClassifier, EffPropRegressor, InputNormalizer
from sk_effprop.core.activations import TANH, Activation
from sk_effprop.estimators._parameters import REGRESSOR
from sk_effprop.export import SKOPS_TYPES
from sk_effprop.preprocessing import METHODS
from sk_effprop.solvers import BATCH, STOCHASTIC
from tests.export.problems import X, Y_labels, Y_values, y_binary, y_classes, y_value

SMALL = {
    "hidden_layer_sizes": (4,), "input_clip": None, "max_iter": 4, "tol": 0,
    "random_state": 0,
}  # fmt: skip
DIABETES = load_diabetes(return_X_y=True, as_frame=True)
LOSSES = REGRESSOR["loss"].alternatives


def by_pickle(est):
    """What a process gets from another one."""
    return pickle.loads(pickle.dumps(est))


def by_joblib(est):
    """As scikit-learn's documentation has it."""
    file = BytesIO()
    joblib.dump(est, file)
    file.seek(0)
    return joblib.load(file)


def by_skops(est):
    """Without pickle, and without types that the package does not name."""
    io = pytest.importorskip("skops.io")
    return io.loads(io.dumps(est), trusted=SKOPS_TYPES)


ways = pytest.mark.parametrize("saved", [by_pickle, by_joblib, by_skops])

C, R = EffPropClassifier, EffPropRegressor
# estimator, parameters, data
CASES = {
    **{f"classifier_{s}": (C, {"solver": s}, X, y_classes) for s in STOCHASTIC + BATCH},
    **{f"regressor_{s}": (R, {"solver": s}, X, Y_values) for s in STOCHASTIC + BATCH},
    **{
        f"{method}_clip": (R, {"normalize": method, "input_clip": 2.0}, X, y_value)
        for method in METHODS
    },
    "not_normalised": (R, {"normalize": None}, X / np.abs(X).max(axis=0), y_value),
    "sparse": (R, {"solver": "sgd"}, sparse.csr_array(X), y_value),
    "float32": (C, {"solver": "sgd"}, X.astype(np.float32), y_classes),
    "with_names": (R, {"solver": "lbfgs"}, *DIABETES),
    "multilabel": (C, {"loss": "log_loss"}, X, Y_labels),
    "columns": (C, {}, X, np.column_stack([y_classes, y_binary])),
    "log_loss": (C, {"loss": "log_loss", "solver": "sgd"}, X, y_classes),
    "weights": (C, {"class_weight": {"low": 2.0, "high": 0.5}}, X, y_classes),
    "balanced": (C, {"class_weight": "balanced", "solver": "sgd"}, X, y_classes),
    "evidence": (R, {"solver": "lm", "alpha": "evidence"}, X, y_value),
    "early_stopping": (C, {"early_stopping": True, "solver": "sgd"}, X, y_classes),
    "scored": (C, {"early_stopping": True, "scoring": "accuracy"}, X, y_classes),
    **{name: (R, {"loss": name}, X, y_value) for name in LOSSES},
    "flow": (R, {"learning_rate": "flow", "solver": "sgd"}, X, y_value),
    "adaptive": (R, {"learning_rate": "adaptive", "solver": "sgd"}, X, y_value),
    "momentum": (R, {"momentum": 0.5, "solver": "sdlm"}, X, y_value),
    "running_curvature": (R, {"curvature_decay": 0.1, "solver": "sdlm"}, X, y_value),
    "emphasis": (C, {"emphasis": 0.5, "solver": "sgd"}, X, y_classes),
    "patience": (R, {"n_iter_no_change": np.inf, "solver": "sgd"}, X, y_value),
    "activations": (
        C,
        {
            "hidden_layer_sizes": (3, 4),
            "activation": ["rational_tanh", Activation(TANH, amplitude=2.0)],
            "output_activation": Activation(TANH),
            "loss": "squared_error",
            "twist": 0.1,
        },
        X,
        y_classes,
    ),
    "random_state": (
        R, {"random_state": np.random.RandomState(3), "solver": "sgd"}, X, y_value,
    ),
}  # fmt: skip
each_case = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))


@ways
@each_case
def test_what_is_loaded_predicts_and_trains_on_bit_for_bit(case, saved):
    cls, params, table, y = case
    est = cls(**(SMALL | params), warm_start=True).fit(table, y)
    back = saved(est)
    np.testing.assert_array_equal(back.predict(table), est.predict(table))
    assert back.convergence_ == est.convergence_
    assert back.n_features_in_ == est.n_features_in_
    for one in est, back:
        one.fit(table, y)
    np.testing.assert_array_equal(back.theta_, est.theta_)
    assert back.loss_curve_ == est.loss_curve_


@ways
@pytest.mark.parametrize("solver", [*STOCHASTIC, "auto"])
@pytest.mark.parametrize("cls", [C, R])
def test_a_stream_goes_on_bit_for_bit(cls, solver, saved):
    y = y_classes if cls is C else y_value
    est = cls(**(SMALL | {"solver": solver, "normalize": "robust"}))
    first, second, third = slice(0, 30), slice(30, 60), slice(60, 90)
    est.partial_fit(
        X[first], y[first], **({"classes": np.unique(y)} if cls is C else {})
    )
    est.partial_fit(X[second], y[second])
    back = saved(est)
    for one in est, back:
        one.partial_fit(X[third], y[third])
    np.testing.assert_array_equal(back.theta_, est.theta_)
    np.testing.assert_array_equal(back.normalizer_.mean_, est.normalizer_.mean_)
    assert back.n_iter_ == est.n_iter_ == 3


@ways
def test_uncertainty_is_saved(saved):
    est = R(**(SMALL | {"solver": "lm"})).fit(X, y_value)
    mean, std = saved(est).predict(X, return_std=True)
    np.testing.assert_array_equal(mean, est.predict(X))
    np.testing.assert_array_equal(std, est.predict(X, return_std=True)[1])


@ways
def test_intervals_are_saved(saved):
    est = R((3,), n_estimators=3, random_state=0).fit(X, y_value)
    again = saved(est)
    np.testing.assert_array_equal(again.oof_prediction_, est.oof_prediction_)
    for ours, theirs in zip(
        again.predict(X, interval=0.8), est.predict(X, interval=0.8), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


@ways
@pytest.mark.parametrize("method", METHODS)
def test_a_normalizer_goes_on_bit_for_bit(method, saved):
    normalizer = InputNormalizer(method).partial_fit(X[:40])
    back = saved(normalizer)
    for one in normalizer, back:
        one.partial_fit(X[40:])
    np.testing.assert_array_equal(back.transform(X), normalizer.transform(X))


@ways
def test_a_plain_model_is_saved(saved):
    plain = C(**(SMALL | {"loss": "log_loss"})).fit(X, y_classes).to_sklearn()
    np.testing.assert_array_equal(saved(plain).predict_proba(X), plain.predict_proba(X))


def test_strangers_would_be_noticed():
    """The check of types above can fail."""
    io = pytest.importorskip("skops.io")
    est = R(**SMALL).fit(X, y_value)
    est.stranger_ = pytest.approx(1.0)
    with pytest.raises(io.exceptions.UntrustedTypesFoundException, match="_pytest"):
        by_skops(est)


def test_every_trusted_type_is_one_of_the_package():
    for name in SKOPS_TYPES:
        module, _, attribute = name.rpartition(".")
        assert isinstance(getattr(import_module(module), attribute), type)


@pytest.mark.parametrize(
    "settings",
    [
        {"input_gains": True, "averaging": True},
        {"learning_rate": "flow"},
        {"normalize": "whiten"},
        {"momentum": 0.0, "curvature_decay": 0.1},
    ],
    ids=str,
)
def test_streams_whose_targets_grow_need_no_other_types(settings):
    est = R(**SMALL | {"solver": "sgd"} | settings)
    for k, size in enumerate((1.0, 1e3, 1e3)):
        rows = slice(30 * k, 30 * k + 30)
        est.partial_fit(X[rows], size * y_value[rows])
    np.testing.assert_array_equal(by_skops(est).predict(X), est.predict(X))


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_the_uncertainty_of_large_networks_needs_no_other_types(alpha):
    """Its compact form depends on the share of the weights that the data determine."""
    est = R(**SMALL | {"hidden_layer_sizes": (12,), "solver": "lm", "alpha": alpha})
    est.fit(X, y_value)
    std = by_skops(est).predict(X, return_std=True)[1]
    np.testing.assert_array_equal(std, est.predict(X, return_std=True)[1])
