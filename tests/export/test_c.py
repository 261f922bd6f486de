"""Networks as C files, compiled with all warnings and run under the sanitizers."""

import re
import shutil
import subprocess

import numpy as np
import pytest
from sklearn.base import is_classifier
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.core.activations import ACTIVATIONS, LINEAR, RELU, Activation
from sk_effprop.estimators._parameters import REGRESSOR
from sk_effprop.export import to_c
from sk_effprop.preprocessing import METHODS
from tests.cases import ALL_ACTIVATIONS, params
from tests.covering import pairs_of_three
from tests.export.problems import (
    ARCTAN,
    CLASSIFICATIONS,
    X,
    Y_values,
    classifier,
    regressor,
    y_binary,
    y_classes,
    y_value,
)

GCC = shutil.which("gcc")
pytestmark = pytest.mark.skipif(GCC is None, reason="gcc is not installed")

STRICT = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"]
SANITIZED = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
# An unsigned shift, a division by zero or a lossy cast of a float is an error as well.
SANITIZED += ["-fsanitize=float-divide-by-zero,float-cast-overflow"]
# BLAS adds in another order than a loop, and neither is exact.  Exact sums in C would
# not help, as the estimator has rounding errors itself.  Several layers, an output
# activation or an exponential multiply the difference.
ULPS = 8
DTYPES = ["float32", "float64"]
both_types = pytest.mark.parametrize("dtype", DTYPES)


def compiled(tmp_path, code, *options):
    """Path of what gcc makes of the code without a warning."""
    source, result = tmp_path / "network.c", tmp_path / "network"
    source.write_text(code, encoding="ascii")
    command = [GCC, *STRICT, *options, str(source), "-o", str(result), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return result


def run(tmp_path, est, table, *, passes=True, **options):
    """Outputs of the program for each row; its own test must pass."""
    code = to_c(est, X_test=table, **options)
    program = compiled(tmp_path, code, "-DSK_EFFPROP_TEST", *SANITIZED)
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert not passes or done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr
    lines = [line.split() for line in done.stdout.splitlines()[:-1]]
    return np.array([line[0] for line in lines], dtype=float).reshape(len(table), -1)


def predicted(est, table):
    """What the estimator predicts, as a matrix."""
    result = est.predict_proba(table) if is_classifier(est) else est.predict(table)
    result = np.hstack(result) if isinstance(result, list) else result
    return result.reshape(len(table), -1)


def assert_same(tmp_path, est, table=X, dtype="float64"):
    """Outputs agree to a few units in the last place of the largest, or to 1e-6.

    Values are sums of terms that are as large as the targets, whatever the sum is.
    """
    outputs, expected = run(tmp_path, est, table, dtype=dtype), predicted(est, table)
    size = 1.0
    if not is_classifier(est):
        size = np.maximum(np.abs(expected).max(axis=0), est.coding_.scale)
    tolerance = {"float32": 1e-6 * size, "float64": ULPS * np.spacing(size)}[dtype]
    np.testing.assert_array_less(np.abs(outputs - expected) - tolerance, 1e-300)


# -------------------------------------------------------------------------- real tables


@both_types
def test_digits(tmp_path, dtype):
    images, digits = load_digits(return_X_y=True)
    est = EffPropClassifier((20,), max_iter=10, tol=0, random_state=0)
    est.fit(images, digits)
    assert_same(tmp_path, est, images[:300], dtype)


@both_types
def test_diabetes(tmp_path, dtype):
    table, y = load_diabetes(return_X_y=True)
    table = table.astype(np.float32).astype(np.float64)
    est = EffPropRegressor(max_iter=30, tol=0, random_state=0).fit(table, y)
    assert_same(tmp_path, est, table, dtype)


# ------------------------------------------------------------ whatever it was made with


@pytest.mark.parametrize("seed", range(6))
@both_types
@pytest.mark.filterwarnings("ignore:Predictions")
def test_random_networks(tmp_path, seed, dtype):
    rng = np.random.default_rng(seed)
    sizes = tuple(rng.integers(1, 40, size=rng.integers(0, 4)))
    table = rng.normal(size=(100, rng.integers(1, 30)))
    table = table.astype(np.float32).astype(np.float64)
    Y = np.sin(table @ rng.normal(size=(table.shape[1], rng.integers(1, 5))))
    name = rng.choice(["lecun_tanh", "rational_tanh", "logistic"])
    est = EffPropRegressor(sizes, activation=str(name), max_iter=9, tol=0)
    est.set_params(random_state=seed).fit(table, Y)
    # each layer adds rounding errors, here and in the estimator
    assert_same(tmp_path, est, table, dtype)


@both_types
@pytest.mark.parametrize("activation", params(ALL_ACTIVATIONS))
def test_every_activation(tmp_path, activation, dtype):
    assert_same(tmp_path, regressor(Y_values, activation=activation), dtype=dtype)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_of_outputs(tmp_path, name):
    est = regressor(Y_values, output_activation=name, twist=0.1)
    assert_same(tmp_path, est)


def test_activations_of_all_kinds_in_one_network(tmp_path):
    layers = [
        Activation(RELU, amplitude=2, slope=3, offset=1),
        "rational_tanh",
        Activation(LINEAR, twist=2, offset=-1),
        "softplus",
    ]
    est = regressor(activation=layers, hidden_layer_sizes=(4,) * 4, twist=0.2)
    assert_same(tmp_path, est)


@pytest.mark.parametrize(
    ("normalize", "input_clip", "dtype"),
    pairs_of_three([*METHODS, None], [None, 2], DTYPES),
)
@pytest.mark.filterwarnings("ignore:Predictions")
def test_every_normalisation(tmp_path, normalize, input_clip, dtype):
    table = X if normalize else X / np.abs(X).max(axis=0)
    table = table.astype(np.float32).astype(np.float64)
    given = {"normalize": normalize, "input_clip": input_clip}
    est = EffPropRegressor((6,), max_iter=8, tol=0, random_state=0, **given)
    assert_same(tmp_path, est.fit(table, y_value), table, dtype)


@pytest.mark.parametrize(
    ("loss", "activation", "dtype"),
    pairs_of_three(
        REGRESSOR["loss"].alternatives, ["lecun_tanh", "rational_tanh"], DTYPES
    ),
)
def test_every_loss_of_regressors(tmp_path, loss, activation, dtype):
    y = np.column_stack([y_value, 0.1 * y_value])
    est = regressor(y, loss=loss, activation=activation)
    assert_same(tmp_path, est, dtype=dtype)


CLASSIFIERS = {
    "log_loss": {"loss": "log_loss"},
    "squared_error": {},
    "lopsided": {"target_values": (-1.2, 0.3)},
    "relu_rational": {"activation": "relu", "output_activation": "rational_tanh"},
    "identity_clip": {"output_activation": "identity", "input_clip": 1.5},
    "no_libm": {"loss": "log_loss", "activation": "rational_tanh", "input_clip": 8.0},
}


@pytest.mark.parametrize(
    ("kind", "given", "dtype"), pairs_of_three(CLASSIFICATIONS, CLASSIFIERS, DTYPES)
)
def test_every_kind_of_classifier(tmp_path, kind, given, dtype):
    est = classifier(CLASSIFICATIONS[kind], **CLASSIFIERS[given])
    assert_same(tmp_path, est, dtype=dtype)


@both_types
@pytest.mark.parametrize("given", CLASSIFIERS.values(), ids=list(CLASSIFIERS))
def test_several_columns_of_classes(tmp_path, given, dtype):
    y = np.column_stack([y_binary, y_classes, np.full(90, "only"), y_binary])
    assert_same(tmp_path, classifier(y, **given), dtype=dtype)


@both_types
@pytest.mark.parametrize("name", ["rational_tanh", "softplus", "lecun_tanh"])
@pytest.mark.parametrize("y", [y_value, y_classes], ids=["regression", "classes"])
def test_far_from_the_data(tmp_path, name, y, dtype):
    """Inputs at the ends of float32, and logits at the end of an exponential."""
    make = regressor if y is y_value else classifier
    given = {} if y is y_value else {"loss": "log_loss"}
    est = make(y, activation=name, input_clip=8.0, **given)
    est.theta_ = est.theta_ * 30.0
    table = np.vstack([X[:20], 1e3 * X[:20], -1e30 * np.sign(X[:20] + 0.5)])
    table = table.astype(np.float32).astype(np.float64)
    outputs = run(tmp_path, est, table, passes=False, dtype=dtype)
    expected = predicted(est, table)
    size = 1.0 if y is y_classes else np.abs(expected).max()
    # weights that are 30 times as large multiply rounding errors by as much
    rtol = 1e3 * np.finfo(dtype).eps
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=rtol * size)


@pytest.mark.filterwarnings("ignore:.*rounds inputs to float32")
def test_the_mean_is_subtracted_without_a_loss(tmp_path):
    """Small differences of large numbers, as exact as float32 holds them."""
    column = 2.0**20 + np.arange(64)[:, None] / 8.0
    y = np.sin(column[:, 0])
    est = EffPropRegressor((6,), max_iter=100, tol=0, random_state=0).fit(column, y)
    assert est.score(column, y) > 0.1
    assert_same(tmp_path, est, column, "float32")


def test_float32_networks(tmp_path):
    est = EffPropRegressor((6,), max_iter=8, tol=0, random_state=0)
    est.fit(X.astype(np.float32), y_value)
    assert_same(tmp_path, est, dtype="float32")


# ------------------------------------------------------------------------ small devices


def sizes_of(tmp_path, code, *options):
    """Bytes of text and of data, and the names that the object file needs."""
    result = compiled(tmp_path, code, "-Os", "-c", *options)
    line = subprocess.check_output(["size", result], text=True).splitlines()[1]
    needed = subprocess.check_output(["nm", "-u", result], text=True)
    return [int(number) for number in line.split()[:3]], needed.split()


@pytest.mark.skipif(shutil.which("size") is None, reason="binutils are not installed")
def test_a_small_network_fits_into_1500_bytes(tmp_path):
    table, y = load_diabetes(return_X_y=True, scaled=False)
    est = EffPropRegressor((16,), activation="rational_tanh", max_iter=30, tol=0)
    est.set_params(random_state=0).fit(table[:, :8], y)
    code = to_c(est, weight_dtype="int16")
    (text, data, bss), needed = sizes_of(tmp_path, code)
    assert text + data <= 1500
    # no variables, and nothing from a library
    assert bss == data == 0
    assert needed == []


@pytest.mark.skipif(shutil.which("nm") is None, reason="binutils are not installed")
@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
@both_types
def test_rational_tanh_needs_no_library(tmp_path, loss, dtype):
    given = {"activation": "rational_tanh", "input_clip": 8.0}
    est = classifier(y_classes, loss=loss, **given)
    _, needed = sizes_of(tmp_path, to_c(est, dtype=dtype), "-ffreestanding")
    assert needed == []


def test_nothing_is_allocated_and_no_variable_is_global(tmp_path):
    code = to_c(classifier(y_classes, loss="log_loss"))
    assert "alloc" not in code
    for line in code.split("#ifdef")[0].splitlines():
        is_definition = re.match(r"\w", line) and not line.startswith(("#", "/*"))
        assert not is_definition or re.match(r"static const|.*\(", line), line


# --------------------------------------------------------------------- 16-bit integers


INTEGER_CASES = {
    "regression": lambda: regressor(Y_values, input_clip=8.0),
    "poisson": lambda: regressor(loss="poisson", input_clip=8.0),
    "deep": lambda: regressor(hidden_layer_sizes=(5, 4), activation="relu"),
    "binary": lambda: classifier(y_binary, loss="log_loss", input_clip=4.0),
    "classes": lambda: classifier(y_classes, loss="log_loss", input_clip=8.0),
    "squared": lambda: classifier(y_binary, loss="squared_error", input_clip=8.0),
    "columns": lambda: classifier(
        np.column_stack([y_classes, y_binary]), loss="log_loss", input_clip=8.0
    ),
    "rotation": lambda: regressor(normalize="whiten", activation="rational_tanh"),
}


@both_types
@pytest.mark.parametrize("make", INTEGER_CASES.values(), ids=list(INTEGER_CASES))
def test_the_error_of_integer_weights_is_within_the_bound(tmp_path, make, dtype):
    est = make()
    options = {"dtype": dtype, "weight_dtype": "int16"}
    code = to_c(est, **options)
    bound = float(re.search(r"ERROR_BOUND ([-+.\de]+)", code)[1])
    outputs, expected = run(tmp_path, est, X, **options), predicted(est, X)
    error = np.abs(outputs - expected)
    if est.out_activation_ == "exp":
        error /= expected
    assert 0.0 < error.max() <= bound
    # it says something: the worst case is not far beyond what happens
    assert bound < 300.0 * error.max()


def test_more_than_two_classes_of_squared_error_have_no_useful_bound(tmp_path):
    code = to_c(classifier(y_classes), weight_dtype="int16")
    assert "#define SK_EFFPROP_ERROR_BOUND 1.0f" in code


# ------------------------------------------------------------------------- test vectors


@both_types
def test_the_file_tests_itself(tmp_path, dtype):
    est = EffPropClassifier((5,), random_state=0).fit(*load_iris(return_X_y=True))
    code = to_c(est, dtype=dtype)
    program = compiled(tmp_path, code, "-DSK_EFFPROP_TEST", *SANITIZED)
    done = subprocess.run([program], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("0 of 24 numbers differ\n")
    # another constant is noticed
    number = re.search(r"bias_0\[5\] = {\n    (.*?),", code)[1]
    wrong = code.replace(number, "1.2345")
    program = compiled(tmp_path, wrong, "-DSK_EFFPROP_TEST")
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert done.returncode == 1


def test_names_that_would_end_a_comment(tmp_path):
    pd = pytest.importorskip("pandas")
    names = ["*/", "/*", "??/", "\\", "größe"]
    est = EffPropClassifier((3,), max_iter=3, tol=0, random_state=0)
    est.fit(pd.DataFrame(X, columns=names), np.where(y_binary == "yes", "*/ x", "\n"))
    program = compiled(tmp_path, to_c(est), "-DSK_EFFPROP_TEST")
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith("\n0 of 16 numbers differ\n")


# ----------------------------------------------------------------------------- refusals


def test_what_cannot_be_converted_is_refused():
    with pytest.raises(NotFittedError):
        to_c(EffPropRegressor())
    with pytest.raises(TypeError, match="to_c takes a fitted"):
        to_c(make_pipeline(regressor()))
    with pytest.raises(ValueError, match="cannot be converted to C"):
        to_c(regressor(activation=ARCTAN))
    with pytest.raises(ValueError, match=r"dtype must be one of .*'float16'"):
        to_c(regressor(), dtype="float16")
    with pytest.raises(ValueError, match=r"weight_dtype must be one of .*'int8'"):
        to_c(regressor(), weight_dtype="int8")


def test_constants_beyond_float32_are_refused():
    est = regressor(1e60 * y_value)
    with pytest.raises(ValueError, match="Use dtype='float64'"):
        to_c(est)
