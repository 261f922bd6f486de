"""Parts of the data in memory or on a disk, and sums over them.

Sums are formed by a binary tree over the parts in their order.  The tree depends on the
number of parts alone, so it does not matter who computes which part, and in which
order they are ready: one process and any number of workers give the same bits.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np


class Parts(Protocol):
    """Interface of data in parts, in memory, on disk or on other machines."""

    def reduce(
        self,
        function: Callable[..., Any],
        combine: Callable[[Any, Any], Any],
        *arguments: Any,
    ) -> Any:
        """Combine ``function(part, *arguments)`` of all parts by :func:`tree`."""

    def map(self, function: Callable[..., Any], *arguments: Any) -> "Parts":
        """Return the parts ``function(part, *arguments)``, computed where they are."""


def tree(values: Iterable[Any], combine: Callable[[Any, Any], Any]) -> Any:
    """Combine values by a binary tree, of which O(log n) are in memory at a time.

    >>> tree("abcde", lambda left, right: f"({left}{right})")
    '(((ab)(cd))e)'
    """
    waiting: list[tuple[int, Any]] = []
    for value in values:
        level = 0
        while waiting and waiting[-1][0] == level:
            value = combine(waiting.pop()[1], value)
            level += 1
        waiting.append((level, value))
    _, result = waiting.pop()
    while waiting:
        result = combine(waiting.pop()[1], result)
    return result


@dataclass(frozen=True, eq=False)
class LocalParts:
    """Parts in this process.

    Attributes
    ----------
    parts : sequence
        It may load each part when that is asked for.
    """

    parts: Sequence[Any]

    def reduce(
        self,
        function: Callable[..., Any],
        combine: Callable[[Any, Any], Any],
        *arguments: Any,
    ) -> Any:
        return tree((function(part, *arguments) for part in self.parts), combine)

    def map(self, function: Callable[..., Any], *arguments: Any) -> "LocalParts":
        return LocalParts([function(part, *arguments) for part in self.parts])


@dataclass(frozen=True, eq=False)
class LoadedParts:
    """Parts that are read, and then transformed, whenever they are needed.

    Attributes
    ----------
    sources : iterable
        It can be iterated again and again, and gives the same parts each time.  Its
        method ``shuffled(rng)`` gives the same examples in a random order.
    steps : tuple of callable
        Transformations of a part, one after the other.
    """

    sources: Any
    steps: tuple[Callable[[Any], Any], ...] = ()

    def __iter__(self) -> Iterator[Any]:
        for source in self.sources:
            part = source
            del source
            for step in self.steps:
                part = step(part)
            yield part
            # freed before the next one is read
            del part

    def shuffled(self, rng: np.random.Generator) -> "LoadedParts":
        """Return the parts in a random order; their examples may be redistributed."""
        return replace(self, sources=self.sources.shuffled(rng))

    def reduce(
        self,
        function: Callable[..., Any],
        combine: Callable[[Any, Any], Any],
        *arguments: Any,
    ) -> Any:
        return tree(self._values(function, arguments), combine)

    def _values(self, function: Callable[..., Any], arguments: Any) -> Iterator[Any]:
        for part in self:
            value = function(part, *arguments)
            del part
            yield value

    def map(self, function: Callable[..., Any], *arguments: Any) -> "LoadedParts":
        def step(part: Any) -> Any:
            return function(part, *arguments)

        return replace(self, steps=(*self.steps, step))
