import numpy as np
import pytest

from sk_effprop.core.presentation import (
    ORDERS,
    emphasised_order,
    interleaved_order,
    random_order,
)

COUNTS = [
    pytest.param([100, 100], id="two_even"),
    pytest.param([50] * 10, id="ten_even"),
    pytest.param([300, 60, 30], id="majority"),
    pytest.param([1000, 100, 100, 100], id="majority_and_even_rest"),
    pytest.param([150, 90, 50, 9, 1], id="imbalanced"),
    pytest.param([199, 1], id="almost_one"),
    pytest.param([40], id="one"),
]


def shuffled_labels(counts, seed=0):
    labels = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(seed).permutation(labels)


def generators(n):
    return [np.random.default_rng(seed) for seed in range(n)]


def n_twins(labels):
    """Adjacent pairs of the same class."""
    return int(np.sum(labels[1:] == labels[:-1]))


@pytest.mark.parametrize("labels", [None, *[c.values[0] for c in COUNTS]])
@pytest.mark.parametrize("order", ORDERS.values(), ids=lambda f: f.__name__)
def test_every_example_is_shown_once(order, labels):
    n = 30 if labels is None else sum(labels)
    labels = None if labels is None else shuffled_labels(labels)
    shown = order(np.random.default_rng(1), n, labels)
    np.testing.assert_array_equal(np.sort(shown), np.arange(n))


def test_random_orders_differ_and_the_sequential_one_is_that_of_the_data():
    rng = np.random.default_rng(0)
    labels = shuffled_labels([20, 20])
    for name in (True, "interleave"):
        first, second = (ORDERS[name](rng, 40, labels) for _ in range(2))
        assert not np.array_equal(first, second)
    np.testing.assert_array_equal(ORDERS[False](rng, 40, labels), np.arange(40))


@pytest.mark.parametrize("counts", COUNTS)
def test_successive_examples_rarely_share_a_class(counts):
    """Section 4.2: near the unavoidable minimum, far below a random order."""
    labels, n = shuffled_labels(counts), sum(counts)
    # c examples of one class need c - 1 others to keep them apart
    unavoidable = max(0, 2 * max(counts) - 1 - n)
    twins, at_random = (
        np.mean([n_twins(labels[order(rng, n, labels)]) for rng in generators(20)])
        for order in (interleaved_order, random_order)
    )
    assert twins >= unavoidable
    assert twins - unavoidable <= 0.35 * (at_random - unavoidable) + 0.1


@pytest.mark.parametrize("counts", [[90, 60, 50], [40, 35, 30, 20, 5]])
def test_without_a_majority_hardly_any_share_a_class(counts):
    labels, n = shuffled_labels(counts), sum(counts)
    orders = [interleaved_order(rng, n, labels) for rng in generators(20)]
    assert np.mean([n_twins(labels[order]) for order in orders]) < 0.005 * n


@pytest.mark.parametrize("counts", [[120, 40, 20], [60, 60, 60]])
def test_every_class_is_spread_evenly_over_the_epoch(counts):
    labels, n = shuffled_labels(counts), sum(counts)
    shown = labels[interleaved_order(np.random.default_rng(2), n, labels)]
    for label, count in enumerate(counts):
        seen = np.cumsum(shown == label)
        even = count * np.arange(1, n + 1) / n
        assert np.abs(seen - even).max() <= 3.0


def test_interleaving_knows_no_order_within_a_class():
    """The second example of a class of two comes first about half of the time."""
    labels = np.array([0, 0, 1, 1, 1])
    rng = np.random.default_rng(3)
    orders = [interleaved_order(rng, 5, labels).tolist() for _ in range(400)]
    second_first = np.mean([order.index(1) < order.index(0) for order in orders])
    assert second_first == pytest.approx(0.5, abs=0.1)


# ------------------------------------------------------------------------- emphasis


def counts_shown(errors, emphasis, n_epochs, seed=0):
    """How often each example is shown in some epochs."""
    rng, n = np.random.default_rng(seed), len(errors)
    total = np.zeros(n)
    for _ in range(n_epochs):
        shown = emphasised_order(rng, rng.permutation(n), errors, emphasis)
        assert len(shown) == n
        total += np.bincount(shown, minlength=n)
    return total


def test_without_emphasis_the_order_stays():
    order = np.random.default_rng(0).permutation(20)
    errors = np.random.default_rng(1).exponential(size=20)
    shown = emphasised_order(np.random.default_rng(2), order, errors, 0.0)
    np.testing.assert_array_equal(shown, order)


@pytest.mark.parametrize("emphasis", [0.3, 1.0])
def test_large_errors_are_shown_more_often(emphasis):
    """In proportion to the error, mixed with an even share of 1 - emphasis."""
    errors = np.tile([0.5, 1.0, 1.5], 20)
    shown = counts_shown(errors, emphasis, n_epochs=400) / 400
    even = max(1 - emphasis, 0.1)
    for error in (0.5, 1.0, 1.5):
        expected = even + (1 - even) * error
        assert shown[errors == error].mean() == pytest.approx(expected, abs=0.02)


def test_an_outlier_is_shown_no_more_often_than_a_median_example():
    errors = np.linspace(0.5, 1.5, 101)
    errors[0] = 1000.0
    shown = counts_shown(errors, 1.0, n_epochs=400) / 400
    assert shown[0] == pytest.approx(shown[46:56].mean(), abs=0.1)
    # and takes nothing away from the others
    assert shown[90:].mean() > 1.2 > 0.8 > shown[1:11].mean()


def test_every_example_is_shown_within_some_epochs_even_at_full_emphasis():
    """With an even share of 10 %, missing one for 200 epochs has odds of 1e-7."""
    errors = np.zeros(50)
    errors[:25] = 1.0
    assert counts_shown(errors, 1.0, n_epochs=200).min() > 0


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_examples_without_a_known_error_count_as_typical(value):
    errors = np.linspace(0.5, 1.5, 100)
    errors[:10] = value
    shown = counts_shown(errors, 1.0, n_epochs=400) / 400
    assert shown[:10].mean() == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(
    "errors", [np.full(30, np.nan), np.zeros(30), np.full(30, 2.0)]
)
@pytest.mark.parametrize("emphasis", [0.3, 0.5, 1.0])
def test_without_differences_every_example_is_shown_once(errors, emphasis):
    assert (counts_shown(errors, emphasis, n_epochs=20) == 20).all()


def test_mostly_solved_problems_do_not_break_the_guard():
    """Most errors zero: whoever is left is beyond every fence."""
    errors = np.zeros(100)
    errors[:10] = 3.0
    shown = counts_shown(errors, 1.0, n_epochs=50)
    assert shown.min() > 0


def test_repeats_are_spread_over_the_epoch():
    errors = np.concatenate([np.full(40, 2.0), np.full(60, 1 / 3)])
    rng = np.random.default_rng(5)
    adjacent, repeats = 0, 0
    for _ in range(50):
        shown = emphasised_order(rng, rng.permutation(100), errors, 1.0)
        adjacent += n_twins(shown)
        repeats += len(shown) - len(np.unique(shown))
    assert repeats > 500
    assert adjacent < 0.1 * repeats
