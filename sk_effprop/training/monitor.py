"""The monitor: it records training, keeps the best weights, and alone decides to stop.

Solvers report every epoch or iteration.  The monitor joins three parts: the curves
(:mod:`~sk_effprop.training.history`), the best weights
(:mod:`~sk_effprop.training.best`) and the rules that end training
(:mod:`~sk_effprop.training.stopping`).

An evaluation of E on all examples takes half as long as an epoch.  So an epoch whose
mean loss is the lowest so far counts as progress without one.
"""

from collections.abc import Callable
from copy import copy
from time import monotonic
from typing import NamedTuple, TypeAlias

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.rates import Rates
from sk_effprop.solvers.base import OutOfTime, Paused, Reason, Rescue
from sk_effprop.training.best import BestWeights, Evaluate
from sk_effprop.training.history import History
from sk_effprop.training.stopping import Divergence, Limits, Patience

# theta -> (loss on the validation data, score, larger is better)
Validate: TypeAlias = Callable[[Array], tuple[float, float]]
# Called with the monitor after every iteration; True asks it to stop.
Watcher: TypeAlias = Callable[["Monitor"], bool | None]
# Called with the function that returns the state of the solver.
Keeper: TypeAlias = Callable[[Callable[[], Paused]], None]

# In this first share of the iterations an epoch without progress is not evaluated, as
# later weights are better.
EARLY_SHARE = 0.75
# This close to the loss of predicting zero, nothing has been learnt yet.  A batch
# solver may spend dozens of iterations there, on tables of parity for instance, before
# it finds the way down, which is no lack of progress.
PLATEAU = 0.01
# Training may take so many seconds in any case, as no iteration at all is of no use.
LEAST_SECONDS = 0.1


class MonitorState(NamedTuple):
    """State of a monitor, without its settings."""

    best: BestWeights
    history: History
    patience: Patience
    divergence: Divergence
    best_score: float
    initial_rates: Rates | None
    reason: Reason
    n_recoveries: int


class Monitor:
    """History, best weights and the decision to stop, of one call of ``fit``.

    Parameters
    ----------
    theta : ndarray of shape (n_weights,)
        Initial weights.
    value : float
        Their objective.
    null_value : float
        The loss of a network that outputs zeros; training that ends an iteration far
        above both it and ``value`` has diverged.
    max_iter : int
    tol : float
        Smaller improvements are no progress; 0 disables that rule.
    patience : float
        Consecutive iterations without progress before training stops.
    goal : float or None
        Stop when the objective is at most this.
    max_time : float or None
        Seconds.
    validate : callable, optional
        Its score, not the objective, then tells progress and the best weights.
    keep_last : bool
        Take the latest weights for the best: on a stream, nobody knows which are.
    history : History, optional
        Curves of an earlier call, to be continued.
    start_time : float, optional
        The moment, by ``time.monotonic``, from which ``max_time`` counts; by default
        now.
    is_relative : bool
        Whether ``tol`` is a share of the objective, see :class:`Patience`.

    Attributes
    ----------
    watchers : list of callable
        See :data:`Watcher`.
    keeper : callable or None
        Is offered the state of the solver wherever training could go on from it.
    limits : Limits
    best : BestWeights
    history : History
    theta : ndarray of shape (n_weights,)
        The present weights, for the watchers: an array of the solver, to be copied if
        it is kept.
    best_score : float
        The best validation score.
    initial_rates : Rates or None
        The learning rates that training started with, if the solver has any.
    reason : Reason
        Why training has ended.
    n_recoveries : int
        Number of times that training diverged and continued from the best weights.
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
        history: History | None = None,
        start_time: float | None = None,
        is_relative: bool = False,
    ) -> None:
        self.null_value = null_value
        self.validate, self.keep_last = validate, keep_last
        self.limits = Limits(max_iter, max_time, goal)
        self.best = BestWeights(theta, value)
        self.history = History() if history is None else history
        self.watchers: list[Watcher] = []
        self.keeper: Keeper | None = None
        self.theta, self.best_score = theta, -np.inf
        self.initial_rates: Rates | None = None
        self.reason = Reason.NOT_ENDED
        self.n_recoveries = 0
        self._patience = Patience(tol, patience, is_relative=is_relative)
        self._divergence = Divergence(value, null_value)
        self._created_at = monotonic()
        self._start_time = self._created_at if start_time is None else start_time

    @property
    def n_iter(self) -> int:
        """Iterations, with those of earlier calls on a stream."""
        return self.history.n_iter

    @property
    def n_now(self) -> int:
        """Iterations of this call."""
        return self.history.n_now

    @property
    def max_iter(self) -> int:
        """Limit of the iterations of this call."""
        return self.limits.max_iter

    @property
    def loss_curve(self) -> list[float]:
        """The objective after each iteration, or its mean over each epoch."""
        return self.history.loss_curve

    @property
    def best_theta(self) -> Array:
        """The best weights so far."""
        return self.best.theta

    @property
    def best_value(self) -> float:
        """Their objective."""
        return self.best.value

    @property
    def seconds(self) -> float:
        """Seconds since training started."""
        return monotonic() - self._start_time

    @property
    def is_out_of_time(self) -> bool:
        """True if ``max_time`` is over."""
        max_time = self.limits.max_time
        return max_time is not None and self.seconds >= max_time

    def check_time(self) -> None:
        """Raise OutOfTime if ``max_time`` is over: for passes that take long."""
        if self.is_out_of_time and monotonic() - self._created_at >= LEAST_SECONDS:
            raise OutOfTime

    @property
    def state(self) -> MonitorState:
        """State of the monitor, for :meth:`restore`."""
        best = copy(self.best)
        # a function, which belongs to the objective
        best.evaluate = None
        return MonitorState(
            best, self.history, self._patience, self._divergence,
            self.best_score, self.initial_rates, self.reason, self.n_recoveries,
        )  # fmt: skip

    def restore(self, state: MonitorState, evaluate: Evaluate) -> None:
        """Set the state from another monitor; ``evaluate`` computes E."""
        self.best, self.history = state.best, state.history
        self._patience, self._divergence = state.patience, state.divergence
        self.best_score, self.initial_rates = state.best_score, state.initial_rates
        self.reason, self.n_recoveries = state.reason, state.n_recoveries
        self.best.evaluate = evaluate

    @property
    def keeps_pauses(self) -> bool:
        """True if :meth:`pause` makes use of what it is given."""
        return self.keeper is not None

    def pause(self, paused: Callable[[], Paused]) -> None:
        """Offer the state of the solver to the keeper."""
        if self.keeper is not None:
            self.keeper(paused)

    def begin(self, rates: Rates) -> None:
        """Keep the learning rates that training starts with, as ``initial_rates``."""
        self.initial_rates = rates

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
        """Note an iteration and its E(theta); return whether to stop.

        Parameters
        ----------
        theta : ndarray
            The weights after the update.
        value : float or callable
            E(theta), or the function that computes it.
        epoch_mean : float, optional
            Mean of E over the updates of the epoch, for the curve.  It is needed where
            ``value`` is a function.
        rate : float, optional
            The global learning rate of the epoch.
        criterion : float, optional
            Replaces ``value`` where progress and the best weights are decided.
        rescue : callable, optional
            See :data:`sk_effprop.solvers.base.Rescue`.
        """
        if rate is not None:
            self.history.rates.append(rate)
        known: float | None
        if callable(value):
            assert epoch_mean is not None
            self.best.evaluate = value
            level = epoch_mean
            known = None if self._is_fine(theta, epoch_mean) else value(theta)
            if (
                known is None
                and self.keep_last
                and not np.isfinite(end := value(theta))
            ):
                # There is no later epoch that could show it: these weights stay.
                known = end
        else:
            known = value
            level = value if epoch_mean is None else epoch_mean
        self.loss_curve.append(level)
        trouble = self._trouble(theta, known, level, criterion)
        if trouble == Reason.STALLED and rescue is None and self._is_on_plateau(known):
            trouble = Reason.NOT_ENDED
        self.reason = self._decide(trouble, rescue)
        # Weights that diverged are of no use, and training continues from the best.
        self.theta = self.best_theta if trouble == Reason.DIVERGED else theta
        self._call_watchers()
        return bool(self.reason)

    def end(self, message: str) -> None:
        """Note why the solver has ended, if the monitor did not stop it."""
        self.reason = self.reason or Reason(message)

    def _is_fine(self, theta: Array, epoch_mean: float) -> bool:
        """True if the mean loss improved over an epoch, so that E is not needed."""
        # A goal is compared with E itself after every epoch.
        if self.limits.goal is not None:
            return False
        if not self._divergence.is_in_bounds(theta, epoch_mean):
            return False
        is_lowest = epoch_mean < self.best.lowest_mean
        is_early = self.n_now < EARLY_SHARE * self.max_iter
        return is_lowest or (is_early and self._divergence.has_improved)

    def _is_on_plateau(self, value: float | None) -> bool:
        """True if the outputs are as good as zeros, and no validation data decide."""
        if value is None or self.validate is not None:
            return False
        return abs(value - self.null_value) <= PLATEAU * abs(self.null_value)

    def _has_diverged(self, theta: Array, value: float) -> bool:
        return self._divergence.has_diverged(theta, value, self.n_now)

    def _trouble(
        self,
        theta: Array,
        value: float | None,
        level: float,
        criterion: float | None,
    ) -> Reason:
        """Note the weights of an iteration; return DIVERGED, STALLED or NOT_ENDED."""
        if value is not None and self._has_diverged(theta, value):
            if self.validate is not None:
                self._note_validation(np.nan, np.nan)
            return Reason.DIVERGED
        loss = 0.0
        if self.validate is not None:
            loss, score = self.validate(theta)
            self._note_validation(loss, score)
            self.best_score = max(self.best_score, score)
            # Scores are better when larger, criteria when smaller.
            criterion = -score
        self._keep_best(theta, value, level, criterion, loss)
        self._patience.note(level if criterion is None else criterion, loss)
        return Reason.STALLED if self._patience.is_exhausted else Reason.NOT_ENDED

    def _note_validation(self, loss: float, score: float) -> None:
        self.history.validation_losses.append(loss)
        self.history.validation_scores.append(score)

    def _keep_best(
        self,
        theta: Array,
        value: float | None,
        level: float,
        criterion: float | None,
        validation_loss: float,
    ) -> None:
        if self.keep_last:
            self.best.keep(theta, value)
        elif criterion is not None:
            self.best.offer_by(criterion, theta, value, validation_loss)
        elif value is not None:
            self.best.offer(theta, value)
        else:
            self.best.offer_unseen(theta, level)

    def _decide(self, trouble: Reason, rescue: Rescue | None) -> Reason:
        """Return why to stop, after a rescue where that is possible."""
        goal = self.limits.goal
        if goal is not None and self.best_value <= goal:
            return Reason.GOAL
        limit = self.limits.reached(self.n_now, self.seconds)
        has_diverged = trouble == Reason.DIVERGED
        # A rescue from divergence is worth it even at the end, as a later call may
        # continue from here.
        is_worth_it = has_diverged or (trouble and not limit)
        if is_worth_it and rescue is not None and rescue(trouble):
            self.n_recoveries += has_diverged
            self._patience.restart()
            if not limit:
                return Reason.NOT_ENDED
        return trouble or limit

    def _call_watchers(self) -> None:
        """Call all watchers; any of them may ask to stop."""
        # A list, as all are called even if the first asks to stop.
        wishes = [watch(self) for watch in self.watchers]
        if any(wishes) and not self.reason:
            self.reason = Reason.CALLBACK
