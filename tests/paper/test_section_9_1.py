"""Section 9.1: stochastic diagonal Levenberg-Marquardt; see experiments.py."""

from functools import cache

import numpy as np
import pytest

from sk_effprop.core.rates import RateRule
from tests.paper.experiments import (
    descend,
    digits,
    start,
    toy,
)

pytestmark = [pytest.mark.paper, pytest.mark.no_cover]


def descend_by_curvature(objective, theta, n_epochs, *, epsilon, mu, period=1, **more):
    """Return E and the weights after each epoch of sdlm, eq. (61).

    The curvature is the mean of at most 500 patterns, measured before every epoch.
    """
    ones = np.ones_like(theta)
    rule = RateRule(ones, epsilon, 1, diagonal_samples=500, damping=mu, period=period)
    return descend(objective, theta, n_epochs, None, rate_rule=rule, **more)


# as good as the paper's mu = 0, which is not on offer
HARDLY_ANY = 1e-9


def rates_of_toy(objective, theta, epsilon):
    """Learning rates of the two weights and the bias."""
    rule = RateRule(np.ones(3), epsilon, 1, diagonal_samples=100, damping=HARDLY_ANY)
    rates = rule(objective, theta, np.random.default_rng(0))
    return rates.eta * rates.factors


@pytest.mark.parametrize("seed", range(5))
def test_section_9_1_the_rates_on_the_toy_are_those_of_the_figures(seed):
    """(.12, .03, .02) and (.76, .18, .12) in Figs. 22 and 23, one factor apart.

    They are epsilon / <x^2> for epsilon .02 and .12, exact for a linear unit.
    """
    objective, theta = toy(seed)
    low, high = (rates_of_toy(objective, theta, epsilon) for epsilon in (0.02, 0.12))
    np.testing.assert_allclose(low, [0.12, 0.03, 0.02], rtol=0.3)
    np.testing.assert_allclose(high, [0.76, 0.18, 0.12], rtol=0.3)
    power = np.mean(objective.inputs**2, axis=0)
    np.testing.assert_allclose(low, 0.02 / power, rtol=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_section_9_1_smaller_rates_fluctuate_less_on_the_toy(seed):
    """Figs. 22 and 23: the lower rates are within 10 % of the minimum in two epochs.

    From there on E is ten times as far above it with the higher ones, and goes up and
    down by ten times as much.  With no rate that all weights share does it get half as
    near as with the lower ones.
    """
    objective, minimum = toy(seed)
    theta, lowest = np.array([-0.5, 0.5, 0.3]), objective.value(minimum)

    def excess(values):
        return (values[2:] - lowest) / lowest

    low, high = (
        excess(
            descend_by_curvature(
                objective, theta, 10, epsilon=epsilon, mu=HARDLY_ANY, seed=seed
            )[0]
        )
        for epsilon in (0.02, 0.12)
    )
    assert np.max(low) < 0.1
    assert np.mean(high) > 6.0 * np.mean(low)
    assert np.ptp(high) > 6.0 * np.ptp(low)
    for rate in (0.02, 0.03, 0.05, 0.1, 0.2):
        shared, _ = descend(objective, theta, 10, rate, seed=seed)
        assert np.mean(low) < 0.5 * np.mean(excess(shared))


SGD_RATES = (0.005, 0.007, 0.01, 0.014, 0.02, 0.028)
EPSILONS = (0.004, 0.006, 0.008)


@cache
def tuned_sgd(scaling, hidden, seed):
    """Return E after nine epochs on-line on a thousand digits, at the best rate."""
    objective = digits(1000, scaling, hidden)
    theta = start(objective, seed)
    return min(descend(objective, theta, 9, r, seed=seed)[0][-1] for r in SGD_RATES)


def tuned_sdlm(scaling, hidden, seed):
    """Return E after each of nine epochs at the best epsilon; mu is .02."""
    objective = digits(1000, scaling, hidden)
    theta = start(objective, seed)
    curves = [
        descend_by_curvature(objective, theta, 9, epsilon=e, mu=0.02, seed=seed)[0]
        for e in EPSILONS
    ]
    return min(curves, key=lambda curve: curve[-1])


@pytest.mark.parametrize("seed", range(2))
def test_section_9_1_sdlm_overtakes_tuned_sgd_on_badly_scaled_inputs(seed):
    """Half as fast again at least, with six rates to choose from against three.

    Nine epochs of sgd take three or four of sdlm.  In the mean it is twice as fast, not
    the paper's three times.  Bad scaling hardly matters to it: sgd ends as low only
    after standardisation.
    """
    by_sgd = tuned_sgd("badly_scaled", (30,), seed)
    curve = tuned_sdlm("badly_scaled", (30,), seed)
    assert np.min(curve[:6]) <= by_sgd
    assert curve[-1] < 0.85 * by_sgd
    assert curve[-1] < 1.2 * tuned_sgd("standardised", (30,), seed)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("scaling", ["from_-1_to_1", "standardised"])
def test_section_9_1_sdlm_ends_lower_than_tuned_sgd_elsewhere(scaling, seed):
    """Nine epochs of sgd take three to six of sdlm: twice as fast in the mean.

    That is with one hidden layer.  With two and the same mu, .02, it takes three to
    seven, but now and then the end is higher than that of sgd.
    """
    curve = tuned_sdlm(scaling, (30,), seed)
    assert curve[-1] < 0.8 * tuned_sgd(scaling, (30,), seed)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    ("hidden", "limit"), [((30,), 1.0), ((30, 20), 1.4)], ids=["one", "two"]
)
def test_section_9_1_the_rates_of_sdlm_need_no_tuning(hidden, limit, seed):
    """With epsilon and mu from the curvature it is as good as sgd at its best rate.

    So it is on-line at a constant rate, on standardised digits, with one hidden layer:
    60 % to 95 % of the error.  With two it is up to 25 % worse, and where the rates of
    both fall like a cosine, sgd at its best rate, a higher one, has half the error.
    """
    objective = digits(1000, "standardised", hidden)
    values, _ = descend_by_curvature(
        objective,
        start(objective, seed),
        9,
        epsilon=None,
        mu=None,
        period=None,
        seed=seed,
    )
    assert values[-1] < limit * tuned_sgd("standardised", hidden, seed)
