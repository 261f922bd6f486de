"""Stochastic descent on examples in parts."""

from dataclasses import replace

import numpy as np
import pytest

from sk_effprop.core.partitions import PartitionedObjective
from sk_effprop.core.parts import LoadedParts, LocalParts
from sk_effprop.core.steps import Adam, Momentum
from sk_effprop.solvers import PassesOverParts, Rounds
from tests.cases import initial_theta, ridge_problem, ridge_solution, stochastic
from tests.solvers.running import run


class Sources(list):
    """Parts that can be iterated in another order."""

    def shuffled(self, rng):
        return Sources(self[i] for i in rng.permutation(len(self)))


def cut(objective, n_parts, kind=LocalParts):
    """The same examples in parts of equal size."""
    rows = np.array_split(np.arange(objective.n_samples), n_parts)
    parts = [objective.without_penalty().subset(part) for part in rows]
    return PartitionedObjective(
        kind(Sources(parts)), objective.n_samples, objective, objective.penalty,
        objective.count,
    )  # fmt: skip


RULES = {
    "plain": {},
    "momentum": {"rule": Momentum(0.5), "rate": 0.02},
    "adam": {"rule": Adam(), "rate": 0.2},
    "averaging": {"averaging": True},
}


@pytest.mark.parametrize("way", [Rounds, PassesOverParts])
@pytest.mark.parametrize("settings", RULES.values(), ids=RULES)
@pytest.mark.parametrize("weighted", [False, True])
def test_descent_on_parts_comes_close_to_the_minimum(way, settings, weighted):
    objective = ridge_problem(weighted=weighted)
    kind = LocalParts if way is Rounds else LoadedParts
    solver = way(stochastic(objective, schedule="annealing", **settings))
    theta = initial_theta(objective)
    least = objective.value(ridge_solution(objective))
    start = objective.value(theta)
    _, monitor = run(solver, cut(objective, 4, kind), theta, 60)
    assert monitor.best_value - least < 0.02 * (start - least)


def test_a_round_on_one_part_is_an_epoch():
    """Full batches do not depend on the order."""
    objective = ridge_problem()
    solver = stochastic(objective, batch_size=10**6, rate=0.5, rule=Momentum(0.5))
    theta = initial_theta(objective)
    usual, _ = run(solver, objective, theta, 5)
    rounds, _ = run(Rounds(solver), cut(objective, 1), theta, 5)
    np.testing.assert_allclose(rounds.theta, usual.theta, rtol=1e-12)


def test_a_round_of_equal_full_batches_is_a_step_of_all_examples():
    """The mean of the steps of parts is the step of the whole."""
    objective = ridge_problem()
    n = objective.n_samples // 4 * 4
    objective = objective.subset(np.arange(n))
    solver = stochastic(objective, batch_size=10**6, rate=0.5)
    theta = initial_theta(objective)
    usual, _ = run(solver, objective, theta, 5)
    rounds, _ = run(Rounds(solver), cut(objective, 4), theta, 5)
    np.testing.assert_allclose(rounds.theta, usual.theta, rtol=1e-10)


def test_passes_over_parts_present_every_example_once_an_epoch():
    objective = ridge_problem()
    solver = PassesOverParts(stochastic(objective))
    parts = cut(objective, 3, LoadedParts)
    solution, monitor = run(solver, parts, initial_theta(objective), 4)
    assert solution.n_presented == 4 * objective.n_samples
    assert solution.state.progress.epoch == monitor.n_iter == 4


@pytest.mark.parametrize("way", [Rounds, PassesOverParts])
def test_divergence_is_survived(way):
    objective = ridge_problem()
    kind = LocalParts if way is Rounds else LoadedParts
    solver = way(stochastic(objective, rate=1e3))
    theta = initial_theta(objective)
    solution, monitor = run(solver, cut(objective, 3, kind), theta, 40)
    assert monitor.n_recoveries > 0
    assert np.isfinite(solution.theta).all()
    assert monitor.best_value < objective.value(theta)


def test_the_schedule_goes_on_from_epoch_to_epoch():
    objective = ridge_problem()
    solver = Rounds(stochastic(objective, schedule="annealing"))
    _, monitor = run(solver, cut(objective, 3), initial_theta(objective), 6)
    rates = np.array(monitor.history.rates)
    np.testing.assert_allclose(rates, rates[0] / (1.0 + np.arange(6) / 5.0))


def test_a_state_is_continued():
    objective = ridge_problem()
    solver = Rounds(stochastic(objective, rule=Momentum(0.5)))
    parts = cut(objective, 3)
    first, _ = run(solver, parts, initial_theta(objective), 2)
    before = [one.copy() for one in first.state.memory]
    second, _ = run(solver, parts, first.theta, 2, state=first.state)
    assert second.n_presented == 2 * first.n_presented
    np.testing.assert_array_equal(before, first.state.memory)
    state = replace(first.state, memory=[])
    anew, _ = run(solver, parts, first.theta, 2, state=state)
    assert not np.array_equal(anew.theta, second.theta)
