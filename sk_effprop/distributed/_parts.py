"""Parts of the data on the workers of a Dask cluster.

Everything is a plain task: a function, a part and some arguments.  Parts are the
results of tasks, so that the scheduler can compute them anew if a worker is lost, and
no task is pinned to a worker.  Arguments are the result of a task as well: scattered
data would be lost together with the worker that holds them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from sk_effprop._threads import single_threaded_blas
from sk_effprop.core.parts import tree

# Values that one task combines: a power of two, so that the levels of the tree that
# tasks form are levels of the binary tree.
FAN_IN = 8


@dataclass(frozen=True, eq=False)
class DaskParts:
    """Parts on the workers of a cluster.

    Attributes
    ----------
    client : distributed.Client
    futures : sequence of distributed.Future
        Of the parts.
    """

    client: Any
    futures: Sequence[Any]

    def reduce(
        self,
        function: Callable[..., Any],
        combine: Callable[[Any, Any], Any],
        *arguments: Any,
    ) -> Any:
        values = self._submitted(function, *arguments)
        combined = partial(_combined, combine)
        while len(values) > 1:
            groups = [values[i : i + FAN_IN] for i in range(0, len(values), FAN_IN)]
            values = self.client.map(combined, groups, pure=False)
        return values[0].result()

    def map(self, function: Callable[..., Any], *arguments: Any) -> "DaskParts":
        return DaskParts(self.client, self._submitted(function, *arguments))

    def _submitted(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Submit ``function(part, *arguments)`` for each part; return the futures."""
        shared = [self._shared(argument) for argument in arguments]
        repeated = [[one] * len(self.futures) for one in shared]
        task = partial(_computed, function)
        return self.client.map(task, self.futures, *repeated, pure=False)

    def _shared(self, argument: Any) -> Any:
        """Send a large argument to the cluster once; return what the tasks receive."""
        is_small = isinstance(argument, int | float | None)
        return argument if is_small else self.client.submit(_same, argument, pure=False)


def _same(argument: Any) -> Any:
    return argument


def _computed(function: Callable[..., Any], *arguments: Any) -> Any:
    """Compute one task with a single BLAS thread, as ``fit`` does."""
    # overflow shows in the result, where the solver looks for it
    with single_threaded_blas, np.errstate(over="ignore", invalid="ignore"):
        return function(*arguments)


def _combined(combine: Callable[[Any, Any], Any], values: Sequence[Any]) -> Any:
    with np.errstate(over="ignore", invalid="ignore"):
        return tree(values, combine)
