"""Conditioning of the inputs of each layer."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sk_effprop import EffPropClassifier
from sk_effprop.inspection import (
    ConditioningDisplay,
)
from tests.inspection.displays.data import X, Y

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("is_sparse", [False, True])
def test_condition_numbers_are_squares_of_those_of_the_inputs(iris, is_sparse):
    """The singular values of the weighted rows, without forming second moments."""
    weight = np.linspace(0.5, 2.0, len(Y))
    given = sparse.csr_array(X) if is_sparse else X
    display = ConditioningDisplay.from_estimator(iris, given, Y, sample_weight=weight)
    ones = np.ones((len(Y), 1))
    hidden = [iris.hidden_activations(X, l) for l in range(len(iris.coefs_) - 1)]
    layers = [X, iris.normalizer_.transform(X), *hidden]
    assert len(display.condition_numbers) == len(layers)
    for got, values in zip(display.eigenvalues.values(), layers, strict=True):
        rows = np.sqrt(weight / weight.sum())[:, None] * np.hstack([values, ones])
        singular = np.linalg.svd(rows, compute_uv=False)
        np.testing.assert_allclose(got, singular**2, rtol=1e-6)


def test_tables_are_compared_as_numbers():
    table = pd.DataFrame({"a": X[:, 0], "kind": np.where(Y > 0, "x", "y")})
    net = EffPropClassifier(3, max_iter=3, random_state=0).fit(table, Y)
    display = ConditioningDisplay.from_estimator(net, table, Y)
    # a number, two levels and the constant; the levels add up to the constant
    raw = display.eigenvalues["raw inputs"]
    assert len(raw) == 4
    assert np.sum(raw > 1e-10) == 3


def test_whitened_inputs_have_condition_number_one():
    net = EffPropClassifier((), normalize="whiten", input_clip=None, random_state=0)
    display = ConditioningDisplay.from_estimator(net.fit(X, Y), X, Y)
    raw, whitened = display.condition_numbers.values()
    assert whitened == pytest.approx(1.0)
    assert raw > 100.0
