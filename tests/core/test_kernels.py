from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from sk_effprop.core.inputs import FoldedSparse
from sk_effprop.core.kernels import Passes, sweep
from sk_effprop.core.network import forward
from tests.cases import ALL_ACTIVATIONS, ALL_LOSSES, MAIN_LOSS_PARAMS, make_problem

N = 10
# on-line, with and without a smaller last batch, full
BATCH_SIZES = [1, 3, 5, N]
HIDDEN = [
    pytest.param((), id="depth0"),
    pytest.param((4,), id="depth1"),
    pytest.param((4, 3), id="depth2"),
]


def problem(hidden, loss, *, weighted=True):
    return make_problem(
        hidden, ALL_ACTIVATIONS["custom"], loss, n=N, alpha=0.0, weighted=weighted
    )


def swept(objective, theta, batch_size, rate):
    """Descend through one sweep; return the new theta, the outputs, the shares."""
    theta, shares = theta.copy(), []
    layers = objective.network.layers(theta)
    passes = Passes(layers, objective.network.activations, batch_size)

    def update(passes, targets, weights):
        share = passes.n_rows / batch_size
        assert len(targets) == passes.n_rows
        assert (weights is None) == (objective.sample_weight is None)
        shares.append(share)
        passes.add_gradient(layers, [-rate / batch_size] * len(layers))

    outputs = sweep(
        passes,
        objective.loss,
        objective.inputs,
        objective.targets,
        objective.sample_weight,
        update,
    )
    return theta, outputs, shares


def slowly_swept(objective, theta, batch_size, rate):
    """The same result from the gradient of the objective, batch by batch."""
    outputs, shares = [], []
    for start in range(0, N, batch_size):
        batch = objective.subset(np.arange(start, min(start + batch_size, N)))
        outputs.append(forward(batch.network, theta, batch.inputs).outputs)
        shares.append(batch.n_samples / batch_size)
        _, gradient = batch.value_and_gradient(theta)
        theta = theta - rate * shares[-1] * gradient
    return theta, np.vstack(outputs), shares


@pytest.mark.parametrize("weighted", [False, True], ids=["even", "weighted"])
@pytest.mark.parametrize("batch_size", BATCH_SIZES)
@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("loss", MAIN_LOSS_PARAMS)
def test_sweep_agrees_with_a_slow_loop(hidden, loss, batch_size, weighted):
    objective, theta = problem(hidden, loss, weighted=weighted)
    got = swept(objective, theta, batch_size, rate=0.1)
    expected = slowly_swept(objective, theta, batch_size, rate=0.1)
    assert got[2] == expected[2]
    for result, slow in zip(got[:2], expected[:2], strict=True):
        np.testing.assert_allclose(result, slow, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("batch_size", BATCH_SIZES)
def test_a_rate_of_zero_moves_nothing_and_returns_the_outputs(batch_size):
    objective, theta = problem((4, 3), ALL_LOSSES["log_loss_softmax"])
    after, seen, _ = swept(objective, theta, batch_size, rate=0.0)
    np.testing.assert_array_equal(after, theta)
    outputs = forward(objective.network, theta, objective.inputs).outputs
    np.testing.assert_allclose(seen, outputs, rtol=1e-13)


@pytest.mark.parametrize("loss", MAIN_LOSS_PARAMS)
def test_a_full_batch_is_one_step_down_the_gradient(loss):
    objective, theta = problem((4, 3), loss)
    after, _, shares = swept(objective, theta, N, rate=0.3)
    _, gradient = objective.value_and_gradient(theta)
    assert shares == [1.0]
    np.testing.assert_allclose(after, theta - 0.3 * gradient, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("batch_size", BATCH_SIZES)
def test_sparse_inputs_are_swept_like_dense_ones(batch_size):
    objective, theta = problem((4,), ALL_LOSSES["squared_error_2_logistic"])
    shift, A = np.array([1.0, 0.0, -2.0]), np.array([0.5, 2.0, 1.0])
    X = sparse.csr_array(objective.inputs[:, :-1] / A + shift)
    folded = replace(objective, inputs=FoldedSparse(X, shift, A))
    for got, expected in zip(
        swept(folded, theta, batch_size, rate=0.1)[:2],
        swept(objective, theta, batch_size, rate=0.1)[:2],
        strict=True,
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("output", ["identity", "lecun_tanh"])
def test_first_is_a_view_of_the_first_rows(output):
    """The part's results are those of its rows, in the memory of the whole."""
    name = "squared_error_3" if output == "identity" else "squared_error_2_lecun_tanh"
    objective, theta = problem((4, 3), ALL_LOSSES[name])
    network, inputs = objective.network, objective.inputs
    whole = Passes(network.layers(theta), network.activations, N)
    assert whole.first(N) is whole
    part = whole.first(4)
    assert part.n_rows == 4
    part.forward(inputs[:4])
    part.output_gradient[...] = 1.0
    part.backward()
    alone = forward(network, theta, inputs[:4])
    alone.output_gradient[...] = 1.0
    alone.backward()
    for got, expected, own in zip(part.deltas, alone.deltas, whole.deltas, strict=True):
        np.testing.assert_array_equal(got, expected)
        assert np.shares_memory(got, own)
    np.testing.assert_array_equal(part.outputs, alone.outputs)
    assert np.shares_memory(part.outputs, whole.outputs)
    # the whole is still fit for use
    whole.forward(inputs)
    outputs = forward(network, theta, inputs).outputs
    np.testing.assert_array_equal(whole.outputs, outputs)


def test_passes_follow_the_weights():
    objective, theta = problem((4,), ALL_LOSSES["squared_error_1"])
    network, moving = objective.network, theta.copy()
    passes = Passes(network.layers(moving), network.activations, N)
    passes.forward(objective.inputs)
    moving += 0.1
    passes.forward(objective.inputs)
    np.testing.assert_array_equal(
        passes.outputs, forward(network, theta + 0.1, objective.inputs).outputs
    )


def test_z_is_that_of_each_layer():
    objective, theta = problem((4,), ALL_LOSSES["squared_error_2_lecun_tanh"])
    network = objective.network
    trace = forward(network, theta, objective.inputs)
    for l, W in enumerate(network.layers(theta)):
        z = trace.inputs[l] @ W
        np.testing.assert_allclose(trace.z(l), z, rtol=1e-12, atol=1e-13)
