"""Test vectors of a C program, and a main function that compares them."""

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import check_array

from sk_effprop._columns import Labels, Table
from sk_effprop.core.arrays import Array, dense
from sk_effprop.export._c_program import Program
from sk_effprop.export._fitted import clip_of, of_inputs
from sk_effprop.export._table import codes_of, number_columns

N_TEST_ROWS = 8
SHARE_MISSING = 0.1
ANY_NUMBERS: dict[str, Any] = {
    "dtype": np.float64, "ensure_all_finite": "allow-nan"
}  # fmt: skip
# Relative to the output, or to the scale of the targets if that is larger.
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}

MAIN = """\
#ifdef SK_EFFPROP_TEST
HEADERS#include <stdio.h>

/* raw inputs, and what the estimator predicts for them */
TABLES
int main(void)
{
    int n_wrong = 0;
    for (int row = 0; row < N_ROWS; row++) {
        REAL y[N_OUTPUTS];
        sk_effprop_predict(test_x + row * N_INPUTS, y);
        for (int i = 0; i < N_OUTPUTS; i++) {
            const REAL expected = test_y[row * N_OUTPUTS + i];
            const REAL error = y[i] < expected ? expected - y[i] : y[i] - expected;
            printf("%.TEXT_DIGITSg %.TEXT_DIGITSg\\n", (double)y[i], (double)expected);
            n_wrong += !(error <= test_tolerance[row * N_OUTPUTS + i]);
        }
    }
    printf("%d of %d numbers differ\\n", n_wrong, N_ROWS * N_OUTPUTS);
    return n_wrong != 0;
}
#endif
"""


def self_test(est: Any, program: Program, X: Any, bound: float | None) -> str:
    """Return the part of the file that tests it."""
    X, inputs = _rows(est, X, program.dtype)
    expected = _expected(est, inputs)
    tables = Program(program.dtype, uses_libm=False)
    tables.table("test_x", X)
    tables.table("test_y", expected)
    tables.table("test_tolerance", _tolerance(est, expected, program.dtype, bound))
    text = MAIN.replace("TEXT_DIGITS", str(np.finfo(program.dtype).precision + 3))
    text = text.replace("TABLES", "\n".join(tables.tables))
    text = text.replace("HEADERS", "#include <math.h>\n" * bool(np.isnan(X).any()))
    n_rows, n_outputs = expected.shape
    return program.text(text, N_ROWS=n_rows, N_INPUTS=X.shape[1], N_OUTPUTS=n_outputs)


def _rows(est: Any, X: Any, dtype: str) -> tuple[Array, Array]:
    """Rows as the program reads them, and the numbers that are normalised."""
    encoder = est.table_encoder_
    if encoder is None:
        X = _usual_inputs(est) if X is None else check_array(X, **ANY_NUMBERS)
        X = _rounded(X, dtype)
        return X, X
    table = _usual_table(est) if X is None else encoder.read(X)
    table = replace(table, numbers=_rounded(dense(table.numbers), dtype))
    return codes_of(encoder, table), dense(encoder.encode(table))


def _rounded(X: Array, dtype: str) -> Array:
    return X.astype(dtype).astype(np.float64)


def _usual_table(est: Any) -> Table:
    """Usual numbers and all kinds of levels; some of both are missing."""
    encoder, rng = est.table_encoder_, np.random.default_rng(1)
    numbers = _usual_inputs(est)[:, : len(number_columns(encoder))]
    numbers[rng.random(numbers.shape) < SHARE_MISSING] = np.nan
    labels = []
    for levels in encoder.levels_.values():
        n_values = len(levels.values)
        # -1 is a missing value
        codes = rng.integers(-1, n_values, size=N_TEST_ROWS)
        labels.append(Labels(codes, levels.values))
    return Table(numbers, tuple(labels), encoder.kinds_)


def _usual_inputs(est: Any) -> Array:
    """Rows like those of the training data, the last ones far from them."""
    spread = np.linspace(0.5, 4.0, N_TEST_ROWS)[:, None]
    rng = np.random.default_rng(0)
    if est.normalizer_ is None:
        return spread * rng.normal(size=(N_TEST_ROWS, est.network_.sizes[0]))
    record = est.normalizer_.normalization_
    Z = spread * rng.normal(size=(N_TEST_ROWS, record.A.shape[-1]))
    bound = clip_of(est)
    return record.invert(Z if bound is None else np.clip(Z, -0.9 * bound, 0.9 * bound))


def _expected(est: Any, X: Array) -> Array:
    est = of_inputs(est)
    predicted = est.predict_proba(X) if is_classifier(est) else est.predict(X)
    if isinstance(predicted, list):
        predicted = np.hstack(predicted)
    return np.asarray(predicted, dtype=np.float64).reshape(len(X), -1)


def _tolerance(est: Any, expected: Array, dtype: str, bound: float | None) -> Array:
    size = np.abs(expected)
    is_relative = not is_classifier(est) and est.out_activation_ == "exp"
    scale = 1.0 if is_classifier(est) or is_relative else est.coding_.scale
    errors = 0.0 if bound is None else bound * (size if is_relative else 1.0)
    # a network in single precision is not exact in any program
    tolerance = max(TOLERANCE[dtype], TOLERANCE[est.theta_.dtype.name])
    return np.asarray(tolerance * np.maximum(size, scale) + errors)
