from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

import sk_effprop.core.spectrum as spectrum_module
from sk_effprop.core.curvature import Linearization
from sk_effprop.core.inputs import FoldedSparse
from sk_effprop.core.paper import falling_leak, online_power_method, power_method
from sk_effprop.core.spectrum import (
    LeadingCurvature,
    curvature_operator,
    largest_eigenvalue,
    leading_curvature,
    leading_eigenpairs,
)
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
    pattern = np.average(leading, weights=objective.sample_weight)
    return LeadingCurvature(max(pattern, mean), mean)


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
    # known from below, and in a few of these small problems no better than this
    assert 0.7 * expected.mean <= got.mean <= expected.mean * (1 + 1e-7)


def test_the_largest_eigenvalue_needs_fewer_products_than_the_power_method():
    """Of a matrix whose second eigenvalue is close."""
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(rng.normal(size=(50, 50)))[0]
    A = Q * np.r_[1.0, 0.95, np.linspace(0.0, 0.9, 48)] @ Q.T
    start = rng.normal(size=50)
    calls = []

    def product(v):
        calls.append(v)
        return A @ v

    got = largest_eigenvalue(product, start, tolerance=1e-3)
    assert got == pytest.approx(1.0, rel=5e-3)
    assert got <= 1.0 + 1e-12
    steps = len(calls)
    assert power_method(product, start, n_iter=steps).value < got


@pytest.mark.parametrize("size", [1, 2])
def test_the_largest_eigenvalue_of_nearly_nothing(size):
    start = np.ones(size)
    assert largest_eigenvalue(lambda v: 0.0 * v, start, tolerance=0.01) == 0.0
    got = largest_eigenvalue(lambda v: 3.0 * v, start, tolerance=0.01)
    assert got == pytest.approx(3.0)


def test_the_largest_eigenvalue_is_infinite_if_products_overflow():
    def product(v):
        return np.full_like(v, np.inf)

    assert largest_eigenvalue(product, np.ones(3), tolerance=0.01) == np.inf


@pytest.mark.parametrize("loss", MAIN_LOSS_PARAMS)
def test_a_pattern_is_curved_at_least_as_much_as_the_mean(loss):
    for seed in range(5):
        objective, theta = problem(loss, seed=seed)
        curvature = estimate(objective, theta, seed=seed)
        assert curvature.pattern >= curvature.mean > 0.0


def test_the_penalty_adds_alpha_to_every_curvature():
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
def test_sparse_inputs_have_the_curvature_of_dense_ones(full):
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


# ------------------------------------------------------------------- the power method


def symmetric(eigenvalues, seed=0):
    """A matrix with these eigenvalues, and their vectors."""
    n = len(eigenvalues)
    vectors, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))
    return (vectors * eigenvalues) @ vectors.T, vectors


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sign", [1.0, -1.0], ids=["positive", "negative"])
def test_the_power_method_finds_what_is_largest_in_modulus_with_its_sign(sign, seed):
    rng = np.random.default_rng(seed)
    A, _ = symmetric(np.append(rng.uniform(-2.0, 2.0, size=9), 3.0 * sign), seed)
    start = rng.normal(size=10)
    value, vector = power_method(A.__matmul__, start, n_iter=200)
    values, vectors = np.linalg.eigh(A)
    largest = np.argmax(np.abs(values))
    assert value == pytest.approx(values[largest], rel=1e-12)
    assert value == pytest.approx(3.0 * sign, rel=1e-12)
    assert abs(vector @ vectors[:, largest]) == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("n_iter", [1, 5, 20])
def test_the_power_method_comes_from_below_and_makes_so_many_products(n_iter):
    A, vectors = symmetric(np.array([0.1, 0.5, 1.5, 2.0]))
    products = []

    def product(v):
        products.append(v)
        return A @ v

    value, vector = power_method(product, vectors.sum(axis=1), n_iter=n_iter)
    assert len(products) == n_iter
    np.testing.assert_allclose(np.linalg.norm([*products, vector], axis=1), 1.0)
    assert 0.5 < value <= 2.0 * (1.0 + 1e-14)


def test_the_power_method_stops_at_a_matrix_of_zeros():
    start = np.array([3.0, -4.0])
    value, vector = power_method(np.zeros_like, start)
    assert value == 0.0
    np.testing.assert_array_equal(vector, [0.6, -0.8])
    np.testing.assert_array_equal(start, [3.0, -4.0])


def test_the_power_method_stays_in_single_precision():
    A, _ = symmetric(np.array([1.0, 2.0, 5.0]))
    A = A.astype(np.float32)
    value, vector = power_method(A.__matmul__, np.ones(3, dtype=np.float32), n_iter=50)
    assert vector.dtype == np.float32
    assert value == pytest.approx(5.0, rel=1e-5)


# ----------------------------------------------------------------------- and on-line


def always(gamma):
    return lambda t: gamma


def first_pattern(objective):
    return objective.subset(np.array([0]))


def test_the_leak_falls_and_then_stays():
    leaks = np.array([falling_leak(t) for t in range(1000)])
    assert leaks[0] == 0.3
    assert np.all(np.diff(leaks) <= 0.0)
    np.testing.assert_allclose(leaks[[10, 50]], [0.15, 0.05])
    assert leaks[-1] == 0.01


@pytest.mark.parametrize("kind", ["hessian", "gauss_newton"])
@pytest.mark.parametrize("leak", [falling_leak, always(0.1)], ids=["falling", "fixed"])
def test_identical_patterns_of_a_linear_network_give_the_exact_eigenvalue(leak, kind):
    """The squared length of the inputs, one for the bias included."""
    objective, theta = problem(ALL_LOSSES["squared_error_1"], hidden=())
    (x,) = first_pattern(objective).inputs
    same = objective.subset(np.zeros(7, dtype=int))
    start = np.random.default_rng(0).normal(size=len(theta))
    order = np.tile(np.arange(7), 400)
    found = online_power_method(same, theta, order, start, leak=leak, kind=kind)
    assert found.shape == (2800,)
    assert found[-1] == pytest.approx(x @ x, rel=1e-9)


@pytest.mark.parametrize("loss", MAIN_LOSS_PARAMS)
def test_one_pattern_by_gauss_newton_gives_the_curvature_of_that_pattern(loss):
    objective, theta = problem(loss)
    expected = estimate(first_pattern(objective), theta).pattern
    start = np.random.default_rng(0).normal(size=len(theta))
    found = online_power_method(
        objective, theta, [0] * 2000, start, leak=always(0.1), kind="gauss_newton"
    )
    assert found[-1] == pytest.approx(expected, rel=1e-6)


def test_the_length_of_the_start_does_not_matter_on_line():
    """A random vector would otherwise begin with the length sqrt(n_weights)."""
    objective, theta = problem(ALL_LOSSES["squared_error_3"])
    start = np.random.default_rng(0).normal(size=len(theta))
    usual, long = (
        online_power_method(objective, theta, range(12), length * start)
        for length in (1.0, 1000.0)
    )
    np.testing.assert_allclose(long, usual, rtol=1e-12)
    assert usual[0] > 0.5


def test_on_line_it_is_the_largest_eigenvalue_whatever_its_modulus():
    """Unlike the power method, which may end at the most negative one."""
    objective, theta = problem(ALL_LOSSES["squared_error_1"], n=1, seed=4)
    one = replace(objective, targets=objective.targets + 20.0)
    H = Linearization(one, theta).hessian_product
    spectrum = np.linalg.eigvalsh([H(v) for v in np.eye(len(theta))])
    assert spectrum[0] < -1.5 * spectrum[-1]
    start = np.random.default_rng(0).normal(size=len(theta))
    offline = power_method(H, start, n_iter=500)
    assert offline.value == pytest.approx(spectrum[0], rel=1e-9)
    found = online_power_method(one, theta, [0] * 2000, start, leak=always(0.1))
    assert found[-1] == pytest.approx(spectrum[-1], rel=1e-9)


# ----------------------------------------------------------- operators and eigenpairs


def dense_curvature(objective, theta, kind):
    """The matrix, penalty included, made of differences."""
    if kind == "hessian":
        return reference.central_difference(
            lambda t: objective.value_and_gradient(t)[1], theta
        )
    mean = reference.pattern_gauss_newton(objective, theta).mean(axis=0)
    return mean + np.diag(objective.penalty)


@pytest.mark.parametrize("kind", ["hessian", "gauss_newton"])
@pytest.mark.parametrize("loss", MAIN_LOSS_PARAMS)
def test_operators_are_their_dense_matrices(loss, kind):
    """Symmetric, too, penalty and sample weights included."""
    objective, theta = problem(loss, alpha=0.03, weighted=True)
    operator = curvature_operator(Linearization(objective, theta), kind)
    n = len(theta)
    assert operator.shape == (n, n)
    assert operator.dtype == np.float64
    columns = operator @ np.eye(n)
    expected = dense_curvature(objective, theta, kind)
    np.testing.assert_allclose(columns, expected, atol=1e-6 * np.abs(expected).max())
    np.testing.assert_allclose(columns, columns.T, atol=1e-12 * np.abs(columns).max())
    v = np.arange(n, dtype=float)
    np.testing.assert_allclose(operator.rmatvec(v), operator @ v)
    np.testing.assert_allclose((operator @ v[:, None])[:, 0], operator @ v)


@pytest.mark.parametrize("kind", ["hessian", "gauss_newton"])
def test_eigenpairs_are_those_of_the_dense_matrix(kind):
    """The largest first, which for the Hessian are not those of largest modulus."""
    objective, theta = problem(ALL_LOSSES["squared_error_2_lecun_tanh"], seed=4)
    objective = replace(objective, targets=objective.targets + 5.0)
    linearization = Linearization(objective, theta)
    operator, n = curvature_operator(linearization, kind), len(theta)
    start = np.random.default_rng(0).normal(size=n)
    values, vectors = leading_eigenpairs(operator, 5, start)
    dense = operator @ np.eye(n)
    expected = np.linalg.eigvalsh(dense)
    np.testing.assert_allclose(values, expected[::-1][:5], rtol=1e-9)
    np.testing.assert_allclose(dense @ vectors, vectors * values, atol=1e-8 * values[0])
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(5), atol=1e-10)
    if kind == "hessian":
        assert expected[0] < -values[4]


@pytest.mark.parametrize("kind", ["hessian", "gauss_newton"])
def test_operators_and_eigenpairs_stay_in_single_precision(kind):
    objective, theta = problem(ALL_LOSSES["log_loss_softmax"])
    single = replace(
        objective,
        inputs=objective.inputs.astype(np.float32),
        targets=objective.targets.astype(np.float32),
    )
    start = np.random.default_rng(0).normal(size=len(theta))
    exact, _ = leading_eigenpairs(
        curvature_operator(Linearization(objective, theta), kind), 3, start
    )
    operator = curvature_operator(Linearization(single, theta.astype(np.float32)), kind)
    start = start.astype(np.float32)
    values, vectors = leading_eigenpairs(operator, 3, start)
    of_operator = (operator.dtype, (operator @ start).dtype)
    assert {*of_operator, values.dtype, vectors.dtype} == {np.dtype(np.float32)}
    np.testing.assert_allclose(values, exact, rtol=1e-4)
