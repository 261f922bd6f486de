import numpy as np
import pytest

from sk_effprop.solvers.base import Reason
from sk_effprop.training.stopping import STUCK_ITERATIONS, Divergence, Limits, Patience

THETA = np.zeros(3)


@pytest.mark.parametrize(
    ("n_iter", "seconds", "expected"),
    [(3, 1.0, ""), (4, 1.0, "max_iter"), (3, 2.0, "max_time"), (4, 2.0, "max_time")],
)
def test_limits_are_of_iterations_and_time(n_iter, seconds, expected):
    assert Limits(4, 2.0).reached(n_iter, seconds) == expected


def test_no_limit_of_time_is_none():
    assert Limits(4).reached(3, np.inf) == Reason.NOT_ENDED


def exhausted_after(patience, values):
    """The first value with which patience is exhausted."""
    for i, value in enumerate(values):
        patience.note(value)
        if patience.is_exhausted:
            return i
    return None


def test_patience_counts_iterations_without_progress_in_a_row():
    assert exhausted_after(Patience(0.1, 2), [9.0, 9.0, 8.0, 7.95, 7.93]) == 4
    assert exhausted_after(Patience(0.0, 2), [9.0] * 99) is None
    # even large steps are no progress, but the first iteration is
    assert exhausted_after(Patience(np.inf, 2), [9.0, 8.0, 7.0]) == 2


def test_patience_can_start_again():
    patience = Patience(0.1, 2)
    assert exhausted_after(patience, [9.0, 9.0, 9.0]) == 2
    patience.restart()
    assert exhausted_after(patience, [9.0, 9.0]) == 1


@pytest.mark.parametrize("value", [10.1, np.inf, np.nan])
def test_divergence_is_twice_the_larger_of_start_and_null(value):
    for start, null in ((5.0, 1.0), (1.0, 5.0)):
        assert not Divergence(start, null).has_diverged(THETA, 9.9, 1)
        assert Divergence(start, null).has_diverged(THETA, value, 1)
        assert not Divergence(start, null).is_in_bounds(THETA, value)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_not_finite_have_diverged(bad):
    theta = np.array([0.0, bad, 0.0])
    assert Divergence(5.0, 5.0).has_diverged(theta, 1.0, 1)
    assert not Divergence(5.0, 5.0).is_in_bounds(theta, 1.0)


def test_a_negative_loss_may_rise_by_its_own_size():
    """Twice a negative baseline would be below it."""
    assert not Divergence(-5.0, -4.0).has_diverged(THETA, -0.1, 1)
    assert Divergence(-5.0, -4.0).has_diverged(THETA, 0.1, 1)


def test_training_that_was_never_below_its_start_is_stuck():
    levels = [(5.4, False), (5.6, True)]
    for value, expected in levels:
        divergence = Divergence(5.0, 5.0)
        for n in range(1, STUCK_ITERATIONS):
            assert not divergence.has_diverged(THETA, value, n)
        assert divergence.has_diverged(THETA, value, STUCK_ITERATIONS) == expected
    improved = Divergence(5.0, 5.0)
    assert improved.is_in_bounds(THETA, 4.9)
    assert improved.has_improved
    assert not improved.has_diverged(THETA, 5.6, STUCK_ITERATIONS)
