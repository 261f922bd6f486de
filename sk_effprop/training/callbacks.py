"""Training as scikit-learn's callbacks see it: a task, with one for every iteration.

A context is a ``sklearn.callback.CallbackContext``.  Nothing here is called, nor any
model built, for a fit without callbacks, whose context is None.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeAlias

from sk_effprop.training.monitor import Monitor

# monitor -> the attributes of an estimator that stopped now
Describe: TypeAlias = Callable[[Monitor], dict[str, Any]]


class Task(NamedTuple):
    """A fit that callbacks follow.

    Attributes
    ----------
    context : CallbackContext
        Of the fit.
    given : dict
        What every hook is given: estimator, X, y, metadata.
    """

    context: Any
    given: dict[str, Any]


@contextmanager
def fit_task(context: Any, **given: Any) -> Iterator[Task | None]:
    """Tell callbacks when a fit begins, and when it has succeeded."""
    if context is None:
        yield None
        return
    context.call_on_fit_task_begin(**given)
    yield Task(context, given)
    context.call_on_fit_task_end(**given, reconstruction_attributes={})


@contextmanager
def iteration_tasks(
    task: Task | None, monitor: Monitor, describe: Describe
) -> Iterator[None]:
    """Tell callbacks of every iteration; they may look at the model, and stop it."""
    if task is None:
        yield
        return

    def begin() -> Any:
        return task.context.subcontext(task_name="iteration").call_on_fit_task_begin(
            **task.given, reconstruction_attributes=lambda: describe(monitor)
        )

    current = begin()

    def watch(monitor: Monitor) -> bool:
        nonlocal current
        # an interrupt in its hooks must not end it twice
        ending, current = current, None
        stop = ending.call_on_fit_task_end(
            **task.given, reconstruction_attributes=lambda: describe(monitor)
        )
        if not (stop or monitor.reason):
            current = begin()
        return bool(stop)

    monitor.watchers.append(watch)
    yield
    if current is not None:
        # begun, but the solver had nothing left to do or was interrupted
        current.call_on_fit_task_end(estimator=task.given["estimator"])
