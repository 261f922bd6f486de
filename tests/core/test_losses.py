import numpy as np
import pytest
from scipy.special import expit, softmax

from sk_effprop.core.losses import (
    LOSSES,
    AbsoluteError,
    Huber,
    LogLoss,
    SquaredError,
    majorant,
)
from tests import reference
from tests.cases import LOSS_PARAMS, params

LOG_LOSSES = params({"logistic": LogLoss(False), "softmax": LogLoss(True)})
N = 5


def outputs_and_targets(case):
    rng = np.random.default_rng(1)
    return rng.normal(size=(N, case.n_outputs)), case.targets(rng, N)


def gradient_of(loss, outputs, targets):
    out = np.empty_like(outputs)
    loss.gradient(outputs, targets, out)
    return out


@pytest.mark.parametrize("case", LOSS_PARAMS)
def test_value_and_gradient_agree_with_the_scalar_reference(case):
    outputs, targets = outputs_and_targets(case)
    rows = list(zip(outputs.tolist(), targets.tolist(), strict=True))
    np.testing.assert_allclose(
        case.loss.value(outputs, targets),
        [reference.loss_value(case.loss, o, t) for o, t in rows],
        rtol=1e-12,
    )
    np.testing.assert_allclose(
        gradient_of(case.loss, outputs, targets),
        [reference.loss_gradient(case.loss, o, t) for o, t in rows],
        rtol=1e-12,
    )


def dense_hessian(loss, outputs, targets):
    """(n, k, k), from products with unit vectors."""
    units = np.eye(outputs.shape[1], dtype=outputs.dtype)
    products = [
        loss.hessian_product(outputs, targets, np.tile(unit, (len(outputs), 1)))
        for unit in units
    ]
    return np.stack(products, axis=-1)


@pytest.mark.parametrize("case", LOSS_PARAMS)
def test_the_root_squares_to_the_hessian(case):
    """S S' is what the products are made with."""
    outputs, targets = outputs_and_targets(case)
    root = case.loss.hessian_root(outputs, targets)
    np.testing.assert_allclose(
        root @ root.transpose(0, 2, 1),
        dense_hessian(case.loss, outputs, targets),
        atol=1e-14,
    )


@pytest.mark.parametrize("case", LOSS_PARAMS)
def test_the_diagonal_is_that_of_the_root_squared(case):
    outputs, targets = outputs_and_targets(case)
    root = case.loss.hessian_root(outputs, targets)
    hessian = root @ root.transpose(0, 2, 1)
    diagonal = case.loss.hessian_diagonal(outputs, targets)
    assert diagonal.shape == outputs.shape
    expected = np.diagonal(hessian, axis1=1, axis2=2)
    np.testing.assert_allclose(diagonal, expected, rtol=1e-12)


@pytest.mark.parametrize("case", LOSS_PARAMS)
def test_gradient_and_hessian_are_derivatives(case):
    """Differences of the value give the gradient, those of the gradient the Hessian."""
    outputs, targets = outputs_and_targets(case)
    gradient = gradient_of(case.loss, outputs, targets)
    hessian = dense_hessian(case.loss, outputs, targets)
    for p in range(N):
        target = targets[p : p + 1]

        def value(o, target=target):
            return case.loss.value(o[None], target)[0]

        def slope(o, target=target):
            return gradient_of(case.loss, o[None], target)[0]

        np.testing.assert_allclose(
            reference.central_difference(value, outputs[p]), gradient[p], atol=1e-9
        )
        np.testing.assert_allclose(
            reference.central_difference(slope, outputs[p]), hessian[p], atol=1e-9
        )


@pytest.mark.parametrize("case", LOSS_PARAMS)
def test_the_arguments_are_left_alone_and_float32_stays(case):
    outputs, targets = (a.astype(np.float32) for a in outputs_and_targets(case))
    copies = outputs.copy(), targets.copy()
    results = (
        case.loss.value(outputs, targets),
        gradient_of(case.loss, outputs, targets),
        dense_hessian(case.loss, outputs, targets),
        case.loss.hessian_diagonal(outputs, targets),
    )
    assert {result.dtype for result in results} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(outputs, copies[0])
    np.testing.assert_array_equal(targets, copies[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", LOG_LOSSES)
def test_extreme_logits_cost_what_they_are_off(loss, dtype):
    """A logit 1000 on the wrong side costs 1000 (2000 against the other), not inf."""
    outputs = np.array([[1000.0, -1000.0], [-1000.0, 1000.0], [0.0, 0.0]], dtype=dtype)
    targets = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]], dtype=dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        value = loss.value(outputs, targets)
        gradient = gradient_of(loss, outputs, targets)
        hessian = dense_hessian(loss, outputs, targets)
        diagonal = loss.hessian_diagonal(outputs, targets)
    unsure = np.log(2.0) if loss.exclusive else 2.0 * np.log(2.0)
    np.testing.assert_allclose(value, [0.0, 2000.0, unsure], rtol=1e-6)
    np.testing.assert_allclose(gradient[:2], [[0.0, 0.0], [-1.0, 1.0]], atol=1e-30)
    assert np.isfinite(hessian).all()
    assert not hessian[:2].any()
    np.testing.assert_allclose(diagonal[:2], 0.0, atol=1e-30)
    np.testing.assert_allclose(diagonal[2], 0.25, rtol=1e-6)


def test_two_softmax_logits_are_one_logistic_difference():
    rng = np.random.default_rng(2)
    logits, labels = 3 * rng.normal(size=(9, 2)), rng.integers(0, 2, size=9)
    two = LogLoss(True).value(logits, np.eye(2)[labels])
    difference = logits[:, 1:] - logits[:, :1]
    one = LogLoss(False).value(difference, labels[:, None].astype(float))
    np.testing.assert_allclose(two, one, rtol=1e-12)


@pytest.mark.parametrize("loss", LOG_LOSSES)
def test_probabilities_are_what_the_gradient_compares_with_the_targets(loss):
    rng = np.random.default_rng(3)
    logits, targets = rng.normal(size=(6, 3)), np.eye(3)[rng.integers(0, 3, size=6)]
    p = loss.probabilities(logits)
    np.testing.assert_allclose(p - targets, gradient_of(loss, logits, targets), 1e-12)
    expected = softmax(logits, axis=1) if loss.exclusive else expit(logits)
    np.testing.assert_allclose(p, expected, rtol=1e-12)


def test_losses_are_found_by_name():
    assert LOSSES["squared_error"]() == SquaredError()
    assert LOSSES["log_loss"](True).exclusive


@pytest.mark.parametrize(
    "loss", [Huber(0.7), AbsoluteError(), AbsoluteError(0.9, 0.1, rounding=0.3)]
)
def test_the_majorant_is_a_parabola_that_touches_the_loss_from_above(loss):
    rng = np.random.default_rng(0)
    targets, outputs, others = rng.normal(scale=3.0, size=(3, 400, 1))
    parabola = majorant(loss)
    gradient = np.empty_like(outputs)
    parabola.gradient(outputs, targets, gradient)
    curvature = parabola.hessian_diagonal(outputs, targets)
    step = others - outputs
    bound = loss.terms(outputs, targets) + step * (gradient + 0.5 * step * curvature)
    assert (loss.terms(others, targets) <= bound + 1e-12).all()
    assert (curvature >= loss.hessian_diagonal(outputs, targets) - 1e-12).all()
    np.testing.assert_array_equal(
        parabola.terms(outputs, targets), loss.terms(outputs, targets)
    )
    # at the minimum both are the same
    np.testing.assert_allclose(
        parabola.hessian_diagonal(targets, targets),
        loss.hessian_diagonal(targets, targets),
    )


def test_other_losses_are_their_own_majorants():
    loss = SquaredError()
    assert majorant(loss) is loss
