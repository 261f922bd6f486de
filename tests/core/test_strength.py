"""The penalty from the errors of examples that are left out."""

from itertools import product

import numpy as np
import pytest

from sk_effprop.core.inputs import with_ones
from sk_effprop.core.left_out import OutOfSample, out_of_sample
from sk_effprop.core.losses import LogLoss, SquaredError, make_loss
from sk_effprop.core.strength import (
    FEW_ROWS_STRENGTH,
    NOISE_STRENGTH,
    OPPOSED_STRENGTH,
    loss_scale,
    strength,
    tilt,
)
from tests.core.test_left_out import line, nothing, table, wave


def errors(error, linear_error, *, n_rows, smooth_noise=0.0):
    return OutOfSample(error, linear_error, False, smooth_noise, 0.0, n_rows)


def test_noise_is_told_from_functions():
    assert out_of_sample(*table(line)).error < 1e-3
    assert out_of_sample(*table(wave)).error < 0.4
    tables = [table(nothing, 150, noise=1.0, seed=seed) for seed in range(20)]
    noise = [out_of_sample(*one) for one in tables]
    undecided = [found for found in noise if found.is_undecided]
    assert len(undecided) >= 18
    assert {strength(found) for found in undecided} == {NOISE_STRENGTH}
    half = out_of_sample(*table(line, noise=1.0))
    assert 0.35 < half.error < 0.7


@pytest.mark.parametrize("n_bits", [4, 5, 6, 7])
def test_parity_is_opposed_to_smoothness(n_bits):
    X = np.array(list(product([-1.0, 1.0], repeat=n_bits)))
    found = out_of_sample(with_ones(X), X.prod(axis=1)[:, None])
    assert found.is_undecided
    assert strength(found) == OPPOSED_STRENGTH


def test_few_rows_are_fitted():
    found = out_of_sample(*table(nothing, 6, 2, noise=1.0, seed=3))
    assert strength(found) <= max(FEW_ROWS_STRENGTH, 0.05)


def test_strength_grows_with_the_error_and_with_linearity():
    for n in (20, 200, 2000):
        found = [strength(errors(e, 1.0, n_rows=n)) for e in (0.01, 0.1, 0.5)]
        assert (np.diff(found) > 0.0).all()
        linear = [strength(errors(e, e, n_rows=n)) for e in (0.01, 0.1, 0.5)]
        assert (np.array(linear) > found).all()


def test_only_linear_functions_move_the_penalty_to_the_first_layer():
    """The product of the factors is 1, so that the penalty of the network stays."""
    for n_layers in (1, 2, 3):
        for found in (errors(0.1, 1.0, n_rows=50.0), errors(1.0, 1.0, n_rows=50.0)):
            np.testing.assert_array_equal(tilt(found, n_layers), np.ones(n_layers))
    linear = tilt(errors(0.1, 0.1, n_rows=50.0), 3)
    assert (np.diff(linear) < 0.0).all()
    assert linear.prod() == pytest.approx(1.0)
    assert tilt(errors(0.1, 0.1, n_rows=50.0), 1) == [1.0]


def test_a_linear_model_is_worse_by_the_nonlinearity():
    assert errors(0.1, 0.5, n_rows=50.0).nonlinearity == pytest.approx(5.0, rel=0.01)
    assert errors(0.99, 1.0, n_rows=50.0).nonlinearity == 1.0
    assert errors(1e-9, 1e-6, n_rows=50.0).nonlinearity == pytest.approx(1.0, 0.01)
    assert out_of_sample(*table(line, noise=0.5)).nonlinearity < 1.1
    assert out_of_sample(*table(wave)).nonlinearity > 2.0


def test_noise_is_told_from_a_rule_that_is_as_hard_to_learn():
    """Parity of few bits has no noise, a disc with wrong labels has."""
    bits = np.random.default_rng(0).choice([-1.0, 1.0], size=(120, 5))
    rule = out_of_sample(with_ones(bits), bits.prod(axis=1)[:, None])
    X = np.random.default_rng(0).normal(size=(150, 8))
    labels = np.sign(np.sum(X**2, axis=1) - 7.3)[:, None]
    noisy = out_of_sample(with_ones(X), labels)
    assert rule.smooth_noise < 1e-3 < 0.1 <= noisy.smooth_noise
    share = strength(noisy, is_stochastic=True) / noisy.error
    assert share > strength(rule, is_stochastic=True) / rule.error


def test_the_noise_level_is_a_lower_bound_up_to_a_tenth():
    for noise in (0.05, 0.1, 10.0):
        found = errors(0.05, 0.5, n_rows=1000.0, smooth_noise=noise)
        assert strength(found, is_stochastic=True) == min(noise, 0.1)


def test_targets_without_noise_get_the_weakest_strength():
    """A sawtooth is hard for smooth functions, but has no noise."""
    x = np.linspace(-1.7, 1.7, 120)[:, None]
    saw = (np.arange(120.0) / 20.0 % 1.0)[:, None]
    exact = out_of_sample(with_ones(x), saw)
    assert exact.is_exact
    weakest = strength(errors(1e-9, 1.0, n_rows=120.0))
    assert strength(exact) == weakest
    assert weakest < strength(exact, has_classes=True) < 0.01
    disturbed = saw + np.random.default_rng(0).normal(size=saw.shape)
    assert not out_of_sample(with_ones(x), disturbed).is_exact
    line = x + 0.5 * np.random.default_rng(1).normal(size=x.shape)
    assert not out_of_sample(with_ones(x), line).is_exact
    # in many dimensions, a rough kernel says the same whatever the noise
    wide = np.random.default_rng(2).normal(size=(120, 40))
    assert not out_of_sample(with_ones(wide), np.sign(wide[:, :1])).is_exact
    few = out_of_sample(with_ones(x[:20]), saw[:20])
    assert few.error < 0.1
    assert not few.is_exact


def test_few_rows_that_a_kernel_predicts_are_not_fitted_exactly():
    found = errors(0.5, 0.5, n_rows=10.0)
    assert strength(found) > FEW_ROWS_STRENGTH


@pytest.mark.parametrize("n", [1, 2, 3])
def test_one_row_is_enough(n):
    found = out_of_sample(with_ones(np.ones((n, 2))), np.arange(float(n))[:, None])
    assert 0.0 < strength(found) <= 1.0


def test_losses_are_compared_with_squared_errors():
    Y = np.random.default_rng(0).normal(size=(4000, 1))
    assert loss_scale(SquaredError(), Y) == pytest.approx(1.0, rel=0.01)
    assert loss_scale(SquaredError(), 0.3 * Y) == pytest.approx(0.09, rel=0.01)
    assert loss_scale(SquaredError(), 3.0 * Y, error=0.2) == pytest.approx(1.0, rel=0.1)
    # E g^2 = 1 and E h = 2 density(0) = 0.8, over a deviation 0.68
    absolute = loss_scale(make_loss("absolute_error"), Y)
    assert absolute == pytest.approx(1.46, rel=0.1)
    weaker = loss_scale(make_loss("absolute_error"), Y, error=0.25)
    assert weaker == pytest.approx(2.0 * absolute, rel=0.1)
    assert 0.1 < loss_scale(make_loss("quantile", level=0.05), Y) < 1.0
    assert loss_scale(LogLoss(exclusive=True), Y) == 1.0
    counts = np.random.default_rng(0).poisson(5.0, size=(4000, 1)) / 5.0
    assert loss_scale(make_loss("poisson"), counts) == pytest.approx(0.2, rel=0.3)


@pytest.mark.parametrize("name", ["squared_error", "huber", "absolute_error"])
def test_large_targets_that_are_not_normalised_are_not_flattened(name):
    """Their output weights are as large as they are."""
    y = np.random.default_rng(0).normal(size=(200, 1))
    one, large = (loss_scale(make_loss(name), unit * y) for unit in (1.0, 1e3))
    assert large <= 1.2 * one
