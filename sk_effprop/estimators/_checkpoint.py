"""Checkpoints of a fit: its fingerprint, the saved state, and resuming from it.

A file belongs to one combination of hyperparameters and data, of which its name has a
fingerprint.  So clones, folds and workers that share a folder do not meet.  What
follows from hyperparameters and data (normalisation, coding, penalty) is not kept but
computed again, from the same random numbers.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from warnings import warn

import joblib
from numpy.random import Generator

from sk_effprop._version import __version__
from sk_effprop.core.arrays import Array
from sk_effprop.core.flow import Flow
from sk_effprop.core.gains import Gains
from sk_effprop.core.objective import Objective, no_clock
from sk_effprop.core.rates import DiagonalCurvature, RateRule, Rates
from sk_effprop.core.schedules import Progress
from sk_effprop.core.spectrum import LeadingCurvature
from sk_effprop.core.state import StochasticState
from sk_effprop.core.steps import Average
from sk_effprop.estimators._checks import raise_invalid
from sk_effprop.estimators._parameters import hyperparameters_of
from sk_effprop.estimators._run import Resume, Start
from sk_effprop.solvers import PAUSED_STATES
from sk_effprop.solvers.base import Paused, Reason, Solution, Solver
from sk_effprop.training.best import BestWeights
from sk_effprop.training.checkpoint import CheckpointFile, Schedule, Unusable
from sk_effprop.training.history import History
from sk_effprop.training.monitor import Monitor, MonitorState
from sk_effprop.training.stopping import Divergence, Patience

# The number grows whenever the meaning of a file changes.
FORMAT = 2
# They decide neither what is computed nor when it ends, except for the time, which may
# be another one in every call.
WITHOUT_INFLUENCE = (
    "checkpoint",
    "checkpoint_interval",
    "resume",
    "verbose",
    "max_time",
)
# After these, training goes on if it is resumed.
IS_NO_END = (Reason.INTERRUPTED, Reason.MAX_TIME, Reason.CALLBACK)


class Kept(NamedTuple):
    """The content of a file.

    Attributes
    ----------
    first_rng, rng : dict
        State of the random generator at the beginning, and now.
    monitor : MonitorState
    paused : Paused or None
        None after the end.
    solution : Solution or None
        None before the end.
    """

    first_rng: dict[str, Any]
    rng: dict[str, Any]
    monitor: MonitorState
    paused: Paused | None = None
    solution: Solution | None = None


CLASSES = (
    Average, BestWeights, DiagonalCurvature, Divergence, Flow, Gains, History, Kept,
    LeadingCurvature, MonitorState, Patience, Paused, Progress, RateRule, Rates, Reason,
    Solution, StochasticState, *PAUSED_STATES,
)  # fmt: skip


class Checkpoint:
    """The checkpoint of one call of ``fit``.

    Parameters
    ----------
    file : CheckpointFile
    interval : float
        Seconds between two writes.
    resume : bool
        Whether to go on from what an earlier, unfinished call has written.

    Attributes
    ----------
    first_rng : dict
        State of the random generator at the beginning.
    has_ended : bool
        Whether there is nothing left to train.
    """

    first_rng: dict[str, Any]
    has_ended = False

    def __init__(self, file: CheckpointFile, interval: float, resume: bool) -> None:
        self.schedule, self.resume = Schedule(file, interval), resume
        self.kept = _read(file) if resume else None

    def starting(self, start: Start) -> Start:
        """Begin with the same random numbers as the call that is continued."""
        if self.kept is not None:
            start.rng.bit_generator.state = self.kept.first_rng
        self.first_rng = dict(start.rng.bit_generator.state)
        return start

    def of_member(self, number: int) -> "Checkpoint | None":
        """Checkpoint of one of several networks: the first has this one.

        The others take over what the first has measured.  While it has not ended, they
        have not learnt what they will learn once it has, and none of it is kept.
        """
        if number == 0:
            return self
        if not self.has_ended:
            return None
        file = self.schedule.file
        path = file.path.with_stem(f"{file.path.stem}-{number + 1}")
        own = Checkpoint(file._replace(path=path), self.schedule.interval, self.resume)
        own.first_rng = self.first_rng
        return own

    def solve(
        self,
        solver: Solver,
        objective: Objective,
        theta: Array,
        *,
        state: Any,
        rng: Generator,
        monitor: Monitor,
    ) -> Solution:
        """Let the solver begin or go on, and write what it offers."""
        if (kept := self.kept) is not None:
            monitor.restore(kept.monitor, objective.with_clock(no_clock).value)
            rng.bit_generator.state = kept.rng
            state = kept.paused
            if kept.solution is not None:
                self.has_ended = True
                return kept.solution

        def now(**part: Any) -> Kept:
            return Kept(self.first_rng, rng.bit_generator.state, monitor.state, **part)

        def keep(paused: Callable[[], Paused]) -> None:
            if self.schedule.is_due or monitor.is_out_of_time:
                self.schedule.write(lambda: now(paused=paused()))

        monitor.keeper = keep
        solution = solver.solve(objective, theta, state=state, rng=rng, monitor=monitor)
        reason = monitor.reason or solution.message
        self.has_ended = reason not in IS_NO_END
        if self.has_ended:
            self.schedule.write(lambda: now(solution=solution))
        return solution


def open_checkpoint(
    estimator: Any, earlier: Resume | None, *data: Any
) -> Checkpoint | None:
    """Open the checkpoint of a call of ``fit``, if it is to have one.

    Parameters
    ----------
    estimator : estimator
    earlier : Resume or None
        State that a warm start continues from.
    *data : Examples or None
        For training and for validation.
    """
    if estimator.checkpoint is None:
        return None
    name = fingerprint(estimator, earlier, data)
    path = Path(estimator.checkpoint, f"{type(estimator).__name__}-{name}.npz")
    header = {"format": FORMAT, "sk_effprop": __version__, "fingerprint": name}
    file = CheckpointFile(path, header, CLASSES)
    return Checkpoint(file, estimator.checkpoint_interval, estimator.resume)


def _read(file: CheckpointFile) -> Kept | None:
    try:
        kept = file.read()
        if kept is not None and not isinstance(kept, Kept):
            raise Unusable("it is damaged (there is no state of training in it)")
    except Unusable as reason:
        warn(
            f"The checkpoint {file.path} is of no use: {reason}. Training begins anew, "
            "and will replace it.",
            stacklevel=7,
        )
        return None
    return kept


def fingerprint(estimator: Any, earlier: Resume | None, data: tuple[Any, ...]) -> str:
    """Hash of the hyperparameters and the data of a call."""
    given = vars(hyperparameters_of(estimator))
    parts = {name: given[name] for name in given.keys() - WITHOUT_INFLUENCE}
    parts["class"] = type(estimator).__name__
    for number, examples in enumerate(data):
        if examples is not None:
            # rows of weight 0 count by their classes
            content = examples.X, examples.y, examples.weight, examples.all_y
            parts[f"data {number}"] = content
    if earlier is not None:
        parts["earlier"] = earlier, estimator.theta_
    return str(
        joblib.hash({name: _hash(estimator, name, parts[name]) for name in parts})
    )


def _hash(estimator: Any, name: str, value: Any) -> str:
    """Hash of one part; each has its own, as equal objects may be shared or not."""
    try:
        return str(joblib.hash(value))
    # what pickle raises depends on the object
    except Exception as error:
        rule = "something that can be pickled, if checkpoint is given"
        way_out = f"Define it in a module, not inside a function. ({error})"
        raise_invalid(estimator, name, rule, way_out)


def check_checkpoint(estimator: Any) -> None:
    """Raise for a checkpoint that is no folder, and for ``resume`` without any."""
    folder = estimator.checkpoint
    if folder is None:
        if estimator.resume:
            way_out = "Give checkpoint the folder of the files."
            raise_invalid(estimator, "resume", "False without checkpoint", way_out)
        return
    if not os.fspath(folder):
        raise_invalid(estimator, "checkpoint", "a folder or None", "'.' is this one.")
    if Path(folder).exists() and not Path(folder).is_dir():
        way_out = "There is a file of this name."
        raise_invalid(estimator, "checkpoint", "a folder or None", way_out)
