"""An objective in parts, next to the same examples in one place."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from sk_effprop.core.baseline import constant_value
from sk_effprop.core.curvature import Linearization, linearize
from sk_effprop.core.gauss_newton import DualSystem, PrimalSystem, laplace, make_system
from sk_effprop.core.partitions import PartitionedObjective
from sk_effprop.core.parts import LoadedParts, LocalParts, tree
from sk_effprop.solvers import LBFGS, EvidenceRounds, LevenbergMarquardt
from tests.cases import (
    ALL_ACTIVATIONS,
    ALL_LOSSES,
    BATCH_PARAMS,
    LOSS_PARAMS,
    initial_theta,
    make_problem,
    on_engine,
    tanh_problem,
)
from tests.solvers.running import run


def cut(objective, bounds=(0, 7, 7, 22), *, kind=LocalParts):
    """The same examples in parts, of which one is empty."""
    whole = objective.without_penalty()
    stops = (*bounds[1:], objective.n_samples)
    parts = [whole.subset(np.arange(a, b)) for a, b in zip(bounds, stops, strict=True)]
    return PartitionedObjective(
        kind(parts), objective.n_samples, objective, objective.penalty, objective.count
    )


def problem(loss=ALL_LOSSES["squared_error_1"]):
    """Forty weighted examples and some weights."""
    return make_problem((4,), ALL_ACTIVATIONS["lecun_tanh"], loss, n=40)


@pytest.mark.parametrize("loss", LOSS_PARAMS)
def test_means_over_parts_are_those_over_all_examples(loss):
    objective, theta = problem(loss)
    parts = cut(objective)
    value, gradient = objective.value_and_gradient(theta)
    value_of_parts, gradient_of_parts = parts.value_and_gradient(theta)
    assert value_of_parts == pytest.approx(value, rel=1e-12)
    assert parts.value(theta) == pytest.approx(value, rel=1e-12)
    assert parts.null_value() == pytest.approx(objective.null_value(), rel=1e-12)
    assert constant_value(parts) == pytest.approx(constant_value(objective), rel=1e-9)
    np.testing.assert_allclose(gradient_of_parts, gradient, rtol=1e-9, atol=1e-12)


def test_what_a_pass_has_found_needs_no_other_pass():
    objective, theta = problem()
    parts = cut(objective)
    reduced = []

    class Counted(LocalParts):
        def reduce(self, *arguments):
            reduced.append(arguments)
            return super().reduce(*arguments)

    parts = replace(parts, parts=Counted(parts.parts.parts))
    value = parts.value(theta)
    assert parts.null_value() == cut(objective).null_value()
    assert parts.mean_targets() == cut(objective).mean_targets()
    assert len(reduced) == 1
    found = parts.value_and_gradient(theta)
    again = parts.without_penalty().value_and_gradient(theta.copy())
    assert parts.value(theta) == found[0] == pytest.approx(value, rel=1e-12)
    assert again[0] == cut(objective).without_penalty().value(theta)
    assert constant_value(parts) == constant_value(cut(objective))
    assert len(reduced) == 2
    moved = parts.value_and_gradient(theta + 0.1)
    assert moved[0] == cut(objective).value_and_gradient(theta + 0.1)[0]
    assert len(reduced) == 3
    theta[0] += 0.1
    assert parts.value(theta) == cut(objective).value(theta)
    assert len(reduced) == 4


def test_other_parts_are_not_known():
    objective, theta = problem()
    single = replace(
        objective,
        inputs=objective.inputs.astype(np.float32),
        targets=objective.targets.astype(np.float32),
    )
    parts = cut(single)
    known = parts.value_and_gradient(theta.astype(np.float32))[0], parts.null_value()
    double = parts.as_float64()
    expected = cut(single.as_float64())
    assert double.value(theta) == expected.value(theta) != known[0]
    assert double.null_value() == expected.null_value() != known[1]


@pytest.mark.parametrize("loss", LOSS_PARAMS)
def test_curvature_of_parts_is_that_of_all_examples(loss):
    objective, theta = problem(loss)
    whole, parts = Linearization(objective, theta), linearize(cut(objective), theta)
    v = np.random.default_rng(1).normal(size=len(theta))
    for name in "gauss_newton_product", "hessian_product":
        expected = getattr(whole, name)(v)
        np.testing.assert_allclose(getattr(parts, name)(v), expected, atol=1e-10)
    np.testing.assert_allclose(parts.gradient, whole.gradient, atol=1e-12)
    upper = np.triu(parts.gauss_newton_matrix())
    np.testing.assert_allclose(upper, np.triu(whole.gauss_newton_matrix()), atol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 9, 63, 64, 65, 130])
def test_a_tree_of_groups_of_eight_is_the_binary_tree(n):
    """So the tasks of a cluster add in the same order as one process."""

    def combine(left, right):
        return f"({left}{right})"

    values = [f"{i}," for i in range(n)]
    expected = tree(values, combine)
    while len(values) > 1:
        groups = [values[i : i + 8] for i in range(0, len(values), 8)]
        values = [tree(group, combine) for group in groups]
    assert values == [expected]


@pytest.mark.parametrize("make", BATCH_PARAMS)
def test_batch_solvers_reach_the_same_minimum_on_parts(make):
    objective = tanh_problem()
    theta = initial_theta(objective)
    solver = make(objective)
    _, whole = run(solver, objective, theta, 40)
    _, parts = run(solver, cut(objective), theta, 40)
    assert parts.best_value == pytest.approx(whole.best_value, rel=1e-4)


def test_evidence_of_parts_is_that_of_all_examples():
    objective = replace(tanh_problem(), sample_weight=None)
    theta = initial_theta(objective)
    solver = EvidenceRounds(LevenbergMarquardt(1e-8))
    whole, _ = run(solver, objective, theta, 200)
    parts, _ = run(solver, cut(objective), theta, 200)
    np.testing.assert_allclose(parts.penalty, whole.penalty, rtol=0.05)


def test_posterior_of_parts_is_that_of_all_examples():
    objective = tanh_problem()
    theta = initial_theta(objective)
    whole = laplace(linearize(objective, theta))
    parts = laplace(linearize(cut(objective), theta))
    np.testing.assert_allclose(parts.noise, whole.noise, rtol=1e-10)
    assert parts.n_determined == pytest.approx(whole.n_determined, rel=1e-8)


def test_parts_are_never_stacked_to_one_jacobian():
    objective = tanh_problem().subset(np.arange(5))
    theta = initial_theta(objective)
    assert isinstance(make_system(linearize(objective, theta)), DualSystem)
    parts = cut(objective, (0, 2))
    assert isinstance(make_system(linearize(parts, theta)), PrimalSystem)


def test_parts_that_are_loaded_give_the_same_bits():
    objective, theta = problem()
    kept, loaded = cut(objective), cut(objective, kind=LoadedParts)
    results = [parts.as_float64().value_and_gradient(theta) for parts in (kept, loaded)]
    assert results[0][0] == results[1][0]
    np.testing.assert_array_equal(results[0][1], results[1][1])


def test_single_precision_is_added_in_double_precision():
    objective, theta = problem()
    single = replace(
        objective,
        inputs=objective.inputs.astype(np.float32),
        targets=objective.targets.astype(np.float32),
    )
    parts, theta = cut(single), theta.astype(np.float32)
    value, gradient = parts.value_and_gradient(theta)
    assert gradient.dtype == np.float32
    assert value == pytest.approx(single.value(theta), rel=1e-5)
    assert parts.as_float64().dtype == np.float64
    assert parts.as_float64().parts.parts[0].dtype == np.float64


def test_few_examples_come_from_memory_and_many_stay_in_their_parts():
    objective, theta = problem()
    parts = replace(cut(objective), rows=objective.subset(np.arange(10)))
    few = parts.sample(8, np.random.default_rng(0))
    many = parts.sample(20, np.random.default_rng(0))
    assert few.n_samples == 8
    assert isinstance(many, PartitionedObjective)
    assert many.n_samples == sum(part.n_samples for part in many.parts.parts) == 21
    assert np.isfinite(many.value(theta))
    assert parts.sample(40, np.random.default_rng(0)) is parts
    all_in_memory = replace(parts, rows=objective)
    assert all_in_memory.sample(50, np.random.default_rng(0)).n_samples == 40
    assert hasattr(all_in_memory.sample(50, np.random.default_rng(0)), "inputs")


def test_a_pickled_objective_does_not_take_its_engine_along():
    """Compiled functions have other addresses in other processes."""
    objective, theta = problem()
    objective = on_engine("numba", objective)
    value = objective.value(theta)
    assert "engine" in vars(objective)
    copy = pickle.loads(pickle.dumps(objective))
    assert "engine" not in vars(copy)
    assert copy.value(theta) == value


def test_the_penalty_counts_once():
    objective, theta = problem()
    parts = cut(objective)
    difference = parts.value(theta) - parts.without_penalty().value(theta)
    assert difference == pytest.approx(objective.penalty_value(theta))
    assert objective.penalty_value(theta) > 0.0


def test_the_minimum_of_parts_does_not_depend_on_the_cut():
    objective = tanh_problem()
    theta = initial_theta(objective)
    solver = LBFGS(max_fun=1000, gradient_tolerance=1e-8)
    values = [
        run(solver, cut(objective, bounds), theta, 40)[1].best_value
        for bounds in [(0,), (0, 20), (0, 5, 11, 30)]
    ]
    np.testing.assert_allclose(values, values[0], rtol=0.1)
