"""Support for scikit-learn's callbacks: a task for the fit, a subtask per iteration.

A context is a ``sklearn.callback.CallbackContext``.  A fit without callbacks has the
context None; then no hook is called and no model is built.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeAlias

from sk_effprop.training.monitor import Monitor

# monitor -> the attributes of an estimator whose training ends here
Describe: TypeAlias = Callable[[Monitor], dict[str, Any]]


class Task(NamedTuple):
    """Context of a fit for callbacks.

    Attributes
    ----------
    context : CallbackContext
        Context of the fit.
    given : dict
        Arguments of every hook: estimator, X, y, metadata.
    """

    context: Any
    given: dict[str, Any]


@contextmanager
def fit_task(context: Any, **given: Any) -> Iterator[Task | None]:
    """Call the hooks at the beginning of a fit, and at its end if it succeeds."""
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
    """Call the hooks of every iteration, which may build the model or stop."""
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
        # An interrupt in a hook must not end the task twice.
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
        # It has begun, but the solver had nothing left to do or was interrupted.
        current.call_on_fit_task_end(estimator=task.given["estimator"])
