"""Pipelines with our estimators, converted by skl2onnx and run by onnxruntime."""

import sys

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes, load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import StackingRegressor, VotingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sk_effprop import EffPropClassifier, EffPropRegressor, InputNormalizer
from sk_effprop.export import register_skl2onnx, to_onnx
from sk_effprop.preprocessing import METHODS
from tests.export.problems import (
    CLASSIFICATIONS,
    X,
    Y_labels,
    Y_values,
    classifier,
    each_classification,
    regressor,
    y_binary,
    y_value,
)

skl2onnx = pytest.importorskip("skl2onnx")
runtime = pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")

SMALL = {"hidden_layer_sizes": (6,), "max_iter": 20, "tol": 0, "random_state": 0}


@pytest.fixture(autouse=True)
def _registered():
    register_skl2onnx()


def run(model, table):
    """All outputs by name; a table is a matrix, or a dict of columns."""
    session = runtime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    if not isinstance(table, dict):
        table = {session.get_inputs()[0].name: table}
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, table), strict=True))


def converted(model, table, **options):
    """Model for tables of this type."""
    return skl2onnx.to_onnx(model, table[:1], **options)


def assert_same_classes(model, table, atol=1e-5):
    """Labels and a tensor of probabilities agree."""
    results = run(converted(model, table, options={"zipmap": False}), table)
    np.testing.assert_array_equal(results["label"], model.predict(table))
    expected = model.predict_proba(table)
    np.testing.assert_allclose(results["probabilities"], expected, rtol=0, atol=atol)
    assert results["probabilities"].dtype == table.dtype


def assert_same_values(model, table, rtol=1e-5):
    """Values agree, in a matrix."""
    values = run(converted(model, table), table)["variable"]
    expected = model.predict(table).reshape(len(table), -1)
    np.testing.assert_allclose(values, expected, rtol=rtol, atol=rtol)
    assert values.dtype == table.dtype


# ---------------------------------------------------------------------------- pipelines


def test_a_pipeline_with_the_default_classifier():
    table, y = load_iris(return_X_y=True)
    table = table.astype(np.float32)
    pipeline = make_pipeline(StandardScaler(), EffPropClassifier(random_state=0))
    assert_same_classes(pipeline.fit(table, y), table)
    assert_same_classes(pipeline.fit(table, load_iris().target_names[y]), table)


def test_a_pipeline_with_the_default_regressor():
    table, y = load_diabetes(return_X_y=True, scaled=False)
    table = table.astype(np.float32)
    pipeline = make_pipeline(PCA(6), EffPropRegressor(random_state=0))
    assert_same_values(pipeline.fit(table, y), table)


def test_a_table_with_a_category():
    """One input of the graph for each column of the table."""
    pd = pytest.importorskip("pandas")
    color = np.array(["red", "green", "blue"])[np.arange(90) % 3]
    table = pd.DataFrame({"color": color, "size": X[:, 2].astype(np.float32)})
    y = (color == "red") ^ (table["size"] > 1.0)
    columns = ColumnTransformer(
        [("c", OneHotEncoder(), ["color"]), ("s", StandardScaler(), ["size"])]
    )
    pipeline = make_pipeline(columns, EffPropClassifier(**SMALL)).fit(table, y)
    model = skl2onnx.to_onnx(pipeline, table[:1], options={"zipmap": False})
    inputs = {name: table[[name]].to_numpy() for name in table}
    results = run(model, inputs)
    expected = pipeline.predict_proba(table)
    np.testing.assert_allclose(results["probabilities"], expected, atol=1e-5)


def test_columns_one_by_one_without_a_pipeline():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(X.astype(np.float32), columns=list("abcde"))
    est = EffPropRegressor(**SMALL).fit(table, y_value)
    model = skl2onnx.to_onnx(est, table[:1])
    values = run(model, {name: table[[name]].to_numpy() for name in table})["variable"]
    np.testing.assert_allclose(values[:, 0], est.predict(table), rtol=1e-5)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("clip", [None, 2.0])
def test_a_normalizer_before_another_model(method, clip):
    table = X[:, 1:3].astype(np.float32)
    normalizer = InputNormalizer(method, clip=clip).fit(table)
    values = run(converted(normalizer, table), table)["variable"]
    np.testing.assert_allclose(
        values, normalizer.transform(table), rtol=1e-5, atol=1e-5
    )
    pipeline = make_pipeline(normalizer, Ridge()).fit(table, y_value)
    assert_same_values(pipeline, table, rtol=1e-4)


def test_models_that_contain_the_network():
    table = X.astype(np.float32)
    network = EffPropClassifier(**SMALL)
    vote = VotingClassifier(
        [("network", network), ("line", LogisticRegression(max_iter=10**4))],
        voting="soft",
        flatten_transform=False,
    )
    scaled = StandardScaler().fit_transform(table)
    assert_same_classes(vote.fit(scaled, y_binary), scaled)
    calibrated = CalibratedClassifierCV(network, cv=2).fit(scaled, y_binary)
    assert_same_classes(calibrated, scaled, atol=1e-4)
    search = GridSearchCV(network, {"alpha": [0.1, 0.2]}, cv=2).fit(scaled, y_binary)
    assert_same_classes(search, scaled)
    stack = StackingRegressor([("network", EffPropRegressor(**SMALL))], Ridge(), cv=2)
    assert_same_values(stack.fit(scaled, y_value), scaled, rtol=1e-4)


def test_two_networks_in_one_model():
    table = X.astype(np.float32)
    networks = [
        (f"network_{seed}", EffPropClassifier(**SMALL | {"random_state": seed}))
        for seed in range(2)
    ]
    vote = VotingClassifier(networks, voting="soft", flatten_transform=False)
    vote.fit(table, y_binary)
    assert_same_classes(vote, table)


# --------------------------------------------------------------------- kinds of targets


@each_classification
@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_classification(y, loss, dtype):
    assert_same_classes(classifier(y, loss=loss, input_clip=8.0), X.astype(dtype))


@pytest.mark.parametrize("y", [y_value, Y_values], ids=["one", "several"])
@pytest.mark.parametrize("loss", ["squared_error", "huber"])
def test_every_regression(y, loss):
    assert_same_values(regressor(y, loss=loss), X.astype(np.float32))


def test_counts():
    assert_same_values(regressor(loss="poisson"), X.astype(np.float32))


@pytest.mark.parametrize(
    "labels", [np.array([False, True]), np.array([3.0, 5.0]), np.array([7, -7], "i1")]
)
def test_numbers_as_labels_are_integers(labels):
    est = classifier(labels[(y_binary == "yes").astype(int)])
    table = X.astype(np.float32)
    label = run(converted(est, table, options={"zipmap": False}), table)["label"]
    assert label.dtype == np.int64
    np.testing.assert_array_equal(label, est.predict(table).astype(int))


# ------------------------------------------------------------------ options of skl2onnx


def test_probabilities_as_dictionaries():
    """As for any classifier of skl2onnx, unless it is told otherwise."""
    est, table = classifier(y_binary), X.astype(np.float32)
    results = run(converted(est, table), table)
    expected = est.predict_proba(table)
    for row, p in zip(results["output_probability"], expected, strict=True):
        assert row == pytest.approx(dict(zip(est.classes_, p, strict=True)), abs=1e-5)
    columns = run(converted(est, table, options={"zipmap": "columns"}), table)
    np.testing.assert_allclose(columns["syes"], expected[:, 1], atol=1e-5)


def test_class_numbers_in_place_of_labels():
    est, table = classifier(y_binary), X.astype(np.float32)
    options = {"zipmap": False, "nocl": True}
    label = run(converted(est, table, options=options), table)["label"]
    np.testing.assert_array_equal(est.classes_[label], est.predict(table))


@pytest.mark.parametrize("opset", [13, 15, 18, 21])
def test_the_version_of_the_operators(opset):
    table = X.astype(np.float32)
    for est in classifier(Y_labels, activation="rational_tanh"), regressor():
        model = converted(est, table, target_opset=opset, options=None)
        ours = to_onnx(est, target_opset=opset)
        assert [one.version for one in ours.opset_import] == [opset]
        assert model.opset_import[0].version <= opset
        results = run(ours, table)
        expected = est.predict(table)
        np.testing.assert_allclose(
            next(iter(results.values())).reshape(expected.shape), expected, rtol=1e-6
        )


def test_models_that_are_merged():
    """Our graph and one of skl2onnx with the same operators become one model."""
    table = X.astype(np.float32)
    scaler = StandardScaler().fit(table)
    est = EffPropRegressor(**SMALL).fit(scaler.transform(table), y_value)
    first = skl2onnx.to_onnx(scaler, table[:1], target_opset=18)
    second = to_onnx(est, target_opset=18)
    second.ir_version = first.ir_version
    merged = onnx.compose.merge_models(
        onnx.compose.add_prefix(first, "a_"),
        onnx.compose.add_prefix(second, "b_"),
        io_map=[("a_variable", "b_X")],
    )
    values = run(merged, table)["b_variable"]
    expected = est.predict(scaler.transform(table))
    np.testing.assert_allclose(values[:, 0], expected, rtol=1e-4)


# ----------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("opset", [12, 999, "17"])
def test_versions_that_do_not_exist_are_refused(opset):
    with pytest.raises(ValueError, match=r"target_opset must be an int from 13 to \d+"):
        to_onnx(regressor(), target_opset=opset)


def test_old_operators_are_refused():
    with pytest.raises(ValueError, match="target_opset must be at least 13"):
        converted(regressor(), X.astype(np.float32), target_opset=11)


def test_several_columns_of_classes_are_refused():
    est = classifier(np.column_stack([y_binary, CLASSIFICATIONS["classes"]]))
    with pytest.raises(ValueError, match=r"skl2onnx cannot convert .* several columns"):
        converted(est, X.astype(np.float32))


def test_without_skl2onnx_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(ImportError, match=r"pip install 'sk_effprop\[onnx\]'"):
        register_skl2onnx()
