"""Results do not depend on what the arrays that take them held before."""

import numpy as np
import pytest

from tests.cases import ANY_ACTIVATION_PARAMS, LOSS_PARAMS

Z = np.linspace(-3.0, 3.0, 12)


@pytest.mark.parametrize("activation", ANY_ACTIVATION_PARAMS)
def test_values_and_derivatives_are_written_over(activation):
    results = []
    for content in (0.0, np.nan):
        value, derivative = np.full_like(Z, content), np.full_like(Z, content)
        activation.evaluate(activation.slope * Z, value, derivative)
        results.append((value, derivative))
    np.testing.assert_array_equal(*results)
    assert np.isfinite(results[1]).all()


@pytest.mark.parametrize("case", LOSS_PARAMS)
def test_gradients_of_losses_are_written_over(case):
    rng = np.random.default_rng(0)
    outputs, targets = rng.normal(size=(5, case.n_outputs)), case.targets(rng, 5)
    results = []
    for content in (0.0, np.nan):
        out = np.full_like(outputs, content)
        case.loss.gradient(outputs, targets, out)
        results.append(out)
    np.testing.assert_array_equal(*results)
    assert np.isfinite(results[1]).all()
