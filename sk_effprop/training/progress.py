"""Progress of training on the screen: a bar if possible, else a line an iteration."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib.util import find_spec
from multiprocessing import parent_process
from threading import current_thread, main_thread
from typing import Any

from sk_effprop.training.monitor import Monitor


@contextmanager
def show_progress(
    verbose: int, title: str, monitor: Monitor, part: str = ""
) -> Iterator[None]:
    """Show the progress of training.

    Parameters
    ----------
    verbose : int
        0 for nothing, 1 for a bar if possible, 2 for lines.
    title : str
        Title of the bar.
    monitor : Monitor
        Its iterations are shown while the context is open.
    part : str
        Which one of several networks is trained; empty for a single one.
    """
    if not verbose:
        yield
    elif verbose == 1 and monitor.max_iter > 1 and _can_draw():
        with _bar(f"{title}, {part}" if part else title, monitor) as bar:
            monitor.watchers.append(bar.update)
            yield
            bar.finish(monitor)
    else:
        if part:
            print(f"{title}, {part}:", flush=True)
        monitor.watchers.append(_print_line)
        yield


def _print_line(monitor: Monitor) -> None:
    line = f"Iteration {monitor.n_iter}, loss = {monitor.loss_curve[-1]:.8f}"
    if monitor.history.validation_scores:
        line += f", validation score = {monitor.history.validation_scores[-1]:.6f}"
    print(line, flush=True)


def _can_draw() -> bool:
    """True if rich is installed, and no other process or thread can draw."""
    # Workers and threads share the terminal, and would overwrite each other's bars.
    if parent_process() is not None or current_thread() is not main_thread():
        return False
    in_notebook = "ipykernel" in sys.modules and find_spec("ipywidgets") is not None
    return (in_notebook or sys.stdout.isatty()) and find_spec("rich") is not None


class _Bar:
    """A bar of rich with the loss, the validation score and the time left."""

    def __init__(self, progress: Any, title: str, max_iter: int) -> None:
        self.progress = progress
        self.task = progress.add_task(title, total=max_iter, note="")

    def update(self, monitor: Monitor) -> None:
        note = f"{_measures(monitor)}, {_clock(seconds_left(monitor))} left"
        self.progress.update(self.task, completed=monitor.n_now, note=note)

    def finish(self, monitor: Monitor) -> None:
        """Show the reason and the total time in place of the time left."""
        parts = [_measures(monitor)] if monitor.n_now else []
        note = ", ".join([*parts, monitor.reason, _clock(monitor.seconds)])
        self.progress.update(self.task, note=note)
        # A notebook keeps the last display.
        self.progress.refresh()


@contextmanager
def _bar(title: str, monitor: Monitor) -> Iterator[_Bar]:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
    )
    from rich.table import Column

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        # In a narrow terminal only the bar becomes shorter.
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns) as progress:
        yield _Bar(progress, title, monitor.max_iter)


def _measures(monitor: Monitor) -> str:
    text = f"loss {monitor.loss_curve[-1]:.4g}"
    if monitor.history.validation_scores:
        text += f", score {monitor.history.validation_scores[-1]:.4g}"
    return text


def seconds_left(monitor: Monitor) -> float:
    """Seconds until a limit is reached, if iterations take as long as so far."""
    each = monitor.seconds / monitor.n_now
    left = each * (monitor.max_iter - monitor.n_now)
    max_time = monitor.limits.max_time
    if max_time is not None:
        left = min(left, max_time - monitor.seconds)
    return max(left, 0.0)


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
