"""Test vectors of a C program, and a main function that compares them."""

from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import check_array

from sk_effprop.core.arrays import Array
from sk_effprop.export._c_program import Program
from sk_effprop.export._fitted import clip_of, without_names

N_TEST_ROWS = 8
# Relative to the output, or to the scale of the targets if that is larger.
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}

MAIN = """\
#ifdef SK_EFFPROP_TEST
#include <stdio.h>

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
    X = _usual_rows(est) if X is None else check_array(X, dtype=np.float64)
    X = X.astype(program.dtype).astype(np.float64)
    expected = _expected(est, X)
    tables = Program(program.dtype, uses_libm=False)
    tables.table("test_x", X)
    tables.table("test_y", expected)
    tables.table("test_tolerance", _tolerance(est, expected, program.dtype, bound))
    text = MAIN.replace("TEXT_DIGITS", str(np.finfo(program.dtype).precision + 3))
    text = text.replace("TABLES", "\n".join(tables.tables))
    n_rows, n_outputs = expected.shape
    return program.text(text, N_ROWS=n_rows, N_INPUTS=X.shape[1], N_OUTPUTS=n_outputs)


def _usual_rows(est: Any) -> Array:
    """Rows like those of the training data, the last ones far from them."""
    spread = np.linspace(0.5, 4.0, N_TEST_ROWS)[:, None]
    rng = np.random.default_rng(0)
    if est.normalizer_ is None:
        return spread * rng.normal(size=(N_TEST_ROWS, est.n_features_in_))
    record = est.normalizer_.normalization_
    Z = spread * rng.normal(size=(N_TEST_ROWS, record.A.shape[-1]))
    bound = clip_of(est)
    return record.invert(Z if bound is None else np.clip(Z, -0.9 * bound, 0.9 * bound))


def _expected(est: Any, X: Array) -> Array:
    est = without_names(est)
    predicted = est.predict_proba(X) if is_classifier(est) else est.predict(X)
    if isinstance(predicted, list):
        predicted = np.hstack(predicted)
    return np.asarray(predicted, dtype=np.float64).reshape(len(X), -1)


def _tolerance(est: Any, expected: Array, dtype: str, bound: float | None) -> Array:
    size = np.abs(expected)
    is_relative = not is_classifier(est) and est.out_activation_ == "exp"
    scale = 1.0 if is_classifier(est) or is_relative else est.coding_.scale
    errors = 0.0 if bound is None else bound * (size if is_relative else 1.0)
    return np.asarray(TOLERANCE[dtype] * np.maximum(size, scale) + errors)
