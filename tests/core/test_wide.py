"""Short cuts for wide networks, many outputs and sparse inputs: the usual results."""

from dataclasses import replace

import numpy as np
import pytest

from sk_effprop.core import descent, layer_curvature, objective, spectrum
from sk_effprop.core.inputs import FoldedSparse, add_transposed_product
from sk_effprop.core.objective import Objective
from sk_effprop.core.rates import RateRule
from sk_effprop.core.spectrum import MeasuredPart, has_small_kernel
from sk_effprop.core.steps import Adam, Momentum, Update
from tests.cases import (
    ALL_ACTIVATIONS,
    MAIN_LOSS_PARAMS,
    make_problem,
    sparse_normal,
)

LECUN = ALL_ACTIVATIONS["lecun_tanh"]


def rates_by_layer(network):
    """A different rate for each layer."""
    rates = np.empty(network.n_weights)
    for l, view in enumerate(network.layers(rates)):
        view[...] = 1.0 + l
    return rates


def measured(problem, theta, rates):
    """All that is measured at theta, with Lanczos' method at the end of its way."""
    part = MeasuredPart(problem.without_penalty(), problem.sample_weight)
    layers = layer_curvature.layer_curvature(
        part, theta, rates, np.random.default_rng(0)
    )
    leading = spectrum.leading_curvature(
        problem, theta, rates, np.random.default_rng(0)
    )
    return np.concatenate([*layers, leading])


@pytest.fixture
def exactly(monkeypatch):
    """Measure eigenvalues to the last digits."""
    for module in (spectrum, layer_curvature):
        monkeypatch.setattr(module, "RATE_TOLERANCE", 1e-12)


@pytest.mark.parametrize("case", MAIN_LOSS_PARAMS)
@pytest.mark.parametrize(
    ("limit", "sizes", "n"),
    # by the kernel of the patterns, and by products instead of all pairs of outputs
    [("MANY_WEIGHTS", (12, 8), 4), ("MANY_OUTPUTS", (4, 3), 6)],
)
def test_other_routes_have_the_same_curvature(
    limit, sizes, n, case, exactly, monkeypatch
):
    problem, theta = make_problem(sizes, LECUN, case, n=n)
    rates = rates_by_layer(problem.network)
    expected = measured(problem, theta, rates)
    for module in (spectrum, layer_curvature):
        monkeypatch.setattr(module, limit, 0, raising=module is spectrum)
    assert has_small_kernel(problem, rates) == (limit == "MANY_WEIGHTS")
    np.testing.assert_allclose(measured(problem, theta, rates), expected, rtol=1e-6)


def test_rates_within_a_layer_have_no_small_kernel(monkeypatch):
    problem, _ = make_problem((8, 5), LECUN, MAIN_LOSS_PARAMS[0].values[0], n=4)
    rates = rates_by_layer(problem.network)
    assert not has_small_kernel(problem, rates)
    monkeypatch.setattr(spectrum, "MANY_WEIGHTS", 0)
    assert has_small_kernel(problem, rates)
    rates[3] *= 2.0
    assert not has_small_kernel(problem, rates)


@pytest.mark.parametrize(
    "rule", [Momentum(), Momentum(0.9), Momentum(0.9, nesterov=True), Adam()]
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_steps_by_blocks_of_weights_have_the_same_bits(rule, dtype, monkeypatch):
    case = MAIN_LOSS_PARAMS[0].values[0]
    problem, start = make_problem((8, 5), LECUN, case, n=50)
    factors = np.random.default_rng(0).uniform(0.1, 0.2, len(start))
    rates = RateRule(factors, 0.1, batch_size=8)(
        problem, start, np.random.default_rng(0)
    )

    def descended():
        theta = start.astype(dtype)
        update = Update(rule, rates, rule.start(theta))
        problem_here = replace(
            problem,
            inputs=problem.inputs.astype(dtype),
            targets=problem.targets.astype(dtype),
        )
        step = descent.CollectingStep(problem_here, theta, 8, update)
        for first in range(0, 48, 7):
            part = problem_here.subset(np.arange(first, min(first + 8, 50)))
            gradient = np.zeros_like(theta)
            part.sample_losses(theta, gradient)
            step(
                descent._SummedBatch(part.n_samples, problem.network.layers(gradient)),
                part.targets,
                None,
            )
        return theta

    whole = descended()
    monkeypatch.setattr(descent, "MANY_WEIGHTS", 0)
    monkeypatch.setattr(descent, "STEP_BLOCK", 7)
    np.testing.assert_array_equal(descended(), whole)


@pytest.mark.parametrize("density", [0.02, 0.6])
@pytest.mark.parametrize("scale", [1.0, 2.0])
@pytest.mark.parametrize("n_rows", [0, 1, 4])
def test_transposed_products_of_sparse_rows_are_those_of_dense_ones(
    density, scale, n_rows
):
    rng = np.random.default_rng(0)
    X = sparse_normal(rng, (n_rows, 40), density)
    folded = FoldedSparse(X, rng.normal(size=40), np.full(40, scale))
    assert folded.is_scaled == (scale == 1.0)
    delta, into = rng.normal(size=(n_rows, 3)), rng.normal(size=(41, 3))
    expected = into + folded.filled().T @ delta
    add_transposed_product(folded, delta, into)
    np.testing.assert_allclose(into, expected, atol=1e-12)


# ------------------------------------------------------------- evaluation on some rows


def test_an_objective_that_takes_long_is_evaluated_on_some_examples(monkeypatch):
    case = MAIN_LOSS_PARAMS[0].values[0]
    problem, theta = make_problem((4,), LECUN, case, n=400, weighted=False)
    assert problem.evaluated_in_time() is problem
    monkeypatch.setattr(objective, "LONG_PASS", 200 * len(theta))
    some = problem.evaluated_in_time()
    value, gradient = some.value_and_gradient(theta)
    assert value == some.value(theta) != problem.value(theta)
    expected, slope = problem.value_and_gradient(theta)
    assert value == pytest.approx(expected, rel=0.2)
    assert np.linalg.norm(gradient - slope) < 0.3 * np.linalg.norm(slope)


@pytest.mark.parametrize(
    "change",
    [
        lambda o: o.subset(np.arange(300)),
        Objective.without_penalty,
        lambda o: replace(o, targets=o.targets.astype(np.float32)).as_float64(),
    ],
    ids=["subset", "without_penalty", "as_float64"],
)
def test_other_objectives_are_evaluated_on_their_own_examples(change, monkeypatch):
    case = MAIN_LOSS_PARAMS[0].values[0]
    problem, theta = make_problem((4,), LECUN, case, n=400, weighted=False)
    monkeypatch.setattr(objective, "LONG_PASS", 200 * len(theta))
    some = problem.evaluated_in_time()
    assert change(some).value(theta) == change(problem).value(theta)
