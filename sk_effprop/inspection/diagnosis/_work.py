"""Work of refits, which decides how many rows, splits and iterations they have."""

from bisect import bisect_right
from typing import Any

from sk_effprop.estimators._auto import BATCH_ITERATIONS
from sk_effprop.inspection.diagnosis._subject import Subject

# Rows that are used at most, and even for a large network.
MAX_ROWS, FEWEST_ROWS = 2000, 200
# Multiplications of the refits for one change.
MAX_WORK = 2e9
# The matrix products and factors of Levenberg-Marquardt take so much less time for each
# multiplication.  It makes at least so many iterations in a refit.
MATRIX_SHARE, FEWEST_ITERATIONS = 0.25, 25


def affordable_rows(subject: Subject) -> int:
    """Rows, at most MAX_ROWS, on which a refit needs no more than MAX_WORK."""
    numbers = range(FEWEST_ROWS, MAX_ROWS)
    n_less = bisect_right(numbers, MAX_WORK, key=lambda n: work_of(subject, n))
    return FEWEST_ROWS + n_less


def work_of(subject: Subject, n_rows: int) -> float:
    """Multiplications of a refit, as many as its iterations take."""
    n_iterations = max(subject.estimator.max_iter_, 1)
    if subject.estimator.solver_ == "lm":
        # refits may make more of them
        n_iterations = max(n_iterations, BATCH_ITERATIONS)
    return n_iterations * work_of_iteration(subject, n_rows)


def work_of_iteration(subject: Subject, n_rows: int) -> float:
    """Multiplications of an epoch: three for each weight and row, except for "lm"."""
    n_weights = len(subject.start)
    if subject.estimator.solver_ != "lm":
        return 3.0 * n_weights * n_rows
    n_all, sizes = len(subject.examples), subject.run.objective.network.sizes
    batch = n_rows
    if subject.estimator.batch_size_ < n_all:
        batch = min(subject.estimator.batch_size_, n_rows)
    n_residuals = float(batch * sizes[-1])
    system = min(n_residuals, n_weights)
    # the smaller system, its matrix and its Cholesky factor; the kernel of the
    # residuals is made of the products of the layers' signals
    is_dual = n_residuals < n_weights
    per_entry = sum(sizes) if is_dual else n_residuals
    return MATRIX_SHARE * (n_rows / batch) * system**2 * (per_entry + system / 3.0)


def affordable_iterations(subject: Subject, n_rows: int, max_iter: Any) -> Any:
    """Largest ``max_iter`` that a refit with Levenberg-Marquardt can afford."""
    work = work_of_iteration(subject, n_rows)
    most = max(FEWEST_ITERATIONS, int(MAX_WORK / work))
    if isinstance(max_iter, str):
        return max_iter if most >= BATCH_ITERATIONS else most
    return min(max_iter, most)
