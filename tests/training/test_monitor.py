import numpy as np
import pytest

import sk_effprop.training.monitor as monitor_module
from sk_effprop.training.monitor import Monitor

START = np.zeros(3)


def monitor(value=10.0, **settings):
    return Monitor(START, value, **{"null_value": 5.0, "max_iter": 100, **settings})


def feed(watch, values, **more):
    """Report values, theta filled with the number of each, until it stops."""
    for i, value in enumerate(values):
        if watch(np.full(3, float(i)), value, **more):
            return i
    return None


@pytest.fixture
def clock(monkeypatch):
    """Time that passes only when the test says so."""

    class Clock:
        now = 100.0

    monkeypatch.setattr(monitor_module, "monotonic", lambda: Clock.now)
    return Clock


def test_stops_at_max_iter():
    watch = monitor(max_iter=4)
    assert feed(watch, [9.0, 8.0, 7.0, 6.0, 5.0]) == 3
    assert watch.reason == "max_iter"
    assert watch.n_iter == 4


@pytest.mark.parametrize(("patience", "stops_at"), [(1, 2), (3, 4)])
def test_stops_after_patience_iterations_without_progress(patience, stops_at):
    watch = monitor(tol=0.1, patience=patience)
    # an improvement of less than tol is no progress
    assert feed(watch, [9.0, 8.0, 7.95, 7.96, 7.97, 7.98]) == stops_at
    assert watch.reason == "stalled"


def test_any_progress_starts_the_count_again():
    watch = monitor(tol=0.1, patience=2)
    assert feed(watch, [9.0, 9.0, 8.0, 8.0, 7.0, 7.0]) is None
    assert feed(watch, [7.0]) == 0


def test_progress_is_measured_from_the_best_so_far():
    """Falling back to where it was before is none."""
    watch = monitor(tol=0.1, patience=4)
    assert feed(watch, [4.0, 8.0, 7.0, 6.0, 4.0]) == 4


def test_slow_progress_in_many_small_steps_is_none():
    """As in MLP, each step must improve on the best by tol, however steady the fall."""
    watch = monitor(tol=0.1, patience=5)
    assert feed(watch, 9.0 - 0.05 * np.arange(50)) == 5


def test_tol_zero_switches_the_rule_off():
    watch = monitor(tol=0.0, patience=2, max_iter=20)
    assert feed(watch, [7.0] * 30) == 19
    assert watch.reason == "max_iter"


def test_tol_infinite_counts_everything_as_no_progress():
    watch = monitor(tol=np.inf, patience=3)
    assert feed(watch, [9.0, 8.0, 7.0, 6.0, 5.0]) == 3
    assert watch.reason == "stalled"


def test_stops_at_the_goal():
    watch = monitor(goal=2.0)
    assert feed(watch, [3.0, 2.5, 2.0, 1.0]) == 2
    assert watch.reason == "goal"
    np.testing.assert_array_equal(watch.best_theta, 2.0)


def test_a_goal_outranks_the_limits(clock):
    watch = monitor(goal=2.0, max_iter=1, max_time=1.0)
    clock.now += 5.0
    assert feed(watch, [2.0]) == 0
    assert watch.reason == "goal"


def test_stops_when_time_is_up(clock):
    watch = monitor(max_time=3.0)
    assert feed(watch, [9.0, 8.0]) is None
    clock.now += 2.9
    assert feed(watch, [7.0]) is None
    clock.now += 0.2
    assert feed(watch, [6.0]) == 0
    assert watch.reason == "max_time"


@pytest.mark.parametrize(
    ("theta", "value"),
    [
        (START, 20.1),
        (START, np.inf),
        (START, np.nan),
        (np.array([0.0, np.nan, 0.0]), 1.0),
        (np.array([0.0, np.inf, 0.0]), 1.0),
    ],
    ids=["high", "inf", "nan", "theta_nan", "theta_inf"],
)
def test_stops_when_training_diverges(theta, value):
    watch = monitor()
    feed(watch, [9.0, 8.0])
    assert watch(theta, value)
    assert watch.reason == "diverged"
    assert watch.best_value == 8.0
    np.testing.assert_array_equal(watch.best_theta, 1.0)


def test_divergence_is_measured_from_the_start_or_from_doing_nothing():
    """Twice the larger of the initial value and that of outputs of zero."""
    assert feed(monitor(1.0, null_value=5.0), [9.9]) is None
    assert feed(monitor(1.0, null_value=5.0), [10.1]) == 0


def test_best_weights_are_copied_and_kept():
    watch, theta = monitor(), np.ones(3)
    watch(theta, 4.0)
    theta += 1.0
    watch(theta, 6.0)
    np.testing.assert_array_equal(watch.best_theta, 1.0)
    assert watch.best_value == 4.0
    # of equals, the first
    watch(theta, 4.0)
    np.testing.assert_array_equal(watch.best_theta, 1.0)


def test_the_start_is_best_until_something_is_better():
    start = START.copy()
    watch = Monitor(start, 3.0, null_value=5.0, max_iter=10)
    start += 7.0
    feed(watch, [4.0, 5.0])
    assert watch.best_value == 3.0
    np.testing.assert_array_equal(watch.best_theta, START)


def test_curves_take_the_epoch_mean_but_the_best_is_the_value_after():
    watch = monitor()
    watch(np.full(3, 1.0), 4.0, epoch_mean=6.0, rate=0.5)
    watch(np.full(3, 2.0), 4.5, epoch_mean=3.0, rate=0.25)
    watch(np.full(3, 3.0), 4.2)
    assert watch.loss_curve == [6.0, 3.0, 4.2]
    assert watch.history.rates == [0.5, 0.25]
    assert watch.best_value == 4.0
    np.testing.assert_array_equal(watch.best_theta, 1.0)


def test_rescue_from_a_stall_gives_another_patience():
    events = []

    def rescue(event):
        events.append(event)
        return len(events) <= 2

    watch = monitor(tol=0.1, patience=3)
    assert feed(watch, [5.0] * 50, rescue=rescue) == 9
    assert events == ["stalled"] * 3
    assert watch.reason == "stalled"
    assert watch.n_recoveries == 0


def test_a_stall_at_the_limit_is_a_stall():
    watch = monitor(tol=0.1, patience=3, max_iter=4)
    assert feed(watch, [5.0] * 9, rescue=lambda event: True) == 3
    assert watch.reason == "stalled"


def test_rescue_from_divergence_goes_on_and_is_counted():
    events = []

    def rescue(event):
        events.append(event)
        return len(events) <= 2

    watch = monitor()
    assert feed(watch, [9.0, np.inf, 8.0, 99.0, 7.0, np.nan], rescue=rescue) == 5
    assert events == ["diverged"] * 3
    assert watch.n_recoveries == 2
    assert watch.reason == "diverged"
    assert watch.best_value == 7.0


def test_divergence_is_mended_at_the_limit_too():
    events = []
    watch = monitor(max_iter=3, tol=0.1, patience=5)
    rescue = lambda event: events.append(event) or True  # noqa: E731
    assert feed(watch, [9.0, 9.0, np.inf], rescue=rescue) == 2
    assert watch.reason == "diverged"
    assert events == ["diverged"]


def test_rescue_is_not_called_without_trouble_or_for_a_stall_at_a_limit(clock):
    def rescue(event):
        raise AssertionError("no help is needed")

    late = monitor(max_time=1.0, tol=0.1, patience=1)
    clock.now += 2.0
    assert feed(late, [9.0, 9.0], rescue=rescue) == 0
    assert late.reason == "max_time"


def test_validation_score_decides_what_is_best_and_what_is_progress():
    scores = iter([0.5, 0.9, 0.7, 0.91, 0.91])
    watch = monitor(
        tol=0.05, patience=2, validate=lambda theta: (1.0 + theta[0], next(scores))
    )
    # the objective falls all the time, the score does not
    assert feed(watch, [9.0, 8.0, 7.0, 6.0, 5.0]) == 3
    assert watch.reason == "stalled"
    assert watch.history.validation_scores == [0.5, 0.9, 0.7, 0.91]
    assert watch.history.validation_losses == [1.0, 2.0, 3.0, 4.0]
    assert watch.best_score == 0.91
    assert watch.best_value == 6.0
    np.testing.assert_array_equal(watch.best_theta, 3.0)


def test_watchers_see_every_iteration():
    seen = []
    watch = monitor(max_iter=3)
    watch.watchers.append(lambda m: seen.append((m.n_iter, m.best_value)))
    feed(watch, [9.0, 11.0, 8.0])
    assert seen == [(1, 9.0), (2, 9.0), (3, 8.0)]


# ------------------------------------------------------- epochs that nobody looks at


def epochs(watch, means, values):
    """Report epochs whose weights are their number; return which of them were measured.

    ``values`` are E at the weights of each.
    """
    looked_at = []

    def evaluate(theta):
        looked_at.append(int(theta[0]))
        return values[looked_at[-1]]

    for i, mean in enumerate(means):
        watch(np.full(3, float(i)), evaluate, epoch_mean=mean)
    return looked_at


def test_falling_epochs_are_not_looked_at_until_somebody_asks():
    watch = monitor()
    looked_at = epochs(watch, [9.0, 8.0, 7.0], [8.5, 7.5, 6.5])
    assert looked_at == []
    assert watch.best_value == 6.5
    np.testing.assert_array_equal(watch.best_theta, 2.0)
    assert looked_at == [2]
    assert watch.loss_curve == [9.0, 8.0, 7.0]


def test_the_last_epoch_may_still_have_ended_badly():
    watch = monitor()
    epochs(watch, [9.0, 8.0, 7.0], [8.5, 7.5, 50.0])
    np.testing.assert_array_equal(watch.best_theta, 1.0)
    assert watch.best_value == 7.5


def test_the_last_epoch_is_measured_against_the_one_that_fell_last():
    """Those in between are left alone."""
    watch = monitor()
    looked_at = epochs(watch, [9.0, 8.0, 8.6, 8.5], [8.5, 7.5, 1.0, 7.0])
    assert looked_at == []
    np.testing.assert_array_equal(watch.best_theta, 3.0)
    assert watch.best_value == 7.0
    assert looked_at == [1, 3]


def test_an_epoch_that_a_lower_one_follows_is_never_looked_at():
    watch = monitor()
    looked_at = epochs(watch, [9.0, 9.5, 8.0], [8.5, 1.0, 7.5])
    np.testing.assert_array_equal(watch.best_theta, 2.0)
    assert looked_at == [2]


def test_epochs_that_never_got_below_the_start_are_all_looked_at():
    watch = monitor()
    assert epochs(watch, [10.5, 10.2, 9.0, 9.5], [10.4, 10.1, 8.0, 8.5]) == [0, 1]


def test_divergence_goes_back_before_the_epoch_that_brought_it():
    """Its own mean may still be low, if it ends in a leap."""
    watch = monitor()
    at_rescue = []

    def rescue(event):
        at_rescue.append((event, watch.best_theta.copy()))
        return True

    values = {0: 8.0, 1: 1e9}
    for i, mean in enumerate([9.0, 8.5, 1e9]):
        theta = np.full(3, float(i))
        watch(
            theta, lambda t: values.get(int(t[0]), np.inf), epoch_mean=mean,
            rescue=rescue,
        )  # fmt: skip
    ((event, theta),) = at_rescue
    assert event == "diverged"
    np.testing.assert_array_equal(theta, 0.0)


def test_a_goal_is_looked_for_after_every_epoch():
    watch = monitor(goal=7.0)
    assert epochs(watch, [9.0, 8.0], [8.5, 6.9]) == [0, 1]
    assert watch.reason == "goal"
