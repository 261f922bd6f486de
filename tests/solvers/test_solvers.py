import pickle
from dataclasses import FrozenInstanceError, replace
from functools import cache

import numpy as np
import pytest

from sk_effprop.core.activations import ACTIVATIONS, IDENTITY
from sk_effprop.core.losses import SquaredError
from sk_effprop.core.network import Network
from sk_effprop.core.presentation import interleaved_order, sequential_order
from sk_effprop.core.rates import Rates
from sk_effprop.core.schedules import Progress
from sk_effprop.core.steps import Adam, Momentum
from sk_effprop.solvers import LBFGS, SOLVERS
from sk_effprop.solvers.stochastic import StochasticState
from tests.cases import (
    ALL_SOLVERS,
    BATCH_PARAMS,
    PROBLEM_PARAMS,
    SOLVER_PARAMS,
    STOCHASTIC_PARAMS,
    initial_theta,
    logistic_problem,
    make_monitor,
    on_engine,
    ridge_problem,
    ridge_solution,
    stochastic,
    tanh_problem,
)


def run(solver, objective, theta, n_epochs, *, state=None, rng=0, **settings):
    """Solve, with a monitor of its own; return the solution and the monitor."""
    monitor = make_monitor(objective, theta, n_epochs, **settings)
    rng = np.random.default_rng(rng) if isinstance(rng, int) else rng
    solution = solver.solve(objective, theta, state=state, rng=rng, monitor=monitor)
    return solution, monitor


@cache
def optimum(problem):
    """The least value of a problem's objective."""
    objective = problem()
    solver = LBFGS(max_fun=5000, gradient_tolerance=1e-8)
    return run(solver, objective, initial_theta(objective), 200)[1].best_value


# ------------------------------------------------------------- every solver and problem


@pytest.mark.parametrize("problem", PROBLEM_PARAMS)
@pytest.mark.parametrize("build", SOLVER_PARAMS)
def test_walks_downhill_from_a_theta_that_it_leaves_alone(build, problem):
    objective = problem()
    theta = initial_theta(objective)
    before = theta.copy()
    solution, monitor = run(build(objective), objective, theta, 20)
    np.testing.assert_array_equal(theta, before)
    assert solution.theta.shape == theta.shape
    assert solution.theta.dtype == theta.dtype
    start, end = objective.value(theta), objective.value(solution.theta)
    assert end - optimum(problem) < 0.5 * (start - optimum(problem))
    assert monitor.best_value <= end
    assert monitor.best_value == objective.value(monitor.best_theta)


@pytest.mark.parametrize("problem", PROBLEM_PARAMS)
@pytest.mark.parametrize("build", SOLVER_PARAMS)
def test_the_seed_decides_everything(build, problem):
    objective = problem()
    theta, solver = initial_theta(objective), build(objective)
    first, second = (run(solver, objective, theta, 3)[0].theta for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("build", SOLVER_PARAMS)
def test_single_precision_stays_single(build):
    double = tanh_problem()
    objective = replace(
        double,
        inputs=double.inputs.astype(np.float32),
        targets=double.targets.astype(np.float32),
        sample_weight=double.sample_weight.astype(np.float32),
    )
    theta = initial_theta(double).astype(np.float32)
    solution, _ = run(build(objective), objective, theta, 5)
    assert solution.theta.dtype == np.float32
    assert double.value(solution.theta) < double.value(theta)


@pytest.mark.parametrize("build", SOLVER_PARAMS)
def test_solvers_are_immutable(build):
    solver = build(ridge_problem())
    name = next(iter(vars(solver)))
    with pytest.raises(FrozenInstanceError):
        setattr(solver, name, None)


def test_every_registered_solver_is_among_the_cases():
    assert {name for name in SOLVERS} <= {name.split("_")[0] for name in ALL_SOLVERS}


@pytest.mark.parametrize("weighted", [False, True], ids=["even", "weighted"])
@pytest.mark.parametrize("build", BATCH_PARAMS)
def test_batch_solvers_reach_the_closed_form_of_ridge_regression(build, weighted):
    objective = ridge_problem(weighted=weighted)
    theta = initial_theta(objective)
    solution, monitor = run(build(objective), objective, theta, 500)
    assert solution.message in ("converged", "precision")
    assert monitor.reason == ""
    np.testing.assert_allclose(solution.theta, ridge_solution(objective), atol=1e-7)


@pytest.mark.parametrize("build", BATCH_PARAMS)
def test_batch_solvers_stop_when_the_monitor_says_so(build):
    objective = tanh_problem()
    theta = initial_theta(objective)
    solution, monitor = run(build(objective), objective, theta, 4)
    assert (monitor.n_iter, monitor.reason) == (4, "max_iter")
    assert solution.message == ""
    # entries are the objective after each iteration, and the last is where it ended
    assert monitor.loss_curve[-1] == objective.value(solution.theta)
    assert monitor.loss_curve == sorted(monitor.loss_curve, reverse=True)


def test_lbfgs_counts_evaluations():
    objective = tanh_problem()
    solver = LBFGS(max_fun=5, gradient_tolerance=1e-10)
    solution, monitor = run(solver, objective, initial_theta(objective), 500)
    assert monitor.n_iter <= 6
    assert monitor.reason == ""
    assert solution.message == "max_fun"


# -------------------------------------------------------- stochastic: the fixed points


@pytest.mark.parametrize("weighted", [False, True], ids=["even", "weighted"])
@pytest.mark.parametrize(
    ("batch_size", "rate", "n_epochs", "tolerance"),
    [(1, 0.05, 600, 0.02), (7, 0.2, 400, 0.02), (30, 0.5, 100, 1e-6)],
)
def test_annealing_reaches_the_closed_form_at_every_batch_size(
    batch_size, rate, n_epochs, tolerance, weighted
):
    """The minimiser, penalty included, does not depend on the batch size."""
    objective = ridge_problem(weighted=weighted)
    # the full batch needs no annealing
    tau = np.inf if batch_size == 30 else 5.0
    solver = stochastic(objective, batch_size=batch_size, rate=rate)
    settings = solver.settings._replace(annealing_tau=tau)
    solver = replace(solver, schedule="annealing", settings=settings)
    theta = initial_theta(objective)
    solution, _ = run(solver, objective, theta, n_epochs)
    np.testing.assert_allclose(
        solution.theta, ridge_solution(objective), atol=tolerance
    )


def test_zero_rate_moves_nothing():
    objective = tanh_problem()
    theta = initial_theta(objective)
    for rule in (Momentum(), Momentum(0.9, nesterov=True), Adam()):
        solver = stochastic(objective, rule=rule, rate=0.0, batch_size=7)
        solution, monitor = run(solver, objective, theta, 2)
        np.testing.assert_array_equal(solution.theta, theta)
        # what is seen on the way is then E itself
        np.testing.assert_allclose(monitor.loss_curve, objective.value(theta))


# ---------------------------------------------------------- stochastic: textbook loops


def free_problem():
    """Neither weights nor penalty."""
    objective = tanh_problem()
    none = np.zeros_like(objective.penalty)
    return replace(objective, penalty=none, sample_weight=None)


def batches(n, batch_size):
    return [
        np.arange(start, min(start + batch_size, n))
        for start in range(0, n, batch_size)
    ]


def textbook_momentum(theta, gradients, rates, momentum, *, nesterov):
    """Sutskever's Nesterov, in the shifted variable that everyone keeps."""
    velocity = np.zeros_like(theta)
    for gradient, rate in zip(gradients, rates, strict=True):
        step = rate * gradient(theta)
        velocity = momentum * velocity - step
        theta = theta + (momentum * velocity - step if nesterov else velocity)
    return theta


def textbook_adam(theta, gradients, rates, rule):
    """Kingma and Ba, the faster form at the end of their section 2."""
    m, v = np.zeros_like(theta), np.zeros_like(theta)
    for t, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), start=1):
        g = gradient(theta)
        m = rule.beta_1 * m + (1 - rule.beta_1) * g
        v = rule.beta_2 * v + (1 - rule.beta_2) * g**2
        corrected_rate = rate * np.sqrt(1 - rule.beta_2**t) / (1 - rule.beta_1**t)
        theta = theta - corrected_rate * m / (np.sqrt(v) + rule.epsilon)
    return theta


@pytest.mark.parametrize("problem", [ridge_problem, tanh_problem, free_problem])
@pytest.mark.parametrize("batch_size", [1, 7, 20, 1000])
@pytest.mark.parametrize(
    "rule",
    [Momentum(), Momentum(0.7), Momentum(0.7, nesterov=True), Adam(0.8, 0.99, 1e-6)],
    ids=["plain", "momentum", "nesterov", "adam"],
)
def test_steps_are_the_textbooks(rule, batch_size, problem):
    """With factors per layer, weights, penalty, and a smaller last batch's share."""
    objective = problem()
    n, n_epochs, rate = objective.n_samples, 3, 0.03
    factors = objective.network.per_layer(lambda fan_in, fan_out: 2.0 / fan_in)
    solver = stochastic(
        objective,
        rule=rule,
        rate=rate,
        scaling=factors,
        batch_size=batch_size,
        order=sequential_order,
    )
    theta = initial_theta(objective)
    solution, _ = run(solver, objective, theta, n_epochs)

    rows = batches(n, min(batch_size, n)) * n_epochs
    gradients = [
        lambda theta, r=r: objective.subset(r).value_and_gradient(theta)[1]
        for r in rows
    ]
    rates = [rate * factors * len(r) / min(batch_size, n) for r in rows]
    if isinstance(rule, Adam):
        expected = textbook_adam(theta, gradients, rates, rule)
    else:
        expected = textbook_momentum(
            theta, gradients, rates, rule.momentum, nesterov=rule.nesterov
        )
    np.testing.assert_allclose(solution.theta, expected, rtol=1e-9, atol=1e-11)


def test_layers_without_a_rate_stay():
    """Factors act layer by layer."""
    objective = tanh_problem()
    theta = initial_theta(objective)
    factors = objective.network.per_layer(lambda fan_in, fan_out: float(fan_in == 2))
    for rule in (Momentum(), Momentum(0.5), Adam()):
        solver = stochastic(objective, rule=rule, scaling=factors, batch_size=7)
        solution, _ = run(solver, objective, theta, 1)
        first, last = objective.network.layers(solution.theta - theta)
        assert (first != 0.0).all()
        assert not last.any()


def test_plain_steps_do_not_depend_on_the_way_they_are_written(monkeypatch):
    """The path without a collected gradient, and the general one."""
    objective = tanh_problem()
    theta = initial_theta(objective)
    solver = stochastic(objective, batch_size=7)
    plain, _ = run(solver, objective, theta, 3)
    monkeypatch.setattr(Momentum, "is_plain", False)
    general, _ = run(solver, objective, theta, 3)
    np.testing.assert_allclose(general.theta, plain.theta, rtol=1e-10, atol=1e-13)


def test_blocks_of_shown_examples_do_not_change_anything(monkeypatch):
    objective = tanh_problem()
    theta = initial_theta(objective)
    solver = stochastic(objective, batch_size=3)
    expected, _ = run(solver, objective, theta, 2)
    monkeypatch.setattr("sk_effprop.core.descent.COPIED_NUMBERS", 25)
    got, _ = run(solver, objective, theta, 2)
    np.testing.assert_array_equal(got.theta, expected.theta)


# -------------------------------------------------- stochastic: epochs, rates and state


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
    """Bit for bit: momentum, moments, schedule, batch size and flow go on."""
    objective = problem()
    solver, theta = build(objective), initial_theta(objective)
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


def test_flow_lowers_the_rate_as_the_minimum_comes_near():
    objective = ridge_problem()
    solver = stochastic(objective, schedule="flow", flow_rates=(0.5, 0.3, 0.05))
    _, monitor = run(solver, objective, initial_theta(objective), 50)
    assert monitor.history.rates[0] == 0.05
    assert 0.0 < monitor.history.rates[-1] < 0.2 * max(monitor.history.rates)


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


# ------------------------------------------------------------------------- divergence


@pytest.mark.parametrize("problem", PROBLEM_PARAMS)
@pytest.mark.parametrize(
    ("rule", "batch_size"),
    [(Momentum(), 1), (Momentum(0.9), 7), (Momentum(0.9, nesterov=True), 10**6)],
    ids=["plain", "momentum", "nesterov_full"],
)
def test_an_absurd_rate_is_halved_until_training_recovers(problem, rule, batch_size):
    objective = problem()
    theta = initial_theta(objective)
    solver = stochastic(objective, rule=rule, rate=1e4, batch_size=batch_size)
    solution, monitor = run(solver, objective, theta, 60)
    assert monitor.n_recoveries == solution.state.halvings > 5
    assert monitor.reason == "max_iter"
    assert np.isfinite(monitor.best_theta).all()
    best, start = optimum(problem), objective.value(theta)
    assert monitor.best_value - best < 0.9 * (start - best)
    expected = 1e4 * 0.5 ** np.arange(monitor.n_recoveries + 1)
    np.testing.assert_allclose(np.unique(monitor.history.rates)[::-1], expected)


def test_a_hopeless_rate_ends_with_the_weights_it_started_from():
    objective = ridge_problem()
    theta = initial_theta(objective)
    _, monitor = run(stochastic(objective, rate=1e300), objective, theta, 100)
    assert monitor.reason == "diverged"
    assert monitor.n_recoveries == 30
    np.testing.assert_array_equal(monitor.best_theta, theta)
    assert monitor.best_value == objective.value(theta)


def test_flow_starts_again_after_a_divergence():
    objective = ridge_problem()
    theta = initial_theta(objective)
    _, monitor = run(
        stochastic(objective, schedule="flow", rate=1e3), objective, theta, 60
    )
    assert monitor.n_recoveries > 0
    assert np.isfinite(monitor.history.rates).all()
    assert monitor.best_value < 0.9 * objective.value(theta)


def test_a_network_without_hidden_units_of_any_use_still_trains():
    """All-zero weights of a deep net are a saddle that biases can leave."""
    objective = tanh_problem()
    network = Network((2, 5, 1), (ACTIVATIONS["tanh"], IDENTITY))
    objective = replace(objective, network=network, targets=objective.targets + 3.0)
    theta = np.zeros(network.n_weights)
    solution, _ = run(stochastic(objective), objective, theta, 20)
    assert objective.value(solution.theta) < 0.2 * objective.value(theta)


# --------------------------------------------------------------------------- averaging


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_averaging_is_a_mean_in_which_later_epochs_count_more(engine):
    """In proportion to k (k + 1) (k + 2), of the same weights as without it."""
    objective = on_engine(engine, tanh_problem())
    theta = initial_theta(objective)
    seen = {False: [], True: []}
    for averaging, found in seen.items():
        solver = stochastic(objective)
        solver = replace(solver, averaging=averaging)
        monitor = make_monitor(objective, theta, 7)
        monitor.watchers.append(lambda m, found=found: found.append(m.theta.copy()))
        rng = np.random.default_rng(0)
        solver.solve(objective, theta, state=None, rng=rng, monitor=monitor)
    for n in range(1, 8):
        k = np.arange(1, n + 1)
        expected = np.average(seen[False][:n], axis=0, weights=k * (k + 1) * (k + 2))
        np.testing.assert_allclose(seen[True][n - 1], expected, rtol=1e-12, atol=1e-14)


def test_averaging_takes_out_the_noise_of_a_constant_rate():
    """Less than half of what the last weights are above the minimum is left."""
    objective = ridge_problem()
    excess = []
    for averaging in (False, True):
        solver = replace(stochastic(objective, rate=0.1), averaging=averaging)
        _, monitor = run(solver, objective, initial_theta(objective), 60)
        excess.append(objective.value(monitor.theta) - optimum(ridge_problem))
    assert 0.0 < excess[1] < 0.5 * excess[0]


def test_averaging_starts_again_after_divergence():
    """Weights that ran away are no part of the mean."""
    objective = logistic_problem()
    solver = replace(stochastic(objective, rate=1e4), averaging=True)
    _, monitor = run(solver, objective, initial_theta(objective), 30)
    assert monitor.n_recoveries > 0
    assert np.isfinite(monitor.best_theta).all()
    assert monitor.best_value < objective.value(initial_theta(objective))
