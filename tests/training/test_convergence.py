import numpy as np
import pytest

from sk_effprop.solvers.base import Reason
from sk_effprop.training.convergence import (
    ADVICE,
    Convergence,
    describe,
    warning_message,
)
from sk_effprop.training.history import History
from sk_effprop.training.monitor import Monitor


def ended(reason, *, value=1.0, n_recoveries=0, is_flat=False, **settings):
    monitor = Monitor(np.zeros(2), value, null_value=2.0, max_iter=9, **settings)
    monitor.n_recoveries = n_recoveries
    monitor.end(reason)
    return describe(monitor, gradient_norm=0.5, is_flat=is_flat)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_a_plain_string_with_advice(reason):
    convergence = ended(reason)
    assert type(convergence.reason) is str
    assert convergence.reason == reason.value
    assert convergence.advice == ADVICE[reason]


@pytest.mark.parametrize("reason", Reason)
def test_a_warning_ends_with_the_advice(reason):
    message = warning_message(ended(reason), fixed_length=False, rate=0.1)
    silent = {"", "converged", "precision", "goal", "callback", "stalled", "max_time"}
    assert (message == "") == (reason in silent)
    if message:
        assert message.endswith(ADVICE[reason])


def test_epochs_that_were_planned_are_no_reason_for_a_warning():
    assert warning_message(ended(Reason.MAX_ITER), fixed_length=True, rate=0.1) == ""
    message = warning_message(ended(Reason.MAX_FUN), fixed_length=True, rate=0.1)
    assert "max_fun" in message


def test_a_stall_above_the_loss_of_predicting_zero_is_stuck():
    assert ended(Reason.STALLED, value=2.1).reason == "stuck"
    assert ended(Reason.STALLED, value=1.9).reason == "stalled"
    # the objective tells nothing where a score decides
    scored = ended(Reason.STALLED, value=2.1, validate=lambda theta: (0.0, 0.0))
    assert scored.reason == "stalled"


def test_flat_outputs_are_warned_of_whatever_the_reason():
    convergence = ended(Reason.CONVERGED, is_flat=True)
    message = warning_message(convergence, fixed_length=True, rate=None)
    assert "penalty" in message
    assert "alpha" in message


def test_recoveries_name_the_rate_that_was_too_large():
    convergence = ended(Reason.CONVERGED, n_recoveries=2)
    message = warning_message(convergence, fixed_length=True, rate=0.4)
    assert "learning_rate_init=0.4;" in message
    assert "learning_rate_init=0.1 " in message
    assert warning_message(convergence, fixed_length=True, rate=None) == ""


def test_records_with_equal_fields_are_equal():
    assert ended(Reason.GOAL) == ended(Reason.GOAL)
    assert isinstance(ended(Reason.GOAL), Convergence)


def test_a_history_continues_copies_of_earlier_curves():
    before = [3.0, 2.0]
    history = History(7, before, [0.1, 0.1])
    history.loss_curve.append(1.0)
    assert before == [3.0, 2.0]
    assert (history.n_now, history.n_iter) == (1, 8)
    assert history.rates == [0.1, 0.1]
    assert (History().n_now, History().n_iter) == (0, 0)
