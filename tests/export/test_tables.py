"""Estimators of raw tables leave as ONNX graphs, C files, Pipelines and copies."""

import pickle
import re
import subprocess

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline

from sk_effprop import EffPropClassifier, EffPropRegressor, TableEncoder
from sk_effprop.export import (
    SKOPS_TYPES,
    register_skl2onnx,
    to_c,
    to_inference,
    to_onnx,
    to_sklearn,
)
from sk_effprop.preprocessing import METHODS
from tests.covering import pairs_of_three
from tests.estimators.problems import both
from tests.export.test_c import (
    DTYPES,
    GCC,
    SANITIZED,
    both_types,
    compiled,
)
from tests.export.test_c import (
    assert_same as assert_same_in_c,
)
from tests.export.test_c import (
    run as run_c,
)
from tests.tables import SMALL, new_table, raw_columns, table, targets

C, R = EffPropClassifier, EffPropRegressor
UNCLIPPED = {**SMALL, "input_clip": None}
needs_gcc = pytest.mark.skipif(GCC is None, reason="gcc is not installed")


def fitted(cls, frame=None, **params):
    frame = table(120) if frame is None else frame
    return cls(**SMALL | params).fit(frame, targets(cls, table(len(frame))))


def output(model, X):
    """Probabilities or values, as a matrix."""
    method = "predict_proba" if hasattr(model, "predict_proba") else "predict"
    return getattr(model, method)(X).reshape(len(X), -1)


# A table of numbers only: codes, and numbers with holes.
def codes(n=120, seed=0):
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.integers(0, 5, n) / 10.0, rng.normal(size=(n, 2))])
    X[rng.random(X.shape) < 0.1] = np.nan
    X[:3, 0] = 0.9
    return X


NUMBERS = {"codes": {"categorical_features": [0]}, "holes": {}}
each_kind_of_numbers = pytest.mark.parametrize(
    "given", NUMBERS.values(), ids=list(NUMBERS)
)


def fitted_to_numbers(cls, given, **params):
    X = codes()
    value = X[:, 1:].sum(axis=1, where=~np.isnan(X[:, 1:])) + (X[:, 0] > 0.2)
    y = value if cls is R else np.where(value > 0, "high", "low")
    return cls(**SMALL | given | params).fit(X, y)


def new_codes():
    """Codes that are unknown, and what float32 holds of the numbers."""
    X = codes(80, 1)
    X[::9, 0] = 7.5
    X[:, 1:] = X[:, 1:].astype(np.float32)
    return X


# --------------------------------------------------------------------------------- ONNX


def run(model, inputs):
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [result.name for result in session.get_outputs()]
    return dict(zip(names, session.run(None, inputs), strict=True))


def assert_same(results, est, X, atol=1e-6):
    if isinstance(est, R):
        np.testing.assert_allclose(results["variable"], output(est, X), atol=atol)
        return
    np.testing.assert_array_equal(results["label"], est.predict(X))
    np.testing.assert_allclose(results["probabilities"], output(est, X), atol=atol)


@both
@pytest.mark.parametrize("normalize", [*METHODS, None])
def test_onnx_has_an_input_for_each_column(cls, normalize):
    pytest.importorskip("onnx")
    frame = table(120)
    if normalize is None:
        frame = frame.drop(columns=["age", "born"])
    est, new = fitted(cls, frame, normalize=normalize), new_table()[frame.columns]
    model = to_onnx(est)
    assert [one.name for one in model.graph.input] == frame.columns.tolist()
    assert_same(run(model, raw_columns(est, new)), est, new)
    assert_same(run(model, raw_columns(est, frame)), est, frame)


@both
@each_kind_of_numbers
def test_onnx_has_one_matrix_for_numbers(cls, given):
    pytest.importorskip("onnx")
    est, new = fitted_to_numbers(cls, given), new_codes()
    assert_same(run(to_onnx(est), {"X": new.astype(np.float32)}), est, new)


def test_onnx_without_missing_values_in_training():
    """A number becomes the median of a table, or the location of an array."""
    pytest.importorskip("onnx")
    frame = table(120).dropna()
    est = R(**SMALL).fit(frame, targets(R, frame))
    assert_same(run(to_onnx(est), raw_columns(est, new_table())), est, new_table())
    X = np.nan_to_num(codes())
    est, new = R(**SMALL).fit(X, X[:, 0]), new_codes()
    assert_same(run(to_onnx(est), {"X": new.astype(np.float32)}), est, new)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, "", "None", "nan"])
def test_onnx_knows_missing_text(missing):
    """Also as runtimes write what is no text."""
    pytest.importorskip("onnx")
    est, frame = fitted(R), table(8)
    values = raw_columns(est, frame)
    values["town"] = np.full((8, 1), missing, dtype=object)
    expected = output(est, frame.assign(town=None))
    np.testing.assert_allclose(run(to_onnx(est), values)["variable"], expected)


def test_onnx_prefers_levels_to_missing_text():
    pytest.importorskip("onnx")
    frame = table(120)
    frame["town"] = frame["town"].replace({"Bonn": "nan", "Kiel": ""})
    est = fitted(R, frame)
    present = frame[frame["town"].notna()]
    assert_same(run(to_onnx(est), raw_columns(est, present)), est, present)


@both
def test_onnx_has_columns_of_any_name(cls):
    pytest.importorskip("onnx")
    names = ["label", "probabilities", "variable", "Cast_0", "constant_0", ""]
    frame = table(120).set_axis(names, axis=1)
    est = fitted(cls, frame)
    model = to_onnx(est)
    inputs = [one.name for one in model.graph.input]
    assert inputs == ["label_", "probabilities_", "variable_", *names[3:5], "_"]
    columns = raw_columns(est, frame).values()
    assert_same(run(model, dict(zip(inputs, columns, strict=True))), est, frame)


def test_onnx_refuses_codes_that_float32_cannot_distinguish():
    pytest.importorskip("onnx")
    X = np.array([[2.0**24], [2.0**24 + 1.0]] * 20)
    est = R(**SMALL, categorical_features=[0]).fit(X, X[:, 0])
    with pytest.raises(ValueError, match="float32 cannot distinguish"):
        to_onnx(est)
    with pytest.raises(ValueError, match=r"float32 cannot distinguish.*'float64'"):
        to_c(est)
    assert "levels_0[2]" in to_c(est, dtype="float64")


# ----------------------------------------------------------------------------- skl2onnx


def types_of(frame):
    from skl2onnx.common.data_types import DoubleTensorType, StringTensorType

    kinds = {True: StringTensorType, False: DoubleTensorType}
    return [(name, kinds[name == "town"]([None, 1])) for name in frame]


def by_skl2onnx(model, **options):
    skl2onnx = pytest.importorskip("skl2onnx")
    register_skl2onnx()
    network = model[-1] if hasattr(model, "steps") else model
    if isinstance(network, C):
        options["options"] = {"zipmap": False}
    return skl2onnx.to_onnx(model, **options)


@both
def test_skl2onnx_converts_tables(cls):
    """In an estimator, alone or in a Pipeline, and in a step before it."""
    pytest.importorskip("skl2onnx")
    frame, new = table(120), new_table()
    alone = fitted(cls)
    inside = make_pipeline(cls(**SMALL)).fit(frame, targets(cls, frame))
    before = make_pipeline(TableEncoder(), cls(**SMALL))
    before.fit(frame, targets(cls, frame))
    for model in alone, inside, before:
        converted = by_skl2onnx(model, initial_types=types_of(frame))
        results = run(converted, raw_columns(alone, new))
        name = "variable" if cls is R else "probabilities"
        np.testing.assert_allclose(results[name], output(model, new), atol=1e-6)


@both
@each_kind_of_numbers
def test_skl2onnx_converts_a_matrix_of_numbers(cls, given):
    pytest.importorskip("skl2onnx")
    est, new = fitted_to_numbers(cls, given), new_codes()
    for rows in new, new.astype(np.float32):
        assert_same(run(by_skl2onnx(est, X=rows[:1]), {"X": rows}), est, new)


def test_skl2onnx_guesses_types_from_a_frame():
    pytest.importorskip("skl2onnx")
    frame = table(120).drop(columns="born").dropna()
    frame = frame.assign(member=frame["member"].astype(bool), grade=frame["grade"])
    frame["grade"] = frame["grade"].astype(str)
    est = C(**SMALL).fit(frame, targets(C, frame))
    values = {name: frame[[name]].to_numpy() for name in frame}
    for name in "town", "grade":
        values[name] = values[name].astype(object)
    assert_same(run(by_skl2onnx(est, X=frame[:1]), values), est, frame)


def test_skl2onnx_reads_integers_as_text():
    skl2onnx = pytest.importorskip("skl2onnx")
    frame = pd.DataFrame({"code": np.arange(60) % 4, "size": np.arange(60.0)})
    text = frame.assign(code=frame["code"].astype(str))
    est = R(**SMALL).fit(text, np.sin(frame["size"]))
    types = [
        ("code", skl2onnx.common.data_types.Int64TensorType([None, 1])),
        ("size", skl2onnx.common.data_types.FloatTensorType([None, 1])),
    ]
    values = {
        "code": frame[["code"]].to_numpy(np.int64),
        "size": frame[["size"]].to_numpy(np.float32),
    }
    assert_same(run(by_skl2onnx(est, initial_types=types), values), est, text)


def test_skl2onnx_is_told_what_a_column_needs():
    types = pytest.importorskip("skl2onnx.common.data_types")
    est = fitted(R)
    given = [(name, types.DoubleTensorType([None, 1])) for name in table()]
    with pytest.raises(ValueError, match="Column 1 is a category that needs StringT"):
        by_skl2onnx(est, initial_types=given)
    with pytest.raises(ValueError, match="Column 0 is a number that needs DoubleT"):
        by_skl2onnx(est, initial_types=[("X", types.StringTensorType([None, 6]))])
    with pytest.raises(ValueError, match=r"inputs with 3 columns, .* fitted has 6"):
        by_skl2onnx(est, initial_types=[("X", types.StringTensorType([None, 3]))])


# ------------------------------------------------------------------------------------ C


def rounded(frame):
    """Numbers that float32 holds."""
    for name in "age", "size":
        frame[name] = frame[name].astype(np.float32).astype(float)
    return frame


@needs_gcc
@pytest.mark.parametrize(
    ("normalize", "cls", "dtype"),
    pairs_of_three([*METHODS, None], [C, R], DTYPES),
)
def test_c_reads_rows_of_a_table(tmp_path, normalize, cls, dtype):
    frame, new = rounded(table(120)), rounded(new_table())
    if normalize is None:
        frame, new = (one.drop(columns=["age", "born"]) for one in (frame, new))
    est = fitted(cls, frame, normalize=normalize, activation="rational_tanh")
    assert_same_in_c(tmp_path, est, new, dtype)
    run_c(tmp_path, est, new, dtype=dtype, weight_dtype="int16")
    # and rows of its own
    program = compiled(tmp_path, to_c(est, dtype=dtype), "-DSK_EFFPROP_TEST")
    assert b"\n0 of " in subprocess.check_output([program])


@needs_gcc
@both
@both_types
@each_kind_of_numbers
def test_c_reads_codes_that_are_numbers(tmp_path, cls, dtype, given):
    assert_same_in_c(tmp_path, fitted_to_numbers(cls, given), new_codes(), dtype)


@needs_gcc
@both_types
@pytest.mark.parametrize("normalize", ["standardize", "whiten"])
def test_c_without_missing_values_in_training(tmp_path, dtype, normalize):
    X = np.nan_to_num(codes())
    est = R(**SMALL, normalize=normalize).fit(X, X[:, 0])
    new = new_codes().astype(np.float32).astype(float)
    assert_same_in_c(tmp_path, est, new, dtype)


@needs_gcc
def test_c_names_the_codes_of_levels(tmp_path):
    """Different names, whatever the levels are; comments hold the text itself."""
    towns = ["a b", "a-b", "*/", "größe", "1", "??/"]
    frame = pd.DataFrame({"x": np.array(towns)[np.arange(60) % 6], "y": 1.0})
    est = R(**SMALL).fit(frame, np.arange(60.0))
    code = to_c(est)
    program = compiled(tmp_path, code, "-DSK_EFFPROP_TEST", *SANITIZED)
    subprocess.run([program], capture_output=True, check=True)
    found = dict(re.findall(r"^ +SK_EFFPROP_(\w+) = (\d)", code, re.M))
    assert len(found) == len(set(found.values())) == 6
    assert {"X_A_B", "X_A_B_2", "X_1"} < set(found)
    values = est.table_encoder_.levels_[0].values.tolist()
    assert f"SK_EFFPROP_X_A_B = {values.index('a b')}" in code or "X_A_B_2" in code
    assert "/* 'a-b' */" in code


@needs_gcc
def test_c_is_called_with_an_enum(tmp_path):
    """A program of the user's, with one row and an unknown level."""
    frame = table(120)[["town", "size"]]
    est = fitted(R, frame)
    main = (
        '#include <stdio.h>\n#include <math.h>\n#include "network.c"\nint main(void)\n'
        "{\n    double y, rows[3][2] = {{SK_EFFPROP_TOWN_KIEL, 0.5}, {NAN, NAN}, "
        "{-1, 2}};\n    for (int i = 0; i < 3; i++) {\n        sk_effprop_predict("
        'rows[i], &y);\n        printf("%.17g\\n", y);\n    }\n    return 0;\n}\n'
    )
    (tmp_path / "network.c").write_text(to_c(est, dtype="float64"), encoding="ascii")
    (tmp_path / "main.c").write_text(main, encoding="ascii")
    command = [GCC, "-std=c99", "-Wall", "-Wextra", "-Werror", *SANITIZED]
    command += [tmp_path / "main.c", "-o", tmp_path / "main", "-lm"]
    subprocess.run(command, check=True)
    shown = subprocess.check_output([tmp_path / "main"], text=True).split()
    rows = pd.DataFrame({"town": ["Kiel", None, "Mainz"], "size": [0.5, np.nan, 2.0]})
    np.testing.assert_allclose([float(v) for v in shown], est.predict(rows), rtol=1e-12)


# ------------------------------------------------------------------------- scikit-learn


@both
def test_to_sklearn_is_a_pipeline_of_scikit_learn(cls):
    frame, new = (one.drop(columns="born") for one in (table(120), new_table()))
    est = fitted(cls, frame, **UNCLIPPED)
    plain = est.to_sklearn()
    assert isinstance(plain[0], ColumnTransformer)
    for X in frame, new, new.assign(town=None), new.assign(town="Mainz"):
        np.testing.assert_allclose(output(plain, X), output(est, X), rtol=1e-9)
        assert cls is R or (plain.predict(X) == est.predict(X)).all()
    stored = pickle.dumps(plain)
    assert b"sk_effprop" not in stored
    np.testing.assert_array_equal(output(pickle.loads(stored), new), output(plain, new))


@both
@each_kind_of_numbers
def test_to_sklearn_reads_arrays(cls, given):
    est = fitted_to_numbers(cls, given, **UNCLIPPED)
    np.testing.assert_allclose(
        output(est.to_sklearn(), new_codes()), output(est, new_codes()), rtol=1e-9
    )


@both
def test_to_sklearn_approximates_the_clip_of_a_table(cls):
    frame = table(120).drop(columns="born")
    est = fitted(cls, frame)
    with pytest.raises(ValueError, match="input_clip"):
        est.to_sklearn()
    plain = est.to_sklearn(approximate_clip=True, X=frame)
    difference = np.abs(output(plain, frame) - output(est, frame)).max()
    assert plain.largest_difference_ == pytest.approx(difference)
    assert 0.0 < difference < 0.3


def test_to_sklearn_refuses_dates():
    with pytest.raises(ValueError, match=r"cannot convert dates, .* \['born'\]"):
        to_sklearn(fitted(R, **UNCLIPPED))


# ------------------------------------------------------------------------ copies, files


@both
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_copies_and_skops_hold_tables(cls, library):
    """Also between two calls of partial_fit, without other types than the package's."""
    io = pytest.importorskip("skops.io")
    frame, new = table(120), new_table().drop(columns=["member", "grade"])
    frame = frame.drop(columns=["member", "grade"])
    y = targets(cls, table(120))
    if library == "polars":
        polars = pytest.importorskip("polars")
        frame, new = polars.from_pandas(frame), polars.from_pandas(new)
    est = cls(**SMALL).fit(frame, y)
    stream = cls(**SMALL | {"solver": "sgd"}).partial_fit(frame, y)
    for model in est, stream, to_inference(est):
        back = io.loads(io.dumps(model), trusted=SKOPS_TYPES)
        np.testing.assert_array_equal(
            output(back, new), output(est if model is not stream else stream, new)
        )
    back = io.loads(io.dumps(stream), trusted=SKOPS_TYPES).partial_fit(frame, y)
    np.testing.assert_array_equal(back.theta_, stream.partial_fit(frame, y).theta_)
    small = to_inference(est)
    assert len(pickle.dumps(small)) < len(pickle.dumps(est))
    np.testing.assert_array_equal(small.predict(new), est.predict(new))
