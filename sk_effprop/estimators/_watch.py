"""A watch over a stream: each batch is predicted before the network trains on it.

The losses of these predictions are summed up, and so are those of two constants: the
mean of all earlier targets, and that of nearby ones, which are the rest of the batch,
or the latest targets if batches are small.  A network that is no better than the first
has learnt nothing.  If the second is much better than the first, the order of the
examples tells more about their targets than it should::

    watch = StreamWatch.start(objective, scale)
    watch = watch.including(objective, loss, scale)    # of the next batch
    if watch.is_due:
        watch.share       # of the constant's loss that the network explains
        watch = watch.looked(finding)

A stream is looked at a few times only, after 100, 300, 900, ... examples, so a warning
comes a few times, and looking costs next to nothing.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.baseline import outputs_for
from sk_effprop.core.losses import LogLoss
from sk_effprop.core.objective import Objective
from sk_effprop.training.convergence import Finding

# Examples before the first look, and how many times as many before each later one.
FIRST_LOOK, SECOND_LOOK, NEXT_LOOK = 100, 300, 3
# Healthy streams explain a tenth of the loss of a constant after so many examples.
AWAKE_BY, LOST = 200, 0.1
# Examples that a look needs at least.
LEAST_ROWS = 50
# The latest targets are about as many, and so are the rows of a batch that tells.
RECENT = 10
# The order tells too much if the mean of nearby targets has less than this share of the
# squared error of the mean of all; in a random order both are equal.
ORDERED, SORTED = 0.7, 0.2
SORTED_PRESENTATION = "sorted presentation"
# Fewer batches do not tell how much their means differ.
FEW_BATCHES = 3
# Mean squared errors of coded targets below this are those of constant targets.
NO_ERROR = 1e-9


@dataclass(frozen=True, eq=False)
class StreamWatch:
    """Losses of a stream since the last look at it.

    Attributes
    ----------
    scale : ndarray of shape (n_outputs,) or None
        Scale of the targets; another one begins anew.
    n_seen, n_known : int
        Examples so far, and those since the statistics last began anew.
    mean, latest : ndarray of shape (n_outputs,)
        Mean of all coded targets, and of the latest.
    n_rows : int
        Examples since the last look.
    losses : ndarray of shape (3,)
        Summed losses of these: of the network, of the mean of all targets before each
        batch, and of the mean of nearby ones.
    squares : ndarray of shape (2,)
        Summed squared errors of the two means.
    sums : ndarray of shape (2, n_outputs)
        Summed targets and squared targets.
    n_batches : int
    next_look : int
        Number of examples at which the next look is due.
    finding : Finding or None
        What the last look has found.
    is_fresh : bool
        True if the look followed the latest batch.
    """

    scale: Any
    n_seen: int
    n_known: int
    mean: Array
    latest: Array
    n_rows: int
    losses: Array
    squares: Array
    sums: Array
    n_batches: int = 0
    next_look: int = FIRST_LOOK
    finding: Finding | None = None
    is_fresh: bool = False

    @classmethod
    def start(cls, objective: Objective, scale: Any) -> "StreamWatch":
        """Begin with a batch about which nothing was known before."""
        mean = _mean_targets(objective)
        n = objective.n_samples
        nothing = np.zeros(3), np.zeros(2), np.zeros((2, len(mean)))
        return cls(scale, n, n, mean, mean, 0, *nothing)

    def begun_anew(self) -> "StreamWatch":
        """Forget all predictions, as inputs or targets are on another scale."""
        return replace(self, n_known=0)

    def including(self, objective: Objective, loss: float, scale: Any) -> "StreamWatch":
        """Include a batch.

        Parameters
        ----------
        objective : Objective
            On the batch.
        loss : float
            Mean loss of the network before it is trained on the batch.
        scale : ndarray of shape (n_outputs,) or None
            Of the targets.
        """
        n, mean = objective.n_samples, _mean_targets(objective)
        total = self.n_seen + n
        if not self.n_known or not np.array_equal(self.scale, scale):
            begun = StreamWatch.start(objective, scale)
            return replace(
                begun, n_seen=total, next_look=self.next_look, finding=self.finding
            )
        expected = self.mean, mean if n >= RECENT else self.latest
        losses = [loss, *(self._loss_of(values, objective) for values in expected)]
        squares = [np.mean((objective.targets - values) ** 2) for values in expected]
        if n >= RECENT:
            # the mean of a batch is nearer to it than that of other examples would be
            squares[1] *= n / (n - 1.0)
        n_known = self.n_known + n
        return replace(
            self,
            n_seen=total,
            n_known=n_known,
            mean=self.mean + (mean - self.mean) * (n / n_known),
            latest=mean + (self.latest - mean) * (1.0 - 1.0 / RECENT) ** n,
            n_rows=self.n_rows + n,
            losses=self.losses + np.multiply(losses, n),
            squares=self.squares + np.multiply(squares, n),
            sums=self.sums + _sums(objective.targets),
            n_batches=self.n_batches + 1,
            is_fresh=False,
        )

    def _loss_of(self, means: Array, objective: Objective) -> float:
        """Loss of constant outputs that predict these means."""
        if isinstance(objective.loss, LogLoss):
            # a class that has not come yet is rare, and not impossible
            least = 0.5 / (self.n_known + 1.0)
            means = np.clip(means, least, 1.0 - least)
        outputs = outputs_for(objective.loss, means)
        return objective.value_of_constants(outputs)

    @property
    def is_due(self) -> bool:
        """True if it is time for a look."""
        if self.n_seen < self.next_look or self.n_rows < LEAST_ROWS:
            return False
        # one batch with a single target may be an exception, or one of many
        return self.n_batches > 1 or self.variation > NO_ERROR

    @property
    def breaks_a_run(self) -> bool:
        """True if classes came in long runs, and this is not known yet.

        A run may be longer than the time between two looks, after which the network has
        forgotten the one before.
        """
        if self.n_batches < FEW_BATCHES or self.n_rows < LEAST_ROWS:
            return False
        is_known = (
            self.finding is not None and self.finding.cause == SORTED_PRESENTATION
        )
        return not is_known and self._are_runs

    @property
    def are_targets_constant(self) -> bool:
        """True if the mean of all earlier targets is as good as any prediction."""
        return bool(self.squares[0] <= NO_ERROR * self.n_rows or self.losses[1] <= 0.0)

    @property
    def share(self) -> float:
        """Share of the baseline's loss that the network explains."""
        return float(1.0 - self.losses[0] / self.losses[1])

    @property
    def is_lost(self) -> bool:
        """True if no recent rows, or too few, were predicted better than by a mean."""
        if self.are_targets_constant and self.n_rows:
            return False
        return self.n_rows < LEAST_ROWS or self.share < LOST

    def is_ordered(self, *, by_class: bool) -> bool:
        """True if nearby targets are alike, and the network knows no more than that.

        A network that foresees a slow series is better than the mean of nearby targets.
        Of classes in long runs it may seem so, since it forgets all others.
        """
        if by_class and self._are_runs:
            return True
        # the very first targets may have been unusual
        is_early = self.n_seen < SECOND_LOOK
        is_no_better = self.losses[0] >= self.losses[2]
        is_ordered = self.squares[1] < ORDERED * self._spread
        return bool(is_no_better and not is_early and is_ordered)

    @property
    def _are_runs(self) -> bool:
        return bool(self.squares[1] < SORTED * self._spread)

    @property
    def _spread(self) -> float:
        """Summed squared errors of the mean of all targets."""
        of_all = float(self.squares[0])
        if self.n_batches < FEW_BATCHES:
            return of_all
        return min(of_all, self.variation * self.n_rows)

    @property
    def variation(self) -> float:
        """Variance of the coded targets since the last look."""
        mean, squares = self.sums / self.n_rows
        return float(np.mean(squares - mean**2))

    def looked(self, finding: Finding | None) -> "StreamWatch":
        """Note what a look has found, and begin to sum up anew."""
        return replace(
            self,
            n_rows=0,
            losses=np.zeros(3),
            squares=np.zeros(2),
            sums=np.zeros_like(self.sums),
            n_batches=0,
            next_look=max(self.next_look, self.n_seen) * NEXT_LOOK,
            finding=finding,
            is_fresh=True,
        )


def _sums(targets: Array) -> Array:
    targets = targets.astype(np.float64, copy=False)
    return np.stack([np.sum(targets, axis=0), np.sum(targets**2, axis=0)])


def _mean_targets(objective: Objective) -> Array:
    targets, weight = objective.targets, objective.sample_weight
    if weight is None:
        return np.asarray(np.mean(targets, axis=0, dtype=np.float64))
    return np.asarray(np.average(targets, axis=0, weights=weight), dtype=np.float64)
