"""The records between hyperparameters and training: :class:`Problem`, :class:`Plan`.

A problem has the shapes of the data, a plan has a value for every hyperparameter that
may be "auto".  :func:`sk_effprop.estimators._auto.make_plan` makes the second from the
first::

    problem = Problem(n_samples=150, n_effective=150.0, n_different=147, ...)
    plan = make_plan(hyperparameters, problem, "lbfgs", alpha, can_compile)
    plan.batch_size    # 150, as a batch solver takes all examples at once
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.losses import Loss
from sk_effprop.estimators._parameters import Hyperparameters

# Mean square of a radial basis function, most of which are far from an example.  It is
# one for normalised inputs and for the recommended sigmoid.
RADIAL_POWER = 0.1


@dataclass(frozen=True, eq=False)
class Problem:
    """Task and shapes of one call of ``fit`` or ``partial_fit``.

    Attributes
    ----------
    n_samples : int
        Rows of the training data, without those that are held out.
    n_effective : float
        Number of examples they stand for, see ``_data.Counts``.
    n_different : int
        Rows that differ from each other.
    sizes : tuple of int
        Units of each layer, from the inputs to the outputs.
    loss : Loss
    target_range : (float, float) or None
        Targets of a classifier's output that is off, or on; None for regression.
    has_labels : bool
        Whether every example has exactly one class.
    n_seen : float or None
        Examples of a stream so far, this batch included; None in ``fit``.
    is_radial : bool
        Whether the last hidden layer consists of radial basis functions.
    nonlinearity : float
        Error of a linear model relative to the expected error of a network, see
        ``core.left_out``; at least 1.
    unexplained : float
        Share of the variance of the targets that a network will not explain.
    slope_powers : tuple of float
        Relative squared slope of each hidden layer, see ``core.strength``.
    """

    n_samples: int
    n_effective: float
    n_different: int
    sizes: tuple[int, ...]
    loss: Loss
    target_range: tuple[float, float] | None = None
    has_labels: bool = False
    n_seen: float | None = None
    is_radial: bool = False
    nonlinearity: float = 1.0
    unexplained: float = 1.0
    slope_powers: tuple[float, ...] = ()

    @property
    def is_stream(self) -> bool:
        """True if this is one batch of a stream, which gets a single epoch."""
        return self.n_seen is not None

    @property
    def input_powers(self) -> Array:
        """Power of each layer: the mean squared length of its inputs, about the fan-in.

        It counts by the slope of the units above, which need the larger weights, the
        smaller it is.
        """
        powers = np.array(self.sizes[:-1], dtype=float)
        powers[-1] *= RADIAL_POWER if self.is_radial else 1.0
        powers[: len(self.slope_powers)] *= self.slope_powers
        return powers


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything that training needs to know, without any "auto" left.

    Attributes
    ----------
    given : Hyperparameters
        As given; for those without an automatic value.
    solver, engine : str
    batch_size, full_batch : int
        Examples in an update, and those that the learning rate is meant for: a stream
        of single rows takes its share of a full step at each of them.
    max_iter : int
    alpha : ndarray of shape (n_layers - 1,)
        L2 strength of the weights of each layer.
    is_evidence : bool
        Whether training itself finds ``alpha``.
    learning_rate_init : float or None
        None to take it from the curvature.
    rate_share : float
        Share of the rate from the curvature that is used.
    learning_rate_scaling, schedule : str
        Keys of ``SCALINGS``, or "measured", and of ``SCHEDULES`` in ``core``.
    curvature_period : float or None
        Epochs between measurements; None to measure whenever the number of presented
        examples has doubled.
    order : str or bool
        Key of ``core.presentation.ORDERS``.
    averaging : bool
    tol : float
    patience : float
        Iterations without progress before training stops.
    max_time : float or None
    keep_last : bool
        Whether the last weights count as the best, as on a stream.
    has_fixed_length : bool
        Whether using up ``max_iter`` is planned, and no reason for a warning.
    """

    given: Hyperparameters
    solver: str
    engine: str
    batch_size: int
    full_batch: int
    max_iter: int
    alpha: Array
    is_evidence: bool
    learning_rate_init: float | None
    rate_share: float
    learning_rate_scaling: str
    schedule: str
    curvature_period: float | None
    order: str | bool
    averaging: bool
    tol: float
    patience: float
    max_time: float | None
    keep_last: bool
    has_fixed_length: bool

    @property
    def state_kind(self) -> str:
        """Kind of the solver's state; solvers of one kind can exchange states."""
        return f"{self.solver} by evidence" if self.is_evidence else self.solver

    @property
    def has_relative_tol(self) -> bool:
        """True if ``tol`` is a share of the loss, so that small losses fall further."""
        is_held_out = self.given.early_stopping is True
        return self.solver in ("lm", "sgd", "sdlm") and not is_held_out

    @property
    def fitted_attributes(self) -> dict[str, Any]:
        """Attributes of the fitted estimator."""
        return {
            "solver_": self.solver,
            "engine_": self.engine,
            "batch_size_": self.batch_size,
            "max_iter_": self.max_iter,
        }
