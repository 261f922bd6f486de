"""Handling of Ctrl-C, which ends training or the search that training is a part of.

Whoever calls ``fit`` by hand wants to keep the weights that were found so far.  Whoever
interrupts a cross-validation wants it to end, and not to score a network that is half
trained.  ``fit`` is told nothing of its caller, so the calls above it are looked at.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

from sk_effprop.solvers.base import OutOfTime

Result = TypeVar("Result")

# Packages that call ``fit`` in order to compare, combine or tune estimators.
DRIVERS = {"sklearn", "joblib", "imblearn", "dask_ml", "optuna", "skopt", "hyperopt"}
# Modules of these packages that only delegate a single call of ``fit``.
PASSING_ON = (
    "sklearn.base", "sklearn.pipeline", "sklearn.compose", "sklearn.utils",
    "imblearn.pipeline",
)  # fmt: skip


def is_part_of_more() -> bool:
    """True if a search, a cross-validation or an ensemble has called ``fit``."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if _drives(frame.f_globals.get("__name__", "")):
            return True
        frame = frame.f_back
    return False


def _drives(module: str) -> bool:
    passes_on = any(
        module == name or module.startswith(f"{name}.") for name in PASSING_ON
    )
    return module.partition(".")[0] in DRIVERS and not passes_on


def in_any_case(compute: Callable[[], Result]) -> Result:
    """Compute results that a fit must have; repeat if Ctrl-C interrupts."""
    while True:
        try:
            return compute()
        except KeyboardInterrupt:
            if is_part_of_more():
                raise


@contextmanager
def after_training() -> Iterator[None]:
    """Context for optional results after training, which a time limit may end."""
    try:
        yield
    except OutOfTime:
        pass
    except KeyboardInterrupt:
        if is_part_of_more():
            raise
