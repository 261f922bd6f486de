"""Stochastic diagonal Levenberg-Marquardt, eqs. (61)-(62), against slow versions."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from sk_effprop.core.activations import IDENTITY
from sk_effprop.core.curvature import Linearization
from sk_effprop.core.inputs import with_ones
from sk_effprop.core.losses import SquaredError
from sk_effprop.core.network import Network
from sk_effprop.core.objective import Objective
from sk_effprop.core.presentation import sequential_order
from sk_effprop.core.rates import RateRule
from sk_effprop.core.schedules import Progress
from sk_effprop.core.state import StochasticState
from sk_effprop.core.steps import Momentum
from tests import reference
from tests.cases import (
    ALL_ACTIVATIONS,
    ALL_LOSSES,
    MAIN_LOSS_PARAMS,
    initial_theta,
    make_monitor,
    make_problem,
    stochastic,
    tanh_problem,
)

# more than there are
ALL = 10**6


def solver_for(
    objective,
    *,
    eta=0.02,
    mu=0.1,
    samples=ALL,
    period=np.inf,
    batch_size=1,
    scaling=None,
    **changes,
):
    """Sdlm that presents the examples in their order."""
    if scaling is None:
        scaling = np.ones(objective.network.n_weights)
    rule = RateRule(
        scaling, eta, batch_size, diagonal_samples=samples, damping=mu, period=period
    )
    return stochastic(
        objective,
        rate_rule=rule,
        batch_size=batch_size,
        order=sequential_order,
        **changes,
    )


def measured(solver, objective, theta):
    """The rates that the solver finds at these weights."""
    return solver.find_rates(objective, theta, np.random.default_rng(0))


def state_with(rates, solver, theta):
    """A state before the first epoch, with rates that few examples do not change."""
    rates = rates._replace(n_patterns=np.inf)
    return StochasticState(
        Progress(), rates, solver.rule.start(theta), initial_rates=rates
    )


def run(solver, objective, theta, n_epochs, state=None):
    monitor = make_monitor(objective, theta, n_epochs)
    rng = np.random.default_rng(0)
    return solver.solve(objective, theta, state=state, rng=rng, monitor=monitor)


def diagonal(objective, theta, rows=None):
    """Diagonal of the mean over some patterns, with weights and penalty."""
    some = objective if rows is None else objective.subset(rows)
    return Linearization(some, theta).diagonal()


def gradient(objective, theta, rows):
    return objective.subset(rows).value_and_gradient(theta)[1]


def batches(n, batch_size):
    batch_size = min(n, batch_size)
    return [np.arange(s, min(s + batch_size, n)) for s in range(0, n, batch_size)]


def net(loss="squared_error_1", hidden=(4,), **settings):
    activation = ALL_ACTIVATIONS["lecun_tanh"]
    loss = ALL_LOSSES[loss] if isinstance(loss, str) else loss
    return make_problem(hidden, activation, loss, **settings)[0]


# ---------------------------------------------------------------------------- the step


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_the_first_step_is_the_gradient_over_curvature_and_damping(batch_size):
    """Eq. (61), from loops and differences of outputs; one hidden layer is exact."""
    objective = net(n=20, weighted=False)
    theta = initial_theta(objective)
    patterns = reference.pattern_gauss_newton(objective, theta)
    h = np.diag(patterns.mean(axis=0)) + objective.penalty
    solver = solver_for(objective, eta=0.02, mu=0.1, batch_size=batch_size)
    # one batch is all that is presented
    batch = objective.subset(batches(20, batch_size)[0])
    state = state_with(measured(solver, objective, theta), solver, theta)
    solver = replace(solver, batch_size=len(batch.targets))
    solution = run(solver, batch, theta, 1, state)
    _, g = reference.value_and_gradient(batch, theta)
    expected = theta - 0.02 / (h + 0.1) * g
    np.testing.assert_allclose(solution.theta, expected, rtol=1e-7, atol=1e-9)
    assert h.max() > 10.0 * h.min()


@pytest.mark.parametrize("period", [1, 2, np.inf])
@pytest.mark.parametrize("momentum", [0.0, 0.6])
@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_epochs_are_the_textbooks(batch_size, momentum, period):
    """With factors per layer, momentum, and a smaller last batch's share.

    The diagonal is measured again before every so many epochs.
    """
    objective = tanh_problem()
    scaling = objective.network.per_layer(lambda fan_in, fan_out: 2.0 / fan_in)
    solver = solver_for(
        objective,
        period=period,
        batch_size=batch_size,
        scaling=scaling,
        rule=Momentum(momentum),
    )
    start = initial_theta(objective)
    theta, velocity, n = start, np.zeros_like(start), objective.n_samples
    for epoch in range(4):
        if epoch == 0 or epoch % period == 0:
            h = diagonal(objective, theta)
        for rows in batches(n, batch_size):
            share = len(rows) / min(n, batch_size)
            rates = share * 0.02 * scaling / (h + 0.1)
            velocity = momentum * velocity - rates * gradient(objective, theta, rows)
            theta = theta + velocity
    solution = run(solver, objective, start, 4)
    np.testing.assert_allclose(solution.theta, theta, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(solution.state.rates.curvature.h, h, rtol=1e-9)


# ----------------------------------------------------------------- the running estimate


def slow_running_estimate(objective, theta, n_epochs, gamma, batch_size, momentum=0.0):
    """Theta and h after eq. (62), h before every step from the weights before it."""
    h, velocity = diagonal(objective, theta), np.zeros_like(theta)
    n = objective.n_samples
    for _ in range(n_epochs):
        for rows in batches(n, batch_size):
            keep = (1.0 - gamma) ** len(rows)
            h = keep * h + (1.0 - keep) * diagonal(objective, theta, rows)
            share = len(rows) / min(n, batch_size)
            step = share * 0.02 / (h + 0.1) * gradient(objective, theta, rows)
            velocity = momentum * velocity - step
            theta = theta + velocity
    return theta, h


@pytest.mark.parametrize("gamma", [0.01, 0.3])
@pytest.mark.parametrize("loss", MAIN_LOSS_PARAMS)
@pytest.mark.parametrize("hidden", [(), (4,), (4, 3)], ids=["depth0", "1", "2"])
def test_the_curvature_is_a_running_mean_over_patterns(hidden, loss, gamma):
    """Weights and penalty included; it goes on in the next epoch."""
    objective = net(loss, hidden)
    theta = initial_theta(objective)
    solution = run(
        solver_for(objective, curvature_decay=gamma), objective, theta, n_epochs=2
    )
    expected, h = slow_running_estimate(objective, theta, 2, gamma, batch_size=1)
    np.testing.assert_allclose(solution.state.rates.curvature.h, h, rtol=1e-9)
    np.testing.assert_allclose(solution.theta, expected, rtol=1e-9, atol=1e-11)
    assert np.max(np.abs(h / diagonal(objective, theta) - 1.0)) > 1e-3


@pytest.mark.parametrize("n_patterns", [1, 5])
def test_the_running_mean_after_so_many_patterns(n_patterns):
    """In closed form: the first h keeps (1 - gamma)^k, later patterns weigh more."""
    objective = net()
    theta = initial_theta(objective)
    # a rate of nearly zero holds the weights
    solver = solver_for(objective, eta=1e-300, curvature_decay=0.2)
    few = objective.subset(np.arange(n_patterns))
    state = state_with(measured(solver, objective, theta), solver, theta)
    h = run(solver, few, theta, 1, state).state.rates.curvature.h
    expected = 0.8**n_patterns * diagonal(objective, theta)
    for k in range(n_patterns):
        one = diagonal(objective, theta, np.array([k]))
        expected = expected + 0.2 * 0.8 ** (n_patterns - 1 - k) * one
    np.testing.assert_allclose(h, expected, rtol=1e-10)


@pytest.mark.parametrize("momentum", [0.0, 0.6])
@pytest.mark.parametrize("batch_size", [5, 7, 1000])
def test_a_batch_counts_as_much_as_its_patterns(batch_size, momentum):
    """A mean of k patterns replaces 1 - (1 - gamma)^k of the estimate."""
    objective = tanh_problem()
    theta = initial_theta(objective)
    solver = solver_for(
        objective,
        batch_size=batch_size,
        curvature_decay=0.05,
        rule=Momentum(momentum),
    )
    solution = run(solver, objective, theta, 3)
    expected, h = slow_running_estimate(objective, theta, 3, 0.05, batch_size, momentum)
    np.testing.assert_allclose(solution.state.rates.curvature.h, h, rtol=1e-9)
    np.testing.assert_allclose(solution.theta, expected, rtol=1e-9, atol=1e-11)


def test_the_running_estimate_leaves_the_state_of_the_caller_alone():
    objective = tanh_problem()
    theta = initial_theta(objective)
    solver = solver_for(objective, curvature_decay=0.05)
    state = state_with(measured(solver, objective, theta), solver, theta)
    before = state.rates.curvature.h.copy()
    run(solver, objective, theta, 2, state)
    np.testing.assert_array_equal(state.rates.curvature.h, before)


# ------------------------------------------------------------------ when it is measured


@dataclass(frozen=True)
class Recording(RateRule):
    """Remembers the weights of every measurement."""

    seen: list = field(default_factory=list)

    def __call__(self, objective, theta, rng, earlier=None):
        self.seen.append(theta.copy())
        return super().__call__(objective, theta, rng, earlier)


def measured_at(period, n_epochs, **settings):
    """The state after so many epochs of 40, and the weights at later measurements."""
    objective = tanh_problem()
    solver = solver_for(objective, period=period, **settings)
    rule = Recording(**vars(solver.find_rates))
    solver = replace(solver, find_rates=rule)
    state = run(solver, objective, initial_theta(objective), n_epochs).state
    return state, rule.seen[1:]


def test_without_decay_and_period_the_rates_never_change():
    objective = tanh_problem()
    solver = solver_for(objective)
    first = measured(solver, objective, initial_theta(objective))
    state, seen = measured_at(np.inf, 10)
    assert seen == []
    np.testing.assert_array_equal(state.rates.factors, first.factors)
    assert state.rates.eta == first.eta
    assert state.measured_at == 0


@pytest.mark.parametrize(("period", "expected"), [(1, 5), (2, 2), (5, 1), (6, 0)])
def test_rates_are_measured_before_every_so_many_epochs(period, expected):
    """Before the epochs, of which there are six, but for the first."""
    state, seen = measured_at(period, 6)
    assert len(seen) == expected
    assert state.measured_at == expected * period * 40
    assert len({theta.tobytes() for theta in seen}) == expected


@pytest.mark.parametrize("batch_size", [1, 10])
def test_rates_are_measured_in_the_middle_of_epochs(batch_size):
    """They are measured when the number of examples has doubled, from 250 on."""
    n_seen = [
        (len(seen), state.measured_at)
        for n_epochs in (6, 7, 12, 13, 26)
        for state, seen in [measured_at(None, n_epochs, batch_size=batch_size)]
    ]
    assert n_seen == [(0, 0), (1, 250), (1, 250), (2, 500), (3, 1000)]


def test_measuring_in_the_middle_of_epochs_splits_no_batch():
    state, _ = measured_at(None, 7, batch_size=9)
    # six epochs of 40, and batches of 9
    assert state.measured_at == 240 + 18


# ----------------------------------------------------------------------- what it is not


@pytest.mark.parametrize("gamma", [0.0, 0.5])
def test_duplicated_data_change_nothing(gamma):
    """The curvature is a mean over patterns, not a sum."""
    objective = tanh_problem()
    theta, n = initial_theta(objective), objective.n_samples
    twice = objective.subset(np.tile(np.arange(n), 2))
    once, doubled = (
        run(solver_for(o, period=2, batch_size=ALL, curvature_decay=gamma), o, theta, 3)
        for o in (objective, twice)
    )
    np.testing.assert_allclose(
        doubled.state.rates.curvature.h, once.state.rates.curvature.h, rtol=1e-9
    )
    np.testing.assert_allclose(doubled.theta, once.theta, rtol=1e-9)


def test_it_is_not_a_squared_gradient():
    """Targets that are met have curvature without gradients; h differs by weight."""
    objective = net(alpha=0.0)
    theta = initial_theta(objective)
    outputs = reference.outputs_of(objective.network, theta, objective.inputs[:, :-1])
    met = replace(objective, targets=outputs)
    solver = solver_for(met, curvature_decay=0.3)
    h = measured(solver, met, theta).curvature.h
    solution = run(solver, met, theta, 1)
    np.testing.assert_allclose(solution.theta, theta, rtol=0, atol=1e-12)
    for curvature in (h, solution.state.rates.curvature.h):
        assert np.all(curvature > 0.0)
        assert len(np.unique(curvature.round(9))) == len(theta)


def test_the_penalty_adds_to_the_curvature():
    """By alpha for every weight and not for biases, measured or running."""
    free, penalised = net(alpha=0.0), net(alpha=0.7)
    theta = initial_theta(free)
    for gamma in (0.0, 0.3):
        without, with_penalty = (
            run(solver_for(o, eta=1e-300, curvature_decay=gamma), o, theta, 2)
            for o in (free, penalised)
        )
        difference = (
            with_penalty.state.rates.curvature.h - without.state.rates.curvature.h
        )
        np.testing.assert_allclose(difference, penalised.penalty, atol=1e-9)
    assert sorted(set(penalised.penalty)) == [0.0, 0.7]


# -------------------------------------------------------------------------- soundness


@pytest.mark.parametrize("gamma", [0.0, 0.1])
@pytest.mark.parametrize("eta", [None, 0.01], ids=["auto", "given"])
@pytest.mark.parametrize("scale", [0.0, 1.0, 50.0], ids=["zero", "usual", "saturated"])
@pytest.mark.parametrize("loss", MAIN_LOSS_PARAMS)
def test_curvature_is_not_negative_and_rates_are_positive(loss, scale, eta, gamma):
    objective = net(loss, (4, 3), n=40)
    theta = scale * initial_theta(objective)
    solver = solver_for(objective, eta=eta, mu=None, period=1, curvature_decay=gamma)
    first = measured(solver, objective, theta)
    solution = run(solver, objective, theta, 5)
    assert np.isfinite(solution.theta).all()
    for rates in (first, solution.state.rates):
        assert np.all(rates.curvature.h >= 0.0)
        assert rates.curvature.mu > 0.0
        assert rates.eta > 0.0
        assert np.isfinite(rates.eta * rates.factors).all()
        assert np.all(rates.factors > 0.0)


@pytest.mark.parametrize("gamma", [0.0, 0.1])
@pytest.mark.parametrize("loss", MAIN_LOSS_PARAMS)
def test_inputs_that_are_always_zero_do_not_move_their_weights(loss, gamma):
    """They have no curvature, so their rate is eta / mu, but no gradient either."""
    objective = net(loss, alpha=0.0)
    inputs = objective.inputs.copy()
    inputs[:, 1] = 0.0
    objective = replace(objective, inputs=inputs)
    theta = initial_theta(objective)
    solver = solver_for(objective, eta=0.02, mu=0.05, period=1, curvature_decay=gamma)
    solution = run(solver, objective, theta, 3)
    layers = objective.network.layers
    rates = solution.state.rates
    np.testing.assert_allclose(layers(rates.factors)[0][1], 1.0 / 0.05, rtol=1e-14)
    np.testing.assert_array_equal(layers(solution.theta)[0][1], layers(theta)[0][1])
    others = np.delete(layers(solution.theta - theta)[0], 1, axis=0)
    assert np.all(others != 0.0)


@pytest.mark.parametrize("gamma", [0.0, 0.1])
@pytest.mark.parametrize("eta", [None, 0.02], ids=["auto", "given"])
@pytest.mark.parametrize("loss", MAIN_LOSS_PARAMS)
def test_single_precision_stays_and_is_near_double(loss, eta, gamma):
    double = net(loss, n=40)
    single = replace(
        double,
        inputs=double.inputs.astype(np.float32),
        targets=double.targets.astype(np.float32),
        sample_weight=double.sample_weight.astype(np.float32),
    )
    theta = initial_theta(double)
    solver = solver_for(double, eta=eta, period=1, batch_size=5, curvature_decay=gamma)
    exact, coarse = (
        run(solver, objective, start, 3)
        for objective, start in ((double, theta), (single, theta.astype(np.float32)))
    )
    assert coarse.theta.dtype == np.float32
    assert exact.theta.dtype == np.float64
    np.testing.assert_allclose(coarse.theta, exact.theta, rtol=0.01, atol=1e-3)
    np.testing.assert_allclose(
        coarse.state.rates.curvature.h, exact.state.rates.curvature.h, rtol=0.01
    )


@pytest.mark.parametrize(
    "settings",
    [{"period": None}, {"period": 1}, {"curvature_decay": 0.05}],
    ids=["doubling", "every_epoch", "running"],
)
def test_curvature_of_weights_that_overflowed_is_forgotten(settings):
    """Divergence goes back to weights and rates that are finite, and trains on."""
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(390, 5)), rng.normal(size=(390, 1))
    relu = ALL_ACTIVATIONS["relu"]
    network = Network((5, 5, 5, 1), (relu, relu, IDENTITY))
    none = np.zeros(network.n_weights)
    objective = Objective(network, SquaredError(), with_ones(X), Y, None, none)
    theta = initial_theta(objective)
    solver = solver_for(objective, eta=None, mu=None, samples=100, **settings)
    usual = measured(solver, objective, theta)
    absurd = state_with(usual._replace(eta=1000 * usual.eta), solver, theta)
    solution = run(solver, objective, theta, 40, absurd)
    assert 0 < solution.state.halvings < 15
    assert np.isfinite(solution.state.rates.factors).all()
    assert objective.value(solution.theta) < objective.value(theta)
