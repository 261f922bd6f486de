"""Lines that are printed during training, and a bar where one can be drawn."""

import io
import sys
from contextlib import nullcontext, redirect_stdout

import numpy as np
import pytest

import sk_effprop.training.monitor as monitor_module
import sk_effprop.training.progress as progress
from sk_effprop import EffPropRegressor
from sk_effprop.training.history import History
from sk_effprop.training.monitor import Monitor

LINE = "Iteration 2, loss = 0.50000000"


class Terminal(io.StringIO):
    """Text that believes it is on a screen."""

    def isatty(self):
        return True


def train(verbose, screen=None, *, max_iter=5, values=(0.7, 0.5), **settings):
    """Two iterations that are shown on a screen."""
    monitor = Monitor(
        np.zeros(2), 1.0, null_value=1.0, max_iter=max_iter, tol=0.0, **settings
    )
    redirected = redirect_stdout(screen) if screen else nullcontext()
    with redirected, progress.show_progress(verbose, "Title", monitor):
        for value in values:
            monitor(np.ones(2), value)
        monitor.end("converged")
    return monitor


@pytest.fixture
def terminal(monkeypatch):
    """A terminal of 100 columns."""
    # rich makes its console once; that of these tests must not be found by others
    monkeypatch.setattr(pytest.importorskip("rich"), "_console", None)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    return Terminal()


@pytest.mark.parametrize("verbose", [0, False])
def test_nothing_is_shown_unless_asked_for(capsys, verbose):
    monitor = train(verbose)
    assert monitor.watchers == []
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("verbose", [1, True, 2, 10])
def test_lines_where_there_is_no_terminal(capsys, verbose):
    train(verbose)
    assert capsys.readouterr().out.splitlines() == [
        "Iteration 1, loss = 0.70000000", LINE,
    ]  # fmt: skip


@pytest.mark.parametrize("verbose", [1, True])
def test_a_bar_with_loss_and_time_left_in_a_terminal(terminal, verbose):
    train(verbose, terminal, validate=lambda theta: (0.4, 0.91))
    shown = terminal.getvalue()
    assert "Iteration" not in shown
    assert "Title" in shown
    assert "2/5" in shown
    assert "loss 0.5, score 0.91, converged, 0:00:00" in shown


def test_the_bar_says_how_training_ended(terminal):
    train(1, terminal, max_iter=2)
    assert "loss 0.5, max_iter, 0:00:00" in terminal.getvalue()


def test_a_bar_of_a_training_without_iterations(terminal):
    train(1, terminal, values=())
    assert "0/5" in terminal.getvalue()


def test_lines_in_a_terminal_if_they_are_asked_for(terminal):
    train(2, terminal)
    assert LINE in terminal.getvalue()


def test_a_single_iteration_is_a_line(terminal):
    """A stream would draw a bar for every call."""
    train(1, terminal, max_iter=1, values=[0.5], history=History(1, [0.7]))
    assert terminal.getvalue() == LINE + "\n"


def test_lines_without_rich(terminal, monkeypatch):
    monkeypatch.setattr(progress, "find_spec", lambda name: None)
    train(1, terminal)
    assert LINE in terminal.getvalue()


def test_workers_and_threads_draw_no_bar(terminal, monkeypatch):
    """They share the terminal with others."""
    monkeypatch.setattr(sys, "stdout", terminal)
    assert progress._can_draw()
    with monkeypatch.context() as patch:
        patch.setattr(progress, "parent_process", lambda: "a process")
        assert not progress._can_draw()
    monkeypatch.setattr(progress, "current_thread", lambda: "another thread")
    assert not progress._can_draw()


@pytest.mark.parametrize("has_widgets", [True, False])
def test_a_notebook_has_a_bar_if_it_has_widgets(monkeypatch, has_widgets):
    monkeypatch.setitem(sys.modules, "ipykernel", object())
    installed = {"rich"} | ({"ipywidgets"} if has_widgets else set())
    monkeypatch.setattr(progress, "find_spec", lambda n: n if n in installed else None)
    assert progress._can_draw() == has_widgets


def test_time_left_is_what_the_first_limit_leaves(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(monitor_module, "monotonic", lambda: now[0])
    left = []
    for max_time in (None, 5.0, 1000.0):
        now[0] = 0.0
        monitor = Monitor(
            np.zeros(2), 1.0, null_value=1.0, max_iter=10, max_time=max_time
        )
        now[0] = 4.0
        for value in (0.7, 0.5):
            monitor(np.ones(2), value)
        left.append(progress.seconds_left(monitor))
    assert left == [16.0, 1.0, 16.0]


def test_each_of_several_networks_draws_a_bar(terminal):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 3)), rng.normal(size=50)
    model = EffPropRegressor(5, max_iter=3, tol=0.0, n_estimators=2, verbose=1)
    with redirect_stdout(terminal):
        model.set_params(random_state=0).fit(X, y)
    for number in (1, 2):
        assert f"EffPropRegressor, network {number} of 2" in terminal.getvalue()


def test_a_fit_draws_a_bar_and_learns_the_same(terminal):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 3)), rng.normal(size=50)
    model = EffPropRegressor(5, max_iter=3, tol=0.0, solver="lbfgs", verbose=1)
    plain = EffPropRegressor(5, max_iter=3, tol=0.0, solver="lbfgs", random_state=0)
    with redirect_stdout(terminal):
        model.set_params(random_state=0).fit(X, y)
    assert "EffPropRegressor" in terminal.getvalue()
    assert "3/3" in terminal.getvalue()
    np.testing.assert_array_equal(model.theta_, plain.fit(X, y).theta_)
