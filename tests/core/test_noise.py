"""What is unexplained before training: noise, mostly, and the penalty it wants."""

import numpy as np
import pytest
from scipy import sparse

from sk_effprop.core import noise
from sk_effprop.core.inputs import FoldedSparse, with_ones
from sk_effprop.core.noise import (
    STRONGEST,
    STRONGEST_CLASSIFICATION,
    WEAKEST,
    Unexplained,
    strength_for_classification,
    strength_for_regression,
    unexplained,
)

FUNCTIONS = {
    "line": (1, lambda X: X[:, 0]),
    "sine": (1, lambda X: np.sin(5.0 * X[:, 0])),
    "step": (1, lambda X: np.sign(X[:, 0])),
    "plane": (20, lambda X: X @ np.ones(20)),
    "product": (3, lambda X: X[:, 0] * X[:, 1]),
}


def table(name="sine", n=400, level=0.5, seed=0, discrete=False):
    """Inputs and targets of unit variance, so much of it noise."""
    n_in, function = FUNCTIONS[name]
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, n_in))
    X = np.round(2.0 * X) / 2.0 if discrete else X
    signal = function(X)
    signal = (signal - signal.mean()) / signal.std()
    y = np.sqrt(1.0 - level) * signal + np.sqrt(level) * rng.normal(size=n)
    return with_ones(X), y[:, None]


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("n", [200, 2000])
@pytest.mark.parametrize("level", [0.2, 0.6, 1.0])
@pytest.mark.parametrize("discrete", [False, True])
def test_the_noise_is_found_within_a_factor(name, n, level, discrete):
    """Of two, and hardly ever is it too low."""
    left = unexplained(*table(name, n, level, discrete=discrete))
    assert 0.75 * level < left.curved < 2.0 * level
    assert left.curved <= left.linear <= 1.0


def test_without_noise_little_is_left():
    assert unexplained(*table("line", level=0.0)).linear < 1e-3
    left = unexplained(*table("sine", level=0.0))
    assert left.curved < 0.02
    assert left.linear > 0.5


def test_a_weight_of_two_is_a_repeated_row():
    inputs, targets = table(n=120)
    weight = np.where(np.arange(120) < 40, 2.0, 1.0)
    rows = np.repeat(np.arange(120), weight.astype(int))
    np.testing.assert_allclose(
        unexplained(inputs, targets, weight),
        unexplained(inputs[rows], targets[rows]),
        rtol=1e-10,
    )


def test_only_ratios_of_weights_matter_if_the_count_is_given():
    inputs, targets = table(n=120)
    weight = np.random.default_rng(0).uniform(0.5, 2.0, size=120)
    one, other = (
        unexplained(inputs, targets, factor * weight, count=150.0)
        for factor in (1.0, 7.0)
    )
    np.testing.assert_allclose(one, other, rtol=1e-10)
    assert one != unexplained(inputs, targets, weight, count=100.0)


def test_the_order_of_rows_does_not_matter():
    inputs, targets = table()
    order = np.random.default_rng(1).permutation(len(targets))
    np.testing.assert_allclose(
        unexplained(inputs, targets),
        unexplained(inputs[order], targets[order]),
        rtol=1e-10,
    )


def test_many_rows_are_looked_at_here_and_there(monkeypatch):
    """From the first to the last."""
    inputs, targets = table(n=3000)
    rows = np.linspace(0, 2999, noise.MAX_ROWS).astype(int)
    assert unexplained(inputs, targets) == unexplained(inputs[rows], targets[rows])


def test_the_scale_of_targets_does_not_matter():
    inputs, targets = table()
    moved = unexplained(inputs, 3.0 + 1e3 * targets)
    np.testing.assert_allclose(moved, unexplained(inputs, targets), rtol=1e-8)


def test_several_outputs_count_alike():
    """Whatever their scale; one that is constant does not count."""
    inputs, first = table("sine", level=0.2)
    second = 100.0 * np.random.default_rng(1).normal(size=first.shape)
    both = unexplained(inputs, np.hstack([first, second, np.ones_like(first)]))
    alone = [unexplained(inputs, one).curved for one in (first, second)]
    assert both.curved == pytest.approx(np.mean(alone), rel=1e-10)


@pytest.mark.parametrize("n", [1, 2, 3, 10])
@pytest.mark.parametrize("n_in", [1, 40])
def test_few_rows_are_no_proof(n, n_in):
    rng = np.random.default_rng(0)
    left = unexplained(with_ones(rng.normal(size=(n, n_in))), rng.normal(size=(n, 1)))
    assert 0.0 <= left.curved <= left.linear <= 1.0
    assert WEAKEST <= strength_for_regression(left) <= STRONGEST


@pytest.mark.parametrize(
    ("inputs", "targets"),
    [
        (np.random.default_rng(0).normal(size=(50, 3)), np.full((50, 1), 0.1)),
        (np.ones((50, 3)), np.arange(50.0)[:, None]),
        (np.full((50, 3), 1e200) * np.arange(50.0)[:, None], np.arange(50.0)[:, None]),
    ],
    ids=["constant targets", "constant inputs", "overflow"],
)
def test_all_is_left_where_nothing_can_be_learnt(inputs, targets):
    assert unexplained(with_ones(inputs), targets) == Unexplained(1.0, 1.0)


def test_single_precision_is_enough():
    single = (part.astype(np.float32) for part in table())
    np.testing.assert_allclose(unexplained(*single), unexplained(*table()), rtol=1e-4)


def test_sparse_inputs_are_as_good_as_dense_ones():
    rng = np.random.default_rng(0)
    X = rng.poisson(0.3, size=(90, 5)).astype(float)
    targets = X @ np.ones((5, 1)) + rng.normal(size=(90, 1))
    folded = FoldedSparse(sparse.csr_array(X), np.full(5, 0.3), np.full(5, 2.0))
    np.testing.assert_allclose(
        unexplained(folded, targets), unexplained(folded.filled(), targets), rtol=1e-10
    )


def test_without_hidden_units_there_is_but_the_linear_model():
    inputs, targets = table(level=0.1)
    left = unexplained(inputs, targets, n_units=0)
    assert left.curved == left.linear == unexplained(inputs, targets).linear


@pytest.mark.parametrize(
    ("strength", "strongest"),
    [
        (strength_for_regression, STRONGEST),
        (strength_for_classification, STRONGEST_CLASSIFICATION),
    ],
)
def test_what_is_far_from_linear_gets_a_weaker_penalty(strength, strongest):
    shares = np.linspace(0.1, 1.0, 20)
    by_share = [strength(Unexplained(0.1 / share, 0.1)) for share in shares]
    assert (np.diff(by_share) >= 0.0).all()
    assert by_share[0] < by_share[-1]
    assert strength(Unexplained(1.0, 1.0)) == strongest
    assert strength(Unexplained(1.0, 0.001)) == WEAKEST


def test_a_line_without_noise_gets_a_penalty():
    assert strength_for_regression(Unexplained(0.0, 0.0)) == STRONGEST
