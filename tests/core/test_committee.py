"""Several networks as one, and what their out-of-fold outputs are good for."""

import numpy as np
import pytest
from scipy.special import expit

from sk_effprop.core.activations import ACTIVATIONS
from sk_effprop.core.calibration import (
    Residuals,
    joint_residuals,
    joint_temperature,
)
from sk_effprop.core.committee import join, join_strengths, joint_network
from sk_effprop.core.inputs import with_ones
from sk_effprop.core.losses import LogLoss
from sk_effprop.core.network import Network, forward
from sk_effprop.estimators._build import alpha_of, penalty_of

TANH, RELU, LOGISTIC = (ACTIVATIONS[name] for name in ("tanh", "relu", "logistic"))
SIZES = [(3, 2), (3, 4, 2), (3, 4, 5, 1), (3, 2, 3, 4, 2)]

each_shape = pytest.mark.parametrize("sizes", SIZES, ids=str)
each_size = pytest.mark.parametrize("n_members", [1, 2, 3, 8])


def members(sizes, n_members):
    """A network of this shape, and random weights of several."""
    network = Network(sizes, (TANH, RELU, TANH, LOGISTIC)[-len(sizes) + 1 :])
    rng = np.random.default_rng(0)
    return network, rng.normal(size=(n_members, network.n_weights))


@each_shape
@each_size
def test_the_joint_outputs_are_the_mean_of_the_members(sizes, n_members):
    network, thetas = members(sizes, n_members)
    inputs = with_ones(np.random.default_rng(1).normal(size=(20, sizes[0])))
    joint = forward(joint_network(network, n_members), join(network, thetas), inputs)
    each = [forward(network, theta, inputs).z(-1) for theta in thetas]
    np.testing.assert_allclose(joint.z(-1), np.mean(each, axis=0), rtol=0, atol=1e-12)


@each_shape
@each_size
def test_the_hidden_units_stand_side_by_side(sizes, n_members):
    network, thetas = members(sizes, n_members)
    inputs = with_ones(np.random.default_rng(1).normal(size=(20, sizes[0])))
    joint = forward(joint_network(network, n_members), join(network, thetas), inputs)
    each = [forward(network, theta, inputs) for theta in thetas]
    for layer in range(len(sizes) - 2):
        expected = np.hstack([one.values[layer] for one in each])
        np.testing.assert_allclose(joint.values[layer], expected, atol=1e-12)


@each_shape
@each_size
def test_the_joint_penalty_is_the_mean_of_the_members(sizes, n_members):
    network, thetas = members(sizes, n_members)
    alpha = np.arange(1.0, len(sizes))
    joint = joint_network(network, n_members)
    penalty = penalty_of(joint, join_strengths(alpha, n_members))
    found = penalty @ join(network, thetas) ** 2
    mean = np.mean(thetas**2 @ penalty_of(network, alpha))
    if len(sizes) > 2:
        assert found == pytest.approx(mean)
    else:
        # the mean of several linear models has smaller weights
        assert found <= mean * (1.0 + 1e-12)
        np.testing.assert_array_equal(alpha_of(joint, penalty), alpha)


def test_single_precision_is_kept():
    network, thetas = members((3, 4, 2), 3)
    assert join(network, thetas.astype(np.float32)).dtype == np.float32


# -------------------------------------------------------------------------- temperature


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("is_exclusive", [True, False])
def test_the_temperature_of_overconfident_logits_is_found(temperature, is_exclusive):
    rng = np.random.default_rng(0)
    loss, logits = LogLoss(is_exclusive), 2.0 * rng.normal(size=(20_000, 3))
    p = loss.probabilities(logits)
    if is_exclusive:
        targets = np.eye(3)[[rng.choice(3, p=row) for row in p]]
    else:
        targets = (rng.uniform(size=p.shape) < p).astype(float)
    found = joint_temperature(loss, temperature * logits, targets, None)
    # the mean of several is less overconfident
    expected = min(temperature, temperature**0.5)
    assert found == pytest.approx(expected, rel=0.05)


def test_the_temperature_respects_weights():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2000, 1))
    targets = (rng.uniform(size=(2000, 1)) < expit(logits)).astype(float)
    weight = np.arange(2000) % 3 + 1.0
    repeated = np.repeat(np.arange(2000), weight.astype(int))
    found = joint_temperature(LogLoss(False), logits, targets, weight)
    plain = joint_temperature(LogLoss(False), logits[repeated], targets[repeated], None)
    assert found == pytest.approx(plain, rel=1e-4)


# ---------------------------------------------------------------------------- intervals


def noisy_members(n_members, noise, n=4000):
    """Members that differ by independent noise; they are constant around a truth."""
    rng = np.random.default_rng(0)
    predictions = noise * rng.normal(size=(n_members, n, 2))
    return predictions, rng.normal(size=(n, 2)), np.arange(n) % n_members


@pytest.mark.parametrize("noise", [0.1, 1.0, 3.0])
@pytest.mark.parametrize("n_members", [3, 8])
def test_residuals_of_the_mean_are_found_from_those_of_the_members(noise, n_members):
    predictions, targets, members = noisy_members(n_members, noise)
    found = joint_residuals(predictions, targets, members, np.ones(len(targets)))
    expected = targets - predictions.mean(axis=0)
    for level in (0.5, 0.9):
        np.testing.assert_allclose(
            np.quantile(found, level, axis=0),
            np.quantile(np.abs(expected), level, axis=0),
            rtol=0.1,
        )


@pytest.mark.parametrize("n_members", [1, 2])
def test_residuals_of_few_members_stay_as_they_are(n_members):
    predictions, targets, members = noisy_members(n_members, 1.0)
    found = joint_residuals(predictions, targets, members, np.ones(len(targets)))
    own = predictions[members, np.arange(len(targets))]
    np.testing.assert_array_equal(found, np.abs(targets - own))


def test_members_without_errors_leave_residuals_of_zero():
    predictions = np.zeros((3, 9, 1))
    found = joint_residuals(predictions, np.zeros((9, 1)), np.arange(9) % 3, np.ones(9))
    assert not found.any()


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.99])
@pytest.mark.parametrize("n", [8, 31, 400])
def test_widths_are_those_of_conformal_prediction(level, n):
    values = np.abs(np.random.default_rng(n).normal(size=(n, 2)))
    found = Residuals(values, np.ones(n), n).half_widths(level)
    rank = int(np.ceil(level * (n + 1) - 1e-9))
    expected = np.sort(values, axis=0)[rank - 1] if rank <= n else [np.inf, np.inf]
    np.testing.assert_array_equal(found, expected)


def test_whole_weights_count_as_repeated_residuals():
    rng = np.random.default_rng(0)
    values, times = np.abs(rng.normal(size=(50, 1))), rng.integers(1, 4, size=50)
    rows = np.repeat(np.arange(50), times)
    weighted = Residuals(values, 7.0 * times, len(rows))
    repeated = Residuals(values[rows], np.ones(len(rows)), len(rows))
    for level in (0.3, 0.8, 0.95):
        assert weighted.half_widths(level) == repeated.half_widths(level)
