"""Statistics of real targets, of one array or of a stream.

The first examples of a stream set the scale of the targets.  They may be unlike all
that follow, for example zeros of a sensor that is not switched on yet.  So the
statistics go on, and tell when the scale is far from what the stream needs::

    streamed = StreamedTargets.start(statistics, n_examples=30)
    streamed = streamed.including(TargetStatistics.of(y, weight), len(y))
    streamed.seen              # of all examples so far
    streamed.later_examples    # of the last few hundred, None until there are as many
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from sk_effprop._moments import Moments, dense_moments, unit_of
from sk_effprop.core.arrays import Array

# A scale that fewer examples have set gives way to that of as many later ones.
WINDOW = 300
# Fewer examples do not tell a scale.
ENOUGH = 30


class TargetStatistics(NamedTuple):
    """Moments and range of y, per output, in units in which squares can be formed."""

    unit: Array
    moments: Moments
    low: Array
    high: Array

    @classmethod
    def of(cls, y: Array, weight: Array) -> "TargetStatistics":
        """Statistics of y of shape (n_samples,) or (n_samples, n_outputs)."""
        Y = y.reshape(len(y), -1).astype(np.float64, copy=False)
        low, high = Y.min(axis=0), Y.max(axis=0)
        unit = unit_of(np.maximum(np.abs(low), np.abs(high)))
        moments = dense_moments(Y / unit, weight, cross=False)
        return cls(unit, moments, low / unit, high / unit)

    def merge(self, other: "TargetStatistics") -> "TargetStatistics":
        """Statistics of both sets of targets together."""
        unit = np.maximum(self.unit, other.unit)
        first, second = self._in_units(unit), other._in_units(unit)
        return TargetStatistics(
            unit,
            first.moments.merge(second.moments),
            np.minimum(first.low, second.low),
            np.maximum(first.high, second.high),
        )

    def _in_units(self, unit: Array) -> "TargetStatistics":
        share, (total, mean, deviations) = self.unit / unit, self.moments
        moments = Moments(total, mean * share, deviations * share**2)
        return TargetStatistics(unit, moments, self.low * share, self.high * share)


@dataclass(frozen=True, eq=False)
class StreamedTargets:
    """Statistics of the targets of a stream, in total and in a window of late batches.

    Attributes
    ----------
    seen : TargetStatistics
        Of all examples, or of those since the beginning was found to be unusual.
    n_seen : int
        Number of these examples.
    n_set : int
        Number of examples that have set the present scale.
    window : TargetStatistics or None
        Of the latest examples.
    n_window : int
        Number of examples in the window.
    is_settling : bool
        Whether the scale has just grown, and comes from two kinds of examples.
    n_growths : int
        Number of times that the scale has grown.
    """

    seen: TargetStatistics
    n_seen: int
    n_set: int
    window: TargetStatistics | None = None
    n_window: int = 0
    is_settling: bool = False
    n_growths: int = 0

    @classmethod
    def start(cls, statistics: TargetStatistics, n_examples: int) -> "StreamedTargets":
        """Begin with the examples that have set the scale."""
        return cls(statistics, n_examples, n_examples)

    def begin_anew(self) -> "StreamedTargets":
        """Forget all examples before the window."""
        assert self.window is not None
        return StreamedTargets(
            self.window, self.n_window, self.n_window, n_growths=self.n_growths
        )

    def including(self, batch: TargetStatistics, n_examples: int) -> "StreamedTargets":
        """Return the statistics with one more batch, which replaces a full window."""
        is_full = self._is_full and not self.is_settling
        before = None if is_full else self.window
        return replace(
            self,
            seen=self.seen.merge(batch),
            n_seen=self.n_seen + n_examples,
            window=batch if before is None else before.merge(batch),
            n_window=n_examples + (0 if before is None else self.n_window),
        )

    def grown(self) -> "StreamedTargets":
        """Return the statistics after the scale has grown to suit all examples."""
        return StreamedTargets(
            self.seen,
            self.n_seen,
            self.n_seen,
            is_settling=True,
            n_growths=self.n_growths + 1,
        )

    @property
    def new_kind(self) -> TargetStatistics | None:
        """Statistics of the examples since the scale has grown, if there are enough.

        More and more are enough, so that targets that drift all the time, on whatever
        scale one looks at them, do not change the scale all the time.
        """
        enough = ENOUGH * 2.0 ** (self.n_growths - 1)
        return self.window if self.is_settling and self.n_window >= enough else None

    @property
    def later_examples(self) -> TargetStatistics | None:
        """Statistics of the window if it is full and the scale has not just grown."""
        return self.window if self._is_full and not self.is_settling else None

    @property
    def _is_full(self) -> bool:
        """True if as many examples are in the window as have set the scale."""
        return self.n_window >= max(WINDOW, self.n_set)
