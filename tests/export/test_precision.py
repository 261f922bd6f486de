"""Single precision: what it loses is told, and tolerated where it is known."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline

from sk_effprop import EffPropRegressor
from sk_effprop.export import register_skl2onnx, to_c, to_onnx
from tests.export.test_c import run

rng = np.random.default_rng(0)
NEAR = rng.normal(size=(200, 2))
FAR = NEAR + np.array([0.0, 1e9])
y = np.sin(NEAR[:, 0]) + NEAR[:, 1]
EXPORTS = {"to_c": to_c, "to_onnx": to_onnx}


@pytest.fixture(params=EXPORTS)
def export(request):
    if request.param == "to_onnx":
        pytest.importorskip("onnx")
    return EXPORTS[request.param]


def fitted(table):
    return EffPropRegressor((5,), solver="sgd", max_iter=9, random_state=0).fit(
        table, y
    )


@pytest.mark.parametrize("frame", [False, True])
def test_columns_that_rounding_changes_are_named(export, frame):
    table = pd.DataFrame(FAR, columns=["near", "far"]) if frame else FAR
    name = "far" if frame else "x1"
    message = (
        f"{export.__name__} rounds inputs to float32, which may change '{name}' by"
    )
    with pytest.warns(UserWarning, match=re.escape(message)):
        export(fitted(table))


@pytest.mark.parametrize(("kind", "expected"), [("Float", 1), ("Double", 0)])
def test_the_type_of_a_pipelines_inputs_decides(kind, expected):
    skl2onnx = pytest.importorskip("skl2onnx")
    register_skl2onnx()
    declared = getattr(skl2onnx.common.data_types, f"{kind}TensorType")([None, 2])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        skl2onnx.to_onnx(make_pipeline(fitted(FAR)), initial_types=[("X", declared)])
    told = [str(w.message) for w in caught if "DoubleTensorType" in str(w.message)]
    assert len(told) == expected


@pytest.mark.parametrize("shift", [0.0, 1e3, -1e5])
def test_usual_columns_are_exported_without_a_warning(export, shift):
    est = fitted(NEAR + shift)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        export(est)
    assert [str(warning.message) for warning in caught] == []


def test_double_precision_keeps_large_columns(tmp_path):
    est = fitted(FAR)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outputs = run(tmp_path, est, FAR, dtype="float64")
    np.testing.assert_allclose(outputs[:, 0], est.predict(FAR), rtol=1e-9)


def test_the_test_of_a_file_knows_the_precision_of_the_network(tmp_path):
    """Its rounding errors are no fault of a program in double precision."""
    table = NEAR.astype(np.float32)
    est = fitted(table)
    outputs = run(tmp_path, est, table, dtype="float64")
    np.testing.assert_allclose(outputs[:, 0], est.predict(table), rtol=1e-4, atol=1e-5)
