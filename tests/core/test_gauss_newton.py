"""The Gauss-Newton system, Laplace's posterior and the evidence."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import BayesianRidge

from sk_effprop.core.activations import IDENTITY
from sk_effprop.core.compact import compact_inverse
from sk_effprop.core.curvature import Linearization
from sk_effprop.core.gauss_newton import (
    DualSystem,
    PrimalSystem,
    laplace,
    make_system,
    weigh_evidence,
)
from sk_effprop.core.inputs import with_ones
from sk_effprop.core.losses import SquaredError
from sk_effprop.core.network import Network, forward
from sk_effprop.core.objective import Objective
from sk_effprop.solvers import EvidenceRounds, LevenbergMarquardt
from tests.cases import (
    ALL_ACTIVATIONS,
    ALL_LOSSES,
    MAIN_LOSS_PARAMS,
    make_monitor,
    make_problem,
)

SYSTEMS = pytest.mark.parametrize("kind", [PrimalSystem, DualSystem])


def dense_gauss_newton(linearization):
    return np.array(
        [
            linearization.gauss_newton_product(v)
            for v in np.eye(len(linearization.theta))
        ]
    )


def small(loss, *, weighted=True):
    """A problem with its linearisation, and the matrix G without penalty."""
    objective, theta = make_problem(
        (4,), ALL_ACTIVATIONS["lecun_tanh"], loss, weighted=weighted
    )
    linearization = Linearization(objective, theta)
    return linearization, dense_gauss_newton(
        Linearization(objective.without_penalty(), theta)
    )


@SYSTEMS
@pytest.mark.parametrize("loss", MAIN_LOSS_PARAMS)
def test_both_factors_are_those_of_the_dense_matrix(kind, loss):
    linearization, G = small(loss)
    rng = np.random.default_rng(0)
    added = np.empty(len(G))
    for layer in linearization.objective.network.layers(added):
        layer[:-1], layer[-1] = rng.uniform(0.1, 1.0, size=2)
    A, V = G + np.diag(added), rng.normal(size=(3, len(G)))
    inverse = np.linalg.inv(A)
    system = kind(linearization)
    factor = system.factor(added)
    np.testing.assert_allclose(system.diagonal, np.diag(G), atol=1e-12)
    np.testing.assert_allclose(factor.solve(V[0]), inverse @ V[0], rtol=1e-9)
    np.testing.assert_allclose(factor.inverse_diagonal(), np.diag(inverse), rtol=1e-9)
    expected = np.einsum("ij,jk,ik->i", V, inverse, V)
    np.testing.assert_allclose(factor.quadratic(V), expected, rtol=1e-9)
    assert factor.log_determinant() == pytest.approx(np.linalg.slogdet(A)[1])


# ------------------------------------------------------------------------------ Laplace


def linear_problem(n=60, n_inputs=4, n_outputs=1, penalty=0.02, noise=0.5, seed=0):
    """Ridge regression at its minimum, weighted."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, n_inputs))
    Y = X @ rng.normal(size=(n_inputs, n_outputs)) + noise * rng.normal(
        size=(n, n_outputs)
    )
    network = Network((n_inputs, n_outputs), (IDENTITY,))
    penalties = network.per_layer(lambda fan_in, fan_out: penalty, biases=0.0)
    objective = Objective(network, SquaredError(), with_ones(X), Y, None, penalties)
    return objective, minimum(objective)


def minimum(objective):
    """Of a linear network, from the normal equations."""
    X, n = objective.inputs, objective.n_samples
    penalty = objective.network.layers(objective.penalty)[0][:, 0]
    left = X.T @ X / n + np.diag(penalty)
    return np.linalg.solve(left, X.T @ objective.targets / n).ravel()


@pytest.mark.parametrize("n", [60, 4], ids=["primal", "dual"])
def test_the_posterior_of_a_linear_network_is_that_of_the_textbook(n):
    """Variance s^2 (1 + x' (X'X + n penalty)^-1 x), s^2 from the residuals."""
    objective, theta = linear_problem(n=n)
    X, penalty = objective.inputs, objective.penalty
    inverse = np.linalg.inv(X.T @ X + n * np.diag(np.maximum(penalty, 1e-6)))
    posterior = laplace(Linearization(objective, theta))
    gamma = np.trace(X.T @ X @ inverse)
    assert posterior.n_determined == pytest.approx(gamma, rel=1e-4)
    squares = np.sum((X @ theta[:, None] - objective.targets) ** 2)
    noise = squares / max(n - gamma, 1.0)
    assert posterior.noise[0] == pytest.approx(noise, rel=1e-4)
    new = with_ones(np.random.default_rng(1).normal(size=(7, 4)))
    expected = noise * (1.0 + np.einsum("ij,jk,ik->i", new, inverse, new))
    got = posterior.variance(objective.network, new)
    np.testing.assert_allclose(got[:, 0], expected, rtol=1e-3)


def test_a_weight_of_two_is_a_row_twice_for_the_posterior():
    objective, theta = make_problem(
        (4,), ALL_ACTIVATIONS["lecun_tanh"], ALL_LOSSES["squared_error_3"], n=20
    )
    times = np.random.default_rng(0).integers(1, 3, size=20)
    repeated = replace(objective, sample_weight=None).subset(
        np.repeat(np.arange(20), times)
    )
    weighted = replace(
        objective, sample_weight=times / times.mean(), count=float(times.sum())
    )
    first, second = (laplace(Linearization(o, theta)) for o in (repeated, weighted))
    assert first.n_determined == pytest.approx(second.n_determined)
    np.testing.assert_allclose(first.noise, second.noise)
    np.testing.assert_allclose(
        *(p.variance(objective.network, objective.inputs) for p in (first, second)),
        rtol=1e-6,
    )


def test_the_spread_is_the_variance_of_the_outputs_over_the_posterior():
    """Against sampling weights from the Gaussian, where it is narrow."""
    objective, theta = make_problem(
        (3,), ALL_ACTIVATIONS["lecun_tanh"], ALL_LOSSES["squared_error_1"], n=40
    )
    objective = replace(objective, count=1e6)
    linearization = Linearization(objective, theta)
    posterior = laplace(linearization)
    prior = np.maximum(
        objective.penalty, 1e-6 * np.max(make_system(linearization).diagonal)
    )
    A = dense_gauss_newton(Linearization(objective.without_penalty(), theta))
    covariance = np.linalg.inv(A + np.diag(prior)) * posterior.noise[0] / 1e6
    draws = np.random.default_rng(0).multivariate_normal(theta, covariance, size=4000)
    outputs = [forward(objective.network, t, objective.inputs).outputs for t in draws]
    expected = np.var(outputs, axis=0)
    got = posterior.variance(objective.network, objective.inputs)
    np.testing.assert_allclose(got - posterior.noise, expected, rtol=0.15)


# ----------------------------------------------------------------------------- evidence


def rounds(objective, theta, max_iter=200):
    """Penalty and weights that the evidence settles on."""
    solver = EvidenceRounds(LevenbergMarquardt(1e-12))
    monitor = make_monitor(objective, theta, max_iter)
    solution = solver.solve(objective, theta, state=None, rng=None, monitor=monitor)
    return solution.state.penalty, monitor


@pytest.mark.parametrize("noise", [0.2, 2.0])
def test_a_linear_network_gets_the_penalty_of_bayesian_ridge(noise):
    """One output, one layer: the same evidence, maximised by other code."""
    objective, theta = linear_problem(n=80, noise=noise)
    for _ in range(300):
        linearization = Linearization(objective, theta)
        penalty = weigh_evidence(linearization, make_system(linearization)).penalty
        objective = replace(objective, penalty=penalty)
        theta = minimum(objective)
    ridge = BayesianRidge(
        tol=1e-12, max_iter=3000, alpha_1=0, alpha_2=0, lambda_1=0, lambda_2=0
    ).fit(objective.inputs[:, :-1], objective.targets[:, 0])
    # theirs spares no degree of freedom for the intercept
    assert penalty[0] == pytest.approx(ridge.lambda_ / ridge.alpha_ / 80, rel=0.03)
    np.testing.assert_allclose(theta[:-1], ridge.coef_, rtol=0.01, atol=1e-3)


def test_the_update_stays_where_the_evidence_is_highest():
    """The criterion as a function of the penalty is lowest at the fixed point."""
    objective, theta = linear_problem(n=80, noise=1.0)
    for _ in range(300):
        linearization = Linearization(objective, theta)
        objective = replace(
            objective,
            penalty=weigh_evidence(linearization, make_system(linearization)).penalty,
        )
        theta = minimum(objective)

    def criterion(factor):
        scaled = replace(objective, penalty=factor * objective.penalty)
        linearization = Linearization(scaled, minimum(scaled))
        return weigh_evidence(linearization, make_system(linearization)).criterion

    assert criterion(1.0) < min(criterion(0.8), criterion(1.25))


def test_rounds_end_at_the_best_evidence_and_know_noise_from_function():
    """Less penalty where targets are a function of the inputs."""
    strengths = {}
    for name, share in (("function", 0.0), ("noise", 1.0)):
        objective, theta = make_problem(
            (4,),
            ALL_ACTIVATIONS["lecun_tanh"],
            ALL_LOSSES["squared_error_1"],
            n=150,
            weighted=False,
        )
        rng = np.random.default_rng(3)
        smooth = np.sin(objective.inputs[:, :1])
        targets = (1.0 - share) * smooth + share * rng.normal(size=smooth.shape)
        objective = replace(objective, targets=targets)
        penalty, monitor = rounds(objective, theta)
        assert monitor.reason == ""
        strengths[name] = np.max(penalty)
    assert strengths["function"] < 0.1 * strengths["noise"]


def test_perfect_targets_are_no_reason_to_fail():
    objective, theta = linear_problem(n=30, noise=0.0)
    objective = replace(objective, targets=np.zeros_like(objective.targets))
    penalty, monitor = rounds(objective, theta)
    assert np.isfinite(penalty).all()
    assert np.isfinite(monitor.best_theta).all()


# ------------------------------------------------------------------------ compact forms


@pytest.mark.parametrize("size", [1, 7, 60])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.4, 0.8, 1.0])
@pytest.mark.parametrize("prior", [1e-6, 1e-2, 10.0])
def test_compact_forms_give_the_same_standard_deviations(size, share, prior):
    """Whatever share of the directions the data determine, to a relative 1e-5."""
    rng = np.random.default_rng(0)
    J = rng.normal(size=(int(share * size), size)) * 10.0 ** rng.uniform(-2, 0, size)
    G, priors = J.T @ J, prior * rng.uniform(0.5, 2.0, size)
    upper = np.triu(G) + np.tril(np.full_like(G, np.nan), -1)
    compact = compact_inverse(upper, priors)
    V = np.vstack([J, 3.0 * rng.normal(size=(20, size)), np.zeros((1, size))])
    expected = np.einsum("ij,ji->i", V, np.linalg.solve(G + np.diag(priors), V.T))
    # the variance of an observation is 1 + v' A^-1 v / n times that of the noise
    for n in (1, 100):
        np.testing.assert_allclose(
            np.sqrt(1.0 + compact.quadratic(V) / n),
            np.sqrt(1.0 + expected / n),
            rtol=1e-5,
        )
    entries = sum(np.size(v) for v in vars(compact).values())
    assert entries <= size * (size + 1) / 2 + 2 * size + 1
