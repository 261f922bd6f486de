from dataclasses import replace

import numpy as np
import pytest

from sk_effprop.core.gains import HIGHEST_GAIN, Gains, gain_factor
from tests.cases import ALL_ACTIVATIONS, ALL_LOSSES, make_problem

RNG = np.random.default_rng(0)


def some_gains(n_in=4, n_out=3):
    gains = Gains.start(RNG.normal(size=(n_in + 1, n_out)))
    gains.s[:] = RNG.uniform(0.2, 2.0, n_in)
    return gains


def test_a_start_changes_nothing():
    W = RNG.normal(size=(5, 3))
    gains, written = Gains.start(W), np.empty_like(W)
    gains.write(written)
    np.testing.assert_array_equal(written, W)
    assert gains.match(W)
    assert not gains.match(W + 1.0)
    assert not gains.match(W[1:])


def test_biases_have_no_gain():
    gains, W = some_gains(), np.empty((5, 3))
    gains.write(W)
    np.testing.assert_allclose(W[:-1], np.diag(gains.s) @ gains.V[:-1])
    np.testing.assert_array_equal(W[-1], gains.V[-1])


def test_derivatives_are_those_of_the_objective_in_gains_and_weights():
    objective, theta = make_problem(
        (4, 3), ALL_ACTIVATIONS["lecun_tanh"], ALL_LOSSES["log_loss_softmax"]
    )
    objective = replace(objective, penalty=0.1 * (objective.penalty > 0))
    first = objective.network.layers(theta)[0]
    gains = Gains.start(first)
    gains.s[:] = RNG.uniform(0.5, 1.5, len(gains.s))

    def value(s, V):
        moved = theta.copy()
        Gains(s, V).write(objective.network.layers(moved)[0])
        return objective.value(moved)

    gains.write(first)
    gradient = objective.value_and_gradient(theta)[1]
    own = objective.network.layers(gradient)[0]
    of_s = gains.split_gradient(own)
    h = 1e-6
    for i in range(len(gains.s)):
        e = h * np.eye(len(gains.s))[i]
        ahead, behind = (value(gains.s + d, gains.V) for d in (e, -e))
        assert of_s[i] == pytest.approx((ahead - behind) / (2 * h), abs=1e-8)
    for index in np.ndindex(gains.V.shape):
        d = np.zeros_like(gains.V)
        d[index] = h
        ahead, behind = (value(gains.s, gains.V + e) for e in (d, -d))
        assert own[index] == pytest.approx((ahead - behind) / (2 * h), abs=1e-8)


def test_gains_stay_within_their_bounds():
    gains = some_gains(2)
    gains.step(np.array([1e9, -1e9]), 1.0)
    np.testing.assert_array_equal(gains.s, [0.0, HIGHEST_GAIN])


def test_a_gain_moves_by_a_share_of_what_its_weights_would_together():
    """A twentieth of 7 inputs with factors of 0.1; those of biases do not count."""
    factors = np.vstack([np.full((7, 5), 0.1), np.full(5, 9.0)])
    assert gain_factor(factors) == pytest.approx(0.035)
