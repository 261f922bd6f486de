"""Resolution of every "auto" into a value, from hyperparameters and the data's shape.

All functions are pure and take plain values, so each can be replaced alone.
``make_plan`` asks each of them once; constructors read the resulting
:class:`~sk_effprop.estimators._plan.Plan`.  An example::

    choose_batch_size("auto", "lbfgs", 150)    # 150: batch solvers take all at once
    choose_batch_size("auto", "sgd", 150)      # 8
"""

from collections.abc import Callable
from itertools import pairwise
from math import ceil
from typing import Any, NamedTuple

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.losses import LogLoss, Loss, SquaredError
from sk_effprop.core.schedules import SCHEDULES
from sk_effprop.estimators._parameters import Hyperparameters
from sk_effprop.estimators._plan import Plan, Problem
from sk_effprop.solvers import BATCH

# solver="auto": up to this many examples a deterministic batch method takes less time,
# and repeated rows agree with sample weights to the last bit.
SMALL = 500
# From so many of them on, it gives way where so much of the variance of the targets is
# noise: it comes closer to the minimum of the objective, which fits some of the noise.
FEWEST_NOISY, NOISY = 200, 0.15
# The two that "auto" chooses between, see docs/choosing.md.
AUTO_STOCHASTIC, AUTO_BATCH, AUTO_SECOND_ORDER = "sgd", "lbfgs", "lm"
# solver="lm" takes batches of so many residuals, for so many epochs, where the whole
# system would have more rows than this.
LARGEST_SECOND_ORDER_SYSTEM, SECOND_ORDER_RESIDUALS = 2**14, 1024
SECOND_ORDER_EPOCHS, LARGEST_SECOND_ORDER_EXTENSION = 20, 5.0
# Rows, and numbers in a Jacobian, up to which the last one is chosen for regression.
FEW_FOR_SECOND_ORDER, MAX_JACOBIAN = 100, 10**6
# Batches of one cost several times as much per example in NumPy, and as many epochs
# with batches of 32 are less accurate.
SGD_BATCH = 8
# The numbers of MLPClassifier, so that adam is the baseline that users know.
ADAM_BATCH, ADAM_RATE, ADAM_EPOCHS = 200, 1e-3, 200
# engine="auto": a second fit of so many updates is faster with the compiled loops, and
# larger batches are as fast with BLAS.  A first fit also loads or compiles the loops;
# the choice depends on shapes alone, so that all fits of a search use the same engine.
WORTH_COMPILING, LARGEST_COMPILED_BATCH = 200, 64
# max_iter="auto": iterations of batch solvers; the least number of epochs, of presented
# examples and of updates that stochastic solvers need.  The number of updates decides
# where batches are large.  A function that a linear model does not explain needs more
# presented examples, in proportion to how many times larger that model's error is.
BATCH_ITERATIONS, LEAST_EPOCHS = 200, 30
LEAST_PRESENTED, LEAST_UPDATES, LARGEST_EXTENSION = 30_000, 300, 20.0
# L-BFGS comes closer to the minimum where less than this share of the variance of the
# targets is noise, in up to so many times as many iterations.
PRECISE_BELOW, LEAST_UNEXPLAINED, LARGEST_PRECISION = 0.03, 1e-4, 3.0
# A long training may go without progress for this share of it before it has stalled.
LEAST_PATIENCE = 0.1


def make_plan(
    given: Hyperparameters,
    problem: Problem,
    solver: str,
    alpha: Array,
    can_compile: Callable[[], bool],
) -> Plan:
    """Replace every "auto" by a value.

    Parameters
    ----------
    given : Hyperparameters
    problem : Problem
    solver : str
        Already chosen, as equal rows are merged for some solvers.
    alpha : ndarray of shape (n_layers - 1,)
        Already chosen, as it depends on the data.
    can_compile : callable
        Whether compiled loops are installed and know this problem.  It is asked only
        where they would be used, as importing them takes half a second.
    """
    is_stream, is_evidence = problem.is_stream, choose_evidence(given.alpha)
    length = _choose_length(given, problem, solver)
    batch_size = length.batch_size
    engine = choose_engine(given.engine, solver, batch_size, length.n_updates(problem))
    rate, period = given.learning_rate_init, given.curvature_period
    return Plan(
        given=given,
        solver=solver,
        engine=engine if engine == "numpy" or can_compile() else "numpy",
        batch_size=batch_size,
        full_batch=choose_full_batch(given.batch_size, solver, batch_size, is_stream),
        max_iter=length.max_iter,
        alpha=alpha,
        is_evidence=is_evidence,
        learning_rate_init=choose_rate(rate, solver),
        rate_share=_choose_rate_share(given, problem, length),
        learning_rate_scaling=choose_scaling(given.learning_rate_scaling, rate, solver),
        schedule=choose_schedule(given.learning_rate, solver, is_stream=is_stream),
        curvature_period=choose_period(period, rate, problem.loss),
        order=choose_order(given.shuffle, has_labels=problem.has_labels),
        averaging=given.averaging and not is_stream,
        tol=length.tol,
        patience=_choose_patience(given, solver, length, is_evidence=is_evidence),
        max_time=None if is_stream else given.max_time,
        keep_last=is_stream,
        has_fixed_length=is_stream or _has_fixed_length(given, problem, solver, length),
    )


class _Length(NamedTuple):
    """Batch size, iterations and tolerance, which depend on each other."""

    batch_size: int
    max_iter: int
    tol: float

    def n_updates(self, problem: Problem) -> float:
        """Expected number of updates; a stream lasts as long as it has so far."""
        n_presented = problem.n_seen or self.max_iter * problem.n_samples
        return n_presented / self.batch_size


def _choose_length(given: Hyperparameters, problem: Problem, solver: str) -> _Length:
    n_samples = problem.n_samples
    batch_size = choose_batch_size(given.batch_size, solver, n_samples)
    if solver == "lm" and given.batch_size == "auto":
        batch_size = choose_second_order_batch(problem)
    if problem.is_stream:
        return _Length(batch_size, max_iter=1, tol=0.0)
    precision = choose_precision(
        solver, problem.unexplained, is_held_out=given.early_stopping is True
    )
    max_iter = choose_max_iter(
        given.max_iter, solver, n_samples, batch_size,
        nonlinearity=problem.nonlinearity, precision=precision,
    )  # fmt: skip
    return _Length(batch_size, max_iter, given.tol / precision)


def _choose_rate_share(
    given: Hyperparameters, problem: Problem, length: _Length
) -> float:
    falls = SCHEDULES[given.learning_rate].has_an_end and length.max_iter > 1
    is_linear = len(problem.sizes) == 2
    return choose_rate_share(
        given.momentum, length.batch_size, falls=falls, is_linear=is_linear
    )


def _choose_patience(
    given: Hyperparameters, solver: str, length: _Length, *, is_evidence: bool
) -> float:
    is_planned = given.max_iter == "auto" and solver not in BATCH
    return choose_patience(
        length.tol,
        given.n_iter_no_change,
        length.max_iter if is_planned else 0,
        is_evidence=is_evidence,
    )


def _has_fixed_length(
    given: Hyperparameters, problem: Problem, solver: str, length: _Length
) -> bool:
    in_batches = solver not in BATCH or length.batch_size < problem.n_samples
    return has_fixed_length(given, solver, in_batches=in_batches)


# ------------------------------------------------------------------------------- solver


def choose_solver(
    solver: str, batch_size: Any, n_samples: int, n_weights: int | None = None
) -> str:
    """Choose a batch method for small data, unless mini-batches are asked for.

    Parameters
    ----------
    solver, batch_size : str, int or str
        The hyperparameters.
    n_samples : int
        Different rows.
    n_weights : int, optional
        Weights of a network for regression with squared error.  If it is small,
        Levenberg-Marquardt is as fast as L-BFGS and comes closer to a minimum: without
        noise, its error on new examples is a third.
    """
    if solver != "auto":
        return solver
    wants_batches = not isinstance(batch_size, str) and batch_size < n_samples
    if wants_batches or n_samples > SMALL:
        return AUTO_STOCHASTIC
    if n_weights is None or n_samples > FEW_FOR_SECOND_ORDER:
        return AUTO_BATCH
    is_small = n_samples * n_weights <= MAX_JACOBIAN
    return AUTO_SECOND_ORDER if is_small else AUTO_BATCH


def gives_way_to_noise(solver: str, given: Hyperparameters, problem: Problem) -> bool:
    """Return whether a stochastic method takes the place of the batch one of "auto".

    Parameters
    ----------
    solver : str
        Choice of :func:`choose_solver`.
    given : Hyperparameters
    problem : Problem
    """
    # the curvature of other losses may grow by any factor away from the start
    has_default_loss = isinstance(problem.loss, SquaredError | LogLoss)
    is_open = may_be_noisy(given, solver, problem.n_different)
    return is_open and has_default_loss and problem.unexplained > NOISY


def may_be_noisy(given: Hyperparameters, solver: str, n_different: int) -> bool:
    """Return whether the noise of the targets decides about the solver."""
    is_automatic = given.solver == "auto" and solver == AUTO_BATCH
    # the first steps of a stochastic method leave the minimum that a warm start is at
    is_free = given.batch_size == "auto" and not given.warm_start
    return is_automatic and is_free and n_different >= FEWEST_NOISY


def choose_stream_solver(solver: str) -> str:
    """Solver of ``partial_fit``, which is always stochastic."""
    return AUTO_STOCHASTIC if solver == "auto" else solver


def choose_engine(engine: str, solver: str, batch_size: int, n_updates: float) -> str:
    """Choose "numba" where it is asked for, or where compiled loops save time."""
    if solver == "adam":
        # compiled loops do not know it
        return "numpy"
    if engine != "auto":
        return engine
    is_worth_it = n_updates >= WORTH_COMPILING and batch_size <= LARGEST_COMPILED_BATCH
    return "numba" if is_worth_it and solver not in BATCH else "numpy"


def asks_data(given: Hyperparameters, solver: str, n_different: int) -> bool:
    """Return whether any "auto" depends on the errors of left-out examples."""
    in_batches = solver == "lm" and not isinstance(given.batch_size, str)
    takes_epochs = solver not in BATCH or in_batches
    has_length = takes_epochs and isinstance(given.max_iter, str)
    wants_noise = may_be_noisy(given, solver, n_different)
    return isinstance(given.alpha, str) or has_length or wants_noise


def choose_precision(
    solver: str, unexplained: float, *, is_held_out: bool = False
) -> float:
    """Factor by which the tolerances of L-BFGS are tighter than usual; at least 1.

    A score on held-out data decides on its own when training has come far enough.
    """
    if solver != AUTO_BATCH or is_held_out:
        return 1.0
    return max(PRECISE_BELOW / max(unexplained, LEAST_UNEXPLAINED), 1.0)


def choose_max_iter(
    max_iter: int | str,
    solver: str,
    n_samples: int,
    batch_size: int,
    *,
    nonlinearity: float = 1.0,
    precision: float = 1.0,
) -> int:
    """Epochs of stochastic solvers, iterations of batch solvers."""
    if not isinstance(max_iter, str):
        return int(max_iter)
    if solver == "lm" and batch_size < n_samples:
        extension = min(nonlinearity, LARGEST_SECOND_ORDER_EXTENSION)
        return ceil(SECOND_ORDER_EPOCHS * extension)
    if solver in BATCH:
        return ceil(BATCH_ITERATIONS * min(precision, LARGEST_PRECISION))
    if solver == "adam":
        return ADAM_EPOCHS
    least = LEAST_PRESENTED * min(nonlinearity, LARGEST_EXTENSION)
    n_presented = max(least, LEAST_UPDATES * batch_size)
    return max(LEAST_EPOCHS, ceil(n_presented / n_samples))


def choose_batch_size(batch_size: int | str, solver: str, n_samples: int) -> int:
    """Examples in an update, at most ``n_samples``."""
    is_whole = solver in BATCH and (solver != "lm" or isinstance(batch_size, str))
    if is_whole or batch_size == "full":
        return n_samples
    if isinstance(batch_size, str):
        return min(ADAM_BATCH if solver == "adam" else SGD_BATCH, n_samples)
    return min(int(batch_size), n_samples)


def choose_second_order_batch(problem: Problem) -> int:
    """All examples if the smaller of the two systems fits into memory, else a part."""
    n_weights = sum((a + 1) * b for a, b in pairwise(problem.sizes))
    size = min(n_weights, problem.n_samples * problem.sizes[-1])
    if size <= LARGEST_SECOND_ORDER_SYSTEM:
        return problem.n_samples
    return max(1, SECOND_ORDER_RESIDUALS // problem.sizes[-1])


def choose_full_batch(
    given: int | str, solver: str, batch_size: int, is_stream: bool
) -> int:
    """Batch size that the rate is meant for: short batches of a stream are parts."""
    is_part = is_stream and given == "auto" and solver != "adam"
    return SGD_BATCH if is_part else batch_size


def choose_order(shuffle: bool | str, *, has_labels: bool) -> bool | str:
    """Interleave the classes where there are any (section 4.2)."""
    if shuffle != "auto":
        return shuffle
    return "interleave" if has_labels else True


# ------------------------------------------------------------------------ learning rate


def choose_rate(learning_rate_init: float | str, solver: str) -> float | None:
    """Return the given rate, adam's, or None for that of the curvature."""
    if not isinstance(learning_rate_init, str):
        return float(learning_rate_init)
    return ADAM_RATE if solver == "adam" else None


def choose_scaling(scaling: str, learning_rate_init: float | str, solver: str) -> str:
    """Measure the curvature of each layer for an automatic rate; keep a given one.

    adam's steps do not grow with the gradients, so no layer needs smaller ones.
    """
    if solver == "adam":
        return "none"
    if scaling != "auto":
        return scaling
    return "measured" if learning_rate_init == "auto" else "none"


def choose_schedule(learning_rate: str, solver: str, *, is_stream: bool) -> str:
    """Keep the rate constant for adam, as MLPClassifier does, and without an end.

    A stream has no last epoch by which the rate could fall to zero.
    """
    is_endless = is_stream and SCHEDULES[learning_rate].has_an_end
    return "constant" if solver == "adam" or is_endless else learning_rate


def choose_rate_share(
    momentum: float, batch_size: int, *, falls: bool, is_linear: bool
) -> float:
    """Share of the rate from the curvature that momentum leaves.

    A gradient moves the weights by ``1 / (1 - momentum)`` of its step in the end.
    Gradient descent with momentum is stable up to ``1 + momentum`` times the rate of
    plain descent.  That is too noisy for good, but not for a rate that falls to zero.
    Single examples stay too noisy for it: their differences set a bound that does not
    grow with momentum.  A linear model has nothing to gain from a larger rate, as its
    curvature is the same everywhere.
    """
    # the steps of a constant gradient add up to a geometric series
    share = 1.0 - float(momentum)
    if not falls or is_linear:
        return share
    mean = min(1.0, (batch_size - 1) / (SGD_BATCH - 1))
    return share * (1.0 + mean * momentum)


def choose_period(
    period: float | str, learning_rate_init: float | str, loss: Loss
) -> float | None:
    """Epochs between measurements of the curvature, or None for every doubling.

    The curvature of log loss vanishes as the network grows confident, so rates that
    followed it would grow beyond bounds; a given rate is not measured at all.
    """
    if not isinstance(period, str):
        return period
    follows = not isinstance(loss, LogLoss) and learning_rate_init == "auto"
    return None if follows else np.inf


# ----------------------------------------------------------------------------- stopping


def choose_patience(
    tol: float, n_iter_no_change: float, n_planned: int, *, is_evidence: bool
) -> float:
    """Iterations without progress; rounds of evidence have a stopping rule inside."""
    is_endless = tol == 0 or is_evidence
    return np.inf if is_endless else max(n_iter_no_change, LEAST_PATIENCE * n_planned)


def has_fixed_length(given: Hyperparameters, solver: str, *, in_batches: bool) -> bool:
    """True if using up ``max_iter`` is planned, and so is no reason for a warning."""
    if given.tol == 0:
        return True
    if solver == "adam":
        return False
    # with n_iter_no_change=inf only max_iter ends training, and MLPClassifier warns
    ends = SCHEDULES[given.learning_rate].has_an_end and given.n_iter_no_change < np.inf
    return given.max_iter == "auto" or (in_batches and ends)


def choose_evidence(alpha: float | str) -> bool:
    """True if the evidence decides on the penalty."""
    return isinstance(alpha, str) and alpha == "evidence"
