"""The penalty before any training: out-of-sample errors of wide networks."""

from itertools import product

import numpy as np
import pytest
from scipy import sparse

from sk_effprop.core.inputs import FoldedSparse, with_ones
from sk_effprop.core.losses import LogLoss, SquaredError, make_loss
from sk_effprop.core.strength import (
    FEW_ROWS_STRENGTH,
    NOISE_STRENGTH,
    OPPOSED_STRENGTH,
    ROUGH,
    OutOfSample,
    _left_out,
    loss_scale,
    out_of_sample,
    strength,
    tangent_kernel,
    tilt,
)


def table(function, n=100, n_in=3, noise=0.0, seed=0):
    """Normal inputs, and targets of one output."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, n_in))
    return with_ones(X), (function(X) + noise * rng.normal(size=n))[:, None]


def errors(error, linear_error, *, n_rows, smooth_noise=0.0):
    return OutOfSample(error, linear_error, False, smooth_noise, 0.0, n_rows)


def line(X):
    return X[:, 0]


def wave(X):
    return np.sin(3.0 * X[:, 0])


def nothing(X):
    return np.zeros(len(X))


def test_left_out_errors_are_those_of_leaving_out(monkeypatch):
    """In closed form, and by fitting n times."""
    inputs, Y = table(wave, n=20)
    Y = (Y - Y.mean()) / Y.std()
    K = tangent_kernel(inputs[:, :-1] @ inputs[:, :-1].T / 3, ROUGH)
    monkeypatch.setattr("sk_effprop.core.strength.NOISES", np.array([0.1]))
    weight = np.random.default_rng(1).uniform(0.5, 2.0, size=20)
    weight /= weight.mean()
    residuals = []
    for i in range(20):
        rest = np.delete(np.arange(20), i)
        A = K[np.ix_(rest, rest)] + np.diag(0.1 / weight[rest])
        # the constant that suits the others best, and what the kernel adds
        ones = np.ones(19)
        constant = (
            ones @ np.linalg.solve(A, Y[rest, 0]) / (ones @ np.linalg.solve(A, ones))
        )
        added = K[i, rest] @ np.linalg.solve(A, Y[rest, 0] - constant)
        residuals.append(Y[i, 0] - constant - added)
    n_effective = weight.sum() ** 2 / np.sum(weight**2)
    expected = np.mean(weight * np.square(residuals)) * (1.0 - 1.0 / n_effective) ** 2
    found = _left_out(K, Y, weight)
    assert found.error == pytest.approx(min(expected, 1.0))
    assert found.noise == 0.1


def test_the_error_of_the_mean_is_one():
    """With so much noise that the kernel adds nothing to it, for any weights."""
    Y = np.array([[1.0], [0.0], [-1.0], [0.5], [-0.5]])
    error = _left_out(1e-12 * np.eye(5), Y, np.ones(5)).error
    assert error == pytest.approx(np.mean(Y**2))
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        for tiny in (1e-3, 1e-9, 1e-300):
            weight = np.array([1.0, tiny, tiny, tiny, tiny])
            found = out_of_sample(with_ones(Y), Y**2, weight)
            assert 0.0 <= found.error <= 1.0


def test_the_kernel_is_that_of_a_wide_network():
    """By Monte Carlo: the covariance of one layer of units, and of its derivatives."""
    rng = np.random.default_rng(0)
    from scipy.special import erf

    S = np.array([[1.0, 0.4], [0.4, 0.8]])
    z = rng.multivariate_normal([0, 0], S, size=200_000)
    sizes = np.outer(*[np.sqrt(1 + 2 * np.diag(S))] * 2)
    covariance = 2 / np.pi * np.arcsin(2 * S / sizes)
    slopes = 4 / np.pi / np.sqrt(sizes**2 - 4 * S**2)
    values, derivatives = erf(z), 2 / np.sqrt(np.pi) * np.exp(-(z**2))
    np.testing.assert_allclose(values.T @ values / 2e5, covariance, atol=0.01)
    np.testing.assert_allclose(derivatives.T @ derivatives / 2e5, slopes, atol=0.02)
    assert np.linalg.eigvalsh(tangent_kernel(S, 1.0)).min() > 0.0


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


def test_noise_is_hardly_ever_opposed():
    for seed in range(40):
        inputs, targets = table(nothing, 40, 4, noise=1.0, seed=seed)
        assert out_of_sample(inputs, targets).opposition > -4.0


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


def test_a_weight_of_two_is_half_the_noise():
    """Scales of weights, order of rows and scale of targets do not matter."""
    inputs, targets = table(wave, noise=0.3)
    weight = np.random.default_rng(0).uniform(0.5, 2.0, size=100)
    order = np.random.default_rng(1).permutation(100)
    one = out_of_sample(inputs, targets, weight)
    other = out_of_sample(inputs[order], 7.0 - 1e3 * targets[order], 5 * weight[order])
    np.testing.assert_allclose(one, other, rtol=1e-7)


def test_sparse_inputs_are_as_good_as_dense_ones():
    rng = np.random.default_rng(0)
    X = rng.poisson(0.3, size=(90, 5)).astype(float)
    targets = X @ np.ones((5, 1)) + rng.normal(size=(90, 1))
    for A in (np.full(5, 2.0), rng.normal(size=(5, 3))):
        folded = FoldedSparse(sparse.csr_array(X), np.full(5, 0.3), A)
        np.testing.assert_allclose(
            out_of_sample(folded, targets),
            out_of_sample(folded.filled(), targets),
            rtol=1e-7,
        )


@pytest.mark.parametrize(
    ("inputs", "targets"),
    [
        (np.random.default_rng(0).normal(size=(50, 3)), np.full((50, 1), 0.1)),
        (np.full((50, 3), 1e200) * np.arange(50.0)[:, None], np.arange(50.0)[:, None]),
    ],
    ids=["constant targets", "overflow"],
)
def test_nothing_is_learnt_where_nothing_can_be(inputs, targets):
    found = out_of_sample(with_ones(inputs), targets)
    assert (found.error, found.linear_error) == (1.0, 1.0)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_one_row_is_enough(n):
    found = out_of_sample(with_ones(np.ones((n, 2))), np.arange(float(n))[:, None])
    assert 0.0 < strength(found) <= 1.0


def test_without_hidden_layers_there_is_but_the_linear_kernel():
    found = out_of_sample(*table(wave), has_hidden_layers=False)
    assert found.error == found.linear_error


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
