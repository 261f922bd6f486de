"""Passes of compiled loops in several calls, so that Ctrl-C can come between them."""

import numpy as np
import pytest

from sk_effprop.core.activations import ACTIVATIONS
from tests.cases import ALL_LOSSES, make_problem, on_engine


@pytest.mark.parametrize("n", [7, 8, 9, 40])
def test_the_parts_of_a_pass_add_up(n, monkeypatch):
    module = pytest.importorskip("sk_effprop.core.compiled.engine")
    case = ALL_LOSSES["squared_error_3"]
    objective, theta = make_problem((4,), ACTIVATIONS["tanh"], case, n=n)
    whole = on_engine("numba", objective)
    value, gradient = whole.value_and_gradient(theta)
    losses = whole.sample_losses(theta)
    monkeypatch.setattr(module, "PRODUCTS_PER_CALL", 1)
    parts = on_engine("numba", objective)
    assert len(list(parts.engine._parts())) == -(-n // 8)
    np.testing.assert_array_equal(parts.sample_losses(theta), losses)
    in_parts = parts.value_and_gradient(theta)
    assert in_parts[0] == pytest.approx(value, rel=1e-14)
    np.testing.assert_allclose(in_parts[1], gradient, rtol=1e-12, atol=1e-15)
