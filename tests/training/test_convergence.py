import numpy as np
import pytest

from sk_effprop.core.rates import Rates
from sk_effprop.solvers.base import Reason
from sk_effprop.training.convergence import (
    ADVICE,
    PARAMETERS,
    Convergence,
    Finding,
    describe,
    warning_message,
)
from sk_effprop.training.history import History
from sk_effprop.training.monitor import Monitor


def ended(
    reason, *, value=1.0, n_recoveries=0, finding=None, planned=False, **settings
):
    """A record of training that ended for this reason, at a rate of 0.4."""
    monitor = Monitor(np.zeros(2), value, null_value=2.0, max_iter=9, **settings)
    monitor.n_recoveries = n_recoveries
    monitor.begin(Rates(0.4, np.ones(2)))
    monitor.end(reason)
    return describe(monitor, gradient_norm=0.5, finding=finding, fixed_length=planned)


FINDING = Finding("The rate is too small.", "learning_rate_init", "Use 'auto'.", True)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_a_plain_string_with_its_advice(reason):
    convergence = ended(reason)
    assert type(convergence.reason) is str
    assert convergence.reason == reason.value
    if reason != Reason.DIVERGED:
        assert convergence.advice == ADVICE[reason]
    assert bool(convergence.parameter) == (reason in PARAMETERS)


@pytest.mark.parametrize("reason", Reason)
def test_a_warning_ends_with_the_advice(reason):
    convergence = ended(reason)
    message = warning_message(convergence, fixed_length=False, rate=0.4)
    silent = {"", "converged", "precision", "goal", "callback", "stalled", "max_time"}
    assert (message == "") == (reason in silent)
    if message:
        assert message.endswith(convergence.advice)


def test_epochs_that_were_planned_are_no_reason_for_a_warning():
    convergence = ended(Reason.MAX_ITER, planned=True)
    assert (convergence.advice, convergence.parameter) == ("", "")
    assert warning_message(convergence, fixed_length=True, rate=0.4) == ""
    message = warning_message(ended(Reason.MAX_FUN), fixed_length=True, rate=0.4)
    assert "max_fun" in message


def test_divergence_leads_to_a_lower_rate_and_never_to_auto():
    convergence = ended(Reason.DIVERGED, n_recoveries=3)
    assert convergence.advice == "Start with learning_rate_init=0.05."
    assert convergence.parameter == "learning_rate_init"


def test_many_recoveries_count_more_than_the_limit_of_iterations():
    convergence = ended(Reason.MAX_ITER, n_recoveries=14)
    assert convergence.parameter == "learning_rate_init"
    message = warning_message(convergence, fixed_length=False, rate=0.4)
    assert "halved 14 times" in message
    assert "max_iter" not in message


@pytest.mark.parametrize("reason", Reason)
def test_a_finding_replaces_the_advice_of_every_reason(reason):
    convergence = ended(reason, finding=FINDING)
    assert convergence.advice == "Use 'auto'."
    assert convergence.parameter == "learning_rate_init"
    assert convergence.is_flat
    message = warning_message(convergence, fixed_length=True, rate=0.4)
    assert message == "The rate is too small. Use 'auto'."


def test_a_stall_above_the_loss_of_predicting_zero_is_stuck():
    assert ended(Reason.STALLED, value=2.1).reason == "stuck"
    assert ended(Reason.STALLED, value=1.9).reason == "stalled"
    # the objective tells nothing where a score decides
    scored = ended(Reason.STALLED, value=2.1, validate=lambda theta: (0.0, 0.0))
    assert scored.reason == "stalled"


def test_recoveries_name_the_rate_that_was_too_large():
    convergence = ended(Reason.CONVERGED, n_recoveries=2)
    message = warning_message(convergence, fixed_length=True, rate=0.4)
    assert "learning_rate_init=0.4;" in message
    assert message.endswith("Start with learning_rate_init=0.1.")
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
