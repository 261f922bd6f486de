"""The monitor remembers, and alone decides to stop.

Solvers report every epoch or iteration; the monitor keeps the curves and the best
weights, measured after the update, and stops at a goal, for lack of progress, time,
or iterations, or when training has gone wrong for good.

Looking at E of all examples takes half as long as training on them.  So an epoch whose
mean loss is the lowest so far is taken for progress without a look, and its weights for
better than earlier ones as soon as the next epoch is lower still; what is left in doubt
is measured when somebody asks for the best, or an epoch does not fall.
"""

from collections.abc import Callable, Sequence
from time import monotonic
from typing import NamedTuple, TypeAlias

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.solvers.base import Rescue

# theta -> E(theta)
Evaluate: TypeAlias = Callable[[Array], float]
# theta -> (loss on the validation data, score, larger is better)
Validate: TypeAlias = Callable[[Array], tuple[float, float]]
# Called with the monitor after every iteration; True asks it to stop.
Watcher: TypeAlias = Callable[["Monitor"], bool | None]

# an iteration that ends this many times above where training started has diverged
DIVERGENCE_FACTOR = 2.0
# share of the iterations after which every epoch may be the best one
EARLY_SHARE = 0.75
# So has training that after a few iterations has not once been below its start, and is
# above it by this share: saturated outputs keep the objective from growing further.
STUCK_ITERATIONS, STUCK_SHARE = 3, 0.1


class History(NamedTuple):
    """What earlier calls have left, for the curves to go on; limits do not count it."""

    n_iter: int = 0
    loss_curve: Sequence[float] = ()
    rates: Sequence[float] = ()
    validation_losses: Sequence[float] = ()
    validation_scores: Sequence[float] = ()


NOTHING_BEFORE = History()


class Monitor:
    """History, best weights and the decision to stop, of one fit.

    Parameters
    ----------
    theta : ndarray of shape (n_weights,)
        Initial weights: the best until there are better ones.
    value : float
        Their objective.
    null_value : float
        The loss of a network that outputs zeros; training that ends an iteration far
        above both it and ``value`` has diverged.
    max_iter : int
    tol : float
        Improvements below it are no progress; 0 switches that rule off.
    patience : float
        Consecutive iterations without progress before training stops.
    goal : float or None
        Stop when the objective is at most this.
    max_time : float or None
        Seconds.
    validate : callable, optional
        The score, not the objective, then tells progress and the best weights.
    keep_last : bool
        Take the latest weights for the best: on a stream, nobody knows which are.
    history : History

    Attributes
    ----------
    watchers : list of callable
        See :data:`Watcher`.
    theta : ndarray of shape (n_weights,)
        Where training stands, for the watchers: the solver's own array, to be copied if
        it is kept.
    best_theta : ndarray
    best_value, best_score : float
    loss_curve, validation_losses, validation_scores, rates : list of float
    reason : str
        Why it stopped: "goal", "stalled", "max_iter", "max_time", "diverged",
        "callback" if a watcher asked, or what the solver says; "" while it has not.
    n_recoveries : int
        How often training diverged and went on from the best weights.
    """

    def __init__(
        self,
        theta: Array,
        value: float,
        *,
        null_value: float,
        max_iter: int,
        tol: float = 0.0,
        patience: float = np.inf,
        goal: float | None = None,
        max_time: float | None = None,
        validate: Validate | None = None,
        keep_last: bool = False,
        history: History = NOTHING_BEFORE,
    ) -> None:
        self.max_iter, self.tol, self.patience = max_iter, tol, patience
        self.goal, self.max_time = goal, max_time
        self.validate, self.keep_last = validate, keep_last
        self.watchers: list[Watcher] = []
        self.history = history
        self.loss_curve = list(history.loss_curve)
        self.rates = list(history.rates)
        self.validation_losses = list(history.validation_losses)
        self.validation_scores = list(history.validation_scores)
        self.reason = ""
        self.n_recoveries = 0
        self.theta, self._best_theta = theta, theta.copy()
        # not known where it has not been looked at
        self._best_value: float | None = value
        self._evaluate: Evaluate | None = None
        self._unseen: Array | None = None
        self._latest: Array | None = None
        self._lowest_mean = value
        self.null_value = null_value
        yardstick = max(value, null_value)
        self._ceiling = yardstick + (DIVERGENCE_FACTOR - 1.0) * abs(yardstick)
        self._stuck_level = value + STUCK_SHARE * abs(yardstick)
        self._start_value = self._lowest = value
        self.best_score = -np.inf
        self._best_criterion = self._progress_mark = np.inf
        self._n_without_progress = 0
        self._start_time = monotonic()

    @property
    def n_iter(self) -> int:
        """Iterations, with those of earlier calls on a stream."""
        return self.history.n_iter + self.n_now

    @property
    def n_now(self) -> int:
        """Iterations of this call."""
        return len(self.loss_curve) - len(self.history.loss_curve)

    @property
    def best_theta(self) -> Array:
        """The best weights so far."""
        self._look_at_unseen()
        return self._best_theta

    @property
    def best_value(self) -> float:
        """Their objective."""
        self._look_at_unseen()
        if self._best_value is None:
            assert self._evaluate is not None
            self._best_value = self._evaluate(self._best_theta)
        return self._best_value

    @property
    def seconds(self) -> float:
        """Since training started."""
        return monotonic() - self._start_time

    def __call__(
        self,
        theta: Array,
        value: float | Evaluate,
        *,
        epoch_mean: float | None = None,
        rate: float | None = None,
        criterion: float | None = None,
        rescue: Rescue | None = None,
    ) -> bool:
        """Note an iteration and its E(theta); say whether to stop.

        Parameters
        ----------
        theta : ndarray
            The weights after the update.
        value : float or callable
            The objective there, or the function that computes it.
        epoch_mean : float, optional
            Its mean while the weights moved; goes into the curve in place of ``value``,
            and is needed where that is a function.
        rate : float, optional
            The learning rate that was used.
        criterion : float, optional
            What tells progress and the best weights, where that is not ``value``.
        rescue : callable, optional
            See :data:`sk_effprop.solvers.base.Rescue`.
        """
        if rate is not None:
            self.rates.append(rate)
        known: float | None
        if callable(value):
            assert epoch_mean is not None
            self._evaluate = value
            level = epoch_mean
            known = None if self._is_fine(theta, epoch_mean) else value(theta)
        else:
            known = value
            level = value if epoch_mean is None else epoch_mean
        self.loss_curve.append(level)
        trouble = ""
        if known is not None and self._has_diverged(theta, known):
            trouble = "diverged"
            if self.validate is not None:
                self.validation_losses.append(np.nan)
                self.validation_scores.append(np.nan)
        else:
            self._keep_best(theta, known, level, criterion)
            if self._n_without_progress >= self.patience:
                trouble = "stalled"
        self.reason = self._reason(trouble, rescue)
        # weights that diverged are no use to anyone, and training goes on from the best
        self.theta = self.best_theta if trouble == "diverged" else theta
        wishes = [watch(self) for watch in self.watchers]
        if any(wishes) and not self.reason:
            self.reason = "callback"
        return bool(self.reason)

    def end(self, message: str) -> None:
        """Note why the solver has ended, if the monitor did not stop it."""
        self.reason = self.reason or message

    def _reason(self, trouble: str, rescue: Rescue | None) -> str:
        if self.goal is not None and self.best_value <= self.goal:
            return "goal"
        out_of_time = self.max_time is not None and self.seconds >= self.max_time
        limit = "max_iter" if self.n_now >= self.max_iter else ""
        limit = "max_time" if out_of_time else limit
        # divergence is mended even at the end: a later call may go on from here
        worth_it = trouble == "diverged" or (trouble and not limit)
        if worth_it and rescue is not None and rescue(trouble):
            self.n_recoveries += trouble == "diverged"
            self._n_without_progress = 0
            if not limit:
                return ""
        return trouble or limit

    def _has_diverged(self, theta: Array, value: float) -> bool:
        finite = np.isfinite(value) and np.isfinite(theta).all()
        if not finite or value > self._ceiling:
            return True
        self._lowest = min(self._lowest, value)
        never_lower = self._lowest == self._start_value
        long_enough = self.n_now >= STUCK_ITERATIONS
        return never_lower and long_enough and value > self._stuck_level

    def _is_fine(self, theta: Array, epoch_mean: float) -> bool:
        """Whether an epoch went so well that nobody needs to look at E."""
        in_bounds = epoch_mean <= self._ceiling and np.isfinite(theta).all()
        if not in_bounds or self.goal is not None:
            return False
        self._lowest = min(self._lowest, epoch_mean)
        falls = epoch_mean < self._lowest_mean
        # the best weights are not among those of the first epochs
        is_early = self.n_now < EARLY_SHARE * self.max_iter
        return falls or (is_early and self._lowest < self._start_value)

    def _keep_best(
        self, theta: Array, value: float | None, level: float, criterion: float | None
    ) -> None:
        if self.validate is not None:
            loss, score = self.validate(theta)
            self.validation_losses.append(loss)
            self.validation_scores.append(score)
            self.best_score = max(self.best_score, score)
            criterion = -score
        # whatever follows it, nobody needs to look at the epoch before
        self._latest = None
        # the first weights of equals are kept: they took the least training
        if self.keep_last:
            self._take(theta, value)
        elif criterion is not None:
            if criterion < self._best_criterion:
                self._best_criterion = criterion
                self._take(theta, value)
        elif value is not None:
            if value < self.best_value:
                self._take(theta, value)
        elif level < self._lowest_mean:
            if self._unseen is not None:
                # the epoch that began there was lower still
                self._take(self._unseen, None)
            self._unseen, self._lowest_mean = theta.copy(), level
        else:
            self._latest = theta
        self._count_progress(level if criterion is None else criterion)

    def _take(self, theta: Array, value: float | None) -> None:
        np.copyto(self._best_theta, theta)
        self._best_value = value

    def _look_at_unseen(self) -> None:
        if self._unseen is not None:
            assert self._evaluate is not None
            unseen, self._unseen = self._unseen, None
            value = self._evaluate(unseen)
            # below the mean of its own epoch, it is below what earlier ones ended at
            if value <= self._lowest_mean or value < self.best_value:
                self._take(unseen, value)
        if self._latest is not None:
            assert self._evaluate is not None
            latest, self._latest = self._latest, None
            value = self._evaluate(latest)
            if value < self.best_value:
                self._take(latest, value)

    def _count_progress(self, criterion: float) -> None:
        if self.tol == 0.0:
            return
        if criterion > self._progress_mark - self.tol:
            self._n_without_progress += 1
        else:
            self._n_without_progress = 0
        self._progress_mark = min(self._progress_mark, criterion)
