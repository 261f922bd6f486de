"""Tables of 10 to 300 rows that need no download, in two fixed halves.

They come from statsmodels and scikit-learn, or are generated with fixed seeds: noisy
and noise-free, linear and far from linear, with and without structure.  The halves
follow a rule that was made before anything was trained: tables are sorted by name
within each kind (real or generated, classification or regression) and go to "choose"
and "report" in turn.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

from benchmarks._tasks import HALVES, Task

_KINDS: dict[str, list[Callable[[], Any]]] = {
    kind: [] for kind in ("real values", "real classes", "values", "classes")
}


def table(kind):
    """Register a function that returns X and y."""

    def register(function):
        _KINDS[kind].append(function)
        return function

    return register


@cache
def small_tasks():
    """Return every table as a Task."""
    for origin in ("real", "generated"):
        import_module(f"benchmarks._small_{origin}")
    return tuple(
        Task(
            make.__name__.replace("_", " "),
            HALVES[position % 2],
            "classes" in kind,
            *make(),
        )
        for kind, makers in _KINDS.items()
        for position, make in enumerate(sorted(makers, key=lambda m: m.__name__))
    )
