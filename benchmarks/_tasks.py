"""Classification and regression tasks that need no download, in two fixed halves.

Inputs keep their raw scales.  Categorical columns are one-hot encoded, and rows with
missing values are dropped.  The tables come from scikit-learn, mlxtend, statsmodels and
vega_datasets.  The other tasks are generated with fixed seeds.

The defaults are chosen on the half "choose", and the half "report" measures how well
they generalise.  The split follows a rule that was fixed before any training: sources
(data sets or generators) are sorted by name within each group below, and assigned to
the two halves alternately.  All tasks of one source are in the same half.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

HALVES = ("choose", "report")


class Task(NamedTuple):
    """A table and its target."""

    name: str
    half: str
    is_classification: bool
    X: Any
    y: Any


_GROUPS: dict[str, list[Callable[[], dict[str, Any]]]] = {
    group: [] for group in ("table", "boundary", "cloud", "logic", "tail", "function")
}


def source(group):
    """Decorator that adds a function returning {name: (X, y)} to a group."""

    def register(function):
        _GROUPS[group].append(function)
        return function

    return register


def all_sources():
    """Return every source, in an order that does not change."""
    for module in ("_tables", "_generators"):
        import_module(f"benchmarks.{module}")
    return [
        source
        for group in _GROUPS.values()
        for source in sorted(group, key=lambda source: source.__name__)
    ]


@cache
def all_tasks():
    """Return every task.

    A task is a classification if its targets are integers or strings.
    """
    return tuple(
        Task(name, HALVES[position % 2], np.asarray(y).dtype.kind != "f", X, y)
        for position, source in enumerate(all_sources())
        for name, (X, y) in source().items()
    )


def tasks(half=None, kind=None, names=None):
    """Return the tasks of a half and a kind.

    ``half`` is "choose" or "report", ``kind`` is "classification" or "regression".
    """
    return [
        task
        for task in all_tasks()
        if half in (None, task.half)
        and kind in (None, "classification" if task.is_classification else "regression")
        and (names is None or task.name in names)
    ]
