"""A race of solvers to the same loss, on any data."""

from collections.abc import Iterable, Iterator
from time import perf_counter
from typing import Any, NamedTuple
from warnings import warn

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning

from sk_effprop._containers import inner_problem
from sk_effprop.core.arrays import Array
from sk_effprop.core.baseline import constant_value
from sk_effprop.inspection._runs import PreparedFit, Recorder, prepare
from sk_effprop.inspection.displays._base import new_axes
from sk_effprop.model_selection._plots import draw_race
from sk_effprop.model_selection._tables import Table, to_frame
from sk_effprop.solvers import SOLVERS
from sk_effprop.training.monitor import Monitor

AXES = ("seconds", "epochs")
# Without a goal, it is what leaves this share of the way from the loss of constant
# outputs to the lowest loss of any solver.
SHARE_LEFT = 0.02


class RaceRow(NamedTuple):
    """One solver in a race.

    Attributes
    ----------
    solver : str
    n_reached, n_runs : int
        Runs that reached the goal, and all runs.
    seconds, epochs : float
        Median time, and median number of epochs or iterations, to the goal; nan if less
        than half of the runs reached it.
    loss : float
        Median of the lowest loss of each run.
    ended : str
        Why the first run ended, or why it failed.
    """

    solver: str
    n_reached: int
    n_runs: int
    seconds: float
    epochs: float
    loss: float
    ended: str


class Curve(NamedTuple):
    """One run of a solver.

    Attributes
    ----------
    seconds, losses : ndarray of shape (n_iter + 1,)
        Time after each epoch or iteration, and objective; the first entry belongs to
        the initial weights.
    ended : str
    """

    seconds: Array
    losses: Array
    ended: str

    def first_below(self, goal: float) -> int | None:
        """Number of the first iteration that reaches the goal."""
        reached = np.flatnonzero(self.losses <= goal)
        return int(reached[0]) if len(reached) else None


class RaceResult:
    """Result of :func:`compare_solvers`, which is shown as a table.

    Attributes
    ----------
    results_ : list of RaceRow
        The solvers, the fastest first.
    curves_ : dict of list of Curve
        For each solver, its runs.
    goal : float
        The loss to reach.
    """

    def __init__(self, curves: dict[str, list[Curve]], goal: float) -> None:
        self.curves_, self.goal = curves, goal
        rows = [_summarize(name, runs, goal) for name, runs in curves.items()]
        self.results_ = sorted(rows, key=_speed)

    def __repr__(self) -> str:
        return self._table().text()

    def _repr_html_(self) -> str:
        return self._table().html()

    def _table(self) -> Table:
        header = ("solver", "reached", "seconds", "epochs", "lowest loss", "ended by")
        rows = [
            (
                row.solver,
                f"{row.n_reached} of {row.n_runs}",
                "" if np.isnan(row.seconds) else f"{row.seconds:.3g}",
                "" if np.isnan(row.epochs) else f"{row.epochs:.0f}",
                f"{row.loss:.4g}",
                row.ended,
            )
            for row in self.results_
        ]
        caption = f"Time and epochs until the loss is at most {self.goal:.4g}"
        return Table(header, rows, n_text=1, caption=caption)

    def to_frame(self) -> Any:
        """Return the rows as a pandas DataFrame."""
        return to_frame(self.results_)

    def plot(self, ax: Any = None, *, x: str = "seconds") -> Any:
        """Plot the loss of every run with matplotlib (extra "plot").

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to plot on.  By default a new figure is created.
        x : {"seconds", "epochs"}, default="seconds"
            Horizontal axis.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        ValueError
            For another ``x``.
        """
        if x not in AXES:
            raise ValueError(f"x must be one of {AXES}, got {x!r}.")
        ax = new_axes((7.0, 4.8)) if ax is None else ax
        draw_race(ax, self.curves_, self.goal, x)
        return ax


def compare_solvers(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    solvers: Iterable[str] = SOLVERS,
    goal: float | None = None,
    n_runs: int = 3,
    max_time: float | None = None,
) -> RaceResult:
    """Train with each solver, and measure the time and the epochs to the same loss.

    All solvers minimise the same objective, with the penalty of the estimator as it is,
    from the same initial weights.  The objective is evaluated after each epoch or
    iteration, and the clock stands still meanwhile.  Compiling does not count.

    Parameters
    ----------
    estimator : estimator
        EffPropClassifier or EffPropRegressor, or a container of one, such as a
        pipeline.  It is not changed.
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    solvers : iterable of str, default=all
        Values of the hyperparameter ``solver``.
    goal : float or None, default=None
        The objective to reach, in the units of ``loss_``.  A solver that reaches it
        stops.  None lets all solvers train to their end, and takes the loss that leaves
        2 % of the way from constant outputs to the lowest loss of all.
    n_runs : int, default=3
        Runs of each solver, from different initial weights.
    max_time : float or None, default=None
        Seconds after which a run ends.

    Returns
    -------
    RaceResult

    Raises
    ------
    TypeError
        If there is no estimator of this package in ``estimator``, or more than one.
    ValueError
        For an unknown solver, an ``n_runs`` that is not a positive int, or if ``fit``
        would refuse the data.  A solver that cannot be used for these data gets a row
        without a time, and a FitFailedWarning says why.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sk_effprop import EffPropRegressor
    >>> from sk_effprop.model_selection import compare_solvers
    >>> X, y = load_diabetes(return_X_y=True)
    >>> net = EffPropRegressor((5,), max_iter=20, random_state=0)
    >>> race = compare_solvers(net, X, y, solvers=["lm", "lbfgs"], n_runs=1)
    >>> sorted(row.solver for row in race.results_)
    ['lbfgs', 'lm']
    """
    solvers = _check_solvers(solvers)
    if not isinstance(n_runs, int | np.integer) or n_runs < 1:
        raise ValueError(f"n_runs must be a positive int, got {n_runs!r}.")
    network, X, y = inner_problem(estimator, X, y)
    network = clone(network).set_params(max_time=max_time or network.max_time)
    curves: dict[str, list[Curve]] = {name: [] for name in solvers}
    constant = np.inf
    for seed in _seeds(network.random_state, n_runs):
        network.set_params(random_state=seed)
        model = prepare(network, X, y)
        constant = constant_value(model.objective)
        for name in solvers:
            racer = clone(network).set_params(solver=name)
            curves[name].append(_run(racer, X, y, model.objective.penalty, goal))
    _report_failures(curves)
    return RaceResult(curves, _common_goal(curves, constant) if goal is None else goal)


def _check_solvers(solvers: Iterable[str]) -> list[str]:
    names = [solvers] if isinstance(solvers, str) else list(solvers)
    unknown = [name for name in names if name not in SOLVERS]
    if unknown or not names:
        raise ValueError(f"solvers must be some of {SOLVERS}, got {names}.")
    return names


def _seeds(random_state: Any, n_runs: int) -> list[int]:
    first = random_state if isinstance(random_state, int | np.integer) else 0
    return [int(first) + i for i in range(n_runs)]


def _run(racer: Any, X: Any, y: Any, penalty: Array, goal: float | None) -> Curve:
    try:
        prepared = prepare(racer, X, y).with_penalty(penalty)
        if prepared.run.plan.engine != "numpy":
            # loops are compiled or loaded before the clock starts
            prepared.train(Recorder(1))
    except (ValueError, MemoryError) as error:
        return Curve(np.full(1, np.nan), np.full(1, np.nan), str(error))
    return _timed(prepared, goal)


def _timed(prepared: PreparedFit, goal: float | None) -> Curve:
    objective, monitor = prepared.objective, prepared.monitor()
    seconds, losses = [0.0], [objective.value(prepared.theta)]
    start, paused = perf_counter(), 0.0

    def watch(monitor: Monitor) -> bool:
        nonlocal paused
        now = perf_counter()
        seconds.append(now - start - paused)
        with np.errstate(over="ignore", invalid="ignore"):
            losses.append(objective.value(monitor.theta))
        paused += perf_counter() - now
        return goal is not None and losses[-1] <= goal

    monitor.watchers.append(watch)
    solution = prepared.train(monitor)
    monitor.end(solution.message)
    has_won = goal is not None and losses[-1] <= goal
    ended = "goal" if has_won else monitor.reason.value
    return Curve(np.array(seconds), np.array(losses), ended)


def _common_goal(curves: dict[str, list[Curve]], constant: float) -> float:
    """The loss that leaves a small share of what the best solver has gained."""
    lowest = min(
        (np.nanmin(run.losses) for run in _runs(curves) if _is_valid(run)),
        default=np.nan,
    )
    return float(lowest + SHARE_LEFT * max(constant - lowest, 0.0))


def _runs(curves: dict[str, list[Curve]]) -> Iterator[Curve]:
    return (run for runs in curves.values() for run in runs)


def _is_valid(run: Curve) -> bool:
    return bool(np.isfinite(run.losses).any())


def _report_failures(curves: dict[str, list[Curve]]) -> None:
    for name, runs in curves.items():
        if not _is_valid(runs[0]):
            message = f"solver={name!r} cannot be used: {runs[0].ended}"
            warn(message, FitFailedWarning, stacklevel=3)


def _summarize(solver: str, runs: list[Curve], goal: float) -> RaceRow:
    reached = [run.first_below(goal) for run in runs]
    # runs that never arrive are infinitely slow
    times = [
        np.inf if i is None else float(run.seconds[i])
        for i, run in zip(reached, runs, strict=True)
    ]
    epochs = [np.inf if i is None else float(i) for i in reached]
    lowest = [np.nanmin(run.losses) if _is_valid(run) else np.nan for run in runs]
    return RaceRow(
        solver=solver,
        n_reached=sum(i is not None for i in reached),
        n_runs=len(runs),
        seconds=_median(times),
        epochs=_median(epochs),
        loss=float(np.median(lowest)),
        ended=runs[0].ended,
    )


def _median(values: list[float]) -> float:
    """Median that is nan where most values are infinite."""
    middle = float(np.median(values))
    return middle if np.isfinite(middle) else np.nan


def _speed(row: RaceRow) -> tuple[bool, float, float]:
    is_slow = np.isnan(row.seconds)
    return is_slow, row.loss if is_slow else row.seconds, row.loss
