"""An objective has an engine, with two verbs."""

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest

from sk_effprop.core import descent
from sk_effprop.core.engine import NumpyEngine
from sk_effprop.core.rates import Rates
from sk_effprop.core.steps import Momentum, Update
from tests.cases import ALL_ACTIVATIONS, ALL_LOSSES, make_problem, on_engine

ENGINES = ("numpy", "numba")


def problem():
    return make_problem(
        (4,), ALL_ACTIVATIONS["lecun_tanh"], ALL_LOSSES["squared_error_3"]
    )


def plain_update(theta, rule=None, rate=0.05):
    rule = Momentum() if rule is None else rule
    return Update(rule, Rates(rate, np.ones(len(theta))), rule.start(theta))


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_is_made_once_for_an_objective(name):
    objective = on_engine(name, problem()[0])
    assert objective.engine.name == name
    assert objective.engine is objective.engine
    assert replace(objective).engine is not objective.engine
    assert objective.subset(np.arange(3)).engine.name == name


@pytest.mark.parametrize("name", ENGINES)
def test_data_are_released_without_the_garbage_collector(name):
    """The engine does not refer back to its objective."""
    objective, theta = problem()
    objective = on_engine(name, replace(objective, inputs=objective.inputs.copy()))
    objective.value(theta)
    inputs = weakref.ref(objective.inputs)
    gc.disable()
    try:
        del objective
        assert inputs() is None
    finally:
        gc.enable()


def test_objectives_with_arrays_are_compared_by_identity():
    objective, _ = problem()
    assert objective == objective
    assert objective != replace(objective)
    assert len({objective, replace(objective)}) == 2


@pytest.mark.parametrize("name", ENGINES)
def test_losses_are_those_before_each_update_and_without_weights(name):
    """With a rate of zero they are those of theta."""
    objective, theta = problem()
    objective = on_engine(name, objective)
    order, moved = np.array([5, 2, 2, 7]), theta.copy()
    losses = objective.descend(moved, order, 2, plain_update(theta, rate=0.0))
    np.testing.assert_array_equal(moved, theta)
    expected = (objective.sample_losses(theta) / objective.sample_weight)[order]
    np.testing.assert_allclose(losses, expected, rtol=1e-12)


@pytest.mark.parametrize("rule", [Momentum(), Momentum(0.7)], ids=str)
@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_descends_by_every_momentum(name, rule):
    objective, theta = problem()
    order = np.random.default_rng(0).integers(0, objective.n_samples, 40)
    ends = []
    for engine in ("numpy", name):
        end = theta.copy()
        update = plain_update(theta, rule)
        on_engine(engine, objective).descend(end, order, 4, update)
        ends.append(end)
    np.testing.assert_allclose(ends[1], ends[0], rtol=1e-10)
    assert objective.value(ends[0]) < objective.value(theta)


@pytest.mark.parametrize("weighted", [False, True], ids=["even", "weighted"])
@pytest.mark.parametrize("rule", [Momentum(), Momentum(0.7, True)], ids=str)
@pytest.mark.parametrize("name", ENGINES)
def test_long_batches_are_computed_by_blocks(name, rule, weighted, monkeypatch):
    """Theta does not change before all blocks of a batch are there."""
    objective, theta = make_problem(
        (4,), ALL_ACTIVATIONS["lecun_tanh"], ALL_LOSSES["squared_error_1"], n=40,
        weighted=weighted,
    )  # fmt: skip
    objective = on_engine(name, objective)
    order = np.random.default_rng(0).permutation(objective.n_samples)[:-3]
    whole, parts, looks = theta.copy(), theta.copy(), []
    losses = objective.descend(whole, order, 10, plain_update(theta, rule))
    monkeypatch.setattr(descent, "LONG_BATCH", 7 * len(theta))
    timed = objective.with_clock(lambda: looks.append(parts.tobytes()))
    again = timed.descend(parts, order, 10, plain_update(theta, rule))
    np.testing.assert_allclose(parts, whole, rtol=1e-12)
    np.testing.assert_allclose(again, losses, rtol=1e-12)
    # four batches, in blocks of three rows
    assert (len(looks), len(set(looks))) == (15, 4)


def test_the_default_engine_is_numpys():
    assert problem()[0].engine_type is NumpyEngine
