from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

import sk_effprop.core.spectrum as spectrum_module
from sk_effprop.core.inputs import FoldedSparse
from sk_effprop.core.spectrum import LeadingCurvature, leading_curvature
from tests import reference
from tests.cases import ALL_ACTIVATIONS, ALL_LOSSES, MAIN_LOSS_PARAMS, make_problem


def problem(loss, *, hidden=(4,), **settings):
    settings = {"alpha": 0.0, "weighted": False, **settings}
    return make_problem(hidden, ALL_ACTIVATIONS["lecun_tanh"], loss, **settings)


def estimate(objective, theta, rates=None, seed=0):
    rates = np.ones_like(theta) if rates is None else rates
    return leading_curvature(objective, theta, rates, np.random.default_rng(seed))


def dense_estimate(objective, theta, rates):
    """Both eigenvalues from dense matrices of R^1/2 G R^1/2."""
    root = np.sqrt(rates)
    patterns = root * reference.pattern_gauss_newton(objective, theta) * root[:, None]
    leading = np.linalg.eigvalsh(patterns)[:, -1]
    mean = np.linalg.eigvalsh(patterns.mean(axis=0))[-1]
    return LeadingCurvature(max(leading.mean(), mean), mean)


@pytest.mark.parametrize("weighted", [False, True], ids=["even", "weighted"])
@pytest.mark.parametrize("scaled", ["one_rate", "per_layer", "per_weight"])
@pytest.mark.parametrize("hidden", [(), (4,), (3, 2)], ids=["depth0", "1", "2"])
@pytest.mark.parametrize("loss", MAIN_LOSS_PARAMS)
def test_leading_curvature_is_that_of_the_dense_gauss_newton_matrix(
    loss, hidden, scaled, weighted
):
    objective, theta = problem(loss, hidden=hidden, weighted=weighted)
    rates = np.ones_like(theta)
    if scaled == "per_layer":
        rates = objective.network.per_layer(lambda fan_in, fan_out: 1.0 / fan_in)
    if scaled == "per_weight":
        rates = np.random.default_rng(3).uniform(0.2, 3.0, size=len(theta))
    got = estimate(objective, theta, rates)
    expected = dense_estimate(objective, theta, rates)
    assert got.pattern == pytest.approx(expected.pattern, rel=1e-7)
    # twenty power iterations know the eigenvalue from below, to a tenth or so
    assert 0.85 * expected.mean <= got.mean <= expected.mean * (1 + 1e-7)


@pytest.mark.parametrize("loss", MAIN_LOSS_PARAMS)
def test_a_pattern_bends_at_least_as_much_as_the_mean(loss):
    for seed in range(5):
        objective, theta = problem(loss, seed=seed)
        curvature = estimate(objective, theta, seed=seed)
        assert curvature.pattern >= curvature.mean > 0.0


def test_the_penalty_bends_everything_by_alpha():
    """Its largest share is added, with the rate of its layer."""
    free, theta = problem(ALL_LOSSES["squared_error_3"])
    penalised, _ = problem(ALL_LOSSES["squared_error_3"], alpha=0.7)
    rates = free.network.per_layer(lambda fan_in, fan_out: 0.1 * fan_in)
    without, with_penalty = (estimate(o, theta, rates) for o in (free, penalised))
    assert with_penalty.mean - without.mean == pytest.approx(0.7 * 0.4)
    assert with_penalty.pattern - without.pattern == pytest.approx(0.7 * 0.4)


@pytest.mark.parametrize("batch_size", [1, 4, 1000])
def test_rate_is_the_inverse_of_the_curvature_of_a_batch(batch_size):
    curvature = LeadingCurvature(pattern=10.0, mean=2.0)
    of_a_batch = (10.0 + (batch_size - 1) * 2.0) / batch_size
    assert curvature.rate(batch_size) == pytest.approx(1.0 / of_a_batch)


def test_rate_without_curvature_is_one():
    assert LeadingCurvature(0.0, 0.0).rate(8) == 1.0


def test_rate_of_a_full_batch_converges_and_twice_and_a_half_that_does_not():
    """Eq. (39) on linear least squares: the step is stable up to twice the inverse."""
    objective, theta = problem(ALL_LOSSES["squared_error_1"], hidden=(), n=100)
    mean = estimate(objective, theta).mean

    def distance(rate):
        moving = theta.copy()
        for _ in range(60):
            moving -= rate * objective.value_and_gradient(moving)[1]
        return np.linalg.norm(objective.value_and_gradient(moving)[1])

    start = np.linalg.norm(objective.value_and_gradient(theta)[1])
    assert distance(1.0 / mean) < 1e-3 * start
    assert distance(2.5 / mean) > 1e3 * start


@pytest.mark.parametrize("full", [False, True], ids=["diagonal", "full"])
def test_sparse_inputs_bend_like_dense_ones(full):
    objective, theta = problem(ALL_LOSSES["log_loss_softmax"], n_inputs=3)
    rng = np.random.default_rng(1)
    shift = rng.normal(size=3)
    A = rng.normal(size=(3, 3)) if full else rng.uniform(0.5, 2.0, size=3)
    back = np.linalg.inv(A) if full else np.diag(1.0 / A)
    X = sparse.csr_array(objective.inputs[:, :-1] @ back + shift)
    folded = replace(objective, inputs=FoldedSparse(X, shift, A))
    np.testing.assert_allclose(
        estimate(folded, theta), estimate(objective, theta), rtol=1e-9
    )


def test_many_rows_are_estimated_from_some(monkeypatch):
    """A subset gives nearly the same; it is drawn with the generator, weights too."""
    objective, theta = problem(ALL_LOSSES["squared_error_1"], n=1000, weighted=True)
    some = estimate(objective, theta)
    assert some == estimate(objective, theta)
    assert some != estimate(objective, theta, seed=1)
    monkeypatch.setattr(spectrum_module, "MAX_PATTERNS", 1000)
    np.testing.assert_allclose(some, estimate(objective, theta), rtol=0.25)


def test_single_precision_is_good_enough():
    objective, theta = problem(ALL_LOSSES["log_loss_softmax"])
    single = replace(
        objective,
        inputs=objective.inputs.astype(np.float32),
        targets=objective.targets.astype(np.float32),
    )
    np.testing.assert_allclose(
        estimate(single, theta.astype(np.float32)),
        estimate(objective, theta),
        rtol=1e-4,
    )


def test_flat_objectives_have_no_curvature():
    """Targets that are met by outputs that no weight can move."""
    objective, theta = problem(ALL_LOSSES["squared_error_1"], hidden=(4,))
    network = replace(
        objective.network,
        activations=(
            ALL_ACTIVATIONS["lecun_tanh"],
            ALL_ACTIVATIONS["identity"]._replace(twist=0.0),
        ),
    )
    assert estimate(replace(objective, network=network), theta) == (0.0, 0.0)
