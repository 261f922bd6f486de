"""Exports read public fitted attributes only."""

import ast
from pathlib import Path

import numpy as np
import pytest

import sk_effprop.export
from sk_effprop.export import to_onnx, to_sklearn
from tests.export.problems import (
    X,
    Y_labels,
    classifier,
    regressor,
    y_binary,
    y_classes,
    y_value,
)

FILES = sorted(Path(sk_effprop.export.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_private_attribute_of_an_estimator_is_named(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    private = [
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in ("est", "coding")
        and node.attr.startswith("_")
    ]
    assert private == []


MODELS = {
    "regressor": lambda: regressor(y_value),
    "binary": lambda: classifier(y_binary),
    "classes": lambda: classifier(y_classes),
    "multilabel": lambda: classifier(Y_labels),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("way", [to_sklearn, to_onnx])
def test_a_model_without_private_attributes_is_exported_alike(name, way):
    if way is to_onnx:
        pytest.importorskip("onnx")
    est = MODELS[name]()
    before = way(est)
    for key in [key for key in vars(est) if key.startswith("_")]:
        delattr(est, key)
    after = way(est)
    if way is to_onnx:
        assert after == before
    else:
        np.testing.assert_array_equal(after.predict(X), before.predict(X))
