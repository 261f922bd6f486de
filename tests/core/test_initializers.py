from math import sqrt

import numpy as np
import pytest

from sk_effprop.core.activations import IDENTITY
from sk_effprop.core.initializers import (
    INITIALIZERS,
    biases_through_data,
    get_initializer,
)
from sk_effprop.core.network import Network, initialize

FAN_IN, FAN_OUT = 300, 200
STANDARD_DEVIATIONS = {
    "lecun": sqrt(1 / FAN_IN),
    "glorot": sqrt(2 / (FAN_IN + FAN_OUT)),
    "he": sqrt(2 / FAN_IN),
}


def draw(init, fan_in=FAN_IN, fan_out=FAN_OUT, seed=0):
    return get_initializer(init)(np.random.default_rng(seed), fan_in, fan_out)


@pytest.mark.parametrize("name", sorted(INITIALIZERS))
def test_weights_have_the_layers_shape_and_follow_the_seed(name):
    weights = draw(name)
    assert weights.shape == (FAN_IN, FAN_OUT)
    np.testing.assert_array_equal(weights, draw(name))
    assert not np.array_equal(weights, draw(name, seed=1))


@pytest.mark.parametrize("law", ["uniform", "normal"])
@pytest.mark.parametrize("rule", sorted(STANDARD_DEVIATIONS))
def test_standard_deviation_is_the_rules(rule, law):
    weights = draw(f"{rule}_{law}")
    # 60,000 draws know their deviation to 0.3 % (one sigma) at worst
    assert weights.std() == pytest.approx(STANDARD_DEVIATIONS[rule], rel=0.015)
    assert abs(weights.mean()) < 5 * weights.std() / sqrt(weights.size)


@pytest.mark.parametrize("rule", sorted(STANDARD_DEVIATIONS))
def test_uniform_weights_fill_sqrt_3_standard_deviations_to_either_side(rule):
    bound = sqrt(3) * STANDARD_DEVIATIONS[rule]
    weights = draw(f"{rule}_uniform")
    assert np.abs(weights).max() <= bound
    assert weights.max() > 0.999 * bound
    assert weights.min() < -0.999 * bound


@pytest.mark.parametrize(("fan_in", "fan_out"), [(1, 1), (2, 10), (50, 7)])
def test_nguyen_widrow_gives_every_unit_the_norm_beta(fan_in, fan_out):
    norms = np.linalg.norm(draw("nguyen_widrow", fan_in, fan_out), axis=0)
    np.testing.assert_allclose(norms, 0.7 * fan_out ** (1 / fan_in), rtol=1e-12)


def test_a_number_is_a_standard_deviation():
    assert draw(0.25).std() == pytest.approx(0.25, rel=0.015)
    assert not draw(0.0).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_initialize_draws_weights_by_fan_in_and_leaves_biases_zero(dtype):
    network = Network((400, 100, 50), (IDENTITY, IDENTITY))
    rng = np.random.default_rng(0)
    theta = initialize(network, INITIALIZERS["lecun_normal"], rng, dtype)
    assert theta.dtype == dtype
    for W, fan_in in zip(network.layers(theta), [400, 100], strict=True):
        assert not W[-1].any()
        assert W[:-1].std() == pytest.approx(1 / sqrt(fan_in), rel=0.04)


# ----------------------------------------------------------------- biases_through_data


def biases(projections, weight=None, seed=0):
    return biases_through_data(np.random.default_rng(seed), projections, weight)


@pytest.fixture
def projections():
    return np.random.default_rng(4).normal(size=(23, 40))


@pytest.mark.parametrize("weighted", [False, True])
def test_every_hyperplane_goes_through_a_training_row(projections, weighted):
    weight = np.random.default_rng(5).uniform(0.1, 3.0, size=23) if weighted else None
    through = projections + biases(projections, weight) == 0.0
    assert through.any(axis=0).all()
    # and not all through the same one
    assert through.any(axis=1).sum() > 10


def test_the_order_of_the_rows_does_not_matter(projections):
    shuffled = np.random.default_rng(6).permutation(23)
    weight = np.arange(1.0, 24.0)
    np.testing.assert_array_equal(biases(projections[shuffled]), biases(projections))
    np.testing.assert_array_equal(
        biases(projections[shuffled], weight[shuffled]), biases(projections, weight)
    )


def test_a_weight_is_a_number_of_repeats(projections):
    times = np.random.default_rng(7).integers(1, 4, size=23)
    np.testing.assert_array_equal(
        biases(projections, times / times.mean()),
        biases(np.repeat(projections, times, axis=0)),
    )


def test_rows_are_picked_in_proportion_to_their_weight():
    """Of two rows, the one with three times the weight gets three times the units."""
    projections = np.repeat([[1.0], [2.0]], 10_000, axis=1)
    through_second = biases(projections, np.array([0.5, 1.5])) == -2.0
    assert through_second.mean() == pytest.approx(0.75, abs=0.02)
