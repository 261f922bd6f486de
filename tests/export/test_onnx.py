"""Networks as ONNX graphs, run by onnxruntime."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.core.activations import ACTIVATIONS, LINEAR, RELU, Activation
from sk_effprop.estimators._parameters import REGRESSOR
from sk_effprop.export import to_onnx
from sk_effprop.preprocessing import METHODS, ROTATIONS
from tests.cases import ALL_ACTIVATIONS, params
from tests.export.problems import (
    ARCTAN,
    MEANS,
    LogCosh,
    X,
    Y_values,
    classifier,
    each_classification,
    float32_table,
    regressor,
    y_binary,
    y_classes,
    y_value,
)

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")


def run(est, table=X):
    """Outputs of the graph by name."""
    model = to_onnx(est)
    onnx.checker.check_model(model, full_check=True)
    session = runtime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    results = session.run(None, {"X": table.astype(np.float32)})
    for output, result in zip(session.get_outputs(), results, strict=True):
        assert output.shape[1:] == list(result.shape[1:])
        assert isinstance(output.shape[0], str | None)
    return dict(zip(names, results, strict=True))


def assert_same_values(est, table=X):
    """A regressor's graph gives its predictions, rounded to float32."""
    values = run(est, table)["variable"]
    assert values.dtype == np.float32
    expected = est.predict(table).reshape(len(table), -1)
    np.testing.assert_allclose(values, expected, rtol=2e-7, atol=1e-6)


def assert_same_classes(est, table=X):
    """A classifier's graph gives its labels, and its probabilities as float32."""
    results = run(est, table)
    expected = est.predict(table)
    assert results["label"].shape == expected.shape
    np.testing.assert_array_equal(results["label"], expected)
    probabilities = results["probabilities"]
    assert probabilities.dtype == np.float32
    expected = est.predict_proba(table)
    assert probabilities.shape == expected.shape
    np.testing.assert_allclose(probabilities, expected, rtol=1e-6, atol=1e-12)


# ------------------------------------------------------------------------ real tables


@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
def test_digits(loss):
    images, digits = load_digits(return_X_y=True)
    est = EffPropClassifier((20,), loss=loss, max_iter=10, tol=0, random_state=0)
    assert_same_classes(est.fit(images, digits), images)


@pytest.mark.parametrize("scaled", [True, False])
def test_diabetes(scaled):
    table, y = load_diabetes(return_X_y=True, scaled=scaled)
    # what float32 can represent
    table = table.astype(np.float32).astype(np.float64)
    est = EffPropRegressor((20,), max_iter=30, tol=0, random_state=0).fit(table, y)
    assert_same_values(est, table)


# ------------------------------------------------------------ whatever it was made with


@pytest.mark.parametrize("activation", params(ALL_ACTIVATIONS))
def test_every_activation(activation):
    assert_same_values(regressor(Y_values, activation=activation))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_of_outputs(name):
    assert_same_values(regressor(Y_values, output_activation=name, twist=0.1))


def test_activations_of_all_kinds_in_one_network():
    layers = [
        Activation(RELU, amplitude=2, slope=3, offset=1),
        "rational_tanh",
        Activation(LINEAR, twist=2, offset=-1),
        "softplus",
    ]
    assert_same_values(
        regressor(activation=layers, hidden_layer_sizes=(4,) * 4, twist=0.2)
    )


@pytest.mark.filterwarnings("ignore:Predictions")
def test_a_layer_that_is_constant():
    assert_same_values(regressor(activation=Activation(LINEAR, offset=1.0)))


@pytest.mark.parametrize("name", ["rational_tanh", "softplus", "lecun_tanh"])
def test_activations_far_out(name):
    """At pre-activations of several hundred, saturation included."""
    est = regressor(hidden_layer_sizes=(3,), activation=name, max_iter=1)
    est.theta_ = est.theta_ * 100.0
    assert np.abs(est._run(X, lambda trace: trace.z(0))).max() > 100.0
    expected = est.predict(X)
    np.testing.assert_allclose(run(est)["variable"][:, 0], expected, rtol=3e-7)


@pytest.mark.parametrize("normalize", [*METHODS, None])
@pytest.mark.parametrize("input_clip", [None, 2])
@pytest.mark.filterwarnings("ignore:Predictions")
def test_every_normalisation(normalize, input_clip):
    table = X if normalize else X / np.abs(X).max(axis=0)
    table = table.astype(np.float32).astype(np.float64)
    est = EffPropRegressor(
        (6,), normalize=normalize, input_clip=input_clip, max_iter=8, tol=0,
        random_state=0,
    )  # fmt: skip
    assert_same_values(est.fit(table, y_value), table)
    assert {*ROTATIONS} < {*METHODS}


@pytest.mark.filterwarnings("ignore:.*rounds inputs to float32")
def test_the_mean_is_subtracted_in_double_precision():
    """Small differences of large numbers, as exact as float32 holds them."""
    column = 2.0**20 + np.arange(64)[:, None] / 8.0
    assert np.array_equal(column, column.astype(np.float32))
    y = np.sin(column[:, 0])
    est = EffPropRegressor((6,), max_iter=100, tol=0, random_state=0).fit(column, y)
    assert est.score(column, y) > 0.1
    assert_same_values(est, column)


@pytest.mark.parametrize("sizes", [(), (5, 4)], ids=len)
@pytest.mark.parametrize("normalize_target", [True, False])
@pytest.mark.filterwarnings("ignore:Predictions")
def test_regressors_of_several_outputs(sizes, normalize_target):
    est = regressor(
        Y_values, hidden_layer_sizes=sizes, normalize_target=normalize_target
    )
    assert_same_values(est)


@pytest.mark.parametrize(
    "loss", ["squared_error", *REGRESSOR["loss"].alternatives, LogCosh()]
)
@pytest.mark.parametrize("normalize_target", [True, False])
def test_every_loss_of_regressors(loss, normalize_target):
    y = np.column_stack([y_value, 0.1 * y_value])
    assert_same_values(
        regressor(y, loss=loss, normalize_target=normalize_target, solver="adam")
    )


def test_regressors_of_one_column():
    assert_same_values(regressor(y_value[:, None]))


CLASSIFIERS = {
    "log_loss": {"loss": "log_loss"},
    "squared_error": {},
    "asymptote": {"target_values": "asymptote"},
    "lopsided": {"target_values": (-1.2, 0.3)},
    "relu_rational": {"activation": "relu", "output_activation": "rational_tanh"},
    "own_loss": {"loss": LogCosh()},
    "identity_clip": {"output_activation": "identity", "input_clip": 1.5},
}


@each_classification
@pytest.mark.parametrize("given", CLASSIFIERS.values(), ids=list(CLASSIFIERS))
def test_every_kind_of_classifier(y, given):
    assert_same_classes(classifier(y, **given))


@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
@pytest.mark.parametrize("numbers", [False, True])
def test_several_columns_of_classes(loss, numbers):
    y = np.column_stack([y_classes, y_binary, np.full(90, "only")])
    if numbers:
        y = np.unique(y, return_inverse=True)[1].reshape(y.shape)
    est = classifier(y, loss=loss, input_clip=8.0)
    results = run(est)
    np.testing.assert_array_equal(results["label"], est.predict(X))
    for number, p in enumerate(est.predict_proba(X)):
        ours = results[f"probabilities_{number}"]
        np.testing.assert_allclose(ours, p, rtol=1e-6, atol=1e-12)


LABELS = {
    "int8": (np.array([3, -5], dtype=np.int8), np.int64),
    "bool": (np.array([True, False]), np.bool_),
    "float": (np.array([1.0, 2.0]), np.float64),
    "strings": (np.array(["b", "a"]), np.object_),
    "objects": (np.array(["b", "a"], dtype=object), np.object_),
    "not ASCII": (np.array(["우", "ä"]), np.object_),
}


@pytest.mark.parametrize(("labels", "expected"), LABELS.values(), ids=list(LABELS))
def test_labels_keep_their_type(labels, expected):
    est = classifier(labels[(y_binary == "yes").astype(int)])
    assert_same_classes(est)
    assert run(est)["label"].dtype == expected


@pytest.mark.parametrize("solver", ["sgd", "sdlm", "adam", "lbfgs", "lm", "cg", "scg"])
def test_every_solver(solver):
    est = EffPropClassifier((4,), solver=solver, max_iter=3, tol=0, random_state=0)
    assert_same_classes(est.fit(X, y_classes))


def test_float32_networks():
    """To the precision that the estimator itself has."""
    table = X.astype(np.float32)
    est = EffPropRegressor((6,), max_iter=8, tol=0, random_state=0).fit(table, y_value)
    values = run(est)["variable"][:, 0]
    np.testing.assert_allclose(values, est.predict(table), rtol=5e-7)


# A clip of inputs that are not centred leaves nothing of a large mean's columns.
@pytest.mark.filterwarnings("ignore:Predictions")
@pytest.mark.parametrize("mean", MEANS)
@pytest.mark.parametrize("normalize", METHODS)
@pytest.mark.parametrize("input_clip", [None, 2.0])
def test_float32_networks_have_the_mean_that_training_saw(normalize, mean, input_clip):
    table, y = float32_table(mean)
    given = {"input_clip": input_clip, "normalize": normalize, "random_state": 0}
    est = EffPropRegressor((5,), max_iter=8, tol=0, **given).fit(table, y)
    values = run(est, table)["variable"][:, 0]
    np.testing.assert_allclose(values, est.predict(table), rtol=0, atol=2e-6)
    est = EffPropClassifier((5,), max_iter=8, tol=0, **given).fit(table, y > 0)
    probabilities = run(est, table)["probabilities"]
    np.testing.assert_allclose(
        probabilities, est.predict_proba(table), rtol=0, atol=2e-6
    )


def test_old_runtimes_can_read_it():
    model = to_onnx(regressor())
    assert [(one.domain, one.version) for one in model.opset_import] == [("", 17)]
    assert model.ir_version == 8
    assert {node.domain for node in model.graph.node} == {""}


# ----------------------------------------------------------------------------- refusals


def test_what_is_not_a_fitted_network_is_refused():
    with pytest.raises(NotFittedError):
        to_onnx(EffPropRegressor())
    pipeline = make_pipeline(
        StandardScaler(), EffPropRegressor((2,), max_iter=1, tol=0)
    )
    with pytest.raises(TypeError, match=r"got Pipeline.*pipeline\[-1\]"):
        to_onnx(pipeline.fit(X, y_value))


@pytest.mark.parametrize("parameter", ["activation", "output_activation"])
def test_functions_are_refused(parameter):
    est = regressor(**{parameter: ARCTAN})
    with pytest.raises(ValueError, match="cannot be converted to ONNX"):
        to_onnx(est)


def test_labels_that_onnx_does_not_have_are_refused():
    est = classifier(y_binary)
    classes = np.array([("a", 1), ("b", 2)], dtype=[("x", "U1"), ("n", "i4")])
    est.coding_ = replace(est.coding_, classes=classes)
    with pytest.raises(ValueError, match="numbers or strings"):
        to_onnx(est)


def test_without_onnx_the_extra_is_named(monkeypatch):
    est = regressor()
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"pip install 'sk_effprop\[onnx\]'"):
        to_onnx(est)
