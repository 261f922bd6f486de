"""Epochs of gradient descent: rates, batches, order, and the state between calls."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from sk_effprop.core.losses import SquaredError
from sk_effprop.core.presentation import interleaved_order
from sk_effprop.core.rates import Rates
from sk_effprop.core.schedules import Progress
from sk_effprop.core.state import StochasticState
from tests.cases import (
    PROBLEM_PARAMS,
    STOCHASTIC_PARAMS,
    initial_theta,
    logistic_problem,
    make_monitor,
    ridge_problem,
    stochastic,
    tanh_problem,
)
from tests.solvers.running import run

# ---------------------------------------------------------------------- rates and state


def test_a_cosine_falls_once_in_every_call():
    """A warm start begins with the full rate again, not with what was left."""
    objective = ridge_problem()
    solver, theta = stochastic(objective, schedule="cosine"), initial_theta(objective)
    solution, first = run(solver, objective, theta, 6)
    _, second = run(solver, objective, solution.theta, 6, state=solution.state)
    assert first.history.rates == second.history.rates
    assert first.history.rates[0] == solver.find_rates.eta


def test_a_cosine_that_stalls_jumps_to_its_last_part():
    """Training does not end in the middle of the noise of the full rate."""
    objective = ridge_problem()
    solver = stochastic(objective, schedule="cosine", rate=0.2)
    theta = initial_theta(objective)
    _, monitor = run(solver, objective, theta, 20, tol=0.05, patience=2)
    steps = np.diff(monitor.history.rates) / solver.find_rates.eta
    assert steps.min() < -0.3
    assert monitor.history.rates[-1] < 0.5 * solver.find_rates.eta


@pytest.mark.parametrize("problem", PROBLEM_PARAMS)
@pytest.mark.parametrize("build", STOCHASTIC_PARAMS)
def test_two_calls_with_the_state_equal_one(build, problem):
    """Bit for bit on a stream: momentum, moments, schedule, batch size, flow go on."""
    objective = problem()
    solver, theta = build(objective), initial_theta(objective)
    on_a_stream = replace(solver.find_rates, follows_stream=True)
    solver = replace(solver, find_rates=on_a_stream)
    if solver.schedule == "cosine":
        # which has one fall a call, see the next test
        solver = replace(solver, schedule="annealing")
    whole, _ = run(solver, objective, theta, 6)
    rng = np.random.default_rng(0)
    half, _ = run(solver, objective, theta, 3, rng=rng)
    rest, _ = run(solver, objective, half.theta, 3, rng=rng, state=half.state)
    np.testing.assert_array_equal(rest.theta, whole.theta)
    assert rest.state.progress == whole.state.progress


@pytest.mark.parametrize("build", STOCHASTIC_PARAMS)
def test_a_state_can_be_handed_in_twice(build):
    """State is a value: whoever keeps it can go on from there again."""
    objective = tanh_problem()
    solver = build(objective)
    half, _ = run(solver, objective, initial_theta(objective), 3)
    first, second = (
        run(solver, objective, half.theta, 3, state=half.state)[0] for _ in range(2)
    )
    np.testing.assert_array_equal(second.theta, first.theta)


@pytest.mark.parametrize("build", STOCHASTIC_PARAMS)
def test_a_state_survives_pickling(build):
    objective = tanh_problem()
    solver = build(objective)
    half, _ = run(solver, objective, initial_theta(objective), 3)
    pickled = pickle.loads(pickle.dumps(half.state))
    first, second = (
        run(solver, objective, half.theta, 3, state=state)[0]
        for state in (half.state, pickled)
    )
    np.testing.assert_array_equal(second.theta, first.theta)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [0.05] * 4),
        ("annealing", [0.05 / (1 + t / 5) for t in range(4)]),
        ("invscaling", [0.05 / np.sqrt(1 + 40 * t) for t in range(4)]),
        ("cosine", [0.05] * 4),
    ],
)
def test_the_schedule_sets_the_rate_of_every_epoch(schedule, expected):
    objective = logistic_problem()
    solver = stochastic(objective, schedule=schedule)
    _, monitor = run(solver, objective, initial_theta(objective), 4)
    np.testing.assert_allclose(monitor.history.rates, expected)


def test_adaptive_divides_the_rate_by_five_until_that_is_pointless():
    objective = ridge_problem()
    solver = stochastic(objective, schedule="adaptive")
    theta = initial_theta(objective)
    solution, monitor = run(solver, objective, theta, 1000, tol=1e-3, patience=3)
    assert monitor.reason == "stalled"
    assert solution.state.progress.n_stalls == 9
    factors = np.array(monitor.history.rates[1:]) / monitor.history.rates[:-1]
    np.testing.assert_allclose(np.unique(factors.round(12)), [0.2, 1.0])
    assert monitor.history.rates[-1] == pytest.approx(0.05 / 5**9)


def test_other_schedules_stop_where_they_stall():
    objective = ridge_problem()
    solver = stochastic(objective)
    theta = initial_theta(objective)
    _, monitor = run(solver, objective, theta, 1000, tol=1e-3, patience=3)
    assert monitor.reason == "stalled"
    assert set(monitor.history.rates) == {0.05}


def test_flow_lowers_the_rate_as_the_minimum_comes_near():
    objective = ridge_problem()
    solver = stochastic(objective, schedule="flow", flow_rates=(0.5, 0.3, 0.05))
    _, monitor = run(solver, objective, initial_theta(objective), 50)
    assert monitor.history.rates[0] == 0.05
    assert 0.0 < monitor.history.rates[-1] < 0.2 * max(monitor.history.rates)


# -------------------------------------------------------------------- batches and order


class RecordingLoss(SquaredError):
    """Notes the targets of every batch."""

    seen: list[np.ndarray] = []  # noqa: RUF012 - a fresh one for each test that looks

    def gradient(self, outputs, targets, out):
        self.seen.append(targets.copy())
        super().gradient(outputs, targets, out)


def sizes_of_batches(solver, n_epochs, monkeypatch, state=None):
    """How many examples each step was made of; 30 an epoch."""
    monkeypatch.setattr(RecordingLoss, "seen", [])
    objective = replace(ridge_problem(), loss=RecordingLoss())
    run(solver, objective, initial_theta(objective), n_epochs, state=state)
    return [len(targets) for targets in RecordingLoss.seen]


def test_the_batch_size_grows_up_to_all_examples(monkeypatch):
    solver = stochastic(ridge_problem(), batch_size=10, batch_growth=1.5)
    sizes = sizes_of_batches(solver, 5, monkeypatch)
    assert sizes == [10, 10, 10, 15, 15, 22, 8, 30, 30]


def test_the_batch_size_can_grow_for_thousands_of_epochs(monkeypatch):
    solver = stochastic(ridge_problem(), batch_growth=2.0)
    rates = Rates(0.05, solver.find_rates.scaling, rule=solver.find_rates)
    progress = Progress(epoch=5000, n_presented=5000 * 30)
    late = StochasticState(progress, rates, [], initial_rates=rates)
    assert sizes_of_batches(solver, 1, monkeypatch, state=late) == [30]


def test_emphasis_shows_more_often_what_was_wrong_when_last_shown(monkeypatch):
    """After a first epoch with everything once; a rate of zero keeps the errors."""
    monkeypatch.setattr(RecordingLoss, "seen", [])
    objective = replace(ridge_problem(weighted=True), loss=RecordingLoss())
    theta = initial_theta(objective)
    solver = stochastic(objective, emphasis=1.0, rate=0.0)
    run(solver, objective, theta, 101)
    shown = np.vstack(RecordingLoss.seen)[:, 0]
    targets = objective.targets[:, 0]
    np.testing.assert_array_equal(np.sort(shown[:30]), np.sort(targets))
    times = np.array([np.sum(shown[30:] == target) for target in targets])
    losses = objective.sample_losses(theta)
    # but for the outliers, in proportion to the error
    usual = losses <= np.quantile(losses, 0.9)
    assert np.corrcoef(times[usual], losses[usual])[0, 1] > 0.95


@pytest.mark.parametrize("emphasis", [0.5, 1.0])
def test_emphasis_trains_too(emphasis):
    objective = tanh_problem()
    theta = initial_theta(objective)
    solver = stochastic(objective, emphasis=emphasis)
    _, monitor = run(solver, objective, theta, 50)
    assert monitor.best_value < 0.5 * objective.value(theta)


def test_emphasis_keeps_the_best_of_the_weights_it_meets():
    """The mean over an epoch that shows some examples again tells nothing of E."""
    objective = tanh_problem()
    theta = initial_theta(objective)
    for seed in range(5):
        monitor, met = make_monitor(objective, theta, 20), [objective.value(theta)]
        monitor.watchers.append(lambda m, met=met: met.append(objective.value(m.theta)))
        solver = stochastic(objective, emphasis=1.0, rate=0.3, schedule="cosine")
        rng = np.random.default_rng(seed)
        solver.solve(objective, theta, state=None, rng=rng, monitor=monitor)
        assert monitor.best_value == min(met)
        assert monitor.loss_curve == met[1:]


def test_the_order_sees_the_labels():
    objective = logistic_problem()
    seen = []

    def order(rng, n, labels):
        seen.append(labels)
        return interleaved_order(rng, n, labels)

    solver = stochastic(objective, order=order)
    run(solver, objective, initial_theta(objective), 2)
    assert len(seen) == 2
    assert all(labels is objective.labels for labels in seen)
