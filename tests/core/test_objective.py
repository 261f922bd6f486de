from dataclasses import replace

import numpy as np
import pytest

from sk_effprop.core.arrays import row_blocks
from sk_effprop.core.inputs import FoldedSparse
from tests import reference
from tests.cases import (
    ALL_ACTIVATIONS,
    ALL_LOSSES,
    DEPTH_PARAMS,
    LOSS_PARAMS,
    MAIN_LOSS_PARAMS,
    make_problem,
    sparse_normal,
)

CUSTOM = ALL_ACTIVATIONS["custom"]


def assert_same(results, expected, rtol=1e-12):
    """Equal values and gradients up to rounding."""
    assert results[0] == pytest.approx(expected[0], rel=rtol)
    assert reference.relative_error(results[1], expected[1]) <= rtol


@pytest.mark.parametrize("weighted", [False, True], ids=["even", "weighted"])
@pytest.mark.parametrize("hidden", DEPTH_PARAMS)
@pytest.mark.parametrize("loss", LOSS_PARAMS)
def test_value_and_gradient_agree_with_scalar_loops(hidden, loss, weighted):
    objective, theta = make_problem(hidden, CUSTOM, loss, weighted=weighted)
    got = objective.value_and_gradient(theta)
    assert_same(got, reference.value_and_gradient(objective, theta))
    assert objective.value(theta) == got[0]


@pytest.mark.parametrize("loss", MAIN_LOSS_PARAMS)
@pytest.mark.parametrize("block_size", [1, 13, 30])
def test_blocks_of_rows_do_not_change_anything(monkeypatch, loss, block_size):
    objective, theta = make_problem((4, 3), CUSTOM, loss, n=11)
    expected = objective.value_and_gradient(theta)
    monkeypatch.setattr("sk_effprop.core.arrays.BLOCK_SIZE", block_size)
    blocks = list(row_blocks(11, 4))
    assert len(blocks) > 1
    assert np.array_equal(np.concatenate([np.arange(11)[b] for b in blocks]), range(11))
    assert_same(objective.value_and_gradient(theta), expected)


@pytest.mark.parametrize("is_sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("loss", MAIN_LOSS_PARAMS)
def test_blocks_are_converted_as_all_data_would_be(monkeypatch, loss, is_sparse):
    objective, theta = make_problem((4, 3), CUSTOM, loss, n=11)
    if is_sparse:
        width = objective.inputs.shape[1] - 1
        X = sparse_normal(np.random.default_rng(0), (11, width), 0.5)
        inputs = FoldedSparse(X, np.full(width, 0.5), np.ones(width))
        objective = replace(objective, inputs=inputs)
    weight = objective.sample_weight
    single = replace(
        objective,
        inputs=objective.inputs.astype(np.float32),
        targets=objective.targets.astype(np.float32),
        sample_weight=None if weight is None else weight.astype(np.float32),
    )
    expected = single.as_float64().value_and_gradient(theta)
    monkeypatch.setattr("sk_effprop.core.arrays.BLOCK_SIZE", 13)
    by_blocks = single.accepting_float64()
    assert by_blocks is single
    value, gradient = by_blocks.value_and_gradient(theta)
    assert gradient.dtype == np.float64
    assert_same((value, gradient), expected)


@pytest.mark.parametrize("loss", MAIN_LOSS_PARAMS)
def test_a_weight_is_a_number_of_repeats(loss):
    objective, theta = make_problem((4,), CUSTOM, loss, weighted=False)
    times = np.random.default_rng(1).integers(1, 4, size=objective.n_samples)
    rows = np.repeat(np.arange(objective.n_samples), times)
    weighted = replace(objective, sample_weight=times / times.mean())
    assert_same(
        weighted.value_and_gradient(theta),
        objective.subset(rows).value_and_gradient(theta),
    )
    assert weighted.null_value() == pytest.approx(objective.subset(rows).null_value())


def test_equal_weights_are_no_weights():
    objective, theta = make_problem((4,), CUSTOM, ALL_LOSSES["squared_error_3"])
    ones = replace(objective, sample_weight=np.ones(objective.n_samples))
    none = replace(objective, sample_weight=None)
    assert_same(ones.value_and_gradient(theta), none.value_and_gradient(theta))


def test_penalty_is_half_alpha_times_the_squared_weights_without_biases():
    penalised, theta = make_problem(
        (4, 3), CUSTOM, ALL_LOSSES["squared_error_1"], alpha=0.7
    )
    free = replace(penalised, penalty=np.zeros_like(theta))
    layers = penalised.network.layers(theta)
    expected = 0.35 * sum(np.sum(W[:-1] ** 2) for W in layers)
    value, gradient = penalised.value_and_gradient(theta)
    free_value, free_gradient = free.value_and_gradient(theta)
    assert value - free_value == pytest.approx(expected, rel=1e-12)
    assert penalised.penalty_value(theta) == pytest.approx(expected, rel=1e-12)
    for W, change in zip(
        layers, penalised.network.layers(gradient - free_gradient), strict=True
    ):
        np.testing.assert_allclose(change[:-1], 0.7 * W[:-1], rtol=1e-9)
        assert not change[-1].any()


@pytest.mark.parametrize("loss", MAIN_LOSS_PARAMS)
@pytest.mark.parametrize("full", [False, True], ids=["diagonal", "full"])
def test_folded_sparse_inputs_give_what_dense_ones_give(monkeypatch, loss, full):
    dense, theta = make_problem((4,), CUSTOM, loss)
    rng = np.random.default_rng(2)
    X = sparse_normal(rng, (12, 3), density=0.5)
    shift = rng.normal(size=3)
    A = rng.normal(size=(3, 3)) if full else rng.uniform(0.5, 2.0, size=3)
    normalised = (X.toarray() - shift) @ (A if full else np.diag(A))
    inputs = np.column_stack([normalised, np.ones(12)])
    monkeypatch.setattr("sk_effprop.core.arrays.BLOCK_SIZE", 20)
    assert_same(
        replace(dense, inputs=FoldedSparse(X, shift, A)).value_and_gradient(theta),
        replace(dense, inputs=inputs).value_and_gradient(theta),
    )


def test_value_is_the_mean_of_the_sample_losses_and_the_penalty():
    objective, theta = make_problem((4,), CUSTOM, ALL_LOSSES["log_loss_softmax"])
    losses = objective.sample_losses(theta)
    assert losses.shape == (objective.n_samples,)
    expected = losses.mean() + objective.penalty_value(theta)
    assert objective.value(theta) == pytest.approx(expected, rel=1e-14)


def test_subset_takes_the_rows_with_their_weights_and_labels():
    objective, theta = make_problem((4,), CUSTOM, ALL_LOSSES["squared_error_3"])
    objective = replace(objective, labels=np.arange(12) % 3)
    rows = np.array([7, 2, 2, 11])
    part = objective.subset(rows)
    assert part.n_samples == 4
    np.testing.assert_array_equal(part.labels, [1, 2, 2, 2])
    np.testing.assert_allclose(
        part.sample_losses(theta), objective.sample_losses(theta)[rows], rtol=1e-13
    )


@pytest.mark.parametrize("loss", MAIN_LOSS_PARAMS)
def test_null_value_is_the_loss_of_outputs_that_are_zero(loss):
    objective, _ = make_problem((), CUSTOM, loss)
    zeros = [0.0] * objective.targets.shape[1]
    losses = [reference.loss_value(loss.loss, zeros, t) for t in objective.targets]
    expected = np.average(losses, weights=objective.sample_weight)
    assert objective.null_value() == pytest.approx(expected)


def test_single_precision_stays_single():
    double, theta = make_problem((4,), CUSTOM, ALL_LOSSES["squared_error_3"])
    single = replace(
        double,
        inputs=double.inputs.astype(np.float32),
        targets=double.targets.astype(np.float32),
        sample_weight=double.sample_weight.astype(np.float32),
    )
    value, gradient = single.value_and_gradient(theta.astype(np.float32))
    assert isinstance(value, float)
    assert gradient.dtype == np.float32
    assert_same((value, gradient), double.value_and_gradient(theta), rtol=1e-5)


def test_theta_is_left_alone():
    objective, theta = make_problem((4,), CUSTOM, ALL_LOSSES["squared_error_3"])
    before = theta.copy()
    objective.value_and_gradient(theta)
    np.testing.assert_array_equal(theta, before)
