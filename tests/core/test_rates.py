from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest

from sk_effprop.core.curvature import Linearization
from sk_effprop.core.rates import (
    ENOUGH_PATTERNS,
    FIRST_MEASUREMENT,
    MAX_GROWTH,
    SCALINGS,
    RateRule,
)
from sk_effprop.core.spectrum import leading_curvature
from tests.cases import ALL_ACTIVATIONS, ALL_LOSSES, MAIN_LOSS_PARAMS, make_problem


@pytest.mark.parametrize(
    ("name", "expected"),
    [("none", 1.0), ("inv_sqrt_fan_in", 0.2), ("inv_fan_in", 0.04), ("sqrt_fan_in", 5)],
)
def test_scalings_follow_their_names(name, expected):
    assert SCALINGS[name](25, 3) == pytest.approx(expected)


# ----------------------------------------------------------------------- how to find

ALL = 10**6


def problem(loss=ALL_LOSSES["squared_error_2_lecun_tanh"], **settings):
    return make_problem((4,), ALL_ACTIVATIONS["lecun_tanh"], loss, **settings)


def rule(theta, eta=None, samples=0, **settings):
    """A rate rule for batches of five, all weights alike."""
    settings = {"batch_size": 5, "scaling": np.ones_like(theta), **settings}
    return RateRule(eta=eta, diagonal_samples=samples, **settings)


def measure(find_rates, objective, theta, earlier=None, seed=0):
    return find_rates(objective, theta, np.random.default_rng(seed), earlier)


@pytest.mark.parametrize("samples", [0, ALL], ids=["plain", "diagonal"])
def test_a_given_rate_is_returned_as_it_is(samples):
    """Whatever the share and what was found earlier."""
    objective, theta = problem()
    find_rates = rule(theta, 0.3, samples, share=0.1)
    first = measure(find_rates, objective, theta)
    later = measure(find_rates, objective, 50.0 * theta, first)
    for rates in (first, later):
        assert (rates.eta, rates.leading, rates.ceiling) == (0.3, None, np.inf)
        assert (rates.curvature is None) == (samples == 0)


@pytest.mark.parametrize("samples", [0, ALL], ids=["plain", "diagonal"])
def test_rates_refined_row_by_row_are_those_of_all_rows(samples):
    """Both the mean over single patterns and the diagonal are refined."""
    objective, theta = problem(weighted=False)
    find_rates = rule(theta, None, samples, damping=0.3, batch_size=1)
    n, rng = objective.n_samples, np.random.default_rng(0)
    assert n < ENOUGH_PATTERNS
    rows = [objective.subset(np.array([i])) for i in range(n)]
    refined = find_rates(rows[0], theta, rng)
    for row in rows[1:]:
        refined = find_rates.refine(refined, row, theta, rng)
    assert refined.n_patterns == n
    whole = find_rates(objective, theta, rng)
    if samples:
        np.testing.assert_allclose(refined.curvature.h, whole.curvature.h, rtol=1e-9)
        return
    assert refined.leading.pattern == pytest.approx(whole.leading.pattern, rel=1e-9)
    assert refined.eta == pytest.approx(whole.eta, rel=1e-9)


def test_rates_of_enough_examples_are_not_refined():
    objective, theta = problem(n=ENOUGH_PATTERNS)
    find_rates, rng = rule(theta, None), np.random.default_rng(0)
    rates = find_rates(objective, theta, rng)
    assert find_rates.refine(rates, objective, theta, rng) is rates


@pytest.mark.parametrize("samples", [0, ALL], ids=["plain", "diagonal"])
def test_another_rule_has_the_rates_that_it_would_have_found(samples):
    objective, theta = problem()
    settings = {"batch_size": 8, "share": 0.5}
    found = measure(rule(theta, None, samples, **settings), objective, theta)
    for change in ({"batch_size": 1}, {"share": 0.1}, {"eta": 0.2}, {}):
        settings = {"eta": None, "batch_size": 8, "share": 0.5} | change
        other = rule(theta, settings.pop("eta"), samples, **settings)
        adopted, measured = other.adopt(found), measure(other, objective, theta)
        assert adopted.eta == pytest.approx(measured.eta, rel=1e-9)
        np.testing.assert_array_equal(adopted.factors, measured.factors)
        assert (adopted.leading is None) == (measured.leading is None)
    doubled = rule(theta, None, samples, scaling=np.full(len(theta), 2.0))
    assert doubled.adopt(found) is None
    given = measure(rule(theta, 0.2, samples), objective, theta)
    assert rule(theta, None, samples).adopt(given) is None


def test_without_a_diagonal_the_factors_are_those_of_the_layers():
    objective, theta = problem()
    scaling = objective.network.per_layer(lambda fan_in, fan_out: 1.0 / fan_in)
    rates = measure(rule(theta, scaling=scaling), objective, theta)
    np.testing.assert_array_equal(rates.factors, scaling)


@pytest.mark.parametrize("samples", [0, ALL], ids=["plain", "diagonal"])
@pytest.mark.parametrize("share", [1.0, 0.25])
@pytest.mark.parametrize("batch_size", [1, 8])
def test_the_rate_is_that_of_the_leading_curvature(batch_size, share, samples):
    """In the coordinates of the factors, or what is wanted of it."""
    objective, theta = problem()
    find_rates = rule(theta, None, samples, batch_size=batch_size, share=share)
    rates = measure(find_rates, objective, theta)
    leading = leading_curvature(
        objective, theta, rates.factors, np.random.default_rng(0)
    )
    expected = share * leading.rate(batch_size)
    assert rates.eta == pytest.approx(expected, rel=1e-12)
    assert rates.leading.mean == pytest.approx(leading.mean, rel=1e-12)
    assert rates.ceiling == pytest.approx(
        MAX_GROWTH * rates.eta * np.mean(rates.factors), rel=1e-12
    )


@pytest.mark.parametrize("weighted", [False, True], ids=["even", "weighted"])
@pytest.mark.parametrize("samples", [12, ALL])
@pytest.mark.parametrize("loss", MAIN_LOSS_PARAMS)
def test_the_factors_are_one_over_the_diagonal_and_its_mean(loss, samples, weighted):
    """The diagonal is that of all patterns, and contains the penalty."""
    objective, theta = problem(loss, n=12, weighted=weighted)
    scaling = objective.network.per_layer(lambda fan_in, fan_out: 1.0 / fan_in)
    rates = measure(rule(theta, 0.1, samples, scaling=scaling), objective, theta)
    h = Linearization(objective, theta).diagonal()
    np.testing.assert_allclose(rates.curvature.h, h, rtol=1e-12)
    assert rates.curvature.mu == pytest.approx(np.mean(h), rel=1e-12)
    np.testing.assert_allclose(rates.factors, scaling / (h + np.mean(h)), rtol=1e-12)
    free = Linearization(objective.without_penalty(), theta).diagonal()
    np.testing.assert_allclose(rates.curvature.h - free, objective.penalty, atol=1e-14)


def test_a_given_damping_is_taken():
    objective, theta = problem()
    rates = measure(rule(theta, 0.1, ALL, damping=0.02), objective, theta)
    assert rates.curvature.mu == 0.02
    np.testing.assert_allclose(1.0 / rates.factors - 0.02, rates.curvature.h)


@pytest.mark.parametrize("samples", [1, 3, 11])
def test_the_diagonal_is_that_of_so_many_patterns(samples):
    """Some of that many different ones; which is up to the generator."""
    objective, theta = problem(n=12, weighted=False)

    def diagonal(rows):
        return Linearization(objective.subset(np.array(rows)), theta).diagonal()

    each = np.array([diagonal([p]) for p in range(12)])
    means = np.array([np.mean(each[list(s)], axis=0) for s in subsets(12, samples)])
    found = [
        measure(rule(theta, 0.1, samples), objective, theta, seed=seed).curvature.h
        for seed in (0, 0, 1)
    ]
    for h in found:
        assert np.sum(np.all(np.isclose(means, h, rtol=1e-9), axis=1)) == 1
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.allclose(found[0], found[2])


def subsets(n, size):
    return combinations(range(n), size)


@pytest.mark.parametrize("samples", [0, ALL], ids=["plain", "diagonal"])
def test_duplicated_data_leave_the_rates_unchanged(samples):
    """They come from means over patterns, not sums."""
    objective, theta = problem(n=12)
    twice = objective.subset(np.tile(np.arange(12), 2))
    once, doubled = (
        measure(rule(theta, None, samples), o, theta) for o in (objective, twice)
    )
    np.testing.assert_allclose(
        doubled.eta * doubled.factors, once.eta * once.factors, rtol=1e-9
    )


# ------------------------------------------------------------------ and to find again


def measurements(period, n_samples, until, step=1):
    """Counts of examples at which rates are measured, if they grow by ``step``."""
    find_rates = RateRule(np.ones(1), 0.1, 1, period=period)
    times, measured_at = [], 0
    for n_presented in range(0, until, step):
        if n_presented >= find_rates.next_measurement(measured_at, n_samples):
            measured_at = n_presented
            times.append(n_presented)
    return times


def test_rates_are_measured_whenever_the_number_of_examples_has_doubled():
    first = FIRST_MEASUREMENT
    assert measurements(None, 40, 10 * first) == [
        first,
        2 * first,
        4 * first,
        8 * first,
    ]
    # batches overshoot, and the next measurement is twice as late as this one was
    late = measurements(None, 40, 5000, step=7)
    assert first <= late[0] < first + 7
    assert all(2 * a <= b < 2 * a + 7 for a, b in pairwise(late))


@pytest.mark.parametrize("period", [1.0, 3.0])
def test_rates_are_measured_every_so_many_epochs(period):
    times = measurements(period, 40, 1000)
    np.testing.assert_array_equal(times, np.arange(40 * period, 1000, 40 * period))


def test_rates_are_measured_once_if_the_period_is_infinite():
    assert measurements(np.inf, 1, 10_000) == []


def mean_rate(rates):
    return rates.eta * np.mean(rates.factors)


@pytest.mark.parametrize("samples", [0, ALL], ids=["plain", "diagonal"])
def test_later_rates_are_never_far_above_the_first(samples):
    """Weights times 50 saturate the sigmoids, and the curvature vanishes."""
    objective, theta = problem(alpha=0.0)
    find_rates = rule(theta, None, samples)
    first = measure(find_rates, objective, theta)
    saturated = measure(find_rates, objective, 50.0 * theta)
    assert mean_rate(saturated) > 10.0 * MAX_GROWTH * mean_rate(first)
    rates = first
    for factor in (5.0, 50.0, 500.0, 1e6):
        rates = measure(find_rates, objective, factor * theta, rates)
        assert mean_rate(rates) <= MAX_GROWTH * mean_rate(first) * (1.0 + 1e-12)
        assert rates.ceiling == first.ceiling
        assert np.all(np.isfinite(rates.eta * rates.factors))
    # and they fall again where there is curvature
    again = measure(find_rates, objective, theta, rates)
    np.testing.assert_allclose(again.eta * again.factors, first.eta * first.factors)


@pytest.mark.parametrize("samples", [0, ALL], ids=["plain", "diagonal"])
def test_the_ceiling_does_not_touch_lower_rates(samples):
    objective, theta = problem()
    find_rates = rule(theta, None, samples)
    first = measure(find_rates, objective, theta)
    free, limited = (
        measure(find_rates, objective, 0.9 * theta, earlier)
        for earlier in (None, first)
    )
    assert mean_rate(free) < MAX_GROWTH * mean_rate(first)
    assert limited.eta == free.eta


@pytest.mark.parametrize("eta", [None, 0.3])
@pytest.mark.parametrize("samples", [0, ALL], ids=["plain", "diagonal"])
def test_rates_without_curvature_are_finite(samples, eta):
    """Saturated outputs have no curvature at all."""
    objective, theta = problem(alpha=0.0)
    rates = measure(rule(theta, eta, samples), objective, 1e6 * theta)
    assert rates.eta == (1.0 if eta is None else eta)
    np.testing.assert_array_equal(rates.factors, 1.0)


@pytest.mark.parametrize(("inputs", "weights"), [(1e200, 1.0), (1.0, 1e6)])
def test_layers_without_a_finite_curvature_learn_alike(inputs, weights):
    """Where it overflows or vanishes; where it does not, rates of layers differ."""
    objective, theta = problem(weighted=False)
    find_rates = rule(theta, 0.1, scaling=None)
    usual = measure(find_rates, objective, theta)
    assert len(np.unique(usual.scaling)) == 2
    odd = replace(objective, inputs=objective.inputs * inputs)
    with np.errstate(over="ignore", invalid="ignore"):
        rates = measure(find_rates, odd, weights * theta)
    np.testing.assert_array_equal(rates.scaling, 1.0)


def test_curvature_that_overflows_leaves_the_earlier_rates():
    objective, theta = problem(weighted=False)
    find_rates = rule(theta)
    first = measure(find_rates, objective, theta)
    huge = replace(objective, inputs=objective.inputs * 1e200)
    with np.errstate(over="ignore", invalid="ignore"):
        assert measure(find_rates, huge, theta, first) is first
        few = first._replace(n_patterns=1)
        rng = np.random.default_rng(0)
        assert find_rates.refine(few, huge, theta, rng) is few
        with pytest.raises(ValueError, match="no automatic learning rate"):
            measure(find_rates, huge, theta)
