from math import sqrt

import numpy as np
import pytest

from sk_effprop.core.flow import Flow


def track(flow, minimum, n_steps, noise, rng, theta):
    """Descend on 1/2 |theta - minimum|^2 with noisy gradients; the rates on the way."""
    rates = []
    for _ in range(n_steps):
        gradient = theta - minimum + noise * rng.normal(size=theta.shape)
        rates.append(flow.update(gradient))
        theta -= rates[-1] * gradient
    return np.array(rates)


def test_flow_anneals_at_a_minimum_and_wakes_up_when_it_moves():
    """Section 4.7: the rate falls among noise, and rises after the minimum jumps."""
    rng, theta = np.random.default_rng(0), np.zeros(4)
    flow = Flow(0.1, (0.05, 0.2, 0.05))
    settled = track(flow, np.zeros(4), 2000, 1.0, rng, theta)
    woken = track(flow, np.full(4, 5.0), 200, 1.0, rng, theta)
    again = track(flow, np.full(4, 5.0), 4000, 1.0, rng, theta)
    assert settled[-200:].mean() < 0.2 * 0.1
    assert woken.max() > 5 * settled[-200:].mean()
    assert np.abs(theta - 5.0).max() < 0.5
    assert again[-200:].mean() < 0.2 * woken.max()
    assert min(settled.min(), woken.min(), again.min()) > 0.0


def test_flow_goes_far_below_the_plateau_that_noise_alone_would_leave():
    """The rule as printed settles at beta sigma sqrt(delta / (2 - delta))."""
    alpha, beta, delta = 0.02, 1.0, 0.05
    rng = np.random.default_rng(1)
    flow = Flow(0.5, (alpha, beta, delta))
    printed_mean, printed = np.zeros(100), 0.5
    for _ in range(4000):
        gradient = rng.normal(size=100)
        flow.update(gradient)
        # eqs. (17)-(18) without the correction
        printed_mean = (1 - delta) * printed_mean + delta * gradient
        printed += alpha * printed * (beta * np.linalg.norm(printed_mean) - printed)
    plateau = beta * sqrt(100) * sqrt(delta / (2 - delta))
    assert printed == pytest.approx(plateau, rel=0.2)
    assert 0.0 < flow.rate < 0.3 * plateau


def test_flow_distance_is_exact_without_noise():
    """A constant gradient is far from the minimum by its norm, from the first step."""
    flow, gradient = Flow(0.1, (0.02, 0.3, 0.1)), np.array([3.0, 4.0])
    for _ in range(500):
        flow.update(gradient)
        assert flow.distance == pytest.approx(5.0, rel=1e-9)
    # and the rate goes to its fixed point, beta |g|
    assert flow.rate == pytest.approx(0.3 * 5.0, rel=1e-3)


def test_flow_distance_is_unbiased_in_the_square():
    """E|r|^2 less its noise is |m|^2, after few steps as after many."""
    m = np.array([0.6, -0.8])
    for n_steps in (3, 200):
        squares = []
        for seed in range(300):
            rng = np.random.default_rng(seed)
            flow = Flow(0.1, (0.02, 1.0, 0.05))
            for _ in range(n_steps):
                flow.update(m + 0.2 * rng.normal(size=2))
            squares.append(flow.distance**2)
        assert np.mean(squares) == pytest.approx(1.0, abs=0.04)


@pytest.mark.parametrize("size", [0.0, 1e-8, 1e8])
def test_flow_stays_positive_and_at_most_doubles(size):
    flow = Flow(0.1, (0.02, 0.3, 0.1))
    before = flow.rate
    for _ in range(20):
        after = flow.update(np.full(3, size))
        assert 0.5 * before <= after <= 2.0 * before
        before = after
    assert 0.0 < before < np.inf
